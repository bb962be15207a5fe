import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { addArea, addPath, findArea, findPath, freshId, newArea, newPath, updateArea, updatePath } from "../../../js/document/items.js";
import { moveKey, removeKey, setKey, setPointEasing } from "../../../js/document/keys.js";
import * as ops from "../../../js/document/operations.js";
import { parseDocument } from "../../../js/document/schema.js";
import { frameRoom, retimed, setPointFrame, setRange } from "../../../js/document/timing.js";
import { positionAt, tracks } from "../../../js/geometry/curves.js";
import { areaAt } from "../../../js/geometry/pose.js";

const P = (x, y, frame) => (frame === undefined ? { x, y } : { x, y, frame });

function drawing() {
    let doc = emptyDocument(640, 360, 14);
    doc = addPath(doc, newPath(doc, "spline", [P(10, 10), P(100, 50, 4), P(200, 20), P(300, 90, 10), P(320, 100)]));
    doc = addPath(doc, newPath(doc, "line", [P(50, 300), P(250, 300)]));
    doc = addPath(doc, newPath(doc, "anchor", [P(600, 300)]));
    doc = addArea(doc, newArea(doc, "rect", [[0, 0], [340, 120]], { follow: "p1" }));
    return addArea(doc, newArea(doc, "brush", [[60, 300], [240, 300]], { radius: 20 }));
}

const only = (...paths) => ({ paths, regions: [], points: [] });
const closeTracks = (a, b, tolerance) => {
    assert.equal(a.length, b.length);
    a.forEach((path, n) => path.forEach(([x, y], t) => assert.ok(Math.hypot(x - b[n][t][0], y - b[n][t][1]) <= tolerance, `path ${n}, frame ${t}`)));
};
const valid = (doc) => assert.equal(serializeDocument(parseDocument(serializeDocument(doc))), serializeDocument(doc));

test("ids are fresh, colours differ", () => {
    const doc = drawing();
    assert.deepEqual(doc.paths.map(({ id }) => id), ["p1", "p2", "p3"]);
    assert.equal(new Set(doc.paths.map(({ color }) => color)).size, 3);
    const without = ops.remove(doc, only("p2"));
    assert.equal(freshId(without.paths, "p"), "p4"); // p3 is taken
});

test("what does not change keeps its identity", () => {
    const doc = drawing();
    const moved = ops.translate(doc, only("p2"), 5, 5);
    assert.equal(moved.paths[0], doc.paths[0]);
    assert.equal(moved.regions[1], doc.regions[1]);
    assert.equal(ops.translate(doc, only("p2"), 0, 0), doc);
});

test("moved there and back, all is as before", () => {
    const doc = drawing();
    const all = ops.everything(doc);
    assert.deepEqual(ops.translate(ops.translate(doc, all, 8, -4), all, -8, 4), doc);
});

test("chosen points move alone; an area that follows a moved path moves along, once", () => {
    const doc = drawing();
    const point = ops.translate(doc, { paths: ["p1"], regions: [], points: [{ path: "p1", index: 1 }] }, 3, 7);
    assert.deepEqual(point.paths[0].points[1], P(103, 57, 4));
    assert.deepEqual(point.paths[0].points[2], doc.paths[0].points[2]);
    assert.equal(point.regions[0], doc.regions[0]);
    const path = ops.translate(doc, { paths: ["p1"], regions: ["r1"], points: [] }, 3, 7);
    assert.deepEqual(path.regions[0].points, [[3, 7], [343, 127]]);
});

test("a path without its last point goes, and what followed it stays where it is", () => {
    const doc = drawing();
    const emptied = ops.remove(doc, { paths: ["p1"], regions: [], points: doc.paths[0].points.map((_, index) => ({ path: "p1", index })) });
    assert.deepEqual(emptied.paths.map(({ id }) => id), ["p2", "p3"]);
    assert.equal("follow" in emptied.regions[0], false);
    valid(emptied);
    assert.equal(ops.remove(doc, { paths: ["p1"], regions: [], points: [{ path: "p1", index: 0 }] }).paths[0].points.length, 4);
});

