/**
 * Curves: the points of a path → where it is, at every length and at every time.
 * "The curve" and "Time" of docs/edit_document.md; revideo/drawing/curves.py computes the same.
 */

import { ease, uneased } from "./easing.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").KeyEasing} KeyEasing */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Point} Point */

/**
 * @typedef {{x: number, y: number}} XY  document pixels
 *
 * One stretch from point to point: straight without tangents, else a cubic Hermite piece.
 * @typedef {{p1: XY, p2: XY, m1?: XY, m2?: XY}} Piece
 *
 * @typedef {object} Curve
 * @property {Piece[]} pieces  one fewer than points
 * @property {number} length  in pixels
 * @property {Float64Array} pointLengths  the curve's length up to each point
 * @property {Float64Array} chords  x, y of the places that length is measured between: as many for each piece
 * @property {(length: number) => XY} at  the place at a length; before 0 the first, after the end the last
 *
 * @typedef {{frame: number, length: number, easing: KeyEasing}} Key  the easing from here to the next
 */

const CHORDS_PER_PIECE = 64;
const TOLERANCE = 1e-6; // of a frame: times of frames are computed

// --- Shape ---------------------------------------------------------------------------------------

/** @type {WeakMap<Point[], {straight?: Curve, smooth?: Curve}>} */
const measured = new WeakMap();

/** A path's curve, computed once for the same points. @type {(path: Path) => Curve} */
export function pathCurve({ kind, points }) {
    let curves = measured.get(points);
    if (!curves) measured.set(points, (curves = {}));
    if (kind === "line") return (curves.straight ??= measure(points, straightPieces(points), 1));
    return (curves.smooth ??= measure(points, smoothPieces(points), CHORDS_PER_PIECE));
}

/** The curve as a broken line, x, y after x, y: what it is drawn and hit by. @type {(path: Path) => Float64Array} */
export const flatten = (path) => pathCurve(path).chords;

/** @type {(points: Point[], pieces: Piece[], perPiece: number) => Curve} */
function measure(points, pieces, perPiece) {
    const count = pieces.length * perPiece;
    const chords = new Float64Array(2 * count + 2);
    const lengths = new Float64Array(count + 1);
    let [x, y] = [points[0].x, points[0].y];
    [chords[0], chords[1]] = [x, y];
    // The terms of placeOn, in their order: an object for each of so many places would take twice the time.
    for (let piece = 0, index = 1; piece < pieces.length; piece += 1) {
        const { p1, p2, m1, m2 } = pieces[piece];
        const [px, py, bx, by] = [p1.x, p1.y, p2.x - p1.x, p2.y - p1.y];
        const [lx, ly, ax, ay] = m1 && m2 ? [m1.x, m1.y, m2.x, m2.y] : [0, 0, 0, 0];
        for (let step = 1; step <= perPiece; step += 1, index += 1) {
            const u = step / perPiece;
            const rise = u * u * (3 - 2 * u);
            const leave = u * (1 - u) * (1 - u);
            const arrive = u * u * (u - 1);
            const nx = px + rise * bx + leave * lx + arrive * ax;
            const ny = py + rise * by + leave * ly + arrive * ay;
            const [dx, dy] = [nx - x, ny - y];
            x = chords[2 * index] = nx;
            y = chords[2 * index + 1] = ny;
            lengths[index] = lengths[index - 1] + Math.sqrt(dx * dx + dy * dy);
        }
    }
    return {
        pieces,
        length: lengths[count],
        pointLengths: Float64Array.from({ length: pieces.length + 1 }, (_, index) => lengths[index * perPiece]),
        chords,
        at(length) {
            if (!count) return { x: points[0].x, y: points[0].y };
            const s = Math.min(Math.max(length, 0), lengths[count]);
            const chord = Math.min(lastNotAbove(lengths, s), count - 1);
            const span = lengths[chord + 1] - lengths[chord];
            const part = span > 0 ? (s - lengths[chord]) / span : 0;
            return placeOn(pieces[Math.floor(chord / perPiece)], ((chord % perPiece) + part) / perPiece);
        },
    };
}

/** @type {(points: Point[]) => Piece[]} */
const straightPieces = (points) => points.slice(1).map((p2, index) => ({ p1: points[index], p2 }));

/** Centripetal Catmull–Rom: each tangent after the spacing of the points around it. @type {(points: Point[]) => Piece[]} */
function smoothPieces(points) {
    const last = points.length - 1;
    const closed = points.length >= 4 && points[0].x === points[last].x && points[0].y === points[last].y;
    return points.slice(1).map((p2, index) => {
        const p1 = points[index];
        const p0 = index > 0 ? points[index - 1] : closed ? points[last - 1] : p1;
        const p3 = index + 2 <= last ? points[index + 2] : closed ? points[1] : p2;
        const [d0, d1, d2] = [rootDistance(p0, p1), rootDistance(p1, p2), rootDistance(p2, p3)];
        const [bx, by] = [p2.x - p1.x, p2.y - p1.y];
        if (d1 === 0) return { p1, p2, m1: { x: 0, y: 0 }, m2: { x: 0, y: 0 } };
        const tangent = (/** @type {number} */ da, /** @type {number} */ db, /** @type {XY} */ a, /** @type {XY} */ b, /** @type {XY} */ c) => ({
            x: d1 * ((b.x - a.x) / da - (c.x - a.x) / (da + db) + (c.x - b.x) / db),
            y: d1 * ((b.y - a.y) / da - (c.y - a.y) / (da + db) + (c.y - b.y) / db),
        });
        // Without a neighbour that lies elsewhere the curve ends, or has a corner.
        const m1 = d0 === 0 ? { x: bx, y: by } : tangent(d0, d1, p0, p1, p2);
        const m2 = d2 === 0 ? { x: bx, y: by } : tangent(d1, d2, p1, p2, p3);
        return { p1, p2, m1, m2 };
    });
}

