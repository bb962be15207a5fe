/** Open clips: editors that show the same share one, and it stays open for a while after the last has let go. */

import { prepare } from "./frame_mapping.js";
import { Clip } from "./frames.js";
import { openPicture, openPictures } from "./pictures.js";
import { openVideo } from "./videos.js";

/** @typedef {import("../graph/upstream.js").Upstream} Upstream */

const IDLE_MS = 15_000; // the graph's undo builds nodes anew: they find the clip still open
const RESULT_BYTES = 64e6; // of its pictures, beside those of the clip
const PICTURES_FPS = 8; // of frames whose source is not known: pictures have no rate

/** @type {Map<string, {clip: Promise<Clip>, opening: AbortController, users: number, timer?: number}>} by what they show */
const clips = new Map();

/** A clip by its key, opened where it is not open yet. Rejects as `open` does. @type {(key: string, open: (signal: AbortSignal) => Promise<Clip>) => Promise<Clip>} */
export function borrow(key, open) {
    const opening = new AbortController();
    const known = clips.get(key) ?? { clip: open(opening.signal), opening, users: 0 };
    clips.set(key, known);
    clearTimeout(known.timer);
    known.users += 1;
    known.clip.catch(() => clips.get(key) === known && clips.delete(key)); // the next one tries again
    return known.clip;
}

/** Once for every `borrow`. @type {(key: string) => void} */
export function giveBack(key) {
    const known = clips.get(key);
    if (!known || (known.users -= 1) > 0) return;
    known.timer = window.setTimeout(() => {
        clips.delete(key);
        known.opening.abort();
        known.clip.then((clip) => clip.close(), () => {});
    }, IDLE_MS);
}

/** What the frames of a file depend on, as a key. @type {(upstream: Upstream | null) => string} */
export const fileKey = (upstream) => `file ${JSON.stringify([upstream?.file, upstream?.steps])}`;

/** A file as the nodes after it prepare it. @type {(url: string, upstream: Upstream, signal: AbortSignal) => Promise<Clip>} */
export async function openFile(url, { kind, steps }, signal) {
    const reader = kind === "video" ? await openVideo(url, signal) : await openPicture(url, signal);
    try {
        return new Clip(reader, prepare(reader.source, steps));
    } catch (error) {
        reader.close();
        throw error;
    }
}

/** What a run gave in the end, beside the clip that it was made of. @type {(urls: string[], kind: import("../graph/results.js").Result["kind"], fps: number, signal: AbortSignal) => Promise<Clip>} */
export async function openResult(urls, kind, fps, signal) {
    const opened = { video: () => openVideo(urls[0], signal), picture: () => openPicture(urls[0], signal), pictures: () => openPictures(urls, fps, signal) };
    const reader = await opened[kind]();
    return new Clip(reader, prepare(reader.source, []), RESULT_BYTES);
}

/**
 * The frames that a run gave to the editor, every `stride`-th of `frames` a picture.
 * @type {(urls: string[], info: {width: number, height: number, frames: number, stride?: number}, upstream: Upstream | null, signal: AbortSignal) => Promise<Clip>}
 */
export async function openRun(urls, { width, height, frames, stride = 1 }, upstream, signal) {
    const source = upstream && (await clips.get(fileKey(upstream))?.clip.catch(() => null));
    const fps = source ? source.prepared.fps : PICTURES_FPS;
    const reader = await openPictures(urls, fps, signal);
    const picked = Array.from({ length: frames }, (_, frame) => Math.min(Math.floor(frame / stride), urls.length - 1));
    return new Clip(reader, { width, height, fps, picked, place: { x: 0, y: 0, width, height } });
}
