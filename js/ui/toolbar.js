/** Toolbar: the tools, and what is needed often, as buttons: one stop of the Tab key, arrows go from one to the next. */

import { h } from "../dom.js";
import { BINDINGS, shortcut } from "../input/keymap.js";
import { t } from "../locale.js";
import { icon } from "./icons.js";

/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("./icons.js").IconName} IconName */
/** @typedef {import("../tools/index.js").ToolName} ToolName */

/** @type {ToolName[][]} */
const GROUPS = [
    ["select", "pan"],
    ["freehand", "spline", "line", "anchor", "track"],
    ["rect", "ellipse", "polygon", "brush", "eraser"],
];
const AREA_TOOLS = ["rect", "ellipse", "polygon", "brush"];

/** Which button a key leads to. @type {Record<string, (index: number, last: number) => number>} */
const STEPS = {
    ArrowLeft: (index, last) => (index ? index - 1 : last),
    ArrowRight: (index, last) => (index < last ? index + 1 : 0),
    Home: () => 0,
    End: (_, last) => last,
};

export class Toolbar {
    /** @type {Map<ToolName, HTMLButtonElement>} */
    #tools = new Map();
    /** @type {any[]} what it showed last */
    #shown = [];

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        const groups = GROUPS.map((names) => h("div", { class: "rve-group" }, ...names.map((name) => this.#tool(name))));
        this.mode = this.#button("add", "area mode", () => {
            editor.session.areaMode = editor.session.areaMode === "add" ? "subtract" : "add";
            editor.redraw();
        });
        this.undo = this.#command("undo", "undo");
        this.redo = this.#command("redo", "redo");
        this.panel = this.#command("panel", "panel");
        this.snap = this.#command("snap", "snap");
        this.firstFrame = this.#command("firstFrame", "first-frame");
        this.onion = this.#command("onion", "onion");
        this.compare = this.#button("compare", `${titleOf("compare")} (${shortcut("compare")})`, (event) => {
            if (!event.detail) editor.compare(!editor.backdrop.comparing); // by keys, which are not held on a button
        });
        this.compare.addEventListener("pointerdown", () => editor.compare(true));
        for (const name of ["pointerup", "pointercancel", "pointerleave"]) this.compare.addEventListener(name, () => editor.compare(false));
        groups[2].append(this.mode);
        this.element = h(
            "div",
            { class: "rve-toolbar", role: "toolbar", "aria-label": t`Tools` },
            ...groups,
            h("div", { class: "rve-group" }, this.undo, this.redo),
            h("div", { class: "rve-group" }, this.#command("fit", "fit"), this.snap, this.firstFrame, this.onion, this.compare),
            h("div", { class: "rve-group rve-right" }, this.#button("importExport", t`Import and export`, () => editor.run("import-export")), this.panel, this.#command("fullWindow", "full-window"), this.#command("help", "help")),
        );
        roveFocus(this.element);
    }

    /** @type {() => void} */
    draw() {
        const { editor } = this;
        const { session } = editor;
        const shows = [session.tool, session.areaMode, session.panel, session.snapping, session.onionSkin, session.doc, editor.backdrop.hasEdited];
        if (shows.every((value, index) => value === this.#shown[index])) return;
        this.#shown = shows;
        for (const [name, button] of this.#tools) button.setAttribute("aria-pressed", String(name === session.tool));
        const adds = session.areaMode === "add";
        const title = adds ? t`Areas are added: click to take away instead` : t`Areas are taken away: click to add instead`;
        if (this.mode.title !== title) {
            this.mode.title = title;
            this.mode.setAttribute("aria-label", title);
            this.mode.replaceChildren(icon(adds ? "add" : "subtract"));
        }
        setDisabled(this.mode, !AREA_TOOLS.includes(session.tool));
        this.#describeStep(this.undo, session.steps.undo, (keys, step) => (step ? t`Undo: ${step} (${keys})` : t`Undo (${keys})`), "undo");
        this.#describeStep(this.redo, session.steps.redo, (keys, step) => (step ? t`Redo: ${step} (${keys})` : t`Redo (${keys})`), "redo");
        this.panel.setAttribute("aria-pressed", String(session.panel));
        this.snap.setAttribute("aria-pressed", String(session.snapping));
        this.onion.setAttribute("aria-pressed", String(session.onionSkin));
        this.onion.hidden = !editor.backdrop.hasEdited;
        this.compare.hidden = !editor.backdrop.hasEdited;
    }

    /** @type {(button: HTMLButtonElement, step: string | undefined, text: (keys: string, step?: string) => string, command: string) => void} */
    #describeStep(button, step, text, command) {
        setDisabled(button, step === undefined);
        const title = text(shortcut(command), step);
        if (button.title === title) return;
        button.title = title;
        button.setAttribute("aria-label", title);
    }

    /** @type {(name: ToolName) => HTMLButtonElement} */
    #tool(name) {
        const button = this.#command(/** @type {IconName} */ (name), `tool:${name}`);
        this.#tools.set(name, button);
        return button;
    }

    /** @type {(name: IconName, command: string) => HTMLButtonElement} */
    #command(name, command) {
        return this.#button(name, `${titleOf(command)} (${shortcut(command)})`, (event) => this.editor.run(command, event.detail ? undefined : {}), command);
    }

    /** A click without detail comes from a key. @type {(name: IconName, title: string, act: (event: MouseEvent) => void, command?: string) => HTMLButtonElement} */
    #button(name, title, act, command) {
        return h("button", { class: "rve-button", type: "button", title, "aria-label": title, "data-command": command, onclick: act }, icon(name));
    }
}

/** @type {(command: string) => string} */
const titleOf = (command) => BINDINGS.find((binding) => binding.command === command)?.text ?? command;

// --- The focus ---------------------------------------------------------------------------------

/** Makes the buttons in an element one stop. @type {(element: HTMLElement) => void} */
function roveFocus(element) {
    const all = () => [...element.querySelectorAll("button")].filter((button) => !button.disabled && !button.hidden);
    element.addEventListener("keydown", (event) => {
        const step = event.ctrlKey || event.altKey || event.metaKey ? undefined : STEPS[event.key];
        const buttons = all();
        const index = buttons.findIndex((button) => button === event.target);
        if (!step || index < 0) return;
        event.preventDefault();
        event.stopPropagation();
        buttons[step(index, buttons.length - 1)].focus();
    });
    element.addEventListener("focusin", (event) => {
        if (event.target instanceof HTMLButtonElement) setStop(element, event.target);
    });
    const [first] = all();
    if (first) setStop(element, first);
}

/** Disables a button; the focus and the stop go to one beside it. @type {(button: HTMLButtonElement, disabled: boolean) => void} */
function setDisabled(button, disabled) {
    if (button.disabled === disabled) return;
    const focused = document.activeElement === button;
    const group = /** @type {HTMLElement | null} */ (button.closest("[role=toolbar]"));
    button.disabled = disabled;
    if (!disabled || !group || button.tabIndex < 0) return;
    const next = [...group.querySelectorAll("button")].find((one) => !one.disabled && !one.hidden);
    if (!next) return;
    setStop(group, next);
    if (focused) next.focus();
}

/** @type {(element: HTMLElement, stop: HTMLButtonElement) => void} */
function setStop(element, stop) {
    for (const button of element.querySelectorAll("button")) button.tabIndex = button === stop ? 0 : -1;
}
