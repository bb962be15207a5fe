/**
 * NodeEditor: the editor of one node, through all that the graph does with it: it shows the clip that lies upstream,
 * and the frames that a run really gave it.
 */

import { messageOf } from "../dom.js";
import { borrow, fileKey, giveBack, openFile, openRun } from "../clip/open_clips.js";
import { pictureOf, pngOf } from "../clip/pictures.js";
import { Editor } from "../editor.js";
import { forerunnerOf, takePlace } from "../graph/forerunner.js";
import { inputNamed, originOf, upstreamOf } from "../graph/upstream.js";
import { t } from "../locale.js";
import { download } from "../overlays/import_export.js";
import { followSettings, settings } from "./comfy.js";
import { NodeFiles } from "./node_files.js";
import { NodeMask, settingsOf } from "./node_mask.js";
import { NodeResults } from "./node_results.js";
import { NodeRuns } from "./node_runs.js";

/** @typedef {import("../clip/frames.js").Clip} Clip */
/** @typedef {import("../graph/upstream.js").Upstream} Upstream */
/** @typedef {import("./comfy.js").Comfy} Comfy */

export class NodeEditor {
    #shown = ""; // key of the clip on the screen
    /** @type {Promise<void>} */
    #opening = Promise.resolve();
    /** @type {import("../graph/upstream.js").File | null} the one that was not there */
    #missing = null;
    #edited = "";
    /** @type {{source: string, edited: string, output: any} | null} what the last run gave, and of what */
    #run = null;
    #configured = false;

