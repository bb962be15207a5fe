"""Edits by tracked points: the tracks are the true ones nearly, and so are the edits."""

import pytest
from tiny_limits import STEPS, load_tiny

import revideo
from benchmarks.source_motion import source_motion_errors, with_tracked_paths
from revideo.synthetic.examples import FRAMES as WINDOW
from revideo.synthetic.measures import held_out

SIDE = 128


def test_tracked_paths_are_the_true_ones_nearly():
    for truth in held_out("content", 1, 3, WINDOW, SIDE, SIDE):
        paths = with_tracked_paths(truth).edit.trajectories
        assert paths.visible.all()
        assert (paths.points_px - truth.edit.trajectories.points_px).norm(dim=-1).mean() < 1


@pytest.mark.slow
def test_an_edit_by_tracked_paths_moves_as_one_by_the_true_paths():
    truths = held_out("content", 1, 1, WINDOW, SIDE, SIDE)
    true, found = source_motion_errors(load_tiny(), truths, revideo.SamplerOptions(steps=STEPS, cfg_last=1.0))
    assert found <= 1.25 * true + 0.1  # a tenth of a pixel: one clip is little
