import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument } from "../../../js/document/document.js";
import { distanceToArea } from "../../../js/geometry/areas.js";
import { handlesOf, hitTest, within } from "../../../js/geometry/hit_test.js";
import { areaAt, cosineAndSine, isMoving, placed, poseAt, shapeOf, unplaced } from "../../../js/geometry/pose.js";

/** @typedef {import("../../../js/document/document.js").Area} Area */

/** @type {(kind: Area["kind"], points: [number, number][], keys?: import("../../../js/document/document.js").Keyframe[], more?: Partial<Area>) => Area} */
const area = (kind, points, keys, more = {}) => ({ id: "r1", kind, points, ...(keys && { keys }), ...more });
const DOC = emptyDocument(200, 100, 11);
const BOX = /** @type {[number, number][]} */ ([[20, 20], [60, 40]]);
const NONE = { paths: [], regions: [], points: [] };

const near = (/** @type {any} */ a, /** @type {any} */ b, tolerance = 1e-9) =>
    Object.keys(b).forEach((key) => assert.ok(Math.abs(a[key] - b[key]) <= tolerance, `${key}: ${a[key]} is not ${b[key]}`));

test("an area without keys, or with keys that only move it, stays the same object", () => {
    const plain = area("rect", BOX);
    assert.equal(areaAt(plain, DOC, 3).area, plain);
    assert.equal(isMoving(plain), false);
    const moved = area("polygon", [...BOX, [30, 60]], [{ frame: 0 }, { frame: 10, move: [30, -10] }]);
    assert.deepEqual([0, 5, 10].map((time) => areaAt(moved, DOC, time)), [[0, 0], [15, -5], [30, -10]].map(([x, y]) => ({ area: moved, x, y })));
    assert.equal(isMoving(moved), true);
});

test("a shape that does not change is made once", () => {
    const turned = area("ellipse", BOX, [{ frame: 2, rotate: 30 }, { frame: 4, rotate: 30, move: [50, 0] }, { frame: 6, rotate: 60 }]);
    assert.equal(areaAt(turned, DOC, 0).area, areaAt(turned, DOC, 3).area);
    assert.notEqual(areaAt(turned, DOC, 3).area, areaAt(turned, DOC, 5).area);
    const reshaped = area("polygon", [...BOX, [30, 60]], [{ frame: 0 }, { frame: 10, points: [[0, 0], [9, 9], [0, 9]] }]);
    assert.equal(areaAt(reshaped, DOC, 5).area, areaAt(reshaped, DOC, 5).area);
    assert.deepEqual(areaAt(reshaped, DOC, 10).area.points, [[0, 0], [9, 9], [0, 9]]);
});

test("scaled, then turned about the middle of its own box, then moved", () => {
    const key = { frame: 0, scale: /** @type {[number, number]} */ ([2, 0.5]), rotate: 90, move: /** @type {[number, number]} */ ([100, 10]) };
    const pose = poseAt(area("rect", BOX, [key]), DOC, 0);
    near(placed(pose, 40, 30), { x: 140, y: 40 });
    near(placed(pose, 60, 30), { x: 140, y: 80 }); // its right side lies below
    near(placed(pose, 40, 40), { x: 135, y: 40 });
});

test("what is seen at a place comes back to it", () => {
    for (const rotate of [0, 33, -200])
        for (const [x, y] of [[20, 20], [-5, 77.7]]) {
            const pose = poseAt(area("rect", BOX, [{ frame: 0 }, { frame: 8, rotate, scale: [0.3, 4], move: [7, -9] }]), DOC, 5);
            const seen = placed(pose, x, y);
            near(unplaced(pose, seen.x, seen.y), { x, y });
        }
});

test("between keys all values go along; before and after they rest", () => {
    const keys = [{ frame: 2, rotate: 10, easing: /** @type {const} */ ("hold") }, { frame: 4, rotate: 20 }, { frame: 8, rotate: -20, points: /** @type {[number, number][]} */ ([[0, 0], [40, 20]]) }];
    const turns = [0, 2, 3.99, 4, 6, 8, 10].map((time) => {
        const { cosine, sine } = poseAt(area("rect", BOX, keys), DOC, time);
        return Math.round((Math.atan2(sine, cosine) * 180) / Math.PI);
    });
    assert.deepEqual(turns, [10, 10, 10, 20, 0, -20, -20]);
    assert.deepEqual(shapeOf(poseAt(area("rect", BOX, keys), DOC, 6)), [[10, 10], [50, 30]]);
});

test("a turned box and ellipse are polygons, unturned they are themselves", () => {
    for (const kind of /** @type {const} */ (["rect", "ellipse"])) {
        const kinds = [0, 360, 90, 45].map((rotate) => areaAt(area(kind, BOX, [{ frame: 0, rotate, scale: [2, 2] }]), DOC, 0).area.kind);
        assert.deepEqual(kinds, [kind, kind, "polygon", "polygon"]);
    }
    const ellipse = area("ellipse", [[0, 0], [1000, 1000]], [{ frame: 0, rotate: 20 }]);
    for (let turn = 0; turn < 360; turn += 0.7) {
        const [x, y] = [500 + 500 * Math.cos(turn), 500 + 500 * Math.sin(turn)];
        assert.ok(Math.abs(distanceToArea(areaAt(ellipse, DOC, 0).area, x, y)) < 0.05);
    }
});

