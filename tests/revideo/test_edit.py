from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch
from torch.testing import assert_close

import revideo
from revideo import Edit, Trajectories, make_conditions

FRAMES, HEIGHT, WIDTH = 4, 24, 40


@pytest.fixture
def video():
    return torch.rand(FRAMES, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def mask():
    inside = torch.zeros(1, 1, HEIGHT, WIDTH)
    inside[..., 5:15, 10:30] = 1
    return inside


@pytest.fixture
def edit(video, mask):
    points = torch.tensor([[[10.0, 5.0], [12.0, 6.0], [14.0, 7.0], [16.0, 8.0]]])
    return Edit(1 - video[0], Trajectories(points, torch.ones(1, FRAMES, dtype=torch.bool)), mask)


def changed(edit, **fields):
    return replace(edit, **fields)


# --- Conditions --------------------------------------------------------------------------


def test_content_is_black_inside_the_region_and_the_video_outside(video, edit, mask):
    conditions = make_conditions(video, edit)
    inside = mask[0, 0] == 1
    assert (conditions.content[:, :, inside] == -1).all()  # the first frame too
    assert_close(conditions.content[:, :, ~inside], video[:, :, ~inside] * 2 - 1)


def test_one_mask_serves_all_frames(video, edit, mask):
    conditions = make_conditions(video, edit)
    repeated = make_conditions(video, changed(edit, mask=mask.repeat(FRAMES, 1, 1, 1)))
    assert torch.equal(conditions.mask, mask.expand(FRAMES, -1, -1, -1))
    assert torch.equal(conditions.mask, repeated.mask)
    assert torch.equal(conditions.content, repeated.content)


def test_a_whole_frame_is_edited_where_that_is_asked_for(video, edit):
    """As the paper's first stage sees clips: no content at all, motion alone."""
    whole = changed(edit, mask=None, whole_frame=True)
    conditions = make_conditions(video, whole)
    assert (conditions.content == -1).all() and (conditions.mask == 1).all()
    assert torch.equal(conditions.motion, make_conditions(video, edit).motion)
    assert torch.equal(conditions.mask, make_conditions(video, changed(edit, whole_frame=True)).mask)  # mask unseen
    backwards = make_conditions(video, changed(whole, edited_index=FRAMES - 1))
    assert all((backwards.along(side.order).content == -1).all() for side in backwards.sides)


def test_without_that_no_mask_is_a_mistake(edit):
    with pytest.raises(ValueError, match="there is no mask: give one, or whole_frame=True"):
        changed(edit, mask=None)


def test_a_mask_per_frame_empties_each_frame_by_its_own(video, edit):
    masks = torch.zeros(FRAMES, 1, HEIGHT, WIDTH)
    for frame in range(FRAMES):
        masks[frame, :, :, frame * 10 : frame * 10 + 10] = 1
    content = make_conditions(video, changed(edit, mask=masks)).content
    assert torch.equal(content == -1, (masks == 1).expand_as(content))


def test_a_soft_mask_counts_from_one_half(video, edit, mask):
    soft = mask.clone()
    soft[..., 0, 0], soft[..., 0, 1] = 0.5, 0.49
    expected = mask.clone()
    expected[..., 0, 0] = 1
    assert torch.equal(make_conditions(video, changed(edit, mask=soft)).mask[:1], expected)


def test_the_reference_reaches_minus_one_and_one(video, edit):
    reference = torch.zeros(3, HEIGHT, WIDTH)
    reference[0] = 1
    conditions = make_conditions(video, changed(edit, edited_frame=reference))
    assert conditions.reference[0].unique().tolist() == [1]
    assert conditions.reference[1:].unique().tolist() == [-1]


def test_what_a_resize_overshoots_is_cut_off(video, edit):
    conditions = make_conditions(video * 1.2 - 0.1, changed(edit, edited_frame=edit.edited_frame * 1.2 - 0.1))
    assert conditions.content.aminmax() == (-1, 1)
    assert conditions.reference.aminmax() == (-1, 1)


def test_motion_follows_the_trajectories(video, edit):
    conditions = make_conditions(video, edit)
    assert conditions.motion[:, :, 8, 16].argmax(0).tolist() == [3, 3]  # the path ends there
    assert_close(conditions.motion[3, :, 8, 16], torch.tensor([1.0, 2.0]))


def test_an_edit_without_trajectories_moves_nothing(video, edit):
    assert not make_conditions(video, changed(edit, trajectories=Trajectories.none(FRAMES))).motion.any()


def test_conditions_leave_the_users_tensors_alone(video, edit):
    before = [tensor.clone() for tensor in (video, edit.edited_frame, edit.mask, edit.trajectories.points_px)]
    make_conditions(video, edit)
    after = [video, edit.edited_frame, edit.mask, edit.trajectories.points_px]
    assert all(torch.equal(a, b) for a, b in zip(after, before))


# --- Edits that do not fit ---------------------------------------------------------------


def test_an_edit_that_fits_passes(video, edit):
    edit.check(FRAMES, HEIGHT, WIDTH)


@pytest.mark.parametrize("frames", [0, 1])
def test_too_few_frames_are_counted(video, edit, frames):
    with pytest.raises(ValueError, match=rf"the video has {frames} frames?; an edit needs at least 2"):
        make_conditions(video[:frames], edit)


@pytest.mark.parametrize("shape", [(4, 24, 40), (4, 4, 24, 40), (1, 4, 3, 24, 40)])
def test_a_video_of_another_layout_is_refused(edit, shape):
    with pytest.raises(ValueError, match=r"the video must have shape \(T, 3, H, W\), not "):
        make_conditions(torch.zeros(shape), edit)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_frame_that_is_not_finite_is_named(video, edit, value):
    video[2, 1, 3, 4] = value
    with pytest.raises(ValueError, match=r"frame 2 of the video holds values that are not finite"):
        make_conditions(video, edit)


@pytest.mark.parametrize("scale", [255, -1])
def test_frames_on_another_scale_are_named(video, edit, scale):
    with pytest.raises(ValueError, match=r"frame 0 of the video holds values from .* they must lie in \[0, 1\]"):
        make_conditions(video * scale, edit)


def test_an_edited_frame_of_another_size_is_refused(video, edit):
    with pytest.raises(ValueError, match="the edited frame is 20×24; the video is 40×24"):
        make_conditions(video, changed(edit, edited_frame=torch.zeros(3, 24, 20)))


def test_an_edited_frame_is_named_by_its_number(video, edit):
    half = torch.zeros(3, HEIGHT, 20)
    for fields, says in (
        ({"keyframes": {2: half}}, "the edited frame 2 is 20×24; the video is 40×24: edit frame 2 of the prepared"),
        ({"edited_frame": half, "edited_index": 3}, "the edited frame 3 is 20×24; .* edit frame 3 of the prepared"),
        ({"edited_index": 3, "keyframes": {0: half}}, "the edited frame 0 is 20×24; the video is 40×24"),
        ({"keyframes": {2: video[0] * 255}}, "the edited frame 2 holds values from 0"),
    ):
        with pytest.raises(ValueError, match=says):
            make_conditions(video, changed(edit, **fields))
    with pytest.raises(ValueError, match="the edited frame 2 is 20×24, the clip 40×24: give it the clip's size, or 80"):
        changed(edit, keyframes={2: half}).for_clip(FRAMES, (HEIGHT, WIDTH), (48, 80), "stretch")


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_edited_frame_is_one_opaque_picture(tmp_path, edit, suffix):
    """Of a file of several pictures only the first would be seen; what is hidden under transparency nobody sees."""
    file = tmp_path / f"edited.{suffix}"
    levels = np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH, 4), np.uint8) * 255
    levels[..., 3] = 255
    opaque = PIL.Image.fromarray(levels)
    opaque.save(file, lossless=True)
    assert torch.equal(changed(edit, edited_frame=file).edited_frame, changed(edit, edited_frame=opaque).edited_frame)
    opaque.save(file, save_all=True, append_images=[opaque.rotate(180)])
    with pytest.raises(ValueError, match=f"the edited frame must be one picture, and .*{suffix} holds several"):
        changed(edit, edited_frame=file)
    levels[3, 4, 3] = 0
    glass = PIL.Image.fromarray(levels)
    glass.save(file, lossless=True)
    for given in (file, glass, levels):
        with pytest.raises(ValueError, match=r"the edited frame 2.* is transparent in places: flatten it onto the"):
            changed(edit, keyframes={2: given})
    revideo.write_video(tmp_path / "clip.mp4", torch.rand(2, 3, HEIGHT, WIDTH), 25)
    for given in (tmp_path / "clip.mp4", tmp_path):
        with pytest.raises(ValueError, match=r"the edited frame must be one picture, and .*: (save|name one)"):
            changed(edit, edited_frame=given)


