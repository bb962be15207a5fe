/** Layers: the pile of canvases. One is drawn again when what it shows is another. */

import { sizeCanvas } from "./canvas.js";
import { drawLive, drawPaths, drawPicture } from "./render.js";
import { drawAreas } from "./render_areas.js";
import { h } from "../dom.js";

/** @typedef {import("./render.js").Scene} Scene */
/** @typedef {import("../clip/frame_mapping.js").Prepared["place"]} Place */

const NAMES = /** @type {const} */ (["picture", "areas", "paths", "live"]);

export class Layers {
    canvases = NAMES.map((name) => h("canvas", { class: "rve-layer", "data-layer": name, "aria-hidden": "true" }));
    /** @type {any[][]} what each showed when it was drawn last */
    #shown = [];

    /** @type {(scene: Scene, view: {width: number, height: number}, picture: CanvasImageSource | null, place: Place) => void} */
    draw(scene, view, picture, place) {
        const { doc, selection, time, viewport, density, outside } = scene;
        const screen = [view.width, view.height, density, viewport.scale, viewport.x, viewport.y];
        const follows = doc.regions.some((area) => area.follow);
        const others = doc.paths.filter((path) => !selection.paths.includes(path.id));
        this.#layer(0, view, density, [...screen, picture, place, doc.width, doc.height], (context) => drawPicture(context, scene, picture, place));
        this.#layer(1, view, density, [...screen, doc.regions, ...(follows ? [time, doc.paths] : [])], (context) => drawAreas(context, scene));
        this.#layer(2, view, density, [...screen, doc.frames, outside, ...others], (context) => drawPaths(context, scene));
        this.#layer(3, view, density, [scene], (context) => drawLive(context, scene));
    }

    /** @type {(number: number, view: {width: number, height: number}, density: number, shows: any[], paint: (context: CanvasRenderingContext2D) => void) => void} */
    #layer(number, view, density, shows, paint) {
        const canvas = this.canvases[number];
        const resized = sizeCanvas(canvas, view.width, view.height, density);
        const before = this.#shown[number];
        if (!resized && before?.length === shows.length && shows.every((value, index) => value === before[index])) return;
        this.#shown[number] = shows;
        const context = canvas.getContext("2d");
        if (context) paint(context);
    }
}
