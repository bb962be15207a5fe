/** Time axis: where frames stand along the timeline, and what of a path's or area's times can be taken hold of there. */

/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */

/** @typedef {{what: "start" | "end"} | {what: "key", index: number}} Grip */

export const AXIS_MARGIN = 20; // CSS pixels left and right of the first and last frame: room for a whole grip
const GRIP_REACH = 14; // CSS pixels to either side that take a grip: 24 and more where the graph is at 90 %
const BESIDE = 6; // CSS pixels that start and end stand outside their frames: both are reached where they meet

/** CSS pixels from the left of a strip of that width. @type {(time: number, frames: number, width: number) => number} */
export const xOfTime = (time, frames, width) => AXIS_MARGIN + (time / Math.max(frames - 1, 1)) * (width - 2 * AXIS_MARGIN);

/** The time at a place, not yet rounded, within the clip. @type {(x: number, frames: number, width: number) => number} */
export function timeAtX(x, frames, width) {
    const last = frames - 1;
    return Math.min(Math.max(((x - AXIS_MARGIN) / Math.max(width - 2 * AXIS_MARGIN, 1)) * last, 0), last);
}

/** CSS pixels from the left of an element, which the graph may have scaled. @type {(event: MouseEvent, element: HTMLElement) => number} */
export function xWithin(event, element) {
    const box = element.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * element.clientWidth;
}

/** @type {(item: Path | Area) => item is Area} */
export const isArea = (item) => Array.isArray(item.points[0]);

/** What of a path's or area's times can be dragged: the time it stands for, and where it is drawn. @type {(item: Path | Area, frames: number, width: number) => {grip: Grip, time: number, x: number}[]} */
export function gripsOf(item, frames, width) {
    const x = (/** @type {number} */ time) => xOfTime(time, frames, width);
    if (isArea(item)) return (item.keys ?? []).map(({ frame }, index) => ({ grip: { what: "key", index }, time: frame, x: x(frame) }));
    const [start, end] = [item.start ?? 0, item.end ?? frames - 1];
    return [
        ...item.points.flatMap(({ frame }, index) =>
            frame === undefined ? [] : [{ grip: /** @type {Grip} */ ({ what: "key", index }), time: frame, x: x(frame) }],
        ),
        { grip: { what: "start" }, time: start, x: x(start) - BESIDE },
        { grip: { what: "end" }, time: end, x: x(end) + BESIDE },
    ];
}

/** The grip at a place: the nearest one within reach. @type {(item: Path | Area, frames: number, width: number, x: number) => {grip: Grip, time: number, x: number} | undefined} */
export function barAt(item, frames, width, x) {
    const away = (/** @type {{x: number}} */ grip) => Math.abs(grip.x - x);
    const [nearest] = gripsOf(item, frames, width).sort((a, b) => away(a) - away(b));
    return nearest && away(nearest) <= GRIP_REACH ? nearest : undefined;
}

/** @type {(a: Grip | undefined, b: Grip | undefined) => boolean} */
export const sameGrip = (a, b) => a?.what === b?.what && (a?.what !== "key" || b?.what !== "key" || a.index === b.index);
