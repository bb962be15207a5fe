/** Frames: a clip's pictures by number, cached within a budget of memory. */

import { t } from "../locale.js";

/** @typedef {import("./frame_mapping.js").Source} Source */
/** @typedef {import("./frame_mapping.js").Prepared} Prepared */

/**
 * Gives a file's pictures by their number.
 * @typedef {object} Reader
 * @property {Source} source
 * @property {(index: number, maxSide: number) => Promise<ImageBitmap>} grab
 * @property {() => void} close
 * @property {string} [remark]  what of the file is not seen as it is
 */

const BUDGET_BYTES = 112e6;
const SIDE_MAX = 2048; // enough to draw by; the model's frames are smaller
const SIDE_MIN = 480;

/** A file that is not shown. Its message goes after the file's name. */
export class Unreadable extends Error {
    /** @param {string} message @param {boolean} [missing]  it may come yet */
    constructor(message, missing = false) {
        super(message);
        this.missing = missing;
    }
}

/** Why a file could not be opened, as far as ComfyUI says it. @type {(url: string, otherwise: string, signal: AbortSignal) => Promise<Unreadable>} */
export async function whyUnreadable(url, otherwise, signal) {
    signal.throwIfAborted();
    const answer = await fetch(url, { method: "HEAD", signal }).catch(() => null);
    if (!answer) return new Unreadable(t`ComfyUI does not answer, or cannot send a file of this name`);
    if (answer.status === 404) return new Unreadable(t`ComfyUI has no such file: upload it, or choose another`, true);
    return new Unreadable(answer.ok ? otherwise : t`ComfyUI does not give it (${answer.status} ${answer.statusText})`);
}

/** The size of a picture whose longer side may be so long. @type {(size: {width: number, height: number}, maxSide: number) => {width: number, height: number}} */
export function sizeWithin({ width, height }, maxSide) {
    const scale = Math.min(maxSide / Math.max(width, height), 1);
    return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** As little as is asked for of a picture of this size. @type {(size: {width: number, height: number}, maxSide: number) => [ImageBitmapOptions] | []} */
export function bitmapOptions(size, maxSide) {
    const { width, height } = sizeWithin(size, maxSide);
    return width === size.width && height === size.height ? [] : [{ resizeWidth: width, resizeHeight: height, resizeQuality: "medium" }];
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
     * @param {number} [budget]  bytes for its pictures
     */
    constructor(reader, prepared, budget = BUDGET_BYTES) {
        this.reader = reader;
        this.prepared = prepared;
        const { width, height } = reader.source;
        const affordable = Math.sqrt(budget / 4 / prepared.picked.length / (width * height));
        const longest = Math.max(width, height);
        this.maxSide = Math.min(Math.max(longest * affordable, SIDE_MIN), SIDE_MAX, longest);
        const bytes = 4 * width * height * (this.maxSide / longest) ** 2;
        this.capacity = Math.max(Math.floor(budget / bytes), 2);
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
