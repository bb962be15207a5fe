import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { addArea, addPath, newArea, newPath } from "../../../js/document/items.js";
import * as ops from "../../../js/document/operations.js";
import { parseDocument } from "../../../js/document/schema.js";
import { makesPolygons, placedBox, selectedBox, transformed } from "../../../js/document/shapes.js";
import { coverHere } from "../../../js/geometry/areas.js";
import { positionAt } from "../../../js/geometry/curves.js";
import { areaAt } from "../../../js/geometry/pose.js";
import { applied, scaling, translation, turning } from "../../../js/geometry/transform.js";

const P = (x, y, frame) => (frame === undefined ? { x, y } : { x, y, frame });
const CENTRE = { x: 320, y: 180 };

function drawing() {
    let doc = emptyDocument(640, 360, 14);
    doc = addPath(doc, newPath(doc, "line", [P(10, 10), P(100, 50, 4), P(200, 20)]));
    doc = addPath(doc, newPath(doc, "anchor", [P(600, 300)]));
    doc = addArea(doc, newArea(doc, "rect", [[0, 0], [340, 120]], { follow: "p1", feather: 3 }));
    doc = addArea(doc, newArea(doc, "ellipse", [[400, 100], [500, 200]]));
    doc = addArea(doc, newArea(doc, "polygon", [[10, 200], [90, 210], [60, 300]]));
    return addArea(doc, newArea(doc, "brush", [[60, 300], [240, 300]], { radius: 20 }));
}

const valid = (doc) => assert.equal(serializeDocument(parseDocument(serializeDocument(doc))), serializeDocument(doc));
const rounded = (doc) => JSON.parse(serializeDocument(doc));

test("scaled and scaled back, all is as before; mirrored twice too", () => {
    const doc = drawing();
    const all = ops.everything(doc);
    for (const [sx, sy] of [[2, 0.5], [-1, 1], [-2, -4]]) {
        const there = transformed(doc, all, scaling(sx, sy, CENTRE), 0);
        valid(there);
        assert.deepEqual(rounded(transformed(there, all, scaling(1 / sx, 1 / sy, CENTRE), 0)), rounded(doc));
    }
});

test("four quarter turns leave all as it was, and boxes stay boxes", () => {
    const all = ops.everything(drawing());
    let doc = drawing();
    for (let turn = 0; turn < 4; turn += 1) doc = transformed(doc, all, turning(90, CENTRE), 0);
    assert.deepEqual(rounded(doc), rounded(drawing()));
    assert.ok(!makesPolygons(drawing(), doc));
});

test("a move is what moving is", () => {
    const doc = drawing();
    for (const selection of [ops.everything(doc), { paths: ["p1"], regions: [], points: [] }, { paths: ["p1"], regions: ["r4"], points: [{ path: "p1", index: 1 }] }])
        assert.deepEqual(transformed(doc, selection, translation(8, -4), 5), ops.translate(doc, selection, 8, -4));
});

test("what does not change keeps its identity, what is not known is kept", () => {
    const doc = drawing();
    const later = { ...doc, paths: [{ ...doc.paths[0], group: "a", points: doc.paths[0].points.map((point) => ({ ...point, easing: "hold" })) }, doc.paths[1]] };
    const turned = transformed(later, { paths: ["p1"], regions: ["r2"], points: [] }, turning(20, CENTRE), 0);
    assert.equal(turned.paths[1], doc.paths[1]);
    assert.equal(turned.regions[2], doc.regions[2]);
    assert.equal(turned.paths[0].group, "a");
    assert.deepEqual(turned.paths[0].points.map(({ easing, frame }) => [easing, frame]), [["hold", undefined], ["hold", 4], ["hold", undefined]]);
    assert.equal(transformed(doc, ops.everything(doc), scaling(1, 1, CENTRE), 0), doc);
});

test("chosen points are mapped alone", () => {
    const doc = drawing();
    const selection = { paths: ["p1"], regions: [], points: [{ path: "p1", index: 0 }, { path: "p1", index: 2 }] };
    assert.deepEqual(selectedBox(doc, selection, 0), { low: { x: 10, y: 10 }, high: { x: 200, y: 20 } });
    const wide = transformed(doc, selection, scaling(2, 1, { x: 10, y: 10 }), 0);
    assert.deepEqual(wide.paths[0].points, [P(10, 10), P(100, 50, 4), P(390, 20)]);
});

test("a turned area covers the turned places; its kind is an outline's then", () => {
    const doc = drawing();
    const selection = { paths: [], regions: ["r2", "r3", "r4"], points: [] };
    const map = turning(30, { x: 450, y: 150 });
    const turned = transformed(doc, selection, map, 0);
    valid(turned);
    assert.ok(makesPolygons(doc, turned));
    assert.deepEqual(turned.regions.map(({ kind }) => kind), ["rect", "polygon", "polygon", "brush"]);
    for (let x = 3.3; x < 640; x += 10)
        for (let y = 4.7; y < 360; y += 10)
            for (const id of [1, 2, 3]) {
                const at = applied(map, { x, y });
                const distance = Math.abs(Math.hypot(x - 450, y - 150) - 50);
                if (id === 1 && distance < 0.25) continue; // the outline itself
                assert.equal(coverHere(turned.regions[id], at.x, at.y), coverHere(doc.regions[id], x, y), `${doc.regions[id].kind} at ${x}, ${y}`);
            }
});

