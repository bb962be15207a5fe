/** Backdrop: the picture under the drawing. It is the clip's, and on frame 0 the edited one. */

/** @typedef {import("./frames.js").Clip} Clip */

const BLANK_FPS = 8; // until a clip is known

export class Backdrop {
    /** Its owner's. @type {Clip | null} */
    clip = null;
    /** Shows the source in place of the edited frame. */
    comparing = false;
    /** @type {ImageBitmap | null} */
    #edited = null;

    get fps() {
        return this.clip?.prepared.fps ?? BLANK_FPS;
    }

    get hasEdited() {
        return this.#edited !== null;
    }

    /** Takes the picture over: it is closed when another comes. @type {(picture: ImageBitmap | null) => void} */
    setEdited(picture) {
        this.#edited?.close();
        this.#edited = picture;
    }

    /** What is seen of a frame, and where it lies in a document of this size. @type {(frame: number, size: {width: number, height: number}) => {picture: ImageBitmap | null, place: import("./frame_mapping.js").Prepared["place"]}} */
    at(frame, { width, height }) {
        const edited = frame === 0 && !this.comparing ? this.#edited : null;
        const picture = edited ?? this.clip?.picture(frame) ?? null;
        return { picture, place: edited || !this.clip ? { x: 0, y: 0, width, height } : this.clip.prepared.place };
    }

    destroy() {
        this.clip = null;
        this.setEdited(null);
    }
}
