/** Shape commands: what keys and menus do to the shape of what is selected. */

import { makesPolygons, selectedBox, transformed } from "../document/shapes.js";
import { scaling, turning } from "../geometry/transform.js";
import { centreOf } from "../geometry/transform_box.js";
import { TURNED } from "../tools/transform.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../geometry/transform.js").Affine} Affine */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const TURN_STEP = 15; // degrees
const SCALE_STEP = 1.1;

/**
 * The centre that a document came about by: a turned shape's box has another centre, and shapes that are turned
 * again would wander off.
 * @type {WeakMap<import("../document/document.js").EditDocument, {selection: import("../document/operations.js").Selection, centre: XY}>}
 */
const centres = new WeakMap();

/** Maps what is selected about the centre of its box. @type {(editor: Editor, mapAbout: (centre: XY) => Affine, label: string, merge?: string) => void} */
export function transformAboutCentre(editor, mapAbout, label, merge = "") {
    const { doc, selection, time } = editor;
    const box = selectedBox(doc, selection, time);
    if (!box) return editor.say("Nothing is selected.");
    const before = centres.get(doc);
    const centre = before?.selection === selection ? before.centre : centreOf(box);
    const map = mapAbout(centre);
    editor.commit(transformed(doc, selection, map, time), label, merge);
    centres.set(editor.doc, { selection: editor.selection, centre });
    if (makesPolygons(doc, selection, map)) editor.say(TURNED);
}

/** Turns it by so many degrees, clockwise. @type {(editor: Editor, degrees: number, merge?: string) => void} */
export const turnSelection = (editor, degrees, merge) => transformAboutCentre(editor, (centre) => turning(degrees, centre), "turn", merge);

/** @type {(editor: Editor, factor: number) => void} */
const scaleSelection = (editor, factor) => transformAboutCentre(editor, (centre) => scaling(factor, factor, centre), "scale", "scale");

/** @type {Record<string, (editor: Editor) => void>} */
export const SHAPE_COMMANDS = {
    snap(editor) {
        editor.session.snapping = !editor.session.snapping;
        editor.say(editor.session.snapping ? "Snaps to the frame's edges and centre, to points and areas. Hold Ctrl to place freely." : "Snapping is off.");
    },
    "turn-left": (editor) => turnSelection(editor, -TURN_STEP, "turn"),
    "turn-right": (editor) => turnSelection(editor, TURN_STEP, "turn"),
    "scale-down": (editor) => scaleSelection(editor, 1 / SCALE_STEP),
    "scale-up": (editor) => scaleSelection(editor, SCALE_STEP),
};
