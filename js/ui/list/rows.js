/** Rows of the list: a path or an area with its eye, its lock and its name, which is typed over in its place. */

import { colorOf, nameOf, updateArea, updatePath } from "../../document/items.js";
import * as ops from "../../document/operations.js";
import { h } from "../../dom.js";
import { t } from "../../locale.js";
import { icon } from "../icons.js";

/** @typedef {import("../../document/document.js").Path} Path */
/** @typedef {import("../../document/document.js").Area} Area */
/** @typedef {import("../../editor.js").Editor} Editor */
/** @typedef {import("../icons.js").IconName} IconName */
/** @typedef {"paths" | "regions"} Kind */

const NAME_LENGTH = 100; // characters, as LIMITS.text has it

/** @type {(editor: Editor, kind: Kind, items: (Path | Area)[], item: Path | Area) => HTMLElement} */
export function itemRow(editor, kind, items, item) {
    const chosen = editor.session.selection[kind].includes(item.id);
    const shown = item.visible !== false;
    const locked = item.locked === true;
    const { solo } = editor.session;
    const alone = solo?.[kind].includes(item.id) === true;
    const name = nameOf(items, item);
    const update = (/** @type {{name?: string, visible?: boolean, locked?: boolean}} */ change, /** @type {string} */ label) =>
        editor.commit(
            kind === "paths"
                ? updatePath(editor.doc, item.id, (path) => ({ ...path, ...change }))
                : updateArea(editor.doc, item.id, (area) => ({ ...area, ...change })),
            label,
        );
    const choose = (/** @type {boolean} */ adds) => {
        const before = editor.session.selection;
        const others = before[kind].filter((id) => id !== item.id);
        const joined = { ...before, [kind]: chosen ? others : [...others, item.id] };
        const only = chosen && before.paths.length + before.regions.length === 1 && !before.points.length;
        if (adds || !only) editor.select(adds ? joined : { ...ops.NOTHING, [kind]: [item.id] });
    };
    const mark =
        kind === "paths"
            ? h("i", { class: "rve-swatch", style: `background:${colorOf(/** @type {Path} */ (item))}` })
            : h("i", { class: "rve-sign" }, /** @type {Area} */ (item).mode === "subtract" ? "−" : "+");
    const eye = rowButton("eye", shown ? "visible" : "hidden", shown ? t`Hide: a hidden one takes no part` : t`Show`, t`${name}: shown`, shown, () => update({ visible: !shown }, shown ? t`hide` : t`show`));
    const lock = rowButton("lock", locked ? "locked" : "unlocked", locked ? t`Unlock` : t`Lock: a locked one is not taken or changed`, t`${name}: locked`, locked, () => update({ locked: locked ? undefined : true }, locked ? t`unlock` : t`lock`));
    const follows = kind === "regions" && /** @type {Area} */ (item).follow !== undefined;
    return listRow({
        attributes: { class: `rve-row${chosen ? " rve-chosen" : ""}${shown ? "" : " rve-dim"}${solo && !alone ? " rve-left-out" : ""}${item.group === undefined ? "" : " rve-member"}`, "data-kind": kind, "data-item": item.id, "aria-selected": String(chosen), "aria-level": item.group === undefined ? "1" : "2" },
        title: t`Click to select, double click to rename`,
        name,
        before: [h("span", { role: "gridcell" }, eye), h("span", { role: "gridcell" }, lock), h("span", { class: "rve-mark", role: "gridcell", "aria-hidden": "true" }, mark)],
        after: [alone ? h("span", { class: "rve-tag", role: "gridcell" }, t`solo`) : null, follows ? h("span", { class: "rve-tag", role: "gridcell" }, t`follows`) : null],
        choose,
        rename: (text) => update({ name: text || undefined }, t`rename`),
        leave: () => editor.focus(),
    });
}

/** A button in a row that keys reach by arrows, pressed or not. @type {(column: string, name: IconName, title: string, label: string, pressed: boolean, act: () => void) => HTMLElement} */
export function rowButton(column, name, title, label, pressed, act) {
    const click = (/** @type {Event} */ event) => {
        event.stopPropagation();
        act();
    };
    return h("button", { class: "rve-button rve-small", type: "button", tabindex: "-1", "data-column": column, title, "aria-label": label, "aria-pressed": String(pressed), onclick: click }, icon(name));
}

/**
 * A row that is chosen by click or Enter, and renamed by a double click or F2.
 * @param {{attributes: Record<string, string>, title: string, name: string, before: HTMLElement[], after: (HTMLElement | null)[],
 *   choose: (adds: boolean) => void, rename: (name: string) => void, leave: () => void}} row  `leave`: the keyboard goes back to the drawing
 */
export function listRow({ attributes, title, name, before, after, choose, rename, leave }) {
    const text = h("span", { class: "rve-name", role: "gridcell", tabindex: "-1", "data-column": "name" }, name);
    const type = (/** @type {boolean} */ byKey) => typeOver(text, name, rename, () => (byKey ? text.focus() : leave()));
    const row = h(
        "div",
        {
            ...attributes,
            role: "row",
            tabindex: "-1",
            "data-column": "row",
            title,
            onclick: (/** @type {MouseEvent} */ event) => {
                // Not "dblclick": the first click may have put another element in this one's place.
                if (event.detail === 2) return type(false);
                if (event.detail < 2) choose(event.shiftKey || event.ctrlKey || event.metaKey);
            },
            onkeydown: (/** @type {KeyboardEvent} */ event) => {
                const onName = event.target === text;
                const presses = event.target === row && (event.key === "Enter" || event.key === " ");
                if (event.key === "F2" || (onName && event.key === "Enter")) type(true);
                else if (presses) choose(event.shiftKey || event.ctrlKey || event.metaKey);
                else return;
                event.preventDefault();
                event.stopPropagation();
            },
        },
        ...before,
        text,
        ...after,
        // People without a pointer move rows by Alt and an arrow.
        h("span", { class: "rve-grip", role: "gridcell", "aria-hidden": "true", title: t`Drag to move (Alt ↑, Alt ↓)`, onclick: (/** @type {Event} */ event) => event.stopPropagation() }, icon("grip")),
    );
    typing.set(row, type);
    return row;
}

/** @type {WeakMap<HTMLElement, (byKey: boolean) => void>} */
const typing = new WeakMap();

/** Lets one type another name in a row. @type {(row: HTMLElement, byKey: boolean) => void} */
export const typeOverName = (row, byKey) => typing.get(row)?.(byKey);

/** A field in the place of a name. @type {(text: HTMLElement, name: string, rename: (name: string) => void, left: () => void) => void} */
function typeOver(text, name, rename, left) {
    const field = h("input", { class: "rve-name", maxlength: NAME_LENGTH, value: name, "data-field": "name", "aria-label": t`Name` });
    const cell = h("span", { class: "rve-name", role: "gridcell" }, field);
    let done = false;
    const finish = (/** @type {boolean} */ apply) => {
        if (done) return;
        done = true;
        cell.replaceWith(text);
        const typed = field.value.trim().slice(0, NAME_LENGTH);
        if (apply && typed !== name) rename(typed);
        left();
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
}
