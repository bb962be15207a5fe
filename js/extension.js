/**
 * ComfyUI's door to the editor, and the only file that has effects of its own: it makes the
 * widget, and shows in it the clip that lies upstream in the graph.
 */

// @ts-ignore ComfyUI serves these two
import { app } from "../../scripts/app.js";
// @ts-ignore
import { api } from "../../scripts/api.js";
import { borrow, fileKey, giveBack, openFile, openRun } from "./clip/open_clips.js";
import { loaderFor } from "./clip/own_files.js";
import { inputNamed, originOf, upstreamOf } from "./clip/upstream.js";
import { Editor } from "./editor.js";
import { forerunnerOf, takePlace } from "./forerunner.js";
import { messageOf } from "./ui/status.js";

/** @typedef {import("./clip/frames.js").Clip} Clip */
/** @typedef {import("./clip/upstream.js").Upstream} Upstream */

const NODE = "ReVideoEditor";
const WIDGET = "REVIDEO_EDITOR";
const SIZE = [820, 700]; // of a new node
const MIN_HEIGHT = 470; // of the widget: the least at which all of it is of use
const MIN_WIDTH = 360; // of the node
const NO_CLIP = "Connect frames, or drop a video here.";

/** Where ComfyUI serves a file. @type {(file: {filename: string, subfolder?: string, type?: string}) => string} */
function viewUrl({ filename, subfolder = "", type = "temp" }) {
    if (type === "pack") return new URL(`./${encodeURIComponent(subfolder)}/${encodeURIComponent(filename)}`, import.meta.url).href;
    return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

// --- One node's editor -----------------------------------------------------------------------------

class NodeEditor {
    #shown = ""; // key of the clip on the screen
    #edited = "";
    /** @type {{source: string, output: any} | null} what the last run gave */
    #run = null;
    #configured = false;

    /** @param {any} node */
    constructor(node) {
        this.node = node;
        this.editor = new Editor({
            changed: () => {
                node.graph?.setDirtyCanvas?.(true, true);
                const tracker = app.extensionManager?.workflow?.activeWorkflow?.changeTracker;
                (tracker?.captureCanvasState ?? tracker?.checkState)?.call(tracker);
            },
            dropped: (files) => this.#upload(files),
        });
        this.refresh = this.refresh.bind(this);
        this.editor.element.addEventListener("pointerenter", this.refresh);
        // LiteGraph hears no wheel over an element; Nodes 2.0 does.
        this.editor.element.addEventListener("wheel", (event) => {
            if (!event.defaultPrevented && !/** @type {any} */ (window).LiteGraph.vueNodesMode) app.canvas.processMouseWheel(event);
        });
        api.addEventListener("graphChanged", this.refresh);
        this.#follow("onConnectionsChange", this.refresh);
        this.#follow("onAdded", () => queueMicrotask(() => this.#added()));
        this.#follow("onConfigure", () => this.#restore());
        this.#follow("onExecuted", (output) => this.#executed(output));
        this.#follow("onRemoved", () => this.#removed());
    }

    /** @type {(name: string, act: (...values: any[]) => void) => void} */
    #follow(name, act) {
        const before = this.node[name];
        this.node[name] = function (/** @type {any[]} */ ...values) {
            const answer = before?.apply(this, values);
            act(...values);
            return answer;
        };
    }

    /** A node that no file describes gets a session of its own, even if its id was another's before. */
    #added() {
        if (!this.node.graph || this.#configured) return;
        takePlace(this.node, this.editor);
        this.refresh();
    }

    /** A node that a file or the graph's undo built takes up where its forerunner was. */
    #restore() {
        if (!this.node.graph) return; // a copy that has no place yet
        this.#configured = true;
        const { value } = this.editor;
        const known = forerunnerOf(this.node, value);
        if (known && known !== this.editor.session) {
            this.editor.attach(known);
            this.editor.value = value;
        }
        takePlace(this.node, this.editor);
        queueMicrotask(this.refresh); // all nodes and links are there by then
    }

    #removed() {
        api.removeEventListener("graphChanged", this.refresh);
        this.#leave();
        this.editor.destroy();
    }

    // --- Its clip ------------------------------------------------------------------------------

    /** Shows what the graph feeds in now. */
    refresh() {
        if (!this.node.graph) return;
        const upstream = upstreamOf(this.node, "frames");
        const run = this.#run?.source === fileKey(upstream) ? this.#run.output : null;
        if (run) this.#show(`run ${JSON.stringify(run.revideo_frames)}`, (signal) => openRun(run.revideo_frames.map(viewUrl), run.revideo_info[0], upstream, signal), true);
        else if (upstream) this.#show(fileKey(upstream), (signal) => openFile(viewUrl(upstream.file), upstream, signal), upstream.exact, upstream);
        else this.#show("", null, true, null);
        this.#refreshEdited();
    }

    /** @type {(key: string, open: ((signal: AbortSignal) => Promise<Clip>) | null, exact: boolean, upstream?: Upstream | null) => Promise<void>} */
    async #show(key, open, exact, upstream = null) {
        if (key === this.#shown) return;
        this.#leave();
        this.#shown = key;
        if (!open) return this.editor.show(null, this.#hasFrames() ? "The frames show up when the graph has run." : NO_CLIP);
        this.editor.show(null, `Opening ${upstream?.name ?? "the frames"} …`);
        try {
            const clip = await borrow(key, open);
            if (this.#shown !== key) return;
            clip.watchers.add(this.#redraw);
            const { width, height, picked } = clip.prepared;
            const { doc } = this.editor;
            // A file's length is known to a frame at best; what a run gave, exactly.
            const sure = upstream === null || upstream.steps.some((step) => step.kind === "pick" && step.count === picked.length);
            const frames = !sure && Math.abs(picked.length - doc.frames) <= 1 ? doc.frames : picked.length;
            this.editor.conform({ width, height, frames });
            this.editor.show(clip, exact ? "" : "A node between the file and here is not understood: run the graph to see its frames.");
        } catch (error) {
            if (this.#shown === key) this.editor.show(null, `${upstream?.name ?? "The frames"}: ${messageOf(error)}. Run the graph to see its frames.`);
        }
    }

    /** Lets go of the clip that is shown. */
    #leave() {
        if (!this.#shown) return;
        this.editor.backdrop.clip?.watchers.delete(this.#redraw);
        giveBack(this.#shown);
        this.#shown = "";
    }

    #redraw = () => this.editor.redraw();

    #hasFrames() {
        return originOf(this.node, inputNamed(this.node, "frames")) !== null;
    }

    async #refreshEdited() {
        const upstream = upstreamOf(this.node, "edited_frame");
        const connected = originOf(this.node, inputNamed(this.node, "edited_frame")) !== null;
        const [ran] = connected ? (this.#run?.output.revideo_edited ?? []) : [];
        const url = upstream?.kind === "picture" ? viewUrl(upstream.file) : ran ? viewUrl(ran) : "";
        if (url === this.#edited) return;
        this.#edited = url;
        if (!url) return this.editor.showEdited(null);
        try {
            const answer = await fetch(url);
            const picture = answer.ok ? await createImageBitmap(await answer.blob()) : null;
            if (this.#edited === url) this.editor.showEdited(picture);
        } catch {
            if (this.#edited === url) this.editor.showEdited(null); // not there yet: it is optional
        }
    }

    /** @type {(output: any) => void} */
    #executed(output) {
        if (!output?.revideo_frames?.length) return;
        this.#run = { source: fileKey(upstreamOf(this.node, "frames")), output };
        this.refresh();
    }

    // --- Files dropped on it -------------------------------------------------------------------

    /** @type {(files: File[]) => Promise<void>} */
    async #upload([file]) {
        if (!/^(video|image)\//.test(file.type)) return this.editor.message.show(`${file.name} is neither a video nor a picture, nor a drawing (.json).`);
        this.editor.say(`Uploading ${file.name} …`);
        try {
            const body = new FormData();
            body.append("image", file);
            const answer = await api.fetchApi("/upload/image", { method: "POST", body });
            if (!answer.ok) throw new Error(`ComfyUI refused the file (${answer.status} ${answer.statusText})`);
            const { name, subfolder } = await answer.json();
            this.#load(subfolder ? `${subfolder}/${name}` : name, file.type.startsWith("video/"));
            this.editor.say("");
        } catch (error) {
            this.editor.message.show(`${file.name} was not loaded: ${messageOf(error)}`);
        }
    }

    /** Sets the file on the loader that it belongs to. @type {(value: string, isVideo: boolean) => void} */
    #load(value, isVideo) {
        const { loader, widget: name } = loaderFor(this.node, isVideo, (type) => /** @type {any} */ (window).LiteGraph.createNode(type));
        const widget = loader.widgets?.find((/** @type {any} */ one) => one.name === name);
        if (Array.isArray(widget.options?.values) && !widget.options.values.includes(value)) widget.options.values.push(value);
        widget.value = value;
        widget.callback?.(value);
        this.editor.host.changed(this.editor.value);
        this.refresh();
    }
}

// --- The extension ---------------------------------------------------------------------------------

const style = document.createElement("link");
style.rel = "stylesheet";
style.href = new URL("./editor.css", import.meta.url).href;
document.head.append(style);

// Two fingers on a drawing zoom it; the graph, which listens above us while events come down, would zoom too.
for (const name of ["touchstart", "touchmove", "touchend", "touchcancel"])
    window.addEventListener(
        name,
        (event) => {
            if (event.target instanceof Element && event.target.closest(".rve-stage")) event.stopPropagation();
        },
        { capture: true, passive: true },
    );

app.registerExtension({
    name: "ReVideo.Editor",
    getCustomWidgets: () => ({
        [WIDGET](/** @type {any} */ node, /** @type {string} */ name) {
            const { editor } = new NodeEditor(node);
            const widget = node.addDOMWidget(name, WIDGET.toLowerCase(), editor.element, {
                getValue: () => editor.value,
                setValue: (/** @type {any} */ value) => (editor.value = typeof value === "string" ? value : ""),
                getMinHeight: () => MIN_HEIGHT,
                hideOnZoom: false,
            });
            return { widget };
        },
    }),
    nodeCreated(/** @type {any} */ node) {
        if (node.comfyClass !== NODE) return;
        const { computeSize } = node; // what LiteGraph lets nobody go below; in Nodes 2.0 our styles do
        node.computeSize = (/** @type {any[]} */ ...given) => {
            const size = computeSize.apply(node, given);
            size[0] = Math.max(size[0], MIN_WIDTH);
            return size;
        };
        node.setSize([Math.max(node.size[0], SIZE[0]), Math.max(node.size[1], SIZE[1])]);
    },
});
