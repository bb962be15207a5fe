"""The metrics of the tracker: what they say of tracks whose faults are known, and what it is held to."""

import pytest
import torch

from benchmarks.tracking import (
    ClickedObject,
    compare_tracks,
    held_out_clips,
    main,
    measure_round_trip,
    measure_tracking,
)
from revideo import Trajectories
from revideo.synthetic.clips import make_clip, make_crossing
from revideo.video.io import write_video

SIZE = {"frames": 14, "height": 128, "width": 128}


def tracks(points, visible):
    return Trajectories(torch.tensor(points), torch.tensor(visible))


ZERO = [[[0.0, 0.0]] * 5] * 2


def test_the_truth_itself_is_perfect():
    truth = tracks(ZERO, [[True, True, False, True, True], [True] * 5])
    metrics = compare_tracks([(truth, truth)])
    assert (metrics.median_px, metrics.ninety_five_px, metrics.precision, metrics.recall) == (0, 0, 1, 1)
    assert metrics.points == 2


def test_each_fault_counts_where_it_belongs():
    truth = tracks(ZERO, [[True, False, False, True, True], [True] * 5])
    moved = torch.tensor(ZERO)
    moved[:, :, 0] = 3.0
    moved[0, 1:3] = 99.0  # where the truth is hidden nothing is measured
    found = Trajectories(moved, torch.tensor([[True, False, True, True, True], [True, False, True, True, True]]))
    metrics = compare_tracks([(found, truth)])
    assert metrics.median_px == metrics.ninety_five_px == 3
    assert metrics.precision == 0.5  # two called hidden, one is
    assert metrics.recall == 0.5  # two hidden, one called so


def test_a_crossing_hides_points_and_shows_them_again():
    for seed in range(5):
        clip = make_crossing(seed, **SIZE)
        below = clip.trajectories.visible[: len(clip.trajectories.visible) // 2]
        starts = below[:, 0]
        assert starts.any()
        assert torch.equal(below[:, 0], below[:, -1])  # clear of each other at both ends
        assert (~below[starts]).any()
        assert clip.trajectories.visible[below.shape[0] :].float().mean() > 0.5  # what passes in front stays seen
        covered = ~clip.masks[0] & clip.masks[1]
        assert covered.any()


def test_a_crossing_needs_room():
    with pytest.raises(ValueError, match="no room for two sprites to pass each other in 40×40 pixels"):
        make_crossing(0, frames=8, height=40, width=40)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["apart", "one passes behind another"])
def test_the_built_in_tracker_is_as_good_as_it_is_said_to_be(kind):
    metrics = measure_tracking(held_out_clips(8, SIZE)[kind])
    assert metrics.median_px <= 0.5
    assert metrics.ninety_five_px <= 2
    assert metrics.precision >= 0.9
    assert metrics.recall >= 0.9


@pytest.mark.parametrize("tracker", [[], ["--flow", "dis"]], ids=["built in", "flow"])
def test_the_command_prints_two_tables(capsys, tracker):
    main(["--clips", "1", *tracker])
    assert [line.count("|") for line in capsys.readouterr().out.splitlines()] == [7] * 4 + [0] + [9] * 5


def test_a_thing_that_moves_away_is_followed_back_to_where_it_began(tmp_path):
    """Of five frames, the first is left out."""
    clip = make_clip(3, sprites=(1, 1), pans=0.0, diameter_px=(24.0, 34.0), speed_px=(4.0, 5.0), **SIZE | {"frames": 6})
    write_video(tmp_path / "clip.mp4", clip.video, 8, 4)
    x, y = (clip.trajectories.points_px[0, 1] / 128).tolist()
    trip = measure_round_trip(tmp_path, ClickedObject("a sprite", "clip.mp4", 1, 5, (x, y)))
    assert (trip.frames, trip.found) == (5, 5)
    assert trip.returned >= 0.85
    assert trip.unmoved <= 0.6
    assert trip.row("a sprite").startswith("| a sprite | 5 | 5 | 0.")
