/**
 * Raster: broken lines on a grid of pixels. Which pixels an outline winds around, and how far
 * pixels are from a line. revideo/raster.py computes the same.
 *
 * A line is a Float64Array, x, y after x, y; an outline ends where it begins.
 */

/**
 * Where the middles of pixels lie, in the line's coordinates; both rise.
 * @typedef {{xs: Float64Array, ys: Float64Array}} Grid
 * @typedef {{left: number, right: number, top: number, bottom: number}} Window  columns and rows; right and bottom are outside
 */

// --- Inside --------------------------------------------------------------------------------------

/** Whether an outline winds around a place. Its left and upper sides count as inside. @type {(outline: Float64Array, x: number, y: number) => boolean} */
export function isInside(outline, x, y) {
    let winding = 0;
    for (let at = 0; at + 3 < outline.length; at += 2) {
        const [y0, y1] = [outline[at + 1], outline[at + 3]];
        if (y0 <= y !== y1 <= y && crossingAt(outline, at, y) <= x) winding += y0 < y1 ? 1 : -1;
    }
    return winding !== 0;
}

/** Where the edge that begins at an index meets a level. @type {(outline: Float64Array, at: number, y: number) => number} */
function crossingAt(outline, at, y) {
    const [x0, y0, x1, y1] = [outline[at], outline[at + 1], outline[at + 2], outline[at + 3]];
    return x0 + ((y - y0) * (x1 - x0)) / (y1 - y0);
}

/**
 * Calls `fill` for every run of pixels that an outline winds around, from index to index.
 * @type {(outline: Float64Array, grid: Grid, fill: (from: number, to: number) => void) => void}
 */
export function fillInside(outline, { xs, ys }, fill) {
    const edges = outline.length / 2 - 1;
    const stops = new Int32Array(edges); // the row below each edge
    /** @type {number[][]} */
    const starting = Array.from(ys, () => []); // edges by their first row
    for (let edge = 0; edge < edges; edge += 1) {
        const [y0, y1] = [outline[2 * edge + 1], outline[2 * edge + 3]];
        const start = firstNotBelow(ys, Math.min(y0, y1));
        stops[edge] = firstNotBelow(ys, Math.max(y0, y1));
        if (start < stops[edge]) starting[start].push(edge);
    }
    /** @type {number[]} */
    let active = [];
    const [ups, downs] = [new Float64Array(edges), new Float64Array(edges)];
    for (let row = 0; row < ys.length; row += 1) {
        active = active.filter((edge) => stops[edge] > row).concat(starting[row]);
        let [up, down] = [0, 0];
        for (const edge of active) {
            const x = crossingAt(outline, 2 * edge, ys[row]);
            if (outline[2 * edge + 1] < outline[2 * edge + 3]) ups[up++] = x;
            else downs[down++] = x;
        }
        fillRow(ups.subarray(0, up).sort(), downs.subarray(0, down).sort(), xs, row * xs.length, fill);
    }
}

/** The runs between edges that go down on one side and up on the other. @type {(ups: Float64Array, downs: Float64Array, xs: Float64Array, start: number, fill: (from: number, to: number) => void) => void} */
function fillRow(ups, downs, xs, start, fill) {
    let [up, down, from] = [0, 0, 0];
    while (up < ups.length || down < downs.length) {
        const outside = up === down;
        const x = Math.min(ups[up] ?? Infinity, downs[down] ?? Infinity);
        while (ups[up] === x) up += 1;
        while (downs[down] === x) down += 1;
        if (outside && up !== down) from = firstNotBelow(xs, x);
        else if (!outside && up === down) {
            const to = firstNotBelow(xs, x);
            if (from < to) fill(start + from, start + to);
        }
    }
}

/** Index of the first of rising values that is not below a limit. @type {(rising: Float64Array, limit: number) => number} */
export function firstNotBelow(rising, limit) {
    let [low, high] = [0, rising.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (rising[middle] < limit) low = middle + 1;
        else high = middle;
    }
    return low;
}

// --- Distance ------------------------------------------------------------------------------------

const FEW = 2048; // pixels times segments that are not worth dividing
const SMALL = 4; // pixels

/** Distance from a place to a line; a line may be one point. @type {(line: Float64Array, x: number, y: number) => number} */
export function distanceToLine(line, x, y) {
    let least = Infinity;
    for (let at = 0; at === 0 || at + 3 < line.length; at += 2) least = Math.min(least, squaredDistance(line, at, x, y));
    return Math.sqrt(least);
}

/** Squared distance to the segment that begins at an index. @type {(line: Float64Array, at: number, x: number, y: number) => number} */
function squaredDistance(line, at, x, y) {
    let [px, py] = [x - line[at], y - line[at + 1]];
    if (at + 3 < line.length) {
        const [dx, dy] = [line[at + 2] - line[at], line[at + 3] - line[at + 1]];
        const squared = dx * dx + dy * dy;
        const along = squared > 0 ? Math.min(Math.max((px * dx + py * dy) / squared, 0), 1) : 0;
        px -= along * dx;
        py -= along * dy;
    }
    return px * px + py * py;
}

/**
 * Distances from the pixels of a window to a line, row after row: exact between `low` and
 * `high`; others are only on the right side of these.
 *
 * Tiles of pixels are halved until few segments are left that can be nearest anywhere in a
 * tile, so the cost grows with the length of the band and hardly with the number of points.
 * @type {(line: Float64Array, grid: Grid, window: Window, low: number, high: number) => Float64Array}
 */
export function distances(line, { xs, ys }, window, low, high) {
    const across = window.right - window.left;
    const away = new Float64Array(Math.max(across, 0) * Math.max(window.bottom - window.top, 0));

    /** @type {(tile: Window, segments: Int32Array) => void} */
    function visit({ left, right, top, bottom }, segments) {
        const [x, y] = [(xs[left] + xs[right - 1]) / 2, (ys[top] + ys[bottom - 1]) / 2];
        const reach = Math.sqrt((xs[right - 1] - x) ** 2 + (ys[bottom - 1] - y) ** 2);
        const here = Float64Array.from(segments, (at) => Math.sqrt(squaredDistance(line, at, x, y)));
        const least = here.reduce((a, b) => Math.min(a, b), Infinity);
        const pixels = (right - left) * (bottom - top);
        if (least - reach > high || least + reach < low) {
            for (let row = top - window.top; row < bottom - window.top; row += 1)
                away.fill(least, row * across + left - window.left, row * across + right - window.left);
            return;
        }
        const limit = (least + 2 * reach) * (1 + 1e-9);
        const near = segments.filter((_, index) => here[index] <= limit);
        if (pixels > SMALL && pixels * near.length > FEW) {
            if (xs[right - 1] - xs[left] > ys[bottom - 1] - ys[top]) {
                const middle = (left + right) >> 1;
                visit({ left, right: middle, top, bottom }, near);
                visit({ left: middle, right, top, bottom }, near);
            } else {
                const middle = (top + bottom) >> 1;
                visit({ left, right, top, bottom: middle }, near);
                visit({ left, right, top: middle, bottom }, near);
            }
            return;
        }
        for (let row = top; row < bottom; row += 1)
            for (let column = left; column < right; column += 1) {
                let squared = Infinity;
                for (const at of near) squared = Math.min(squared, squaredDistance(line, at, xs[column], ys[row]));
                away[(row - window.top) * across + column - window.left] = Math.sqrt(squared);
            }
    }

    if (away.length) visit(window, Int32Array.from({ length: Math.max(line.length / 2 - 1, 1) }, (_, index) => 2 * index));
    return away;
}
