/** Results: what a run gave behind an editor, as files that its stage can play; and which of them a reload finds again. */

import { inputNamed, originOf } from "./upstream.js";

/** @typedef {import("./upstream.js").File} File */

/**
 * What one node saved or showed.
 * @typedef {object} Result
 * @property {"video" | "picture" | "pictures"} kind  a video, an animated picture, a picture for each frame
 * @property {File[]} files
 * @property {string} title  of the node
 * @property {string} run  ComfyUI's id of it
 * @property {number} at  when, in milliseconds
 * @property {string} [clip]  key of the clip that it was made of
 * @property {string} [edited]  and of the edited frame
 */

const PREVIEW = 4; // output of the editor's node: its own drawing, no result
const EDITOR = "ReVideoEditor";
const CONDITIONS = "ReVideoConditions";
const EVALUATE = "ReVideoEvaluate"; // its pictures are charts
const ENDS = ["ReVideoLongVideo", "ReVideoKeepUnedited", "ReVideoStitch", "ReVideoPropagate"]; // of an edit, though no sampler of the graph be before them
const VIDEO_FILE = /\.(mp4|webm|mov|mkv|m4v|avi|ogv)$/i;
const ANIMATED_FILE = /\.(webp|gif|apng|avif)$/i;
const STORED = "ReVideo.results"; // key in the browser's storage
const STORED_MOST = 50; // editors

/**
 * What an `executed` event of ComfyUI's tells of a node behind an editor; null where it is none that can be played.
 * @type {(editor: any, detail: any, at: number) => Result | null}
 */
export function resultOf(editor, { node: id, display_node: shown, output, prompt_id: run }, at) {
    const node = nodeAt(editor.graph?.rootGraph, String(shown ?? id));
    if (!node || !isEdited(node, editor)) return null;
    const files = [...(output?.gifs ?? []), ...(output?.video ?? []), ...(output?.images ?? [])]
        .filter((file) => typeof file?.filename === "string")
        .map(({ filename, subfolder = "", type = "output" }) => ({ filename, subfolder, type }));
    const title = String(node.title ?? node.type);
    const video = files.find(({ filename }) => VIDEO_FILE.test(filename));
    if (video) return { kind: "video", files: [video], title, run, at };
    const animated = output?.animated?.some?.(Boolean) ? files.find(({ filename }) => ANIMATED_FILE.test(filename)) : undefined;
    if (animated) return { kind: "picture", files: [animated], title, run, at };
    return files.length > 1 ? { kind: "pictures", files, title, run, at } : null;
}

/** The node of an id as prompts have it. @type {(graph: any, id: string) => any} */
function nodeAt(graph, id) {
    const [first, ...rest] = id.split(":");
    const node = graph?.getNodeById(first) ?? graph?.getNodeById(Number(first));
    return rest.length ? nodeAt(node?.subgraph, rest.join(":")) : (node ?? null);
}

/**
 * Whether a node has what was made by an editor's drawing: on the way from there to here it was sampled, or an edit was
 * ended. All else are pictures of what was asked for: of masks, paths, conditions.
 * @type {(node: any, editor: any) => boolean}
 */
export function isEdited(node, editor) {
    const seen = { true: new Set(), false: new Set() };
    const open = [{ at: node, made: ENDS.includes(node.type) }];
    for (let next = open.pop(); next; next = open.pop()) {
        const { at, made } = next;
        const stops = at.type === EVALUATE || (!made && [EDITOR, CONDITIONS].includes(at.type));
        if (stops || seen[`${made}`].has(at)) continue;
        seen[`${made}`].add(at);
        for (const input of at.inputs ?? []) {
            const origin = originOf(at, inputNamed(at, input.name));
            if (!origin) continue;
            const { node: before, slot } = origin;
            const isMade = made || ENDS.includes(before.type) || before.outputs?.[slot]?.type === "LATENT";
            if (before !== editor) open.push({ at: before, made: isMade });
            else if (isMade && slot !== PREVIEW) return true;
        }
    }
    return false;
}

// --- Over a reload -------------------------------------------------------------------------------

/** @type {() => Record<string, Result[]>} by editor */
function stored() {
    try {
        const value = JSON.parse(localStorage.getItem(STORED) ?? "{}");
        return value && typeof value === "object" ? value : {};
    } catch {
        return {};
    }
}

/** Notes what an editor's last run gave. @type {(editor: string, results: Result[]) => void} */
export function storeResults(editor, results) {
    const { [editor]: _, ...others } = stored();
    const all = Object.entries({ ...others, [editor]: results }).slice(-STORED_MOST);
    try {
        localStorage.setItem(STORED, JSON.stringify(Object.fromEntries(all)));
    } catch {
        // Full or forbidden: then a reload does not find them.
    }
}

/** What was noted of an editor. @type {(editor: string) => Result[]} */
export function storedResults(editor) {
    const results = stored()[editor];
    const isFile = (/** @type {any} */ file) => ["filename", "subfolder", "type"].every((name) => typeof file?.[name] === "string");
    const isResult = (/** @type {any} */ one) => Array.isArray(one?.files) && one.files.length && one.files.every(isFile) && ["title", "run", "clip", "edited"].every((name) => typeof one[name] === "string");
    return Array.isArray(results) ? results.filter(isResult) : [];
}
