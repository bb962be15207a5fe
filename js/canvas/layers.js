/** Layers: the pile of canvases. One is drawn again when what it shows is another. */

import { sizeCanvas } from "./canvas.js";
import { drawOnionSkin, onionFollowsFrom } from "./onion_skin.js";
import { drawLive, drawPaths } from "./render.js";
import { drawAreas } from "./render_areas.js";
import { drawPicture } from "./render_picture.js";
import { h } from "../dom.js";
import { followIds, isMoving } from "../geometry/pose.js";

/** @typedef {import("./render.js").Scene} Scene */
/** @typedef {import("../clip/backdrop.js").Picture} Picture */

const NAMES = /** @type {const} */ (["picture", "onion", "areas", "paths", "live"]);

export class Layers {
    canvases = NAMES.map((name) => h("canvas", { class: "rve-layer", "data-layer": name, "aria-hidden": "true" }));
    /** @type {any[][]} what each showed when it was drawn last */
    #shown = [];

    /** @type {(scene: Scene, view: {width: number, height: number}, seen: Picture) => void} */
    draw(scene, view, seen) {
        const { doc, selection, time, base, viewport, density, outside, onion } = scene;
        const screen = [view.width, view.height, density, viewport.scale, viewport.x, viewport.y];
        const moves = doc.regions.some(isMoving);
        const followed = new Set(doc.regions.flatMap(followIds));
        const others = doc.paths.filter((path) => !selection.paths.includes(path.id));
        this.#layer(0, view, density, [...screen, seen.picture, ...Object.values(seen.place), seen.over, seen.by, seen.wipe, doc.width, doc.height], (context) => drawPicture(context, scene, seen));
        this.#layer(1, view, density, onion ? [...screen, ...onionFollowsFrom(scene)] : [], (context) => drawOnionSkin(context, scene));
        this.#layer(2, view, density, [...screen, doc.regions, base, ...(moves ? [time, ...doc.paths.filter(({ id }) => followed.has(id))] : [])], (context) => drawAreas(context, scene));
        this.#layer(3, view, density, [...screen, doc.frames, outside, ...others], (context) => drawPaths(context, scene));
        this.#layer(4, view, density, [scene], (context) => drawLive(context, scene));
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
