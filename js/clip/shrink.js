/**
 * Shrink: a video's frame made small, a band of rows at a time. A browser that draws by software keeps what it
 * converted whole: after sixteen frames in 4K, half a gigabyte.
 */

const BAND_BYTES = 2e6;
const PLAIN = /^(I420|I422|I444|NV12)$/; // 8 bits without transparency: others are drawn, which maps their tones too

/**
 * A frame at a size no larger than its own, each pixel the mean of those it covers; null where this browser or this
 * kind of frame has to be drawn.
 * @type {(frame: VideoFrame, size: {width: number, height: number}) => Promise<ImageBitmap | null>}
 */
export async function shrunk(frame, size) {
    // What is copied is the picture as it is stored, which a phone may have turned.
    const { rotation, flip } = /** @type {{rotation?: number, flip?: boolean}} */ (/** @type {unknown} */ (frame));
    if (rotation !== 0 || flip || !frame.visibleRect || !PLAIN.test(frame.format ?? "")) return null;
    try {
        return await createImageBitmap(new ImageData(await meansOf(frame, frame.visibleRect, size), size.width, size.height));
    } catch (error) {
        if (error instanceof DOMException || error instanceof TypeError) return null;
        throw error;
    }
}

/** RGBA. @type {(frame: VideoFrame, visible: {x: number, y: number, width: number, height: number}, size: {width: number, height: number}) => Promise<Uint8ClampedArray<ArrayBuffer>>} */
export async function meansOf(frame, visible, { width, height }) {
    const rows = 2 * Math.max(Math.floor(BAND_BYTES / (8 * visible.width)), 1); // even: colour may be stored for two rows
    const band = new Uint8Array(4 * visible.width * rows);
    const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
    const columns = Uint32Array.from({ length: visible.width }, (_, x) => 4 * Math.floor((x * width) / visible.width));
    const sums = new Uint32Array(4 * width); // red, green, blue, and how many they are of
    for (let top = 0; top < visible.height; top += rows) {
        const bottom = Math.min(top + rows, visible.height);
        const rect = { x: visible.x, y: visible.y + top, width: visible.width, height: bottom - top };
        await frame.copyTo(band, /** @type {VideoFrameCopyToOptions} */ ({ rect, format: "RGBA" }));
        for (let y = top, at = 0; y < bottom; y += 1) {
            for (let x = 0; x < columns.length; x += 1, at += 4) {
                const sum = columns[x];
                sums[sum] += band[at];
                sums[sum + 1] += band[at + 1];
                sums[sum + 2] += band[at + 2];
                sums[sum + 3] += 1;
            }
            const row = Math.floor((y * height) / visible.height);
            if (Math.floor(((y + 1) * height) / visible.height) === row) continue;
            for (let sum = 0, to = 4 * width * row; sum < sums.length; sum += 4, to += 4)
                for (let channel = 0; channel < 3; channel += 1) pixels[to + channel] = sums[sum + channel] / sums[sum + 3];
            sums.fill(0);
        }
    }
    return pixels;
}
