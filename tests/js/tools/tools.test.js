import assert from "node:assert/strict";
import { test } from "node:test";

import * as ops from "../../../js/document/operations.js";
import { hitTest, within } from "../../../js/geometry/hit_test.js";
import { finishOutline } from "../../../js/tools/areas.js";
import { TOOLS } from "../../../js/tools/index.js";
import { at, board, draw } from "./board.js";

const points = (b, index = 0) => b.doc.paths[index].points.map(({ x, y }) => [x, y]);

test("each tool draws its kind, in frame pixels whatever the zoom", () => {
    const b = board(undefined, 2);
    draw(b, "line", [[20, 40], [200, 80]]);
    draw(b, "anchor", [[300, 300]]);
    draw(b, "freehand", Array.from({ length: 60 }, (_, step) => [20 + 10 * step, 200 + 80 * Math.sin(step / 9)]));
    draw(b, "rect", [[10, 10], [400, 300]]);
    draw(b, "ellipse", [[400, 300], [10, 10]]);
    draw(b, "polygon", [[10, 10], [400, 10], [400, 300], [10, 300]]);
    draw(b, "brush", [[50, 50], [90, 90], [200, 90]]);
    assert.deepEqual(b.doc.paths.map(({ kind }) => kind), ["line", "anchor", "freehand"]);
    assert.deepEqual(points(b), [[10, 20], [100, 40]]);
    assert.deepEqual(b.doc.regions.map(({ kind }) => kind), ["rect", "ellipse", "polygon", "brush"]);
    assert.deepEqual(b.doc.regions[0].points, [[5, 5], [200, 150]]);
    assert.deepEqual(b.doc.regions[1].points, [[5, 5], [200, 150]]);
    assert.deepEqual(b.doc.regions[2].points, [[5, 5], [200, 5], [200, 150], [5, 150]]);
    assert.equal(b.doc.regions[3].radius, 12);
});

test("a spline grows by clicks, each a step, until it is closed", () => {
    const b = board();
    for (const place of [[10, 10], [100, 10], [100, 100]]) draw(b, "spline", [place]);
    assert.deepEqual(points(b), [[10, 10], [100, 10], [100, 100]]);
    assert.equal(b.labels.length, 2); // the first two make the path
    assert.equal(b.openPath, "p1");
    draw(b, "spline", [[12, 11]]); // on the first point
    assert.deepEqual(points(b).at(-1), [10, 10]);
    assert.equal(b.openPath, null);
    draw(b, "spline", [[300, 300]]);
    draw(b, "spline", [[350, 300]]);
    draw(b, "spline", [[350, 300]], { clicks: 2 });
    assert.equal(points(b, 1).length, 2);
    assert.equal(b.openPath, null);
});

test("a line by two clicks, and by a drag at 45 degrees", () => {
    const b = board();
    draw(b, "line", [[10, 10]]);
    draw(b, "line", [[110, 60]]);
    assert.deepEqual(points(b), [[10, 10], [110, 60]]);
    assert.equal(b.openPath, null);
    draw(b, "line", [[200, 200], [300, 290]], { shift: true });
    const [[x0, y0], [x1, y1]] = points(b, 1);
    assert.ok(Math.abs(x1 - x0 - (y1 - y0)) < 1e-9 && x1 > x0);
});

const twice = (b, tool, [x, y], apart = [5, -4]) => {
    draw(b, tool, [[x, y]]);
    draw(b, tool, [[x + apart[0], y + apart[1]]], { clicks: 2 });
};

test("a double click ends a path and leaves nothing of its second press", () => {
    const b = board();
    for (const place of [[10, 10], [100, 10]]) draw(b, "spline", [place]);
    twice(b, "spline", [200, 50]);
    assert.deepEqual(points(b), [[10, 10], [100, 10], [200, 50]]);
    assert.deepEqual([b.openPath, b.openOutline.length], [null, 0]);
    for (const place of [[10, 10], [100, 10], [100, 100]]) draw(b, "spline", [place]);
    twice(b, "spline", [10, 10], [2, 2]); // the first of the two closes it
    assert.equal(b.doc.paths.length, 2);
    assert.deepEqual(points(b, 1).at(-1), [10, 10]);
    draw(b, "line", [[10, 10]]);
    twice(b, "line", [110, 60]);
    assert.deepEqual(points(b, 2), [[10, 10], [110, 60]]);
    twice(b, "anchor", [300, 60]);
    for (const place of [[10, 10], [100, 10], [100, 100]]) draw(b, "polygon", [place]);
    twice(b, "polygon", [50, 150]);
    assert.deepEqual(b.doc.regions[0].points, [[10, 10], [100, 10], [100, 100], [50, 150]]);
    for (const place of [[10, 10], [100, 10], [100, 100]]) draw(b, "polygon", [place]);
    twice(b, "polygon", [10, 10]);
    assert.deepEqual([b.doc.paths.length, b.doc.regions.length, b.openPath, b.openOutline.length], [4, 2, null, 0]);
});

