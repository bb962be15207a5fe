/**
 * Own files: a loader in the graph for a clip or a picture of the user's, wired wherever the clip or the edited
 * frame came from so far. Knows ComfyUI's graph by its shape alone; nodes are made by whoever calls.
 */

import { t } from "../locale.js";
import { EXAMPLE, inputNamed, originOf, upstreamOf } from "./upstream.js";

/**
 * @typedef {(type: string) => any} Create  a node that is in no graph yet
 * @typedef {{loader: any, widget: string}} Loader  whose widget names the file
 */

const PREPARE = "ReVideoPrepareVideo";
const EVALUATE = "ReVideoEvaluate";
const [FRAMES, EDITED_FRAME, FPS, VIDEO] = [0, 1, 2, 3]; // outputs of Example Clip
const GAP = 40; // pixels of the graph
const TITLE = 60; // of a node and some room above it

/** The loader of an editor's clip, or a new one. A picture is a clip of one frame. @type {(editor: any, isVideo: boolean, create: Create) => Loader} */
export function clipLoader(editor, isVideo, create) {
    const clip = upstreamOf(editor, "frames");
    if (clip?.widget && (clip.kind === "video") === isVideo) return { loader: clip.loader, widget: clip.widget };
    const loader = make(create, isVideo ? "LoadVideo" : "LoadImage");
    if (isVideo && clip?.loader.type === EXAMPLE && clip.loader.graph === editor.graph) replaceExample(clip.loader, loader, create);
    else {
        add(editor.graph, loader, [editor.pos[0] - 760, editor.pos[1]]);
        add(editor.graph, prepared(loader, create), [editor.pos[0] - 400, editor.pos[1]]).connect(0, editor, inputNamed(editor, "frames"));
    }
    return { loader, widget: isVideo ? "file" : "image" };
}

/**
 * The loader of the edited first frame of all that an editor's drawing edits, or a new one; `missed`: nodes in other
 * graphs, where it does not reach.
 * @type {(editor: any, create: Create) => Loader & {missed: any[]}}
 */
export function editedFrameLoader(editor, create) {
    const clip = upstreamOf(editor, "frames")?.loader;
    const nodes = [editor, ...editingNodes(editor)];
    const leader = nodes.find((node) => {
        const known = upstreamOf(node, "edited_frame");
        return known?.widget && known.kind === "picture" && known.loader !== clip;
    });
    const { loader, widget } = leader ? /** @type {any} */ (upstreamOf(leader, "edited_frame")) : { loader: make(create, "LoadImage"), widget: "image" };
    if (!leader) add(editor.graph, loader, [editor.pos[0] - 400, editor.pos[1] + editor.size[1] / 2]);
    const from = leader ? /** @type {any} */ (edited(leader)) : { node: loader, slot: 0 }; // what it passes on its way, it passes for all
    const others = nodes.filter((node) => upstreamOf(node, "edited_frame")?.loader !== loader);
    const within = (/** @type {any} */ node) => node.graph === from.node.graph;
    for (const node of others.filter(within)) from.node.connect(from.slot, node, inputNamed(node, "edited_frame"));
    return { loader, widget, missed: others.filter((node) => !within(node)) };
}

/** Takes the edited frame off an editor: the nodes that it went to get the clip's own first frame. @type {(editor: any) => void} */
export function removeEditedFrame(editor) {
    const nodes = editingNodes(editor);
    const frames = originOf(editor, inputNamed(editor, "frames"));
    editor.disconnectInput(inputNamed(editor, "edited_frame"));
    for (const node of nodes) if (frames && frames.node.graph === node.graph) frames.node.connect(frames.slot, node, inputNamed(node, "edited_frame"));
}

/** @type {(node: any) => {node: any, slot: number} | null} */
const edited = (node) => originOf(node, inputNamed(node, "edited_frame"));

/** The nodes to which an editor's edited frame goes: those that its drawing reaches, and those that share it. @type {(editor: any) => any[]} */
function editingNodes(editor) {
    const root = editor.graph.rootGraph ?? editor.graph;
    const nodes = [root, ...(root.subgraphs?.values() ?? [])].flatMap((graph) => graph.nodes).filter((node) => node.type !== editor.type && inputNamed(node, "edited_frame") >= 0);
    const own = edited(editor);
    return nodes.filter((node) => {
        const origin = edited(node);
        const drawings = [...nodesBefore(node)].filter(({ type }) => type === editor.type);
        // A crop hands its own on; what only measures an edit need not have one.
        if (drawings.includes(editor)) return origin ? !nodesBefore(origin.node).has(editor) : node.type !== EVALUATE;
        return !drawings.length && own !== null && origin?.node === own.node && origin?.slot === own.slot;
    });
}

