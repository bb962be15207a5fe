/** Outside areas: where paths lie outside of all of them, so that nothing would change there. */

import { coverAt } from "./areas.js";
import { positionAt, visibleAt } from "./curves.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */

const MOST_CHECKS = 5000; // places; longer drawings are sampled

/** The frames at which visible paths lie outside the areas, by path id. Without areas there are none. @type {(doc: EditDocument) => Map<string, Set<number>>} */
export function outsideAreas(doc) {
    const outside = new Map();
    if (!doc.regions.some((area) => area.visible !== false && area.mode !== "subtract")) return outside;
    const paths = doc.paths.filter((path) => path.visible !== false);
    const step = Math.max(Math.ceil((doc.frames * paths.length) / MOST_CHECKS), 1);
    for (const path of paths) {
        const frames = new Set();
        for (let frame = 0; frame < doc.frames; frame += step) {
            if (!visibleAt(path, doc, frame)) continue;
            const { x, y } = positionAt(path, doc, frame);
            if (coverAt(doc, frame, x, y) < 0.5) frames.add(frame);
        }
        if (frames.size) outside.set(path.id, frames);
    }
    return outside;
}