@pytest.mark.parametrize("number", [True, 2.0, "2", None])
def test_what_is_no_number_of_a_frame_is_refused(video, edit, number):
    for fields, name in (({"keyframes": {number: video[2]}}, "a key of keyframes"), ({"edited_index": number}, "edit")):
        with pytest.raises(ValueError, match=f"{name}.* must be the number of a frame, a whole number from 0 on, not"):
            changed(edit, **fields)
    assert changed(edit, keyframes={np.int64(2): video[2]}).edited_frames.keys() == {0, 2}


def test_what_is_no_dict_or_no_switch_is_refused(video, edit):
    with pytest.raises(ValueError, match=r"keyframes must be a dict of pictures by the numbers .*, not a list"):
        changed(edit, keyframes=[video[2]])
    with pytest.raises(ValueError, match="whole_frame must be True or False, not 'no'"):
        changed(edit, whole_frame="no")


@pytest.mark.parametrize("shape", [(1, 3, 24, 40), (4, 24, 40), (24, 40)])
def test_an_edited_frame_of_another_layout_is_refused(video, edit, shape):
    with pytest.raises(ValueError, match=r"the edited frame must have shape \(3, H, W\), not "):
        make_conditions(video, changed(edit, edited_frame=torch.zeros(shape)))


def test_an_edited_frame_with_nan_is_refused(video, edit):
    with pytest.raises(ValueError, match="the edited frame holds values that are not finite"):
        make_conditions(video, changed(edit, edited_frame=torch.full((3, HEIGHT, WIDTH), torch.nan)))


