/**
 * Tools: what a press of the pointer begins. A tool answers a press with a drag, or with null
 * where the press was all. Tools turn events into operations; they know no DOM.
 */

import { regionOffset } from "./areas.js";
import { boxOf, handlesOf, hitsAt, within } from "./hits.js";
import * as ops from "./operations.js";
import { controlPoints, corners } from "./simplify.js";
import { toFramePx } from "./viewport.js";

/** @typedef {import("./document.js").EditDocument} EditDocument */
/** @typedef {import("./document.js").Path} Path */
/** @typedef {import("./document.js").Point} Point */
/** @typedef {import("./document.js").Region} Region */
/** @typedef {import("./hits.js").Hit} Hit */
/** @typedef {import("./operations.js").Selection} Selection */
/** @typedef {import("./viewport.js").XY} XY */

/**
 * A pointer's place and what is held with it.
 * @typedef {object} Press
 * @property {XY} view  view pixels
 * @property {XY} px  frame pixels
 * @property {boolean} shift
 * @property {boolean} alt
 * @property {number} clicks  2 for the second of a double click
 * @property {number} reach  how near counts as on, in frame pixels; wider for fingers
 *
 * @typedef {object} Drag
 * @property {(press: Press) => void} move
 * @property {(press: Press) => void} end
 * @property {() => void} cancel  leaves the drawing as it was
 *
 * @typedef {{kind: "stroke", points: XY[], closed: boolean, radius?: number}
 *   | {kind: "box", from: XY, to: XY, ellipse: boolean, marquee?: boolean}} Sketch
 *   what is being drawn and is not in the document yet
 *
 * What a tool may do.
 * @typedef {object} Board
 * @property {EditDocument} doc
 * @property {Selection} selection
 * @property {number} time
 * @property {import("./viewport.js").Viewport} viewport
 * @property {"add" | "subtract"} areaMode
 * @property {number} brushRadius  frame pixels
 * @property {string | null} openPath  the path that clicks go on adding points to
 * @property {XY[]} openOutline  corners clicked so far of a polygon
 * @property {{at: XY, key: string} | null} lastClick  where, in view pixels, and what it took: a click again takes what lies below
 * @property {(doc: EditDocument) => void} preview  shows a document that is not kept yet
 * @property {(doc: EditDocument, label: string) => void} commit
 * @property {() => void} revert  back to the kept document
 * @property {(selection: Selection) => void} select
 * @property {(sketch: Sketch | null) => void} sketch
 * @property {(dx: number, dy: number) => void} panBy  view pixels
 * @property {(text: string) => void} say
 *
 * @typedef {{cursor: string, hint: string, press: (board: Board, press: Press) => Drag | null}} Tool
 */

const DRAG_FROM = 3; // view pixels; less is a click
const STROKE_TOLERANCE = 1.5; // view pixels between a stroke and its simplified curve

/** @type {(board: Board, a: Press, b: Press) => boolean} */
const dragged = (_board, a, b) => Math.hypot(b.view.x - a.view.x, b.view.y - a.view.y) >= DRAG_FROM;

/** @type {(press: Press) => Point} */
const pointOf = ({ px }) => ({ x: px.x, y: px.y });

// --- Select and move -------------------------------------------------------------------------

const keyOf = (/** @type {Hit} */ hit) => ("path" in hit ? hit.path : hit.region);

/** @type {Tool} */
const select = {
    cursor: "default",
    hint: "Click to select, drag to move, drag over the empty frame to select all within.",
    press(board, press) {
        const hits = hitsAt(board.doc, board.selection, board.time, press.px, press.reach);
        const top = hits[0];
        if (!top) return marquee(board, press);
        if (top.what === "handle") return reshape(board, press, top.region, top.handle);
        if (press.clicks === 2 && top.what === "curve") return insertAt(board, press, top);
        const before = board.selection;
        if (press.shift) {
            board.select(toggled(before, top));
            return moveSelection(board, press, () => {});
        }
        // What is selected moves, though others lie above it; a point of the one selected path comes first.
        const alone = before.paths.length + before.regions.length === 1;
        const isItsPoint = top.what === "point" && alone && before.paths[0] === top.path;
        const held = isItsPoint ? undefined : hits.find((hit) => isSelected(before, hit));
        if (!held && !isSelected(before, top)) board.select(only(top));
        return moveSelection(board, press, () => {
            const last = board.lastClick;
            const again = last && Math.hypot(press.view.x - last.at.x, press.view.y - last.at.y) < DRAG_FROM;
            const chosen = again ? nextBelow(hits, last.key) : top;
            board.select(only(chosen));
            board.lastClick = { at: press.view, key: keyOf(chosen) };
        });
    },
};

