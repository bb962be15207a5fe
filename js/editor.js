/**
 * Editor: one drawing on the screen. It holds the element, shows a session, and hands keys to
 * commands and pointers to tools. It knows no ComfyUI: extension.js gives it clips and keeps
 * its value.
 */

import { COMMANDS } from "./commands.js";
import { emptyDocument, parseDocument, serializeDocument } from "./document.js";
import { h, sizeCanvas } from "./dom.js";
import { Exchange } from "./exchange.js";
import { helpOverlay } from "./help.js";
import * as histories from "./history.js";
import { bindingOf } from "./keymap.js";
import * as ops from "./operations.js";
import { Panel, nameOf } from "./panel.js";
import { Pointer } from "./pointer.js";
import { drawAreas, drawLive, drawPaths, drawPicture } from "./render.js";
import { straysOf } from "./strays.js";
import { Timeline } from "./timeline.js";
import { Toolbar } from "./toolbar.js";
import { TOOLS } from "./tools.js";
import { fit, kept, pan, zoomAbout } from "./viewport.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./frames.js").Clip} Clip */
/** @typedef {import("./operations.js").Selection} Selection */
/** @typedef {import("./tools.js").Board} Board */
/** @typedef {import("./tools.js").ToolName} ToolName */
/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {import("./viewport.js").XY} XY */

/**
 * What outlives the element: ComfyUI's own undo builds every node anew.
 * @typedef {object} Session
 * @property {histories.History<EditDocument>} history
 * @property {string} text  the value; the drawing as it came in, to the byte, until it is changed
 * @property {Selection} selection
 * @property {number} time  in frames; fractions only while playing
 * @property {Viewport | null} viewport  null: the whole frame, whatever the size of the view
 * @property {ToolName} tool
 * @property {"add" | "subtract"} areaMode
 * @property {number} brushRadius  frame pixels
 * @property {boolean} loop
 * @property {boolean} panel
 *
 * What the editor tells its host.
 * @typedef {object} Host
 * @property {(text: string) => void} changed  the value is another
 * @property {(files: File[]) => void} dropped  files that are no drawings
 */

const BLANK = { width: 576, height: 320, frames: 14 }; // until a clip is known
const BLANK_FPS = 8;
const STRAY_LIMIT = 4; // paths named in the warning; the rest are counted

/** @type {() => Session} */
export const newSession = () => ({
    history: histories.begin(emptyDocument(BLANK.width, BLANK.height, BLANK.frames)),
    text: "",
    selection: ops.NOTHING,
    time: 0,
    viewport: null,
    tool: "select",
    areaMode: "add",
    brushRadius: 24,
    loop: true,
    panel: true,
});

/** @implements {Board} */
export class Editor {
    session = newSession();
    fps = BLANK_FPS;
    playing = false;
    comparing = false;
    /** @type {string | null} */
    openPath = null;
    /** @type {XY[]} */
    openOutline = [];
    /** @type {{at: XY, key: string} | null} */
    lastClick = null;

    /** @type {EditDocument | null} shown in place of the kept one while something is dragged */
    #previewed = null;
    /** @type {import("./tools.js").Sketch | null} */
    #sketch = null;
    /** @type {Clip | null} */
    #clip = null;
    /** @type {ImageBitmap | null} */
    #edited = null;
    /** @type {Map<string, Set<number>>} */
    #strays = new Map();
    /** @type {EditDocument | null} the document that #strays belongs to */
    #straysOf = null;
    #notice = "";
    #waiting = "";
    #frame = 0; // of requestAnimationFrame
    #playedAt = 0;
    /** @type {any[][]} what each layer showed when it was drawn last */
    #drawn = [];

