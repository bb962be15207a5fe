/** Motions: paths made of others or of nothing by one command. Edit document → edit document, all pure. */

import { addPath, findPath, freshColor, freshId, newPath, updatePath } from "./items.js";
import { reverse } from "./operations.js";
import { exactTime, risingFrames } from "./timing.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./operations.js").Selection} Selection */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const CIRCLE_POINTS = 12; // the curve through them is a circle within a five-hundredth of its radius
export const COPIES_MAX = 100;

/**
 * There in the first half of a path's time, as it went in all of it, and back the same way in the second, as fast at
 * each place: it ends where it began. A path of one point, or of no duration, stays as it is.
 * @type {(doc: EditDocument, id: string) => EditDocument}
 */
export const toAndFro = (doc, id) =>
    updatePath(doc, id, (path) => {
        const [start, end] = [path.start ?? 0, path.end ?? doc.frames - 1];
        if (path.points.length < 2 || end <= start) return path;
        const turn = exactTime((start + end) / 2);
        const there = path.points.map((point) => (point.frame === undefined ? point : { ...point, frame: exactTime(start + (point.frame - start) / 2) }));
        const tip = there.length - 1;
        const arrives = there[tip].frame ?? turn;
        there[tip] = { ...there[tip], frame: arrives };
        const [{ points: back, easing }] = reverse({ ...doc, paths: [{ ...path, points: there }] }, id).paths;
        // What has no easing of its own has the path's, which is another on the way back.
        const own = easing === (path.easing ?? "linear") ? back : back.map((point, index) => (index === 0 || (index < tip && point.frame !== undefined) ? withEasing(point, point.easing ?? easing) : point));
        if (arrives >= turn) {
            there[tip] = withEasing(there[tip], own[0].easing); // the way back begins at its key
            own[0] = untimed(own[0]);
        }
        // A smooth curve's last stretch to an end is straight on where it ends, as it is before an equal point.
        const smooth = path.kind !== "line";
        if (!smooth && own[0].frame === undefined) own.shift();
        const last = own[own.length - 1];
        if (smooth && last.frame === end) own[own.length - 1] = untimed(last);
        if (smooth) own.push(untimed(last));
        return { ...path, points: risingFrames([...there, ...own], start, end) };
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
    const { frame: _, easing: _none, ...rest } = point;
    return rest;
}

/** @type {(point: Point, easing: Point["easing"]) => Point} */
function withEasing(point, easing) {
    const { easing: _, ...rest } = point;
    return easing === undefined ? rest : { ...rest, easing };
}
