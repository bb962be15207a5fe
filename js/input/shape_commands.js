/** Shape commands: what keys and menus do to the shape of what is selected. */

import { addPath, findPath } from "../document/items.js";
import { circleAround, toAndFro } from "../document/motions.js";
import { makesPolygons, selectedBox, transformed } from "../document/shapes.js";
import { scaling, turning } from "../geometry/transform.js";
import { centreOf } from "../geometry/transform_box.js";
import { t } from "../locale.js";
import { TURNED } from "../tools/transform.js";
import { frameAt } from "./player.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../geometry/transform.js").Affine} Affine */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const TURN_STEP = 15; // degrees
const SCALE_STEP = 1.1;
const CIRCLE_PART = 8; // of the frame's shorter side: a new circle's radius

/**
 * The centre that a document came about by: a turned shape's box has another centre, and shapes that are turned
 * again would wander off.
 * @type {WeakMap<import("../document/document.js").EditDocument, {selection: import("../document/operations.js").Selection, centre: XY}>}
 */
const centres = new WeakMap();

/** Maps what is selected about the centre of its box. @type {(editor: Editor, mapAbout: (centre: XY) => Affine, label: string, merge?: string) => void} */
export function transformAboutCentre(editor, mapAbout, label, merge = "") {
    const { doc, selection } = editor;
    const time = frameAt(editor.time); // a key lies at a frame, also while it plays
    const box = selectedBox(doc, selection, time);
    if (!box) return editor.say(t`Nothing is selected.`);
    const before = centres.get(doc);
    const centre = before?.selection === selection ? before.centre : centreOf(box);
    const after = transformed(doc, selection, mapAbout(centre), time);
    editor.commit(after, label, merge);
    centres.set(editor.doc, { selection: editor.selection, centre });
    if (makesPolygons(doc, editor.doc)) editor.say(TURNED);
}

/** Turns it by so many degrees, clockwise. @type {(editor: Editor, degrees: number, merge?: string) => void} */
export const turnSelection = (editor, degrees, merge) => transformAboutCentre(editor, (centre) => turning(degrees, centre), t`turn`, merge);

/** @type {(editor: Editor, factor: number) => void} */
const scaleSelection = (editor, factor) => transformAboutCentre(editor, (centre) => scaling(factor, factor, centre), t`scale`, "scale");

/** A circle as a path of its own, selected: the box around it sets its size. @type {(editor: Editor, centre: XY) => void} */
export function addCircle(editor, centre) {
    const { doc } = editor;
    const path = circleAround(doc, centre, Math.min(doc.width, doc.height) / CIRCLE_PART);
    editor.commit(addPath(doc, path), t`draw a circle`);
    editor.use("select");
    editor.select({ paths: [path.id], regions: [], points: [] });
    editor.say(t`Drag a corner of the box, Shift and Alt held, for another radius.`);
}

/** Around the selected point, or the selected anchor. @type {(editor: Editor) => void} */
function circleSelected(editor) {
    const { doc, session: { selection } } = editor; // of what is locked nothing changes
    const [point] = selection.points;
    const path = selection.paths.length === 1 ? findPath(doc, selection.paths[0]) : undefined;
    const centre = selection.points.length === 1 && path ? path.points[point.index] : path?.points.length === 1 ? path.points[0] : undefined;
    if (centre) addCircle(editor, centre);
    else editor.say(t`Select an anchor, or one point of a path, for the circle to go around.`);
}

/** @type {(editor: Editor) => void} */
function swingSelected(editor) {
    const { doc, selection } = editor;
    if (!selection.paths.length) return editor.say(t`Select a path first.`);
    const swung = selection.paths.reduce(toAndFro, doc);
    if (selection.paths.every((id) => findPath(swung, id) === findPath(doc, id))) return editor.say(t`A path of one point, or of no duration, cannot go there and back.`);
    editor.commit(swung, t`there and back`);
    editor.select({ ...selection, points: [] }); // their numbers are others' now
}

/** @type {Record<string, (editor: Editor) => void>} */
export const SHAPE_COMMANDS = {
    "mirror-x": (editor) => transformAboutCentre(editor, (centre) => scaling(-1, 1, centre), t`mirror`),
    "mirror-y": (editor) => transformAboutCentre(editor, (centre) => scaling(1, -1, centre), t`mirror`),
    "to-and-fro": swingSelected,
    circle: circleSelected,
    copies: (editor) => (editor.selection.paths.length ? editor.copiesForm.open() : editor.say(t`Select a path first.`)),
    menu: (editor) => editor.contextMenu.openAtSelection(),
    snap(editor) {
        editor.session.snapping = !editor.session.snapping;
        editor.say(editor.session.snapping ? t`Snaps to the frame's edges and centre, to points and areas. Hold Ctrl to place freely.` : t`Snapping is off.`);
    },
    "turn-left": (editor) => turnSelection(editor, -TURN_STEP, "turn"),
    "turn-right": (editor) => turnSelection(editor, TURN_STEP, "turn"),
    "scale-down": (editor) => scaleSelection(editor, 1 / SCALE_STEP),
    "scale-up": (editor) => scaleSelection(editor, SCALE_STEP),
};