test("reversed, a path is where it was at the mirrored time", () => {
    for (const easing of ["linear", "in", "out", "in-out"]) {
        let doc = drawing();
        doc = updatePath(doc, "p1", (path) => ({ ...path, easing }));
        const turned = ops.reverse(doc, "p1");
        valid(turned);
        const [before] = tracks(doc).points;
        const [after] = tracks(turned).points;
        closeTracks([after.toReversed()], [before], 1e-6);
        assert.deepEqual(ops.reverse(turned, "p1"), doc);
    }
});

test("reversed, each stretch between keys is gone through the other way", () => {
    const keyed = ["in", undefined, [0.3, -0.5, 0.2, 1.5], undefined, undefined]; // of five points, of which 0, 1, 3 and 4 are keys
    const doc = updatePath(drawing(), "p1", (path) => ({ ...path, easing: "out", points: path.points.map((point, index) => (keyed[index] ? { ...point, easing: keyed[index] } : point)) }));
    const moved = updatePath(doc, "p1", (path) => ({ ...path, points: path.points.with(1, { ...path.points[1], easing: [0.3, -0.5, 0.2, 1.5] }) }));
    for (const before of [doc, moved]) {
        const turned = ops.reverse(before, "p1");
        valid(turned);
        closeTracks([tracks(turned).points[0].toReversed()], [tracks(before).points[0]], 1e-6);
        assert.deepEqual(ops.reverse(turned, "p1"), before);
    }
    assert.deepEqual(ops.reverse(moved, "p1").paths[0].points.map(({ easing }) => easing), [undefined, [0.8, -0.5, 0.7, 1.5], [0.3, -0.5, 0.2, 1.5], "out", undefined]);
});

test("another number of frames keeps every time in proportion", () => {
    const doc = drawing();
    for (const frames of [27, 81, 7, 2]) {
        const other = retimed(doc, frames);
        valid(other);
        for (let part = 0; part <= 1; part += 0.125) {
            const a = positionAt(doc.paths[0], doc, part * 13);
            const b = positionAt(other.paths[0], other, part * (frames - 1));
            // Times are rounded to a thousandth of a frame.
            assert.ok(Math.hypot(a.x - b.x, a.y - b.y) < (200 * 0.002) / Math.min(1, (frames - 1) / 13), `${frames} frames at ${part}`);
        }
    }
    closeTracks(tracks(retimed(retimed(doc, 27), 14)).points, tracks(doc).points, 0.05);
});

test("keys of areas keep their time in proportion; of those that fall together the first stays", () => {
    const keys = [{ frame: 0, rotate: 5 }, { frame: 6.5, rotate: 7 }, { frame: 6.501, rotate: 8 }, { frame: 13, rotate: 9 }];
    const doc = updateArea(drawing(), "r2", (area) => ({ ...area, keys }));
    const frames = (/** @type {any} */ other) => findArea(other, "r2").keys.map(({ frame, rotate }) => [frame, rotate]);
    assert.deepEqual(frames(retimed(doc, 27)), [[0, 5], [13, 7], [13.002, 8], [26, 9]]);
    assert.deepEqual(frames(retimed(doc, 2)), [[0, 5], [0.5, 7], [1, 9]]);
    assert.deepEqual(frames(retimed(doc, 1)), [[0, 5]]);
    for (const number of [27, 2, 1]) valid(retimed(doc, number));
});

test("at another size, an area's keys go along; moved, it is so at that frame", () => {
    const keys = [{ frame: 0, move: [3, 4], scale: [2, 2] }, { frame: 13, rotate: 30, points: [[10, 10], [50, 90]] }];
    const doc = updateArea(drawing(), "r1", (area) => ({ ...area, keys }));
    const seen = (/** @type {any} */ other, /** @type {number} */ time) => areaAt(findArea(other, "r1"), other, time);
    for (const time of [0, 7, 13]) {
        const [before, moved, large] = [doc, ops.translate(doc, { ...only(), regions: ["r1"] }, 5, -3, time), ops.resized(doc, 1280, 720)].map((one) => seen(one, time));
        before.area.points.forEach(([x, y], index) => {
            assert.ok(Math.hypot(moved.area.points[index][0] + moved.x - x - before.x - 5, moved.area.points[index][1] + moved.y - y - before.y + 3) < 1e-9);
            assert.ok(Math.hypot(large.area.points[index][0] + large.x - 2 * (x + before.x), large.area.points[index][1] + large.y - 2 * (y + before.y)) < 1e-9);
        });
    }
    assert.deepEqual(ops.resized(ops.resized(doc, 1280, 720), 640, 360), doc);
});

