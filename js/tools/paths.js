/** The tools that draw paths. */

import { addPath, findPath, newPath } from "../document/items.js";
import * as ops from "../document/operations.js";
import { controlPoints } from "../geometry/simplify.js";
import { t } from "../locale.js";
import { DRAG_FROM, STROKE_TOLERANCE, dragged, moveSelection, pointOf, snapped } from "./tool.js";

/** @typedef {import("./tool.js").Board} Board */
/** @typedef {import("./tool.js").Drag} Drag */
/** @typedef {import("./tool.js").Press} Press */
/** @typedef {import("./tool.js").Tool} Tool */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Point} Point */

const DRAW = { freehand: t`draw a freehand path`, spline: t`draw a spline`, line: t`draw a line`, anchor: t`draw an anchor` };

/** @type {Tool} */
export const freehand = {
    cursor: "crosshair",
    hint: t`Draw the way; it is smoothed when you let go.`,
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
                if (points.length < 2 || length * board.viewport.scale < DRAG_FROM) board.say(t`Hold the button down and draw.`);
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
    hint: t`Click the points; Enter, a double click or the first point again ends it.`,
    press: (board, press) => clickPoints(board, press, "spline", Infinity),
    finish: finishPath,
};

/** @type {Tool} */
export const line = {
    cursor: "crosshair",
    snaps: true,
    hint: t`Drag from where it begins to where it ends, or click both. Shift keeps to 45°.`,
    press(board, press) {
        if (board.openOutline.length && press.clicks === 1) return clickPoints(board, press, "line", 2);
        const ends = (/** @type {Press} */ now) => [pointOf(press), now.shift ? snapped(press.px, now.px) : pointOf(now)];
        return {
            move: (now) => board.sketch({ kind: "stroke", points: ends(now), closed: false }),
            end(now) {
                board.sketch(null);
                if (!dragged(press, now)) return void clickPoints(board, press, "line", 2);
                dropStart(board);
                commitPath(board, "line", ends(now));
            },
            cancel: () => dropStart(board),
        };
    },
    finish: finishPath,
};

/** @type {Tool} */
export const anchor = {
    cursor: "crosshair",
    snaps: true,
    hint: t`Click a place that shall stay still.`,
    press(board, press) {
        if (press.clicks > 1) return null; // a double click holds a place once
        commitPath(board, "anchor", [pointOf(press)]);
        return moveSelection(board, press);
    },
};

/** @type {(board: Board, kind: Path["kind"], points: Point[]) => Path} */
function commitPath(board, kind, points) {
    const path = newPath(board.doc, kind, points);
    board.commit(addPath(board.doc, path), DRAW[kind]);
    board.select({ paths: [path.id], regions: [], points: [] });
    return path;
}

/**
 * Each press adds a point and can still drag it. The first one is kept beside the document until
 * there is a second: no path of one point is ever stored. The second press of a double click adds
 * nothing, wherever it lands: it ends what is open, and begins nothing where the first one ended it.
 * @type {(board: Board, press: Press, kind: Path["kind"], most: number) => Drag | null}
 */
function clickPoints(board, press, kind, most) {
    const open = board.openPath ? findPath(board.doc, board.openPath) : undefined;
    if (press.clicks > 1) {
        finishPath(board);
        if (open) board.select({ paths: [open.id], regions: [], points: [] });
        return null;
    }
    if (!open && !board.openOutline.length) {
        const place = (/** @type {Press} */ { px }) => {
            board.openOutline[0] = px;
            board.sketch({ kind: "stroke", points: [px], closed: false });
        };
        place(press);
        return { move: place, end: place, cancel: () => dropStart(board) };
    }
    const before = open ? open.points : board.openOutline.map(({ x, y }) => ({ x, y }));
    const [first] = before;
    const closes = before.length > 2 && Math.hypot(first.x - press.px.x, first.y - press.px.y) <= press.reach;
    const index = before.length;
    const added = closes ? { x: first.x, y: first.y } : pointOf(press);
    if (open) board.commit(ops.insertPoint(board.doc, open.id, index, added), t`add a point`);
    else board.openPath = commitPath(board, kind, [...before, added]).id;
    dropStart(board);
    const id = /** @type {string} */ (board.openPath);
    if (closes || index + 1 >= most) {
        finishPath(board);
        board.select({ paths: [id], regions: [], points: [] });
        return null;
    }
    board.select({ paths: [id], regions: [], points: [{ path: id, index }] });
    return moveSelection(board, press);
}

/** Ends the path that clicks went on with; a point alone is dropped. @type {(board: Board) => void} */
function finishPath(board) {
    if (board.openOutline.length) board.say(t`A path has two points or more; a place that stays still is an anchor (A).`);
    dropStart(board);
    board.openPath = null;
}

/** @type {(board: Board) => void} */
function dropStart(board) {
    board.openOutline.length = 0;
    board.sketch(null);
}
