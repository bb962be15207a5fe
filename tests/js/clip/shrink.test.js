import assert from "node:assert/strict";
import { test } from "node:test";

import { meansOf } from "../../../js/clip/shrink.js";

/** A frame of random colours that gives the parts that are asked for, and remembers them. */
function noise() {
    const value = (x, y, channel) => (x * 7919 + y * 104729 + channel * 1299709) % 256;
    const rects = [];
    const copyTo = async (into, { rect, format }) => {
        assert.equal(format, "RGBA");
        rects.push(rect);
        assert.ok(into.length >= 4 * rect.width * rect.height);
        for (let y = 0, at = 0; y < rect.height; y += 1)
            for (let x = 0; x < rect.width; x += 1)
                for (let channel = 0; channel < 4; channel += 1, at += 1) into[at] = value(rect.x + x, rect.y + y, channel);
    };
    return { copyTo, rects, value };
}

test("each pixel is the mean of those it covers", async () => {
    for (const [visible, size] of [
        [{ x: 0, y: 0, width: 12, height: 8 }, { width: 4, height: 2 }],
        [{ x: 2, y: 4, width: 31, height: 17 }, { width: 7, height: 5 }],
        [{ x: 0, y: 0, width: 9, height: 5 }, { width: 9, height: 5 }],
    ]) {
        const frame = noise();
        const pixels = await meansOf(frame, visible, size);
        for (let row = 0; row < size.height; row += 1)
            for (let column = 0; column < size.width; column += 1)
                for (let channel = 0; channel < 4; channel += 1) {
                    const covered = [];
                    for (let y = 0; y < visible.height; y += 1)
                        for (let x = 0; x < visible.width; x += 1)
                            if (Math.floor((y * size.height) / visible.height) === row && Math.floor((x * size.width) / visible.width) === column)
                                covered.push(frame.value(visible.x + x, visible.y + y, channel));
                    const mean = covered.reduce((sum, each) => sum + each) / covered.length;
                    const got = pixels[4 * (row * size.width + column) + channel];
                    assert.ok(Math.abs(got - (channel === 3 ? 255 : mean)) <= 0.5);
                }
    }
});

test("a large frame is copied in parts that begin at even rows and leave nothing out", async () => {
    const { copyTo, rects } = noise();
    await meansOf({ copyTo }, { x: 0, y: 0, width: 3840, height: 541 }, { width: 240, height: 34 });
    assert.ok(rects.length > 4);
    assert.ok(rects.every(({ y }) => y % 2 === 0));
    assert.equal(rects.reduce((rows, { height }) => rows + height, 0), 541);
    assert.ok(Math.max(...rects.map(({ width, height }) => 4 * width * height)) <= 2e6);
});
