// A file of the user's takes the place of what came before, everywhere it went.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clipLoader, editedFrameLoader } from "../../../js/graph/own_files.js";

const OUTPUTS = { ReVideoExampleClip: ["frames", "edited_frame", "fps", "video"], ReVideoPrepareVideo: ["frames", "fps"] };
const INPUTS = { ReVideoPrepareVideo: ["video"], LoadVideo: [], LoadImage: [] };

/** A graph with the part of ComfyUI's shape that is asked for. */
class Graph {
    nodes = [];
    links = new Map();
    getNodeById(id) {
        return this.nodes.find((node) => node.id === id);
    }
    getLink(id) {
        return this.links.get(id);
    }
    add(node) {
        Object.assign(node, { graph: this, id: this.nodes.length + 1 });
        this.nodes.push(node);
    }
    remove(node) {
        this.nodes = this.nodes.filter((other) => other !== node);
        for (const [id, link] of this.links) if (link.origin_id === node.id || link.target_id === node.id) this.#unlink(id);
    }
    #unlink(id) {
        const link = this.links.get(id);
        const input = this.getNodeById(link.target_id)?.inputs[link.target_slot];
        if (input) input.link = null;
        this.links.delete(id);
    }
    connect(origin, slot, target, input) {
        if (target.inputs[input].link) {
            const link = this.links.get(target.inputs[input].link);
            const old = this.getNodeById(link.origin_id).outputs[link.origin_slot];
            old.links = old.links.filter((id) => id !== target.inputs[input].link);
            this.#unlink(target.inputs[input].link);
        }
        const id = this.links.size + Math.max(0, ...this.links.keys()) + 1;
        this.links.set(id, { origin_id: origin.id, origin_slot: slot, target_id: target.id, target_slot: input });
        target.inputs[input].link = id;
        origin.outputs[slot].links.push(id);
    }
}

function create(type) {
    return {
        type,
        mode: 0,
        pos: [0, 0],
        size: [300, 200],
        inputs: (INPUTS[type] ?? []).map((name) => ({ name, link: null })),
        outputs: (OUTPUTS[type] ?? ["only"]).map((name) => ({ name, links: [] })),
        widgets: [{ name: "file" }, { name: "image" }].map((widget) => ({ ...widget, value: "own.mp4" })),
        getInputLink(slot) {
            return this.graph.getLink(this.inputs[slot]?.link) ?? null;
        },
        connect(slot, target, input) {
            this.graph.connect(this, slot, target, input);
        },
    };
}

/** The graph of nodes { name: [type, { input: [name of a node, slot] }] }. */
function build(nodes) {
    const graph = new Graph();
    const made = {};
    for (const [name, [type, links]] of Object.entries(nodes)) {
        made[name] = create(type);
        if (links) made[name].inputs = Object.keys(links).map((input) => ({ name: input, link: null }));
        if (type === "ReVideoExampleClip") made[name].widgets = [{ name: "example", value: "both" }];
        graph.add(made[name]);
    }
    for (const [name, [, links]] of Object.entries(nodes))
        Object.values(links ?? {}).forEach(([from, slot], input) => made[from].connect(slot, made[name], input));
    return { graph, ...made };
}

/** What feeds each input: { input: [type, slot] }. */
const origins = (node) =>
    Object.fromEntries(
        node.inputs.map(({ name }, slot) => {
            const link = node.getInputLink(slot);
            return [name, link && [node.graph.getNodeById(link.origin_id).type, link.origin_slot]];
        }),
    );

const PREPARED = {
    example: ["ReVideoExampleClip"],
    prepare: ["ReVideoPrepareVideo", { video: ["example", 3] }],
    editor: ["ReVideoEditor", { frames: ["prepare", 0], edited_frame: ["example", 1] }],
    conditions: ["ReVideoConditions", { frames: ["prepare", 0], edited_frame: ["example", 1] }],
    long: ["ReVideoLongVideo", { video: ["example", 3], edited_frame: ["example", 1] }],
};

