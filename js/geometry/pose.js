/**
 * Poses: an area's keys and the paths that it follows → the plain area that it is at a time.
 * "Areas in time" of docs/edit_document.md; revideo/drawing/pose.py computes the same.
 */

import { positionAt } from "./curves.js";
import { ease } from "./easing.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../document/document.js").Keyframe} Keyframe */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("./curves.js").XY} XY */

/**
 * How an area lies at a time: its shape between two keys, scaled and turned about its centre, and moved.
 * @typedef {object} Pose
 * @property {Area["points"]} from  its shape at the key before
 * @property {Area["points"]} to  at the key after
 * @property {number} done  of the way from one to the other
 * @property {XY} centre  of the box around its own points
 * @property {number} cosine  of its turn, times what the paths that it follows scale it by
 * @property {number} sine
 * @property {XY} scale  along its own x and y
 * @property {number} radiusScale
 * @property {number} x  how far it has moved
 * @property {number} y
 *
 * A plain area, and how far it has moved.
 * @typedef {{area: Area, x: number, y: number}} Moved
 */

const ELLIPSE_CORNERS = 256; // of a turned ellipse: at radius 500 they leave 0.04 pixels of it out
const LEAST_TURN = 1e-12; // a smaller one is rounding
const LEAST_SPREAD = 1e-6; // square pixels, of first points: nearer ones say nothing of a turn
const OUTERMOST = 1e6; // pixels: what keys and paths send farther lies there
export const LEAST_EXTENT = 1e-6; // pixels: narrower boxes cover nothing

/** The paths that an area follows. @type {(area: Area) => string[]} */
export const followIds = ({ follow }) => (follow === undefined ? [] : typeof follow === "string" ? [follow] : follow);

/** Whether an area may be another at another time. @type {(area: Area) => boolean} */
export const isMoving = (area) => area.follow !== undefined || area.keys !== undefined;

/** How many points an area has at most: those of a turned ellipse are many. @type {(area: Area) => number} */
export const mostPoints = (area) => (area.kind === "ellipse" && (area.keys || Array.isArray(area.follow)) ? ELLIPSE_CORNERS : area.points.length);

/** The plain area that an area is at a time. @type {(area: Area, doc: EditDocument, time: number) => Moved} */
export const areaAt = (area, doc, time) => movedArea(area, poseAt(area, doc, time));

/** All visible areas at a time. @type {(doc: EditDocument, time: number) => Moved[]} */
export function areasAt(doc, time) {
    const areas = doc.regions.filter((area) => area.visible !== false);
    return areas.map((area) => movedArea(area, poseAt(area, doc, time)));
}

/** @type {Keyframe[]} */
const REST = [{ frame: 0 }];
/** @type {[number, number]} */
const UNSCALED = [1, 1];

/** @type {(area: Area, doc: EditDocument, time: number) => Pose} */
export function poseAt(area, doc, time) {
    const { from, to, done, move: [dx, dy], scale: [sx, sy], rotate } = valuesAt(area, time);
    const turn = cosineAndSine(rotate);
    const centre = centreOf(area.points);
    const motion = followMotion(area, doc, time);
    const { spin: [ahead, aside] } = motion;
    const [cosine, sine] = [ahead * turn[0] - aside * turn[1], ahead * turn[1] + aside * turn[0]];
    return {
        from,
        to,
        done,
        centre,
        cosine,
        sine: Math.abs(sine) <= LEAST_TURN * cosine ? 0 : sine,
        scale: { x: sx, y: sy },
        radiusScale: Math.sqrt(Math.abs(sx * sy)) * Math.sqrt(ahead * ahead + aside * aside),
        ...movedBy(motion, centre, dx, dy),
    };
}

/** What an area's keys say of a time. @type {(area: Area, time: number) => {easing?: Keyframe["easing"], from: Area["points"], to: Area["points"], done: number, move: [number, number], scale: [number, number], rotate: number}} */
function valuesAt(area, time) {
    const [a, b, done] = between(area.keys ?? REST, time);
    const value = (/** @type {number} */ from, /** @type {number} */ to) => from + (to - from) * done;
    const pair = ([x0, y0] = [0, 0], [x1, y1] = [0, 0]) => /** @type {[number, number]} */ ([value(x0, x1), value(y0, y1)]);
    return {
        easing: a.easing,
        from: a.points ?? area.points,
        to: b.points ?? area.points,
        done,
        move: pair(a.move, b.move),
        scale: pair(a.scale ?? UNSCALED, b.scale ?? UNSCALED),
        rotate: value(a.rotate ?? 0, b.rotate ?? 0),
    };
}

/** The key that an area would have at a time, as it lies then. @type {(area: Area, time: number) => Keyframe} */
export function keyframeAt(area, time) {
    const { from, to, done, ...values } = valuesAt(area, time);
    const points = shapeOf({ from, to, done });
    return { frame: time, ...values, ...(points === area.points ? {} : { points }) };
}

