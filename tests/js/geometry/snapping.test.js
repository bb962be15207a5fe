import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument } from "../../../js/document/document.js";
import { addArea, addPath, newArea, newPath } from "../../../js/document/items.js";
import * as ops from "../../../js/document/operations.js";
import { edgesOf, snapLines, snapOffset, snapPlace } from "../../../js/geometry/snapping.js";

function drawing() {
    let doc = emptyDocument(640, 360, 14);
    doc = addPath(doc, newPath(doc, "line", [{ x: 50, y: 70 }, { x: 150, y: 90 }]));
    doc = addPath(doc, newPath(doc, "anchor", [{ x: 500, y: 300 }]));
    doc = addArea(doc, newArea(doc, "rect", [[200, 100], [260, 140]], { follow: "p1" }));
    return addArea(doc, newArea(doc, "brush", [[400, 200]], { radius: 10 }));
}

const list = (values) => [...values];

test("lines are the frame's, the points' and the areas', where they are seen, and rise", () => {
    const { xs, ys } = snapLines(drawing(), ops.NOTHING, 13); // the path has moved the rectangle by 100, 20
    assert.deepEqual(list(xs), [0, 50, 150, 300, 320, 330, 360, 390, 400, 410, 500, 640]);
    assert.deepEqual(list(ys), [0, 70, 90, 120, 140, 160, 180, 190, 200, 210, 300, 360]);
});

test("what moves is no line for itself, nor what rides on it, nor what is hidden", () => {
    const doc = drawing();
    const { xs } = snapLines(doc, { paths: ["p1"], regions: ["r2"], points: [] }, 0);
    assert.deepEqual(list(xs), [0, 320, 500, 640]);
    const chosen = snapLines(doc, { paths: ["p1"], regions: [], points: [{ path: "p1", index: 1 }] }, 0);
    assert.ok(list(chosen.xs).includes(50) && !list(chosen.xs).includes(150));
    const hidden = { ...doc, paths: doc.paths.map((path) => ({ ...path, visible: false })), regions: [] };
    assert.deepEqual(list(snapLines(hidden, ops.NOTHING, 0).xs), [0, 320, 640]);
});

test("a snapped place lies on a line to the bit, and never moves farther than the reach", () => {
    const lines = snapLines(drawing(), ops.NOTHING, 0);
    for (let x = -20; x < 660; x += 3.7)
        for (let y = -20; y < 380; y += 7.3) {
            const { at, guides } = snapPlace(lines, { x, y }, 6);
            for (const [axis, rising] of [["x", list(lines.xs)], ["y", list(lines.ys)]]) {
                const from = { x, y }[axis];
                const nearest = Math.min(...rising.map((line) => Math.abs(line - from)));
                const guide = guides.find((one) => one.axis === axis);
                assert.equal(Boolean(guide), nearest <= 6, `${axis} at ${from}`);
                if (guide) assert.ok(rising.includes(at[axis]) && at[axis] === guide.at && Math.abs(at[axis] - from) === nearest);
                else assert.equal(at[axis], from);
            }
            assert.deepEqual(snapPlace(lines, at, 6).at, at); // again: it stays
        }
});

test("of a box the side or centre that is nearest snaps, each axis by itself", () => {
    const lines = snapLines(emptyDocument(640, 360, 14), ops.NOTHING, 0);
    const box = { low: { x: 100, y: 50 }, high: { x: 200, y: 90 } };
    assert.deepEqual(snapOffset(lines, edgesOf(box, 437, 6), 6), { dx: 3, dy: 0, guides: [{ axis: "x", at: 640 }] });
    assert.deepEqual(snapOffset(lines, edgesOf(box, 172, 112), 6), { dx: -2, dy: -2, guides: [{ axis: "x", at: 320 }, { axis: "y", at: 180 }] });
    assert.deepEqual(snapOffset(lines, { xs: [], ys: [1] }, 6), { dx: 0, dy: -1, guides: [{ axis: "y", at: 0 }] });
});