test("a clip takes the example's place, and no edited frame of the example stays", () => {
    const { graph, prepare, editor, conditions, long } = build(PREPARED);
    const { loader, widget } = clipLoader(editor, true, create);
    assert.deepEqual([loader.type, widget], ["LoadVideo", "file"]);
    assert.deepEqual(origins(prepare), { video: ["LoadVideo", 0] });
    assert.deepEqual(origins(long), { video: ["LoadVideo", 0], edited_frame: ["ReVideoPrepareVideo", 0] });
    for (const node of [editor, conditions]) assert.deepEqual(origins(node), { frames: ["ReVideoPrepareVideo", 0], edited_frame: ["ReVideoPrepareVideo", 0] });
    assert.ok(!graph.nodes.some(({ type }) => type === "ReVideoExampleClip"));
});

test("App mode shows the loader's file where it showed the example, however it names its inputs", () => {
    const names = [(id) => id, String, (id) => `c0ffee00-0000-4000-8000-000000000000:${id}:example`];
    for (const name of names) {
        const { graph, example, editor } = build(PREPARED);
        const inputs = [[example.id + 10, "example"], [name(example.id), "example", { height: 40 }], [editor.id, "document"]];
        graph.extra = { linearData: { inputs, outputs: [4] } };
        const { loader } = clipLoader(editor, true, create);
        assert.deepEqual(inputs, [[example.id + 10, "example"], [loader.id, "file", { height: 40 }], [editor.id, "document"]]);
    }
});

test("where the example needed no Prepare Video, the clip gets one", () => {
    const { graph, editor, save } = build({
        example: ["ReVideoExampleClip"],
        editor: ["ReVideoEditor", { frames: ["example", 0], edited_frame: ["example", 1] }],
        save: ["CreateVideo", { images: ["editor", 0], fps: ["example", 2] }],
    });
    clipLoader(editor, true, create);
    assert.deepEqual(origins(editor), { frames: ["ReVideoPrepareVideo", 0], edited_frame: ["ReVideoPrepareVideo", 0] });
    assert.deepEqual(origins(save).fps, ["ReVideoPrepareVideo", 1]);
    assert.deepEqual(graph.nodes.map(({ type }) => type).sort(), ["CreateVideo", "LoadVideo", "ReVideoEditor", "ReVideoPrepareVideo"]);
});

test("a second clip goes into the loader that is there", () => {
    const { graph, editor } = build(PREPARED);
    const first = clipLoader(editor, true, create);
    const count = graph.nodes.length;
    assert.equal(clipLoader(editor, true, create).loader, first.loader);
    assert.equal(graph.nodes.length, count);
});

test("a picture beside a clip is the edited frame of all that edit the same", () => {
    const { editor, conditions, long, prepare } = build(PREPARED);
    const { loader, widget } = editedFrameLoader(editor, create);
    assert.deepEqual([loader.type, widget], ["LoadImage", "image"]);
    for (const node of [editor, conditions, long]) assert.deepEqual(origins(node).edited_frame, ["LoadImage", 0]);
    assert.deepEqual(origins(prepare), { video: ["ReVideoExampleClip", 3] });
    loader.widgets = [{ name: "image", value: "edited.png" }];
    assert.equal(editedFrameLoader(editor, create).loader, loader);
});

/** The nodes of a graph of two edits of one clip and one example frame, and a crop in the first. */
const EDITS = {
    clip: ["LoadVideo"],
    example: ["ReVideoExampleClip"],
    other: ["LoadImage"],
    scale: ["ImageScale", { image: ["other", 0] }],
    editor: ["ReVideoEditor", { frames: ["clip", 0], edited_frame: ["example", 1] }],
    crop: ["ReVideoCrop", { mask: ["editor", 0], edited_frame: ["scale", 0] }],
    conditions: ["ReVideoConditions", { mask: ["crop", 0], edited_frame: ["crop", 0] }],
    evaluate: ["ReVideoEvaluate", { mask: ["editor", 0], edited_frame: ["example", 1] }],
    second: ["ReVideoEditor", { frames: ["clip", 0], edited_frame: ["example", 1] }],
    apart: ["ReVideoConditions", { mask: ["second", 0], edited_frame: ["example", 1] }],
};

