/** Path bars: a row under the scrubber with the selected path's start, end and tied points, which can be dragged. */

import { sizeCanvas } from "../canvas/canvas.js";
import { colorOf, findPath } from "../document/items.js";
import { setPointFrame, setRange } from "../document/timing.js";
import { h } from "../dom.js";
import { barAt, gripsOf, sameGrip, timeAtX, xOfTime, xWithin } from "./time_axis.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("./time_axis.js").Grip} Grip */

const INVITATION = "Select a path: when it begins and ends is set here";

export class PathBars {
    #shown = "";
    /** @type {Grip | undefined} under the pointer, or held */
    #lit = undefined;
    #held = false;
    // People without a pointer set the same times in the panel's fields.
    element = h("canvas", { class: "rve-bars", "aria-hidden": "true" });

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.element.addEventListener("pointerdown", (event) => this.#press(event));
        this.element.addEventListener("pointermove", (event) => {
            if (!this.#held) this.#light(event.pointerType === "touch" ? undefined : this.#gripUnder(event)?.grip);
        });
        this.element.addEventListener("pointerleave", () => {
            if (!this.#held) this.#light(undefined);
        });
    }

    /** Only when something of it has changed: a move of a point must not cost a layout. */
    draw() {
        const { editor, element } = this;
        const { clientWidth: width, clientHeight: height } = element;
        const path = this.#path();
        const times = path && [path.start, path.end, path.color, ...path.points.map(({ frame }) => frame)];
        const shows = JSON.stringify([width, height, editor.stage.density, editor.doc.frames, times, this.#lit, this.#held]);
        if (!width || shows === this.#shown) return;
        this.#shown = shows;
        const cursor = this.#lit ? "ew-resize" : "default";
        if (element.style.cursor !== cursor) element.style.cursor = cursor;
        const { grip } = element.dataset;
        if (grip !== this.#lit?.what) this.#lit ? (element.dataset.grip = this.#lit.what) : delete element.dataset.grip;
        this.#paint(path, width, height);
    }

    /** Draws anew though nothing changed, after a change of theme. */
    restyle() {
        this.#shown = "";
    }

    /** @type {(path: Path | undefined, width: number, height: number) => void} */
    #paint(path, width, height) {
        const { density } = this.editor.stage;
        const { frames } = this.editor.doc;
        const context = this.element.getContext("2d");
        if (!context) return;
        sizeCanvas(this.element, width, height, density);
        context.setTransform(density, 0, 0, density, 0, 0);
        context.clearRect(0, 0, width, height);
        const style = getComputedStyle(this.element);
        const [ink, faint, accent] = ["--rve-ink", "--rve-faint", "--rve-accent"].map((name) => style.getPropertyValue(name));
        const middle = Math.round(height / 2);
        if (!path) {
            context.font = `11px ${style.fontFamily}`;
            context.fillStyle = style.color;
            context.textAlign = "center";
            context.textBaseline = "middle";
            if (context.measureText(INVITATION).width < width) context.fillText(INVITATION, width / 2, middle);
            return;
        }
        const x = (/** @type {number} */ time) => xOfTime(time, frames, width);
        const [start, end] = [path.start ?? 0, path.end ?? frames - 1];
        context.fillStyle = faint;
        context.fillRect(x(0), middle - 1, x(frames - 1) - x(0), 2);
        context.fillStyle = colorOf(path);
        context.fillRect(x(start), middle - 3, Math.max(x(end) - x(start), 1), 6);
        for (const { grip, x: at } of gripsOf(path, frames, width)) {
            const lit = sameGrip(grip, this.#lit);
            const size = lit ? 1.25 : 1;
            context.beginPath();
            if (grip.what === "key") {
                for (const [dx, dy] of [[0, -7], [7, 0], [0, 7], [-7, 0]]) context.lineTo(at + dx * size, middle + dy * size);
            } else context.roundRect(at - 4 * size, middle - 9 * size, 8 * size, 18 * size, 3);
            context.closePath();
            context.fillStyle = colorOf(path);
            context.fill();
            context.lineWidth = lit ? 2.5 : 1.25;
            context.strokeStyle = lit ? accent : ink;
            context.stroke();
        }
    }

    /** The path whose times are shown: the one that is selected alone. @type {() => Path | undefined} */
    #path() {
        const { paths } = this.editor.selection;
        return paths.length === 1 ? findPath(this.editor.doc, paths[0]) : undefined;
    }

    /** @type {(event: PointerEvent) => ReturnType<typeof barAt>} */
    #gripUnder(event) {
        const path = this.#path();
        return path && barAt(path, this.editor.doc.frames, this.element.clientWidth, xWithin(event, this.element));
    }

    /** @type {(grip: Grip | undefined) => void} */
    #light(grip) {
        if (sameGrip(grip, this.#lit)) return;
        this.#lit = grip;
        this.editor.redraw();
    }

    /** @type {(event: PointerEvent) => void} */
    #press(event) {
        if (event.button !== 0 || this.#held) return;
        event.stopPropagation();
        const { editor, element } = this;
        editor.focus();
        editor.player.pause();
        const path = this.#path();
        const under = this.#gripUnder(event);
        if (!path || !under) return;
        const before = editor.doc;
        // Held where it was taken: it does not jump under the pointer.
        const from = xOfTime(under.time, before.frames, element.clientWidth) - xWithin(event, element);
        const timed = (/** @type {PointerEvent} */ now) =>
            withTime(before, path, under.grip, Math.round(timeAtX(from + xWithin(now, element), before.frames, element.clientWidth)));
        const move = (/** @type {PointerEvent} */ now) => {
            if (!now.buttons) return finish(now);
            const doc = timed(now);
            editor.preview(doc);
            editor.say(timeText(findPath(doc, path.id) ?? path, under.grip, doc.frames));
        };
        const finish = (/** @type {PointerEvent} */ now) => {
            ends.abort();
            this.#held = false;
            this.#light(undefined);
            now.type === "pointercancel" ? editor.revert() : editor.commit(timed(now), "timing");
        };
        const ends = new AbortController();
        const listen = (/** @type {"pointermove" | "pointerup" | "pointercancel" | "lostpointercapture"} */ name, /** @type {(now: PointerEvent) => void} */ act) =>
            element.addEventListener(name, act, { signal: ends.signal });
        listen("pointermove", move);
        for (const name of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) listen(name, finish);
        element.setPointerCapture(event.pointerId);
        this.#held = true;
        this.#light(under.grip);
        move(event);
    }
}

/** @type {(doc: EditDocument, path: Path, grip: Grip, time: number) => EditDocument} */
function withTime(doc, path, grip, time) {
    if (grip.what === "key") return setPointFrame(doc, path.id, grip.index, time);
    const [start, end] = [path.start ?? 0, path.end ?? doc.frames - 1];
    return grip.what === "start" ? setRange(doc, path.id, Math.min(time, end), end) : setRange(doc, path.id, start, Math.max(time, start));
}

/** @type {(path: Path, grip: Grip, frames: number) => string} */
function timeText(path, grip, frames) {
    if (grip.what === "key") return `Point ${grip.index + 1} is reached at frame ${path.points[grip.index].frame ?? ""}.`;
    return grip.what === "start" ? `The path begins at frame ${path.start ?? 0}.` : `The path ends at frame ${path.end ?? frames - 1}.`;
}
