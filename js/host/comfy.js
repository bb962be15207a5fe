/** Comfy: what ComfyUI's page does for an editor: files served and taken, nodes made, changes noticed. */

import { t } from "../locale.js";

/** @typedef {import("../graph/upstream.js").File} File */

const PICTURE_FRAMES = 300; // waited for a picture that was just set

export class Comfy {
    /** @param {any} app @param {any} api  the page's @param {URL} packUrl  where this pack's files lie */
    constructor(app, api, packUrl) {
        this.app = app;
        this.api = api;
        this.packUrl = packUrl;
    }

    /** Where a file is served. @type {(file: {filename: string, subfolder?: string, type?: string}) => string} */
    viewUrl({ filename, subfolder = "", type = "temp" }) {
        if (type === "pack") return new URL(`${encodeURIComponent(subfolder)}/${encodeURIComponent(filename)}`, this.packUrl).href;
        return this.api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
    }

    /** Whether it is there. @type {(file: File) => Promise<boolean>} */
    async has(file) {
        const answer = await fetch(this.viewUrl(file), { method: "HEAD" }).catch(() => null);
        return answer?.ok ?? false;
    }

    /** Puts a file into ComfyUI's input folder; resolves with its name there, as loaders write it. @type {(file: globalThis.File) => Promise<string>} */
    async upload(file) {
        const body = new FormData();
        body.append("image", file);
        const answer = await this.api.fetchApi("/upload/image", { method: "POST", body });
        if (!answer.ok) throw new Error(t`ComfyUI refused the file (${answer.status} ${answer.statusText})`);
        const { name, subfolder } = await answer.json();
        return subfolder ? `${subfolder}/${name}` : name;
    }

    /** A node that is in no graph yet. @type {(type: string) => any} */
    create = (type) => /** @type {any} */ (window).LiteGraph.createNode(type);

    /** Opens ComfyUI's mask editor on the picture of a loader, once that is there. @type {(loader: any) => Promise<void>} */
    async openMaskEditor(loader) {
        const { canvas, extensionManager } = this.app;
        for (let frames = 0; frames < PICTURE_FRAMES && !loader.imgs?.length; frames += 1) await new Promise(requestAnimationFrame);
        canvas.deselectAll();
        canvas.select(loader);
        await extensionManager.command.execute("Comfy.MaskEditor.OpenMaskEditor");
    }

    /** Has App mode show the inputs that the graph names now: it reads them when a graph has been built. */
    renewApp() {
        this.app.rootGraph?.events?.dispatch("configured");
    }

    /** A step of the graph's own undo. @type {(node: any) => void} */
    changed(node) {
        node.graph?.setDirtyCanvas?.(true, true);
        const tracker = this.app.extensionManager?.workflow?.activeWorkflow?.changeTracker;
        (tracker?.captureCanvasState ?? tracker?.checkState)?.call(tracker);
    }
}

/** @type {WeakSet<object>} widgets that say when they change */
const followed = new WeakSet();

/** Says `change` when a setting of a followed node is another: an upload into a loader is seen at once. */
export const settings = new EventTarget();

/** Has the widgets of nodes say when they change. @type {(nodes: any[]) => void} */
export function followSettings(nodes) {
    for (const widget of nodes.flatMap((node) => node.widgets ?? [])) {
        if (followed.has(widget)) continue;
        followed.add(widget);
        followValue(widget);
        const { callback } = widget;
        widget.callback = function (/** @type {any[]} */ ...values) {
            const answer = callback?.apply(this, values);
            queueMicrotask(() => settings.dispatchEvent(new Event("change"))); // when it has its value
            return answer;
        };
    }
}

/** Has a widget say when its value is set too: ComfyUI's mask editor sets it, and tells nobody. @type {(widget: any) => void} */
function followValue(widget) {
    let owner = widget;
    while (owner && !Object.hasOwn(owner, "value")) owner = Object.getPrototypeOf(owner);
    const own = owner && Object.getOwnPropertyDescriptor(owner, "value");
    if (!own || (owner === widget && !own.configurable)) return;
    let { value } = own;
    Object.defineProperty(widget, "value", {
        configurable: true,
        enumerable: own.enumerable,
        get: () => (own.get ? own.get.call(widget) : value),
        set(next) {
            if (own.set) own.set.call(widget, next);
            else value = next;
            queueMicrotask(() => settings.dispatchEvent(new Event("change")));
        },
    });
}
