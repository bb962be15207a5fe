/** Items: the paths and areas of an edit document, found, made, named and changed. All pure. */

import { t } from "../locale.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./document.js").Area} Area */

const PALETTE = ["#ffb000", "#35c4f5", "#ff5c8a", "#7be04b", "#b98cff", "#ff7a3d", "#2fe0b5", "#f4e04d"];

const SHORT = 24; // characters of a name within a sentence

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

/** What people call an item: its own name, else its kind and the number of its id, which stays though others go. @type {(items: (Path | Area)[], item: Path | Area) => string} */
export function nameOf(items, item) {
    if (item.name) return item.name;
    const number = numberOf(items, item);
    switch (item.kind) {
        case "rect": return t`Rectangle ${number}`;
        case "ellipse": return t`Ellipse ${number}`;
        case "polygon": return t`Lasso ${number}`;
        case "brush": return t`Brush ${number}`;
        case "spline": return t`Spline ${number}`;
        case "freehand": return t`Freehand ${number}`;
        case "line": return t`Line ${number}`;
        case "anchor": return t`Anchor ${number}`;
    }
}

/** The same for a file, which says the same in every language. @type {(paths: Path[], path: Path) => string} */
export const fileNameOf = (paths, path) => path.name || `${path.kind[0].toUpperCase()}${path.kind.slice(1)} ${numberOf(paths, path)}`;

/** @type {(items: (Path | Area)[], item: Path | Area) => string | number} */
const numberOf = (items, item) => /^[pr]([1-9]\d{0,3})$/.exec(item.id)?.[1] ?? items.indexOf(item) + 1;

/** As much of it as a sentence has room for. @type {(items: (Path | Area)[], item: Path | Area) => string} */
export function shortName(items, item) {
    const letters = [...nameOf(items, item)];
    return letters.length > SHORT ? `${letters.slice(0, SHORT - 1).join("").trimEnd()}…` : letters.join("");
}

/** The colour a path is shown in. @type {(path: Path) => string} */
export const colorOf = (path) => path.color ?? PALETTE[0];

/** @type {(doc: EditDocument, id: string) => Path | undefined} */
export const findPath = (doc, id) => doc.paths.find((path) => path.id === id);

/** @type {(doc: EditDocument, id: string) => Area | undefined} */
export const findArea = (doc, id) => doc.regions.find((area) => area.id === id);

/** A path over the whole clip, in a colour of its own. @type {(doc: EditDocument, kind: Path["kind"], points: Point[]) => Path} */
export function newPath(doc, kind, points) {
    const end = doc.frames - 1;
    return { id: freshId(doc.paths, "p"), kind, color: freshColor(doc), points, start: 0, end, easing: "linear", visible: true };
}

/** @type {(doc: EditDocument, kind: Area["kind"], points: [number, number][], more?: Partial<Area>) => Area} */
export function newArea(doc, kind, points, more = {}) {
    return { id: freshId(doc.regions, "r"), kind, mode: "add", points, ...more };
}

/** @type {(doc: EditDocument, path: Path) => EditDocument} */
export const addPath = (doc, path) => ({ ...doc, paths: [...doc.paths, path] });

/** @type {(doc: EditDocument, area: Area) => EditDocument} */
export const addArea = (doc, area) => ({ ...doc, regions: [...doc.regions, area] });

/** @type {(doc: EditDocument, id: string, change: (path: Path) => Path) => EditDocument} */
export const updatePath = (doc, id, change) => ({
    ...doc,
    paths: doc.paths.map((path) => (path.id === id ? change(path) : path)),
});

/** @type {(doc: EditDocument, id: string, change: (area: Area) => Area) => EditDocument} */
export const updateArea = (doc, id, change) => ({
    ...doc,
    regions: doc.regions.map((area) => (area.id === id ? change(area) : area)),
});

/** Locks what is selected, or unlocks it. @type {(doc: EditDocument, selection: {paths: string[], regions: string[]}, locked: boolean) => EditDocument} */
export const setLocked = (doc, selection, locked) =>
    updateSelected(doc, selection, ({ locked: _, ...item }) => (locked ? { ...item, locked } : item));

/** @type {(doc: EditDocument, selection: {paths: string[], regions: string[]}, change: (item: any) => any) => EditDocument} */
const updateSelected = (doc, { paths, regions }, change) => ({
    ...doc,
    paths: doc.paths.map((path) => (paths.includes(path.id) ? change(path) : path)),
    regions: doc.regions.map((area) => (regions.includes(area.id) ? change(area) : area)),
});
