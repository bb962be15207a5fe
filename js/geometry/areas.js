/**
 * Areas: the areas of a document → the mask, and how far a place is from an area.
 * "The mask" of docs/edit_document.md; revideo/drawing/masks.py computes the same.
 *
 * An area's own place is where it was drawn: an area that follows a path is shifted by
 * `areaOffset` and is otherwise computed as it was drawn.
 */

import { positionAt } from "./curves.js";
import { distanceToLine, distances, firstNotBelow, insidePixels, isInside } from "./raster.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("./curves.js").XY} XY */
/** @typedef {import("./raster.js").Grid} Grid */

const LEAST_EXTENT = 1e-6; // in pixels: narrower boxes cover nothing

/** How far an area has moved with the path that it follows. @type {(area: Area, doc: EditDocument, time: number) => XY} */
export function areaOffset(area, doc, time) {
    const path = area.follow === undefined ? undefined : doc.paths.find(({ id }) => id === area.follow);
    if (!path) return { x: 0, y: 0 };
    const { x, y } = positionAt(path, doc, time);
    return { x: x - path.points[0].x, y: y - path.points[0].y };
}

/** Distance in pixels to an area's outline, negative inside, at a place as the area was drawn. @type {(area: Area, x: number, y: number) => number} */
export function distanceToArea(area, x, y) {
    if (isEmpty(area)) return Infinity;
    if (area.kind === "rect") return distanceToRect(area, x, y);
    if (area.kind === "ellipse") return distanceToEllipse(area, x, y);
    const away = distanceToLine(lineOf(area), x, y);
    if (area.kind === "brush") return away - (area.radius ?? 0);
    return isInside(lineOf(area), x, y) ? -away : away;
}

/** The mask's value at one place of the document. @type {(doc: EditDocument, time: number, x: number, y: number) => number} */
export function coverAt(doc, time, x, y) {
    let value = 0;
    for (const area of doc.regions) {
        if (area.visible === false) continue;
        const offset = areaOffset(area, doc, time);
        const cover = coverHere(area, x - offset.x, y - offset.y);
        value = area.mode === "subtract" ? Math.min(value, 1 - cover) : Math.max(value, cover);
    }
    return value;
}

/**
 * The mask at a time, row after row: 1 where the video may change, 0 where it stays the source's.
 * `width` and `height` are the clip's, the document is scaled to it.
 * @type {(doc: EditDocument, time: number, width: number, height: number) => Float32Array}
 */
export function maskAt(doc, time, width, height) {
    const mask = new Float32Array(width * height);
    for (const area of doc.regions) {
        if (area.visible === false || isEmpty(area)) continue;
        const { x, y } = areaOffset(area, doc, time);
        const xs = Float64Array.from({ length: width }, (_, column) => (column + 0.5) * (doc.width / width) - x);
        const ys = Float64Array.from({ length: height }, (_, row) => (row + 0.5) * (doc.height / height) - y);
        paint(mask, area, { xs, ys });
    }
    return mask;
}

/** How much an area covers a place, as it was drawn. @type {(area: Area, x: number, y: number) => number} */
function coverHere(area, x, y) {
    if (!area.feather && !isEmpty(area)) {
        // Left and upper sides count: shapes side by side leave no gap, however pixels lie.
        if (area.kind === "polygon") return Number(isInside(lineOf(area), x, y));
        const { low, high } = boxOf(area);
        if (area.kind === "rect") return Number(x >= low.x && x < high.x && y >= low.y && y < high.y);
    }
    return coverOf(distanceToArea(area, x, y), area.feather ?? 0);
}

/** @type {(distance: number, feather: number) => number} */
const coverOf = (distance, feather) =>
    feather > 0 ? Math.min(Math.max(0.5 - distance / feather, 0), 1) : Number(distance < 0);

// --- One area on the mask ----------------------------------------------------------------------

