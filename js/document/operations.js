/**
 * Operations on what is selected: edit document → edit document. All pure; what does not change
 * keeps its identity.
 */

import { inReach, mappedAreas, movedArea, withPoints } from "./area_maps.js";
import { LIMITS } from "./document.js";
import { addArea, addPath, findArea, findPath, freshColor, freshId, setLocked, updateArea, updatePath } from "./items.js";
import { keyOn, removeKey } from "./keys.js";
import { easedBackwards, exactTime, retimed, risingFrames } from "./timing.js";
import { tracks } from "../geometry/curves.js";
import { reversedEasing } from "../geometry/easing.js";
import { isTakeable } from "../geometry/hit_test.js";
import { followIds, followMotion, placed, poseAt } from "../geometry/pose.js";
import { translation } from "../geometry/transform.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {import("../geometry/viewport.js").XY} XY */
/** @typedef {{path: string, index: number}} PointRef */
/** @typedef {{area: string, frame: number}} KeyRef */
/** @typedef {{paths: string[], regions: string[], points: PointRef[], key?: KeyRef}} Selection  points belong to selected paths, a key to the one selected area */

/** @type {Selection} */
export const NOTHING = Object.freeze({ paths: [], regions: [], points: [] });

// --- Selections --------------------------------------------------------------------------------

/** What of a selection still exists. @type {(doc: EditDocument, selection: Selection) => Selection} */
export function surviving(doc, selection) {
    const paths = selection.paths.filter((id) => findPath(doc, id));
    const { key } = selection;
    const keyed = key && selection.regions.includes(key.area) ? findArea(doc, key.area) : undefined;
    return {
        ...(key && keyed && keyOn(keyed, key.frame)?.frame === key.frame && { key }),
        paths,
        regions: selection.regions.filter((id) => findArea(doc, id)),
        points: selection.points.filter(
            ({ path, index }) => paths.includes(path) && index < (findPath(doc, path)?.points.length ?? 0),
        ),
    };
}

/** Everything that can be taken on the stage. @type {(doc: EditDocument) => Selection} */
export const everything = (doc) => ({
    paths: doc.paths.filter(isTakeable).map((path) => path.id),
    regions: doc.regions.filter(isTakeable).map((area) => area.id),
    points: [],
});

/** @type {(selection: Selection) => boolean} */
export const isNothing = (selection) => !selection.paths.length && !selection.regions.length;

/**
 * Moves what is selected: points where points are chosen, else whole paths; and areas, as they are seen at `time`.
 * Those with keys get one then. An area stays where it is relative to what it follows, where that moves along.
 * @type {(doc: EditDocument, selection: Selection, dx: number, dy: number, time?: number) => EditDocument}
 */
export function translate(doc, selection, dx, dy, time = 0) {
    if (!dx && !dy) return doc;
    const chosen = groupPoints(selection);
    const paths = doc.paths.map((path) => {
        if (!selection.paths.includes(path.id)) return path;
        const indices = chosen.get(path.id);
        const move = (/** @type {Point} */ point, /** @type {number} */ index) =>
            !indices || indices.has(index) ? { ...point, x: point.x + dx, y: point.y + dy } : point;
        return { ...path, points: path.points.map(move) };
    });
    return { ...doc, paths, regions: mappedAreas(doc, paths, selection, translation(dx, dy), time) };
}

/** What it follows may turn and scale the way; what is scaled to next to nothing stays. @type {(area: Area, doc: EditDocument, time: number, dx: number, dy: number) => Area} */
function movedAsSeen(area, doc, time, dx, dy) {
    const [ahead, aside] = followMotion(area, doc, time).spin;
    const square = ahead * ahead + aside * aside;
    const [x, y] = [(ahead * dx + aside * dy) / square, (ahead * dy - aside * dx) / square];
    return Math.hypot(x, y) < LIMITS.coordinate / 10 ? movedArea(area, x, y) : area;
}

/** Deletes a chosen key; else chosen points, else whole paths, and regions. A path that loses its last point goes, but for one that a locked area follows. @type {(doc: EditDocument, selection: Selection) => EditDocument} */
export function remove(doc, selection) {
    if (selection.key) return removeKey(doc, selection.key.area, selection.key.frame);
    const chosen = groupPoints(selection);
    const followed = new Set(doc.regions.filter(({ locked }) => locked).flatMap(followIds));
    const paths = doc.paths.flatMap((path) => {
        if (!selection.paths.includes(path.id)) return [path];
        const points = path.points.filter((_, index) => chosen.has(path.id) && !chosen.get(path.id)?.has(index));
        return points.length ? [{ ...path, points: risingFrames(points, path.start ?? 0, path.end ?? doc.frames - 1) }] : followed.has(path.id) ? [path] : [];
    });
    const gone = new Set(doc.paths.filter((path) => !paths.some((left) => left.id === path.id)).map((path) => path.id));
    const regions = doc.regions.filter((area) => !selection.regions.includes(area.id)).map((area) => {
        const left = followIds(area).filter((id) => !gone.has(id));
        return left.length < followIds(area).length ? withFollow(area, left) : area; // without a path it stays where that began
    });
    return { ...doc, paths, regions };
}

