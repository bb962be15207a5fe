/** Pictures: frames out of picture files, one still each or all of one that is animated; as a run sees them, without transparency. */

import { t } from "../locale.js";
import { Unreadable, bitmapOptions, whyUnreadable } from "./frames.js";

/** @typedef {import("./frames.js").Reader} Reader */

const UNSHOWABLE = t`this browser cannot decode the picture`;
const STILL_FPS = 1; // a still has no rate
const ANIMATED = ["image/gif", "image/webp", "image/apng", "image/avif"]; // kinds that may be
const TRANSPARENT = ["image/png", ...ANIMATED];

/** One file's picture, or all of them where it is animated. @type {(url: string, signal: AbortSignal) => Promise<Reader>} */
export async function openPicture(url, signal) {
    const blob = await fetched(url, signal);
    const animated = ANIMATED.includes(blob.type) ? await openAnimated(blob) : null;
    if (animated) return animated;
    const picture = await decoded(blob, url, signal);
    const source = { width: picture.width, height: picture.height, frames: 1, fps: STILL_FPS };
    picture.close();
    const remark = ANIMATED.includes(blob.type) && !("ImageDecoder" in window) ? t`this browser shows no more than its first picture here` : "";
    return { source, grab: async (_, maxSide) => smaller(await decoded(blob, url, signal), maxSide), close: () => {}, remark };
}

/** A file for each frame. @type {(urls: string[], fps: number, signal: AbortSignal) => Promise<Reader>} */
export async function openPictures(urls, fps, signal) {
    const load = async (/** @type {number} */ index) => decoded(await fetched(urls[index], signal), urls[index], signal);
    const first = await load(0);
    const source = { width: first.width, height: first.height, frames: urls.length, fps };
    first.close();
    return { source, grab: async (index, maxSide) => smaller(await load(index), maxSide), close: () => {} };
}

/** The picture of a file, without transparency. @type {(url: string, signal: AbortSignal) => Promise<ImageBitmap>} */
export const pictureOf = async (url, signal) => decoded(await fetched(url, signal), url, signal);

/** A picture as a file; it is closed. @type {(picture: ImageBitmap) => Promise<Blob>} */
export async function pngOf(picture) {
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    picture.close();
    return canvas.convertToBlob({ type: "image/png" });
}

/** The picture at a size that is paid for, in its place. @type {(picture: ImageBitmap, maxSide: number) => Promise<ImageBitmap>} */
async function smaller(picture, maxSide) {
    const options = bitmapOptions(picture, maxSide);
    if (!options.length) return picture;
    try {
        return await createImageBitmap(picture, ...options);
    } finally {
        picture.close();
    }
}

/** @type {(url: string, signal: AbortSignal) => Promise<Blob>} */
async function fetched(url, signal) {
    const answer = await fetch(url, { signal }).catch(() => null);
    if (!answer?.ok) throw await whyUnreadable(url, UNSHOWABLE, signal);
    return answer.blob();
}

/** @type {(blob: Blob, url: string, signal: AbortSignal) => Promise<ImageBitmap>} */
async function decoded(blob, url, signal) {
    try {
        return (await opaqueStill(blob)) ?? (await createImageBitmap(blob));
    } catch {
        throw await whyUnreadable(url, UNSHOWABLE, signal);
    }
}

/** Null where the browser has none: an old one, or an address that it does not trust. @type {(blob: Blob) => Promise<ImageDecoder | null>} */
async function decoderOf(blob) {
    if (!("ImageDecoder" in window) || !(await ImageDecoder.isTypeSupported(blob.type))) return null;
    return new ImageDecoder({ data: await blob.arrayBuffer(), type: blob.type });
}

/** A picture that has transparency, without it; null where it has none, or where the browser cannot tell. @type {(blob: Blob) => Promise<ImageBitmap | null>} */
async function opaqueStill(blob) {
    const decoder = TRANSPARENT.includes(blob.type) ? await decoderOf(blob) : null;
    if (!decoder) return null;
    try {
        const { image } = await decoder.decode();
        try {
            return image.format && /A/.test(image.format) ? await opaque(image) : null;
        } finally {
            image.close();
        }
    } finally {
        decoder.close();
    }
}

/**
 * The colours of a frame, those of transparent pixels too. Read by hand: a canvas and an ImageBitmap hold colours that
 * were multiplied by their opacity, which leaves nothing of them where that is 0.
 * @type {(frame: VideoFrame) => Promise<ImageBitmap>}
 */
async function opaque(frame) {
    const pixels = new Uint8ClampedArray(frame.allocationSize());
    await frame.copyTo(pixels);
    const swaps = frame.format === "BGRA";
    for (let at = 0; at < pixels.length; at += 4) {
        if (swaps) [pixels[at], pixels[at + 2]] = [pixels[at + 2], pixels[at]];
        pixels[at + 3] = 255;
    }
    const { width, height } = /** @type {DOMRectReadOnly} */ (frame.visibleRect);
    return createImageBitmap(new ImageData(pixels, width, height));
}

/** All pictures of an animated file; null where it holds one, or where the browser cannot tell. @type {(blob: Blob) => Promise<Reader | null>} */
async function openAnimated(blob) {
    const decoder = await decoderOf(blob);
    if (!decoder) return null;
    const close = () => decoder.close();
    try {
        await Promise.all([decoder.tracks.ready, decoder.completed]);
        const frames = decoder.tracks.selectedTrack?.frameCount ?? 1;
        if (frames < 2) return close(), null;
        const { image } = await decoder.decode();
        const { displayWidth: width, displayHeight: height, duration } = image;
        image.close();
        const grab = async (/** @type {number} */ frameIndex, /** @type {number} */ maxSide) => {
            const { image: frame } = await decoder.decode({ frameIndex });
            try {
                if (frame.format && /A/.test(frame.format)) return await smaller(await opaque(frame), maxSide);
                return await createImageBitmap(frame, ...bitmapOptions({ width, height }, maxSide));
            } finally {
                frame.close();
            }
        };
        return { source: { width, height, frames, fps: duration ? 1e6 / duration : STILL_FPS }, grab, close };
    } catch {
        close();
        throw new Unreadable(UNSHOWABLE);
    }
}
