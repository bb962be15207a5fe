/**
 * Editor: one drawing on the screen. It holds the element, shows a session, and hands keys to
 * commands and pointers to tools. It knows no ComfyUI: host/ gives it clips and keeps its value.
 */

import { Stage } from "./canvas/stage.js";
import { Backdrop } from "./clip/backdrop.js";
import { h } from "./dom.js";
import { DrawingBoard } from "./drawing_board.js";
import { lockedNames, lockedText } from "./document/locks.js";
import { outsideAreas } from "./geometry/outside_areas.js";
import { fit, keepInView, panBy, zoomAbout } from "./geometry/viewport.js";
import { CHANGES_SELECTED, COMMANDS } from "./input/commands.js";
import { trackPlaces } from "./input/host_commands.js";
import { keepFromGraph } from "./input/own_events.js";
import { Crosshair } from "./input/crosshair.js";
import { Player, frameAt } from "./input/player.js";
import { Pointer } from "./input/pointer.js";
import { t } from "./locale.js";
import { ContextMenu } from "./overlays/context_menu.js";
import { CopiesForm } from "./overlays/copies_form.js";
import { Dialogs } from "./overlays/dialogs.js";
import { FrameMenu } from "./overlays/frame_menu.js";
import { endFullWindow, fillsWindow, toggleFullWindow } from "./overlays/full_window.js";
import { helpOverlay } from "./overlays/help.js";
import { ImportExport } from "./overlays/import_export.js";
import { Invitation } from "./ui/invitation.js";
import { Keyboard } from "./ui/keyboard.js";
import { Message } from "./ui/message.js";
import { Panel } from "./ui/panel.js";
import { ResultBar } from "./ui/result_bar.js";
import { Status, describe } from "./ui/status.js";
import { Timeline } from "./ui/timeline.js";
import { Toolbar } from "./ui/toolbar.js";

/** @typedef {import("./document/document.js").EditDocument} EditDocument */
/** @typedef {import("./clip/frames.js").Clip} Clip */
/** @typedef {import("./tools/tool.js").Board} Board */
/** @typedef {import("./tools/index.js").ToolName} ToolName */
/** @typedef {import("./geometry/viewport.js").Viewport} Viewport */
/** @typedef {import("./geometry/viewport.js").XY} XY */

/**
 * What the editor tells its host.
 * @typedef {object} Host
 * @property {(text: string) => void} changed  the value is another
 * @property {(files: File[]) => void} opened  files that are no drawings
 * @property {() => void} resized  it came into view, or its size is another
 * @property {(places: XY[], frame: number) => Promise<import("./document/document.js").Path[] | null>} track  follows what lies there
 * @property {(frame: number) => void} saveFrame  as a picture file
 * @property {() => void} paintFrame  the edited first frame, in ComfyUI's mask editor
 * @property {(picture: File) => void} chooseFrame  as the edited first frame
 * @property {() => void} removeFrame  the clip's own first frame stands for the edited one
 * @property {(index: number) => void} openResult  of those that are listed
 * @property {() => void} showFrames  runs what feeds the frames, to see them
 */

/** @implements {Board} */
export class Editor extends DrawingBoard {
    backdrop = new Backdrop();
    message = new Message();
    /** @type {import("./ui/invitation.js").Absence | ""} */
    absence = "";
    /** The mask that the areas are added to; "unseen": only a run knows it. @type {import("./clip/given_mask.js").GivenMask | "none" | "unseen" | "reading"} */
    givenMask = "none";

    /** Per path the frames at which it lies outside the areas. @type {Map<string, Set<number>>} */
    outside = new Map();
    /** @type {[EditDocument, Editor["givenMask"]] | null} what `outside` was found in */
    #outsideOf = null;

    #frame = 0; // of requestAnimationFrame
    /** What stage and panel have together. */
    #room = { width: 0, height: 0 };
    #main;

