/** Simplify: the many places of a pen stroke → the few control points of a path or outline. */

import { flatten } from "./curves.js";

/** @typedef {import("./viewport.js").XY} XY */

export const MAX_CONTROL_POINTS = 100;

/**
 * Control points whose smooth curve stays within `tolerance` pixels of every place of the
 * stroke: from the two ends on, the place farthest from the curve becomes a point.
 * @type {(stroke: XY[], tolerance: number) => XY[]}
 */
export function controlPoints(stroke, tolerance) {
    const places = distinct(stroke, tolerance / 4);
    if (places.length < 3) return places;
    const chosen = [0, places.length - 1];
    while (chosen.length < Math.min(MAX_CONTROL_POINTS, places.length)) {
        const farthest = farthestPlace(places, chosen);
        if (farthest.distance <= tolerance) break;
        chosen.splice(chosen.findIndex((index) => index > farthest.index), 0, farthest.index);
    }
    return chosen.map((index) => places[index]);
}

/** @type {(places: XY[], chosen: number[]) => {index: number, distance: number}} */
function farthestPlace(places, chosen) {
    const chords = flatten({ id: "", kind: "freehand", points: chosen.map((index) => places[index]) });
    const perPiece = (chords.length / 2 - 1) / (chosen.length - 1);
    let worst = { index: -1, distance: 0 };
    for (let piece = 0; piece < chosen.length - 1; piece += 1)
        for (let index = chosen[piece] + 1; index < chosen[piece + 1]; index += 1) {
            const distance = distanceToChords(places[index], chords, piece * perPiece, (piece + 1) * perPiece);
            if (distance > worst.distance) worst = { index, distance };
        }
    return worst;
}

/** An outline without the corners that stand out less than `tolerance` pixels (Douglas and Peucker). @type {(outline: XY[], tolerance: number) => XY[]} */
export function corners(outline, tolerance) {
    if (outline.length < 3) return outline;
    const chosen = new Set([0, outline.length - 1]);
    const open = [[0, outline.length - 1]];
    for (let span = open.pop(); span; span = open.pop()) {
        const [from, to] = span;
        let worst = { index: -1, distance: tolerance };
        for (let index = from + 1; index < to; index += 1) {
            const distance = distanceToSegment(outline[index], outline[from], outline[to]);
            if (distance > worst.distance) worst = { index, distance };
        }
        if (worst.index < 0) continue;
        chosen.add(worst.index);
        open.push([from, worst.index], [worst.index, to]);
    }
    return outline.filter((_, index) => chosen.has(index));
}

/** Without places closer than `least` to the one before; both ends stay. @type {(stroke: XY[], least: number) => XY[]} */
function distinct(stroke, least) {
    /** @type {XY[]} */
    const places = [];
    for (const place of stroke) {
        const before = places.at(-1);
        if (!before || Math.hypot(place.x - before.x, place.y - before.y) > least) places.push(place);
    }
    const last = stroke.at(-1);
    if (last && places.length > 1) places[places.length - 1] = last;
    return places;
}

/** @type {(place: XY, chords: Float64Array, from: number, to: number) => number} */
function distanceToChords(place, chords, from, to) {
    let least = Infinity;
    for (let index = from; index < to; index += 1) {
        const a = { x: chords[2 * index], y: chords[2 * index + 1] };
        const b = { x: chords[2 * index + 2], y: chords[2 * index + 3] };
        least = Math.min(least, distanceToSegment(place, a, b));
    }
    return least;
}

/** @type {(place: XY, a: XY, b: XY) => number} */
export function distanceToSegment(place, a, b) {
    const dx = b.x - a.x;
    const dy = b.y - a.y;
    const squared = dx * dx + dy * dy;
    const along = squared ? Math.min(Math.max(((place.x - a.x) * dx + (place.y - a.y) * dy) / squared, 0), 1) : 0;
    return Math.hypot(place.x - a.x - along * dx, place.y - a.y - along * dy);
}
