/** Speed: how fast a path or area goes from one key to the next, by name or by a curve that is drawn. */

import { LIMITS } from "../document/document.js";
import { setPointEasing } from "../document/keys.js";
import { updatePath } from "../document/items.js";
import { stretchesOf } from "../document/timing.js";
import { h, svg } from "../dom.js";
import { t } from "../locale.js";
import { choiceField } from "./fields.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Easing} Easing */
/** @typedef {import("../document/document.js").KeyEasing} KeyEasing */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {[number, number, number, number]} Curve */

const OWN = "curve"; // stands for a curve of one's own
const PATHS = { linear: t`even`, in: t`speeds up`, out: t`slows down`, "in-out": t`both` };
const SPEEDS = { ...PATHS, hold: t`holds, then jumps`, [OWN]: t`own curve` };

/** The curves that named speeds are. @type {Record<string, Curve>} */
const CURVES = { linear: [0.333, 0.333, 0.667, 0.667], in: [0.333, 0, 0.667, 0.333], out: [0.333, 0.667, 0.667, 1], "in-out": [0.333, 0, 0.667, 1] };

const SIDE = 96; // pixels of the square from 0 to 1
const OVER = 0.25; // of it that is seen above and below, or more where a handle lies farther
const REACH = 12; // pixels around a handle
const STEP = 0.05; // by an arrow key; with Shift a fifth of it

/** The stretch that a path's settings are about: from the selected point, else around the frame shown. @type {(doc: EditDocument, path: Path, point: number | undefined, frame: number) => ReturnType<typeof stretchesOf>[number] | undefined} */
export function stretchShown(doc, path, point, frame) {
    const all = stretchesOf(doc, path);
    return all.findLast(({ index, from }) => (point === undefined ? from <= frame : index <= point)) ?? all[0];
}

/** How a path goes from key to key: the choice for all of it, then the one for a stretch. @type {(editor: Editor, path: Path, point: number | undefined, frame: number) => HTMLElement[]} */
export function pathSpeed(editor, path, point, frame) {
    const { doc } = editor.session;
    const stretch = stretchShown(doc, path, point, frame);
    const whole = path.easing ?? "linear";
    const set = (/** @type {Easing} */ easing) => updatePath(editor.session.doc, path.id, (before) => ({ ...before, easing }));
    const all = choiceField(t`Speed`, PATHS, whole, (easing) => editor.commit(set(/** @type {Easing} */ (easing)), t`change the speed`));
    if (!stretch) return [all];
    const { index, from, to } = stretch;
    const own = path.points[index].easing;
    const setOwn = (/** @type {KeyEasing | undefined} */ easing) => setPointEasing(editor.session.doc, path.id, index, easing);
    return [all, ...keySpeed(editor, t`From frame ${from} to ${to}`, own, whole, t`as the path`, setOwn)];
}

/**
 * How one key goes to the next: a choice, and a curve where that is chosen. `set` gives the stored drawing with another.
 * @type {(editor: Editor, label: string, easing: KeyEasing | undefined, otherwise: KeyEasing, none: string, set: (easing: KeyEasing | undefined) => EditDocument) => HTMLElement[]}
 */
export function keySpeed(editor, label, easing, otherwise, none, set) {
    const isOwn = typeof easing === "object";
    const choose = (/** @type {string} */ value) => {
        const from = CURVES[/** @type {string} */ (easing ?? otherwise)] ?? CURVES["in-out"];
        editor.commit(set(value === OWN ? from : /** @type {Easing | undefined} */ (value || undefined)), t`change the speed`);
    };
    const choice = choiceField(label, { ...(none && { "": none }), ...SPEEDS }, isOwn ? OWN : easing ?? (none ? "" : "linear"), choose);
    return isOwn ? [choice, speedCurve(editor, easing, set)] : [choice];
}

/** The heights that a picture was seen from and to when a handle was let go: it keeps them, or the handle would jump away from under the pointer. @type {WeakMap<Curve, [number, number]>} */
const lefts = new WeakMap();

