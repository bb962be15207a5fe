/**
 * Hits: what of the drawing lies under the pointer, from the top down.
 */

import { distanceToArea } from "./areas.js";
import { flatten, positionAt } from "./curves.js";
import { areaAt, placed, poseAt, shapeOf } from "./pose.js";
import { distanceToSegment } from "./simplify.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../document/operations.js").Selection} Selection */
/** @typedef {import("./viewport.js").XY} XY */

/**
 * @typedef {{what: "handle", area: string, handle: number, away: number}} HandleHit  a corner to resize or shape the one selected area by; `away`: how far it is
 * @typedef {{what: "point", path: string, index: number, away: number}} PointHit
 * @typedef {{what: "curve", path: string, before: number, at: XY}} CurveHit  `before`: index a point inserted there would get
 * @typedef {{what: "area", area: string}} AreaHit
 * @typedef {HandleHit | PointHit | CurveHit | AreaHit} Hit
 */

/** Handles of a box: corners and middles of sides, clockwise from the upper left, as fractions of it. */
const BOX_HANDLES = /** @type {const} */ ([[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]]);

/** Whether an area shows its own handles: it is selected alone. Of several, the box around them has the handles. @type {(selection: Selection, area: Area) => boolean} */
export const hasHandles = ({ paths, regions }, area) => !paths.length && regions.length === 1 && regions[0] === area.id;

/** Where an area can be taken hold of, in frame pixels, as it lies. @type {(area: Area, pose: import("./pose.js").Pose) => XY[]} */
export function handlesOf(area, pose) {
    if (area.kind === "brush") return [];
    const points = shapeOf(pose);
    if (area.kind === "polygon") return points.map(([x, y]) => placed(pose, x, y));
    const [[x0, y0], [x1, y1]] = points;
    return BOX_HANDLES.map(([u, v]) => placed(pose, x0 + u * (x1 - x0), y0 + v * (y1 - y0)));
}

/** Whether the stage lets one take it: it is shown and not locked. @type {(item: Path | Area) => boolean} */
export const isTakeable = (item) => item.visible !== false && !item.locked;

/**
 * All that lies within `reach` frame pixels of a place: handles of the one selected area, points
 * (of selected paths first), curves, areas; later drawn ones first.
 * @type {(doc: EditDocument, selection: Selection, time: number, at: XY, reach: number) => Hit[]}
 */
export function hitTest(doc, selection, time, at, reach) {
    const paths = doc.paths.filter((path) => isTakeable(path) && near(path, at, reach)).toReversed();
    const areas = doc.regions.filter(isTakeable).toReversed();
    const chosen = (/** @type {Path} */ path) => selection.paths.includes(path.id);
    const first = [...paths.filter(chosen), ...paths.filter((path) => !chosen(path))];
    return [
        ...areas.filter((area) => hasHandles(selection, area)).flatMap((area) => handleHits(doc, area, time, at, reach)),
        ...first.flatMap((path) => pointHits(path, at, reach)),
        ...first.flatMap((path) => curveHits(doc, path, time, at, reach)),
        ...areas.flatMap((area) => areaHits(doc, area, time, at, reach)),
    ];
}

/** @type {(doc: EditDocument, area: Area, time: number, at: XY, reach: number) => HandleHit[]} */
function handleHits(doc, area, time, at, reach) {
    return handlesOf(area, poseAt(area, doc, time))
        .map((place, handle) => ({ handle, away: Math.hypot(place.x - at.x, place.y - at.y) }))
        .filter(({ away }) => away <= reach)
        .sort((a, b) => a.away - b.away)
        .map(({ handle, away }) => ({ what: "handle", area: area.id, handle, away }));
}

/** @type {(path: Path, at: XY, reach: number) => PointHit[]} */
function pointHits(path, at, reach) {
    return path.points
        .map((point, index) => ({ index, away: Math.hypot(point.x - at.x, point.y - at.y) }))
        .filter(({ away }) => away <= reach)
        .sort((a, b) => a.away - b.away)
        .map(({ index, away }) => ({ what: "point", path: path.id, index, away }));
}

