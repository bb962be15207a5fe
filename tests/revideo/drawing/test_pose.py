"""Regions that keys scale, turn, reshape and move, against plain and slow ways to compute them."""

import cmath
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from revideo import EditDocument
from revideo.drawing.pose import ELLIPSE_CORNERS, cosine_and_sine, pose
from revideo.drawing.schema import DrawnPath, Keyframe, Point, Region
from tests.revideo.drawing.test_masks import area_after_area

DOCUMENTS = json.loads((Path(__file__).parents[2] / "data" / "documents.json").read_text("utf-8"))["documents"]
NEWER = [entry for entry in DOCUMENTS if entry["document"]["version"] == 2 and entry["document"]["regions"]]

RECT = Region("r1", "rect", ((10, 8), (40, 24)))
SHAPES = [
    RECT,
    Region("r1", "ellipse", ((10, 8), (40, 24))),
    Region("r1", "polygon", ((10, 8), (40, 12), (22, 30), (24, 16))),
    Region("r1", "brush", ((10, 8), (40, 12), (22, 30)), radius=3),
]


def drawn(*regions, paths=(), frames=9):
    return EditDocument(width=64, height=40, frames=frames, paths=tuple(paths), regions=regions)


def keyed(region, *keys):
    return replace(region, keys=keys)


# --- As the page says it -------------------------------------------------------------------


def eased_plainly(easing, tau):
    if easing == "hold":
        return 0
    if isinstance(easing, str):
        return {"linear": tau, "in": tau**2, "out": 1 - (1 - tau) ** 2, "in-out": tau**2 * (3 - 2 * tau)}[easing]
    (x1, y1, x2, y2), u = easing, np.linspace(0, 1, 200_001)
    x, y = (3 * (1 - u) ** 2 * u * a + 3 * (1 - u) * u**2 * b + u**3 for a, b in ((x1, x2), (y1, y2)))
    return np.interp(tau, x, y)


def now(region, time):
    """The pose's values at a time, one after the other: move, scale, turn, points."""

    def values(key):
        points = key.points or region.points
        return np.array([*(key.move or (0, 0)), *(key.scale or (1, 1)), key.rotate or 0, *np.ravel(points)])

    keys = region.keys or (Keyframe(0),)
    earlier = [key for key in keys if key.frame <= time]
    later = [key for key in keys if key.frame > time]
    if not earlier or not later:
        return values((earlier or later)[-1 if earlier else 0])
    a, b = earlier[-1], later[0]
    done = eased_plainly(a.easing or "linear", (time - a.frame) / (b.frame - a.frame))
    return values(a) * (1 - done) + values(b) * done


def plain_region(document, region, time, follow):
    """What a region is at a time, by complex numbers; `follow` says where a place goes with what it follows."""
    move_x, move_y, scale_x, scale_y, degrees, *rest = now(region, time)
    shape = np.reshape(rest, (-1, 2)) @ (1, 1j)
    own = np.array(region.points) @ (1, 1j)
    centre = complex(own.real.min() + own.real.max(), own.imag.min() + own.imag.max()) / 2
    kind, ahead = region.kind, follow(1) - follow(0)
    turned = cmath.exp(1j * np.deg2rad(degrees)) * ahead
    low = complex(shape.real.min(), shape.imag.min())
    high = complex(shape.real.max(), shape.imag.max())
    if kind in ("rect", "ellipse") and abs((turned / abs(turned)) - 1) > 1e-9:
        half = (high - low) / 2
        if min(half.real * abs(scale_x), half.imag * abs(scale_y)) < 1e-6:
            return None
        if kind == "rect":
            shape = np.array([low, complex(high.real, low.imag), high, complex(low.real, high.imag)])
        else:
            angles = np.arange(256) / 256 * 2 * np.pi
            shape = (low + high) / 2 + half.real * np.cos(angles) + 1j * half.imag * np.sin(angles)
        kind = "polygon"
    scaled = (shape - centre).real * scale_x + 1j * (shape - centre).imag * scale_y
    places = follow(centre + cmath.exp(1j * np.deg2rad(degrees)) * scaled + complex(move_x, move_y))
    radius = region.radius and region.radius * abs(scale_x * scale_y) ** 0.5 * abs(ahead)
    return replace(region, kind=kind, points=tuple(zip(places.real.tolist(), places.imag.tolist())), radius=radius)


