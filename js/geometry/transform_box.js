/**
 * Transform box: the box around what is selected, the grips by which it is scaled and turned, and
 * the map that each makes when it is dragged. Pure.
 */

import { scaling, turning } from "./transform.js";
import { toFramePx, toViewPx } from "./viewport.js";

/** @typedef {import("./transform.js").Affine} Affine */
/** @typedef {import("./viewport.js").XY} XY */
/** @typedef {import("./viewport.js").Size} Size */
/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {{low: XY, high: XY}} Box  frame pixels */

/**
 * `u`, `v`: the part of the box that a grip moves, as fractions of it; x, y in frame pixels.
 * `stem`: of the one that turns, where its stem stands.
 * @typedef {{name: "nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w" | "turn", u: number, v: number, x: number, y: number, stem?: XY}} Grip
 *
 * @typedef {{box: Box, corners: XY[], grips: Grip[]}} TransformBox  `corners` of the outline shown, which stands off the box
 */

const SCALE_GRIPS = /** @type {const} */ ([["nw", 0, 0], ["n", 0.5, 0], ["ne", 1, 0], ["e", 1, 0.5], ["se", 1, 1], ["s", 0.5, 1], ["sw", 0, 1], ["w", 0, 0.5]]);

// View pixels. Grips stand off the box, so that points on its edge are still taken by themselves.
const STAND_OFF = 18;
const STEM = 29; // from the box to the grip that turns it
const SIDE_FROM = 60; // a side shorter than that has no grip in its middle: there is no room between the corners
const INSET = 12; // from the edge of the view: a box that is larger still shows its grips
export const GRIP_REACH = 14; // around a grip: a target of 24 CSS pixels and more, also where the graph is shown at 90 %

const LEVEL = 1e-6; // frame pixels: what is turned by less lies level
const TURN_STEP = 15; // degrees, with Shift
const LEAST_SIDE = 1; // frame pixels: nothing is scaled to less

/**
 * The box as it is shown and its grips. None where all places are one, or out of view. `ends`: the middles of the
 * upper and the lower side, as they lie, of what has handles of its own to scale it by: it is only turned.
 * @type {(box: Box, viewport: Viewport, view: Size, ends?: XY[] | null) => TransformBox | null}
 */
export function transformBox(box, viewport, view, ends = null) {
    const [wide, high] = [box.high.x - box.low.x, box.high.y - box.low.y];
    if (!wide && !high) return null;
    const off = ends ? 0 : STAND_OFF;
    const within = (/** @type {number} */ at, /** @type {number} */ room) => Math.min(Math.max(at, INSET), Math.max(room - INSET, INSET));
    const [from, to] = [toViewPx(viewport, box.low), toViewPx(viewport, box.high)];
    const [left, right] = [within(from.x - off, view.width), within(to.x + off, view.width)];
    const [top, bottom] = [within(from.y - off, view.height), within(to.y + off, view.height)];
    if (right - left < off || bottom - top < off) return null; // it lies beside the view
    const place = (/** @type {number} */ x, /** @type {number} */ y) => toFramePx(viewport, { x, y });
    /** @type {Grip[]} */
    const grips = [];
    if (!ends)
        for (const [name, u, v] of SCALE_GRIPS) {
            if (u === 0.5 && (right - left < SIDE_FROM || !high)) continue;
            if (v === 0.5 && (bottom - top < SIDE_FROM || !wide)) continue;
            grips.push({ name, u, v, ...place(left + u * (right - left), top + v * (bottom - top)) });
        }
    const above = top - STEM >= INSET;
    const below = bottom + STEM <= view.height - INSET;
    const turnY = above ? top - STEM : below ? bottom + STEM : top + STEM;
    const level = { stem: place((left + right) / 2, above || !below ? top : bottom), ...place((left + right) / 2, turnY) };
    grips.push({ name: "turn", u: 0.5, v: 0.5, ...((ends && ringBeside(ends, viewport, view)) ?? level) });
    return { box, corners: [place(left, top), place(right, top), place(right, bottom), place(left, bottom)], grips };
}

