/**
 * Tracks of any program, in and out: what wrote a text is told by the text itself.
 * docs/tracks.md says what is read. revideo/tracks/tracks_text.py asks in the same order.
 */

import { t } from "../locale.js";
import { fail } from "./literals.js";
import { MAX_LENGTH, formatTracks, inPixels, parseTracks, pathsFromTracks } from "./tracks_text.js";
import { readAfterEffects, writeAfterEffects } from "./after_effects.js";
import { readCsv, writeCsv } from "./csv.js";
import { isNpy, readNpy, writeNpy } from "./npy.js";
import { readNuke, writeNuke } from "./nuke.js";
import { readSvg, writeSvg } from "./svg.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("./tracks_text.js").Tracks} Tracks */
/** @typedef {import("./numbered.js").Exchanged} Exchanged */

// --- Reading -------------------------------------------------------------------------------------

/**
 * size: of the picture, where y runs upward and the text does not name it. Throws DocumentError.
 * @type {(text: string, size?: {width: number, height: number}) => Exchanged}
 */
export function readTracks(text, size) {
    if (text.length > MAX_LENGTH) fail(t`the tracks are a text of ${text.length} characters; at most ${MAX_LENGTH} are read`);
    return readAfterEffects(text) ?? readNuke(text, size) ?? readSvg(text) ?? readCsv(text) ?? parseTracks(text);
}

/**
 * What a file holds: text, or the tracks of an array. frames: of the clip. Throws DocumentError.
 * @type {(content: ArrayBuffer, frames: number) => string | Exchanged}
 */
export function readFileContent(content, frames) {
    const bytes = new Uint8Array(content);
    if (isNpy(bytes)) return readNpy(bytes, frames);
    const [first, second] = bytes;
    const wide = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
    return new TextDecoder(wide).decode(content); // Excel and PowerShell write UTF-16
}

/**
 * Paths of a drawing, and what people should know of how they were read.
 * Throws DocumentError where there are none, or more than a drawing holds.
 * @type {(read: Exchanged, doc: EditDocument) => {paths: Path[], notes: string[]}}
 */
export function drawnPaths(read, doc) {
    const notes = read.readAs ? [read.readAs] : [];
    const tracks = inPixels(inClip(read, doc.frames), doc);
    const beyond = read.firstFrame === undefined ? 0 : (read.points[0]?.length ?? 0) - doc.frames;
    if (beyond > 0) notes.push(t`the clip has ${doc.frames} frames: the last ${beyond} of the tracks were left out`);
    if (tracks.visible.some(hasGap)) notes.push(t`a drawn path has no gaps: where a track is hidden in between, it goes on`);
    const timed = pathsFromTracks(tracks, doc);
    const paths = read.corners ? timed.map((path, number) => shapeOf(path, read, number, doc)) : timed;
    if (!paths.length) fail(t`the text holds no path`);
    return { paths, notes };
}

/** Numbered frames stay where they are: cut behind the clip's last, hidden up to it. @type {(read: Exchanged, frames: number) => Tracks} */
function inClip(read, frames) {
    if (read.firstFrame === undefined) return read;
    const every = Array.from({ length: frames }, (_, frame) => frame);
    return {
        ...read,
        points: read.points.map((path) => every.map((frame) => path[frame] ?? [0, 0])),
        visible: read.visible.map((path) => every.map((frame) => path[frame] ?? false)),
    };
}

/** A path without times of its own, along a shape: through its corners where it is straight. @type {(path: Path, read: Exchanged, number: number, doc: EditDocument) => Path} */
function shapeOf(path, read, number, doc) {
    const corners = read.corners?.[number];
    if (path.kind === "anchor" || !corners || corners.length > MOST_CORNERS) return { ...path, points: path.points.map(({ x, y }) => ({ x, y })) };
    const [wide, high] = read.drawnOn ?? [doc.width, doc.height];
    return { ...path, kind: "line", points: corners.map(([x, y]) => ({ x: (x * doc.width) / wide, y: (y * doc.height) / high })) };
}

const MOST_CORNERS = 500; // of a path that a person would draw; of more, what is needed

/** @type {(visible: boolean[]) => boolean} */
const hasGap = (visible) => visible.slice(visible.indexOf(true), visible.lastIndexOf(true) + 1).includes(false);

// --- Writing -------------------------------------------------------------------------------------

/** What tracks are written as, and how such a file's name ends. */
export const TRACK_FORMATS = /** @type {const} */ ({
    points: { title: t`Tracks: [[{"x", "y"}, …], …]`, ending: "json" },
    pairs: { title: t`Tracks: [[[x, y], …], …]`, ending: "json" },
    single: { title: t`One track alone: [{"x", "y"}, …]`, ending: "json" },
    csv: { title: t`Tracks: CSV`, ending: "csv" },
    afterEffects: { title: t`Tracks: After Effects keyframes`, ending: "txt" },
    nuke: { title: t`Tracks: Nuke Tracker4`, ending: "nk" },
    svg: { title: t`Shapes: SVG paths`, ending: "svg" },
});

/** @typedef {keyof typeof TRACK_FORMATS} TrackFormat */

/**
 * What programs know of tracks beside their points: the paths and their names, the picture's size, frames per second.
 * @typedef {{paths: Path[], names: string[], width: number, height: number, rate: number}} Setting
 */

/**
 * Tracks as text; a path that is never seen is left out. Throws DocumentError where a format cannot hold them.
 * @type {(format: TrackFormat, tracks: Tracks, setting: Setting) => string}
 */
export function writeTracks(format, tracks, setting) {
    if (format === "svg") return writeSvg(setting.paths, setting);
    const { shown, names } = seenOf(tracks, setting.names);
    if (format === "csv") return writeCsv(shown, names);
    if (format === "afterEffects") return writeAfterEffects(shown, setting, setting.rate);
    if (format === "nuke") return writeNuke(shown, names, setting.height);
    return formatTracks(shown, format);
}

/** As an array that NumPy reads; a path that is never seen is left out. @type {(tracks: Tracks) => Uint8Array<ArrayBuffer>} */
export const writeArray = (tracks) => writeNpy(seenOf(tracks, []).shown);

/** Without the paths that are never seen. @type {(tracks: Tracks, names: string[]) => {shown: Tracks, names: string[]}} */
function seenOf({ points, visible }, names) {
    const seen = [...points.keys()].filter((number) => visible[number].includes(true));
    return { shown: { points: seen.map((number) => points[number]), visible: seen.map((number) => visible[number]) }, names: seen.map((number) => names[number]) };
}

/** What a format does not hold, for people. @type {(format: TrackFormat) => string} */
export function lostIn(format) {
    if (format === "csv") return t`A line for each frame of every visible path.`;
    if (format === "afterEffects") return t`A point control for every visible path; where it is hidden, it rests.`;
    if (format === "nuke") return t`A point of a Tracker4 for every visible path, from frame 1 on; where it is hidden, it is disabled.`;
    if (format === "svg") return t`The shape of every visible path, without its times.`;
    return t`A point for each frame of every visible path.`;
}
