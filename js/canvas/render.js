/**
 * Render: the document onto layers of canvas, by place in the pile: areas, paths, live.
 * It only reads. A layer is drawn again when what it shows has changed, so that a pointer move
 * costs the live layer alone.
 */

import { OUTLINE, WHITE, clear, drawSquare, inFrame } from "./canvas.js";
import { AREA, AREA_LINE, strokeArea } from "./render_areas.js";
import { drawMarked } from "./onion_skin.js";
import { drawCrosshair } from "./render_crosshair.js";
import { drawGuides, drawTransformBox } from "./render_selection.js";
import { colorOf } from "../document/items.js";
import { pathCurve, positionAt, visibleAt } from "../geometry/curves.js";
import { handlesOf, hasHandles } from "../geometry/hit_test.js";
import { poseAt } from "../geometry/pose.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/operations.js").Selection} Selection */
/** @typedef {import("../geometry/viewport.js").Viewport} Viewport */
/** @typedef {import("../geometry/viewport.js").XY} XY */

/**
 * @typedef {object} Scene
 * @property {EditDocument} doc
 * @property {Selection} selection
 * @property {number} time
 * @property {import("../geometry/base_mask.js").BaseMask | null} base  what the graph lets change before any area counts
 * @property {Viewport} viewport
 * @property {number} density  device pixels per view pixel
 * @property {import("../tools/tool.js").Sketch | null} sketch
 * @property {{px: XY, radius: number} | null} brush  where the brush hovers
 * @property {XY | null} crosshair  where keys draw
 * @property {string | null} hovered  id of the path under the pointer
 * @property {import("../geometry/transform_box.js").TransformBox | null} transformBox  around what is selected
 * @property {import("../geometry/snapping.js").Guide[]} guides  lines that what is dragged lines up with
 * @property {ImageBitmap | null} onion  the edited frame, where it is shown along its way
 * @property {Map<string, Set<number>>} outside  per path the frames at which it lies outside the areas
 */

const OUTSIDE = "#ff3b30";
const MAX_TICKS = 120; // along one path; more would run together

// --- Paths -------------------------------------------------------------------------------------

/** @type {WeakMap<Path, Path2D>} */
const lines = new WeakMap();

/** A path's curve: its cubic pieces as Béziers. @type {(path: Path) => Path2D} */
function lineOf(path) {
    let line = lines.get(path);
    if (!line) {
        line = new Path2D();
        const [first] = path.points;
        line.moveTo(first.x, first.y);
        for (const piece of pathCurve(path).pieces) {
            const { p1, p2, m1, m2 } = piece;
            if (m1 && m2) line.bezierCurveTo(p1.x + m1.x / 3, p1.y + m1.y / 3, p2.x - m2.x / 3, p2.y - m2.y / 3, p2.x, p2.y);
            else line.lineTo(p2.x, p2.y);
        }
        lines.set(path, line);
    }
    return line;
}

/** Every path that is not selected. @type {(context: CanvasRenderingContext2D, scene: Scene) => void} */
export function drawPaths(context, scene) {
    clear(context);
    inFrame(context, scene.viewport, scene.density);
    for (const path of scene.doc.paths)
        if (path.visible !== false && !scene.selection.paths.includes(path.id)) drawPath(context, scene, path, false);
}

/** @type {(context: CanvasRenderingContext2D, scene: Scene, path: Path, strong: boolean) => void} */
function drawPath(context, scene, path, strong) {
    const px = 1 / scene.viewport.scale;
    const line = lineOf(path);
    context.lineCap = context.lineJoin = "round";
    for (const [style, width] of /** @type {const} */ ([[OUTLINE, strong ? 4.5 : 3.5], [colorOf(path), strong ? 2.25 : 1.5]])) {
        context.strokeStyle = style;
        context.lineWidth = width * px;
        context.stroke(line);
    }
    drawTicks(context, scene, path, px);
    drawEnd(context, path, px);
}

