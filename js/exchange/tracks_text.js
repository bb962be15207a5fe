/**
 * Tracks as text: what other editors and packs write and read, a point per frame.
 * docs/tracks.md says what is read. revideo/tracks/tracks_text.py reads the same texts to the same points and refuses
 * the others with the same messages.
 */

import { LIMITS } from "../document/document.js";
import { t } from "../locale.js";
import { fail, isObject, readValue, shown, typeName } from "./literals.js";
import { positionAt, timesOf } from "../geometry/curves.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/**
 * @typedef {{points: number[][][], visible: boolean[][], drawnOn?: number[]}} Tracks  points (paths, frames, 2) in pixels, visible
 * (paths, frames), width and height of the picture where the tool says them
 */

export const MAX_LENGTH = 64_000_000; // characters
export const MAX_POINTS = 1_000_000;
export const MAX_PLACES = 10_000_000; // paths × frames, which is what is allocated
const TOLERANCE = 0.25; // pixels: what a thinned point may change
const PASSES = 16; // of thinning a path; a smooth one takes fewer, one of many jumps would take as many as it has points

// --- Reading -------------------------------------------------------------------------------------

/**
 * The tracks of any tool: a list of paths, each of {"x", "y"} or [x, y], with "visible" or a third value false where
 * a point is hidden; one path alone; several such texts in a list; Python's single quotes and tuples; lines of `x,y`;
 * an object with "coordinates". A ragged end hides the rest of that path.
 * Throws DocumentError.
 * @type {(text: string) => Tracks}
 */
export function parseTracks(text) {
    if (text.length > MAX_LENGTH) fail(t`the tracks are a text of ${text.length} characters; at most ${MAX_LENGTH} are read`);
    const { paths: found, drawnOn } = pathsIn(text);
    let [count, frames] = [0, 0];
    for (const { length } of found.filter(Array.isArray)) [count, frames] = [count + length, Math.max(frames, length)];
    const places = found.length * frames;
    if (count > MAX_POINTS) fail(t`the tracks hold ${count} points; at most ${MAX_POINTS} are read`);
    if (places > MAX_PLACES)
        fail(t`the tracks are ${found.length} paths of up to ${frames} points, which makes ${places} places; at most ${MAX_PLACES} are read: split paths so unlike in length`);
    const paths = found.map(readPath);
    const every = Array.from({ length: frames }, (_, frame) => frame);
    const hidden = [0, 0];
    return {
        points: paths.map((path) => every.map((frame) => path[frame]?.place ?? hidden)),
        visible: paths.map((path) => every.map((frame) => path[frame]?.shows ?? false)),
        ...(drawnOn && { drawnOn }),
    };
}

/** The paths of a text, however deep the tool wrapped them: lists in lists, texts in texts. @type {(text: string) => {paths: unknown[], drawnOn?: number[]}} */
function pathsIn(text) {
    const paths = [];
    let drawnOn;
    /** @type {unknown[]} */
    const unread = [text]; // the next one last
    while (unread.length) {
        const value = unread.pop();
        if (typeof value === "string") unread.push(readValue(value));
        else if (isObject(value) && "coordinates" in value) {
            if ("coord_width" in value || "coord_height" in value) drawnOn = readSize(value.coord_width, value.coord_height);
            unread.push(value.coordinates);
        } else if (isObject(value) && "paths" in value && "regions" in value) fail(t`this is a drawing, not tracks: give it as the drawing (--document, or the editor)`);
        else if (!Array.isArray(value)) fail(t`the tracks must be a list of paths, not ${typeName(value)}`);
        else if (typeof value[0] === "string" || holdsLists(value[0])) {
            checkBatch(value);
            for (const item of value.reverse()) unread.push(item); // several texts, each with paths of its own, or one level too many
        } else if (isPoint(value[0])) paths.push(value); // one path alone
        else for (const path of value) paths.push(path);
    }
    return { paths, drawnOn };
}

/** @type {(width: unknown, height: unknown) => number[]} */
function readSize(width, height) {
    if (!isSize(width) || !isSize(height)) fail(t`coord_width and coord_height must be sizes above 0, found ${shown(width)} and ${shown(height)}`);
    return [width, height];
}

/** @type {(value: unknown) => value is number} */
const isSize = (value) => typeof value === "number" && value > 0 && value < 1e6;

