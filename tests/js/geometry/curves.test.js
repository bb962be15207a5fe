import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument } from "../../../js/document/document.js";
import { flatten, keyTimes, pathCurve, positionAt, timeAtLength, tracks, visibleAt } from "../../../js/geometry/curves.js";
import { ease } from "../../../js/geometry/easing.js";

/** @typedef {import("../../../js/document/document.js").Path} Path */

const DOC = emptyDocument(100, 50, 11);

/** @type {(points: number[][], more?: Partial<Path>) => Path} */
const path = (points, more = {}) => ({
    id: "p",
    kind: "spline",
    points: points.map(([x, y, frame]) => (frame === undefined ? { x, y } : { x, y, frame })),
    ...more,
});

const near = (/** @type {any} */ a, /** @type {any} */ b, tolerance = 1e-9) =>
    Object.keys(b).forEach((key) => assert.ok(Math.abs(a[key] - b[key]) <= tolerance, `${key}: ${a[key]} is not ${b[key]}`));

const ZIGZAG = [[10, 10], [30, 40], [50, 15], [90, 45]];

test("every curve goes through its points, at the lengths it gives them", () => {
    for (const kind of /** @type {const} */ (["line", "spline", "freehand"])) {
        const curve = pathCurve(path(ZIGZAG, { kind }));
        ZIGZAG.forEach(([x, y], index) => near(curve.at(curve.pointLengths[index]), { x, y }));
        assert.equal(curve.pointLengths.at(-1), curve.length);
    }
});

test("a line is as long as its pieces, a spline of two points is straight", () => {
    assert.equal(pathCurve(path([[0, 0], [3, 4], [3, 10]], { kind: "line" })).length, 11);
    const straight = pathCurve(path([[0, 0], [30, 40]]));
    assert.ok(Math.abs(straight.length - 50) < 1e-9);
    near(straight.at(10), { x: 6, y: 8 });
});

test("equal distances along evenly spaced, straight points are equal steps", () => {
    const curve = pathCurve(path([[0, 0], [10, 0], [20, 0], [30, 0]]));
    for (let s = 0; s <= 30; s += 2.5) near(curve.at(s), { x: s, y: 0 });
});

test("a curve has no jumps in direction but where a point is repeated", () => {
    const turn = (/** @type {number[][]} */ points, /** @type {number} */ index) => {
        const curve = pathCurve(path(points));
        const at = curve.pointLengths[index];
        const [a, b, c] = [curve.at(at - 0.01), curve.at(at), curve.at(at + 0.01)];
        return Math.abs(Math.atan2(c.y - b.y, c.x - b.x) - Math.atan2(b.y - a.y, b.x - a.x));
    };
    assert.ok(turn(ZIGZAG, 1) < 0.01);
    assert.ok(turn([[10, 10], [30, 40], [30, 40], [50, 15]], 1) > 0.5);
});

test("a closed curve leaves as it arrives", () => {
    const square = pathCurve(path([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]));
    const [first, last] = [square.at(0.001), square.at(square.length - 0.001)];
    near(first, { x: last.y, y: last.x }, 1e-6); // the square's diagonal is a mirror
    assert.ok(first.y < 0); // an open one would go straight to the right
});

test("a piece between equal points stands still and has no length", () => {
    const { pointLengths } = pathCurve(path([[10, 10], [30, 40], [30, 40], [90, 45]]));
    assert.equal(pointLengths[1], pointLengths[2]);
    assert.equal(pathCurve(path([[7, 7], [7, 7]])).length, 0);
    near(pathCurve(path([[7, 7], [7, 7]])).at(3), { x: 7, y: 7 });
});

test("drawn chords: as many for each piece, one for a straight one", () => {
    assert.equal(flatten(path(ZIGZAG)).length, 2 * (3 * 64 + 1));
    assert.deepEqual([...flatten(path(ZIGZAG, { kind: "line" }))], ZIGZAG.flat());
    assert.deepEqual([...flatten(path([[3, 4]], { kind: "anchor" }))], [3, 4]);
});

test("the same points are measured once, whatever else of the path changes", () => {
    const one = path(ZIGZAG);
    assert.equal(pathCurve({ ...one, name: "renamed", start: 3 }), pathCurve(one));
    assert.notEqual(pathCurve({ ...one, kind: "line" }), pathCurve(one));
});

test("without times a path spreads evenly over its own frames and rests around them", () => {
    const one = path([[0, 0], [40, 0]], { start: 2, end: 6 });
    for (const [time, x] of [[0, 0], [2, 0], [3, 10], [4.5, 25], [6, 40], [10, 40]]) near(positionAt(one, DOC, time), { x, y: 0 });
    assert.deepEqual([1.99, 2, 6, 6.01].map((time) => visibleAt(one, DOC, time)), [false, true, true, false]);
});

test("a timed point is reached on its frame; ends without times stand at start and end", () => {
    const one = path([[0, 0], [10, 0, 6], [40, 0]], { kind: "line" });
    const easing = "linear";
    assert.deepEqual(keyTimes(one, DOC), [{ frame: 0, length: 0, easing }, { frame: 6, length: 10, easing }, { frame: 10, length: 40, easing }]);
    for (const [time, x] of [[3, 5], [6, 10], [8, 25], [10, 40]]) near(positionAt(one, DOC, time), { x, y: 0 });
});

