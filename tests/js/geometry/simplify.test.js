import assert from "node:assert/strict";
import { test } from "node:test";

import { flatten } from "../../../js/geometry/curves.js";
import { MAX_CONTROL_POINTS, controlPoints, corners, distanceToSegment } from "../../../js/geometry/simplify.js";

/** How far the curve through the points lies from the stroke, at the stroke's worst place. */
function worst(stroke, points) {
    const chords = flatten({ id: "p", kind: "freehand", points });
    const away = (place) => {
        let least = Infinity;
        for (let index = 0; index + 3 < chords.length; index += 2)
            least = Math.min(least, distanceToSegment(place, { x: chords[index], y: chords[index + 1] }, { x: chords[index + 2], y: chords[index + 3] }));
        return least;
    };
    return Math.max(...stroke.map(away));
}

const wave = Array.from({ length: 400 }, (_, index) => ({ x: index, y: 60 * Math.sin(index / 40) + 3 * Math.sin(index / 11) }));

test("few points, and the curve stays within the tolerance", () => {
    for (const tolerance of [0.5, 1.5, 5]) {
        const points = controlPoints(wave, tolerance);
        assert.ok(worst(wave, points) <= tolerance + 1e-6);
        assert.ok(points.length < 60);
        assert.deepEqual([points[0], points.at(-1)], [wave[0], wave.at(-1)]);
    }
    assert.ok(controlPoints(wave, 5).length < controlPoints(wave, 0.5).length);
});

test("a straight stroke needs its two ends", () => {
    const stroke = Array.from({ length: 50 }, (_, index) => ({ x: 2 * index, y: index }));
    assert.equal(controlPoints(stroke, 1).length, 2);
});

test("a stroke that stays in place, or none, does not fail", () => {
    assert.deepEqual(controlPoints([], 1), []);
    assert.equal(controlPoints(Array(9).fill({ x: 3, y: 3 }), 1).length, 1);
});

test("noise costs no more points than allowed", () => {
    let seed = 1;
    const noise = Array.from({ length: 600 }, (_, index) => ({ x: index, y: ((seed = (seed * 48271) % 2147483647) % 100) }));
    assert.ok(controlPoints(noise, 0.1).length <= MAX_CONTROL_POINTS);
});

test("corners stay, what lies between them goes", () => {
    const square = [];
    for (const [x, y, dx, dy] of [[0, 0, 1, 0], [100, 0, 0, 1], [100, 100, -1, 0], [0, 100, 0, -1]])
        for (let step = 0; step < 100; step += 1) square.push({ x: x + dx * step, y: y + dy * step });
    square.push({ x: 0, y: 0 });
    assert.deepEqual(corners(square, 1), [{ x: 0, y: 0 }, { x: 100, y: 0 }, { x: 100, y: 100 }, { x: 0, y: 100 }, { x: 0, y: 0 }]);
    const outline = corners(wave, 2);
    for (let piece = 0; piece + 1 < outline.length; piece += 1)
        for (const place of wave.slice(wave.indexOf(outline[piece]), wave.indexOf(outline[piece + 1])))
            assert.ok(distanceToSegment(place, outline[piece], outline[piece + 1]) <= 2);
});
