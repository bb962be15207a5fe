/** NodeMask: the mask that the graph gives to a node's editor: out of its file where that is sure, else as the last run had it. */

import { readMask } from "../clip/given_mask.js";
import { inputNamed, maskFileOf, originOf } from "../graph/upstream.js";
import { followSettings } from "./comfy.js";

/** @typedef {import("../clip/given_mask.js").MaskSource} MaskSource */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("./comfy.js").Comfy} Comfy */

const FOLLOW = "ReVideoFollowMask"; // makes a mask of what is drawn

export class NodeMask {
    #shown = ""; // key of the mask on the screen
    /** @type {{output: any, node: any, slot: number, settings: string} | null} what the last run gave, and what fed it */
    #run = null;
    #reading = new AbortController();

    /** @param {any} node @param {Editor} editor @param {Comfy} comfy */
    constructor(node, editor, comfy) {
        this.node = node;
        this.editor = editor;
        this.comfy = comfy;
    }

    destroy() {
        this.#reading.abort();
    }

    /** A run gave this. @type {(output: any) => void} */
    executed(output) {
        const origin = this.#origin;
        this.#run = origin && { output, ...origin, settings: settingsOf(origin.node) };
        if (this.editor.givenMask === "unseen") this.#shown = ""; // what could not be read may be there now
    }

    /** Shows the mask that the graph feeds in now; `output`: what the last run gave, where it is of these frames. @type {(output: any) => void} */
    refresh(output) {
        const origin = this.#origin;
        const loaded = maskFileOf(this.node, "mask");
        followSettings(origin ? [origin.node] : []);
        /** @type {MaskSource | null} */
        let source = null;
        if (origin && this.#ran(origin, output) && output?.revideo_mask?.length) source = { urls: output.revideo_mask.map((/** @type {any} */ file) => this.comfy.viewUrl(file)), stride: output.revideo_info[0].stride ?? 1, channel: "red" };
        else if (loaded) source = { urls: [this.comfy.viewUrl(loaded.file)], stride: 1, channel: loaded.channel };
        const key = origin ? `mask ${JSON.stringify(source)}` : this.#isFollowed ? "followed" : "";
        this.#show(key, source, key ? "unseen" : "none");
    }

    get #origin() {
        return originOf(this.node, inputNamed(this.node, "mask"));
    }

    /** Whether a mask is found at the points that are drawn: no area is missing then. */
    get #isFollowed() {
        return this.node.graph.nodes.some((/** @type {any} */ one) => one.type === FOLLOW && originOf(one, inputNamed(one, "points"))?.node === this.node);
    }

    /** Whether it gave the mask of this run. @type {(origin: {node: any, slot: number}, output: any) => boolean} */
    #ran({ node, slot }, output) {
        const run = this.#run;
        return run !== null && run.output === output && run.node === node && run.slot === slot && run.settings === settingsOf(node);
    }

    /** @type {(key: string, source: MaskSource | null, absence: "none" | "unseen") => Promise<void>} */
    async #show(key, source, absence) {
        if (key === this.#shown) return;
        this.#shown = key;
        this.#reading.abort();
        this.#reading = new AbortController();
        const { signal } = this.#reading;
        this.editor.showMask(source ? "reading" : absence);
        if (!source) return;
        const mask = await readMask(source, signal).catch(() => "unseen");
        if (!signal.aborted) this.editor.showMask(/** @type {Editor["givenMask"]} */ (mask));
    }
}

/** @type {(node: any) => string} */
export const settingsOf = (node) => JSON.stringify((node.widgets ?? []).map((/** @type {any} */ { value }) => (typeof value === "object" ? null : value)));
