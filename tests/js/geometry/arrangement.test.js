import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange } from "../../../js/geometry/arrangement.js";
import { fit } from "../../../js/geometry/viewport.js";

const CLIPS = {
    wide: { width: 640, height: 256 },
    usual: { width: 1920, height: 1080 },
    square: { width: 512, height: 512 },
    portrait: { width: 1080, height: 1920 },
};
const NODE = { width: 798, height: 452 }; // what a new node leaves to stage and panel

/** What the panel leaves. */
const stageOf = ({ under, panel }, { width, height }) => (under ? { width, height: height - panel } : { width: width - panel, height });
const sizes = (low, high, step) => Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, index) => low + index * step);

test("the panel goes under the picture where that makes it larger", () => {
    const under = (clip, width, height) => arrange(CLIPS[clip], { width, height }, false).under;
    assert.deepEqual(
        Object.keys(CLIPS).map((clip) => under(clip, NODE.width, NODE.height)),
        [true, false, false, false],
    );
    assert.deepEqual(
        Object.keys(CLIPS).map((clip) => under(clip, NODE.width, 652)),
        [true, true, false, false],
    );
    assert.deepEqual(
        Object.keys(CLIPS).map((clip) => under(clip, 1398, 778)),
        [true, false, false, false],
    );
});

test("however it stood before, the picture is at most a tenth smaller than in the other place", () => {
    for (const frame of Object.values(CLIPS))
        for (const width of sizes(521, 1500, 61))
            for (const height of sizes(266, 1400, 47))
                for (const wasUnder of [false, true]) {
                    const room = { width, height };
                    const chosen = fit(frame, stageOf(arrange(frame, room, wasUnder), room)).scale;
                    const best = Math.max(fit(frame, { width: width - 236, height }).scale, ...[...Array(height - 180).keys()].map((more) => fit(frame, { width, height: height - 180 - more }).scale));
                    assert.ok(chosen * 1.1 >= best * (1 - 1e-9), `${width} × ${height}: ${chosen} of ${best}`);
                }
});

test("a node that is resized by a little and back changes places once at most", () => {
    for (const frame of Object.values(CLIPS))
        for (const width of sizes(540, 1500, 7))
            for (const height of sizes(266, 1400, 59)) {
                const first = arrange(frame, { width, height }, false).under;
                const other = arrange(frame, { width: width + 4, height: height + 4 }, first).under;
                assert.equal(arrange(frame, { width, height }, other).under, other);
            }
});

test("a narrow node has it under the stage, and both keep what they need", () => {
    for (const frame of Object.values(CLIPS))
        for (const width of sizes(338, 520, 13))
            for (const height of sizes(266, 1000, 31)) {
                const { under, panel } = arrange(frame, { width, height }, false);
                assert.ok(under && panel >= 111 && height - panel >= 120, `${width} × ${height}: ${panel}`);
            }
});

test("what the picture leaves is the panel's", () => {
    const room = { width: 620, height: 900 };
    const { under, panel } = arrange(CLIPS.usual, room, false);
    const { scale } = fit(CLIPS.usual, stageOf({ under, panel }, room));
    assert.ok(under && panel > 180);
    assert.ok(Math.abs(scale * 1080 + 24 - (900 - panel)) < 1); // no bars above and below
});
