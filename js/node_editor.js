/**
 * NodeEditor: one node's editor. It shows the clip that lies upstream in the graph, what a run gave, and puts files of
 * the person's own into the graph.
 */

import { borrow, fileKey, giveBack, openFile, openRun } from "./clip/open_clips.js";
import { pictureOf } from "./clip/pictures.js";
import { Editor } from "./editor.js";
import { forerunnerOf, takePlace } from "./graph/forerunner.js";
import { clipLoader, editedFrameLoader } from "./graph/own_files.js";
import { executionIdOf, runPart } from "./graph/partial_run.js";
import { inputNamed, originOf, upstreamOf } from "./graph/upstream.js";
import { messageOf } from "./ui/status.js";

/** @typedef {import("./clip/frames.js").Clip} Clip */
/** @typedef {import("./graph/upstream.js").Upstream} Upstream */

/** ComfyUI's page: its graph, its server, and where this pack's files lie. @typedef {{app: any, api: any, packUrl: URL}} Comfy */

const VIDEO_NAME = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|m?ts|m2ts|wmv|flv|ogv|3gp|mxf)$/i; // where the system names no type
const PICTURE_NAME = /\.(png|jpe?g|webp|gif|bmp|avif|tiff?)$/i;
const TRACKS = 2; // output of the editor's node
const SAME_SHAPE = 0.02; // of the ratio of the sides: sizes are rounded to what a model takes

/** @type {WeakSet<object>} widgets that say when they change */
const followed = new WeakSet();
const settings = new EventTarget();

export class NodeEditor {
    #shown = ""; // key of the clip on the screen
    /** @type {Promise<void>} */
    #opening = Promise.resolve();
    #missing = ""; // address of the file that was not there
    #edited = "";
    /** @type {{source: string, output: any} | null} what the last run gave */
    #run = null;
    #configured = false;

