/**
 * Areas: the regions of a document → the mask, and how far a place is from a region.
 * "The mask" of docs/edit_document.md; revideo/drawing/masks.py computes the same.
 *
 * A region's own place is where it was drawn: a region that follows a path is shifted by
 * `regionOffset` and is otherwise computed as it was drawn.
 */

import { positionAt } from "./curves.js";
import { distanceToLine, distances, firstNotBelow, insidePixels, isInside } from "./raster.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Region} Region */
/** @typedef {import("./curves.js").XY} XY */
/** @typedef {import("./raster.js").Grid} Grid */

const LEAST_EXTENT = 1e-6; // in pixels: narrower boxes cover nothing

/** How far the path that it follows has carried a region. @type {(region: Region, doc: EditDocument, time: number) => XY} */
export function regionOffset(region, doc, time) {
    const path = region.follow === undefined ? undefined : doc.paths.find(({ id }) => id === region.follow);
    if (!path) return { x: 0, y: 0 };
    const { x, y } = positionAt(path, doc, time);
    return { x: x - path.points[0].x, y: y - path.points[0].y };
}

/** Distance in pixels to a region's outline, negative inside, at a place as the region was drawn. @type {(region: Region, x: number, y: number) => number} */
export function distanceToRegion(region, x, y) {
    if (isEmpty(region)) return Infinity;
    if (region.kind === "rect") return distanceToRect(region, x, y);
    if (region.kind === "ellipse") return distanceToEllipse(region, x, y);
    const away = distanceToLine(lineOf(region), x, y);
    if (region.kind === "brush") return away - (region.radius ?? 0);
    return isInside(lineOf(region), x, y) ? -away : away;
}

/** The mask's value at one place of the document. @type {(doc: EditDocument, time: number, x: number, y: number) => number} */
export function coverAt(doc, time, x, y) {
    let value = 0;
    for (const region of doc.regions) {
        if (region.visible === false) continue;
        const offset = regionOffset(region, doc, time);
        const cover = coverHere(region, x - offset.x, y - offset.y);
        value = region.mode === "subtract" ? Math.min(value, 1 - cover) : Math.max(value, cover);
    }
    return value;
}

/**
 * The mask at a time, row after row: 1 where the video may change, 0 where it is kept.
 * `width` and `height` are the clip's, the document is scaled to it.
 * @type {(doc: EditDocument, time: number, width: number, height: number) => Float32Array}
 */
export function maskAt(doc, time, width, height) {
    const mask = new Float32Array(width * height);
    for (const region of doc.regions) {
        if (region.visible === false || isEmpty(region)) continue;
        const { x, y } = regionOffset(region, doc, time);
        const xs = Float64Array.from({ length: width }, (_, column) => (column + 0.5) * (doc.width / width) - x);
        const ys = Float64Array.from({ length: height }, (_, row) => (row + 0.5) * (doc.height / height) - y);
        paint(mask, region, { xs, ys });
    }
    return mask;
}

/** How much a region covers a place, as it was drawn. @type {(region: Region, x: number, y: number) => number} */
function coverHere(region, x, y) {
    if (!region.feather && !isEmpty(region)) {
        // Left and upper sides count: shapes that share a side leave no gap, however pixels lie.
        if (region.kind === "polygon") return Number(isInside(lineOf(region), x, y));
        const { low, high } = boxOf(region);
        if (region.kind === "rect") return Number(x >= low.x && x < high.x && y >= low.y && y < high.y);
    }
    return coverOf(distanceToRegion(region, x, y), region.feather ?? 0);
}

/** @type {(distance: number, feather: number) => number} */
const coverOf = (distance, feather) =>
    feather > 0 ? Math.min(Math.max(0.5 - distance / feather, 0), 1) : Number(distance < 0);

// --- One region on the mask ----------------------------------------------------------------------

