import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { addArea, addPath, findArea, findPath, newArea, newPath, setLocked, updateArea } from "../../../js/document/items.js";
import { keyOn, moveKey, removeKey, setKey, setKeyEasing, setPointEasing } from "../../../js/document/keys.js";
import { parseDocument } from "../../../js/document/schema.js";
import { areaAt } from "../../../js/geometry/pose.js";

function drawing(/** @type {any} */ keys) {
    let doc = emptyDocument(640, 360, 14);
    doc = addPath(doc, newPath(doc, "line", [{ x: 10, y: 10 }, { x: 100, y: 50, frame: 4 }, { x: 200, y: 20 }]));
    doc = addArea(doc, newArea(doc, "rect", [[0, 0], [40, 20]]));
    doc = addArea(doc, newArea(doc, "polygon", [[100, 100], [200, 120], [140, 180]], keys && { keys }));
    return valid(doc);
}

/** @type {<T>(doc: T) => T} */
function valid(doc) {
    const text = serializeDocument(/** @type {any} */ (doc));
    assert.equal(serializeDocument(/** @type {any} */ (parseDocument(text))), text);
    return doc;
}

const keysOf = (/** @type {any} */ doc, id = "r2") => findArea(doc, id)?.keys;
const seen = (/** @type {any} */ doc, /** @type {number} */ time, id = "r2") => {
    const { area, x, y } = areaAt(findArea(doc, id), doc, time);
    return area.points.map((point) => [point[0] + x, point[1] + y]);
};
const same = (/** @type {number[][]} */ a, /** @type {number[][]} */ b, tolerance = 1e-6) =>
    a.forEach(([x, y], index) => assert.ok(Math.hypot(x - b[index][0], y - b[index][1]) < tolerance, `${a[index]} is not ${b[index]}`));

const KEYS = [
    { frame: 0, move: [5, 5], rotate: 10 },
    { frame: 4, scale: [2, 0.5], easing: "hold" },
    { frame: 8, rotate: 90, points: [[90, 90], [210, 125], [150, 170]] },
    { frame: 13, move: [-30, 0] },
];

test("a new key is as the area lies then: nothing moves, before it and after", () => {
    const doc = drawing(KEYS);
    for (const frame of [2, 3.25, 5, 10.5, 13]) {
        const keyed = valid(setKey(doc, "r2", frame));
        assert.equal(keysOf(keyed).length, frame === 13 ? 4 : 5);
        for (let time = 0; time <= 13; time += 0.5) same(seen(keyed, time), seen(doc, time));
    }
    const plain = drawing();
    const first = setKey(plain, "r2", 3);
    assert.deepEqual(keysOf(first), [{ frame: 3 }]);
    assert.equal(first.regions[0], plain.regions[0]);
});

test("a key is changed where it is, in the order of frames, and keeps what is not changed", () => {
    let doc = drawing();
    doc = setKey(doc, "r2", 9, { move: [10, 0] });
    doc = setKey(doc, "r2", 2.0004, { rotate: 45, scale: [2, 2] });
    doc = setKey(doc, "r2", 2, { scale: [3, 1], easing: "hold" });
    assert.deepEqual(keysOf(valid(doc)), [{ frame: 2, move: [10, 0], scale: [3, 1], rotate: 45, easing: "hold" }, { frame: 9, move: [10, 0] }]);
    assert.equal(keyOn(findArea(doc, "r2"), 9.0004)?.frame, 9);
    assert.equal(keyOn(findArea(doc, "r2"), 8), undefined);
    assert.equal(keysOf(setKey(doc, "r2", 99)).length, 3); // on the last frame
    assert.equal(keysOf(setKey(setKey(doc, "r2", 13), "r2", 99)).length, 3);
    assert.deepEqual(keysOf(setKey(doc, "r2", 2, { scale: [1, 1], rotate: 0, move: [0, 0], easing: undefined }))[0], { frame: 2 }); // what is nothing is left out
});

