/** DrawingBoard: a session's drawing as it is worked on: what is previewed, selected, begun and not in the document yet. */

import { findPath } from "./document/items.js";
import * as ops from "./document/operations.js";
import { Session } from "./document/session.js";
import { messageOf } from "./dom.js";

/** @typedef {import("./document/document.js").EditDocument} EditDocument */
/** @typedef {import("./document/operations.js").Selection} Selection */
/** @typedef {import("./tools/index.js").ToolName} ToolName */
/** @typedef {import("./geometry/viewport.js").XY} XY */

/**
 * Who hears of it.
 * @typedef {object} Told
 * @property {(text: string) => void} changed  the value is another
 * @property {() => void} shown  something that is seen is another
 * @property {(reason: string) => void} refused  what was asked for was not done
 */

export class DrawingBoard {
    session = new Session();
    /** @type {string | null} */
    openPath = null;
    /** @type {XY[]} */
    openOutline = [];
    /** @type {{at: XY, key: string} | null} */
    lastClick = null;
    /** @type {import("./geometry/snapping.js").Guide[]} */
    guides = [];
    /** @type {import("./tools/tool.js").Sketch | null} */
    sketched = null;

    /** @type {EditDocument | null} shown in place of the stored one while something is dragged */
    #previewed = null;
    #told;

    /** @param {Told} told */
    constructor(told) {
        this.#told = told;
    }

    // --- The drawing -------------------------------------------------------------------------

    get doc() {
        return this.#previewed ?? this.session.doc;
    }

    get value() {
        return this.session.text;
    }

    /** What cannot be read is said, and nothing is lost. */
    set value(text) {
        if (text === this.session.text) return;
        try {
            this.session.load(text);
        } catch (error) {
            this.#told.refused(`The stored drawing cannot be read: ${messageOf(error)}. It is kept until you draw something.`);
        }
        this.#settle();
    }

    /** Shows another session, such as that of the node which this one replaces. @type {(session: Session) => void} */
    attach(session) {
        this.session = session;
        this.#settle();
    }

    /** @type {(doc: EditDocument) => void} */
    preview(doc) {
        this.#previewed = doc;
        this.#told.shown();
    }

    revert() {
        this.#previewed = null;
        this.#told.shown();
    }

    /** A step of the history. Steps in a row with the same `merge` become one. @type {(doc: EditDocument, label: string, merge?: string) => void} */
    commit(doc, label, merge = "") {
        try {
            this.#settle(this.session.commit(doc, label, merge));
        } catch (error) {
            this.#told.refused(`That was not done: ${messageOf(error)}`);
            this.revert();
        }
    }

    undo() {
        this.#settle(this.session.undo());
    }

    redo() {
        this.#settle(this.session.redo());
    }

    /** Makes the drawing one over frames of this size and number. True if the value has changed. @type {(format: {width: number, height: number, frames: number}) => boolean} */
    conform(format) {
        const changed = this.session.conform(format);
        this.#settle(changed);
        return changed;
    }

    #settle(valueToo = false) {
        this.#previewed = null;
        if (this.openPath && !findPath(this.doc, this.openPath)) this.openPath = null;
        if (valueToo) this.#told.changed(this.value);
        this.#told.shown();
    }

    get isPreviewing() {
        return this.#previewed !== null;
    }

    // --- What is selected and in hand --------------------------------------------------------

    get selection() {
        return this.session.selection;
    }

    get time() {
        return Math.min(this.session.time, this.doc.frames - 1);
    }

    get snapping() {
        return this.session.snapping;
    }

    get areaMode() {
        return this.session.areaMode;
    }

    get brushRadius() {
        return this.session.brushRadius;
    }

    /** @type {(selection: Selection) => void} */
    select(selection) {
        this.session.selection = ops.surviving(this.doc, selection);
        this.session.separate();
        this.#told.shown();
    }

    /** @type {(tool: ToolName) => void} */
    use(tool) {
        this.openPath = null;
        this.openOutline = [];
        this.sketched = null;
        this.session.tool = tool;
        this.#told.shown();
    }

    /** @type {(sketch: import("./tools/tool.js").Sketch | null) => void} */
    sketch(sketch) {
        this.sketched = sketch;
        this.#told.shown();
    }
}
