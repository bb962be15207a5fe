/** Help: all keys and gestures on one sheet over the editor. */

import { h } from "../dom.js";
import { BINDINGS, CONTROL_KEYS, GESTURES, keyLabel } from "../input/keymap.js";
import { t } from "../locale.js";

/** @type {(close: () => void) => HTMLElement} */
export function helpOverlay(close) {
    const groups = [...new Set(BINDINGS.map((binding) => binding.group))];
    const row = (/** @type {string} */ keys, /** @type {string} */ text) => h("div", {}, h("dt", {}, h("kbd", {}, keys)), h("dd", {}, text));
    const lists = groups.map((group) =>
        h(
            "section",
            {},
            h("h3", {}, group),
            h("dl", {}, ...BINDINGS.filter((binding) => binding.group === group).map(({ keys, text }) => row(keysText(keys), text))),
        ),
    );
    lists.push(h("section", {}, h("h3", {}, t`Pointer`), h("dl", {}, ...GESTURES.map(([keys, text]) => row(keys, text)))));
    lists.push(h("section", {}, h("h3", {}, t`Around the drawing`), h("dl", {}, ...CONTROL_KEYS.map(([keys, text]) => row(keys, text)))));
    const sheet = h(
        "div",
        { class: "rve-overlay", role: "dialog", "aria-modal": "true", "aria-label": t`Keys`, tabindex: "-1", hidden: true },
        h("header", {}, h("h2", {}, t`Keys`), h("button", { class: "rve-button", type: "button", title: t`Close (Esc)`, "aria-label": t`Close (Esc)`, onclick: close }, "✕")),
        h("div", { class: "rve-columns" }, ...lists),
    );
    sheet.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "Escape" || event.key === "?") close();
    });
    return sheet;
}

/** @type {(keys: string[]) => string} */
function keysText(keys) {
    if (keys.some((key) => key.includes("Arrow"))) return keys[0].startsWith("Shift") ? t`⇧ arrows` : t`arrows`;
    return keys.map((key) => keyLabel(key).replaceAll("Shift ", "⇧ ")).reduce((one, other) => t`${one} or ${other}`);
}
