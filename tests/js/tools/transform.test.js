import assert from "node:assert/strict";
import { test } from "node:test";

import * as ops from "../../../js/document/operations.js";
import { TOOLS } from "../../../js/tools/index.js";
import { boxAroundSelection } from "../../../js/tools/transform.js";
import { at, board, draw } from "./board.js";

/** A line and a rectangle, both selected: from 100, 100 to 300, 200. */
function together() {
    const b = board();
    draw(b, "line", [[100, 100], [200, 200]]);
    draw(b, "rect", [[220, 120], [300, 180]]);
    b.select(ops.everything(b.doc));
    return b;
}
const grip = (b, name) => {
    const { x, y } = boxAroundSelection(b).grips.find((one) => one.name === name);
    return [x, y];
};
/** Drags a grip by so much. */
const pull = (b, name, [dx, dy], held = {}) => {
    const [x, y] = grip(b, name);
    draw(b, "select", [[x, y], [x + dx / 2, y + dy / 2], [x + dx, y + dy]], held);
};
const linePoints = (b) => b.doc.paths[0].points.map(({ x, y }) => [x, y]);

test("a corner scales paths and areas together, in one step", () => {
    const b = together();
    const steps = b.labels.length;
    pull(b, "se", [100, 50]);
    assert.deepEqual(linePoints(b), [[100, 100], [250, 250]]);
    assert.deepEqual(b.doc.regions[0].points, [[280, 130], [400, 220]]);
    assert.deepEqual(b.labels.slice(steps), ["scale"]);
});

test("Shift keeps the proportion, Alt the centre; a side scales one way; past the other side it mirrors", () => {
    const b = together();
    pull(b, "se", [200, 100], { shift: true });
    assert.deepEqual(linePoints(b), [[100, 100], [300, 300]]);
    const c = together();
    pull(c, "e", [100, 70], { alt: true });
    assert.deepEqual(linePoints(c), [[0, 100], [200, 200]]);
    const d = together();
    pull(d, "e", [-400, 0]);
    assert.deepEqual(linePoints(d), [[100, 100], [0, 200]]);
    assert.deepEqual(d.doc.regions[0].points, [[-100, 120], [-20, 180]]);
});

test("a turn says what became of the rectangle", () => {
    const b = together();
    const [x, y] = grip(b, "turn");
    draw(b, "select", [[x, y], [250, 60], [200 + (150 - y), 153]], { shift: true });
    assert.ok(linePoints(b).every(([px, py], index) => Math.hypot(px - [250, 150][index], py - [50, 150][index]) < 1e-9), "a quarter turn");
    assert.equal(b.doc.regions[0].kind, "rect");
    assert.equal(b.said.length, 0);
    const c = together();
    draw(c, "select", [[x, y], [260, 60], [270, 70]]);
    assert.equal(c.doc.regions[0].kind, "polygon");
    assert.match(c.said[0], /turned becomes/);
});

test("a cancelled drag leaves no trace, a click on a grip neither", () => {
    const b = together();
    const before = b.doc;
    const [x, y] = grip(b, "nw");
    const drag = TOOLS.select.press(b, at(b, [x, y]));
    drag.move(at(b, [x - 50, y - 50]));
    assert.notEqual(b.doc, before);
    drag.cancel();
    assert.equal(b.doc, before);
    draw(b, "select", [[x, y]]);
    assert.equal(b.doc, before);
    assert.deepEqual(b.selection, ops.everything(b.doc));
});

test("a drag inside moves, a click there selects nothing, and what lies there is taken first", () => {
    const b = together();
    draw(b, "select", [[210, 110], [220, 130]]);
    assert.deepEqual(linePoints(b), [[110, 120], [210, 220]]);
    draw(b, "anchor", [[225, 215]]);
    b.select({ paths: ["p1"], regions: ["r1"], points: [] });
    draw(b, "select", [[225, 215]]);
    assert.deepEqual(b.selection.paths, ["p2"]);
    b.select({ paths: ["p1"], regions: ["r1"], points: [] });
    draw(b, "select", [[260, 215]]);
    assert.ok(ops.isNothing(b.selection));
});

test("points at the box's edge and corner are taken by themselves", () => {
    const b = together();
    draw(b, "select", [[100, 100], [90, 80]], { reach: 16 });
    assert.deepEqual(linePoints(b)[1], [190, 180]); // all moved: the path is selected whole
    b.select({ ...ops.NOTHING, paths: ["p1"] });
    draw(b, "select", [[90, 80], [60, 60]], { reach: 16 });
    assert.deepEqual(linePoints(b), [[60, 60], [190, 180]]);
});

test("two points of a path have a box, a single one has none; a rectangle alone keeps its own handles", () => {
    const b = together();
    b.select({ paths: ["p1"], regions: [], points: [{ path: "p1", index: 0 }] });
    assert.equal(boxAroundSelection(b), null);
    b.select({ paths: ["p1"], regions: [], points: [{ path: "p1", index: 0 }, { path: "p1", index: 1 }] });
    assert.deepEqual(boxAroundSelection(b).box, { low: { x: 100, y: 100 }, high: { x: 200, y: 200 } });
    b.select({ ...ops.NOTHING, regions: ["r1"] });
    assert.deepEqual(boxAroundSelection(b).grips.map(({ name }) => name), ["turn"]);
});

test("what is moved and scaled lines up while snapping is on, not with Ctrl; Shift moves along one axis alone", () => {
    const snapping = () => Object.assign(together(), { snapping: true });
    const b = snapping();
    draw(b, "select", [[210, 110], [240, 120], [327, 115]]); // the centre is 3 pixels from the frame's
    assert.deepEqual(linePoints(b), [[220, 105], [320, 205]]);
    assert.deepEqual(b.guides, [{ axis: "x", at: 320 }]);
    const c = snapping();
    draw(c, "select", [[210, 110], [327, 115]], { ctrl: true });
    assert.deepEqual(linePoints(c), [[217, 105], [317, 205]]);
    const d = snapping();
    TOOLS.select.press(d, at(d, [210, 110])).end(at(d, [327, 113], { shift: true }));
    assert.deepEqual(linePoints(d), [[220, 100], [320, 200]]);
    const e = snapping();
    pull(e, "e", [22, 40]);
    assert.equal(boxAroundSelection(e).box.high.x, 320); // its side meets the frame's centre
    const f = snapping();
    f.select({ ...ops.NOTHING, regions: ["r1"] });
    draw(f, "select", [[300, 180], [317, 203]]);
    assert.deepEqual(f.doc.regions[0].points, [[220, 120], [320, 200]]); // its corner: the frame's centre, the line's end
});

test("clicked corners of a lasso line up too, its strokes do not", () => {
    const b = Object.assign(board(), { snapping: true });
    for (const place of [[3, 4], [317, 5], [200, 178]]) draw(b, "polygon", [place]);
    assert.deepEqual(b.openOutline, [{ x: 0, y: 0 }, { x: 320, y: 0 }, { x: 200, y: 180 }]);
    b.openOutline = [];
    draw(b, "polygon", [[3, 4], [317, 5], [200, 178], [3, 4]]);
    assert.deepEqual(b.doc.regions[0].points[0], [3, 4]);
});
