/** Timing: when paths begin and end and when they are at their points. Edit document → edit document, all pure. */

import { updatePath } from "./items.js";
import { reversedEasing } from "../geometry/easing.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./document.js").Keyframe} Keyframe */

/** Times are rounded to a thousandth of a frame, as they are written. @type {(time: number) => number} */
export const roundTime = (time) => Math.round(time * 1000) / 1000;

/** Without the noise of doubles: times that are mirrored or halved stay exact, and mirrored again are as they were. @type {(time: number) => number} */
export const exactTime = (time) => Math.round(time * 1e9) / 1e9;

/** A time in another unit: a frame where it may be one, for what it was rounded from is not known nearer. @type {(time: number, scale: number) => number} */
function scaledTime(time, scale) {
    const whole = Math.round(time * scale);
    return Math.abs(time * scale - whole) <= 0.000501 * scale ? whole : roundTime(time * scale);
}

/** The document over another number of frames, every time in proportion. @type {(doc: EditDocument, frames: number) => EditDocument} */
export function retimed(doc, frames) {
    if (frames === doc.frames) return doc;
    const last = frames - 1;
    const scale = doc.frames > 1 ? last / (doc.frames - 1) : 0;
    const paths = doc.paths.map((path) => {
        // One frame has no duration that could be scaled: what it held spans the clip.
        const whole = doc.frames === 1;
        const start = scaledTime(path.start ?? 0, scale);
        const end = whole ? last : scaledTime(path.end ?? doc.frames - 1, scale);
        return onScale(path, start, end, (time) => scaledTime(time, scale));
    });
    const regions = doc.regions.map((area) => (area.keys ? { ...area, keys: risingKeys(area.keys, (time) => Math.min(scaledTime(time, scale), last)) } : area));
    return { ...doc, frames, paths, regions };
}

/** Keys of an area at other frames; of those that fall together the first stays. @type {(keys: Keyframe[], map: (time: number) => number) => Keyframe[]} */
const risingKeys = (keys, map) =>
    keys.map((key) => ({ ...key, frame: map(key.frame) })).filter(({ frame }, index, all) => index === 0 || frame > all[index - 1].frame);

/** A path's first and last frame; times of points keep their proportion between them. @type {(doc: EditDocument, id: string, start: number, end: number) => EditDocument} */
export const setRange = (doc, id, start, end) =>
    updatePath(doc, id, (path) => {
        const last = doc.frames - 1;
        const from = roundTime(Math.min(Math.max(start, 0), last));
        const to = roundTime(Math.min(Math.max(end, from), last));
        const before = path.start ?? 0;
        const length = (path.end ?? last) - before;
        return onScale(path, from, to, (time) => roundTime(from + ((time - before) * (to - from)) / (length || 1)));
    });

/** A path over start … end, its points' frames mapped; frames that fall together lose the later one. @type {(path: Path, start: number, end: number, map: (time: number) => number) => Path} */
function onScale(path, start, end, map) {
    const timed = path.points.map((point) =>
        point.frame === undefined ? point : { ...point, frame: Math.min(Math.max(map(point.frame), start), end) },
    );
    return { ...path, start, end, points: risingFrames(timed, start, end) };
}

/** Drops the frames that do not rise strictly between the ends that untimed end points stand for. @type {(points: Point[], start: number, end: number) => Point[]} */
export function risingFrames(points, start, end) {
    let before = points[0]?.frame === undefined ? start : -Infinity;
    const after = points.at(-1)?.frame === undefined ? end : Infinity;
    /** @type {Point[]} */
    const rising = points.map((point) => {
        if (point.frame === undefined) return point;
        if (point.frame > before && point.frame < after) {
            before = point.frame;
            return point;
        }
        const { frame: _, ...untimed } = point;
        return untimed;
    });
    // A last point that has lost its frame stands at the end, which others may be at.
    return points.at(-1)?.frame !== rising.at(-1)?.frame ? risingFrames(rising, start, end) : rising;
}

/** Points whose easing is, the other way, that of the stretch that ends at them: gone through backwards it begins there. @type {(points: Point[]) => Point[]} */
export function easedBackwards(points) {
    const isKey = (/** @type {number} */ index) => index === 0 || index === points.length - 1 || points[index].frame !== undefined;
    let before = 0; // the key that the stretch begins at
    return points.map(({ easing, ...point }, index) => {
        if (!isKey(index)) return easing === undefined ? point : { ...point, easing }; // of no effect
        const from = points[index > 0 ? before : points.length - 1].easing; // the last one's has no effect here, and none there
        before = index;
        return from === undefined ? point : { ...point, easing: reversedEasing(from) };
    });
}

/**
 * The frames that a point may have: between its timed neighbours, and within the path's range.
 * `null` where there is no room. Ends that have no frame stand at the path's start and end.
 * @type {(doc: EditDocument, path: Path, index: number) => {min: number, max: number} | null}
 */
export function frameRoom(doc, path, index) {
    const start = path.start ?? 0;
    const end = path.end ?? doc.frames - 1;
    const last = path.points.length - 1;
    const step = Math.min(1, (end - start) / Math.max(last, 1)); // whole frames where there are enough of them
    const earlier = path.points.slice(0, index).findLast((point) => point.frame !== undefined)?.frame;
    const later = path.points.slice(index + 1).find((point) => point.frame !== undefined)?.frame;
    const min = index === 0 ? start : (earlier ?? start) + step;
    const max = index === last ? end : (later ?? end) - step;
    return min <= max + 1e-9 && step > 0 ? { min: roundTime(min), max: roundTime(max) } : null;
}

/**
 * The stretches between a path's keys: the point that each begins at, and its frames. An anchor has none.
 * @type {(doc: EditDocument, path: Path) => {index: number, from: number, to: number}[]}
 */
export function stretchesOf(doc, path) {
    const last = path.points.length - 1;
    const ends = new Map([[0, path.start ?? 0], [last, path.end ?? doc.frames - 1]]);
    const keys = path.points.flatMap(({ frame }, index) => {
        const time = frame ?? ends.get(index);
        return time === undefined ? [] : [{ index, time }];
    });
    return keys.slice(0, -1).map(({ index, time }, at) => ({ index, from: time, to: keys[at + 1].time }));
}

/** Says when a path is at a point, as near the wish as its neighbours allow; `undefined` leaves it to the others. @type {(doc: EditDocument, id: string, index: number, frame: number | undefined) => EditDocument} */
export const setPointFrame = (doc, id, index, frame) =>
    updatePath(doc, id, (path) => {
        const { frame: _, ...untimed } = path.points[index];
        const room = frameRoom(doc, path, index);
        if (frame !== undefined && !room) return path;
        const point = frame === undefined || !room ? untimed : { ...untimed, frame: roundTime(Math.min(Math.max(frame, room.min), room.max)) };
        const points = path.points.with(index, point);
        return { ...path, points: risingFrames(points, path.start ?? 0, path.end ?? doc.frames - 1) };
    });
