/**
 * Shapes: what is selected, paths and areas together, measured and transformed. Edit document → edit
 * document, all pure. Times of points stay, and whatever else a point, path or area carries.
 */

import { mappedAreas } from "./area_maps.js";
import { groupPoints } from "./operations.js";
import { areaAt } from "../geometry/pose.js";
import { applied, composed, isIdentity, scaling, translation } from "../geometry/transform.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./operations.js").Selection} Selection */
/** @typedef {import("../geometry/transform.js").Affine} Affine */
/** @typedef {import("../geometry/transform_box.js").Box} Box */

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
 * What is selected, mapped as it is seen at the time: points where points are chosen, else whole paths; and areas, of
 * which those with keys get one then.
 * @type {(doc: EditDocument, selection: Selection, map: Affine, time: number) => EditDocument}
 */
export function transformed(doc, selection, map, time) {
    if (isIdentity(map)) return doc;
    const [chosen, selected] = [groupPoints(selection), new Set(selection.paths)];
    const moved = (/** @type {Point} */ point) => ({ ...point, ...applied(map, point) });
    const paths = doc.paths.map((path) => {
        if (!selected.has(path.id)) return path;
        const indices = chosen.get(path.id);
        return { ...path, points: path.points.map((point, index) => (!indices || indices.has(index) ? moved(point) : point)) };
    });
    return { ...doc, paths, regions: mappedAreas(doc, paths, selection, map, time) };
}

/** Whether boxes or ellipses have become polygons. @type {(before: EditDocument, after: EditDocument) => boolean} */
export const makesPolygons = (before, after) => after.regions.some(({ kind }, index) => kind !== before.regions[index]?.kind);

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