/**
 * Copies of whole paths and areas, beside the originals; free, where those are locked.
 * @type {(doc: EditDocument, selection: Selection, offset: number) => {doc: EditDocument, selection: Selection}}
 */
export const duplicate = (doc, selection, offset) => insert(doc, setLocked(excerpt(doc, selection), selection, false), offset);

/** The selected paths and regions as a document of their own: what the clipboard holds. @type {(doc: EditDocument, selection: Selection) => EditDocument} */
export const excerpt = (doc, selection) => ({
    ...doc,
    paths: doc.paths.filter((path) => selection.paths.includes(path.id)),
    regions: doc.regions.filter((area) => selection.regions.includes(area.id)),
});

/** A part by itself: its areas lie as they are seen at `time`, and follow only those paths that are in it. @type {(doc: EditDocument, part: EditDocument, time: number) => EditDocument} */
export function unbound(doc, part, time) {
    const regions = part.regions.map((area) => {
        const left = followIds(area).filter((id) => findPath(part, id));
        if (left.length === followIds(area).length) return area;
        return findArea(setFollow(doc, area.id, left.length > 1 ? left : left[0], time), area.id) ?? area;
    });
    return { ...part, regions };
}

/**
 * Adds another document's paths and areas under fresh ids, scaled to this document's size
 * and length, and says what was added.
 * @type {(doc: EditDocument, other: EditDocument, offset?: number) => {doc: EditDocument, selection: Selection}}
 */
export function insert(doc, other, offset = 0) {
    const fitting = resized(retimed(other, doc.frames), doc.width, doc.height);
    /** @type {Map<string, string>} */
    const renamed = new Map();
    let result = doc;
    for (const path of fitting.paths) {
        const id = freshId(result.paths, "p");
        renamed.set(path.id, id);
        const color = doc.paths.some((own) => own.color === path.color) ? freshColor(result) : path.color;
        const points = path.points.map((point) => ({ ...point, x: point.x + offset, y: point.y + offset }));
        result = addPath(result, { ...path, id, points, ...(color ? { color } : {}) });
    }
    /** @type {string[]} */
    const regions = [];
    for (const area of fitting.regions) {
        const id = freshId(result.regions, "r");
        regions.push(id);
        // Copied without its path, an area still follows the original where there is one.
        const follows = followIds(area).flatMap((path) => renamed.get(path) ?? (findPath(doc, path) ? path : []));
        result = addArea(result, withFollow({ ...movedArea(area, offset, offset), id }, [...new Set(follows)]));
    }
    return { doc: result, selection: { paths: [...renamed.values()], regions, points: [] } };
}

/** What follows one path by its id keeps doing so. @type {(area: Area, ids: string[]) => Area} */
export function withFollow({ follow, ...area }, ids) {
    if (!ids.length) return area;
    return { ...area, follow: typeof follow === "string" ? ids[0] : ids };
}

/** @type {(selection: Selection) => Map<string, Set<number>>} */
export function groupPoints(selection) {
    const groups = new Map();
    for (const { path, index } of selection.points) {
        if (!groups.has(path)) groups.set(path, new Set());
        groups.get(path).add(index);
    }
    return groups;
}

// --- Shape of a path ---------------------------------------------------------------------------

/** A new point before `index`. An anchor that gets a second point becomes a spline. @type {(doc: EditDocument, id: string, index: number, point: Point) => EditDocument} */
export const insertPoint = (doc, id, index, point) =>
    updatePath(doc, id, (path) => ({
        ...path,
        kind: path.kind === "anchor" ? "spline" : path.kind,
        points: risingFrames(path.points.toSpliced(index, 0, point), path.start ?? 0, path.end ?? doc.frames - 1),
    }));

/** The same way back: order, times and easing turned around. @type {(doc: EditDocument, id: string) => EditDocument} */
export const reverse = (doc, id) =>
    updatePath(doc, id, (path) => {
        const [start, end] = [path.start ?? 0, path.end ?? doc.frames - 1];
        const points = easedBackwards(path.points).map((point) => (point.frame === undefined ? point : { ...point, frame: exactTime(start + end - point.frame) }));
        return { ...path, points: risingFrames(points.toReversed(), start, end), easing: /** @type {Path["easing"]} */ (reversedEasing(path.easing ?? "linear")) };
    });

