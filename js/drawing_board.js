/** DrawingBoard: a session's drawing as it is worked on: what is previewed, selected, begun and not in the document yet. */

import { findPath } from "./document/items.js";
import { holdLocked, lockedText, unlockedPart } from "./document/locks.js";
import * as ops from "./document/operations.js";
import { Session } from "./document/session.js";
import { soloed, soloedPart } from "./document/solo.js";
import { messageOf } from "./dom.js";
import { t } from "./locale.js";

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
 * @property {(text: string) => void} held  what is locked was left as it is
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
    /** Ends the drag in hand without a trace: its document is made of one that is stored no more. @type {(() => void) | null} */
    letGo = null;

    /** @type {EditDocument | null} shown in place of the stored one while something is dragged */
    #previewed = null;
    /** @type {{doc: EditDocument, selection: Selection, solo: Session["solo"], free: Selection} | null} */
    #free = null;
    /** The stored document that was shown last. @type {EditDocument} */
    #stored = this.session.doc;
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
            this.#told.refused(t`The stored drawing cannot be read: ${messageOf(error)}. It is kept until you draw something.`);
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
        this.#previewed = holdLocked(this.session.doc, doc).doc;
        this.#told.shown();
    }

    revert() {
        this.#previewed = null;
        this.#told.shown();
    }

    /** A step of the history, but for what is locked. Steps in a row with the same `merge` become one. @type {(doc: EditDocument, label: string, merge?: string) => void} */
    commit(doc, label, merge = "") {
        const { doc: next, held } = holdLocked(this.session.doc, doc);
        try {
            this.#settle(this.session.commit(next, label, merge));
            if (held.length) this.#told.held(lockedText(held));
        } catch (error) {
            this.#told.refused(t`That was not done: ${messageOf(error)}`);
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
        const { letGo } = this;
        const leaves = letGo !== null && this.session.doc !== this.#stored;
        this.#stored = this.session.doc;
        if (leaves) letGo();
        if (this.openPath && !findPath(this.doc, this.openPath)) this.openPath = null;
        if (valueToo) this.#told.changed(this.value);
        this.#told.shown();
        if (leaves) this.#told.held(t`The drawing became another meanwhile: what was dragged is as it was.`);
    }

    get isPreviewing() {
        return this.#previewed !== null;
    }

    // --- What is selected and in hand --------------------------------------------------------

    /** What commands and tools work on: what is selected, but for what is locked or left out by a solo. */
    get selection() {
        const { doc, selection, solo } = this.session;
        const known = this.#free;
        if (known?.doc === doc && known.selection === selection && known.solo === solo) return known.free;
        const free = soloedPart(unlockedPart(doc, selection), solo);
        this.#free = { doc, selection, solo, free };
        return free;
    }

    /** The drawing as the stage shows it, where what is not soloed is hidden. */
    get stageDoc() {
        return soloed(this.doc, this.session.solo);
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

    /** On the stage, until it is ended with null; the document is not changed by it. @type {(solo: import("./document/solo.js").Solo | null) => void} */
    showAlone(solo) {
        this.session.solo = solo && { paths: solo.paths, regions: solo.regions };
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
