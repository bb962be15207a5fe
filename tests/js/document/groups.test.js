import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument } from "../../../js/document/document.js";
import { freshGroup, grouped, groupsOf, listedRuns, membersOf, movedTo, renamedGroup, shifted, shiftedRun, ungrouped } from "../../../js/document/groups.js";

/** "a b/g" are items a and b, the second in group g. */
const items = (text) => text.split(" ").map((one) => (([id, group]) => (group ? { id, group } : { id }))(one.split("/")));
const textOf = (list) => list.map(({ id, group }) => (group ? `${id}/${group}` : id)).join(" ");
const doc = (paths, regions = "") => ({ ...emptyDocument(640, 360, 14), paths: items(paths), regions: regions ? items(regions) : [] });

test("neighbours of one group are listed together", () => {
    const runs = listedRuns(items("a b/g c/g d/h e b2/g"));
    assert.deepEqual(runs.map(({ group, items: inside }) => [group, textOf(inside)]), [[undefined, "a"], ["g", "b/g c/g"], ["h", "d/h"], [undefined, "e"], ["g", "b2/g"]]);
});

test("what is grouped becomes neighbours, where the last of it was, and parts no other group", () => {
    const after = grouped(doc("a b c d", "r s"), { paths: ["a", "c"], regions: ["r"] }, "g");
    assert.equal(textOf(after.paths), "b a/g c/g d");
    assert.equal(textOf(after.regions), "r/g s");
    assert.equal(textOf(grouped(doc("a x/h y/h z/h b"), { paths: ["a", "y"], regions: [] }, "g").paths), "x/h z/h a/g y/g b");
    assert.deepEqual(membersOf(after, "g"), { paths: ["a", "c"], regions: ["r"] });
    assert.deepEqual(groupsOf(after, { paths: ["b", "c"], regions: [] }), ["g"]);
});

test("a group is taken apart as a whole, renamed, and named afresh", () => {
    const before = doc("a/g b/g c/h", "r/g");
    const apart = ungrouped(before, { paths: ["b"], regions: [] });
    assert.deepEqual([textOf(apart.paths), textOf(apart.regions)], ["a b c/h", "r"]);
    assert.equal(apart.paths[2], before.paths[2]);
    assert.ok(!("group" in apart.paths[0]));
    const renamed = renamedGroup(before, "g", "k");
    assert.deepEqual([textOf(renamed.paths), textOf(renamed.regions)], ["a/k b/k c/h", "r/k"]);
    assert.equal(freshGroup(before), "group 1");
    assert.equal(freshGroup(doc("a/x b", "r")), "group 1");
    assert.equal(freshGroup(renamedGroup(before, "h", "group 1")), "group 2");
});

test("items move before another, to the end, into groups and out of them", () => {
    for (const [from, ids, before, group, to] of [
        ["a b c", ["c"], "a", undefined, "c a b"],
        ["a b c", ["a"], undefined, undefined, "b c a"],
        ["a b c d", ["a", "c"], "d", undefined, "b a c d"],
        ["a b/g c/g", ["a"], "c", "g", "b/g a/g c/g"],
        ["a b/g c/g", ["a"], "c", undefined, "b/g c/g a"],
        ["a b/g c/g d", ["c"], "d", undefined, "a b/g c d"],
        ["a b/g c/g d", ["d"], "b", undefined, "a d b/g c/g"],
        ["a/g b/g c", ["a", "b"], undefined, "g", "c a/g b/g"],
    ])
        assert.equal(textOf(movedTo(items(from), ids, before, group)), to, `${ids} of ${from} before ${before}`);
    const list = items("a b/g c");
    assert.equal(movedTo(list, ["b"], "c", "g"), list); // nothing moved
    assert.equal(movedTo(list, ["b"], "b", "g"), list);
});

test("a row at a time, through groups", () => {
    const walk = (text, id, by, folded) => {
        const seen = [];
        for (let list = items(text), last; list !== last; ) {
            last = list;
            list = shifted(list, id, by, folded);
            if (list !== last) seen.push(textOf(list));
        }
        return seen;
    };
    assert.deepEqual(walk("x a/g b/g c", "x", 1), ["x/g a/g b/g c", "a/g x/g b/g c", "a/g b/g x/g c", "a/g b/g x c", "a/g b/g c x"]);
    assert.deepEqual(walk("c a/g x", "x", -1), ["c a/g x/g", "c x/g a/g", "c x a/g", "x c a/g"]);
    assert.deepEqual(walk("x a/g b/g c", "x", 1, ["g"]), ["a/g b/g x c", "a/g b/g c x"]);
    assert.equal(textOf(shiftedRun(items("x a/g b/g y/h z/h"), ["a", "b"], 1)), "x y/h z/h a/g b/g");
    assert.equal(textOf(shiftedRun(items("x a/g b/g"), ["a", "b"], -1)), "a/g b/g x");
    const list = items("a/g b/g x");
    assert.equal(shiftedRun(list, ["a", "b"], -1), list);
});

test("what is shifted stops at the ends", () => {
    const items = /** @type {any[]} */ ([{ id: "a" }, { id: "b" }, { id: "c" }]);
    assert.deepEqual(shifted(items, "a", 1).map(({ id }) => id), ["b", "a", "c"]);
    assert.equal(shifted(items, "c", 1), items);
    assert.equal(shifted(items, "a", -1), items);
    assert.equal(shifted(items, "x", 1), items);
});