/** A tick for every frame: dense where the path is slow. Red where it lies outside the areas. @type {(context: CanvasRenderingContext2D, scene: Scene, path: Path, px: number) => void} */
function drawTicks(context, { doc, outside }, path, px) {
    if (pathCurve(path).length === 0) return;
    const first = Math.ceil((path.start ?? 0) - 1e-6);
    const last = Math.floor((path.end ?? doc.frames - 1) + 1e-6);
    const step = Math.max(Math.ceil((last - first + 1) / MAX_TICKS), 1);
    const outsideAt = outside.get(path.id);
    const [dotsInside, dotsOutside] = [new Path2D(), new Path2D()];
    for (let frame = first; frame <= last; frame += step) {
        const at = positionAt(path, doc, frame);
        const dots = outsideAt?.has(frame) ? dotsOutside : dotsInside;
        dots.moveTo(at.x + 1.9 * px, at.y);
        dots.arc(at.x, at.y, 1.9 * px, 0, 2 * Math.PI);
    }
    context.lineWidth = px;
    context.strokeStyle = OUTLINE;
    context.fillStyle = WHITE;
    context.stroke(dotsInside);
    context.fill(dotsInside);
    context.fillStyle = OUTSIDE;
    context.stroke(dotsOutside);
    context.fill(dotsOutside);
}

/** An arrow head where a path ends, an anchor's cross. @type {(context: CanvasRenderingContext2D, path: Path, px: number) => void} */
function drawEnd(context, path, px) {
    const curve = pathCurve(path);
    const shape = new Path2D();
    if (curve.length === 0) {
        const { x, y } = path.points[0];
        for (const [dx, dy] of [[8, 0], [0, 8]]) {
            shape.moveTo(x - dx * px, y - dy * px);
            shape.lineTo(x + dx * px, y + dy * px);
        }
    } else {
        const tip = curve.at(curve.length);
        const back = curve.at(Math.max(curve.length - 6 * px, curve.length / 2));
        const angle = Math.atan2(tip.y - back.y, tip.x - back.x);
        for (const turn of [2.6, -2.6]) {
            shape.moveTo(tip.x, tip.y);
            shape.lineTo(tip.x + 9 * px * Math.cos(angle + turn), tip.y + 9 * px * Math.sin(angle + turn));
        }
    }
    for (const [style, width] of /** @type {const} */ ([[OUTLINE, 4.5], [colorOf(path), 2.25]])) {
        context.strokeStyle = style;
        context.lineWidth = width * px;
        context.stroke(shape);
    }
}

// --- Live --------------------------------------------------------------------------------------

/** What moves: the selection with its points, the dots, what is being drawn. @type {(context: CanvasRenderingContext2D, scene: Scene) => void} */
export function drawLive(context, scene) {
    const { doc, selection, viewport, density, sketch, brush, hovered } = scene;
    clear(context);
    inFrame(context, viewport, density);
    const px = 1 / viewport.scale;
    drawMarked(context, scene, true);
    for (const area of doc.regions)
        if (selection.regions.includes(area.id)) {
            strokeArea(context, scene, area, 2.25);
            if (!hasHandles(selection, area)) continue;
            for (const place of handlesOf(area, poseAt(area, doc, scene.time))) drawSquare(context, place, 3.5 * px, px, WHITE, AREA_LINE);
        }
    for (const path of doc.paths) {
        const chosen = selection.paths.includes(path.id);
        if (chosen || path.id === hovered) drawPath(context, scene, path, true);
        if (chosen) drawPoints(context, scene, path, px);
    }
    for (const path of doc.paths) if (path.visible !== false) drawDot(context, scene, path, px);
    drawTransformBox(context, scene, px);
    drawGuides(context, scene, px);
    if (sketch && sketch.kind !== "frame") drawSketch(context, sketch, px);
    if (brush) drawRing(context, brush.px, brush.radius, px);
    if (scene.crosshair) drawCrosshair(context, scene.crosshair, px);
}

