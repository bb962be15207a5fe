import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDocument } from "../../../js/document/document.js";
import { coverAt, distanceToArea } from "../../../js/geometry/areas.js";
import { maskAt } from "../../../js/geometry/masks.js";
import { areaAt, areasAt } from "../../../js/geometry/pose.js";

/** @typedef {import("../../../js/document/document.js").Area} Area */

const [WIDTH, HEIGHT] = [60, 40];

/** @type {(kind: Area["kind"], points: [number, number][], more?: Partial<Area>) => Area} */
const area = (kind, points, more = {}) => ({ id: `${kind}${points}`, kind, points, ...more });

/** @type {(...regions: Area[]) => import("../../../js/document/document.js").EditDocument} */
const drawing = (...regions) => ({ ...emptyDocument(WIDTH, HEIGHT, 5), regions });

const sum = (/** @type {Float32Array} */ mask) => mask.reduce((a, b) => a + b, 0);

/** @type {[number, number][]} */
const STAR = [0, 2, 4, 1, 3].map((corner) => [30 + 18 * Math.sin((corner * 2 * Math.PI) / 5), 20 - 18 * Math.cos((corner * 2 * Math.PI) / 5)]);
/** @type {[number, number][]} */
const SCRIBBLE = [[10, 8], [50.3, 9.7], [12, 30], [48, 33], [48, 33], [30, 4]];

const SHAPES = [
    area("rect", [[40, 30], [7.5, 5]]),
    area("ellipse", [[5, 5], [55, 21.3]]),
    area("polygon", STAR),
    area("polygon", SCRIBBLE),
    area("brush", SCRIBBLE, { radius: 3.3 }),
    area("brush", [[20, 20]], { radius: 8 }),
];
const SOFT = [0, 0.5, 6, 90].flatMap((feather) => SHAPES.map((shape) => ({ ...shape, feather })));

test("the mask is the value at the middle of each pixel", () => {
    const snapped = [area("rect", [[10.5, 8.5], [40.5, 30.5]]), area("polygon", [[10.5, 8.5], [40.5, 8.5], [20.5, 30.5]])];
    for (const shape of [...SOFT, ...snapped])
        for (const mode of /** @type {const} */ (["add", "subtract"])) {
            const doc = drawing(area("ellipse", [[-10, -10], [50, 45]], { feather: 10 }), { ...shape, mode });
            const mask = maskAt(doc, 0, WIDTH, HEIGHT);
            mask.forEach((value, index) => {
                const place = [(index % WIDTH) + 0.5, Math.floor(index / WIDTH) + 0.5];
                const expected = coverAt(areasAt(doc, 0), place[0], place[1]);
                assert.ok(Math.abs(value - expected) < 1e-6, `${shape.kind} ${shape.feather} at ${place}: ${value}, ${expected}`);
            });
        }
});

/** Numbers in [0, 1), the same in every run. @type {(seed: number) => () => number} */
const random = (seed) => () => (seed = (seed * 48271) % 2147483647) / 2147483647;

test("many areas are what they are one after the other", () => {
    for (let seed = 1; seed <= 40; seed += 1) {
        const next = random(seed * 7919);
        const one = (/** @type {any[]} */ ...choices) => choices[Math.floor(next() * choices.length)];
        const places = (/** @type {number} */ count) => {
            const [x, y, reach, snap] = [next() * WIDTH, next() * HEIGHT, one(6, 30, 300), next() < 0.4];
            const near = (/** @type {number} */ at) => (snap ? Math.floor(at) + 0.5 : at); // often on the middles of pixels
            return Array.from({ length: count }, () => /** @type {[number, number]} */ ([near(x + reach * (next() - 0.5)), near(y + reach * (next() - 0.5))]));
        };
        const areas = Array.from({ length: Math.ceil(40 * next()) }, () => {
            const kind = one("rect", "ellipse", "polygon", "brush");
            const count = { rect: 2, ellipse: 2, polygon: 3 + Math.floor(9 * next()), brush: 1 + Math.floor(8 * next()) }[/** @type {Area["kind"]} */ (kind)];
            return area(kind, places(count), { mode: one("add", "add", "subtract"), radius: one(0.7, 3, 80), feather: one(0, 0.3, 4, 25, 400) });
        });
        const doc = drawing(...areas);
        const shown = areasAt(doc, 0);
        const base = seed % 2 ? Float32Array.from({ length: WIDTH * HEIGHT }, () => one(0, 1, next())) : undefined;
        maskAt(doc, 0, WIDTH, HEIGHT, base).forEach((value, index) => {
            const expected = coverAt(shown, (index % WIDTH) + 0.5, Math.floor(index / WIDTH) + 0.5, base?.[index]);
            assert.ok(Math.abs(value - expected) < 1e-6, `drawing ${seed}, pixel ${index}: ${value}, not ${expected}`);
        });
    }
});

test("shapes cover as many pixels as geometry says", () => {
    const size = (/** @type {Area} */ shape) => sum(maskAt(drawing(shape), 0, 20 * WIDTH, 20 * HEIGHT)) / 400;
    const close = (/** @type {number} */ a, /** @type {number} */ b) => assert.ok(Math.abs(a / b - 1) < 0.005, `${a} is not ${b}`);
    close(size(SHAPES[0]), 32.5 * 25);
    close(size(SHAPES[1]), (Math.PI / 4) * 50 * 16.3);
    close(size(SHAPES[2]), 1.12257 * 18 ** 2); // a pentagram filled whole: nonzero winding
    close(size(area("brush", [[10, 20], [40, 20]], { radius: 5 })), 30 * 10 + Math.PI * 25);
});

