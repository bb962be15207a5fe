/** Panel: the list of paths and areas, and the settings of what is selected. */

import { h } from "../dom.js";
import { icon } from "./icons.js";
import { shortcut } from "../input/keymap.js";
import * as ops from "../document/operations.js";
import { frameAt } from "../input/player.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Region} Region */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("./icons.js").IconName} IconName */

const EASINGS = { linear: "even", in: "speeds up", out: "slows down", "in-out": "both" };
const DEFAULT_MARGIN = 24; // pixels around the paths that an area is fitted to

export class Panel {
    #margin = DEFAULT_MARGIN;
    /** @type {EditDocument | null} */
    #shownDoc = null;
    /** @type {ops.Selection | null} */
    #shownSelection = null;
    #shownFrame = -1;
    #list = h("div", { class: "rve-list", role: "listbox", "aria-label": "Paths and areas", "aria-multiselectable": "true" });
    #settings = h("div", { class: "rve-settings" });

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.element = h("div", { class: "rve-panel" }, this.#list, this.#settings);
    }

    /** Brings the panel up to date with what is kept, not with what is being dragged: it would cost every move. @type {() => void} */
    draw() {
        const { session } = this.editor;
        const { doc } = session;
        const frame = frameAt(session.time);
        const follows = session.selection.regions.length > 0; // whose settings depend on the frame shown
        if (doc === this.#shownDoc && session.selection === this.#shownSelection && (!follows || frame === this.#shownFrame)) return;
        const typing = this.element.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement;
        [this.#shownDoc, this.#shownSelection, this.#shownFrame] = [doc, session.selection, frame];
        const scroll = this.#list.scrollTop;
        this.#list.replaceChildren(
            ...this.#section("Paths", doc.paths, "paths"),
            ...this.#section("Areas", doc.regions, "regions"),
        );
        this.#list.scrollTop = scroll;
        const focused = document.activeElement?.getAttribute("data-field");
        this.#settings.replaceChildren(...this.#settingsOf(session.selection));
        if (typing && focused) this.#settings.querySelector(`[data-field="${focused}"]`)?.dispatchEvent(new CustomEvent("rve-refocus"));
    }

    // --- List ----------------------------------------------------------------------------------

    /** @type {(title: string, items: (Path | Region)[], kind: "paths" | "regions") => HTMLElement[]} */
    #section(title, items, kind) {
        const empty = kind === "paths" ? "Draw where things move." : "Draw what may change.";
        const rows = items.map((item) => this.#row(item, items, kind));
        return [h("h3", {}, title), ...(rows.length ? rows : [h("p", { class: "rve-empty" }, empty)])];
    }

    /** @type {(item: Path | Region, items: (Path | Region)[], kind: "paths" | "regions") => HTMLElement} */
    #row(item, items, kind) {
        const { editor } = this;
        const chosen = editor.session.selection[kind].includes(item.id);
        const shown = item.visible !== false;
        const name = ops.nameOf(items, item);
        const update = (/** @type {{name?: string, visible?: boolean}} */ change, /** @type {string} */ label) =>
            editor.commit(
                kind === "paths"
                    ? ops.updatePath(editor.doc, item.id, (path) => ({ ...path, ...change }))
                    : ops.updateRegion(editor.doc, item.id, (region) => ({ ...region, ...change })),
                label,
            );
        const text = h("span", { class: "rve-name" }, name);
        const rename = () => {
            const field = h("input", { class: "rve-name", maxlength: 100, value: name, "data-field": "name", "aria-label": "Name" });
            let done = false;
            const finish = (/** @type {boolean} */ keep) => {
                if (done) return;
                done = true;
                field.replaceWith(text);
                if (keep && field.value.trim() !== name) update({ name: field.value.trim().slice(0, 100) || undefined }, "rename");
                editor.focus();
            };
            field.addEventListener("blur", () => finish(true));
            field.addEventListener("keydown", (event) => {
                if (event.key === "Enter") finish(true);
                if (event.key === "Escape") finish(false);
                event.stopPropagation();
            });
            text.replaceWith(field);
            field.select();
            field.focus();
        };
        const mark =
            "easing" in item || kind === "paths"
                ? h("i", { class: "rve-swatch", style: `background:${ops.colorOf(/** @type {Path} */ (item))}` })
                : h("i", { class: "rve-sign" }, /** @type {Region} */ (item).mode === "subtract" ? "−" : "+");
        return h(
            "div",
            {
                class: `rve-row${chosen ? " rve-chosen" : ""}${shown ? "" : " rve-dim"}`,
                role: "option",
                "aria-selected": chosen,
                title: "Click to select, double click to rename",
                onclick: (/** @type {MouseEvent} */ event) => {
                    // Not "dblclick": the first click may have put another element in this one's place.
                    if (event.detail === 2) return rename();
                    const one = { ...ops.NOTHING, [kind]: [item.id] };
                    const before = editor.session.selection;
                    const others = before[kind].filter((id) => id !== item.id);
                    const joined = { ...before, [kind]: chosen ? others : [...others, item.id] };
                    const adds = event.shiftKey || event.ctrlKey || event.metaKey;
                    const alone = chosen && before.paths.length + before.regions.length === 1 && !before.points.length;
                    if (event.detail < 2 && (adds || !alone)) editor.select(adds ? joined : one);
                },
            },
            h(
                "button",
                {
                    class: "rve-button rve-small",
                    type: "button",
                    title: shown ? "Hide: a hidden one takes no part" : "Show",
                    "aria-pressed": shown,
                    onclick: (/** @type {Event} */ event) => {
                        event.stopPropagation();
                        update({ visible: !shown }, shown ? "hide" : "show");
                    },
                },
                icon(shown ? "visible" : "hidden"),
            ),
            mark,
            text,
            kind === "regions" && /** @type {Region} */ (item).follow ? h("span", { class: "rve-tag", title: "Follows a path" }, "follows") : null,
        );
    }

