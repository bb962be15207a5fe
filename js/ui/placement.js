/** Placement: where what is selected lies and how large it is, as numbers that can be entered; and a turn. */

import { isNothing } from "../document/operations.js";
import { placedBox, selectedBox } from "../document/shapes.js";
import { h } from "../dom.js";
import { frameAt } from "../input/player.js";
import { turnSelection } from "../input/shape_commands.js";
import { t } from "../locale.js";
import { numberField, roundShown } from "./fields.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../document/operations.js").Selection} Selection */

const FURTHEST = 100000; // pixels, as coordinates may be

/** The rows of fields; none for a single point, which has fields of its own. @type {(editor: Editor, selection: Selection) => HTMLElement[]} */
export function placementFields(editor, selection) {
    const onePoint = selection.points.length === 1 && selection.paths.length === 1 && !selection.regions.length;
    if (isNothing(selection) || onePoint) return [];
    const box = selectedBox(editor.session.doc, selection, frameAt(editor.time));
    if (!box) return [];
    const [width, height] = [box.high.x - box.low.x, box.high.y - box.low.y];
    const place = (/** @type {"x" | "y" | "width" | "height"} */ side) => (/** @type {number} */ value) =>
        editor.commit(placedBox(editor.doc, editor.selection, frameAt(editor.time), { [side]: value }), side === "x" || side === "y" ? t`move` : t`scale`);
    const size = { min: 0.01, max: FURTHEST, step: "any" };
    const anywhere = { min: -FURTHEST, max: FURTHEST, step: "any" };
    const corner = [
        numberField(editor, "x", roundShown(box.low.x), { ...anywhere, field: "left", hint: t`Pixels from the left to what is selected` }, place("x")),
        numberField(editor, "y", roundShown(box.low.y), { ...anywhere, field: "top", hint: t`Pixels from the top to what is selected` }, place("y")),
    ];
    const sides = [];
    if (width) sides.push(numberField(editor, "w", roundShown(width), { ...size, field: "width", hint: t`Its width in pixels` }, place("width")));
    if (height) sides.push(numberField(editor, "h", roundShown(height), { ...size, field: "height", hint: t`Its height in pixels` }, place("height")));
    const rows = [corner, sides].filter((fields) => fields.length).map((fields) => h("div", { class: "rve-pair" }, ...fields)); // no more in a row: of four digits none may be cut
    if (width || height) {
        const turn = (/** @type {number} */ degrees) => turnSelection(editor, degrees);
        const hint = t`Degrees to turn it by, clockwise, when you press Enter`;
        rows.push(h("div", { class: "rve-pair" }, numberField(editor, t`Turn by °`, 0, { min: -360, max: 360, step: "any", field: "turn", hint }, turn)));
    }
    return rows;
}
