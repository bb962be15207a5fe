/**
 * Raster: broken lines on a grid of pixels. Which pixels an outline winds around, and how far
 * pixels are from a line. revideo/drawing/masks.py computes the same.
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

/** Which pixels an outline winds around, row after row: 1 or 0. @type {(outline: Float64Array, grid: Grid) => Uint8Array} */
export function insidePixels(outline, { xs, ys }) {
    const [width, height] = [xs.length, ys.length];
    const turns = new Int32Array((width + 1) * height); // how often it turns around all that lies to the right
    for (let at = 0; at + 3 < outline.length; at += 2) {
        const [y0, y1] = [outline[at + 1], outline[at + 3]];
        const stop = firstNotBelow(ys, Math.max(y0, y1));
        for (let row = firstNotBelow(ys, Math.min(y0, y1)); row < stop; row += 1)
            turns[row * (width + 1) + firstNotBelow(xs, crossingAt(outline, at, ys[row]))] += y0 < y1 ? 1 : -1;
    }
    const inside = new Uint8Array(width * height);
    for (let row = 0; row < height; row += 1) {
        let winding = 0;
        for (let column = 0; column < width; column += 1) {
            winding += turns[row * (width + 1) + column];
            if (winding !== 0) inside[row * width + column] = 1;
        }
    }
    return inside;
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
    let px = x - line[at];
    let py = y - line[at + 1];
    if (at + 3 < line.length) {
        const dx = line[at + 2] - line[at];
        const dy = line[at + 3] - line[at + 1];
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

    /** @type {(tile: Window, segments: number[]) => void} */
    function visit({ left, right, top, bottom }, segments) {
        const [x, y] = [(xs[left] + xs[right - 1]) / 2, (ys[top] + ys[bottom - 1]) / 2];
        const [wide, tall] = [xs[right - 1] - xs[left], ys[bottom - 1] - ys[top]];
        const reach = Math.sqrt(wide * wide + tall * tall) / 2;
        const squares = new Float64Array(segments.length);
        let square = Infinity;
        for (let index = 0; index < segments.length; index += 1) {
            squares[index] = squaredDistance(line, segments[index], x, y);
            if (squares[index] < square) square = squares[index];
        }
        const least = Math.sqrt(square);
        if (least - reach > high || least + reach < low) {
            for (let row = top - window.top; row < bottom - window.top; row += 1)
                away.fill(least, row * across + left - window.left, row * across + right - window.left);
            return;
        }
        const limit = ((least + 2 * reach) * (1 + 1e-9)) ** 2;
        const near = segments.filter((_, index) => squares[index] <= limit);
        const pixels = (right - left) * (bottom - top);
        if (pixels > SMALL && pixels * near.length > FEW) {
            const [column, row] = [(left + right) >> 1, (top + bottom) >> 1];
            if (wide > tall) {
                visit({ left, right: column, top, bottom }, near);
                visit({ left: column, right, top, bottom }, near);
            } else {
                visit({ left, right, top, bottom: row }, near);
                visit({ left, right, top: row, bottom }, near);
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

    if (away.length) visit(window, Array.from({ length: Math.max(line.length / 2 - 1, 1) }, (_, index) => 2 * index));
    return away;
}
