/** Settings of what is selected: a path, a point of it, an area; and what can be done to it. */

import { addArea, colorOf, findArea, findPath, nameOf, newArea, reordered, updateArea, updatePath } from "../document/items.js";
import { lockedNames, lockedText } from "../document/locks.js";
import * as ops from "../document/operations.js";
import { frameRoom, setPointFrame, setRange } from "../document/timing.js";
import { h } from "../dom.js";
import { shortcut } from "../input/keymap.js";
import { frameAt } from "../input/player.js";
import { icon } from "./icons.js";
import { placementFields } from "./placement.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("./icons.js").IconName} IconName */

const EASINGS = { linear: "even", in: "speeds up", out: "slows down", "in-out": "both" };
const SEVERAL = "\n"; // stands for several paths that are followed: no id has it
const DEFAULT_MARGIN = 24; // pixels around the paths that an area is fitted to

export class Settings {
    #margin = DEFAULT_MARGIN;
    element = h("div", { class: "rve-settings" });

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
    }

    /** What has the focus keeps it. @type {(selection: ops.Selection) => void} */
    show(selection) {
        const { activeElement } = document;
        const focused = activeElement && this.element.contains(activeElement);
        const field = focused && activeElement.getAttribute("data-field");
        this.element.replaceChildren(...this.#settingsOf(selection));
        const again = field && [...this.element.querySelectorAll("[data-field]")].find((one) => one.getAttribute("data-field") === field);
        if (again instanceof HTMLElement) again.focus();
        else if (focused) this.editor.focus(); // what had the focus is gone: keys still go here
    }

    /** @type {(selection: ops.Selection) => HTMLElement[]} */
    #settingsOf(selection) {
        const { doc } = this.editor;
        const path = selection.paths.length === 1 ? findPath(doc, selection.paths[0]) : undefined;
        const area = selection.regions.length === 1 && !selection.paths.length ? findArea(doc, selection.regions[0]) : undefined;
        const parts = [];
        const locked = lockedNames(doc, this.editor.session.selection);
        if (locked.length) parts.push(h("p", { class: "rve-empty" }, lockedText(locked)));
        if (path) parts.push(...this.#pathSettings(path, selection));
        if (area) parts.push(...this.#areaSettings(area));
        parts.push(...placementFields(this.editor, selection));
        if (selection.paths.length) parts.push(this.#fitArea(selection.paths));
        if (!ops.isNothing(selection)) parts.push(this.#actions(selection));
        return parts;
    }

    /** @type {(path: Path, selection: ops.Selection) => HTMLElement[]} */
    #pathSettings(path, selection) {
        const { editor } = this;
        const { doc } = editor;
        const last = doc.frames - 1;
        const set = (/** @type {Partial<Path>} */ change, /** @type {string} */ label) =>
            editor.commit(updatePath(editor.doc, path.id, (before) => ({ ...before, ...change })), label);
        const range = (/** @type {number} */ start, /** @type {number} */ end) => editor.commit(setRange(editor.doc, path.id, start, end), "timing");
        const [start, end] = [path.start ?? 0, path.end ?? last];
        /** @type {HTMLElement[]} */
        const rows = [
            h(
                "div",
                { class: "rve-pair" },
                this.#number("Start", start, { min: 0, max: end, field: "start", hint: "The frame the path begins at" }, (value) => range(value, Math.max(value, end))),
                this.#number("End", end, { min: start, max: last, field: "end", hint: "The frame the path ends at" }, (value) => range(Math.min(start, value), value)),
            ),
            h(
                "div",
                { class: "rve-pair" },
                this.#choice("Speed", EASINGS, path.easing ?? "linear", (value) => set({ easing: /** @type {Path["easing"]} */ (value) }, "easing")),
                h(
                    "label",
                    { class: "rve-field" },
                    "Colour",
                    h("input", {
                        type: "color",
                        "data-field": "colour",
                        value: colorOf(path),
                        onchange: (/** @type {Event} */ event) => set({ color: /** @type {HTMLInputElement} */ (event.target).value }, "colour"),
                    }),
                ),
            ),
        ];
        const [point] = selection.points;
        if (selection.points.length === 1 && path.points[point.index]) rows.push(...this.#pointSettings(path, point.index));
        return rows;
    }

    /** @type {(path: Path, index: number) => HTMLElement[]} */
    #pointSettings(path, index) {
        const { editor } = this;
        const point = path.points[index];
        const place = (/** @type {"x" | "y"} */ axis) => (/** @type {number} */ value) =>
            editor.commit(
                updatePath(editor.doc, path.id, (before) => ({ ...before, points: before.points.with(index, { ...before.points[index], [axis]: value }) })),
                "move point",
            );
        const time = (/** @type {number | undefined} */ frame) => editor.commit(setPointFrame(editor.doc, path.id, index, frame), "point time");
        const limits = { min: -100000, max: 100000, step: "any" };
        const room = `Frames it may have: ${roomText(editor.doc, path, index)}`;
        return [
            h("h3", {}, `Point ${index + 1} of ${path.points.length}`),
            h(
                "div",
                { class: "rve-pair" },
                this.#number("x", round(point.x), { ...limits, field: "x", hint: "Pixels from the left" }, place("x")),
                this.#number("y", round(point.y), { ...limits, field: "y", hint: "Pixels from the top" }, place("y")),
            ),
            h(
                "div",
                { class: "rve-pair" },
                this.#number("Frame", point.frame ?? "", { min: 0, max: editor.doc.frames - 1, field: "frame", hint: `When the path is here; empty: as the speed has it. ${room}`, empty: () => time(undefined) }, time),
                this.#button(point.frame === undefined ? "Tie here" : "Free", null, `Tie the point to the frame shown, or free it (${shortcut("time-point")}). ${room}`, () => editor.run("time-point")),
            ),
        ];
    }

    /** @type {(area: Area) => HTMLElement[]} */
    #areaSettings(area) {
        const { editor } = this;
        const { doc } = editor;
        const set = (/** @type {Partial<Area>} */ change, /** @type {string} */ label) =>
            editor.commit(updateArea(editor.doc, area.id, (before) => ({ ...before, ...change })), label);
        const several = Array.isArray(area.follow) ? [[SEVERAL, `${area.follow.length} paths`]] : [];
        const paths = Object.fromEntries([["", "nothing"], ...several, ...doc.paths.map((path) => [path.id, nameOf(doc.paths, path)])]);
        const follow = (/** @type {string} */ id) => editor.commit(ops.setFollow(editor.doc, area.id, id || undefined, frameAt(editor.time)), "follow");
        return [
            h(
                "div",
                { class: "rve-pair" },
                this.#choice("Area", { add: "adds", subtract: "takes away" }, area.mode ?? "add", (mode) => set({ mode: /** @type {Area["mode"]} */ (mode) }, "mode")),
                this.#number("Feather", area.feather ?? 0, { min: 0, max: 10000, step: "any", field: "feather", hint: "Width of the soft edge in pixels" }, (feather) => set({ feather }, "feather")),
            ),
            h(
                "div",
                { class: "rve-pair" },
                this.#choice("Follows", paths, several.length ? SEVERAL : /** @type {string | undefined} */ (area.follow) ?? "", follow),
                area.kind === "brush"
                    ? this.#number("Radius", round(area.radius ?? 1), { min: 0.5, max: 10000, step: "any", field: "radius", hint: "Of the brush, in pixels" }, (radius) => set({ radius: Math.max(radius, 0.5) }, "radius"))
                    : null,
            ),
            h(
                "div",
                { class: "rve-pair" },
                this.#button("Later", "up", "Count over more of the others", () => editor.commit({ ...editor.doc, regions: reordered(editor.doc.regions, area.id, 1) }, "order")),
                this.#button("Earlier", "down", "Let more of the others count over it", () => editor.commit({ ...editor.doc, regions: reordered(editor.doc.regions, area.id, -1) }, "order")),
            ),
        ];
    }

    /** @type {(ids: string[]) => HTMLElement} */
    #fitArea(ids) {
        const { editor } = this;
        const fit = () => {
            const box = ops.boxAround(editor.doc, ids, this.#margin);
            if (!box) return editor.say("The paths lie outside the frame.");
            const area = newArea(editor.doc, "rect", box);
            editor.commit(addArea(editor.doc, area), "fit an area");
            editor.select({ ...ops.NOTHING, regions: [area.id] });
        };
        return h(
            "div",
            { class: "rve-pair" },
            this.#button("Area around", "rect", "An area around all of the way, with the margin", fit),
            this.#number("Margin", this.#margin, { min: 0, max: 4096, field: "margin", hint: "Pixels around the way" }, (value) => (this.#margin = value)),
        );
    }

    /** @type {(selection: ops.Selection) => HTMLElement} */
    #actions(selection) {
        const { editor } = this;
        const command = (/** @type {string} */ text, /** @type {IconName} */ name, /** @type {string} */ command) =>
            this.#button(text, name, `${text} (${shortcut(command)})`, () => editor.run(command));
        return h(
            "div",
            { class: "rve-actions" },
            selection.paths.length ? command("Insert", "insert", "insert") : null,
            selection.paths.length ? command("Reverse", "reverse", "reverse") : null,
            command("Duplicate", "duplicate", "duplicate"),
            command("Delete", "trash", "delete"),
        );
    }

    // --- Fields --------------------------------------------------------------------------------

    /** @type {(text: string, name: IconName | null, title: string, act: () => void) => HTMLElement} */
    #button(text, name, title, act) {
        const run = (/** @type {MouseEvent} */ event) => {
            act();
            if (event.detail) this.editor.focus(); // by a key, the focus stays where it is pressed again
        };
        return h("button", { class: "rve-button rve-wide", type: "button", title, "data-field": text, onclick: run }, name && icon(name), h("span", {}, text));
    }

    /**
     * @type {(label: string, value: number | string, options: {min: number, max: number, field: string, hint: string, step?: string, empty?: () => void}, act: (value: number) => void) => HTMLElement}
     */
    #number(label, value, { min, max, field, hint, step = "1", empty }, act) {
        const change = (/** @type {Event} */ event) => {
            const input = /** @type {HTMLInputElement} */ (event.target);
            const number = input.valueAsNumber;
            if (input.value === "" && empty) empty();
            else if (Number.isFinite(number)) act(Math.min(Math.max(number, min), max));
            else input.value = String(value);
        };
        const input = h("input", { type: "number", value, min, max, step, "data-field": field, onchange: change });
        input.addEventListener("keydown", (event) => {
            if (event.key === "Enter" || event.key === "Escape") this.editor.focus(); // leaving the field applies it
            event.stopPropagation();
        });
        return h("label", { class: "rve-field", title: hint }, label, input);
    }

    /** @type {(label: string, options: Record<string, string>, value: string, act: (value: string) => void) => HTMLElement} */
    #choice(label, options, value, act) {
        const choices = Object.entries(options).map(([key, text]) => h("option", { value: key, selected: key === value }, text));
        const select = h("select", { "data-field": label, onchange: () => act(select.value) }, ...choices);
        return h("label", { class: "rve-field" }, label, select);
    }
}

/** @type {(value: number) => number} */
const round = (value) => Math.round(value * 100) / 100;

/** What frame numbers a point may have, in words. @type {(doc: EditDocument, path: Path, index: number) => string} */
function roomText(doc, path, index) {
    const room = frameRoom(doc, path, index);
    return room ? `${room.min} to ${room.max}` : "none: its neighbours leave no frame free";
}
