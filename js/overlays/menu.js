/** Menu: a list of what can be done, within the editor's element, by pointer and keys. */

import { h } from "../dom.js";

/** @typedef {{text: string, keys?: string, act: () => void} | null} MenuItem  `null`: a line between groups */

const MARGIN = 4; // pixels that stay free at the editor's edge
const ROW = 27; // pixels of a row's height, at least
const FINGER = 24; // page pixels that a finger hides around its place, and that it needs of a row

export class Menu {
    element = h("div", { class: "rve-menu", role: "menu", tabindex: "-1", hidden: true });
    /** @type {Element | null} what had the keyboard */
    #before = null;

    /** @param {() => void} focus  takes the keyboard where nothing else had it */
    constructor(focus) {
        this.focus = focus;
        const { element } = this;
        element.addEventListener("keydown", (event) => this.#down(event));
        element.addEventListener("focusout", ({ relatedTarget }) => {
            if (!(relatedTarget instanceof Node && element.contains(relatedTarget))) this.close(false);
        });
        element.addEventListener("mousedown", (event) => {
            event.preventDefault(); // the keyboard stays here until an item is clicked
            event.stopPropagation();
        });
        element.addEventListener("pointermove", ({ target }) => {
            const button = target instanceof Element && target.closest("button");
            if (button && button !== document.activeElement) button.focus({ preventScroll: true });
        });
    }

    /** Opens at a place of the page, as near as it fits into the editor; `finger`: beside the finger that rests there. @type {(title: string, items: MenuItem[], at: {x: number, y: number, finger?: boolean}) => void} */
    open(title, items, { x, y, finger = false }) {
        const { element } = this;
        if (element.hidden) this.#before = document.activeElement;
        element.setAttribute("aria-label", title);
        element.replaceChildren(h("div", { class: "rve-menu-title", "aria-hidden": "true" }, title), ...items.map((item) => this.#row(item)));
        element.hidden = false;
        const around = /** @type {HTMLElement} */ (element.offsetParent);
        const box = around.getBoundingClientRect(); // the graph scales us by CSS
        const zoom = box.width / around.offsetWidth || 1;
        const [gap, wide, high] = [finger ? FINGER / zoom : 0, around.clientWidth, around.clientHeight];
        element.style.setProperty("--rve-row", `${Math.max(ROW, gap)}px`);
        element.style.maxHeight = "";
        const [left, top] = [(x - box.left) / zoom, (y - box.top) / zoom];
        const { offsetWidth: width } = element;
        const beside = [left + gap, left - gap - width].find((side) => side >= MARGIN && side + width <= wide - MARGIN);
        const [above, below] = [top - gap, high - gap - top];
        const isUnder = finger && beside === undefined; // the finger, which has no room beside it
        if (isUnder) element.style.maxHeight = `${Math.max(above, below) - MARGIN}px`; // the rest is scrolled to
        const { offsetHeight: height } = element;
        const put = (/** @type {number} */ at, /** @type {number} */ size, /** @type {number} */ room) => `${Math.max(Math.min(at, room - size - MARGIN), MARGIN)}px`;
        element.style.left = put((finger && beside) || left, width, wide);
        element.style.top = put(!isUnder ? top : above > below ? above - height : top + gap, height, high);
        this.#buttons[0]?.focus({ preventScroll: true });
    }

    /** @type {(focus?: boolean) => void} */
    close(focus = true) {
        if (this.element.hidden) return;
        this.element.hidden = true;
        if (!focus) return;
        if (this.#before instanceof HTMLElement && this.#before !== document.body && this.#before.isConnected) this.#before.focus({ preventScroll: true });
        else this.focus();
    }

    get #buttons() {
        return [...this.element.querySelectorAll("button")];
    }

    /** @type {(item: MenuItem) => HTMLElement} */
    #row(item) {
        if (!item) return h("div", { class: "rve-menu-line", role: "separator" });
        const act = () => {
            this.close();
            item.act();
        };
        return h("button", { class: "rve-menu-item", type: "button", role: "menuitem", tabindex: "-1", onclick: act }, h("span", {}, item.text), item.keys ? h("kbd", { "aria-hidden": "true" }, item.keys) : null);
    }

    /** @type {(event: KeyboardEvent) => void} */
    #down(event) {
        event.stopPropagation();
        const buttons = this.#buttons;
        const at = buttons.findIndex((button) => button === document.activeElement);
        const to = (/** @type {number} */ index) => buttons.at(index % buttons.length)?.focus();
        const { key } = event;
        if (key === "Enter" || key === " ") return; // the button's own
        if (key === "ArrowDown") to(at + 1);
        else if (key === "ArrowUp") to(Math.max(at, 0) - 1);
        else if (key === "Home") to(0);
        else if (key === "End") to(-1);
        else if (key === "Escape" || key === "Tab") this.close();
        else if (key.length === 1) {
            const later = [...buttons.slice(at + 1), ...buttons.slice(0, at + 1)];
            later.find((button) => button.textContent?.toLowerCase().startsWith(key.toLowerCase()))?.focus();
        }
        event.preventDefault();
    }
}
