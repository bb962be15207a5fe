/** Render of the picture: the source, the edited frame, the result, or the result laid over the source. */

import { clear, inFrame } from "./canvas.js";

/** @typedef {import("./render.js").Scene} Scene */
/** @typedef {import("../clip/backdrop.js").Picture} Picture */

const DOUBLINGS = 2; // of a difference's brightness: small ones are seen

/** What is seen of a frame, in its place. @type {(context: CanvasRenderingContext2D, scene: Scene, seen: Picture) => void} */
export function drawPicture(context, { doc, viewport, density }, { picture, place, over, by, wipe = 0 }) {
    clear(context);
    inFrame(context, viewport, density);
    context.fillStyle = "#26282c";
    context.fillRect(0, 0, doc.width, doc.height);
    if (!picture) return;
    context.save();
    context.beginPath();
    context.rect(0, 0, doc.width, doc.height);
    context.clip();
    context.imageSmoothingEnabled = viewport.scale < 4; // close up, pixels show as such
    context.imageSmoothingQuality = "medium";
    drawBorder(context, picture, place, doc);
    context.drawImage(picture, place.x, place.y, place.width, place.height);
    if (over && by === "wipe") {
        context.beginPath();
        context.rect(wipe * doc.width, 0, doc.width, doc.height);
        context.clip();
        context.drawImage(over, 0, 0, doc.width, doc.height);
    } else if (over) {
        context.globalCompositeOperation = "difference";
        context.drawImage(over, 0, 0, doc.width, doc.height);
        context.globalCompositeOperation = "lighter";
        context.setTransform(1, 0, 0, 1, 0, 0);
        for (let times = 0; times < DOUBLINGS; times += 1) context.drawImage(context.canvas, 0, 0);
    }
    context.restore();
}

/** Where a picture is padded its border goes on, as fit_frames repeats it. @type {(context: CanvasRenderingContext2D, picture: CanvasImageSource, place: {x: number, y: number, width: number, height: number}, frame: {width: number, height: number}) => void} */
function drawBorder(context, picture, place, frame) {
    const source = /** @type {ImageBitmap} */ (picture);
    const { width, height } = source;
    const right = frame.width - place.x - place.width;
    const below = frame.height - place.y - place.height;
    if (place.x > 0) context.drawImage(source, 0, 0, 1, height, 0, place.y, place.x, place.height);
    if (right > 0) context.drawImage(source, width - 1, 0, 1, height, place.x + place.width, place.y, right, place.height);
    if (place.y > 0) context.drawImage(source, 0, 0, width, 1, place.x, 0, place.width, place.y);
    if (below > 0) context.drawImage(source, 0, height - 1, width, 1, place.x, place.y + place.height, place.width, below);
}
