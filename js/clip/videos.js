/** Videos: the frames of a file that the browser plays. */

import { t } from "../locale.js";
import { rateOf } from "./frame_mapping.js";
import { Unreadable, bitmapOptions, sizeWithin, whyUnreadable } from "./frames.js";
import { shrunk } from "./shrink.js";

/** @typedef {import("./frame_mapping.js").Source} Source */
/** @typedef {import("./frames.js").Reader} Reader */

const PROBE_FRAMES = 12; // seen to measure the rate
const PROBE_SPEED = 0.5; // played slowly, none is skipped
const USUAL_RATE = 24; // where a browser does not say
const PROBE_MS = 3000;
const QUIET_MS = 250; // after which no frame comes any more that was on its way
const LATE_MS = 10_000; // for a frame to come
const UNPLAYABLE = t`this browser cannot decode the video`;

/** Resolves with the event, rejects on the element's error or when `signal` aborts. @type {(element: HTMLVideoElement, name: string, signal?: AbortSignal) => Promise<void>} */
function happening(element, name, signal) {
    return new Promise((resolve, reject) => {
        const done = (/** @type {() => void} */ settle) => () => {
            element.removeEventListener(name, succeed);
            element.removeEventListener("error", fail);
            signal?.removeEventListener("abort", abort);
            settle();
        };
        const succeed = done(resolve);
        const fail = done(() => reject(new Unreadable(UNPLAYABLE)));
        const abort = done(() => reject(signal?.reason));
        element.addEventListener(name, succeed);
        element.addEventListener("error", fail);
        signal?.addEventListener("abort", abort);
    });
}

/** @type {(ms: number) => Promise<void>} */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @type {Map<string, number>} frames per second of the files seen so far: measuring takes a second */
const rates = new Map();

/** @type {(url: string, signal: AbortSignal) => Promise<Reader>} */
export async function openVideo(url, signal) {
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    const close = () => {
        video.removeAttribute("src");
        video.load(); // lets go of the file
    };
    try {
        const loaded = happening(video, "loadeddata", signal);
        video.src = url;
        await loaded.catch(async (error) => {
            throw error instanceof Unreadable ? await whyUnreadable(url, UNPLAYABLE, signal) : error;
        });
        if (!video.videoWidth) throw new Unreadable(t`the file holds no picture`);
        const first = await frameWhere(() => true, video, signal, "keep");
        const measured = rates.get(url) ?? (await measureRate(video, signal));
        if (Number.isFinite(measured)) rates.set(url, measured);
        const fps = Number.isFinite(measured) ? measured : USUAL_RATE;
        const frames = Math.max(Math.round(video.duration * fps), 1);
        const source = { ...storedSize(video, first), frames, fps };
        // Transparency is what a run does not see.
        const transparent = /A/.test(first?.format ?? "");
        first?.close();
        const grab = async (/** @type {number} */ index, /** @type {number} */ maxSide) => {
            const time = Math.min((index + 0.5) / fps, video.duration); // the middle: no rounding reaches a neighbour
            return bitmapOf(video, await seek(video, time, fps, Number.isFinite(measured), signal), source, maxSide, transparent);
        };
        return { source, grab, close };
    } catch (error) {
        close();
        throw error;
    }
}

/**
 * The frame at a time, once the browser has it, for its owner to close; null where browsers give no frames.
 * `tells`: whether the browser says when it shows a frame.
 * @type {(video: HTMLVideoElement, time: number, fps: number, tells: boolean, signal: AbortSignal) => Promise<VideoFrame | null>}
 */
async function seek(video, time, fps, tells, signal) {
    let isShown = !tells;
    const shown = new Promise((resolve) => (tells ? video.requestVideoFrameCallback(() => resolve((isShown = true))) : resolve(true)));
    const seeked = happening(video, "seeked", signal);
    video.currentTime = time;
    await seeked;
    // It began half a frame before; where the rate varies, it may have stood for longer.
    const isThere = (/** @type {VideoFrame} */ frame) => Math.abs(time - 0.5 / fps - frame.timestamp / 1e6) < 0.75 / fps;
    const frame = await frameWhere((frame, stood_ms) => isThere(frame) || (isShown && (tells || stood_ms > QUIET_MS)), video, signal);
    await Promise.race([shown, sleep(LATE_MS)]); // or it would be taken for what is sought next
    return frame;
}

