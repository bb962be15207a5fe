/**
 * Tracks whose points carry the numbers of their frames, as compositing programs write them.
 * docs/tracks.md says which number is which frame. revideo/tracks/numbered.py does the same.
 */

import { LIMITS } from "../document/document.js";
import { t } from "../locale.js";
import { fail, shown } from "./literals.js";
import { MAX_PLACES, MAX_POINTS } from "./tracks_text.js";

/**
 * @typedef {import("./tracks_text.js").Tracks & {firstFrame?: number, readAs?: string, corners?: (number[][] | null)[]}} Exchanged
 *   firstFrame: what the program numbers the first, if it numbers frames: then they are kept; readAs: what a text that
 *   might mean something else was taken for, for people; corners: of shapes without times, each one's if it is straight
 */

/** Points by frame. */
export class NumberedTrack {
    /** Frame → x, y. @type {Map<number, number[]>} */
    keys = new Map();
    /** Frames that count and show nothing. @type {Set<number>} */
    hidden = new Set();

    /** @param {string} name as messages call it */
    constructor(name) {
        this.name = name;
    }

    get size() {
        return this.keys.size + this.hidden.size;
    }

    /** No point: hidden. Throws DocumentError. @type {(frame: number, point: number[] | null) => void} */
    add(frame, point) {
        if (this.keys.has(frame) || this.hidden.has(frame)) fail(t`${this.name}: frame ${shown(frame)} comes twice`);
        if (!point) {
            this.hidden.add(frame);
            return;
        }
        if (!(Math.max(Math.abs(point[0]), Math.abs(point[1])) <= LIMITS.coordinate))
            fail(t`${this.name}, frame ${shown(frame)}: x and y must lie within ±${LIMITS.coordinate} pixels`);
        this.keys.set(frame, point);
    }
}

/**
 * The lowest number of all is the first frame. straight: seen between keys too, on a straight line.
 * Throws DocumentError for what memory should not hold, and for a track that has no whole frame.
 * @type {(program: string, tracks: NumberedTrack[], notes: string[], options?: {straight?: boolean, drawnOn?: number[]}) => Exchanged}
 */
export function fromNumbered(program, tracks, notes, { straight = false, drawnOn } = {}) {
    const count = tracks.reduce((sum, track) => sum + track.size, 0);
    if (count > MAX_POINTS) fail(t`the tracks hold ${count} points; at most ${MAX_POINTS} are read`);
    let [lowest, highest] = [Infinity, -Infinity];
    for (const { keys, hidden } of tracks)
        for (const numbers of [keys.keys(), hidden.keys()]) for (const number of numbers) [lowest, highest] = [Math.min(lowest, number), Math.max(highest, number)];
    const [first, last] = [Math.floor(lowest), Math.floor(highest)];
    const frames = last - first + 1;
    const places = tracks.length * frames;
    if (places > MAX_PLACES) fail(t`the tracks are ${tracks.length} paths over frames ${first} to ${last}, which makes ${places} places; at most ${MAX_PLACES} are read`);
    const placed = tracks.map((track) => {
        const found = placesOf(track, straight);
        if (!found.size && !track.hidden.size) fail(t`${track.name} has no point on a whole frame`);
        return Array.from({ length: frames }, (_, frame) => found.get(first + frame));
    });
    const named = first === last ? t`frame ${first}` : t`frames ${first} to ${last}`;
    const said = [t`${countedPaths(tracks.length)} over ${named}`, ...notes, t`frame ${first} is the clip's first`];
    return {
        points: placed.map((path) => path.map((place) => place ?? [0, 0])),
        visible: placed.map((path) => path.map(Boolean)),
        ...(drawnOn && { drawnOn }),
        firstFrame: first,
        readAs: t`read as ${program}: ${said.join("; ")}`,
    };
}

/** "1 path", "2 paths". @type {(count: number) => string} */
export const countedPaths = (count) => (count === 1 ? t`1 path` : t`${count} paths`);

/** Where a track is, by whole frame. @type {(track: NumberedTrack, straight: boolean) => Map<number, number[]>} */
function placesOf(track, straight) {
    const keys = [...track.keys].sort(([a], [b]) => a - b);
    const placed = new Map(keys.filter(([frame]) => Number.isInteger(frame)));
    if (!straight) return placed;
    keys.slice(1).forEach(([end, [x1, y1]], index) => {
        const [begin, [x0, y0]] = keys[index];
        for (let frame = Math.floor(begin) + 1; frame < end; frame += 1) {
            const part = (frame - begin) / (end - begin);
            placed.set(frame, [x0 + (x1 - x0) * part, y0 + (y1 - y0) * part]);
        }
    });
    return placed;
}

/**
 * Each path on every frame, for programs that know no hidden ones: until it is first seen, and when it no longer is, it
 * rests. Every path is seen on some frame.
 * @type {(tracks: import("./tracks_text.js").Tracks) => number[][][]}
 */
export const resting = ({ points, visible }) =>
    points.map((path, number) => {
        let place = path[visible[number].indexOf(true)];
        return path.map((own, frame) => {
            if (visible[number][frame]) place = own;
            return place.map(fixed);
        });
    });

/** To what is seen of a pixel, and not more. @type {(value: number) => number} */
export const fixed = (value) => Math.round(value * 1e4) / 1e4;
