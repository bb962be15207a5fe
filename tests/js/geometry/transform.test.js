import assert from "node:assert/strict";
import { test } from "node:test";

import { applied, areaScale, composed, keepsUpright, mappedEllipse, scaling, translation, turning } from "../../../js/geometry/transform.js";
import { cornerOf, gripAt, isInBox, scaledBy, transformBox, turnedBy } from "../../../js/geometry/transform_box.js";

const PLACES = [{ x: 0, y: 0 }, { x: 10, y: -3 }, { x: 123.25, y: 77 }];
const ABOUT = { x: 40, y: 12 };
const closeTo = (a, b, tolerance = 1e-9) => assert.ok(Math.hypot(a.x - b.x, a.y - b.y) <= tolerance, `${JSON.stringify(a)} is not ${JSON.stringify(b)}`);

test("a map and the one that takes it back leave every place where it was", () => {
    const pairs = [
        [translation(3, -8), translation(-3, 8)],
        [scaling(2.5, -0.25, ABOUT), scaling(0.4, -4, ABOUT)],
        [turning(33, ABOUT), turning(-33, ABOUT)],
        [composed(turning(70, ABOUT), scaling(2, 3, ABOUT)), composed(scaling(1 / 2, 1 / 3, ABOUT), turning(-70, ABOUT))],
    ];
    for (const [there, back] of pairs)
        for (const place of PLACES) {
            closeTo(applied(back, applied(there, place)), place);
            closeTo(applied(composed(back, there), place), place);
        }
});

test("a quarter turn is clockwise on the screen, and keeps boxes upright", () => {
    closeTo(applied(turning(90, { x: 0, y: 0 }), { x: 1, y: 0 }), { x: 0, y: 1 });
    for (const degrees of [0, 90, 180, 270, -90]) assert.ok(keepsUpright(turning(degrees, ABOUT)), degrees);
    for (const degrees of [1, 45, 89]) assert.ok(!keepsUpright(turning(degrees, ABOUT)), degrees);
    assert.ok(Math.abs(areaScale(turning(31, ABOUT)) - 1) < 1e-12);
    assert.equal(areaScale(scaling(2, -3, ABOUT)), 6);
});

test("a turned ellipse's polygon stays within a quarter of a pixel of it, and has 64 points at least", () => {
    for (const [a, b] of [[5, 3], [100, 40], [4000, 900]]) {
        const outline = mappedEllipse({ x: -a, y: -b }, { x: a, y: b }, turning(30, { x: 0, y: 0 }));
        assert.ok(outline.length >= 64);
        const back = turning(-30, { x: 0, y: 0 });
        for (const [index, place] of outline.entries()) {
            const here = applied(back, place);
            const next = applied(back, outline[(index + 1) % outline.length]);
            assert.ok(Math.abs((here.x / a) ** 2 + (here.y / b) ** 2 - 1) < 1e-9, "a corner lies on the ellipse");
            const middle = { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 };
            const inside = Math.sqrt((middle.x / a) ** 2 + (middle.y / b) ** 2);
            assert.ok((1 / inside - 1) * Math.hypot(middle.x, middle.y) < 0.25, `side ${index} of ${a} × ${b}`);
        }
    }
});

const BOX = { low: { x: 100, y: 50 }, high: { x: 300, y: 150 } };
const VIEW = { width: 640, height: 360 };
const PLAIN = { scale: 1, x: 0, y: 0 };
const gripNamed = (shown, name) => shown.grips.find((grip) => grip.name === name);

test("a box has eight grips and one that turns, off its edge and apart from each other", () => {
    const shown = transformBox(BOX, PLAIN, VIEW);
    assert.deepEqual(shown.grips.map(({ name }) => name), ["nw", "n", "ne", "e", "se", "s", "sw", "w", "turn"]);
    for (const grip of shown.grips) {
        assert.ok(!isInBox(BOX, grip));
        for (const other of shown.grips) assert.ok(other === grip || Math.hypot(other.x - grip.x, other.y - grip.y) > 28);
    }
    const ne = gripNamed(shown, "ne");
    assert.deepEqual([ne.x, ne.y], [318, 32]);
    assert.equal(gripAt(shown, { x: 320, y: 30 }, 14).grip, ne);
    assert.equal(gripAt(shown, { x: 300, y: 50 }, 14), null); // the box's own corner is a point's
});

