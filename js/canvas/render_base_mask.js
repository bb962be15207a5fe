/** Render of the base mask: as a picture to add areas to, as values, and its outline. Each is made once and kept while it is the same. */

import { inFrame } from "./canvas.js";
import { HALF } from "../geometry/base_mask.js";

/** @typedef {import("../geometry/base_mask.js").BaseMask} BaseMask */
/** @typedef {import("./render.js").Scene} Scene */

const LINE_PX = 1.25; // CSS pixels

/** @type {{base: BaseMask, whole: OffscreenCanvas, inside: OffscreenCanvas} | undefined} */
let pictures;

/** White, as opaque as the mask is at a pixel; and opaque where it is half or more. @type {(base: BaseMask) => {whole: OffscreenCanvas, inside: OffscreenCanvas}} */
function picturesOf(base) {
    if (pictures?.base === base) return pictures;
    const whole = opaqueBy(base, (level) => level);
    const inside = opaqueBy(base, (level) => (level < HALF ? 0 : 255));
    pictures = { base, whole, inside };
    return pictures;
}

/** @type {(base: BaseMask, opacity: (level: number) => number) => OffscreenCanvas} */
function opaqueBy({ width, height, levels }, opacity) {
    const pixels = new ImageData(width, height);
    pixels.data.fill(255);
    for (let index = 0; index < levels.length; index += 1) pixels.data[4 * index + 3] = opacity(levels[index]);
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
    return canvas;
}

/** White, as opaque as the mask is at a pixel. @type {(base: BaseMask) => OffscreenCanvas} */
export const maskPicture = (base) => picturesOf(base).whole;

/** @type {{base: BaseMask, width: number, values: Float32Array} | undefined} */
let scaled;

/** Its values at another size, row after row. @type {(base: BaseMask, width: number, height: number) => Float32Array} */
export function maskValues(base, width, height) {
    if (scaled?.base === base && scaled.width === width) return scaled.values;
    const canvas = new OffscreenCanvas(width, height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    context.imageSmoothingQuality = "high";
    context.drawImage(maskPicture(base), 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const values = Float32Array.from({ length: width * height }, (_, index) => data[4 * index + 3] / 255);
    scaled = { base, width, values };
    return values;
}

/** @type {{of: any[], canvas: OffscreenCanvas} | undefined} */
let outline;

/** A line along the inner side of where it is half or more, on a canvas like the target. @type {(base: BaseMask, scene: Scene, target: HTMLCanvasElement, color: string) => OffscreenCanvas} */
export function maskOutline(base, { doc, viewport, density }, target, color) {
    const of = [base, doc.width, doc.height, viewport.scale, viewport.x, viewport.y, density, target.width, target.height];
    if (outline && of.every((value, index) => value === outline?.of[index])) return outline.canvas;
    const { inside } = picturesOf(base);
    const [canvas, within] = [0, 1].map(() => new OffscreenCanvas(target.width, target.height));
    const [line, core] = [canvas, within].map((one) => /** @type {any} */ (one.getContext("2d")));
    for (const context of [line, core]) {
        inFrame(context, viewport, density);
        context.drawImage(inside, 0, 0, doc.width, doc.height);
    }
    // What stays in under a step to every side is no edge.
    core.globalCompositeOperation = "destination-in";
    const step = LINE_PX / viewport.scale;
    for (const [x, y] of [[step, 0], [-step, 0], [0, step], [0, -step]]) core.drawImage(inside, x, y, doc.width, doc.height);
    line.setTransform(1, 0, 0, 1, 0, 0);
    line.globalCompositeOperation = "destination-out";
    line.drawImage(within, 0, 0);
    line.globalCompositeOperation = "source-in";
    line.fillStyle = color;
    line.fillRect(0, 0, target.width, target.height);
    outline = { of, canvas };
    return canvas;
}
