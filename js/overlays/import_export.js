/** Import and export: drawings in and out, by clipboard, file or text. */

import { serializeDocument } from "../document/document.js";
import { fileNameOf } from "../document/items.js";
import { stayText, unlockedPart } from "../document/locks.js";
import { insert, remove, unbound } from "../document/operations.js";
import { parseDocument } from "../document/schema.js";
import { h, messageOf } from "../dom.js";
import { TRACK_FORMATS, drawnPaths, lostIn, readFileContent, readTracks, writeArray, writeTracks } from "../exchange/exchange.js";
import { tracks } from "../geometry/curves.js";
import { followIds } from "../geometry/pose.js";
import { chosenPart } from "../input/commands.js";
import { frameAt } from "../input/player.js";
import { t } from "../locale.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("../exchange/exchange.js").Exchanged} Exchanged */

const FORMATS = {
    document: { title: t`Drawing (JSON, everything)`, ending: "json" },
    ...TRACK_FORMATS,
    array: { title: t`Tracks: NumPy array`, ending: "npy" }, // a file and no text
};
const ENDINGS = ["json", "txt", "csv", "tsv", "nk", "svg", "npy"];
const FILE_LIMIT = 8e6; // bytes; a drawing has some thousands
const NAME = "revideo-drawing";

export class ImportExport {
    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.format = h("select", { "aria-label": t`Format`, onchange: () => this.#fill() }, ...Object.entries(FORMATS).map(([value, { title }]) => h("option", { value }, title)));
        this.text = h("textarea", { spellcheck: "false", "aria-label": t`Drawing or tracks as text`, oninput: () => (this.opened = null) });
        /** Tracks of a file that is no text, until something else is in hand. @type {Exchanged | null} */
        this.opened = null;
        /** What was copied here last, and the text of it. @type {{text: string, part: EditDocument, session: Editor["session"]} | null} */
        this.copied = null;
        this.note = h("p", { class: "rve-note", role: "status" });
        this.file = h("input", { type: "file", accept: ENDINGS.map((ending) => `.${ending}`).join(), hidden: true, onchange: () => this.#readFile() });
        const button = (/** @type {string} */ text, /** @type {string} */ title, /** @type {() => void} */ act) =>
            h("button", { class: "rve-button rve-wide", type: "button", title, onclick: act }, text);
        this.element = h(
            "div",
            { class: "rve-overlay", role: "dialog", "aria-modal": "true", "aria-label": t`Import and export`, hidden: true },
            h("header", {}, h("h2", {}, t`Import and export`), h("button", { class: "rve-button", type: "button", title: t`Close (Esc)`, "aria-label": t`Close (Esc)`, onclick: () => editor.closeOverlays() }, "✕")),
            h("div", { class: "rve-pair" }, this.format, button(t`Copy`, t`Copy the text`, () => this.#copy()), button(t`Save`, t`Save the text as a file`, () => this.#save())),
            this.text,
            this.note,
            h(
                "div",
                { class: "rve-pair" },
                button(t`Open file…`, t`Take what a file holds: ${ENDINGS.join(", ")}`, () => this.file.click()),
                button(t`Add`, t`Add what the text holds to the drawing`, () => this.#import(false)),
                button(t`Replace`, t`Put what the text holds in place of the drawing`, () => this.#import(true)),
            ),
            this.file,
        );
        this.element.addEventListener("keydown", (event) => {
            event.stopPropagation();
            if (event.key === "Escape") editor.closeOverlays();
        });
    }

    open() {
        this.#fill();
        this.editor.dialogs.open(this.element, this.text);
        this.text.select();
    }

    // --- Clipboard and files -------------------------------------------------------------------

    /** @type {(event: "copy" | "cut" | "paste", data: DataTransfer | null) => void} */
    clipboard(event, data) {
        const { editor } = this;
        if (!data) return;
        if (event === "paste") {
            const text = data.getData("text/plain");
            if (text.trim()) this.add(text);
            else if (data.files.length) this.drop([...data.files]);
            return;
        }
        const part = chosenPart(editor);
        const count = part.paths.length + part.regions.length;
        if (!count) return editor.say(t`There is nothing to copy.`);
        const text = serializeDocument(unbound(editor.doc, part, frameAt(editor.time)));
        this.copied = { text, part, session: editor.session };
        data.setData("text/plain", text);
        editor.say(count === 1 ? t`1 item copied.` : t`${count} items copied.`);
        if (event !== "cut") return;
        const chosen = wholeOf(part);
        const stays = stayText(editor.doc, chosen);
        editor.commit(remove(editor.doc, unlockedPart(part, chosen)), t`cut`);
        if (stays) editor.say(t`${count} copied. ${stays}`);
    }

    /** Files dropped on the editor: drawings are added, others are the host's. @type {(files: File[]) => void} */
    drop(files) {
        const drawings = files.filter((file) => ENDINGS.some((ending) => file.name.toLowerCase().endsWith(`.${ending}`)));
        for (const file of drawings) this.#contentOf(file).then((content) => this.add(content), (error) => this.editor.message.show(t`Nothing was added: ${error.message}`));
        const others = files.filter((file) => !drawings.includes(file));
        if (others.length) this.editor.host.opened(others);
    }

    /** Adds a drawing or tracks to the drawing, and selects what came. True if it could be read. @type {(content: string | Exchanged) => boolean} */
    add(content) {
        const { editor } = this;
        try {
            const read = this.#read(content);
            const { doc, selection } = insert(editor.session.doc, read.doc); // what is dragged meanwhile is left
            editor.commit(doc, t`paste`);
            editor.select(selection);
            this.#sayAdded(selection, read.notes);
            return true;
        } catch (error) {
            editor.message.show(t`Nothing was added: ${messageOf(error)}`);
            return false;
        }
    }

    /** What came in, and how it was read, until it is clicked away. @type {(selection: {paths: string[], regions: string[]}, notes: string[]) => void} */
    #sayAdded({ paths, regions }, notes) {
        const count = paths.length + regions.length;
        const told = notes.join("; ");
        const sentence = told && `${told[0].toUpperCase()}${told.slice(1)}`;
        this.editor.say(count === 1 ? t`1 item added.` : t`${count} items added.`);
        if (told) this.editor.message.show(t`${sentence}.`); // too long for the status line
    }

    /**
     * A drawing, else tracks in any form, and what people should know of how they were read.
     * Throws with the message of the one that it resembles.
     * @type {(content: string | Exchanged) => {doc: EditDocument, notes: string[]}}
     */
    #read(content) {
        const { doc } = this.editor;
        const text = typeof content === "string" ? content : "";
        if (/^\s*\{(?!\s*(['"]x['"]|1\s))/.test(text)) {
            const own = this.copied?.text === text && this.copied.session === this.editor.session ? this.copied.part : null;
            const paths = new Set([...doc.paths, ...(own?.paths ?? [])].map(({ id }) => id));
            if (own?.regions.every((area) => followIds(area).every((id) => paths.has(id)))) return { doc: own, notes: [] }; // what it follows is there
            if (/"(nodes|class_type)"\s*:/.test(text)) throw new Error(t`this is a ComfyUI workflow, not a drawing: open it beside the editor`);
            const read = parseDocument(text);
            if (read) return { doc: read, notes: [] };
        }
        const { paths, notes } = drawnPaths(typeof content === "string" ? readTracks(text, doc) : content, doc);
        return { doc: { ...doc, paths, regions: [] }, notes };
    }

    /** @type {(file: File) => Promise<string | Exchanged>} */
    async #contentOf(file) {
        if (file.size > FILE_LIMIT) throw new Error(t`${file.name} is too large for a drawing: ${Math.round(file.size / 1e6)} MB`);
        return readFileContent(await file.arrayBuffer(), this.editor.doc.frames);
    }

    // --- The dialog ----------------------------------------------------------------------------

    #fill() {
        this.opened = null;
        try {
            const format = this.#chosen();
            this.text.value = format === "document" ? serializeDocument(this.editor.doc) : format === "array" ? "" : this.#tracksAs(format);
            this.note.textContent = format === "document" ? "" : format === "array" ? t`An array is no text: Save writes it as a file, (paths, frames, 3) with 1 where visible.` : lostIn(format);
        } catch (error) {
            this.text.value = "";
            this.note.textContent = /** @type {Error} */ (error).message;
        }
    }

    /** @type {() => keyof typeof FORMATS} */
    #chosen() {
        return /** @type {keyof typeof FORMATS} */ (this.format.value);
    }

    /** @type {(format: import("../exchange/exchange.js").TrackFormat) => string} */
    #tracksAs(format) {
        const { doc } = this.editor;
        const paths = doc.paths.filter((path) => path.visible !== false);
        const names = paths.map((path) => fileNameOf(doc.paths, path));
        const unlike = names.map((name, at) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} ${paths[at].id}`));
        return writeTracks(format, tracks(doc), { paths, names: unlike, width: doc.width, height: doc.height, rate: this.editor.backdrop.fps });
    }

    async #copy() {
        try {
            await navigator.clipboard.writeText(this.text.value);
            this.note.textContent = t`Copied.`;
        } catch {
            this.text.focus(); // without permission the person copies it
            this.text.select();
            this.note.textContent = t`The browser does not let us copy: press Ctrl C.`;
        }
    }

    #save() {
        const { ending } = FORMATS[this.#chosen()];
        const content = ending === "npy" ? writeArray(tracks(this.editor.doc)) : this.text.value;
        download(new Blob([content], { type: ending === "json" ? "application/json" : "application/octet-stream" }), `${NAME}.${ending}`);
    }

    async #readFile() {
        const [file] = this.file.files ?? [];
        this.file.value = "";
        if (!file) return;
        try {
            const content = await this.#contentOf(file);
            const isText = typeof content === "string";
            this.text.value = isText ? content : "";
            this.opened = isText ? null : content;
            this.note.textContent = isText ? t`${file.name}: press Add or Replace.` : t`${file.name}: ${content.readAs}. Press Add or Replace.`;
        } catch (error) {
            this.note.textContent = /** @type {Error} */ (error).message;
        }
    }

    /** @type {(replace: boolean) => void} */
    #import(replace) {
        const { editor } = this;
        try {
            const read = this.#read(this.opened ?? this.text.value);
            const chosen = wholeOf(editor.doc);
            const base = replace ? remove(editor.doc, unlockedPart(editor.doc, chosen)) : editor.doc;
            const stays = replace ? stayText(editor.doc, chosen) : "";
            const { doc, selection } = insert(base, read.doc);
            editor.commit(doc, replace ? t`replace the drawing` : t`import`);
            editor.select(selection);
            editor.closeOverlays();
            this.#sayAdded(selection, stays ? [...read.notes, stays.slice(0, -1)] : read.notes);
        } catch (error) {
            this.note.textContent = t`Nothing was changed: ${messageOf(error)}`;
        }
    }
}

/** All of a drawing, as a selection. @type {(doc: EditDocument) => import("../document/operations.js").Selection} */
const wholeOf = ({ paths, regions }) => ({ paths: paths.map(({ id }) => id), regions: regions.map(({ id }) => id), points: [] });

/** Saves a file where the browser saves files. @type {(content: Blob, name: string) => void} */
export function download(content, name) {
    const url = URL.createObjectURL(content);
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
