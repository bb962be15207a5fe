"""Edits by tracked points: the tracks are the true ones nearly, and so are the edits."""

import pytest
import torch
from tiny_limits import STEPS, load_tiny

import revideo
from benchmarks.source_motion import crossing_edits, error_after, source_motion_errors, with_paths, with_tracked_paths
from revideo.synthetic.examples import FRAMES as WINDOW
from revideo.synthetic.examples import HEIGHT_PX, WIDTH_PX
from revideo.synthetic.measures import held_out

SIDE = 128


def test_tracked_paths_are_the_true_ones_nearly():
    for truth in held_out("content", 1, 3, WINDOW, HEIGHT_PX, WIDTH_PX):
        paths = with_tracked_paths(truth).edit.trajectories
        assert paths.visible.all()
        assert (paths.points_px - truth.edit.trajectories.points_px).norm(dim=-1).mean() < 1


@pytest.mark.slow
def test_an_edit_by_tracked_paths_moves_as_one_by_the_true_paths():
    truths = held_out("content", 1, 1, WINDOW, HEIGHT_PX, WIDTH_PX)
    true, found = source_motion_errors(load_tiny(), truths, revideo.SamplerOptions(steps=STEPS, cfg_last=1.0))
    assert found <= 1.25 * true + 0.1  # a tenth of a pixel: one clip is little


def test_what_passes_behind_is_edited_and_what_hides_it_is_not():
    for truth in crossing_edits(2, WINDOW, SIDE, SIDE):
        assert not truth.edit.trajectories.visible.all() and truth.edit.trajectories.visible[0, [0, -1]].all()
        outside = ~truth.edit.masks(0, WINDOW).expand_as(truth.source)
        changed = (truth.target - truth.source).abs()
        assert changed[outside].mean() < 1e-3 < changed[~outside].mean()  # what hides it has soft edges
        assert torch.equal(truth.edit.edited_frame, truth.target[0])
        assert (truth.masks[0] & ~truth.edit.masks(0, WINDOW)[:, 0]).sum() == 0


def test_the_error_after_counts_frames_on_which_the_sprite_is_whole_again():
    [truth] = crossing_edits(1, WINDOW, SIDE, SIDE)

    class Perfect:
        def edit(self, video, edit, options, composite):
            return Frames(truth.target if edit.trajectories.visible.all() else truth.source)

    class Frames:
        def __init__(self, frames):
            self.frames = frames

    options = revideo.SamplerOptions()
    moves_on = with_paths(truth, truth.edit.trajectories.never_hidden())
    assert error_after(Perfect(), truth, moves_on, options) < 1
    assert error_after(Perfect(), truth, truth, options) > 20  # the source's sprite has another colour