/** Adds a region to the mask, or takes it away. @type {(mask: Float32Array, region: Region, grid: Grid) => void} */
function paint(mask, region, grid) {
    const subtract = region.mode === "subtract";
    const feather = region.feather ?? 0;
    const put = (/** @type {number} */ index, /** @type {number} */ cover) => {
        if (subtract) mask[index] = Math.min(mask[index], 1 - cover);
        else if (cover > mask[index]) mask[index] = cover;
    };
    const width = grid.xs.length;
    if (region.kind === "polygon" && feather === 0) {
        insidePixels(lineOf(region), grid).forEach((inside, index) => put(index, inside));
    } else if (region.kind === "rect" || region.kind === "ellipse") {
        const { left, right, top, bottom } = windowOf(region, feather / 2, grid);
        for (let row = top; row < bottom; row += 1)
            for (let column = left; column < right; column += 1)
                put(row * width + column, coverHere(region, grid.xs[column], grid.ys[row]));
    } else {
        const polygon = region.kind === "polygon";
        const radius = polygon ? 0 : region.radius ?? 0;
        const inside = polygon ? insidePixels(lineOf(region), grid) : [];
        const window = windowOf(region, radius + feather / 2, grid);
        // Of a polygon, `inside` says which side a pixel is on; of a brush, the distance itself does.
        const low = polygon ? -Infinity : radius - feather / 2;
        const away = distances(lineOf(region), grid, window, low, radius + feather / 2);
        const across = window.right - window.left;
        for (let row = window.top; row < window.bottom; row += 1)
            for (let column = window.left; column < window.right; column += 1) {
                const index = row * width + column;
                const far = away[(row - window.top) * across + column - window.left];
                put(index, coverOf(inside[index] ? -far : far - radius, feather));
            }
    }
}

/** The pixels that can be within `margin` of a region. @type {(region: Region, margin: number, grid: Grid) => import("./raster.js").Window} */
function windowOf(region, margin, { xs, ys }) {
    const { low, high, half } = boxOf(region);
    // What is called distance to an ellipse is less than true along its longer axis.
    const slack = region.kind === "ellipse" ? 1 / Math.min(half.x, half.y) : 0;
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

/** @type {WeakMap<Region["points"], Box>} */
const boxes = new WeakMap();

/** The box around a region's points. @type {(region: Region) => Box} */
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

/** @type {WeakMap<Region["points"], {open?: Float64Array, closed?: Float64Array}>} */
const lines = new WeakMap();

/** A polygon's closed outline or a brush's line: x, y after x, y. @type {(region: Region) => Float64Array} */
function lineOf({ kind, points }) {
    let known = lines.get(points);
    if (!known) lines.set(points, (known = {}));
    if (kind === "polygon") return (known.closed ??= Float64Array.from([...points, points[0]].flat()));
    return (known.open ??= Float64Array.from(points.flat()));
}

/** Whether a region has no extent: it covers nothing, its soft edge neither. @type {(region: Region) => boolean} */
function isEmpty(region) {
    const { half } = boxOf(region);
    return region.kind !== "brush" && 2 * Math.min(half.x, half.y) < LEAST_EXTENT;
}

/** @type {(region: Region, x: number, y: number) => number} */
function distanceToRect(region, x, y) {
    const { low, high } = boxOf(region);
    const dx = Math.max(low.x - x, x - high.x);
    const dy = Math.max(low.y - y, y - high.y);
    const [outX, outY] = [Math.max(dx, 0), Math.max(dy, 0)];
    return Math.sqrt(outX * outX + outY * outY) + Math.min(Math.max(dx, dy), 0);
}

/** @type {(region: Region, x: number, y: number) => number} */
function distanceToEllipse(region, x, y) {
    const { centre, half } = boxOf(region);
    const [ux, uy] = [(x - centre.x) / half.x, (y - centre.y) / half.y];
    const [gx, gy] = [ux / half.x, uy / half.y];
    const k = Math.sqrt(ux * ux + uy * uy);
    const slope = Math.sqrt(gx * gx + gy * gy);
    return slope > 0 ? (k * (k - 1)) / slope : -Math.min(half.x, half.y);
}