/** The curve in its square, with its two handles. @type {(editor: Editor, before: Curve, set: (easing: Curve) => EditDocument) => HTMLElement} */
function speedCurve(editor, before, set) {
    const [low, high] = lefts.get(before) ?? [Math.min(-OVER, before[1], before[3]), Math.max(1 + OVER, before[1], before[3])];
    lefts.delete(before);
    const [wide, tall] = [SIDE + 2 * REACH, (high - low) * SIDE];
    const at = (/** @type {number} */ x, /** @type {number} */ y) => `${REACH + x * SIDE} ${(high - y) * SIDE}`;
    const arms = svg("path", { class: "rve-curve-arms" });
    const line = svg("path", { class: "rve-curve-line" });
    const square = svg("rect", { class: "rve-curve-square", x: REACH, y: (high - 1) * SIDE, width: SIDE, height: SIDE });
    const handles = /** @type {const} */ ([0, 1]).map((index) => {
        const handle = svg("g", { class: "rve-curve-handle", role: "slider", tabindex: 0, "data-field": `curve-${index}`, "aria-valuemin": 0, "aria-valuemax": 1 });
        handle.setAttribute("aria-label", index ? t`Second handle of the speed curve` : t`First handle of the speed curve`);
        handle.append(svg("circle", { r: REACH, fill: "transparent" }), svg("circle", { r: 5 }));
        return handle;
    });
    const picture = svg("svg", { class: "rve-curve", viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall }, square, arms, line, ...handles);
    const draw = (/** @type {Curve} */ curve) => {
        const [x1, y1, x2, y2] = curve;
        arms.setAttribute("d", `M${at(0, 0)} L${at(x1, y1)} M${at(1, 1)} L${at(x2, y2)}`);
        line.setAttribute("d", `M${at(0, 0)} C${at(x1, y1)} ${at(x2, y2)} ${at(1, 1)}`);
        handles.forEach((handle, index) => {
            const [x, y] = curve.slice(2 * index);
            handle.setAttribute("transform", `translate(${at(x, y)})`);
            handle.setAttribute("aria-valuenow", String(x));
            handle.setAttribute("aria-valuetext", t`${Math.round(100 * x)} % of the time, ${Math.round(100 * y)} % of the way`);
        });
    };
    let current = before; // keys may come faster than the settings are made anew
    const placed = (/** @type {number} */ index, /** @type {number} */ x, /** @type {number} */ y) =>
        /** @type {Curve} */ (current.toSpliced(2 * index, 2, within(x, 0, 1), within(y, ...LIMITS.easing)));
    handles.forEach((handle, index) => {
        handle.addEventListener("keydown", (event) => {
            const [dx, dy] = ARROWS[event.key] ?? [0, 0];
            event.stopPropagation();
            if (event.key === "Escape") editor.focus();
            if (!dx && !dy) return;
            event.preventDefault();
            const step = event.shiftKey ? STEP / 5 : STEP;
            const [x, y] = current.slice(2 * index);
            current = placed(index, x + dx * step, y + dy * step);
            draw(current);
            editor.commit(set(current), t`change the speed`, `speed curve ${index}`);
        });
        handle.addEventListener("pointerdown", (event) => {
            if (event.button !== 0) return;
            event.preventDefault();
            handle.focus();
            const circle = handle.getBoundingClientRect(); // it is taken where it was pressed
            const off = { x: event.clientX - circle.left - circle.width / 2, y: event.clientY - circle.top - circle.height / 2 };
            const curveAt = (/** @type {PointerEvent} */ now) => {
                const box = picture.getBoundingClientRect(); // which may be scrolled meanwhile
                return placed(index, (((now.clientX - off.x - box.left) / box.width) * wide - REACH) / SIDE, high - (((now.clientY - off.y - box.top) / box.height) * tall) / SIDE);
            };
            let moved = false;
            const ends = new AbortController();
            const move = (/** @type {PointerEvent} */ now) => {
                moved = true;
                draw(curveAt(now));
                editor.preview(set(curveAt(now)));
            };
            const finish = (/** @type {PointerEvent} */ now) => {
                ends.abort();
                editor.letGo = null;
                if (moved && now.type === "pointerup") {
                    const curve = curveAt(now);
                    lefts.set(curve, [low, high]);
                    return editor.commit(set(curve), t`change the speed`);
                }
                draw(current);
                editor.revert();
            };
            editor.letGo = () => finish(new PointerEvent("pointercancel"));
            handle.setPointerCapture(event.pointerId);
            handle.addEventListener("pointermove", move, { signal: ends.signal });
            for (const name of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) handle.addEventListener(name, finish, { signal: ends.signal });
        });
    });
    draw(before);
    return h("div", { class: "rve-curve-field", title: t`Time runs to the right, the way upward: drag the handles, or move them with the arrow keys` }, picture);
}

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Thousandths are enough. @type {(value: number, low: number, high: number) => number} */
const within = (value, low, high) => Math.round(Math.min(Math.max(value, low), high) * 1000) / 1000;