/** How far a centre that keys move lies from where it was drawn, after what it follows. @type {(motion: Motion, centre: XY, dx: number, dy: number) => XY} */
function movedBy({ from, to, spin: [ahead, aside] }, centre, dx, dy) {
    if (ahead === 1 && aside === 0) return { x: dx + (to.x - from.x), y: dy + (to.y - from.y) };
    const [x, y] = [centre.x + dx - from.x, centre.y + dy - from.y];
    return { x: near(to.x + (ahead * x - aside * y) - centre.x), y: near(to.y + (ahead * y + aside * x) - centre.y) };
}

/** The keys that a time lies between, and how much of the way from one to the other is done. @type {(keys: Keyframe[], time: number) => [Keyframe, Keyframe, number]} */
function between(keys, time) {
    if (time <= keys[0].frame) return [keys[0], keys[0], 0];
    const before = keys.findLastIndex(({ frame }) => frame <= time);
    const [a, b] = [keys[before], keys[Math.min(before + 1, keys.length - 1)]];
    return [a, b, a === b ? 0 : ease(a.easing ?? "linear", (time - a.frame) / (b.frame - a.frame))];
}

/**
 * Where followed paths take a place: from its place about `from`, turned and scaled, to `to`.
 * @typedef {{from: XY, to: XY, spin: [number, number]}} Motion  spin: cosine and sine of the turn, times the scale
 */

/** The nearest move, turn and scale, by least squares; of one path, and where their first points are one, the move. @type {(area: Area, doc: EditDocument, time: number) => Motion} */
export function followMotion(area, doc, time) {
    const paths = followIds(area).flatMap((id) => pathsById(doc.paths).get(id) ?? []);
    if (!paths.length) return { from: { x: 0, y: 0 }, to: { x: 0, y: 0 }, spin: [1, 0] };
    const places = paths.map((path) => positionAt(path, doc, time));
    const [from, to] = [middleOf(paths.map(({ points }) => points[0])), middleOf(places)];
    let [spread, along, across] = [0, 0, 0];
    paths.forEach(({ points: [start] }, index) => {
        const [ax, ay] = [start.x - from.x, start.y - from.y];
        const [bx, by] = [places[index].x - to.x, places[index].y - to.y];
        spread += ax * ax + ay * ay;
        along += ax * bx + ay * by;
        across += ax * by - ay * bx;
    });
    const [ahead, aside] = spread >= LEAST_SPREAD ? [along / spread, across / spread] : [1, 0];
    const isRounding = Math.abs(ahead - 1) <= LEAST_TURN && Math.abs(aside) <= LEAST_TURN;
    return { from, to, spin: isRounding ? [1, 0] : [ahead, aside] };
}

/** @type {WeakMap<Path[], Map<string, Path>>} */
const byId = new WeakMap();

/** @type {(paths: Path[]) => Map<string, Path>} */
function pathsById(paths) {
    let found = byId.get(paths);
    if (!found) byId.set(paths, (found = new Map(paths.map((path) => [path.id, path]))));
    return found;
}

/** @type {(places: XY[]) => XY} */
function middleOf(places) {
    let [x, y] = [places[0].x, places[0].y];
    for (const place of places.slice(1)) [x, y] = [x + place.x, y + place.y];
    return { x: x / places.length, y: y / places.length };
}

/** Of an angle in degrees; exact for quarter turns. @type {(degrees: number) => [number, number]} */
export function cosineAndSine(degrees) {
    const quarters = Math.floor(degrees / 90 + 0.5);
    const x = (degrees - 90 * quarters) * (Math.PI / 180);
    const square = x * x;
    let [cosine, sine] = [1, 1];
    for (let power = 17; power > 0; power -= 2) {
        cosine = 1 - (square / (power * (power + 1))) * cosine;
        sine = 1 - (square / ((power + 1) * (power + 2))) * sine;
    }
    sine = x * sine;
    return /** @type {[number, number][]} */ ([[cosine, sine], [-sine, cosine], [-cosine, -sine], [sine, -cosine]])[((quarters % 4) + 4) % 4];
}

// --- Shape ---------------------------------------------------------------------------------------

/** An area's shape between two keys, before it is scaled and turned. @type {(pose: Pick<Pose, "from" | "to" | "done">) => Area["points"]} */
export const shapeOf = ({ from, to, done }) =>
    from === to ? from : from.map(([x, y], index) => [x + (to[index][0] - x) * done, y + (to[index][1] - y) * done]);

/** Where a place of an area's shape lies, before it is moved. @type {(pose: Pose, x: number, y: number) => [number, number]} */
function turned({ centre, cosine, sine, scale }, px, py) {
    const [x, y] = [px - centre.x, py - centre.y];
    return [near(centre.x + (cosine * scale.x * x - sine * scale.y * y)), near(centre.y + (sine * scale.x * x + cosine * scale.y * y))];
}

