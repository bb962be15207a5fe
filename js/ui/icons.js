/** Icons: small line drawings, 16 × 16, in the text's colour. */

import { svg } from "../dom.js";

/** Paths in SVG's own language; a trailing "!" fills instead of stroking. */
const DRAWINGS = {
    select: ["M4 2 L12.5 8.2 L8.6 9 L10.8 13.4 L9 14.2 L6.9 9.9 L4 12.6 Z!"],
    pan: ["M8 1.5 V14.5 M1.5 8 H14.5 M6 3.5 L8 1.5 L10 3.5 M6 12.5 L8 14.5 L10 12.5 M3.5 6 L1.5 8 L3.5 10 M12.5 6 L14.5 8 L12.5 10"],
    freehand: ["M2 11 C4 3 6 3 7 7 S9 14 14 4"],
    spline: ["M2.5 12.5 C5 2 10 14 13.5 3.5", "M1 11 h3 v3 h-3 Z!", "M12 2 h3 v3 h-3 Z!"],
    line: ["M3.5 12.5 L12.5 3.5", "M2 11 h3 v3 h-3 Z!", "M11 2 h3 v3 h-3 Z!"],
    track: ["M2 13.5 C7 13.5 4 6.5 9 5.5", "M11.5 2.5 a2.5 2.5 0 1 0 .01 0 Z!", "M1.5 9.5 H4 M1.5 6.5 H4.5"],
    firstFrame: ["M2 3 H14 V13 H2 Z M2 10.5 L6 7 L9 10 L11 8.5 L14 11", "M10.5 6 a0.9 0.9 0 1 0 0.01 0"],
    anchor: ["M8 1.5 V4.5 M8 11.5 V14.5 M1.5 8 H4.5 M11.5 8 H14.5", "M8 6 a2 2 0 1 0 .01 0 Z!"],
    rect: ["M2 3.5 H14 V12.5 H2 Z"],
    ellipse: ["M8 3 a6 5 0 1 0 .01 0 Z"],
    polygon: ["M3 5 L9 2 L14 7 L11 13.5 L4.5 12 Z"],
    brush: ["M13.8 2.2 L7.5 8.5", "M6.8 8.2 C4 8 4.6 11.5 2 12.6 C4.5 14.6 8.6 13.2 8 9.5 Z!"],
    eraser: ["M2.2 10 L9 3.2 L13.8 8 L8 13.8 H5.6 Z M5.6 6.6 L10.4 11.4 M8 13.8 H14"],
    add: ["M8 3 V13 M3 8 H13"],
    subtract: ["M3 8 H13"],
    undo: ["M3 6.5 H10 a3.5 3.5 0 0 1 0 7 H6 M6 3.5 L3 6.5 L6 9.5"],
    redo: ["M13 6.5 H6 a3.5 3.5 0 0 0 0 7 H10 M10 3.5 L13 6.5 L10 9.5"],
    fit: ["M2 5.5 V2 H5.5 M10.5 2 H14 V5.5 M14 10.5 V14 H10.5 M5.5 14 H2 V10.5"],
    fullWindow: ["M9.5 2 H14 V6.5 M14 2 L9.5 6.5 M6.5 14 H2 V9.5 M2 14 L6.5 9.5"],
    snap: ["M3 2.5 V8 a5 5 0 0 0 10 0 V2.5 H9.8 V8 a1.8 1.8 0 0 1 -3.6 0 V2.5 Z M3 5.5 H6.2 M9.8 5.5 H13"],
    compare: ["M2 3 H14 V13 H2 Z M8 1.5 V14.5", "M8 3 H14 V13 H8 Z!"],
    onion: ["M6 3.5 a4.5 4.5 0 1 0 .01 0 Z", "M10 3.5 a4.5 4.5 0 0 1 0 9"],
    importExport: ["M5 2.5 V10.5 M2.5 5 L5 2.5 L7.5 5 M11 13.5 V5.5 M8.5 11 L11 13.5 L13.5 11"],
    panel: ["M2 3 H14 V13 H2 Z M10 3 V13"],
    help: ["M5.5 6 a2.5 2.5 0 1 1 3.6 2.2 C8.2 8.7 8 9.2 8 10.2", "M7.2 12 h1.6 v1.6 h-1.6 Z!"],
    play: ["M4.5 2.5 L13 8 L4.5 13.5 Z!"],
    pause: ["M4 3 h3 v10 h-3 Z!", "M9 3 h3 v10 h-3 Z!"],
    previous: ["M4 3 V13", "M12.5 3 L6 8 L12.5 13 Z!"],
    next: ["M12 3 V13", "M3.5 3 L10 8 L3.5 13 Z!"],
    loop: ["M3 8.5 V7 a2.5 2.5 0 0 1 2.5 -2.5 H13 M10.8 2.2 L13 4.5 L10.8 6.8 M13 7.5 V9 a2.5 2.5 0 0 1 -2.5 2.5 H3 M5.2 9.2 L3 11.5 L5.2 13.8"],
    visible: ["M1.5 8 C4 3.8 12 3.8 14.5 8 C12 12.2 4 12.2 1.5 8 Z", "M8 6 a2 2 0 1 0 .01 0 Z!"],
    hidden: ["M1.5 8 C4 3.8 12 3.8 14.5 8 C12 12.2 4 12.2 1.5 8 Z M3 13.5 L13 2.5"],
    locked: ["M5 7 V4.8 a3 3 0 0 1 6 0 V7", "M3.5 7 H12.5 V13.5 H3.5 Z!"],
    unlocked: ["M5 7 V4.3 a3 3 0 0 1 5.8 -1", "M3.5 7 H12.5 V13.5 H3.5 Z"],
    up: ["M3.5 10 L8 5.5 L12.5 10"],
    folded: ["M6 3.5 L10.5 8 L6 12.5"],
    grip: ["M3 5.5 H13 M3 8 H13 M3 10.5 H13"],
    down: ["M3.5 6 L8 10.5 L12.5 6"],
    remove: ["M3.5 3.5 L12.5 12.5 M12.5 3.5 L3.5 12.5"],
    reverse: ["M2 5.5 H13 M10 2.5 L13 5.5 M14 10.5 H3 M6 13.5 L3 10.5"],
    duplicate: ["M2 2 H10 V10 H2 Z", "M6 6 H14 V14 H6 Z"],
    trash: ["M2.5 4.5 H13.5 M6 4.5 V2.5 H10 V4.5 M4 4.5 L4.8 13.5 H11.2 L12 4.5"],
    insert: ["M2 12 L6 8 M10 8 L14 4 M8 5.5 V10.5 M5.5 8 H10.5"],
};

/** @typedef {keyof typeof DRAWINGS} IconName */

/** @type {(name: IconName) => SVGSVGElement} */
export function icon(name) {
    const drawings = DRAWINGS[name].map((drawing) => {
        const filled = drawing.endsWith("!");
        const [fill, stroke] = filled ? ["currentColor", "none"] : ["none", "currentColor"];
        const d = filled ? drawing.slice(0, -1) : drawing;
        return svg("path", { d, fill, stroke, "stroke-width": 1.4, "stroke-linecap": "round", "stroke-linejoin": "round" });
    });
    return svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, ...drawings);
}
