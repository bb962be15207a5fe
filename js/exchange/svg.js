/**
 * Paths of an SVG file, or one path's data: shapes without time, run through evenly.
 * docs/tracks.md says what is read. revideo/tracks/svg.py reads the same texts and refuses the others with the same
 * messages.
 */

import { LIMITS } from "../document/document.js";
import { t } from "../locale.js";
import { fail, shown } from "./literals.js";
import { MAX_PLACES } from "./tracks_text.js";
import { pathCurve } from "../geometry/curves.js";
import { countedPaths, fixed } from "./numbered.js";
import { HIGHEST, SAMPLES, readPathData, sampled } from "./path_data.js";

/** @typedef {import("./numbered.js").Exchanged} Exchanged */
/** @typedef {import("./path_data.js").PathShape} PathShape */
/** @typedef {number[]} Matrix  as SVG orders them: x' = a x + c y + e, y' = b x + d y + f */
/** @typedef {{shapes: PathShape[], drawnOn?: number[], left: string[]}} Drawn  left: what else is drawn */

const DATA = /^[Mm][ \t\r\n\f]*[-+.0-9]/;
const TAG = /<(\/?)([A-Za-z_][A-Za-z0-9_:.-]*)([^>"']*(?:(?:"[^"]*"|'[^']*')[^>"']*)*)>/y;
const SKIPPED = [["<!--", "-->"], ["<![CDATA[", "]]>"], ["<?", "?>"], ["<!DOCTYPE", ">"]]; // how it begins and ends
const ATTRIBUTE = /([A-Za-z_][A-Za-z0-9_:.-]*)[ \t\r\n\f]*=[ \t\r\n\f]*(?:"([^"]*)"|'([^']*)')/g;
const TRANSFORM = /[ \t\r\n\f,]*([A-Za-z]+)[ \t\r\n\f]*\(([^()]*)\)[ \t\r\n\f,]*/y;
const NUMBER = String.raw`[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?`;
const NUMBERS = new RegExp(String.raw`^[ \t\r\n\f]*${NUMBER}(?:[ \t\r\n\f,]+${NUMBER})*[ \t\r\n\f]*$`);
const HIDDEN = /(?:^|;)[ ]*display[ ]*:[ ]*none/;
const NOT_DRAWN = ["defs", "clipPath", "mask", "pattern", "marker", "symbol", "font", "glyph"];
const OTHER_SHAPES = ["line", "polyline", "polygon", "rect", "circle", "ellipse", "text", "image", "use"];
const UNMOVED = [1, 0, 0, 1, 0, 0];

// --- Reading -------------------------------------------------------------------------------------

/** Null for another text. Throws DocumentError that names the path. @type {(text: string) => Exchanged | null} */
export function readSvg(text) {
    const begun = text.replace(/^\ufeff?[ \t\r\n]*/, "");
    const drawn = DATA.test(begun)
        ? { shapes: readPathData(begun, t`the path`), left: [], drawnOn: undefined }
        : begun.startsWith("<") && begun.includes("<svg")
          ? readFile(begun)
          : begun.startsWith("<path")
            ? readFile(`<svg>${begun}</svg>`)
            : null;
    if (!drawn) return null;
    const { shapes, drawnOn, left } = drawn;
    if (!shapes.length) fail(left.length ? t`the SVG draws no path, only ${left.join(", ")}: make them paths first` : t`the SVG draws no path`);
    if (shapes.length * SAMPLES > MAX_PLACES) fail(t`the SVG draws ${shapes.length} paths; at most ${Math.floor(MAX_PLACES / SAMPLES)} are read`);
    shapes.forEach(({ vertices }, number) => {
        if (!vertices.every(([x, y]) => Math.max(Math.abs(x), Math.abs(y)) <= LIMITS.coordinate))
            fail(t`path ${number} of the SVG: x and y must lie within ±${LIMITS.coordinate} pixels`);
    });
    const said = [t`without times, each run through evenly`, drawnOn ? t`on a picture of ${drawnOn.map(shown).join("×")}` : t`in the clip's pixels`];
    if (left.length) said.push(t`left out: ${left.join(", ")}`);
    return {
        points: shapes.map(({ vertices }) => sampled(vertices)),
        visible: shapes.map(() => Array(SAMPLES).fill(true)),
        ...(drawnOn && { drawnOn }),
        readAs: t`read as SVG: ${countedPaths(shapes.length)} ${said.join("; ")}`,
        corners: shapes.map(({ vertices, straight }) => (straight ? vertices : null)),
    };
}