test("over one frame and back, the path spans the clip again", () => {
    const doc = retimed(retimed(drawing(), 1), 14);
    valid(doc);
    assert.deepEqual([doc.paths[1].start, doc.paths[1].end], [0, 13]);
});

test("another range scales the times within", () => {
    const doc = setRange(drawing(), "p1", 2, 8.5);
    valid(doc);
    const [path] = doc.paths;
    assert.deepEqual([path.start, path.end], [2, 8.5]);
    assert.deepEqual(path.points.map((point) => point.frame), [undefined, 4, undefined, 7, undefined]);
    valid(setRange(doc, "p1", 5, 5)); // no time left: the points lose theirs
    const ends = updatePath(drawing(), "p2", (path) => ({ ...path, points: [P(1, 1, 0), P(9, 9, 13)] }));
    const short = setRange(ends, "p2", 5, 5);
    valid(short);
    assert.deepEqual(short.paths[1].points, [P(1, 1), P(9, 9)]);
});

test("a point's frame stays between its neighbours'", () => {
    const doc = drawing();
    const room = (index) => frameRoom(doc, doc.paths[0], index);
    assert.deepEqual(room(1), { min: 1, max: 9 });
    assert.deepEqual(room(2), { min: 5, max: 9 });
    assert.deepEqual(room(0), { min: 0, max: 3 });
    assert.deepEqual(room(4), { min: 11, max: 13 });
    for (const index of [0, 1, 2, 3, 4])
        for (const frame of [-3, 0, 2, 5.5, 13, 99]) {
            const set = setPointFrame(doc, "p1", index, frame);
            valid(set);
            assert.notEqual(set.paths[0].points[index].frame, undefined);
        }
    assert.equal(setPointFrame(doc, "p1", 1, undefined).paths[0].points[1].frame, undefined);
});

test("at another size all is in proportion", () => {
    const doc = drawing();
    const large = ops.resized(doc, 1280, 720);
    valid(large);
    closeTracks(tracks(large).points, tracks(doc, { width: 1280, height: 720 }).points, 1e-6);
    assert.equal(large.regions[1].radius, 40);
    assert.deepEqual(ops.resized(large, 640, 360), doc);
});

test("copies have ids of their own, and a copied area follows the copied path", () => {
    const doc = drawing();
    const { doc: twice, selection } = ops.duplicate(doc, { paths: ["p1"], regions: ["r1"], points: [] }, 16);
    valid(twice);
    assert.deepEqual(selection, { paths: ["p4"], regions: ["r3"], points: [] });
    assert.equal(findArea(twice, "r3").follow, "p4");
    assert.equal(findPath(twice, "p4").points[0].x, 26);
    const { doc: alone } = ops.duplicate(doc, { paths: [], regions: ["r1"], points: [] }, 16);
    assert.equal(alone.regions.at(-1).follow, "p1");
});

test("pasted from a drawing of another size and length, it fits", () => {
    const doc = drawing();
    const other = emptyDocument(1280, 720, 27);
    const { doc: pasted, selection } = ops.insert(other, doc);
    valid(pasted);
    assert.equal(selection.paths.length, 3);
    closeTracks(tracks(pasted).points, tracks(doc, { frames: 27, width: 1280, height: 720 }).points, 0.05);
});

test("an anchor that gets a second point becomes a way", () => {
    const doc = ops.insertPoint(drawing(), "p3", 1, P(10, 10));
    assert.equal(doc.paths[2].kind, "spline");
    valid(doc);
});

