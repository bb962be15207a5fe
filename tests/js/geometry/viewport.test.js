import assert from "node:assert/strict";
import { test } from "node:test";

import { SCALE_MAX, fit, keepInView, panBy, toFramePx, toViewPx, zoomAbout } from "../../../js/geometry/viewport.js";

const FRAME = { width: 1920, height: 1080 };
const VIEW = { width: 800, height: 600 };

const near = (a, b, tolerance = 1e-9) => assert.ok(Math.hypot(a.x - b.x, a.y - b.y) <= tolerance, `${JSON.stringify(a)} is not ${JSON.stringify(b)}`);

test("there and back is the same place", () => {
    const viewport = { scale: 0.37, x: -12.5, y: 80 };
    for (const point of [{ x: 0, y: 0 }, { x: 1919.5, y: -3 }, { x: 7.25, y: 1e4 }]) {
        near(toFramePx(viewport, toViewPx(viewport, point)), point);
        near(toViewPx(viewport, toFramePx(viewport, point)), point);
    }
});

test("the fitted frame lies in the view, centred, touching the margin", () => {
    const viewport = fit(FRAME, VIEW, 10);
    const low = toViewPx(viewport, { x: 0, y: 0 });
    const high = toViewPx(viewport, { x: FRAME.width, y: FRAME.height });
    assert.ok(Math.abs(low.x - 10) < 1e-9 && Math.abs(VIEW.width - high.x - 10) < 1e-9);
    assert.ok(Math.abs(low.y - (VIEW.height - high.y)) < 1e-9 && low.y > 10);
});

test("zoom keeps the place under the pointer", () => {
    const at = { x: 333, y: 111 };
    let viewport = fit(FRAME, VIEW);
    const under = toFramePx(viewport, at);
    for (const factor of [1.3, 0.4, 9, 2, 1e6, 1e-9]) {
        viewport = zoomAbout(viewport, factor, at);
        near(toFramePx(viewport, at), under, 1e-6);
        assert.ok(viewport.scale <= SCALE_MAX);
    }
});

test("a view of no size still has a scale", () => {
    assert.ok(fit(FRAME, { width: 0, height: 0 }).scale > 0);
});

test("the frame cannot be lost, however far it is moved", () => {
    for (const [dx, dy] of [[1e5, 0], [-1e5, 1e5], [0, -1e5]]) {
        const viewport = keepInView(panBy(fit(FRAME, VIEW), dx, dy), FRAME, VIEW, 40);
        const low = toViewPx(viewport, { x: 0, y: 0 });
        const high = toViewPx(viewport, { x: FRAME.width, y: FRAME.height });
        assert.ok(high.x >= 40 - 1e-9 && low.x <= VIEW.width - 40 + 1e-9 && high.y >= 40 - 1e-9 && low.y <= VIEW.height - 40 + 1e-9);
    }
});
