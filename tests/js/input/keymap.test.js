import assert from "node:assert/strict";
import { test } from "node:test";

import { COMMANDS } from "../../../js/input/commands.js";
import { BINDINGS, bindingOf, keyLabel, shortcut } from "../../../js/input/keymap.js";

const press = (key, held = "") => ({ key, ctrlKey: held.includes("c"), metaKey: held.includes("m"), shiftKey: held.includes("s"), altKey: held.includes("a") });
const command = (key, held) => bindingOf(press(key, held))?.command;

test("no key means two things, every command exists", () => {
    const keys = BINDINGS.flatMap((binding) => binding.keys);
    assert.equal(new Set(keys).size, keys.length);
    const clipboard = ["copy", "cut", "paste"]; // the browser's own events
    for (const binding of BINDINGS) assert.ok(clipboard.includes(binding.command) || COMMANDS[binding.command], binding.command);
});

test("keys are found as keyboards send them", () => {
    assert.equal(command("z", "c"), "undo");
    assert.equal(command("z", "m"), "undo"); // a Mac's command key
    assert.equal(command("Z", "cs"), "redo");
    assert.equal(command("y", "c"), "redo");
    assert.equal(command("?", "s"), "help"); // Shift or not: keyboards differ
    assert.equal(command("?"), "help");
    assert.equal(command("V"), "tool:select"); // caps lock
    assert.equal(command("ArrowUp", "s"), "nudge-far");
    assert.equal(command("z"), undefined);
    assert.equal(command("v", "a"), undefined);
    assert.equal(command("s", "c"), undefined); // saving is ComfyUI's
});

test("keys have labels for people", () => {
    assert.equal(keyLabel("Ctrl+Shift+Z"), "Ctrl Shift Z");
    assert.equal(keyLabel("+"), "+");
    assert.equal(shortcut("play"), "Space");
    assert.equal(shortcut("no such command"), "");
});