/** Refuses one array of frames × points × 2, as trackers give it, or of paths × frames × 2: who knows. @type {(value: unknown[]) => void} */
function checkBatch(value) {
    const rows = value[0];
    if (value.length !== 1 || !Array.isArray(rows) || rows.length < 2) return;
    const sizes = new Set(rows.map((row) => (Array.isArray(row) && row.every((pair) => Array.isArray(pair) && pair.length === 2) ? row.length : 0)));
    const [size] = sizes;
    if (sizes.size === 1 && size > 1)
        fail(
            t`the tracks are one array of shape (1, ${rows.length}, ${size}, 2): frames of points, as CoTracker gives them, or paths of points? Take the outermost brackets away once it is a list of paths`,
        );
}

/** @type {(value: unknown) => boolean} */
const holdsLists = (value) => Array.isArray(value) && Array.isArray(value[0]) && !isPoint(value[0]);

/** @type {(value: unknown) => boolean} */
const isPoint = (value) =>
    isObject(value)
        ? !("coordinates" in value)
        : Array.isArray(value) &&
          (value.length === 2 || (value.length === 3 && typeof value[2] === "boolean")) &&
          value.every((v) => v === null || !["object", "string"].includes(typeof v));

/** @type {(path: unknown, number: number) => {place: number[], shows: boolean}[]} */
function readPath(path, number) {
    if (!Array.isArray(path)) fail(t`track ${number} must be a list of points, not ${typeName(path)}`);
    if (!path.length) fail(t`track ${number} has no points`);
    return path.map((point, frame) => {
        const place = () => t`track ${number}, point ${frame}`;
        const [pair, shows] = isObject(point)
            ? [[point.x ?? null, point.y ?? null], "visible" in point ? point.visible : true]
            : Array.isArray(point) && point.length === 3 && typeof point[2] === "boolean"
              ? [point.slice(0, 2), point[2]]
              : [point, true];
        if (!Array.isArray(pair) || pair.length !== 2) fail(t`${place()}: expected x and y, found ${shown(point)}`);
        if (typeof shows !== "boolean" && shows !== 0 && shows !== 1) fail(t`${place()}: visible must be true or false, found ${shown(shows)}`);
        const [x, y] = !shows && pair[0] === null && pair[1] === null ? [0, 0] : pair; // a tracker has no place for what it lost
        if (typeof x !== "number" || typeof y !== "number") fail(t`${place()}: x and y must be numbers, found ${shown(point)}`);
        const where = () => `${place()}: x ${shown(x)}, y ${shown(y)}`;
        if (!Number.isFinite(x) || !Number.isFinite(y)) fail(t`${where()} is not finite`);
        if (!isNear(x, y)) fail(t`${where()} must lie within ±${LIMITS.coordinate} pixels`);
        return { place: [x, y], shows: Boolean(shows) };
    });
}