/** The shapes in pixels of the picture, its width and height. @type {(text: string) => Drawn} */
function readFile(text) {
    /** @type {PathShape[]} */
    const shapes = [];
    const left = new Set();
    let drawnOn;
    /** Names, and where they draw: null for nowhere. @type {{name: string, matrix: Matrix | null}[]} */
    const opened = [];
    let count = 0;
    for (const { ends, full, written } of tagsOf(text)) {
        const name = full.slice(full.lastIndexOf(":") + 1);
        if (ends) {
            if (opened.pop()?.name !== name) fail(t`the SVG is broken: </${name}> closes nothing`);
            continue;
        }
        const attributes = new Map([...written.matchAll(ATTRIBUTE)].map(([, key, first, second]) => [key, first ?? second]));
        const style = attributes.get("style") ?? "";
        const transform = attributes.get("transform");
        let matrix = opened.length ? opened[opened.length - 1].matrix : UNMOVED;
        if (name === "svg") {
            if (opened.length) fail(t`the SVG holds another in it: save them one by one`);
            ({ drawnOn, matrix } = pictureOf(attributes));
        }
        if (NOT_DRAWN.includes(name) || attributes.get("display") === "none" || HIDDEN.test(style)) matrix = null;
        if (matrix && style.includes("transform")) fail(t`the SVG has a transform in a style, which is not read: apply it to its paths first`);
        if (matrix && transform !== undefined) matrix = joined(matrix, transformOf(transform));
        if (matrix && name === "path") {
            for (const shape of readPathData(attributes.get("d") ?? "", t`path ${count} of the SVG`)) shapes.push(moved(shape, matrix));
            count += 1;
        } else if (matrix && OTHER_SHAPES.includes(name)) left.add(name);
        if (!written.endsWith("/")) opened.push({ name, matrix });
    }
    if (opened.length) fail(t`the SVG is broken: <${opened[opened.length - 1].name}> is not closed`);
    return { shapes, drawnOn, left: [...left] };
}

/** Of each tag whether it ends an element, the name, and what is written behind it. @type {(text: string) => Generator<{ends: boolean, full: string, written: string}>} */
function* tagsOf(text) {
    let behind = 0;
    for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", behind)) {
        const broken = () => fail(t`the SVG is broken at character ${at}`);
        const skipped = SKIPPED.find(([begins]) => text.startsWith(begins, at))?.[1];
        if (skipped) {
            behind = text.indexOf(skipped, at);
            if (behind >= 0 && skipped === ">" && text.slice(at, behind).includes("[")) behind = text.indexOf("]>", at); // what a document type declares
            if (behind < 0) broken();
            continue;
        }
        TAG.lastIndex = at;
        const tag = TAG.exec(text) ?? broken();
        behind = TAG.lastIndex - 1;
        yield { ends: tag[1] === "/", full: tag[2], written: tag[3] };
    }
}

/** Width and height, and what moves the picture's corner to 0, 0. @type {(attributes: Map<string, string>) => {drawnOn?: number[], matrix: Matrix}} */
function pictureOf(attributes) {
    const isSize = (/** @type {number} */ size) => size > 0 && size < 1e6;
    const viewBox = attributes.get("viewBox");
    if (viewBox !== undefined) {
        const [x, y, width, height, ...more] = numbersIn(viewBox) ?? [];
        if (!isSize(width) || !isSize(height) || more.length) fail(t`the SVG's viewBox is no box, found ${shown(viewBox)}`);
        return { drawnOn: [width, height], matrix: [1, 0, 0, 1, -x, -y] };
    }
    const sizes = ["width", "height"].map((side) => numbersIn((attributes.get(side) ?? "").replace(/px$/, "")));
    const known = sizes.every((size) => size?.length === 1 && isSize(size[0]));
    return known ? { drawnOn: sizes.flatMap((size) => size ?? []), matrix: UNMOVED } : { matrix: UNMOVED };
}