test("a double click at the very start leaves nothing, nor does a single one", () => {
    const b = board();
    for (const tool of ["spline", "line"]) {
        twice(b, tool, [50, 50]);
        draw(b, tool, [[50, 50]], { clicks: 3 });
        assert.match(b.said.at(-1), /two points or more/);
        draw(b, tool, [[50, 50]]);
        assert.equal(b.openOutline.length, 1);
        TOOLS[tool].finish(b);
        assert.equal(b.openOutline.length, 0);
    }
    twice(b, "polygon", [50, 50]);
    assert.deepEqual([b.doc.paths, b.doc.regions, b.openOutline, b.labels], [[], [], [], []]);
});

test("too small a drag draws nothing and says why", () => {
    const b = board();
    draw(b, "freehand", [[10, 10], [11, 10]]);
    draw(b, "rect", [[10, 10], [11, 11]]);
    assert.equal(b.doc.paths.length + b.doc.regions.length, 0);
    assert.match(b.said[0], /Hold the button/);
});

test("Alt takes away; the eraser always does, where there is something", () => {
    const b = board();
    draw(b, "eraser", [[10, 10], [50, 50]]);
    assert.match(b.said[0], /no area to erase/);
    draw(b, "rect", [[10, 10], [100, 100]]);
    draw(b, "rect", [[20, 20], [50, 50]], { alt: true });
    draw(b, "eraser", [[60, 60], [80, 60]]);
    b.areaMode = "subtract";
    draw(b, "eraser", [[60, 60], [80, 60]]);
    draw(b, "ellipse", [[20, 20], [50, 50]]);
    draw(b, "ellipse", [[20, 20], [50, 50]], { alt: true });
    assert.deepEqual(b.doc.regions.map(({ mode }) => mode), ["add", "subtract", "subtract", "subtract", "subtract", "add"]);
});

test("a polygon by clicked corners", () => {
    const b = board();
    for (const place of [[10, 10], [100, 10], [100, 100]]) draw(b, "polygon", [place]);
    assert.equal(b.doc.regions.length, 0);
    draw(b, "polygon", [[11, 11]]); // the first corner again
    assert.deepEqual(b.doc.regions[0].points, [[10, 10], [100, 10], [100, 100]]);
    draw(b, "polygon", [[10, 10]]);
    finishOutline(b, false);
    assert.equal(b.doc.regions.length, 1);
    assert.match(b.said.at(-1), /three corners/);
});

function crossing() {
    const b = board();
    draw(b, "line", [[50, 100], [250, 100]]);
    draw(b, "line", [[150, 20], [150, 200]]);
    draw(b, "rect", [[100, 50], [200, 150]]);
    b.select(ops.NOTHING);
    return b;
}

test("clicking again reaches everything that lies there", () => {
    const b = crossing();
    const reached = new Set();
    for (let click = 0; click < 3; click += 1) {
        draw(b, "select", [[150, 100]]);
        reached.add([...b.selection.paths, ...b.selection.regions].join());
    }
    assert.deepEqual([...reached].sort(), ["p1", "p2", "r1"]);
});

test("what is selected is dragged, though others lie above it", () => {
    const b = crossing();
    b.select({ ...ops.NOTHING, paths: ["p1"] });
    draw(b, "select", [[150, 100], [150, 130]]);
    assert.deepEqual(points(b), [[50, 130], [250, 130]]);
    assert.deepEqual(points(b, 1), [[150, 20], [150, 200]]);
});

test("one drag selects and moves a path; its points are moved one by one", () => {
    const b = crossing();
    draw(b, "select", [[70, 100], [80, 110]]);
    assert.deepEqual(points(b), [[60, 110], [260, 110]]);
    draw(b, "select", [[60, 110], [60, 160]]);
    assert.deepEqual(points(b), [[60, 160], [260, 110]]);
    assert.deepEqual(b.selection.points, [{ path: "p1", index: 0 }]);
});

test("a drag that is cancelled leaves no trace", () => {
    const b = crossing();
    const before = b.doc;
    const drag = TOOLS.select.press(b, at(b, [70, 100]));
    drag.move(at(b, [200, 200]));
    assert.notEqual(b.doc, before);
    drag.cancel();
    assert.equal(b.doc, before);
    assert.equal(b.labels.length, 3);
});

