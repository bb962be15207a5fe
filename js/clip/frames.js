/** Frames: pictures out of video and image files, by number, cached within a budget of memory. */

import { rateOf } from "./frame_mapping.js";

/** @typedef {import("./frame_mapping.js").Source} Source */
/** @typedef {import("./frame_mapping.js").Prepared} Prepared */

/**
 * Gives a file's pictures by their number.
 * @typedef {object} Reader
 * @property {Source} source
 * @property {(index: number, maxSide: number) => Promise<ImageBitmap>} grab
 * @property {() => void} close
 */

const PROBE_FRAMES = 12; // seen to measure the rate
const PROBE_SPEED = 0.5; // played slowly, none is skipped
const USUAL_RATE = 24; // where a browser does not say
const PROBE_MS = 3000;
const BUDGET_BYTES = 256e6;
const SIDE_MAX = 2048; // enough to draw by; the model's frames are smaller
const SIDE_MIN = 480;

/** What a browser says when it cannot show a file. */
class Unreadable extends Error {}

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
        const fail = done(() => reject(new Unreadable("this browser cannot play the file")));
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
        await loaded;
        if (!video.videoWidth) throw new Unreadable("the file holds no picture");
        const measured = rates.get(url) ?? (await measureRate(video, signal));
        if (Number.isFinite(measured)) rates.set(url, measured);
        const fps = Number.isFinite(measured) ? measured : USUAL_RATE;
        const frames = Math.max(Math.round(video.duration * fps), 1);
        const source = { ...storedSize(video), frames, fps };
        const grab = async (/** @type {number} */ index, /** @type {number} */ maxSide) => {
            const seeked = happening(video, "seeked", signal);
            video.currentTime = Math.min((index + 0.5) / fps, video.duration); // the middle: no rounding reaches a neighbour
            await seeked;
            return createImageBitmap(video, ...bitmapOptions(source, maxSide));
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

/** A file for each frame. @type {(urls: string[], fps: number, signal: AbortSignal) => Promise<Reader>} */
export async function openPictures(urls, fps, signal) {
    const load = async (/** @type {number} */ index) => {
        const answer = await fetch(urls[index], { signal });
        if (!answer.ok) throw new Unreadable(`the picture is gone (${answer.status})`);
        const blob = await answer.blob();
        try {
            return await createImageBitmap(blob);
        } catch {
            throw new Unreadable("this browser cannot show the picture");
        }
    };
    const first = await load(0);
    const source = { width: first.width, height: first.height, frames: urls.length, fps };
    first.close();
    return { source, grab: (index) => load(index), close: () => {} };
}

/** @type {(source: Source, maxSide: number) => [ImageBitmapOptions] | []} */
function bitmapOptions({ width, height }, maxSide) {
    const scale = maxSide / Math.max(width, height);
    if (scale >= 1) return [];
    return [{ resizeWidth: Math.round(width * scale), resizeHeight: Math.round(height * scale), resizeQuality: "medium" }];
}

/**
 * The frames of a prepared clip: what was asked for first, then the rest ahead of need.
 */
export class Clip {
    /** @type {Map<number, ImageBitmap>} by the file's frame number */
    #cached = new Map();
    #wanted = 0;
    #closed = false;
    #busy = false;

    /** Called whenever a frame has become available; without any, none is read. @type {Set<() => void>} */
    watchers = new Set();
    /** What went wrong while reading; the frames read before stay. @type {unknown} */
    error = null;

    /**
     * @param {Reader} reader
     * @param {Prepared} prepared
     */
    constructor(reader, prepared) {
        this.reader = reader;
        this.prepared = prepared;
        const { width, height } = reader.source;
        const affordable = Math.sqrt(BUDGET_BYTES / 4 / prepared.picked.length / (width * height));
        const longest = Math.max(width, height);
        this.maxSide = Math.min(Math.max(longest * affordable, SIDE_MIN), SIDE_MAX, longest);
        const bytes = 4 * width * height * (this.maxSide / longest) ** 2;
        this.capacity = Math.max(Math.floor(BUDGET_BYTES / bytes), 2);
    }

    /** The picture of a frame, or of the nearest one that is there; null before the first. @type {(frame: number) => ImageBitmap | null} */
    picture(frame) {
        const { picked } = this.prepared;
        const exact = this.#cached.get(picked[frame]);
        if (exact) return exact;
        for (let away = 1; away < picked.length; away += 1)
            for (const near of [frame - away, frame + away]) {
                const picture = near in picked ? this.#cached.get(picked[near]) : undefined;
                if (picture) return picture;
            }
        return null;
    }

    /** Says which frame is shown: it comes next, and those after it follow. @type {(frame: number) => void} */
    want(frame) {
        this.#wanted = Math.min(Math.max(frame, 0), this.prepared.picked.length - 1);
        this.#work();
    }

    /** How many of the frames can be shown at once. */
    get ready() {
        return this.prepared.picked.filter((index) => this.#cached.has(index)).length;
    }

    close() {
        this.#closed = true;
        this.reader.close();
        for (const picture of this.#cached.values()) picture.close();
        this.#cached.clear();
    }

    async #work() {
        if (this.#busy || this.error) return;
        this.#busy = true;
        try {
            for (let frame = this.#missing(); frame !== undefined && this.#isWatched; frame = this.#missing()) {
                const index = this.prepared.picked[frame];
                const picture = await this.reader.grab(index, this.maxSide);
                if (this.#closed) return picture.close();
                this.#cached.set(index, picture);
                this.#forget();
                this.#notify();
            }
        } catch (error) {
            this.error = error;
            this.#notify();
        } finally {
            this.#busy = false;
        }
    }

    get #isWatched() {
        return !this.#closed && this.watchers.size > 0;
    }

    #notify() {
        for (const watcher of this.watchers) watcher();
    }

    /** The next frame to read: the wanted one or those after it, as far as memory reaches. @returns {number | undefined} */
    #missing() {
        const { picked } = this.prepared;
        for (let ahead = 0; ahead < Math.min(picked.length, this.capacity); ahead += 1) {
            const frame = (this.#wanted + ahead) % picked.length;
            if (!this.#cached.has(picked[frame])) return frame;
        }
        return undefined;
    }

    /** Lets go of what lies farthest behind, once there are too many. */
    #forget() {
        const { picked } = this.prepared;
        if (this.#cached.size <= this.capacity) return;
        const ahead = (/** @type {number} */ index) => (picked.indexOf(index) - this.#wanted + picked.length) % picked.length;
        const farthest = [...this.#cached.keys()].reduce((far, index) => (ahead(index) > ahead(far) ? index : far));
        this.#cached.get(farthest)?.close();
        this.#cached.delete(farthest);
    }
}