test("an area told to follow, or no longer, stays where it is seen", () => {
    const doc = drawing();
    const time = 6;
    const seen = (now) => {
        const area = findArea(now, "r2");
        const path = area.follow && findPath(now, area.follow);
        const at = path ? positionAt(path, now, time) : { x: 0, y: 0 };
        return area.points.map(([x, y]) => [x + (path ? at.x - path.points[0].x : 0), y + (path ? at.y - path.points[0].y : 0)]);
    };
    const followed = ops.setFollow(doc, "r2", "p1", time);
    const changed = ops.setFollow(followed, "r2", "p2", time);
    const freed = ops.setFollow(changed, "r2", undefined, time);
    for (const now of [followed, changed, freed]) {
        valid(now);
        seen(now).forEach((corner, index) => corner.forEach((value, axis) => assert.ok(Math.abs(value - doc.regions[1].points[index][axis]) < 1e-9)));
    }
    assert.equal("follow" in freed.regions[1], false);
});

const seenAt = (/** @type {any} */ doc, /** @type {string} */ id, /** @type {number} */ time) => {
    const { area, x, y } = areaAt(findArea(doc, id), doc, time);
    return area.points.map((point) => [point[0] + x, point[1] + y]);
};
const samePlaces = (/** @type {number[][]} */ a, /** @type {number[][]} */ b, tolerance = 1e-6) => {
    assert.equal(a.length, b.length);
    a.forEach(([x, y], index) => assert.ok(Math.hypot(x - b[index][0], y - b[index][1]) < tolerance, `${a[index]} is not ${b[index]}`));
};

test("an area told to follow several paths, or one of them, stays where it is seen", () => {
    for (const keys of [undefined, [{ frame: 0, rotate: 20 }, { frame: 13, scale: [2, 0.5], move: [9, 9] }]]) {
        const doc = updateArea(drawing(), "r2", (area) => ({ ...area, ...(keys && { keys }) }));
        const [time, seen] = [6, seenAt(doc, "r2", 6)];
        const several = ops.setFollow(doc, "r2", ["p1", "p2", "p3"], time);
        const two = ops.setFollow(several, "r2", ["p1", "p2"], time);
        const freed = ops.setFollow(two, "r2", undefined, time);
        for (const now of [several, two, ops.setFollow(two, "r2", "p1", time), freed]) {
            valid(now);
            samePlaces(seenAt(now, "r2", time), seen);
            assert.ok(Math.abs(areaAt(findArea(now, "r2"), now, time).area.radius - areaAt(findArea(doc, "r2"), doc, time).area.radius) < 1e-6);
        }
        assert.equal("follow" in findArea(freed, "r2"), false);
    }
});

test("an area that turns with several paths is moved as far as the hand goes", () => {
    const doc = updateArea(drawing(), "r2", (area) => ({ ...area, follow: ["p1", "p2"] }));
    const moved = ops.translate(doc, { ...only(), regions: ["r2"] }, 12, -7, 9);
    samePlaces(seenAt(moved, "r2", 9), seenAt(doc, "r2", 9).map(([x, y]) => [x + 12, y - 7]));
    const along = ops.translate(doc, { ...only("p1", "p2"), regions: ["r2"] }, 12, -7, 9);
    samePlaces(seenAt(along, "r2", 9), seenAt(doc, "r2", 9).map(([x, y]) => [x + 12, y - 7]));
    assert.equal(ops.translate(doc, only("p1"), 12, -7, 9).regions[1], doc.regions[1]);
});

test("of several paths, an area goes on to follow those that are left, and copies follow copies", () => {
    const doc = updateArea(drawing(), "r2", (area) => ({ ...area, follow: ["p1", "p2"] }));
    const left = ops.remove(doc, only("p1"));
    assert.deepEqual(left.regions[1].follow, ["p2"]);
    assert.equal("follow" in ops.remove(left, only("p2")).regions[1], false);
    const { doc: twice } = ops.duplicate(doc, { paths: ["p1"], regions: ["r2"], points: [] }, 5);
    assert.deepEqual(twice.regions.at(-1).follow, ["p4", "p2"]);
    valid(twice);
});

