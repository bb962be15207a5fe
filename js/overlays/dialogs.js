/** Dialogs: sheets over the editor. The focus goes into one, stays there, and goes back where it came from. */

/** @typedef {import("../editor.js").Editor} Editor */

const FOCUSABLE = "button:not(:disabled), input:not([hidden]), select, textarea, summary, [tabindex='0']";

export class Dialogs {
    /** @type {HTMLElement | null} */
    #open = null;
    /** @type {Element | null} had the focus before */
    #before = null;

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
    }

    /** @type {(sheet: HTMLElement, first?: HTMLElement) => void} */
    open(sheet, first = sheet) {
        if (this.#open) this.close();
        this.#before = document.activeElement;
        this.#open = sheet;
        sheet.hidden = false;
        this.#setInert(true);
        sheet.addEventListener("keydown", keepFocus);
        first.focus({ preventScroll: true });
    }

    /** True if there was one to close. */
    close() {
        const sheet = this.#open;
        if (!sheet) return false;
        this.#open = null;
        sheet.removeEventListener("keydown", keepFocus);
        this.#setInert(false);
        sheet.hidden = true;
        const { editor } = this;
        const before = /** @type {HTMLElement | null} */ (this.#before);
        if (before?.isConnected && editor.element.contains(before)) before.focus({ preventScroll: true });
        else editor.focus();
        return true;
    }

    /** What a sheet covers is neither focused nor read. @type {(inert: boolean) => void} */
    #setInert(inert) {
        for (const part of this.editor.element.children)
            if (part instanceof HTMLElement && !part.matches(".rve-overlay")) part.inert = inert;
    }
}

/** From the last control of a sheet, Tab goes to the first. @type {(event: KeyboardEvent) => void} */
function keepFocus(event) {
    if (event.key !== "Tab") return;
    const sheet = /** @type {HTMLElement} */ (event.currentTarget);
    const all = [...sheet.querySelectorAll(FOCUSABLE)].filter((one) => one.getClientRects().length > 0);
    const [first, last] = [all[0], all.at(-1)];
    const leaves = event.shiftKey ? [first, sheet].includes(/** @type {any} */ (event.target)) : event.target === last;
    if (!leaves) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (event.shiftKey ? last : first)?.focus();
}
