/** Crosshair: a pointer that the arrow keys move. Enter presses with the tool in hand where it is. */

import { toFramePx, toViewPx } from "../geometry/viewport.js";
import { findArea, findPath, shortName } from "../document/items.js";
import { selectedBox } from "../document/shapes.js";
import { hitTest } from "../geometry/hit_test.js";
import { centreOf } from "../geometry/transform_box.js";
import { t } from "../locale.js";
import { TOOLS } from "../tools/index.js";
import { boxAroundSelection, gripUnder } from "../tools/transform.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../tools/tool.js").Drag} Drag */
/** @typedef {import("../tools/tool.js").Press} Press */
/** @typedef {import("../geometry/viewport.js").XY} XY */

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

    /** Shown where the pointer is, else on what is selected, else in the middle of what is seen. True if the tool in hand presses. @type {() => boolean} */
    show() {
        const { editor } = this;
        if (editor.session.tool === "pan") return false; // keys do without
        const { width, height } = editor.stage.size;
        const box = this.#takes ? selectedBox(editor.doc, editor.selection, editor.time) : null;
        this.at ??= this.#within(editor.pointer.place ?? (box ? centreOf(box) : toFramePx(editor.viewport, { x: width / 2, y: height / 2 })));
        this.#tell(this.#takes ? t`Arrows move the crosshair, Enter takes hold and lets go, Esc ends.` : t`Arrows move the crosshair, Enter places a point, Esc ends.`);
        return true;
    }

    /** Whether the tool in hand takes what is there, rather than drawing. */
    get #takes() {
        return this.editor.session.tool === "select";
    }

    /** @type {() => void} */
    hide() {
        this.#drag?.cancel();
        this.#drag = this.#pressed = this.at = null;
        this.editor.redraw();
    }

    /** A drag in progress ends without a trace. True if there was one. */
    cancel() {
        this.#drag?.cancel();
        const held = this.#drag !== null;
        this.#drag = null;
        if (held) this.#tell();
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
        const again = !this.#takes && this.#pressed?.x === at.x && this.#pressed.y === at.y;
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
        this.#tell(); // before the tool has its say
        drag?.end(this.#press());
    }

    get draws() {
        return this.#drag !== null;
    }

    /** @type {(more?: string) => void} */
    #tell(more = "") {
        if (!this.at) return;
        const on = this.#takes && !this.#drag ? this.#under() : "";
        const [x, y] = [Math.round(this.at.x), Math.round(this.at.y)];
        this.editor.say((on ? t`Crosshair at ${x}, ${y}, on ${on}. ${more}` : t`Crosshair at ${x}, ${y}. ${more}`).trim());
    }

    /** What a press would take, in words: the same that a pointer would. */
    #under() {
        const { editor } = this;
        const { doc } = editor;
        const press = this.#press();
        const hits = hitTest(editor.stageDoc, editor.selection, editor.time, press.px, press.reach);
        const shown = boxAroundSelection(editor);
        const grip = shown && gripUnder(shown, hits, press, editor.viewport.scale);
        if (grip) return grip.name === "turn" ? t`the ring that turns` : t`a handle of the box`;
        const [hit] = hits;
        if (!hit) return "";
        const [items, item] = "path" in hit ? [doc.paths, findPath(doc, hit.path)] : [doc.regions, findArea(doc, hit.area)];
        const name = item ? shortName(items, item) : "";
        return hit.what === "handle" ? t`a corner of ${name}` : hit.what === "point" ? t`point ${hit.index + 1} of ${name}` : name;
    }

    /** Exact: keys go by whole pixels, and nothing snaps. @type {() => Press} */
    #press() {
        const px = /** @type {XY} */ (this.at);
        const { viewport } = this.editor;
        return { view: toViewPx(viewport, px), px, shift: false, alt: false, ctrl: this.#takes, exact: true, clicks: 1, reach: REACH / viewport.scale };
    }

    /** On whole pixels of the frame; what is taken may lie beside it, in view. @type {(place: XY) => XY} */
    #within({ x, y }) {
        const { doc, viewport, view } = this.editor;
        const [low, high] = this.#takes ? [toFramePx(viewport, { x: 0, y: 0 }), toFramePx(viewport, { x: view.width, y: view.height })] : [{ x: 0, y: 0 }, { x: doc.width, y: doc.height }];
        const held = (/** @type {number} */ value, /** @type {number} */ least, /** @type {number} */ most) => Math.min(Math.max(Math.round(value), Math.ceil(least)), Math.floor(most));
        return { x: held(x, low.x, high.x), y: held(y, low.y, high.y) };
    }
}
