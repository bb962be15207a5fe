/**
 * Viewport: where the frame lies in the view. Frame pixels ↔ view pixels, zoom, pan.
 *
 * A viewport is plain and immutable: `scale` view pixels per frame pixel, `x` and `y` the view
 * position of the frame's upper left corner. View pixels are CSS pixels of the stage.
 */

/** @typedef {{scale: number, x: number, y: number}} Viewport */
/** @typedef {{x: number, y: number}} XY */
/** @typedef {{width: number, height: number}} Size */

const SCALE_MIN = 0.02;
export const FIT_MARGIN = 12; // view pixels around a frame that is fitted
export const SCALE_MAX = 64;

/** The whole frame, centred, with a margin in view pixels around it. @type {(frame: Size, view: Size, margin?: number) => Viewport} */
export function fit(frame, view, margin = FIT_MARGIN) {
    const room = { width: Math.max(view.width - 2 * margin, 1), height: Math.max(view.height - 2 * margin, 1) };
    const scale = clampScale(Math.min(room.width / frame.width, room.height / frame.height));
    return centred(frame, view, scale);
}

/** The frame in the middle of the view at a given scale. @type {(frame: Size, view: Size, scale: number) => Viewport} */
export function centred(frame, view, scale) {
    return { scale, x: (view.width - frame.width * scale) / 2, y: (view.height - frame.height * scale) / 2 };
}

/** Zooms so that the frame pixel under `atView` stays under it. @type {(viewport: Viewport, factor: number, atView: XY) => Viewport} */
export function zoomAbout(viewport, factor, atView) {
    const scale = clampScale(viewport.scale * factor);
    const ratio = scale / viewport.scale;
    return { scale, x: atView.x - (atView.x - viewport.x) * ratio, y: atView.y - (atView.y - viewport.y) * ratio };
}

/** @type {(viewport: Viewport, dx: number, dy: number) => Viewport} */
export function panBy(viewport, dx, dy) {
    return { ...viewport, x: viewport.x + dx, y: viewport.y + dy };
}

/** Panned just so far that at least `least` view pixels of the frame stay in view: it cannot get lost. @type {(viewport: Viewport, frame: Size, view: Size, least?: number) => Viewport} */
export function keepInView(viewport, frame, view, least = 40) {
    const hold = (/** @type {number} */ at, /** @type {number} */ length, /** @type {number} */ room) =>
        Math.min(Math.max(at, least - length), Math.max(room - least, least - length));
    return {
        scale: viewport.scale,
        x: hold(viewport.x, frame.width * viewport.scale, view.width),
        y: hold(viewport.y, frame.height * viewport.scale, view.height),
    };
}

/** @type {(viewport: Viewport, pointView: XY) => XY} */
export function toFramePx(viewport, pointView) {
    return { x: (pointView.x - viewport.x) / viewport.scale, y: (pointView.y - viewport.y) / viewport.scale };
}

/** @type {(viewport: Viewport, pointPx: XY) => XY} */
export function toViewPx(viewport, pointPx) {
    return { x: pointPx.x * viewport.scale + viewport.x, y: pointPx.y * viewport.scale + viewport.y };
}

/** @type {(scale: number) => number} */
function clampScale(scale) {
    return Math.min(Math.max(scale, SCALE_MIN), SCALE_MAX);
}
