/** The crosshair that keys draw with. */

import { OUTLINE, WHITE } from "./canvas.js";

/** @typedef {import("../geometry/viewport.js").XY} XY */

/** @type {(context: CanvasRenderingContext2D, at: XY, px: number) => void} */
export function drawCrosshair(context, { x, y }, px) {
    const shape = new Path2D();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        shape.moveTo(x + 4 * dx * px, y + 4 * dy * px);
        shape.lineTo(x + 18 * dx * px, y + 18 * dy * px);
    }
    for (const [style, width] of /** @type {const} */ ([[OUTLINE, 4.5], [WHITE, 2]])) {
        context.strokeStyle = style;
        context.lineWidth = width * px;
        context.stroke(shape);
    }
}
