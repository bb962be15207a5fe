/** Status: one line that says what happens, what is wrong, or what the tool in hand does; and what is drawn, in words. */

import { nameOf, shortName } from "../document/items.js";
import { h, messageOf } from "../dom.js";
import { shortcut } from "../input/keymap.js";
import { t } from "../locale.js";
import { TOOLS } from "../tools/index.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../document/operations.js").Selection} Selection */
/** @typedef {import("../editor.js").Editor} Editor */

const NAMED = 4; // items named; the rest are counted

export class Status {
    #text = h("span", {});
    #missing = h("strong", {});
    element = h("div", { class: "rve-status", role: "status" }, this.#text, this.#missing);
    /** A passing remark. */
    notice = "";
    /** What is awaited or missing, until it is there. */
    waiting = "";
    /** What of the edited frame is not seen as a run gets it. */
    edited = "";

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
    }

    draw() {
        const warning = this.#outsideText();
        const passing = this.notice || this.waiting || this.#hiddenText() || this.#readingText() || this.#soloText();
        const text = passing || warning || this.edited || TOOLS[this.editor.session.tool].hint;
        if (this.#text.textContent !== text) this.#text.textContent = this.#text.title = text;
        this.#text.classList.toggle("rve-warning", !passing && warning !== "");
        const missing = this.#missingText();
        if (this.#missing.textContent !== missing) this.#missing.textContent = this.#missing.title = missing;
    }

    /** What a run would lack. */
    #missingText() {
        const { paths, regions } = this.editor.doc;
        const isShown = (/** @type {{visible?: boolean}} */ item) => item.visible !== false;
        const { givenMask } = this.editor;
        const mayMask = typeof givenMask === "object" ? !givenMask.isEmpty : givenMask !== "none";
        const changes = mayMask || regions.some((area) => isShown(area) && area.mode !== "subtract");
        if (!changes) return t`No area: nothing may change yet`;
        if (paths.some(isShown)) return givenMask === "unseen" ? t`The mask is seen after a run` : "";
        return givenMask === "unseen" ? t`No path: nothing moves yet. The mask is seen after a run` : t`No path: nothing moves yet`;
    }

    #hiddenText() {
        return this.editor.session.showsDrawing ? "" : t`The drawing is hidden: ${shortcut("drawing")} or a press on the stage shows it.`;
    }

    /** What a run takes though it is not seen. */
    #soloText() {
        const { doc, solo } = this.editor.session;
        if (!solo) return "";
        const all = doc.paths.length + doc.regions.length;
        return t`Solo: ${solo.paths.length + solo.regions.length} of ${all} shown (Esc ends it). A run takes all that is visible.`;
    }

    /** How far the clip has been read, while it is. */
    #readingText() {
        const { clip } = this.editor.backdrop;
        if (!clip) return "";
        const wanted = Math.min(clip.prepared.picked.length, clip.capacity);
        if (clip.error) return t`Reading the clip stopped after ${clip.ready} frames: ${messageOf(clip.error)}`;
        return clip.ready < wanted ? t`Reading the clip: ${clip.ready} of ${wanted} frames` : "";
    }

    #outsideText() {
        const { doc, outside } = this.editor;
        const names = doc.paths.filter((path) => outside.has(path.id)).map((path) => {
            const frames = [...(outside.get(path.id) ?? [])];
            const [first, last] = [Math.min(...frames), Math.max(...frames)];
            const name = shortName(doc.paths, path);
            return first === last ? t`${name} (frame ${first})` : t`${name} (frames ${first} to ${last})`;
        });
        if (!names.length) return "";
        const some = names.slice(0, NAMED).join(", ");
        if (names.length > NAMED) return t`Outside the areas, where nothing changes: ${some} and ${names.length - NAMED} more.`;
        return t`Outside the areas, where nothing changes: ${some}.`;
    }
}

/** What is drawn and selected, for those who do not see the stage. @type {(doc: EditDocument, selection: Selection, frame: number) => string} */
export function describe(doc, selection, frame) {
    const [ways, areas] = [doc.paths.length, doc.regions.length];
    const countedWays = ways === 0 ? t`no paths` : ways === 1 ? t`1 path` : t`${ways} paths`;
    const countedAreas = areas === 0 ? t`no areas` : areas === 1 ? t`1 area` : t`${areas} areas`;
    return [
        t`Frame ${frame} of 0 to ${doc.frames - 1}, ${doc.width} by ${doc.height} pixels.`,
        t`Drawn: ${countedWays}, ${countedAreas}.`,
        selectedText(doc, selection),
    ].join(" ");
}

/** @type {(doc: EditDocument, selection: Selection) => string} */
function selectedText(doc, { paths, regions, points }) {
    const [point] = points;
    const path = points.length === 1 && doc.paths.find(({ id }) => id === point.path);
    if (path) {
        const { x, y } = path.points[point.index];
        return t`Selected: point ${point.index + 1} of ${path.points.length} of ${nameOf(doc.paths, path)}, at ${Math.round(x)}, ${Math.round(y)}.`;
    }
    const names = [
        ...doc.paths.filter(({ id }) => paths.includes(id)).map((one) => nameOf(doc.paths, one)),
        ...doc.regions.filter(({ id }) => regions.includes(id)).map((one) => nameOf(doc.regions, one)),
    ];
    if (!names.length) return t`Nothing is selected.`;
    const some = names.slice(0, NAMED).join(", ");
    return names.length > NAMED ? t`Selected: ${some} and ${names.length - NAMED} more.` : t`Selected: ${some}.`;
}
