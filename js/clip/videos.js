/** Videos: the frames of a file that the browser plays. */

import { rateOf } from "./frame_mapping.js";
import { Unreadable, bitmapOptions, sizeWithin, whyUnreadable } from "./frames.js";
import { shrunk } from "./shrink.js";

/** @typedef {import("./frame_mapping.js").Source} Source */
/** @typedef {import("./frames.js").Reader} Reader */

const PROBE_FRAMES = 12; // seen to measure the rate
const PROBE_SPEED = 0.5; // played slowly, none is skipped
const USUAL_RATE = 24; // where a browser does not say
const PROBE_MS = 3000;
const UNPLAYABLE = "this browser cannot decode the video";

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
        if (!video.videoWidth) throw new Unreadable("the file holds no picture");
        const measured = rates.get(url) ?? (await measureRate(video, signal));
        if (Number.isFinite(measured)) rates.set(url, measured);
        const fps = Number.isFinite(measured) ? measured : USUAL_RATE;
        const frames = Math.max(Math.round(video.duration * fps), 1);
        const source = { ...storedSize(video), frames, fps };
        const transparent = hasAlpha(video);
        const grab = async (/** @type {number} */ index, /** @type {number} */ maxSide) => {
            const seeked = happening(video, "seeked", signal);
            video.currentTime = Math.min((index + 0.5) / fps, video.duration); // the middle: no rounding reaches a neighbour
            await seeked;
            return bitmapOf(video, source, maxSide, transparent);
        };
        return { source, grab, close };
    } catch (error) {
        close();
        throw error;
    }
}

/**
 * A picture's size as it is stored, which is what decoders give to Python: where pixels are not
 * square, the browser shows another.
 * @type {(video: HTMLVideoElement) => {width: number, height: number}}
 */
function storedSize(video) {
    const shown = { width: video.videoWidth, height: video.videoHeight };
    if (!("VideoFrame" in window)) return shown;
    const frame = new VideoFrame(video, { timestamp: 0 });
    const { width, height } = frame.visibleRect ?? shown;
    frame.close();
    const turned = width >= height !== shown.width >= shown.height; // a phone's film, held upright
    return turned ? { width: height, height: width } : { width, height };
}

/** Whether frames have transparency, which a run does not see. @type {(video: HTMLVideoElement) => boolean} */
function hasAlpha(video) {
    if (!("VideoFrame" in window)) return false;
    const frame = new VideoFrame(video, { timestamp: 0 });
    const { format } = frame;
    frame.close();
    return format !== null && /A/.test(format);
}

/** The frame that is shown, its colours alone. @type {(video: HTMLVideoElement, source: Source, maxSide: number, transparent: boolean) => Promise<ImageBitmap>} */
async function bitmapOf(video, source, maxSide, transparent) {
    const options = bitmapOptions(source, maxSide);
    if (!("VideoFrame" in window) || !(transparent || options.length)) return createImageBitmap(video, ...options);
    const frame = new VideoFrame(video, { timestamp: 0, alpha: "discard" });
    try {
        const small = options.length ? await shrunk(frame, sizeWithin(source, maxSide)) : null;
        return small ?? (await createImageBitmap(transparent ? frame : video, ...options));
    } finally {
        frame.close();
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
    signal.throwIfAborted();
    return rateOf([...new Set(times)].sort((a, b) => a - b));
}
