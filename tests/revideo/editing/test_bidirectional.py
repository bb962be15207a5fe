"""An edited frame anywhere in the clip: what is shown of each side, and that the sides are one video."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

import revideo
from benchmarks.bidirectional import edit_of_frame, jump, other_frames_error
from revideo import Edit, Trajectories, make_conditions
from revideo.conditions import signed
from revideo.editing.bidirectional import BothWays, bounced, conditions_for, in_clip_order, reordered
from revideo.editing.both_ways_editing import edit_both_ways, sample_conditions
from revideo.editing.handover import Drift
from revideo.editing.windows import LongEdit
from revideo.models.vae import LATENT_SCALE
from revideo.motion import motion_map
from revideo.sampling.constraints import unedited_shares
from revideo.synthetic.clips import make_edit

WINDOW = 4  # of the smaller golden model
SIZE = 64


@pytest.fixture(scope="module")
def model(golden_b):
    return golden_b.model


@pytest.fixture(scope="module")
def options(golden_b):
    return replace(golden_b.options, steps=2)


def a_clip(frames=WINDOW, frame=0):
    """A video and an edit of that frame: two paths, one of which is hidden at first; an area for each frame."""
    generator = torch.Generator().manual_seed(frames)
    video = torch.rand(frames, 3, SIZE, SIZE, generator=generator)
    points_px = 10 + 44 * torch.rand(2, frames, 2, generator=generator)
    visible = torch.ones(2, frames, dtype=torch.bool)
    visible[1, : frames // 2] = False
    region = torch.zeros(frames, 1, SIZE, SIZE)
    for number in range(frames):
        region[number, :, 8:40, 8 + number : 40 + number] = 1
    return video, Edit(1 - video[frame], Trajectories(points_px, visible), region, frame)


def back_to_front(video, edit):
    """The clip run backwards, edited in the frame that was the last."""
    tracks = Trajectories(edit.trajectories.points_px.flip(1), edit.trajectories.visible.flip(1))
    return video.flip(0), Edit(edit.reference, tracks, edit.region.flip(0))


# --- What is shown -----------------------------------------------------------------------


def test_from_the_first_frame_nothing_is_new():
    video, edit = a_clip()
    for ours in (conditions_for(video, edit), in_clip_order(conditions_for(video, edit))):
        for part in ("reference", "content", "motion", "region"):
            assert torch.equal(getattr(ours, part), getattr(make_conditions(video, edit), part))


@pytest.mark.parametrize("frame", [1, 3, 6])
def test_each_frame_s_motion_is_since_the_neighbour_nearer_to_the_edited_one(frame):
    video, edit = a_clip(7, frame)
    shown = in_clip_order(conditions_for(video, edit))
    tracks = edit.trajectories
    onwards = motion_map(tracks.points_px, tracks.visible, SIZE, SIZE)
    backwards = motion_map(tracks.points_px.flip(1), tracks.visible.flip(1), SIZE, SIZE).flip(0)
    assert torch.equal(shown.motion[frame + 1 :], onwards[frame + 1 :])
    assert torch.equal(shown.motion[:frame], backwards[:frame])
    assert not shown.motion[frame].any()
    assert shown.motion[:frame].any()
    assert torch.equal(shown.region, edit.region)
    outside = (edit.region < 0.5).expand_as(video)
    assert_close(shown.content[outside], video[outside] * 2 - 1)
    assert torch.equal(shown.reference, edit.reference * 2 - 1)


def test_backwards_a_path_goes_from_where_it_is_to_where_it_was():
    points = torch.tensor([[[20.5, 30.5], [26.5, 30.5], [36.5, 30.5]]])
    tracks = Trajectories(points, torch.ones(1, 3, dtype=torch.bool))
    region = torch.zeros(1, 1, SIZE, SIZE)
    region[..., 20:40, 10:50] = 1
    video = torch.zeros(3, 3, SIZE, SIZE)
    shown = in_clip_order(conditions_for(video, Edit(video[0], tracks, region, reference_frame=2)))
    assert shown.motion[1, 1, 30, 26] == -10  # dx, at the place where the point is then
    assert shown.motion[0, 1, 30, 20] == -6


def test_a_short_side_goes_back_and_forth():
    assert bounced(range(5, 9), 9) == [5, 6, 7, 8, 7, 6, 5, 6, 7]
    assert bounced(range(3, -1, -1), 5) == [3, 2, 1, 0, 1]
    assert bounced(range(2, 0, -1), 4) == [2, 1, 2, 1]


def test_reordered_twice_it_is_what_it_was():
    video, edit = a_clip(6)
    again_video, again = reordered(*reordered(video, edit, range(5, -1, -1)), range(5, -1, -1))
    assert torch.equal(again_video, video)
    assert torch.equal(again.region, edit.region)
    assert torch.equal(again.trajectories.points_px, edit.trajectories.points_px)


# --- What is made ------------------------------------------------------------------------


def test_from_the_last_frame_it_is_the_reversed_clip_s_edit_reversed(model, options):
    video, edit = a_clip(frame=WINDOW - 1)
    ours = sample_conditions(model, conditions_for(video, edit), options)
    assert torch.equal(ours, model.sample(*back_to_front(video, edit), options).flip(0))


@pytest.mark.parametrize("locked", [False, True])
def test_from_a_middle_frame_onwards_is_an_edit_of_its_own_and_the_sides_share_that_frame(model, options, locked):
    options = replace(options, latent_lock=locked)
    video, edit = a_clip(5, frame=2)
    ours = sample_conditions(model, conditions_for(video, edit), options)
    assert ours.shape[0] == 5
    alone = model.sample(*reordered(video, edit, [2, 3, 4, 3]), options)
    assert torch.equal(ours[2:], alone[:3])
    decoded = edit_both_ways(model, video, edit, options)
    assert torch.equal(decoded, model.decode(ours, WINDOW))


def test_the_lock_holds_on_both_sides(model, options):
    video, edit = a_clip(frame=1)
    locked = replace(options, latent_lock=True, lock_until=0.0)
    latents = sample_conditions(model, conditions_for(video, edit), locked)
    cells = (unedited_shares(edit.region, model.config.vae.stride) == 1).expand_as(latents)
    source = torch.cat([model.encode(signed(frame)) for frame in video]) * LATENT_SCALE
    assert_close(latents[cells], source[cells], atol=1e-5, rtol=0)


def test_a_side_longer_than_the_window_is_edited_window_after_window(model, options):
    video, edit = a_clip(9, frame=2)
    drift = Drift(overlap=1)
    ours = edit_both_ways(model, video, edit, options, drift)
    onwards = revideo.edit_long(model, *reordered(video, edit, range(2, 9)), options, drift)
    backwards = revideo.edit_long(model, *reordered(video, edit, [2, 1, 0, 1]), options, drift)
    assert torch.equal(ours, torch.cat([backwards[[2, 1]], onwards]))


@pytest.mark.parametrize("frame", [0, 1, WINDOW - 1])
def test_both_sides_are_heard_of_as_one_run(model, options, frame):
    heard = []
    video, edit = a_clip(frame=frame)
    sample_conditions(model, conditions_for(video, edit), options, callback=lambda done, latents: heard.append(done))
    assert heard == sorted(heard)
    assert heard[-1] == options.steps


# --- What does not fit -------------------------------------------------------------------


def test_a_frame_that_is_not_there_is_named():
    video, edit = a_clip()
    for frame in (-1, WINDOW):
        with pytest.raises(ValueError, match=rf"said to be frame {frame}; the video has frames 0 to 3"):
            conditions_for(video, replace(edit, reference_frame=frame))


def test_what_begins_with_the_first_frame_says_so(model):
    video, edit = a_clip(frame=1)
    for begin in (lambda: make_conditions(video, edit), lambda: LongEdit.of(edit), lambda: model.sample(video, edit)):
        with pytest.raises(ValueError, match="the edited frame is frame 1, and this edits onwards from the first"):
            begin()


def test_a_side_that_no_window_holds_is_named(model, options):
    video, edit = a_clip(9, frame=2)
    with pytest.raises(ValueError, match=r"7 frames on one side of its edited frame 2, .* edits windows of 4"):
        sample_conditions(model, BothWays(video, edit), options)


# --- Its figures -------------------------------------------------------------------------


def test_the_right_answer_has_no_fault_whichever_frame_is_given():
    truth = make_edit(2, "both", frames=14, height=128, width=192)
    for frame in (0, 7, 13):
        edit = edit_of_frame(truth, frame)
        edit.check(truth.source)
        assert torch.equal(edit.reference, truth.target[frame])
        assert other_frames_error(truth, truth.target, frame) < 1


def test_a_jump_is_seen_where_it_is():
    video = torch.linspace(0, 0.5, 9).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).clone()
    assert [round(jump(video, frame), 3) for frame in (0, 4, 8)] == [1, 1, 1]
    video[4:] += 0.2
    assert jump(video, 3) == jump(video, 4) > 4
    assert round(jump(video, 6), 3) == 1