/**
 * The first frame that a video shows of which that is true. After "loadeddata" a busy browser has no frame yet, after
 * "seeked" for a while the one before.
 * @type {(isWanted: (frame: VideoFrame, stood_ms: number) => boolean, video: HTMLVideoElement, signal: AbortSignal, alpha?: AlphaOption) => Promise<VideoFrame | null>}
 */
async function frameWhere(isWanted, video, signal, alpha = "discard") {
    if (!("VideoFrame" in window)) return null;
    const start = performance.now();
    for (let [at, since, now] = [NaN, start, start]; now - start < LATE_MS; now = performance.now()) {
        signal.throwIfAborted();
        const frame = currentFrame(video, alpha);
        if (frame && frame.timestamp !== at) [at, since] = [frame.timestamp, now];
        if (frame && isWanted(frame, now - since)) return frame;
        frame?.close();
        await sleep(5);
    }
    throw new Unreadable(t`this browser does not show its frames`);
}

/** @type {(video: HTMLVideoElement, alpha: AlphaOption) => VideoFrame | null} */
function currentFrame(video, alpha) {
    try {
        return new VideoFrame(video, { alpha });
    } catch (error) {
        if (error instanceof DOMException && error.name === "InvalidStateError") return null;
        throw error;
    }
}

/**
 * A picture's size as it is stored, which is what decoders give to Python: where pixels are not
 * square, the browser shows another.
 * @type {(video: HTMLVideoElement, frame: VideoFrame | null) => {width: number, height: number}}
 */
function storedSize(video, frame) {
    const shown = { width: video.videoWidth, height: video.videoHeight };
    const { width, height } = frame?.visibleRect ?? shown;
    const turned = width >= height !== shown.width >= shown.height; // a phone's film, held upright
    return turned ? { width: height, height: width } : { width, height };
}

/** The frame that is shown, its colours alone; closes `frame`. @type {(video: HTMLVideoElement, frame: VideoFrame | null, source: Source, maxSide: number, transparent: boolean) => Promise<ImageBitmap>} */
async function bitmapOf(video, frame, source, maxSide, transparent) {
    const options = bitmapOptions(source, maxSide);
    try {
        const small = frame && options.length ? await shrunk(frame, sizeWithin(source, maxSide)) : null;
        return small ?? (await createImageBitmap(frame && transparent ? frame : video, ...options));
    } finally {
        frame?.close();
    }
}

/** Frames per second, from the times of the frames that a short muted playback shows; NaN where it shows none. @type {(video: HTMLVideoElement, signal: AbortSignal) => Promise<number>} */
async function measureRate(video, signal) {
    if (!video.requestVideoFrameCallback || !Number.isFinite(video.duration)) return NaN;
    /** @type {number[]} */
    const times = [];
    await new Promise((resolve) => {
        const timer = setTimeout(resolve, PROBE_MS);
        const finish = () => {
            clearTimeout(timer);
            resolve(undefined);
        };
        const see = (/** @type {number} */ _now, /** @type {VideoFrameCallbackMetadata} */ frame) => {
            times.push(frame.mediaTime);
            if (times.length >= PROBE_FRAMES || signal.aborted) finish();
            else video.requestVideoFrameCallback(see);
        };
        video.requestVideoFrameCallback(see);
        video.addEventListener("ended", finish, { once: true });
        signal.addEventListener("abort", finish, { once: true });
        video.playbackRate = PROBE_SPEED;
        video.play().catch(finish);
    });
    video.pause();
    await sleep(QUIET_MS);
    signal.throwIfAborted();
    const seen = [...new Set(times)].sort((a, b) => a - b);
    const gaps = seen.slice(1).map((time, index) => time - seen[index]);
    if (!gaps.length) return NaN;
    // A busy browser shows every second frame or fewer: the one just before a frame that it showed is sought.
    const least = Math.min(...gaps);
    const frame = await seek(video, seen[gaps.indexOf(least) + 1] - 0.05 * least, 1 / least, true, signal);
    if (frame) seen.push(frame.timestamp / 1e6);
    frame?.close();
    return rateOf(seen.sort((a, b) => a - b));
}
