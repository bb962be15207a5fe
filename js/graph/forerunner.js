/**
 * What outlives a node. ComfyUI builds every node anew when its own undo, a reload or another tab
 * puts a graph in place: a node takes up its forerunner's session, and its place on the screen.
 */

/** @typedef {import("../document/session.js").Session} Session */

const UNNAMED = "00000000-0000-0000-0000-000000000000"; // a cleared graph, until it is stored for the first time

/** @type {Map<string, {session: Session, element: WeakRef<HTMLElement>}>} what the last node had, by graph and node */
const places = new Map();

/** Whether a node's graph can be told from others. @type {(node: any) => boolean} */
export const isNamed = (node) => node.graph.rootGraph?.id !== UNNAMED;

/** A node's place among all workflows. @type {(node: any, root?: string, graph?: string) => string} */
export const placeOf = (node, root = node.graph.rootGraph?.id, graph = node.graph.id) => [root, graph, node.id].join("/");

/**
 * The session of a node's forerunner: the same place in the graph, and a drawing that it had. An
 * unnamed graph may be any: there, an empty drawing says nothing.
 * @type {(node: any, value: string) => Session | undefined}
 */
export function forerunnerOf(node, value) {
    const named = placeOf(node);
    const unnamed = placeOf(node, UNNAMED, UNNAMED);
    const keys = [named, unnamed].filter((key) => key !== unnamed || value.trim());
    return keys.map((key) => places.get(key)?.session).find((session) => session?.knows(value));
}

/**
 * Says what a node has now. Nodes 2.0 mounts a node's element once for each id: where the node was
 * built anew under the id it had, the screen would go on showing the element of the one before,
 * or show it again.
 * @type {(node: any, editor: {session: Session, element: HTMLElement}) => void}
 */
export function takePlace(node, { session, element }) {
    const key = placeOf(node);
    const before = places.get(key)?.element.deref();
    places.set(key, { session, element: new WeakRef(element) });
    if (!before || before === element) return;
    const give = () => {
        const now = places.get(key)?.element.deref();
        if (now && now !== before && before.isConnected) before.replaceWith(now);
    };
    give();
    new ResizeObserver(give).observe(before); // whenever it shows up later
}
