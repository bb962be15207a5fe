/** FrameMenu: where the edited first frame comes from: a picture that is chosen, ComfyUI's mask editor, another program. */

import { h } from "../dom.js";
import { frameAt } from "../input/player.js";
import { t } from "../locale.js";
import { Menu } from "./menu.js";

/** @typedef {import("../editor.js").Editor} Editor */

const SAVES = { source: t`Save the frame shown as a picture`, edited: t`Save the edited frame as a picture`, result: t`Save the frame of the result as a picture` };

export class FrameMenu {
    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
        this.menu = new Menu(() => editor.focus());
        this.file = h("input", { type: "file", accept: "image/*", hidden: true, "aria-label": t`Edited first frame`, onchange: () => this.#choose() });
        this.elements = [this.menu.element, this.file];
    }

    open() {
        const { editor } = this;
        const box = editor.toolbar.firstFrame.getBoundingClientRect();
        const items = [
            { text: t`Use a picture as edited first frame…`, act: () => this.file.click() },
            { text: editor.backdrop.hasEdited ? t`Paint on it in ComfyUI's mask editor` : t`Paint on the first frame in ComfyUI's mask editor`, act: () => editor.run("paint-frame") },
            ...(editor.backdrop.hasEdited ? [{ text: t`Without edited frame`, act: () => editor.host.removeFrame() }] : []),
            null,
            { text: SAVES[editor.backdrop.shows(frameAt(editor.time))], act: () => editor.run("save-frame") },
        ];
        this.menu.open(t`First frame`, items, { x: box.left, y: box.bottom });
    }

    #choose() {
        const [file] = this.file.files ?? [];
        this.file.value = "";
        if (file) this.editor.host.chooseFrame(file);
    }
}
