/** Partial run: one node more at the end of a part of the graph, run by itself, before all that waits. */

import { t } from "../locale.js";
import { subgraphNodeOf } from "./upstream.js";

/**
 * As ComfyUI's /prompt takes it; an input is a value, or the id and the output of the node that feeds it.
 * @typedef {{class_type: string, inputs: Record<string, any>, _meta?: {title: string}}} PromptNode
 */

const ADDED = "revideo"; // id of the nodes that are in no graph

/** A node's id in a prompt: those of the subgraphs that hold it come before. @type {(node: any) => string} */
export function executionIdOf(node) {
    const around = subgraphNodeOf(node.graph);
    return around ? `${executionIdOf(around)}:${node.id}` : String(node.id);
}

/**
 * Runs nodes that are added to the graph for this once, and what they depend on. The last of them is an output node,
 * whose output it resolves with. They name each other by their place: ["revideo0", 0]. `adds` gets the graph's own
 * nodes by their ids. Rejects with the reason where it does not run.
 * @type {(comfy: {app: any, api: any}, adds: (nodes: Record<string, PromptNode>) => PromptNode[]) => Promise<any>}
 */
export async function runPart({ app, api }, adds) {
    const { output: nodes, workflow } = await app.graphToPrompt();
    const added = adds(nodes);
    added.forEach((node, index) => (nodes[`${ADDED}${index}`] = { _meta: { title: "ReVideo Editor" }, ...node }));
    const last = `${ADDED}${added.length - 1}`;
    const events = new AbortController();
    /** @type {any[]} what was told before the prompt's id was known */
    const told = [];
    /** @type {(event: any) => void} */
    let hear = (event) => void told.push(event);
    for (const name of ["executed", "execution_error", "execution_interrupted", "execution_success"])
        api.addEventListener(name, (/** @type {any} */ event) => hear(event), { signal: events.signal });
    try {
        const { prompt_id: id } = await api.queuePrompt(-1, { output: needed(nodes, last), workflow });
        return await new Promise((resolve, reject) => {
            hear = ({ type, detail }) => {
                if (detail?.prompt_id !== id) return;
                if (type === "executed" && detail.node === last) resolve(detail.output);
                else if (type === "execution_error") reject(new Error(detail.exception_message?.trim() || t`a node failed`));
                else if (type === "execution_interrupted") reject(new Error(t`it was stopped`));
                else if (type === "execution_success") reject(new Error(t`it gave nothing`));
            };
            told.forEach(hear);
        });
    } finally {
        events.abort();
    }
}

/** The nodes that one depends on, and itself. @type {(nodes: Record<string, PromptNode>, last: string) => Record<string, PromptNode>} */
function needed(nodes, last) {
    const open = [last];
    /** @type {Record<string, PromptNode>} */
    const found = {};
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
        if (id in found || !(id in nodes)) continue;
        found[id] = nodes[id];
        for (const value of Object.values(nodes[id].inputs)) if (Array.isArray(value)) open.push(String(value[0]));
    }
    return found;
}
