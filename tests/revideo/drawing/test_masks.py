"""Masks, against plain and slow ways to compute them."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from revideo.drawing import masks
from revideo.drawing.masks import paint
from revideo.drawing.schema import Region

WIDTH, HEIGHT = 60, 40
XS, YS = np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5
X, Y = np.meshgrid(XS, YS)

corners = np.arange(5) * 4 * np.pi / 5
STAR = np.stack([30 + 18 * np.sin(corners), 20 - 18 * np.cos(corners)], -1)
SCRIBBLE = np.array([[10, 8], [50.3, 9.7], [12, 30], [48, 33], [48, 33], [30, 4.0]])
EIGHT = np.array([[2, 2], [14, 38], [14, 2], [2, 38.0]])
BOX = np.array([[40, 30], [7.5, 5]])
DOT = np.array([[20, 20.3]])

LINES = {"star": STAR, "scribble": SCRIBBLE, "dot": DOT, "far": SCRIBBLE + np.array([500, -300])}
SHAPES = {
    "rect": ("rect", BOX, 0),
    "ellipse": ("ellipse", np.array([[5, 5], [55, 21.3]]), 0),
    "star": ("polygon", STAR, 0),
    "eight": ("polygon", EIGHT, 0),
    "brush": ("brush", SCRIBBLE, 3.3),
    "dot": ("brush", DOT, 8),
    "partly outside": ("polygon", SCRIBBLE + np.array([30, -12]), 0),
}


def closed(points):
    return np.concatenate([points, points[:1]])


def whole(kind, points, radius=0, feather=0, size=(HEIGHT, WIDTH), scale=(1, 1)):
    """The cover of one region on the whole grid, (H, W)."""
    mask = np.zeros(size, np.float32)
    places = tuple(map(tuple, np.asarray(points, float).tolist()))
    paint(mask, [Region("r1", kind, places, radius=radius or None, feather=feather)], [np.zeros(2)], scale)
    return mask


def far_from(line, x, y):
    """Distance to each segment in turn: across it in units of its length, else to its nearer end."""
    p, points = x + 1j * y, line[:, 0] + 1j * line[:, 1]
    least = np.abs(p - points[0])
    for a, b in pairwise(points):
        if a != b:
            along = (p - a) / (b - a)
            across = np.abs(along.imag) * abs(b - a)
            least = np.minimum(least, np.where((along.real >= 0) & (along.real <= 1), across, np.abs(p - b)))
    return least


def turns_around(outline, x, y):
    """How often an outline turns around places: the sum of the angles under which its sides are seen."""
    seen = outline[:, 0, None, None] + 1j * outline[:, 1, None, None] - (x + 1j * y)
    return np.rint(np.angle(seen[1:] / seen[:-1]).sum(0) / (2 * np.pi)).astype(int)


def signed_distance(kind, points, radius):
    if kind == "brush":
        return far_from(points, X, Y) - radius
    outline = closed(points)
    if kind == "rect":
        (left, top), (right, bottom) = points.min(0), points.max(0)
        outline = closed(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]))
    return far_from(outline, X, Y) * np.where(turns_around(outline, X, Y) != 0, -1, 1)


# --- Outlines ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["star", "scribble", "far"])
def test_inside_is_what_the_outline_turns_around(name):
    outline = closed(LINES[name])
    beside = far_from(outline, X, Y) > 1e-9  # from the outline itself, no turn can be seen
    assert_array_equal(whole("polygon", LINES[name])[beside], turns_around(outline, X, Y)[beside] != 0)


def test_a_simple_outline_is_filled_as_opencv_fills_it():
    scale = 16  # OpenCV fills whole pixels: fine ones
    outline = np.array([[3, 3], [50, 9], [40, 34], [22, 30], [9, 38]])
    canvas = np.zeros((HEIGHT * scale, WIDTH * scale), np.uint8)
    cv2.fillPoly(canvas, [np.round(outline * scale).astype(np.int32)], 1)
    assert abs(whole("polygon", outline).mean() - canvas.mean()) < 0.003


# --- Regions -------------------------------------------------------------------------------


@pytest.mark.parametrize("feather", [0, 0.5, 6, 90])
@pytest.mark.parametrize("name", [name for name in SHAPES if name != "ellipse"])  # whose distance is another test's
def test_cover_follows_the_distance(name, feather):
    kind, points, radius = SHAPES[name]
    away = signed_distance(kind, points, radius)
    expected = np.clip(0.5 - away / feather, 0, 1) if feather else away < 0
    beside = (np.abs(away) > 1e-9) | (feather > 0)  # on the outline, the side of the shape decides: another test's
    assert_allclose(whole(kind, points, radius, feather)[beside], expected[beside], atol=1e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_areas_are_those_of_a_finer_grid(name):
    fine = whole(*SHAPES[name], 0, (HEIGHT * 16, WIDTH * 16), (1 / 16, 1 / 16)).mean()
    assert abs(whole(*SHAPES[name]).mean() - fine) < 0.01
    if name != "star":  # whose inner lines are soft as well
        assert abs(whole(*SHAPES[name], feather=1).mean() - fine) < 0.003  # soft edges show parts of pixels


@pytest.mark.parametrize("axes", [(25, 8), (8, 8), (3, 19)])
def test_an_ellipse_is_exact_in_sign_and_close_near_its_outline(axes):
    (a, b), (x0, y0) = axes, (30.2, 19.7)
    points = np.array([[x0 - a, y0 - b], [x0 + a, y0 + b]])
    assert_array_equal(whole("ellipse", points) == 1, ((X - x0) / a) ** 2 + ((Y - y0) / b) ** 2 < 1)
    angles = np.linspace(0, 2 * np.pi, 2000)
    outline = np.stack([x0 + a * np.cos(angles), y0 + b * np.sin(angles)], -1)
    away = far_from(outline, X, Y) * np.where(whole("ellipse", points) == 1, -1, 1)
    near = np.abs(away) < 1
    found = (0.5 - whole("ellipse", points, feather=4)) * 4
    sharpest = max(axes) / min(axes) ** 2  # curvature
    assert (np.abs(found - away) <= sharpest * away**2 + 1e-3)[near].all()  # right to the first order


def test_an_ellipse_s_middle_is_as_far_inside_as_its_shorter_half():
    points = [[10.5, 10.5], [40.5, 20.5]]  # the middle of a pixel is its middle
    assert whole("ellipse", points, feather=40)[15, 25] == np.float32(0.5 + 5 / 40)


def test_shapes_that_share_a_side_leave_no_gap_and_do_not_overlap():
    shapes = [
        ("rect", [[0, 0], [20.5, 10.5]]),
        ("rect", [[20.5, 0], [60, 10.5]]),
        ("polygon", [[0, 10.5], [60, 10.5], [60, 40]]),
        ("polygon", [[60, 40], [0, 10.5], [0, 40]]),
    ]
    assert_array_equal(sum(whole(kind, points) for kind, points in shapes), np.ones((HEIGHT, WIDTH)))


def test_a_rectangle_is_the_polygon_of_its_corners():
    for left, top, right, bottom in ((7.5, 5.5, 40.5, 30.5), (7.2, 5.1, 40.9, 30.3)):
        polygon = [[left, top], [right, top], [right, bottom], [left, bottom]]
        for feather in (0, 5):
            rect = whole("rect", [[right, top], [left, bottom]], 0, feather)
            assert_allclose(rect, whole("polygon", polygon, 0, feather), atol=1e-6)


@pytest.mark.parametrize("feather", [0, 8])
def test_what_has_no_extent_covers_nothing(feather):
    for kind, points in (
        ("rect", [[10, 10], [10, 30]]),
        ("ellipse", [[10, 10], [30, 10 + 1e-9]]),
        ("polygon", [[10, 10], [30, 10], [20, 10]]),
    ):
        assert not whole(kind, points, feather=feather).any()


@pytest.mark.parametrize("feather", [0, 6])
@pytest.mark.parametrize("name", SHAPES)
def test_far_away_nothing_is_covered(name, feather):
    kind, points, radius = SHAPES[name]
    assert not whole(kind, points + np.array([500, -700]), radius, feather).any()


@pytest.mark.parametrize("name", SHAPES)
def test_a_coarse_and_stretched_grid_sees_the_same_shape(name):
    kind, points, radius = SHAPES[name]
    mask = whole(kind, points, radius, 5, (80, 20), (3, 0.5))
    finer = whole(kind, points, radius, 5, (240, 60), (1, 1 / 6))  # whose every third pixel lies on one of those
    assert_allclose(mask, finer[1::3, 1::3], atol=1e-6)


# --- Many regions --------------------------------------------------------------------------


def area_after_area(regions, moved_px, x, y, base=None):
    """The mask as docs/edit_document.md says it: every region at every place, in turn, on that of `base`."""
    mask = np.zeros(x.shape) if base is None else base
    for region, (moved_x, moved_y) in zip(regions, moved_px):
        cover = plain_cover(region, x - moved_x, y - moved_y)
        mask = np.minimum(mask, 1 - cover) if region.mode == "subtract" else np.maximum(mask, cover)
    return mask


def plain_cover(region, x, y):
    points, feather = np.array(region.points), region.feather or 0
    low, high = points.min(0), points.max(0)
    if region.kind != "brush" and (high - low).min() < 1e-6:
        return np.zeros(x.shape)
    if region.kind == "ellipse":
        (a, b), (middle_x, middle_y) = (high - low) / 2, (low + high) / 2
        u, v = (x - middle_x) / a, (y - middle_y) / b
        k, slope = np.sqrt(u * u + v * v), np.sqrt((u / a) ** 2 + (v / b) ** 2)
        away = np.divide(k * (k - 1), slope, out=np.full(x.shape, -min(a, b)), where=slope > 0)
    elif region.kind == "brush":
        away = far_from(points, x, y) - region.radius
    else:
        box = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
        outline = closed(box if region.kind == "rect" else points)
        inside = winds_around(outline, x, y) != 0
        away = far_from(outline, x, y) * np.where(inside, -1, 1)
        if not feather:
            return inside.astype(float)
    return np.clip(0.5 - away / feather, 0, 1) if feather else (away < 0).astype(float)


def winds_around(outline, x, y):
    """How often, by the edges that are met to the left of a place, on its level."""
    turns = np.zeros(x.shape, int)
    for (x0, y0), (x1, y1) in pairwise(outline):
        if y0 != y1:
            met = (min(y0, y1) <= y) & (y < max(y0, y1)) & (x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x)
            turns += np.where(met, 1 if y0 < y1 else -1, 0)
    return turns


def random_region(rng, width, height):
    """Any kind of region, often with corners on the middles of pixels, often much larger than the frame."""
    kind = rng.choice(["rect", "ellipse", "polygon", "brush"])
    count = {"rect": 2, "ellipse": 2, "polygon": rng.integers(3, 12), "brush": rng.integers(1, 9)}[kind]
    reach = rng.choice([0.1, 0.5, 1, 6])
    points = (rng.uniform(0, 1, 2) + reach * rng.uniform(-1, 1, (count, 2))) * (width, height)
    if rng.random() < 0.4:
        points = np.floor(points) + 0.5
    return Region(
        "r",
        str(kind),
        tuple(map(tuple, points.tolist())),
        mode=str(rng.choice(["add", "subtract"], p=[0.7, 0.3])),
        radius=rng.choice([0.7, 3, 12.5, 80]) if kind == "brush" else None,
        feather=rng.choice([0, 0.3, 4, 25, 400]),
    )


@pytest.mark.parametrize("seed", range(40))
def test_many_regions_are_what_they_are_one_after_the_other(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    width, height = rng.integers(1, 90, 2)
    scale = (1, 1) if seed % 2 else (rng.uniform(0.2, 5), rng.uniform(0.2, 5))
    regions = [random_region(rng, width * scale[0], height * scale[1]) for _ in range(rng.integers(1, 40))]
    moved = [rng.choice([0, 1.5, 7.3]) * rng.uniform(-1, 1, 2).round(1) for _ in regions]
    if seed % 3:  # many small tiles, in parts
        monkeypatch.setattr(masks, "SMALLEST_TILE", 2)
        monkeypatch.setattr(masks, "FEW_SEGMENTS", 1)
        monkeypatch.setattr(masks, "SEGMENTS_AT_ONCE", 50)
    mask = np.zeros((height, width), np.float32)
    below = seed % 5  # those that are painted first; others come on top of what is there
    paint(mask, regions[:below], moved[:below], scale)
    paint(mask, regions[below:], moved[below:], scale)
    x, y = np.meshgrid((np.arange(width) + 0.5) * scale[0], (np.arange(height) + 0.5) * scale[1])
    assert_allclose(mask, area_after_area(regions, moved, x, y), atol=1e-6)


@pytest.mark.parametrize("feather", [0, 20, 300])
@pytest.mark.parametrize("kind", ["rect", "ellipse", "polygon", "brush"])
def test_as_many_regions_as_may_be(kind, feather):
    rng = np.random.default_rng(0)
    count = 2 if kind in ("rect", "ellipse") else 8
    middles, reach = rng.uniform(0, 1, (1000, 1, 2)) * (96, 54), rng.choice([4, 20, 60], (1000, 1, 1))
    regions = [
        Region("r", kind, tuple(map(tuple, points)), mode, 3.0 if kind == "brush" else None, feather)
        for points, mode in zip(
            (middles + reach * rng.uniform(-1, 1, (1000, count, 2))).tolist(),
            rng.choice(["add", "subtract"], 1000, p=[0.8, 0.2]).tolist(),
        )
    ]
    mask, moved = np.zeros((54, 96), np.float32), np.zeros((1000, 2))
    paint(mask, regions, moved, (1, 1))
    x, y = np.meshgrid(np.arange(96)[::5] + 0.5, np.arange(54)[::5] + 0.5)
    assert_allclose(mask[::5, ::5], area_after_area(regions, moved, x, y), atol=1e-6)


@pytest.mark.parametrize("feather", [0, 3, 60])
def test_nested_regions_that_are_added_and_taken_away(feather):
    angles = np.arange(9) * 2 * np.pi / 9
    ring = np.stack([np.cos(angles), np.sin(angles)], -1)
    radii = np.linspace(30, 0.03, 300)
    regions = [
        Region(
            "r",
            "polygon",
            tuple(map(tuple, (30.2 + radius * ring).tolist())),
            ("add", "subtract")[i % 2],
            None,
            feather,
        )
        for i, radius in enumerate(radii)
    ]
    mask = np.zeros((60, 60), np.float32)
    moved = [np.zeros(2)] * len(regions)
    paint(mask, regions, moved, (1, 1))
    x, y = np.meshgrid(np.arange(60)[::7] + 0.5, np.arange(60)[::7] + 0.5)
    assert_allclose(mask[::7, ::7], area_after_area(regions, moved, x, y), atol=1e-6)
