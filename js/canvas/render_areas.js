/** Render of the areas: the tint over what may change, and outlines. */

import { OUTLINE, clear, inFrame } from "./canvas.js";
import { maskOutline, maskPicture, maskValues } from "./render_base_mask.js";
import { maskAt } from "../geometry/masks.js";
import { areaAt, isMoving } from "../geometry/pose.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../geometry/base_mask.js").BaseMask} BaseMask */
/** @typedef {import("./render.js").Scene} Scene */

export const AREA = "rgba(64, 196, 255, 0.28)";
export const AREA_LINE = "#40c4ff";
const SUBTRACT_LINE = "#ff8a80";
const MASK_SIDE = 320; // pixels of the longest side of a feathered mask's picture

/** The tint over what may change, and each area's outline. @type {(context: CanvasRenderingContext2D, scene: Scene) => void} */
export function drawAreas(context, scene) {
    const { doc, time, base, viewport, density } = scene;
    clear(context);
    const areas = doc.regions.filter((area) => area.visible !== false);
    if (!areas.length && !base) return;
    inFrame(context, viewport, density);
    context.save();
    context.beginPath();
    context.rect(0, 0, doc.width, doc.height);
    context.clip();
    if (areas.some((area) => area.feather)) context.drawImage(softTint(doc, time, base), 0, 0, doc.width, doc.height);
    else context.drawImage(crispTint(scene, areas, context.canvas), 0, 0, doc.width, doc.height);
    context.restore();
    if (base) {
        context.save();
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.drawImage(maskOutline(base, scene, context.canvas, AREA_LINE), 0, 0);
        context.restore();
    }
    for (const area of areas) strokeArea(context, scene, area, 1.25);
}

/** @type {OffscreenCanvas | undefined} */
let tintCanvas;

/** Areas added and taken away in order, at the view's resolution. @type {(scene: Scene, areas: Area[], target: HTMLCanvasElement) => OffscreenCanvas} */
function crispTint({ doc, time, base, viewport, density }, areas, target) {
    const scale = Math.min(viewport.scale * density, Math.max(target.width, 1) / doc.width, 2);
    tintCanvas ??= new OffscreenCanvas(1, 1);
    tintCanvas.width = Math.max(Math.round(doc.width * scale), 1); // also clears it
    tintCanvas.height = Math.max(Math.round(doc.height * scale), 1);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (tintCanvas.getContext("2d"));
    context.setTransform(tintCanvas.width / doc.width, 0, 0, tintCanvas.height / doc.height, 0, 0);
    context.lineCap = context.lineJoin = "round";
    context.fillStyle = context.strokeStyle = "#fff";
    if (base) context.drawImage(maskPicture(base), 0, 0, doc.width, doc.height);
    for (const area of areas) {
        const { area: shape, x, y } = areaAt(area, doc, time);
        context.save();
        context.translate(x, y);
        context.globalCompositeOperation = area.mode === "subtract" ? "destination-out" : "source-over";
        const outline = areaOutline(shape);
        if (shape.kind === "brush") {
            context.lineWidth = 2 * (shape.radius ?? 1);
            context.stroke(outline);
        } else context.fill(outline, "nonzero");
        context.restore();
    }
    // Tinted as a whole: where areas overlap, the tint is no stronger.
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = AREA;
    context.fillRect(0, 0, tintCanvas.width, tintCanvas.height);
    return tintCanvas;
}

/** @type {{regions: Area[], paths: Path[], time: number, base: BaseMask | null, canvas: OffscreenCanvas} | undefined} */
let soft;

/** The mask itself, small: soft edges as they will be. @type {(doc: EditDocument, time: number, base: BaseMask | null) => OffscreenCanvas} */
function softTint(doc, time, base) {
    const moves = doc.regions.some(isMoving);
    if (soft && soft.regions === doc.regions && soft.base === base && (!moves || (soft.paths === doc.paths && soft.time === time))) return soft.canvas;
    const scale = Math.min(MASK_SIDE / Math.max(doc.width, doc.height), 1);
    const [width, height] = [Math.max(Math.round(doc.width * scale), 1), Math.max(Math.round(doc.height * scale), 1)];
    const mask = maskAt(doc, time, width, height, base ? maskValues(base, width, height) : undefined);
    const pixels = new ImageData(width, height);
    for (let index = 0; index < mask.length; index += 1) pixels.data.set([64, 196, 255, Math.round(mask[index] * 71)], 4 * index);
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
    soft = { regions: doc.regions, paths: doc.paths, time, base, canvas };
    return canvas;
}

/** @type {WeakMap<Area, Path2D>} */
const outlines = new WeakMap();

/** A plain area's outline before it is moved; of a brush, its middle line. @type {(area: Area) => Path2D} */
export function areaOutline(area) {
    let outline = outlines.get(area);
    if (!outline) {
        outline = new Path2D();
        const [first, ...rest] = area.points;
        if (area.kind === "rect") outline.rect(first[0], first[1], rest[0][0] - first[0], rest[0][1] - first[1]);
        else if (area.kind === "ellipse") {
            const [dx, dy] = [rest[0][0] - first[0], rest[0][1] - first[1]];
            outline.ellipse(first[0] + dx / 2, first[1] + dy / 2, Math.abs(dx / 2), Math.abs(dy / 2), 0, 0, 2 * Math.PI);
        } else {
            outline.moveTo(first[0], first[1]);
            for (const [x, y] of rest) outline.lineTo(x, y);
            if (area.kind === "polygon") outline.closePath();
            else if (!rest.length) outline.lineTo(first[0] + 1e-3, first[1]); // a dab: round caps make it a disc
        }
        outlines.set(area, outline);
    }
    return outline;
}

/** @type {(context: CanvasRenderingContext2D, scene: Scene, area: Area, width: number) => void} */
export function strokeArea(context, { doc, time, viewport }, area, width) {
    const { area: shape, x, y } = areaAt(area, doc, time);
    const px = 1 / viewport.scale;
    context.save();
    context.translate(x, y);
    context.lineJoin = "round";
    context.lineCap = "round";
    const outline = areaOutline(shape);
    const color = area.mode === "subtract" ? SUBTRACT_LINE : AREA_LINE;
    // A brush is outlined by its thin middle line: its edge is the tint's.
    for (const [style, wide] of /** @type {const} */ ([[OUTLINE, width + 1.5], [color, width]])) {
        context.strokeStyle = style;
        context.lineWidth = wide * px;
        context.setLineDash(area.mode === "subtract" && style === color ? [5 * px, 4 * px] : []);
        context.stroke(outline);
    }
    context.restore();
}
