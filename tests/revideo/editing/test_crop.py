"""Crops: they hold what is edited, go along smoothly, and change nothing around them."""

import numpy as np
import pytest
import torch

import revideo
from revideo.editing.crop import CONTEXT_PX, Crop, plan_crop, working_size
from revideo.sampling.samplers import SamplerOptions
from revideo.tracks.trajectories import Trajectories

FRAMES = 14


def moving_edit(height: int = 320, width: int = 480, step: int = 16, frames: int = FRAMES) -> revideo.Edit:
    """A square of 40 pixels that goes to the right, with a path through its middle."""
    masks = torch.zeros(frames, 1, height, width, dtype=torch.bool)
    points = torch.zeros(1, frames, 2)
    for frame in range(frames):
        left = 20 + step * frame
        masks[frame, 0, 100:140, left : left + 40] = True
        points[0, frame] = torch.tensor([left + 20.0, 120.0])
    picture = torch.rand(3, height, width, generator=torch.Generator().manual_seed(0))
    return revideo.Edit(picture, Trajectories(points, torch.ones(1, frames, dtype=torch.bool)), masks)


@pytest.mark.parametrize("step", [0, 3, 16])
def test_a_crop_holds_the_mask_and_its_context_in_every_frame(step):
    edit = moving_edit(step=step)
    crop = plan_crop(edit, FRAMES, 8)
    assert all(side % 8 == 0 and side >= 128 for side in crop.size)
    for frame in range(FRAMES):
        rows, columns = crop.window(frame)
        assert rows.start >= 0 and rows.stop <= 320 and columns.start >= 0 and columns.stop <= 480
        inside = edit.masks(frame, frame + 1)[0, 0].nonzero()
        low, high = inside.amin(0).tolist(), inside.amax(0).tolist()
        for part, first, last, side in ((rows, low[0], high[0], 320), (columns, low[1], high[1], 480)):
            assert part.start <= max(first - CONTEXT_PX + 1, 0) and part.stop >= min(last + CONTEXT_PX, side)
    steps = np.abs(np.diff(crop.corners, axis=0))
    assert steps.max() <= step  # no faster than what it follows
    if step < 16:  # it rests where that costs little
        assert not steps.any()


def test_the_area_of_the_issue_gets_the_window_of_the_issue():
    mask = torch.zeros(1, 1, 1080, 1920, dtype=torch.bool)
    mask[..., 300:700, 900:1300] = True
    edit = revideo.Edit(torch.zeros(3, 1080, 1920), None, mask)
    assert plan_crop(edit, FRAMES, 64, "auto").size == (448, 448)
    mask[..., 50:1000, 50:1900] = True
    everywhere = revideo.Edit(torch.zeros(3, 1080, 1920), None, mask)
    assert plan_crop(everywhere, FRAMES, 64, "auto") is None and plan_crop(edit, FRAMES, 64, "off") is None
    nothing = revideo.Edit(torch.zeros(3, 1080, 1920), None, torch.zeros(1, 1, 1080, 1920, dtype=torch.bool))
    with pytest.raises(ValueError, match="the mask is empty"):
        plan_crop(nothing, FRAMES, 64)


def test_frames_that_the_model_takes_whole_are_cropped_only_if_asked():
    edit = moving_edit(step=0)
    with pytest.raises(ValueError, match='crop "sometimes" is not one of "auto", "always", "off"'):
        plan_crop(edit, FRAMES, 8, "sometimes")
    assert plan_crop(edit, FRAMES, 8, "auto") is None and plan_crop(edit, FRAMES, 8).size == (128, 128)
    assert working_size(128, 192, 64) == (128, 192) and working_size(2160, 3840, 64) == (768, 1344)


def test_a_crop_of_other_frames_is_refused(golden_b):
    edit = moving_edit()
    crop = plan_crop(edit, FRAMES, 8)
    with pytest.raises(ValueError, match="the crop is of 14 other frames than these 13 of 480×320"):
        crop.check(FRAMES - 1, (320, 480))
    small = moving_edit(128, 192, 2)
    with pytest.raises(ValueError, match="other frames than these 14 of 192×128"):
        golden_b.model.edit(torch.zeros(FRAMES, 3, 128, 192), small, crop=crop)
    Crop.of_all(FRAMES, (320, 480)).check(FRAMES, (320, 480))


