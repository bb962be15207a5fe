/** FullWindow: the editor over all of the page, and back into its node; the element itself moves, with all it holds. */

import { h } from "../dom.js";
import { t } from "../locale.js";

const WINDOW = ".rve-window";

/** Where the editor that fills the window belongs. @type {HTMLElement | null} */
let empty = null;

/** @type {(element: HTMLElement) => boolean} */
export const fillsWindow = (element) => element.closest(WINDOW) !== null;

/** Puts an element over the page, or what is there back into its place. @type {(element: HTMLElement) => void} */
export function toggleFullWindow(element) {
    if (fillsWindow(element)) return leaveFullWindow();
    leaveFullWindow();
    empty = h("div", { class: "rve-elsewhere" }, t`This editor fills the window.`);
    element.replaceWith(empty);
    const window = h("div", { class: "rve-window", role: "dialog", "aria-label": t`ReVideo Editor`, "aria-modal": "true" }, element);
    document.body.append(window);
    whenItLeaves(element, window, empty);
}

/** The page itself may take the element to another place, as App mode does: then nothing stays over the page. @type {(element: HTMLElement, window: HTMLElement, place: HTMLElement) => void} */
function whenItLeaves(element, window, place) {
    const observer = new MutationObserver(() => {
        if (element.parentElement === window) return;
        observer.disconnect();
        window.remove();
        place.remove();
        if (empty === place) empty = null;
    });
    observer.observe(window, { childList: true });
}

/** Puts back what fills the window, if anything does: it may be another element by then. */
export function leaveFullWindow() {
    const window = document.querySelector(WINDOW);
    const element = window?.firstElementChild;
    if (element && empty?.isConnected) empty.replaceWith(element);
    window?.remove();
    empty = null;
}

/** Leaves it with the editor that ends: what belongs to its node may have been taken out of it already. @type {(element: HTMLElement) => void} */
export function endFullWindow(element) {
    const held = document.querySelector(WINDOW)?.firstElementChild;
    if (held === element || held === null) leaveFullWindow();
}