    /** @param {any} node @param {Comfy} comfy */
    constructor(node, comfy) {
        this.node = node;
        this.comfy = comfy;
        this.refresh = this.refresh.bind(this);
        this.editor = new Editor({
            changed: () => this.#changed(),
            opened: (files) => this.#open(files),
            resized: this.refresh,
            showFrames: () => this.#showFrames(),
        });
        this.editor.element.addEventListener("pointerenter", this.refresh);
        // LiteGraph hears no wheel over an element; Nodes 2.0 does.
        this.editor.element.addEventListener("wheel", (event) => {
            if (!event.defaultPrevented && !/** @type {any} */ (window).LiteGraph.vueNodesMode) comfy.app.canvas.processMouseWheel(event);
        });
        comfy.api.addEventListener("graphChanged", this.refresh);
        settings.addEventListener("change", this.#reopen);
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

    #changed() {
        this.node.graph?.setDirtyCanvas?.(true, true);
        const tracker = this.comfy.app.extensionManager?.workflow?.activeWorkflow?.changeTracker;
        (tracker?.captureCanvasState ?? tracker?.checkState)?.call(tracker);
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
        this.comfy.api.removeEventListener("graphChanged", this.refresh);
        settings.removeEventListener("change", this.#reopen);
        this.#leave();
        this.editor.destroy();
    }

    // --- Its clip ------------------------------------------------------------------------------

    /** Where ComfyUI serves a file. @type {(file: {filename: string, subfolder?: string, type?: string}) => string} */
    #viewUrl = ({ filename, subfolder = "", type = "temp" }) => {
        if (type === "pack") return new URL(`${encodeURIComponent(subfolder)}/${encodeURIComponent(filename)}`, this.comfy.packUrl).href;
        return this.comfy.api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
    };

    /** Shows what the graph feeds in now. */
    refresh() {
        if (!this.node.graph) return;
        const upstream = upstreamOf(this.node, "frames");
        const run = this.#run?.source === fileKey(upstream) ? this.#run.output : null;
        if (run) this.#opening = this.#show(`run ${JSON.stringify(run.revideo_frames)}`, (signal) => openRun(run.revideo_frames.map(this.#viewUrl), run.revideo_info[0], upstream, signal), true);
        else if (upstream) this.#opening = this.#show(fileKey(upstream), (signal) => openFile(this.#viewUrl(upstream.file), upstream, signal), upstream.exact, upstream);
        else {
            this.#leave();
            this.editor.show(null, "", this.#hasFrames("frames") ? "unseen" : "none");
        }
        for (const node of upstream?.nodes ?? []) for (const widget of node.widgets ?? []) follow(widget);
        if (this.#missing) this.#lookAgain();
        this.#refreshEdited();
    }

    /** Settings have changed, or a file has come under the name of another. */
    #reopen = () => {
        if (this.#missing) this.#leave();
        this.refresh();
    };

    /** A missing file may have come, though nobody told. */
    async #lookAgain() {
        const url = this.#missing;
        const answer = await fetch(url, { method: "HEAD" }).catch(() => null);
        if (answer?.ok && this.#missing === url) this.#reopen();
    }

    /** @type {(key: string, open: (signal: AbortSignal) => Promise<Clip>, exact: boolean, upstream?: Upstream | null) => Promise<void>} */
    async #show(key, open, exact, upstream = null) {
        if (key === this.#shown) return this.#opening;
        this.#leave();
        this.#shown = key;
        const name = upstream?.name ?? "The frames";
        this.editor.show(null, `Opening ${name} …`);
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
            const { remark } = clip.reader;
            const unknown = exact ? "" : "A node between the file and here is not understood: run the graph to see its frames.";
            this.editor.show(clip, remark ? `${name}: ${remark}. Run the graph to see its frames.` : unknown);
        } catch (error) {
            if (this.#shown !== key) return;
            const { missing = false } = /** @type {{missing?: boolean}} */ (error);
            if (missing && upstream) this.#missing = this.#viewUrl(upstream.file);
            this.editor.show(null, `${name}: ${messageOf(error)}.${missing ? "" : " Run the graph to see its frames."}`, missing ? "none" : "unseen");
        }
    }

    /** Lets go of the clip that is shown. */
    #leave() {
        this.#missing = "";
        if (!this.#shown) return;
        this.editor.backdrop.clip?.watchers.delete(this.#redraw);
        giveBack(this.#shown);
        this.#shown = "";
    }

    #redraw = () => this.editor.redraw();

    /** @type {(input: string) => boolean} */
    #hasFrames(input) {
        return originOf(this.node, inputNamed(this.node, input)) !== null;
    }

    async #refreshEdited() {
        const upstream = upstreamOf(this.node, "edited_frame");
        const [ran] = this.#hasFrames("edited_frame") ? (this.#run?.output.revideo_edited ?? []) : [];
        const url = upstream?.kind === "picture" ? this.#viewUrl(upstream.file) : ran ? this.#viewUrl(ran) : "";
        for (const node of upstream?.nodes ?? []) for (const widget of node.widgets ?? []) follow(widget);
        if (url === this.#edited) return;
        this.#edited = url;
        if (!url) return this.editor.showEdited(null);
        try {
            const picture = await pictureOf(url, new AbortController().signal);
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

    /** Runs this node and what feeds it, and nothing else. */
    async #showFrames() {
        this.editor.say("Running what feeds the frames …");
        try {
            await runPart(this.comfy, { class_type: "PreviewAny", inputs: { source: [executionIdOf(this.node), TRACKS] } });
            this.editor.say("");
        } catch (error) {
            this.editor.message.show(`The frames were not shown: ${messageOf(error)}`);
        }
    }

    // --- Files of the person's own ---------------------------------------------------------------

    /** A clip, a picture, or one of each. @type {(files: File[]) => Promise<void>} */
    async #open(files) {
        const { message } = this.editor;
        const [video, picture] = [files.find((file) => kindOf(file) === "video"), files.find((file) => kindOf(file) === "picture")];
        const strange = files.find((file) => !kindOf(file));
        if (strange) message.show(`${strange.name} is neither a video nor a picture, nor a drawing (.json).`);
        else if (files.length > Number(!!video) + Number(!!picture)) message.show("One clip and one picture at a time: the first of each was taken.");
        if (video) await this.#put(video, true, clipLoader);
        if (!picture) return;
        if (!upstreamOf(this.node, "frames")) return this.#put(picture, false, clipLoader);
        await this.#opening;
        const { clip } = this.editor.backdrop;
        if (video || (clip && (await hasShapeOf(clip, picture)))) return this.#put(picture, false, editedFrameLoader);
        message.show(`${picture.name} has another shape than the clip. What shall it be?`, [
            { text: "The edited first frame", act: () => this.#put(picture, false, editedFrameLoader) },
            { text: "The clip", act: () => this.#put(picture, false, clipLoader) },
        ]);
    }

    /** Uploads a file and sets it on the loader that it belongs to. @type {(file: File, isVideo: boolean, loaderOf: (node: any, isVideo: any, create: any) => import("./graph/own_files.js").Loader) => Promise<void>} */
    async #put(file, isVideo, loaderOf) {
        this.editor.say(`Uploading ${file.name} …`);
        try {
            const body = new FormData();
            body.append("image", file);
            const answer = await this.comfy.api.fetchApi("/upload/image", { method: "POST", body });
            if (!answer.ok) throw new Error(`ComfyUI refused the file (${answer.status} ${answer.statusText})`);
            const { name, subfolder } = await answer.json();
            const create = (/** @type {string} */ type) => /** @type {any} */ (window).LiteGraph.createNode(type);
            const { loader, widget } = loaderOf === clipLoader ? clipLoader(this.node, isVideo, create) : editedFrameLoader(this.node, create);
            choose(loader, widget, subfolder ? `${subfolder}/${name}` : name);
            this.editor.say("");
            this.#changed();
            this.#reopen();
        } catch (error) {
            this.editor.message.show(`${file.name} was not loaded: ${messageOf(error)}`);
        }
    }
}

/** Whether a picture is of the shape of a clip's file, or of its prepared frames. @type {(clip: Clip, file: File) => Promise<boolean>} */
async function hasShapeOf({ reader, prepared }, file) {
    const picture = await createImageBitmap(file).catch(() => null);
    if (!picture) return false;
    const ratio = picture.width / picture.height;
    picture.close();
    return [reader.source, prepared].some(({ width, height }) => Math.abs(ratio / (width / height) - 1) < SAME_SHAPE);
}

/** Sets a loader's file. @type {(loader: any, name: string, value: string) => void} */
function choose(loader, name, value) {
    const widget = loader.widgets?.find((/** @type {any} */ one) => one.name === name);
    if (Array.isArray(widget.options?.values) && !widget.options.values.includes(value)) widget.options.values.push(value);
    widget.value = value;
    widget.callback?.(value);
}

/** Has a widget say when it changes: an upload into a loader is seen at once. @type {(widget: any) => void} */
function follow(widget) {
    if (followed.has(widget)) return;
    followed.add(widget);
    const { callback } = widget;
    widget.callback = function (/** @type {any[]} */ ...values) {
        const answer = callback?.apply(this, values);
        queueMicrotask(() => settings.dispatchEvent(new Event("change"))); // when it has its value
        return answer;
    };
}

/** @type {(file: File) => "video" | "picture" | null} */
function kindOf({ type, name }) {
    if (type.startsWith("video/") || (!type.startsWith("image/") && VIDEO_NAME.test(name))) return "video";
    return type.startsWith("image/") || PICTURE_NAME.test(name) ? "picture" : null;
}
