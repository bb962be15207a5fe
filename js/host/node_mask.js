/** NodeMask: the mask that the graph gives to a node's editor: out of its file where that is sure, else as the last run had it. */

import { readMask } from "../clip/given_mask.js";
import { inputNamed, maskFileOf, originOf } from "../graph/upstream.js";
import { followSettings } from "./comfy.js";

/** @typedef {import("../clip/given_mask.js").MaskSource} MaskSource */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("./comfy.js").Comfy} Comfy */

export class NodeMask {
    #shown = ""; // key of the mask on the screen
    /** @type {{output: any, node: any, slot: number, file: string} | null} what the last run gave, and what fed it */
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
        const origin = originOf(this.node, inputNamed(this.node, "mask"));
        this.#run = origin && { output, ...origin, file: JSON.stringify(maskFileOf(this.node, "mask")?.file) };
        if (this.editor.givenMask === "unseen") this.#shown = ""; // what could not be read may be there now
    }

    /** Shows the mask that the graph feeds in now; `output`: what the last run gave, where it is of these frames. @type {(output: any) => void} */
    refresh(output) {
        const origin = originOf(this.node, inputNamed(this.node, "mask"));
        const loaded = maskFileOf(this.node, "mask");
        followSettings(loaded?.nodes ?? []);
        const ran = this.#run?.output === output && this.#run?.node === origin?.node && this.#run?.slot === origin?.slot && this.#run?.file === JSON.stringify(loaded?.file);
        /** @type {MaskSource | null} */
        let source = null;
        if (origin && ran && output?.revideo_mask?.length) source = { urls: output.revideo_mask.map((/** @type {any} */ file) => this.comfy.viewUrl(file)), stride: output.revideo_info[0].stride ?? 1, channel: "red" };
        else if (loaded) source = { urls: [this.comfy.viewUrl(loaded.file)], stride: 1, channel: loaded.channel };
        this.#show(origin ? `mask ${JSON.stringify(source)}` : "", source, origin ? "unseen" : "none");
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
