/**
 * Board: what a tool is, what it gets and what it may do. A tool answers a press with a drag, or
 * with null where the press was all. Tools turn events into operations; they know no DOM.
 */

import * as ops from "../document/operations.js";
import { selectedBox } from "../document/shapes.js";
import { SNAP_REACH, edgesOf, snapLines, snapOffset } from "../geometry/snapping.js";
import { t } from "../locale.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Point} Point */
/** @typedef {import("../document/operations.js").Selection} Selection */
/** @typedef {import("../geometry/viewport.js").XY} XY */

/**
 * A pointer's place and what is held with it.
 * @typedef {object} Press
 * @property {XY} view  view pixels
 * @property {XY} px  frame pixels
 * @property {boolean} shift
 * @property {boolean} alt
 * @property {boolean} [ctrl]  Ctrl or Cmd: nothing snaps
 * @property {boolean} [exact]  by keys: no step is too small for a drag
 * @property {number} clicks  2 for the second of a double click, and so on
 * @property {number} reach  how near counts as on, in frame pixels; wider for fingers
 *
 * @typedef {object} Drag
 * @property {(press: Press) => void} move
 * @property {(press: Press) => void} end
 * @property {() => void} cancel  leaves the drawing as it was
 *
 * @typedef {{kind: "stroke", points: XY[], closed: boolean, radius?: number}
 *   | {kind: "box", from: XY, to: XY, ellipse: boolean, marquee?: boolean}
 *   | {kind: "frame", corners: XY[]}} Sketch
 *   what is being drawn and is not in the document yet
 *
 * What a tool may do.
 * @typedef {object} Board
 * @property {EditDocument} doc
 * @property {EditDocument} stageDoc  as the stage shows it: what may be hit
 * @property {Selection} selection
 * @property {number} time
 * @property {import("../geometry/viewport.js").Viewport} viewport
 * @property {import("../geometry/viewport.js").Size} view  of the stage, in view pixels
 * @property {boolean} [snapping]  whether what is moved, scaled or drawn lines up with the rest
 * @property {import("../geometry/snapping.js").Guide[]} [guides]  lines shown that it lines up with, until the drag is over
 * @property {"add" | "subtract"} areaMode
 * @property {number} brushRadius  frame pixels
 * @property {string | null} openPath  the path that clicks go on adding points to
 * @property {XY[]} openOutline  places clicked so far of what is no item yet: corners of a polygon, a path's first point
 * @property {{at: XY, key: string} | null} lastClick  where, in view pixels, and what it took: a click again takes what lies below
 * @property {(doc: EditDocument) => void} preview  shows a document that is not stored yet
 * @property {(doc: EditDocument, label: string) => void} commit
 * @property {() => void} revert  back to the stored document
 * @property {(selection: Selection) => void} select
 * @property {(sketch: Sketch | null) => void} sketch
 * @property {(dx: number, dy: number) => void} panBy  view pixels
 * @property {(places: XY[]) => void} track  follows what lies there at the time, through the clip
 * @property {(text: string) => void} say
 *
 * `snaps`: its presses are places that line up, and come snapped; `finish` ends what clicks have begun.
 * @typedef {{cursor: string, hint: string, snaps?: boolean, press: (board: Board, press: Press) => Drag | null,
 *   finish?: (board: Board) => void}} Tool
 */

export const DRAG_FROM = 3; // view pixels; less is a click
export const STROKE_TOLERANCE = 1.5; // view pixels between a stroke and its simplified curve

/** @type {(a: Press, b: Press) => boolean} */
export const dragged = (a, b) => Math.hypot(b.view.x - a.view.x, b.view.y - a.view.y) >= (b.exact ? Number.MIN_VALUE : DRAG_FROM);

/** @type {(press: Press) => Point} */
export const pointOf = ({ px }) => ({ x: px.x, y: px.y });

/** A drag that moves what is selected; `onClick` comes where nothing was moved. @type {(board: Board, press: Press, onClick?: () => void) => Drag} */
export function moveSelection(board, press, onClick = () => {}) {
    const { doc, selection } = board;
    const box = selectedBox(doc, selection, board.time);
    const snap = snapper(board, selection);
    let moving = false;
    const moved = (/** @type {Press} */ now) => {
        const [dx, dy] = [now.px.x - press.px.x, now.px.y - press.px.y];
        const along = { x: !now.shift || Math.abs(dx) > Math.abs(dy), y: !now.shift || Math.abs(dx) <= Math.abs(dy) };
        const edges = box ? edgesOf(box, dx, dy) : { xs: [], ys: [] };
        const by = snap(now, { xs: along.x ? edges.xs : [], ys: along.y ? edges.ys : [] });
        return ops.translate(doc, selection, along.x ? dx + by.dx : 0, along.y ? dy + by.dy : 0, board.time);
    };
    return {
        move(now) {
            moving ||= dragged(press, now);
            if (moving) board.preview(moved(now));
        },
        end(now) {
            if (moving || dragged(press, now)) board.commit(moved(now), t`move`);
            else onClick();
        },
        cancel: () => board.revert(),
    };
}

/**
 * How far places of a drag have to move to line up with what does not move along, and shows the lines. The lines are
 * gathered once, when the first place is asked for.
 * @type {(board: Board, moving: Selection) => (press: Press, places: {xs: number[], ys: number[]}) => {dx: number, dy: number}}
 */
export function snapper(board, moving) {
    const { stageDoc, time } = board;
    /** @type {import("../geometry/snapping.js").SnapLines | undefined} */
    let lines;
    return (press, places) => {
        if (!board.snapping || press.ctrl) {
            board.guides = [];
            return { dx: 0, dy: 0 };
        }
        lines ??= snapLines(stageDoc, moving, time);
        const { dx, dy, guides } = snapOffset(lines, places, SNAP_REACH / board.viewport.scale);
        board.guides = guides;
        return { dx, dy };
    };
}

/** As far along each axis as along the longer one. @type {(from: XY, to: XY) => XY} */
export function squared(from, to) {
    const side = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y));
    return { x: from.x + side * Math.sign(to.x - from.x || 1), y: from.y + side * Math.sign(to.y - from.y || 1) };
}

/** In the nearest of eight directions. @type {(from: XY, to: XY) => XY} */
export function snapped(from, to) {
    const eighth = Math.PI / 4;
    const angle = Math.round(Math.atan2(to.y - from.y, to.x - from.x) / eighth) * eighth;
    const length = (to.x - from.x) * Math.cos(angle) + (to.y - from.y) * Math.sin(angle);
    return { x: from.x + length * Math.cos(angle), y: from.y + length * Math.sin(angle) };
}
