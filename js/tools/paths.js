/** The tools that draw paths. */

import { addPath, findPath, newPath } from "../document/items.js";
import * as ops from "../document/operations.js";
import { controlPoints } from "../geometry/simplify.js";
import { DRAG_FROM, STROKE_TOLERANCE, dragged, moveSelection, pointOf, snapped } from "./tool.js";

/** @typedef {import("./tool.js").Board} Board */
/** @typedef {import("./tool.js").Drag} Drag */
/** @typedef {import("./tool.js").Press} Press */
/** @typedef {import("./tool.js").Tool} Tool */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Point} Point */

/** @type {Tool} */
export const freehand = {
    cursor: "crosshair",
    hint: "Draw the way; it is smoothed when you let go.",
    press(board, press) {
        const stroke = [press.px];
        return {
            move(now) {
                stroke.push(now.px);
                board.sketch({ kind: "stroke", points: stroke, closed: false });
            },
            end(now) {
                board.sketch(null);
                stroke.push(now.px);
                const points = controlPoints(stroke, STROKE_TOLERANCE / board.viewport.scale);
                const length = Math.max(...stroke.map(({ x, y }) => Math.hypot(x - press.px.x, y - press.px.y)));
                if (points.length < 2 || length * board.viewport.scale < DRAG_FROM) board.say("Hold the button down and draw.");
                else commitPath(board, "freehand", points.map(({ x, y }) => ({ x, y })));
            },
            cancel: () => board.sketch(null),
        };
    },
};

/** @type {Tool} */
export const spline = {
    cursor: "crosshair",
    snaps: true,
    hint: "Click the points; Enter, a double click or the first point again ends it.",
    press: (board, press) => clickPoints(board, press, "spline", Infinity),
};

/** @type {Tool} */
export const line = {
    cursor: "crosshair",
    snaps: true,
    hint: "Drag from where it begins to where it ends, or click both. Shift keeps to 45°.",
    press(board, press) {
        if (board.openPath) return clickPoints(board, press, "line", 2);
        const ends = (/** @type {Press} */ now) => [pointOf(press), now.shift ? snapped(press.px, now.px) : pointOf(now)];
        return {
            move: (now) => board.sketch({ kind: "stroke", points: ends(now), closed: false }),
            end(now) {
                board.sketch(null);
                if (dragged(press, now)) commitPath(board, "line", ends(now));
                else clickPoints(board, press, "line", 2);
            },
            cancel: () => board.sketch(null),
        };
    },
};

/** @type {Tool} */
export const anchor = {
    cursor: "crosshair",
    snaps: true,
    hint: "Click a place that shall stay still.",
    press(board, press) {
        commitPath(board, "anchor", [pointOf(press)]);
        return moveSelection(board, press);
    },
};

/** @type {(board: Board, kind: Path["kind"], points: Point[]) => Path} */
function commitPath(board, kind, points) {
    const path = newPath(board.doc, kind, points);
    board.commit(addPath(board.doc, path), `draw ${kind}`);
    board.select({ paths: [path.id], regions: [], points: [] });
    return path;
}

/** Each press adds a point and can still drag it. @type {(board: Board, press: Press, kind: Path["kind"], most: number) => Drag | null} */
function clickPoints(board, press, kind, most) {
    const open = board.openPath ? findPath(board.doc, board.openPath) : undefined;
    if (!open) {
        board.openPath = commitPath(board, kind, [pointOf(press)]).id;
        return null;
    }
    const finish = () => {
        board.openPath = null;
        board.select({ paths: [open.id], regions: [], points: [] });
    };
    if (press.clicks === 2) {
        finish();
        return null;
    }
    const first = open.points[0];
    const closes = open.points.length > 2 && Math.hypot(first.x - press.px.x, first.y - press.px.y) <= press.reach;
    const index = open.points.length;
    const added = closes ? { x: first.x, y: first.y } : pointOf(press);
    board.commit(ops.insertPoint(board.doc, open.id, index, added), "add point");
    if (closes || index + 1 >= most) {
        finish();
        return null;
    }
    board.select({ paths: [open.id], regions: [], points: [{ path: open.id, index }] });
    return moveSelection(board, press);
}
