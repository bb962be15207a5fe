/** Canvas: sizes, clearing, and the step from view pixels to frame pixels. */

/** @typedef {import("../geometry/viewport.js").Viewport} Viewport */

/** The dark line around every bright one: the drawing is seen on any picture. */
export const OUTLINE = "rgba(0, 0, 0, 0.75)";
export const WHITE = "#ffffff";

/** Makes a canvas as large as its element, in device pixels; true if its size changed, which clears it. @type {(canvas: HTMLCanvasElement, width: number, height: number, density: number) => boolean} */
export function sizeCanvas(canvas, width, height, density) {
    const [w, t] = [Math.max(Math.round(width * density), 1), Math.max(Math.round(height * density), 1)];
    if (canvas.width === w && canvas.height === t) return false;
    canvas.width = w;
    canvas.height = t;
    return true;
}

/** @type {(context: CanvasRenderingContext2D) => void} */
export function clear(context) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
}

/** From now on, one unit is a frame pixel. @type {(context: CanvasRenderingContext2D, viewport: Viewport, density: number) => void} */
export function inFrame(context, { scale, x, y }, density) {
    context.setTransform(scale * density, 0, 0, scale * density, x * density, y * density);
}
