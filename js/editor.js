/**
 * Editor: one drawing on the screen. It holds the element, shows a session, and hands keys to
 * commands and pointers to tools. It knows no ComfyUI: extension.js gives it clips and keeps
 * its value.
 */

import { Stage } from "./canvas/stage.js";
import { Backdrop } from "./clip/backdrop.js";
import { findPath } from "./document/items.js";
import * as ops from "./document/operations.js";
import { Session } from "./document/session.js";
import { h } from "./dom.js";
import { outsideAreas } from "./geometry/outside_areas.js";
import { fit, keepInView, panBy, zoomAbout } from "./geometry/viewport.js";
import { COMMANDS } from "./input/commands.js";
import { keepFromGraph } from "./input/own_events.js";
import { Crosshair } from "./input/crosshair.js";
import { Player, frameAt } from "./input/player.js";
import { Pointer } from "./input/pointer.js";
import { Dialogs } from "./ui/dialogs.js";
import { helpOverlay } from "./ui/help.js";
import { ImportExport } from "./ui/import_export.js";
import { Keyboard } from "./ui/keyboard.js";
import { Message } from "./ui/message.js";
import { Panel } from "./ui/panel.js";
import { Status, describe, messageOf } from "./ui/status.js";
import { Timeline } from "./ui/timeline.js";
import { Toolbar } from "./ui/toolbar.js";

/** @typedef {import("./document/document.js").EditDocument} EditDocument */
/** @typedef {import("./clip/frames.js").Clip} Clip */
/** @typedef {import("./document/operations.js").Selection} Selection */
/** @typedef {import("./tools/tool.js").Board} Board */
/** @typedef {import("./tools/index.js").ToolName} ToolName */
/** @typedef {import("./geometry/viewport.js").Viewport} Viewport */
/** @typedef {import("./geometry/viewport.js").XY} XY */

/**
 * What the editor tells its host.
 * @typedef {object} Host
 * @property {(text: string) => void} changed  the value is another
 * @property {(files: File[]) => void} dropped  files that are no drawings
 */

/** @implements {Board} */
export class Editor {
    session = new Session();
    backdrop = new Backdrop();
    message = new Message();
    /** @type {string | null} */
    openPath = null;
    /** @type {XY[]} */
    openOutline = [];
    /** @type {{at: XY, key: string} | null} */
    lastClick = null;

    /** Per path the frames at which it lies outside the areas. @type {Map<string, Set<number>>} */
    outside = new Map();
    /** @type {EditDocument | null} the document that `outside` was found in */
    #outsideOf = null;

    /** @type {EditDocument | null} shown in place of the stored one while something is dragged */
    #previewed = null;
    /** @type {import("./tools/tool.js").Sketch | null} */
    #sketch = null;
    #frame = 0; // of requestAnimationFrame

    /** @param {Host} host */
    constructor(host) {
        this.host = host;
        this.keyboard = new Keyboard(this);
        this.player = new Player(this);
        this.crosshair = new Crosshair(this);
        this.dialogs = new Dialogs(this);
        this.stage = new Stage([this.keyboard.element, this.keyboard.description, this.message.element], () => this.redraw());
        this.toolbar = new Toolbar(this);
        this.panel = new Panel(this);
        this.status = new Status(this);
        this.timeline = new Timeline(this);
        this.importExport = new ImportExport(this);
        this.help = helpOverlay(() => this.closeOverlays());
        this.element = h(
            "div",
            // The wheel is ours while the drawing has the focus; else the graph's.
            { class: "revideo-editor", "data-capture-wheel": "true" },
            this.toolbar.element,
            h("div", { class: "rve-main" }, this.stage.element, this.panel.element),
            this.status.element,
            this.timeline.element,
            this.importExport.element,
            this.help,
        );
        this.pointer = new Pointer(this);
        this.keyboard.listen(this.element);
        keepFromGraph(this.element, { focus: () => this.focus(), drop: (files) => this.importExport.drop(files) });
        // The host's theme lies in variables of the root: canvases do not follow by themselves.
        this.themes = new MutationObserver(() => this.timeline.restyle());
        this.themes.observe(document.documentElement, { attributeFilter: ["class", "style"] });
    }

    /** Stops everything that would go on by itself. */
    destroy() {
        this.player.pause();
        cancelAnimationFrame(this.#frame);
        this.stage.destroy();
        this.themes.disconnect();
        this.backdrop.destroy();
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
            this.message.show(`The stored drawing cannot be read: ${messageOf(error)}. It is kept until you draw something.`);
        }
        this.#changed();
    }

    /** Shows another session, such as that of the node which this one replaces. @type {(session: Session) => void} */
    attach(session) {
        this.session = session;
        this.#changed();
    }

    /** @type {(doc: EditDocument) => void} */
    preview(doc) {
        this.#previewed = doc;
        this.redraw();
    }

    revert() {
        this.#previewed = null;
        this.redraw();
    }

    /** A step of the history. Steps in a row with the same `merge` become one. @type {(doc: EditDocument, label: string, merge?: string) => void} */
    commit(doc, label, merge = "") {
        try {
            this.#changed(this.session.commit(doc, label, merge));
        } catch (error) {
            this.message.show(`That was not done: ${messageOf(error)}`);
            this.revert();
        }
    }

    undo() {
        this.#changed(this.session.undo());
    }

