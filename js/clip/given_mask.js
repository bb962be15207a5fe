/** GivenMask: the mask that the graph gives to the editor, read from pictures: one for all frames, or one for each. */

import { HALF } from "../geometry/base_mask.js";
import { t } from "../locale.js";

/** @typedef {import("../geometry/base_mask.js").BaseMask} BaseMask */
/** @typedef {"alpha" | "red" | "green" | "blue"} Channel  of alpha, what is transparent may change */
/** @typedef {{urls: string[], stride: number, channel: Channel}} MaskSource  several pictures: of every `stride`-th frame */

const SIDE_MAX = 1024; // pixels of the longer side, as SHOWN_SIDE in nodes/editor.py
const MOST_BYTES = 48e6; // of all frames: masks of long clips are smaller

export class GivenMask {
    #masks;
    #stride;

    /** @param {BaseMask[]} masks @param {number} stride */
    constructor(masks, stride) {
        this.#masks = masks;
        this.#stride = stride;
        /** Nothing may change by it. */
        this.isEmpty = !masks.some(({ levels }) => levels.some((level) => level >= HALF));
    }

    /** The mask at a frame; the same object as long as it is the same mask. @type {(frame: number) => BaseMask} */
    at(frame) {
        const masks = this.#masks;
        return masks[masks.length === 1 ? 0 : Math.min(Math.floor(frame / this.#stride), masks.length - 1)];
    }
}

/** Rejects where it cannot be said what a run would make of a picture. @type {(source: MaskSource, signal: AbortSignal) => Promise<GivenMask>} */
export async function readMask({ urls, stride, channel }, signal) {
    const pixels = MOST_BYTES / new Set(urls).size;
    /** @type {Map<string, BaseMask>} frames that are alike share a file */
    const read = new Map();
    for (const url of urls) if (!read.has(url)) read.set(url, levelsOf(await pictureAt(url, signal), channel, pixels));
    return new GivenMask(urls.map((url) => /** @type {BaseMask} */ (read.get(url))), stride);
}

/** @type {(url: string, signal: AbortSignal) => Promise<ImageBitmap>} */
async function pictureAt(url, signal) {
    const answer = await fetch(url, { signal });
    if (!answer.ok) throw new Error(t`ComfyUI does not give it (${answer.status} ${answer.statusText})`);
    const blob = await answer.blob();
    if (await isAnimated(blob)) throw new Error(t`it holds several pictures`);
    return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/** Whether a PNG holds several pictures. @type {(blob: Blob) => Promise<boolean>} */
async function isAnimated(blob) {
    const head = new TextDecoder("latin1").decode(await blob.slice(0, 2 ** 20).arrayBuffer());
    return head.slice(0, head.indexOf("IDAT")).includes("acTL");
}

/** Takes the picture over. @type {(picture: ImageBitmap, channel: Channel, most: number) => BaseMask} */
function levelsOf(picture, channel, most) {
    const sides = picture.width * picture.height;
    const scale = Math.min(SIDE_MAX / Math.max(picture.width, picture.height), Math.sqrt(most / sides), 1);
    const [width, height] = [picture.width, picture.height].map((side) => Math.max(Math.round(side * scale), 1));
    const canvas = new OffscreenCanvas(width, height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, width, height);
    picture.close();
    return { width, height, levels: channelOf(context.getImageData(0, 0, width, height).data, channel) };
}

/** @type {(pixels: Uint8ClampedArray, channel: Channel) => Uint8Array} */
export function channelOf(pixels, channel) {
    const at = ["red", "green", "blue", "alpha"].indexOf(channel);
    const levels = new Uint8Array(pixels.length / 4);
    for (let index = 0; index < levels.length; index += 1) {
        const alpha = pixels[4 * index + 3];
        // A canvas holds colours multiplied by their opacity: they do not come back whole.
        if (channel !== "alpha" && alpha < 255) throw new Error(t`it is transparent in places`);
        levels[index] = channel === "alpha" ? 255 - alpha : pixels[4 * index + at];
    }
    return levels;
}
