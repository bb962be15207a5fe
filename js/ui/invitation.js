/** Invitation: what an empty editor asks for, in the middle of its stage. */

import { h } from "../dom.js";
import { t } from "../locale.js";

/** @typedef {import("../editor.js").Editor} Editor */

/**
 * Why there is no clip: nothing is connected or its file is missing; what is connected is known after a run alone.
 * @typedef {"none" | "unseen"} Absence
 */

export class Invitation {
    #shown = "";
    #text = h("p", {});

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.file = h("input", { type: "file", accept: "video/*,image/*,.mkv,.avi,.mov", multiple: true, hidden: true, "aria-label": t`Clip or picture`, onchange: () => this.#open() });
        this.choose = h("button", { class: "rve-button rve-wide", type: "button", onclick: () => this.file.click() }, t`Choose a video…`);
        this.run = h("button", { class: "rve-button rve-wide", type: "button", onclick: () => editor.host.showFrames() }, t`Show the frames`);
        this.element = h("div", { class: "rve-over rve-invitation", hidden: true }, this.#text, this.choose, this.run, this.file);
    }

    draw() {
        const { absence, backdrop } = this.editor;
        const shows = backdrop.clip ? "" : absence;
        if (shows === this.#shown) return;
        this.#shown = shows;
        this.element.hidden = !shows;
        this.choose.hidden = shows !== "none";
        this.run.hidden = shows !== "unseen";
        this.#text.textContent =
            shows === "none" ? t`Drop a video or a picture here, or connect frames.` : t`Run the graph to see the frames here.`;
    }

    #open() {
        const files = [...(this.file.files ?? [])];
        this.file.value = "";
        if (files.length) this.editor.host.opened(files);
    }
}
