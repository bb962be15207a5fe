/**
 * Own files: a loader in the graph for a clip or a picture of the user's, wired wherever the clip or the edited
 * frame came from so far. Knows ComfyUI's graph by its shape alone; nodes are made by whoever calls.
 */

import { EXAMPLE, inputNamed, originOf, upstreamOf } from "./upstream.js";

/**
 * @typedef {(type: string) => any} Create  a node that is in no graph yet
 * @typedef {{loader: any, widget: string}} Loader  whose widget names the file
 */

const PREPARE = "ReVideoPrepareVideo";
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

/** The loader of an editor's edited first frame, or a new one. @type {(editor: any, create: Create) => Loader} */
export function editedFrameLoader(editor, create) {
    const known = upstreamOf(editor, "edited_frame");
    const isClip = known?.loader === upstreamOf(editor, "frames")?.loader;
    if (known?.widget && known.kind === "picture" && !isClip) return { loader: known.loader, widget: known.widget };
    const loader = make(create, "LoadImage");
    const origin = originOf(editor, inputNamed(editor, "edited_frame"));
    /** Nodes that edit the same: the frame goes to all of them. @type {any[]} */
    const others = editor.graph.nodes.filter((/** @type {any} */ node) => {
        const found = originOf(node, inputNamed(node, "edited_frame"));
        return node === editor || (origin !== null && found !== null && found.node === origin.node && found.slot === origin.slot);
    });
    add(editor.graph, loader, [editor.pos[0] - 400, editor.pos[1] + editor.size[1] / 2]);
    for (const node of others) loader.connect(0, node, inputNamed(node, "edited_frame"));
    return { loader, widget: "image" };
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
    graph.remove(example);
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
    if (!node) throw new Error("this ComfyUI has no node that loads it");
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