const path = (/** @type {string} */ id, /** @type {number[][]} */ ...points) => ({ id, kind: /** @type {const} */ ("line"), points: points.map(([x, y]) => ({ x, y })) });

test("with several paths an area turns and grows as they do, nearest by least squares", () => {
    const paths = [path("a", [0, 0], [50, 50]), path("b", [10, 0], [50, 70]), path("c", [0, 10], [30, 50])]; // a quarter turn, twice as large
    const follower = area("rect", [[2, 2], [8, 4]], undefined, { follow: ["a", "b", "c"] });
    const pose = poseAt(follower, { ...DOC, paths }, 10);
    near(placed(pose, 0, 0), { x: 50, y: 50 });
    near(placed(pose, 10, 0), { x: 50, y: 70 });
    near(placed(pose, 2, 4), { x: 42, y: 54 });
    const brush = area("brush", [[2, 2], [8, 4]], undefined, { radius: 3, follow: ["a", "b"] });
    assert.ok(Math.abs((areaAt(brush, { ...DOC, paths }, 10).area.radius ?? 0) - 6) < 1e-9);

    // Of all turns and scales none brings first points nearer to where the paths are.
    const uneven = { ...DOC, paths: [path("a", [0, 0], [50, 55]), path("b", [10, 0], [46, 70]), path("c", [0, 10], [31, 50])] };
    const best = poseAt(follower, uneven, 10);
    const error = (/** @type {number} */ turn, /** @type {number} */ size, /** @type {number} */ dx) =>
        uneven.paths.reduce((sum, { points: [start, end] }) => {
            const seen = placed({ ...best, cosine: size * (best.cosine * Math.cos(turn) - best.sine * Math.sin(turn)), sine: size * (best.cosine * Math.sin(turn) + best.sine * Math.cos(turn)), x: best.x + dx }, start.x, start.y);
            return sum + (seen.x - end.x) ** 2 + (seen.y - end.y) ** 2;
        }, 0);
    // A turn about another place than the middle of the first points moves it: the least is sought by all three at once.
    let least = Infinity;
    for (let turn = -0.2; turn <= 0.2; turn += 0.02)
        for (let size = 0.9; size <= 1.1; size += 0.01)
            for (let dx = -2; dx <= 2; dx += 0.25) least = Math.min(least, error(turn, size, dx));
    assert.ok(error(0, 1, 0) <= least + 1e-9);
});

test("of paths that begin on one spot, and of one in a list, an area takes the move alone", () => {
    const paths = [path("a", [5, 5], [25, 5]), path("b", [5, 5], [5, 45])];
    for (const [follow, x, y] of /** @type {const} */ ([[["a", "b"], 10, 20], [["a"], 20, 0], ["b", 0, 40], [["a", "gone"], 20, 0]])) {
        const follower = area("rect", BOX, undefined, { follow: /** @type {any} */ (follow) });
        assert.deepEqual(areaAt(follower, { ...DOC, paths }, 10), { area: follower, x, y });
    }
});

test("sines are exact for quarter turns", () => {
    assert.deepEqual([-360, -90, 0, 90, 180, 270].map((degrees) => cosineAndSine(degrees).map((value) => value + 0)), [[1, 0], [0, -1], [1, 0], [0, 1], [-1, 0], [0, -1]]);
    for (let degrees = -1000; degrees < 1000; degrees += 3.7) near(cosineAndSine(degrees), [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)], 1e-13);
});

test("areas are hit and taken hold of where they are seen", () => {
    const turned = area("rect", BOX, [{ frame: 0 }, { frame: 10, rotate: 90, move: [50, 0] }]);
    const doc = { ...DOC, regions: [turned] };
    const hits = (/** @type {number} */ time, /** @type {number} */ x, /** @type {number} */ y) => hitTest(doc, NONE, time, { x, y }, 2).length;
    assert.deepEqual([hits(0, 25, 30), hits(0, 90, 15), hits(10, 25, 30), hits(10, 90, 15)], [1, 0, 0, 1]);
    const handles = handlesOf(turned, poseAt(turned, doc, 10));
    const upright = [[100, 10], [100, 30], [100, 50], [90, 50], [80, 50], [80, 30], [80, 10], [90, 10]]; // its upper left corner lies at the upper right
    handles.forEach((handle, index) => near(handle, { x: upright[index][0], y: upright[index][1] }));
    assert.deepEqual(hitTest(doc, { ...NONE, regions: ["r1"] }, 10, { x: 100, y: 11 }, 2)[0], { what: "handle", area: "r1", handle: 0, away: 1 });
    assert.deepEqual(within(doc, 10, { x: 79, y: 9 }, { x: 101, y: 51 }).regions, ["r1"]);
    assert.deepEqual(within(doc, 0, { x: 79, y: 9 }, { x: 101, y: 51 }).regions, []);
});
