"""What drifted from its path is found, and led back."""

import pytest
import torch
from torch.testing import assert_close

import revideo
from revideo import Edit, Trajectories
from revideo.editing.drift_correction import (
    NEAR,
    RETURN_FRAMES,
    correct_paths,
    find_objects,
    find_offsets,
    locate_objects,
    remaining_offsets,
)
from revideo.editing.handover import PAPER_CHAIN, HandoverOptions, WindowState
from revideo.editing.long_video import frame_noise
from revideo.synthetic.clips import make_clip

FRAMES, SIDE = 14, 128


@pytest.fixture(scope="module")
def clip():
    sizes = {"diameter_px": (28.0, 38.0), "speed_px": (2.0, 3.0), "shortest_wave_px": 28.0, "textured": 1.0}
    return make_clip(1, frames=FRAMES, height=SIDE, width=SIDE, sprites=(2, 2), points=1, **sizes)


def asked(clip, away: torch.Tensor) -> Trajectories:
    """Paths that the clip's sprites follow ever less well: on the last frame they are `away` (N, 2) from them."""
    share = torch.linspace(0, 1, FRAMES)
    return Trajectories(clip.trajectories.points_px - away[:, None] * share[:, None], clip.trajectories.visible)


def test_what_strayed_is_found(clip):
    assert clip.trajectories.visible.all()
    away = torch.tensor([[4.0, -3.0], [-2.0, 5.0]])
    for at in (4, 9, 13):
        found = find_offsets(clip.video, asked(clip, away), torch.zeros(2, 2), at)
        assert_close(found, away * at / (FRAMES - 1), atol=0.6, rtol=0)


def test_it_is_found_from_where_it_was_before(clip):
    """The second half of a clip, whose first half drifted already."""
    away = torch.tensor([[4.0, -3.0], [-2.0, 5.0]])
    paths = asked(clip, away)
    half = Trajectories(paths.points_px[:, 6:], paths.visible[:, 6:])
    assert_close(find_offsets(clip.video[6:], half, away * 6 / 13, 7), away, atol=0.6, rtol=0)


def test_what_cannot_be_followed_is_taken_to_be_on_its_path(clip):
    away = torch.full((2, 2), 3.0)
    paths = asked(clip, away)
    assert torch.equal(find_offsets(torch.rand(FRAMES, 3, SIDE, SIDE), paths, away, 13), torch.zeros(2, 2))
    hidden = paths.visible.clone()
    hidden[0, 5] = False
    found = find_offsets(clip.video, Trajectories(paths.points_px, hidden), torch.zeros(2, 2), 13)
    assert torch.equal(found[0], torch.zeros(2)) and found[1].norm() > 3
    outside = torch.tensor([[-200.0, 0.0], [0.0, 0.0]])
    assert torch.equal(find_offsets(clip.video, paths, outside, 13)[0], torch.zeros(2))
    nobody = Trajectories.none(FRAMES)
    assert find_offsets(clip.video, nobody, torch.zeros(0, 2), 13).shape == (0, 2)


def test_paths_begin_where_things_are_and_come_back():
    visible = torch.ones(2, FRAMES, dtype=torch.bool)
    visible[1, 3:] = False
    paths = Trajectories(torch.rand(2, FRAMES, 2) * 40 + 20, visible)
    offsets = torch.tensor([[6.0, -3.0], [0.0, 2.0]])
    bent = correct_paths(paths, offsets)
    assert_close(bent.points_px[:, 0], paths.points_px[:, 0] + offsets)
    assert torch.equal(bent.points_px[:, RETURN_FRAMES:], paths.points_px[:, RETURN_FRAMES:])
    left = (bent.points_px - paths.points_px).norm(dim=-1)
    assert (left.diff(dim=1) <= 1e-5).all()  # never away again
    assert torch.equal(bent.visible, visible)
    assert torch.equal(correct_paths(paths, torch.zeros(2, 2)).points_px, paths.points_px)


