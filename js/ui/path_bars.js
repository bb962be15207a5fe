/** Path bars: a row under the scrubber with the selected path's start, end and tied points, or the selected area's keys, which can be dragged. */

import { sizeCanvas } from "../canvas/canvas.js";
import { AREA_LINE } from "../canvas/render_areas.js";
import { colorOf, findArea, findPath } from "../document/items.js";
import { moveKey } from "../document/keys.js";
import { NOTHING } from "../document/operations.js";
import { setPointFrame, setRange } from "../document/timing.js";
import { h } from "../dom.js";
import { t } from "../locale.js";
import { barAt, gripsOf, isArea, sameGrip, timeAtX, xOfTime, xWithin } from "./time_axis.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("./time_axis.js").Grip} Grip */

const INVITATION = t`Select a path: when it begins and ends is set here`;
const WITHOUT_KEYS = t`K puts a key on the area at the frame shown`;
const STILL = 3; // pixels of the page; less is a click

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
        const item = this.#item();
        const times = item && [colorIn(item), ...gripsOf(item, editor.doc.frames, width).map(({ time }) => time)];
        const shows = JSON.stringify([width, height, editor.stage.density, editor.doc.frames, times, this.#lit, this.#held, editor.selection.key]);
        if (!width || shows === this.#shown) return;
        this.#shown = shows;
        const cursor = this.#lit ? "ew-resize" : "default";
        if (element.style.cursor !== cursor) element.style.cursor = cursor;
        const { grip } = element.dataset;
        if (grip !== this.#lit?.what) this.#lit ? (element.dataset.grip = this.#lit.what) : delete element.dataset.grip;
        this.#paint(item, width, height);
    }

    /** Draws anew though nothing changed, after a change of theme. */
    restyle() {
        this.#shown = "";
    }

    /** @type {(item: Path | Area | undefined, width: number, height: number) => void} */
    #paint(item, width, height) {
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
        const grips = item ? gripsOf(item, frames, width) : [];
        if (!item || !grips.length) {
            const text = item ? WITHOUT_KEYS : INVITATION;
            context.font = `11px ${style.fontFamily}`;
            context.fillStyle = style.color;
            context.textAlign = "center";
            context.textBaseline = "middle";
            if (context.measureText(text).width < width) context.fillText(text, width / 2, middle);
            return;
        }
        const x = (/** @type {number} */ time) => xOfTime(time, frames, width);
        const [start, end] = spanOf(item, frames);
        context.fillStyle = faint;
        context.fillRect(x(0), middle - 1, x(frames - 1) - x(0), 2);
        context.fillStyle = colorIn(item);
        context.fillRect(x(start), middle - 3, Math.max(x(end) - x(start), 1), 6);
        const chosen = this.editor.selection.key;
        for (const { grip, time, x: at } of grips) {
            const lit = sameGrip(grip, this.#lit) || (isArea(item) && chosen?.frame === time);
            const size = lit ? 1.25 : 1;
            context.beginPath();
            if (grip.what === "key") {
                for (const [dx, dy] of [[0, -7], [7, 0], [0, 7], [-7, 0]]) context.lineTo(at + dx * size, middle + dy * size);
            } else context.roundRect(at - 4 * size, middle - 9 * size, 8 * size, 18 * size, 3);
            context.closePath();
            context.fillStyle = colorIn(item);
            context.fill();
            context.lineWidth = lit ? 2.5 : 1.25;
            context.strokeStyle = lit ? accent : ink;
            context.stroke();
        }
    }

    /** What times are shown of: the one path, or the one area, that is selected alone. @type {() => Path | Area | undefined} */
    #item() {
        const { doc, selection } = this.editor;
        if (selection.paths.length === 1) return findPath(doc, selection.paths[0]);
        return !selection.paths.length && selection.regions.length === 1 ? findArea(doc, selection.regions[0]) : undefined;
    }

    /** @type {(event: PointerEvent) => ReturnType<typeof barAt>} */
    #gripUnder(event) {
        const item = this.#item();
        return item && barAt(item, this.editor.doc.frames, this.element.clientWidth, xWithin(event, this.element));
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
        const item = this.#item();
        const under = this.#gripUnder(event);
        if (!item || !under) return;
        const before = editor.doc;
        // Held where it was taken: it does not jump under the pointer.
        const from = xOfTime(under.time, before.frames, element.clientWidth) - xWithin(event, element);
        const timed = (/** @type {PointerEvent} */ now) =>
            withTime(before, item, under.grip, Math.round(timeAtX(from + xWithin(now, element), before.frames, element.clientWidth)));
        let moving = false;
        const move = (/** @type {PointerEvent} */ now) => {
            if (!now.buttons) return finish(now);
            moving ||= Math.abs(now.clientX - event.clientX) >= STILL;
            if (!moving) return;
            const doc = timed(now);
            editor.preview(doc);
            editor.say(timeText(itemIn(doc, item), under.grip, doc.frames));
        };
        const finish = (/** @type {PointerEvent} */ now) => {
            ends.abort();
            this.#held = false;
            editor.letGo = null;
            this.#light(undefined);
            if (now.type === "pointercancel") return editor.revert();
            if (moving) editor.commit(timed(now), t`change the timing`);
            this.#choose(itemIn(editor.doc, item), under.grip, !moving);
        };
        const ends = new AbortController();
        const listen = (/** @type {"pointermove" | "pointerup" | "pointercancel" | "lostpointercapture"} */ name, /** @type {(now: PointerEvent) => void} */ act) =>
            element.addEventListener(name, act, { signal: ends.signal });
        listen("pointermove", move);
        for (const name of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) listen(name, finish);
        element.setPointerCapture(event.pointerId);
        this.#held = true;
        editor.letGo = () => finish(new PointerEvent("pointercancel"));
        this.#light(under.grip);
        editor.say(timeText(item, under.grip, before.frames));
    }

    /** Selects the point or key that was taken, and shows its frame where it was clicked. @type {(item: Path | Area, grip: Grip, shows: boolean) => void} */
    #choose(item, grip, shows) {
        if (grip.what !== "key") return;
        const { editor } = this;
        const frame = (isArea(item) ? item.keys?.[grip.index] : item.points[grip.index])?.frame;
        if (frame === undefined) return;
        if (isArea(item)) editor.select({ ...NOTHING, regions: [item.id], key: { area: item.id, frame } });
        else if (shows) editor.select({ ...NOTHING, paths: [item.id], points: [{ path: item.id, index: grip.index }] });
        if (shows) editor.player.seek(Math.round(frame)); // what is changed now is changed at a frame
    }
}

