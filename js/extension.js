/**
 * ComfyUI's door to the editor, and the only file that has effects of its own: it makes the
 * widget, which host/ fills.
 */

// @ts-ignore ComfyUI serves these two
import { app } from "../../scripts/app.js";
// @ts-ignore
import { api } from "../../scripts/api.js";
import { Comfy } from "./host/comfy.js";
import { NodeEditor } from "./host/node_editor.js";
import { scrollsUnder } from "./input/own_events.js";

const NODE = "ReVideoEditor";
const WIDGET = "REVIDEO_EDITOR";
const SIZE = [820, 700]; // of a new node
const MIN_HEIGHT = 470; // of the widget: the least at which all of it is of use
const MIN_WIDTH = 360; // of the node

const comfy = new Comfy(app, api, new URL("./", import.meta.url));

const style = document.createElement("link");
style.rel = "stylesheet";
style.href = new URL("./editor.css", import.meta.url).href;
document.head.append(style);

// Two fingers on a drawing zoom it; the graph, which listens above us while events come down, would zoom too.
for (const name of ["touchstart", "touchmove", "touchend", "touchcancel"])
    window.addEventListener(
        name,
        (event) => {
            if (event.target instanceof Element && event.target.closest(".rve-stage")) event.stopPropagation();
        },
        { capture: true, passive: true },
    );

// The wheel scrolls a list under it; the graph, which in Nodes 2.0 hears it above us too, would zoom.
window.addEventListener("wheel", (event) => scrollsUnder(event) && event.stopPropagation(), { capture: true, passive: true });

app.registerExtension({
    name: "ReVideo.Editor",
    getCustomWidgets: () => ({
        [WIDGET](/** @type {any} */ node, /** @type {string} */ name) {
            const { editor } = new NodeEditor(node, comfy);
            const widget = node.addDOMWidget(name, WIDGET.toLowerCase(), editor.element, {
                getValue: () => editor.value,
                setValue: (/** @type {any} */ value) => (editor.value = typeof value === "string" ? value : ""),
                getMinHeight: () => MIN_HEIGHT,
                hideOnZoom: false,
            });
            // As wide as its node. The properties panel would leave its own width on it, and the node never takes that back.
            Object.defineProperty(widget, "width", { get: () => undefined, set: () => {}, configurable: true });
            return { widget };
        },
    }),
    nodeCreated(/** @type {any} */ node) {
        if (node.comfyClass !== NODE) return;
        const { computeSize } = node; // what LiteGraph lets nobody go below; in Nodes 2.0 our styles do
        node.computeSize = (/** @type {any[]} */ ...given) => {
            const size = computeSize.apply(node, given);
            size[0] = Math.max(size[0], MIN_WIDTH);
            return size;
        };
        node.setSize([Math.max(node.size[0], SIZE[0]), Math.max(node.size[1], SIZE[1])]);
    },
});
