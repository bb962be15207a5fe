/** Outside areas: where paths lie outside of all of them, so that nothing would change there. */

import { coverAt } from "./areas.js";
import { valueAt } from "./base_mask.js";
import { positionAt, visibleAt } from "./curves.js";
import { areasAt, mostPoints } from "./pose.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */

const MOST_CHECKS = 5000; // places; longer drawings are sampled
const FEW_POINTS = 1000; // of areas; of more, fewer places are checked

/**
 * The frames at which visible paths lie outside the areas, by path id. Without areas there are none. `baseAt`: the mask
 * at a frame that the areas are added to.
 * @type {(doc: EditDocument, baseAt?: ((frame: number) => import("./base_mask.js").BaseMask) | null) => Map<string, Set<number>>}
 */
export function outsideAreas(doc, baseAt = null) {
    const outside = new Map();
    if (!baseAt && !doc.regions.some((area) => area.visible !== false && area.mode !== "subtract")) return outside;
    const paths = doc.paths.filter((path) => path.visible !== false);
    const points = doc.regions.reduce((count, area) => count + mostPoints(area), 0);
    const checks = doc.frames * paths.length * Math.max(points / FEW_POINTS, 1);
    const step = Math.max(Math.ceil(checks / MOST_CHECKS), 1);
    for (let frame = 0; frame < doc.frames; frame += step) {
        const areas = areasAt(doc, frame);
        const base = baseAt?.(frame);
        for (const path of paths) {
            if (!visibleAt(path, doc, frame)) continue;
            const { x, y } = positionAt(path, doc, frame);
            if (coverAt(areas, x, y, base && valueAt(base, doc, x, y)) >= 0.5) continue;
            if (!outside.has(path.id)) outside.set(path.id, new Set());
            outside.get(path.id).add(frame);
        }
    }
    return outside;
}
