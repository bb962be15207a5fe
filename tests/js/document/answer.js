// For tests/revideo/drawing/test_languages.py: a line [text, frames, height, width] → what the document comes to, or its refusal.

import { createInterface } from "node:readline";

import { emptyDocument, serializeDocument } from "../../../js/document/document.js";
import { DocumentError, parseDocument } from "../../../js/document/schema.js";
import { timesOf, tracks } from "../../../js/geometry/curves.js";
import { maskAt } from "../../../js/geometry/masks.js";

/** @type {(text: string, frames: number, height: number, width: number) => object} */
function answer(text, frames, height, width) {
    try {
        const doc = parseDocument(text) ?? emptyDocument(1, 1, 1);
        const masks = timesOf(doc, frames).map((time) => Array.from(maskAt(doc, time, width, height)));
        return { text: serializeDocument(doc), ...tracks(doc, { frames, height, width }), masks };
    } catch (error) {
        if (error instanceof DocumentError) return { refused: error.message };
        throw error;
    }
}

createInterface({ input: process.stdin }).on("line", (line) => console.log(JSON.stringify(answer(.../** @type {[string, number, number, number]} */ (JSON.parse(line))))));