    redo() {
        this.#changed(this.session.redo());
    }

    /** Makes the drawing one over frames of this size and number. @type {(format: {width: number, height: number, frames: number}) => void} */
    conform(format) {
        const changed = this.session.conform(format);
        if (changed) this.say(`The drawing was fitted to ${this.doc.frames} frames of ${format.width} × ${format.height}.`);
        this.#changed(changed);
    }

    #changed(valueToo = false) {
        this.#previewed = null;
        if (this.openPath && !findPath(this.doc, this.openPath)) this.openPath = null;
        if (valueToo) this.host.changed(this.value);
        this.redraw();
    }

    // --- What is seen ------------------------------------------------------------------------

    get selection() {
        return this.session.selection;
    }

    get time() {
        return Math.min(this.session.time, this.doc.frames - 1);
    }

    get areaMode() {
        return this.session.areaMode;
    }

    get brushRadius() {
        return this.session.brushRadius;
    }

    get viewport() {
        return this.session.viewport ?? fit(this.doc, this.stage.size);
    }

    set viewport(viewport) {
        this.session.viewport = viewport && keepInView(viewport, this.doc, this.stage.size);
        this.redraw();
    }

    /** @type {(dx: number, dy: number) => void} */
    panBy(dx, dy) {
        this.viewport = panBy(this.viewport, dx, dy);
    }

    /** @type {(factor: number, atView?: XY) => void} */
    zoomBy(factor, atView = { x: this.stage.size.width / 2, y: this.stage.size.height / 2 }) {
        this.viewport = zoomAbout(this.viewport, factor, atView);
    }

    fitView() {
        this.session.viewport = null;
        this.redraw();
    }

    /** @type {(selection: Selection) => void} */
    select(selection) {
        this.session.selection = ops.surviving(this.doc, selection);
        this.session.separate();
        this.redraw();
    }

    /** @type {(tool: ToolName) => void} */
    use(tool) {
        this.openPath = null;
        this.openOutline = [];
        this.#sketch = null;
        this.crosshair.hide();
        this.session.tool = tool;
        this.status.notice = "";
        this.redraw();
    }

    /** @type {(sketch: import("./tools/tool.js").Sketch | null) => void} */
    sketch(sketch) {
        this.#sketch = sketch;
        this.redraw();
    }

    /** A passing remark, until something else happens. @type {(text: string) => void} */
    say(text) {
        this.status.notice = text;
        this.redraw();
    }

    // --- The clip ----------------------------------------------------------------------------

    /** Shows a clip, which stays its owner's, or none; `waiting` says what is awaited or missing. @type {(clip: Clip | null, waiting?: string) => void} */
    show(clip, waiting = "") {
        this.backdrop.clip = clip;
        this.status.waiting = waiting;
        clip?.want(frameAt(this.time));
        this.redraw();
    }

    /** The edited first frame, shown over frame 0. @type {(picture: ImageBitmap | null) => void} */
    showEdited(picture) {
        this.backdrop.setEdited(picture);
        this.redraw();
    }

    /** Shows the source in place of the edited first frame. @type {(on: boolean) => void} */
    compare(on) {
        if (on === this.backdrop.comparing) return;
        this.backdrop.comparing = on;
        this.redraw();
    }

    // --- Drawing -----------------------------------------------------------------------------

    redraw() {
        this.#frame ||= requestAnimationFrame((now) => {
            this.#frame = 0;
            if (this.player.playing) this.player.advance(now);
            this.#draw();
            if (this.player.playing) this.redraw();
        });
    }

    #draw() {
        const { doc, session, stage, viewport, selection, time, outside } = this;
        if (!stage.size.width || !stage.size.height) return; // collapsed, or not in the page
        const scene = { doc, selection, time, viewport, density: stage.density, outside, sketch: this.#sketch, ...this.pointer.hovering, crosshair: this.crosshair.at };
        const { picture, place } = this.backdrop.at(frameAt(time), doc);
        stage.draw(scene, picture, place);
        this.element.classList.toggle("rve-without-panel", !session.panel);
        const ready = String(this.backdrop.clip?.ready ?? 0);
        if (this.element.dataset.framesReady !== ready) this.element.dataset.framesReady = ready;
        if (!this.player.playing && !this.#previewed) this.keyboard.describe(describe(session.doc, selection, frameAt(time)));
        for (const part of [this.toolbar, this.panel, this.timeline, this.status, this.pointer]) part.draw();
        if (this.#outsideOf !== session.doc && !this.#previewed && !this.player.playing) {
            this.#outsideOf = session.doc;
            this.outside = outsideAreas(session.doc);
            this.redraw();
        }
    }

    // --- Input -------------------------------------------------------------------------------

    /** Whether something is being drawn that a command can end. */
    get draws() {
        return this.openPath !== null || this.openOutline.length > 0 || this.crosshair.draws;
    }

    /** True if there was one to close. */
    closeOverlays() {
        return this.dialogs.close();
    }

    /** Takes the keyboard. */
    focus() {
        this.keyboard.focus();
    }

    /** Runs a command of the keymap; `event` where a key asked for it. @type {(command: string, event?: {key?: string}) => void} */
    run(command, event) {
        this.status.notice = "";
        COMMANDS[command]?.(this, event);
        this.redraw();
    }
}