def test_a_frame_without_mask_has_the_place_between_its_neighbours():
    edit = moving_edit()
    masks = edit.mask.clone()
    masks[6] = False
    gap = revideo.Edit(edit.edited_frame, None, masks)
    assert np.array_equal(plan_crop(gap, FRAMES, 8).corners, plan_crop(edit, FRAMES, 8).corners)


def test_paths_and_masks_are_those_of_the_crop():
    edit = moving_edit()
    crop = plan_crop(edit, FRAMES, 8)
    cut = crop.of_edit(edit, crop.size)
    for frame in range(FRAMES):
        rows, columns = crop.window(frame)
        assert torch.equal(cut.masks(frame, frame + 1)[0, 0], edit.masks(frame, frame + 1)[0, 0, rows, columns])
        whole = cut.trajectories.points_px[0, frame] + torch.tensor([columns.start, rows.start])
        assert torch.equal(whole, edit.trajectories.points_px[0, frame])


@pytest.mark.slow
@pytest.mark.parametrize("frames", [FRAMES, FRAMES + 6])  # a window, and a long video
def test_an_edit_on_a_crop_is_the_edit_of_the_cropped_clip(frames):
    model, edit = revideo.load("tiny", device="cpu"), moving_edit(frames=frames)
    video = torch.rand(frames, 3, 320, 480, generator=torch.Generator().manual_seed(1))
    options = SamplerOptions(steps=2)
    result = model.edit(video, edit, options, crop="always")
    crop = result.report.crop
    assert crop is not None and (crop.corners[0] != crop.corners[-1]).any()
    alone = model.edit(crop.cut(video, 0), crop.of_edit(edit, crop.size), options)
    assert torch.equal(crop.cut(result.frames, 0), alone.frames)
    outside = ~edit.masks(0, frames).expand(-1, 3, -1, -1)
    assert torch.equal(result.frames[outside], video[outside])
    assert not torch.equal(result.frames, video)


def test_an_edit_drawn_on_another_size_is_refused(golden_b):
    edit = moving_edit(64, 96, 2)
    with pytest.raises(ValueError, match="the edited frame must be 192×128, not 96×64"):
        golden_b.model.edit(torch.zeros(FRAMES, 3, 128, 192), edit, crop="always")


def test_a_crop_that_rests_leaves_one_mask_one():
    mask = torch.zeros(1, 1, 320, 480, dtype=torch.bool)
    mask[..., 50:90, 60:100] = True
    crop = plan_crop(revideo.Edit(torch.zeros(3, 320, 480), None, mask), FRAMES, 8)
    assert isinstance(crop, Crop)
    assert crop.of_edit(revideo.Edit(torch.zeros(3, 320, 480), None, mask), crop.size).mask.shape == (1, 1, *crop.size)


@pytest.mark.parametrize("step", [0, 16])
def test_a_crop_that_the_model_does_not_take_is_fitted_with_all_that_is_drawn(step):
    """What is twice as large is the same edit."""
    edit = moving_edit(step=step)
    crop = plan_crop(edit, FRAMES, 8)
    small, (height, width) = crop.of_edit(edit, crop.size), crop.size
    large = crop.of_edit(edit, (2 * height, 2 * width))
    assert large.size == (2 * height, 2 * width)
    assert torch.allclose(large.trajectories.points_px, 2 * small.trajectories.points_px)
    masks, doubled = small.masks(0, FRAMES), large.masks(0, FRAMES)
    assert torch.equal(masks, doubled[..., ::2, ::2]) and torch.equal(masks, doubled[..., 1::2, 1::2])


@pytest.mark.slow
def test_an_edit_of_a_crop_of_an_odd_size_is_fitted_and_put_back(golden_b):
    """As of a frame of 1080 rows, where the crop takes all of them."""
    edit = moving_edit(height=150, step=40, frames=4)
    video = torch.rand(4, 3, 150, 480, generator=torch.Generator().manual_seed(1))
    result = golden_b.model.edit(video, edit, SamplerOptions(steps=1), crop="always", fit="crop")
    assert result.report.crop.size[0] % golden_b.model.config.size_multiple
    outside = ~edit.masks(0, 4).expand(-1, 3, -1, -1)
    assert torch.equal(result.frames[outside], video[outside])
    assert not torch.equal(result.frames, video)
