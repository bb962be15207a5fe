/** Keyboard: keys → commands, and the clipboard's events → import and export. */

import { h } from "../dom.js";
import { bindingOf } from "../input/keymap.js";

/** @typedef {import("../editor.js").Editor} Editor */

const BROWSERS_OWN = ["copy", "cut", "paste"]; // commands that arrive as the browser's own events

export class Keyboard {
    /** Has the focus while one draws: ComfyUI leaves keys alone that a text field has. */
    element = h("textarea", { class: "rve-keys", "aria-label": "Drawing: keys go here", spellcheck: "false", tabindex: "0" });

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        const { element } = this;
        element.addEventListener("keydown", (event) => this.#down(event));
        element.addEventListener("keyup", (event) => {
            if (event.key === " ") editor.pointer.releaseSpace();
            if (event.key.toLowerCase() === "c") editor.compare(false);
        });
        element.addEventListener("blur", () => {
            editor.pointer.releaseSpace(true);
            editor.compare(false);
        });
        element.addEventListener("input", () => (element.value = ""));
        for (const name of /** @type {const} */ (["copy", "cut", "paste"]))
            element.addEventListener(name, (event) => {
                event.preventDefault();
                event.stopPropagation();
                if (!editor.pointer.middle) editor.importExport.clipboard(name, event.clipboardData);
            });
    }

    focus() {
        this.element.focus({ preventScroll: true });
    }

    /** @type {(event: KeyboardEvent) => void} */
    #down(event) {
        this.editor.pointer.middle = false;
        const binding = bindingOf(event);
        if (!binding) return;
        event.stopPropagation();
        if (BROWSERS_OWN.includes(binding.command)) return;
        event.preventDefault();
        if (binding.command === "play") this.editor.pointer.pressSpace(event.repeat);
        else if (!event.repeat || binding.repeats) this.editor.run(binding.command, event);
    }
}