/** @type {<T extends Path | Area>(doc: EditDocument, item: T) => T} */
const itemIn = (doc, item) => /** @type {typeof item} */ ((isArea(item) ? findArea(doc, item.id) : findPath(doc, item.id)) ?? item);

/** @type {(item: Path | Area) => string} */
const colorIn = (item) => (isArea(item) ? AREA_LINE : colorOf(item));

/** From when to when it changes. @type {(item: Path | Area, frames: number) => [number, number]} */
function spanOf(item, frames) {
    if (!isArea(item)) return [item.start ?? 0, item.end ?? frames - 1];
    const times = (item.keys ?? []).map(({ frame }) => frame);
    return [times[0] ?? 0, times.at(-1) ?? 0];
}

/** @type {(doc: EditDocument, item: Path | Area, grip: Grip, time: number) => EditDocument} */
function withTime(doc, item, grip, time) {
    if (isArea(item)) return grip.what === "key" && item.keys ? moveKey(doc, item.id, item.keys[grip.index].frame, time) : doc;
    const path = item;
    if (grip.what === "key") return setPointFrame(doc, path.id, grip.index, time);
    const [start, end] = [path.start ?? 0, path.end ?? doc.frames - 1];
    return grip.what === "start" ? setRange(doc, path.id, Math.min(time, end), end) : setRange(doc, path.id, start, Math.max(time, start));
}

/** @type {(item: Path | Area, grip: Grip, frames: number) => string} */
function timeText(item, grip, frames) {
    if (isArea(item)) return grip.what === "key" ? t`Key ${grip.index + 1} of the area: frame ${item.keys?.[grip.index].frame ?? ""}. Delete takes it away.` : "";
    const path = item;
    if (grip.what === "key") return t`Point ${grip.index + 1} is reached at frame ${path.points[grip.index].frame ?? ""}.`;
    return grip.what === "start" ? t`The path begins at frame ${path.start ?? 0}.` : t`The path ends at frame ${path.end ?? frames - 1}.`;
}
