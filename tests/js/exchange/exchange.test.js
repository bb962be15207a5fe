import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { DocumentError } from "../../../js/document/schema.js";
import { readFileContent, readTracks } from "../../../js/exchange/exchange.js";

const RECORDED = JSON.parse(readFileSync(new URL("../../data/exchanged_tracks.json", import.meta.url), "utf8"));

/** Per path, [frame, x, y] where it is seen. @type {(tracks: import("../../../js/exchange/tracks_text.js").Tracks) => number[][][]} */
const seen = ({ points, visible }) => points.map((path, number) => path.flatMap((place, frame) => (visible[number][frame] ? [[frame, ...place]] : [])));

/** @type {(size?: number[]) => {width: number, height: number} | undefined} */
const sizeOf = (size) => size && { width: size[0], height: size[1] };

/** Whether shapes lie where a few of their places were recorded. @type {(shapes: number[][][], recorded: number[][][]) => boolean} */
const near = (shapes, recorded) =>
    shapes.length === recorded.length &&
    recorded.every((path, number) => path.every(([frame, x, y]) => Math.hypot(shapes[number][frame][1] - x, shapes[number][frame][2] - y) < 1e-3));

for (const { name, text, size, untimed, points, read_as: readAs, first_frame: firstFrame, drawn_on: drawnOn } of RECORDED.read)
    test(`read: ${name}`, () => {
        const tracks = readTracks(text, sizeOf(size));
        if (untimed) assert.ok(near(seen(tracks), points));
        else assert.deepEqual(seen(tracks), points);
        assert.equal(Boolean(tracks.corners), Boolean(untimed));
        assert.deepEqual([tracks.readAs, tracks.firstFrame, tracks.drawnOn], [readAs, firstFrame, drawnOn]);
    });

for (const { name, text, size, message } of RECORDED.refused)
    test(`refused: ${name}`, () => {
        assert.throws(() => readTracks(text, sizeOf(size)), (error) => error instanceof DocumentError && error.message === message);
    });

/** @type {(file: {npy: string, frames: number}) => import("../../../js/exchange/numbered.js").Exchanged} */
function readArray({ npy, frames }) {
    const bytes = Uint8Array.from(Buffer.from(npy, "base64"));
    const read = readFileContent(bytes.buffer, frames);
    assert.ok(typeof read !== "string");
    return read;
}

for (const { name, points, read_as: readAs, ...file } of RECORDED.arrays)
    test(`read, an array: ${name}`, () => {
        const tracks = readArray(file);
        assert.deepEqual(seen(tracks), points);
        assert.equal(tracks.readAs, readAs);
    });

for (const { name, message, ...file } of RECORDED.refused_arrays) test(`refused, an array: ${name}`, () => assert.throws(() => readArray(file), { message }));

test("a file that is no array is text, in UTF-8 or as Windows writes it", () => {
    const wide = Uint8Array.from([0xff, 0xfe, 0x5b, 0, 0x5d, 0]);
    assert.equal(readFileContent(new TextEncoder().encode("[]é").buffer, 3), "[]é");
    assert.equal(readFileContent(wide.buffer, 3), "[]");
});
