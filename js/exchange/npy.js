/**
 * Tracks as an array that NumPy saved, `.npy`. Nothing in it is run: arrays of objects are refused.
 * docs/tracks.md says what is read. revideo/tracks/npy.py reads the same files and refuses the others with the same
 * messages.
 */

import { LIMITS } from "../document/document.js";
import { t } from "../locale.js";
import { fail, shown } from "./literals.js";
import { MAX_POINTS } from "./tracks_text.js";
import { countedPaths } from "./numbered.js";

/** @typedef {import("./numbered.js").Exchanged} Exchanged */
/** @typedef {{values: number[], axes: number[], shape: string, single: boolean}} Values  in the order of their axes, which are three; shape: in words; single: one path alone */

const MAGIC = "\x93NUMPY";
const LENGTH_BYTES = /** @type {Record<number, number>} */ ({ 1: 2, 2: 4, 3: 4 }); // of the header's length, by the format's version

/** @type {Record<string, {bytes: number, read: (view: DataView, at: number) => number}>} */
const TYPES = {
    "<f4": { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
    "<f8": { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
    "<i2": { bytes: 2, read: (view, at) => view.getInt16(at, true) },
    "<i4": { bytes: 4, read: (view, at) => view.getInt32(at, true) },
    "<i8": { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
    "<u2": { bytes: 2, read: (view, at) => view.getUint16(at, true) },
    "<u4": { bytes: 4, read: (view, at) => view.getUint32(at, true) },
    "<u8": { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
    "|i1": { bytes: 1, read: (view, at) => view.getInt8(at) },
    "|u1": { bytes: 1, read: (view, at) => view.getUint8(at) },
};

// --- Reading -------------------------------------------------------------------------------------

/** Whether a file is an array that NumPy saved. @type {(content: Uint8Array) => boolean} */
export const isNpy = (content) => latin(content.subarray(0, MAGIC.length)) === MAGIC;

/** @type {(bytes: Uint8Array) => string} */
const latin = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/**
 * frames: of the clip, which tells the array's axes apart. Throws DocumentError that says what it holds instead.
 * @type {(content: Uint8Array, frames: number) => Exchanged}
 */
export function readNpy(content, frames) {
    const { values, axes, shape, single } = valuesOf(content);
    const [first, second, wide] = axes;
    const name = (/** @type {number} */ index) => t`the array at [${Math.floor(index / second)}, ${index % second}]`;
    const each = Array.from({ length: first * second }, (_, index) => values.slice(index * wide, (index + 1) * wide));
    const odd = each.findIndex(([, , seen]) => wide === 3 && seen !== 0 && seen !== 1);
    if (odd >= 0) fail(t`${name(odd)}: the third value must be 1 where visible, or 0, found ${shown(each[odd][2])}`);
    const shows = each.map(([x, y, seen]) => !(Number.isNaN(x) && Number.isNaN(y)) && seen !== 0);
    const wrong = each.findIndex(([x, y], index) => shows[index] && !(Math.max(Math.abs(x), Math.abs(y)) <= LIMITS.coordinate));
    if (wrong >= 0) fail(t`${name(wrong)}: x ${shown(each[wrong][0])}, y ${shown(each[wrong][1])} must lie within ±${LIMITS.coordinate} pixels`);
    const pathsFirst = single || first === 1 || second === frames;
    const framesFirst = !single && (second === 1 || first === frames);
    if (pathsFirst === framesFirst && first * second !== 1) {
        if (pathsFirst) fail(t`the array has shape ${shape} and the clip ${frames} frames: both may be its frames, the other axis paths; save it as a list of paths (.tolist() as JSON)`);
        fail(t`the array has shape ${shape} and the clip ${frames} frames: neither is its frames, the other axis paths; save it as a list of paths (.tolist() as JSON)`);
    }
    const [count, length] = pathsFirst ? [first, second] : [second, first];
    const countedFrames = length === 1 ? t`1 frame` : t`${length} frames`;
    const at = (/** @type {number} */ path, /** @type {number} */ frame) => (pathsFirst ? path * second + frame : frame * second + path);
    const paths = Array.from({ length: count }, (_, path) => Array.from({ length }, (_, frame) => at(path, frame)));
    return {
        points: paths.map((path) => path.map((index) => (shows[index] ? each[index].slice(0, 2) : [0, 0]))),
        visible: paths.map((path) => path.map((index) => shows[index])),
        readAs: t`read as an array of shape ${shape}: ${countedPaths(count)} over ${countedFrames}`,
    };
}

/** @type {(content: Uint8Array) => Values} */
function valuesOf(content) {
    const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    const version = content[6] ?? 0;
    if (!(version in LENGTH_BYTES)) fail(t`this .npy file is broken, or of a version of the format that is not known: ${version}`);
    const begin = 8 + LENGTH_BYTES[version];
    const end = begin + [...content.subarray(8, begin)].reduce((sum, byte, place) => sum + byte * 256 ** place, 0);
    const header = latin(content.subarray(begin, Math.min(end, begin + LONGEST_HEADER)));
    const descr = /'descr': *('[^']*'|\[)/.exec(header)?.[1];
    const order = /'fortran_order': *(True|False)/.exec(header)?.[1];
    const sizes = /'shape': *\(((?: *[0-9]{1,9} *,?)*)\)/.exec(header)?.[1];
    if (end > content.length || !descr || !order || sizes === undefined) return fail(t`this .npy file is broken: its header is not one that NumPy writes`);
    const written = descr.replace(/^'+|'+$/g, "");
    if (written.includes("O") || descr === "[") fail(t`this .npy file holds Python objects or records, which are never read: save numbers alone`);
    if (!(written in TYPES)) fail(t`this .npy file holds numbers of type ${shown(written)}: save float32, float64 or whole numbers`);
    const dimensions = (sizes.match(/[0-9]+/g) ?? []).map(Number);
    const shape = dimensions.length === 1 ? `(${dimensions[0]},)` : `(${dimensions.join(", ")})`;
    let axes = dimensions.length === 4 && dimensions[0] === 1 ? dimensions.slice(1) : dimensions;
    const single = axes.length === 2;
    if (single) axes = [1, ...axes];
    const [first, second, wide] = axes;
    if (axes.length !== 3 || (wide !== 2 && wide !== 3))
        fail(t`the array has shape ${shape}; read are (paths, frames, 2), (frames, paths, 2) and (frames, 2), or with a third value for visible`);
    if (!(first * second)) fail(t`the array has shape ${shape} and holds no point`);
    if (first * second > MAX_POINTS) fail(t`the array has shape ${shape}; at most ${MAX_POINTS} points are read`);
    const { bytes, read } = TYPES[written];
    const count = first * second * wide;
    if (content.length - end !== count * bytes) fail(t`this .npy file is broken: it holds ${content.length - end} bytes of numbers, its shape says ${count * bytes}`);
    const turned = order === "True"; // Fortran's: the first axis runs fastest
    const place = (/** @type {number} */ index) => {
        const [i, j, k] = [Math.floor(index / wide / second), Math.floor(index / wide) % second, index % wide];
        return turned ? i + first * (j + second * k) : index;
    };
    return { values: Array.from({ length: count }, (_, index) => read(view, end + bytes * place(index))), axes, shape, single };
}

const LONGEST_HEADER = 10_000; // characters; NumPy's have about a hundred

// --- Writing -------------------------------------------------------------------------------------

/** (paths, frames, 3) in float32: x, y, and 1 where visible. @type {(tracks: import("./tracks_text.js").Tracks) => Uint8Array<ArrayBuffer>} */
export function writeNpy({ points, visible }) {
    const shape = `(${points.length}, ${points[0]?.length ?? 0}, 3)`;
    const described = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
    const head = 64 * Math.ceil((10 + described.length + 1) / 64); // the numbers begin at a multiple of 64
    const values = points.flatMap((path, number) => path.flatMap(([x, y], frame) => (visible[number][frame] ? [x, y, 1] : [0, 0, 0])));
    const content = new Uint8Array(head + 4 * values.length);
    const view = new DataView(content.buffer);
    [...`${MAGIC}\x01\x00`].forEach((letter, at) => view.setUint8(at, letter.charCodeAt(0)));
    view.setUint16(8, head - 10, true);
    [...described.padEnd(head - 11), "\n"].forEach((letter, at) => view.setUint8(10 + at, letter.charCodeAt(0)));
    values.forEach((value, index) => view.setFloat32(head + 4 * index, value, true));
    return content;
}
