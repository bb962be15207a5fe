/** Answers each line of JSON, texts to read or tracks to write, with a line: for tests/revideo/tracks/test_exchange.py. */

import { createInterface } from "node:readline";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { DocumentError } from "../../../js/document/schema.js";
import { drawnPaths, readFileContent, readTracks, writeArray, writeTracks } from "../../../js/exchange/exchange.js";

/** @typedef {import("../../../js/exchange/tracks_text.js").Tracks} Tracks */

const SIZE = { width: 640, height: 360 };

/** Per path, [frame, x, y] where it is seen. @type {(tracks: Tracks) => number[][][]} */
const seen = ({ points, visible }) => points.map((path, number) => path.flatMap((place, frame) => (visible[number][frame] ? [[frame, ...place]] : [])));

/** @type {(text: string) => unknown} */
function read(text) {
    try {
        const tracks = readTracks(text, SIZE);
        const points = seen(tracks).map((path) => (tracks.corners ? path.filter(([frame]) => frame % 500 === 0) : path));
        return { points, read_as: tracks.readAs ?? null, first_frame: tracks.firstFrame ?? null, drawn_on: tracks.drawnOn ?? null };
    } catch (error) {
        if (error instanceof DocumentError) return { refused: error.message };
        throw error;
    }
}

/** The drawing of a text's paths on 640 × 360 and 14 frames, and what people are told. @type {(text: string) => unknown} */
function draw(text) {
    const doc = emptyDocument(SIZE.width, SIZE.height, 14);
    const { paths, notes } = drawnPaths(readTracks(text, SIZE), doc);
    return { document: serializeDocument({ ...doc, paths }), kinds: paths.map(({ kind }) => kind), notes };
}

/** @type {(file: {npy: string, frames: number}) => unknown} */
function readArray({ npy, frames }) {
    try {
        const read = readFileContent(Uint8Array.from(Buffer.from(npy, "base64")).buffer, frames);
        return typeof read === "string" ? null : { points: seen(read), read_as: read.readAs };
    } catch (error) {
        if (error instanceof DocumentError) return { refused: error.message };
        throw error;
    }
}

/** @type {(question: {read: string[]} | {arrays: {npy: string, frames: number}[]} | {array: Tracks} | {draw: string} | {write: import("../../../js/exchange/exchange.js").TrackFormat, tracks: Tracks, setting: import("../../../js/exchange/exchange.js").Setting}) => unknown} */
function answer(question) {
    if ("read" in question) return question.read.map(read);
    if ("arrays" in question) return question.arrays.map(readArray);
    if ("array" in question) return Buffer.from(writeArray(question.array)).toString("base64");
    if ("draw" in question) return draw(question.draw);
    return writeTracks(question.write, question.tracks, question.setting);
}

for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