test("the edited frame goes to what this editor's drawing edits, by the way that is there, and to no other edit", () => {
    const { graph, other, editor, crop, conditions, evaluate, second, apart } = build(EDITS);
    const count = graph.nodes.length;
    for (const node of [editor, evaluate]) assert.equal(origins(node).edited_frame[0], "ReVideoExampleClip");
    other.widgets = [{ name: "image", value: "other.png" }];
    const { loader, missed } = editedFrameLoader(editor, create);
    assert.equal(loader, other); // what the run gets already
    for (const node of [editor, crop, evaluate]) assert.deepEqual(origins(node).edited_frame, ["ImageScale", 0]);
    assert.deepEqual(origins(conditions).edited_frame, ["ReVideoCrop", 0]);
    for (const node of [second, apart]) assert.deepEqual(origins(node).edited_frame, ["ReVideoExampleClip", 1]);
    assert.deepEqual([missed, graph.nodes.length], [[], count]);
});

test("the editor's own edited frame takes the place of another of its conditions, which need not have had one", () => {
    const { mine, editor, first, later } = build({
        mine: ["LoadImage"],
        theirs: ["LoadImage"],
        editor: ["ReVideoEditor", { frames: ["editor", 0], edited_frame: ["mine", 0] }],
        first: ["ReVideoConditions", { mask: ["editor", 0], edited_frame: ["theirs", 0] }],
        later: ["ReVideoConditions", { mask: ["editor", 0], edited_frame: ["editor", 0] }],
    });
    editor.inputs[0].link = later.inputs[1].link = null;
    for (const { widgets } of [mine]) widgets[1].value = "mine.png";
    assert.equal(editedFrameLoader(editor, create).loader, mine);
    for (const node of [editor, first, later]) assert.equal(node.graph.getLink(node.inputs[1].link).origin_id, mine.id);
});

test("alone, a file is the clip", () => {
    for (const isVideo of [true, false]) {
        const { graph, editor } = build({ editor: ["ReVideoEditor", { frames: ["editor", 0], edited_frame: ["editor", 0] }] });
        for (const input of editor.inputs) input.link = null;
        clipLoader(editor, isVideo, create);
        assert.deepEqual(origins(editor), { frames: ["ReVideoPrepareVideo", 0], edited_frame: null });
        assert.deepEqual(graph.nodes.map(({ type }) => type), ["ReVideoEditor", isVideo ? "LoadVideo" : "LoadImage", "ReVideoPrepareVideo"]);
    }
});

test("a picture that is the clip stays it beside an edited frame of its own", () => {
    const { editor } = build({ picture: ["LoadImage"], editor: ["ReVideoEditor", { frames: ["picture", 0], edited_frame: ["picture", 0] }] });
    const clip = editor.getInputLink(0).origin_id;
    const { loader } = editedFrameLoader(editor, create);
    assert.notEqual(loader.id, clip);
    assert.equal(editor.getInputLink(0).origin_id, clip);
});

test("new nodes lie on no others", () => {
    const { graph, editor } = build({ editor: ["ReVideoEditor", { frames: ["editor", 0], edited_frame: ["editor", 0] }], other: ["LoadImage"] });
    for (const input of editor.inputs) input.link = null;
    graph.nodes[1].pos = [editor.pos[0] - 760, editor.pos[1] + 20];
    for (let times = 0; times < 3; times += 1) {
        for (const input of editor.inputs) input.link = null;
        clipLoader(editor, true, create);
        editedFrameLoader(editor, create);
    }
    graph.nodes.forEach((one, index) => {
        for (const { pos, size } of graph.nodes.slice(index + 1))
            assert.ok(Math.abs(one.pos[0] - pos[0]) >= 300 || Math.abs(one.pos[1] - pos[1]) >= 200, `${one.pos} and ${pos} of ${size}`);
    });
});
