/** Panel: the list of paths and areas, a grid that arrows move in, and the settings of what is selected; beside the stage or under it. */

import { listedRuns, shifted, shiftedRun } from "../document/groups.js";
import { h } from "../dom.js";
import { arrange } from "../geometry/arrangement.js";
import { frameAt } from "../input/player.js";
import { t } from "../locale.js";
import { RowDrag } from "./list/drag.js";
import { groupRow } from "./list/group_row.js";
import { itemRow, typeOverName } from "./list/rows.js";
import { Settings } from "./settings.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../editor.js").Editor} Editor */

/**
 * A place in the list: in the row of an item or of a group, the row itself, its eye, its lock, its name.
 * @typedef {{kind: "paths" | "regions", id: string, isGroup: boolean, column: string}} Place
 */

const COLUMN_ROWS = 5; // fill a column of the list, where the panel is wide and low

export class Panel {
    /** @type {EditDocument | null} */
    #shownDoc = null;
    /** @type {import("../document/operations.js").Selection | null} */
    #shownSelection = null;
    /** @type {number | undefined} */
    #shownMoment = -1;
    /** @type {import("../document/solo.js").Solo | null} */
    #shownSolo = null;
    /** @type {Place | null} where Tab comes into the list */
    #place = null;
    /** The group that was made last, and whether its name is to be asked for. */
    #newGroup = "";
    #naming = false;
    /** Whether something in it is being pressed, which a new element would take the click from. */
    #pressed = false;
    #list = h("div", { class: "rve-list" });
    /** @type {import("../geometry/arrangement.js").Arrangement} */
    #arrangement = { under: false, panel: 0 };
    /** Whether it stood under the stage last, in the node and in the full window: it comes back as it was. */
    #wasUnder = { node: false, window: false };

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.settings = new Settings(editor);
        new RowDrag(editor, this.#list);
        const fold = h("details", { class: "rve-fold", open: true }, h("summary", {}, t`Settings`), this.settings.element);
        this.element = h("div", { class: "rve-panel" }, this.#list, fold);
        this.element.addEventListener("pointerdown", () => this.#press());
        this.#list.addEventListener("keydown", (event) => this.#key(event));
        this.#list.addEventListener("focusin", (event) => {
            const place = this.#placeOf(event.target);
            if (place) this.#setStop(place);
        });
    }

    /** Takes its place in the room that it and the stage share. @type {(frame: {width: number, height: number}, room: {width: number, height: number}) => void} */
    arrange(frame, room) {
        if (!room.width || !room.height) return; // collapsed, or not in the page
        const before = this.#arrangement;
        const where = this.editor.fillsWindow ? "window" : "node";
        const { under, panel } = (this.#arrangement = arrange(frame, room, this.#wasUnder[where]));
        this.#wasUnder[where] = under;
        if (under !== before.under) this.editor.element.classList.toggle("rve-under", under);
        if (panel !== before.panel) this.element.style.flexBasis = `${panel}px`;
    }

    /** What was typed and not taken goes, at the next draw. */
    renew() {
        this.#shownDoc = null;
    }

    /** Asks in its row for the name of a group that was just made. @type {(group: string) => void} */
    nameGroup(group) {
        this.#newGroup = group;
        this.#naming = this.editor.session.panel;
        this.editor.session.folded.delete(group);
    }

    /** Whether its name was asked for, and belongs to the step that made it. @type {(group: string) => boolean} */
    isNewGroup = (group) => group === this.#newGroup;

    /** @type {(group: string) => void} */
    #fold(group) {
        const { folded } = this.editor.session;
        if (!folded.delete(group)) folded.add(group);
        this.renew();
        this.editor.redraw();
    }

