/** Tools: all of them, by the name that the toolbar, the keymap and the session use. */

import { box, brush, polygon } from "./areas.js";
import { anchor, freehand, line, spline } from "./paths.js";
import { pan, select } from "./select.js";
import { track } from "./track.js";

export const TOOLS = {
    select,
    pan,
    freehand,
    spline,
    line,
    anchor,
    track,
    rect: box("rect"),
    ellipse: box("ellipse"),
    polygon,
    brush: brush(false),
    eraser: brush(true),
};

/** @typedef {keyof typeof TOOLS} ToolName */