/** The nearest place of the curve, or the dot that moves along it. @type {(doc: EditDocument, path: Path, time: number, at: XY, reach: number) => CurveHit[]} */
function curveHits(doc, path, time, at, reach) {
    const chords = flatten(path);
    let least = reach;
    let hit = -1;
    for (let index = 0; 2 * index + 3 < chords.length; index += 1) {
        const [ax, ay, bx, by] = [chords[2 * index], chords[2 * index + 1], chords[2 * index + 2], chords[2 * index + 3]];
        if (Math.min(ax, bx) - at.x > least || at.x - Math.max(ax, bx) > least) continue;
        if (Math.min(ay, by) - at.y > least || at.y - Math.max(ay, by) > least) continue;
        const away = distanceToSegment(at, { x: ax, y: ay }, { x: bx, y: by });
        if (away <= least) [least, hit] = [away, index];
    }
    if (hit >= 0) {
        const pieces = path.points.length - 1;
        const perPiece = (chords.length / 2 - 1) / pieces;
        return [{ what: "curve", path: path.id, before: Math.min(Math.floor(hit / perPiece) + 1, pieces), at }];
    }
    const dot = positionAt(path, doc, time);
    return Math.hypot(dot.x - at.x, dot.y - at.y) <= reach
        ? [{ what: "curve", path: path.id, before: path.points.length, at }]
        : [];
}

/** @type {(doc: EditDocument, area: Area, time: number, at: XY, reach: number) => AreaHit[]} */
function areaHits(doc, area, time, at, reach) {
    const { area: shape, x, y } = areaAt(area, doc, time);
    return distanceToArea(shape, at.x - x, at.y - y) <= reach / 2 ? [{ what: "area", area: area.id }] : [];
}

/** @type {WeakMap<Path, {low: XY, high: XY}>} */
const boxes = new WeakMap();

/** Whether a place can be near a path at all. @type {(path: Path, at: XY, reach: number) => boolean} */
function near(path, at, reach) {
    const { low, high } = boxOf(path);
    return at.x >= low.x - reach && at.x <= high.x + reach && at.y >= low.y - reach && at.y <= high.y + reach;
}

/** The box around a path's curve. @type {(path: Path) => {low: XY, high: XY}} */
export function boxOf(path) {
    let box = boxes.get(path);
    if (!box) {
        const chords = flatten(path);
        const low = { x: Infinity, y: Infinity };
        const high = { x: -Infinity, y: -Infinity };
        for (let index = 0; index < chords.length; index += 2) {
            low.x = Math.min(low.x, chords[index]);
            high.x = Math.max(high.x, chords[index]);
            low.y = Math.min(low.y, chords[index + 1]);
            high.y = Math.max(high.y, chords[index + 1]);
        }
        box = { low, high };
        boxes.set(path, box);
    }
    return box;
}

/** What a rectangle dragged over the drawing takes in. @type {(doc: EditDocument, time: number, a: XY, b: XY) => Selection} */
export function within(doc, time, a, b) {
    const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
    const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y)];
    const inside = (/** @type {number} */ x, /** @type {number} */ y) => x >= left && x <= right && y >= top && y <= bottom;
    const paths = doc.paths.filter(isTakeable);
    const points = paths.flatMap((path) =>
        path.points.flatMap((point, index) => (inside(point.x, point.y) ? [{ path: path.id, index }] : [])),
    );
    const touched = paths.filter((path) => points.some((point) => point.path === path.id));
    const whole = touched.filter((path) => points.filter((point) => point.path === path.id).length === path.points.length);
    const areas = doc.regions.filter((area) => {
        const moved = areaAt(area, doc, time);
        return isTakeable(area) && moved.area.points.every(([x, y]) => inside(x + moved.x, y + moved.y));
    });
    return {
        paths: touched.map((path) => path.id),
        regions: areas.map((area) => area.id),
        points: points.filter((point) => !whole.some((path) => path.id === point.path)), // whole paths move as such
    };
}
