/** Timeline: transport buttons, the scrubber with the selected path's times, frame number and time. */

import { sizeCanvas } from "../canvas/canvas.js";
import { findPath } from "../document/items.js";
import { setPointFrame, setRange } from "../document/timing.js";
import { h } from "../dom.js";
import { shortcut } from "../input/keymap.js";
import { frameAt } from "../input/player.js";
import { icon } from "./icons.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../document/document.js").Path} Path */

/**
 * What on the scrubber can be dragged besides the playhead.
 * @typedef {{what: "start" | "end"} | {what: "key", index: number}} Grip
 */

const EDGE = 9; // CSS pixels left and right of the first and last frame
const GRIP = 7; // CSS pixels within which a grip is taken

export class Timeline {
    #shown = "";
    #label = h("output", { class: "rve-time", "aria-live": "off" });
    #scrubber = h("canvas", { class: "rve-scrubber", role: "slider", "aria-label": "Frame", tabindex: "-1" });
    #play = h("button", { class: "rve-button", type: "button" });
    #loop = h("button", { class: "rve-button", type: "button", title: `Loop (${shortcut("loop")})` }, icon("loop"));

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        const button = (/** @type {import("./icons.js").IconName} */ name, /** @type {string} */ command, /** @type {string} */ title) =>
            h(
                "button",
                { class: "rve-button", type: "button", title: `${title} (${shortcut(command)})`, onclick: () => editor.run(command) },
                icon(name),
            );
        this.#play.addEventListener("click", () => editor.run("play"));
        this.#loop.addEventListener("click", () => editor.run("loop"));
        this.element = h(
            "div",
            { class: "rve-timeline" },
            button("previous", "previous", "A frame back"),
            this.#play,
            button("next", "next", "A frame on"),
            this.#loop,
            this.#scrubber,
            this.#label,
        );
        this.#scrubber.addEventListener("pointerdown", (event) => this.#press(event));
    }

    /** Only when something of it has changed: a move of a point must not cost a layout. */
    draw() {
        const { editor } = this;
        const { doc, session, time } = editor;
        const { fps } = editor.backdrop;
        const { clientWidth: width, clientHeight: height } = this.#scrubber;
        const path = this.#path();
        const times = path && [path.start, path.end, path.color, ...path.points.map(({ frame }) => frame)];
        const shows = JSON.stringify([width, height, doc.frames, time, fps, editor.player.playing, session.loop, times]);
        if (!width || shows === this.#shown) return;
        this.#shown = shows;
        const frame = frameAt(time);
        const last = doc.frames - 1;
        this.#play.replaceChildren(icon(editor.player.playing ? "pause" : "play"));
        this.#play.title = `${editor.player.playing ? "Pause" : "Play"} (${shortcut("play")})`;
        this.#loop.setAttribute("aria-pressed", String(session.loop));
        this.#label.textContent = `${frame} / ${last} · ${(frame / fps).toFixed(2)} s`;
        this.#label.title = `Frame ${frame} of 0 to ${last}, at ${Number(fps.toFixed(3))} frames per second`;
        for (const [name, value] of Object.entries({ valuemin: 0, valuemax: last, valuenow: frame }))
            this.#scrubber.setAttribute(`aria-${name}`, String(value));
        this.#drawScrubber(width, height, path);
    }

    /** Draws anew though nothing changed, after a change of theme. */
    restyle() {
        this.#shown = "";
        this.editor.redraw();
    }

    /** @type {(width: number, height: number, path: Path | undefined) => void} */
    #drawScrubber(width, height, path) {
        const { doc, time } = this.editor;
        const { density } = this.editor.stage;
        const canvas = this.#scrubber;
        const context = canvas.getContext("2d");
        if (!context) return;
        sizeCanvas(canvas, width, height, density);
        context.setTransform(density, 0, 0, density, 0, 0);
        context.clearRect(0, 0, width, height);
        const style = getComputedStyle(canvas);
        const [ink, faint, accent] = ["--rve-ink", "--rve-faint", "--rve-accent"].map((name) => style.getPropertyValue(name));
        const middle = Math.round(height / 2);
        const x = (/** @type {number} */ time) => this.#xOf(time);

        context.fillStyle = faint;
        context.fillRect(EDGE, middle - 2, width - 2 * EDGE, 4);
        const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((step) => (step * (width - 2 * EDGE)) / doc.frames >= 5) ?? 2000;
        for (let frame = 0; frame < doc.frames; frame += every) context.fillRect(Math.round(x(frame)), middle + 5, 1, 4);

        if (path) {
            const [start, end] = [path.start ?? 0, path.end ?? doc.frames - 1];
            context.fillStyle = path.color ?? accent;
            context.fillRect(x(start), middle - 2, Math.max(x(end) - x(start), 1), 4);
            context.fillRect(x(start) - 2, middle - 7, 4, 14);
            context.fillRect(x(end) - 2, middle - 7, 4, 14);
            for (const point of path.points) {
                if (point.frame === undefined) continue;
                const at = x(point.frame);
                context.beginPath();
                context.moveTo(at, middle - 5.5);
                context.lineTo(at + 5.5, middle);
                context.lineTo(at, middle + 5.5);
                context.lineTo(at - 5.5, middle);
                context.closePath();
                context.fillStyle = path.color ?? accent;
                context.strokeStyle = ink;
                context.fill();
                context.stroke();
            }
        }
        const now = x(time);
        context.fillStyle = ink;
        context.fillRect(now - 1, 2, 2, height - 4);
        context.beginPath();
        context.moveTo(now - 5, 1);
        context.lineTo(now + 5, 1);
        context.lineTo(now, 8);
        context.fill();
    }

    /** The path whose times are shown: the one that is selected alone. @type {() => Path | undefined} */
    #path() {
        const { paths } = this.editor.session.selection;
        return paths.length === 1 ? findPath(this.editor.doc, paths[0]) : undefined;
    }

    /** @type {(time: number) => number} */
    #xOf(time) {
        const last = Math.max(this.editor.doc.frames - 1, 1);
        return EDGE + (time / last) * (this.#scrubber.clientWidth - 2 * EDGE);
    }

    /** @type {(event: PointerEvent) => number} time under the pointer, not yet rounded */
    #timeOf(event) {
        const box = this.#scrubber.getBoundingClientRect(); // the graph may scale us
        const x = ((event.clientX - box.left) / box.width) * this.#scrubber.clientWidth;
        const last = this.editor.doc.frames - 1;
        return Math.min(Math.max(((x - EDGE) / (this.#scrubber.clientWidth - 2 * EDGE)) * last, 0), last);
    }

    /** @type {(event: PointerEvent) => Grip | null} */
    #gripUnder(event) {
        const path = this.#path();
        if (!path) return null;
        const box = this.#scrubber.getBoundingClientRect();
        const x = ((event.clientX - box.left) / box.width) * this.#scrubber.clientWidth;
        const y = ((event.clientY - box.top) / box.height) * this.#scrubber.clientHeight;
        if (y < this.#scrubber.clientHeight / 2 - 8) return null; // the upper rim is the playhead's
        const keys = path.points.flatMap((point, index) => (point.frame === undefined ? [] : [{ what: /** @type {const} */ ("key"), index, at: point.frame }]));
        const ends = [
            { what: /** @type {const} */ ("start"), at: path.start ?? 0 },
            { what: /** @type {const} */ ("end"), at: path.end ?? this.editor.doc.frames - 1 },
        ];
        return [...keys, ...ends].find((grip) => Math.abs(this.#xOf(grip.at) - x) <= GRIP) ?? null;
    }

    /** @type {(event: PointerEvent) => void} */
    #press(event) {
        if (event.button !== 0) return;
        event.stopPropagation();
        const { editor } = this;
        editor.focus();
        editor.player.pause();
        const grip = this.#gripUnder(event);
        const path = this.#path();
        const before = editor.doc;
        /** @type {(now: PointerEvent) => import("../document/document.js").EditDocument} */
        const changed = (now) => {
            if (!grip || !path) return before;
            const time = Math.round(this.#timeOf(now));
            if (grip.what === "key") return setPointFrame(before, path.id, grip.index, time);
            const [start, end] = [path.start ?? 0, path.end ?? before.frames - 1];
            return grip.what === "start" ? setRange(before, path.id, Math.min(time, end), end) : setRange(before, path.id, start, Math.max(time, start));
        };
        const move = (/** @type {PointerEvent} */ now) => {
            if (!now.buttons) return finish(now);
            if (grip) editor.preview(changed(now));
            else editor.player.seek(Math.round(this.#timeOf(now)));
        };
        const finish = (/** @type {PointerEvent} */ now) => {
            for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
                this.#scrubber.removeEventListener(name, /** @type {EventListener} */ (finish));
            this.#scrubber.removeEventListener("pointermove", move);
            if (grip) now.type === "pointercancel" ? editor.revert() : editor.commit(changed(now), "timing");
        };
        this.#scrubber.setPointerCapture(event.pointerId);
        this.#scrubber.addEventListener("pointermove", move);
        for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
            this.#scrubber.addEventListener(name, /** @type {EventListener} */ (finish));
        move(event);
    }
}
