/**
 * Session: a drawing with its history and its view. It outlives the element, for
 * ComfyUI's own undo builds every node anew.
 */

import { t } from "../locale.js";
import { emptyDocument, serializeDocument } from "./document.js";
import * as histories from "./history.js";
import * as ops from "./operations.js";
import { parseDocument } from "./schema.js";
import { survivingSolo, withNew } from "./solo.js";
import { retimed } from "./timing.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("../tools/index.js").ToolName} ToolName */
/** @typedef {import("../geometry/viewport.js").Viewport} Viewport */

const BLANK = { width: 576, height: 320, frames: 14 }; // until a clip is known

export class Session {
    /** @type {histories.History<EditDocument>} */
    #history = histories.begin(emptyDocument(BLANK.width, BLANK.height, BLANK.frames));

    /** The value: as it came in, to the byte, until the drawing is changed. */
    text = "";

    /** @type {ops.Selection} */
    selection = ops.NOTHING;
    /** What alone is shown on the stage; null: all that is visible. @type {import("./solo.js").Solo | null} */
    solo = null;
    /** Groups whose members the list does not show. @type {Set<string>} */
    folded = new Set();
    /** In frames; fractions only while playing. */
    time = 0;
    /** null: the whole frame, whatever the size of the view. @type {Viewport | null} */
    viewport = null;
    /** @type {ToolName} */
    tool = "select";
    /** @type {"add" | "subtract"} */
    areaMode = "add";
    /** In frame pixels. */
    brushRadius = 24;
    loop = true;
    /** Whether what is moved, scaled or drawn lines up with the rest. Off: a path goes where the picture has it. */
    snapping = false;
    /** What is marked in the edited frame is shown along its way. */
    onionSkin = false;
    panel = true;
    /** Paths and areas lie over the picture. */
    showsDrawing = true;

    get doc() {
        return this.#history.present;
    }

    /** What undo would take back and redo bring, in words; undefined where there is nothing. */
    get steps() {
        return { undo: this.#history.past.at(-1)?.label, redo: this.#history.future[0]?.label };
    }

    /**
     * Takes a value from outside: a loaded workflow, the graph's undo. Throws DocumentError where
     * it cannot be read; its text stays all the same until something is drawn, and the drawing stays.
     * @param {string} text
     */
    load(text) {
        this.text = text;
        const { width, height, frames } = this.doc;
        const doc = parseDocument(text) ?? emptyDocument(width, height, frames);
        const { past, present, future } = this.#history;
        const untouched = !past.length && !future.length && isBlank(present);
        this.#history = untouched ? histories.begin(doc) : histories.visit(this.#history, doc, sameDrawing, t`change outside the editor`);
        this.#settle(present);
    }

    /** Whether a value is that of this drawing, now or at any step of its history. @type {(text: string) => boolean} */
    knows(text) {
        if (text === this.text) return true;
        try {
            const doc = parseDocument(text);
            const { past, present, future } = this.#history;
            const all = [present, ...past.map((step) => step.value), ...future.map((step) => step.value)];
            return all.some((known) => (doc ? sameDrawing(doc, known) : isBlank(known)));
        } catch {
            return false;
        }
    }

    /**
     * A step of the history; steps in a row with the same `merge` become one. True if the value
     * has changed. Throws DocumentError, and changes nothing, where the document is not valid.
     * @param {EditDocument} doc @param {string} label @param {string} [merge]
     */
    commit(doc, label, merge = "") {
        const text = serializeDocument(doc);
        if (text === serializeDocument(this.doc)) return false;
        const before = this.doc;
        this.#history = histories.push(this.#history, asStored(doc, text, before), label, merge);
        this.text = text;
        this.#settle(before);
        return true;
    }

    undo() {
        return this.#travel(histories.undo(this.#history));
    }

    redo() {
        return this.#travel(histories.redo(this.#history));
    }

    /** @type {(history: histories.History<EditDocument>) => boolean} */
    #travel(history) {
        if (history === this.#history) return false;
        const before = this.doc;
        this.#history = history;
        this.text = isBlank(history.present) ? "" : serializeDocument(history.present);
        this.#settle(before);
        return true;
    }

    /** The next step starts afresh, though it be of the same kind as the last. */
    separate() {
        this.#history = histories.settle(this.#history);
    }

    /**
     * Makes the drawing, and all of its past, one over frames of this size and number: times and
     * places keep their proportion. A single frame has no time to scale: the drawing keeps its
     * own. True if the value has changed.
     * @param {{width: number, height: number, frames: number}} format
     */
    conform({ width, height, frames }) {
        const { past, present, future } = this.#history;
        const length = frames > 1 || isBlank(present) ? frames : present.frames;
        const fitting = (/** @type {EditDocument} */ doc) => ops.resized(retimed(doc, length), width, height);
        if (fitting(present) === present) return false;
        const all = (/** @type {histories.Step<EditDocument>[]} */ steps) => steps.map((step) => ({ ...step, value: fitting(step.value) }));
        this.#history = { ...this.#history, past: all(past), present: fitting(present), future: all(future) };
        this.viewport = null;
        this.#settle(present);
        if (isBlank(present)) return false; // its text says nothing of a size, or is not readable
        this.text = serializeDocument(this.doc);
        return true;
    }

    /** @type {(before: EditDocument) => void} */
    #settle(before) {
        this.solo = survivingSolo(this.doc, withNew(this.solo, before, this.doc));
        this.selection = ops.surviving(this.doc, this.selection);
        this.time = Math.min(this.time, this.doc.frames - 1);
    }
}

/** @type {(doc: EditDocument) => boolean} */
const isBlank = (doc) => !doc.paths.length && !doc.regions.length;

/** @type {(a: EditDocument, b: EditDocument) => boolean} */
const sameDrawing = (a, b) => a === b || serializeDocument(a) === serializeDocument(b);

/**
 * The document as its text has it: rounded, and known to be valid. What did not change keeps its
 * identity, and with it what was computed from it.
 * @type {(doc: EditDocument, text: string, before: EditDocument) => EditDocument}
 */
function asStored(doc, text, before) {
    const stored = /** @type {EditDocument} */ (parseDocument(text));
    const known = new Set([...before.paths, ...before.regions]);
    return {
        ...stored,
        paths: stored.paths.map((path, index) => (known.has(doc.paths[index]) ? doc.paths[index] : path)),
        regions: stored.regions.map((area, index) => (known.has(doc.regions[index]) ? doc.regions[index] : area)),
    };
}