def test_what_is_near_is_back_at_once_and_the_rest_is_left():
    offsets = torch.tensor([[3.0, -4.0], [0.3, 0.4], [0.0, 0.0]])
    assert_close(remaining_offsets(offsets, 1.0), torch.tensor([[2.4, -3.2], [0.0, 0.0], [0.0, 0.0]]))


def handed_over(clip, away: torch.Tensor, **choices: bool) -> tuple[WindowState, Trajectories]:
    """What follows from the clip as a window's result, of which four frames are shared with the next."""
    trajectories, everywhere = asked(clip, away), torch.ones(FRAMES, 1, SIDE, SIDE, dtype=torch.bool)
    options = HandoverOptions(**choices)
    state = WindowState.first(clip.video[0], trajectories, everywhere[0, 0].bool(), options)
    assert None not in state.objects
    return state.after(clip.video, torch.zeros(FRAMES, 4, 16, 16), everywhere, trajectories, 10, options), trajectories


def test_an_object_near_its_path_is_handed_over_as_on_its_path(clip):
    state, paths = handed_over(clip, torch.tensor([[2.0, -1.0], [-1.0, 2.0]]))
    previous, offsets = state.previous, state.offsets
    assert torch.equal(offsets, torch.zeros(2, 2))
    back = torch.cat([clip.video[:1], previous.frames])
    found = find_offsets(
        back, Trajectories(paths.points_px[:, [0, *range(10, 14)]], paths.visible[:, [0, *range(10, 14)]]), offsets, 4
    )
    assert_close(found, offsets, atol=0.4, rtol=0)
    assert previous.corrected.flatten(1).any(1).all()


def test_an_object_far_from_its_path_is_brought_nearer_and_led_back(clip):
    away = torch.tensor([[8.0, -6.0], [0.0, 0.0]])
    state, _ = handed_over(clip, away)
    at = away * 10 / (FRAMES - 1)
    assert_close(state.offsets, remaining_offsets(at, NEAR * SIDE), atol=0.4, rtol=0)
    state, _ = handed_over(clip, away, appearance_correction=False)
    assert_close(state.offsets, at, atol=0.4, rtol=0)
    assert torch.equal(state.previous.frames, clip.video[10:]) and state.previous.corrected is None
    state, _ = handed_over(clip, away, path_correction=False)
    assert not state.offsets.any() and state.previous.corrected.any()
    assert (state.previous.frames - clip.video[10:]).abs().mean() < 0.01  # where it is, as it was


@pytest.mark.slow
def test_each_window_s_paths_are_corrected_by_the_one_before():
    """The paper's chain with path correction, done by hand; with weights that move objects, but not exactly."""
    model = revideo.load("tiny", device="cpu")
    options = revideo.SamplerOptions(steps=8, cfg_last=1.0, noise_augmentation=0.0)
    sizes = {"speed_px": (1.0, 1.5), "diameter_px": (26.0, 36.0)}
    clip = make_clip(6, frames=27, height=96, width=96, sprites=(1, 1), points=1, **sizes)
    mask = torch.ones(1, 1, 96, 96, dtype=torch.bool)
    mask[..., :4] = False
    edit = Edit(clip.video[0], clip.trajectories, mask)
    first, second = edit.trajectories_between(0, 14), edit.trajectories_between(13, 27)
    painted = model.edit(clip.video[:14], Edit(clip.video[0], first, mask), options, composite=False).frames
    objects = find_objects(clip.video[0], first, mask[0, 0])
    away, found = locate_objects(painted[13:], objects, edit.trajectories_between(13, 14))
    offsets = torch.where(found, away[:, 0], find_offsets(painted, first, torch.zeros(1, 2), 13))
    assert offsets.norm() > 0.1
    window = Edit(painted[13], correct_paths(second, offsets), mask)
    noise = frame_noise((14, 4, 12, 12), options.seed, 13)
    expected = model.decode(model.sample(revideo.make_conditions(clip.video[13:], window), options, noise=noise), 14)

    chain = HandoverOptions(**{**vars(PAPER_CHAIN), "path_correction": True})
    found = model.edit(clip.video, edit, options, composite=False, handover=chain).frames
    assert_close(found[:14], painted)
    assert_close(found[14:], expected[1:])
