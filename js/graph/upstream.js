/**
 * Upstream: the graph's links from an input to the file that feeds it, and what the
 * nodes in between do. Knows ComfyUI's graph by its shape alone: nodes come as arguments.
 */

/** @typedef {import("../clip/frame_mapping.js").Step} Step */

/**
 * As ComfyUI's /view asks for it; of type "pack" where it lies in this very folder, which ComfyUI serves too.
 * @typedef {{filename: string, subfolder: string, type: string}} File
 *
 * What lies at the upper end of the links: a file of ComfyUI's, and what is done to its frames.
 * @typedef {object} Upstream
 * @property {"video" | "picture"} kind
 * @property {File} file
 * @property {string} name
 * @property {Step[]} steps  from the file on
 * @property {boolean} exact  every node on the way is understood
 * @property {any} loader  the node that loads the file
 * @property {string | null} widget  its widget that names the file; null where it takes no other files
 * @property {any[]} nodes  the loader and the nodes on the way, whose settings count
 *
 * @typedef {{node: any, slot: number}} Output
 */

const MULTIPLE = 64; // of the frame sides, in Prepare Video
const MUTED = 2;
const BYPASSED = 4;
const FROM_OUTSIDE = "-10"; // origin of links that enter a subgraph; a number or a text, by the frontend's version
const PICTURE_FILE = /\.(png|jpe?g|webp|bmp|gif|avif)$/i;

/** The output that feeds an input, through reroutes, subgraphs and bypassed nodes. @type {(node: any, slot: number) => Output | null} */
export function originOf(node, slot) {
    const link = node.graph?.getLink?.(node.inputs?.[slot]?.link); // a subgraph's node has a getInputLink of another meaning
    return link ? beginningOf(link, node.graph) : null;
}

/** Where a link of a graph begins. @type {(link: any, graph: any) => Output | null} */
function beginningOf(link, graph) {
    if (String(link.origin_id) === FROM_OUTSIDE) {
        const outside = subgraphNodeOf(graph);
        return outside && originOf(outside, link.origin_slot);
    }
    const origin = graph.getNodeById(link.origin_id);
    return origin ? settled({ node: origin, slot: link.origin_slot }) : null;
}

/** @type {(output: Output) => Output | null} */
function settled({ node, slot }) {
    if (node.mode === MUTED) return null;
    if (node.mode === BYPASSED) {
        const type = node.outputs?.[slot]?.type;
        return originOf(node, node.inputs?.findIndex((/** @type {any} */ input) => input.type === type) ?? -1);
    }
    if (node.type === "Reroute") return originOf(node, 0);
    if (node.subgraph) {
        const link = node.subgraph.getLink?.(node.subgraph.outputNode?.slots?.[slot]?.linkIds?.[0]);
        return link ? beginningOf(link, node.subgraph) : null;
    }
    return { node, slot };
}

/** The node that stands for a subgraph in the graph around it. @type {(graph: any) => any} */
export function subgraphNodeOf(graph) {
    const around = [graph.rootGraph, ...(graph.rootGraph?.subgraphs?.values?.() ?? [])];
    for (const outer of around) {
        const found = outer?.nodes?.find((/** @type {any} */ node) => node.subgraph === graph);
        if (found) return found;
    }
    return null;
}

/** @type {(node: any, name: string) => number} */
export const inputNamed = (node, name) => node.inputs?.findIndex((/** @type {any} */ input) => input.name === name) ?? -1;

/** @type {(node: any, name: string) => any} */
const setting = (node, name) => node.widgets?.find((/** @type {any} */ widget) => widget.name === name)?.value;

/** @type {(node: any, name: string) => number} */
const numberOf = (node, name) => Number(setting(node, name)) || 0;

/** A file in ComfyUI's folders, as its widgets write it: "sub/clip.mp4 [output]". @type {(value: string) => File} */
function fileNamed(value) {
    const [, path, type = "input"] = /^(.*?)(?: \[(input|output|temp)\])?$/s.exec(value) ?? [];
    const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
    return { filename: path.slice(cut + 1), subfolder: path.slice(0, Math.max(cut, 0)).replaceAll("\\", "/"), type };
}

export const EXAMPLE = "ReVideoExampleClip";
const [EDITED_FRAME, DEPTH] = [1, 4]; // of its outputs, those that are not the clip
const RESTYLED = "restyled"; // which has a depth

/** Its clips, as `NAMES` in nodes/example.py: any other text of a workflow becomes no address. */
export const EXAMPLES = [
    ...["content", "motion", "both", "two areas"],
    ...["one area", "two areas", "new motion", "many areas", "long", "kept motion", "added", "removed"].map((name) => `${name} 576x320`),
    RESTYLED,
];

/**
 * What Example Clip gives: the clip, its edited first frame, or the depth of the one example that has it. As
 * `example_files` and `example_depth_file` in revideo/synthetic/examples.py.
 * @type {(value: string, slot: number) => File | null}
 */
function exampleFile(value, slot) {
    if (!EXAMPLES.includes(value) || (slot === DEPTH && value !== RESTYLED)) return null;
    const ending = { [EDITED_FRAME]: ".png", [DEPTH]: "_depth.mp4" }[slot] ?? ".mp4";
    return { filename: `${value.replaceAll(" ", "_")}${ending}`, subfolder: "examples", type: "pack" };
}

