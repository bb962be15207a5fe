/**
 * Shapes: what is selected, paths and areas together, measured and transformed. Edit document → edit
 * document, all pure. Times of points stay, and whatever else a point, path or area carries.
 */

import { LIMITS } from "./document.js";
import { groupPoints, withPoints } from "./operations.js";
import { areaAt, boxOfPoints, followIds, followMotion } from "../geometry/pose.js";
import { applied, areaScale, composed, isIdentity, isTranslation, keepsUpright, mappedEllipse, scaling, translation, turning } from "../geometry/transform.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {import("./document.js").Keyframe} Keyframe */
/** @typedef {import("./operations.js").Selection} Selection */
/** @typedef {import("../geometry/transform.js").Affine} Affine */
/** @typedef {import("../geometry/transform_box.js").Box} Box */

const LEAST_RADIUS = 0.001; // pixels: a brush has some width
const LEAST_SPIN = 1e-12; // of what followed paths scale an area by, squared
const PLACED_NEAR = 1e-4; // pixels between the size that was asked for and the one made
const PLACED_ROUNDS = 40; // a brush's width does not grow in proportion: it is come near step by step

/** @type {WeakMap<EditDocument, {selection: Selection, time: number, box: Box | null}>} */
const measured = new WeakMap();

/** The box around what is selected: chosen points, else all of a path; areas as they lie at the time. @type {(doc: EditDocument, selection: Selection, time: number) => Box | null} */
export function selectedBox(doc, selection, time) {
    const known = measured.get(doc);
    if (known && known.selection === selection && known.time === time) return known.box;
    const box = measureBox(doc, selection, time);
    measured.set(doc, { selection, time, box });
    return box;
}

/** @type {(doc: EditDocument, selection: Selection, time: number) => Box | null} */
function measureBox(doc, selection, time) {
    const [low, high] = [{ x: Infinity, y: Infinity }, { x: -Infinity, y: -Infinity }];
    const add = (/** @type {number} */ x, /** @type {number} */ y, radius = 0) => {
        [low.x, low.y] = [Math.min(low.x, x - radius), Math.min(low.y, y - radius)];
        [high.x, high.y] = [Math.max(high.x, x + radius), Math.max(high.y, y + radius)];
    };
    const [paths, regions, chosen] = [new Set(selection.paths), new Set(selection.regions), groupPoints(selection)];
    for (const path of doc.paths) {
        if (!paths.has(path.id)) continue;
        const indices = chosen.get(path.id);
        path.points.forEach(({ x, y }, index) => (!indices || indices.has(index)) && add(x, y));
    }
    for (const area of doc.regions) {
        if (!regions.has(area.id)) continue;
        const { area: lies, x, y } = areaAt(area, doc, time);
        for (const point of lies.points) add(point[0] + x, point[1] + y, lies.kind === "brush" ? lies.radius : 0);
    }
    return low.x <= high.x ? { low, high } : null;
}

/**
 * What is selected, mapped as it is seen at the time: points where points are chosen, else whole paths; and areas, all of
 * their keys alike. An area that is not selected and follows paths mapped along keeps its shape, and its place beside
 * where they begin.
 * @type {(doc: EditDocument, selection: Selection, map: Affine, time: number) => EditDocument}
 */
export function transformed(doc, selection, map, time) {
    if (isIdentity(map)) return doc;
    const [paths, regions, chosen] = [new Set(selection.paths), new Set(selection.regions), groupPoints(selection)];
    const moved = (/** @type {Point} */ point) => ({ ...point, ...applied(map, point) });
    return {
        ...doc,
        paths: doc.paths.map((path) => {
            if (!paths.has(path.id)) return path;
            const indices = chosen.get(path.id);
            return { ...path, points: path.points.map((point, index) => (!indices || indices.has(index) ? moved(point) : point)) };
        }),
        regions: doc.regions.map((area) => {
            const ids = followIds(area);
            const rides = ids.length > 0 && ids.every((id) => paths.has(id) && !chosen.has(id));
            if (regions.has(area.id)) return rides ? mappedArea(area, map) : mappedAsSeen(area, map, followMotion(area, doc, time));
            if (!rides) return area;
            const from = followMotion(area, doc, time).from;
            const to = applied(map, from);
            return mappedArea(area, translation(to.x - from.x, to.y - from.y));
        }),
    };
}

/** An area mapped where what it follows has brought it; what that scales to next to nothing stays. @type {(area: Area, map: Affine, motion: import("../geometry/pose.js").Motion) => Area} */
function mappedAsSeen(area, map, { from, to, spin: [ahead, aside] }) {
    const square = ahead * ahead + aside * aside;
    if (square < LEAST_SPIN) return area;
    const back = { a: ahead / square, b: -aside / square, c: aside / square, d: ahead / square, e: 0, f: 0 };
    const there = { a: ahead, b: aside, c: -aside, d: ahead, e: 0, f: 0 };
    const shift = { x: to.x - (ahead * from.x - aside * from.y), y: to.y - (aside * from.x + ahead * from.y) };
    const own = isTranslation(map) ? translation(0, 0) : composed(back, composed({ ...map, e: 0, f: 0 }, there));
    const at = applied(map, shift);
    const by = applied(back, { x: at.x - shift.x, y: at.y - shift.y });
    return mappedArea(area, { ...own, e: by.x, f: by.y });
}

