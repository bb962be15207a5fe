/**
 * The edit document: what a person drew, as one JSON text. docs/edit_document.md says what it means.
 *
 * Documents are plain and never changed: an operation makes a new one.
 */

/**
 * @typedef {"anchor" | "line" | "spline" | "freehand"} PathKind
 * @typedef {"linear" | "in" | "out" | "in-out"} Easing
 * @typedef {Easing | "hold" | [number, number, number, number]} KeyEasing  x1, y1, x2, y2 of a Bézier curve
 * @typedef {"rect" | "ellipse" | "polygon" | "brush"} AreaKind
 *
 * @typedef {object} Point
 * @property {number} x  in pixels of the document's width, from the left edge
 * @property {number} y  in pixels, from the upper edge
 * @property {number} [frame]  when the path is here
 * @property {KeyEasing} [easing]  from here to the next key; left out: the path's
 *
 * @typedef {object} Path
 * @property {string} id
 * @property {PathKind} kind
 * @property {string} [name]
 * @property {string} [color]  "#rrggbb"
 * @property {Point[]} points
 * @property {number} [start]  in frames; left out: the first
 * @property {number} [end]  in frames; left out: the last
 * @property {Easing} [easing]  left out: linear
 * @property {boolean} [visible]  left out: true
 * @property {boolean} [locked]  left out: false; commands leave it as it is
 * @property {string} [group]  that it is listed under
 *
 * How an area lies at a frame.
 * @typedef {object} Keyframe
 * @property {number} frame
 * @property {[number, number]} [move]  x, y in pixels; left out: 0, 0
 * @property {[number, number]} [scale]  along x and y, about the centre of the area's own box; left out: 1, 1
 * @property {number} [rotate]  degrees, clockwise on the screen; left out: 0
 * @property {[number, number][]} [points]  as many as the area's; left out: the area's
 * @property {KeyEasing} [easing]  from here to the next key; left out: linear
 *
 * @typedef {object} Area
 * @property {string} id
 * @property {AreaKind} kind
 * @property {string} [name]
 * @property {"add" | "subtract"} [mode]  left out: add
 * @property {[number, number][]} points  x, y in pixels
 * @property {number} [radius]  of a brush, in pixels
 * @property {number} [feather]  width of the soft edge in pixels; left out: 0
 * @property {string | string[]} [follow]  the path that the area moves with, or several, with which it turns and grows too
 * @property {Keyframe[]} [keys]  in the order of their frames
 * @property {boolean} [visible]  left out: true
 * @property {boolean} [locked]  left out: false; commands leave it as it is
 * @property {string} [group]  that it is listed under
 *
 * @typedef {object} EditDocument
 * @property {number} width  in pixels, of the picture that was drawn on
 * @property {number} height
 * @property {number} frames
 * @property {Path[]} paths
 * @property {Area[]} regions
 */

export const VERSION = 2; // the newest that is read; written where its fields are used

export const LIMITS = Object.freeze({
    side: 16384,
    frames: 10000,
    paths: 1000,
    regions: 1000,
    points: 50000,
    coordinate: 100000,
    radius: 10000,
    feather: 10000,
    easing: /** @type {const} */ ([-2, 3]), // heights of a Bézier easing's controls
    keys: 1000, // of a region
    follow: 100, // paths that a region follows
    scale: /** @type {const} */ ([0.001, 1000]), // of a key
    rotate: 36000, // degrees
    text: 100, // characters of an id or a name
    depth: 100, // of nested brackets: Python's reader goes no deeper than some hundred
});

export const PATH_KINDS = /** @type {const} */ (["anchor", "line", "spline", "freehand"]);
export const EASINGS = /** @type {const} */ (["linear", "in", "out", "in-out"]);
export const KEY_EASINGS = /** @type {const} */ ([...EASINGS, "hold"]);
export const AREA_KINDS = /** @type {const} */ (["rect", "ellipse", "polygon", "brush"]);
export const MODES = /** @type {const} */ (["add", "subtract"]);

/** A drawing with nothing on it. @type {(width: number, height: number, frames: number) => EditDocument} */
export const emptyDocument = (width, height, frames) => ({ width, height, frames, paths: [], regions: [] });

/** Whether an item has a field that version 1 does not have. @type {(item: Path | Area) => boolean} */
const isNewer = (item) =>
    item.locked !== undefined || item.group !== undefined || ("keys" in item && item.keys !== undefined) || ("follow" in item && Array.isArray(item.follow)) || item.points.some((point) => "easing" in point && point.easing !== undefined);

/** The document serialized: fields in the order of the specification, coordinates to a thousandth of a pixel. @type {(doc: EditDocument) => string} */
export function serializeDocument({ width, height, frames, paths, regions }) {
    return JSON.stringify({
        version: [...paths, ...regions].some(isNewer) ? 2 : 1,
        width,
        height,
        frames,
        paths: paths.map(({ id, kind, name, color, points, start, end, easing, visible, locked, group }) => ({
            id,
            kind,
            name,
            color,
            points: points.map(({ x, y, frame, easing: from }) => ({ x: rounded(x), y: rounded(y), frame, easing: from })),
            start,
            end,
            easing,
            visible,
            locked,
            group,
        })),
        regions: regions.map(({ id, kind, name, mode, points, radius, feather, follow, keys, visible, locked, group }) => ({
            id,
            kind,
            name,
            mode,
            points: points.map(roundedPair),
            radius: radius === undefined || kind !== "brush" ? undefined : Math.max(rounded(radius), 0.001),
            feather: feather === undefined ? undefined : rounded(feather),
            follow,
            keys: keys?.map(({ frame, move, scale, rotate, points: shape, easing }) => ({
                frame,
                move: move && roundedPair(move),
                scale: scale?.map((value) => rounded(value, 1e6)),
                rotate: rotate === undefined ? undefined : rounded(rotate, 1e6),
                points: shape?.map(roundedPair),
                easing,
            })),
            visible,
            locked,
            group,
        })),
    });
}

/** @type {(value: number, parts?: number) => number} */
const rounded = (value, parts = 1000) => Math.round(value * parts) / parts;

/** @type {(pair: [number, number]) => [number, number]} */
const roundedPair = ([x, y]) => [rounded(x), rounded(y)];
