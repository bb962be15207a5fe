/**
 * Board: what a tool is, what it gets and what it may do. A tool answers a press with a drag, or
 * with null where the press was all. Tools turn events into operations; they know no DOM.
 */

import * as ops from "../document/operations.js";

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
 * @property {number} clicks  2 for the second of a double click
 * @property {number} reach  how near counts as on, in frame pixels; wider for fingers
 *
 * @typedef {object} Drag
 * @property {(press: Press) => void} move
 * @property {(press: Press) => void} end
 * @property {() => void} cancel  leaves the drawing as it was
 *
 * @typedef {{kind: "stroke", points: XY[], closed: boolean, radius?: number}
 *   | {kind: "box", from: XY, to: XY, ellipse: boolean, marquee?: boolean}} Sketch
 *   what is being drawn and is not in the document yet
 *
 * What a tool may do.
 * @typedef {object} Board
 * @property {EditDocument} doc
 * @property {Selection} selection
 * @property {number} time
 * @property {import("../geometry/viewport.js").Viewport} viewport
 * @property {"add" | "subtract"} areaMode
 * @property {number} brushRadius  frame pixels
 * @property {string | null} openPath  the path that clicks go on adding points to
 * @property {XY[]} openOutline  corners clicked so far of a polygon
 * @property {{at: XY, key: string} | null} lastClick  where, in view pixels, and what it took: a click again takes what lies below
 * @property {(doc: EditDocument) => void} preview  shows a document that is not stored yet
 * @property {(doc: EditDocument, label: string) => void} commit
 * @property {() => void} revert  back to the stored document
 * @property {(selection: Selection) => void} select
 * @property {(sketch: Sketch | null) => void} sketch
 * @property {(dx: number, dy: number) => void} panBy  view pixels
 * @property {(text: string) => void} say
 *
 * @typedef {{cursor: string, hint: string, press: (board: Board, press: Press) => Drag | null}} Tool
 */

export const DRAG_FROM = 3; // view pixels; less is a click
export const STROKE_TOLERANCE = 1.5; // view pixels between a stroke and its simplified curve

/** @type {(a: Press, b: Press) => boolean} */
export const dragged = (a, b) => Math.hypot(b.view.x - a.view.x, b.view.y - a.view.y) >= DRAG_FROM;

/** @type {(press: Press) => Point} */
export const pointOf = ({ px }) => ({ x: px.x, y: px.y });

/** A drag that moves what is selected; `onClick` comes where nothing was moved. @type {(board: Board, press: Press, onClick?: () => void) => Drag} */
export function moveSelection(board, press, onClick = () => {}) {
    const { doc, selection } = board;
    let moving = false;
    const moved = (/** @type {Press} */ now) => {
        let dx = now.px.x - press.px.x;
        let dy = now.px.y - press.px.y;
        if (now.shift) Math.abs(dx) > Math.abs(dy) ? (dy = 0) : (dx = 0);
        return ops.translate(doc, selection, dx, dy, board.time);
    };
    return {
        move(now) {
            moving ||= dragged(press, now);
            if (moving) board.preview(moved(now));
        },
        end(now) {
            if (moving || dragged(press, now)) board.commit(moved(now), "move");
            else onClick();
        },
        cancel: () => board.revert(),
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
