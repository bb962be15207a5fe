/** The tools that draw areas. */

import { addArea, newArea } from "../document/items.js";
import { NOTHING } from "../document/operations.js";
import { corners } from "../geometry/simplify.js";
import { t } from "../locale.js";
import { STROKE_TOLERANCE, dragged, snapper, squared } from "./tool.js";

/** @typedef {import("./tool.js").Board} Board */
/** @typedef {import("./tool.js").Drag} Drag */
/** @typedef {import("./tool.js").Press} Press */
/** @typedef {import("./tool.js").Tool} Tool */
/** @typedef {import("../document/document.js").Area} Area */

const DRAW = { rect: t`draw a rectangle`, ellipse: t`draw an ellipse`, polygon: t`draw a lasso area`, brush: t`draw a brush stroke` };
const TAKE_AWAY = { rect: t`take away a rectangle`, ellipse: t`take away an ellipse`, polygon: t`take away a lasso area`, brush: t`take away a brush stroke` };

/** @type {(kind: "rect" | "ellipse") => Tool} */
export const box = (kind) => ({
    cursor: "crosshair",
    snaps: true,
    hint: t`Drag from corner to corner. Shift keeps it even, Alt takes the area away.`,
    press(board, press) {
        const to = (/** @type {Press} */ now) => (now.shift ? squared(press.px, now.px) : now.px);
        return {
            move: (now) => board.sketch({ kind: "box", from: press.px, to: to(now), ellipse: kind === "ellipse" }),
            end(now) {
                board.sketch(null);
                const [a, b] = [press.px, to(now)];
                if (dragged(press, now) && a.x !== b.x && a.y !== b.y)
                    commitArea(board, modeOf(board, press.alt), kind, [
                        [Math.min(a.x, b.x), Math.min(a.y, b.y)],
                        [Math.max(a.x, b.x), Math.max(a.y, b.y)],
                    ]);
            },
            cancel: () => board.sketch(null),
        };
    },
});

/** @type {Tool} */
export const polygon = {
    cursor: "crosshair",
    hint: t`Draw around the area, or click its corners and press Enter. Alt takes it away.`,
    press(board, press) {
        const [first] = board.openOutline;
        const ends = first && Math.hypot(first.x - press.px.x, first.y - press.px.y) <= press.reach;
        if (board.openOutline.length && (press.clicks > 1 || ends)) {
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
                if (board.openOutline.length || !dragged(press, now) && outline.every((px) => Math.hypot(px.x - press.px.x, px.y - press.px.y) <= press.reach)) {
                    if (press.clicks > 1) return board.sketch(null); // of a double click that closed one
                    const { dx, dy } = snapper(board, NOTHING)(press, { xs: [press.px.x], ys: [press.px.y] });
                    board.openOutline.push({ x: press.px.x + dx, y: press.px.y + dy });
                    board.sketch({ kind: "stroke", points: [...board.openOutline], closed: false });
                    return;
                }
                board.sketch(null);
                const simple = corners([...outline, press.px], STROKE_TOLERANCE / board.viewport.scale).slice(0, -1);
                if (simple.length > 2) commitArea(board, modeOf(board, press.alt), "polygon", simple.map(({ x, y }) => [x, y]));
                else board.say(t`Draw around an area.`);
            },
            cancel: () => board.sketch(null),
        };
    },
    finish: (board) => finishOutline(board, false),
};

/** Closes the polygon whose corners were clicked. @type {(board: Board, alt: boolean) => void} */
export function finishOutline(board, alt) {
    const points = board.openOutline.map(({ x, y }) => /** @type {[number, number]} */ ([x, y]));
    board.openOutline.length = 0;
    board.sketch(null);
    if (points.length > 2) commitArea(board, modeOf(board, alt), "polygon", points);
    else board.say(t`An area needs three corners or more.`);
}

/** @type {(erases: boolean) => Tool} */
export const brush = (erases) => ({
    cursor: "none",
    hint: erases ? t`Paint away what shall not change. [ and ] change the size.` : t`Paint what may change; Alt takes away. [ and ] change the size.`,
    press(board, press) {
        if (erases && !board.doc.regions.some((area) => area.mode !== "subtract")) {
            board.say(t`There is no area to erase from yet.`);
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
                commitArea(board, erases ? "subtract" : modeOf(board, press.alt), "brush", points, { radius });
            },
            cancel: () => board.sketch(null),
        };
    },
});

/** Alt turns around what areas do. @type {(board: Board, alt: boolean) => "add" | "subtract"} */
const modeOf = (board, alt) => (alt === (board.areaMode === "add") ? "subtract" : "add");

/** @type {(board: Board, mode: "add" | "subtract", kind: Area["kind"], points: [number, number][], more?: Partial<Area>) => void} */
function commitArea(board, mode, kind, points, more = {}) {
    const area = newArea(board.doc, kind, points, { mode, ...more });
    board.commit(addArea(board.doc, area), (mode === "add" ? DRAW : TAKE_AWAY)[kind]);
    board.select({ paths: [], regions: [area.id], points: [] });
}
