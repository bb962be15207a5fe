/** NodeRuns: what an editor has ComfyUI run by itself, before all that waits: its frames, one of them as a picture, points followed. */

import { messageOf } from "../dom.js";
import { parseTracks, pathsFromTracks } from "../exchange/tracks_text.js";
import { executionIdOf, runPart } from "../graph/partial_run.js";
import { t } from "../locale.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/document.js").Path} Path */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../geometry/viewport.js").XY} XY */
/** @typedef {import("../graph/partial_run.js").PromptNode} PromptNode */
/** @typedef {import("./comfy.js").Comfy} Comfy */

const TRACKS = 2; // output of the editor's node
const TRACKED = 1; // the text among those of Track Points

export class NodeRuns {
    /** @param {any} node @param {Editor} editor @param {Comfy} comfy */
    constructor(node, editor, comfy) {
        this.node = node;
        this.editor = editor;
        this.comfy = comfy;
    }

    /** The node itself and what feeds it, so that its frames are seen. */
    showFrames() {
        return this.#tell(t`Running what feeds the frames …`, t`The frames were not shown`, () =>
            runPart(this.comfy, () => [{ class_type: "PreviewAny", inputs: { source: [executionIdOf(this.node), TRACKS] } }]),
        );
    }

    /** A frame as the run gets it, to the bit; null where that failed. @type {(frame: number) => Promise<Blob | null>} */
    frame(frame) {
        return this.#tell(t`Fetching the frame …`, t`The frame was not fetched`, async () => {
            const { images } = await runPart(this.comfy, (nodes) => [
                { class_type: "ImageFromBatch", inputs: { image: this.#framesIn(nodes), batch_index: frame, length: 1 } },
                { class_type: "PreviewImage", inputs: { images: ["revideo0", 0] } },
            ]);
            const answer = await fetch(this.comfy.viewUrl(images[0]));
            if (!answer.ok) throw new Error(t`ComfyUI does not give it (${answer.status} ${answer.statusText})`);
            return answer.blob();
        });
    }

    /** Paths of what lies at these places of a frame, as Track Points follows it; null where that failed. @type {(places: XY[], frame: number) => Promise<Path[] | null>} */
    track(places, frame) {
        return this.#tell(t`Following it through the clip …`, t`It was not followed`, async () => {
            const settings = { follow: "points", frame, spacing: 16, most: 10, seed: 0, hidden_moves: false };
            const { text } = await runPart(this.comfy, (nodes) => [
                { class_type: "ReVideoTrackPoints", inputs: { frames: this.#framesIn(nodes), ...settings, point_list: JSON.stringify(places.map(({ x, y }) => ({ x, y }))) } },
                { class_type: "PreviewAny", inputs: { source: ["revideo0", TRACKED] } },
            ]);
            return pathsFromTracks(parseTracks(text[0]), this.editor.doc);
        });
    }

    /** The output that feeds the editor. @type {(nodes: Record<string, PromptNode>) => [string, number]} */
    #framesIn(nodes) {
        const link = nodes[executionIdOf(this.node)]?.inputs.frames;
        if (!Array.isArray(link)) throw new Error(t`no frames are connected, or this node is bypassed`);
        return /** @type {[string, number]} */ (link);
    }

    /** Says what goes on, and what went wrong. @template T @param {string} doing @param {string} failed @param {() => Promise<T>} run @returns {Promise<T | null>} */
    async #tell(doing, failed, run) {
        const { editor } = this;
        editor.say(doing);
        try {
            const result = await run();
            editor.say("");
            return result;
        } catch (error) {
            editor.say("");
            editor.message.show(t`${failed}: ${messageOf(error)}`);
            return null;
        }
    }
}