def follow_of(document, region, places):
    """What takes first points of the paths it follows nearest to where they are: a move, or a turn and scale too."""
    ids = [region.follow] if isinstance(region.follow, str) else region.follow or []
    numbers = [[path.id for path in document.paths].index(path_id) for path_id in ids]
    starts = np.array([complex(*document.paths[number].points[0][:2]) for number in numbers])
    ends = np.array([complex(*places[number]) for number in numbers])
    if not numbers:
        return lambda place: place
    if len(set(starts.tolist())) == 1:
        return lambda place: place + (ends - starts).mean()
    (turn, move), *_ = np.linalg.lstsq(np.stack([starts, np.ones(len(starts))], axis=1), ends, rcond=None)
    return lambda place: turn * place + move


def of_frame(masks, frame):
    return masks and masks[min(frame, len(masks) - 1)]


@pytest.mark.parametrize("entry", NEWER, ids=lambda entry: entry["name"])
def test_recorded_masks_are_those_of_the_plain_way(entry):
    document = EditDocument.from_json(json.dumps(entry["document"]))
    frames, width, height = entry["frames"], entry["width"], entry["height"]
    shown = replace(document, paths=tuple(replace(path, visible=True) for path in document.paths))
    points_px, _ = shown.dense_points(frames, document.height, document.width)
    x, y = np.meshgrid(
        (np.arange(width) + 0.5) * document.width / width, (np.arange(height) + 0.5) * document.height / height
    )
    for frame in range(frames):
        time = frame * (document.frames - 1) / max(frames - 1, 1)
        regions = [
            plain_region(document, region, time, follow_of(document, region, points_px[:, frame]))
            for region in document.regions
            if region.visible is not False
        ]
        regions = [region for region in regions if region is not None]
        recorded, base = (
            np.repeat(runs[::2], runs[1::2]).reshape(height, width) if runs else None
            for runs in (of_frame(entry["masks"], frame), of_frame(entry.get("base"), frame))
        )
        expected = area_after_area(regions, np.zeros((len(regions), 2)), x, y, base)
        assert_allclose(recorded, expected, atol=2e-6, err_msg=f"frame {frame}")


# --- Truths --------------------------------------------------------------------------------


@pytest.mark.parametrize("region", SHAPES, ids=lambda region: region.kind)
def test_moved_by_keys_it_is_the_region_drawn_elsewhere(region):
    masks = drawn(keyed(region, Keyframe(0), Keyframe(8, move=(16, -8)))).mask(9, 40, 64)
    for frame in range(9):
        points = tuple((x + 2 * frame, y - frame) for x, y in region.points)
        assert_array_equal(masks[frame], drawn(replace(region, points=points)).mask(1, 40, 64)[0])


@pytest.mark.parametrize("region", SHAPES, ids=lambda region: region.kind)
def test_four_quarter_turns_are_none_to_the_bit(region):
    keys = [Keyframe(index, rotate=90 * index, easing="hold") for index in range(9)]
    masks = drawn(keyed(region, *keys)).mask(9, 40, 64)
    for frame in (4, 8):
        assert_array_equal(masks[frame], masks[0])
    if region.kind == "rect":  # upright, about the same middle
        assert_array_equal(masks[1], drawn(replace(region, points=((17, 1), (33, 31)))).mask(1, 40, 64)[0])


def test_twice_as_wide_and_half_as_high():
    for region in SHAPES[:2]:
        mask = drawn(keyed(region, Keyframe(0, scale=(2, 0.5)))).mask(1, 40, 64)
        assert_array_equal(mask, drawn(replace(region, points=((-5, 12), (55, 20)))).mask(1, 40, 64))


def test_a_brush_grows_by_the_root_of_both_scales():
    poses = pose(keyed(SHAPES[3], Keyframe(0, scale=(0.5, 8))), None, np.zeros(1))
    assert poses.shape(0).radius == 6


def test_a_turned_ellipse_is_a_twentieth_of_a_pixel_near():
    region = keyed(Region("r1", "ellipse", ((0, 0), (1000, 1000))), Keyframe(0, rotate=33))
    polygon = pose(region, None, np.zeros(1)).shape(0)
    assert (polygon.kind, len(polygon.points)) == ("polygon", ELLIPSE_CORNERS)
    corners = np.array(polygon.points) - 500
    assert_allclose(np.hypot(*corners.T), 500)
    middles = (corners + np.roll(corners, 1, axis=0)) / 2
    assert 499.95 < np.hypot(*middles.T).min() < 500


