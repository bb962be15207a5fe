/**
 * Tracks as text: what other editors and packs write and read, a point per frame.
 * Read by the same rules as by `parse_tracks` in revideo/tracks/trajectories.py.
 */

import { LIMITS } from "./document.js";
import { DocumentError, depthOf } from "./schema.js";
import { positionAt, timesOf } from "../geometry/curves.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {{points: number[][][], visible: boolean[][]}} Tracks  points (paths, frames, 2) in pixels, visible (paths, frames) */

const MAX_POINTS = 1_000_000;
const TOLERANCE = 0.25; // pixels: what a thinned point may change

// --- Reading -------------------------------------------------------------------------------------

/**
 * The tracks of any tool: a list of paths, each of {"x", "y"} or [x, y]; one path alone; several
 * such texts in a list; Python's single quotes. A ragged end hides the rest of that path.
 * Throws DocumentError.
 * @type {(text: string) => Tracks}
 */
export function parseTracks(text) {
    const paths = pathsIn(readLiteral(text)).map(readPath);
    const count = paths.reduce((sum, path) => sum + path.length, 0);
    if (count > MAX_POINTS) fail(`the tracks hold ${count} points; at most ${MAX_POINTS} are read`);
    const frames = paths.reduce((most, path) => Math.max(most, path.length), 0);
    const every = Array.from({ length: frames }, (_, frame) => frame);
    return {
        points: paths.map((path) => every.map((frame) => path[frame] ?? [0, 0])),
        visible: paths.map((path) => every.map((frame) => frame < path.length)),
    };
}

/** @type {(message: string) => never} */
function fail(message) {
    throw new DocumentError(message);
}

/** @type {(text: string) => unknown} */
function readLiteral(text) {
    const trimmed = text.trim();
    if (!trimmed) fail('the tracks are empty; write "[]" to edit without trajectories');
    const python = trimmed.includes("'");
    try {
        if (depthOf(trimmed) > LIMITS.depth) throw new SyntaxError("too deep");
        try {
            return JSON.parse(trimmed);
        } catch {
            return new Literal(trimmed, python).read(); // NaN, which gets a message of its own, or Python's list
        }
    } catch {
        return fail(python ? `the tracks are neither JSON nor a Python list: ${shown(trimmed.slice(0, 60))}` : "the tracks are not JSON");
    }
}

/** The list of paths, however deep the tool wrapped it. @type {(value: unknown) => unknown[]} */
function pathsIn(value) {
    if (typeof value === "string") return pathsIn(readLiteral(value));
    if (!Array.isArray(value)) fail(`the tracks must be a list of paths, not ${typeName(value)}`);
    const [first] = value;
    if (!value.length) return [];
    if (typeof first === "string") return value.flatMap(pathsIn); // several texts, each with paths of its own
    if (isPoint(first)) return [value]; // one path alone
    if (Array.isArray(first) && Array.isArray(first[0]) && !isPoint(first[0])) return value.flatMap(pathsIn); // one level too many
    return value;
}

/** @type {(value: unknown) => value is Record<string, unknown>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @type {(value: unknown) => boolean} */
const isPoint = (value) =>
    isObject(value) || (Array.isArray(value) && value.length === 2 && value.every((v) => v === null || !["object", "string"].includes(typeof v)));

/** @type {(path: unknown, number: number) => number[][]} */
function readPath(path, number) {
    if (!Array.isArray(path)) fail(`track ${number} must be a list of points, not ${typeName(path)}`);
    if (!path.length) fail(`track ${number} has no points`);
    return path.map((point, frame) => {
        const place = () => `track ${number}, point ${frame}`;
        const pair = isObject(point) ? [point.x ?? null, point.y ?? null] : point;
        if (!Array.isArray(pair) || pair.length !== 2) fail(`${place()}: expected x and y, found ${shown(point)}`);
        const [x, y] = pair;
        if (typeof x !== "number" || typeof y !== "number") fail(`${place()}: x and y must be numbers, found ${shown(point)}`);
        if (!Number.isFinite(x) || !Number.isFinite(y)) fail(`${place()}: x ${shown(x)}, y ${shown(y)} is not finite`);
        return [x, y];
    });
}

// --- Python's lists ------------------------------------------------------------------------------

