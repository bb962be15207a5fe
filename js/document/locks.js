/** Locks: what locked paths and areas keep, whatever a command made of the rest. All pure. */

import { t } from "../locale.js";
import { findArea, findPath, shortName } from "./items.js";
import { followIds } from "../geometry/pose.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {import("./operations.js").Selection} Selection */

const LISTED = /** @type {const} */ (["name", "visible", "locked", "group"]); // a lock leaves these to the list

/**
 * A new document in which whatever is locked in the old one is as it was there, and the names of what a command would
 * have changed. Its name, its group, its place in the list and whether it is shown or locked may change.
 * @type {(before: EditDocument, after: EditDocument) => {doc: EditDocument, held: string[]}}
 */
export function holdLocked(before, after) {
    if (before === after || !(before.paths.some(isLocked) || before.regions.some(isLocked))) return { doc: after, held: [] };
    /** @type {string[]} */
    const held = [];
    const paths = holdItems(before.paths, after.paths, held);
    const regions = holdItems(before.regions, after.regions, held);
    return { doc: held.length ? { ...after, paths, regions } : after, held };
}

/** @type {(item: Path | Area) => boolean} */
const isLocked = (item) => item.locked === true;

/** @template {Path | Area} T @param {T[]} before @param {T[]} after @param {string[]} held  gets the names @returns {T[]} */
function holdItems(before, after, held) {
    const locked = new Map(before.filter(isLocked).map((item) => [item.id, item]));
    const result = after.map((item) => {
        const own = locked.get(item.id);
        locked.delete(item.id);
        if (!own || own === item) return item;
        const kept = relisted(own, item);
        if (JSON.stringify(kept) === JSON.stringify(relisted(item, item))) return item;
        held.push(shortName(before, own));
        return kept;
    });
    for (const own of locked.values()) {
        const earlier = new Set(before.slice(0, before.indexOf(own)).map(({ id }) => id));
        held.push(shortName(before, own));
        result.splice(result.findLastIndex(({ id }) => earlier.has(id)) + 1, 0, own);
    }
    return result;
}

/** An item with what the list has of another: fields in one order, so that texts of equals are equal. @template {Path | Area} T @param {T} item @param {T} listed @returns {T} */
function relisted(item, listed) {
    const fields = Object.entries(item).filter(([name, value]) => !LISTED.some((field) => field === name) && value !== undefined);
    const own = LISTED.filter((field) => listed[field] !== undefined).map((field) => [field, listed[field]]);
    return Object.fromEntries([...fields.sort(([a], [b]) => (a < b ? -1 : 1)), ...own]);
}

/** What of a selection is not locked; the selection itself where nothing is. @type {(doc: EditDocument, selection: Selection) => Selection} */
export function unlockedPart(doc, selection) {
    const free = (/** @type {Path | Area | undefined} */ item) => !item?.locked;
    const paths = selection.paths.filter((id) => free(findPath(doc, id)));
    const regions = selection.regions.filter((id) => free(findArea(doc, id)));
    if (paths.length === selection.paths.length && regions.length === selection.regions.length) return selection;
    return { paths, regions, points: selection.points.filter(({ path }) => paths.includes(path)) };
}

/** Names of the locked ones among what is selected. @type {(doc: EditDocument, selection: Selection) => string[]} */
export const lockedNames = ({ paths, regions }, selection) => [
    ...paths.filter((path) => path.locked && selection.paths.includes(path.id)).map((path) => shortName(paths, path)),
    ...regions.filter((area) => area.locked && selection.regions.includes(area.id)).map((area) => shortName(regions, area)),
];

/** What of a selection is not deleted, and why; "" where all is. @type {(doc: EditDocument, selection: Selection) => string} */
export function stayText(doc, selection) {
    const locked = lockedNames(doc, selection);
    return [locked.length ? lockedText(locked) : "", followedText(doc, selection)].filter(Boolean).join(" ");
}

/** Which of the selected paths stay for locked areas that follow them. @type {(doc: EditDocument, selection: Selection) => string} */
export function followedText({ paths, regions }, selection) {
    const followed = (/** @type {Path} */ path) => regions.filter((area) => area.locked && followIds(area).includes(path.id));
    const stay = paths.filter((path) => !path.locked && selection.paths.includes(path.id) && followed(path).length);
    const areas = [...new Set(stay.flatMap(followed))].map((area) => shortName(regions, area));
    const [one, its] = [stay.length === 1, areas.length === 1];
    const names = stay.map((path) => shortName(paths, path)).join(", ");
    if (!names) return "";
    const followers = areas.join(", ");
    if (one) return its ? t`${names} stays: ${followers} follows it and is locked.` : t`${names} stays: ${followers} follow it and are locked.`;
    return its ? t`${names} stay: ${followers} follows them and is locked.` : t`${names} stay: ${followers} follow them and are locked.`;
}

/** @type {(names: string[]) => string} */
export const lockedText = (names) => (names.length > 1 ? t`${names.join(", ")} are locked: unlock them in the list.` : t`${names.join(", ")} is locked: unlock it in the list.`);
