/**
 * Onion skin: what is marked in the edited first frame, half transparent, where its area or path has taken it by the time
 * shown: timing is seen before a run. Patches are cut once; a frame costs one drawImage for each. What is selected is
 * drawn apart from the rest, which then stays as it is while that is dragged.
 */

import { clear, inFrame } from "./canvas.js";
import { areaOutline } from "./render_areas.js";
import { coverHere } from "../geometry/areas.js";
import { positionAt } from "../geometry/curves.js";
import { areaAt, boxOfPoints, followIds, isMoving, poseAt, shapeOf } from "../geometry/pose.js";
import { composed, determinant, inverted, translation } from "../geometry/transform.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../geometry/pose.js").Pose} Pose */
/** @typedef {import("../geometry/transform.js").Affine} Affine */
/** @typedef {import("./render.js").Scene} Scene */

/** A piece of the edited frame and where it lies at frame 0, in frame pixels. @typedef {{canvas: OffscreenCanvas, x: number, y: number, width: number, height: number}} Patch */

const OPACITY = 0.55;
const PATCH_SIDE = 512; // pixels of the longer side of a patch's picture, at most
const DISC_PART = 12; // of the frame's shorter side: the radius of what no area marks
const SOFTNESS = Math.sqrt(12); // a ramp's width over the deviation of the blur that is most like it

/** All but what is selected. @type {(context: CanvasRenderingContext2D, scene: Scene) => void} */
export function drawOnionSkin(context, scene) {
    clear(context);
    inFrame(context, scene.viewport, scene.density);
    drawMarked(context, scene, false);
}

/** What is selected or not of what is marked, on a canvas in frame pixels. @type {(context: CanvasRenderingContext2D, scene: Scene, selected: boolean) => void} */
export function drawMarked(context, { doc, time, onion, selection }, selected) {
    if (!onion) return;
    context.save();
    context.beginPath();
    context.rect(0, 0, doc.width, doc.height);
    context.clip();
    context.globalAlpha = OPACITY;
    const areas = doc.regions.filter((area) => area.visible !== false && area.mode !== "subtract");
    const moving = areas.filter(isMoving);
    for (const area of moving)
        if (selection.regions.includes(area.id) === selected) drawPatch(context, areaPatch(area, doc, onion), areaMap(area, doc, time));
    const followed = new Set(moving.flatMap(followIds));
    for (const path of doc.paths) {
        if (path.visible === false || followed.has(path.id) || selection.paths.includes(path.id) !== selected) continue;
        const area = areaAtStart(path, doc, areas);
        const [from, to] = [path.points[0], positionAt(path, doc, time)];
        drawPatch(context, area ? areaPatch(area, doc, onion) : discPatch(path, doc, onion), translation(to.x - from.x, to.y - from.y));
    }
    context.restore();
}

/** What the patches of all that is not selected follow from. @type {(scene: Scene) => any[]} */
export function onionFollowsFrom({ doc, time, onion, selection }) {
    if (!onion) return [];
    const followed = new Set(doc.regions.flatMap(followIds));
    const isShown = (/** @type {Path} */ path) => followed.has(path.id) || !selection.paths.includes(path.id);
    return [onion, time, doc.frames, ...doc.regions.filter((area) => !isMoving(area) || !selection.regions.includes(area.id)), null, ...doc.paths.filter(isShown)];
}

/** @type {(context: CanvasRenderingContext2D, patch: Patch, map: Affine) => void} */
function drawPatch(context, { canvas, x, y, width, height }, { a, b, c, d, e, f }) {
    context.save();
    context.transform(a, b, c, d, e, f);
    context.drawImage(canvas, x, y, width, height);
    context.restore();
}

// --- Ways ----------------------------------------------------------------------------------------

/** From where an area lies at frame 0 to where it lies at a time; another shape is stretched to. @type {(area: Area, doc: EditDocument, time: number) => Affine} */
function areaMap(area, doc, time) {
    const [first, now] = [poseAt(area, doc, 0), poseAt(area, doc, time)];
    const start = poseMap(first);
    if (!determinant(start)) return translation(now.x - first.x, now.y - first.y);
    return composed(composed(poseMap(now), stretched(first, now)), inverted(start));
}

/** @type {(pose: Pose) => Affine} */
function poseMap({ centre, cosine, sine, scale, x, y }) {
    const [a, b, c, d] = [cosine * scale.x, sine * scale.x, -sine * scale.y, cosine * scale.y];
    return { a, b, c, d, e: centre.x + x - a * centre.x - c * centre.y, f: centre.y + y - b * centre.x - d * centre.y };
}

/** @type {(first: Pose, now: Pose) => Affine} */
function stretched(first, now) {
    const [before, after] = [first, now].map((pose) => boxOfPoints(shapeOf(pose)));
    const [wide, tall] = [before.high.x - before.low.x, before.high.y - before.low.y];
    const sx = wide ? (after.high.x - after.low.x) / wide : 1;
    const sy = tall ? (after.high.y - after.low.y) / tall : 1;
    return { a: sx, b: 0, c: 0, d: sy, e: after.low.x - sx * before.low.x, f: after.low.y - sy * before.low.y };
}