def test_sines_are_the_library_s_and_exact_for_quarters():
    degrees = np.concatenate([np.linspace(-1000, 1000, 5001), [35_999.9]])
    assert_allclose(cosine_and_sine(degrees), (np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))), atol=1e-13)
    cosine, sine = cosine_and_sine(np.arange(-4, 9) * 90.0)
    assert cosine.tolist() == [1, 0, -1, 0] * 3 + [1]
    assert sine.tolist() == [0, 1, 0, -1] * 3 + [0]


def test_masks_are_one_unless_keys_differ():
    def count(*keys, region=RECT, frames=9):
        return len(drawn(keyed(region, *keys)).mask(frames, 40, 64))

    assert count(Keyframe(4, rotate=30)) == 1
    assert count(Keyframe(0, rotate=30), Keyframe(8, rotate=30)) == 1
    assert count(Keyframe(0), Keyframe(8, rotate=30), frames=1) == 1
    for key in (Keyframe(8, move=(1, 0)), Keyframe(8, scale=(1, 2)), Keyframe(8, rotate=1)):
        assert count(Keyframe(0), key) == 9
    assert count(Keyframe(0), Keyframe(8, points=((10, 8), (40, 30)))) == 9
    assert count(Keyframe(0), Keyframe(8, rotate=30), region=replace(RECT, visible=False)) == 1


def test_frames_alone_are_those_of_the_whole_clip():
    path = DrawnPath("p1", "line", (Point(8, 8), Point(40, 24)))
    region = keyed(replace(RECT, follow="p1"), Keyframe(0), Keyframe(8, rotate=90, scale=(0.5, 1)))
    document = drawn(RECT, region, paths=[path])
    assert_array_equal(document.mask(9, 40, 64, range(3, 6)), document.mask(9, 40, 64)[3:6])


@pytest.mark.parametrize("kind", ["rect", "ellipse"])
def test_a_narrow_box_covers_nothing_however_it_is_turned(kind):
    for points, key in (
        (((10, 8), (10, 30)), Keyframe(0, rotate=45)),
        (((10, 8), (10.0005, 30)), Keyframe(0, rotate=45, scale=(0.001, 1))),
    ):
        region = Region("r1", kind, points, feather=9, keys=(key,))
        assert not drawn(region).mask(1, 40, 64).any()


def test_a_region_that_follows_a_turning_pair_turns_with_it():
    quarter = [DrawnPath("p1", "anchor", (Point(20, 20),)), DrawnPath("p2", "line", (Point(30, 20), Point(20, 30)))]
    region = Region("r1", "rect", ((24, 16), (34, 18)), follow=("p1", "p2"))
    mask = drawn(region, paths=quarter).mask(2, 40, 64)[1, 0]
    expected = drawn(Region("r1", "rect", ((22, 24), (24, 34)))).mask(1, 40, 64)[0, 0]
    assert_array_equal(mask, expected)


def test_a_list_of_one_path_is_that_path():
    path = DrawnPath("p1", "spline", (Point(8, 8), Point(40, 24), Point(11, 30)))
    one, listed = (drawn(replace(RECT, follow=follow), paths=[path]) for follow in ("p1", ("p1",)))
    assert_array_equal(one.mask(9, 40, 64), listed.mask(9, 40, 64))
    assert (json.loads(one.to_json())["version"], json.loads(listed.to_json())["version"]) == (1, 2)


def test_a_pair_that_comes_together_takes_everything_to_that_place():
    paths = [
        DrawnPath("p1", "line", (Point(10, 10), Point(30, 20))),
        DrawnPath("p2", "line", (Point(50, 30), Point(30, 20))),
    ]
    region = Region("r1", "rect", ((10, 10), (50, 30)), feather=2, follow=("p1", "p2"))
    covered = drawn(region, paths=paths).mask(9, 40, 64).sum(dim=(1, 2, 3)).numpy()
    assert_allclose(covered[:7], 40 * 20 * (1 - np.arange(7) / 8) ** 2, rtol=0.03)
    assert covered[8] == 0