/** The first hit of the item after `key`, around again at the end. @type {(hits: Hit[], key: string) => Hit} */
function nextBelow(hits, key) {
    const items = [...new Set(hits.map(keyOf))].sort(); // selecting one brings it up: a fixed order reaches all
    const next = items[(items.indexOf(key) + 1) % items.length];
    return /** @type {Hit} */ (hits.find((hit) => keyOf(hit) === next));
}

/** @type {(selection: Selection, hit: Hit) => boolean} */
function isSelected(selection, hit) {
    if ("region" in hit) return selection.regions.includes(hit.region);
    if (!selection.paths.includes(hit.path)) return false;
    if (hit.what !== "point") return !selection.points.some((point) => point.path === hit.path);
    return selection.points.some((point) => point.path === hit.path && point.index === hit.index);
}

/** @type {(hit: Hit) => Selection} */
function only(hit) {
    if ("region" in hit) return { paths: [], regions: [hit.region], points: [] };
    return { paths: [hit.path], regions: [], points: hit.what === "point" ? [{ path: hit.path, index: hit.index }] : [] };
}

/** @type {(selection: Selection, hit: Hit) => Selection} */
function toggled(selection, hit) {
    const added = only(hit);
    if (!isSelected(selection, hit))
        return {
            paths: [...new Set([...selection.paths, ...added.paths])],
            regions: [...new Set([...selection.regions, ...added.regions])],
            points: [...selection.points, ...added.points],
        };
    if ("region" in hit) return { ...selection, regions: selection.regions.filter((id) => id !== hit.region) };
    const points = selection.points.filter((point) => point.path !== hit.path || (hit.what === "point" && point.index !== hit.index));
    const stays = hit.what === "point" && points.some((point) => point.path === hit.path);
    return { ...selection, points, paths: stays ? selection.paths : selection.paths.filter((id) => id !== hit.path) };
}

/** @type {(board: Board, press: Press, onClick: () => void) => Drag} */
function moveSelection(board, press, onClick) {
    const { doc, selection } = board;
    let moving = false;
    const moved = (/** @type {Press} */ now) => {
        let dx = now.px.x - press.px.x;
        let dy = now.px.y - press.px.y;
        if (now.shift) Math.abs(dx) > Math.abs(dy) ? (dy = 0) : (dx = 0);
        return ops.translate(doc, selection, dx, dy);
    };
    return {
        move(now) {
            moving ||= dragged(board, press, now);
            if (moving) board.preview(moved(now));
        },
        end(now) {
            if (moving) board.commit(moved(now), "move");
            else onClick();
        },
        cancel: () => board.revert(),
    };
}

/** @type {(board: Board, press: Press, hit: import("./hits.js").CurveHit) => Drag} */
function insertAt(board, press, hit) {
    const doc = ops.insertPoint(board.doc, hit.path, hit.before, pointOf(press));
    board.commit(doc, "insert point");
    board.select({ paths: [hit.path], regions: [], points: [{ path: hit.path, index: hit.before }] });
    return moveSelection(board, press, () => {});
}