test("a key beside a frame is that frame's: found, taken away, and brought there as the area is seen then", () => {
    const doc = drawing([{ frame: 0 }, { frame: 5.6, move: [56, 0], easing: "hold" }, { frame: 6.3, move: [63, 0] }, { frame: 13, move: [130, 0], rotate: 90 }]);
    const on = (/** @type {number} */ frame) => keyOn(findArea(doc, "r2"), frame)?.frame;
    assert.deepEqual([5, 6, 7, 12, 13].map(on), [undefined, 6.3, undefined, undefined, 13]);
    const there = keysOf(valid(setKey(doc, "r2", 6, { scale: [2, 2] })));
    assert.deepEqual(there.slice(1, 3), [{ frame: 5.6, move: [56, 0], easing: "hold" }, { frame: 6, move: [56, 0], scale: [2, 2] }]);
    assert.deepEqual(keysOf(removeKey(doc, "r2", 6)).map(({ frame }) => frame), [0, 5.6, 13]);
});

test("a key outside the clip or the limits comes as near as may be", () => {
    const doc = setKey(setKey(drawing(), "r2", 99, { rotate: 1e9, scale: [0, -1] }), "r2", -5, { move: [1e9, -1e9] });
    assert.deepEqual(keysOf(valid(doc)).map(({ frame, move }) => [frame, move]), [[0, [100000, -100000]], [13, undefined]]);
    assert.deepEqual(keysOf(doc)[1].scale, [0.001, 0.001]);
    assert.equal(keysOf(doc)[1].rotate, 36000);
    const full = updateArea({ ...drawing(), frames: 2000 }, "r2", (area) => ({ ...area, keys: Array.from({ length: 1000 }, (_, frame) => ({ frame })) }));
    assert.equal(findArea(setKey(full, "r2", 1500), "r2"), findArea(full, "r2"));
    assert.equal(keysOf(setKey(full, "r2", 7, { rotate: 3 }))[7].rotate, 3);
});

test("a key moves between its neighbours, a frame from them where there is one", () => {
    const doc = drawing(KEYS);
    const frames = (/** @type {number} */ from, /** @type {number} */ to) => keysOf(valid(moveKey(doc, "r2", from, to))).map(({ frame }) => frame);
    assert.deepEqual(frames(4, 6.5), [0, 6.5, 8, 13]);
    assert.deepEqual(frames(4, 9), [0, 7, 8, 13]);
    assert.deepEqual(frames(4, -2), [0, 1, 8, 13]);
    assert.deepEqual(frames(0, 2), [2, 4, 8, 13]);
    assert.deepEqual(frames(13, 99), [0, 4, 8, 13]);
    assert.deepEqual(frames(5, 7), [0, 4, 8, 13]); // there is none
    const close = drawing([{ frame: 3 }, { frame: 3.25 }, { frame: 3.5 }]);
    assert.deepEqual(keysOf(moveKey(close, "r2", 3.25, 9)).map(({ frame }) => frame), [3, 3.25, 3.5]);
});

test("without its last key an area lies as it was drawn", () => {
    let doc = drawing(KEYS);
    for (const frame of [0, 8, 13]) doc = valid(removeKey(doc, "r2", frame));
    assert.deepEqual(keysOf(doc), [KEYS[1]]);
    assert.deepEqual(removeKey(doc, "r2", 4), drawing());
    assert.equal(keysOf(removeKey(doc, "r2", 5)).length, 1);
});

test("easing of a key and of a point is set, and given back", () => {
    const doc = drawing([{ frame: 0 }, { frame: 13, move: [26, 0] }]);
    const held = valid(setKeyEasing(doc, "r2", 0, "hold"));
    assert.deepEqual([0, 12, 13].map((time) => areaAt(findArea(held, "r2"), held, time).x), [0, 0, 26]);
    assert.deepEqual(setKeyEasing(held, "r2", 0, undefined), doc);
    const curved = valid(setPointEasing(doc, "p1", 1, [0.2, 0, 0.1, 1]));
    assert.deepEqual(findPath(curved, "p1")?.points[1], { x: 100, y: 50, frame: 4, easing: [0.2, 0, 0.1, 1] });
    assert.deepEqual(setPointEasing(curved, "p1", 1, undefined), doc);
});

test("what is selected is locked, and no longer", () => {
    const doc = drawing();
    const selection = { paths: ["p1"], regions: ["r2"] };
    const locked = valid(setLocked(doc, selection, true));
    assert.deepEqual([locked.paths[0].locked, locked.regions[1].locked], [true, true]);
    assert.equal(locked.regions[0], doc.regions[0]);
    assert.deepEqual(setLocked(locked, selection, false), doc);
});
