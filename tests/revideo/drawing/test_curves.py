"""Curves and their timing, against other ways to compute them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from revideo.drawing import curves
from revideo.drawing.curves import keyframes, lengths_at, measure_curve
from revideo.drawing.easing import EASINGS, eased

ZIGZAG = np.array([[8, 30], [20, 6.5], [33, 34], [58, 9], [70, 9.5]])
LOOP = np.array([[20, 10], [44, 12], [50, 30], [20, 33], [20, 10.0]])
POINTS = {
    "zigzag": ZIGZAG,
    "loop": LOOP,
    "uneven": np.array([[5, 5], [5.001, 5.002], [60, 8], [60, 8.5], [8, 38], [8.4, 38]]),
    "a point twice": np.array([[5, 5], [30, 20], [30, 20], [60, 10], [20, 40.0]]),
    "two points": np.array([[5, 5], [30, 20.0]]),
}


@pytest.fixture(params=POINTS)
def points_px(request):
    return POINTS[request.param]


def at_piece(curve, piece, u):
    return curves._places(curve.points_px, curve.tangents, np.full(len(u), piece), u)


def barry_goldman(p0, p1, p2, p3, u):
    """Centripetal Catmull–Rom by repeated interpolation between knots (Barry and Goldman, 1988)."""
    t0 = 0.0
    t1 = t0 + np.linalg.norm(p1 - p0) ** 0.5
    t2 = t1 + np.linalg.norm(p2 - p1) ** 0.5
    t3 = t2 + np.linalg.norm(p3 - p2) ** 0.5
    t = (t1 + u * (t2 - t1))[:, None]
    a1 = ((t1 - t) * p0 + (t - t0) * p1) / (t1 - t0)
    a2 = ((t2 - t) * p1 + (t - t1) * p2) / (t2 - t1)
    a3 = ((t3 - t) * p2 + (t - t2) * p3) / (t3 - t2)
    b1 = ((t2 - t) * a1 + (t - t0) * a2) / (t2 - t0)
    b2 = ((t3 - t) * a2 + (t - t1) * a3) / (t3 - t1)
    return ((t2 - t) * b1 + (t - t1) * b2) / (t2 - t1)


def fine_lengths(curve, per_piece=4000):
    """Places along the whole curve and the length up to each, by a fine sum."""
    pieces = len(curve.points_px) - 1
    u = np.linspace(0, 1, per_piece, endpoint=False)
    places = np.concatenate([*(at_piece(curve, piece, u) for piece in range(pieces)), curve.points_px[-1:]])
    return places, np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])


# --- Shape -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["zigzag", "loop", "uneven"])
def test_inner_pieces_are_barry_and_goldman_s(name):
    points = POINTS[name]
    curve, u = measure_curve(points, straight=False), np.linspace(0, 1, 33)
    for piece in range(1, len(points) - 2):
        expected = barry_goldman(*points[piece - 1 : piece + 3], u)
        assert_allclose(at_piece(curve, piece, u), expected, atol=1e-9)


def test_a_closed_curve_has_its_other_end_for_a_neighbour():
    curve, u = measure_curve(LOOP, straight=False), np.linspace(0, 1, 33)
    assert_allclose(at_piece(curve, 0, u), barry_goldman(LOOP[-2], *LOOP[:3], u), atol=1e-9)
    assert_allclose(at_piece(curve, 3, u), barry_goldman(*LOOP[-3:], LOOP[1], u), atol=1e-9)


def test_an_end_leaves_straight_towards_the_next_point():
    curve = measure_curve(ZIGZAG, straight=False)
    assert_allclose(curve.tangents[0, 0], ZIGZAG[1] - ZIGZAG[0])
    assert_allclose(curve.tangents[-1, 1], ZIGZAG[-1] - ZIGZAG[-2])


def test_a_point_twice_is_a_corner_that_takes_no_length():
    points = POINTS["a point twice"]
    curve = measure_curve(points, straight=False)
    assert curve.point_lengths[1] == curve.point_lengths[2]
    assert_allclose(curve.tangents[0, 1], points[1] - points[0])
    assert_allclose(curve.tangents[2, 0], points[3] - points[2])
    assert_allclose(curve.at(curve.point_lengths[1:2]), points[1:2])


def test_length_is_that_of_a_fine_sum(points_px):
    curve = measure_curve(points_px, straight=False)
    _, lengths = fine_lengths(curve)
    assert_allclose(curve.point_lengths, lengths[::4000], rtol=1e-3)
    assert (curve.point_lengths <= lengths[::4000] * (1 + 1e-12)).all()  # chords are shorter than arcs


def test_places_are_at_their_length(points_px):
    curve = measure_curve(points_px, straight=False)
    places, lengths = fine_lengths(curve)
    lengths *= curve.lengths[-1] / lengths[-1]
    asked = np.linspace(0, curve.lengths[-1], 301)
    expected = np.stack([np.interp(asked, lengths, axis) for axis in places.T], axis=-1)
    assert_allclose(curve.at(asked), expected, atol=0.02)


def test_a_straight_path_is_its_points(points_px):
    curve = measure_curve(points_px, straight=True)
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points_px, axis=0).T))])
    assert_allclose(curve.lengths, lengths)
    asked = np.linspace(0, lengths[-1], 97)
    assert_allclose(curve.at(asked), np.stack([np.interp(asked, lengths, axis) for axis in points_px.T], -1), atol=1e-9)


@pytest.mark.parametrize("straight", [True, False])
def test_curves_move_scale_and_turn_with_their_points(points_px, straight):
    turn = 3 * np.array([[np.cos(0.7), np.sin(0.7)], [-np.sin(0.7), np.cos(0.7)]])
    curve, turned = measure_curve(points_px, straight), measure_curve(points_px @ turn + (5, -70), straight)
    asked = np.linspace(0, curve.lengths[-1], 50)
    assert_allclose(turned.at(3 * asked), curve.at(asked) @ turn + (5, -70), atol=1e-6)


@pytest.mark.parametrize("straight", [True, False])
def test_a_path_backwards_is_the_same_path(points_px, straight):
    curve, back = measure_curve(points_px, straight), measure_curve(points_px[::-1].copy(), straight)
    asked = np.linspace(0, curve.lengths[-1], 50)
    assert_allclose(back.at(curve.lengths[-1] - asked), curve.at(asked), atol=1e-6)


@pytest.mark.parametrize("straight", [True, False])
def test_beyond_its_ends_a_path_rests(straight):
    curve = measure_curve(ZIGZAG, straight)
    assert_allclose(curve.at(np.array([-5.0, 0, curve.lengths[-1], 1e9])), ZIGZAG[[0, 0, -1, -1]])
    for still in (np.array([[7.0, 8]]), np.array([[7.0, 8], [7, 8], [7, 8]])):
        assert_allclose(measure_curve(still, straight).at(np.array([0.0, 3])), [[7, 8], [7, 8]])


def test_many_points_are_measured_in_parts(monkeypatch):
    whole = measure_curve(ZIGZAG, straight=False)
    monkeypatch.setattr(curves, "PIECES_AT_ONCE", 3)
    assert_allclose(measure_curve(ZIGZAG, straight=False).lengths, whole.lengths, rtol=1e-15)


# --- Time --------------------------------------------------------------------------------


def places_at(points_px, frames, times, start=0.0, end=10.0, easing="linear", straight=True):
    curve = measure_curve(np.array(points_px, float), straight)
    easings = [easing] * len(frames) if isinstance(easing, str) else easing
    return curve.at(lengths_at(*keyframes(curve, frames, easings, start, end), np.array(times, float)))


def test_without_times_a_path_spreads_over_its_own_frames():
    x = places_at([[0, 0], [40, 0]], [None, None], [0, 2, 3, 4.5, 6, 10], start=2, end=6)[:, 0]
    assert_allclose(x, [0, 0, 10, 25, 40, 40])


def test_a_timed_point_is_reached_on_its_frame():
    frames = [None, 3.5, None, 7.0, None]
    assert_allclose(places_at(ZIGZAG, frames, [0, 3.5, 7, 10], straight=False), ZIGZAG[[0, 1, 3, 4]], atol=1e-9)
    assert_allclose(places_at(ZIGZAG, [2, *frames[1:4], 8], [0, 2, 8, 9]), ZIGZAG[[0, 0, 4, 4]], atol=1e-9)


def test_a_pause_is_a_point_with_two_times():
    x = places_at([[0, 0], [20, 0], [20, 0], [40, 0]], [None, 2, 8, None], [1, 2, 5, 8, 9])[:, 0]
    assert_allclose(x, [10, 20, 20, 20, 30])


def test_where_start_is_end_the_way_takes_no_time():
    x = places_at([[0, 0], [40, 0]], [None, None], [4, 5, 5.001, 6], start=5, end=5)[:, 0]
    assert_allclose(x, [0, 0, 40, 40])


def test_one_point_stays_where_it_is():
    for frames in ([None], [4.0]):
        assert_allclose(places_at([[3, 4]], frames, [0, 4, 9]), [[3, 4]] * 3)


@pytest.mark.parametrize("easing", EASINGS)
def test_speeds_of_easings(easing):
    tau = np.linspace(0, 1, 1001)
    speed = {"linear": 1 + 0 * tau, "in": 2 * tau, "out": 2 - 2 * tau, "in-out": 6 * tau * (1 - tau)}[easing]
    x = places_at([[0, 0], [1, 0]], [None, None], 10 * tau, easing=easing)[:, 0]
    assert_allclose(np.gradient(x, tau)[1:-1], speed[1:-1], atol=1e-5)
    assert_allclose(x[[0, -1]], [0, 1])


def test_easing_starts_anew_between_timed_points():
    x = places_at([[0, 0], [10, 0], [40, 0]], [None, 4, None], [2, 4, 7], easing="in")[:, 0]
    assert_allclose(x, [10 * 0.25, 10, 10 + 30 * 0.25])


def test_each_stretch_between_keys_has_its_own_easing():
    points, frames = [[0, 0], [10, 0], [20, 0], [50, 0], [90, 0]], [None, 4, None, 8, None]
    easings = ["hold", (0, 0, 1, 1), "out", "in", "hold"]  # of these the third is no key, and the last has no stretch
    x = places_at(points, frames, [0, 3.999, 4, 5, 8, 9, 10], easing=easings)[:, 0]
    assert_allclose(x, [0, 0, 10, 20, 50, 60, 90])


@pytest.mark.parametrize(
    "controls", [(0.42, 0, 0.58, 1), (0, 1, 0, 1), (1, 0, 1, 0), (0.9, -2, 0.1, 3), (0.3, 1.8, 0.6, 1.4)]
)
def test_a_bezier_easing_is_the_height_of_a_fine_curve(controls):
    u = np.linspace(0, 1, 1_000_001)
    x, y = (3 * (1 - u) ** 2 * u * a + 3 * (1 - u) * u**2 * b + u**3 for a, b in (controls[::2], controls[1::2]))
    tau = np.linspace(0, 1, 1001)[:-1]
    found = eased([controls], np.zeros(1000, int), tau)
    assert found[0] == 0
    assert_allclose(found[5:], np.interp(tau, x, y)[5:], atol=1e-6)  # at the first, some rise without end


def test_a_path_that_swings_past_its_ends_rests_there():
    x = places_at([[0, 0], [40, 0]], [None, None], [1, 4, 5, 6], easing=[(0.3, 3, 0.6, 3), "linear"])[:, 0]
    assert x[0] < 40
    assert_allclose(x[1:], 40)