test("two points on one spot with times are a pause", () => {
    const one = path([[0, 0], [20, 0, 2], [20, 0, 8], [40, 0]], { kind: "line" });
    for (const time of [2, 5, 8]) near(positionAt(one, DOC, time), { x: 20, y: 0 });
    near(positionAt(one, DOC, 9), { x: 30, y: 0 });
});

test("a path whose start is its end stands at its first point until then, and at its last after", () => {
    const one = path([[0, 0], [40, 0]], { start: 5, end: 5 });
    near(positionAt(one, DOC, 5), { x: 0, y: 0 });
    near(positionAt(one, DOC, 5.01), { x: 40, y: 0 });
});

test("easing keeps both ends and never goes back", () => {
    for (const name of /** @type {const} */ (["linear", "in", "out", "in-out"])) {
        assert.deepEqual([ease(name, 0), ease(name, 1)], [0, 1]);
        for (let tau = 0; tau < 1; tau += 0.125) assert.ok(ease(name, tau + 0.125) > ease(name, tau));
        assert.ok(Math.abs(ease(name, 0.3) + ease(name === "in" ? "out" : name === "out" ? "in" : name, 0.7) - 1) < 1e-12);
    }
});

test("each stretch between keys has its own easing, or the path's", () => {
    const points = [{ x: 0, y: 0, easing: "hold" }, { x: 10, y: 0, frame: 4, easing: [0, 0, 1, 1] }, { x: 20, y: 0, easing: "out" }, { x: 50, y: 0, frame: 8 }, { x: 90, y: 0 }];
    const one = { ...path([[0, 0]], { kind: "line", easing: "in" }), points };
    for (const [time, x] of [[0, 0], [3.999, 0], [4, 10], [5, 20], [8, 50], [9, 60], [10, 90]]) near(positionAt(one, DOC, time), { x, y: 0 });
});

test("a Bézier easing is the curve's height where it has spent the time, and may go past the ends", () => {
    for (const controls of /** @type {[number, number, number, number][]} */ ([[0.42, 0, 0.58, 1], [0, 1, 0, 1], [1, 0, 1, 0], [1, -2, 0, 3], [0.3, 1.8, 0.6, 1.4]])) {
        const [x1, y1, x2, y2] = controls;
        const on = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ u) => 3 * (1 - u) ** 2 * u * a + 3 * (1 - u) * u * u * b + u ** 3;
        assert.equal(ease(controls, 0), 0);
        for (let u = 1 / 64; u < 1; u += 1 / 64) {
            if (Math.abs(u - 0.5) < 0.01 && x1 === 1 && x2 === 0) continue; // time stands there, the height does not
            assert.ok(Math.abs(ease(controls, on(x1, x2, u)) - on(y1, y2, u)) < 1e-9, `${controls} at ${u}`);
        }
    }
    const over = path([[0, 0], [40, 0]], { kind: "line" });
    over.points[0].easing = [0.3, 3, 0.6, 3];
    for (const time of [4, 5, 6]) near(positionAt(over, DOC, time), { x: 40, y: 0 }); // rests at the path's end
});

test("the time of a length is when the path gets there", () => {
    for (const easing of /** @type {const} */ (["linear", "in", "out", "in-out", [0.3, 0, 0.2, 1]])) {
        const one = path([[10, 10], [30, 40, 3], [30, 40, 5], [50, 15], [90, 45]], { start: 1, end: 9.5 });
        for (const point of one.points) point.easing = easing;
        const curve = pathCurve(one);
        for (let s = 0.5; s < curve.length; s += 3) near(positionAt(one, DOC, timeAtLength(one, DOC, s)), curve.at(s), 1e-6);
        assert.ok(Math.abs(timeAtLength(one, DOC, curve.pointLengths[1]) - 3) < 1e-6);
        assert.equal(timeAtLength(one, DOC, 0), 1);
        assert.ok(Math.abs(timeAtLength(one, DOC, curve.length) - 9.5) < 1e-6);
    }
});

test("the same path in a longer document takes longer", () => {
    const one = path([[0, 0], [40, 0]]);
    near(positionAt(one, DOC, 10), { x: 40, y: 0 });
    near(positionAt(one, { ...DOC, frames: 21 }, 10), { x: 20, y: 0 });
});

test("tracks scale with the clip's size and length, and leave invisible paths out", () => {
    const doc = { ...DOC, paths: [path([[0, 0], [40, 20]]), path(ZIGZAG, { visible: false }), path(ZIGZAG, { start: 5 })] };
    const { points, visible } = tracks(doc, { frames: 21, width: 200, height: 25 });
    assert.deepEqual([points.length, points[0].length], [2, 21]);
    near(points[0][5], [20, 2.5]);
    assert.deepEqual(visible[1], Array.from({ length: 21 }, (_, frame) => frame >= 10));
    assert.deepEqual(tracks(doc, { frames: 1 }).points[0], [[0, 0]]);
});
