/** Panel: the list of paths and areas, a grid that arrows move in, and below it the settings of what is selected. */

import { colorOf, nameOf, updateArea, updatePath } from "../document/items.js";
import * as ops from "../document/operations.js";
import { h } from "../dom.js";
import { frameAt } from "../input/player.js";
import { icon } from "./icons.js";
import { Settings } from "./settings.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../editor.js").Editor} Editor */

/**
 * A place in the list: the row itself, its eye, its name.
 * @typedef {{kind: "paths" | "regions", id: string, column: number}} Place
 */

const COLUMNS = ["row", "eye", "name"];

export class Panel {
    /** @type {EditDocument | null} */
    #shownDoc = null;
    /** @type {ops.Selection | null} */
    #shownSelection = null;
    /** @type {number | undefined} */
    #shownMoment = -1;
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

    /** Brings the panel up to date with what is stored, not with what is being dragged: it would cost every move. @type {() => void} */
    draw() {
        const { session } = this.editor;
        const { doc } = session;
        const moment = this.settings.momentOf(session.selection, frameAt(session.time));
        if (doc === this.#shownDoc && session.selection === this.#shownSelection && moment === this.#shownMoment) return;
        [this.#shownDoc, this.#shownSelection, this.#shownMoment] = [doc, session.selection, moment];
        const scroll = this.#list.scrollTop;
        const focused = this.#list.contains(document.activeElement);
        const index = this.#rows().findIndex((row) => this.#isAt(row));
        this.#list.replaceChildren(
            ...this.#section("Paths", doc.paths, "paths"),
            ...this.#section("Areas", doc.regions, "regions"),
        );
        this.#list.scrollTop = scroll;
        this.#settle(index, focused);
        this.settings.show(session.selection);
    }

    /** @type {(title: string, items: (Path | Area)[], kind: "paths" | "regions") => HTMLElement[]} */
    #section(title, items, kind) {
        const empty = kind === "paths" ? "Draw where things move." : "Draw what may change.";
        const rows = items.map((item) => this.#row(item, items, kind));
        const grid = h("div", { role: "grid", "aria-label": title, "aria-multiselectable": "true" }, ...rows);
        return [h("h3", {}, title), rows.length ? grid : h("p", { class: "rve-empty" }, empty)];
    }

    /** @type {(item: Path | Area, items: (Path | Area)[], kind: "paths" | "regions") => HTMLElement} */
    #row(item, items, kind) {
        const { editor } = this;
        const chosen = editor.session.selection[kind].includes(item.id);
        const shown = item.visible !== false;
        const name = nameOf(items, item);
        const update = (/** @type {{name?: string, visible?: boolean}} */ change, /** @type {string} */ label) =>
            editor.commit(
                kind === "paths"
                    ? updatePath(editor.doc, item.id, (path) => ({ ...path, ...change }))
                    : updateArea(editor.doc, item.id, (area) => ({ ...area, ...change })),
                label,
            );
        const text = h("span", { class: "rve-name", role: "gridcell", tabindex: "-1", "data-column": "name" }, name);
        const rename = (/** @type {boolean} */ byKey) => {
            const field = h("input", { class: "rve-name", maxlength: 100, value: name, "data-field": "name", "aria-label": "Name" });
            const cell = h("span", { class: "rve-name", role: "gridcell" }, field);
            let done = false;
            const finish = (/** @type {boolean} */ apply) => {
                if (done) return;
                done = true;
                cell.replaceWith(text);
                if (apply && field.value.trim() !== name) update({ name: field.value.trim().slice(0, 100) || undefined }, "rename");
                byKey ? text.focus() : editor.focus();
            };
            field.addEventListener("blur", () => finish(true));
            field.addEventListener("keydown", (event) => {
                if (event.key === "Enter") finish(true);
                if (event.key === "Escape") finish(false);
                event.stopPropagation();
            });
            text.replaceWith(cell);
            field.focus();
            field.select();
        };
        const choose = (/** @type {boolean} */ adds) => {
            const before = editor.session.selection;
            const others = before[kind].filter((id) => id !== item.id);
            const joined = { ...before, [kind]: chosen ? others : [...others, item.id] };
            const alone = chosen && before.paths.length + before.regions.length === 1 && !before.points.length;
            if (adds || !alone) editor.select(adds ? joined : { ...ops.NOTHING, [kind]: [item.id] });
        };
        const mark =
            "easing" in item || kind === "paths"
                ? h("i", { class: "rve-swatch", style: `background:${colorOf(/** @type {Path} */ (item))}` })
                : h("i", { class: "rve-sign" }, /** @type {Area} */ (item).mode === "subtract" ? "−" : "+");
        const eye = h(
            "button",
            {
                class: "rve-button rve-small",
                type: "button",
                tabindex: "-1",
                "data-column": "eye",
                title: shown ? "Hide: a hidden one takes no part" : "Show",
                "aria-label": `${name}: shown`,
                "aria-pressed": String(shown),
                onclick: (/** @type {Event} */ event) => {
                    event.stopPropagation();
                    update({ visible: !shown }, shown ? "hide" : "show");
                },
            },
            icon(shown ? "visible" : "hidden"),
        );
        const row = h(
            "div",
            {
                class: `rve-row${chosen ? " rve-chosen" : ""}${shown ? "" : " rve-dim"}`,
                role: "row",
                tabindex: "-1",
                "data-column": "row",
                "data-kind": kind,
                "data-item": item.id,
                "aria-selected": String(chosen),
                title: "Click to select, double click to rename",
                onclick: (/** @type {MouseEvent} */ event) => {
                    // Not "dblclick": the first click may have put another element in this one's place.
                    if (event.detail === 2) return rename(false);
                    if (event.detail < 2) choose(event.shiftKey || event.ctrlKey || event.metaKey);
                },
                onkeydown: (/** @type {KeyboardEvent} */ event) => {
                    const onName = event.target === text;
                    const presses = event.target === row && (event.key === "Enter" || event.key === " ");
                    if (event.key === "F2" || (onName && event.key === "Enter")) rename(true);
                    else if (presses) choose(event.shiftKey || event.ctrlKey || event.metaKey);
                    else return;
                    event.preventDefault();
                    event.stopPropagation();
                },
            },
            h("span", { role: "gridcell" }, eye),
            h("span", { class: "rve-mark", role: "gridcell", "aria-hidden": "true" }, mark),
            text,
            kind === "regions" && /** @type {Area} */ (item).follow ? h("span", { class: "rve-tag", role: "gridcell" }, "follows") : null,
        );
        return row;
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
