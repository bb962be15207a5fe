import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { addPath, newPath, updatePath } from "../../../js/document/items.js";
import * as ops from "../../../js/document/operations.js";
import { Session } from "../../../js/document/session.js";

const withPath = (doc, ...points) => addPath(doc, newPath(doc, "line", points.map(([x, y]) => ({ x, y }))));

function drawn() {
    const session = new Session();
    session.commit(withPath(session.doc, [10, 10], [100, 50]), "first");
    session.commit(withPath(session.doc, [20, 10], [200, 50]), "second");
    return session;
}

test("a value that was only looked at stays the same to the byte", () => {
    const text = ` { "version": 1, "width": 64,"height":64, "frames": 3, "regions": [], "paths": [ {"id":"a","kind":"anchor","points":[{"x":1e1,"y":2}]} ] }\n`;
    const session = new Session();
    session.load(text);
    assert.equal(session.text, text);
    session.selection = ops.everything(session.doc);
    assert.equal(session.conform({ width: 64, height: 64, frames: 3 }), false);
    assert.equal(session.text, text);
    session.commit(ops.translate(session.doc, ops.everything(session.doc), 1, 0), "move");
    assert.notEqual(session.text, text);
    session.undo();
    assert.equal(session.text, serializeDocument(session.doc));
});

test("an empty drawing is an empty text, also after undo", () => {
    const session = drawn();
    assert.notEqual(session.text, "");
    session.undo();
    session.undo();
    assert.equal(session.text, "");
    assert.equal(session.undo(), false);
    assert.deepEqual(session.steps, { undo: undefined, redo: "first" });
});

test("what cannot be read leaves the drawing and its history, and stays until one draws", () => {
    for (const text of ["{", "[]", '{"version": 9}', '{"version": 1, "width": NaN}']) {
        const session = drawn();
        const before = session.doc;
        assert.throws(() => session.load(text));
        assert.equal(session.doc, before);
        assert.equal(session.text, text);
        assert.equal(session.undo(), true);
        assert.equal(session.redo(), true);
        assert.equal(session.text, serializeDocument(before));
    }
});

test("an invalid step is refused and changes nothing", () => {
    const session = drawn();
    const { doc, text } = session;
    assert.throws(() => session.commit(updatePath(doc, "p1", (path) => ({ ...path, points: [] })), "bad"));
    assert.equal(session.doc, doc);
    assert.equal(session.text, text);
});

test("the graph's undo brings an old drawing back as a step that is known", () => {
    const session = drawn();
    const latest = session.text;
    session.undo();
    const older = session.text;
    session.redo();
    session.load(older);
    assert.equal(session.steps.redo, "second");
    session.load(latest);
    assert.equal(session.steps.redo, undefined);
    session.load("");
    assert.equal(session.steps.redo, "first");
    session.load(serializeDocument(withPath(emptyDocument(64, 64, 3), [1, 2], [3, 4])));
    assert.equal(session.steps.undo, "change outside the editor");
});

test("a session knows its own drawings, undone ones too, and no others", () => {
    const session = drawn();
    const latest = session.text;
    session.undo();
    for (const text of [latest, session.text, "", ` ${latest}`]) assert.equal(session.knows(text), true);
    for (const text of ["{", serializeDocument(withPath(session.doc, [1, 2], [3, 4]))]) assert.equal(session.knows(text), false);
    const other = new Session();
    other.load(latest);
    assert.equal(other.knows(""), false); // it was never empty
});

test("unchanged paths keep their identity over a step, changed ones are as they are stored", () => {
    const session = drawn();
    const [first] = session.doc.paths;
    session.commit(ops.translate(session.doc, { paths: ["p2"], regions: [], points: [] }, 1 / 3, 0), "move");
    assert.equal(session.doc.paths[0], first);
    assert.equal(session.doc.paths[1].points[0].x, 20.333);
});

test("a clip of another size and length fits the drawing and all of its past", () => {
    const session = drawn();
    assert.equal(session.conform({ width: 1152, height: 640, frames: 27 }), true);
    assert.deepEqual(session.doc.paths[1].points[1], { x: 400, y: 100 });
    assert.equal(session.doc.paths[0].end, 26);
    session.undo();
    assert.deepEqual([session.doc.width, session.doc.frames, session.doc.paths.length], [1152, 27, 1]);
    session.conform({ width: 576, height: 320, frames: 1 }); // a still: nothing to stretch over
    assert.deepEqual([session.doc.width, session.doc.frames, session.doc.paths[0].end], [576, 27, 26]);
    const blank = new Session();
    assert.equal(blank.conform({ width: 1152, height: 640, frames: 27 }), false);
    assert.equal(blank.text, "");
});

test("the selection and the time stay within what is there", () => {
    const session = drawn();
    session.selection = { paths: ["p1", "p2"], regions: [], points: [{ path: "p2", index: 1 }] };
    session.time = 13;
    session.undo();
    assert.deepEqual(session.selection, { paths: ["p1"], regions: [], points: [] });
    session.conform({ width: 576, height: 320, frames: 5 });
    assert.equal(session.time, 4);
});