/** @type {WeakMap<Path, {regions: Area[], area: Area | undefined}>} */
const holders = new WeakMap();

/** The topmost resting area that holds a path's start. @type {(path: Path, doc: EditDocument, areas: Area[]) => Area | undefined} */
function areaAtStart(path, doc, areas) {
    let known = holders.get(path);
    if (known?.regions !== doc.regions) {
        const [{ x, y }] = path.points;
        known = { regions: doc.regions, area: areas.findLast((area) => !isMoving(area) && coverHere(area, x, y) >= 0.5) };
        holders.set(path, known);
    }
    return known?.area;
}

// --- Patches -------------------------------------------------------------------------------------

/** The last patch of each area and path, by its id, of an edited frame. @type {WeakMap<ImageBitmap, Map<string, {item: Area | Path, marks: string, patch: Patch}>>} */
const patches = new WeakMap();

/**
 * The patch of an item; cut anew where what it marks is another, not where it goes another way.
 * @template {Area | Path} T
 * @template M
 * @param {T} item @param {EditDocument} doc @param {ImageBitmap} onion
 * @param {() => M} markOf  what it marks  @param {(mark: M) => Patch} cut
 */
function patchOf(item, doc, onion, markOf, cut) {
    const ofFrame = patches.get(onion) ?? new Map();
    patches.set(onion, ofFrame);
    const id = `${Array.isArray(item.points[0]) ? "area" : "path"} ${item.id}`;
    const known = ofFrame.get(id);
    if (known?.item === item) return known.patch;
    const mark = markOf();
    const marks = JSON.stringify([doc.width, doc.height, mark]);
    const patch = known?.marks === marks ? known.patch : cut(mark);
    ofFrame.set(id, { item, marks, patch });
    return patch;
}

/** What an area covers at frame 0. @type {(area: Area, doc: EditDocument, onion: ImageBitmap) => Patch} */
const areaPatch = (area, doc, onion) =>
    // Of a copy: the area itself remembers how it lies at the time shown.
    patchOf(area, doc, onion, () => areaAt({ ...area }, doc, 0), ({ area: shape, x, y }) => {
        const { low, high } = boxOfPoints(shape.points);
        const beside = (shape.kind === "brush" ? (shape.radius ?? 0) : 0) + (area.feather ?? 0);
        const box = { x: low.x + x - beside, y: low.y + y - beside, width: high.x - low.x + 2 * beside, height: high.y - low.y + 2 * beside };
        return cutPatch(box, doc, onion, (context, scale) => {
            context.translate(x, y);
            if (area.feather) context.filter = `blur(${(area.feather * scale) / SOFTNESS}px)`;
            const outline = areaOutline(shape);
            context.lineCap = context.lineJoin = "round";
            context.lineWidth = 2 * (shape.radius ?? 0);
            if (shape.kind === "brush") context.stroke(outline);
            else context.fill(outline, "nonzero");
        });
    });

/** What lies around a path's start. @type {(path: Path, doc: EditDocument, onion: ImageBitmap) => Patch} */
const discPatch = (path, doc, onion) =>
    patchOf(path, doc, onion, () => path.points[0], ({ x, y }) => {
        const radius = Math.min(doc.width, doc.height) / DISC_PART;
        const box = { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius };
        return cutPatch(box, doc, onion, (context) => {
            context.arc(x, y, radius, 0, 2 * Math.PI);
            context.fill();
        });
    });

/** The edited frame within a shape that is drawn in frame pixels. @type {(box: Omit<Patch, "canvas">, doc: EditDocument, onion: ImageBitmap, draw: (context: OffscreenCanvasRenderingContext2D, scale: number) => void) => Patch} */
function cutPatch(whole, doc, onion, draw) {
    const [left, top] = [Math.max(whole.x, 0), Math.max(whole.y, 0)];
    const box = { x: left, y: top, width: Math.max(Math.min(whole.x + whole.width, doc.width) - left, 1), height: Math.max(Math.min(whole.y + whole.height, doc.height) - top, 1) };
    const scale = Math.min(PATCH_SIDE / Math.max(box.width, box.height), Math.max(onion.width / doc.width, 1));
    const canvas = new OffscreenCanvas(Math.max(Math.round(box.width * scale), 1), Math.max(Math.round(box.height * scale), 1));
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const inPatch = () => context.setTransform(canvas.width / box.width, 0, 0, canvas.height / box.height, (-box.x * canvas.width) / box.width, (-box.y * canvas.height) / box.height);
    inPatch();
    draw(context, scale);
    context.filter = "none";
    context.globalCompositeOperation = "source-in";
    inPatch();
    context.drawImage(onion, 0, 0, doc.width, doc.height);
    return { canvas, ...box };
}
