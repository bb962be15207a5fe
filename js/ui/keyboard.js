/**
 * Keyboard: keys → commands, and the clipboard's events → import and export. Keys without Ctrl
 * that are pressed in the editor never reach the graph; of those with Ctrl, the ones that are
 * not ours do, as from any text field (saving, running).
 */

import { h } from "../dom.js";
import { bindingOf } from "../input/keymap.js";
import { isField } from "../input/own_events.js";
import { t } from "../locale.js";

/** @typedef {import("../editor.js").Editor} Editor */

const BROWSERS_OWN = ["copy", "cut", "paste"]; // commands that arrive as the browser's own events
const CONTROLS_OWN = ["Enter", " ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]; // off the stage
let count = 0;

export class Keyboard {
    /** What is drawn and selected, in words. */
    description = h("p", { class: "rve-unseen", id: `rve-description-${(count += 1)}`, "aria-live": "polite" });
    /** Has the focus while one draws: ComfyUI leaves keys alone that a text field has. */
    element = h("textarea", { class: "rve-keys", "aria-label": t`Drawing`, "aria-describedby": this.description.id, spellcheck: "false", tabindex: "0" });

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        const { element } = this;
        element.addEventListener("blur", () => {
            editor.pointer.releaseSpace(true);
            editor.compare(false);
        });
        element.addEventListener("input", () => (element.value = ""));
    }

    /** Hears keys anywhere in the editor. @type {(root: HTMLElement) => void} */
    listen(root) {
        const { editor } = this;
        root.addEventListener("keydown", (event) => this.#down(event));
        root.addEventListener("keyup", (event) => {
            if (event.key === " ") editor.pointer.releaseSpace();
            if (event.key.toLowerCase() === "c") editor.compare(false);
        });
        for (const name of /** @type {const} */ (["copy", "cut", "paste"]))
            root.addEventListener(name, (event) => {
                if (event.target !== this.element && isField(event.target)) return;
                event.preventDefault();
                event.stopPropagation();
                if (!editor.pointer.middle) editor.importExport.clipboard(name, event.clipboardData);
            });
        root.addEventListener("focusout", (event) => {
            if (!root.contains(/** @type {Node | null} */ (event.relatedTarget))) this.#left();
        });
    }

    focus() {
        this.element.focus({ preventScroll: true });
    }

    /** Says what is drawn, to those who hear it. @type {(text: string) => void} */
    describe(text) {
        if (this.description.textContent !== text) this.description.textContent = text;
    }

    /** The keyboard has gone elsewhere: a path's first point, which is nowhere but here, does not wait for it. */
    #left() {
        const { editor } = this;
        editor.crosshair.hide();
        if (editor.session.tool === "polygon" || !editor.openOutline.length) return;
        editor.openOutline = [];
        editor.sketch(null);
    }

    /** @type {(event: KeyboardEvent) => void} */
    #down(event) {
        const { editor } = this;
        editor.pointer.middle = false;
        const onStage = event.target === this.element;
        const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
        if (plain) event.stopPropagation();
        if (!onStage && isField(event.target)) return;
        const binding = bindingOf(event);
        if (!binding || (!onStage && plain && CONTROLS_OWN.includes(event.key))) return;
        if (binding.command === "end-drawing" && !editor.draws) return; // the graph's: it runs
        event.stopPropagation();
        if (BROWSERS_OWN.includes(binding.command)) return;
        event.preventDefault();
        if (!onStage && !plain) keepFromHistory(event);
        if (binding.command === "play") editor.pointer.pressSpace(event.repeat);
        else if (!event.repeat || binding.repeats) editor.run(binding.command, event);
    }
}

/**
 * ComfyUI hears undo on its way down to us and looks at the event once more a frame later, when
 * it has been answered here: by then it is no longer a key with Ctrl. On a text field it never looks.
 * @type {(event: KeyboardEvent) => void}
 */
function keepFromHistory(event) {
    for (const name of ["ctrlKey", "metaKey"]) Object.defineProperty(event, name, { value: false });
}