/** @type {(x: number, y: number) => boolean} */
const isNear = (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= LIMITS.coordinate;

// --- Writing -------------------------------------------------------------------------------------

/**
 * Tracks as text. "points": [[{"x", "y"}, …], …]; "pairs": [[[x, y], …], …]; "single": one path
 * alone, [{"x", "y"}, …]. A path ends with its last visible frame; one that is never seen is
 * left out. Throws DocumentError where a single path is wanted and there is another number.
 * @type {(tracks: Tracks, format: "points" | "pairs" | "single") => string}
 */
export function formatTracks({ points, visible }, format) {
    const rounded = (/** @type {number} */ value) => Math.round(value * 1e4) / 1e4;
    const paths = points
        .map((path, number) => path.slice(0, visible[number].lastIndexOf(true) + 1))
        .filter((path) => path.length)
        .map((path) => path.map(([x, y]) => (format === "pairs" ? [rounded(x), rounded(y)] : { x: rounded(x), y: rounded(y) })));
    if (format !== "single") return JSON.stringify(paths);
    if (paths.length !== 1) fail(t`the drawing has ${paths.length} paths; this form holds one alone`);
    return JSON.stringify(paths[0]);
}

/**
 * Tracks of another picture's size on the document's. Throws DocumentError where they are parts of an unnamed size.
 * @type {(tracks: Tracks, doc: {width: number, height: number}) => Tracks}
 */
export function inPixels(tracks, { width, height }) {
    const seen = tracks.points.flatMap((path, number) => path.filter((_, frame) => tracks.visible[number][frame])).flat();
    let [x, y] = [1, 1];
    if (tracks.drawnOn) [x, y] = [width / tracks.drawnOn[0], height / tracks.drawnOn[1]];
    else if (seen.length && seen.every((value) => value >= 0 && value <= 1) && seen.some((value) => value % 1))
        fail(t`all x and y lie between 0 and 1, so they are no pixels but parts of the size: multiply them by ${width} and ${height}`);
    return { ...tracks, points: tracks.points.map((path) => path.map(([px, py]) => [px * x, py * y])) };
}

// --- Paths ---------------------------------------------------------------------------------------

/**
 * Paths to edit out of dense tracks: smooth curves through a few timed points that are at each
 * frame within a quarter of a pixel of the tracks, or anchors. Tracks of another number of frames
 * are spread over the document's. Throws DocumentError where they are more than a document holds.
 * @type {(tracks: Tracks, doc: EditDocument) => Path[]}
 */
export function pathsFromTracks({ points, visible }, doc) {
    const frames = points[0]?.length ?? 0;
    if (frames > LIMITS.frames) fail(t`the tracks have ${frames} frames; a drawing holds ${LIMITS.frames}`);
    const times = timesOf(doc, frames);
    const seen = points.map((track, number) => track.flatMap(([x, y], frame) => (visible[number][frame] ? [{ x, y, time: times[frame] }] : [])));
    const far = (/** @type {Place[]} */ places) => places.findIndex(({ x, y }) => !isNear(x, y));
    seen.forEach((places, number) => {
        if (far(places) >= 0) fail(t`track ${number}, point ${far(places)}: x and y must lie within ±${LIMITS.coordinate}`);
    });
    const count = seen.filter((places) => places.length).length;
    if (count > LIMITS.paths) fail(t`the tracks hold ${count} paths; a drawing holds ${LIMITS.paths}`);
    let room = LIMITS.points;
    return seen.flatMap((places, number) => {
        if (!places.length) return [];
        const path = pathThrough(places, `p${number + 1}`, doc);
        room -= path.points.length;
        if (room < 0) fail(t`the tracks need more points than the ${LIMITS.points} that a drawing holds`);
        return [path];
    });
}

/** @typedef {{x: number, y: number, time: number}} Place */

/** @type {(places: Place[], id: string, doc: EditDocument) => Path} */
function pathThrough(places, id, doc) {
    const last = places.length - 1;
    const [start, end] = [places[0].time, places[last].time];
    if (places.every((place) => distance(place, places[0]) <= TOLERANCE))
        return { id, kind: "anchor", points: [{ x: places[0].x, y: places[0].y }], start, end };
    let chosen = [0, last];
    for (let pass = 0; pass < 3 * PASSES; pass += 1) {
        const path = pathOf(places, chosen, id);
        if (start === end) return path; // one frame: nothing lies between
        // What is farthest off between two points becomes a point, all along the path at once; later the middle too.
        const more = chosen.slice(1).flatMap((next, index) => {
            let worst = { index: -1, away: TOLERANCE };
            for (let at = chosen[index] + 1; at < next; at += 1) {
                const away = distance(places[at], positionAt(path, doc, places[at].time));
                if (away > worst.away) worst = { index: at, away };
            }
            if (worst.index < 0) return [];
            const middle = (chosen[index] + next) >> 1;
            return pass < PASSES || worst.index === middle ? [worst.index] : [worst.index, middle];
        });
        if (!more.length) return path;
        chosen = [...chosen, ...more].sort((a, b) => a - b);
    }
    return pathOf(places, [...places.keys()], id);
}

/** The ends stand at start and end without times of their own. @type {(places: Place[], chosen: number[], id: string) => Path} */
const pathOf = (places, chosen, id) => ({
    id,
    kind: "freehand",
    points: chosen.map((index, number) => {
        const { x, y, time } = places[index];
        return number > 0 && number < chosen.length - 1 ? { x, y, frame: time } : { x, y };
    }),
    start: places[0].time,
    end: places[places.length - 1].time,
});

/** @type {(a: {x: number, y: number}, b: {x: number, y: number}) => number} */
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
