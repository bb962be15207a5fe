/**
 * Keyframes as After Effects, and whatever speaks its clipboard, write them as text.
 * docs/tracks.md says what is read. revideo/tracks/after_effects.py reads the same texts and refuses the others with
 * the same messages.
 */

import { t } from "../locale.js";
import { fail, shown } from "./literals.js";
import { NumberedTrack, fromNumbered, resting } from "./numbered.js";

/** @typedef {import("./numbered.js").Exchanged} Exchanged */
/**
 * One animated value: the words of its title, and its points where it is a place.
 * @typedef {{parts: string[], place: boolean, wide: number, animated: boolean, track: NumberedTrack}} Property
 *   wide: numbers of a line with a frame
 */

const BEGIN = /^Adobe After Effects [0-9.]+ Keyframe Data[ \t]*(?=[\r\n]|$)/;
const HEADER = /^(Units Per Second|(?:Source|Comp) (?:Width|Height|Pixel Aspect Ratio))[ \t]+([^\n]*)$/;
const PIXELS = /^Frame[ \t]+X pixels[ \t]+Y pixels([ \t]+Z pixels)?$/;
const NUMBER = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;
const FRAME = /^-?[0-9]{1,9}(?:\.[0-9]*)?$/;
const SIZE = /^[0-9]{1,6}(?:\.[0-9]*)?$/;
const STILL = /^\t *\t/; // a value without a frame: it is not animated
const NAMED = 4; // properties named as left out; the rest are counted

/** @type {(text: string) => string} */
const strip = (text) => text.replace(/^[ \t\r\n]+/, "").replace(/[ \t\r\n]+$/, "");

// --- Reading -------------------------------------------------------------------------------------

/** Null for another text. Throws DocumentError that names the line or the property. @type {(text: string) => Exchanged | null} */
export function readAfterEffects(text) {
    if (!BEGIN.test(text.replace(/^\ufeff?[ \t\r\n]*/, ""))) return null;
    const { properties, sizes } = readLines(text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/));
    const chosen = chosenOf(properties);
    if (!chosen.length)
        fail(
            t`this After Effects text has no keyframes of a Position, of a point of an effect or of a tracker (a Position with separate dimensions must be joined first)`,
        );
    const notes = [t`straight between keyframes`];
    const [width, height] = [sizes.get("Source Width") ?? 0, sizes.get("Source Height") ?? 0];
    const drawnOn = width && height ? [width, height] : undefined;
    if (drawnOn) {
        notes.push(t`on a picture of ${shown(width)}×${shown(height)}`);
        for (const each of chosen) checkInside(each, width, height);
    } else notes.push(t`no size named, so on the clip's`);
    const left = [...new Set(properties.filter((each) => each.animated && !isWanted(each)).map(({ parts }) => parts[parts.length - 1]))];
    const some = left.slice(0, NAMED).map(shown).join(", ");
    if (left.length > NAMED) notes.push(t`left out: ${some} and ${left.length - NAMED} more`);
    else if (left.length) notes.push(t`left out: ${some}`);
    return fromNumbered(t`After Effects keyframes`, chosen.map(({ track }) => track), notes, { straight: true, drawnOn });
}

/** @type {(lines: string[]) => {properties: Property[], sizes: Map<string, number>}} */
function readLines(lines) {
    /** @type {Property[]} */
    const properties = [];
    const sizes = new Map();
    lines.forEach((line, index) => {
        const current = properties[properties.length - 1];
        const stripped = strip(line);
        const header = HEADER.exec(stripped);
        if (!stripped || BEGIN.test(stripped) || stripped === "End of Keyframe Data") return;
        if (stripped === "Expression Data") fail(t`line ${index + 1}: an expression is no keyframes: convert it to keyframes first`);
        if (header) readHeader(index + 1, header[1], header[2], sizes);
        else if (/^[-+.0-9]/.test(stripped)) {
            if (current) readRow(index + 1, line, current);
        } else if (current && /^Frame[ \t]/.test(stripped)) {
            const columns = PIXELS.exec(stripped);
            [current.place, current.wide] = [Boolean(columns), columns?.[1] ? 4 : 3];
        } else {
            const parts = stripped.split(/\t+| {2,}/);
            properties.push({ parts, place: false, wide: 0, animated: false, track: new NumberedTrack(shown(parts.join(" / "))) });
        }
    });
    return { properties, sizes };
}