/** The ring of what lies turned: beyond the middle of a side, its upper one if that is in view; null where it lies level, or both rings were out of view. @type {(ends: XY[], viewport: Viewport, view: Size) => {x: number, y: number, stem: XY} | null} */
function ringBeside([upper, lower], viewport, view) {
    if (Math.abs(upper.x - lower.x) < LEVEL && upper.y < lower.y) return null;
    for (const [from, to] of [[lower, upper], [upper, lower]]) {
        const [away, side] = [toViewPx(viewport, from), toViewPx(viewport, to)];
        const part = STEM / Math.max(Math.hypot(side.x - away.x, side.y - away.y), 1);
        const at = { x: side.x + part * (side.x - away.x), y: side.y + part * (side.y - away.y) };
        if (at.x >= INSET && at.y >= INSET && at.x <= view.width - INSET && at.y <= view.height - INSET) return { ...toFramePx(viewport, at), stem: to };
    }
    return null;
}

/** The nearest grip within reach of a place. @type {(shown: TransformBox, at: XY, reach: number) => {grip: Grip, away: number} | null} */
export function gripAt({ grips }, at, reach) {
    let nearest = null;
    for (const grip of grips) {
        const away = Math.hypot(grip.x - at.x, grip.y - at.y);
        if (away <= reach && away < (nearest?.away ?? Infinity)) nearest = { grip, away };
    }
    return nearest;
}

/** @type {(box: Box, at: XY) => boolean} */
export const isInBox = ({ low, high }, at) => at.x > low.x && at.x < high.x && at.y > low.y && at.y < high.y;

/** @type {(box: Box) => XY} */
export const centreOf = ({ low, high }) => ({ x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 });

/** The corner, or middle of a side, that a grip moves. @type {(box: Box, grip: {u: number, v: number}) => XY} */
export const cornerOf = ({ low, high }, { u, v }) => ({ x: low.x + u * (high.x - low.x), y: low.y + v * (high.y - low.y) });

/**
 * The map by which a grip's corner comes to a place: past the side that stays, it mirrors.
 * @type {(box: Box, grip: Grip, to: XY, keep?: {proportion?: boolean, centre?: boolean}) => Affine}
 */
export function scaledBy(box, grip, to, { proportion = false, centre = false } = {}) {
    const corner = cornerOf(box, grip);
    const fixed = centre ? centreOf(box) : cornerOf(box, { u: 1 - grip.u, v: 1 - grip.v });
    const [rx, ry] = [corner.x - fixed.x, corner.y - fixed.y];
    if (proportion && grip.u !== 0.5 && grip.v !== 0.5) {
        const scale = ((to.x - fixed.x) * rx + (to.y - fixed.y) * ry) / (rx * rx + ry * ry);
        const least = Math.hypot(rx, ry);
        return scaling(notNothing(scale, least), notNothing(scale, least), fixed);
    }
    return scaling(rx ? notNothing((to.x - fixed.x) / rx, rx) : 1, ry ? notNothing((to.y - fixed.y) / ry, ry) : 1, fixed);
}

/** @type {(scale: number, side: number) => number} */
const notNothing = (scale, side) => Math.max(Math.abs(scale), Math.min(LEAST_SIDE / Math.abs(side), 1)) * (scale < 0 ? -1 : 1);

/** How far the box is turned by a drag around its centre, in degrees. @type {(box: Box, from: XY, to: XY, inSteps: boolean) => number} */
export function turnedBy(box, from, to, inSteps) {
    const centre = centreOf(box);
    const angleOf = (/** @type {XY} */ at) => (Math.atan2(at.y - centre.y, at.x - centre.x) * 180) / Math.PI;
    const degrees = angleOf(to) - angleOf(from);
    return inSteps ? Math.round(degrees / TURN_STEP) * TURN_STEP : degrees;
}

/** @type {(box: Box, degrees: number) => Affine} */
export const turnOf = (box, degrees) => turning(degrees, centreOf(box));
