/** Player: the time shown, moved by hand or running at the clip's rate. */

/** @typedef {import("../editor.js").Editor} Editor */

const ROUNDING = 1e-6; // of a frame

/** The frame shown at a time. @type {(time: number) => number} */
export const frameAt = (time) => Math.floor(time + ROUNDING);

export class Player {
    playing = false;
    #before = 0; // when time was last advanced, in milliseconds

    /** @param {Editor} editor */
    constructor(editor) {
        this.editor = editor;
    }

    /** @type {(time: number) => void} */
    seek(time) {
        const { editor } = this;
        editor.session.time = Math.min(Math.max(time, 0), editor.doc.frames - 1);
        editor.backdrop.want(frameAt(editor.session.time));
        editor.redraw();
    }

    play() {
        const { editor } = this;
        if (editor.doc.frames < 2) return;
        if (!editor.session.loop && editor.time >= editor.doc.frames - 1) editor.session.time = 0;
        this.playing = true;
        this.#before = performance.now();
        editor.redraw();
    }

    pause() {
        if (!this.playing) return;
        this.playing = false;
        this.seek(frameAt(this.editor.time));
    }

    /** Called before each picture while playing. @type {(now: number) => void} */
    advance(now) {
        const { editor } = this;
        const { frames } = editor.doc;
        const time = editor.session.time + (Math.max(now - this.#before, 0) / 1000) * editor.backdrop.fps;
        this.#before = Math.max(now, this.#before);
        if (time >= frames && !editor.session.loop) {
            editor.session.time = frames - 1;
            return this.pause();
        }
        editor.session.time = time % frames; // the last frame is shown as long as the others
        editor.backdrop.want(frameAt(editor.session.time));
    }
}
