import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";

import { EXAMPLES, maskFileOf, upstreamOf } from "../../../js/graph/upstream.js";

/** A graph in the shape of ComfyUI's: nodes with widgets, links from output to input. */
class Graph {
    nodes = [];
    links = [];
    link({ node, id = node.id, slot = 0 }) {
        return this.links.push({ origin_id: id, origin_slot: slot });
    }
    getLink(id) {
        return this.links[id - 1];
    }
    constructor(rootGraph) {
        this.rootGraph = rootGraph ?? this;
        this.subgraphs = new Map();
    }
    add(type, widgets = {}, inputs = {}, more = {}) {
        const node = {
            id: this.nodes.length + 1,
            graph: this,
            type,
            mode: 0,
            widgets: Object.entries(widgets).map(([name, value]) => ({ name, value })),
            inputs: Object.entries(inputs).map(([name, from]) => ({ name, type: from?.type ?? "IMAGE", link: from ? this.link(from) : null })),
            outputs: [{ type: "IMAGE" }],
            ...more,
        };
        this.nodes.push(node);
        return node;
    }
    getNodeById(id) {
        return this.nodes.find((node) => node.id === id);
    }
}

const from = (node, type = "IMAGE") => ({ node, type });
const PREPARE = { size_policy: "exact", width: 640, height: 256, fit: "crop", start: 5, stride: 2, count: 14 };

function editorBehind(graph, node) {
    return graph.add("ReVideoEditor", {}, { frames: from(node) });
}

test("a file is found through Prepare Video, with what that does", () => {
    const graph = new Graph();
    const load = graph.add("LoadVideo", { file: "clips/bikes.mp4" });
    const prepare = graph.add("ReVideoPrepareVideo", PREPARE, { video: from(load, "VIDEO") });
    const found = upstreamOf(editorBehind(graph, prepare), "frames");
    assert.deepEqual(found.file, { filename: "bikes.mp4", subfolder: "clips", type: "input" });
    assert.equal(found.kind, "video");
    assert.equal(found.exact, true);
    assert.deepEqual(found.steps, [
        { kind: "pick", start: 5, stride: 2, count: 14 },
        { kind: "size", policy: "exact", width: 640, height: 256, fit: "crop", multiple: 64 },
    ]);
});

test("Prepare Video leaves a clip's size if it is told so", () => {
    const graph = new Graph();
    const load = graph.add("LoadVideo", { file: "bikes.mp4" });
    const prepare = graph.add("ReVideoPrepareVideo", { ...PREPARE, size_policy: "source" }, { video: from(load, "VIDEO") });
    const { steps } = upstreamOf(editorBehind(graph, prepare), "frames");
    assert.deepEqual(steps, [{ kind: "pick", start: 5, stride: 2, count: 14 }]);
});

test("steps stand in the order in which frames pass them", () => {
    const graph = new Graph();
    const load = graph.add("VHS_LoadVideo", { video: "a.webm", force_rate: 12, skip_first_frames: 3, select_every_nth: 2, frame_load_cap: 50, custom_width: 0, custom_height: 0 });
    const batch = graph.add("ImageFromBatch", { batch_index: 4, length: 8 }, { image: from(load) });
    const { steps } = upstreamOf(editorBehind(graph, batch), "frames");
    assert.deepEqual(steps, [
        { kind: "rate", fps: 12 },
        { kind: "pick", start: 3, stride: 2, count: 50 },
        { kind: "pick", start: 4, stride: 1, count: 8 },
    ]);
});

test("pictures, and files in other folders", () => {
    const graph = new Graph();
    const still = graph.add("LoadImage", { image: "pasted\\frame one.PNG [output]" });
    const { kind, file } = upstreamOf(editorBehind(graph, still), "frames");
    assert.equal(kind, "picture");
    assert.deepEqual(file, { filename: "frame one.PNG", subfolder: "pasted", type: "output" });
});

test("the pack's own example: its clip, or its edited first frame", () => {
    const graph = new Graph();
    const example = graph.add("ReVideoExampleClip", { example: "two areas" });
    const clip = upstreamOf(editorBehind(graph, example), "frames");
    assert.deepEqual(clip.file, { filename: "two_areas.mp4", subfolder: "examples", type: "pack" });
    assert.deepEqual([clip.kind, clip.name, clip.exact, clip.steps], ["video", "two areas", true, []]);
    assert.equal(clip.widget, null); // a dropped file is no example: it gets a loader of its own
    const editor = graph.add("ReVideoEditor", {}, { frames: from(example), edited_frame: { node: example, slot: 1, type: "IMAGE" } });
    const edited = upstreamOf(editor, "edited_frame");
    assert.deepEqual([edited.kind, edited.file.filename], ["picture", "two_areas.png"]);
});

test("what names no example becomes no address", () => {
    for (const value of ["../../api/users", "both.mp4?", "a/b", "a%2fb", " both", "both\n", "x:y", "bothe", "constructor", "__proto__", "0", "//host/x", "\0"]) {
        const graph = new Graph();
        assert.equal(upstreamOf(editorBehind(graph, graph.add("ReVideoExampleClip", { example: value })), "frames"), null);
    }
});