/** All that a node depends on, and itself. @type {(node: any, seen?: Set<any>) => Set<any>} */
function nodesBefore(node, seen = new Set()) {
    if (seen.has(node)) return seen;
    seen.add(node);
    for (let slot = 0; slot < (node.inputs?.length ?? 0); slot += 1) {
        const origin = originOf(node, slot);
        if (origin) nodesBefore(origin.node, seen);
    }
    return seen;
}

/**
 * The clip goes wherever the example's went. Its own first frame stands for the edited one, until there is one: the
 * example's would be taken for it.
 * @type {(example: any, loader: any, create: Create) => void}
 */
function replaceExample(example, loader, create) {
    const { graph, pos } = example;
    add(graph, loader, [...pos]);
    const videos = targetsOf(example, VIDEO);
    const fed = videos.find(({ node }) => node.type === PREPARE)?.node;
    for (const { node, slot } of videos) loader.connect(0, node, slot);
    if (fed || [FRAMES, EDITED_FRAME, FPS].some((slot) => targetsOf(example, slot).length)) {
        const preparation = fed ?? add(graph, prepared(loader, create), [pos[0], pos[1] + loader.size[1] + 2 * GAP]);
        for (const [from, to] of [[FRAMES, 0], [EDITED_FRAME, 0], [FPS, 1]])
            for (const { node, slot } of targetsOf(example, from)) preparation.connect(to, node, slot);
    }
    showInApp(graph.rootGraph ?? graph, example, loader);
    graph.remove(example);
}

/** What App mode showed of an example it shows of the loader: entries are `[node id or "graph:node:widget", widget, …]`. @type {(root: any, example: any, loader: any) => void} */
function showInApp(root, example, loader) {
    const names = (/** @type {any[]} */ [id, widget]) => widget === "example" && `:${id}:`.includes(`:${example.id}:`);
    root.extra?.linearData?.inputs?.find(names)?.splice(0, 2, loader.id, "file");
}

/** The inputs that an output feeds. @type {(node: any, slot: number) => {node: any, slot: number}[]} */
function targetsOf(node, slot) {
    const links = (node.outputs?.[slot]?.links ?? []).map((/** @type {any} */ id) => node.graph.getLink(id));
    return links
        .map((/** @type {any} */ link) => ({ node: node.graph.getNodeById(link?.target_id), slot: link?.target_slot }))
        .filter((/** @type {any} */ target) => target.node);
}

/** Prepare Video behind a loader, in no graph yet. @type {(loader: any, create: Create) => any} */
function prepared(loader, create) {
    const preparation = make(create, PREPARE);
    loader.graph.add(preparation);
    loader.connect(0, preparation, inputNamed(preparation, "video"));
    return preparation;
}

/** @type {(create: Create, type: string) => any} */
function make(create, type) {
    const node = create(type);
    if (!node) throw new Error(t`this ComfyUI has no node that loads it`);
    return node;
}

/** Puts a node into a graph, at a place or, where others lie there, below them. @type {(graph: any, node: any, pos: number[]) => any} */
function add(graph, node, [x, y]) {
    /** @type {{pos: number[], size: number[]}[]} */
    const others = graph.nodes.filter((/** @type {any} */ other) => other !== node);
    const covered = (/** @type {number} */ top) =>
        others.filter(
            ({ pos, size }) =>
                pos[0] < x + node.size[0] + GAP && x < pos[0] + size[0] + GAP && pos[1] < top + node.size[1] + TITLE && top < pos[1] + size[1] + TITLE,
        );
    for (let [below, hops] = [covered(y), 0]; below.length && hops < others.length; below = covered(y), hops += 1)
        y = Math.max(...below.map(({ pos, size }) => pos[1] + size[1])) + TITLE;
    node.pos = [x, y];
    if (node.graph !== graph) graph.add(node);
    return node;
}
