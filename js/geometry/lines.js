/**
 * Lines: broken lines. Which places an outline winds around, and how far places are from a line.
 * revideo/drawing/shapes.py computes the same.
 *
 * A line is a Float64Array, x, y after x, y; an outline ends where it begins. A segment is the index it begins at.
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
 * What a segment adds to how often its outline winds around a place in a tile.
 *
 * The sum over an outline is that number. Over those segments alone that touch the tile it is right but for a
 * number that is the same in the whole tile: the others run on from the ends of these, on the same side of
 * `middle`, an x between the tile's left and right.
 * @type {(outline: Float64Array, at: number, x: number, y: number, middle: number) => number}
 */
export function turnsOf(outline, at, x, y, middle) {
    const [begun, ended] = [Number(outline[at + 1] <= y), Number(outline[at + 3] <= y)];
    const ends = ended * Number(outline[at + 2] < middle) - begun * Number(outline[at] < middle);
    return begun !== ended && crossingAt(outline, at, y) <= x ? ends + begun - ended : ends;
}

// --- Distance ------------------------------------------------------------------------------------

/** Distance from a place to a line; a line may be one point. @type {(line: Float64Array, x: number, y: number) => number} */
export function distanceToLine(line, x, y) {
    let least = Infinity;
    for (let at = 0; at === 0 || at + 3 < line.length; at += 2) least = Math.min(least, squaredDistance(line, at, x, y));
    return Math.sqrt(least);
}

/** Squared distance to a segment; that of a line of one point is the point. @type {(line: Float64Array, at: number, x: number, y: number) => number} */
export function squaredDistance(line, at, x, y) {
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
