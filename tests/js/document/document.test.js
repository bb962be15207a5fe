import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMITS, emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { DocumentError, parseDocument } from "../../../js/document/schema.js";

const WHOLE = {
    version: 1,
    width: 1344,
    height: 768,
    frames: 14,
    paths: [
        {
            id: "p1",
            kind: "spline",
            name: "bird",
            color: "#ffb000",
            points: [{ x: 10.5, y: 20, frame: 0 }, { x: 200, y: 90 }, { x: 400, y: 60 }],
            start: 0,
            end: 13,
            easing: "linear",
            visible: true,
        },
        { id: "p2", kind: "anchor", points: [{ x: 5, y: 5 }] },
    ],
    regions: [
        { id: "r1", kind: "rect", mode: "add", points: [[8, 8], [420, 160]], feather: 0, follow: "p1" },
        { id: "r2", kind: "brush", name: "hole", mode: "subtract", points: [[30, 30]], radius: 4, visible: false },
    ],
};

const { version: _, ...READ } = WHOLE; // the version is the text's

test("what is written reads back, and is written the same again", () => {
    const text = serializeDocument(/** @type {any} */ (WHOLE));
    assert.equal(text, JSON.stringify(WHOLE));
    assert.deepEqual(parseDocument(text), READ);
    assert.equal(serializeDocument(parseDocument(text)), text);
});

test("an empty drawing is a whole document, and a blank text is none", () => {
    const empty = emptyDocument(64, 32, 5);
    assert.deepEqual(parseDocument(serializeDocument(empty)), empty);
    for (const blank of ["", " \n\t\r"]) assert.equal(parseDocument(blank), null);
});

test("coordinates are written to a thousandth of a pixel, times as they are", () => {
    const points = [{ x: 0.12345, y: -0.0004, frame: 1 / 3 }, { x: 1e5, y: 7.0005 }];
    const area = { id: "r", kind: "brush", points: [[1 / 3, 2]], radius: 1e-9, feather: 0.0004 };
    const doc = { ...emptyDocument(9, 9, 3), paths: [{ id: "p", kind: "line", points, end: 1.23456789 }], regions: [area] };
    const read = parseDocument(serializeDocument(/** @type {any} */ (doc)));
    assert.deepEqual(read.paths[0].points, [{ x: 0.123, y: 0, frame: 1 / 3 }, { x: 1e5, y: 7.001 }]);
    assert.equal(read.paths[0].end, 1.23456789);
    assert.deepEqual(read.regions[0], { ...area, points: [[0.333, 2]], radius: 0.001, feather: 0 });
});

test("fields that are not the document's are dropped, also in its parts", () => {
    const more = structuredClone(/** @type {any} */ (WHOLE));
    for (const part of [more, more.paths[0], more.paths[0].points[0], more.regions[0]]) part.author = { name: ["x"] };
    more.paths[0].radius = 3;
    more.regions[0].radius = "a rect has none";
    assert.deepEqual(parseDocument(JSON.stringify(more)), READ);
});

test("a key named __proto__ is a field like any other that is not listed", () => {
    const text = serializeDocument(/** @type {any} */ (WHOLE)).replace('"paths"', '"__proto__":{"polluted":true},"paths"');
    assert.deepEqual(parseDocument(text), READ);
    assert.equal(/** @type {any} */ ({}).polluted, undefined);
});

test("what parsing refuses is a DocumentError", () => {
    assert.throws(() => parseDocument("{"), (error) => error instanceof DocumentError && error instanceof Error);
    assert.throws(() => parseDocument("[".repeat(200_000)), { message: "the document is nested too deeply" });
    const quoted = JSON.stringify({ ...WHOLE, note: `${'["'.repeat(LIMITS.depth + 1)}\\` });
    assert.deepEqual(parseDocument(quoted), READ); // brackets in strings nest nothing
});
