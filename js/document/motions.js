/** Motions: paths made of others or of nothing by one command. Edit document → edit document, all pure. */

import { addPath, findPath, freshColor, freshId, newPath, updatePath } from "./items.js";
import { easedBackwards, risingFrames } from "./timing.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./operations.js").Selection} Selection */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const CIRCLE_POINTS = 12; // the curve through them is a circle within a five-hundredth of its radius
export const COPIES_MAX = 100;

/**
 * There in the first half of a path's time, as it went in all of it, and back the same way in the second: it ends
 * where it began. A path of one point, or of no duration, stays as it is.
 * @type {(doc: EditDocument, id: string) => EditDocument}
 */
export const toAndFro = (doc, id) =>
    updatePath(doc, id, (path) => {
        const [start, end] = [path.start ?? 0, path.end ?? doc.frames - 1];
        if (path.points.length < 2 || end <= start) return path;
        const mirrored = (/** @type {number} */ frame) => roundFrame(start + end - frame);
        const there = path.points.map((point) => (point.frame === undefined ? point : { ...point, frame: roundFrame(start + (point.frame - start) / 2) }));
        const turn = roundFrame((start + end) / 2);
        const arrives = there[there.length - 1].frame ?? turn;
        there[there.length - 1] = { ...there[there.length - 1], frame: arrives };
        const backwards = easedBackwards(there);
        there[there.length - 1] = backwards[there.length - 1];
        const back = backwards.toReversed().map((point) => (point.frame === undefined ? point : { ...point, frame: mirrored(point.frame) }));
        if (arrives >= turn) back[0] = untimed(back[0]);
        // A smooth curve's last stretch to an end is straight on where it ends, as it is before an equal point.
        const smooth = path.kind !== "line";
        if (!smooth && back[0].frame === undefined) back.shift();
        const last = back[back.length - 1];
        if (smooth) back.push(untimed(last));
        if (smooth && last.frame === end) back[back.length - 2] = untimed(last);
        return { ...path, points: risingFrames([...there, ...back], start, end) };
    });

/** A closed way around a place, once in the clip's time. @type {(doc: EditDocument, centre: XY, radius: number) => Path} */
export function circleAround(doc, centre, radius) {
    const points = Array.from({ length: CIRCLE_POINTS }, (_, index) => {
        const angle = (2 * Math.PI * index) / CIRCLE_POINTS;
        return { x: centre.x + radius * Math.cos(angle), y: centre.y + radius * Math.sin(angle) };
    });
    return newPath(doc, "spline", [...points, { ...points[0] }]);
}

/** Copies of paths side by side, each so far from the one before; and the copies. @type {(doc: EditDocument, ids: string[], count: number, dx: number, dy: number) => {doc: EditDocument, selection: Selection}} */
export function parallelCopies(doc, ids, count, dx, dy) {
    let result = doc;
    /** @type {string[]} */
    const copies = [];
    for (const original of ids) {
        const path = findPath(doc, original);
        for (let copy = 1; path && copy <= Math.min(count, COPIES_MAX); copy += 1) {
            const id = freshId(result.paths, "p");
            const points = path.points.map((point) => ({ ...point, x: point.x + copy * dx, y: point.y + copy * dy }));
            result = addPath(result, { ...path, id, points, color: freshColor(result) });
            copies.push(id);
        }
    }
    return { doc: result, selection: { paths: copies, regions: [], points: [] } };
}

/** @type {(point: Point) => Point} */
function untimed(point) {
    const { frame: _, ...rest } = point;
    return rest;
}

/** Times are written to a thousandth of a frame. @type {(frame: number) => number} */
const roundFrame = (frame) => Math.round(frame * 1000) / 1000;
