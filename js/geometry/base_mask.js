/** Base mask: the mask at a frame that areas are added to and taken from, as levels of any size over all of the frame. */

/** Row after row; 255 where the video may change. @typedef {{width: number, height: number, levels: Uint8Array}} BaseMask */

export const HALF = 128; // of 255: from here on the model changes a pixel

/** Its value at a place of a document, within 0 and 1; beyond the frame, that of its edge. @type {(base: BaseMask, doc: {width: number, height: number}, x: number, y: number) => number} */
export function valueAt({ width, height, levels }, doc, x, y) {
    const column = Math.min(Math.max(Math.floor((x / doc.width) * width), 0), width - 1);
    const row = Math.min(Math.max(Math.floor((y / doc.height) * height), 0), height - 1);
    return levels[row * width + column] / 255;
}
