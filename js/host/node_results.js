/** NodeResults: what runs gave behind a node's editor, played on its stage; those of the last run are found again after a reload. */

import { messageOf } from "../dom.js";
import { pngOf } from "../clip/pictures.js";
import { borrow, giveBack, openResult } from "../clip/open_clips.js";
import { isNamed, placeOf } from "../graph/forerunner.js";
import { resultOf, storeResults, storedResults } from "../graph/results.js";
import { t } from "../locale.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../graph/results.js").Result} Result */
/** @typedef {import("./comfy.js").Comfy} Comfy */

export class NodeResults {
    /** @type {Result[]} of the last run */
    #results = [];
    #shown = ""; // key of the one that is open
    /** Keys of the clip and of the edited frame that the graph feeds in. */
    #fed = { clip: "", edited: "" };
    /** Those that the run which goes on began with. */
    #began = { run: "", fed: this.#fed };

    /** @param {any} node @param {Editor} editor @param {Comfy} comfy */
    constructor(node, editor, comfy) {
        this.node = node;
        this.editor = editor;
        this.comfy = comfy;
        comfy.api.addEventListener("execution_start", this.#begins);
        comfy.api.addEventListener("executed", this.#gave);
    }

    destroy() {
        this.comfy.api.removeEventListener("execution_start", this.#begins);
        this.comfy.api.removeEventListener("executed", this.#gave);
        this.#leave();
    }

    /** The graph feeds these in now: where they are others, the source is seen, and a result is said to be of the earlier ones. @type {(clip: string, edited: string) => void} */
    follow(clip, edited) {
        if (this.#fed.clip === clip && this.#fed.edited === edited) return;
        this.#fed = { clip, edited };
        this.#list(this.editor.resultBar.chosen);
        if (this.editor.backdrop.view !== "source") this.editor.showView("source");
    }

    /** @type {(event: {detail: any}) => void} */
    #begins = ({ detail }) => {
        this.#began = { run: detail?.prompt_id ?? "", fed: this.#fed };
    };

    /** A node behind the editor has something to show: it plays here. @type {(event: {detail: any}) => void} */
    #gave = ({ detail }) => {
        const given = detail && resultOf(this.node, detail, Date.now());
        if (!given) return;
        const result = { ...given, ...(this.#began.run === given.run ? this.#began.fed : this.#fed) };
        if (this.#results[0]?.run !== result.run) this.#results = [];
        this.#results = [...this.#results, result];
        if (isNamed(this.node)) storeResults(placeOf(this.node), this.#results);
        this.open(best(this.#results), !this.#earlier(result));
    };

    /** Those of the last run before a reload, as far as ComfyUI has the files still. */
    async find() {
        const results = isNamed(this.node) ? storedResults(placeOf(this.node)) : [];
        const there = await Promise.all(results.map(({ files }) => this.comfy.has(files[0])));
        if (this.#results.length) return; // a run was faster
        this.#results = results.filter((_, index) => there[index]);
        this.#list(best(this.#results));
    }

    /** @type {(index: number, plays?: boolean) => Promise<void>} */
    async open(index, plays = false) {
        const { editor } = this;
        const result = this.#results[index];
        if (!result) return;
        this.#leave();
        this.#list(index);
        const key = `result ${JSON.stringify([result.run, result.files])}`;
        this.#shown = key;
        try {
            const clip = await borrow(key, (signal) => this.#read(result, signal));
            if (this.#shown !== key) return;
            clip.watchers.add(this.#redraw);
            editor.backdrop.result = clip;
            if (plays && editor.backdrop.view === "source") editor.backdrop.view = "result";
            if (plays) editor.player.play();
            editor.player.seek(editor.time);
        } catch (error) {
            if (this.#shown === key) editor.say(t`${result.title}: ${messageOf(error)}.`);
        }
    }

    /** A frame of what is shown as a picture file, at its own size: it is read anew. @type {(frame: number) => Promise<Blob>} */
    async frame(frame) {
        const clip = await this.#read(this.#results[this.editor.resultBar.chosen], new AbortController().signal);
        try {
            return await pngOf(await clip.reader.grab(Math.min(frame, clip.prepared.picked.length - 1), Infinity));
        } finally {
            clip.close();
        }
    }

    /** @type {(result: Result, signal: AbortSignal) => Promise<import("../clip/frames.js").Clip>} */
    #read({ files, kind, run }, signal) {
        const urls = files.map((file) => `${this.comfy.viewUrl(file)}&rand=${encodeURIComponent(run)}`); // names come again
        return openResult(urls, kind, this.editor.backdrop.fps, signal);
    }

    /** @type {(chosen: number) => void} */
    #list(chosen) {
        const result = this.#results[chosen];
        this.editor.resultBar.list(this.#results, chosen, result ? this.#earlier(result) : "");
    }

    /** What it was made of that is another by now. @type {(result: Result) => import("../ui/result_bar.js").Earlier} */
    #earlier({ clip, edited }) {
        if (clip !== this.#fed.clip) return "clip";
        return edited === this.#fed.edited ? "" : "edited frame";
    }

    #leave() {
        if (!this.#shown) return;
        this.editor.backdrop.result?.watchers.delete(this.#redraw);
        this.editor.backdrop.result = null;
        giveBack(this.#shown);
        this.#shown = "";
    }

    #redraw = () => this.editor.redraw();
}

/** The last video, else the last pictures. @type {(results: Result[]) => number} */
function best(results) {
    const video = results.findLastIndex(({ kind }) => kind === "video");
    return video < 0 ? Math.max(results.length - 1, 0) : video;
}