test("the distance is a distance: no steeper than the way, and zero on the outline", () => {
    const places = Array.from({ length: 200 }, (_, index) => [(index * 37) % WIDTH, (index * 53.7) % HEIGHT]);
    for (const shape of SHAPES.filter(({ kind }) => kind !== "ellipse"))
        for (const [x, y] of places) {
            const [a, b] = [distanceToArea(shape, x, y), distanceToArea(shape, x + 0.3, y - 0.4)];
            assert.ok(Math.abs(a - b) <= 0.5 + 1e-9);
        }
    for (const [x, y] of [[7.5, 20], [40, 20], [20, 5], [20, 30], [40, 30]]) assert.equal(distanceToArea(SHAPES[0], x, y), 0);
    assert.equal(distanceToArea(SHAPES[0], 44, 33), 5);
    assert.equal(distanceToArea(SHAPES[0], 20, 7), -2);
    assert.equal(distanceToArea(SHAPES[1], 30, 13.15), -8.15);
    assert.ok(Math.abs(distanceToArea(SHAPES[1], 57, 13.15) - 2) < 1e-9);
});

test("shapes that share a side leave no gap and do not overlap", () => {
    const counts = new Float32Array(WIDTH * HEIGHT);
    for (const shape of [
        area("rect", [[0, 0], [20.5, 10.5]]),
        area("rect", [[20.5, 0], [60, 10.5]]),
        area("polygon", [[0, 10.5], [60, 10.5], [60, 40]]),
        area("polygon", [[60, 40], [0, 10.5], [0, 40]]),
    ])
        maskAt(drawing(shape), 0, WIDTH, HEIGHT).forEach((value, index) => (counts[index] += value));
    assert.ok(counts.every((count) => count === 1));
});

test("an area that becomes another kind has nothing of the old one", () => {
    const brush = area("brush", SCRIBBLE, { radius: 2 });
    const polygon = { ...brush, kind: /** @type {const} */ ("polygon") };
    const [x, y] = [20, 6]; // on the side that closes the polygon
    assert.ok(Math.abs(distanceToArea(polygon, x, y)) < 1e-9);
    assert.ok(distanceToArea(brush, x, y) > 0.1);
    assert.equal(distanceToArea({ ...brush, kind: "rect", points: [[0, 0], [9, 9]] }, 12, 13), 5);
});

test("later regions count over earlier ones", () => {
    const whole = area("rect", [[0, 0], [60, 40]]);
    const hole = area("rect", [[20, 10], [30, 20]], { mode: "subtract" });
    assert.equal(sum(maskAt(drawing(whole, hole), 0, WIDTH, HEIGHT)), 2400 - 100);
    assert.equal(sum(maskAt(drawing(hole, whole), 0, WIDTH, HEIGHT)), 2400);
    assert.equal(sum(maskAt(drawing(whole, { ...hole, visible: false }), 0, WIDTH, HEIGHT)), 2400);
});

test("what has no extent covers nothing, soft or not", () => {
    for (const feather of [0, 8])
        for (const shape of [
            area("rect", [[10, 10], [10, 30]], { feather }),
            area("ellipse", [[10, 10], [30, 10 + 1e-9]], { feather }),
            area("polygon", [[10, 10], [30, 10], [20, 10]], { feather }),
        ]) {
            assert.equal(sum(maskAt(drawing(shape), 0, WIDTH, HEIGHT)), 0);
            assert.equal(coverAt(areasAt(drawing(shape), 0), 10, 10), 0);
        }
});

test("regions outside the frame, and larger than it", () => {
    const far = (/** @type {Area} */ { points, ...shape }) => ({ ...shape, points: points.map(([x, y]) => /** @type {[number, number]} */ ([x + 500, y - 700])) });
    for (const shape of SOFT.filter(({ feather }) => feather < 90)) assert.equal(sum(maskAt(drawing(far(shape)), 0, WIDTH, HEIGHT)), 0);
    assert.equal(sum(maskAt(drawing(area("brush", [[-400, 20]], { radius: 1000 })), 0, WIDTH, HEIGHT)), WIDTH * HEIGHT);
    assert.equal(sum(maskAt(drawing(area("polygon", [[-900, -900], [900, -900], [0, 2000]], { feather: 3 })), 0, WIDTH, HEIGHT)), WIDTH * HEIGHT);
});

test("an area that follows a path moves as the path does, also a hidden one", () => {
    const path = { id: "p", kind: /** @type {const} */ ("line"), points: [{ x: 3, y: 3 }, { x: 23, y: 13 }], visible: false, start: 1, end: 3 };
    const follower = area("rect", [[5, 5], [15, 15]], { follow: "p" });
    const doc = { ...drawing(follower), paths: [path] };
    assert.deepEqual([0, 2, 4].map((time) => areaAt(follower, doc, time)), [[0, 0], [10, 5], [20, 10]].map(([x, y]) => ({ area: follower, x, y })));
    const moved = drawing(area("rect", [[25, 15], [35, 25]]));
    assert.deepEqual(maskAt(doc, 4, WIDTH, HEIGHT), maskAt(moved, 0, WIDTH, HEIGHT));
    assert.equal(coverAt(areasAt(doc, 4), 30, 20), 1);
    assert.equal(coverAt(areasAt(doc, 0), 30, 20), 0);
});

test("a clip of another size has the same mask in proportion", () => {
    const doc = drawing(area("rect", [[15, 10], [45, 30]]));
    const mask = maskAt(doc, 0, 30, 80);
    assert.equal(sum(mask), 15 * 40);
    assert.deepEqual([mask[20 * 30 + 7], mask[20 * 30 + 22], mask[19 * 30 + 7]], [1, 0, 0]); // x 15 is the middle of pixel 7
});
