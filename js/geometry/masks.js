/**
 * Masks: how much the areas of a document cover each pixel, all together.
 * "The mask" of docs/edit_document.md; revideo/drawing/masks.py computes the same.
 *
 * Tiles of pixels are halved, and what cannot count in a tile is left behind there: areas that
 * others outdo in all of it, segments that are nowhere the nearest.
 */

import { coverHere, coverOf, distanceToArea, ellipseBounds, isEmpty, lineOf } from "./areas.js";
import { squaredDistance, turnsOf } from "./lines.js";
import { areasAt } from "./pose.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Area} Area */

/**
 * @typedef {{left: number, right: number, top: number, bottom: number}} Tile  columns and rows; right and bottom are outside
 *
 * @typedef {{x: number, y: number, halfX: number, halfY: number}} Box  around a tile's pixels: its middle, half its sides
 *
 * What of an area counts in a tile.
 * @typedef {object} Part
 * @property {Area} area
 * @property {number} x  how far it has moved
 * @property {number} y
 * @property {Float64Array} [line]  of a polygon or a brush
 * @property {number[]} near  segments of the line
 * @property {number} turns  how often its outline turns around all of the tile, these segments aside
 */

const FEW = 2048; // pixels times segments that are not worth dividing
const SMALL = 32; // pixels
const ROUNDING = 1e-6; // pixels: more than rounding moves anything

/**
 * The mask at a time, row after row: 1 where the video may change, 0 where it stays the source's.
 * `width` and `height` are the clip's, the document is scaled to it. `base`: the mask that areas are added to and
 * taken from, of this size, within 0 and 1; it is not changed.
 * @type {(doc: EditDocument, time: number, width: number, height: number, base?: Float32Array) => Float32Array}
 */
export function maskAt(doc, time, width, height, base) {
    const mask = base ? base.slice() : new Float32Array(width * height);
    const xs = Float64Array.from({ length: width }, (_, column) => (column + 0.5) * (doc.width / width));
    const ys = Float64Array.from({ length: height }, (_, row) => (row + 0.5) * (doc.height / height));

    /**
     * `low`, `high`: bounds of what is painted in the tile; `before`: the middle of the tile that it is half of.
     * @type {(tile: Tile, parts: Part[], low: number, high: number, before: number) => void}
     */
    function paint(tile, parts, low, high, before) {
        const { left, right, top, bottom } = tile;
        const box = {
            x: (xs[left] + xs[right - 1]) / 2,
            y: (ys[top] + ys[bottom - 1]) / 2,
            halfX: (xs[right - 1] - xs[left]) / 2 + ROUNDING,
            halfY: (ys[bottom - 1] - ys[top]) / 2 + ROUNDING,
        };
        /** @type {Part[]} */
        const needed = [];
        let [least, most] = [low, high]; // with what is needed
        for (const part of parts) {
            const { area } = part;
            const { near, from, to } = look(part, box, before);
            const [some, all] = [coverOf(to, area.feather ?? 0), coverOf(from, area.feather ?? 0)];
            const subtract = area.mode === "subtract";
            if (subtract) [least, most] = [1 - most, 1 - least]; // of what is taken away
            if (some >= most && all > least) {
                // It hides what is below.
                needed.length = 0;
                low = high = subtract === (some < all) ? 1 : 0;
                fill(tile, low);
            }
            if (some < all && all > least) needed.push(near);
            [least, most] = [Math.max(least, some), Math.max(most, all)];
            if (subtract) [least, most] = [1 - most, 1 - least];
        }
        const pixels = (right - left) * (bottom - top);
        const segments = needed.reduce((sum, { near }) => sum + near.length + 1, 0);
        const [column, row] = [(left + right) >> 1, (top + bottom) >> 1];
        if (pixels <= SMALL || pixels * segments <= FEW) for (const part of needed) compose(tile, part, box.x);
        else if (box.halfX > box.halfY) {
            paint({ ...tile, right: column }, needed, low, high, box.x);
            paint({ ...tile, left: column }, needed, low, high, box.x);
        } else {
            paint({ ...tile, bottom: row }, needed, low, high, box.x);
            paint({ ...tile, top: row }, needed, low, high, box.x);
        }
    }

    /** @type {(tile: Tile, value: number) => void} */
    function fill({ left, right, top, bottom }, value) {
        for (let row = top; row < bottom; row += 1) mask.fill(value, row * width + left, row * width + right);
    }

    /** Adds an area to every pixel of a tile, or takes it away. @type {(tile: Tile, part: Part, middle: number) => void} */
    function compose({ left, right, top, bottom }, part, middle) {
        for (let row = top; row < bottom; row += 1)
            for (let column = left; column < right; column += 1) {
                const index = row * width + column;
                const cover = coverOfPart(part, xs[column] - part.x, ys[row] - part.y, middle - part.x);
                if (part.area.mode === "subtract") mask[index] = Math.min(mask[index], 1 - cover);
                else if (cover > mask[index]) mask[index] = cover;
            }
    }

    paint({ left: 0, right: width, top: 0, bottom: height }, partsOf(doc, time), 0, base ? 1 : 0, 0);
    return mask;
}

