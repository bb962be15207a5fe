/** Rows of the list that stand for a group: they fold it, and select, show, lock and rename all of it. */

import { membersOf, renamedGroup } from "../../document/groups.js";
import { setLocked } from "../../document/items.js";
import * as ops from "../../document/operations.js";
import { h } from "../../dom.js";
import { t } from "../../locale.js";
import { listRow, rowButton } from "./rows.js";

/** @typedef {import("../../document/document.js").Path} Path */
/** @typedef {import("../../document/document.js").Area} Area */
/** @typedef {import("../../editor.js").Editor} Editor */
/** @typedef {import("./rows.js").Kind} Kind */

/** @type {(editor: Editor, kind: Kind, group: string, fold: () => void) => HTMLElement} */
export function groupRow(editor, kind, group, fold) {
    const { doc, selection, solo, folded } = editor.session;
    const members = membersOf(doc, group);
    const items = [...doc.paths.filter(({ id }) => members.paths.includes(id)), ...doc.regions.filter(({ id }) => members.regions.includes(id))];
    const shown = items.some((item) => item.visible !== false);
    const locked = items.every((item) => item.locked);
    const chosen = members.paths.every((id) => selection.paths.includes(id)) && members.regions.every((id) => selection.regions.includes(id));
    const seen = !solo || members.paths.some((id) => solo.paths.includes(id)) || members.regions.some((id) => solo.regions.includes(id));
    const isFolded = folded.has(group);
    const show = () => {
        const visible = !shown;
        const set = /** @type {<T extends Path | Area>(list: T[]) => T[]} */ (list) => list.map((item) => (item.group === group ? { ...item, visible } : item));
        editor.commit({ ...doc, paths: set(doc.paths), regions: set(doc.regions) }, visible ? t`show` : t`hide`);
    };
    const choose = (/** @type {boolean} */ adds) => {
        const whole = { ...ops.NOTHING, ...members };
        if (!adds) return editor.select(whole);
        const { paths, regions, points } = editor.session.selection;
        const joined = (/** @type {string[]} */ ids, /** @type {string[]} */ own) => (chosen ? ids.filter((id) => !own.includes(id)) : [...new Set([...ids, ...own])]);
        editor.select({ paths: joined(paths, members.paths), regions: joined(regions, members.regions), points });
    };
    const rename = (/** @type {string} */ name) => {
        if (!name) return;
        if (isFolded) folded.add(name);
        editor.commit(renamedGroup(editor.doc, group, name), t`group`, editor.panel.isNewGroup(group) ? "group" : "");
    };
    const state = `${chosen ? " rve-chosen" : ""}${shown ? "" : " rve-dim"}${seen ? "" : " rve-left-out"}`;
    return listRow({
        attributes: { class: `rve-row rve-group${state}`, "data-kind": kind, "data-group": group, "aria-selected": String(chosen), "aria-expanded": String(!isFolded), "aria-level": "1" },
        title: t`Click to select all of the group, double click to rename it`,
        name: group,
        before: [
            rowButton("eye", shown ? "visible" : "hidden", shown ? t`Hide all of the group` : t`Show all of the group`, t`${group}: shown`, shown, show),
            rowButton("lock", locked ? "locked" : "unlocked", locked ? t`Unlock all of the group` : t`Lock all of the group`, t`${group}: locked`, locked, () => editor.commit(setLocked(doc, members, !locked), locked ? t`unlock` : t`lock`)),
            rowButton("fold", isFolded ? "folded" : "down", isFolded ? t`Unfold` : t`Fold`, t`${group}: unfolded`, !isFolded, fold),
        ].map((button) => h("span", { role: "gridcell" }, button)),
        after: [h("span", { class: "rve-tag", role: "gridcell" }, String(items.length))],
        choose,
        rename,
        leave: () => editor.focus(),
    });
}
