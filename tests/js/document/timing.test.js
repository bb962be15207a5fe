import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument } from "../../../js/document/document.js";
import { addArea, addPath, newArea, newPath } from "../../../js/document/items.js";
import { retimed, stretchesOf } from "../../../js/document/timing.js";

const doc = emptyDocument(640, 360, 14);
const path = (...frames) => ({ id: "p1", kind: "line", start: 2, points: frames.map((frame) => ({ x: 0, y: 0, ...(frame === undefined ? {} : { frame }) })) });

test("stretches go from key to key; ends without a frame are keys at the path's own", () => {
    assert.deepEqual(stretchesOf(doc, path(undefined, undefined, 6, undefined)), [{ index: 0, from: 2, to: 6 }, { index: 2, from: 6, to: 13 }]);
    assert.deepEqual(stretchesOf(doc, path(3, 5, 9)), [{ index: 0, from: 3, to: 5 }, { index: 1, from: 5, to: 9 }]);
    assert.deepEqual(stretchesOf(doc, path(undefined)), []);
});

test("frames are frames again after fewer of them and as many as before", () => {
    let doc = emptyDocument(640, 360, 14);
    doc = addPath(doc, newPath(doc, "line", Array.from({ length: 14 }, (_, frame) => ({ x: frame, y: 0, frame }))));
    doc = addArea(doc, newArea(doc, "rect", [[0, 0], [9, 9]], { keys: Array.from({ length: 14 }, (_, frame) => ({ frame })) }));
    for (const frames of [2, 3, 12, 13, 15, 40, 700]) assert.deepEqual(retimed(retimed(doc, frames), 14), doc);
});