/** All of the areas that cover anything. @type {(doc: EditDocument, time: number) => Part[]} */
function partsOf(doc, time) {
    const areas = areasAt(doc, time).filter(({ area }) => !isEmpty(area));
    return areas.map(({ area, x, y }) => {
        const line = area.kind === "polygon" || area.kind === "brush" ? lineOf(area) : undefined;
        const near = line ? Array.from({ length: Math.max(line.length / 2 - 1, 1) }, (_, index) => 2 * index) : [];
        return { area, x, y, line, near, turns: 0 };
    });
}

/** What of a part counts in a box, and from where to where distances to its area range there. @type {(part: Part, box: Box, before: number) => {near: Part, from: number, to: number}} */
function look(part, box, before) {
    const { area, line, turns } = part;
    const [x, y] = [box.x - part.x, box.y - part.y];
    if (area.kind === "ellipse") {
        const [from, to] = ellipseBounds(area, x, y, box.halfX, box.halfY);
        return { near: part, from, to };
    }
    const reach = Math.sqrt(box.halfX * box.halfX + box.halfY * box.halfY);
    if (!line) {
        const away = distanceToArea(area, x, y);
        return { near: part, from: away - reach, to: away + reach };
    }
    const squares = part.near.map((at) => squaredDistance(line, at, x, y));
    const least = Math.sqrt(squares.reduce((a, b) => Math.min(a, b)));
    const near = part.near.filter((_, index) => squares[index] <= (least + 2 * reach) ** 2);
    if (area.kind === "brush") {
        const away = least - (area.radius ?? 0);
        return { near: { ...part, near }, from: away - reach, to: away + reach };
    }
    const turned = sumOfTurns(line, part.near, x, y, before - part.x) + turns;
    const away = turned ? -least : least;
    const others = turned - sumOfTurns(line, near, x, y, x);
    return { near: { ...part, near, turns: others }, from: away - reach, to: away + reach };
}

/** How much the area of a part covers a place of its tile. @type {(part: Part, x: number, y: number, middle: number) => number} */
function coverOfPart({ area, line, near, turns }, x, y, middle) {
    if (!line) return coverHere(area, x, y);
    const { kind, feather = 0, radius = 0 } = area;
    const inside = kind === "polygon" && sumOfTurns(line, near, x, y, middle) + turns !== 0;
    if (kind === "polygon" && !feather) return Number(inside);
    let square = Infinity;
    for (const at of near) square = Math.min(square, squaredDistance(line, at, x, y));
    const away = Math.sqrt(square);
    if (kind === "brush") return coverOf(away - radius, feather);
    return coverOf(inside ? -away : away, feather);
}

/** @type {(outline: Float64Array, segments: number[], x: number, y: number, middle: number) => number} */
function sumOfTurns(outline, segments, x, y, middle) {
    let sum = 0;
    for (const at of segments) sum += turnsOf(outline, at, x, y, middle);
    return sum;
}
