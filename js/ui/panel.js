/** Panel: the list of paths and areas, a grid that arrows move in, and below it the settings of what is selected. */

import { h } from "../dom.js";
import { frameAt } from "../input/player.js";
import { itemRow } from "./list/rows.js";
import { Settings } from "./settings.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../editor.js").Editor} Editor */

/**
 * A place in the list: the row itself, its eye, its lock, its name.
 * @typedef {{kind: "paths" | "regions", id: string, column: number}} Place
 */

const COLUMNS = ["row", "eye", "lock", "name"];

export class Panel {
    /** @type {EditDocument | null} */
    #shownDoc = null;
    /** @type {import("../document/operations.js").Selection | null} */
    #shownSelection = null;
    /** @type {import("../document/solo.js").Solo | null} */
    #shownSolo = null;
    #shownFrame = -1;
    /** @type {Place | null} where Tab comes into the list */
    #place = null;
    #list = h("div", { class: "rve-list" });

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.settings = new Settings(editor);
        const fold = h("details", { class: "rve-fold", open: true }, h("summary", {}, "Settings"), this.settings.element);
        this.element = h("div", { class: "rve-panel" }, this.#list, fold);
        this.#list.addEventListener("keydown", (event) => this.#key(event));
        this.#list.addEventListener("focusin", (event) => {
            const place = this.#placeOf(event.target);
            if (place) this.#setStop(place);
        });
    }

    /** What was typed and not taken goes, at the next draw. */
    renew() {
        this.#shownDoc = null;
    }

    /** Brings the panel up to date with what is stored, not with what is being dragged: it would cost every move. @type {() => void} */
    draw() {
        const { session } = this.editor;
        const { doc } = session;
        const frame = frameAt(session.time);
        const follows = session.selection.regions.length > 0; // whose settings depend on the frame shown
        if (doc === this.#shownDoc && session.solo === this.#shownSolo && session.selection === this.#shownSelection && (!follows || frame === this.#shownFrame)) return;
        [this.#shownDoc, this.#shownSolo, this.#shownSelection, this.#shownFrame] = [doc, session.solo, session.selection, frame];
        const scroll = this.#list.scrollTop;
        const focused = this.#list.contains(document.activeElement);
        const index = this.#rows().findIndex((row) => this.#isAt(row));
        this.#list.replaceChildren(
            ...this.#section("Paths", doc.paths, "paths"),
            ...this.#section("Areas", doc.regions, "regions"),
        );
        this.#list.scrollTop = scroll;
        this.#settle(index, focused);
        this.settings.show(this.editor.selection);
    }

    /** @type {(title: string, items: (Path | Area)[], kind: "paths" | "regions") => HTMLElement[]} */
    #section(title, items, kind) {
        const empty = kind === "paths" ? "Draw where things move." : "Draw what may change.";
        const rows = items.map((item) => itemRow(this.editor, kind, items, item));
        const grid = h("div", { role: "grid", "aria-label": title, "aria-multiselectable": "true" }, ...rows);
        return [h("h3", {}, title), rows.length ? grid : h("p", { class: "rve-empty" }, empty)];
    }

    // --- By keys: one stop for Tab, arrows within ------------------------------------------------

    /** @type {() => HTMLElement[]} */
    #rows = () => [...this.#list.querySelectorAll(".rve-row")].map((row) => /** @type {HTMLElement} */ (row));

    /** @type {(target: EventTarget | null) => Place | null} */
    #placeOf(target) {
        if (!(target instanceof HTMLElement)) return null;
        const row = /** @type {HTMLElement | null} */ (target.closest(".rve-row"));
        const column = COLUMNS.indexOf(target.dataset.column ?? "");
        if (!row || column < 0) return null;
        return { kind: /** @type {Place["kind"]} */ (row.dataset.kind), id: row.dataset.item ?? "", column };
    }

    /** Whether Tab comes into the list in a row. @type {(row: HTMLElement) => boolean} */
    #isAt = (row) => row.dataset.item === this.#place?.id && row.dataset.kind === this.#place?.kind;

    /** @type {(row: HTMLElement | undefined, column: number) => HTMLElement | undefined} */
    #cell = (row, column) => (column ? (row?.querySelector(`[data-column="${COLUMNS[column]}"]`) ?? undefined) : row);

    /** @type {(place: Place) => void} */
    #setStop(place) {
        this.#place = place;
        for (const one of this.#list.querySelectorAll("[data-column]")) {
            const here = this.#placeOf(one);
            /** @type {HTMLElement} */ (one).tabIndex = here?.id === place.id && here.kind === place.kind && here.column === place.column ? 0 : -1;
        }
    }

    /** After a redraw: the stop is where it was, else at the row that took its place. @type {(index: number, focused: boolean) => void} */
    #settle(index, focused) {
        const rows = this.#rows();
        const row = rows.find((one) => this.#isAt(one)) ?? rows[Math.min(Math.max(index, 0), rows.length - 1)];
        const cell = this.#cell(row, this.#place?.column ?? 0);
        const place = this.#placeOf(cell ?? null);
        if (place) this.#setStop(place);
        if (focused) cell ? cell.focus({ preventScroll: true }) : this.editor.focus();
    }

    /** @type {(event: KeyboardEvent) => void} */
    #key(event) {
        const place = this.#placeOf(event.target);
        if (!place || event.ctrlKey || event.altKey || event.metaKey) return;
        const rows = this.#rows();
        const index = rows.findIndex((row) => row.contains(/** @type {Node} */ (event.target)));
        /** @type {Record<string, [number, number]>} */
        const to = {
            ArrowUp: [index - 1, place.column],
            ArrowDown: [index + 1, place.column],
            ArrowLeft: [index, place.column - 1],
            ArrowRight: [index, place.column + 1],
            Home: [0, place.column],
            End: [rows.length - 1, place.column],
        };
        if (!(event.key in to)) return;
        event.preventDefault();
        event.stopPropagation();
        const [row, column] = to[event.key];
        this.#cell(rows[row], Math.min(Math.max(column, 0), COLUMNS.length - 1))?.focus();
    }
}
