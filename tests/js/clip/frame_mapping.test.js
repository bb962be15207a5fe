import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { chooseSize, placeSource, prepare, rateOf } from "../../../js/clip/frame_mapping.js";

const BIKES = { width: 640, height: 272, frames: 250, fps: 25 };

test("sizes and places are those of revideo/video/fitting.py", () => {
    const cases = JSON.parse(readFileSync(new URL("../../data/frame_sizes.json", import.meta.url), "utf8"));
    assert.ok(cases.length > 100);
    for (const { source, policy, target, fit, size, place } of cases) {
        const chosen = chooseSize(source[0], source[1], policy, target[0], target[1], 64);
        assert.deepEqual([chosen.height, chosen.width], size, JSON.stringify({ source, policy, target }));
        const put = placeSource(source[0], source[1], size[0], size[1], fit);
        assert.deepEqual([put.height, put.width, put.top, put.left], place, JSON.stringify({ source, size, fit }));
    }
});

test("frames are picked as Prepare Video picks them", () => {
    const { picked, fps } = prepare(BIKES, [{ kind: "pick", start: 10, stride: 3, count: 14 }]);
    assert.deepEqual(picked, Array.from({ length: 14 }, (_, index) => 10 + 3 * index));
    assert.ok(Math.abs(fps - 25 / 3) < 1e-12);
    assert.equal(prepare(BIKES, [{ kind: "pick", start: 240, stride: 2, count: 0 }]).picked.length, 5);
});

test("steps add up in their order", () => {
    const steps = [
        { kind: "pick", start: 100, stride: 2, count: 50 },
        { kind: "pick", start: 5, stride: 3, count: 4 },
    ];
    assert.deepEqual(prepare(BIKES, steps).picked, [110, 116, 122, 128]);
});

test("another rate repeats or leaves out frames", () => {
    assert.deepEqual(prepare({ ...BIKES, frames: 4 }, [{ kind: "rate", fps: 50 }]).picked, [0, 0, 1, 1, 2, 2, 3, 3]);
    const half = prepare(BIKES, [{ kind: "rate", fps: 12.5 }]);
    assert.equal(half.picked.length, 125);
    assert.equal(half.picked[10], 20);
    assert.equal(half.fps, 12.5);
});

test("a crop centres the picture and lets it hang over, a pad shows all of it", () => {
    const size = { kind: "size", policy: "exact", width: 320, height: 320, multiple: 64 };
    const crop = prepare(BIKES, [{ ...size, fit: "crop" }]);
    assert.deepEqual([crop.width, crop.height], [320, 320]);
    assert.deepEqual(crop.place, { x: -217, y: 0, width: 753, height: 320 });
    const pad = prepare(BIKES, [{ ...size, fit: "pad" }]);
    assert.deepEqual(pad.place, { x: 0, y: 92, width: 320, height: 136 });
});

test("nothing left is said", () => {
    assert.throws(() => prepare(BIKES, [{ kind: "pick", start: 250, stride: 1, count: 14 }]), /250 frames; there is none from frame 250/);
});

test("the rate is found though frames are missed and times are rounded", () => {
    for (const [rate, digits] of [[25, 3], [24000 / 1001, 3], [30000 / 1001, 6], [60, 6], [12.5, 3], [16, 6], [8, 6]]) {
        const times = Array.from({ length: 16 }, (_, index) => index + Math.floor(index / 5)).map((frame) => Number((frame / rate).toFixed(digits)));
        assert.ok(Math.abs(rateOf(times) / rate - 1) < 1e-9, `${rate}: ${rateOf(times)}`);
    }
    assert.ok(Number.isNaN(rateOf([1.5])));
    assert.ok(Math.abs(rateOf([0, 0.137, 0.274, 0.411, 0.548, 0.685]) - 7.2993) < 0.02); // no common rate: as it is
});