test("the box around paths holds all of their places, within the frame", () => {
    const doc = drawing();
    const [[x0, y0], [x1, y1]] = ops.boxAround(doc, ["p1", "p2"], 24);
    for (const [x, y] of tracks(doc).points.slice(0, 2).flat()) assert.ok(x >= x0 && x <= x1 && y >= y0 && y <= y1);
    assert.deepEqual([x0, y0], [0, 0]);
    assert.equal(ops.boxAround(doc, [], 24), null);
    assert.equal(ops.boxAround(ops.translate(doc, only("p3"), 5000, 0), ["p3"], 8), null);
});

test("whatever is done in whatever order, the document stays valid", () => {
    let seed = 7;
    const random = (limit) => ((seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31) * limit;
    let doc = drawing();
    for (let step = 0; step < 400; step += 1) {
        const path = doc.paths[Math.floor(random(doc.paths.length))];
        const area = doc.regions[Math.floor(random(doc.regions.length))];
        const index = path ? Math.floor(random(path.points.length)) : 0;
        const choice = Math.floor(random(16));
        if (choice === 0) doc = retimed(doc, 1 + Math.floor(random(60)));
        if (choice === 1) doc = ops.resized(doc, 64 + Math.floor(random(800)), 64 + Math.floor(random(800)));
        if (choice === 2 && path) doc = ops.reverse(doc, path.id);
        if (choice === 3 && path) doc = setPointFrame(doc, path.id, index, random(doc.frames));
        if (choice === 4 && path) doc = setRange(doc, path.id, random(doc.frames), random(doc.frames));
        if (choice === 5 && path && path.points.length < 20) doc = ops.insertPoint(doc, path.id, index, P(random(500), random(300)));
        if (choice === 6 && path) doc = ops.remove(doc, { ...only(path.id), points: [{ path: path.id, index }] });
        if (choice === 7 && path && doc.paths.length < 9) doc = ops.duplicate(doc, only(path.id), 8).doc;
        if (choice === 8 && area && path) doc = ops.setFollow(doc, area.id, random(2) < 1 ? path.id : undefined, random(doc.frames));
        if (choice === 9) doc = addPath(doc, newPath(doc, "spline", [P(random(500), 5), P(7, random(300))]));
        if (choice === 10 && path) doc = ops.translate(doc, only(path.id), random(20) - 10, random(20) - 10);
        if (choice === 11 && path && doc.paths.length > 3) doc = ops.remove(doc, only(path.id));
        if (choice === 12 && area) doc = setKey(doc, area.id, random(doc.frames), { move: [random(40), 5], rotate: random(400) - 200, scale: [random(3), random(3)] });
        if (choice === 13 && area) doc = (random(2) < 1 ? removeKey : (now, id, frame) => moveKey(now, id, frame, random(now.frames)))(doc, area.id, area.keys?.[0].frame ?? 0);
        if (choice === 14 && path) doc = setPointEasing(doc, path.id, index, random(2) < 1 ? "hold" : [random(1), random(5) - 2, random(1), random(5) - 2]);
        if (choice === 15 && area && doc.paths.length > 1) doc = ops.setFollow(doc, area.id, doc.paths.slice(0, 3).map(({ id }) => id), random(doc.frames));
        doc = parseDocument(serializeDocument(doc)); // throws where it is not valid
    }
});

test("a part by itself follows only what is in it, and lies as it was seen", () => {
    let doc = emptyDocument(640, 360, 14);
    for (const y of [50, 100]) doc = addPath(doc, newPath(doc, "line", [{ x: 50, y }, { x: 180, y }]));
    doc = addArea(doc, newArea(doc, "rect", [[30, 30], [70, 70]], { follow: "p1" }));
    const alone = ops.unbound(doc, ops.excerpt(doc, { paths: ["p2"], regions: ["r1"], points: [] }), 13);
    assert.deepEqual([alone.regions[0].follow, alone.regions[0].points], [undefined, [[160, 30], [200, 70]]]);
    parseDocument(serializeDocument(alone));
    const along = ops.excerpt(doc, { paths: ["p1"], regions: ["r1"], points: [] });
    assert.deepEqual(ops.unbound(doc, along, 13), along);
});
