/**
 * Tracks as CSV, a point a line under a line that names the columns.
 * docs/tracks.md says what is read. revideo/tracks/csv_text.py reads the same texts and refuses the others with the
 * same messages.
 */

import { t } from "../locale.js";
import { fail, shown } from "./literals.js";
import { NumberedTrack, countedPaths, fixed, fromNumbered } from "./numbered.js";

/** @typedef {import("./numbered.js").Exchanged} Exchanged */
/** @typedef {{line: number, fields: string[]}} Row */

const COLUMNS = {
    x: ["x"],
    y: ["y"],
    frame: ["frame", "frames", "frame_number"],
    id: ["id", "track", "track_id", "path", "path_id", "point", "point_id", "name"],
    visible: ["visible", "visibility"],
    occluded: ["occluded"],
};
const NAMELESS = /** @type {Record<number, string[]>} */ ({ 3: ["frame", "x", "y"], 4: ["id", "frame", "x", "y"] }); // columns, by their number
const TIMES = ["time", "t", "seconds", "timecode"];
const FLAGS = new Map([["1", true], ["1.0", true], ["true", true], ["0", false], ["0.0", false], ["false", false]]);

const NUMBER = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;
const DECIMAL_COMMA = /^[-+]?[0-9]+,[0-9]+$/;
const FRAME = /^-?[0-9]{1,9}(?:\.0*)?$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_ .()[\]#-]*$/;

/** @type {(text: string) => string} */
const strip = (text) => text.replace(/^[ \t\r\n]+/, "").replace(/[ \t\r\n]+$/, "");

// --- Reading -------------------------------------------------------------------------------------