    /** @param {Host} host */
    constructor(host) {
        super({ changed: (text) => host.changed(text), shown: () => this.redraw(), refused: (text) => this.message.show(text), held: (text) => this.sayHeld(text) });
        this.host = host;
        this.keyboard = new Keyboard(this);
        this.player = new Player(this);
        this.crosshair = new Crosshair(this);
        this.dialogs = new Dialogs(this);
        this.invitation = new Invitation(this);
        this.resultBar = new ResultBar(this);
        const { element: keys, description } = this.keyboard;
        this.stage = new Stage([keys, description, this.resultBar.wipe, this.invitation.element, this.message.element], () => {
            this.host.resized();
            this.redraw();
        });
        this.toolbar = new Toolbar(this);
        this.panel = new Panel(this);
        this.status = new Status(this);
        this.timeline = new Timeline(this);
        this.importExport = new ImportExport(this);
        this.copiesForm = new CopiesForm(this);
        this.contextMenu = new ContextMenu(this);
        this.frameMenu = new FrameMenu(this);
        this.help = helpOverlay(() => this.closeOverlays());
        this.#main = h("div", { class: "rve-main" }, this.stage.element, this.panel.element);
        this.rooms = new ResizeObserver(([{ contentRect }]) => {
            this.#room = contentRect;
            this.panel.arrange(this.doc, this.#room); // before the stage is measured, in the same frame
        });
        this.rooms.observe(this.#main);
        this.element = h(
            "div",
            // The wheel is ours while the drawing has the focus; else the graph's.
            { class: "revideo-editor", "data-capture-wheel": "true" },
            this.toolbar.element,
            this.#main,
            this.resultBar.element,
            this.status.element,
            this.timeline.element,
            this.importExport.element,
            this.copiesForm.element,
            this.help,
            this.contextMenu.element,
            ...this.frameMenu.elements,
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
        this.letGo?.();
        endFullWindow(this.element);
        this.player.pause();
        cancelAnimationFrame(this.#frame);
        this.stage.destroy();
        this.rooms.disconnect();
        this.themes.disconnect();
        this.backdrop.destroy();
    }

    // --- What is seen ------------------------------------------------------------------------

    get view() {
        return this.stage.size;
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

    /** @type {(format: {width: number, height: number, frames: number}) => boolean} */
    conform(format) {
        const changed = super.conform(format);
        if (changed) this.say(t`The drawing was fitted to ${this.doc.frames} frames of ${format.width} × ${format.height}.`);
        return changed;
    }

    /** @type {(tool: ToolName) => void} */
    use(tool) {
        super.use(tool);
        this.crosshair.hide();
        this.status.notice = "";
    }

    /** A passing remark, until something else happens. @type {(text: string) => void} */
    say(text) {
        this.status.notice = text;
        this.redraw();
    }

    /** Fields that were typed in show again what is stored. @type {(text: string) => void} */
    sayHeld(text) {
        this.panel.renew();
        this.say(text);
    }

    // --- The clip ----------------------------------------------------------------------------

    /** Shows a clip, which stays its owner's, or none; `waiting` says what is awaited or missing. @type {(clip: Clip | null, waiting?: string, absence?: Editor["absence"]) => void} */
    show(clip, waiting = "", absence = "") {
        this.backdrop.clip = clip;
        this.status.waiting = waiting;
        this.absence = absence;
        clip?.want(frameAt(this.time));
        this.redraw();
    }

    /** The source, what a run gave, or both. @type {(view: import("./clip/backdrop.js").View) => void} */
    showView(view) {
        this.backdrop.view = view;
        if (view !== "source" && !this.backdrop.result) this.host.openResult(this.resultBar.chosen);
        this.backdrop.want(frameAt(this.time));
        this.redraw();
    }

    /** The edited first frame, shown over frame 0. @type {(picture: ImageBitmap | null) => void} */
    showEdited(picture) {
        this.backdrop.setEdited(picture);
        this.redraw();
    }

    /** The mask that the areas are added to, or why there is none. @type {(mask: Editor["givenMask"]) => void} */
    showMask(mask) {
        this.givenMask = mask;
        this.redraw();
    }

    /** Adds the paths of what lies at these places now. @type {(places: XY[]) => void} */
    track(places) {
        trackPlaces(this, places);
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
        const { stageDoc: doc, session, stage, viewport, selection, time, outside, givenMask } = this;
        if (!stage.size.width || !stage.size.height) return; // collapsed, or not in the page
        const base = typeof givenMask === "object" ? givenMask.at(frameAt(time)) : null;
        const scene = { doc, selection, time, base, viewport, density: stage.density, outside, sketch: this.sketched, guides: this.guides, onion: session.onionSkin ? this.backdrop.onion : null, ...this.pointer.hovering, crosshair: this.crosshair.at };
        stage.draw(scene, this.backdrop.at(frameAt(time), doc));
        this.element.classList.toggle("rve-without-panel", !session.panel);
        this.panel.arrange(doc, this.#room);
        stage.element.classList.toggle("rve-bare", !session.showsDrawing);
        const ready = String(this.backdrop.clip?.ready ?? 0);
        if (this.element.dataset.framesReady !== ready) this.element.dataset.framesReady = ready;
        if (!this.player.playing && !this.isPreviewing) this.keyboard.describe(describe(session.doc, session.selection, frameAt(time)));
        for (const part of [this.toolbar, this.panel, this.timeline, this.status, this.invitation, this.resultBar, this.pointer]) part.draw();
        const [outsideDoc, outsideMask] = this.#outsideOf ?? [];
        if ((outsideDoc !== session.doc || outsideMask !== givenMask) && !this.isPreviewing && !this.player.playing) {
            this.#outsideOf = [session.doc, givenMask];
            this.outside = this.#findOutside();
            this.redraw();
        }
    }

    /** A path may lie in a mask that is not seen: then nothing is said. */
    #findOutside() {
        const { doc } = this.session;
        const mask = this.givenMask;
        if (typeof mask === "object") return outsideAreas(doc, mask.isEmpty ? null : (frame) => mask.at(frame));
        return mask === "none" ? outsideAreas(doc) : new Map();
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

    get fillsWindow() {
        return fillsWindow(this.element);
    }

    /** Over all of the page, or back in its node. */
    toggleFullWindow() {
        toggleFullWindow(this.element);
        this.#room = { width: 0, height: 0 }; // until it is measured where it is now
        this.rooms.disconnect();
        this.rooms.observe(this.#main);
        this.session.viewport = null; // the frame is fitted to where it is now
        this.focus();
    }

    /** Takes the keyboard. */
    focus() {
        this.keyboard.focus();
    }

    /** Runs a command of the keymap; `event` where a key asked for it. @type {(command: string, event?: {key?: string}) => void} */
    run(command, event) {
        this.status.notice = "";
        COMMANDS[command]?.(this, event);
        const held = CHANGES_SELECTED.includes(command) ? lockedNames(this.session.doc, this.session.selection) : [];
        if (held.length) this.say(lockedText(held));
        this.redraw();
    }
}
