import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_STEPS, begin, push, redo, settle, undo, visit } from "../../../js/document/history.js";

const same = (a, b) => a === b;
const after = (...values) => values.reduce((history, value) => push(history, value, `to ${value}`), begin("start"));

test("undo and redo walk the same way", () => {
    let history = after("a", "b", "c");
    const seen = [];
    for (let step = 0; step < 5; step += 1) {
        seen.push(history.present);
        history = undo(history);
    }
    assert.deepEqual(seen, ["c", "b", "a", "start", "start"]);
    for (const expected of ["a", "b", "c", "c"]) {
        history = redo(history);
        assert.equal(history.present, expected);
    }
});

test("each step is named by what undo would take back and redo bring", () => {
    const history = undo(after("a", "b"));
    assert.equal(history.past.at(-1).label, "to a");
    assert.equal(history.future[0].label, "to b");
});

test("a new step gives up what was undone", () => {
    const history = push(undo(after("a", "b")), "c", "to c");
    assert.equal(redo(history), history);
    assert.equal(undo(history).present, "a");
});

test("steps with one merge key are one step, until something comes between", () => {
    let history = after("a");
    for (const value of ["b", "c", "d"]) history = push(history, value, "nudge", "nudge");
    assert.equal(undo(history).present, "a");
    history = push(settle(history), "e", "nudge", "nudge");
    assert.equal(undo(history).present, "d");
});

test("the same value is no step", () => {
    const history = after("a");
    assert.equal(push(history, "a", "nothing"), history);
});

test("the oldest steps go first", () => {
    const history = after(...Array.from({ length: MAX_STEPS + 10 }, (_, index) => index));
    assert.equal(history.past.length, MAX_STEPS);
    assert.equal(history.past[0].value, 9);
});

test("a value that is known is gone to, another becomes a step", () => {
    const history = after("a", "b", "c");
    const back = visit(history, "a", same, "outside");
    assert.equal(back.present, "a");
    assert.equal(redo(redo(back)).present, "c");
    assert.equal(visit(back, "c", same, "outside").present, "c");
    const other = visit(history, "x", same, "outside");
    assert.equal(other.present, "x");
    assert.equal(undo(other).present, "c");
    assert.equal(visit(history, "c", same, "outside"), history);
});
