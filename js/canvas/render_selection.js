/** Render of the selection: the box around it with its grips, and the lines that it lines up with. */

import { OUTLINE, WHITE, drawSquare } from "./canvas.js";

/** @typedef {import("./render.js").Scene} Scene */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const BOX_LINE = "#2f9bff"; // the editor's accent
const GUIDE_LINE = "#ff5cf4";

/** The box and its grips; while one is dragged, where the box has come. @type {(context: CanvasRenderingContext2D, scene: Scene, px: number) => void} */
export function drawTransformBox(context, { transformBox, sketch }, px) {
    if (sketch?.kind === "frame") return outline(context, sketch.corners, px);
    if (!transformBox || sketch) return;
    const { corners, grips } = transformBox;
    if (grips.length > 1) outline(context, corners, px);
    for (const grip of grips)
        if (grip.name === "turn") drawTurn(context, grip, px);
        else drawSquare(context, grip, 3.5 * px, px, WHITE, BOX_LINE);
}

/** Lines over all of the view. @type {(context: CanvasRenderingContext2D, scene: Scene, px: number) => void} */
export function drawGuides(context, { guides, viewport, density }, px) {
    const [width, height] = [context.canvas.width / density, context.canvas.height / density];
    for (const { axis, at } of guides) {
        const line = new Path2D();
        if (axis === "x") {
            line.moveTo(at, -viewport.y * px);
            line.lineTo(at, (height - viewport.y) * px);
        } else {
            line.moveTo(-viewport.x * px, at);
            line.lineTo((width - viewport.x) * px, at);
        }
        stroke(context, line, px, GUIDE_LINE);
    }
}

/** @type {(context: CanvasRenderingContext2D, corners: XY[], px: number) => void} */
function outline(context, corners, px) {
    const shape = new Path2D();
    for (const { x, y } of corners) shape.lineTo(x, y);
    shape.closePath();
    stroke(context, shape, px);
}

/** A ring on a stem. @type {(context: CanvasRenderingContext2D, at: import("../geometry/transform_box.js").Grip, px: number) => void} */
function drawTurn(context, at, px) {
    const stem = new Path2D();
    const from = at.stem ?? at;
    stem.moveTo(from.x, from.y);
    stem.lineTo(at.x, at.y);
    stroke(context, stem, px);
    context.beginPath();
    context.arc(at.x, at.y, 5 * px, 0, 2 * Math.PI);
    context.fillStyle = WHITE;
    context.fill();
    for (const [style, width] of /** @type {const} */ ([[OUTLINE, 4], [BOX_LINE, 2]])) {
        context.strokeStyle = style;
        context.lineWidth = width * px;
        context.stroke();
    }
}

/** @type {(context: CanvasRenderingContext2D, shape: Path2D, px: number, color?: string) => void} */
function stroke(context, shape, px, color = BOX_LINE) {
    for (const [style, width] of /** @type {[string, number][]} */ ([[OUTLINE, 2.5], [color, 1.25]])) {
        context.strokeStyle = style;
        context.lineWidth = width * px;
        context.stroke(shape);
    }
}