/** An area mapped: upright boxes stay boxes, turned ones become polygons; a brush is as much wider as its area is larger. @type {(area: Area, map: Affine) => Area} */
function mappedArea(area, map) {
    if (isTranslation(map)) return withPoints(area, ([x, y]) => [x + map.e, y + map.f]);
    if (area.keys) return mappedKeys(area, area.keys, map);
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

/**
 * An area with keys, mapped by its keys: its shape stays what it was about its centre, mirrored where the map mirrors.
 * Exact where the map keeps proportions, or no key turns the area; else each key takes the nearest turn and scale.
 * @type {(area: Area, keys: Keyframe[], map: Affine) => Area}
 */
function mappedKeys(area, keys, map) {
    const linear = { ...map, e: 0, f: 0 };
    const side = map.a * map.d - map.b * map.c < 0 ? -1 : 1; // a mirrored shape is its own upside down, and turned
    const { low, high } = boxOfPoints(area.points);
    const centre = { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 };
    const to = applied(map, centre);
    const plain = withPoints(area, ([x, y]) => [to.x + x - centre.x, to.y + side * (y - centre.y)]);
    const boxed = (/** @type {Area["points"]} */ points) => {
        const box = boxOfPoints(points);
        return /** @type {Area["points"]} */ (area.kind === "rect" || area.kind === "ellipse" ? [[box.low.x, box.low.y], [box.high.x, box.high.y]] : points);
    };
    const whole = (Math.atan2(map.b, map.a) * 180) / Math.PI;
    const limited = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.min(Math.max(value, low), high);
    return {
        ...plain,
        points: boxed(plain.points),
        keys: keys.map(({ move, scale = [1, 1], rotate = 0, ...key }, index) => {
            const { a, b, c, d } = composed(linear, turning(rotate, { x: 0, y: 0 }));
            const beyond = (Math.atan2(b, a) * 180) / Math.PI - side * rotate - whole; // less whole turns: nothing
            const turn = roundDegrees(side * rotate + whole + beyond - 360 * Math.round(beyond / 360));
            const sizes = /** @type {[number, number]} */ ([scale[0] * Math.hypot(a, b), scale[1] * Math.hypot(c, d)].map((value) => limited(value, ...LIMITS.scale)));
            const moved = move && applied(linear, { x: move[0], y: move[1] });
            const points = plain.keys?.[index].points;
            return {
                ...key,
                ...(points && { points: boxed(points) }),
                ...(moved && { move: /** @type {[number, number]} */ ([moved.x, moved.y]) }),
                ...(sizes.some((size) => size !== 1) && { scale: sizes }),
                ...(turn && { rotate: limited(turn, -LIMITS.rotate, LIMITS.rotate) }),
            };
        }),
    };
}

/** Whether boxes and ellipses have become polygons from one document to the next. @type {(before: EditDocument, after: EditDocument) => boolean} */
export const makesPolygons = (before, after) => before.regions.some(({ kind }, index) => after.regions[index].kind !== kind);

/**
 * What is selected, moved and scaled so that its box is as wished; what is left out stays, and so do sides of no length.
 * @type {(doc: EditDocument, selection: Selection, time: number, wish: {x?: number, y?: number, width?: number, height?: number}) => EditDocument}
 */
export function placedBox(doc, selection, time, wish) {
    const start = selectedBox(doc, selection, time);
    if (!start) return doc;
    let result = doc;
    for (let round = 0; round < PLACED_ROUNDS; round += 1) {
        const box = selectedBox(result, selection, time) ?? start;
        const [width, height] = [box.high.x - box.low.x, box.high.y - box.low.y];
        const [dx, dy] = [(wish.x ?? start.low.x) - box.low.x, (wish.y ?? start.low.y) - box.low.y];
        const sx = wish.width && width ? wish.width / width : 1;
        const sy = wish.height && height ? wish.height / height : 1;
        const off = Math.max(Math.abs(dx), Math.abs(dy), Math.abs(sx - 1) * width, Math.abs(sy - 1) * height);
        if (off <= PLACED_NEAR) break;
        result = transformed(result, selection, composed(translation(dx, dy), scaling(sx, sy, box.low)), time);
    }
    return result;
}

/** Without the rounding of sines, so that right angles are such. @type {(degrees: number) => number} */
const roundDegrees = (degrees) => Math.round(degrees * 1e9) / 1e9;
