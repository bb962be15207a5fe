"""The edit document: read, written and computed as on the recorded ones, which tests/js/documents.test.js shares."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close

import revideo
from revideo import EditDocument
from revideo.drawing.schema import DrawnPath, Point, Region

DATA = Path(__file__).parents[2] / "data"
DOCUMENTS = json.loads((DATA / "documents.json").read_text("utf-8"))["documents"]
TEXTS = json.loads((DATA / "refused_documents.json").read_text("utf-8"))

LINE = DrawnPath("p1", "line", (Point(8, 8), Point(40, 24)))
SPLINE = DrawnPath("p2", "spline", (Point(8, 30), Point(20, 6, 3), Point(58, 9)), start=1, end=7, easing="in-out")
SQUARE = Region("r1", "rect", ((4, 4), (12, 12)))


def drawn(*paths, regions=(), width=64, height=40, frames=9):
    return EditDocument(width=width, height=height, frames=frames, paths=paths, regions=tuple(regions))


def text_of(entry):
    if "parts" in entry:
        before, repeated, times, after = entry["parts"]
        return before + repeated * times + after
    text = TEXTS[entry.get("of", "text")]
    return replaced(text, entry["replace"]) if "replace" in entry else entry.get("text", text)


def unpacked(runs):
    """Value, count, value, count, … → the mask, row after row."""
    return np.repeat(np.float32(runs[::2]), runs[1::2])


def replaced(text, change):
    old, new = change
    assert old in text
    return text.replace(old, new, 1)


# --- Shared with JavaScript --------------------------------------------------------------


@pytest.mark.parametrize("entry", DOCUMENTS, ids=lambda entry: entry["name"])
def test_tracks_and_masks_are_the_recorded_ones(entry):
    document = EditDocument.from_json(json.dumps(entry["document"]))
    size = entry["frames"], entry["height"], entry["width"]
    points_px, visible = document.dense_points(*size)
    assert visible.astype(int).tolist() == entry["visible"]
    if len(points_px):
        assert_allclose(points_px, entry["points"], atol=1e-6)
    base = [unpacked(runs).reshape(1, *size[1:]) for runs in entry.get("base", [])]
    masks = document.mask(*size, base=torch.tensor(np.stack(base)) if base else None)
    assert masks.shape == (len(entry["masks"]), 1, *size[1:])
    for mask, runs in zip(masks.numpy(), entry["masks"]):
        assert_allclose(mask.ravel(), unpacked(runs), atol=1e-6)


@pytest.mark.parametrize("entry", DOCUMENTS, ids=lambda entry: entry["name"])
def test_what_is_written_reads_back(entry):
    document = EditDocument.from_json(json.dumps(entry["document"]))
    text = document.to_json()
    assert EditDocument.from_json(text) == document
    assert EditDocument.from_json(text).to_json() == text


@pytest.mark.parametrize("entry", TEXTS["refused"], ids=lambda entry: entry["name"])
def test_a_wrong_text_is_refused_with_one_message(entry):
    with pytest.raises(ValueError) as refusal:
        EditDocument.from_json(text_of(entry))
    assert str(refusal.value) == entry["message"]


@pytest.mark.parametrize("entry", TEXTS["accepted"], ids=lambda entry: entry["name"])
def test_an_odd_text_is_read_and_written_plainly(entry):
    text = EditDocument.from_json(text_of(entry)).to_json()
    whole = TEXTS[entry.get("of", "text")]
    assert text == (replaced(whole, entry["canonical"]) if "canonical" in entry else whole)
    assert EditDocument.from_json(text).to_json() == text
    text.encode("utf-8")


# --- An empty drawing --------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " \n\t\r"])
def test_a_blank_text_is_an_empty_drawing_for_any_clip(text):
    document = EditDocument.from_json(text)
    trajectories, mask = document.trajectories(14, 40, 64), document.mask(14, 40, 64)
    assert (trajectories.num_trajectories, trajectories.num_frames) == (0, 14)
    assert mask.shape == (1, 1, 40, 64) and not mask.any()
    assert EditDocument.from_json(document.to_json()) == document


# --- Trajectories ------------------------------------------------------------------------


def test_all_digits_are_written_where_they_are_asked_for():
    path = DrawnPath("p1", "line", (Point(1 / 3, 8, 0), Point(40.0004, 24)))
    document = drawn(path, regions=(Region("r1", "brush", ((2 / 3, 4),), radius=1e-4, feather=0.1234567),))
    assert EditDocument.from_json(document.to_json()) != document
    again = EditDocument.from_json(document.to_json(exact=True))
    assert again.paths == document.paths and again.regions[0].points == ((2 / 3, 4.0),)
    assert (again.regions[0].feather, again.regions[0].radius) == (0.1234567, 1e-3)


def test_trajectories_are_the_library_s():
    document = drawn(LINE, SPLINE)
    trajectories = document.trajectories(9, 40, 64)
    assert isinstance(trajectories, revideo.Trajectories)
    assert (trajectories.points_px.dtype, trajectories.visible.dtype) == (torch.float64, torch.bool)
    trajectories.check(9, 40, 64)
    ends = torch.tensor([[8.0, 8], [40, 24]], dtype=torch.float64)
    assert_close(trajectories.points_px[0], ends[0].lerp(ends[1], torch.arange(9, dtype=torch.float64)[:, None] / 8))
    assert trajectories.visible.tolist() == [[True] * 9, [False, *[True] * 7, False]]


def test_a_path_that_never_enters_the_frame_is_named():
    hidden = DrawnPath("p1", "anchor", (Point(-9, -9),), visible=False)
    passing = DrawnPath("p2", "line", (Point(-30, 8), Point(100, 8)))
    drawn(hidden, passing).trajectories(9, 40, 64).check(9, 40, 64)
    early = DrawnPath("p7", "line", (Point(-30, 8), Point(100, 8)), start=0, end=2)  # outside at 0 and 2, inside at 1
    drawn(hidden, early).trajectories(9, 40, 64)
    away = DrawnPath("p7", "line", (Point(-30, 8), Point(-1, 8)))
    message = r"^path 2 \(p7\) never enters the frame of 64×40: move it, shorten its time or hide it$"
    with pytest.raises(ValueError, match=message):
        drawn(hidden, away).trajectories(9, 40, 64)


def test_a_drawing_fits_another_size_in_proportion():
    document = drawn(LINE, SPLINE)
    points_px, _ = document.dense_points(9, 40, 64)
    assert_allclose(document.dense_points(9, 60, 32)[0], points_px * (0.5, 1.5))


def test_a_drawing_fits_another_length_in_proportion():
    document = drawn(LINE, SPLINE)
    points_px, visible = document.dense_points(9, 40, 64)
    longer_px, longer_visible = document.dense_points(17, 40, 64)
    assert_allclose(longer_px[:, ::2], points_px, atol=1e-12)
    assert (longer_visible[:, ::2] == visible).all()


@pytest.mark.parametrize("frames", [2, 5, 14, 97, 1000])
def test_the_last_frame_is_the_drawing_s_last(frames):
    document = drawn(LINE, frames=frames)
    for asked in (2, 3, 14, 49, 301):
        points_px, visible = document.dense_points(asked, 40, 64)
        assert_allclose(points_px[0, [0, -1]], [[8, 8], [40, 24]])
        assert visible.all()


# --- Regions -----------------------------------------------------------------------------


def test_masks_are_one_unless_a_region_moves():
    riding = Region("r1", "rect", SQUARE.points, follow="p1")
    assert drawn(LINE, regions=[SQUARE]).mask(9, 40, 64).shape == (1, 1, 40, 64)
    assert drawn(LINE, regions=[riding]).mask(9, 40, 64).shape == (9, 1, 40, 64)
    still = DrawnPath("p1", "anchor", (Point(8, 8),))
    assert drawn(still, regions=[riding]).mask(9, 40, 64).shape == (1, 1, 40, 64)
    assert drawn(LINE, regions=[riding]).mask(1, 40, 64).shape == (1, 1, 40, 64)
    hidden = Region("r1", "rect", SQUARE.points, follow="p1", visible=False)
    assert drawn(LINE, regions=[hidden]).mask(9, 40, 64).shape == (1, 1, 40, 64)


def test_a_following_region_is_the_region_drawn_elsewhere():
    followed = drawn(LINE, regions=[Region("r1", "rect", SQUARE.points, feather=3, follow="p1")]).mask(9, 40, 64)
    for frame in range(9):
        points = tuple((x + 4 * frame, y + 2 * frame) for x, y in SQUARE.points)
        there = drawn(regions=[Region("r1", "rect", points, feather=3)]).mask(1, 40, 64)
        assert_close(followed[frame], there[0])


def test_the_order_of_regions_counts_whether_they_move_or_not():
    base = Region("r1", "rect", ((0, 0), (64, 40)))
    riding_hole = Region("r2", "rect", SQUARE.points, mode="subtract", follow="p1")
    again = Region("r3", "rect", ((0, 0), (10, 10)))
    masks = drawn(LINE, regions=[base, riding_hole, again]).mask(9, 40, 64)
    assert masks.mean() < 1
    assert masks[0, 0, 5, 5] == 1  # under the third
    assert masks[0, 0, 11, 11] == 0  # in the hole
    assert masks[8, 0, 11, 11] == 1  # which has left
    assert masks[8, 0, 24, 40] == 0
    assert drawn(LINE, regions=[riding_hole, base]).mask(9, 40, 64).all()


def test_memory_does_not_grow_with_the_number_of_frames():
    ring = np.linspace(0, 2 * np.pi, 200)
    outline = tuple(zip((60 + 50 * np.cos(ring)).tolist(), (60 + 50 * np.sin(ring)).tolist()))
    document = drawn(LINE, regions=[Region("r1", "polygon", outline, feather=6, follow="p1")], width=240, height=160)
    extra = []
    for frames in (4, 40):
        tracemalloc.start()
        masks = document.mask(frames, 160, 240)
        extra.append(tracemalloc.get_traced_memory()[1] - masks.nbytes)
        tracemalloc.stop()
    assert extra[1] < 1.2 * extra[0]


def test_drawings_as_large_as_may_be():
    places = np.random.default_rng(0).uniform(0, 1, (25_000, 2)) * (1920, 1080)
    path = DrawnPath("p1", "freehand", tuple(Point(*place) for place in places.tolist()))
    ring = np.linspace(0, 2 * np.pi, 25_000)
    outline = tuple(zip((960 + 400 * np.cos(ring)).tolist(), (540 + 400 * np.sin(ring)).tolist()))
    document = drawn(path, regions=[Region("r1", "polygon", outline, feather=4)], width=1920, height=1080)
    document = EditDocument.from_json(document.to_json())
    points_px, _ = document.dense_points(9, 1080, 1920)
    assert_allclose(points_px[0, [0, -1]], places[[0, -1]], atol=1e-3)
    assert_allclose(document.mask(9, 1080, 1920).sum().item(), np.pi * 400**2, rtol=1e-4)


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("of_each", [False, True])
def test_areas_are_added_to_a_mask_and_taken_from_it(moves, of_each):
    follow = "p1" if moves else None
    soft = Region("r1", "ellipse", ((4, 4), (30, 20)), feather=5, follow=follow)
    hole = Region("r2", "rect", ((10, 10), (50, 30)), mode="subtract", feather=3)
    late = Region("r3", "brush", ((5, 35), (40, 30)), radius=4, follow=follow)
    regions = (soft, hole, late)
    base = torch.rand((9 if of_each else 1, 1, 40, 64), generator=torch.Generator().manual_seed(1))
    before = base.clone()
    expected = base.expand(9, -1, -1, -1)
    for region in regions:
        cover = drawn(LINE, regions=[replace(region, mode="add")]).mask(9, 40, 64)
        expected = torch.minimum(expected, 1 - cover) if region.mode == "subtract" else torch.maximum(expected, cover)
    found = drawn(LINE, regions=regions).mask(9, 40, 64, base=base)
    assert len(found) == (9 if moves or of_each else 1)
    assert_close(found.expand(9, -1, -1, -1), expected, rtol=0, atol=1e-6)
    some = drawn(LINE, regions=regions).mask(9, 40, 64, range(3, 7), base=base)
    assert torch.equal(some, found[3:7] if len(found) > 1 else found)
    assert torch.equal(base, before)
    assert torch.equal(drawn().mask(9, 40, 64, base=base), base)