    // --- Settings ------------------------------------------------------------------------------

    /** @type {(selection: ops.Selection) => HTMLElement[]} */
    #settingsOf(selection) {
        const { doc } = this.editor;
        const path = selection.paths.length === 1 ? ops.findPath(doc, selection.paths[0]) : undefined;
        const region = selection.regions.length === 1 && !selection.paths.length ? ops.findRegion(doc, selection.regions[0]) : undefined;
        const parts = [];
        if (path) parts.push(...this.#pathSettings(path, selection));
        if (region) parts.push(...this.#regionSettings(region));
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
            editor.commit(ops.updatePath(editor.doc, path.id, (before) => ({ ...before, ...change })), label);
        const range = (/** @type {number} */ start, /** @type {number} */ end) => editor.commit(ops.setRange(editor.doc, path.id, start, end), "timing");
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
                        value: ops.colorOf(path),
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
                ops.updatePath(editor.doc, path.id, (before) => ({ ...before, points: before.points.with(index, { ...before.points[index], [axis]: value }) })),
                "move point",
            );
        const time = (/** @type {number | undefined} */ frame) => editor.commit(ops.setPointFrame(editor.doc, path.id, index, frame), "point time");
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

    /** @type {(region: Region) => HTMLElement[]} */
    #regionSettings(region) {
        const { editor } = this;
        const { doc } = editor;
        const set = (/** @type {Partial<Region>} */ change, /** @type {string} */ label) =>
            editor.commit(ops.updateRegion(editor.doc, region.id, (before) => ({ ...before, ...change })), label);
        const paths = Object.fromEntries([["", "nothing"], ...doc.paths.map((path) => [path.id, ops.nameOf(doc.paths, path)])]);
        const follow = (/** @type {string} */ id) => editor.commit(ops.setFollow(editor.doc, region.id, id || undefined, frameAt(editor.time)), "follow");
        return [
            h(
                "div",
                { class: "rve-pair" },
                this.#choice("Area", { add: "adds", subtract: "takes away" }, region.mode ?? "add", (mode) => set({ mode: /** @type {Region["mode"]} */ (mode) }, "mode")),
                this.#number("Feather", region.feather ?? 0, { min: 0, max: 10000, step: "any", field: "feather", hint: "Width of the soft edge in pixels" }, (feather) => set({ feather }, "feather")),
            ),
            h(
                "div",
                { class: "rve-pair" },
                this.#choice("Follows", paths, region.follow ?? "", follow),
                region.kind === "brush"
                    ? this.#number("Radius", round(region.radius ?? 1), { min: 0.5, max: 10000, step: "any", field: "radius", hint: "Of the brush, in pixels" }, (radius) => set({ radius: Math.max(radius, 0.5) }, "radius"))
                    : null,
            ),
            h(
                "div",
                { class: "rve-pair" },
                this.#button("Later", "up", "Count over more of the others", () => editor.commit({ ...editor.doc, regions: ops.reordered(editor.doc.regions, region.id, 1) }, "order")),
                this.#button("Earlier", "down", "Let more of the others count over it", () => editor.commit({ ...editor.doc, regions: ops.reordered(editor.doc.regions, region.id, -1) }, "order")),
            ),
        ];
    }

    /** @type {(ids: string[]) => HTMLElement} */
    #fitArea(ids) {
        const { editor } = this;
        const fit = () => {
            const box = ops.boxAround(editor.doc, ids, this.#margin);
            if (!box) return editor.say("The paths lie outside the frame.");
            const region = ops.newRegion(editor.doc, "rect", box);
            editor.commit(ops.addRegion(editor.doc, region), "fit an area");
            editor.select({ ...ops.NOTHING, regions: [region.id] });
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
        const run = () => {
            act();
            this.editor.focus();
        };
        return h("button", { class: "rve-button rve-wide", type: "button", title, onclick: run }, name && icon(name), h("span", {}, text));
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
        input.addEventListener("rve-refocus", () => input.focus());
        input.addEventListener("keydown", (event) => {
            if (event.key === "Enter" || event.key === "Escape") this.editor.focus(); // leaving the field applies it
            event.stopPropagation();
        });
        return h("label", { class: "rve-field", title: hint }, label, input);
    }

    /** @type {(label: string, options: Record<string, string>, value: string, act: (value: string) => void) => HTMLElement} */
    #choice(label, options, value, act) {
        const choices = Object.entries(options).map(([key, text]) => h("option", { value: key, selected: key === value }, text));
        const select = h("select", { onchange: () => act(select.value) }, ...choices);
        return h("label", { class: "rve-field" }, label, select);
    }
}

/** @type {(value: number) => number} */
const round = (value) => Math.round(value * 100) / 100;

/** What frame numbers a point may have, in words. @type {(doc: EditDocument, path: Path, index: number) => string} */
function roomText(doc, path, index) {
    const room = ops.frameRoom(doc, path, index);
    return room ? `${room.min} to ${room.max}` : "none: its neighbours leave no frame free";
}