/** @type {(line: number, name: string, value: string, sizes: Map<string, number>) => void} */
function readHeader(line, name, value, sizes) {
    if (!name.startsWith("Source") || name.endsWith("Ratio")) return; // what is scaled from the source's size is in its pixels, whatever their shape
    if (!SIZE.test(value)) fail(t`line ${line}: ${name} must be a size, found ${shown(value)}`);
    if (sizes.has(name) && sizes.get(name) !== Number(value)) fail(t`line ${line}: ${name} was another size before: read the texts one by one`);
    sizes.set(name, Number(value));
}

/** @type {(at: number, line: string, current: Property) => void} */
function readRow(at, line, current) {
    const tokens = strip(line).split(/[ \t]+/);
    const still = line.includes("\t") ? STILL.test(line) : tokens.length === current.wide - 1;
    current.animated ||= !still;
    if (!current.place) return;
    if (tokens.length !== current.wide - Number(still) || !tokens.every((token) => NUMBER.test(token)))
        fail(t`line ${at}: expected ${current.wide} numbers, found ${shown(strip(line))}`);
    if (still) return;
    if (!FRAME.test(tokens[0])) fail(t`line ${at}: frame ${shown(tokens[0])} is no number of a frame`);
    const [frame, x, y, depth] = tokens.map(Number);
    if (depth && isWanted(current)) fail(t`line ${at}: z is not 0, so x and y of this layer are no places in the picture`);
    current.track.add(frame, [x, y]);
}

/** Whether it is where something is: Anchor Point or Feature Size are not. @type {(each: Property) => boolean} */
function isWanted({ parts, place }) {
    const [owner, last] = [parts[0], parts[parts.length - 1]];
    return place && (last === "Position" || owner === "Effects" || (owner === "Motion Trackers" && ["Feature Center", "Attach Point"].includes(last)));
}

/** Animated places; of a tracker's point the feature, and what is attached to it only where that is not there. @type {(properties: Property[]) => Property[]} */
function chosenOf(properties) {
    const wanted = properties.filter((each) => each.animated && isWanted(each));
    const owner = (/** @type {Property} */ { parts }) => parts.slice(0, -1).join("\t");
    const features = wanted.filter(({ parts }) => parts[parts.length - 1] === "Feature Center").map(owner);
    return wanted.filter((each) => each.parts[each.parts.length - 1] !== "Attach Point" || !features.includes(owner(each)));
}

/** A Position is in pixels of the composition, which the text does not name: a null's source is 100×100. @type {(each: Property, width: number, height: number) => void} */
function checkInside({ parts, track }, width, height) {
    const outside = [...track.keys.values()].filter(([x, y]) => !(x >= 0 && x <= width && y >= 0 && y <= height)).length;
    if (parts[parts.length - 1] === "Position" && 2 * outside > track.keys.size)
        fail(
            t`${track.name}: most of it lies outside of the ${shown(width)}×${shown(height)} of Source Width and Source Height; a Position is in pixels of the composition: write its size there`,
        );
}

// --- Writing -------------------------------------------------------------------------------------

/**
 * A point control for each path, a keyframe a frame. There are no hidden frames: where a path is hidden, it rests.
 * @type {(tracks: import("./tracks_text.js").Tracks, size: {width: number, height: number}, rate: number) => string}
 */
export function writeAfterEffects(tracks, { width, height }, rate) {
    const head = [
        "Adobe After Effects 8.0 Keyframe Data",
        "",
        `\tUnits Per Second\t${rate}`,
        `\tSource Width\t${width}`,
        `\tSource Height\t${height}`,
        "\tSource Pixel Aspect Ratio\t1",
        "\tComp Pixel Aspect Ratio\t1",
        "",
    ];
    const body = resting(tracks).flatMap((path, number) => [
        `Effects\tPoint Control #${number + 1}\tPoint #2`,
        "\tFrame\tX pixels\tY pixels\t",
        ...path.map(([x, y], frame) => `\t${frame}\t${x}\t${y}\t`),
        "",
    ]);
    return [...head, ...body, "", "End of Keyframe Data", ""].join("\n");
}
