/** Keys: how areas lie at frames, and how fast paths and areas go from key to key. Edit document → edit document, all pure. */

import { LIMITS } from "./document.js";
import { updateArea, updatePath } from "./items.js";
import { roundTime } from "./timing.js";
import { keyframeAt } from "../geometry/pose.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {import("./document.js").KeyEasing} KeyEasing */
/** @typedef {import("./document.js").Keyframe} Keyframe */

const SAME_FRAME = 1e-3; // frames: keys are written as near
const HALF = 0.5 + SAME_FRAME; // of a frame

/** The key that an area has at a frame: the nearest within half of one, for another count of frames brings keys between them. @type {(area: Area, frame: number) => Keyframe | undefined} */
export function keyOn({ keys = [] }, frame) {
    const away = (/** @type {Keyframe} */ key) => Math.abs(key.frame - frame);
    const [nearest] = keys.toSorted((a, b) => away(a) - away(b));
    return nearest && away(nearest) < HALF ? nearest : undefined;
}

/**
 * Changes an area's key at a frame. One that is not there yet is as the area lies then, and goes on as the stretch does;
 * one beside the frame comes to it so.
 * An area that has as many keys as may be gets no more.
 * @type {(doc: EditDocument, id: string, frame: number, change?: KeyChange) => EditDocument}
 */
export const setKey = (doc, id, frame, change = {}) => updateArea(doc, id, (area) => withKey(area, doc.frames, frame, change));

/** @typedef {Partial<Omit<Keyframe, "frame">>} KeyChange */

/** The same for an area of a document of so many frames. @type {(area: Area, frames: number, frame: number, change: KeyChange) => Area} */
export function withKey(area, frames, frame, change) {
    const keys = area.keys ?? [];
    const at = roundTime(within(frame, 0, frames - 1));
    const there = keyOn(area, at);
    if (!there && keys.length >= LIMITS.keys) return area;
    const isThere = there && Math.abs(there.frame - at) < SAME_FRAME;
    const key = validKey({ ...(isThere ? there : keyframeAt(area, at)), ...(there && { easing: there.easing }), ...change });
    return { ...area, keys: [...keys.filter((other) => other !== there), key].sort((a, b) => a.frame - b.frame) };
}

/** Takes an area's key at a frame to another, as near the wish as its neighbours allow: a frame between them where there is one. @type {(doc: EditDocument, id: string, frame: number, to: number) => EditDocument} */
export const moveKey = (doc, id, frame, to) =>
    updateKey(doc, id, frame, (key, index, keys) => {
        const low = index > 0 ? Math.min(keys[index - 1].frame + 1, key.frame) : 0;
        const high = index + 1 < keys.length ? Math.max(keys[index + 1].frame - 1, key.frame) : doc.frames - 1;
        return { ...key, frame: roundTime(within(to, low, high)) };
    });

/** Takes an area's key away; without keys an area lies as it was drawn. @type {(doc: EditDocument, id: string, frame: number) => EditDocument} */
export const removeKey = (doc, id, frame) =>
    updateArea(doc, id, (area) => {
        const { keys = [], ...plain } = area;
        const gone = keyOn(area, frame);
        const left = keys.filter((key) => key !== gone);
        return left.length ? { ...area, keys: left } : plain;
    });

/** How an area goes from its key at a frame to the next; `undefined`: evenly. @type {(doc: EditDocument, id: string, frame: number, easing: KeyEasing | undefined) => EditDocument} */
export const setKeyEasing = (doc, id, frame, easing) => updateKey(doc, id, frame, (key) => withEasing(key, easing));

/** How a path goes from a point to its next key; `undefined`: as the path does. @type {(doc: EditDocument, id: string, index: number, easing: KeyEasing | undefined) => EditDocument} */
export const setPointEasing = (doc, id, index, easing) =>
    updatePath(doc, id, (path) => ({ ...path, points: path.points.with(index, withEasing(path.points[index], easing)) }));

/** @type {(doc: EditDocument, id: string, frame: number, change: (key: Keyframe, index: number, keys: Keyframe[]) => Keyframe) => EditDocument} */
const updateKey = (doc, id, frame, change) =>
    updateArea(doc, id, (area) => {
        const there = keyOn(area, frame);
        return there && area.keys ? { ...area, keys: area.keys.map((key, index, keys) => (key === there ? change(key, index, keys) : key)) } : area;
    });

/** @type {<T extends {easing?: KeyEasing}>(item: T, easing: KeyEasing | undefined) => T} */
function withEasing(item, easing) {
    const { easing: _, ...rest } = item;
    return /** @type {typeof item} */ (easing === undefined ? rest : { ...rest, easing });
}

/** Without what is as the area was drawn, and within what a document may hold. @type {(key: Keyframe) => Keyframe} */
export function validKey({ frame, move, scale, rotate, points, easing }) {
    return {
        frame,
        ...(move?.some((value) => value !== 0) && { move: pair(move, -LIMITS.coordinate, LIMITS.coordinate) }),
        ...(scale?.some((value) => value !== 1) && { scale: pair(scale, ...LIMITS.scale) }),
        ...(rotate && { rotate: within(rotate, -LIMITS.rotate, LIMITS.rotate) }),
        ...(points && { points: points.map((point) => pair(point, -LIMITS.coordinate, LIMITS.coordinate)) }),
        ...(easing && { easing }),
    };
}

/** @type {(values: [number, number], low: number, high: number) => [number, number]} */
const pair = ([x, y], low, high) => [within(x, low, high), within(y, low, high)];

/** @type {(value: number, low: number, high: number) => number} */
const within = (value, low, high) => Math.min(Math.max(value, low), high);
