/**
 * Easing: how much of the way from one key to the next is done after a part of the time.
 * "Time" of docs/edit_document.md; revideo/drawing/easing.py gives the same to the bit.
 */

/** @typedef {import("../document/document.js").KeyEasing} KeyEasing */

const HALVINGS = 53; // bits of a double between 0 and 1

/** The fraction of the way that is done after the fraction `tau` < 1 of the time. @type {(easing: KeyEasing, tau: number) => number} */
export function ease(easing, tau) {
    if (typeof easing !== "string") {
        const [x1, y1, x2, y2] = easing;
        return bezier(y1, y2, lastNotAfter((u) => bezier(x1, x2, u), tau));
    }
    if (easing === "hold") return 0;
    if (easing === "in") return tau * tau;
    if (easing === "out") return tau * (2 - tau);
    if (easing === "in-out") return tau * tau * (3 - 2 * tau);
    return tau;
}

/** The fraction of the time after which so much of the way is done; where a curve swings back, one of them. @type {(easing: KeyEasing, done: number) => number} */
export function uneased(easing, done) {
    if (typeof easing !== "string") {
        const [x1, y1, x2, y2] = easing;
        return bezier(x1, x2, lastNotAfter((u) => bezier(y1, y2, u), done));
    }
    if (easing === "hold") return done > 0 ? 1 : 0;
    if (easing === "in") return Math.sqrt(done);
    if (easing === "out") return 1 - Math.sqrt(1 - done);
    if (easing === "in-out") return 0.5 - Math.sin(Math.asin(1 - 2 * done) / 3);
    return done;
}

/** The same way back. A hold stays one: it cannot jump first and rest then. @type {(easing: KeyEasing) => KeyEasing} */
export function reversedEasing(easing) {
    const rounded = (/** @type {number} */ value) => Math.round(value * 1e6) / 1e6; // there and back is the same
    if (typeof easing !== "string") return [rounded(1 - easing[2]), rounded(1 - easing[3]), rounded(1 - easing[0]), rounded(1 - easing[1])];
    return easing === "in" ? "out" : easing === "out" ? "in" : easing;
}

/** A coordinate of a Bézier curve from 0 to 1 with these controls. @type {(first: number, second: number, u: number) => number} */
const bezier = (first, second, u) => ((1 - 3 * second + 3 * first) * u + (3 * second - 6 * first)) * u * u + 3 * first * u;

/** Where from 0 to 1 a rising function is not above a value yet, by halves. @type {(rising: (u: number) => number, value: number) => number} */
function lastNotAfter(rising, value) {
    let [low, high] = [0, 1];
    for (let count = 0; count < HALVINGS; count += 1) {
        const middle = (low + high) / 2;
        if (rising(middle) <= value) low = middle;
        else high = middle;
    }
    return low;
}
