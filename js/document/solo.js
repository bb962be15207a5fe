/** Solo: a drawing as the stage shows it while only some of its paths and areas are looked at. All pure. */

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {{paths: string[], regions: string[]}} Solo  ids of those that are shown */

/** What of a solo still exists; null where nothing does. @type {(doc: EditDocument, solo: Solo | null) => Solo | null} */
export function survivingSolo(doc, solo) {
    if (!solo) return null;
    const [paths, regions] = [known(doc.paths, solo.paths), known(doc.regions, solo.regions)];
    if (!paths.length && !regions.length) return null;
    return paths.length === solo.paths.length && regions.length === solo.regions.length ? solo : { paths, regions };
}

/** @type {(items: (Path | Area)[], ids: string[]) => string[]} */
const known = (items, ids) => ids.filter((id) => items.some((item) => item.id === id));

/** What is new in a document is seen by whoever made it. @type {(solo: Solo | null, before: EditDocument, after: EditDocument) => Solo | null} */
export function withNew(solo, before, after) {
    if (!solo) return null;
    const added = (/** @type {"paths" | "regions"} */ kind) => {
        const ids = after[kind].map(({ id }) => id);
        const old = new Set([...before[kind].map(({ id }) => id), ...solo[kind]]);
        return ids.filter((id) => !old.has(id));
    };
    const [paths, regions] = [added("paths"), added("regions")];
    return paths.length || regions.length ? { paths: [...solo.paths, ...paths], regions: [...solo.regions, ...regions] } : solo;
}

/** What is selected, but for what a solo leaves out; the selection itself where it leaves out nothing. @type {(selection: import("./operations.js").Selection, solo: Solo | null) => import("./operations.js").Selection} */
export function soloedPart(selection, solo) {
    const [paths, regions] = [selection.paths.filter((id) => !solo || solo.paths.includes(id)), selection.regions.filter((id) => !solo || solo.regions.includes(id))];
    if (paths.length === selection.paths.length && regions.length === selection.regions.length) return selection;
    return { paths, regions, points: selection.points.filter(({ path }) => paths.includes(path)) };
}

/** The document with all others hidden; what they move goes on moving. @type {(doc: EditDocument, solo: Solo | null) => EditDocument} */
export const soloed = (doc, solo) => (solo ? { ...doc, paths: onlyShown(doc.paths, solo.paths), regions: onlyShown(doc.regions, solo.regions) } : doc);

/** @type {WeakMap<object, {ids: string[], shown: any[]}>} per list, so that what does not change is drawn once */
const lists = new WeakMap();
/** @type {WeakMap<object, any>} */
const hidden = new WeakMap();

/** @template {Path | Area} T @param {T[]} items @param {string[]} ids @returns {T[]} */
function onlyShown(items, ids) {
    const before = lists.get(items);
    if (before?.ids === ids) return before.shown;
    const chosen = new Set(ids);
    const shown = items.map((item) => {
        if (chosen.has(item.id) || item.visible === false) return item;
        if (!hidden.has(item)) hidden.set(item, { ...item, visible: false });
        return hidden.get(item);
    });
    lists.set(items, { ids, shown });
    return shown;
}