    /** @param {any} node @param {Comfy} comfy */
    constructor(node, comfy) {
        this.node = node;
        this.comfy = comfy;
        this.refresh = this.refresh.bind(this);
        this.editor = new Editor({
            changed: () => comfy.changed(node),
            opened: (files) => this.files.open(files),
            resized: this.refresh,
            showFrames: () => this.runs.showFrames(),
            track: (places, frame) => this.runs.track(places, frame),
            saveFrame: (frame) => this.#saveFrame(frame),
            paintFrame: () => this.#paintFrame(),
            chooseFrame: (picture) => this.files.choose(picture),
            removeFrame: () => this.files.removeEditedFrame(),
            openResult: (index) => this.results.open(index),
        });
        this.editor.element.addEventListener("pointerenter", this.refresh);
        // LiteGraph hears no wheel over an element; Nodes 2.0 does.
        this.editor.element.addEventListener("wheel", (event) => {
            if (!event.defaultPrevented && !this.editor.fillsWindow && !/** @type {any} */ (window).LiteGraph.vueNodesMode) comfy.app.canvas.processMouseWheel(event);
        });
        comfy.api.addEventListener("graphChanged", this.refresh);
        this.results = new NodeResults(node, this.editor, comfy);
        this.mask = new NodeMask(node, this.editor, comfy);
        this.runs = new NodeRuns(node, this.editor, comfy);
        this.files = new NodeFiles(node, this.editor, comfy, { opened: () => this.#opening, changed: () => this.#filesChanged() });
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

    #filesChanged() {
        this.comfy.changed(this.node);
        this.#reopen();
    }

    /** A node that no file describes gets a session of its own, even if its id was another's before. */
    #added() {
        if (!this.node.graph || this.#configured) return;
        takePlace(this.node, this.editor);
        this.results.find();
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
        this.results.find();
        queueMicrotask(this.refresh); // all nodes and links are there by then
    }

    #removed() {
        this.comfy.api.removeEventListener("graphChanged", this.refresh);
        settings.removeEventListener("change", this.#reopen);
        this.#leave();
        this.results.destroy();
        this.mask.destroy();
        this.editor.destroy();
    }

    // --- Its clip ------------------------------------------------------------------------------

    /** Shows what the graph feeds in now. */
    refresh() {
        if (!this.node.graph) return;
        const upstream = upstreamOf(this.node, "frames");
        const run = this.#run?.source === fileKey(upstream) ? this.#run.output : null;
        if (run) this.#opening = this.#show(`run ${JSON.stringify(run.revideo_frames)}`, (signal) => openRun(run.revideo_frames.map((/** @type {any} */ file) => this.comfy.viewUrl(file)), run.revideo_info[0], upstream, signal), true);
        else if (upstream) this.#opening = this.#show(fileKey(upstream), (signal) => openFile(this.comfy.viewUrl(upstream.file), upstream, signal), upstream.exact, upstream);
        else {
            this.#leave();
            this.editor.show(null, "", this.#isConnected("frames") ? "unseen" : "none");
        }
        followSettings(upstream?.nodes ?? []);
        this.results.follow(fileKey(upstream), fileKey(upstreamOf(this.node, "edited_frame")));
        this.mask.refresh(run);
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
        const file = this.#missing;
        if (file && (await this.comfy.has(file)) && this.#missing === file) this.#reopen();
    }

    /** @type {(key: string, open: (signal: AbortSignal) => Promise<Clip>, exact: boolean, upstream?: Upstream | null) => Promise<void>} */
    async #show(key, open, exact, upstream = null) {
        if (key === this.#shown) return this.#opening;
        this.#leave();
        this.#shown = key;
        const name = upstream?.name ?? t`The frames`;
        this.editor.show(null, t`Opening ${name} …`);
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
            const unknown = exact ? "" : t`A node between the file and here is not understood: run the graph to see its frames.`;
            this.editor.show(clip, remark ? t`${name}: ${remark}. Run the graph to see its frames.` : unknown);
        } catch (error) {
            if (this.#shown !== key) return;
            const { missing = false } = /** @type {{missing?: boolean}} */ (error);
            if (missing && upstream) this.#missing = upstream.file;
            this.editor.show(null, missing ? t`${name}: ${messageOf(error)}.` : t`${name}: ${messageOf(error)}. Run the graph to see its frames.`, missing ? "none" : "unseen");
        }
    }

    /** Lets go of the clip that is shown. */
    #leave() {
        this.#missing = null;
        if (!this.#shown) return;
        this.editor.backdrop.clip?.watchers.delete(this.#redraw);
        giveBack(this.#shown);
        this.#shown = "";
    }

    #redraw = () => this.editor.redraw();

    /** @type {(input: string) => boolean} */
    #isConnected(input) {
        return originOf(this.node, inputNamed(this.node, input)) !== null;
    }

    /** The edited frame is its file, where nodes between leave it as it is; else what the last run got, if that is of these nodes. */
    async #refreshEdited() {
        const upstream = upstreamOf(this.node, "edited_frame");
        const picture = upstream?.kind === "picture" ? upstream.file : null;
        const [ran = null] = this.#isConnected("edited_frame") && this.#run?.edited === this.#editedKey ? (this.#run.output.revideo_edited ?? []) : [];
        const isWhole = upstream?.exact && !upstream.steps.length;
        const file = isWhole ? (picture ?? ran) : (ran ?? picture);
        const url = file ? this.comfy.viewUrl(file) : "";
        followSettings(upstream?.nodes ?? []);
        this.editor.status.edited = file && file === picture && !isWhole ? t`The edited frame is shown as its file, before the nodes between: run the graph to see what they make of it.` : "";
        this.editor.redraw();
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

    /** What an edited frame of a run depends on, as far as the graph shows it. */
    get #editedKey() {
        const upstream = upstreamOf(this.node, "edited_frame");
        return JSON.stringify([fileKey(upstream), upstream?.nodes.map((one) => [one.id, settingsOf(one)])]);
    }

    /** @type {(output: any) => void} */
    #executed(output) {
        if (!output?.revideo_frames?.length) return;
        this.#run = { source: fileKey(upstreamOf(this.node, "frames")), edited: this.#editedKey, output };
        this.mask.executed(output);
        this.refresh();
    }

    // --- The first frame, to be edited -----------------------------------------------------------

    /** What is seen of a frame: the source as a run gets it. @type {(frame: number) => Promise<void>} */
    async #saveFrame(frame) {
        const shows = this.editor.backdrop.shows(frame);
        const pictures = {
            source: () => this.runs.frame(frame),
            edited: async () => pngOf(await pictureOf(this.#edited, new AbortController().signal)),
            result: () => this.results.frame(frame),
        };
        try {
            const picture = await pictures[shows]();
            if (picture) download(picture, `${shows} frame ${frame}.png`);
        } catch (error) {
            this.editor.message.show(t`The frame was not saved: ${messageOf(error)}`);
        }
    }

    /** The edited first frame, or the clip's own, in ComfyUI's mask editor; what is painted there becomes the edited one. */
    async #paintFrame() {
        const edited = upstreamOf(this.node, "edited_frame");
        const isOwn = edited?.kind === "picture" && edited.widget && edited.loader !== upstreamOf(this.node, "frames")?.loader;
        let loader = isOwn ? edited.loader : null;
        if (!loader) {
            const picture = await this.runs.frame(0);
            loader = picture && (await this.files.setEditedFrame(new File([picture], "first frame.png", { type: "image/png" })));
        }
        if (loader) await this.comfy.openMaskEditor(loader);
    }
}