// --- Size --------------------------------------------------------------------------------------

/** The drawing on a picture of another size. Areas keep their turn: stretched to other sides, what is turned is near. @type {(doc: EditDocument, width: number, height: number) => EditDocument} */
export function resized(doc, width, height) {
    if (width === doc.width && height === doc.height) return doc;
    const sx = width / doc.width;
    const sy = height / doc.height;
    const mean = Math.sqrt(sx * sy); // for widths that have no direction
    return {
        ...doc,
        width,
        height,
        paths: doc.paths.map((path) => ({
            ...path,
            points: path.points.map((point) => ({ ...point, x: point.x * sx, y: point.y * sy })),
        })),
        regions: doc.regions.map((whole) => withPoints(whole, ([x, y]) => [x * sx, y * sy])).map((area) => ({
            ...area,
            ...(area.keys && { keys: area.keys.map((key) => (key.move ? { ...key, move: [inReach(key.move[0] * sx), inReach(key.move[1] * sy)] } : key)) }),
            ...(area.radius === undefined ? {} : { radius: area.radius * mean }),
            ...(area.feather === undefined ? {} : { feather: area.feather * mean }),
        })),
    };
}

// --- Areas ---------------------------------------------------------------------------------------

/**
 * Lets an area follow a path, several or none, without moving it from where it is seen at `time`. Where paths turn or
 * scale it by then, its keys do the opposite.
 * @type {(doc: EditDocument, id: string, follow: string | string[] | undefined, time: number) => EditDocument}
 */
export function setFollow(doc, id, follow, time) {
    return updateArea(doc, id, (area) => {
        const { follow: _, ...unbound } = area;
        const bound = follow === undefined ? unbound : { ...unbound, follow };
        const turned = turnedBack(bound, followMotion(area, doc, time).spin, followMotion(bound, doc, time).spin);
        const { centre } = poseAt(area, doc, time);
        const [before, after] = [area, turned].map((each) => placed(poseAt(each, doc, time), centre.x, centre.y));
        return movedAsSeen(turned, doc, time, before.x - after.x, before.y - after.y);
    });
}

/** An area turned and scaled by its keys so that it is seen under one motion as it was under another. @type {(area: Area, before: [number, number], after: [number, number]) => Area} */
function turnedBack(area, [a, b], [c, d]) {
    const square = c * c + d * d;
    const [ahead, aside] = square ? [(a * c + b * d) / square, (b * c - a * d) / square] : [1, 0];
    if (!(ahead * ahead + aside * aside) || (Math.abs(ahead - 1) < 1e-9 && Math.abs(aside) < 1e-9)) return area;
    const [size, degrees] = [Math.hypot(ahead, aside), (Math.atan2(aside, ahead) * 180) / Math.PI];
    const clamp = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.min(Math.max(value, low), high);
    const keys = (area.keys ?? [{ frame: 0 }]).map(({ scale = [1, 1], rotate = 0, ...key }) => ({
        ...key,
        scale: /** @type {[number, number]} */ (scale.map((value) => clamp(value * size, ...LIMITS.scale))),
        rotate: clamp(rotate + degrees, -LIMITS.rotate, LIMITS.rotate),
    }));
    return { ...area, keys };
}

/** A rectangle around all places of the given paths, `margin` pixels wider on each side, within the frame. @type {(doc: EditDocument, pathIds: string[], margin: number) => [number, number][] | null} */
export function boxAround(doc, pathIds, margin) {
    const chosen = doc.paths.filter((path) => pathIds.includes(path.id));
    if (!chosen.length) return null;
    const shown = chosen.map((path) => ({ ...path, visible: true }));
    const places = tracks({ ...doc, paths: shown }).points.flat();
    const drawn = chosen.flatMap((path) => path.points.map((point) => [point.x, point.y]));
    const [xs, ys] = [0, 1].map((axis) => [...places, ...drawn].map((place) => place[axis]));
    const clamp = (/** @type {number} */ value, /** @type {number} */ limit) => Math.round(Math.min(Math.max(value, 0), limit));
    const low = /** @type {[number, number]} */ ([clamp(Math.min(...xs) - margin, doc.width), clamp(Math.min(...ys) - margin, doc.height)]);
    const high = /** @type {[number, number]} */ ([clamp(Math.max(...xs) + margin, doc.width), clamp(Math.max(...ys) + margin, doc.height)]);
    return low[0] < high[0] && low[1] < high[1] ? [low, high] : null;
}
