/**
 * Schema: text → edit document, checked. By the same rules and with the same messages as
 * revideo/drawing/schema.py.
 */

import { t } from "../locale.js";
import { AREA_KINDS, EASINGS, KEY_EASINGS, LIMITS, MODES, PATH_KINDS, VERSION } from "./document.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {import("./document.js").KeyEasing} KeyEasing */
/** @typedef {import("./document.js").Keyframe} Keyframe */

/** What is wrong with a document, in one sentence that names the culprit. Plain text: it may quote the document. */
export class DocumentError extends Error {}

/**
 * The document that a text holds, without fields that are not its own; `null` for a blank text,
 * an empty drawing. Throws DocumentError.
 * @type {(text: string) => EditDocument | null}
 */
export function parseDocument(text) {
    if (/^[ \t\r\n]*$/.test(text)) return null;
    if (depthOf(text) > LIMITS.depth) fail(t`the document is nested too deeply`);
    let value;
    try {
        value = JSON.parse(text);
    } catch {
        fail(t`the document is not JSON`);
    }
    return readDocument(value);
}

/** @type {(message: string) => never} */
function fail(message) {
    throw new DocumentError(message);
}

/** How deep brackets are nested, those in strings aside. @type {(text: string) => number} */
export function depthOf(text) {
    let [depth, deepest, quoted] = [0, 0, false];
    for (let index = 0; index < text.length; index += 1) {
        const letter = text[index];
        if (quoted) {
            if (letter === "\\") index += 1;
            else if (letter === '"') quoted = false;
        } else if (letter === '"') quoted = true;
        else if (letter === "[" || letter === "{") deepest = Math.max(deepest, (depth += 1));
        else if (letter === "]" || letter === "}") depth -= 1;
    }
    return deepest;
}

/** @type {(value: unknown) => EditDocument} */
function readDocument(value) {
    if (!isObject(value)) fail(t`the document is not an object`);
    const { version } = value;
    if (!isWhole(version, 1, VERSION)) {
        if (isWhole(version, VERSION, 1_000_000))
            fail(t`the document has version ${version}, this ReVideo knows version ${VERSION}: update ReVideo`);
        fail(t`version must be 1 or 2`);
    }
    const newer = version > 1;
    const width = readWhole(value, "width", LIMITS.side);
    const height = readWhole(value, "height", LIMITS.side);
    const frames = readWhole(value, "frames", LIMITS.frames);
    const drawnPaths = readList(value, "paths", LIMITS.paths);
    const drawnAreas = readList(value, "regions", LIMITS.regions);
    const count = [...drawnPaths, ...drawnAreas].reduce((/** @type {number} */ sum, item) => sum + pointsIn(item, newer), 0); // before any of them is looked at
    if (count > LIMITS.points) fail(t`the document has ${count} points; at most ${LIMITS.points} are allowed`);

    /** @type {Set<string>} */
    const pathIds = new Set();
    const paths = drawnPaths.map((path, index) => readPath(path, t`path ${index + 1}`, pathIds, frames - 1, newer));
    /** @type {Set<string>} */
    const areaIds = new Set();
    const regions = drawnAreas.map((area, index) => readArea(area, t`region ${index + 1}`, areaIds, pathIds, frames - 1, newer));
    return { width, height, frames, paths, regions };
}

/** A key counts as one point, and its own points besides. @type {(item: unknown, newer: boolean) => number} */
function pointsIn(item, newer) {
    if (!isObject(item)) return 0;
    const ofKeys = newer && Array.isArray(item.keys) ? item.keys.reduce((sum, key) => sum + 1 + pointsIn(key, false), 0) : 0;
    return ofKeys + (Array.isArray(item.points) ? item.points.length : 0);
}

