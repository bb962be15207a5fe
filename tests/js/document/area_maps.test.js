import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { addArea, addPath, newArea, newPath } from "../../../js/document/items.js";
import { setKey } from "../../../js/document/keys.js";
import * as ops from "../../../js/document/operations.js";
import { parseDocument } from "../../../js/document/schema.js";
import { makesPolygons, placedBox, selectedBox, transformed } from "../../../js/document/shapes.js";
import { coverHere, distanceToArea } from "../../../js/geometry/areas.js";
import { areaAt } from "../../../js/geometry/pose.js";
import { applied, composed, inverted, scaling, translation, turning } from "../../../js/geometry/transform.js";

const CENTRE = { x: 300, y: 170 };
const FRAMES = [0, 4, 9, 13];
const MAPS = {
    move: translation(31, -17),
    turn: turning(33, CENTRE),
    scale: scaling(1.4, 1.4, CENTRE),
    stretch: scaling(1.5, 0.8, CENTRE),
    "mirror left and right": scaling(-1, 1, CENTRE),
    "mirror up and down": scaling(1, -1, CENTRE),
    "turn and stretch": composed(scaling(1.2, 0.7, CENTRE), turning(200, CENTRE)),
};
const FOLLOWS = { nothing: undefined, "a path": "p1", "two paths": ["p1", "p2"] };
const KINDS = {
    rect: [[240, 120], [360, 200]],
    ellipse: [[240, 120], [360, 200]],
    polygon: [[250, 110], [370, 150], [330, 230], [240, 200]],
    brush: [[240, 130], [300, 190], [350, 140]],
};

/** One area with keys that turn, scale and reshape it, and paths that it follows. */
function drawing(kind, follow) {
    let doc = emptyDocument(640, 360, 14);
    doc = addPath(doc, newPath(doc, "line", [{ x: 200, y: 100 }, { x: 260, y: 130 }]));
    doc = addPath(doc, newPath(doc, "line", [{ x: 400, y: 200 }, { x: 430, y: 260 }]));
    doc = addArea(doc, newArea(doc, kind, KINDS[kind], { ...(kind === "brush" && { radius: 14 }), ...(follow && { follow }) }));
    doc = setKey(doc, "r1", 0);
    doc = setKey(doc, "r1", 4, { rotate: 25, scale: [1.2, 0.8], move: [20, 10], points: KINDS[kind].map(([x, y], index) => [x + 5 * index, y + 9]) });
    return setKey(doc, "r1", 13, { rotate: -40, scale: [0.9, 1.1], move: [-30, 20], easing: "in" });
}
const only = { paths: [], regions: ["r1"], points: [] };

/** Of how many places of the grid, away from the outline, one shape covers what the other does not. */
function difference(before, after, back, reach = 1) {
    let differ = 0;
    for (let x = 1.3; x < 640; x += 9)
        for (let y = 2.7; y < 360; y += 9) {
            const at = applied(back, { x, y });
            const [px, py] = [at.x - before.x, at.y - before.y];
            if (Math.abs(distanceToArea(before.area, px, py)) < reach) continue;
            if (coverHere(before.area, px, py) !== coverHere(after.area, x - after.x, y - after.y)) differ += 1;
        }
    return differ;
}

for (const [name, map] of Object.entries(MAPS))
    test(`${name}: an area with keys is seen as before, mapped, at that frame; at its other keys it is as it was`, () => {
        for (const kind of Object.keys(KINDS))
            for (const [what, follow] of Object.entries(FOLLOWS))
                for (const time of FRAMES) {
                    const doc = drawing(kind, follow);
                    const after = transformed(doc, only, map, time);
                    assert.equal(serializeDocument(parseDocument(serializeDocument(after))), serializeDocument(after));
                    const where = `${kind} that follows ${what}, frame ${time}`;
                    const [was, is] = [doc, after].map((one) => areaAt(one.regions[0], one, time));
                    // The width of a brush is one number: stretched it is near, its line is exact.
                    if (kind !== "brush" || !name.includes("stretch")) assert.equal(difference(was, is, inverted(map)), 0, where);
                    else is.area.points.forEach(([x, y], index) => {
                        const to = applied(map, { x: was.area.points[index][0] + was.x, y: was.area.points[index][1] + was.y });
                        assert.ok(Math.hypot(x + is.x - to.x, y + is.y - to.y) < 1e-6, where);
                    });
                    for (const { frame } of doc.regions[0].keys)
                        if (frame !== time) {
                            const [then, now] = [doc, after].map((one) => areaAt(one.regions[0], one, frame));
                            assert.equal(difference(then, now, translation(0, 0), 0.1), 0, `${where}: key ${frame}`);
                        }
                    assert.deepEqual(after.regions[0].keys.map(({ frame }) => frame), [...new Set([0, 4, 13, time])].sort((a, b) => a - b));
                    if (what !== "two paths" && ["move", "turn", "scale"].includes(name)) assert.equal(after.regions[0].kind, kind, where);
                }
    });

test("turned in steps, a rectangle with keys stays one, and its turn goes on past a round", () => {
    let doc = drawing("rect");
    for (let step = 0; step < 30; step += 1) doc = transformed(doc, only, turning(15, CENTRE), 9);
    const { kind, keys } = doc.regions[0];
    assert.equal(kind, "rect");
    const before = areaAt(drawing("rect").regions[0], doc, 9);
    assert.equal(difference(before, areaAt(doc.regions[0], doc, 9), turning(-450, CENTRE)), 0);
    assert.ok(keys[2].rotate > 400, String(keys[2].rotate));
    assert.ok(!makesPolygons(drawing("rect"), doc));
});

test("areas that are not mapped are the same list: nothing drawn of them is drawn again", () => {
    const doc = drawing("rect");
    assert.equal(ops.translate(doc, { paths: ["p1"], regions: [], points: [] }, 3, 4, 0).regions, doc.regions);
});

test("a moved key says nothing but where", () => {
    const doc = setKey(drawing("rect"), "r1", 0, {});
    assert.deepEqual(ops.translate(doc, only, 3, 4, 0).regions[0].keys[0], { frame: 0, move: [3, 4] });
});

test("with all the paths that it follows, an area with keys goes along at every frame, selected or not", () => {
    for (const follow of ["p1", ["p1", "p2"]])
        for (const regions of [[], ["r1"]]) {
            const doc = drawing("polygon", follow);
            const moved = ops.translate(doc, { paths: ["p1", "p2"], regions, points: [] }, 12, -7, 6);
            assert.equal(moved.regions[0].keys.length, 3);
            for (let time = 0; time < 14; time += 1) {
                const [was, is] = [doc, moved].map((one) => areaAt(one.regions[0], one, time));
                assert.equal(difference(was, is, translation(-12, 7), 0.1), 0, `frame ${time}`);
            }
        }
});

test("numbers place an area with keys at the frame shown", () => {
    for (const kind of Object.keys(KINDS)) {
        const doc = placedBox(drawing(kind), only, 9, { x: 50, width: 120 });
        const { low, high } = selectedBox(doc, only, 9);
        assert.ok(Math.abs(low.x - 50) < 1e-3 && Math.abs(high.x - low.x - 120) < 1e-3, `${kind} ${low.x} ${high.x}`);
    }
});