const NAMES = { json: { true: true, false: false, null: null, NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity }, python: { True: true, False: false, None: null } };
const TOKEN = /\s*(?:([[\]{},:])|("[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')|([-+.]?\d[\d.]*(?:[eE][-+]?\d+)?)|(-?[A-Za-z]+))/sy;
const ESCAPES = /** @type {Record<string, string>} */ ({ n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", "\n": "" });

/** Reads lists, dictionaries, numbers and text; nothing in the text is run. */
class Literal {
    /** @param {string} text @param {boolean} python single quotes and trailing commas, as Python prints, rather than JSON with NaN */
    constructor(text, python) {
        this.python = python;
        /** @type {Record<string, unknown>} */
        this.names = python ? NAMES.python : NAMES.json;
        /** @type {(string | undefined)[][]} */
        this.tokens = [];
        TOKEN.lastIndex = 0;
        let end = 0;
        for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
            this.tokens.push(match);
            end = TOKEN.lastIndex;
        }
        if (text.slice(end).trim()) throw new SyntaxError(text.slice(end));
        this.tokens.push([]); // the end, which is no token
        this.at = 0;
    }

    /** @returns {unknown} */
    read() {
        const value = this.value();
        if (this.at !== this.tokens.length - 1) throw new SyntaxError("more than one value");
        return value;
    }

    /** @returns {unknown} */
    value() {
        const [, mark, quoted, number, name] = this.tokens[this.at++];
        if (mark === "[") return this.items("]", () => this.value());
        if (mark === "{")
            return Object.fromEntries(
                this.items("}", () => {
                    const key = String(this.value());
                    if (!this.takes(":")) throw new SyntaxError(key);
                    return [key, this.value()];
                }),
            );
        if (quoted !== undefined) return this.text(quoted);
        if (number !== undefined) return this.number(number);
        if (name !== undefined && Object.hasOwn(this.names, name)) return this.names[name];
        throw new SyntaxError(mark ?? name ?? "the text is cut off");
    }

    /** @type {<T>(end: string, item: () => T) => T[]} */
    items(end, item) {
        const items = [];
        while (!this.takes(end)) {
            items.push(item());
            if (this.takes(end)) break;
            if (!this.takes(",") || (!this.python && this.tokens[this.at][1] === end)) throw new SyntaxError("a comma is missing");
        }
        return items;
    }

    /** @type {(mark: string) => boolean} */
    takes(mark) {
        if (this.tokens[this.at][1] !== mark) return false;
        this.at += 1;
        return true;
    }

    /** @type {(digits: string) => number} */
    number(digits) {
        const value = this.python ? Number(digits) : JSON.parse(digits);
        if (Number.isNaN(value)) throw new SyntaxError(digits);
        return value;
    }

    /** @type {(quoted: string) => string} */
    text(quoted) {
        if (!this.python) return JSON.parse(quoted);
        return quoted.slice(1, -1).replace(/\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|(.))/gs, (_, two, four, letter) =>
            letter === undefined ? String.fromCharCode(parseInt(two ?? four, 16)) : ESCAPES[letter] ?? letter,
        );
    }
}

/** @type {(value: unknown) => string} */
function typeName(value) {
    if (value === null || value === undefined) return "NoneType";
    if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
    if (typeof value === "object") return Array.isArray(value) ? "list" : "dict";
    return typeof value === "boolean" ? "bool" : "str";
}

/** A value as Python shows it, so that both ends say the same. @type {(value: unknown) => string} */
function shown(value) {
    if (value === null || value === undefined) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : { NaN: "nan", Infinity: "inf", "-Infinity": "-inf" }[String(value)] ?? "";
    if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
    if (isObject(value)) return `{${Object.entries(value).map(([key, item]) => `${shown(key)}: ${shown(item)}`).join(", ")}}`;
    const text = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"');
    return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`;
}

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
    if (paths.length !== 1) fail(`the drawing has ${paths.length} paths; this form holds one alone`);
    return JSON.stringify(paths[0]);
}

// --- Paths ---------------------------------------------------------------------------------------

/**
 * Paths to edit out of dense tracks: smooth curves through a few timed points that are at each
 * frame within a quarter of a pixel of the tracks, or anchors. Tracks of another number of frames
 * are spread over the document's. Throws DocumentError where they are more than a document holds.
 * @type {(tracks: Tracks, doc: EditDocument) => Path[]}
 */
export function pathsFromTracks({ points, visible }, doc) {
    const times = timesOf(doc, points[0]?.length ?? 0);
    const paths = points.flatMap((track, number) => {
        const seen = track.flatMap(([x, y], frame) => (visible[number][frame] ? [{ x, y, time: times[frame] }] : []));
        const far = seen.findIndex(({ x, y }) => Math.max(Math.abs(x), Math.abs(y)) > LIMITS.coordinate);
        if (far >= 0) fail(`track ${number}, point ${far}: x and y must lie within ±${LIMITS.coordinate}`);
        return seen.length ? [pathThrough(seen, `p${number + 1}`, doc)] : [];
    });
    if (paths.length > LIMITS.paths) fail(`the tracks hold ${paths.length} paths; a drawing holds ${LIMITS.paths}`);
    const count = paths.reduce((sum, path) => sum + path.points.length, 0);
    if (count > LIMITS.points) fail(`the tracks need ${count} points; a drawing holds ${LIMITS.points}`);
    return paths;
}

/** @typedef {{x: number, y: number, time: number}} Place */

/** @type {(places: Place[], id: string, doc: EditDocument) => Path} */
function pathThrough(places, id, doc) {
    const last = places.length - 1;
    const [start, end] = [places[0].time, places[last].time];
    if (places.every((place) => distance(place, places[0]) <= TOLERANCE))
        return { id, kind: "anchor", points: [{ x: places[0].x, y: places[0].y }], start, end };
    let chosen = [0, last];
    for (;;) {
        const path = pathOf(places, chosen, id);
        if (start === end) return path; // one frame: nothing lies between
        // What is farthest off between two points becomes a point, all along the path at once.
        const more = chosen.slice(1).flatMap((next, index) => {
            let worst = { index: -1, away: TOLERANCE };
            for (let at = chosen[index] + 1; at < next; at += 1) {
                const away = distance(places[at], positionAt(path, doc, places[at].time));
                if (away > worst.away) worst = { index: at, away };
            }
            return worst.index < 0 ? [] : [worst.index];
        });
        if (!more.length) return path;
        chosen = [...chosen, ...more].sort((a, b) => a - b);
    }
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
