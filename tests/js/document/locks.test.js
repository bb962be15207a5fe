import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { addArea, addPath, findArea, findPath, newArea, newPath, setLocked } from "../../../js/document/items.js";
import { holdLocked, lockedNames, lockedText, stayText, unlockedPart } from "../../../js/document/locks.js";
import * as ops from "../../../js/document/operations.js";
import { parseDocument } from "../../../js/document/schema.js";
import { DrawingBoard } from "../../../js/drawing_board.js";
import { hitTest, within } from "../../../js/geometry/hit_test.js";

const all = { paths: ["p1", "p2", "p3"], regions: ["r1", "r2"], points: [] };
const SECOND = { paths: ["p2"], regions: ["r1"], points: [] };
const idsOf = ({ paths, regions }) => [...paths, ...regions].map(({ id }) => id).join(" ");

/** Three lines and two areas; the second line and the first area, which follows the third line, are locked. */
function drawing() {
    let doc = emptyDocument(640, 360, 14);
    for (const y of [50, 100, 150]) doc = addPath(doc, newPath(doc, "line", [{ x: 50, y }, { x: 250, y }]));
    doc = addArea(doc, newArea(doc, "rect", [[300, 40], [400, 120]], { follow: "p3" }));
    doc = addArea(doc, newArea(doc, "rect", [[450, 40], [600, 120]]));
    return setLocked(doc, SECOND, true);
}

test("the stage takes nothing that is locked", () => {
    const doc = drawing();
    const at = (x, y) => hitTest(doc, ops.NOTHING, 0, { x, y }, 5).length;
    assert.deepEqual([at(150, 50), at(150, 100), at(50, 100), at(350, 80), at(500, 80)], [1, 0, 0, 0, 1]);
    const found = within(doc, 0, { x: 0, y: 0 }, { x: 640, y: 360 });
    assert.deepEqual([found.paths, found.regions], [["p1", "p3"], ["r2"]]);
    assert.deepEqual([ops.everything(doc).paths, ops.everything(doc).regions], [["p1", "p3"], ["r2"]]);
});

test("what is locked is held, and named, whatever is done to all", () => {
    const doc = drawing();
    const { doc: moved, held } = holdLocked(doc, ops.translate(doc, all, 10, 0));
    assert.deepEqual(held, ["Line 2", "Rectangle 1"]);
    assert.equal(findPath(moved, "p2").points[0].x, 50);
    assert.equal(findPath(moved, "p1").points[0].x, 60);
    assert.deepEqual(findArea(moved, "r1").points, findArea(doc, "r1").points);
    assert.equal(lockedText(held), "Line 2, Rectangle 1 are locked: unlock them in the list.");
    assert.equal(lockedText(["Line 2"]), "Line 2 is locked: unlock it in the list.");
});

test("what is locked comes back where it was, and the path that it follows stays", () => {
    const doc = drawing();
    for (const [gone, left] of [[all, "p2 p3 r1"], [{ ...all, paths: ["p1", "p2"] }, "p2 p3 r1"], [{ ...all, paths: ["p2", "p3"] }, "p1 p2 p3 r1"]]) {
        const { doc: after } = holdLocked(doc, ops.remove(doc, gone));
        assert.equal(idsOf(after), left);
        assert.deepEqual(findArea(after, "r1"), findArea(doc, "r1"));
    }
    assert.equal(stayText(doc, all), "Line 2, Rectangle 1 are locked: unlock them in the list. Line 3 stays: Rectangle 1 follows it and is locked.");
    assert.equal(stayText(doc, { ...all, paths: ["p1"], regions: [] }), "");
});

test("the list may rename, hide, group, order and unlock what is locked, and nothing is held where nothing is locked", () => {
    const doc = drawing();
    const listed = { ...doc, paths: doc.paths.map((path) => ({ ...path, name: "a", visible: false, group: "g" })).toReversed() };
    assert.deepEqual(holdLocked(doc, listed), { doc: listed, held: [] });
    const free = setLocked(doc, SECOND, false);
    assert.deepEqual(holdLocked(doc, free), { doc: free, held: [] });
    const none = ops.remove(free, all);
    assert.equal(holdLocked(free, none).doc, none);
});

test("a selection without what is locked; itself where nothing is", () => {
    const doc = drawing();
    const points = [{ path: "p1", index: 0 }, { path: "p2", index: 1 }];
    assert.deepEqual(unlockedPart(doc, { ...all, points }), { paths: ["p1", "p3"], regions: ["r2"], points: [points[0]] });
    assert.deepEqual(lockedNames(doc, all), ["Line 2", "Rectangle 1"]);
    const free = { paths: ["p1"], regions: ["r2"], points: [points[0]] };
    assert.equal(unlockedPart(doc, free), free);
});

test("copies of what is locked are free", () => {
    const { doc, selection } = ops.duplicate(drawing(), SECOND, 10);
    assert.deepEqual(lockedNames(doc, selection), []);
    assert.deepEqual(lockedNames(doc, all), ["Line 2", "Rectangle 1"]);
});

test("a board neither shows nor stores a change of what is locked, and says so", () => {
    const said = [];
    const board = new DrawingBoard({ changed() {}, shown() {}, refused: (text) => said.push(text), held: (text) => said.push(text) });
    board.commit(drawing(), "draw");
    board.select(all);
    assert.deepEqual(board.selection.paths, ["p1", "p3"]);
    assert.equal(board.selection, board.selection);
    assert.deepEqual(board.session.selection, all);
    board.preview(ops.translate(board.doc, all, 10, 0));
    assert.deepEqual(board.doc.paths.map(({ points }) => points[0].x), [60, 50, 60]);
    assert.deepEqual(said, []);
    board.commit(ops.remove(board.doc, all), "delete");
    assert.equal(idsOf(board.doc), "p2 p3 r1");
    assert.deepEqual(said, ["Line 2, Rectangle 1 are locked: unlock them in the list."]);
    assert.deepEqual(parseDocument(board.value), board.doc);
});