/** Adds an area to the mask, or takes it away. @type {(mask: Float32Array, area: Area, grid: Grid) => void} */
function paint(mask, area, grid) {
    const subtract = area.mode === "subtract";
    const feather = area.feather ?? 0;
    const put = (/** @type {number} */ index, /** @type {number} */ cover) => {
        if (subtract) mask[index] = Math.min(mask[index], 1 - cover);
        else if (cover > mask[index]) mask[index] = cover;
    };
    const width = grid.xs.length;
    if (area.kind === "polygon" && feather === 0) {
        insidePixels(lineOf(area), grid).forEach((inside, index) => put(index, inside));
    } else if (area.kind === "rect" || area.kind === "ellipse") {
        const { left, right, top, bottom } = windowOf(area, feather / 2, grid);
        for (let row = top; row < bottom; row += 1)
            for (let column = left; column < right; column += 1)
                put(row * width + column, coverHere(area, grid.xs[column], grid.ys[row]));
    } else {
        const polygon = area.kind === "polygon";
        const radius = polygon ? 0 : area.radius ?? 0;
        const inside = polygon ? insidePixels(lineOf(area), grid) : [];
        const window = windowOf(area, radius + feather / 2, grid);
        // Of a polygon, `inside` says which side a pixel is on; of a brush, the distance itself does.
        const low = polygon ? -Infinity : radius - feather / 2;
        const away = distances(lineOf(area), grid, window, low, radius + feather / 2);
        const across = window.right - window.left;
        for (let row = window.top; row < window.bottom; row += 1)
            for (let column = window.left; column < window.right; column += 1) {
                const index = row * width + column;
                const far = away[(row - window.top) * across + column - window.left];
                put(index, coverOf(inside[index] ? -far : far - radius, feather));
            }
    }
}

/** The pixels that can be within `margin` of an area. @type {(area: Area, margin: number, grid: Grid) => import("./raster.js").Window} */
function windowOf(area, margin, { xs, ys }) {
    const { low, high, half } = boxOf(area);
    // What is called distance to an ellipse is less than true along its longer axis.
    const slack = area.kind === "ellipse" ? 1 / Math.min(half.x, half.y) : 0;
    const [mx, my] = slack ? [margin * slack * half.x, margin * slack * half.y] : [margin, margin];
    return {
        left: firstNotBelow(xs, low.x - mx),
        right: firstNotBelow(xs, high.x + mx),
        top: firstNotBelow(ys, low.y - my),
        bottom: firstNotBelow(ys, high.y + my),
    };
}

// --- Shapes --------------------------------------------------------------------------------------

/** @typedef {{low: XY, high: XY, centre: XY, half: XY}} Box */

/** @type {WeakMap<Area["points"], Box>} */
const boxes = new WeakMap();

/** The box around an area's points. @type {(area: Area) => Box} */
function boxOf({ points }) {
    const known = boxes.get(points);
    if (known) return known;
    const [low, high] = [{ x: Infinity, y: Infinity }, { x: -Infinity, y: -Infinity }];
    for (const [x, y] of points) {
        [low.x, low.y] = [Math.min(low.x, x), Math.min(low.y, y)];
        [high.x, high.y] = [Math.max(high.x, x), Math.max(high.y, y)];
    }
    const centre = { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 };
    const box = { low, high, centre, half: { x: (high.x - low.x) / 2, y: (high.y - low.y) / 2 } };
    boxes.set(points, box);
    return box;
}

/** @type {WeakMap<Area["points"], {open?: Float64Array, closed?: Float64Array}>} */
const lines = new WeakMap();

/** A polygon's closed outline or a brush's line: x, y after x, y. @type {(area: Area) => Float64Array} */
function lineOf({ kind, points }) {
    let known = lines.get(points);
    if (!known) lines.set(points, (known = {}));
    if (kind === "polygon") return (known.closed ??= Float64Array.from([...points, points[0]].flat()));
    return (known.open ??= Float64Array.from(points.flat()));
}

/** Whether an area has no extent: it covers nothing, its soft edge neither. @type {(area: Area) => boolean} */
function isEmpty(area) {
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
function distanceToEllipse(area, x, y) {
    const { centre, half } = boxOf(area);
    const [ux, uy] = [(x - centre.x) / half.x, (y - centre.y) / half.y];
    const [gx, gy] = [ux / half.x, uy / half.y];
    const k = Math.sqrt(ux * ux + uy * uy);
    const slope = Math.sqrt(gx * gx + gy * gy);
    return slope > 0 ? (k * (k - 1)) / slope : -Math.min(half.x, half.y);
}
