/** Backdrop: the picture under the drawing. It is the clip's, on frame 0 the edited one, or what a run gave. */

/** @typedef {import("./frames.js").Clip} Clip */
/** @typedef {import("./frame_mapping.js").Prepared["place"]} Place */
/** @typedef {"source" | "result" | "wipe" | "difference"} View */

/**
 * What is seen of a frame.
 * @typedef {object} Picture
 * @property {ImageBitmap | null} picture
 * @property {Place} place  where it lies in the document
 * @property {ImageBitmap | null} [over]  the result, over all of the frame
 * @property {"wipe" | "difference"} [by]  how that is laid over
 * @property {number} [wipe]  from which part of the width on
 */

const BLANK_FPS = 8; // until a clip is known

export class Backdrop {
    /** Its owner's. @type {Clip | null} */
    clip = null;
    /** Of the last run; its owner's. @type {Clip | null} */
    result = null;
    /** @type {View} */
    view = "source";
    /** Where the wipe is, as a part of the width. */
    wipe = 0.5;
    /** Shows the source in place of the edited frame and of the result. */
    comparing = false;
    /** @type {ImageBitmap | null} */
    #edited = null;

    get fps() {
        return this.clip?.prepared.fps ?? BLANK_FPS;
    }

    /** The edited frame, where the source is seen that it is laid over. */
    get onion() {
        return this.view === "source" && !this.comparing ? this.#edited : null;
    }

    get hasEdited() {
        return this.#edited !== null;
    }

    /** Takes the picture over: it is closed when another comes. @type {(picture: ImageBitmap | null) => void} */
    setEdited(picture) {
        this.#edited?.close();
        this.#edited = picture;
    }

    /** Says which frame is shown. @type {(frame: number) => void} */
    want(frame) {
        this.clip?.want(frame);
        if (this.view !== "source") this.result?.want(frame);
    }

    /** Which of them is seen of a frame; a wipe and a difference are of the result. @type {(frame: number) => "source" | "edited" | "result"} */
    shows(frame) {
        if (this.comparing) return "source";
        if (this.view !== "source" && this.result?.picture(frame)) return "result";
        return frame === 0 && this.#edited ? "edited" : "source";
    }

    /** What is seen of a frame in a document of this size. @type {(frame: number, size: {width: number, height: number}) => Picture} */
    at(frame, { width, height }) {
        const whole = { x: 0, y: 0, width, height };
        const source = { picture: this.clip?.picture(frame) ?? null, place: this.clip?.prepared.place ?? whole };
        const shows = this.shows(frame);
        if (shows === "source") return source;
        const picture = (shows === "edited" ? this.#edited : this.result?.picture(frame)) ?? null;
        if (shows === "result" && (this.view === "wipe" || this.view === "difference")) return { ...source, over: picture, by: this.view, wipe: this.wipe };
        return { picture, place: whole };
    }

    destroy() {
        this.clip = this.result = null;
        this.setEdited(null);
    }
}
