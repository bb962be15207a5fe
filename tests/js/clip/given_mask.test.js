import assert from "node:assert/strict";
import { test } from "node:test";

import { GivenMask, channelOf } from "../../../js/clip/given_mask.js";

const mask = (/** @type {number[]} */ ...levels) => ({ width: levels.length, height: 1, levels: Uint8Array.from(levels) });

test("one mask is that of all frames; of several, each is that of the frames up to the next", () => {
    const one = mask(0, 255);
    assert.equal(new GivenMask([one], 3).at(200), one);
    const several = [mask(0), mask(1), mask(2)];
    const each = new GivenMask(several, 2);
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map((frame) => several.indexOf(each.at(frame))), [0, 0, 1, 1, 2, 2, 2]);
});

test("a mask that is nowhere half lets nothing change", () => {
    assert.equal(new GivenMask([mask(0, 127), mask(0, 0)], 1).isEmpty, true);
    assert.equal(new GivenMask([mask(0, 127), mask(0, 128)], 1).isEmpty, false);
});

test("what is transparent may change; colours of a picture with transparency are not told", () => {
    const pixels = Uint8ClampedArray.of(10, 20, 30, 255, 40, 50, 60, 255);
    assert.deepEqual([...channelOf(pixels, "red")], [10, 40]);
    assert.deepEqual([...channelOf(pixels, "blue")], [30, 60]);
    pixels[7] = 55;
    assert.deepEqual([...channelOf(pixels, "alpha")], [0, 200]);
    assert.throws(() => channelOf(pixels, "green"), /transparent/);
});