/** @type {(board: Board, press: Press) => Drag} */
function marquee(board, press) {
    const before = board.selection;
    board.lastClick = null;
    const taken = (/** @type {Press} */ now) => {
        const found = within(board.doc, board.time, press.px, now.px);
        if (!press.shift) return found;
        return {
            paths: [...new Set([...before.paths, ...found.paths])],
            regions: [...new Set([...before.regions, ...found.regions])],
            points: [...before.points, ...found.points],
        };
    };
    return {
        move: (now) => board.sketch({ kind: "box", from: press.px, to: now.px, ellipse: false, marquee: true }),
        end(now) {
            board.sketch(null);
            if (dragged(board, press, now)) board.select(taken(now));
            else if (!press.shift) board.select(ops.NOTHING);
        },
        cancel: () => board.sketch(null),
    };
}

/** Resizes a box by a handle, or moves a polygon's corner. @type {(board: Board, press: Press, id: string, handle: number) => Drag | null} */
function reshape(board, press, id, handle) {
    const { doc } = board;
    const region = ops.findRegion(doc, id);
    if (!region) return null;
    const offset = regionOffset(region, doc, board.time);
    const grip = handlesOf(region, offset)[handle];
    const shaped = (/** @type {Press} */ now) => {
        const at = { x: grip.x + now.px.x - press.px.x - offset.x, y: grip.y + now.px.y - press.px.y - offset.y };
        return ops.updateRegion(doc, id, (shape) => ({ ...shape, points: withHandle(shape, handle, at, now.shift) }));
    };
    return {
        move: (now) => board.preview(shaped(now)),
        end: (now) => (dragged(board, press, now) ? board.commit(shaped(now), "reshape") : board.revert()),
        cancel: () => board.revert(),
    };
}

/** @type {(region: Region, handle: number, at: XY, square: boolean) => [number, number][]} */
function withHandle(region, handle, at, square) {
    if (region.kind === "polygon") return region.points.with(handle, [at.x, at.y]);
    const [[x0, y0], [x1, y1]] = region.points;
    const left = [0, 6, 7].includes(handle);
    const right = [2, 3, 4].includes(handle);
    const top = [0, 1, 2].includes(handle);
    const bottom = [4, 5, 6].includes(handle);
    let from = { x: left ? at.x : x0, y: top ? at.y : y0 };
    let to = { x: right ? at.x : x1, y: bottom ? at.y : y1 };
    if (square && (left || right) && (top || bottom)) {
        const fixed = { x: left ? to.x : from.x, y: top ? to.y : from.y };
        const free = squared(fixed, at);
        from = { x: left ? free.x : fixed.x, y: top ? free.y : fixed.y };
        to = { x: left ? fixed.x : free.x, y: top ? fixed.y : free.y };
    }
    return [[from.x, from.y], [to.x, to.y]];
}

/** @type {Tool} */
const pan = {
    cursor: "grab",
    hint: "Drag to move the view.",
    press(board, press) {
        let before = press.view;
        return {
            move(now) {
                board.panBy(now.view.x - before.x, now.view.y - before.y);
                before = now.view;
            },
            end() {},
            cancel() {},
        };
    },
};

// --- Paths -----------------------------------------------------------------------------------

/** @type {Tool} */
const freehand = {
    cursor: "crosshair",
    hint: "Draw the way; it is smoothed when you let go.",
    press(board, press) {
        const stroke = [press.px];
        return {
            move(now) {
                stroke.push(now.px);
                board.sketch({ kind: "stroke", points: stroke, closed: false });
            },
            end(now) {
                board.sketch(null);
                stroke.push(now.px);
                const points = controlPoints(stroke, STROKE_TOLERANCE / board.viewport.scale);
                const length = Math.max(...stroke.map(({ x, y }) => Math.hypot(x - press.px.x, y - press.px.y)));
                if (points.length < 2 || length * board.viewport.scale < DRAG_FROM) board.say("Hold the button down and draw.");
                else addPath(board, "freehand", points.map(({ x, y }) => ({ x, y })));
            },
            cancel: () => board.sketch(null),
        };
    },
};

/** @type {Tool} */
const spline = {
    cursor: "crosshair",
    hint: "Click the points; Enter, a double click or the first point again ends it.",
    press: (board, press) => clickPoints(board, press, "spline", Infinity),
};