def test_a_mask_of_another_size_is_refused(video, edit):
    with pytest.raises(ValueError, match="the mask is 64×64; the video is 40×24: paint it on a prepared"):
        make_conditions(video, changed(edit, mask=torch.ones(1, 1, 64, 64)))


@pytest.mark.parametrize("shape", [(40,), (3, 24, 40), (1, 3, 24, 40)])
def test_a_mask_of_another_layout_is_refused(video, edit, shape):
    with pytest.raises(ValueError, match=r"the mask must have shape \(1 or T, 1, H, W\), not "):
        make_conditions(video, changed(edit, mask=torch.ones(shape)))


def test_masks_for_another_number_of_frames_are_refused(video, edit, mask):
    with pytest.raises(ValueError, match="there are masks for 3 frames; the video has 4"):
        make_conditions(video, changed(edit, mask=mask.repeat(3, 1, 1, 1)))


def test_a_mask_that_nobody_painted_is_called_empty_whatever_its_size(video, edit):
    with pytest.raises(ValueError, match="the mask is empty"):
        make_conditions(video, changed(edit, mask=torch.zeros(1, 1, 64, 64)))  # ComfyUI's LoadImage gives this


@pytest.mark.parametrize("value", [0, 0.49])
def test_an_empty_mask_is_refused(video, edit, mask, value):
    with pytest.raises(ValueError, match="the mask is empty, so nothing could change"):
        make_conditions(video, changed(edit, mask=torch.full_like(mask, value)))


def test_a_mask_of_everything_is_refused(video, edit, mask):
    with pytest.raises(ValueError, match=r"the mask covers every frame whole, .* \(is the mask inverted\?\)"):
        make_conditions(video, changed(edit, mask=torch.ones_like(mask)))


def test_a_mask_with_nan_is_refused(video, edit, mask):
    mask[..., 0, 0] = torch.nan
    with pytest.raises(ValueError, match="the mask holds values that are not finite"):
        make_conditions(video, changed(edit, mask=mask))


def test_trajectories_of_another_length_are_refused(video, edit):
    with pytest.raises(ValueError, match="the trajectories cover 9 frames; the video has 4"):
        make_conditions(video, changed(edit, trajectories=edit.trajectories.for_clip(9, "as drawn")))


def test_trajectories_of_another_size_are_refused(video, edit):
    with pytest.raises(ValueError, match="trajectory 0 never enters the frame: it starts at x 100, y 50"):
        make_conditions(video, changed(edit, trajectories=edit.trajectories.scaled(10, 10)))
