/** Drag in the list: a row is moved by its grip, with a line where it would land; Escape leaves all as it was. */

import { listedRuns, movedTo } from "../../document/groups.js";
import { h } from "../../dom.js";
import { t } from "../../locale.js";

/** @typedef {import("../../document/document.js").Path} Path */
/** @typedef {import("../../document/document.js").Area} Area */
/** @typedef {import("../../editor.js").Editor} Editor */

/**
 * Where a row would land: before an item or at the end, in a group or in none; and where the line is, at which row.
 * @typedef {{before: string | undefined, group: string | undefined, row: HTMLElement, y: number, inset: boolean}} Landing
 *
 * What is dragged; `group`: all of that group.
 * @typedef {{id: number, kind: "paths" | "regions", ids: string[], group: string | undefined, landing: Landing | null}} Held
 */

const EDGE = 18; // pixels of the page at the list's upper and lower edge in which it scrolls
const SCROLL = 9;

export class RowDrag {
    /** @type {Held | null} */
    #held = null;
    #line = h("div", { class: "rve-landing", "aria-hidden": "true" });

    /** @param {Editor} editor @param {HTMLElement} list */
    constructor(editor, list) {
        this.editor = editor;
        this.list = list;
        list.addEventListener("pointerdown", (event) => this.#press(event));
        list.addEventListener("pointermove", (event) => {
            if (this.#held?.id === event.pointerId) this.#move(event.clientX, event.clientY);
        });
        list.addEventListener("pointerup", (event) => {
            if (this.#held?.id === event.pointerId) this.#drop();
        });
        list.addEventListener("pointercancel", () => this.#end());
    }

    /** @type {(event: KeyboardEvent) => void} */
    #escape = (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        this.#end();
    };

    /** What is selected is moved together where the row is of it. @type {(event: PointerEvent) => void} */
    #press(event) {
        const grip = event.target instanceof Element ? event.target.closest(".rve-grip") : null;
        const row = /** @type {HTMLElement | null} */ (grip?.closest(".rve-row") ?? null);
        if (!row || event.button !== 0 || this.#held) return;
        event.preventDefault();
        const { doc, selection } = this.editor.session;
        const kind = /** @type {"paths" | "regions"} */ (row.dataset.kind);
        const { item, group } = row.dataset;
        const run = listedRuns(/** @type {(Path | Area)[]} */ (doc[kind])).find((one) => one.group === group);
        const ids = item === undefined ? (run?.items.map(({ id }) => id) ?? []) : selection[kind].includes(item) ? selection[kind] : [item];
        this.#held = { id: event.pointerId, kind, ids, group: item === undefined ? group : undefined, landing: null };
        this.list.setPointerCapture(event.pointerId);
        document.addEventListener("keydown", this.#escape, { capture: true });
    }

    /** @type {(x: number, y: number) => void} */
    #move(x, y) {
        const { list } = this;
        if (!this.#held) return;
        const box = list.getBoundingClientRect();
        if (y < box.top + EDGE) list.scrollTop -= SCROLL;
        else if (y > box.bottom - EDGE) list.scrollTop += SCROLL;
        const landing = (this.#held.landing = this.#landingAt(this.#held, x, y));
        if (!landing) return this.#line.remove();
        const zoom = box.height / list.offsetHeight || 1; // the graph scales us by CSS
        const { left, width } = landing.row.getBoundingClientRect();
        this.#line.style.top = `${(landing.y - box.top) / zoom + list.scrollTop - 1}px`;
        this.#line.style.left = `${(left - box.left) / zoom}px`;
        this.#line.style.width = `${width / zoom}px`;
        this.#line.classList.toggle("rve-inset", landing.inset);
        list.append(this.#line);
    }

    /** Before or behind the row that is nearest, of the same kind. @type {(held: Held, x: number, y: number) => Landing | null} */
    #landingAt({ kind, group: whole }, x, y) {
        const items = /** @type {(Path | Area)[]} */ (this.editor.session.doc[kind]);
        const rows = [...this.list.querySelectorAll(`.rve-row[data-kind="${kind}"]`)].map((row) => ({ row: /** @type {HTMLElement} */ (row), box: row.getBoundingClientRect() }));
        const last = rows.at(-1);
        if (!last) return null;
        const aside = Math.min(...rows.map(({ box }) => outside(x, box)));
        const column = rows.filter(({ box }) => outside(x, box) === aside);
        const { row, box } = column.find((one) => y <= one.box.bottom) ?? column[column.length - 1];
        if (row === last.row && y > box.bottom) return { before: undefined, group: whole, row, y: box.bottom, inset: false };
        const above = y < (box.top + box.bottom) / 2;
        const { item, group: header } = row.dataset;
        const run = listedRuns(items).find((one) => (item === undefined ? one.group === header : one.items.some(({ id }) => id === item)));
        if (!run) return null;
        const [first, end] = [run.items[0].id, items[items.indexOf(/** @type {Path | Area} */ (run.items.at(-1))) + 1]?.id];
        const at = above ? box.top : box.bottom;
        if (whole !== undefined) return { before: above ? first : end, group: whole, row, y: at, inset: false }; // no group lies in another
        if (item === undefined) {
            if (above) return { before: first, group: undefined, row, y: at, inset: false };
            return { before: this.editor.session.folded.has(run.group ?? "") ? end : first, group: run.group, row, y: at, inset: true };
        }
        const next = items[items.findIndex(({ id }) => id === item) + 1]?.id;
        return { before: above ? item : next, group: run.group, row, y: at, inset: run.group !== undefined };
    }

    #drop() {
        const held = this.#held;
        this.#end();
        if (!held?.landing) return;
        const { editor } = this;
        const { doc } = editor.session;
        const { ids, landing } = held;
        const move = /** @type {<T extends Path | Area>(items: T[]) => T[]} */ (items) => movedTo(items, ids, landing.before, landing.group);
        editor.commit(held.kind === "paths" ? { ...doc, paths: move(doc.paths) } : { ...doc, regions: move(doc.regions) }, t`change the order`);
    }

    #end() {
        this.#held = null;
        this.#line.remove();
        document.removeEventListener("keydown", this.#escape, { capture: true });
    }
}

/** How far beside a box: its column may be another. @type {(x: number, box: DOMRect) => number} */
function outside(x, box) {
    return Math.max(box.left - x, x - box.right, 0);
}
