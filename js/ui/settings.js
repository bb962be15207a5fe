/** Settings of what is selected: a path, a point of it, an area; and what can be done to it. */

import { shifted } from "../document/groups.js";
import { addArea, colorOf, findArea, findPath, nameOf, newArea, updateArea, updatePath } from "../document/items.js";
import { keyOn, moveKey, setKeyEasing } from "../document/keys.js";
import { lockedNames, lockedText } from "../document/locks.js";
import * as ops from "../document/operations.js";
import { frameRoom, setPointFrame, setRange } from "../document/timing.js";
import { h } from "../dom.js";
import { followIds } from "../geometry/pose.js";
import { shortcut } from "../input/keymap.js";
import { frameAt } from "../input/player.js";
import { t } from "../locale.js";
import { checkField, choiceField, numberField, roundShown, wideButton } from "./fields.js";
import { placementFields } from "./placement.js";
import { keySpeed, pathSpeed, stretchShown } from "./speed.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../document/document.js").KeyEasing} KeyEasing */
/** @typedef {import("../document/document.js").Keyframe} Keyframe */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("./icons.js").IconName} IconName */

const DEFAULT_MARGIN = 24; // pixels around the paths that an area is fitted to

export class Settings {
    #margin = DEFAULT_MARGIN;
    element = h("div", { class: "rve-settings" });

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.element.addEventListener("focusin", () => {
            // What is entered of an area is of the frame shown: that stands still meanwhile.
            if (editor.selection.regions.length) editor.player.pause();
        });
        this.element.addEventListener("focusout", () => editor.redraw());
    }

    /** Whether a number is being typed. */
    get isEntered() {
        const { activeElement } = document;
        return activeElement instanceof HTMLInputElement && activeElement.type === "number" && this.element.contains(activeElement);
    }

    /** What has the focus keeps it. @type {(selection: ops.Selection) => void} */
    show(selection) {
        const { activeElement } = document;
        const focused = activeElement && this.element.contains(activeElement);
        const field = focused && activeElement.getAttribute("data-field");
        this.element.replaceChildren(...this.#settingsOf(selection));
        const again = field && [...this.element.querySelectorAll("[data-field]")].find((one) => one.getAttribute("data-field") === field);
        if (again instanceof HTMLElement || again instanceof SVGElement) again.focus({ preventScroll: again instanceof SVGElement }); // a handle of a curve stays under the pointer
        else if (focused) this.editor.focus(); // what had the focus is gone: keys still go here
    }

    /** What of the frame shown the settings depend on. @type {(selection: ops.Selection, frame: number) => number | undefined} */
    momentOf(selection, frame) {
        const { doc } = this.editor.session;
        if (selection.regions.length) return frame;
        const path = selection.paths.length === 1 && !selection.points.length ? findPath(doc, selection.paths[0]) : undefined;
        return path && stretchShown(doc, path, undefined, frame)?.index;
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
        const range = (/** @type {number} */ start, /** @type {number} */ end) => editor.commit(setRange(editor.doc, path.id, start, end), t`change the timing`);
        const [start, end] = [path.start ?? 0, path.end ?? last];
        const [point] = selection.points;
        const [speed, ...ofStretch] = pathSpeed(editor, path, selection.points.length === 1 ? point.index : undefined, frameAt(editor.time));
        /** @type {HTMLElement[]} */
        const rows = [
            h(
                "div",
                { class: "rve-pair" },
                numberField(editor, t`Start`, start, { min: 0, max: end, field: "start", hint: t`The frame the path begins at` }, (value) => range(value, Math.max(value, end))),
                numberField(editor, t`End`, end, { min: start, max: last, field: "end", hint: t`The frame the path ends at` }, (value) => range(Math.min(start, value), value)),
            ),
            h(
                "div",
                { class: "rve-pair" },
                speed,
                h(
                    "label",
                    { class: "rve-field" },
                    t`Colour`,
                    h("input", {
                        type: "color",
                        "data-field": "colour",
                        value: colorOf(path),
                        onchange: (/** @type {Event} */ event) => set({ color: /** @type {HTMLInputElement} */ (event.target).value }, t`change the colour`),
                    }),
                ),
            ),
        ];
        rows.push(...ofStretch);
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
                t`move a point`,
            );
        const time = (/** @type {number | undefined} */ frame) => editor.commit(setPointFrame(editor.doc, path.id, index, frame), t`change a point's frame`);
        const limits = { min: -100000, max: 100000, step: "any" };
        const room = t`Frames it may have: ${roomText(editor.doc, path, index)}`;
        return [
            h("h3", {}, t`Point ${index + 1} of ${path.points.length}`),
            h(
                "div",
                { class: "rve-pair" },
                numberField(editor, "x", roundShown(point.x), { ...limits, field: "x", hint: t`Pixels from the left` }, place("x")),
                numberField(editor, "y", roundShown(point.y), { ...limits, field: "y", hint: t`Pixels from the top` }, place("y")),
            ),
            h(
                "div",
                { class: "rve-pair" },
                numberField(editor, t`Frame`, point.frame ?? "", { min: 0, max: editor.doc.frames - 1, field: "frame", hint: t`When the path is here; empty: as the speed has it. ${room}`, empty: () => time(undefined) }, time),
                wideButton(editor, point.frame === undefined ? t`Tie here` : t`Free`, null, t`Tie the point to the frame shown, or free it (${shortcut("time-point")}). ${room}`, () => editor.run("time-point")),
            ),
        ];
    }

    /** @type {(area: Area) => HTMLElement[]} */
    #areaSettings(area) {
        const { editor } = this;
        const set = (/** @type {Partial<Area>} */ change, /** @type {string} */ label) =>
            editor.commit(updateArea(editor.doc, area.id, (before) => ({ ...before, ...change })), label);
        return [
            h(
                "div",
                { class: "rve-pair" },
                choiceField(t`Area`, { add: t`adds`, subtract: t`takes away` }, area.mode ?? "add", (mode) => set({ mode: /** @type {Area["mode"]} */ (mode) }, t`add or take away`)),
                numberField(editor, t`Feather`, area.feather ?? 0, { min: 0, max: 10000, step: "any", field: "feather", hint: t`Width of the soft edge in pixels` }, (feather) => set({ feather }, t`feather the edge`)),
            ),
            this.#followChoices(area),
            h(
                "div",
                { class: "rve-pair" },
                area.kind === "brush"
                    ? numberField(editor, t`Radius`, roundShown(area.radius ?? 1), { min: 0.5, max: 10000, step: "any", field: "radius", hint: t`Of the brush, in pixels` }, (radius) => set({ radius: Math.max(radius, 0.5) }, t`change the brush's radius`))
                    : null,
            ),
            h(
                "div",
                { class: "rve-pair" },
                wideButton(editor, t`Later`, "up", t`Count over more of the others`, () => editor.commit({ ...editor.doc, regions: shifted(editor.doc.regions, area.id, 1) }, t`change the order`)),
                wideButton(editor, t`Earlier`, "down", t`Let more of the others count over it`, () => editor.commit({ ...editor.doc, regions: shifted(editor.doc.regions, area.id, -1) }, t`change the order`)),
            ),
            ...this.#keySettings(area),
        ];
    }

    /** A check box for every path. @type {(area: Area) => HTMLElement} */
    #followChoices(area) {
        const { editor } = this;
        const { paths } = editor.session.doc;
        const followed = followIds(area);
        const toggle = (/** @type {string} */ id, /** @type {boolean} */ on) => {
            const ids = on ? [...followed, id] : followed.filter((other) => other !== id);
            const { doc, time } = editor;
            editor.commit(ops.setFollow(doc, area.id, ids.length > 1 ? ids : ids[0], frameAt(time)), t`change what is followed`);
        };
        const boxes = paths.map((path, index) =>
            checkField(editor, nameOf(paths, path), followed.includes(path.id), `follow-${index}`, (on) => toggle(path.id, on)),
        );
        const along = ["", t`It moves with the path.`, t`It moves, turns and scales with the paths.`][Math.min(followed.length, 2)];
        return h(
            "fieldset",
            { class: "rve-checks" },
            h("legend", {}, t`Follows`),
            h("div", {}, ...(boxes.length ? boxes : [t`There is no path yet.`])),
            along && h("p", {}, along),
        );
    }

    /** Keys of an area: one here or not, and when the one before the playhead is. @type {(area: Area) => HTMLElement[]} */
    #keySettings(area) {
        const { editor } = this;
        const { keys = [] } = area;
        const time = frameAt(editor.time);
        const here = keyOn(area, time);
        const toggle = here ? t`Remove key` : t`Key here`;
        const hint = `${here ? t`Take the key at this frame away` : t`A key at this frame: how the area lies here`} (${shortcut("time-point")})`;
        const button = wideButton(editor, toggle, null, hint, () => editor.run("time-point"));
        if (!keys.length) return [h("div", { class: "rve-pair" }, button)];
        const key = here ?? keys.findLast(({ frame }) => frame <= time) ?? keys[0];
        const number = keys.indexOf(key) + 1;
        const move = (/** @type {number} */ frame) => editor.commit(moveKey(editor.doc, area.id, key.frame, frame), t`change the timing`);
        return [
            h("h3", {}, t`Key ${number} of ${keys.length}`),
            h(
                "div",
                { class: "rve-pair" },
                numberField(editor, t`Frame`, key.frame, { min: 0, max: editor.doc.frames - 1, field: "key", hint: t`When the area lies so; between the keys beside it` }, move),
                button,
            ),
            ...this.#speedTo(area, key, keys[number]),
        ];
    }

    /** @type {(area: Area, key: Keyframe, next: Keyframe | undefined) => HTMLElement[]} */
    #speedTo(area, key, next) {
        if (!next) return [];
        const { editor } = this;
        const set = (/** @type {KeyEasing | undefined} */ easing) => setKeyEasing(editor.session.doc, area.id, key.frame, easing);
        return keySpeed(editor, t`From frame ${key.frame} to ${next.frame}`, key.easing, "linear", "", set);
    }

    /** @type {(ids: string[]) => HTMLElement} */
    #fitArea(ids) {
        const { editor } = this;
        const fit = () => {
            const box = ops.boxAround(editor.doc, ids, this.#margin);
            if (!box) return editor.say(t`The paths lie outside the frame.`);
            const area = newArea(editor.doc, "rect", box);
            editor.commit(addArea(editor.doc, area), t`fit an area`);
            editor.select({ ...ops.NOTHING, regions: [area.id] });
        };
        return h(
            "div",
            { class: "rve-pair" },
            wideButton(editor, t`Area around`, "rect", t`An area around all of the way, with the margin`, fit),
            numberField(editor, t`Margin`, this.#margin, { min: 0, max: 4096, field: "margin", hint: t`Pixels around the way` }, (value) => (this.#margin = value)),
        );
    }

    /** @type {(selection: ops.Selection) => HTMLElement} */
    #actions(selection) {
        const { editor } = this;
        const command = (/** @type {string} */ text, /** @type {IconName} */ name, /** @type {string} */ command) =>
            wideButton(editor, text, name, `${text} (${shortcut(command)})`, () => editor.run(command));
        return h(
            "div",
            { class: "rve-actions" },
            selection.paths.length ? command(t`Insert`, "insert", "insert") : null,
            selection.paths.length ? command(t`Reverse`, "reverse", "reverse") : null,
            command(t`Duplicate`, "duplicate", "duplicate"),
            command(t`Delete`, "trash", "delete"),
        );
    }
}

/** What frame numbers a point may have, in words. @type {(doc: EditDocument, path: Path, index: number) => string} */
function roomText(doc, path, index) {
    const room = frameRoom(doc, path, index);
    return room ? t`${room.min} to ${room.max}` : t`none: its neighbours leave no frame free`;
}