/**
 * What the nodes that load files load. `kind`: where its name need not say it; `file`: where their widget's value is
 * no name of ComfyUI's.
 * @type {Record<string, {widget: string, kind?: "picture", file?: (value: string, slot: number) => File | null, steps?: (node: any) => Step[]}>}
 */
const LOADERS = {
    [EXAMPLE]: { widget: "example", file: exampleFile },
    LoadVideo: { widget: "file" },
    LoadImage: { widget: "image", kind: "picture" },
    LoadImageOutput: { widget: "image", kind: "picture" },
    VHS_LoadVideo: { widget: "video", steps: videoHelperSteps },
    VHS_LoadVideoFFmpeg: { widget: "video", steps: videoHelperSteps },
};

/** What the nodes on the way do, and which input they do it to. @type {Record<string, {input: string, steps: (node: any) => Step[]}>} */
const PASSAGES = {
    ReVideoPrepareVideo: {
        input: "video",
        steps: (node) => [
            pick(numberOf(node, "start"), numberOf(node, "stride"), numberOf(node, "count")),
            ...(setting(node, "size_policy") === "source"
                ? []
                : [size(setting(node, "size_policy"), numberOf(node, "width"), numberOf(node, "height"), setting(node, "fit"), MULTIPLE)]),
        ],
    },
    GetVideoComponents: { input: "video", steps: () => [] },
    ImageFromBatch: { input: "image", steps: (node) => [pick(numberOf(node, "batch_index"), 1, numberOf(node, "length"))] },
    ImageScale: {
        input: "image",
        steps: (node) => sized(numberOf(node, "width"), numberOf(node, "height"), setting(node, "crop") === "center" ? "crop" : "stretch"),
    },
};

/** @type {(node: any) => Step[]} */
function videoHelperSteps(node) {
    const rate = numberOf(node, "force_rate");
    return [
        ...(rate > 0 ? [/** @type {Step} */ ({ kind: "rate", fps: rate })] : []),
        pick(numberOf(node, "skip_first_frames"), numberOf(node, "select_every_nth"), numberOf(node, "frame_load_cap")),
        ...sized(numberOf(node, "custom_width"), numberOf(node, "custom_height"), "crop"),
    ];
}

/** @type {(start: number, stride: number, count: number) => Step} */
const pick = (start, stride, count) => ({ kind: "pick", start, stride: Math.max(stride, 1), count });

/** @type {(policy: string, width: number, height: number, fit: string, multiple: number) => Step} */
const size = (policy, width, height, fit, multiple) => ({ kind: "size", policy, width, height, fit, multiple });

/** @type {(width: number, height: number, fit: string) => Step[]} */
const sized = (width, height, fit) => (width > 0 && height > 0 ? [size("exact", width, height, fit, 1)] : []);

/** Core's loaders of masks: which output is one, and which channel of their picture it is. @type {Record<string, {slot: number, channel: (node: any) => any}>} */
const MASK_LOADERS = {
    LoadImage: { slot: 1, channel: () => "alpha" },
    LoadImageOutput: { slot: 1, channel: () => "alpha" },
    LoadImageMask: { slot: 0, channel: (node) => setting(node, "channel") },
};
const CHANNELS = ["alpha", "red", "green", "blue"];
const SURE_FILE = /\.png$/i; // of others there may be several pictures, or other colours by another decoder

/**
 * The picture whose channel is the mask that feeds an input; null where only a run is sure to know the mask.
 * @type {(node: any, input: string) => {file: File, channel: "alpha" | "red" | "green" | "blue"} | null}
 */
export function maskFileOf(node, input) {
    const origin = originOf(node, inputNamed(node, input));
    const loader = origin && MASK_LOADERS[origin.node.type];
    if (!loader || origin.slot !== loader.slot) return null;
    const value = setting(origin.node, "image");
    const channel = loader.channel(origin.node);
    if (typeof value !== "string" || !CHANNELS.includes(channel)) return null;
    const file = fileNamed(value);
    return SURE_FILE.test(file.filename) ? { file, channel } : null;
}

/** @type {(node: any, input: string) => Upstream | null} */
export function upstreamOf(node, input) {
    /** @type {Step[]} */
    let steps = [];
    let exact = true;
    /** @type {any[]} */
    const nodes = [];
    let at = originOf(node, inputNamed(node, input));
    for (let hops = 0; at && hops < 100; hops += 1) {
        const { node: here, slot } = at;
        nodes.push(here);
        const loader = LOADERS[here.type];
        if (loader) {
            const value = setting(here, loader.widget);
            if (typeof value !== "string" || !value) return null;
            const file = loader.file ? loader.file(value, slot) : fileNamed(value);
            if (!file) return null;
            return {
                kind: loader.kind ?? (PICTURE_FILE.test(file.filename) ? "picture" : "video"),
                file,
                name: value,
                steps: [...(loader.steps?.(here) ?? []), ...steps],
                exact,
                loader: here,
                widget: loader.file ? null : loader.widget,
                nodes,
            };
        }
        const passage = PASSAGES[here.type];
        if (passage) steps = [...passage.steps(here), ...steps];
        else exact = false; // shown as if it changed nothing; a run shows the truth
        const feeds = (/** @type {any} */ input) => ["IMAGE", "VIDEO"].includes(input.type) && input.link != null;
        at = originOf(here, passage ? inputNamed(here, passage.input) : here.inputs?.findIndex(feeds) ?? -1);
    }
    return null;
}