/** @type {(context: CanvasRenderingContext2D, scene: Scene, path: Path, px: number) => void} */
function drawPoints(context, { selection }, path, px) {
    const chosen = new Set(selection.points.filter((point) => point.path === path.id).map((point) => point.index));
    path.points.forEach((point, index) => {
        const [fill, line] = chosen.has(index) ? [colorOf(path), WHITE] : [WHITE, colorOf(path)];
        drawSquare(context, point, (chosen.has(index) ? 4.5 : 3.5) * px, px, fill, line);
        if (point.frame !== undefined) drawText(context, point, String(Math.round(point.frame * 10) / 10), px);
    });
}

/** @type {(context: CanvasRenderingContext2D, at: XY, text: string, px: number) => void} */
function drawText(context, at, text, px) {
    context.save();
    context.translate(at.x, at.y);
    context.scale(px, px);
    context.font = "600 11px system-ui, sans-serif";
    context.lineJoin = "round";
    context.strokeStyle = OUTLINE;
    context.lineWidth = 3;
    context.strokeText(text, 9, -7);
    context.fillStyle = WHITE;
    context.fillText(text, 9, -7);
    context.restore();
}

/** Where a path is now; hollow while it is hidden. @type {(context: CanvasRenderingContext2D, scene: Scene, path: Path, px: number) => void} */
function drawDot(context, { doc, time, selection }, path, px) {
    const at = positionAt(path, doc, time);
    const shown = visibleAt(path, doc, time);
    const radius = (selection.paths.includes(path.id) ? 6.5 : 5) * px;
    context.beginPath();
    context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
    context.fillStyle = shown ? colorOf(path) : "rgba(0, 0, 0, 0.35)";
    context.fill();
    context.lineWidth = 3.5 * px;
    context.strokeStyle = OUTLINE;
    context.stroke();
    context.lineWidth = 1.5 * px;
    context.strokeStyle = shown ? WHITE : colorOf(path);
    context.stroke();
}

/** @type {(context: CanvasRenderingContext2D, sketch: Exclude<import("../tools/tool.js").Sketch, {kind: "frame"}>, px: number) => void} */
function drawSketch(context, sketch, px) {
    const shape = new Path2D();
    if (sketch.kind === "box") {
        const { from, to } = sketch;
        const [dx, dy] = [to.x - from.x, to.y - from.y];
        if (sketch.ellipse) shape.ellipse(from.x + dx / 2, from.y + dy / 2, Math.abs(dx / 2), Math.abs(dy / 2), 0, 0, 2 * Math.PI);
        else shape.rect(from.x, from.y, dx, dy);
        context.fillStyle = sketch.marquee ? "rgba(255, 255, 255, 0.12)" : AREA;
        context.fill(shape);
    } else {
        const [first, ...rest] = sketch.points;
        shape.moveTo(first.x, first.y);
        for (const { x, y } of rest) shape.lineTo(x, y);
        if (!rest.length) shape.lineTo(first.x + 0.01 * px, first.y);
        if (sketch.closed) {
            shape.closePath();
            context.fillStyle = AREA;
            context.fill(shape, "nonzero");
        }
    }
    context.lineCap = context.lineJoin = "round";
    if (sketch.kind === "stroke" && sketch.radius) {
        context.strokeStyle = AREA;
        context.lineWidth = 2 * sketch.radius;
        context.stroke(shape);
        return;
    }
    for (const [style, width] of /** @type {const} */ ([[OUTLINE, 3.5], [WHITE, 1.5]])) {
        context.strokeStyle = style;
        context.lineWidth = width * px;
        context.setLineDash(sketch.kind === "box" && sketch.marquee && style === WHITE ? [4 * px, 3 * px] : []);
        context.stroke(shape);
    }
    context.setLineDash([]);
}

/** @type {(context: CanvasRenderingContext2D, at: XY, radius: number, px: number) => void} */
function drawRing(context, at, radius, px) {
    for (const [style, width] of /** @type {const} */ ([[OUTLINE, 3], [WHITE, 1.25]])) {
        context.beginPath();
        context.arc(at.x, at.y, Math.max(radius, 2 * px), 0, 2 * Math.PI);
        context.strokeStyle = style;
        context.lineWidth = width * px;
        context.stroke();
    }
}
