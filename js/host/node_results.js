/** NodeResults: what runs gave behind a node's editor, played on its stage; those of the last run are found again after a reload. */

import { messageOf } from "../dom.js";
import { borrow, giveBack, openResult } from "../clip/open_clips.js";
import { isNamed, placeOf } from "../graph/forerunner.js";
import { resultOf, storeResults, storedResults } from "../graph/results.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../graph/results.js").Result} Result */
/** @typedef {import("./comfy.js").Comfy} Comfy */

export class NodeResults {
    /** @type {Result[]} of the last run */
    #results = [];
    #shown = ""; // key of the one that is open

    /** @param {any} node @param {Editor} editor @param {Comfy} comfy */
    constructor(node, editor, comfy) {
        this.node = node;
        this.editor = editor;
        this.comfy = comfy;
        comfy.api.addEventListener("executed", this.#gave);
    }

    destroy() {
        this.comfy.api.removeEventListener("executed", this.#gave);
        this.#leave();
    }

    /** A node behind the editor has something to show: it plays here. @type {(event: {detail: any}) => void} */
    #gave = ({ detail }) => {
        const result = detail && resultOf(this.node, detail, Date.now());
        if (!result) return;
        if (this.#results[0]?.run !== result.run) this.#results = [];
        this.#results = [...this.#results, result];
        if (isNamed(this.node)) storeResults(placeOf(this.node), this.#results);
        this.open(best(this.#results), true);
    };

    /** Those of the last run before a reload, as far as ComfyUI has the files still. */
    async find() {
        const results = isNamed(this.node) ? storedResults(placeOf(this.node)) : [];
        const there = await Promise.all(results.map(({ files }) => this.comfy.has(files[0])));
        if (this.#results.length) return; // a run was faster
        this.#results = results.filter((_, index) => there[index]);
        this.editor.resultBar.list(this.#results, best(this.#results));
    }

    /** @type {(index: number, plays?: boolean) => Promise<void>} */
    async open(index, plays = false) {
        const { editor, comfy } = this;
        const result = this.#results[index];
        if (!result) return;
        this.#leave();
        editor.resultBar.list(this.#results, index);
        const key = `result ${JSON.stringify([result.run, result.files])}`;
        this.#shown = key;
        try {
            const urls = result.files.map((file) => `${comfy.viewUrl(file)}&rand=${encodeURIComponent(result.run)}`); // names come again
            const clip = await borrow(key, (signal) => openResult(urls, result.kind, editor.backdrop.fps, signal));
            if (this.#shown !== key) return;
            clip.watchers.add(this.#redraw);
            editor.backdrop.result = clip;
            if (plays && editor.backdrop.view === "source") editor.backdrop.view = "result";
            if (plays) editor.player.play();
            editor.player.seek(editor.time);
        } catch (error) {
            if (this.#shown === key) editor.say(`${result.title}: ${messageOf(error)}.`);
        }
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
