import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { addPath, newPath } from "../../../js/document/items.js";
import { circleAround, parallelCopies, toAndFro } from "../../../js/document/motions.js";
import * as ops from "../../../js/document/operations.js";
import { parseDocument } from "../../../js/document/schema.js";
import { setRange } from "../../../js/document/timing.js";
import { pathCurve, positionAt } from "../../../js/geometry/curves.js";

const P = (x, y, frame) => (frame === undefined ? { x, y } : { x, y, frame });
const valid = (doc) => assert.equal(serializeDocument(parseDocument(serializeDocument(doc))), serializeDocument(doc));
const drawn = (kind, points, more = {}) => {
    const doc = emptyDocument(640, 360, 15);
    return addPath(doc, { ...newPath(doc, kind, points), ...more });
};
const close = (a, b, tolerance = 1e-6) => assert.ok(Math.hypot(a.x - b.x, a.y - b.y) <= tolerance, `${JSON.stringify(a)} is not ${JSON.stringify(b)}`);

const WAYS = {
    line: drawn("line", [P(10, 10), P(100, 80)]),
    "bent line": drawn("line", [P(10, 10), P(100, 80), P(300, 20)], { easing: "in-out" }),
    spline: drawn("spline", [P(10, 10), P(100, 80), P(300, 20), P(320, 200)], { start: 2, end: 12 }),
    "timed spline": drawn("spline", [P(10, 10), P(100, 80, 4), P(300, 20, 6), P(320, 200)]),
    "resting spline": drawn("freehand", [P(10, 10, 2), P(100, 80), P(300, 20, 9)], { start: 1, end: 13 }),
    "resting line": drawn("line", [P(10, 10, 2), P(100, 80), P(300, 20, 9)]),
    "speeding line": drawn("line", [P(10, 10), P(100, 80), P(300, 20, 5), P(320, 40)], { easing: "in" }),
    "speeding spline": drawn("spline", [P(10, 10), P(100, 80, 6), P(300, 20)], { easing: "out" }),
    "eased stretches": drawn("spline", [{ ...P(10, 10), easing: "in" }, { ...P(100, 80, 4), easing: [0.2, 0, 0.4, 1.2] }, P(300, 20, 8), P(320, 200)], { easing: "in-out" }),
    "between frames": drawn("spline", [P(10, 10, 0.333), P(100, 80, 4.3333), P(300, 20, 9.667), P(320, 200, 13.1)], { start: 0.2, end: 13.5 }),
    "eased beyond its end": drawn("line", [P(10, 10), { ...P(100, 80), easing: "in" }]),
    "tied ends": drawn("spline", [P(10, 10, 0), P(100, 80), P(300, 20, 14)]),
};

for (const [name, doc] of Object.entries(WAYS))
    test(`there and back again the same way, in the same time: ${name}`, () => {
        const both = toAndFro(doc, "p1");
        valid(both);
        const [path, before] = [both.paths[0], doc.paths[0]];
        const [start, end] = [before.start, before.end];
        assert.deepEqual([path.start, path.end, path.easing], [start, end, before.easing]);
        assert.ok(Math.abs(pathCurve(path).length - 2 * pathCurve(before).length) < 1e-6);
        for (let time = start; time <= (start + end) / 2; time += 0.25) {
            close(positionAt(path, both, time), positionAt(before, doc, start + 2 * (time - start)));
            close(positionAt(path, both, start + end - time), positionAt(path, both, time));
        }
        close(positionAt(path, both, end), positionAt(before, doc, start));
    });

test("what goes nowhere, or takes no time, stays as it is", () => {
    const anchor = drawn("anchor", [P(10, 10)]);
    assert.equal(toAndFro(anchor, "p1").paths[0], anchor.paths[0]);
    const moment = setRange(WAYS.line, "p1", 3, 3);
    assert.equal(toAndFro(moment, "p1").paths[0], moment.paths[0]);
});

test("reversed twice is the same", () => {
    for (const doc of Object.values(WAYS)) assert.deepEqual(ops.reverse(ops.reverse(doc, "p1"), "p1"), doc);
});

test("a circle is closed, and round within a five-hundredth of its radius, at even speed", () => {
    const doc = emptyDocument(640, 360, 15);
    const path = circleAround(doc, { x: 300, y: 150 }, 80);
    const round = addPath(doc, path);
    valid(round);
    assert.deepEqual(path.points[0], path.points.at(-1));
    for (let time = 0; time <= 14; time += 0.1) {
        const { x, y } = positionAt(path, round, time);
        assert.ok(Math.abs(Math.hypot(x - 300, y - 150) - 80) < 0.16, `at ${time}`);
    }
    close(positionAt(path, round, 7), { x: 220, y: 150 }, 0.16);
});

test("copies lie side by side under ids of their own, with all that the original says", () => {
    const doc = WAYS["timed spline"];
    const { doc: many, selection } = parallelCopies(doc, ["p1"], 3, 10, -4);
    valid(many);
    assert.equal(many.paths[0], doc.paths[0]);
    assert.deepEqual(selection.paths, many.paths.slice(1).map(({ id }) => id));
    assert.equal(new Set(many.paths.map(({ id }) => id)).size, 4);
    many.paths.forEach(({ points }, copy) => assert.deepEqual(points, doc.paths[0].points.map((point) => ({ ...point, x: point.x + 10 * copy, y: point.y - 4 * copy }))));
    assert.equal(parallelCopies(doc, ["p1"], 1e9, 1, 1).doc.paths.length, 101);
});
