/**
 * Tracked points of Nuke's scripts, of trackers and corner pins, whose y runs upward.
 * docs/tracks.md says what is read. revideo/tracks/nuke.py reads the same texts and refuses the others with the same
 * messages.
 */

import { t } from "../locale.js";
import { fail, shown } from "./literals.js";
import { MAX_PLACES } from "./tracks_text.js";
import { NumberedTrack, fixed, fromNumbered, resting } from "./numbered.js";

/** @typedef {import("./numbered.js").Exchanged} Exchanged */
/** @typedef {string | any[]} Item  a word, or a list of items */
/** @typedef {{frames: number[], values: number[]}} Curve  frames of keys, which rise */

const SCRIPT = /^(?:#! |set cut_paste_input|version [0-9]+\.[0-9]+ v)/;
const NODE = /(?:^|[\r\n])[ \t]*(?:Tracker[34]?|CornerPin2D)[ \t]*\{/;
const TRACKS_ALONE = /^\{[ \t\r\n]*1[ \t\r\n]+[0-9]+[ \t\r\n]+[0-9]+[ \t\r\n]*\}/;
const KNOB = /(?:^|[ \t\r\n{])(tracks|track[1-4]|to[1-4])[ \t]+(?=\{)/g;
const FORMAT = /(?:^|[\r\n])Root[ \t]*\{[^{}]*?[\r\n][ \t]*format[ \t]+"([0-9]{1,6})[ ]+([0-9]{1,6}) [^"\r\n]*"/;
const WORD = /\{|\}|"([^"\\]*(?:\\[^\n][^"\\]*)*)"|[^ \t\r\n{}"]+/g;
const NUMBER = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;
const KEY = /^x(-?[0-9]{1,9}(?:\.[0-9]*)?)$/;
const HANDLE = /^(?:[stuv][-+.0-9][^\n]*|[LSRCklIi])$/;
const NAMED = 4; // points named as left out; the rest are counted

// --- Reading -------------------------------------------------------------------------------------

/**
 * Null for another text. size: of the picture, where the script names none. Throws DocumentError that names the point.
 * @type {(text: string, size?: {width: number, height: number}) => Exchanged | null}
 */
export function readNuke(text, size) {
    let begun = text.replace(/^\ufeff?[ \t\r\n]*/, "");
    if (!begun || "[\"'(<".includes(begun[0])) return null;
    if (TRACKS_ALONE.test(begun)) begun = `tracks {${begun}}`;
    else if (!SCRIPT.test(begun) && !NODE.test(begun)) return null;
    const named = FORMAT.exec(begun)?.slice(1).map(Number);
    const [width, height] = named?.every(Boolean) ? named : [size?.width, size?.height];
    if (!width || !height)
        return fail(
            t`Nuke counts y upward from the lower edge, and this text does not name the picture's size: give it (--tracks-size 1920x1080, drawn_width and drawn_height, parse_tracks(text, size))`,
        );
    const points = [...begun.matchAll(KNOB)].flatMap((knob) => {
        const value = braced(begun, knob.index + knob[0].length, knob[1]);
        return knob[1] === "tracks" ? trackerPoints(value, height) : [trackOf(shown(knob[1]), "1", value, height)];
    });
    const tracks = points.flatMap(({ track }) => track ?? []);
    const left = points.filter(({ track }) => !track).map(({ name }) => name);
    if (!tracks.length) fail(t`this Nuke text has no tracked point with keys, of a Tracker or a CornerPin2D`);
    const notes = [t`straight between keys`, t`y upward on a picture of ${shown(width)}×${shown(height)}`];
    const some = left.slice(0, NAMED).join(", ");
    if (left.length > NAMED) notes.push(t`left out, without keys or disabled: ${some} and ${left.length - NAMED} more`);
    else if (left.length) notes.push(t`left out, without keys or disabled: ${some}`);
    return fromNumbered("Nuke", tracks, notes, { drawnOn: [width, height] });
}

/** The list that begins there: words, and lists of them. @type {(text: string, at: number, knob: string) => Item[]} */
function braced(text, at, knob) {
    /** @type {Item[][]} */
    const opened = [];
    const words = new RegExp(WORD);
    words.lastIndex = at;
    for (let word = words.exec(text); word; word = words.exec(text)) {
        if (word[0] === "{") opened.push([]);
        else if (word[0] === "}") {
            const done = /** @type {Item[]} */ (opened.pop());
            if (!opened.length) return done;
            opened[opened.length - 1].push(done);
        } else opened[opened.length - 1].push(word[1] ?? word[0]);
    }
    return fail(t`this Nuke text ends within ${knob}: was it cut?`);
}

/** @typedef {{name: string, track: NumberedTrack | null}} TrackedPoint  no track where it has no keys, or is enabled nowhere */

/** The points of a Tracker4. @type {(value: Item[], height: number) => TrackedPoint[]} */
function trackerPoints(value, height) {
    if (value.length !== 3 || !value.every(Array.isArray)) fail(t`tracks is not as Tracker4 writes it: a head, columns and points`);
    const [, named, points] = /** @type {Item[][]} */ (value);
    const columns = new Map(named.flatMap((column, at) => (Array.isArray(column) && typeof column[3] === "string" ? [[column[3], at]] : [])));
    for (const needed of ["enable", "name", "track_x", "track_y", "offset_x", "offset_y"]) if (!columns.has(needed)) fail(t`tracks has no column ${needed}`);
    const last = Math.max(...columns.values());
    return points.map((row, number) => {
        if (!Array.isArray(row) || row.length <= last) fail(t`point ${number} of tracks has not the ${named.length} columns that it names`);
        const at = (/** @type {string} */ column) => row[columns.get(column) ?? 0];
        const name = shown(at("name"));
        for (const axis of "xy")
            if (keysOf(name, `offset_${axis}`, at(`offset_${axis}`)).curve.values.some(Boolean)) fail(t`${name} has an offset, which is not read: clear it in Nuke first`);
        return trackOf(name, at("enable"), [at("track_x"), at("track_y")], height);
    });
}

/** @type {(name: string, enable: Item, place: Item[], height: number) => TrackedPoint} */
function trackOf(name, enable, place, height) {
    if (place.length !== 2) fail(t`${name}: expected curves of x and y`);
    const curves = place.map((value, index) => {
        const { curve, holds } = keysOf(name, "xy"[index], value);
        if (holds && curve.frames.some((frame, at) => at && frame - curve.frames[at - 1] > 1))
            fail(t`${name}: ${"xy"[index]} holds still between its keys (K), which is not read: bake it first`);
        return curve;
    });
    const shows = keysOf(name, "enable", enable).curve;
    let [lowest, highest] = [Infinity, -Infinity];
    for (const { frames } of curves) for (const frame of frames.filter(Number.isFinite)) [lowest, highest] = [Math.min(lowest, frame), Math.max(highest, frame)];
    if (lowest === Infinity) return { name, track: null };
    const [first, last] = [Math.ceil(lowest), Math.floor(highest)];
    if (last - first >= MAX_PLACES) fail(t`${name} has keys from frame ${first} to ${last}; at most ${MAX_PLACES} frames are read`);
    const track = new NumberedTrack(name);
    for (let frame = first; frame <= last; frame += 1) {
        const enabled = shows.values[Math.max(behind(shows.frames, frame) - 1, 0)];
        const [x, y] = curves.map((curve) => valueAt(curve, frame));
        track.add(frame, enabled ? [x, height - y] : null);
    }
    return { name, track: track.keys.size ? track : null };
}

/** A curve's keys, or one at no frame for a number alone; whether it holds still between keys. @type {(name: string, what: string, value: Item) => {curve: Curve, holds: boolean}} */
function keysOf(name, what, value) {
    const wrong = () => fail(t`${name}: ${what} is no curve of keys, found ${shown(joined(value))}`);
    if (typeof value === "string" && NUMBER.test(value)) return { curve: { frames: [-Infinity], values: [Number(value)] }, holds: false };
    if (!Array.isArray(value) || value[0] !== "curve") return wrong();
    const curve = /** @type {Curve} */ ({ frames: [], values: [] });
    let [last, step, holds] = [-1, 1, false];
    /** @type {number | null} */
    let frame = null;
    for (const word of value.slice(1)) {
        if (typeof word !== "string") return wrong();
        const key = KEY.exec(word);
        if (key) frame = Number(key[1]);
        else if (NUMBER.test(word)) {
            /** @type {number} */
            const at = frame ?? last + step;
            if (curve.frames.length) step = at - last;
            if (step <= 0) fail(t`${name}: the keys of ${what} are not in the order of frames`);
            curve.frames.push(at);
            curve.values.push(Number(word));
            [last, frame] = [at, null];
        } else if (word === "K") holds = true;
        else if (!HANDLE.test(word)) wrong();
    }
    if (!curve.frames.length) fail(t`${name}: ${what} is a curve without keys`);
    return { curve, holds };
}

/** How many of these are at or before a frame. @type {(frames: number[], frame: number) => number} */
function behind(frames, frame) {
    let [low, high] = [0, frames.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (frames[middle] <= frame) low = middle + 1;
        else high = middle;
    }
    return low;
}

/** Straight between keys, still before and behind them. @type {(curve: Curve, frame: number) => number} */
function valueAt({ frames, values }, frame) {
    const passed = behind(frames, frame);
    const [at, to] = [Math.max(passed - 1, 0), Math.min(passed, frames.length - 1)];
    if (frame <= frames[at] || at === to) return values[at];
    return values[at] + (values[to] - values[at]) * ((frame - frames[at]) / (frames[to] - frames[at]));
}

/** @type {(value: Item) => string} */
const joined = (value) => (Array.isArray(value) ? `{${value.map(joined).join(" ")}}` : value);

// --- Writing -------------------------------------------------------------------------------------

// Each column's type, two flags of its display, and its name.
const COLUMNS =
    "5 1 20 enable, 3 1 75 name, 2 1 58 track_x, 2 1 58 track_y, 2 1 63 offset_x, 2 1 63 offset_y, 4 1 27 T, 4 1 27 R, 4 1 27 S, 2 0 45 error, " +
    "1 1 0 error_min, 1 1 0 error_max, 1 1 0 pattern_x, 1 1 0 pattern_y, 1 1 0 pattern_r, 1 1 0 pattern_t, 1 1 0 search_x, 1 1 0 search_y, " +
    "1 1 0 search_r, 1 1 0 search_t, 2 1 0 key_track, 2 1 0 key_search_x, 2 1 0 key_search_y, 2 1 0 key_search_r, 2 1 0 key_search_t, " +
    "2 1 0 key_track_x, 2 1 0 key_track_y, 2 1 0 key_track_r, 2 1 0 key_track_t, 2 1 0 key_centre_offset_x, 2 1 0 key_centre_offset_y";

/**
 * A Tracker4 to paste or open, a point for each path, from frame 1 on; where a path is hidden its point is disabled.
 * @type {(tracks: import("./tracks_text.js").Tracks, names: string[], height: number) => string}
 */
export function writeNuke(tracks, names, height) {
    const columns = COLUMNS.split(", ").map((column) => {
        const [type, shows, wide, name] = column.split(" ");
        return ` { ${type} ${shows} ${wide} ${name} ${name === "enable" ? "e" : name} 1 }`;
    });
    const rows = resting(tracks).map((path, number) => {
        const visible = tracks.visible[number];
        const shows = visible.flatMap((seen, frame) => (frame && seen === visible[frame - 1] ? [] : [`x${frame + 1} ${Number(seen)}`]));
        const curves = [path.map(([x]) => x), path.map(([, y]) => fixed(height - y))].map((values) => `{curve x1 ${values.join(" ")}}`);
        return ` { {curve K ${shows.join(" ")}} "${plain(names[number])}" ${curves.join(" ")} {curve K x1 0} {curve K x1 0} 1 0 0 {curve x1 0} 1 0 -32 -32 32 32 -22 -22 22 22${" {}".repeat(11)} }`;
    });
    const tracked = [`tracks { { 1 ${columns.length} ${rows.length} }`, "{", ...columns, "}", "{", ...rows, "} }"];
    return ["set cut_paste_input [stack 0]", "push $cut_paste_input", "Tracker4 {", ...tracked, "name Tracker1", "}", ""].join("\n");
}

/** Without what Nuke would run or take for its own. @type {(name: string) => string} */
const plain = (name) => name.replace(/[^A-Za-z0-9_ .-]/g, "_");
