/** Crosshair: a pointer that the arrow keys move. Enter presses with the tool in hand where it is. */

import { toFramePx, toViewPx } from "../geometry/viewport.js";
import { TOOLS } from "../tools/index.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../tools/tool.js").Drag} Drag */
/** @typedef {import("../tools/tool.js").Press} Press */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const UNUSED = ["select", "pan"]; // tools that keys do without
const CLICKED = ["spline", "line", "anchor", "polygon"]; // a place by each press; the others are drawn from press to press
const REACH = 7; // view pixels that count as on something

export class Crosshair {
    /** Where it is, in frame pixels, while it is shown. @type {XY | null} */
    at = null;
    /** @type {XY | null} where it pressed last */
    #pressed = null;
    /** @type {Drag | null} */
    #drag = null;

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
    }

    /** Shown where the pointer is, else in the middle of what is seen. True if the tool in hand draws. @type {() => boolean} */
    show() {
        const { editor } = this;
        if (UNUSED.includes(editor.session.tool)) return false;
        const { width, height } = editor.stage.size;
        this.at ??= this.#within(editor.pointer.place ?? toFramePx(editor.viewport, { x: width / 2, y: height / 2 }));
        this.#tell("Arrows move the crosshair, Enter places a point, Esc ends.");
        return true;
    }

    /** @type {() => void} */
    hide() {
        this.cancel();
        this.#pressed = this.at = null;
        this.editor.redraw();
    }

    /** A drag in progress ends without a trace. True if there was one. */
    cancel() {
        this.#drag?.cancel();
        const held = this.#drag !== null;
        this.#drag = null;
        return held;
    }

    /** @type {(dx: number, dy: number) => void} */
    move(dx, dy) {
        if (!this.at) return;
        this.at = this.#within({ x: this.at.x + dx, y: this.at.y + dy });
        this.#drag?.move(this.#press());
        this.#tell();
    }

    press() {
        const { editor, at } = this;
        if (!at) return;
        if (this.#drag) return this.finish();
        const again = this.#pressed?.x === at.x && this.#pressed.y === at.y;
        this.#pressed = at;
        const press = { ...this.#press(), clicks: again ? 2 : 1 };
        const { tool } = editor.session;
        this.#tell();
        const drag = TOOLS[tool].press(editor, press);
        if (CLICKED.includes(tool)) drag?.end(press);
        else this.#drag = drag;
        editor.redraw();
    }

    /** Ends a drag where it has come to. */
    finish() {
        const drag = this.#drag;
        this.#drag = null;
        drag?.end(this.#press());
    }

    get draws() {
        return this.#drag !== null;
    }

    /** @type {(more?: string) => void} */
    #tell(more = "") {
        if (this.at) this.editor.say(`Crosshair at ${Math.round(this.at.x)}, ${Math.round(this.at.y)}. ${more}`.trim());
    }

    /** @type {() => Press} */
    #press() {
        const px = /** @type {XY} */ (this.at);
        const { viewport } = this.editor;
        return { view: toViewPx(viewport, px), px, shift: false, alt: false, clicks: 1, reach: REACH / viewport.scale };
    }

    /** On whole pixels of the frame. @type {(place: XY) => XY} */
    #within({ x, y }) {
        const { width, height } = this.editor.doc;
        return { x: Math.min(Math.max(Math.round(x), 0), width), y: Math.min(Math.max(Math.round(y), 0), height) };
    }
}
