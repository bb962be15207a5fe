import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { DocumentError, parseDocument } from "../../../js/document/schema.js";
import { formatTracks, parseTracks, pathsFromTracks } from "../../../js/exchange/tracks_text.js";
import { positionAt, tracks } from "../../../js/geometry/curves.js";

const TEXTS = JSON.parse(readFileSync(new URL("../../data/track_texts.json", import.meta.url), "utf8"));
const DOC = emptyDocument(640, 360, 14);

/** Each path's visible points. @type {(read: import("../../../js/exchange/tracks_text.js").Tracks) => number[][][]} */
const seen = ({ points, visible }) => points.map((path, number) => path.filter((_, frame) => visible[number][frame]));

/** @type {(points: number[][][]) => import("../../../js/exchange/tracks_text.js").Tracks} */
const dense = (points) => ({ points, visible: points.map((path) => path.map(() => true)) });

for (const { name, text, points } of TEXTS.read) test(`read: ${name}`, () => assert.deepEqual(seen(parseTracks(text)), points));

for (const { name, text, message } of TEXTS.refused)
    test(`refused: ${name}`, () => {
        assert.throws(() => parseTracks(text), (error) => error instanceof DocumentError && error.message.startsWith(message));
    });

test("hostile texts end in a message", () => {
    for (const text of ["[".repeat(200_000), `${"[".repeat(5000)}${"]".repeat(5000)}`, `${"['".repeat(30_000)}`, `[[[1, ${"9".repeat(5000)}]]]`])
        assert.throws(() => parseTracks(text), DocumentError);
});

test("what is written reads back, in every form", () => {
    const one = dense([[[1, 2], [3.25, -4], [5, 6]]]);
    const two = { points: [one.points[0], [[7, 8], [9, 9], [0, 0]]], visible: [[true, true, true], [true, true, false]] };
    for (const format of /** @type {const} */ (["points", "pairs"])) assert.deepEqual(seen(parseTracks(formatTracks(two, format))), seen(two));
    assert.deepEqual(parseTracks(formatTracks(one, "single")), one);
    assert.equal(formatTracks(one, "single"), '[{"x":1,"y":2},{"x":3.25,"y":-4},{"x":5,"y":6}]');
    assert.equal(formatTracks(dense([[[1, 2]]]), "pairs"), "[[[1,2]]]");
});

test("a path that is never seen is left out, and what is alone must be alone", () => {
    const hidden = { points: [[[1, 2]], [[3, 4]]], visible: [[false], [true]] };
    assert.equal(formatTracks(hidden, "pairs"), "[[[3,4]]]");
    assert.equal(formatTracks(hidden, "single"), '[{"x":3,"y":4}]');
    assert.equal(formatTracks(dense([]), "points"), "[]");
    assert.throws(() => formatTracks(dense([[[1, 2]], [[3, 4]]]), "single"), { message: "the drawing has 2 paths; this form holds one alone" });
});

// --- Paths ---------------------------------------------------------------------------------------

/** The farthest that a drawing is from dense tracks where these are visible. @type {(read: import("../../../js/exchange/tracks_text.js").Tracks, doc: import("../../../js/document/document.js").EditDocument) => number} */
function apart(read, doc) {
    const again = tracks(doc, { frames: read.points[0].length });
    assert.deepEqual(again.visible, read.visible);
    const away = read.points.flatMap((path, number) =>
        path.map(([x, y], frame) => (read.visible[number][frame] ? Math.hypot(x - again.points[number][frame][0], y - again.points[number][frame][1]) : 0)),
    );
    return Math.max(...away);
}

/** As the editor keeps it. @type {(paths: import("../../../js/document/document.js").Path[], frames?: number) => import("../../../js/document/document.js").EditDocument} */
const reread = (paths, frames = 14) => {
    const doc = parseDocument(serializeDocument({ ...emptyDocument(640, 360, frames), paths }));
    assert.ok(doc);
    return doc;
};

test("paths out of tracks are where the tracks are, to a quarter of a pixel, with fewer points", () => {
    const times = Array.from({ length: 81 }, (_, frame) => frame / 80);
    const circle = times.map((t) => [320 + 100 * Math.cos(6 * t), 180 + 100 * Math.sin(6 * t)]);
    const pausing = times.map((t) => [50 + 400 * Math.min(t, 0.3) + 400 * Math.max(t - 0.7, 0), 80]);
    const shaking = times.map((_, frame) => [100 + 37 * ((frame * 7919) % 11), 50 + 23 * ((frame * 104729) % 7)]);
    const read = dense([circle, pausing, shaking]);
    const doc = reread(pathsFromTracks(read, emptyDocument(640, 360, 81)), 81);
    assert.ok(apart(read, doc) <= 0.251);
    assert.ok(doc.paths[0].points.length < 40, `${doc.paths[0].points.length} points for a circle`);
    assert.ok(doc.paths[1].points.length <= 8, `${doc.paths[1].points.length} points for a pause`);
});

