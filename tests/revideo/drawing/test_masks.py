"""Masks of single regions, against plain and slow ways to compute them."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from revideo.drawing import masks
from revideo.drawing.masks import cover, distances, inside

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


def whole(kind, points, radius=0, feather=0, xs=XS, ys=YS):
    """The cover on the whole grid, (H, W)."""
    mask = np.zeros((len(ys), len(xs)), np.float32)
    window, covered = cover(kind, np.asarray(points, float), radius, feather, xs, ys)
    mask[window] = covered
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


# --- Lines on a grid -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["star", "scribble", "far"])
def test_inside_is_what_the_outline_turns_around(name):
    outline = closed(LINES[name])
    beside = far_from(outline, X, Y) > 1e-9  # from the outline itself, no turn can be seen
    assert_array_equal(inside(outline, XS, YS)[beside], turns_around(outline, X, Y)[beside] != 0)


def test_a_simple_outline_is_filled_as_opencv_fills_it():
    scale = 16  # OpenCV fills whole pixels: fine ones
    outline = np.array([[3, 3], [50, 9], [40, 34], [22, 30], [9, 38]])
    canvas = np.zeros((HEIGHT * scale, WIDTH * scale), np.uint8)
    cv2.fillPoly(canvas, [np.round(outline * scale).astype(np.int32)], 1)
    assert abs(inside(closed(outline.astype(float)), XS, YS).mean() - canvas.mean()) < 0.003


def test_inside_may_be_found_in_parts(monkeypatch):
    expected = inside(closed(STAR), XS, YS)
    monkeypatch.setattr(masks, "CROSSINGS_AT_ONCE", 7)
    assert_array_equal(inside(closed(STAR), XS, YS), expected)


@pytest.mark.parametrize("few", [1, 50, 10**9])
@pytest.mark.parametrize("name", LINES)
def test_distances_are_exact_within_the_band_and_on_their_side_outside(name, few, monkeypatch):
    monkeypatch.setattr(masks, "FEW_PAIRS", few)
    expected = far_from(LINES[name], X, Y)
    for low, high in ((-np.inf, np.inf), (2, 7), (5, 5)):
        found = distances(LINES[name], XS, YS, low, high)
        within = (expected >= low) & (expected <= high)
        assert_allclose(found[within], expected[within], atol=1e-9)
        assert (found[expected < low] < low).all() and (found[expected > high] > high).all()


def test_no_pixels_are_no_trouble():
    assert distances(STAR, XS[:0], YS, 0, 1).shape == (HEIGHT, 0)
    assert inside(closed(STAR), XS, YS[:0]).shape == (0, WIDTH)


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
    fine_xs, fine_ys = (np.arange(WIDTH * 16) + 0.5) / 16, (np.arange(HEIGHT * 16) + 0.5) / 16
    fine = whole(*SHAPES[name], 0, fine_xs, fine_ys).mean()
    assert abs(whole(*SHAPES[name]).mean() - fine) < 0.01
    if name != "star":  # whose inner lines are soft as well
        assert abs(whole(*SHAPES[name], feather=1).mean() - fine) < 0.003  # soft edges show parts of pixels


@pytest.mark.parametrize("axes", [(25, 8), (8, 8), (3, 19)])
def test_an_ellipse_is_exact_in_sign_and_close_near_its_outline(axes):
    (a, b), (x0, y0) = axes, (30.2, 19.7)
    points = np.array([[x0 - a, y0 - b], [x0 + a, y0 + b]])
    assert_array_equal(whole("ellipse", points) == 1, ((X - x0) / a) ** 2 + ((Y - y0) / b) ** 2 < 1)
    angles = np.linspace(0, 2 * np.pi, 20_000)
    outline = np.stack([x0 + a * np.cos(angles), y0 + b * np.sin(angles)], -1)
    away = distances(outline, XS, YS, -np.inf, 2) * np.where(whole("ellipse", points) == 1, -1, 1)
    near = np.abs(away) < 1
    found = (0.5 - whole("ellipse", points, feather=4)) * 4
    sharpest = max(axes) / min(axes) ** 2  # curvature
    assert (np.abs(found - away) <= sharpest * away**2 + 1e-4)[near].all()  # right to the first order


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
def test_far_away_nothing_is_covered_and_the_window_is_empty(name, feather):
    kind, points, radius = SHAPES[name]
    _, covered = cover(kind, points + np.array([500, -700]), radius, feather, XS, YS)
    assert covered.size == 0


def test_a_coarse_and_stretched_grid_sees_the_same_shape():
    xs, ys = (np.arange(20) + 0.5) * 3, (np.arange(80) + 0.5) / 2
    for name, (kind, points, radius) in SHAPES.items():
        mask = whole(kind, points, radius, 5, xs, ys)
        assert_allclose(mask[1::2], whole(kind, points, radius, 5, xs, ys[1::2]), atol=1e-6, err_msg=name)
        assert_allclose(mask[:, ::4], whole(kind, points, radius, 5, xs[::4], ys), atol=1e-6, err_msg=name)