/** @type {(text: string) => number[] | null} */
function numbersIn(text) {
    const values = NUMBERS.test(text) ? [...text.matchAll(new RegExp(NUMBER, "g"))].map(([number]) => Number(number)) : [Infinity];
    return values.every((value) => Math.abs(value) <= HIGHEST) ? values : null;
}

/** Throws DocumentError for what is no transform of SVG. @type {(text: string) => Matrix} */
function transformOf(text) {
    let matrix = UNMOVED;
    TRANSFORM.lastIndex = 0;
    for (let at = 0; at < text.length; at = TRANSFORM.lastIndex) {
        TRANSFORM.lastIndex = at;
        const found = TRANSFORM.exec(text);
        const values = found && numbersIn(found[2]);
        const step = found && values && stepOf(found[1], values);
        matrix = joined(matrix, step ?? fail(t`the SVG has a transform that is not understood, ${shown(text)}`));
    }
    return matrix;
}

/** @type {(name: string, values: number[]) => Matrix | null} */
function stepOf(name, values) {
    const { length } = values;
    const [a, b = 0] = values;
    const turn = (a * Math.PI) / 180;
    if (name === "matrix" && length === 6) return values;
    if (name === "translate" && length <= 2) return [1, 0, 0, 1, a, b];
    if (name === "scale" && length <= 2) return [a, 0, 0, values[length - 1], 0, 0];
    if (name === "rotate" && (length === 1 || length === 3)) {
        const [cos, sin, x, y] = [Math.cos(turn), Math.sin(turn), values[1] ?? 0, values[2] ?? 0];
        return [cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y];
    }
    if (name === "skewX" && length === 1) return [1, 0, Math.tan(turn), 1, 0, 0];
    if (name === "skewY" && length === 1) return [1, Math.tan(turn), 0, 1, 0, 0];
    return null;
}

/** @type {(outer: Matrix, inner: Matrix) => Matrix} */
const joined = ([a, b, c, d, e, f], [p, q, r, s, t, u]) => [a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s, a * t + c * u + e, b * t + d * u + f];

/** @type {(shape: PathShape, matrix: Matrix) => PathShape} */
const moved = ({ vertices, straight }, [a, b, c, d, e, f]) => ({ straight, vertices: vertices.map(([x, y]) => [a * x + c * y + e, b * x + d * y + f]) });

// --- Writing -------------------------------------------------------------------------------------

/**
 * The paths' shapes, curves as curves, without their times. An anchor is a line of no length.
 * @type {(paths: import("../document/document.js").Path[], size: {width: number, height: number}) => string}
 */
export function writeSvg(paths, { width, height }) {
    const at = (/** @type {{x: number, y: number}} */ { x, y }) => `${fixed(x)} ${fixed(y)}`;
    const lines = paths.map((path) => {
        const pieces = pathCurve(path).pieces.map(({ p1, p2, m1, m2 }) => {
            if (!m1 || !m2) return `L ${at(p2)}`;
            // A Hermite piece's tangents are three times a Bézier curve's handles.
            return `C ${at({ x: p1.x + m1.x / 3, y: p1.y + m1.y / 3 })} ${at({ x: p2.x - m2.x / 3, y: p2.y - m2.y / 3 })} ${at(p2)}`;
        });
        return `  <path d="M ${at(path.points[0])} ${pieces.length ? pieces.join(" ") : "h 0"}"/>`;
    });
    const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" fill="none" stroke="#000000">`;
    return [head, ...lines, "</svg>", ""].join("\n");
}
