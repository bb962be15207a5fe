/**
 * Areas: how far a place is from a plain area, and how much of the mask such areas cover there.
 * "The mask" of docs/edit_document.md; masks.js computes it for all pixels at once.
 */

import { distanceToLine, isInside } from "./lines.js";
import { LEAST_EXTENT, boxOfPoints } from "./pose.js";

/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("./curves.js").XY} XY */
/** @typedef {import("./pose.js").Moved} Moved */

/** Distance in pixels to an area's outline, negative inside, at a place as the area was drawn. @type {(area: Area, x: number, y: number) => number} */
export function distanceToArea(area, x, y) {
    if (isEmpty(area)) return Infinity;
    if (area.kind === "rect") return distanceToRect(area, x, y);
    if (area.kind === "ellipse") return distanceToEllipse(area, x, y);
    const away = distanceToLine(lineOf(area), x, y);
    if (area.kind === "brush") return away - (area.radius ?? 0);
    return isInside(lineOf(area), x, y) ? -away : away;
}

/** The mask's value at one place of the document; `base`: what it is before any area counts. @type {(areas: Moved[], x: number, y: number, base?: number) => number} */
export function coverAt(areas, x, y, base = 0) {
    let value = base;
    for (const { area, ...moved } of areas) {
        const cover = coverHere(area, x - moved.x, y - moved.y);
        value = area.mode === "subtract" ? Math.min(value, 1 - cover) : Math.max(value, cover);
    }
    return value;
}

/** How much an area covers a place, as it was drawn. @type {(area: Area, x: number, y: number) => number} */
export function coverHere(area, x, y) {
    if (!area.feather && !isEmpty(area)) {
        // Left and upper sides count: shapes side by side leave no gap, however pixels lie.
        if (area.kind === "polygon") return Number(isInside(lineOf(area), x, y));
        const { low, high } = boxOf(area);
        if (area.kind === "rect") return Number(x >= low.x && x < high.x && y >= low.y && y < high.y);
    }
    return coverOf(distanceToArea(area, x, y), area.feather ?? 0);
}

/** How much is covered at such a distance from an outline. @type {(distance: number, feather: number) => number} */
export const coverOf = (distance, feather) =>
    feather > 0 ? Math.min(Math.max(0.5 - distance / feather, 0), 1) : Number(distance < 0);

// --- Shapes --------------------------------------------------------------------------------------

/** @typedef {{low: XY, high: XY, centre: XY, half: XY}} Box */

/** @type {WeakMap<Area["points"], Box>} */
const boxes = new WeakMap();

/** The box around an area's points. @type {(area: Area) => Box} */
function boxOf({ points }) {
    const known = boxes.get(points);
    if (known) return known;
    const { low, high } = boxOfPoints(points);
    const centre = { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 };
    const box = { low, high, centre, half: { x: (high.x - low.x) / 2, y: (high.y - low.y) / 2 } };
    boxes.set(points, box);
    return box;
}

/** @type {WeakMap<Area["points"], {open?: Float64Array, closed?: Float64Array}>} */
const lines = new WeakMap();

/** A polygon's closed outline or a brush's line: x, y after x, y. @type {(area: Area) => Float64Array} */
export function lineOf({ kind, points }) {
    let known = lines.get(points);
    if (!known) lines.set(points, (known = {}));
    if (kind === "polygon") return (known.closed ??= Float64Array.from([...points, points[0]].flat()));
    return (known.open ??= Float64Array.from(points.flat()));
}

/** Whether an area has no extent: it covers nothing, its soft edge neither. @type {(area: Area) => boolean} */
export function isEmpty(area) {
    const { half } = boxOf(area);
    return area.kind !== "brush" && 2 * Math.min(half.x, half.y) < LEAST_EXTENT;
}

/** @type {(area: Area, x: number, y: number) => number} */
function distanceToRect(area, x, y) {
    const { low, high } = boxOf(area);
    const dx = Math.max(low.x - x, x - high.x);
    const dy = Math.max(low.y - y, y - high.y);
    const [outX, outY] = [Math.max(dx, 0), Math.max(dy, 0)];
    return Math.sqrt(outX * outX + outY * outY) + Math.min(Math.max(dx, dy), 0);
}

/** @type {(area: Area, x: number, y: number) => number} */
export function distanceToEllipse(area, x, y) {
    const { centre, half } = boxOf(area);
    const [ux, uy] = [(x - centre.x) / half.x, (y - centre.y) / half.y];
    return (norm(ux, uy) - 1) * ellipseRadius(half, ux, uy);
}

/**
 * The least and the greatest of these distances in a box around a place.
 * @type {(area: Area, x: number, y: number, halfX: number, halfY: number) => [number, number]}
 */
export function ellipseBounds(area, x, y, halfX, halfY) {
    const { centre, half } = boxOf(area);
    const [awayX, awayY] = [Math.abs(x - centre.x), Math.abs(y - centre.y)];
    const near = { x: Math.max(awayX - halfX, 0) / half.x, y: Math.max(awayY - halfY, 0) / half.y };
    const far = { x: (awayX + halfX) / half.x, y: (awayY + halfY) / half.y };
    const radii = [ellipseRadius(half, far.x, near.y), ellipseRadius(half, near.x, far.y)]; // it changes with the direction alone
    const [least, most] = [norm(near.x, near.y) - 1, norm(far.x, far.y) - 1];
    return [
        least * (least > 0 ? Math.min(...radii) : Math.max(...radii)),
        most * (most > 0 ? Math.max(...radii) : Math.min(...radii)),
    ];
}

/** How far it is to where the equation is off by one more, in units of the half axes: between these. @type {(half: XY, ux: number, uy: number) => number} */
function ellipseRadius(half, ux, uy) {
    const slope = norm(ux / half.x, uy / half.y);
    return slope > 0 ? norm(ux, uy) / slope : Math.min(half.x, half.y);
}

/** @type {(x: number, y: number) => number} */
const norm = (x, y) => Math.sqrt(x * x + y * y);