test("a turned rectangle has four corners, and keeps what else it says", () => {
    const doc = drawing();
    const [area] = transformed(doc, { paths: ["p1"], regions: ["r1"], points: [] }, turning(45, CENTRE), 0).regions;
    assert.deepEqual([area.kind, area.points.length, area.follow, area.feather], ["polygon", 4, "p1", 3]);
});

test("a brush grows as its area does", () => {
    const doc = drawing();
    const wide = transformed(doc, { paths: [], regions: ["r4"], points: [] }, scaling(4, 1, CENTRE), 0);
    assert.equal(wide.regions[3].radius, 40);
});

test("an area that follows is mapped where it is seen; with its path, at every time", () => {
    const doc = drawing();
    const map = scaling(0.5, 2, CENTRE);
    const seen = (drawn, time) => {
        const { x, y } = areaAt(drawn.regions[0], drawn, time);
        return drawn.regions[0].points.map((point) => ({ x: point[0] + x, y: point[1] + y }));
    };
    const alone = transformed(doc, { paths: [], regions: ["r1"], points: [] }, map, 9);
    seen(alone, 9).forEach((place, corner) => assert.ok(Math.hypot(place.x - applied(map, seen(doc, 9)[corner]).x, place.y - applied(map, seen(doc, 9)[corner]).y) < 1e-9));
    const both = transformed(doc, { paths: ["p1"], regions: ["r1"], points: [] }, turning(90, CENTRE), 9);
    for (const time of [0, 4, 13]) {
        const box = selectedBox(both, { paths: [], regions: ["r1"], points: [] }, time);
        const corners = seen(doc, time).map((place) => applied(turning(90, CENTRE), place));
        assert.ok(Math.abs(box.low.x - Math.min(...corners.map(({ x }) => x))) < 1e-9);
        assert.ok(Math.abs(box.high.y - Math.max(...corners.map(({ y }) => y))) < 1e-9);
    }
});

test("an area beside a path that is turned keeps its shape and its place at the path's first point", () => {
    const doc = drawing();
    const turned = transformed(doc, { paths: ["p1"], regions: [], points: [] }, turning(30, CENTRE), 9);
    const away = (drawn) => [drawn.regions[0].points[0][0] - drawn.paths[0].points[0].x, drawn.regions[0].points[1][1] - drawn.paths[0].points[0].y];
    away(turned).forEach((value, axis) => assert.ok(Math.abs(value - away(doc)[axis]) < 1e-9));
    assert.equal(turned.regions[0].kind, "rect");
});

test("times stay: a path is at its points when it was", () => {
    const doc = drawing();
    const turned = transformed(doc, ops.everything(doc), turning(77, CENTRE), 0);
    for (let frame = 0; frame < 14; frame += 1) {
        const [was, is] = [applied(turning(77, CENTRE), positionAt(doc.paths[0], doc, frame)), positionAt(turned.paths[0], turned, frame)];
        assert.ok(Math.hypot(was.x - is.x, was.y - is.y) < 1e-6);
    }
});

test("what is placedBox lies there: sizes to the pixel, brushes among them", () => {
    const doc = drawing();
    const wishes = [{ x: 12 }, { y: -3.5 }, { width: 100 }, { height: 80 }];
    const both = { x: 5, y: 6, width: 300, height: 200 };
    for (const [selection, asked] of [
        [ops.everything(doc), [...wishes, both]],
        [{ paths: ["p1"], regions: [], points: [] }, [...wishes, both]],
        [{ paths: [], regions: ["r4"], points: [] }, wishes],
    ])
        for (const wish of asked) {
            const before = selectedBox(doc, selection, 3);
            const { low, high } = selectedBox(placedBox(doc, selection, 3, wish), selection, 3);
            assert.ok(Math.abs(low.x - (wish.x ?? before.low.x)) < 1e-3);
            assert.ok(Math.abs(low.y - (wish.y ?? before.low.y)) < 1e-3);
            if (wish.width) assert.ok(Math.abs(high.x - low.x - wish.width) < 1e-3);
            if (wish.height) assert.ok(Math.abs(high.y - low.y - wish.height) < 1e-3);
        }
    const level = addPath(emptyDocument(640, 360, 14), newPath(doc, "line", [P(10, 10), P(50, 10)]));
    assert.deepEqual(placedBox(level, ops.everything(level), 0, { height: 50 }), level); // a level line has no height to scale
});
