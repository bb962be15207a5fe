// How the modules of js/ lie: imports run one way, and only extension.js acts when it is imported.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../js/", import.meta.url);

// What a module may import stands before it, or in its own folder.
const ORDER = ["locale.js", "dom.js", "geometry", "document", "exchange", "clip", "graph", "tools", "canvas", "input", "ui", "overlays", "drawing_board.js", "editor.js", "host", "extension.js"];

const modules = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".js"));
const textOf = (module) => readFileSync(new URL(module, ROOT), "utf8");
const folderOf = (module) => module.split("/")[0];

/** Modules of ours that a module imports. Types in comments, `import("…").Type`, are no imports. */
function importsOf(module) {
    const imports = /^(?:(?:import|export)\b[^"'`;]*\bfrom|import)\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)(?!\.)/gm;
    const urls = [...textOf(module).matchAll(imports)].map(([, named, loaded]) => new URL(named ?? loaded, new URL(module, ROOT)).href);
    return urls.filter((url) => url.startsWith(ROOT.href)).map((url) => url.slice(ROOT.href.length));
}

test("every import is of a module that is there, in an earlier folder or its own", () => {
    let arrows = 0;
    for (const module of modules)
        for (const imported of importsOf(module)) {
            arrows += 1;
            assert.ok(modules.includes(imported), `${module} imports ${imported}, which is not there`);
            const [from, to] = [module, imported].map((name) => ORDER.indexOf(folderOf(name)));
            assert.ok(from >= 0 && to >= 0, `${module} or ${imported} has no place in the order`);
            assert.ok(to <= from, `${module} imports ${imported}, which comes later`);
        }
    assert.ok(arrows > 80, `only ${arrows} imports were found`);
});

test("no modules import each other in a circle", () => {
    const done = new Set();
    const visit = (module, way) => {
        assert.ok(!way.includes(module), `a circle: ${[...way, module].join(" → ")}`);
        if (done.has(module)) return;
        for (const imported of importsOf(module)) visit(imported, [...way, module]);
        done.add(module);
    };
    for (const module of modules) visit(module, []);
    assert.equal(done.size, modules.length);
});

test("modules and folders stay small", () => {
    for (const module of modules) {
        const lines = textOf(module).split("\n").length - 1;
        assert.ok(lines <= 350, `${module} has ${lines} lines`);
    }
    const folders = Map.groupBy(modules, (module) => module.split("/").slice(0, -1).join("/"));
    for (const [folder, inside] of folders) assert.ok(inside.length <= 15, `js/${folder} holds ${inside.length} modules`);
});

test("an exported name stands for one thing", () => {
    const names = modules.flatMap((module) => [...textOf(module).matchAll(/^export (?:async )?(?:const|function|class) (\w+)/gm)].map(([, name]) => name));
    assert.ok(names.length > 100, `only ${names.length} names were found`);
    assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
});

// ComfyUI imports every module of js/. There is no page here: whatever touches one throws by itself.
// Nor is there a ComfyUI, whose words locale.js would wait for.
test("to import a module does nothing, but for extension.js", async () => {
    const acts = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch", "addEventListener", "dispatchEvent"];
    const consoles = ["log", "info", "warn", "error", "debug"];
    const calls = [];
    const spied = [...acts.map((name) => [globalThis, name]), ...consoles.map((name) => [console, name])];
    const before = spied.map(([owner, name]) => owner[name]);
    const shared = [globalThis, ...[Object, Array, String, Number, Map, Set, Promise].flatMap((one) => [one, one.prototype])];
    const names = () => shared.flatMap((one) => Reflect.ownKeys(one));
    for (const [owner, name] of spied) owner[name] = (...values) => calls.push([name, values]);
    const known = names();
    let imported = 0;
    try {
        for (const module of modules) {
            if (module === "extension.js") continue;
            await import(new URL(module, ROOT).href);
            imported += 1;
        }
        assert.deepEqual(names(), known);
    } finally {
        spied.forEach(([owner, name], index) => (owner[name] = before[index]));
    }
    assert.deepEqual(calls, []);
    assert.equal(imported, modules.length - 1);
    assert.match(textOf("extension.js"), /^app\.registerExtension\(/m); // the one that acts
});