/** @type {(piece: Piece, u: number) => XY} */
function placeOn({ p1, p2, m1, m2 }, u) {
    const [bx, by] = [p2.x - p1.x, p2.y - p1.y];
    if (!m1 || !m2) return { x: p1.x + u * bx, y: p1.y + u * by };
    const rise = u * u * (3 - 2 * u);
    const leave = u * (1 - u) * (1 - u);
    const arrive = u * u * (u - 1);
    return {
        x: p1.x + rise * bx + leave * m1.x + arrive * m2.x,
        y: p1.y + rise * by + leave * m1.y + arrive * m2.y,
    };
}

// Not Math.hypot: a square root of squares gives every bit as NumPy gives it.
/** @type {(dx: number, dy: number) => number} */
const distance = (dx, dy) => Math.sqrt(dx * dx + dy * dy);

/** @type {(a: XY, b: XY) => number} */
const rootDistance = (a, b) => Math.sqrt(distance(b.x - a.x, b.y - a.y));

/** Index of the last of rising values that is not above `value`. @type {(rising: ArrayLike<number>, value: number) => number} */
function lastNotAbove(rising, value) {
    let [low, high] = [0, rising.length];
    while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (rising[middle] <= value) low = middle;
        else high = middle;
    }
    return low;
}

// --- Time ----------------------------------------------------------------------------------------

/** @type {WeakMap<Path, {frames: number, keys: Key[]}>} */
const timed = new WeakMap();

/**
 * When a path has which length: its timed points, and its ends where those have no time.
 * Both rise, the length from 0 to the curve's.
 * @type {(path: Path, doc: EditDocument) => Key[]}
 */
export function keyTimes(path, { frames }) {
    const known = timed.get(path);
    if (known?.frames === frames) return known.keys;
    const { pointLengths, length } = pathCurve(path);
    const [first, last] = [path.points[0], path.points[path.points.length - 1]];
    const from = (/** @type {Point} */ { easing }) => easing ?? path.easing ?? "linear";
    /** @type {Key[]} */
    const keys = path.points.flatMap((point, index) =>
        point.frame === undefined ? [] : [{ frame: point.frame, length: pointLengths[index], easing: from(point) }],
    );
    if (first.frame === undefined) keys.unshift({ frame: path.start ?? 0, length: 0, easing: from(first) });
    if (last.frame === undefined) keys.push({ frame: path.end ?? frames - 1, length, easing: from(last) });
    timed.set(path, { frames, keys });
    return keys;
}

/** The length that a path has reached. @type {(path: Path, doc: EditDocument, time: number) => number} */
function lengthAt(path, doc, time) {
    const keys = keyTimes(path, doc);
    const last = keys[keys.length - 1];
    if (time <= keys[0].frame) return keys[0].length;
    if (time >= last.frame) return last.length;
    let next = 1;
    while (keys[next].frame <= time) next += 1;
    const [a, b] = [keys[next - 1], keys[next]];
    return a.length + (b.length - a.length) * ease(a.easing, (time - a.frame) / (b.frame - a.frame));
}

/** The time at which a path has reached a length. @type {(path: Path, doc: EditDocument, length: number) => number} */
export function timeAtLength(path, doc, length) {
    const keys = keyTimes(path, doc);
    const next = keys.findIndex((key) => key.length >= length);
    if (next === 0) return keys[0].frame;
    if (next < 0) return keys[keys.length - 1].frame;
    const [a, b] = [keys[next - 1], keys[next]];
    const done = (length - a.length) / (b.length - a.length);
    return a.frame + (b.frame - a.frame) * uneased(a.easing, done);
}

/** Where a path is, in document pixels; also at times at which it is hidden. @type {(path: Path, doc: EditDocument, time: number) => XY} */
export const positionAt = (path, doc, time) => pathCurve(path).at(lengthAt(path, doc, time));

/** Whether the time lies within a path's own; what the eye of the editor says is another matter. @type {(path: Path, doc: EditDocument, time: number) => boolean} */
export const visibleAt = (path, doc, time) =>
    time >= (path.start ?? 0) - TOLERANCE && time <= (path.end ?? doc.frames - 1) + TOLERANCE;

/** The document's time of each of so many frames. @type {(doc: EditDocument, frames: number) => number[]} */
export const timesOf = (doc, frames) =>
    Array.from({ length: frames }, (_, frame) => (frames > 1 ? (frame * (doc.frames - 1)) / (frames - 1) : 0));

/**
 * The visible paths on a clip, as the model gets them: points (paths, frames, 2) in pixels of
 * the clip, and whether each may be seen (paths, frames).
 * @type {(doc: EditDocument, clip?: {frames?: number, width?: number, height?: number}) => {points: number[][][], visible: boolean[][]}}
 */
export function tracks(doc, { frames = doc.frames, width = doc.width, height = doc.height } = {}) {
    const times = timesOf(doc, frames);
    const [sx, sy] = [width / doc.width, height / doc.height];
    const paths = doc.paths.filter((path) => path.visible !== false);
    const place = (/** @type {Path} */ path, /** @type {number} */ time) => {
        const { x, y } = positionAt(path, doc, time);
        return [x * sx, y * sy];
    };
    return {
        points: paths.map((path) => times.map((time) => place(path, time))),
        visible: paths.map((path) => times.map((time) => visibleAt(path, doc, time))),
    };
}
