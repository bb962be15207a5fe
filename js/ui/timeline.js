/** Timeline: transport buttons, the scrubber, the row of the selected path's times, frame number and time. */

import { sizeCanvas } from "../canvas/canvas.js";
import { h } from "../dom.js";
import { shortcut } from "../input/keymap.js";
import { frameAt } from "../input/player.js";
import { t } from "../locale.js";
import { icon } from "./icons.js";
import { PathBars } from "./path_bars.js";
import { AXIS_MARGIN, timeAtX, xOfTime, xWithin } from "./time_axis.js";

/** @typedef {import("../editor.js").Editor} Editor */

const PAGE = 10; // frames

export class Timeline {
    #shown = "";
    #label = h("output", { class: "rve-time", "aria-live": "off" });
    #scrubber = h("canvas", { class: "rve-scrubber", role: "slider", "aria-label": t`Frame`, tabindex: "0" });
    #play = h("button", { class: "rve-button", type: "button" });
    #loop = h("button", { class: "rve-button", type: "button", title: t`Loop (${shortcut("loop")})`, "aria-label": t`Loop` }, icon("loop"));

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.bars = new PathBars(editor);
        const button = (/** @type {import("./icons.js").IconName} */ name, /** @type {string} */ command, /** @type {string} */ title) =>
            h(
                "button",
                { class: "rve-button", type: "button", title: `${title} (${shortcut(command)})`, "aria-label": `${title} (${shortcut(command)})`, onclick: () => editor.run(command) },
                icon(name),
            );
        this.#play.addEventListener("click", () => editor.run("play"));
        this.#loop.addEventListener("click", () => editor.run("loop"));
        this.element = h(
            "div",
            { class: "rve-timeline" },
            button("previous", "previous", t`A frame back`),
            this.#play,
            button("next", "next", t`A frame on`),
            this.#loop,
            h("div", { class: "rve-times" }, this.#scrubber, this.bars.element),
            this.#label,
        );
        this.#scrubber.addEventListener("pointerdown", (event) => this.#press(event));
        this.#scrubber.addEventListener("keydown", (event) => this.#key(event));
    }

    /** Only when something of it has changed: a move of a point must not cost a layout. */
    draw() {
        this.bars.draw();
        const { editor } = this;
        const { doc, session, time } = editor;
        const { fps } = editor.backdrop;
        const { clientWidth: width, clientHeight: height } = this.#scrubber;
        const shows = JSON.stringify([width, height, editor.stage.density, doc.frames, time, fps, editor.player.playing, session.loop]);
        if (!width || shows === this.#shown) return;
        this.#shown = shows;
        const frame = frameAt(time);
        const last = doc.frames - 1;
        this.#play.replaceChildren(icon(editor.player.playing ? "pause" : "play"));
        this.#play.title = `${editor.player.playing ? t`Pause` : t`Play`} (${shortcut("play")})`;
        this.#play.setAttribute("aria-label", this.#play.title);
        this.#loop.setAttribute("aria-pressed", String(session.loop));
        this.#label.textContent = `${frame} / ${last} · ${(frame / fps).toFixed(2)} s`;
        this.#label.title = t`Frame ${frame} of 0 to ${last}, at ${Number(fps.toFixed(3))} frames per second`;
        const valuetext = t`Frame ${frame} of 0 to ${last}, ${(frame / fps).toFixed(2)} seconds`;
        for (const [name, value] of Object.entries({ valuemin: 0, valuemax: last, valuenow: frame, valuetext }))
            this.#scrubber.setAttribute(`aria-${name}`, String(value));
        this.#drawScrubber(width, height);
    }

    /** Draws anew though nothing changed, after a change of theme. */
    restyle() {
        this.#shown = "";
        this.bars.restyle();
        this.editor.redraw();
    }

    /** @type {(width: number, height: number) => void} */
    #drawScrubber(width, height) {
        const { doc, time } = this.editor;
        const { density } = this.editor.stage;
        const canvas = this.#scrubber;
        const context = canvas.getContext("2d");
        if (!context) return;
        sizeCanvas(canvas, width, height, density);
        context.setTransform(density, 0, 0, density, 0, 0);
        context.clearRect(0, 0, width, height);
        const style = getComputedStyle(canvas);
        const [ink, faint] = ["--rve-ink", "--rve-faint"].map((name) => style.getPropertyValue(name));
        const middle = Math.round(height / 2);
        const x = (/** @type {number} */ time) => xOfTime(time, doc.frames, width);

        context.fillStyle = faint;
        context.fillRect(AXIS_MARGIN, middle - 2, width - 2 * AXIS_MARGIN, 4);
        const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((step) => (step * (width - 2 * AXIS_MARGIN)) / doc.frames >= 5) ?? 2000;
        for (let frame = 0; frame < doc.frames; frame += every) context.fillRect(Math.round(x(frame)), middle + 5, 1, 4);

        const now = x(time);
        context.fillStyle = ink;
        context.fillRect(now - 1, 2, 2, height - 4);
        context.beginPath();
        context.moveTo(now - 5, 1);
        context.lineTo(now + 5, 1);
        context.lineTo(now, 8);
        context.fill();
    }

    /** @type {(event: KeyboardEvent) => void} */
    #key(event) {
        const { editor } = this;
        const last = editor.doc.frames - 1;
        const now = frameAt(editor.time);
        /** @type {Record<string, number>} */
        const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - PAGE, PageUp: now + PAGE, Home: 0, End: last };
        if (!(event.key in to) || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        editor.player.pause();
        editor.player.seek(to[event.key]);
    }

    /** @type {(event: PointerEvent) => void} */
    #press(event) {
        if (event.button !== 0) return;
        event.stopPropagation();
        const { editor } = this;
        const scrubber = this.#scrubber;
        editor.focus();
        editor.player.pause();
        const ends = new AbortController();
        const move = (/** @type {PointerEvent} */ now) => {
            if (now.buttons) editor.player.seek(Math.round(timeAtX(xWithin(now, scrubber), editor.doc.frames, scrubber.clientWidth)));
            else ends.abort();
        };
        scrubber.setPointerCapture(event.pointerId);
        scrubber.addEventListener("pointermove", move, { signal: ends.signal });
        for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
            scrubber.addEventListener(name, () => ends.abort(), { signal: ends.signal });
        move(event);
    }
}
