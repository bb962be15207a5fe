/** ResultBar: the source against what the last run gave: one of them, a wipe, the difference. Shown once there is a result. */

import { h } from "../dom.js";
import { shortcut } from "../input/keymap.js";
import { toViewPx } from "../geometry/viewport.js";
import { t } from "../locale.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../clip/backdrop.js").View} View */
/** @typedef {import("../graph/results.js").Result} Result */
/** @typedef {"" | "clip" | "edited frame"} Earlier  what it was made of that is another by now */

/** @type {Record<View, {text: string, title: string}>} */
const VIEWS = {
    source: { text: t`Source`, title: t`The source (${shortcut("result")} changes between both)` },
    result: { text: t`Result`, title: t`What the run gave (${shortcut("result")})` },
    wipe: { text: t`Wipe`, title: t`The source to the left of a line, the result to its right (${shortcut("wipe")})` },
    difference: { text: t`Difference`, title: t`How far they are apart, four times as bright (${shortcut("difference")})` },
};
const WIPE_STEP = 0.02; // of the width, by an arrow key

export class ResultBar {
    /** @type {any[]} */
    #shown = [];
    /** @type {Record<string, HTMLButtonElement>} */
    #views = {};
    /** @type {Result[]} what the last run gave */
    #results = [];
    /** Which of them is shown. */
    chosen = 0;

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        for (const [view, { text, title }] of Object.entries(VIEWS))
            this.#views[view] = h("button", { class: "rve-button", type: "button", title, onclick: () => editor.showView(/** @type {View} */ (view)) }, text);
        this.drawing = h("button", { class: "rve-button", type: "button", title: t`Paths and areas over it (${shortcut("drawing")})`, onclick: () => editor.run("drawing") }, t`Drawing`);
        this.choice = h("select", { "aria-label": t`Result`, onchange: () => editor.host.openResult(Number(this.choice.value)) });
        this.run = h("output", { class: "rve-run" });
        this.element = h(
            "div",
            { class: "rve-results", role: "group", "aria-label": t`Source and result`, hidden: true },
            h("div", { class: "rve-group" }, ...Object.values(this.#views)),
            this.drawing,
            this.choice,
            this.run,
        );
        this.wipe = h("div", { class: "rve-over rve-wipe", role: "slider", tabindex: "0", "aria-label": t`Wipe`, "aria-valuemin": "0", "aria-valuemax": "100", hidden: true });
        this.wipe.addEventListener("pointerdown", (event) => this.#drag(event));
        this.wipe.addEventListener("keydown", (event) => this.#key(event));
    }

    /** What can be shown, which of it is, and what it was made of that is another by now. @type {(results: Result[], chosen: number, earlier?: Earlier) => void} */
    list(results, chosen, earlier = "") {
        this.#results = results;
        this.chosen = chosen;
        this.choice.hidden = results.length < 2;
        this.choice.replaceChildren(...results.map(({ title }, index) => h("option", { value: index, selected: index === chosen }, title)));
        const result = results[chosen];
        const made = result ? `${result.title}, ${new Date(result.at).toLocaleString()}` : "";
        this.run.textContent = earlier === "clip" ? t`Of an earlier clip: ${made}` : earlier ? t`Of an earlier edited frame: ${made}` : made;
        this.run.classList.toggle("rve-warning", earlier !== "");
        this.run.title = result ? t`Run ${result.run}` : "";
        this.editor.redraw();
    }

    get isEmpty() {
        return !this.#results.length;
    }

    draw() {
        const { backdrop, viewport, doc, session } = this.editor;
        const shows = [this.isEmpty, backdrop.view, backdrop.wipe, backdrop.result, viewport.x, viewport.scale, doc.width, session.showsDrawing];
        if (shows.every((value, index) => value === this.#shown[index])) return;
        this.#shown = shows;
        this.element.hidden = this.isEmpty;
        for (const [view, button] of Object.entries(this.#views)) button.setAttribute("aria-pressed", String(view === backdrop.view));
        this.drawing.setAttribute("aria-pressed", String(session.showsDrawing));
        this.wipe.hidden = backdrop.view !== "wipe" || !backdrop.result;
        this.wipe.style.left = `${toViewPx(viewport, { x: backdrop.wipe * doc.width, y: 0 }).x}px`;
        this.wipe.setAttribute("aria-valuenow", String(Math.round(100 * backdrop.wipe)));
    }

    /** @type {(event: PointerEvent) => void} */
    #drag(event) {
        if (event.button !== 0) return;
        event.stopPropagation();
        this.wipe.setPointerCapture(event.pointerId);
        const { stage } = this.editor;
        const move = (/** @type {PointerEvent} */ now) => {
            if (!now.buttons) return end();
            const box = stage.element.getBoundingClientRect(); // the graph may scale us
            const x = ((now.clientX - box.left) / box.width) * stage.size.width;
            this.#set((x - this.editor.viewport.x) / this.editor.viewport.scale / this.editor.doc.width);
        };
        const end = () => {
            this.wipe.removeEventListener("pointermove", move);
            for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) this.wipe.removeEventListener(name, end);
        };
        this.wipe.addEventListener("pointermove", move);
        for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) this.wipe.addEventListener(name, end);
    }

    /** @type {(event: KeyboardEvent) => void} */
    #key(event) {
        const by = { ArrowLeft: -WIPE_STEP, ArrowRight: WIPE_STEP }[event.key];
        if (!by) return;
        event.preventDefault();
        event.stopPropagation();
        this.#set(this.editor.backdrop.wipe + by);
    }

    /** @type {(wipe: number) => void} */
    #set(wipe) {
        this.editor.backdrop.wipe = Math.min(Math.max(wipe, 0), 1);
        this.editor.redraw();
    }
}