/** @type {(value: number) => number} */
const near = (value) => Math.min(Math.max(value, -OUTERMOST), OUTERMOST);

/** Where a place of an area's shape is seen. @type {(pose: Pose, x: number, y: number) => XY} */
export function placed(pose, px, py) {
    const [x, y] = turned(pose, px, py);
    return { x: x + pose.x, y: y + pose.y };
}

/** The place of an area's shape that is seen at a place; its centre where it is scaled to nothing. @type {(pose: Pose, x: number, y: number) => XY} */
export function unplaced({ centre, cosine, sine, scale, x, y }, px, py) {
    const [dx, dy] = [px - x - centre.x, py - y - centre.y];
    const square = cosine * cosine + sine * sine;
    if (!square || !scale.x || !scale.y) return centre;
    return { x: centre.x + (cosine * dx + sine * dy) / (square * scale.x), y: centre.y + (cosine * dy - sine * dx) / (square * scale.y) };
}

/** The last shape of each area: an area that only moves stays the same one. @type {WeakMap<Area, {pose: Pose, shape: Area}>} */
const shapes = new WeakMap();

/** @type {(area: Area, pose: Pose) => Moved} */
function movedArea(area, pose) {
    let known = shapes.get(area);
    if (!known || !isSameShape(known.pose, pose)) shapes.set(area, (known = { pose, shape: plainArea(area, pose) }));
    return { area: known.shape, x: pose.x, y: pose.y };
}

/** @type {(a: Pose, b: Pose) => boolean} */
const isSameShape = (a, b) =>
    a.from === b.from && a.to === b.to && (a.from === a.to || a.done === b.done) &&
    a.cosine === b.cosine && a.sine === b.sine && a.scale.x === b.scale.x && a.scale.y === b.scale.y;

/** An area as it is before it is moved: of the same kind, or the polygon that stands for what is turned. @type {(area: Area, pose: Pose) => Area} */
function plainArea(area, pose) {
    const { cosine, sine, scale } = pose;
    let points = shapeOf(pose);
    if (sine === 0 && cosine * scale.x === 1 && cosine * scale.y === 1) return points === area.points ? area : { ...area, points };
    let { kind } = area;
    if (kind === "rect" || kind === "ellipse") {
        const { low, high } = boxOfPoints(points);
        const size = Math.sqrt(cosine * cosine + sine * sine);
        if (Math.min((high.x - low.x) * (size * Math.abs(scale.x)), (high.y - low.y) * (size * Math.abs(scale.y))) < LEAST_EXTENT)
            return { ...area, points: [[low.x, low.y], [low.x, low.y]] }; // covers nothing, however it is turned
        if (sine !== 0) {
            points = corners(kind, low, high);
            kind = "polygon";
        }
    }
    const radius = area.radius === undefined ? {} : { radius: Math.min(area.radius * pose.radiusScale, OUTERMOST) };
    return { ...area, kind, points: points.map(([x, y]) => turned(pose, x, y)), ...radius };
}

/** @type {[number, number][] | undefined} */
let circle;

/** The polygon that stands for a turned box, or for the ellipse in it. @type {(kind: "rect" | "ellipse", low: XY, high: XY) => Area["points"]} */
function corners(kind, low, high) {
    if (kind === "rect") return [[low.x, low.y], [high.x, low.y], [high.x, high.y], [low.x, high.y]];
    circle ??= Array.from({ length: ELLIPSE_CORNERS }, (_, index) => cosineAndSine(index * (360 / ELLIPSE_CORNERS)));
    const [x, y] = [(low.x + high.x) / 2, (low.y + high.y) / 2];
    const [a, b] = [(high.x - low.x) / 2, (high.y - low.y) / 2];
    return circle.map(([cosine, sine]) => [x + a * cosine, y + b * sine]);
}

/** @type {(points: Area["points"]) => {low: XY, high: XY}} */
export function boxOfPoints(points) {
    const [low, high] = [{ x: Infinity, y: Infinity }, { x: -Infinity, y: -Infinity }];
    for (const [x, y] of points) {
        [low.x, low.y] = [Math.min(low.x, x), Math.min(low.y, y)];
        [high.x, high.y] = [Math.max(high.x, x), Math.max(high.y, y)];
    }
    return { low, high };
}

/** @type {WeakMap<Area["points"], XY>} */
const centres = new WeakMap();

/** The middle of the box around points. @type {(points: Area["points"]) => XY} */
function centreOf(points) {
    let centre = centres.get(points);
    if (!centre) {
        const { low, high } = boxOfPoints(points);
        centres.set(points, (centre = { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 }));
    }
    return centre;
}
