// The documents and texts that tests/revideo/drawing/test_document.py reads too: both languages, the same answers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { serializeDocument } from "../../../js/document/document.js";
import { DocumentError, parseDocument } from "../../../js/document/schema.js";
import { coverAt } from "../../../js/geometry/areas.js";
import { timesOf, tracks } from "../../../js/geometry/curves.js";
import { maskAt } from "../../../js/geometry/masks.js";
import { areasAt } from "../../../js/geometry/pose.js";

const read = (/** @type {string} */ name) => JSON.parse(readFileSync(new URL(`../../data/${name}`, import.meta.url), "utf8"));
const { documents } = read("documents.json");
const texts = read("refused_documents.json");
const { refused, accepted } = texts;

/** @type {(entry: any) => string} */
function textOf({ of = "text", text = texts[of], replace, parts }) {
    if (parts) return parts[0] + parts[1].repeat(parts[2]) + parts[3];
    return replace ? replaced(text, replace) : text;
}

/** @type {(text: string, change: [string, string]) => string} */
function replaced(text, [old, by]) {
    assert.ok(text.includes(old), `${old} is not in the text`);
    return text.replace(old, () => by);
}

/** Value, count, value, count, … → the mask. @type {(runs: number[], size: number) => Float32Array} */
function unpacked(runs, size) {
    const mask = new Float32Array(size);
    let at = 0;
    for (let index = 0; index < runs.length; index += 2) mask.fill(runs[index], at, (at += runs[index + 1]));
    assert.equal(at, size);
    return mask;
}

for (const entry of documents) {
    const doc = /** @type {import("../../../js/document/document.js").EditDocument} */ (parseDocument(JSON.stringify(entry.document)));

    test(`tracks of: ${entry.name}`, () => {
        const { points, visible } = tracks(doc, entry);
        assert.deepEqual(visible.map((path) => path.map(Number)), entry.visible);
        assert.equal(points.length, entry.points.length);
        points.forEach((path, number) =>
            path.forEach((place, frame) =>
                place.forEach((value, axis) => {
                    const expected = entry.points[number][frame][axis];
                    assert.ok(Math.abs(value - expected) < 1e-6, `path ${number}, frame ${frame}: ${value}, not ${expected}`);
                }),
            ),
        );
    });

    test(`masks of: ${entry.name}`, () => {
        const { frames, width, height } = entry;
        const times = timesOf(doc, frames);
        const moves = times.some((time) => !isDeepStrictEqual(areasAt(doc, time), areasAt(doc, times[0])));
        const { base: bases = [] } = entry;
        assert.equal(entry.masks.length, moves || bases.length > 1 ? frames : 1);
        entry.masks.forEach((/** @type {number[]} */ runs, /** @type {number} */ frame) => {
            const expected = unpacked(runs, width * height);
            const base = bases.length ? unpacked(bases[bases.length > 1 ? frame : 0], width * height) : undefined;
            maskAt(doc, times[frame], width, height, base).forEach((value, index) =>
                assert.ok(Math.abs(value - expected[index]) < 1e-6, `frame ${frame}, pixel ${index}: ${value}, not ${expected[index]}`),
            );
            expected.forEach((value, index) => {
                if (index % 7) return;
                const x = ((index % width) + 0.5) * (doc.width / width);
                const y = (Math.floor(index / width) + 0.5) * (doc.height / height);
                assert.ok(Math.abs(coverAt(areasAt(doc, times[frame]), x, y, base?.[index]) - value) < 1e-6, `frame ${frame}, place ${x}, ${y}`);
            });
        });
    });

    test(`written and read again: ${entry.name}`, () => {
        const text = serializeDocument(doc);
        assert.equal(serializeDocument(/** @type {any} */ (parseDocument(text))), text);
    });
}

for (const entry of refused)
    test(`refused: ${entry.name}`, () => {
        assert.throws(() => parseDocument(textOf(entry)), (error) => error instanceof DocumentError && (assert.equal(error.message, entry.message), true));
    });

for (const entry of accepted)
    test(`read: ${entry.name}`, () => {
        const text = serializeDocument(/** @type {any} */ (parseDocument(textOf(entry))));
        const whole = texts[entry.of ?? "text"];
        assert.equal(text, entry.canonical ? replaced(whole, entry.canonical) : whole);
        assert.equal(serializeDocument(/** @type {any} */ (parseDocument(text))), text);
    });
