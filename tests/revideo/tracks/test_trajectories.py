import json
import re
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from revideo import Trajectories, parse_tracks
from revideo.tracks import trajectories
from revideo.tracks.trajectories import from_comfy_tracks

TWO_PATHS = [[[1.0, 2.0], [3.0, 4.0], [5.5, 6.25]], [[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]]
XY = [[{"x": x, "y": y} for x, y in path] for path in TWO_PATHS]

TEXTS = json.loads((Path(__file__).parents[2] / "data" / "track_texts.json").read_text("utf-8"))


def seen(points_px, visible=None):
    points_px = torch.tensor(points_px)
    if visible is None:
        visible = torch.ones(points_px.shape[:2], dtype=torch.bool)
    return Trajectories(points_px, torch.as_tensor(visible))


# --- Spellings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(XY),
        json.dumps(TWO_PATHS),
        str(XY),  # Python's single quotes
        json.dumps([json.dumps(path) for path in XY]),
        str([str(path) for path in XY]),
        json.dumps(json.dumps(XY)),
        json.dumps([XY]),
        json.dumps([json.dumps(XY[:1]), json.dumps(XY[1:])]),
        f"\n {json.dumps(XY, indent=2)} ",
    ],
    ids=["xy", "pairs", "python", "texts", "python texts", "quoted", "wrapped", "texts of lists", "indented"],
)
def test_every_spelling_reads_alike(text):
    tracks = parse_tracks(text)
    assert_close(tracks.points_px, torch.tensor(TWO_PATHS))
    assert tracks.visible.all()


@pytest.mark.parametrize("path", [XY[0], TWO_PATHS[0]], ids=["xy", "pairs"])
def test_a_path_alone_needs_no_outer_list(path):
    assert_close(parse_tracks(json.dumps(path)).points_px, torch.tensor(TWO_PATHS[:1]))


def test_one_path_of_two_points_is_not_taken_for_two_paths():
    assert parse_tracks("[[1, 2], [3, 4]]").points_px.tolist() == [[[1, 2], [3, 4]]]


def test_a_path_of_one_point_stays_a_path():
    assert parse_tracks('[[{"x": 1, "y": 2}]]').points_px.tolist() == [[[1, 2]]]


@pytest.mark.parametrize("text", ["[]", " [ ] "])
def test_no_path_is_a_valid_answer(text):
    assert parse_tracks(text).points_px.shape == (0, 0, 2)


def test_a_ragged_end_hides_the_rest_of_that_path():
    tracks = parse_tracks("[[[1, 1], [2, 2], [3, 3]], [[4, 4]]]")
    assert tracks.visible.tolist() == [[True, True, True], [True, False, False]]


def test_extra_fields_of_a_point_are_ignored():
    assert parse_tracks('[[{"x": 1, "y": 2, "t": 0.5, "visible": true}]]').points_px.tolist() == [[[1, 2]]]


def test_what_is_written_reads_back():
    tracks = seen(TWO_PATHS, [[True, True, True], [True, True, False]])
    back = parse_tracks(tracks.to_json())
    assert torch.equal(back.visible, tracks.visible)
    assert_close(back.points_px[back.visible], tracks.points_px[tracks.visible])


def test_a_path_that_is_never_seen_is_not_written():
    assert seen(TWO_PATHS, [[False] * 3, [True] * 3]).to_json() == seen(TWO_PATHS[1:]).to_json()


@pytest.mark.parametrize("case", TEXTS["read"], ids=lambda case: case["name"])
def test_what_the_editor_reads_reads_here(case):
    tracks = parse_tracks(case["text"])
    shown = [points[visible].tolist() for points, visible in zip(tracks.points_px, tracks.visible)]
    assert shown == case["points"]


@pytest.mark.parametrize("case", TEXTS["refused"], ids=lambda case: case["name"])
def test_what_the_editor_refuses_is_refused_here(case):
    with pytest.raises(ValueError, match=f"^{re.escape(case['message'])}"):
        parse_tracks(case["text"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r'the tracks are empty; write "\[\]" to edit without trajectories'),
        ("  \n", r"the tracks are empty"),
        ('[[{"x": 1, "y": 2}', r"the tracks are not JSON: .* column"),
        ("[[{'x': 1, 'y': 2}", r"the tracks are neither JSON nor a Python list: \"\[\[\{'x'"),
        ("__import__('os').getcwd()", r"the tracks are neither JSON nor a Python list"),
        ("5", r"the tracks must be a list of paths, not int"),
        ("null", r"the tracks must be a list of paths, not NoneType"),
        ('{"paths": []}', r"the tracks must be a list of paths, not dict"),
        ("[[], [[1, 2]]]", r"track 0 has no points"),
        ("[[[1, 2]], []]", r"track 1 has no points"),
        ('[[{"x": 1, "y": 2}], {"x": 1, "y": 2}]', r"track 1 must be a list of points, not dict"),
        ('[[{"x": 1}]]', r"track 0, point 0: x and y must be numbers, found \{'x': 1\}"),
        ('[[{"x": 1, "y": "2"}]]', r"track 0, point 0: x and y must be numbers"),
        ("[[[1, 2], [true, 2]]]", r"track 0, point 1: x and y must be numbers, found \[True, 2\]"),
        ("[[[1, 2], [3, 4, 5]]]", r"track 0, point 1: expected x and y, found \[3, 4, 5\]"),
        ("[[[1, 2]], [[3, 4], 7]]", r"track 1, point 1: expected x and y, found 7"),
        ("[[[1, 2], [NaN, 2]]]", r"track 0, point 1: x nan, y 2 is not finite"),
        ("[[[1, 2], [1, -Infinity]]]", r"track 0, point 1: x 1, y -inf is not finite"),
        ("[[[1, 1e999]]]", r"track 0, point 0: x 1, y inf is not finite"),
        (f"[[[1, {10**400}]]]", r"track 0, point 0: .* is not finite"),
        (f"[[[1, {'9' * 5000}]]]", r"the tracks are not JSON"),
        ("[" * 100_000, r"the tracks are not JSON"),
    ],
)
def test_malformed_tracks_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        parse_tracks(text)


