/** The tools that draw nothing: select and move, and move the view. */

import { findArea, updateArea } from "../document/items.js";
import { setKey } from "../document/keys.js";
import * as ops from "../document/operations.js";
import { handlesOf, hitTest, within } from "../geometry/hit_test.js";
import { poseAt, shapeOf, unplaced } from "../geometry/pose.js";
import { isInBox } from "../geometry/transform_box.js";
import { t } from "../locale.js";
import { DRAG_FROM, dragged, moveSelection, pointOf, snapper, squared } from "./tool.js";
import { boxAroundSelection, dragGrip, gripUnder } from "./transform.js";

/** @typedef {import("./tool.js").Board} Board */
/** @typedef {import("./tool.js").Drag} Drag */
/** @typedef {import("./tool.js").Press} Press */
/** @typedef {import("./tool.js").Tool} Tool */
/** @typedef {import("../document/document.js").Area} Area */
/** @typedef {import("../geometry/hit_test.js").Hit} Hit */
/** @typedef {import("../document/operations.js").Selection} Selection */
/** @typedef {import("../geometry/viewport.js").XY} XY */

const keyOf = (/** @type {Hit} */ hit) => ("path" in hit ? hit.path : hit.area);

/** @type {Tool} */
export const select = {
    cursor: "default",
    hint: t`Click to select, drag to move, drag over the empty frame to select all within. The box's handles scale and turn.`,
    press(board, press) {
        const hits = hitTest(board.stageDoc, board.selection, board.time, press.px, press.reach);
        const top = hits[0];
        const shown = boxAroundSelection(board);
        const grip = shown && gripUnder(shown, hits, press, board.viewport.scale);
        if (grip) return dragGrip(board, press, shown, grip);
        if (!top && shown && !press.shift && isInBox(shown.box, press.px)) return moveSelection(board, press, () => board.select(ops.NOTHING));
        if (!top) return marquee(board, press);
        if (top.what === "handle") return reshape(board, press, top.area, top.handle);
        if (press.clicks === 2 && top.what === "curve") return insertAt(board, press, top);
        const before = board.selection;
        if (press.shift) {
            board.select(toggled(before, top));
            return moveSelection(board, press);
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
    if ("area" in hit) return selection.regions.includes(hit.area);
    if (!selection.paths.includes(hit.path)) return false;
    if (hit.what !== "point") return !selection.points.some((point) => point.path === hit.path);
    return selection.points.some((point) => point.path === hit.path && point.index === hit.index);
}

/** @type {(hit: Hit) => Selection} */
function only(hit) {
    if ("area" in hit) return { paths: [], regions: [hit.area], points: [] };
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
    if ("area" in hit) return { ...selection, regions: selection.regions.filter((id) => id !== hit.area) };
    const points = selection.points.filter((point) => point.path !== hit.path || (hit.what === "point" && point.index !== hit.index));
    const stays = hit.what === "point" && points.some((point) => point.path === hit.path);
    return { ...selection, points, paths: stays ? selection.paths : selection.paths.filter((id) => id !== hit.path) };
}

/** @type {(board: Board, press: Press, hit: import("../geometry/hit_test.js").CurveHit) => Drag} */
function insertAt(board, press, hit) {
    const doc = ops.insertPoint(board.doc, hit.path, hit.before, pointOf(press));
    board.commit(doc, t`insert a point`);
    board.select({ paths: [hit.path], regions: [], points: [{ path: hit.path, index: hit.before }] });
    return moveSelection(board, press);
}

/** @type {(board: Board, press: Press) => Drag} */
function marquee(board, press) {
    const before = board.selection;
    board.lastClick = null;
    const taken = (/** @type {Press} */ now) => {
        const found = within(board.stageDoc, board.time, press.px, now.px);
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
            if (dragged(press, now)) board.select(taken(now));
            else if (!press.shift) board.select(ops.NOTHING);
        },
        cancel: () => board.sketch(null),
    };
}

/** Resizes a box by a handle, or moves a polygon's corner; of an area with keys, at the time that is shown. @type {(board: Board, press: Press, id: string, handle: number) => Drag | null} */
function reshape(board, press, id, handle) {
    const { doc } = board;
    const area = findArea(doc, id);
    if (!area) return null;
    const pose = poseAt(area, doc, board.time);
    const grip = handlesOf(area, pose)[handle];
    const snap = snapper(board, board.selection);
    const [level, upright] = area.kind === "polygon" ? [false, false] : [[3, 7].includes(handle), [1, 5].includes(handle)];
    const shaped = (/** @type {Press} */ now) => {
        const seen = { x: grip.x + now.px.x - press.px.x, y: grip.y + now.px.y - press.px.y };
        const by = now.shift ? { dx: 0, dy: 0 } : snap(now, { xs: upright ? [] : [seen.x], ys: level ? [] : [seen.y] });
        const at = unplaced(pose, seen.x + by.dx, seen.y + by.dy);
        const points = withHandle({ ...area, points: shapeOf(pose) }, handle, at, now.shift);
        return area.keys ? setKey(doc, id, board.time, { points }) : updateArea(doc, id, (shape) => ({ ...shape, points }));
    };
    return {
        move: (now) => board.preview(shaped(now)),
        end: (now) => (dragged(press, now) ? board.commit(shaped(now), t`reshape`) : board.revert()),
        cancel: () => board.revert(),
    };
}

/** @type {(area: Area, handle: number, at: XY, square: boolean) => [number, number][]} */
function withHandle(area, handle, at, square) {
    if (area.kind === "polygon") return area.points.with(handle, [at.x, at.y]);
    const [[x0, y0], [x1, y1]] = area.points;
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
export const pan = {
    cursor: "grab",
    hint: t`Drag to move the view.`,
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
