/**
 * Shapes: what is selected, paths and areas together, measured and transformed. Edit document → edit
 * document, all pure. Times of points stay, and whatever else a point, path or area carries.
 */

import { LIMITS } from "./document.js";
import { validKey } from "./keys.js";
import { groupPoints } from "./operations.js";
import { areaAt, boxOfPoints, cosineAndSine, followIds, followMotion } from "../geometry/pose.js";
import { applied, areaScale, composed, isIdentity, keepsUpright, mappedEllipse, scaling, translation } from "../geometry/transform.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {import("./document.js").Keyframe} Keyframe */
/** @typedef {import("./operations.js").Selection} Selection */
/** @typedef {import("../geometry/transform.js").Affine} Affine */
/** @typedef {import("../geometry/transform_box.js").Box} Box */

const LEAST_RADIUS = 0.001; // pixels: a brush has some width
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
 * What is selected, mapped as it is seen at the time: points where points are chosen, else whole paths; and areas.
 * An area that is not selected and follows a path mapped along keeps its shape, and its place beside the path's first point.
 * @type {(doc: EditDocument, selection: Selection, map: Affine, time: number) => EditDocument}
 */
export function transformed(doc, selection, map, time) {
    if (isIdentity(map)) return doc;
    const [paths, regions, chosen] = [new Set(selection.paths), new Set(selection.regions), groupPoints(selection)];
    const isWhole = (/** @type {string | undefined} */ id) => id !== undefined && paths.has(id) && !chosen.has(id);
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
            const rides = ids.length > 0 && ids.every(isWhole);
            if (!regions.has(area.id) && !rides) return area;
            const motion = followMotion(area, doc, time);
            if (!rides) return mappedArea(area, beforeMotion(map, motion));
            if (regions.has(area.id)) return mappedArea(area, map); // its paths bring the rest of the way
            const to = applied(map, motion.from);
            return mappedArea(area, translation(to.x - motion.from.x, to.y - motion.from.y));
        }),
    };
}

/** What a map of what is seen does to a place before it goes along with what is followed. @type {(map: Affine, motion: import("../geometry/pose.js").Motion) => Affine} */
function beforeMotion(map, { from, to, spin: [ahead, aside] }) {
    const square = ahead * ahead + aside * aside;
    if (!square) return map; // nothing of it is seen
    const there = composed(translation(to.x, to.y), composed({ a: ahead, b: aside, c: -aside, d: ahead, e: 0, f: 0 }, translation(-from.x, -from.y)));
    const back = { a: ahead / square, b: -aside / square, c: aside / square, d: ahead / square, e: 0, f: 0 };
    return composed(composed(translation(from.x, from.y), composed(back, translation(-to.x, -to.y))), composed(map, there));
}

/** An area mapped: upright boxes stay boxes, turned ones become polygons; a brush is as much wider as its area is larger. @type {(area: Area, map: Affine) => Area} */
function mappedArea(area, map) {
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
 * An area mapped at all of its keys: it is moved, and they do the turn and the scale. Right for every time where the map
 * scales both ways alike or the area is upright; else scaled along its own sides.
 * @type {(area: Area, keys: Keyframe[], map: Affine) => Area}
 */
function mappedKeys(area, keys, map) {
    const { low, high } = boxOfPoints(area.points);
    const centre = { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 };
    const to = applied(map, centre);
    const side = map.a * map.d - map.b * map.c < 0 ? -1 : 1; // a mirror is one of its own shape, before it is turned
    const placed = (/** @type {[number, number][]} */ points) => points.map(([x, y]) => /** @type {[number, number]} */ ([to.x + side * (x - centre.x), to.y + y - centre.y]));
    const upright = degreesOf(side * map.a, side * map.b);
    return {
        ...area,
        points: placed(area.points),
        keys: keys.map(({ move = [0, 0], scale = [1, 1], rotate = 0, points, ...key }) => {
            const [cosine, sine] = cosineAndSine(side * rotate);
            const along = { x: side * map.a * cosine + map.c * sine, y: side * map.b * cosine + map.d * sine };
            const across = { x: map.c * cosine - side * map.a * sine, y: map.d * cosine - side * map.b * sine };
            const turn = degreesOf(cosine * along.x + sine * along.y, cosine * along.y - sine * along.x);
            return validKey({
                ...key,
                move: [map.a * move[0] + map.c * move[1], map.b * move[0] + map.d * move[1]],
                scale: [scale[0] * Math.hypot(along.x, along.y), scale[1] * Math.hypot(across.x, across.y)],
                rotate: side * rotate + upright + ((((turn - upright + 540) % 360) + 360) % 360) - 180, // nowhere once around more
                ...(points && { points: placed(points) }),
            });
        }),
    };
}

/** @type {(x: number, y: number) => number} */
const degreesOf = (x, y) => (Math.atan2(y, x) * 180) / Math.PI;

/** Whether a map would make polygons of selected boxes and ellipses. @type {(doc: EditDocument, selection: Selection, map: Affine) => boolean} */
export const makesPolygons = (doc, selection, map) =>
    !keepsUpright(map) && doc.regions.some(({ id, kind, keys }) => !keys && (kind === "rect" || kind === "ellipse") && selection.regions.includes(id));

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
