/**
 * Groups: what stands together in the list, and in which order. A group is a name that its members carry; neighbours of
 * one name are listed under it. All pure.
 */

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Area} Area */
/** @typedef {{paths: string[], regions: string[]}} Chosen */

const KINDS = /** @type {const} */ (["paths", "regions"]);

/** Neighbours under their group's name; each item without one by itself. @template {{group?: string}} T @param {T[]} items @returns {{group: string | undefined, items: T[]}[]} */
export function listedRuns(items) {
    /** @type {{group: string | undefined, items: T[]}[]} */
    const runs = [];
    for (const item of items) {
        const last = runs.at(-1);
        if (last && item.group !== undefined && last.group === item.group) last.items.push(item);
        else runs.push({ group: item.group, items: [item] });
    }
    return runs;
}

/** All of a group, of paths and areas. @type {(doc: EditDocument, group: string) => Chosen} */
export const membersOf = (doc, group) => ({ paths: idsIn(doc.paths, group), regions: idsIn(doc.regions, group) });

/** @type {(items: (Path | Area)[], group: string) => string[]} */
const idsIn = (items, group) => items.filter((item) => item.group === group).map(({ id }) => id);

/** Names of the groups that have what is chosen. @type {(doc: EditDocument, chosen: Chosen) => string[]} */
export const groupsOf = (doc, chosen) => [...new Set(KINDS.flatMap((kind) => doc[kind].filter(({ id }) => chosen[kind].includes(id)).flatMap(({ group }) => group ?? [])))];

/** A name that no group has: "group 1". @type {(doc: EditDocument) => string} */
export function freshGroup(doc) {
    const taken = new Set([...doc.paths, ...doc.regions].map(({ group }) => group));
    let number = 1;
    while (taken.has(`group ${number}`)) number += 1;
    return `group ${number}`;
}

/** Puts what is chosen under a name, as neighbours, where the last of it was. @type {(doc: EditDocument, chosen: Chosen, group: string) => EditDocument} */
export function grouped(doc, chosen, group) {
    const together = /** @type {<T extends Path | Area>(items: T[], ids: string[]) => T[]} */ (items, ids) => {
        const last = items.findLast(({ id }) => ids.includes(id));
        if (!last) return items;
        const after = items[items.indexOf(last) + 1];
        return movedTo(items, ids, after?.id, group);
    };
    return { ...doc, paths: together(doc.paths, chosen.paths), regions: together(doc.regions, chosen.regions) };
}

/** Takes the groups apart that have what is chosen; all stays in its place. @type {(doc: EditDocument, chosen: Chosen) => EditDocument} */
export function ungrouped(doc, chosen) {
    const groups = new Set(groupsOf(doc, chosen));
    const apart = /** @type {<T extends Path | Area>(items: T[]) => T[]} */ (items) => items.map((item) => (item.group !== undefined && groups.has(item.group) ? inGroup(item, undefined) : item));
    return { ...doc, paths: apart(doc.paths), regions: apart(doc.regions) };
}

/** @type {(doc: EditDocument, from: string, to: string) => EditDocument} */
export function renamedGroup(doc, from, to) {
    const renamed = /** @type {<T extends Path | Area>(items: T[]) => T[]} */ (items) => items.map((item) => (item.group === from ? inGroup(item, to) : item));
    return { ...doc, paths: renamed(doc.paths), regions: renamed(doc.regions) };
}

/** @type {<T extends Path | Area>(item: T, group: string | undefined) => T} */
function inGroup(item, group) {
    if (item.group === group) return item;
    const { group: _, ...rest } = item;
    return /** @type {typeof item} */ (group === undefined ? rest : { ...rest, group });
}

/**
 * Items moved to before another, or to the end, into a group or into none; as neighbours, in their order. Members of
 * another group stay together: what would part them goes behind them.
 * @template {Path | Area} T @param {T[]} items @param {string[]} ids @param {string | undefined} before @param {string | undefined} group @returns {T[]}
 */
export function movedTo(items, ids, before, group) {
    const at = items.findIndex(({ id }) => id === before);
    const index = at < 0 ? items.length : at;
    const moving = items.filter(({ id }) => ids.includes(id)).map((item) => inGroup(item, group));
    const stays = (/** @type {T} */ { id }) => !ids.includes(id);
    const [head, tail] = [items.slice(0, index).filter(stays), items.slice(index).filter(stays)];
    const parted = head.at(-1)?.group;
    while (parted !== undefined && parted !== group && tail[0]?.group === parted) head.push(/** @type {T} */ (tail.shift()));
    const result = [...head, ...moving, ...tail];
    return result.every((item, place) => item === items[place]) ? items : result;
}

/**
 * An item one row up (−1) or down (+1): past its neighbour, into a group beside it, or out of its own. A folded group is
 * passed as one.
 * @template {Path | Area} T @param {T[]} items @param {string} id @param {1 | -1} by @param {string[]} [folded] @returns {T[]}
 */
export function shifted(items, id, by, folded = []) {
    const at = items.findIndex((item) => item.id === id);
    const item = items[at];
    const next = items[at + by];
    if (!item || (!next && item.group === undefined)) return items;
    if (item.group !== undefined && next?.group !== item.group) return items.with(at, inGroup(item, undefined));
    if (next?.group === item.group) return items.with(at, next).with(at + by, item);
    if (next?.group !== undefined && folded.includes(next.group)) return pastRun(items, at, at, by);
    return items.with(at, inGroup(item, next?.group));
}

/** A group's neighbours that stand together, one row up or down: past an item, or past all of another group. @template {Path | Area} T @param {T[]} items @param {string[]} ids @param {1 | -1} by @returns {T[]} */
export function shiftedRun(items, ids, by) {
    const places = items.flatMap(({ id }, index) => (ids.includes(id) ? index : []));
    return places.length ? pastRun(items, places[0], /** @type {number} */ (places.at(-1)), by) : items;
}

/** What stands from one index to another, moved past the run beside it. @template {Path | Area} T @param {T[]} items @param {number} from @param {number} to @param {1 | -1} by @returns {T[]} */
function pastRun(items, from, to, by) {
    const runs = listedRuns(by > 0 ? items.slice(to + 1) : items.slice(0, from));
    const beside = (by > 0 ? runs[0] : runs.at(-1))?.items.length ?? 0;
    if (!beside) return items;
    const moving = items.slice(from, to + 1);
    return items.toSpliced(from, moving.length).toSpliced(by > 0 ? from + beside : from - beside, 0, ...moving);
}
