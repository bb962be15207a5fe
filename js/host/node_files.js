/** NodeFiles: files of the person's own, put into the graph where the editor's clip or its edited first frame comes from. */

import { messageOf } from "../dom.js";
import { clipLoader, editedFrameLoader, removeEditedFrame } from "../graph/own_files.js";
import { upstreamOf } from "../graph/upstream.js";
import { t } from "../locale.js";

/** @typedef {import("../clip/frames.js").Clip} Clip */
/** @typedef {import("../editor.js").Editor} Editor */
/** @typedef {import("./comfy.js").Comfy} Comfy */

const VIDEO_NAME = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|m?ts|m2ts|wmv|flv|ogv|3gp|mxf)$/i; // where the system names no type
const PICTURE_NAME = /\.(png|jpe?g|webp|gif|bmp|avif|tiff?)$/i;
const SAME_SHAPE = 0.02; // of the ratio of the sides: sizes are rounded to what a model takes

export class NodeFiles {
    /** @param {any} node @param {Editor} editor @param {Comfy} comfy @param {{opened: () => Promise<void>, changed: () => void}} clip */
    constructor(node, editor, comfy, clip) {
        this.node = node;
        this.editor = editor;
        this.comfy = comfy;
        this.clip = clip;
    }

    /** A clip, a picture, or one of each. @type {(files: File[]) => Promise<void>} */
    async open(files) {
        const { message } = this.editor;
        const [video, picture] = [files.find((file) => kindOf(file) === "video"), files.find((file) => kindOf(file) === "picture")];
        const strange = files.find((file) => !kindOf(file));
        if (strange) message.show(t`${strange.name} is neither a video nor a picture, nor a drawing or tracks (.json, .txt, .csv, .nk, .svg, .npy).`);
        else if (files.length > Number(!!video) + Number(!!picture)) message.show(t`One clip and one picture at a time: the first of each was taken.`);
        if (video) await this.#put(video, () => clipLoader(this.node, true, this.comfy.create));
        if (!picture) return;
        if (video) await this.setEditedFrame(picture);
        else if (upstreamOf(this.node, "frames")) await this.choose(picture);
        else await this.#setClip(picture);
    }

    /** A picture that is chosen becomes the edited first frame; where the clip has another shape, one is asked. @type {(picture: File) => Promise<void>} */
    async choose(picture) {
        await this.clip.opened();
        const { clip } = this.editor.backdrop;
        if (clip ? await hasShapeOf(clip, picture) : !upstreamOf(this.node, "frames")) return this.setEditedFrame(picture);
        this.editor.message.show(t`${picture.name} has another shape than the clip. What shall it be?`, [
            { text: t`The edited first frame`, act: () => this.setEditedFrame(picture) },
            { text: t`The clip`, act: () => this.#setClip(picture) },
        ]);
    }

    /** The clip's own first frame stands for the edited one. */
    removeEditedFrame() {
        removeEditedFrame(this.node);
        this.clip.changed();
        this.editor.say(t`No edited frame: the clip's own first frame stands for it.`);
    }

    /** @type {(picture: File) => Promise<any>} */
    #setClip(picture) {
        return this.#put(picture, () => clipLoader(this.node, false, this.comfy.create));
    }

    /** A picture becomes the edited first frame; resolves with the node that loads it, or null where that failed. @type {(picture: File) => Promise<any>} */
    setEditedFrame(picture) {
        return this.#put(picture, () => editedFrameLoader(this.node, this.comfy.create));
    }

    /** Uploads a file and sets it on the loader that it belongs to. @type {(file: File, loaderOf: () => import("../graph/own_files.js").Loader & {missed?: any[]}) => Promise<any>} */
    async #put(file, loaderOf) {
        this.editor.say(t`Uploading ${file.name} …`);
        try {
            const value = await this.comfy.upload(file);
            const { loader, widget, missed = [] } = loaderOf();
            choose(loader, widget, value);
            this.editor.say("");
            if (missed.length) this.editor.message.show(t`${missed.map(({ title, type }) => title ?? type).join(", ")}: in another graph, where no edited frame is connected from here. Connect ${file.name} there.`);
            this.clip.changed();
            this.comfy.renewApp();
            return loader;
        } catch (error) {
            this.editor.say("");
            this.editor.message.show(t`${file.name} was not loaded: ${messageOf(error)}`);
            return null;
        }
    }
}

/** Whether a picture is of the shape of a clip's file, or of its prepared frames. @type {(clip: Clip, file: File) => Promise<boolean>} */
async function hasShapeOf({ reader, prepared }, file) {
    const picture = await createImageBitmap(file).catch(() => null);
    if (!picture) return false;
    const ratio = picture.width / picture.height;
    picture.close();
    return [reader.source, prepared].some(({ width, height }) => Math.abs(ratio / (width / height) - 1) < SAME_SHAPE);
}

/** Sets a loader's file. @type {(loader: any, name: string, value: string) => void} */
function choose(loader, name, value) {
    const widget = loader.widgets?.find((/** @type {any} */ one) => one.name === name);
    if (Array.isArray(widget.options?.values) && !widget.options.values.includes(value)) widget.options.values.push(value);
    widget.value = value;
    widget.callback?.(value);
}

/** @type {(file: File) => "video" | "picture" | null} */
function kindOf({ type, name }) {
    if (type.startsWith("video/") || (!type.startsWith("image/") && VIDEO_NAME.test(name))) return "video";
    return type.startsWith("image/") || PICTURE_NAME.test(name) ? "picture" : null;
}