/** @type {Tool} */
const line = {
    cursor: "crosshair",
    hint: "Drag from where it begins to where it ends, or click both. Shift keeps to 45°.",
    press(board, press) {
        if (board.openPath) return clickPoints(board, press, "line", 2);
        const ends = (/** @type {Press} */ now) => [pointOf(press), now.shift ? snapped(press.px, now.px) : pointOf(now)];
        return {
            move: (now) => board.sketch({ kind: "stroke", points: ends(now), closed: false }),
            end(now) {
                board.sketch(null);
                if (dragged(board, press, now)) addPath(board, "line", ends(now));
                else clickPoints(board, press, "line", 2);
            },
            cancel: () => board.sketch(null),
        };
    },
};

/** @type {Tool} */
const anchor = {
    cursor: "crosshair",
    hint: "Click a place that shall stay still.",
    press(board, press) {
        addPath(board, "anchor", [pointOf(press)]);
        return moveSelection(board, press, () => {});
    },
};

/** @type {(board: Board, kind: Path["kind"], points: Point[]) => Path} */
function addPath(board, kind, points) {
    const path = ops.newPath(board.doc, kind, points);
    board.commit(ops.addPath(board.doc, path), `draw ${kind}`);
    board.select({ paths: [path.id], regions: [], points: [] });
    return path;
}

/** Each press adds a point and can still drag it. @type {(board: Board, press: Press, kind: Path["kind"], most: number) => Drag | null} */
function clickPoints(board, press, kind, most) {
    const open = board.openPath ? ops.findPath(board.doc, board.openPath) : undefined;
    if (!open) {
        board.openPath = addPath(board, kind, [pointOf(press)]).id;
        return null;
    }
    const finish = () => {
        board.openPath = null;
        board.select({ paths: [open.id], regions: [], points: [] });
    };
    if (press.clicks === 2) {
        finish();
        return null;
    }
    const first = open.points[0];
    const closes = open.points.length > 2 && Math.hypot(first.x - press.px.x, first.y - press.px.y) <= press.reach;
    const index = open.points.length;
    const added = closes ? { x: first.x, y: first.y } : pointOf(press);
    board.commit(ops.insertPoint(board.doc, open.id, index, added), "add point");
    if (closes || index + 1 >= most) {
        finish();
        return null;
    }
    board.select({ paths: [open.id], regions: [], points: [{ path: open.id, index }] });
    return moveSelection(board, press, () => {});
}

// --- Areas -----------------------------------------------------------------------------------

/** @type {(kind: "rect" | "ellipse") => Tool} */
const box = (kind) => ({
    cursor: "crosshair",
    hint: "Drag from corner to corner. Shift keeps it even, Alt takes the area away.",
    press(board, press) {
        const to = (/** @type {Press} */ now) => (now.shift ? squared(press.px, now.px) : now.px);
        return {
            move: (now) => board.sketch({ kind: "box", from: press.px, to: to(now), ellipse: kind === "ellipse" }),
            end(now) {
                board.sketch(null);
                const [a, b] = [press.px, to(now)];
                if (dragged(board, press, now) && a.x !== b.x && a.y !== b.y)
                    addRegion(board, modeOf(board, press.alt), kind, [
                        [Math.min(a.x, b.x), Math.min(a.y, b.y)],
                        [Math.max(a.x, b.x), Math.max(a.y, b.y)],
                    ]);
            },
            cancel: () => board.sketch(null),
        };
    },
});

