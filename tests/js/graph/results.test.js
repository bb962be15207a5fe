// What plays as a result: the end of an edit, no picture of what was asked for.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { resultOf } from "../../../js/graph/results.js";

const EXAMPLES = new URL("../../../example_workflows/", import.meta.url);
const FILES = { images: [{ filename: "a.mp4", subfolder: "", type: "output" }] };

/** The graph of a workflow's file, in the part of ComfyUI's shape that is asked for. */
function graphOf({ nodes, links }) {
    const graph = {
        nodes: nodes.map((node) => ({ mode: 0, ...node })),
        getNodeById: (id) => graph.nodes.find((node) => node.id === Number(id)),
        getLink(id) {
            const [, origin_id, origin_slot] = links.find(([link]) => link === id) ?? [];
            return origin_id === undefined ? undefined : { origin_id, origin_slot };
        },
    };
    graph.rootGraph = graph;
    for (const node of graph.nodes) node.graph = graph;
    return graph;
}

/** Kinds of nodes whose pictures would play in the editor. */
function playing(graph) {
    const editor = graph.nodes.find(({ type }) => type === "ReVideoEditor");
    return graph.nodes.filter(({ id }) => resultOf(editor, { node: id, output: FILES, prompt_id: "run" }, 0)).map(({ type }) => type);
}

test("of every example the saved video plays, and what ends the edit; neither masks, paths, frames nor conditions", () => {
    const names = readdirSync(EXAMPLES).filter((name) => name.endsWith(".json"));
    assert.ok(names.length > 9);
    for (const name of names) {
        if (name.startsWith("13")) continue; // nothing is drawn there
        const found = playing(graphOf(JSON.parse(readFileSync(new URL(name, EXAMPLES), "utf8"))));
        assert.ok(found.includes("SaveVideo"), name);
        const others = ["PreviewImage", "ReVideoConditions", "ReVideoTrackPoints", "ReVideoFollowMask", "ReVideoExampleClip"];
        if (!name.startsWith("09")) others.push("SaveImage"); // there it has the first frame, sampled too: one picture, which does not play
        for (const type of others) assert.ok(!found.includes(type), `${name}: ${type}`);
    }
});

test("pictures of the mask, the conditions and an evaluation are no result, though they are saved as a video", () => {
    let count = 0;
    const links = [];
    const node = (type, inputs = {}, output = "IMAGE") => {
        const id = (count += 1);
        const wired = Object.entries(inputs).map(([name, [from, slot]]) => ({ name, link: links.push([links.length + 1, from.id, slot]) }));
        return { id, type, inputs: wired, outputs: Array.from({ length: 5 }, () => ({ type: output })) };
    };
    const editor = node("ReVideoEditor", {}, "MASK");
    const conditions = node("ReVideoConditions", { mask: [editor, 1] });
    const seen = node("SeenConditions", { images: [conditions, 1] });
    const drawn = node("SeenMask", { mask: [editor, 1] });
    const sampler = node("KSampler", { positive: [conditions, 0] }, "LATENT");
    const decoded = node("VAEDecode", { samples: [sampler, 0] });
    const raw = node("SeenFrames", { images: [decoded, 0] });
    const measured = node("ReVideoEvaluate", { edited: [decoded, 0], mask: [editor, 1] });
    const chart = node("SeenChart", { images: [measured, 1] });
    const second = node("ReVideoEditor", { frames: [decoded, 0] }, "MASK");
    const later = node("SeenLaterMask", { mask: [second, 1] });
    const nodes = [editor, conditions, seen, drawn, sampler, decoded, raw, measured, chart, second, later];
    assert.deepEqual(playing(graphOf({ nodes, links })), ["VAEDecode", "SeenFrames"]);
});

test("frames that a propagator painted inside an editor's mask are a result", () => {
    const outputs = (/** @type {string} */ type) => Array.from({ length: 5 }, () => ({ type }));
    const nodes = [
        { id: 1, type: "ReVideoEditor", inputs: [], outputs: outputs("MASK") },
        { id: 2, type: "ReVideoPropagate", inputs: [{ name: "mask", link: 1 }], outputs: outputs("IMAGE") },
        { id: 3, type: "SaveVideo", inputs: [{ name: "video", link: 2 }], outputs: [] },
    ];
    const links = [
        [1, 1, 1],
        [2, 2, 0],
    ];
    assert.deepEqual(playing(graphOf({ nodes, links })), ["ReVideoPropagate", "SaveVideo"]);
});
