/**
 * Snapping: lines that what is moved or drawn lines up with, gathered once per drag, and how far it is to
 * the nearest of them. Pure.
 */

import { areaAt, followIds } from "./pose.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/operations.js").Selection} Selection */
/** @typedef {import("./transform_box.js").Box} Box */
/** @typedef {import("./viewport.js").XY} XY */

/** Upright lines at `xs`, level ones at `ys`, in frame pixels; both rise. @typedef {{xs: Float64Array, ys: Float64Array}} SnapLines */
/** A line that is met, in frame pixels: upright at x, or level at y. @typedef {{axis: "x" | "y", at: number}} Guide */

/** In view pixels: nearer places are drawn to a line. */
export const SNAP_REACH = 6;

/**
 * The frame's edges and centre, points of paths, edges and centres of areas: of what is visible and does not move itself.
 * @type {(doc: EditDocument, moving: Selection, time: number) => SnapLines}
 */
export function snapLines(doc, moving, time) {
    const xs = [0, doc.width / 2, doc.width];
    const ys = [0, doc.height / 2, doc.height];
    const [paths, regions] = [new Set(moving.paths), new Set(moving.regions)];
    /** @type {Map<string, Set<number>>} of paths of which some points stay */
    const chosen = new Map();
    for (const { path, index } of moving.points) chosen.set(path, (chosen.get(path) ?? new Set()).add(index));
    for (const path of doc.paths) {
        if (path.visible === false || (paths.has(path.id) && !chosen.has(path.id))) continue;
        path.points.forEach(({ x, y }, index) => {
            if (chosen.get(path.id)?.has(index)) return;
            xs.push(x);
            ys.push(y);
        });
    }
    for (const area of doc.regions) {
        const rides = followIds(area).some((id) => paths.has(id));
        if (area.visible === false || regions.has(area.id) || rides) continue;
        const { area: lies, x, y } = areaAt(area, doc, time);
        const radius = lies.kind === "brush" ? (lies.radius ?? 0) : 0;
        for (const [axis, lines, by] of /** @type {const} */ ([[0, xs, x], [1, ys, y]])) {
            const low = Math.min(...lies.points.map((point) => point[axis])) - radius + by;
            const high = Math.max(...lies.points.map((point) => point[axis])) + radius + by;
            lines.push(low, (low + high) / 2, high);
        }
    }
    return { xs: Float64Array.from(xs).sort(), ys: Float64Array.from(ys).sort() };
}

/**
 * How far places have to move so that the nearest of them meets a line, for each axis by itself, and the lines that are met
 * then. Nothing where none is within reach.
 * @type {(lines: SnapLines, places: {xs: number[], ys: number[]}, reach: number) => {dx: number, dy: number, guides: Guide[]}}
 */
export function snapOffset(lines, places, reach) {
    const x = nearestLine(lines.xs, places.xs, reach);
    const y = nearestLine(lines.ys, places.ys, reach);
    /** @type {Guide[]} */
    const guides = [];
    if (x) guides.push({ axis: "x", at: x.line });
    if (y) guides.push({ axis: "y", at: y.line });
    return { dx: x ? x.line - x.from : 0, dy: y ? y.line - y.from : 0, guides };
}

/** A place, drawn to the lines within reach. @type {(lines: SnapLines, at: XY, reach: number) => {at: XY, guides: Guide[]}} */
export function snapPlace(lines, at, reach) {
    const { guides } = snapOffset(lines, { xs: [at.x], ys: [at.y] }, reach);
    const met = { ...at };
    for (const guide of guides) met[guide.axis] = guide.at; // to the bit, so that ends that meet are equal
    return { at: met, guides };
}

/** What of a box lines up: its sides and its centre. @type {(box: Box, dx?: number, dy?: number) => {xs: number[], ys: number[]}} */
export const edgesOf = ({ low, high }, dx = 0, dy = 0) => ({
    xs: [low.x + dx, (low.x + high.x) / 2 + dx, high.x + dx],
    ys: [low.y + dy, (low.y + high.y) / 2 + dy, high.y + dy],
});

/** @type {(lines: Float64Array, places: number[], reach: number) => {line: number, from: number} | null} */
function nearestLine(lines, places, reach) {
    let nearest = null;
    let least = reach;
    for (const from of places) {
        const next = firstNotBelow(lines, from);
        for (const line of lines.subarray(Math.max(next - 1, 0), next + 1)) {
            const away = Math.abs(line - from);
            if (away > least || (nearest && away === least)) continue;
            least = away;
            nearest = { line, from };
        }
    }
    return nearest;
}

/** Index of the first of rising values that is not below `value`. @type {(rising: Float64Array, value: number) => number} */
function firstNotBelow(rising, value) {
    let [low, high] = [0, rising.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (rising[middle] < value) low = middle + 1;
        else high = middle;
    }
    return low;
}