/** @type {(value: unknown, place: string, ids: Set<string>, last: number, newer: boolean) => Path} */
function readPath(value, place, ids, last, newer) {
    if (!isObject(value)) fail(t`${place} is not an object`);
    const id = readId(value, place, (id) => t`${place} (${id}): another path has this id`, ids);
    const where = `${place} (${id})`;
    const kind = readChoice(value, "kind", PATH_KINDS, where);
    const points = readPoints(value, where).map((point, index) => readPoint(point, t`${where}, point ${index + 1}`, newer));
    if (kind === "anchor" && points.length !== 1) fail(t`${where}: an anchor has one point, not ${points.length}`);
    const start = readTime(value, "start", last, where);
    const end = readTime(value, "end", last, where);
    if ((end ?? last) < (start ?? 0)) fail(t`${where}: end must not lie before start`);
    checkFrames(points, start ?? 0, end ?? last, where);
    const easing = value.easing === undefined ? undefined : readChoice(value, "easing", EASINGS, where);
    const visible = readFlag(value, "visible", where);
    const name = readText(value, "name", where);
    const { color } = value;
    if (color !== undefined && !(typeof color === "string" && /^#[0-9a-fA-F]{6}$/.test(color)))
        fail(t`${where}: color must be written as #rrggbb`);
    return without({ id, kind, name, color, points, start, end, easing, visible, ...readListing(value, where, newer) });
}

/** @type {(value: unknown, where: string, newer: boolean) => Point} */
function readPoint(value, where, newer) {
    if (!isObject(value)) fail(t`${where} is not an object`);
    const x = readCoordinate(value.x, "x", where);
    const y = readCoordinate(value.y, "y", where);
    const frame = value.frame === undefined ? undefined : readNumber(value.frame, "frame", where);
    return without({ x, y, frame, easing: newer ? readEasing(value, where) : undefined });
}

/** Of the stretch that begins at a key. @type {(fields: Fields, where: string) => KeyEasing | undefined} */
function readEasing({ easing }, where) {
    if (easing === undefined) return undefined;
    const named = KEY_EASINGS.find((name) => name === easing);
    if (named) return named;
    if (!Array.isArray(easing) || easing.length !== 4) fail(t`${where}: easing must be ${KEY_EASINGS.join(", ")} or a list x1, y1, x2, y2`);
    const [x1, x2] = [1, 2].map((number) => readWithin(easing[2 * number - 2], `easing's x${number}`, 0, 1, where));
    const [y1, y2] = [1, 2].map((number) => readWithin(easing[2 * number - 1], `easing's y${number}`, ...LIMITS.easing, where));
    return [x1, y1, x2, y2];
}

/** Times of points lie within the path's and rise; ends without one stand at start and end. @type {(points: Point[], start: number, end: number, where: string) => void} */
function checkFrames(points, start, end, where) {
    const last = points.length - 1;
    let before = -Infinity;
    points.forEach(({ frame }, index) => {
        if (frame === undefined) return;
        const number = index + 1;
        if (frame < start || frame > end) fail(t`${where}, point ${number}: frame must lie within the path's start and end`);
        if (index > 0 && points[0].frame === undefined && frame <= start)
            fail(t`${where}, point ${number}: frame must lie after the path's start, when it is at its first point`);
        if (index < last && points[last].frame === undefined && frame >= end)
            fail(t`${where}, point ${number}: frame must lie before the path's end, when it is at its last point`);
        if (frame <= before) fail(t`${where}, point ${number}: frame must lie after that of the timed point before`);
        before = frame;
    });
}

/** How an item stands in the editor's list. @type {(fields: Fields, where: string, newer: boolean) => {locked?: boolean, group?: string}} */
const readListing = (fields, where, newer) =>
    newer ? { locked: readFlag(fields, "locked", where), group: readText(fields, "group", where) } : {};

/** @type {(value: unknown, place: string, ids: Set<string>, pathIds: Set<string>, last: number, newer: boolean) => Area} */
function readArea(value, place, ids, pathIds, last, newer) {
    if (!isObject(value)) fail(t`${place} is not an object`);
    const id = readId(value, place, (id) => t`${place} (${id}): another region has this id`, ids);
    const where = `${place} (${id})`;
    const kind = readChoice(value, "kind", AREA_KINDS, where);
    const mode = value.mode === undefined ? undefined : readChoice(value, "mode", MODES, where);
    const points = readPairs(value, where);
    const count = points.length;
    if (kind === "rect" && count !== 2) fail(t`${where}: a rect has two points, not ${count}`);
    if (kind === "ellipse" && count !== 2) fail(t`${where}: an ellipse has two points, not ${count}`);
    if (kind === "polygon" && count < 3) fail(t`${where}: a polygon has at least three points, not ${count}`);
    const radius = kind === "brush" ? readNumber(value.radius, "radius", where) : undefined; // others have none
    if (radius !== undefined && !(radius > 0 && radius <= LIMITS.radius))
        fail(t`${where}: radius must be above 0 and at most ${LIMITS.radius}`);
    const feather = value.feather === undefined ? undefined : readWithin(value.feather, "feather", 0, LIMITS.feather, where);
    const follow = value.follow === undefined ? undefined : readFollow(value.follow, pathIds, where, newer);
    const visible = readFlag(value, "visible", where);
    const name = readText(value, "name", where);
    const listing = readListing(value, where, newer);
    const keys = newer && value.keys !== undefined ? readKeys(value.keys, count, last, where) : undefined;
    return without({ id, kind, name, mode, points, radius, feather, follow, keys, visible, ...listing });
}

/** @type {(value: unknown, pathIds: Set<string>, where: string, newer: boolean) => string | string[]} */
function readFollow(value, pathIds, where, newer) {
    if (typeof value === "string" && pathIds.has(value)) return value;
    const ids = newer && Array.isArray(value) ? value : [];
    const each = ids.length >= 1 && ids.length <= LIMITS.follow && new Set(ids).size === ids.length;
    if (each && ids.every((id) => typeof id === "string" && pathIds.has(id))) return ids;
    if (!newer) return fail(t`${where}: follow must be the id of a path in the document`);
    return fail(t`${where}: follow must be the id of a path in the document, or a list of 1 to ${LIMITS.follow} of them, each once`);
}

/** @type {(value: unknown, count: number, last: number, where: string) => Keyframe[]} */
function readKeys(value, count, last, where) {
    if (!Array.isArray(value) || !value.length || value.length > LIMITS.keys) fail(t`${where}: keys must be a list of 1 to ${LIMITS.keys} keys`);
    const keys = value.map((key, index) => readKey(key, count, last, t`${where}, key ${index + 1}`));
    keys.forEach(({ frame }, index) => {
        if (index && frame <= keys[index - 1].frame) fail(t`${where}, key ${index + 1}: frame must lie after that of the key before`);
    });
    return keys;
}

/** @type {(value: unknown, count: number, last: number, where: string) => Keyframe} */
function readKey(value, count, last, where) {
    if (!isObject(value)) fail(t`${where} is not an object`);
    const frame = readFrame(value.frame, "frame", last, where);
    const move = value.move === undefined ? undefined : readPair(value.move, t`${where}, move`);
    const scale = value.scale === undefined ? undefined : readPair(value.scale, t`${where}, scale`);
    scale?.forEach((part, axis) => readWithin(part, "xy"[axis], ...LIMITS.scale, t`${where}, scale`));
    const rotate = value.rotate === undefined ? undefined : readWithin(value.rotate, "rotate", -LIMITS.rotate, LIMITS.rotate, where);
    const points = value.points === undefined ? undefined : readPairs(value, where);
    if (points && points.length !== count) fail(t`${where}: the region has ${count} points, the key ${points.length}`);
    return without({ frame, move, scale, rotate, points, easing: readEasing(value, where) });
}

/** @type {(fields: Fields, where: string) => [number, number][]} */
const readPairs = (fields, where) => readPoints(fields, where).map((point, index) => readPair(point, t`${where}, point ${index + 1}`));

/** @type {(value: unknown, where: string) => [number, number]} */
function readPair(value, where) {
    if (!Array.isArray(value) || value.length !== 2) fail(t`${where} is not a pair of numbers`);
    return [readCoordinate(value[0], "x", where), readCoordinate(value[1], "y", where)];
}

// --- Fields --------------------------------------------------------------------------------------

/** @typedef {Record<string, unknown>} Fields */

/** @type {(value: unknown) => value is Fields} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @type {(value: unknown, from: number, to: number) => value is number} */
const isWhole = (value, from, to) => Number.isInteger(value) && Number(value) >= from && Number(value) <= to;

/** Text of so many characters that can be shown: no control characters, no halves of characters. @type {(value: unknown, least: number) => value is string} */
function isText(value, least) {
    if (typeof value !== "string" || value.length > 2 * LIMITS.text) return false;
    const { length } = [...value];
    return length >= least && length <= LIMITS.text && !/[\u0000-\u001f\u007f-\u009f\ud800-\udfff]/u.test(value);
}

/** @type {(fields: Fields, name: string, most: number) => number} */
function readWhole(fields, name, most) {
    const value = fields[name];
    return isWhole(value, 1, most) ? value : fail(t`${name} must be a whole number from 1 to ${most}`);
}

/** @type {(fields: Fields, name: string, most: number) => unknown[]} */
function readList(fields, name, most) {
    const value = fields[name];
    if (!Array.isArray(value)) fail(t`${name} must be a list`);
    return value.length <= most ? value : fail(t`the document has ${value.length} ${name}; at most ${most} are allowed`);
}

/** @type {(fields: Fields, place: string, refusal: (id: string) => string, taken: Set<string>) => string} */
function readId({ id }, place, refusal, taken) {
    if (!isText(id, 1)) fail(t`${place}: id must be text of 1 to ${LIMITS.text} characters`);
    if (taken.has(id)) fail(refusal(id));
    taken.add(id);
    return id;
}

/** @type {(fields: Fields, name: string, where: string) => string | undefined} */
function readText(fields, name, where) {
    const value = fields[name];
    return value === undefined || isText(value, 0) ? value : fail(t`${where}: ${name} must be text of at most ${LIMITS.text} characters`);
}

/** @type {<T extends string>(fields: Fields, name: string, choices: readonly T[], where: string) => T} */
function readChoice(fields, name, choices, where) {
    const found = choices.find((choice) => choice === fields[name]);
    return found ?? fail(t`${where}: ${name} must be ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`);
}

/** @type {(fields: Fields, where: string) => unknown[]} */
function readPoints({ points }, where) {
    return Array.isArray(points) && points.length ? points : fail(t`${where}: points must be a list of at least one point`);
}

/** @type {(fields: Fields, name: string, last: number, where: string) => number | undefined} */
function readTime(fields, name, last, where) {
    if (fields[name] === undefined) return undefined;
    return readFrame(fields[name], name, last, where);
}

/** @type {(value: unknown, name: string, last: number, where: string) => number} */
function readFrame(value, name, last, where) {
    const time = readNumber(value, name, where);
    return time >= 0 && time <= last ? time : fail(t`${where}: ${name} must lie within 0 and ${last}, the last frame`);
}

/** @type {(fields: Fields, name: string, where: string) => boolean | undefined} */
function readFlag(fields, name, where) {
    const value = fields[name];
    return value === undefined || typeof value === "boolean" ? value : fail(t`${where}: ${name} must be true or false`);
}

/** @type {(value: unknown, name: string, low: number, high: number, where: string) => number} */
function readWithin(value, name, low, high, where) {
    const number = readNumber(value, name, where);
    return number >= low && number <= high ? number : fail(t`${where}: ${name} must lie within ${low} and ${high}`);
}

/** @type {(value: unknown, name: string, where: string) => number} */
function readCoordinate(value, name, where) {
    const number = readNumber(value, name, where);
    return Math.abs(number) <= LIMITS.coordinate ? number : fail(t`${where}: ${name} must lie within ±${LIMITS.coordinate}`);
}

/** @type {(value: unknown, name: string, where: string) => number} */
function readNumber(value, name, where) {
    return typeof value === "number" && Number.isFinite(value) ? value : fail(t`${where}: ${name} is not a finite number`);
}

/** Without the fields that were left out. @type {<T extends object>(item: T) => T} */
const without = (item) => /** @type {any} */ (Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined)));
