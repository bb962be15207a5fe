/**
 * Values as tools write them: JSON, a list that Python printed, lines of numbers. docs/tracks.md says what is read;
 * revideo/tracks/tracks_text.py reads the same texts to the same values.
 */

import { LIMITS } from "../document/document.js";
import { DocumentError, depthOf } from "../document/schema.js";
import { t } from "../locale.js";

/** @type {(message: string) => never} */
export function fail(message) {
    throw new DocumentError(message);
}

/** @type {(value: unknown) => value is Record<string, unknown>} */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// --- JSON, or Python's printed list --------------------------------------------------------------

/** What a text holds. Throws DocumentError. @type {(text: string) => unknown} */
export function readValue(text) {
    let begun = text.replace(/^\ufeff?[ \t\r\n]*/, ""); // Windows' programs mark the beginning of a file
    if (!begun) fail(t`the tracks are empty; write "[]" to edit without trajectories`);
    if (LINES.test(begun)) begun = linesAsJson(begun);
    try {
        return readJson(begun);
    } catch (error) {
        if (PRINTED_ARRAY.test(begun)) fail(t`the tracks are an array as NumPy or torch print it: give .tolist() of it`);
        if (!/['(]/.test(begun)) fail(t`the tracks are not JSON: ${/** @type {Error} */ (error).message}`);
    }
    try {
        return readJson(pythonAsJson(begun));
    } catch {
        return fail(t`the tracks are neither JSON nor a Python list: ${shown(begun)}`);
    }
}

// Their texts leave values out where there are many, so none is read.
const PRINTED_ARRAY = /(?:array|tensor|float[0-9]+|int[0-9]+)\(|\[[ \t]*-?[0-9]*\.[0-9]*[ \t]+-?[0-9]/;

// One point a line, as Tora's trajectories; an empty line ends a path.
const NUMBER = String.raw`-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?`;
const LINE = String.raw`[ \t]*${NUMBER}[ \t]*,[ \t]*${NUMBER}[ \t]*\r?`;
const LINES = new RegExp(String.raw`^${LINE}\n(?:[ \t]*\r?\n)*${LINE}(?:\n(?:${LINE}|[ \t]*\r?))*$`);

/** @type {(text: string) => string} */
function linesAsJson(text) {
    const path = (/** @type {string} */ lines) => `[${lines.split("\n").filter((line) => /[0-9]/.test(line)).map((line) => `[${line}]`).join(",")}]`;
    return `[${text.split(/\n[ \t\r]*\n/).filter((lines) => /[0-9]/.test(lines)).map(path).join(",")}]`;
}

/** JSON with the names that Python writes for numbers that are not finite. Throws SyntaxError. @type {(text: string) => unknown} */
function readJson(text) {
    if (depthOf(text) > LIMITS.depth) throw new SyntaxError(t`brackets are nested more than ${LIMITS.depth} deep`);
    try {
        return JSON.parse(text);
    } catch {
        let quoted = false;
        const known = text.replace(/\\.|"|NaN|-?Infinity/gs, (token) => {
            if (token === '"') quoted = !quoted;
            return quoted ? token : NOT_FINITE[token] ?? token;
        });
        return JSON.parse(known, (_, value) => (isObject(value) && Object.keys(value).join() === NAN ? NaN : value));
    }
}

const NAN = "\ud800NaN"; // the one key of an object that stands for NaN, for which JSON has no number
const NOT_FINITE = /** @type {Record<string, string>} */ ({ NaN: ` ${JSON.stringify({ [NAN]: 0 })} `, Infinity: " 1e999 ", "-Infinity": " -1e999 " });

// Nothing in a Python list is run: its escapes and then its other tokens are written as JSON writes them, and what is
// wrong about their order is JSON's to refuse. Quotes do not occur in escapes then, so that they pair.
const ESCAPE = /\\(?:([\\'"bfnrt])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U(000[1-9A-Fa-f][0-9A-Fa-f]{4}|0010[0-9A-Fa-f]{4}))|(\\)/g;
const TOKEN = new RegExp(
    String.raw`"([^"\x00-\x1f]*)"|'([^'\x00-\x1f]*)'` +
        String.raw`|(True|False|None)` +
        String.raw`|([-+]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?([eE][-+]?[0-9]+)?` +
        String.raw`|,(?=[ \t\r\n]*[\]})])` + // after the last item
        String.raw`|([\[({][ \t\r\n]*,|[^\[\](){},: \t\r\n])` + // no token at all
        String.raw`|([\[\](){}])`,
    "g",
);
const LETTERS = /** @type {Record<string, string>} */ ({ "\\": "5c", "'": "27", '"': "22", b: "08", f: "0c", n: "0a", r: "0d", t: "09" });
const NAMES = /** @type {Record<string, string>} */ ({ True: "true", False: "false", None: "null" });

/** Throws SyntaxError for what Python does not print. @type {(text: string) => string} */
function pythonAsJson(text) {
    /** @type {string[]} */
    const opened = []; // a tuple is a list, but ends as it began
    return text.replace(ESCAPE, escapeAsJson).replace(TOKEN, (token, ...parts) => tokenAsJson(opened, token, ...parts));
}

/** @type {(escape: string, ...parts: string[]) => string} */
function escapeAsJson(_, letter, two, four, eight, wrong) {
    if (wrong) throw new SyntaxError(wrong);
    if (eight) return String.fromCodePoint(parseInt(eight, 16));
    return `\\u${four ?? `00${two ?? LETTERS[letter]}`}`;
}

const ENDS = /** @type {Record<string, string>} */ ({ "]": "[", ")": "(", "}": "{" });

/** @type {(opened: string[], token: string, ...parts: (string | undefined)[]) => string} */
function tokenAsJson(opened, token, double, single, name, sign, whole, fraction, exponent, wrong, bracket) {
    if (wrong) throw new SyntaxError(wrong);
    if (bracket && bracket in ENDS) {
        if (opened.pop() !== ENDS[bracket]) throw new SyntaxError(bracket);
        return bracket === ")" ? "]" : bracket;
    }
    if (bracket) {
        opened.push(bracket);
        return bracket === "(" ? "[" : bracket;
    }
    if (double !== undefined) return token;
    if (single !== undefined) return `"${single.replaceAll('"', '\\"')}"`;
    if (name) return NAMES[name];
    if (sign !== undefined) return ` ${sign.replace("+", "")}${whole || 0}.${fraction || 0}${exponent ?? ""} `;
    return "";
}

// --- Messages ------------------------------------------------------------------------------------

/** As Python calls it. @type {(value: unknown) => string} */
export function typeName(value) {
    if (value === null || value === undefined) return "NoneType";
    if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
    if (typeof value === "object") return Array.isArray(value) ? "list" : "dict";
    return typeof value === "boolean" ? "bool" : "str";
}

/** About as Python shows it, in ASCII; cut after 60 characters. @type {(value: unknown) => string} */
export function shown(value) {
    const text = wholly(value);
    return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

/** @type {(value: unknown) => string} */
function wholly(value) {
    if (value === null || value === undefined) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "number") return shownNumber(value);
    if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
    if (isObject(value)) return `{${Object.entries(value).map(([key, item]) => `${shown(key)}: ${shown(item)}`).sort().join(", ")}}`;
    const text = JSON.stringify(value)
        .slice(1, -1)
        .replaceAll('\\"', '"')
        .replace(/[\x7f-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
    return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`;
}

/** @type {(value: number) => string} */
function shownNumber(value) {
    if (!Number.isFinite(value)) return String(value).replace("Infinity", "inf").replace("NaN", "nan");
    const size = Math.abs(value);
    if (size === 0 || (size >= 1e-4 && size < 1e16)) return String(value);
    return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}