def test_too_many_points_are_refused(monkeypatch):
    monkeypatch.setattr(trajectories, "MAX_POINTS", 5)
    parse_tracks(json.dumps([TWO_PATHS[0], TWO_PATHS[1][:2]]))
    with pytest.raises(ValueError, match="the tracks hold 6 points; at most 5 are read"):
        parse_tracks(json.dumps(TWO_PATHS))


# --- ComfyUI's TRACKS --------------------------------------------------------------------


def test_comfy_tracks_count_frames_first():
    points = torch.arange(12.0).view(3, 2, 2)  # 3 frames of 2 tracks
    hidden = torch.tensor([[1, 1], [1, 0], [1, 1]])
    tracks = from_comfy_tracks(points, hidden)
    assert (tracks.num_trajectories, tracks.num_frames) == (2, 3)
    assert tracks.points_px[1].tolist() == [[2, 3], [6, 7], [10, 11]]
    assert tracks.visible.tolist() == [[True, True, True], [True, False, True]]
    assert from_comfy_tracks(points, None).visible.all()


def test_comfy_tracks_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"track_path must have shape \(frames, tracks, 2\), not \(3, 2, 3\)"):
        from_comfy_tracks(torch.zeros(3, 2, 3), None)
    with pytest.raises(ValueError, match=r"visibility has shape \(4, 3\); the points need \(2, 3\)"):
        from_comfy_tracks(torch.zeros(3, 2, 2), torch.ones(3, 4))


# --- Trajectories ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 2), (3, 4, 3), (1, 3, 4, 2)])
def test_points_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"trajectory points must have shape \(N, T, 2\)"):
        Trajectories(torch.zeros(shape), torch.ones(shape[:2], dtype=torch.bool))


def test_a_nan_that_can_be_seen_is_named():
    points = torch.zeros(2, 4, 2)
    points[1, 2, 0] = torch.nan
    visible = torch.ones(2, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match="trajectory 1 at frame 2 is not a finite number"):
        Trajectories(points, visible)
    visible[1, 2] = False
    Trajectories(points, visible)


def test_scaling_and_back_is_identity():
    tracks = seen(TWO_PATHS)
    assert_close(tracks.scaled(3.5, 0.25).scaled(1 / 3.5, 4).points_px, tracks.points_px)
    assert tracks.scaled(2, 1).points_px[0, 0].tolist() == [2, 2]


def test_stretching_keeps_both_ends_and_the_line_between():
    line = seen([[[0.0, 10.0], [4.0, 8.0], [8.0, 6.0]]])
    stretched = line.for_clip(5)
    assert_close(stretched.points_px[0], torch.tensor([[0.0, 10], [2, 9], [4, 8], [6, 7], [8, 6]]))
    assert_close(stretched.for_clip(3).points_px, line.points_px)


def test_stretching_spreads_only_what_is_visible():
    tracks = seen([[[0.0, 0.0], [2.0, 2.0], [99.0, 99.0]]] * 2, [[True, True, False], [False, False, False]])
    stretched = tracks.for_clip(3)
    assert stretched.points_px[0].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert stretched.visible.tolist() == [[True] * 3, [False] * 3]


def test_stretching_a_single_point_holds_it():
    assert seen([[[3.0, 4.0]]]).for_clip(4).points_px.tolist() == [[[3, 4]] * 4]


def test_stretching_no_paths_gives_none():
    assert Trajectories.none(3).for_clip(7).points_px.shape == (0, 7, 2)


def test_fitting_cuts_off_the_end_or_hides_what_is_not_there():
    tracks = seen(TWO_PATHS)
    assert torch.equal(tracks.for_clip(2, "as drawn").points_px, tracks.points_px[:, :2])
    longer = tracks.for_clip(5, "as drawn")
    assert longer.visible.tolist() == [[True, True, True, False, False]] * 2
    assert torch.equal(longer.for_clip(3, "as drawn").points_px, tracks.points_px)


def test_another_timing_is_refused():
    with pytest.raises(ValueError, match='timing "loop" is not one of "stretch", "as drawn"'):
        seen(TWO_PATHS).for_clip(5, "loop")


def test_tracks_of_another_length_are_refused():
    with pytest.raises(ValueError, match="the trajectories cover 3 frames; the video has 14"):
        seen(TWO_PATHS).check(14, 64, 64)


def test_a_track_that_never_enters_the_frame_is_named():
    inside, outside = [[5.0, 5.0], [6.0, 6.0]], [[500.0, 5.0], [400.0, 5.0]]
    with pytest.raises(ValueError, match=r"trajectory 1 never enters the frame: it starts at x 500, y 5; .* 64×32"):
        seen([inside, outside]).check(2, 32, 64)
    seen([inside, [[500.0, 5.0], [63.0, 5.0]]]).check(2, 32, 64)
    seen([inside, outside], [[True] * 2, [False] * 2]).check(2, 32, 64)
