/** Pointer: mouse, pen and fingers on the stage → presses and drags of the tool in hand. */

import { NOTHING } from "../document/operations.js";
import { hitTest } from "../geometry/hit_test.js";
import { SNAP_REACH, snapLines, snapPlace } from "../geometry/snapping.js";
import { isInBox } from "../geometry/transform_box.js";
import { panBy, toFramePx, zoomAbout } from "../geometry/viewport.js";
import { TOOLS } from "../tools/index.js";
import { boxAroundSelection, gripUnder } from "../tools/transform.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../tools/tool.js").Drag} Drag */
/** @typedef {import("../tools/tool.js").Press} Press */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const REACH = { mouse: 7, pen: 9, touch: 16 }; // view pixels that count as on something
const DOUBLE_MS = 500; // as systems have it
const DOUBLE_REACH = { mouse: 8, pen: 14, touch: 24 }; // view pixels between the presses of a double click, at most
const WHEEL_LINE = 16; // pixels of a wheel step that is counted in lines
const MIDDLE = 1;
const CURSORS = { nw: "nwse-resize", n: "ns-resize", ne: "nesw-resize", e: "ew-resize", se: "nwse-resize", s: "ns-resize", sw: "nesw-resize", w: "ew-resize", turn: "grab" };

export class Pointer {
    /** @type {{id: number, drag: Drag, last: Press, tool: string} | null} */
    #drag = null;
    /** @type {import("../geometry/snapping.js").SnapLines | null} what the tool in hand snaps to */
    #lines = null;
    /** @type {Map<number, XY>} fingers on the stage, in view pixels */
    #fingers = new Map();
    /** @type {{press: Press, at: number, clicks: number} | null} */
    #lastDown = null;
    /** @type {XY | null} where a mouse or pen hovers, in frame pixels */
    #hover = null;
    /** @type {string | null} */
    #hovered = null;
    #cursor = "";
    /** @type {"up" | "down" | "used"} */
    #space = "up";
    /** The middle button was the last thing pressed: X11 pastes by it, here it moves the view. */
    middle = false;

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        const { element: stage } = editor.stage;
        stage.addEventListener("pointerdown", (event) => this.#down(event));
        stage.addEventListener("pointermove", (event) => this.#move(event));
        stage.addEventListener("pointerup", (event) => this.#up(event, true));
        stage.addEventListener("pointercancel", (event) => this.#up(event, false));
        stage.addEventListener("lostpointercapture", (event) => this.#up(event, true));
        stage.addEventListener("pointerleave", () => this.#hoverAt(null));
        stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    }

    /** The box by which what is selected is scaled and turned; the selecting tool has it. */
    get #transformBox() {
        const { editor } = this;
        return editor.session.tool === "select" && !editor.player.playing ? boxAroundSelection(editor) : null;
    }

    /** What render shows of the pointer and of what it can take. */
    get hovering() {
        const brushes = ["brush", "eraser"].includes(this.editor.session.tool);
        const brush = brushes && this.#hover ? { px: this.#hover, radius: this.editor.brushRadius } : null;
        return { hovered: this.#hovered, brush, transformBox: this.#transformBox };
    }

    /** Where a mouse or pen hovers, in frame pixels. */
    get place() {
        return this.#hover;
    }

    /** A drag in progress ends without a trace. True if there was one. */
    cancel() {
        if (!this.#drag) return false;
        this.#drag.drag.cancel();
        this.#letGo();
        return true;
    }

    // --- Space: tapped it plays, held it moves the view ------------------------------------------

    /** @type {(repeat: boolean) => void} */
    pressSpace(repeat) {
        if (!repeat) this.#space = "down";
    }

    /** @type {(forget?: boolean) => void} */
    releaseSpace(forget = false) {
        if (this.#space === "down" && !forget) this.editor.run("play");
        this.#space = "up";
    }

    // --- Events ----------------------------------------------------------------------------------

    /** @type {(event: PointerEvent) => void} */
    #down(event) {
        if (event.target instanceof Element && event.target.closest(".rve-over")) return;
        this.editor.focus();
        this.editor.crosshair.hide();
        this.middle = event.button === MIDDLE;
        const press = this.#press(event);
        if (event.pointerType === "touch") {
            this.#fingers.set(event.pointerId, press.view);
            if (this.#fingers.size > 1) return void this.cancel(); // two fingers move the view
        }
        if (this.#drag || (event.button !== 0 && event.button !== MIDDLE)) return;
        this.editor.player.pause();
        press.clicks = this.#countClicks(event, press);
        const moves = event.button === MIDDLE || this.#space !== "up";
        if (this.#space === "down") this.#space = "used";
        const tool = moves ? "pan" : this.editor.session.tool;
        this.editor.say("");
        if (tool !== "pan") this.editor.session.showsDrawing = true; // nothing is drawn or moved unseen
        const { stageDoc, time, snapping } = this.editor;
        this.#lines = snapping && TOOLS[tool].snaps ? snapLines(stageDoc, NOTHING, time) : null;
        const drag = TOOLS[tool].press(this.editor, this.#snapped(press));
        if (!drag) return this.#letGo();
        this.#drag = { id: event.pointerId, drag, last: press, tool };
        this.editor.letGo = () => this.cancel();
        this.editor.stage.element.setPointerCapture(event.pointerId);
        this.draw();
    }

    /** @type {(event: PointerEvent) => void} */
    #move(event) {
        if (this.#fingers.has(event.pointerId) && this.#fingers.size > 1) return this.#pinch(event);
        const held = this.#drag;
        if (!held) return this.#hoverAt(event.pointerType === "touch" ? null : this.#press(event));
        if (held.id !== event.pointerId) return;
        if (!event.buttons) return this.#up(event, true); // let go where no event reached us
        const strokes = event.getCoalescedEvents?.() ?? [];
        for (const one of strokes.length ? strokes : [event]) {
            held.last = this.#snapped(this.#press(one, event));
            held.drag.move(held.last);
        }
        this.#hover = held.last.px;
        this.editor.redraw();
    }

    /** @type {(event: PointerEvent, ends: boolean) => void} */
    #up(event, ends) {
        this.#fingers.delete(event.pointerId);
        const held = this.#drag;
        if (!held || held.id !== event.pointerId) return;
        this.#drag = this.editor.letGo = null;
        if (this.#lastDown && this.#apart(this.#lastDown.press, held.last) > DOUBLE_REACH.mouse) this.#lastDown = null; // a drag is no click
        if (ends) held.drag.end(event.type === "pointerup" ? this.#snapped(this.#press(event)) : held.last);
        else held.drag.cancel();
        this.#letGo();
        this.draw();
        this.editor.redraw();
    }

    #letGo() {
        this.#drag = this.#lines = this.editor.letGo = null;
        this.editor.guides = [];
    }

    /** A press where it lines up with the drawing, if the tool's presses do; those that are kept straight or even do not. @type {(press: Press) => Press} */
    #snapped(press) {
        if (!this.#lines) return press;
        const { at, guides } = press.ctrl || press.shift ? { at: press.px, guides: [] } : snapPlace(this.#lines, press.px, SNAP_REACH / this.editor.viewport.scale);
        this.editor.guides = guides;
        return { ...press, px: at };
    }

    /** Two fingers: the places under them stay under them. @type {(event: PointerEvent) => void} */
    #pinch(event) {
        const { editor } = this;
        const before = [...this.#fingers.values()];
        this.#fingers.set(event.pointerId, this.#press(event).view);
        const now = [...this.#fingers.values()];
        const middle = ([a, b] = before) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
        const spread = ([a, b] = before) => Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1);
        const [from, to] = [middle(before), middle(now)];
        editor.viewport = zoomAbout(panBy(editor.viewport, to.x - from.x, to.y - from.y), spread(now) / spread(before), to);
    }

    /** @type {(event: WheelEvent) => void} */
    #wheel(event) {
        const { editor } = this;
        if ((event.ctrlKey || !editor.element.contains(document.activeElement)) && !editor.fillsWindow) return; // the graph's
        event.preventDefault();
        event.stopPropagation();
        const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE : event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? editor.stage.size.height : 1;
        if (event.shiftKey) {
            const delta = event.deltaY || event.deltaX; // some systems turn Shift + wheel sideways
            editor.run(delta > 0 ? "next" : "previous");
        } else editor.zoomBy(Math.exp(-event.deltaY * unit * 0.0018), this.#press(event).view);
    }

    // --- Places ----------------------------------------------------------------------------------

    /** Where something happened on the page, for others than drags. @type {(event: {clientX: number, clientY: number, pointerType?: string}) => Press} */
    placeOf(event) {
        const { clientX, clientY, pointerType } = event;
        return this.#press({ clientX, clientY, pointerType, shiftKey: false, altKey: false, ctrlKey: false, metaKey: false });
    }

    /** @type {(event: Pick<PointerEvent, "clientX" | "clientY" | "shiftKey" | "altKey" | "ctrlKey" | "metaKey"> & {pointerType?: string}, keys?: Pick<MouseEvent, "shiftKey" | "altKey" | "ctrlKey" | "metaKey">) => Press} */
    #press(event, keys = event) {
        const { stage, viewport } = this.editor;
        const { size } = stage;
        const box = stage.element.getBoundingClientRect(); // the graph scales us by CSS
        const view = {
            x: ((event.clientX - box.left) * size.width) / box.width,
            y: ((event.clientY - box.top) * size.height) / box.height,
        };
        const reach = REACH[/** @type {keyof typeof REACH} */ (event.pointerType ?? "mouse")] ?? REACH.mouse;
        return { view, px: toFramePx(viewport, view), shift: keys.shiftKey, alt: keys.altKey, ctrl: keys.ctrlKey || keys.metaKey, clicks: 1, reach: reach / viewport.scale };
    }

    /** Twice on one place of the picture, which may have moved in between. @type {(event: PointerEvent, press: Press) => number} */
    #countClicks(event, press) {
        const last = this.#lastDown;
        const reach = DOUBLE_REACH[/** @type {keyof typeof DOUBLE_REACH} */ (event.pointerType)] ?? DOUBLE_REACH.mouse;
        const again = last && event.timeStamp - last.at < DOUBLE_MS && this.#apart(last.press, press) <= reach;
        this.#lastDown = { press, at: event.timeStamp, clicks: again ? last.clicks + 1 : 1 };
        return this.#lastDown.clicks;
    }

    /** View pixels between two presses, on the screen or in the picture. @type {(a: Press, b: Press) => number} */
    #apart(a, b) {
        const inPicture = Math.hypot(a.px.x - b.px.x, a.px.y - b.px.y) * this.editor.viewport.scale;
        return Math.max(Math.hypot(a.view.x - b.view.x, a.view.y - b.view.y), inPicture);
    }

    /** @type {(press: Press | null) => void} */
    #hoverAt(press) {
        const { editor } = this;
        const before = [this.#hover, this.#hovered];
        if (press && editor.crosshair.at) editor.crosshair.hide(); // whoever takes the mouse draws with it
        this.#hover = press && press.px;
        const selects = editor.session.tool === "select" && press;
        const hits = selects ? hitTest(editor.stageDoc, editor.selection, editor.time, press.px, press.reach) : [];
        const shown = selects && this.#transformBox;
        const grip = shown && gripUnder(shown, hits, press, editor.viewport.scale);
        const [hit] = hits;
        this.#hovered = hit && "path" in hit ? hit.path : null;
        if (grip) this.#cursor = CURSORS[grip.name];
        else if (!hit) this.#cursor = shown && isInBox(shown.box, press.px) ? "move" : "";
        else this.#cursor = hit.what === "handle" || hit.what === "point" ? "pointer" : "move";
        const brushes = this.hovering.brush !== null || before[0] !== null;
        if (this.#hovered !== before[1] || (brushes && editor.session.tool !== "select")) editor.redraw();
        this.draw();
    }

    draw() {
        const { session, stage } = this.editor;
        const pans = this.#drag?.tool === "pan" || this.#space !== "up";
        const cursor = pans ? (this.#drag ? "grabbing" : "grab") : this.#cursor || TOOLS[session.tool].cursor;
        const { style } = stage.element;
        if (style.cursor !== cursor) style.cursor = cursor;
    }
}
