/** Canvas: sizes, clearing, the step from view pixels to frame pixels, and the square that a handle is. */

/** @typedef {import("../geometry/viewport.js").Viewport} Viewport */
/** @typedef {import("../geometry/viewport.js").XY} XY */

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

/** A handle: a square with two rims. @type {(context: CanvasRenderingContext2D, at: XY, half: number, px: number, fill: string, line: string) => void} */
export function drawSquare(context, at, half, px, fill, line) {
    context.fillStyle = OUTLINE;
    context.fillRect(at.x - half - 2 * px, at.y - half - 2 * px, 2 * half + 4 * px, 2 * half + 4 * px);
    context.fillStyle = line;
    context.fillRect(at.x - half - px, at.y - half - px, 2 * half + 2 * px, 2 * half + 2 * px);
    context.fillStyle = fill;
    context.fillRect(at.x - half, at.y - half, 2 * half, 2 * half);
}
