/** Answers each line, a JSON list of texts, with a line of what `readTracks` makes of each: for tests/revideo/tracks/test_tracks_text.py. */

import { createInterface } from "node:readline";

import { DocumentError } from "../../../js/document/schema.js";
import { readTracks } from "../../../js/exchange/exchange.js";

/** @type {(text: string) => unknown} */
function read(text) {
    try {
        const { points, visible, drawnOn } = readTracks(text);
        return { points, visible, drawnOn };
    } catch (error) {
        if (error instanceof DocumentError) return { refused: error.message };
        throw error;
    }
}

for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${JSON.stringify(JSON.parse(line).map(read))}\n`);
