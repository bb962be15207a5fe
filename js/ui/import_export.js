/** Import and export: drawings in and out, by clipboard, file or text. */

import { serializeDocument } from "../document/document.js";
import { insert, remove } from "../document/operations.js";
import { DocumentError, parseDocument } from "../document/schema.js";
import { formatTracks, inPixels, parseTracks, pathsFromTracks } from "../document/tracks_text.js";
import { h } from "../dom.js";
import { tracks } from "../geometry/curves.js";
import { chosenPart } from "../input/commands.js";

/** @typedef {import("../document/document.js").EditDocument} EditDocument */
/** @typedef {import("../editor.js").Editor} Editor */

const FORMATS = {
    document: "Drawing (JSON, everything)",
    points: 'Tracks: [[{"x", "y"}, …], …]',
    pairs: "Tracks: [[[x, y], …], …]",
    single: 'One track alone: [{"x", "y"}, …]',
};
const TEXT_FILE_LIMIT = 8e6; // bytes; a drawing has some thousands
const NAME = "revideo-drawing";

export class ImportExport {
    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.format = h("select", { "aria-label": "Format", onchange: () => this.#fill() }, ...Object.entries(FORMATS).map(([value, text]) => h("option", { value }, text)));
        this.text = h("textarea", { spellcheck: "false", "aria-label": "Drawing or tracks as text" });
        this.note = h("p", { class: "rve-note", role: "status" });
        this.file = h("input", { type: "file", accept: ".json,.txt,application/json,text/plain", hidden: true, onchange: () => this.#readFile() });
        const button = (/** @type {string} */ text, /** @type {string} */ title, /** @type {() => void} */ act) =>
            h("button", { class: "rve-button rve-wide", type: "button", title, onclick: act }, text);
        this.element = h(
            "div",
            { class: "rve-overlay", role: "dialog", "aria-modal": "true", "aria-label": "Import and export", hidden: true },
            h("header", {}, h("h2", {}, "Import and export"), h("button", { class: "rve-button", type: "button", "aria-label": "Close (Esc)", onclick: () => editor.closeOverlays() }, "✕")),
            h("div", { class: "rve-pair" }, this.format, button("Copy", "Copy the text", () => this.#copy()), button("Save", "Save the text as a file", () => this.#save())),
            this.text,
            this.note,
            h(
                "div",
                { class: "rve-pair" },
                button("Open file…", "Fill the text from a file", () => this.file.click()),
                button("Add", "Add what the text holds to the drawing", () => this.#import(false)),
                button("Replace", "Put what the text holds in place of the drawing", () => this.#import(true)),
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
        if (!count) return editor.say("There is nothing to copy.");
        data.setData("text/plain", serializeDocument(part));
        if (event === "cut") editor.commit(remove(editor.doc, { paths: part.paths.map(({ id }) => id), regions: part.regions.map(({ id }) => id), points: [] }), "cut");
        editor.say(`${count} ${count === 1 ? "item" : "items"} copied.`);
    }

    /** Files dropped on the editor: drawings are added, others are the host's. @type {(files: File[]) => void} */
    drop(files) {
        const drawings = files.filter((file) => /\.(json|txt)$/i.test(file.name));
        for (const file of drawings) this.#textOf(file).then((text) => this.add(text), (error) => this.editor.message.show(error.message));
        const others = files.filter((file) => !drawings.includes(file));
        if (others.length) this.editor.host.dropped(others);
    }

    /** Adds a drawing or tracks to the drawing, and selects what came. True if it could be read. @type {(text: string) => boolean} */
    add(text) {
        const { editor } = this;
        try {
            const { doc, selection } = insert(editor.doc, this.#read(text));
            editor.commit(doc, "paste");
            editor.select(selection);
            const count = selection.paths.length + selection.regions.length;
            editor.say(`${count} ${count === 1 ? "item" : "items"} added.`);
            return true;
        } catch (error) {
            editor.message.show(`Nothing was added: ${/** @type {Error} */ (error).message}`);
            return false;
        }
    }

    /** A drawing, else tracks in any form. Throws with the message of the one that it resembles. @type {(text: string) => EditDocument} */
    #read(text) {
        const { doc } = this.editor;
        if (/^\s*\{/.test(text) && !/^\s*\{\s*['"]x['"]/.test(text)) {
            const read = parseDocument(text);
            if (read) return read;
        }
        const paths = pathsFromTracks(inPixels(parseTracks(text), doc), doc);
        if (!paths.length) throw new DocumentError("the text holds no path");
        return { ...doc, paths, regions: [] };
    }

    /** @type {(file: File) => Promise<string>} */
    async #textOf(file) {
        if (file.size > TEXT_FILE_LIMIT) throw new Error(`${file.name} is too large for a drawing: ${Math.round(file.size / 1e6)} MB`);
        const content = await file.arrayBuffer();
        const [first, second] = new Uint8Array(content);
        const wide = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
        return new TextDecoder(wide).decode(content); // Excel and PowerShell write UTF-16
    }

    // --- The dialog ----------------------------------------------------------------------------

    #fill() {
        const { editor } = this;
        try {
            const format = /** @type {keyof typeof FORMATS} */ (this.format.value);
            this.text.value = format === "document" ? serializeDocument(editor.doc) : formatTracks(tracks(editor.doc), format);
            this.note.textContent = format === "document" ? "" : "A point for each frame of every visible path.";
        } catch (error) {
            this.text.value = "";
            this.note.textContent = /** @type {Error} */ (error).message;
        }
    }

    async #copy() {
        try {
            await navigator.clipboard.writeText(this.text.value);
            this.note.textContent = "Copied.";
        } catch {
            this.text.focus(); // without permission the person copies it
            this.text.select();
            this.note.textContent = "The browser does not let us copy: press Ctrl C.";
        }
    }

    #save() {
        const url = URL.createObjectURL(new Blob([this.text.value], { type: "application/json" }));
        const link = h("a", { href: url, download: `${NAME}.json` });
        link.click();
        setTimeout(() => URL.revokeObjectURL(url), 10_000);
    }

    async #readFile() {
        const [file] = this.file.files ?? [];
        this.file.value = "";
        if (!file) return;
        try {
            this.text.value = await this.#textOf(file);
            this.note.textContent = `${file.name}: press Add or Replace.`;
        } catch (error) {
            this.note.textContent = /** @type {Error} */ (error).message;
        }
    }

    /** @type {(replace: boolean) => void} */
    #import(replace) {
        const { editor } = this;
        try {
            const read = this.#read(this.text.value);
            const base = replace ? { ...editor.doc, paths: [], regions: [] } : editor.doc;
            const { doc, selection } = insert(base, read);
            editor.commit(doc, replace ? "replace the drawing" : "import");
            editor.select(selection);
            editor.closeOverlays();
        } catch (error) {
            this.note.textContent = `Nothing was changed: ${/** @type {Error} */ (error).message}`;
        }
    }
}
