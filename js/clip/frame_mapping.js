/**
 * Clip: which frames of a file the editor shows, at which size, after the nodes in between.
 * The same arithmetic as revideo/video/fitting.py, so that what is seen before a run is what a run gives.
 */

import { t } from "../locale.js";

/**
 * What a file holds.
 * @typedef {{width: number, height: number, frames: number, fps: number}} Source
 *
 * What a node between file and editor does to its frames.
 * @typedef {{kind: "pick", start: number, stride: number, count: number}} Pick  count 0: all
 * @typedef {{kind: "rate", fps: number}} Rate  frames repeated or left out to reach a rate
 * @typedef {{kind: "size", policy: string, width: number, height: number, fit: string, multiple: number}} Resize
 * @typedef {Pick | Rate | Resize} Step
 *
 * @typedef {object} Prepared
 * @property {number} width  in pixels, of the frames the editor's node gets
 * @property {number} height
 * @property {number} fps
 * @property {number[]} picked  the file's frame for each of them
 * @property {{x: number, y: number, width: number, height: number}} place  where the file's whole picture lies in them
 */

const MAX_FRAMES = 10_000; // as in the edit document

/** Runs the steps, in order from the file on. Throws RangeError where nothing is left. @type {(source: Source, steps: Step[]) => Prepared} */
export function prepare(source, steps) {
    let { width, height, fps } = source;
    let picked = Array.from({ length: Math.max(source.frames, 1) }, (_, index) => index);
    let place = { x: 0, y: 0, width, height };
    for (const step of steps) {
        if (step.kind === "pick") {
            const stop = step.count > 0 ? step.start + step.count * step.stride : picked.length;
            const available = picked.length;
            picked = picked.filter((_, index) => index >= step.start && index < stop && (index - step.start) % step.stride === 0);
            if (!picked.length) throw new RangeError(t`the clip has ${available} frames; there is none from frame ${step.start} on`);
            fps /= step.stride;
        } else if (step.kind === "rate") {
            const seconds = picked.length / fps;
            const before = picked;
            const ratio = fps / step.fps;
            const length = Math.max(Math.round(seconds * step.fps), 1);
            picked = Array.from({ length }, (_, index) => before[Math.min(Math.floor(index * ratio), before.length - 1)]);
            fps = step.fps;
        } else {
            const size = chooseSize(height, width, step.policy, step.height, step.width, step.multiple);
            const put = placeSource(height, width, size.height, size.width, step.fit);
            const sx = put.width / width;
            const sy = put.height / height;
            place = { x: place.x * sx + put.left, y: place.y * sy + put.top, width: place.width * sx, height: place.height * sy };
            ({ width, height } = size);
        }
    }
    return { width, height, fps, picked: picked.slice(0, MAX_FRAMES), place };
}

/** As `choose_size` in revideo/video/fitting.py. @type {(height: number, width: number, policy: string, targetHeight: number, targetWidth: number, multiple: number) => {width: number, height: number}} */
export function chooseSize(height, width, policy, targetHeight, targetWidth, multiple) {
    let scale = Math.sqrt((targetHeight * targetWidth) / (height * width));
    if (policy === "exact") return { width: targetWidth, height: targetHeight };
    if (policy === "longest side") scale = Math.max(targetHeight, targetWidth) / Math.max(height, width);
    const [tall, wide] = [height, width].map((side) => Math.max(roundHalfEven((side * scale) / multiple), 1) * multiple);
    return { width: wide, height: tall };
}

/** As `place_source` in revideo/video/fitting.py: the scaled source within the new frame. @type {(sourceHeight: number, sourceWidth: number, height: number, width: number, fit: string) => {width: number, height: number, left: number, top: number}} */
export function placeSource(sourceHeight, sourceWidth, height, width, fit) {
    if (fit !== "crop" && fit !== "pad") return { width, height, left: 0, top: 0 };
    const ratios = [height / sourceHeight, width / sourceWidth];
    const scale = fit === "crop" ? Math.max(...ratios) : Math.min(...ratios);
    const tall = Math.max(roundHalfEven(sourceHeight * scale), 1);
    const wide = Math.max(roundHalfEven(sourceWidth * scale), 1);
    return { width: wide, height: tall, left: Math.floor((width - wide) / 2), top: Math.floor((height - tall) / 2) };
}

/** Python rounds halves to the even side. @type {(value: number) => number} */
function roundHalfEven(value) {
    const floor = Math.floor(value);
    if (value - floor !== 0.5) return Math.round(value);
    return floor % 2 === 0 ? floor : floor + 1;
}

const COMMON_RATES = [
    ...Array.from({ length: 240 }, (_, index) => index + 1),
    ...[24, 30, 48, 60, 120].map((rate) => (rate * 1000) / 1001),
    12.5,
    7.5,
];

/** The frame rate behind times at which frames were seen, which may skip some. NaN without two of them. @type {(times: number[]) => number} */
export function rateOf(times) {
    const gaps = times.slice(1).map((time, index) => time - times[index]).filter((gap) => gap > 1e-4);
    if (!gaps.length) return NaN;
    const least = Math.min(...gaps);
    // Times are rounded to a millisecond or less: the mean of many gaps is better than any one.
    const steps = gaps.map((gap) => Math.max(Math.round(gap / least), 1));
    const rate = steps.reduce((sum, step) => sum + step, 0) / gaps.reduce((sum, gap) => sum + gap, 0);
    const common = COMMON_RATES.reduce((best, one) => (Math.abs(one - rate) < Math.abs(best - rate) ? one : best));
    return Math.abs(common / rate - 1) < 0.0008 * Math.max(1, 24 / steps.length) ? common : rate;
}
