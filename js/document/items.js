/** Items: the paths and areas of an edit document, found, made, named and changed. All pure. */

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./document.js").Region} Region */

const KIND_NAMES = { rect: "Rectangle", ellipse: "Ellipse", polygon: "Lasso", brush: "Brush", spline: "Spline", freehand: "Freehand", line: "Line", anchor: "Anchor" };
const PALETTE = ["#ffb000", "#35c4f5", "#ff5c8a", "#7be04b", "#b98cff", "#ff7a3d", "#2fe0b5", "#f4e04d"];

/** A fresh id such as "p3". @type {(items: {id: string}[], prefix: string) => string} */
export function freshId(items, prefix) {
    const taken = new Set(items.map((item) => item.id));
    let number = items.length + 1;
    while (taken.has(`${prefix}${number}`)) number += 1;
    return `${prefix}${number}`;
}

/** The colour that the fewest paths have. @type {(doc: EditDocument) => string} */
export function freshColor(doc) {
    const uses = PALETTE.map((color) => doc.paths.filter((path) => path.color === color).length);
    return PALETTE[uses.indexOf(Math.min(...uses))];
}

/** What people call an item: its own name, else its kind and number. @type {(items: (Path | Region)[], item: Path | Region) => string} */
export const nameOf = (items, item) => item.name || `${KIND_NAMES[item.kind]} ${items.indexOf(item) + 1}`;

/** The colour a path is shown in. @type {(path: Path) => string} */
export const colorOf = (path) => path.color ?? PALETTE[0];

/** @type {(doc: EditDocument, id: string) => Path | undefined} */
export const findPath = (doc, id) => doc.paths.find((path) => path.id === id);

/** @type {(doc: EditDocument, id: string) => Region | undefined} */
export const findRegion = (doc, id) => doc.regions.find((region) => region.id === id);

/** A path over the whole clip, in a colour of its own. @type {(doc: EditDocument, kind: Path["kind"], points: Point[]) => Path} */
export function newPath(doc, kind, points) {
    const end = doc.frames - 1;
    return { id: freshId(doc.paths, "p"), kind, color: freshColor(doc), points, start: 0, end, easing: "linear", visible: true };
}

/** @type {(doc: EditDocument, kind: Region["kind"], points: [number, number][], more?: Partial<Region>) => Region} */
export function newRegion(doc, kind, points, more = {}) {
    return { id: freshId(doc.regions, "r"), kind, mode: "add", points, ...more };
}

/** @type {(doc: EditDocument, path: Path) => EditDocument} */
export const addPath = (doc, path) => ({ ...doc, paths: [...doc.paths, path] });

/** @type {(doc: EditDocument, region: Region) => EditDocument} */
export const addRegion = (doc, region) => ({ ...doc, regions: [...doc.regions, region] });

/** @type {(doc: EditDocument, id: string, change: (path: Path) => Path) => EditDocument} */
export const updatePath = (doc, id, change) => ({
    ...doc,
    paths: doc.paths.map((path) => (path.id === id ? change(path) : path)),
});

/** @type {(doc: EditDocument, id: string, change: (region: Region) => Region) => EditDocument} */
export const updateRegion = (doc, id, change) => ({
    ...doc,
    regions: doc.regions.map((region) => (region.id === id ? change(region) : region)),
});

/** Moves an item up (+1) or down (−1) in its list; a later region counts over an earlier one. @type {<T extends {id: string}>(items: T[], id: string, by: number) => T[]} */
export function reordered(items, id, by) {
    const from = items.findIndex((item) => item.id === id);
    const to = Math.min(Math.max(from + by, 0), items.length - 1);
    if (from < 0 || from === to) return items;
    return items.toSpliced(from, 1).toSpliced(to, 0, items[from]);
}
