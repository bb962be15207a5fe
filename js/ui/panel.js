/** Panel: the list of paths and areas, and below it the settings of what is selected. */

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

export class Panel {
    /** @type {EditDocument | null} */
    #shownDoc = null;
    /** @type {ops.Selection | null} */
    #shownSelection = null;
    /** @type {number | undefined} */
    #shownMoment = -1;
    #list = h("div", { class: "rve-list", role: "listbox", "aria-label": "Paths and areas", "aria-multiselectable": "true" });

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.settings = new Settings(editor);
        const fold = h("details", { class: "rve-fold", open: true }, h("summary", {}, "Settings"), this.settings.element);
        this.element = h("div", { class: "rve-panel" }, this.#list, fold);
    }

    /** Brings the panel up to date with what is stored, not with what is being dragged: it would cost every move. @type {() => void} */
    draw() {
        const { session } = this.editor;
        const { doc } = session;
        const moment = this.settings.momentOf(session.selection, frameAt(session.time));
        if (doc === this.#shownDoc && session.selection === this.#shownSelection && moment === this.#shownMoment) return;
        [this.#shownDoc, this.#shownSelection, this.#shownMoment] = [doc, session.selection, moment];
        const scroll = this.#list.scrollTop;
        this.#list.replaceChildren(
            ...this.#section("Paths", doc.paths, "paths"),
            ...this.#section("Areas", doc.regions, "regions"),
        );
        this.#list.scrollTop = scroll;
        this.settings.show(session.selection);
    }

    /** @type {(title: string, items: (Path | Area)[], kind: "paths" | "regions") => HTMLElement[]} */
    #section(title, items, kind) {
        const empty = kind === "paths" ? "Draw where things move." : "Draw what may change.";
        const rows = items.map((item) => this.#row(item, items, kind));
        return [h("h3", {}, title), ...(rows.length ? rows : [h("p", { class: "rve-empty" }, empty)])];
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
        const text = h("span", { class: "rve-name" }, name);
        const rename = () => {
            const field = h("input", { class: "rve-name", maxlength: 100, value: name, "data-field": "name", "aria-label": "Name" });
            let done = false;
            const finish = (/** @type {boolean} */ apply) => {
                if (done) return;
                done = true;
                field.replaceWith(text);
                if (apply && field.value.trim() !== name) update({ name: field.value.trim().slice(0, 100) || undefined }, "rename");
                editor.focus();
            };
            field.addEventListener("blur", () => finish(true));
            field.addEventListener("keydown", (event) => {
                if (event.key === "Enter") finish(true);
                if (event.key === "Escape") finish(false);
                event.stopPropagation();
            });
            text.replaceWith(field);
            field.select();
            field.focus();
        };
        const mark =
            "easing" in item || kind === "paths"
                ? h("i", { class: "rve-swatch", style: `background:${colorOf(/** @type {Path} */ (item))}` })
                : h("i", { class: "rve-sign" }, /** @type {Area} */ (item).mode === "subtract" ? "−" : "+");
        return h(
            "div",
            {
                class: `rve-row${chosen ? " rve-chosen" : ""}${shown ? "" : " rve-dim"}`,
                role: "option",
                "aria-selected": chosen,
                "data-item": item.id,
                "data-kind": kind,
                title: "Click to select, double click to rename",
                onclick: (/** @type {MouseEvent} */ event) => {
                    // Not "dblclick": the first click may have put another element in this one's place.
                    if (event.detail === 2) return rename();
                    const one = { ...ops.NOTHING, [kind]: [item.id] };
                    const before = editor.session.selection;
                    const others = before[kind].filter((id) => id !== item.id);
                    const joined = { ...before, [kind]: chosen ? others : [...others, item.id] };
                    const adds = event.shiftKey || event.ctrlKey || event.metaKey;
                    const alone = chosen && before.paths.length + before.regions.length === 1 && !before.points.length;
                    if (event.detail < 2 && (adds || !alone)) editor.select(adds ? joined : one);
                },
            },
            h(
                "button",
                {
                    class: "rve-button rve-small",
                    type: "button",
                    title: shown ? "Hide: a hidden one takes no part" : "Show",
                    "aria-pressed": shown,
                    onclick: (/** @type {Event} */ event) => {
                        event.stopPropagation();
                        update({ visible: !shown }, shown ? "hide" : "show");
                    },
                },
                icon(shown ? "visible" : "hidden"),
            ),
            mark,
            text,
            kind === "regions" && /** @type {Area} */ (item).follow ? h("span", { class: "rve-tag", title: "Follows a path" }, "follows") : null,
        );
    }
}
