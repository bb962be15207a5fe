/** Transform: scaling and turning what is selected by the grips of the box around it. */

import { makesPolygons, selectedBox, transformed } from "../document/shapes.js";
import { GRIP_REACH, cornerOf, gripAt, scaledBy, transformBox, turnOf, turnedBy } from "../geometry/transform_box.js";
import { handlesOf } from "../geometry/hit_test.js";
import { poseAt } from "../geometry/pose.js";
import { applied } from "../geometry/transform.js";
import { t } from "../locale.js";
import { dragged, snapper } from "./tool.js";

/** @typedef {import("./tool.js").Board} Board */
/** @typedef {import("./tool.js").Drag} Drag */
/** @typedef {import("./tool.js").Press} Press */
/** @typedef {import("../geometry/hit_test.js").Hit} Hit */
/** @typedef {import("../geometry/transform_box.js").Grip} Grip */
/** @typedef {import("../geometry/transform_box.js").TransformBox} TransformBox */

/** @typedef {Pick<Board, "doc" | "selection" | "time" | "viewport" | "view">} Seen  what of a board the box follows from */

/** The box around what is selected; none around a single place. One area with corners of its own is only turned by it. @type {(board: Seen) => TransformBox | null} */
export function boxAroundSelection({ doc, selection, time, viewport, view }) {
    const box = selectedBox(doc, selection, time);
    if (!box) return null;
    const alone = !selection.paths.length && selection.regions.length === 1;
    const area = alone ? doc.regions.find(({ id }) => id === selection.regions[0]) : undefined;
    if (area?.kind !== "rect" && area?.kind !== "ellipse") return transformBox(box, viewport, view);
    const handles = handlesOf(area, poseAt(area, doc, time));
    return transformBox(box, viewport, view, [handles[1], handles[5]]);
}

/** The grip that a press takes: none where a point or handle that lies nearer would be taken. @type {(shown: TransformBox, hits: Hit[], at: {px: import("../geometry/viewport.js").XY, reach: number}, scale: number) => Grip | null} */
export function gripUnder(shown, hits, { px, reach }, scale) {
    const found = gripAt(shown, px, Math.max(reach, GRIP_REACH / scale));
    const nearer = found && hits.some((hit) => (hit.what === "point" || hit.what === "handle") && hit.away <= found.away);
    return found && !nearer ? found.grip : null;
}

/** @type {(board: Board, press: Press, shown: TransformBox, grip: Grip) => Drag} */
export function dragGrip(board, press, shown, grip) {
    const { doc, selection, time } = board;
    const { box } = shown;
    const turns = grip.name === "turn";
    const snap = snapper(board, selection);
    const mapTo = (/** @type {Press} */ now) => {
        if (turns) return turnOf(box, turnedBy(box, press.px, now.px, now.shift));
        const corner = cornerOf(box, grip);
        const to = { x: corner.x + now.px.x - press.px.x, y: corner.y + now.px.y - press.px.y };
        if (!now.shift) {
            const { dx, dy } = snap(now, { xs: grip.u === 0.5 ? [] : [to.x], ys: grip.v === 0.5 ? [] : [to.y] });
            [to.x, to.y] = [to.x + dx, to.y + dy];
        }
        return scaledBy(box, grip, to, { proportion: now.shift, centre: now.alt });
    };
    let moving = false;
    return {
        move(now) {
            moving ||= dragged(press, now);
            if (!moving) return;
            const map = mapTo(now);
            board.preview(transformed(doc, selection, map, time));
            board.sketch({ kind: "frame", corners: shown.corners.map((corner) => applied(map, corner)) });
        },
        end(now) {
            board.sketch(null);
            if (!moving && !dragged(press, now)) return board.revert();
            const after = transformed(doc, selection, mapTo(now), time);
            board.commit(after, turns ? t`turn` : t`scale`);
            if (makesPolygons(doc, after)) board.say(TURNED);
        },
        cancel() {
            board.sketch(null);
            board.revert();
        },
    };
}

/** Said where a turn made another kind of area. */
export const TURNED = t`A rectangle or ellipse that is turned becomes an area of corners: drag them to shape it.`;
