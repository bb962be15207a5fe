/** Message: something that went wrong, over the stage until it is clicked away. */

import { h } from "../dom.js";

export class Message {
    element = h("div", { class: "rve-message", role: "alert" });

    /** @type {(text: string) => void} */
    show(text) {
        const close = () => this.element.replaceChildren();
        this.element.replaceChildren(
            h("span", {}, text),
            h("button", { class: "rve-button rve-small", type: "button", "aria-label": "Close the message", onclick: close }, "✕"),
        );
    }
}
