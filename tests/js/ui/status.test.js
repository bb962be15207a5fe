import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument } from "../../../js/document/document.js";
import { addArea, addPath, newArea, newPath } from "../../../js/document/items.js";
import { NOTHING } from "../../../js/document/operations.js";
import { describe } from "../../../js/ui/status.js";

let doc = emptyDocument(640, 360, 14);
for (const y of [10, 20.4]) doc = addPath(doc, newPath(doc, "line", [{ x: 1, y }, { x: 99.6, y }]));
doc = addArea(doc, newArea(doc, "rect", [[0, 0], [50, 50]]));
const [first, second] = doc.paths.map(({ id }) => id);

test("what is drawn and selected is said in words", () => {
    assert.equal(describe(emptyDocument(640, 360, 14), NOTHING, 0), "Frame 0 of 0 to 13, 640 by 360 pixels. Drawn: no paths, no areas. Nothing is selected.");
    assert.match(describe(doc, NOTHING, 5), /^Frame 5 .* Drawn: 2 paths, 1 area\. Nothing/);
    assert.match(describe(doc, { paths: [first, second], regions: [doc.regions[0].id], points: [] }, 0), /Selected: Line 1, Line 2, Rectangle 1\.$/);
    assert.match(describe(doc, { paths: [second], regions: [], points: [{ path: second, index: 1 }] }, 0), /Selected: point 2 of 2 of Line 2, at 100, 20\.$/);
});
