"""An edited frame anywhere in the clip: what is shown of each side, and that the sides are one video."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from revideo import Edit, HandoverOptions, Trajectories, WindowCache, make_conditions
from revideo.conditions import clip_sides, motion_map, signed
from revideo.editing.long_video import TensorFrames, edit_windows
from revideo.editing.windows import ping_pong, plan_windows
from revideo.models.vae import LATENT_SCALE
from revideo.sampling.constraints import unedited_weights
from revideo.sampling.views import PADDING_SEED

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
    return video.flip(0), Edit(edit.edited_frame, tracks, edit.mask.flip(0))


# --- What is shown -----------------------------------------------------------------------


@pytest.mark.parametrize("frame", [1, 3, 6])
def test_each_frame_s_motion_is_since_the_neighbour_nearer_to_the_edited_one(frame):
    video, edit = a_clip(7, frame)
    shown = make_conditions(video, edit)
    tracks = edit.trajectories
    onwards = motion_map(tracks.points_px, tracks.visible, SIZE, SIZE)
    backwards = motion_map(tracks.points_px.flip(1), tracks.visible.flip(1), SIZE, SIZE).flip(0)
    assert torch.equal(shown.motion[frame + 1 :], onwards[frame + 1 :])
    assert torch.equal(shown.motion[:frame], backwards[:frame])
    assert not shown.motion[frame].any()
    assert shown.motion[:frame].any()
    assert torch.equal(shown.mask, edit.mask.float())
    outside = (~edit.mask).expand_as(video)
    assert_close(shown.content[outside], video[outside] * 2 - 1)
    assert torch.equal(shown.reference, edit.edited_frame * 2 - 1)


def test_backwards_a_path_goes_from_where_it_is_to_where_it_was():
    points = torch.tensor([[[20.5, 30.5], [26.5, 30.5], [36.5, 30.5]]])
    tracks = Trajectories(points, torch.ones(1, 3, dtype=torch.bool))
    region = torch.zeros(1, 1, SIZE, SIZE)
    region[..., 20:40, 10:50] = 1
    video = torch.zeros(3, 3, SIZE, SIZE)
    shown = make_conditions(video, Edit(video[0], tracks, region, edited_index=2))
    assert shown.motion[1, 1, 30, 26] == -10  # dx, at the place where the point is then
    assert shown.motion[0, 1, 30, 20] == -6


def test_a_short_side_goes_back_and_forth():
    assert ping_pong(range(5, 9), 9) == [5, 6, 7, 8, 7, 6, 5, 6, 7]
    assert ping_pong(range(3, -1, -1), 5) == [3, 2, 1, 0, 1]
    assert ping_pong(range(2, 0, -1), 4) == [2, 1, 2, 1]


def test_backwards_and_onwards_again_it_is_what_it_was():
    _, edit = a_clip(6, frame=5)
    back = edit.reordered(range(5, -1, -1))
    again = replace(back, edited_index=5).reordered([5, 4, 3, 2, 1, 0])
    assert torch.equal(again.mask, edit.mask)
    assert torch.equal(again.trajectories.points_px, edit.trajectories.points_px)


# --- What is made ------------------------------------------------------------------------


def drawn_noise(frames):
    return torch.randn(frames, 4, 8, 8, generator=torch.Generator().manual_seed(frames))


@pytest.mark.device
def test_from_the_last_frame_it_is_the_reversed_clip_s_edit_reversed(model, options):
    video, edit = a_clip(frame=WINDOW - 1)
    noise = drawn_noise(WINDOW)
    ours = model.sample(make_conditions(video, edit), options, noise=noise)
    reversed_clip = make_conditions(*back_to_front(video, edit))
    assert torch.equal(ours, model.sample(reversed_clip, options, noise=noise.flip(0)).flip(0))


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("locked", [False, True])
def test_from_a_middle_frame_onwards_is_an_edit_of_its_own(model, options, locked):
    options = replace(options, latent_lock=locked)
    video, edit = a_clip(5, frame=2)
    noise = drawn_noise(5)
    ours = model.sample(make_conditions(video, edit), options, noise=noise)
    alone = model.sample(make_conditions(video[2:], edit.reordered([2, 3, 4])), options, noise=noise[2:])
    assert torch.equal(ours[2:], alone)
    result = model.edit(video, edit, options, composite=False)
    assert torch.equal(result.latents, model.sample(make_conditions(video, edit), options))
    assert torch.equal(result.frames, model.decode(result.latents, 5))


@pytest.mark.device
def test_the_lock_holds_on_both_sides(model, options):
    video, edit = a_clip(frame=1)
    locked = replace(options, latent_lock=True, lock_until=0.0)
    latents = model.sample(make_conditions(video, edit), locked)
    cells = (unedited_weights(edit.mask.float(), model.config.vae.stride) == 1).expand_as(latents)
    source = torch.cat([model.encode(signed(frame)) for frame in video]).cpu() * LATENT_SCALE
    assert_close(latents[cells], source[cells], atol=1e-5, rtol=0)


@pytest.mark.device
@pytest.mark.slow
def test_a_side_longer_than_the_window_is_edited_window_after_window(model, options):
    video, edit = a_clip(9, frame=2)

    def painted(order):
        frames = TensorFrames(video[order])
        done = edit_windows(model, frames, edit.reordered(order), options, handover=HandoverOptions(overlap=1))
        return torch.cat([each.frames for each in done])

    ours = model.edit(video, edit, options, composite=False, handover=HandoverOptions(overlap=1)).frames
    assert torch.equal(ours, torch.cat([painted([2, 1, 0]).flip(0)[:2], painted([*range(2, 9)])]))


def test_a_clip_shorter_than_the_window_moves_back_and_forth_after_its_end(model, options):
    video, edit = a_clip(3)
    conditions, noise = make_conditions(video, edit), drawn_noise(3)
    denoise = model.denoiser(model.condition(conditions.along([0, 1, 2, 1]), options), options)
    own = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(PADDING_SEED))  # of what fills the window
    by_hand = model.run(denoise, torch.cat([noise, own]), options)[:3]
    assert_close(model.sample(conditions, options, noise=noise), by_hand, atol=1e-5, rtol=1e-5)
    assert model.edit(video, edit, options).frames.shape == video.shape


# --- Several edited frames -----------------------------------------------------------------


@pytest.mark.parametrize("edited", [[0], [6], [3], [0, 6], [1, 2], [0, 3, 4], [2, 5, 6], [0, 1, 2, 3, 4, 5, 6]])
def test_every_frame_is_seen_from_the_edited_ones_around_it(edited):
    weights, sides = torch.zeros(7), clip_sides(7, edited)
    for side in sides:
        assert side.order[0] in edited
        assert not set(edited) & set(side.order[1:-1])
        weights[list(side.order)] += side.weights
    assert_close(weights, torch.ones(7))
    for index in edited:  # an edited frame is never another one's
        assert all(side.weights[side.order.index(index)] in (0, 1) for side in sides if index in side.order)


def test_between_two_edited_frames_nearer_ones_count_more():
    onwards, backwards = clip_sides(5, [0, 4])
    assert (onwards.order, backwards.order) == (range(5), range(4, -1, -1))
    assert onwards.weights.tolist() == backwards.weights.tolist() == [1, 0.75, 0.5, 0.25, 0]


@pytest.mark.device
@pytest.mark.slow
def test_between_two_edited_frames_the_clip_has_no_direction(model, options):
    """Run backwards it is the same edit: which of the two is called the first changes nothing."""
    video, edit = a_clip()
    edit = replace(edit, keyframes={WINDOW - 1: video[0]})
    reversed_edit = replace(back_to_front(video, edit)[1], edited_frame=video[0], keyframes={WINDOW - 1: 1 - video[0]})
    noise = drawn_noise(WINDOW)
    ours = model.sample(make_conditions(video, edit), options, noise=noise)
    other = model.sample(make_conditions(video.flip(0), reversed_edit), options, noise=noise.flip(0))
    assert_close(ours, other.flip(0), atol=1e-4, rtol=1e-4)


@pytest.mark.device
@pytest.mark.slow
def test_nothing_is_handed_over_at_an_edited_frame(model, options):
    video, edit = a_clip(12)
    edit = replace(edit, keyframes={7: video[7].flip(0)})
    other = replace(edit, edited_frame=video[1])
    handover = HandoverOptions(overlap=1)
    ours, changed = (
        model.edit(video, each, options, composite=False, handover=handover).frames for each in (edit, other)
    )
    assert ours.shape == video.shape
    assert torch.equal(ours[7:], changed[7:])
    assert not torch.equal(ours[6], changed[6])


@pytest.mark.device
@pytest.mark.slow
def test_another_later_edited_frame_changes_only_the_windows_around_it(model, options, tmp_path):
    """And finished windows before them are taken as they are."""
    video, edit = a_clip(12)
    saved = []
    for picture in (video[7].flip(0), video[7].flip(2)):
        given = replace(edit, keyframes={7: picture})
        cache = WindowCache(tmp_path)
        frames = model.edit(video, given, options, composite=False, handover=HandoverOptions(overlap=1), cache=cache)
        saved.append((frames.frames, [file.read_bytes() for file in sorted(tmp_path.glob("window-*"))]))
    (ours, windows), (changed, others) = saved
    plan = plan_windows(12, WINDOW, 1, [0, 7])
    assert len(windows) == len(plan)
    assert [one == other for one, other in zip(windows, others)] == [not each.ends for each in plan[:-2]] + [False] * 2
    first = next(each.first for each in plan if each.ends)
    assert torch.equal(ours[:first], changed[:first])
    assert not torch.equal(ours[first:7], changed[first:7])


@pytest.mark.parametrize(
    ("keyframes", "message"),
    [
        ({0: torch.zeros(3, SIZE, SIZE)}, "two edited frames are said to be frame 0"),
        ({9: torch.zeros(3, SIZE, SIZE)}, "said to be frame 9; the video has frames 0 to 3"),
        ({2: torch.zeros(3, SIZE, 32)}, "edited frame 2 is 32×64; the video is 64×64"),
    ],
)
def test_keyframes_that_do_not_fit_are_named(keyframes, message):
    video, edit = a_clip()
    with pytest.raises(ValueError, match=message):
        make_conditions(video, replace(edit, keyframes=keyframes))


@pytest.mark.slow
@pytest.mark.parametrize("frame", [0, 1, WINDOW - 1])
def test_both_sides_are_heard_of_as_one_run(model, options, frame):
    heard = []
    video, edit = a_clip(frame=frame)
    model.sample(make_conditions(video, edit), options, lambda progress: heard.append(progress.done))
    assert heard == sorted(heard)
    assert heard[-1] == options.steps


# --- What does not fit -------------------------------------------------------------------


def test_a_frame_that_is_not_there_is_named():
    video, edit = a_clip()
    for frame in (-1, WINDOW):
        with pytest.raises(ValueError, match=rf"said to be frame {frame}; the video has frames 0 to 3"):
            make_conditions(video, replace(edit, edited_index=frame))


def test_a_side_that_no_window_holds_is_named(model, options):
    video, edit = a_clip(9, frame=2)
    with pytest.raises(ValueError, match=r"7 frames from its edited frame on, .* edits windows of 4: take fewer"):
        model.sample(make_conditions(video, edit), options)
