import pytest
import torch
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from revideo import Trajectories
from revideo.tracks.trajectories import from_comfy_tracks

TWO_PATHS = [[[1.0, 2.0], [3.0, 4.0], [5.5, 6.25]], [[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]]


def seen(points_px, visible=None):
    points_px = torch.tensor(points_px)
    if visible is None:
        visible = torch.ones(points_px.shape[:2], dtype=torch.bool)
    return Trajectories(points_px, torch.as_tensor(visible))


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
    for shape in [(3, 4), (2, 3), (6,), (3, 2, 1), ()]:
        with pytest.raises(
            ValueError, match=r"track_visibility has shape .*; the points need \(3, 2\) \(frames, tracks\)"
        ):
            from_comfy_tracks(torch.zeros(3, 2, 2), torch.ones(shape))
    with pytest.raises(ValueError, match="must hold real numbers"):
        from_comfy_tracks(torch.zeros(3, 2, 2, dtype=torch.complex64), None)


@pytest.mark.parametrize("far", [100_001.0, -1e6, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_comfy_track_that_is_nowhere_near_a_picture_is_named(far, dtype):
    points, visible = torch.zeros(3, 2, 2, dtype=dtype), torch.ones(3, 2)
    points[2, 1, 0] = far * 1.01  # bfloat16 is coarse
    with pytest.raises(ValueError, match=r"trajectory 1 at frame 2 is at x .*, y 0; both must lie within ±100000"):
        from_comfy_tracks(points, visible)
    visible[2, 1] = 0
    assert not from_comfy_tracks(points, visible).visible[1, 2]


def test_a_comfy_track_too_large_for_single_precision_is_named():
    with pytest.raises(ValueError, match="trajectory 0 at frame 1 is not a finite number"):
        from_comfy_tracks(torch.tensor([[[0, 0]], [[1e39, 0]]], dtype=torch.float64), None)


SHAPES = st.lists(st.integers(0, 3), max_size=4) | st.sampled_from([[2, 3, 2], [1, 1, 2], [0, 2, 2], [2, 0, 2]])
DTYPES = st.sampled_from(
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
)
VALUES = st.sampled_from([0.0, -1.0, 7.5, 1e5, 1e6, 1e30, 1e39, torch.inf, -torch.inf, torch.nan])


@st.composite
def tensors(draw, shapes):
    tensor = torch.zeros(draw(shapes), dtype=torch.float64)
    for _ in range(draw(st.integers(0, 3)) if tensor.numel() else 0):
        tensor.view(-1)[draw(st.integers(0, tensor.numel() - 1))] = draw(VALUES)
    return tensor.to(draw(DTYPES | st.just(torch.complex64)))


@st.composite
def comfy_tracks(draw):
    points = draw(tensors(SHAPES))
    return points, draw(st.none() | tensors(SHAPES | st.just(points.shape[:2])))


@fuzz(200)
@given(comfy_tracks())
def test_comfy_tracks_of_any_kind_are_trajectories_or_refused(tracks):
    try:
        read = from_comfy_tracks(*tracks)
    except ValueError:
        return
    assert read.points_px.shape[:2] == read.visible.shape
    assert (read.points_px[read.visible].abs() <= 100_000).all()


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
    stretched = tracks.for_clip(5)
    assert stretched.points_px[0].tolist() == [[0, 0], [0.5, 0.5], [1, 1], [1.5, 1.5], [2, 2]]
    assert stretched.visible.tolist() == [[True] * 5, [False] * 5]


def test_what_covers_the_clip_keeps_its_timing_and_hidden_frames():
    x = 10 + 8 * torch.arange(14.0)
    visible = torch.ones(1, 14, dtype=torch.bool)
    visible[0, 5:9] = visible[0, 13] = False
    tracks = Trajectories(torch.stack([x, x * 0 + 9], -1)[None], visible)
    assert torch.equal(tracks.for_clip(14).points_px[0, :13], tracks.points_px[0, :13])
    assert torch.equal(tracks.for_clip(14).visible, visible)
    spread = Trajectories(tracks.points_px, visible, (13,)).for_clip(25)  # 13 of them are its own
    assert torch.equal(spread.points_px[0, ::2], tracks.points_px[0, :13])
    assert torch.equal(spread.visible[0, ::2], visible[0, :13])
    assert spread.visible[0].sum() == 9 + 7 and not spread.visible[0, 9:16].any()


def test_parts_of_the_size_are_no_pixels():
    parts = seen([[[0.25, 0.3], [0.7, 0.3]]])
    with pytest.raises(ValueError, match=r"all x and y lie between 0 and 1.*: give the size"):
        parts.check_pixels("give the size")
    parts.scaled(64, 64).check_pixels("give the size")
    seen([[[0.0, 0.0], [1.0, 1.0]]]).check_pixels("give the size")  # a way of one pixel


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


@pytest.mark.parametrize(
    ("number", "frames"), [(1, 10_000_001), (1_000_000, 11), (1001, 10_000), (2, 10**12), (11, 10**6)]
)
@pytest.mark.parametrize("timing", ["stretch", "as drawn"])
def test_more_places_than_memory_should_hold_are_refused(number, frames, timing):
    tracks = Trajectories(torch.zeros(number, 1, 2), torch.ones(number, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match=f"{number} trajectories over {frames} frames make {number * frames} places"):
        tracks.for_clip(frames, timing)


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


@pytest.mark.parametrize("point", [[1e30, 20.0], [5.0, -1e30], [100_001.0, 5.0], [-1e9, 5.0], [3e38, 3e38]])
def test_a_point_that_is_nowhere_near_the_frame_is_named(point):
    tracks = seen([[[5.0, 5.0], [6.0, 6.0]], [[5.0, 5.0], point]])
    with pytest.raises(
        ValueError, match=r"trajectory 1 at frame 1 is at x .*, y .*; both must lie within ±100000 pixels"
    ):
        tracks.check(2, 32, 64)
    seen(tracks.points_px.tolist(), [[True, True], [True, False]]).check(2, 32, 64)