test("what does not move becomes an anchor, what moves evenly two points", () => {
    const still = Array.from({ length: 14 }, () => [5, 6]);
    const even = still.map((_, frame) => [10 + 3 * frame, 20]);
    const [anchor, line] = pathsFromTracks(dense([still, even]), DOC);
    assert.deepEqual([anchor.kind, anchor.points], ["anchor", [{ x: 5, y: 6 }]]);
    assert.deepEqual(line.points, [{ x: 10, y: 20 }, { x: 49, y: 20 }]);
});

test("a path lasts as long as its track is seen", () => {
    const read = { points: [Array.from({ length: 14 }, (_, frame) => [frame ** 2, frame])], visible: [Array.from({ length: 14 }, (_, frame) => frame >= 3 && frame < 9)] };
    const doc = reread(pathsFromTracks(read, DOC));
    assert.deepEqual([doc.paths[0].start, doc.paths[0].end], [3, 8]);
    assert.ok(apart(read, doc) <= 0.251);
});

test("tracks of another length are spread over the clip", () => {
    const [path] = pathsFromTracks(parseTracks("[[0, 0], [100, 0]]"), DOC);
    assert.deepEqual(positionAt(path, DOC, 6.5), { x: 50, y: 0 });
    for (const frames of [1, 5, 7, 300]) {
        const read = dense([Array.from({ length: 33 }, (_, frame) => [frame ** 1.5, 7 * Math.sin(frame)])]);
        const paths = pathsFromTracks(read, { ...DOC, frames });
        if (frames > 1) assert.ok(apart(read, reread(paths, frames)) <= 0.251);
        else assert.ok(reread(paths, frames));
    }
});

test("no track, a track that is never seen, and tracks that a document cannot hold", () => {
    assert.deepEqual(pathsFromTracks(parseTracks("[]"), DOC), []);
    assert.deepEqual(pathsFromTracks({ points: [[[1, 2]]], visible: [[false]] }, DOC), []);
    assert.throws(() => pathsFromTracks(dense([[[0, 0], [2e5, 0]]]), DOC), { message: "track 0, point 1: x and y must lie within ±100000" });
    assert.throws(() => pathsFromTracks(dense(Array.from({ length: 1001 }, () => [[1, 1]])), DOC), { message: "the tracks hold 1001 paths; a drawing holds 1000" });
});

// --- Sizes ---------------------------------------------------------------------------------------

test("paths too unlike in length are refused before room is made for them", () => {
    const [point, long] = [[1, 1], Array.from({ length: 20_000 }, () => [1, 1])];
    const text = JSON.stringify([long, ...long.map(() => [point])]);
    assert.throws(() => parseTracks(text), { message: /^the tracks are 20001 paths of up to 20000 points, which makes 400020000 places; at most 10000000 are read/ });
    assert.throws(() => parseTracks(JSON.stringify(Array.from({ length: 51 }, () => long))), { message: "the tracks hold 1020000 points; at most 1000000 are read" });
    assert.throws(() => parseTracks("[]".padEnd(64_000_001)), { message: "the tracks are a text of 64000001 characters; at most 64000000 are read" });
});

test("long texts in quotes are read, however much in them is escaped", () => {
    const quotes = '\\"'.repeat(3_000_000);
    for (const field of [`"n":"${quotes}","c":NaN`, `'n':'${quotes}'`]) assert.deepEqual(parseTracks(`[[{"x":1,"y":2,${field}}]]`).points, [[[1, 2]]]);
});

/** @type {(count: number, at: (frame: number) => number[]) => number[][]} */
const path = (count, at) => Array.from({ length: count }, (_, frame) => at(frame));

test("tracks that jump all the time become paths in a bounded number of passes", () => {
    const falling = path(5000, (frame) => [frame % 2 ? 90_000 - 9 * frame : 0, 0]);
    const seldom = path(5000, (frame) => [frame % 250 === 7 ? 90_000 - 9 * frame : 0, 0]);
    const read = dense([falling, seldom]);
    const doc = reread(pathsFromTracks(read, emptyDocument(640, 360, 5000)), 5000);
    assert.ok(apart(read, doc) <= 0.251);
    assert.ok(doc.paths[1].points.length < 250, `${doc.paths[1].points.length} points for 20 jumps`);
});

test("tracks of more points or frames than a drawing holds are refused on the way", () => {
    const noise = path(600, (frame) => [(frame * 7919) % 601, (frame * 104_729) % 307]);
    const many = dense(Array.from({ length: 100 }, () => noise));
    assert.throws(() => pathsFromTracks(many, DOC), { message: "the tracks need more points than the 50000 that a drawing holds" });
    assert.throws(() => pathsFromTracks(dense([path(10_001, (frame) => [frame, 0])]), DOC), { message: "the tracks have 10001 frames; a drawing holds 10000" });
});
