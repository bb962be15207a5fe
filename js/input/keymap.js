/** Keymap: which key does what. One table for the keyboard, the help overlay and the tooltips. */

import { t } from "../locale.js";

/**
 * @typedef {object} Binding
 * @property {string} command  what editor.js runs
 * @property {string[]} keys  as `chord` gives them
 * @property {string} text  for the help overlay
 * @property {string} group
 * @property {boolean} [repeats]  goes on while the key is held
 */

/** @type {Binding[]} */
export const BINDINGS = [
    { group: t`Tools`, command: "tool:select", keys: ["v"], text: t`Select and move` },
    { group: t`Tools`, command: "tool:pan", keys: ["h"], text: t`Move the view` },
    { group: t`Tools`, command: "tool:freehand", keys: ["p"], text: t`Freehand path` },
    { group: t`Tools`, command: "tool:spline", keys: ["s"], text: t`Spline: click its points` },
    { group: t`Tools`, command: "tool:line", keys: ["l"], text: t`Straight line` },
    { group: t`Tools`, command: "tool:anchor", keys: ["a"], text: t`Anchor: hold a place still` },
    { group: t`Tools`, command: "tool:track", keys: ["j"], text: t`Track: click a thing, get its path` },
    { group: t`Tools`, command: "tool:rect", keys: ["r"], text: t`Rectangular area` },
    { group: t`Tools`, command: "tool:ellipse", keys: ["o"], text: t`Elliptical area` },
    { group: t`Tools`, command: "tool:polygon", keys: ["g"], text: t`Lasso area` },
    { group: t`Tools`, command: "tool:brush", keys: ["b"], text: t`Brush` },
    { group: t`Tools`, command: "tool:eraser", keys: ["e"], text: t`Eraser` },
    { group: t`Tools`, command: "brush-smaller", keys: ["["], text: t`Smaller brush`, repeats: true },
    { group: t`Tools`, command: "brush-larger", keys: ["]"], text: t`Larger brush`, repeats: true },
    { group: t`Tools`, command: "snap", keys: ["m"], text: t`Snap to edges and points` },
    { group: t`Tools`, command: "menu", keys: ["Shift+F10", "ContextMenu"], text: t`What can be done here` },
    { group: t`Tools`, command: "finish", keys: ["Enter"], text: t`Finish the spline; by keys: place a point at the crosshair, which arrows move, or take hold there` },
    { group: t`Tools`, command: "end-drawing", keys: ["Ctrl+Enter"], text: t`End what is drawn by keys` },
    { group: t`Tools`, command: "cancel", keys: ["Escape"], text: t`Cancel, or select nothing` },

    { group: t`Time`, command: "play", keys: [" "], text: t`Play, pause` },
    { group: t`Time`, command: "previous", keys: [","], text: t`A frame back`, repeats: true },
    { group: t`Time`, command: "next", keys: ["."], text: t`A frame on`, repeats: true },
    { group: t`Time`, command: "first", keys: ["Home"], text: t`First frame` },
    { group: t`Time`, command: "last", keys: ["End"], text: t`Last frame` },
    { group: t`Time`, command: "loop", keys: ["Shift+L"], text: t`Loop on, off` },
    { group: t`Time`, command: "onion", keys: ["u"], text: t`Onion skin: the edited frame along its path` },

    { group: t`Edit`, command: "undo", keys: ["Ctrl+z"], text: t`Undo`, repeats: true },
    { group: t`Edit`, command: "redo", keys: ["Ctrl+Shift+Z", "Ctrl+y"], text: t`Redo`, repeats: true },
    { group: t`Edit`, command: "select-all", keys: ["Ctrl+a"], text: t`Select everything` },
    { group: t`Edit`, command: "copy", keys: ["Ctrl+c"], text: t`Copy (also between editors)` },
    { group: t`Edit`, command: "cut", keys: ["Ctrl+x"], text: t`Cut` },
    { group: t`Edit`, command: "paste", keys: ["Ctrl+v"], text: t`Paste a drawing or tracks` },
    { group: t`Edit`, command: "duplicate", keys: ["Ctrl+d"], text: t`Duplicate` },
    { group: t`Edit`, command: "delete", keys: ["Delete", "Backspace"], text: t`Delete points, paths, areas` },
    { group: t`Edit`, command: "insert", keys: ["i"], text: t`Insert a point where the dot is` },
    { group: t`Edit`, command: "track-selected", keys: ["Shift+J"], text: t`Track what lies under the paths` },
    { group: t`Edit`, command: "time-point", keys: ["k"], text: t`Key of a point or area` },
    { group: t`Edit`, command: "lock", keys: ["Shift+U"], text: t`Lock, unlock` },
    { group: t`Edit`, command: "group", keys: ["Ctrl+g"], text: t`Group` },
    { group: t`Edit`, command: "ungroup", keys: ["Ctrl+Shift+G"], text: t`Take the group apart` },
    { group: t`Edit`, command: "nudge", keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], text: t`Nudge by a pixel`, repeats: true },
    {
        group: t`Edit`,
        command: "nudge-far",
        keys: ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"],
        text: t`Nudge by ten`,
        repeats: true,
    },

    { group: t`Shape`, command: "reverse", keys: ["Shift+R"], text: t`Reverse the path` },
    { group: t`Shape`, command: "to-and-fro", keys: ["t"], text: t`Path there and back` },
    { group: t`Shape`, command: "circle", keys: ["Shift+O"], text: t`Circle around a point` },
    { group: t`Shape`, command: "copies", keys: ["Shift+D"], text: t`Parallel copies` },
    { group: t`Shape`, command: "mirror-x", keys: ["Shift+H"], text: t`Mirror left and right` },
    { group: t`Shape`, command: "mirror-y", keys: ["Shift+V"], text: t`Mirror up and down` },
    { group: t`Shape`, command: "turn-left", keys: ["<"], text: t`Turn left by 15°`, repeats: true },
    { group: t`Shape`, command: "turn-right", keys: [">"], text: t`Turn right by 15°`, repeats: true },
    { group: t`Shape`, command: "scale-down", keys: ["{"], text: t`Smaller by a tenth`, repeats: true },
    { group: t`Shape`, command: "scale-up", keys: ["}"], text: t`Larger by a tenth`, repeats: true },

    { group: t`View`, command: "zoom-in", keys: ["+", "="], text: t`Zoom in (or turn the wheel)`, repeats: true },
    { group: t`View`, command: "zoom-out", keys: ["-"], text: t`Zoom out`, repeats: true },
    { group: t`View`, command: "fit", keys: ["0"], text: t`Fit the frame` },
    { group: t`View`, command: "actual-size", keys: ["1"], text: t`One pixel is one pixel` },
    { group: t`View`, command: "compare", keys: ["c"], text: t`Hold: the source, not the edited frame` },
    { group: t`View`, command: "first-frame", keys: ["y"], text: t`Edited frame: paint, choose, save` },
    { group: t`View`, command: "result", keys: ["x"], text: t`The result, the source` },
    { group: t`View`, command: "wipe", keys: ["w"], text: t`Wipe between both` },
    { group: t`View`, command: "difference", keys: ["d"], text: t`Their difference` },
    { group: t`View`, command: "drawing", keys: ["q"], text: t`Paths and areas on, off` },
    { group: t`View`, command: "solo", keys: ["Shift+S"], text: t`Only what is selected, and back` },
    { group: t`View`, command: "full-window", keys: ["f"], text: t`Fill the window, and back` },
    { group: t`View`, command: "panel", keys: ["n"], text: t`List on, off` },
    { group: t`View`, command: "help", keys: ["?"], text: t`All keys` },
];

