import assert from "node:assert/strict";
import { test } from "node:test";

import { addArea, addPath, newArea, newPath } from "../../../js/document/items.js";
import * as ops from "../../../js/document/operations.js";
import { DrawingBoard } from "../../../js/drawing_board.js";
import { hitTest } from "../../../js/geometry/hit_test.js";

const board = () => new DrawingBoard({ changed() {}, shown() {}, refused: assert.fail, held: assert.fail });
const line = (doc, y) => addPath(doc, newPath(doc, "line", [{ x: 50, y }, { x: 250, y }]));

/** Two lines, and an area that follows the first; the area alone is shown. */
function soloedArea() {
    const one = board();
    const doc = line(line(one.doc, 50), 100);
    one.commit(addArea(doc, newArea(doc, "rect", [[40, 40], [80, 80]], { follow: "p1" })), "draw");
    one.showAlone({ paths: [], regions: ["r1"] });
    return one;
}
const shownIds = ({ stageDoc: { paths, regions } }) => [...paths, ...regions].filter(({ visible }) => visible !== false).map(({ id }) => id).join(" ");

test("what is not soloed is neither shown nor taken, and the document is as it was", () => {
    const one = soloedArea();
    assert.equal(shownIds(one), "r1");
    const hits = (time, x, y) => hitTest(one.stageDoc, one.selection, time, { x, y }, 3).map(({ what }) => what);
    assert.deepEqual([hits(0, 50, 50), hits(0, 150, 100)], [["area"], []]);
    assert.deepEqual(hits(13, 260, 60), ["area"]); // it still follows the path that is not shown
    assert.deepEqual(ops.everything(one.stageDoc).regions, ["r1"]);
    assert.ok(one.doc.paths.every(({ visible }) => visible === true));
    one.select({ paths: ["p2"], regions: ["r1"], points: [] });
    assert.deepEqual(one.selection, { paths: [], regions: ["r1"], points: [] });
    assert.equal(one.stageDoc.paths, one.stageDoc.paths); // so that layers are not drawn again
    one.showAlone(null);
    assert.equal(one.stageDoc, one.doc);
});

test("what is drawn meanwhile is seen; a solo of which nothing is left ends", () => {
    const one = soloedArea();
    one.commit(line(one.doc, 150), "draw");
    assert.equal(shownIds(one), "p3 r1");
    one.undo();
    assert.equal(shownIds(one), "r1");
    one.redo();
    assert.equal(shownIds(one), "p3 r1");
    one.commit(ops.remove(one.doc, { paths: ["p3"], regions: ["r1"], points: [] }), "delete");
    assert.equal(one.session.solo, null);
    assert.equal(shownIds(one), "p1 p2");
});
