/**
 * Arrangement: the panel beside the stage or under it, whichever lets the picture be larger.
 *
 * Lengths are CSS pixels. The stage has what the panel leaves of the room that both share.
 */

import { FIT_MARGIN, fit } from "./viewport.js";

/** @typedef {import("./viewport.js").Size} Size */
/** @typedef {{under: boolean, panel: number}} Arrangement  `panel`: its width beside the stage, its height under it */

const PANEL_WIDTH = 236;
const NARROW = 520; // beside the panel a stage would be of little use
const HEIGHT_PART = 0.42; // of the room, for a panel under the stage, between these two
const HEIGHT_MIN = 112;
const HEIGHT_ENOUGH = 180; // for ten rows in two columns
const GAIN = 1.1; // by less than this nothing moves: else it would jump to and fro while a node is resized

/** Of a frame in a room; `wasUnder`: how it stands so far. @type {(frame: Size, room: Size, wasUnder: boolean) => Arrangement} */
export function arrange(frame, room, wasUnder) {
    const height = heightUnder(frame, room);
    if (room.width <= NARROW) return { under: true, panel: height };
    const beside = fit(frame, { width: room.width - PANEL_WIDTH, height: room.height }).scale;
    const under = fit(frame, { width: room.width, height: room.height - height }).scale;
    const moves = wasUnder ? beside > GAIN * under : under > GAIN * beside;
    return wasUnder !== moves ? { under: true, panel: height } : { under: false, panel: PANEL_WIDTH };
}

/** What a picture as wide as the room leaves, but no less than the panel needs. @type {(frame: Size, room: Size) => number} */
function heightUnder(frame, room) {
    const picture = ((room.width - 2 * FIT_MARGIN) * frame.height) / frame.width + 2 * FIT_MARGIN;
    const least = Math.min(Math.max(HEIGHT_PART * room.height, HEIGHT_MIN), HEIGHT_ENOUGH);
    return Math.floor(Math.max(room.height - picture, least));
}