/** What only the mouse, pen or fingers do; the help overlay shows it. */
export const GESTURES = [
    [t`Click again`, t`reach what lies below`],
    [t`Shift + click`, t`add to the selection`],
    [t`Double click`, t`insert a point into a path`],
    [t`Alt + draw`, t`take an area away instead`],
    [t`Shift + draw`, t`straight, square or round`],
    [t`Handles`, t`scale the selection; the ring turns it`],
    [t`Shift + handle`, t`in proportion, by 15°`],
    [t`Alt + handle`, t`scale about the centre`],
    [t`Ctrl + drag`, t`do not snap`],
    [t`Right click`, t`what can be done (or hold a finger)`],
    [t`Wheel`, t`zoom (click the drawing first)`],
    [t`Shift + wheel`, t`step through the frames`],
    [t`Space + drag`, t`move the view (or middle button)`],
    [t`Drag a row's grip`, t`move it in the list, or into a group`],
    [t`Two fingers`, t`zoom and move the view`],
];

/** What keys do on the controls around the drawing; the help overlay shows it. */
export const CONTROL_KEYS = [
    ["Tab", t`tools, drawing, list, settings, time`],
    [t`arrows`, t`from tool to tool, row to row; a frame on the time slider`],
    ["Page ↑ ↓", t`ten frames, on the time slider`],
    ["Enter", t`select a row; ⇧ Enter adds it`],
    ["F2", t`rename a row`],
    ["Alt ↑ ↓", t`move a row, into and out of groups`],
];

/** A key event as this table names it: "Ctrl+z", "Shift+ArrowLeft", "?". Cmd counts as Ctrl. @type {(event: {key: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean}) => string} */
export function chord(event) {
    const ctrl = event.ctrlKey || event.metaKey;
    const letter = event.key.length === 1;
    // "?" and "+" need Shift on some keyboards and not on others; letters and named keys say it.
    const shift = event.shiftKey && (!letter || /[a-z]/i.test(event.key));
    const key = letter && /[a-z]/i.test(event.key) ? (event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase()) : event.key;
    return `${ctrl ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key}`;
}

const BY_KEY = new Map(BINDINGS.flatMap((binding) => binding.keys.map((key) => [key, binding])));

/** @type {(event: {key: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, altKey: boolean}) => Binding | undefined} */
export const bindingOf = (event) => (event.altKey ? undefined : BY_KEY.get(chord(event)));

const SYMBOLS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": t`Space`, Escape: "Esc", Delete: "Del" };

/** For people: "Ctrl Z", "⇧ ←". @type {(key: string) => string} */
export function keyLabel(key) {
    const parts = key === "+" ? ["+"] : key.split("+");
    return parts.map((part) => (part in SYMBOLS ? SYMBOLS[/** @type {keyof typeof SYMBOLS} */ (part)] : part.length === 1 ? part.toUpperCase() : part)).join(" ");
}

/** The first key of a command, for a tooltip. @type {(command: string) => string} */
export function shortcut(command) {
    const key = BINDINGS.find((binding) => binding.command === command)?.keys[0];
    return key === undefined ? "" : keyLabel(key);
}
