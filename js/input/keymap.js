/** Keymap: which key does what. One table for the keyboard, the help overlay and the tooltips. */

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
    { group: "Tools", command: "tool:select", keys: ["v"], text: "Select and move" },
    { group: "Tools", command: "tool:pan", keys: ["h"], text: "Move the view" },
    { group: "Tools", command: "tool:freehand", keys: ["p"], text: "Freehand path" },
    { group: "Tools", command: "tool:spline", keys: ["s"], text: "Spline: click its points" },
    { group: "Tools", command: "tool:line", keys: ["l"], text: "Straight line" },
    { group: "Tools", command: "tool:anchor", keys: ["a"], text: "Anchor: hold a place still" },
    { group: "Tools", command: "tool:track", keys: ["j"], text: "Track: click a thing, get its path" },
    { group: "Tools", command: "tool:rect", keys: ["r"], text: "Rectangular area" },
    { group: "Tools", command: "tool:ellipse", keys: ["o"], text: "Elliptical area" },
    { group: "Tools", command: "tool:polygon", keys: ["g"], text: "Lasso area" },
    { group: "Tools", command: "tool:brush", keys: ["b"], text: "Brush" },
    { group: "Tools", command: "tool:eraser", keys: ["e"], text: "Eraser" },
    { group: "Tools", command: "brush-smaller", keys: ["["], text: "Smaller brush", repeats: true },
    { group: "Tools", command: "brush-larger", keys: ["]"], text: "Larger brush", repeats: true },
    { group: "Tools", command: "snap", keys: ["m"], text: "Snap to edges and points" },
    { group: "Tools", command: "menu", keys: ["Shift+F10", "ContextMenu"], text: "What can be done here" },
    { group: "Tools", command: "finish", keys: ["Enter"], text: "Finish the spline; by keys: place a point at the crosshair, which arrows move, or take hold there" },
    { group: "Tools", command: "end-drawing", keys: ["Ctrl+Enter"], text: "End what is drawn by keys" },
    { group: "Tools", command: "cancel", keys: ["Escape"], text: "Cancel, or select nothing" },

    { group: "Time", command: "play", keys: [" "], text: "Play, pause" },
    { group: "Time", command: "previous", keys: [","], text: "A frame back", repeats: true },
    { group: "Time", command: "next", keys: ["."], text: "A frame on", repeats: true },
    { group: "Time", command: "first", keys: ["Home"], text: "First frame" },
    { group: "Time", command: "last", keys: ["End"], text: "Last frame" },
    { group: "Time", command: "loop", keys: ["Shift+L"], text: "Loop on, off" },
    { group: "Time", command: "onion", keys: ["u"], text: "Onion skin: the edited frame along its path" },

    { group: "Edit", command: "undo", keys: ["Ctrl+z"], text: "Undo", repeats: true },
    { group: "Edit", command: "redo", keys: ["Ctrl+Shift+Z", "Ctrl+y"], text: "Redo", repeats: true },
    { group: "Edit", command: "select-all", keys: ["Ctrl+a"], text: "Select everything" },
    { group: "Edit", command: "copy", keys: ["Ctrl+c"], text: "Copy (also between editors)" },
    { group: "Edit", command: "cut", keys: ["Ctrl+x"], text: "Cut" },
    { group: "Edit", command: "paste", keys: ["Ctrl+v"], text: "Paste a drawing or tracks" },
    { group: "Edit", command: "duplicate", keys: ["Ctrl+d"], text: "Duplicate" },
    { group: "Edit", command: "delete", keys: ["Delete", "Backspace"], text: "Delete points, paths, areas" },
    { group: "Edit", command: "insert", keys: ["i"], text: "Insert a point where the dot is" },
    { group: "Edit", command: "track-selected", keys: ["Shift+J"], text: "Track what lies under the paths" },
    { group: "Edit", command: "time-point", keys: ["k"], text: "Key of a point or area" },
    { group: "Edit", command: "lock", keys: ["Shift+U"], text: "Lock, unlock" },
    { group: "Edit", command: "group", keys: ["Ctrl+g"], text: "Group" },
    { group: "Edit", command: "ungroup", keys: ["Ctrl+Shift+G"], text: "Take the group apart" },
    { group: "Edit", command: "nudge", keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], text: "Nudge by a pixel", repeats: true },
    {
        group: "Edit",
        command: "nudge-far",
        keys: ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"],
        text: "Nudge by ten",
        repeats: true,
    },

    { group: "Shape", command: "reverse", keys: ["Shift+R"], text: "Reverse the path" },
    { group: "Shape", command: "to-and-fro", keys: ["t"], text: "Path there and back" },
    { group: "Shape", command: "circle", keys: ["Shift+O"], text: "Circle around a point" },
    { group: "Shape", command: "copies", keys: ["Shift+D"], text: "Parallel copies" },
    { group: "Shape", command: "mirror-x", keys: ["Shift+H"], text: "Mirror left and right" },
    { group: "Shape", command: "mirror-y", keys: ["Shift+V"], text: "Mirror up and down" },
    { group: "Shape", command: "turn-left", keys: ["<"], text: "Turn left by 15°", repeats: true },
    { group: "Shape", command: "turn-right", keys: [">"], text: "Turn right by 15°", repeats: true },
    { group: "Shape", command: "scale-down", keys: ["{"], text: "Smaller by a tenth", repeats: true },
    { group: "Shape", command: "scale-up", keys: ["}"], text: "Larger by a tenth", repeats: true },

    { group: "View", command: "zoom-in", keys: ["+", "="], text: "Zoom in (or turn the wheel)", repeats: true },
    { group: "View", command: "zoom-out", keys: ["-"], text: "Zoom out", repeats: true },
    { group: "View", command: "fit", keys: ["0"], text: "Fit the frame" },
    { group: "View", command: "actual-size", keys: ["1"], text: "One pixel is one pixel" },
    { group: "View", command: "compare", keys: ["c"], text: "Hold: the source, not the edited frame" },
    { group: "View", command: "first-frame", keys: ["y"], text: "Edited frame: paint, choose, save" },
    { group: "View", command: "result", keys: ["x"], text: "The result, the source" },
    { group: "View", command: "wipe", keys: ["w"], text: "Wipe between both" },
    { group: "View", command: "difference", keys: ["d"], text: "Their difference" },
    { group: "View", command: "drawing", keys: ["q"], text: "Paths and areas on, off" },
    { group: "View", command: "solo", keys: ["Shift+S"], text: "Only what is selected, and back" },
    { group: "View", command: "full-window", keys: ["f"], text: "Fill the window, and back" },
    { group: "View", command: "panel", keys: ["n"], text: "List on, off" },
    { group: "View", command: "help", keys: ["?"], text: "All keys" },
];