test("Shift adds and takes away; an empty click selects nothing", () => {
    const b = crossing();
    draw(b, "select", [[70, 100]]);
    draw(b, "select", [[150, 180]], { shift: true });
    assert.deepEqual(b.selection.paths, ["p1", "p2"]);
    draw(b, "select", [[70, 100]], { shift: true });
    assert.deepEqual(b.selection.paths, ["p2"]);
    draw(b, "select", [[600, 300]]);
    assert.ok(ops.isNothing(b.selection));
});

test("a double click on a path inserts a point there", () => {
    const b = crossing();
    draw(b, "select", [[180, 100]], { clicks: 2 });
    assert.deepEqual(points(b), [[50, 100], [180, 100], [250, 100]]);
});

test("a rectangle over the drawing takes whole paths whole and others by their points", () => {
    const b = crossing();
    draw(b, "select", [[30, 80], [270, 220]]);
    assert.deepEqual(b.selection, { paths: ["p1", "p2"], regions: [], points: [{ path: "p2", index: 1 }] });
    assert.deepEqual(within(b.doc, 0, { x: 0, y: 0 }, { x: 640, y: 360 }).regions, ["r1"]);
});

test("a box is resized by every handle, the other side stays", () => {
    for (const [handle, expected] of [[0, [[110, 60], [200, 150]]], [2, [[100, 60], [210, 150]]], [5, [[100, 50], [200, 160]]], [7, [[110, 50], [200, 150]]]]) {
        const b = crossing();
        b.select({ ...ops.NOTHING, regions: ["r1"] });
        const grips = [[100, 50], [150, 50], [200, 50], [200, 100], [200, 150], [150, 150], [100, 150], [100, 100]];
        const [x, y] = grips[handle];
        draw(b, "select", [[x, y], [x + 10, y + 10]]);
        assert.deepEqual(b.doc.regions[0].points, expected, `handle ${handle}`);
    }
});

test("an area with keys is resized at the time that is shown, as it is turned", () => {
    const b = crossing();
    const keys = [{ frame: 0 }, { frame: 10, rotate: 90 }];
    b.commit({ ...b.doc, regions: b.doc.regions.map((area) => ({ ...area, keys })) }, "keys");
    b.time = 10; // its upper left corner lies at the upper right, its middle where it was
    b.select({ ...ops.NOTHING, regions: ["r1"] });
    draw(b, "select", [[200, 50], [205, 70]]);
    assert.deepEqual(b.doc.regions[0].points, [[100, 50], [200, 150]]);
    assert.deepEqual(b.doc.regions[0].keys, [{ frame: 0 }, { frame: 10, rotate: 90, points: [[120, 45], [200, 150]] }]);
    draw(b, "select", [[205, 70], [200, 50]]);
    assert.deepEqual(b.doc.regions[0].keys[1].points, [[100, 50], [200, 150]]);
    b.time = 5; // between them: a key of its own
    const [x, y] = [150, 100 - 50 * Math.SQRT2];
    draw(b, "select", [[x, y], [x, y - 10 * Math.SQRT2]]);
    assert.equal(b.doc.regions[0].keys.length, 3);
    const [[left, top], corner] = b.doc.regions[0].keys[1].points;
    assert.ok(Math.hypot(left - 90, top - 40) < 1e-9);
    assert.deepEqual(corner, [200, 150]);
});

test("an area that follows is taken where it is seen, and resized by as much", () => {
    const b = crossing();
    b.commit(ops.setFollow(b.doc, "r1", "p1", 0), "follow");
    b.time = 13; // the path has moved it by 200
    assert.equal(hitTest(b.doc, b.selection, 13, { x: 390, y: 140 }, 4).at(-1)?.area, "r1");
    b.select({ ...ops.NOTHING, regions: ["r1"] });
    draw(b, "select", [[400, 150], [410, 160]]);
    assert.deepEqual(b.doc.regions[0].points, [[100, 50], [210, 160]]);
});

test("hidden things are not hit", () => {
    const b = crossing();
    const hide = (id) => (path) => (path.id === id ? { ...path, visible: false } : path);
    const doc = { ...b.doc, paths: b.doc.paths.map(hide("p1")), regions: b.doc.regions.map(hide("r1")) };
    assert.deepEqual(hitTest(doc, ops.NOTHING, 0, { x: 70, y: 100 }, 7), []);
    assert.deepEqual(hitTest(doc, ops.NOTHING, 0, { x: 120, y: 60 }, 7), []);
});
