"""Pictures show what they claim to, and leave everything else alone."""

import pytest
import torch

import revideo
from revideo.pictures.overlays import conditions_picture, draw_mask, draw_tracks, motion_picture, path_colour

T, H, W = 5, 96, 160


@pytest.fixture
def frames() -> torch.Tensor:
    return torch.rand(T, 3, H, W, generator=torch.Generator().manual_seed(0)) * 0.5


def straight(*paths: tuple[float, float, float, float]) -> revideo.Trajectories:
    """Paths from (x0, y0) to (x1, y1), all visible."""
    ramp = torch.linspace(0, 1, T)[:, None]
    points = [
        torch.tensor([x0, y0]) * (1 - ramp) + torch.tensor([x1, y1]) * ramp for x0, y0, x1, y1 in map(tuple, paths)
    ]
    return revideo.Trajectories(torch.stack(points), torch.ones(len(paths), T, dtype=torch.bool))


def changed(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    return (before != after).any(-3)


def as_unit(colour: tuple[int, int, int]) -> torch.Tensor:
    return torch.tensor(colour) / 255


def square(top: int, bottom: int, left: int, right: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, H, W)
    mask[..., top:bottom, left:right] = 1
    return mask


# --- Tracks --------------------------------------------------------------------------------


def test_the_dot_has_the_paths_colour_where_the_point_stands(frames):
    trajectories = straight((20.5, 30.5, 120.5, 30.5), (40.5, 80.5, 40.5, 60.5))
    drawn = draw_tracks(frames, trajectories)
    for path in range(2):
        for frame in range(T):
            x, y = trajectories.points_px[path, frame].long().tolist()
            torch.testing.assert_close(drawn[frame, :, y, x], as_unit(path_colour(path)), atol=0.01, rtol=0)


def test_pixels_without_a_drawing_keep_their_exact_values(frames):
    drawn = draw_tracks(frames, straight((20, 30, 120, 30)))
    assert not changed(frames, drawn)[:, 50:].any()
    assert not changed(frames, drawn)[:, :15].any()
    assert changed(frames, drawn)[:, 30, 20:120].all(), "the whole path shows in every frame"


def test_the_travelled_part_is_stronger_than_what_lies_ahead(frames):
    drawn = draw_tracks(torch.zeros_like(frames), straight((20, 30.5, 140, 30.5)))
    behind, ahead = drawn[2, :, 30, 30], drawn[2, :, 30, 120]
    assert behind.max() > 1.5 * ahead.max() > 0


def test_a_trail_fades_behind_it(frames):
    black = torch.zeros_like(frames)
    drawn = draw_tracks(black, straight((20, 30.5, 140, 30.5)), trail=1)
    assert drawn[4, :, 30, 30].max() < 0.7 * drawn[4, :, 30, 120].max()
    torch.testing.assert_close(
        draw_tracks(black, straight((20, 30, 140, 30)), trail=T), draw_tracks(black, straight((20, 30, 140, 30)))
    )


def test_a_hidden_point_draws_nothing_even_where_it_is_not_a_number(frames):
    trajectories = straight((20, 30, 120, 30))
    trajectories.visible[0, 2:] = False
    trajectories.points_px[0, 2:] = torch.nan
    drawn = draw_tracks(frames, trajectories)
    assert not changed(frames, drawn)[:, :, 60:].any(), "nothing beyond the last visible point"
    assert changed(frames, drawn)[:, 30, 25].all()


def test_points_far_outside_the_frame_are_harmless(frames):
    draw_tracks(frames, straight((-1e9, -1e9, 1e9, 1e9), (-50, 10, 500, 10)))


def test_no_path_draws_nothing(frames):
    assert torch.equal(draw_tracks(frames, revideo.Trajectories.none(T)), frames)
    assert torch.equal(draw_tracks(frames, revideo.Trajectories.none(0)), frames)


def test_frames_beyond_the_paths_show_their_end(frames):
    short = straight((20, 30, 120, 30)).for_clip(2, "as drawn")
    drawn = draw_tracks(torch.zeros_like(frames), short)
    assert torch.equal(drawn[1], drawn[4])


def test_a_paths_colour_does_not_depend_on_the_others(frames):
    black = torch.zeros_like(frames)
    far = (20, 80, 120, 80)
    alone = draw_tracks(black, straight((20, 20, 120, 20)))
    both = draw_tracks(black, straight((20, 20, 120, 20), far))
    assert torch.equal(alone[..., :50, :], both[..., :50, :])
    assert len({path_colour(path) for path in range(30)}) == 30


@pytest.mark.slow
def test_lines_grow_with_the_frame():
    def thickness(height: int) -> int:
        black = torch.zeros(T, 3, height, 2 * height)
        middle = height / 2 + 0.5
        drawn = draw_tracks(black, straight((0, middle, 2 * height, middle)))
        return int((drawn[4, :, :, height // 2].amax(0) > 0.2).sum())

    assert thickness(64) < thickness(512) < thickness(1536)


def test_the_input_is_not_changed(frames):
    before = frames.clone()
    draw_mask(draw_tracks(frames, straight((20, 30, 120, 30))), square(20, 60, 30, 90))
    assert torch.equal(frames, before)


# --- Mask ----------------------------------------------------------------------------------


def test_outside_the_area_it_is_darker_and_inside_as_it_was(frames):
    drawn = draw_mask(frames, square(20, 60, 30, 90))
    assert torch.equal(drawn[..., 25:55, 35:85], frames[..., 25:55, 35:85])
    assert drawn[..., 70:, :].mean() < 0.7 * frames[..., 70:, :].mean()
    assert drawn[..., 20, 30:90].mean() > 0.75, "the outline"


def test_a_mask_for_each_frame(frames):
    masks = torch.cat([square(20, 60, 10 + 10 * frame, 40 + 10 * frame) for frame in range(T)])
    drawn = draw_mask(frames, masks)
    for frame in range(T):
        inside = slice(15 + 10 * frame, 35 + 10 * frame)
        assert torch.equal(drawn[frame, :, 25:55, inside], frames[frame, :, 25:55, inside])


def test_a_mask_of_another_size_is_named(frames):
    with pytest.raises(ValueError, match=r"the mask is 1 frame of 40×30, the frames are 5 frames of 160×96"):
        draw_mask(frames, torch.ones(1, 1, 30, 40))


# --- Motion --------------------------------------------------------------------------------


def uniform_motion(dy: float, dx: float, height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.tensor([float(dy), float(dx)]).view(1, 2, 1, 1).expand(1, 2, height, width)


def test_stillness_is_white():
    assert torch.equal(motion_picture(torch.zeros(2, 2, 32, 48)), torch.ones(2, 3, 32, 48))


def test_each_direction_has_a_colour_of_its_own_at_any_speed():
    right, left = motion_picture(uniform_motion(0, 3)), motion_picture(uniform_motion(0, -3))
    torch.testing.assert_close(right[0, :, 0, 0], torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(left[0, :, 0, 0], torch.tensor([0.0, 1.0, 1.0]))
    torch.testing.assert_close(motion_picture(uniform_motion(0, 300)), right)
    assert not torch.allclose(motion_picture(uniform_motion(3, 0)), motion_picture(uniform_motion(-3, 0)))


def test_half_the_clips_fastest_speed_is_half_as_strong():
    motion = torch.cat([uniform_motion(0, 2), uniform_motion(0, 4)])
    torch.testing.assert_close(motion_picture(motion)[:, 1, 0, 0], torch.tensor([0.5, 0.0]))


def test_a_large_frame_carries_a_wheel_that_agrees_with_the_colours():
    still = motion_picture(torch.zeros(1, 2, 320, 480))[0]
    assert (still[:, :240] == 1).all()
    corner = still[:, 240:, 400:]
    rows, columns = (corner.amin(0) < 0.1).nonzero().T
    middle_y = rows.float().mean().long()
    to_the_right = corner[:, middle_y, columns.max() - 3]
    assert to_the_right[0] > 0.8 > 0.5 > to_the_right[1]


# --- Conditions ----------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(96, 160), (64, 64), (95, 33), (320, 576)])
def test_conditions_stand_side_by_side_unclipped(height, width):
    video = torch.rand(3, 3, height, width)
    mask = torch.zeros(1, 1, height, width)
    mask[..., 10:40, 10:30] = 1
    trajectories = revideo.Trajectories(torch.tensor([[[5.0, 5], [12, 9], [20, 20]]]), torch.ones(1, 3) > 0)
    conditions = revideo.make_conditions(video, revideo.Edit(video[0], trajectories, mask))
    picture = conditions_picture(conditions)

    assert len(picture) == 3 and picture.shape[-1] % 2 == picture.shape[-2] % 2 == 0
    assert picture.shape[-1] > 3 * width and picture.shape[-2] > height
    assert picture.min() >= 0 and picture.max() <= 1

    # Random pixels find the first panel; the others follow at the same pitch, one margin apart.
    first = (conditions.content[1, :, 0, 0] + 1) / 2
    (top, left), *_ = (picture[1] == first[:, None, None]).all(0).nonzero().tolist()
    panels = ((conditions.content + 1) / 2, motion_picture(conditions.motion), conditions.mask.expand(-1, 3, -1, -1))
    for number, panel in enumerate(panels):
        x = left + number * (width + left)
        assert torch.equal(picture[..., top : top + height, x : x + width], panel)