/** What only the mouse, pen or fingers do; the help overlay shows it. */
export const GESTURES = [
    ["Click again", "reach what lies below"],
    ["Shift + click", "add to the selection"],
    ["Double click", "insert a point into a path"],
    ["Alt + draw", "take an area away instead"],
    ["Shift + draw", "straight, square or round"],
    ["Handles", "scale the selection; the ring turns it"],
    ["Shift + handle", "in proportion, by 15°"],
    ["Alt + handle", "scale about the centre"],
    ["Ctrl + drag", "do not snap"],
    ["Right click", "what can be done (or hold a finger)"],
    ["Wheel", "zoom (click the drawing first)"],
    ["Shift + wheel", "step through the frames"],
    ["Space + drag", "move the view (or middle button)"],
    ["Drag a row's grip", "move it in the list, or into a group"],
    ["Two fingers", "zoom and move the view"],
];

/** What keys do on the controls around the drawing; the help overlay shows it. */
export const CONTROL_KEYS = [
    ["Tab", "tools, drawing, list, settings, time"],
    ["arrows", "from tool to tool, row to row; a frame on the time slider"],
    ["Page ↑ ↓", "ten frames, on the time slider"],
    ["Enter", "select a row; ⇧ Enter adds it"],
    ["F2", "rename a row"],
    ["Alt ↑ ↓", "move a row, into and out of groups"],
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

const SYMBOLS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space", Escape: "Esc", Delete: "Del" };

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