    #press() {
        this.#pressed = true;
        const release = () => {
            for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, release, true);
            this.#pressed = false;
            this.editor.redraw();
        };
        for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, release, true);
    }

    /** Brings the panel up to date with what is stored, not with what is being dragged: it would cost every move. @type {() => void} */
    draw() {
        if (this.#pressed) return;
        const { session, player } = this.editor;
        const { doc, selection, solo } = session;
        const isListed = doc === this.#shownDoc && solo === this.#shownSolo && selection === this.#shownSelection;
        const moment = this.settings.momentOf(selection, frameAt(session.time));
        // Fields that are made anew with every frame, or while something is typed, could not be used.
        if (isListed && (player.playing || this.settings.isEntered || moment === this.#shownMoment)) return;
        [this.#shownDoc, this.#shownSolo, this.#shownSelection, this.#shownMoment] = [doc, solo, selection, moment];
        if (!isListed) this.#drawList(doc);
        this.settings.show(this.editor.selection);
    }

    /** @type {(doc: EditDocument) => void} */
    #drawList(doc) {
        const scroll = this.#list.scrollTop;
        const focused = this.#list.contains(document.activeElement);
        const index = this.#rows().findIndex((row) => this.#isAt(row));
        this.#list.replaceChildren(this.#section(t`Paths`, doc.paths, "paths"), this.#section(t`Areas`, doc.regions, "regions"));
        this.#list.scrollTop = scroll;
        this.#settle(index, focused);
        if (!this.#naming) return;
        this.#naming = false;
        const row = this.#rows().find((one) => one.dataset.group === this.#newGroup);
        row?.scrollIntoView({ block: "nearest" });
        if (row) typeOverName(row, focused);
    }

    /** @type {(title: string, items: (Path | Area)[], kind: "paths" | "regions") => HTMLElement} */
    #section(title, items, kind) {
        const empty = kind === "paths" ? t`Draw where things move.` : t`Draw what may change.`;
        const { editor } = this;
        const { folded } = editor.session;
        const rows = listedRuns(items).flatMap(({ group, items: inside }) => {
            const members = group !== undefined && folded.has(group) ? [] : inside.map((item) => itemRow(editor, kind, items, item));
            return group === undefined ? members : [groupRow(editor, kind, group, () => this.#fold(group)), ...members];
        });
        const grid = h("div", { role: "treegrid", "aria-label": title, "aria-multiselectable": "true" }, ...rows);
        const columns = Math.max(Math.ceil(rows.length / COLUMN_ROWS), 1);
        return h("div", { class: "rve-section", style: `--rve-columns: ${columns}` }, h("h3", {}, title), rows.length ? grid : h("p", { class: "rve-empty" }, empty));
    }

    // --- By keys: one stop for Tab, arrows within ------------------------------------------------

    /** @type {() => HTMLElement[]} */
    #rows = () => [...this.#list.querySelectorAll(".rve-row")].map((row) => /** @type {HTMLElement} */ (row));

    /** @type {(target: EventTarget | null) => Place | null} */
    #placeOf(target) {
        if (!(target instanceof HTMLElement)) return null;
        const row = /** @type {HTMLElement | null} */ (target.closest(".rve-row"));
        const { column } = target.dataset;
        if (!row || !column) return null;
        const { kind, item, group } = row.dataset;
        return { kind: /** @type {Place["kind"]} */ (kind), id: item ?? group ?? "", isGroup: item === undefined, column };
    }

    /** Whether Tab comes into the list in a row. @type {(row: HTMLElement) => boolean} */
    #isAt = (row) => {
        const [here, place] = [this.#placeOf(row), this.#place];
        return here?.id === place?.id && here?.kind === place?.kind && here?.isGroup === place?.isGroup;
    };

    /** What of a row has the column; the name where it has none such. @type {(row: HTMLElement | undefined, column: string) => HTMLElement | undefined} */
    #cell = (row, column) => (column === "row" ? row : (row?.querySelector(`[data-column="${column}"]`) ?? row?.querySelector('[data-column="name"]') ?? undefined));

    /** @type {(place: Place) => void} */
    #setStop(place) {
        this.#place = place;
        const row = this.#rows().find((one) => this.#isAt(one));
        for (const one of this.#list.querySelectorAll("[data-column]")) /** @type {HTMLElement} */ (one).tabIndex = -1;
        const cell = this.#cell(row, place.column);
        if (cell) cell.tabIndex = 0;
    }

    /** After a redraw: the stop is where it was, else at the row that took its place. @type {(index: number, focused: boolean) => void} */
    #settle(index, focused) {
        const rows = this.#rows();
        const row = rows.find((one) => this.#isAt(one)) ?? rows[Math.min(Math.max(index, 0), rows.length - 1)];
        const cell = this.#cell(row, this.#place?.column ?? "row");
        const place = this.#placeOf(cell ?? null);
        if (place) this.#setStop(place);
        if (focused) cell ? cell.focus({ preventScroll: true }) : this.editor.focus();
    }

    /** @type {(event: KeyboardEvent) => void} */
    #key(event) {
        const place = this.#placeOf(event.target);
        if (!place || event.ctrlKey || event.metaKey) return;
        const { key } = event;
        if (event.altKey) {
            if (key !== "ArrowUp" && key !== "ArrowDown") return;
            this.#shift(place, key === "ArrowUp" ? -1 : 1);
        } else if (!this.#move(place, key)) return;
        event.preventDefault();
        event.stopPropagation();
    }

    /** To another row or column; at a group's row, arrows to the sides fold it first. True if the key was one for that. @type {(place: Place, key: string) => boolean} */
    #move(place, key) {
        const rows = this.#rows();
        const index = rows.findIndex((one) => this.#isAt(one));
        const columns = ["row", ...[...rows[index].querySelectorAll("[data-column]")].map((one) => /** @type {HTMLElement} */ (one).dataset.column ?? "")];
        const side = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
        if (side) {
            const isFolded = this.editor.session.folded.has(place.id);
            if (place.isGroup && place.column === "row" && isFolded === (side > 0)) this.#fold(place.id);
            else this.#cell(rows[index], columns[Math.min(Math.max(columns.indexOf(place.column) + side, 0), columns.length - 1)])?.focus();
            return true;
        }
        const to = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: rows.length - 1 }[key];
        if (to === undefined) return false;
        this.#cell(rows[to], place.column)?.focus();
        return true;
    }

    /** The row's item, or all of its group, one row up or down. @type {(place: Place, by: 1 | -1) => void} */
    #shift({ kind, id, isGroup }, by) {
        const { editor } = this;
        const { doc, folded } = editor.session;
        const move = /** @type {<T extends Path | Area>(items: T[]) => T[]} */ (items) => {
            const run = listedRuns(items).find(({ group }) => group === id);
            return isGroup ? shiftedRun(items, run?.items.map((item) => item.id) ?? [], by) : shifted(items, id, by, [...folded]);
        };
        editor.commit(kind === "paths" ? { ...doc, paths: move(doc.paths) } : { ...doc, regions: move(doc.regions) }, t`change the order`, "order");
    }
}
