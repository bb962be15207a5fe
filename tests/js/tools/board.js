// A board without a screen, and hands to draw on it.

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import * as ops from "../../../js/document/operations.js";
import { parseDocument } from "../../../js/document/schema.js";
import { toFramePx } from "../../../js/geometry/viewport.js";
import { TOOLS } from "../../../js/tools/index.js";

/** A board without a screen: what tools do to a document. */
export function board(doc = emptyDocument(640, 360, 14), scale = 1) {
    return {
        doc,
        stored: doc,
        get stageDoc() {
            return this.doc;
        },
        selection: ops.NOTHING,
        time: 0,
        viewport: { scale, x: 0, y: 0 },
        view: { width: 640 * scale, height: 360 * scale },
        areaMode: "add",
        brushRadius: 12,
        openPath: null,
        openOutline: [],
        lastClick: null,
        labels: [],
        said: [],
        preview(shown) {
            this.doc = shown;
        },
        commit(next, label) {
            parseDocument(serializeDocument(next));
            this.doc = this.stored = next;
            this.labels.push(label);
        },
        revert() {
            this.doc = this.stored;
        },
        select(selection) {
            this.selection = ops.surviving(this.doc, selection);
        },
        sketch() {},
        panBy(dx, dy) {
            this.viewport = { ...this.viewport, x: this.viewport.x + dx, y: this.viewport.y + dy };
        },
        say(text) {
            this.said.push(text);
        },
    };
}

export const at = (b, [x, y], held = {}) => {
    const view = { x, y };
    return { view, px: toFramePx(b.viewport, view), shift: false, alt: false, clicks: 1, reach: 7 / b.viewport.scale, ...held };
};

/** Presses at the first place, moves over the others, lets go at the last. */
export function draw(b, tool, places, held = {}) {
    const drag = TOOLS[tool].press(b, at(b, places[0], held));
    for (const place of places.slice(1)) drag?.move(at(b, place, held));
    drag?.end(at(b, places.at(-1), held));
}
