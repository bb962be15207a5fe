/**
 * Area maps: areas moved, scaled and turned as they are seen at a time. One without keys is another shape after that;
 * one with keys keeps its shape where it can, and its key at that time says how it lies. All pure.
 */

import { LIMITS } from "./document.js";
import { withKey } from "./keys.js";
import { boxOfPoints, cosineAndSine, followIds, followMotion, keyframeAt } from "../geometry/pose.js";
import { applied, areaScale, composed, determinant, inverted, keepsUpright, mappedEllipse, translation } from "../geometry/transform.js";
import { centreOf } from "../geometry/transform_box.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {import("../geometry/transform.js").Affine} Affine */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const LEAST_RADIUS = 0.001; // pixels: a brush has some width
const SAME = 1e-9; // of scales and of the angle between sides
const LEAST_SPIN = 1e-6; // square of a scale: what paths have shrunk to less is not taken hold of

/**
 * The areas after a map of what is selected, whose paths are others by then. What follows paths that are all mapped as
 * wholes stays beside their first points. A selected area is seen at the time as it was, mapped.
 * @type {(doc: EditDocument, paths: Path[], selection: import("./operations.js").Selection, map: Affine, time: number) => Area[]}
 */
export function mappedAreas(doc, paths, selection, map, time) {
    const after = { ...doc, paths };
    const [selected, split] = [new Set(selection.regions), new Set(selection.points.map(({ path }) => path))];
    const whole = new Set(selection.paths.filter((id) => !split.has(id)));
    const regions = doc.regions.map((area) => {
        const ids = followIds(area);
        const along = ids.length > 0 && ids.every((id) => whole.has(id));
        if (!along && !selected.has(area.id)) return area;
        if (along && isMove(map)) return movedArea(area, map.e, map.f);
        const [was, is] = [followMotion(area, doc, time), followMotion(area, after, time)];
        const step = along ? { x: is.from.x - was.from.x, y: is.from.y - was.from.y } : { x: 0, y: 0 };
        const beside = along ? movedArea(area, step.x, step.y) : area;
        if (!selected.has(area.id)) return beside;
        if (is.spin[0] ** 2 + is.spin[1] ** 2 < LEAST_SPIN) return beside;
        const back = composed(motionMap(was), translation(-step.x, -step.y));
        const local = withoutRounding(composed(inverted(motionMap(is)), composed(map, back)));
        if (area.keys) return posedBy(beside, doc.frames, local, time);
        return isMove(local) ? movedArea(beside, local.e, local.f) : mappedArea(beside, local);
    });
    return regions.every((area, index) => area === doc.regions[index]) ? doc.regions : regions; // nothing drawn of them is another
}

/** @type {(motion: import("../geometry/pose.js").Motion) => Affine} */
const motionMap = ({ from, to, spin: [a, b] }) => ({ a, b, c: -b, d: a, e: to.x - (a * from.x - b * from.y), f: to.y - (b * from.x + a * from.y) });

/** @type {(map: Affine) => boolean} */
const isMove = ({ a, b, c, d }) => a === 1 && b === 0 && c === 0 && d === 1;

/** @type {(map: Affine) => Affine} */
function withoutRounding(map) {
    const off = Math.max(Math.abs(map.a - 1), Math.abs(map.b), Math.abs(map.c), Math.abs(map.d - 1));
    return off < 1e-12 ? translation(map.e, map.f) : map;
}

/** @type {(area: Area, dx: number, dy: number) => Area} */
export const movedArea = (area, dx, dy) => withPoints(area, ([x, y]) => [x + dx, y + dy]);

/** An area whose points are others, at its keys too, as far away as may be. @type {(area: Area, map: (point: [number, number]) => [number, number]) => Area} */
export function withPoints(area, map) {
    const others = (/** @type {Area["points"]} */ points) => points.map((point) => /** @type {[number, number]} */ (map(point).map(inReach)));
    const keys = area.keys?.map((key) => (key.points ? { ...key, points: others(key.points) } : key));
    return { ...area, points: others(area.points), ...(keys && { keys }) };
}

/** @type {(value: number) => number} */
export const inReach = (value) => Math.min(Math.max(value, -LIMITS.coordinate), LIMITS.coordinate);

/** An area mapped: upright boxes stay boxes, turned ones become polygons; a brush is as much wider as its area is larger. @type {(area: Area, map: Affine) => Area} */
function mappedArea(area, map) {
    const pairs = (/** @type {{x: number, y: number}[]} */ places) => places.map(({ x, y }) => /** @type {[number, number]} */ ([x, y]));
    const mapped = area.points.map(([x, y]) => applied(map, { x, y }));
    if (area.kind === "brush") {
        const radius = (area.radius ?? 1) * Math.sqrt(areaScale(map));
        return { ...area, points: pairs(mapped), radius: Math.min(Math.max(radius, LEAST_RADIUS), LIMITS.radius) };
    }
    if (area.kind === "polygon") return { ...area, points: pairs(mapped) };
    const [p, q] = mapped;
    if (keepsUpright(map))
        return { ...area, points: [[Math.min(p.x, q.x), Math.min(p.y, q.y)], [Math.max(p.x, q.x), Math.max(p.y, q.y)]] };
    const [[x0, y0], [x1, y1]] = area.points;
    const outline =
        area.kind === "ellipse"
            ? mappedEllipse({ x: x0, y: y0 }, { x: x1, y: y1 }, map)
            : [{ x: x0, y: y0 }, { x: x1, y: y0 }, { x: x1, y: y1 }, { x: x0, y: y1 }].map((corner) => applied(map, corner));
    return { ...area, kind: "polygon", points: pairs(outline) };
}

