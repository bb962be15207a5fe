/** Transform: affine maps of the plane, and the turned outline of an ellipse. Pure. */

/** @typedef {import("./viewport.js").XY} XY */

/** x′ = a·x + c·y + e, y′ = b·x + d·y + f. @typedef {{a: number, b: number, c: number, d: number, e: number, f: number}} Affine */

const SAME = 1e-9; // of a map's numbers: sines and cosines of right angles are that near to 0
const OUTLINE_ERROR = 0.2; // pixels between an ellipse and the polygon made of it
const OUTLINE_POINTS = 64; // at least

/** @type {(dx: number, dy: number) => Affine} */
export const translation = (dx, dy) => ({ a: 1, b: 0, c: 0, d: 1, e: dx, f: dy });

/** Scaled about a place, which stays. @type {(sx: number, sy: number, about: XY) => Affine} */
export const scaling = (sx, sy, about) => ({ a: sx, b: 0, c: 0, d: sy, e: about.x * (1 - sx), f: about.y * (1 - sy) });

/** Turned about a place, clockwise on the screen. @type {(degrees: number, about: XY) => Affine} */
export function turning(degrees, about) {
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    return { a: cos, b: sin, c: -sin, d: cos, e: about.x - cos * about.x + sin * about.y, f: about.y - sin * about.x - cos * about.y };
}

/** @type {(map: Affine, place: XY) => XY} */
export const applied = ({ a, b, c, d, e, f }, { x, y }) => ({ x: a * x + c * y + e, y: b * x + d * y + f });

/** One map after another. @type {(second: Affine, first: Affine) => Affine} */
export const composed = (second, first) => ({
    a: second.a * first.a + second.c * first.b,
    b: second.b * first.a + second.d * first.b,
    c: second.a * first.c + second.c * first.d,
    d: second.b * first.c + second.d * first.d,
    e: second.a * first.e + second.c * first.f + second.e,
    f: second.b * first.e + second.d * first.f + second.f,
});

/** Below 0 where it mirrors. @type {(map: Affine) => number} */
export const determinant = ({ a, b, c, d }) => a * d - b * c;

/** How much larger it makes areas. @type {(map: Affine) => number} */
export const areaScale = (map) => Math.abs(determinant(map));

/** The map back; there is one where its determinant is not 0. @type {(map: Affine) => Affine} */
export function inverted(map) {
    const { a, b, c, d, e, f } = map;
    const by = determinant(map);
    return { a: d / by, b: -b / by, c: -c / by, d: a / by, e: (c * f - d * e) / by, f: (b * e - a * f) / by };
}

/** Whether a map takes every upright box to an upright box. @type {(map: Affine) => boolean} */
export const keepsUpright = ({ a, b, c, d }) =>
    (Math.abs(b) < SAME && Math.abs(c) < SAME) || (Math.abs(a) < SAME && Math.abs(d) < SAME);

/** @type {(map: Affine) => boolean} */
export const isTranslation = ({ a, b, c, d }) => a === 1 && b === 0 && c === 0 && d === 1;

/** @type {(map: Affine) => boolean} */
export const isIdentity = (map) => isTranslation(map) && map.e === 0 && map.f === 0;

/** The outline of the ellipse in a box, mapped: so many points that it is as good as the ellipse. @type {(low: XY, high: XY, map: Affine) => XY[]} */
export function mappedEllipse(low, high, map) {
    const centre = { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2 };
    const half = { x: Math.abs(high.x - low.x) / 2, y: Math.abs(high.y - low.y) / 2 };
    const radius = Math.hypot(map.a * half.x, map.b * half.x, map.c * half.y, map.d * half.y); // no half axis is longer
    const step = 2 * Math.acos(Math.max(1 - OUTLINE_ERROR / Math.max(radius, OUTLINE_ERROR), 0));
    const count = Math.max(Math.ceil((2 * Math.PI) / step), OUTLINE_POINTS);
    return Array.from({ length: count }, (_, index) => {
        const angle = (2 * Math.PI * index) / count;
        return applied(map, { x: centre.x + half.x * Math.cos(angle), y: centre.y + half.y * Math.sin(angle) });
    });
}