test("grips stay in view, zoomed or not; a small box keeps room between them", () => {
    for (const viewport of [PLAIN, { scale: 4, x: -600, y: -250 }, { scale: 0.1, x: 50, y: 50 }]) {
        const shown = transformBox({ low: { x: 0, y: 0 }, high: { x: 640, y: 360 } }, viewport, VIEW);
        for (const { x, y } of shown.grips) {
            const at = { x: x * viewport.scale + viewport.x, y: y * viewport.scale + viewport.y };
            assert.ok(at.x >= 12 && at.x <= 628 && at.y >= 12 && at.y <= 348, JSON.stringify(at));
        }
        for (const grip of shown.grips)
            for (const other of shown.grips) assert.ok(other === grip || Math.hypot(other.x - grip.x, other.y - grip.y) * viewport.scale > 28);
    }
    const small = transformBox({ low: { x: 100, y: 100 }, high: { x: 104, y: 104 } }, PLAIN, VIEW);
    assert.deepEqual(small.grips.map(({ name }) => name), ["nw", "ne", "se", "sw", "turn"]);
    assert.equal(transformBox({ low: { x: 5, y: 5 }, high: { x: 5, y: 5 } }, PLAIN, VIEW), null); // one place
    assert.equal(transformBox(BOX, { scale: 1, x: -5000, y: 0 }, VIEW), null); // beside the view
    const [ring, ...others] = transformBox(BOX, PLAIN, VIEW, [{ x: 150, y: 100 }, { x: 150, y: 200 }]).grips;
    assert.deepEqual([ring.name, others], ["turn", []]);
    const turned = transformBox(BOX, PLAIN, VIEW, [{ x: 200, y: 150 }, { x: 100, y: 150 }]).grips[0]; // by a quarter
    assert.deepEqual([turned.x, turned.y, turned.stem], [229, 150, { x: 200, y: 150 }]);
    const hidden = transformBox(BOX, { scale: 1, x: -185, y: 0 }, { width: 20, height: 400 }, [{ x: 200, y: 150 }, { x: 100, y: 150 }]).grips[0];
    assert.ok(hidden.x >= 185 && hidden.x <= 205); // neither side's ring would be in view
});

test("the corner comes to the pointer, the opposite one or the centre stays", () => {
    const shown = transformBox(BOX, PLAIN, VIEW);
    for (const grip of shown.grips.filter(({ name }) => name !== "turn")) {
        const corner = cornerOf(BOX, grip);
        const to = { x: corner.x + 31, y: corner.y - 17 };
        const reached = { x: grip.u === 0.5 ? corner.x : to.x, y: grip.v === 0.5 ? corner.y : to.y };
        closeTo(applied(scaledBy(BOX, grip, to), corner), reached);
        const opposite = cornerOf(BOX, { u: 1 - grip.u, v: 1 - grip.v });
        closeTo(applied(scaledBy(BOX, grip, to), opposite), opposite);
        const about = scaledBy(BOX, grip, to, { centre: true });
        closeTo(applied(about, corner), reached);
        closeTo(applied(about, { x: 200, y: 100 }), { x: 200, y: 100 });
        const { a, d } = scaledBy(BOX, grip, to, { proportion: true });
        if (grip.u !== 0.5 && grip.v !== 0.5) assert.equal(a, d);
    }
});

test("past the other side it mirrors; nothing is scaled to nothing", () => {
    const e = gripNamed(transformBox(BOX, PLAIN, VIEW), "e");
    assert.equal(scaledBy(BOX, e, { x: 0, y: 100 }).a, -0.5);
    assert.equal(scaledBy(BOX, e, { x: 0, y: 100 }).d, 1);
    assert.equal(scaledBy(BOX, e, { x: 100, y: 100 }).a, 1 / 200); // a pixel is left
    const level = { low: { x: 100, y: 50 }, high: { x: 300, y: 50 } };
    const se = gripNamed(transformBox(level, PLAIN, VIEW), "se");
    assert.deepEqual(scaledBy(level, se, { x: 400, y: 90 }), scaling(1.5, 1, { x: 100, y: 50 }));
});

test("the angle is the pointer's around the centre, in steps of 15 degrees with Shift", () => {
    const [from, to] = [{ x: 200, y: 0 }, { x: 300, y: 100 - Math.tan(0.1) * 100 }];
    assert.ok(Math.abs(turnedBy(BOX, from, { x: 300, y: 100 }, false) - 90) < 1e-9);
    assert.ok(Math.abs(turnedBy(BOX, from, to, false) - (90 - (0.1 * 180) / Math.PI)) < 1e-9);
    assert.equal(turnedBy(BOX, from, to, true), 90);
});