test("every example has its files, and every file its example", async () => {
    const named = new Set();
    for (const name of EXAMPLES)
        for (const slot of [0, 1, 4]) {
            const graph = new Graph();
            const example = graph.add("ReVideoExampleClip", { example: name });
            const found = upstreamOf(graph.add("ReVideoEditor", {}, { frames: { node: example, slot, type: "IMAGE" } }), "frames");
            if (found) named.add(found.file.filename);
            else assert.equal(slot, 4); // most have no depth
        }
    assert.deepEqual([...named].sort(), (await readdir(new URL("../../../js/examples", import.meta.url))).sort());
});

test("reroutes and bypassed nodes let frames through, muted ones do not", () => {
    const graph = new Graph();
    const load = graph.add("LoadImage", { image: "a.png" });
    const reroute = graph.add("Reroute", {}, { "": from(load) });
    const bypassed = graph.add("ImageScale", { width: 8, height: 8 }, { image: from(reroute) }, { mode: 4 });
    assert.equal(upstreamOf(editorBehind(graph, bypassed), "frames").steps.length, 0);
    const muted = graph.add("ImageScale", { width: 8, height: 8 }, { image: from(load) }, { mode: 2 });
    assert.equal(upstreamOf(editorBehind(graph, muted), "frames"), null);
});

test("an unknown node is passed, and said", () => {
    const graph = new Graph();
    const load = graph.add("LoadVideo", { file: "a.mp4" });
    const unknown = graph.add("SomeFilter", {}, { mask: null, pictures: from(load) });
    const found = upstreamOf(editorBehind(graph, unknown), "frames");
    assert.equal(found.exact, false);
    assert.equal(found.name, "a.mp4");
});

test("into a subgraph and out of it, whether ids are numbers or texts", () => {
    for (const outer of [-10, "-10"]) {
        const root = new Graph();
        const load = root.add("LoadVideo", { file: "a.mp4" });
        const inner = new Graph(root);
        const prepare = inner.add("ReVideoPrepareVideo", PREPARE, { video: { id: outer, slot: 0, type: "VIDEO" } });
        inner.outputNode = { slots: [{ linkIds: [inner.link(from(prepare))] }] };
        root.subgraphs.set("inner", inner);
        const sub = root.add("uuid", {}, { video: from(load, "VIDEO") }, { subgraph: inner });
        const outside = upstreamOf(editorBehind(root, sub), "frames");
        assert.equal(outside.name, "a.mp4");
        assert.equal(outside.steps.length, 2);
        const within = upstreamOf(editorBehind(inner, prepare), "frames");
        assert.equal(within.name, "a.mp4");
    }
});

test("through a subgraph that holds another, and one that only lets through", () => {
    const root = new Graph();
    const load = root.add("LoadVideo", { file: "a.mp4" });
    const middle = new Graph(root);
    const deep = new Graph(root);
    root.subgraphs.set("middle", middle).set("deep", deep);
    root.add("uuid", {}, { video: from(load, "VIDEO") }, { subgraph: middle });
    middle.add("uuid", {}, { video: { id: "-10" } }, { subgraph: deep });
    const editor = deep.add("ReVideoEditor", {}, { frames: { id: "-10" } });
    assert.equal(upstreamOf(editor, "frames").name, "a.mp4");
    const through = new Graph(root);
    root.subgraphs.set("through", through);
    through.outputNode = { slots: [{ linkIds: [through.link({ id: "-10" })] }] };
    const node = root.add("uuid", {}, { video: from(load, "VIDEO") }, { subgraph: through });
    assert.equal(upstreamOf(editorBehind(root, node), "frames").name, "a.mp4");
});

test("nothing connected, nothing chosen, a circle: nothing", () => {
    const graph = new Graph();
    assert.equal(upstreamOf(graph.add("ReVideoEditor", {}, { frames: null }), "frames"), null);
    assert.equal(upstreamOf(editorBehind(graph, graph.add("LoadVideo", { file: "" })), "frames"), null);
    const a = graph.add("SomeFilter", {}, { image: null });
    a.inputs[0].link = graph.link(from(a));
    assert.equal(upstreamOf(editorBehind(graph, a), "frames"), null);
});

test("a mask is known without a run where it is a channel of a PNG that core loads", () => {
    const found = (type, widgets, slot, mode = 0) => {
        const graph = new Graph();
        const loader = graph.add(type, widgets, {}, { mode });
        return maskFileOf(graph.add("ReVideoEditor", {}, { mask: { node: loader, slot, type: "MASK" } }), "mask");
    };
    const painted = "clipspace/clipspace-painted-masked-1.png [input]";
    const file = { filename: "clipspace-painted-masked-1.png", subfolder: "clipspace", type: "input" };
    assert.deepEqual(found("LoadImage", { image: painted }, 1), { file, channel: "alpha" });
    for (const channel of ["alpha", "red", "green", "blue"]) assert.equal(found("LoadImageMask", { image: "a.png", channel }, 0).channel, channel);
    assert.equal(found("LoadImageMask", { image: "a.png", channel: "luma" }, 0), null);
    assert.equal(found("LoadImage", { image: "a.gif" }, 1), null); // several pictures
    assert.equal(found("LoadImage", { image: painted }, 0), null); // no mask
    assert.equal(found("LoadImage", { image: painted }, 1, 2), null); // muted
    assert.equal(found("GrowMask", { image: painted }, 0), null);
});
