/** Copies form: how many copies of the selected paths, and how far apart; they are seen while one types. */

import { COPIES_MAX, parallelCopies } from "../document/motions.js";
import { h } from "../dom.js";
import { t } from "../locale.js";

/** @typedef {import("../editor.js").Editor} Editor */

const FURTHEST = 100000; // pixels, as coordinates may be

export class CopiesForm {
    /** @type {string[]} ids of the paths that are copied */
    #paths = [];

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.count = this.#number(t`Copies`, 3, 1, COPIES_MAX);
        this.dx = this.#number(t`Right by`, 24, -FURTHEST, FURTHEST);
        this.dy = this.#number(t`Down by`, 0, -FURTHEST, FURTHEST);
        const field = (/** @type {HTMLInputElement} */ input) => h("label", { class: "rve-field" }, input.name, input);
        this.element = h(
            "form",
            { class: "rve-form", role: "dialog", "aria-label": t`Parallel copies`, hidden: true },
            h("div", { class: "rve-pair" }, ...[this.count, this.dx, this.dy].map(field)),
            h(
                "div",
                { class: "rve-pair" },
                h("button", { class: "rve-button rve-wide", type: "submit" }, t`Copy`),
                h("button", { class: "rve-button rve-wide", type: "button", onclick: () => this.#close() }, t`Cancel`),
            ),
        );
        this.element.addEventListener("mousedown", (event) => event.stopPropagation()); // the editor would take the keyboard back
        this.element.addEventListener("submit", (event) => {
            event.preventDefault(); // the page stays
            this.#apply();
        });
        this.element.addEventListener("keydown", (event) => {
            event.stopPropagation();
            if (event.key === "Escape") this.#close();
        });
        this.element.addEventListener("focusout", ({ relatedTarget }) => {
            if (relatedTarget instanceof Node && !this.element.contains(relatedTarget)) this.#close(false);
        });
    }

    /** For the selected paths. */
    open() {
        this.#paths = this.editor.selection.paths;
        this.element.hidden = false;
        this.#show();
        this.count.focus();
        this.count.select();
    }

    get #wished() {
        return parallelCopies(this.editor.session.doc, this.#paths, Math.max(Math.round(this.count.valueAsNumber || 1), 1), this.dx.valueAsNumber || 0, this.dy.valueAsNumber || 0);
    }

    #show() {
        this.editor.preview(this.#wished.doc);
    }

    #apply() {
        const { doc, selection } = this.#wished;
        this.#close();
        this.editor.commit(doc, t`make copies`);
        this.editor.select(selection);
    }

    /** @type {(focus?: boolean) => void} */
    #close(focus = true) {
        if (this.element.hidden) return;
        this.element.hidden = true;
        this.editor.revert();
        if (focus) this.editor.focus();
    }

    /** @type {(name: string, value: number, min: number, max: number) => HTMLInputElement} */
    #number(name, value, min, max) {
        return h("input", { type: "number", name, value, min, max, step: "any", oninput: () => this.#show() });
    }
}