/** @type {Tool} */
const polygon = {
    cursor: "crosshair",
    hint: "Draw around the area, or click its corners and press Enter. Alt takes it away.",
    press(board, press) {
        const [first] = board.openOutline;
        const ends = first && Math.hypot(first.x - press.px.x, first.y - press.px.y) <= press.reach;
        if (board.openOutline.length && (press.clicks === 2 || ends)) {
            finishOutline(board, press.alt);
            return null;
        }
        const outline = [press.px];
        const show = () => board.sketch({ kind: "stroke", points: [...board.openOutline, ...outline], closed: outline.length > 2 });
        return {
            move(now) {
                outline.push(now.px);
                if (!board.openOutline.length) show();
            },
            end(now) {
                if (board.openOutline.length || !dragged(board, press, now) && outline.every((px) => Math.hypot(px.x - press.px.x, px.y - press.px.y) <= press.reach)) {
                    board.openOutline.push(press.px);
                    board.sketch({ kind: "stroke", points: [...board.openOutline], closed: false });
                    return;
                }
                board.sketch(null);
                const simple = corners([...outline, press.px], STROKE_TOLERANCE / board.viewport.scale).slice(0, -1);
                if (simple.length > 2) addRegion(board, modeOf(board, press.alt), "polygon", simple.map(({ x, y }) => [x, y]));
                else board.say("Draw around an area.");
            },
            cancel: () => board.sketch(null),
        };
    },
};

/** Closes the polygon whose corners were clicked. @type {(board: Board, alt: boolean) => void} */
export function finishOutline(board, alt) {
    const points = board.openOutline.map(({ x, y }) => /** @type {[number, number]} */ ([x, y]));
    board.openOutline.length = 0;
    board.sketch(null);
    if (points.length > 2) addRegion(board, modeOf(board, alt), "polygon", points);
    else board.say("An area needs three corners or more.");
}

/** @type {(erases: boolean) => Tool} */
const brush = (erases) => ({
    cursor: "none",
    hint: `${erases ? "Paint away what shall not change." : "Paint what may change; Alt takes away."} [ and ] change the size.`,
    press(board, press) {
        if (erases && !board.doc.regions.some((region) => region.mode !== "subtract")) {
            board.say("There is no area to erase from yet.");
            return null;
        }
        const stroke = [press.px];
        const radius = board.brushRadius;
        const show = () => board.sketch({ kind: "stroke", points: stroke, closed: false, radius });
        show();
        return {
            move(now) {
                stroke.push(now.px);
                show();
            },
            end() {
                board.sketch(null);
                const simple = corners(stroke, Math.min(STROKE_TOLERANCE / board.viewport.scale, radius / 4));
                const points = simple.map(({ x, y }) => /** @type {[number, number]} */ ([x, y]));
                addRegion(board, erases ? "subtract" : modeOf(board, press.alt), "brush", points, { radius });
            },
            cancel: () => board.sketch(null),
        };
    },
});

/** Alt turns around what areas do. @type {(board: Board, alt: boolean) => "add" | "subtract"} */
const modeOf = (board, alt) => (alt === (board.areaMode === "add") ? "subtract" : "add");

/** @type {(board: Board, mode: "add" | "subtract", kind: Region["kind"], points: [number, number][], more?: Partial<Region>) => void} */
function addRegion(board, mode, kind, points, more = {}) {
    const region = ops.newRegion(board.doc, kind, points, { mode, ...more });
    board.commit(ops.addRegion(board.doc, region), `${mode} ${kind}`);
    board.select({ paths: [], regions: [region.id], points: [] });
}

// --- Geometry of Shift -----------------------------------------------------------------------

/** As far along each axis as along the longer one. @type {(from: XY, to: XY) => XY} */
function squared(from, to) {
    const side = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y));
    return { x: from.x + side * Math.sign(to.x - from.x || 1), y: from.y + side * Math.sign(to.y - from.y || 1) };
}

/** In the nearest of eight directions. @type {(from: XY, to: XY) => XY} */
function snapped(from, to) {
    const eighth = Math.PI / 4;
    const angle = Math.round(Math.atan2(to.y - from.y, to.x - from.x) / eighth) * eighth;
    const length = (to.x - from.x) * Math.cos(angle) + (to.y - from.y) * Math.sin(angle);
    return { x: from.x + length * Math.cos(angle), y: from.y + length * Math.sin(angle) };
}

export const TOOLS = {
    select,
    pan,
    freehand,
    spline,
    line,
    anchor,
    rect: box("rect"),
    ellipse: box("ellipse"),
    polygon,
    brush: brush(false),
    eraser: brush(true),
};

/** @typedef {keyof typeof TOOLS} ToolName */