// --- With keys -----------------------------------------------------------------------------------

/**
 * An area whose key at a time says that it lies there as it did, mapped; it is made where there is none. What is no move,
 * turn and scale along its own sides goes into the key's shape; a box then becomes a polygon, at all keys.
 * @type {(area: Area, frames: number, map: Affine, time: number) => Area}
 */
function posedBy(area, frames, map, time) {
    const { move = [0, 0], scale = [1, 1], rotate = 0, points = area.points } = keyframeAt(area, time);
    const centre = centreOf(boxOfPoints(area.points));
    const isBox = area.kind === "rect" || area.kind === "ellipse";
    const own = isBox ? centreOf(boxOfPoints(points)) : centre; // what its shape is symmetric about
    const before = turnAndScale(rotate, scale);
    const placed = applied(before, { x: own.x - centre.x, y: own.y - centre.y });
    const seen = applied(map, { x: centre.x + placed.x + move[0], y: centre.y + placed.y + move[1] });
    const linear = composed({ ...map, e: 0, f: 0 }, before);
    if (!determinant(linear)) return area;
    const fit = isMove(map) ? { rotate, scale } : sidesOf(linear, rotate) ?? (area.kind === "ellipse" ? axesOf(linear, points, rotate) : null);
    if (!fit && area.kind === "rect") return posedBy(asPolygon(area), frames, map, time);
    const size = Math.sqrt(areaScale(map)); // by which a brush is wider, though its shape be stretched
    const after = fit ?? { rotate, scale: /** @type {[number, number]} */ (scale.map((value) => value * size)) };
    const to = turnAndScale(after.rotate, after.scale);
    const reshape = composed(inverted(to), linear);
    const keeps = isBox || isMove(withoutRounding(reshape));
    const shape = points.map(([x, y]) => {
        const at = applied(reshape, { x: x - centre.x, y: y - centre.y });
        return /** @type {[number, number]} */ ([centre.x + at.x, centre.y + at.y]);
    });
    const lies = applied(to, { x: own.x - centre.x, y: own.y - centre.y });
    return withKey(area, frames, time, {
        move: [seen.x - centre.x - lies.x, seen.y - centre.y - lies.y],
        ...(isMove(map) ? {} : { scale: /** @type {[number, number]} */ (after.scale.map(tidy)), rotate: tidy(after.rotate) }),
        ...(keeps ? {} : { points: shape }),
    });
}

/** @type {(rotate: number, scale: [number, number]) => Affine} */
function turnAndScale(rotate, [sx, sy]) {
    const [cosine, sine] = cosineAndSine(rotate);
    return { a: cosine * sx, b: sine * sx, c: -sine * sy, d: cosine * sy, e: 0, f: 0 };
}

/** @type {(value: number) => number} */
const tidy = (value) => Math.round(value * 1e9) / 1e9;

/** @typedef {{rotate: number, scale: [number, number]}} Fit */

/** The turn, nearest to the one before, and the scales that a map consists of; a mirror image is left to the shape. @type {(linear: Affine, before: number) => Fit | null} */
function sidesOf(linear, before) {
    const { a, b, c, d } = linear;
    const [along, across] = [Math.hypot(a, b), Math.hypot(c, d)];
    if (Math.abs(a * c + b * d) > SAME * along * across) return null;
    const turns = determinant(linear) > 0 ? [Math.atan2(b, a)] : [Math.atan2(-b, -a), Math.atan2(b, a)];
    const rotates = turns.map((turn) => nearest(degrees(turn), before, 360));
    const rotate = rotates.reduce((best, one) => (Math.abs(one - before) < Math.abs(best - before) - SAME ? one : best));
    return { rotate, scale: [along, across] };
}

/** The turn and scales by which an ellipse becomes what a map makes of it: the axes of that. @type {(linear: Affine, points: Area["points"], before: number) => Fit} */
function axesOf({ a, b, c, d }, points, before) {
    const { low, high } = boxOfPoints(points);
    const [wide, tall] = [high.x - low.x, high.y - low.y].map((side) => Math.max(side / 2, SAME));
    const [xx, xy, yy] = [(a * wide) ** 2 + (c * tall) ** 2, a * b * wide ** 2 + c * d * tall ** 2, (b * wide) ** 2 + (d * tall) ** 2];
    const [middle, apart] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
    const [long, short] = [Math.sqrt(middle + apart), Math.sqrt(Math.max(middle - apart, 0))];
    const turn = degrees(Math.atan2(2 * xy, xx - yy) / 2);
    const [one, other] = [nearest(turn, before, 180), nearest(turn + 90, before, 180)];
    return Math.abs(one - before) <= Math.abs(other - before)
        ? { rotate: one, scale: [long / wide, short / tall] }
        : { rotate: other, scale: [short / wide, long / tall] };
}

/** @type {(radians: number) => number} */
const degrees = (radians) => (radians * 180) / Math.PI;

/** The angle that is the same after whole rounds, or half ones, and nearest to another. @type {(angle: number, to: number, round: number) => number} */
const nearest = (angle, to, round) => angle - round * Math.round((angle - to) / round);

/** A box by its corners, clockwise from the first: it lies as before at all times. @type {(area: Area) => Area} */
function asPolygon(area) {
    const corners = ([[x0, y0], [x1, y1]] = area.points) => /** @type {Area["points"]} */ ([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]);
    const keys = area.keys?.map((key) => (key.points ? { ...key, points: corners(key.points) } : key));
    return { ...area, kind: "polygon", points: corners(), ...(keys && { keys }) };
}
