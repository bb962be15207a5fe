import assert from "node:assert/strict";
import { test } from "node:test";

import { barAt, gripsOf, timeAtX, xOfTime } from "../../../js/ui/time_axis.js";

const WIDTH = 400;
const FRAMES = 14;
const path = (start, end, ...frames) => ({
    id: "p1",
    kind: "line",
    start,
    end,
    points: frames.map((frame) => ({ x: 0, y: 0, ...(frame === undefined ? {} : { frame }) })),
});
const at = (one, x) => barAt(one, FRAMES, WIDTH, x)?.grip;

test("times and places are each other's inverse, and stay within the clip", () => {
    for (const time of [0, 1, 6.5, 13]) assert.ok(Math.abs(timeAtX(xOfTime(time, FRAMES, WIDTH), FRAMES, WIDTH) - time) < 1e-9);
    assert.equal(timeAtX(-50, FRAMES, WIDTH), 0);
    assert.equal(timeAtX(999, FRAMES, WIDTH), 13);
    assert.equal(timeAtX(100, 1, WIDTH), 0); // a single frame
    assert.ok(Number.isFinite(timeAtX(10, FRAMES, 0))); // not laid out yet
});

test("every grip is a target of 24 pixels where the graph is at 90 %, at both ends of the clip too", () => {
    const one = path(0, 13, undefined, 6, undefined);
    for (const { grip, x } of gripsOf(one, FRAMES, WIDTH))
        for (const beside of [-13.4, 0, 13.4]) {
            assert.deepEqual(at(one, x + beside), grip);
            assert.ok(x + beside >= 0 && x + beside <= WIDTH);
        }
    assert.equal(at(one, xOfTime(3, FRAMES, WIDTH)), undefined);
});

test("where start, end and a tied point meet, each can be had", () => {
    const one = path(5, 5, 5);
    const x = xOfTime(5, FRAMES, WIDTH);
    assert.deepEqual([-8, 0, 8].map((beside) => at(one, x + beside)), [{ what: "start" }, { what: "key", index: 0 }, { what: "end" }]);
});

test("an area's keys are taken hold of as a path's are; without keys there is nothing to take", () => {
    const area = (...frames) => ({ id: "r1", kind: "rect", points: [[0, 0], [9, 9]], ...(frames.length && { keys: frames.map((frame) => ({ frame })) }) });
    const x = xOfTime(6, FRAMES, WIDTH);
    assert.deepEqual(barAt(area(0, 6, 13), FRAMES, WIDTH, x + 5), { grip: { what: "key", index: 1 }, time: 6, x });
    assert.equal(barAt(area(), FRAMES, WIDTH, x), undefined);
});