/** Null for a text that is no CSV. Throws DocumentError that names the line. @type {(text: string) => Exchanged | null} */
export function readCsv(text) {
    const begun = text.replace(/^\ufeff/, "");
    const first = /[^ \t\r\n]/.exec(begun)?.[0];
    if (!first || "[{('<".includes(first)) return null;
    let lines = begun.split(/\r\n|\r|\n/).flatMap((content, index) => (strip(content) ? [{ line: index + 1, content }] : []));
    if (/^sep=[,;\t]$/i.test(lines[0].content)) lines = lines.slice(1); // Excel's word for the separator
    if (!lines.length) return null;
    const head = lines[0].content.replace(/^#+/, "");
    const separator = [..."\t;,"].find((mark) => head.includes(mark));
    if (!separator) return null;
    let named = fieldsOf(head, separator).map((name) => name.toLowerCase());
    if (named.length > 1 && named.every((name) => NAME.test(name))) lines = lines.slice(1);
    else if (named.length > 2 && named.every((field) => numberOf(field, separator) !== null)) named = [];
    else return null;
    const rows = lines.map(({ line, content }) => ({ line, fields: fieldsOf(content, separator) }));
    const columns = named.length ? named : guessed(rows);
    for (const { line, fields } of rows)
        if (fields.length !== columns.length) fail(t`line ${line} of the table has ${fields.length} fields, its first line has ${columns.length}`);
    return readRows(rows, columnsOf(columns), separator, !named.length);
}

/** Split, but for what stands in quotes; without blanks around. @type {(line: string, separator: string) => string[]} */
function fieldsOf(line, separator) {
    const whole = line.match(new RegExp(`(?:"[^"]*(?:"|$)|[^"${separator}])*(?:${separator}|$)`, "g")) ?? [];
    const endsEmpty = whole.length > 1 && whole[whole.length - 2].endsWith(separator);
    return whole.slice(0, endsEmpty ? undefined : -1).map((found) => {
        const field = strip(found.endsWith(separator) ? found.slice(0, -1) : found);
        return field.length > 1 && field.startsWith('"') && field.endsWith('"') ? strip(field.slice(1, -1).replaceAll('""', '"')) : field;
    });
}

/** @type {(field: string, separator: string) => number | null} */
function numberOf(field, separator) {
    const plain = separator !== "," && DECIMAL_COMMA.test(field) ? field.replace(",", ".") : field;
    return NUMBER.test(plain) ? Number(plain) : null;
}

/** The columns of a text that does not name them; refused where they may be others. @type {(rows: Row[]) => string[]} */
function guessed(rows) {
    const named = NAMELESS[rows[0].fields.length];
    if (named && rows.length > 1 && rows.every(({ fields }) => fields.length === named.length)) {
        const at = named.indexOf("frame");
        const last = new Map();
        const rises = rows.every(({ fields }) => {
            const [owner, number] = [at ? fields[0] : "", FRAME.test(fields[at]) ? Number(fields[at]) : NaN];
            const rising = number > (last.get(owner) ?? -Infinity);
            last.set(owner, number);
            return rising;
        });
        if (rises && !rows.every(({ fields }) => FLAGS.has(fields[fields.length - 1]))) return named;
    }
    return fail(t`these columns of numbers may mean several things: name them in a first line, such as id,frame,x,y`);
}

/** Where each meaning stands. @type {(named: string[]) => Map<string, number>} */
function columnsOf(named) {
    const columns = new Map();
    for (const [meaning, names] of Object.entries(COLUMNS)) {
        const found = named.filter((name) => names.includes(name));
        if (found.length > 1) fail(t`the columns ${shown(found[0])} and ${shown(found[1])} mean the same: leave one`);
        if (found.length) columns.set(meaning, named.indexOf(found[0]));
    }
    for (const axis of "xy") if (!columns.has(axis)) fail(t`no column of the table is called "${axis}"; it has ${named.map(shown).join(", ")}`);
    const timed = named.find((name) => TIMES.includes(name));
    if (timed && !columns.has("frame")) fail(t`the column ${shown(timed)} counts no frames: give a column "frame"`);
    if (columns.has("visible") && columns.has("occluded")) fail(t`the columns "visible" and "occluded" mean the same: leave one`);
    return columns;
}

/** @type {(rows: Row[], columns: Map<string, number>, separator: string, unnamed: boolean) => Exchanged} */
function readRows(rows, columns, separator, unnamed) {
    if (!rows.length) fail(t`the table has no line of points`);
    /** @type {Map<string, NumberedTrack>} */
    const tracks = new Map();
    for (const { line, fields } of rows) {
        const value = Object.fromEntries([...columns].map(([meaning, at]) => [meaning, fields[at]]));
        const owner = value.id ?? "";
        const track = tracks.get(owner) ?? new NumberedTrack(columns.has("id") ? t`track ${shown(owner)}` : t`track ${0}`);
        tracks.set(owner, track);
        if (columns.has("frame") && !FRAME.test(value.frame)) fail(t`line ${line}: frame ${shown(value.frame)} is no whole number`);
        track.add(columns.has("frame") ? Number(value.frame) : track.size, pointOf(line, value, separator));
    }
    const inOrder = [...columns].sort(([, a], [, b]) => a - b).map(([meaning]) => meaning);
    const notes = unnamed ? [t`columns read as ${inOrder.join(", ")}`] : [];
    const read = fromNumbered("CSV", [...tracks.values()], notes);
    return columns.has("frame") ? read : unnumbered(read, [...tracks.values()]);
}

/** Null where it is hidden. @type {(line: number, value: Record<string, string>, separator: string) => number[] | null} */
function pointOf(line, value, separator) {
    let shows = true;
    for (const [meaning, when] of /** @type {const} */ ([["visible", true], ["occluded", false]])) {
        if (!(meaning in value)) continue;
        const flag = FLAGS.get(value[meaning].toLowerCase());
        if (flag === undefined) fail(t`line ${line}: ${meaning} must be 1 or 0, found ${shown(value[meaning])}`);
        shows = flag === when;
    }
    if (!shows || (LOST.test(value.x) && LOST.test(value.y))) return null;
    return ["x", "y"].map((axis) => numberOf(value[axis], separator) ?? fail(t`line ${line}: ${axis} must be a number, found ${shown(value[axis])}`));
}

const LOST = /^(?:nan)?$/i;

/** A point per line, frame by frame. @type {(read: Exchanged, tracks: NumberedTrack[]) => Exchanged} */
function unnumbered({ points, visible }, tracks) {
    const longest = Math.max(...tracks.map(({ size }) => size));
    return { points, visible, readAs: t`read as CSV: ${countedPaths(tracks.length)} of up to ${longest} points, a frame each` };
}

// --- Writing -------------------------------------------------------------------------------------

/** A line for each frame of each path, hidden or not. @type {(tracks: import("./tracks_text.js").Tracks, names: string[]) => string} */
export function writeCsv({ points, visible }, names) {
    const lines = points.flatMap((path, number) =>
        path.map(([x, y], frame) => {
            const place = visible[number][frame] ? [fixed(x), fixed(y), 1] : ["", "", 0];
            return [quoted(names[number]), frame, ...place].join(",");
        }),
    );
    return `${["id,frame,x,y,visible", ...lines].join("\n")}\n`;
}

/** @type {(name: string) => string} */
const quoted = (name) => (/^[A-Za-z0-9_ -]*$/.test(name) && name.trim() === name ? name : `"${name.replaceAll('"', '""')}"`);
