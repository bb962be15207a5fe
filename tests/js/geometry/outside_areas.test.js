import assert from "node:assert/strict";
import { test } from "node:test";

import { outsideAreas } from "../../../js/geometry/outside_areas.js";

/** @typedef {import("../../../js/document/document.js").Area} Area */

/** A path from x = 0 to 100 over so many frames. @type {(frames: number, ...regions: Area[]) => import("../../../js/document/document.js").EditDocument} */
const drawing = (frames, ...regions) => ({
    version: 1,
    width: 100,
    height: 40,
    frames,
    paths: [{ id: "p", kind: "line", points: [{ x: 0, y: 20 }, { x: 100, y: 20 }] }],
    regions,
});

/** @type {(id: string, left: number, right: number, more?: Partial<Area>) => Area} */
const band = (id, left, right, more = {}) => ({ id, kind: "rect", points: [[left, 0], [right, 40]], ...more });

test("a path lies outside where no area covers half of the mask", () => {
    const doc = drawing(11, band("a", 15, 75), band("b", 45, 55, { mode: "subtract" }), band("c", 88, 120, { feather: 6 }));
    assert.deepEqual(outsideAreas(doc), new Map([["p", new Set([0, 1, 5, 8])]]));
    assert.deepEqual(outsideAreas(drawing(11, band("a", -1, 101))), new Map());
});

test("without an area that is added, and of a hidden path, nothing is said", () => {
    for (const more of [{ mode: /** @type {const} */ ("subtract") }, { visible: false }]) assert.equal(outsideAreas(drawing(11, band("a", 15, 75, more))).size, 0);
    const doc = drawing(11, band("a", 15, 75));
    assert.equal(outsideAreas({ ...doc, paths: [{ ...doc.paths[0], visible: false }] }).size, 0);
});

test("a path over the mask that areas are added to is not outside, but where an area takes it away", () => {
    // Columns of 25: the second and the fourth may change; from frame 9 on, nothing may.
    const masks = [[0, 255, 127, 128], [0, 0, 0, 0]].map((levels) => ({ width: 4, height: 1, levels: Uint8Array.from(levels) }));
    const baseAt = (/** @type {number} */ frame) => masks[Number(frame > 8)];
    assert.deepEqual(outsideAreas(drawing(11), baseAt), new Map([["p", new Set([0, 1, 2, 5, 6, 7, 9, 10])]]));
    const doc = drawing(11, band("a", -1, 15), band("b", 35, 55, { mode: "subtract" }));
    assert.deepEqual(outsideAreas(doc, baseAt), new Map([["p", new Set([2, 4, 5, 6, 7, 9, 10])]]));
});

test("the path is checked against areas where they have moved to", () => {
    const doc = drawing(11, band("a", -5, 5, { follow: "p" }));
    assert.equal(outsideAreas(doc).size, 0);
});

test("a drawing of many points is checked at some of its frames", () => {
    const star = Array.from({ length: 49_000 }, (_, index) => /** @type {[number, number]} */ ([Math.sin(index) * 9, 300 + Math.cos(index) * 9]));
    const frames = outsideAreas(drawing(10_000, { id: "a", kind: "polygon", points: star })).get("p");
    assert.ok(frames && frames.size > 90 && frames.size < 110);
});
