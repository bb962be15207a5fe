/**
 * A path's data in SVG's language, `M 10 20 C …` → the broken lines that it draws.
 * revideo/tracks/path_data.py computes the same.
 */

import { t } from "../locale.js";
import { fail, shown } from "./literals.js";
import { MAX_POINTS } from "./tracks_text.js";

/** One line drawn without lifting the pen. @typedef {{vertices: number[][], straight: boolean}} PathShape  straight: no curve or arc was drawn out */

const CHORDS = 64; // of a curve or an arc, as of a drawn curve
const NOTHING = 1e-9; // pixels: what an arc is too small for
export const HIGHEST = 1e9; // a number, of which sums and products are made
export const SAMPLES = 4001; // of a shape, evenly along it: half a pixel apart on two thousand

const ARITY = /** @type {Record<string, number>} */ ({ M: 2, L: 2, H: 1, V: 1, C: 6, S: 4, Q: 4, T: 2, A: 7 });
const BLANK = /[ \t\r\n\f]*/y;
const BETWEEN = /[ \t\r\n\f]*,?[ \t\r\n\f]*/y;
const COMMAND = /[MmLlHhVvCcSsQqTtAaZz]/y;
const NUMBER = /[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?/y;
const FLAG = /[01]/y;
const SHOWN = /[\x20-\x7e]{0,20}/y;

/** What a pattern finds right there. @type {(pattern: RegExp, data: string, at: number) => string | null} */
function found(pattern, data, at) {
    pattern.lastIndex = at;
    return pattern.exec(data)?.[0] ?? null;
}

/** @type {(pattern: RegExp, data: string, at: number) => number} */
const endOf = (pattern, data, at) => at + (found(pattern, data, at) ?? "").length;

/**
 * Each part that is drawn; a place that is only moved to is none. Throws DocumentError with the name of what is wrong.
 * @type {(data: string, name: string) => PathShape[]}
 */
export function readPathData(data, name) {
    const pen = new Pen(name);
    let at = endOf(BLANK, data, 0);
    if (/^[ \t\r\n\f]*none[ \t\r\n\f]*$/.test(data)) return [];
    const wrong = () => {
        const text = found(SHOWN, data, at);
        if (text) fail(t`${name}: the path data are wrong at character ${at}, at ${shown(text)}`);
        if (at >= data.length) fail(t`${name}: the path data are wrong at character ${at}, at its end`);
        fail(t`${name}: the path data are wrong at character ${at}, at a letter of no command`);
    };
    while (at < data.length) {
        let letter = found(COMMAND, data, at) ?? "";
        if (!letter || (!pen.begun && !"Mm".includes(letter))) wrong();
        at = endOf(BLANK, data, at + 1);
        if ("Zz".includes(letter)) {
            pen.close();
            continue;
        }
        for (let behind = at; ; ) {
            const values = [];
            for (let place = 0; place < ARITY[letter.toUpperCase()]; place += 1) {
                const flag = "Aa".includes(letter) && (place === 3 || place === 4);
                const number = found(flag ? FLAG : NUMBER, data, at) ?? wrong() ?? "";
                values.push(Number(number));
                if (Math.abs(values[place]) > HIGHEST) fail(t`${name}: the path data hold the number ${shown(values[place])}, which is too far`);
                behind = at + number.length;
                at = endOf(BETWEEN, data, behind);
            }
            pen.draw(letter, values);
            letter = letter === "M" ? "L" : letter === "m" ? "l" : letter;
            if (found(NUMBER, data, at) !== null) continue;
            at = endOf(BLANK, data, behind);
            break;
        }
    }
    return pen.shapes.filter(({ vertices }) => vertices.length > 1);
}

/** Places evenly along a broken line, as many for each. @type {(vertices: number[][]) => number[][]} */
export function sampled(vertices) {
    const lengths = [0];
    vertices.slice(1).forEach(([x, y], index) => lengths.push(lengths[index] + Math.sqrt((x - vertices[index][0]) ** 2 + (y - vertices[index][1]) ** 2)));
    const whole = lengths[lengths.length - 1];
    let next = 1;
    return Array.from({ length: SAMPLES }, (_, sample) => {
        const at = (whole * sample) / (SAMPLES - 1);
        while (next < vertices.length - 1 && lengths[next] <= at) next += 1;
        const span = lengths[next] - lengths[next - 1];
        const part = span > 0 ? Math.min((at - lengths[next - 1]) / span, 1) : 1;
        const [[x0, y0], [x1, y1]] = [vertices[next - 1], vertices[next]];
        return [x0 + (x1 - x0) * part, y0 + (y1 - y0) * part];
    });
}

/** Where the pen is, and what it drew. */
class Pen {
    /** @type {PathShape[]} */
    shapes = [];
    begun = false;
    #count = 0;
    #here = [0, 0];
    #start = [0, 0];
    /** Of the curve before, for S and T to mirror. @type {number[]} */
    #control = [0, 0];
    /** The command before. */
    #before = "";

    /** @param {string} name */
    constructor(name) {
        this.name = name;
    }

    /** @type {(letter: string, values: number[]) => void} */
    draw(letter, values) {
        const [x, y] = this.#here;
        const kind = letter.toUpperCase();
        const [ox, oy] = letter === kind ? [0, 0] : this.#here;
        if (kind === "M") {
            this.begun = true;
            this.#here = this.#start = [values[0] + ox, values[1] + oy];
            this.shapes.push({ vertices: [this.#here], straight: true });
        } else if (kind === "H") this.#line([values[0] + ox, y]);
        else if (kind === "V") this.#line([x, values[0] + oy]);
        else if (kind === "L") this.#line([values[0] + ox, values[1] + oy]);
        else if (kind === "A") this.#arc(values, [values[5] + ox, values[6] + oy]);
        else {
            const points = Array.from({ length: values.length / 2 }, (_, index) => [values[2 * index] + ox, values[2 * index + 1] + oy]);
            if ("ST".includes(kind)) {
                const [mx, my] = (kind === "S" ? ["C", "S"] : ["Q", "T"]).includes(this.#before) ? this.#control : this.#here;
                points.unshift([2 * x - mx, 2 * y - my]);
            }
            this.#control = points[points.length - 2];
            this.#curve(points);
        }
        this.#before = kind;
    }

    close() {
        const { vertices } = this.shapes[this.shapes.length - 1];
        const [x, y] = vertices[vertices.length - 1];
        if (x !== this.#start[0] || y !== this.#start[1]) this.#line(this.#start);
        [this.#here, this.#before] = [this.#start, "Z"];
    }

    /** The shape that goes on; behind a closed one a new one begins. @type {() => PathShape} */
    #shape() {
        if (this.#before === "Z") {
            this.shapes.push({ vertices: [this.#start], straight: true });
            this.#before = "";
        }
        return this.shapes[this.shapes.length - 1];
    }

    /** @type {(shape: PathShape, to: number[]) => void} */
    #add(shape, to) {
        this.#count += 1;
        if (this.#count > MAX_POINTS) fail(t`${this.name} draws more than ${MAX_POINTS} points, which is as many as are read`);
        shape.vertices.push(to);
    }

    /** @type {(to: number[]) => void} */
    #line(to) {
        this.#add(this.#shape(), to);
        this.#here = to;
    }

    /** A Bézier curve of two or three more points. @type {(points: number[][]) => void} */
    #curve(points) {
        const [shape, begin] = [this.#shape(), this.#here];
        const end = points[points.length - 1];
        shape.straight = false;
        for (let step = 1; step <= CHORDS; step += 1) {
            const u = step / CHORDS;
            const v = 1 - u;
            const weights = points.length === 2 ? [2 * v * u, u * u] : [3 * v * v * u, 3 * v * u * u, u * u * u];
            const rest = v ** points.length;
            const place = [0, 1].map((axis) => weights.reduce((sum, weight, index) => sum + weight * points[index][axis], rest * begin[axis]));
            this.#add(shape, step === CHORDS ? end : place);
        }
        this.#here = end;
    }

    /** Part of an ellipse: SVG's rules of implementation lead from its ends to its centre. @type {(values: number[], to: number[]) => void} */
    #arc([wide, high, degrees, large, forward], to) {
        const [x1, y1] = this.#here;
        const [x2, y2] = to;
        if (Math.min(Math.abs(wide), Math.abs(high), Math.max(Math.abs(x1 - x2), Math.abs(y1 - y2))) < NOTHING) {
            this.#line(to);
            return;
        }
        const shape = this.#shape();
        shape.straight = false;
        const turn = (degrees * Math.PI) / 180;
        const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
        const [halfX, halfY] = [(x1 - x2) / 2, (y1 - y2) / 2];
        const [px, py] = [cos * halfX + sin * halfY, cos * halfY - sin * halfX];
        const grown = Math.sqrt(Math.max((px / wide) * (px / wide) + (py / high) * (py / high), 1));
        const [radiusX, radiusY] = [Math.abs(wide) * grown, Math.abs(high) * grown];
        const [ux, uy] = [px / radiusX, py / radiusY];
        const away = Math.sqrt(Math.max(1 / (ux * ux + uy * uy) - 1, 0)) * (large === forward ? -1 : 1);
        const [cx, cy] = [away * uy, -away * ux]; // in circles of radius 1
        const begin = Math.atan2(uy - cy, ux - cx);
        let sweep = Math.atan2(-uy - cy, -ux - cx) - begin;
        if (forward && sweep < 0) sweep += 2 * Math.PI;
        if (!forward && sweep > 0) sweep -= 2 * Math.PI;
        for (let step = 1; step <= CHORDS; step += 1) {
            const angle = begin + (sweep * step) / CHORDS;
            const [ex, ey] = [radiusX * (Math.cos(angle) + cx), radiusY * (Math.sin(angle) + cy)];
            this.#add(shape, step === CHORDS ? to : [cos * ex - sin * ey + (x1 + x2) / 2, sin * ex + cos * ey + (y1 + y2) / 2]);
        }
        this.#here = to;
    }
}
