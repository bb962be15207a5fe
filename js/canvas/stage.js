/** Stage: the pile of canvases in the page, as large as the layout makes it. */

import { t } from "../locale.js";
import { Layers } from "./layers.js";
import { h } from "../dom.js";

/** @typedef {import("./render.js").Scene} Scene */

export class Stage {
    /** In CSS pixels, fractions and all; nothing until it is laid out. */
    size = { width: 0, height: 0 };
    #layers = new Layers();

    /** @param {Element[]} above  what lies over the canvases @param {() => void} resized */
    constructor(above, resized) {
        const description = above.find((one) => one.id)?.id;
        this.element = h(
            "div",
            { class: "rve-stage", role: "application", "aria-label": t`Drawing on the clip`, "aria-describedby": description },
            ...this.#layers.canvases,
            ...above,
        );
        this.resizes = new ResizeObserver(([{ contentRect }]) => {
            this.size = { width: contentRect.width, height: contentRect.height };
            resized();
        });
        this.resizes.observe(this.element);
    }

    /** Device pixels per CSS pixel here, the graph's zoom included. */
    get density() {
        const zoom = this.element.getBoundingClientRect().width / (this.size.width || 1) || 1;
        return Math.min(Math.max(zoom, 0.5), 2) * (window.devicePixelRatio || 1);
    }

    /** @type {(scene: Scene, seen: import("../clip/backdrop.js").Picture) => void} */
    draw(scene, seen) {
        this.#layers.draw(scene, this.size, seen);
    }

    destroy() {
        this.resizes.disconnect();
    }
}
