/** Fields: what settings are made of: buttons, numbers, choices and check boxes, each with what is done when it changes. */

import { h } from "../dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../editor.js").Editor} Editor */

/** A button; clicked, it gives the keyboard back to the drawing, and by a key it stays where it is pressed again. @type {(editor: Editor, text: string, name: import("./icons.js").IconName | null, title: string, act: () => void) => HTMLElement} */
export function wideButton(editor, text, name, title, act) {
    const run = (/** @type {MouseEvent} */ event) => {
        act();
        if (event.detail) editor.focus();
    };
    return h("button", { class: "rve-button rve-wide", type: "button", title, "data-field": text, onclick: run }, name && icon(name), h("span", {}, text));
}

/**
 * `field` is what it is found by after the settings have been made anew.
 * @type {(editor: Editor, label: string, value: number | string, options: {min: number, max: number, field: string, hint: string, step?: string, empty?: () => void}, act: (value: number) => void) => HTMLElement}
 */
export function numberField(editor, label, value, { min, max, field, hint, step = "1", empty }, act) {
    const change = (/** @type {Event} */ event) => {
        const input = /** @type {HTMLInputElement} */ (event.target);
        const number = input.valueAsNumber;
        if (input.value === "" && empty) empty();
        else if (Number.isFinite(number)) act(Math.min(Math.max(number, min), max));
        else input.value = String(value);
    };
    const input = h("input", { type: "number", value, min, max, step, "data-field": field, onchange: change });
    input.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === "Escape") editor.focus(); // leaving the field applies it
        event.stopPropagation();
    });
    return h("label", { class: "rve-field", title: hint }, label, input);
}

/** @type {(label: string, options: Record<string, string>, value: string, act: (value: string) => void) => HTMLElement} */
export function choiceField(label, options, value, act) {
    const choices = Object.entries(options).map(([key, text]) => h("option", { value: key, selected: key === value }, text));
    const select = h("select", { "data-field": label, onchange: () => act(select.value) }, ...choices);
    return h("label", { class: "rve-field" }, label, select);
}

/** Clicked, it gives the keyboard back to the drawing. @type {(editor: Editor, label: string, checked: boolean, field: string, act: (checked: boolean) => void) => HTMLElement} */
export function checkField(editor, label, checked, field, act) {
    const input = h("input", { type: "checkbox", checked, "data-field": field, onchange: () => act(input.checked) });
    input.addEventListener("click", (event) => event.detail && editor.focus());
    input.addEventListener("keydown", (event) => event.stopPropagation()); // the graph has keys of its own
    return h("label", { class: "rve-check" }, input, h("span", {}, label));
}

/** Hundredths are all that is shown. @type {(value: number) => number} */
export const roundShown = (value) => Math.round(value * 100) / 100;