    /** @param {Host} host */
    constructor(host) {
        this.host = host;
        this.keys = h("textarea", { class: "rve-keys", "aria-label": "Drawing: keys go here", spellcheck: "false", tabindex: "0" });
        this.layers = ["picture", "areas", "paths", "live"].map((name) => h("canvas", { class: "rve-layer", "data-layer": name }));
        this.message = h("div", { class: "rve-message" });
        this.stage = h("div", { class: "rve-stage" }, ...this.layers, this.message);
        this.status = h("div", { class: "rve-status", role: "status" });
        this.toolbar = new Toolbar(this);
        this.panel = new Panel(this);
        this.timeline = new Timeline(this);
        this.exchange = new Exchange(this);
        this.help = helpOverlay(() => this.closeOverlays());
        this.element = h(
            "div",
            // The wheel is ours while the drawing has the focus; else the graph's.
            { class: "revideo-editor", "data-capture-wheel": "true" },
            this.keys,
            this.toolbar.element,
            h("div", { class: "rve-main" }, this.stage, this.panel.element),
            this.status,
            this.timeline.element,
            this.exchange.element,
            this.help,
        );
        this.pointer = new Pointer(this);
        this.#listen();
        this.resizes = new ResizeObserver(() => this.redraw());
        this.resizes.observe(this.stage);
    }

    /** Stops everything that would go on by itself. */
    destroy() {
        this.pause();
        cancelAnimationFrame(this.#frame);
        this.resizes.disconnect();
        this.#clip = null;
        this.#edited?.close();
        this.#edited = null;
    }

    // --- The drawing -------------------------------------------------------------------------

    get doc() {
        return this.#previewed ?? this.session.history.present;
    }

    get value() {
        return this.session.text;
    }

    /** A value from outside: a loaded workflow, the graph's undo. What cannot be read is said, and nothing is lost. */
    set value(text) {
        if (text === this.session.text) return;
        let doc;
        try {
            doc = parseDocument(text) ?? emptyDocument(this.doc.width, this.doc.height, this.doc.frames);
        } catch (error) {
            this.session.text = text; // kept as it is until something is drawn
            this.notify(`The drawing cannot be read: ${messageOf(error)}. What you draw now replaces it; undo is not affected.`);
            return;
        }
        const same = (/** @type {EditDocument} */ a, /** @type {EditDocument} */ b) => a === b || serializeDocument(a) === serializeDocument(b);
        const { history } = this.session;
        const untouched = !history.past.length && !history.future.length && isBlank(history.present);
        this.session.history = untouched ? histories.begin(doc) : histories.visit(history, doc, same, "change from outside");
        this.session.text = text;
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
        this.#previewed = null;
        const { history } = this.session;
        const text = serializeDocument(doc);
        if (text !== serializeDocument(history.present)) {
            try {
                this.session.history = histories.push(history, asStored(doc, text, history.present), label, merge);
                this.#store(text);
            } catch (error) {
                this.notify(`That was not done: ${messageOf(error)}`);
            }
        }
        this.#changed();
    }

    undo() {
        this.#travel(histories.undo(this.session.history));
    }

    redo() {
        this.#travel(histories.redo(this.session.history));
    }

    /** @type {(history: histories.History<EditDocument>) => void} */
    #travel(history) {
        if (history === this.session.history) return;
        this.#previewed = null;
        this.session.history = history;
        this.#store(isBlank(history.present) ? "" : serializeDocument(history.present));
        this.#changed();
    }

