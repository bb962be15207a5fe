/** Message: something that went wrong or must be decided, over the stage until it is clicked away. */

import { h } from "../dom.js";
import { t } from "../locale.js";

/** @typedef {{text: string, act: () => void}} Choice */

export class Message {
    element = h("div", { class: "rve-over rve-message", role: "alert" });

    /** @type {(text: string, choices?: Choice[]) => void} */
    show(text, choices = []) {
        const close = () => this.element.replaceChildren();
        const taken = (/** @type {() => void} */ act) => () => {
            close();
            act();
        };
        this.element.replaceChildren(
            h("span", {}, text),
            ...choices.map(({ text, act }) => h("button", { class: "rve-button rve-wide", type: "button", onclick: taken(act) }, text)),
            h("button", { class: "rve-button rve-small", type: "button", "aria-label": t`Close the message`, onclick: close }, "✕"),
        );
    }
}