    /** @type {(text: string) => void} */
    #store(text) {
        this.session.text = text;
        this.host.changed(text);
    }

    #changed() {
        const { session } = this;
        session.selection = ops.surviving(this.doc, session.selection);
        session.time = Math.min(session.time, this.doc.frames - 1);
        if (this.openPath && !ops.findPath(this.doc, this.openPath)) this.openPath = null;
        this.redraw();
    }

    /** Makes the drawing one over frames of this size and number; times and places keep their proportion. @type {(format: {width: number, height: number, frames: number}) => void} */
    conform({ width, height, frames }) {
        const fitting = (/** @type {EditDocument} */ doc) => ops.resized(ops.retimed(doc, frames), width, height);
        const { history } = this.session;
        if (fitting(history.present) === history.present) return;
        const steps = (/** @type {histories.Step<EditDocument>[]} */ list) => list.map((step) => ({ ...step, value: fitting(step.value) }));
        this.session.history = { ...history, past: steps(history.past), present: fitting(history.present), future: steps(history.future) };
        this.session.viewport = null;
        if (this.session.text && !isBlank(history.present)) {
            this.#store(serializeDocument(this.session.history.present));
            this.notify(`The drawing was fitted to ${frames} frames of ${width} × ${height}.`);
        }
        this.#changed();
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

    get view() {
        return { width: this.stage.clientWidth, height: this.stage.clientHeight };
    }

    get viewport() {
        return this.session.viewport ?? fit(this.doc, this.view);
    }

    set viewport(viewport) {
        this.session.viewport = viewport && kept(viewport, this.doc, this.view);
        this.redraw();
    }

    /** Device pixels per CSS pixel here, the graph's zoom included. */
    get density() {
        const zoom = this.stage.getBoundingClientRect().width / (this.stage.clientWidth || 1) || 1;
        return Math.min(Math.max(zoom, 0.5), 2) * (window.devicePixelRatio || 1);
    }

    /** @type {(dx: number, dy: number) => void} */
    panBy(dx, dy) {
        this.viewport = pan(this.viewport, dx, dy);
    }

    /** @type {(factor: number, atView?: XY) => void} */
    zoomBy(factor, atView = { x: this.view.width / 2, y: this.view.height / 2 }) {
        this.viewport = zoomAbout(this.viewport, factor, atView);
    }

    fitView() {
        this.session.viewport = null;
        this.redraw();
    }

    /** @type {(selection: Selection) => void} */
    select(selection) {
        this.session.selection = ops.surviving(this.doc, selection);
        this.session.history = histories.settle(this.session.history);
        this.redraw();
    }

    /** @type {(tool: ToolName) => void} */
    use(tool) {
        this.openPath = null;
        this.openOutline = [];
        this.#sketch = null;
        this.session.tool = tool;
        this.#notice = "";
        this.redraw();
    }

    /** @type {(sketch: import("./tools.js").Sketch | null) => void} */
    sketch(sketch) {
        this.#sketch = sketch;
        this.redraw();
    }

    /** A passing remark, until something else happens. @type {(text: string) => void} */
    say(text) {
        this.#notice = text;
        this.redraw();
    }

    /** A message that stays until it is clicked away. @type {(text: string) => void} */
    notify(text) {
        this.message.replaceChildren(
            h("span", {}, text),
            h("button", { class: "rve-button rve-small", type: "button", title: "Close", onclick: () => this.message.replaceChildren() }, "✕"),
        );
    }

    // --- The clip ----------------------------------------------------------------------------

    /** Shows a clip, which stays its owner's, or none; `waiting` says what is awaited or missing. @type {(clip: Clip | null, waiting?: string) => void} */
    show(clip, waiting = "") {
        this.#clip = clip;
        this.#waiting = waiting;
        this.fps = clip?.prepared.fps ?? BLANK_FPS;
        clip?.want(Math.floor(this.time));
        this.redraw();
    }

    /** The edited first frame, shown over frame 0. @type {(picture: ImageBitmap | null) => void} */
    showEdited(picture) {
        this.#edited?.close();
        this.#edited = picture;
        this.redraw();
    }

    get hasEdited() {
        return this.#edited !== null;
    }

    get clip() {
        return this.#clip;
    }

    /** @type {(time: number) => void} */
    seek(time) {
        this.session.time = Math.min(Math.max(time, 0), this.doc.frames - 1);
        this.#clip?.want(Math.floor(this.session.time + 1e-6));
        this.redraw();
    }

    play() {
        if (this.doc.frames < 2) return;
        if (!this.session.loop && this.time >= this.doc.frames - 1) this.session.time = 0;
        this.playing = true;
        this.#playedAt = performance.now();
        this.redraw();
    }

    pause() {
        if (!this.playing) return;
        this.playing = false;
        this.seek(Math.floor(this.time + 1e-6));
    }

    /** @type {(now: number) => void} */
    #advance(now) {
        const { frames } = this.doc;
        let time = this.session.time + (Math.max(now - this.#playedAt, 0) / 1000) * this.fps;
        this.#playedAt = Math.max(now, this.#playedAt);
        if (time >= frames) {
            if (!this.session.loop) {
                this.session.time = frames - 1;
                return this.pause();
            }
            time %= frames;
        }
        this.session.time = time;
        this.#clip?.want(Math.floor(time));
    }

    // --- Drawing -----------------------------------------------------------------------------

    redraw() {
        this.#frame ||= requestAnimationFrame((now) => {
            this.#frame = 0;
            if (this.playing) this.#advance(now);
            this.#draw();
            if (this.playing) this.redraw();
        });
    }

    #draw() {
        const { doc, session, density, view, viewport, selection } = this;
        if (!view.width || !view.height) return; // collapsed, or not in the page
        const time = this.time;
        const frame = Math.floor(time + 1e-6);
        /** @type {import("./render.js").Scene} */
        const scene = { doc, selection, time, viewport, density, sketch: this.#sketch, strays: this.#strays, ...this.pointer.hovering };
        const { scale, x, y } = viewport;
        const screen = [view.width, view.height, density, scale, x, y];
        const edited = frame === 0 && !this.comparing ? this.#edited : null;
        const shown = edited ?? this.#clip?.picture(frame)?.picture ?? null;
        const place = edited || !this.#clip ? { x: 0, y: 0, width: doc.width, height: doc.height } : this.#clip.prepared.place;
        const follows = doc.regions.some((region) => region.follow);
        const others = doc.paths.filter((path) => !selection.paths.includes(path.id));
        this.#layer(0, [...screen, shown, place, doc.width, doc.height], (context) => drawPicture(context, scene, shown, place));
        this.#layer(1, [...screen, doc.regions, ...(follows ? [time, doc.paths] : [])], (context) => drawAreas(context, scene));
        this.#layer(2, [...screen, doc.frames, this.#strays, ...others], (context) => drawPaths(context, scene));
        this.#layer(3, [{}], (context) => drawLive(context, scene));
        this.element.classList.toggle("rve-without-panel", !session.panel);
        this.toolbar.draw();
        this.panel.draw();
        this.timeline.draw();
        this.#drawStatus();
        this.pointer.drawCursor();
    }

    /** @type {(number: number, shows: any[], paint: (context: CanvasRenderingContext2D) => void) => void} */
    #layer(number, shows, paint) {
        const canvas = this.layers[number];
        const { width, height } = this.view;
        const resized = sizeCanvas(canvas, width, height, this.density);
        const before = this.#drawn[number];
        if (!resized && before && before.length === shows.length && shows.every((value, index) => value === before[index])) return;
        this.#drawn[number] = shows;
        const context = canvas.getContext("2d");
        if (context) paint(context);
    }

    #drawStatus() {
        const stale = this.#straysOf !== this.session.history.present;
        if (stale && !this.#previewed && !this.playing) {
            this.#straysOf = this.session.history.present;
            this.#strays = straysOf(this.session.history.present);
            this.redraw();
        }
        const warning = this.#strayText();
        const passing = this.#notice || this.#waiting || this.#readingText();
        const text = passing || warning || TOOLS[this.session.tool].hint;
        this.status.textContent = text;
        this.status.title = text;
        this.status.classList.toggle("rve-warning", !passing && warning !== "");
    }

    /** How far the clip has been read, while it is. */
    #readingText() {
        const clip = this.#clip;
        if (!clip) return "";
        const wanted = Math.min(clip.prepared.picked.length, clip.capacity);
        this.element.dataset.framesReady = String(clip.ready);
        if (clip.error) return `Reading stopped after ${clip.ready} frames: ${messageOf(clip.error)}`;
        return clip.ready < wanted ? `Reading the clip: ${clip.ready} of ${wanted} frames` : "";
    }

    #strayText() {
        const names = this.doc.paths.filter((path) => this.#strays.has(path.id)).map((path) => {
            const frames = [...(this.#strays.get(path.id) ?? [])];
            const [first, last] = [Math.min(...frames), Math.max(...frames)];
            return `${nameOf(this.doc.paths, path)} (frame${first === last ? ` ${first}` : `s ${first} to ${last}`})`;
        });
        if (!names.length) return "";
        const more = names.length > STRAY_LIMIT ? ` and ${names.length - STRAY_LIMIT} more` : "";
        return `Outside the areas, where nothing changes: ${names.slice(0, STRAY_LIMIT).join(", ")}${more}.`;
    }

    toggleHelp() {
        this.help.hidden = !this.help.hidden;
        if (!this.help.hidden) this.help.focus();
    }

    /** True if there was one to close. */
    closeOverlays() {
        const open = !this.help.hidden || !this.exchange.element.hidden;
        this.help.hidden = this.exchange.element.hidden = true;
        if (open) this.focus();
        return open;
    }

    // --- Input -------------------------------------------------------------------------------

    /** Takes the keyboard. */
    focus() {
        this.keys.focus({ preventScroll: true });
    }

    /** Runs a command of the keymap. @type {(command: string, event?: KeyboardEvent) => void} */
    run(command, event) {
        this.#notice = "";
        COMMANDS[command]?.(this, event);
        this.redraw();
    }

    #listen() {
        const { keys, element } = this;
        // The press of a button or of the stage must not take the keyboard from us; fields may.
        element.addEventListener("mousedown", (event) => {
            const target = /** @type {Element} */ (event.target);
            if (target.closest("input, select, textarea")) return;
            event.preventDefault();
            this.focus();
        });
        for (const name of ["pointerdown", "dblclick", "contextmenu"])
            element.addEventListener(name, (event) => {
                event.stopPropagation(); // or the graph would drag the node, open its menus
                if (name === "contextmenu" && !(/** @type {Element} */ (event.target).closest("input, textarea"))) event.preventDefault();
            });
        keys.addEventListener("keydown", (event) => this.#keyDown(event));
        keys.addEventListener("keyup", (event) => {
            if (event.key === " ") this.pointer.releaseSpace();
            if (event.key.toLowerCase() === "c") this.compare(false);
        });
        keys.addEventListener("blur", () => {
            this.pointer.releaseSpace(true);
            this.compare(false);
        });
        keys.addEventListener("input", () => (keys.value = ""));
        for (const name of /** @type {const} */ (["copy", "cut", "paste"]))
            keys.addEventListener(name, (event) => {
                event.preventDefault();
                event.stopPropagation();
                this.exchange.clipboard(name, event.clipboardData);
            });
        element.addEventListener("dragover", (event) => {
            event.preventDefault();
            event.stopPropagation();
        });
        element.addEventListener("drop", (event) => {
            event.preventDefault();
            event.stopPropagation();
            this.exchange.drop([...(event.dataTransfer?.files ?? [])]);
        });
    }

    /** @type {(event: KeyboardEvent) => void} */
    #keyDown(event) {
        const binding = bindingOf(event);
        if (!binding) return;
        event.stopPropagation();
        if (["copy", "cut", "paste"].includes(binding.command)) return; // the browser's own events follow
        event.preventDefault();
        if (binding.command === "play") return this.pointer.pressSpace(event.repeat);
        if (!event.repeat || binding.repeats) this.run(binding.command, event);
    }

    /** Shows the source in place of the edited first frame. @type {(on: boolean) => void} */
    compare(on) {
        if (on === this.comparing) return;
        this.comparing = on;
        this.redraw();
    }
}

/** @type {(doc: EditDocument) => boolean} */
const isBlank = (doc) => !doc.paths.length && !doc.regions.length;

/**
 * The document as its text has it: rounded, and known to be valid. What did not change keeps its
 * identity, and with it what was computed from it. Throws where the text is refused.
 * @type {(doc: EditDocument, text: string, before: EditDocument) => EditDocument}
 */
function asStored(doc, text, before) {
    const stored = /** @type {EditDocument} */ (parseDocument(text));
    const known = new Set([...before.paths, ...before.regions]);
    return {
        ...stored,
        paths: stored.paths.map((path, index) => (known.has(doc.paths[index]) ? doc.paths[index] : path)),
        regions: stored.regions.map((region, index) => (known.has(doc.regions[index]) ? doc.regions[index] : region)),
    };
}

/** @type {(error: unknown) => string} */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
