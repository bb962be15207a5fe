"""Trajectories made of others."""

import math

import pytest
import torch
from torch.testing import assert_close

from revideo import Trajectories
from revideo.tracks.transforms import (
    mean_motion,
    merged,
    placed,
    retimed,
    smoothed,
    with_motion_of,
    without_motion_of,
)


def trajectories(*paths, visible=None):
    points = torch.tensor(paths, dtype=torch.float32)
    if visible is None:
        visible = torch.ones(points.shape[:2], dtype=torch.bool)
    return Trajectories(points, torch.as_tensor(visible))


def random_trajectories(seed=0, paths=3, frames=12):
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(paths, frames, 2, generator=generator) * 100
    visible = torch.rand(paths, frames, generator=generator) < 0.8
    visible[0] = True
    return Trajectories(points, visible)


def same(one, other):
    assert torch.equal(one.visible, other.visible)
    assert_close(one.points_px[one.visible], other.points_px[other.visible], atol=1e-3, rtol=0)


LINE = [[10.0 + 3 * i, 20.0 - i] for i in range(8)]


# --- Moved, scaled, turned ---------------------------------------------------------------


def test_nothing_asked_changes_nothing():
    before = random_trajectories()
    for after in (placed(before), retimed(before), smoothed(before, 0), merged([before])):
        same(before, after)


def test_an_offset_moves_every_point():
    before = random_trajectories()
    assert_close(placed(before, (5, -7)).points_px, before.points_px + torch.tensor([5.0, -7.0]))


def test_scale_and_turn_keep_the_mean_and_change_distances_and_directions():
    before = random_trajectories()
    after = placed(before, scale=2, turn_degrees=90)
    mean = before.points_px[before.visible].mean(0)
    assert_close(after.points_px[after.visible].mean(0), mean, atol=1e-3, rtol=0)
    dx, dy = (before.points_px - mean).unbind(-1)
    # Clockwise on the screen, where y grows downwards: right becomes down.
    assert_close(after.points_px - mean, 2 * torch.stack([-dy, dx], -1), atol=1e-3, rtol=0)


@pytest.mark.parametrize("degrees", [30, 180, 275])
def test_a_turn_back_undoes_a_turn(degrees):
    before = random_trajectories()
    same(before, placed(placed(before, scale=3, turn_degrees=degrees), scale=1 / 3, turn_degrees=-degrees))


def test_hidden_points_do_not_move_the_middle():
    before = trajectories([[0.0, 0.0], [2.0, 0.0], [900.0, 900.0]], visible=[[True, True, False]])
    assert_close(placed(before, scale=2).points_px[0, :2], torch.tensor([[-1.0, 0.0], [3.0, 0.0]]))


# --- In time -----------------------------------------------------------------------------


def test_a_shift_delays_and_hides_what_had_not_begun():
    after = retimed(trajectories(LINE), shift=3)
    assert after.visible[0].tolist() == [False] * 3 + [True] * 5
    assert_close(after.points_px[0, 3:], torch.tensor(LINE)[:5])


def test_a_shift_forth_and_back_keeps_what_both_saw():
    before = trajectories(LINE)
    after = retimed(retimed(before, shift=2), shift=-2)
    assert after.visible[0].tolist() == [True] * 6 + [False] * 2
    assert_close(after.points_px[0, :6], before.points_px[0, :6])


def test_stretched_by_two_an_even_motion_is_half_as_fast():
    after = retimed(trajectories(LINE), stretch=2)
    assert after.visible.all()
    assert_close(after.points_px[0].diff(dim=0), torch.tensor([[1.5, -0.5]]).expand(7, 2))


def test_shrunk_it_ends_early():
    after = retimed(trajectories(LINE), stretch=0.5)
    assert after.visible[0].tolist() == [True] * 4 + [False] * 4
    assert_close(after.points_px[0, :4], torch.tensor(LINE)[::2])


def test_between_a_seen_and_a_hidden_frame_a_point_is_hidden():
    before = trajectories(LINE, visible=[[True, True, False, True, True, True, True, True]])
    assert retimed(before, shift=0.5).visible[0].tolist() == [False, True, False, False, True, True, True, True]


@pytest.mark.parametrize("stretch", [0, -1, math.nan])
def test_time_cannot_stand_still_or_run_back(stretch):
    with pytest.raises(ValueError, match=r"stretch in time must be above 0, not"):
        retimed(trajectories(LINE), stretch=stretch)


# --- Smoothed ----------------------------------------------------------------------------


def test_even_motion_is_smooth_already():
    same(trajectories(LINE), smoothed(trajectories(LINE), 2))


def test_smoothing_calms_and_keeps_the_ends():
    shaken = random_trajectories(paths=1, frames=30)
    calm = smoothed(shaken, 2)
    assert_close(calm.points_px[:, [0, -1]], shaken.points_px[:, [0, -1]], atol=1e-3, rtol=0)
    restless = [each.points_px.diff(n=2, dim=1).norm(dim=-1).mean() for each in (shaken, calm)]
    assert restless[1] < 0.15 * restless[0]


def test_what_a_gap_parts_is_smoothed_apart():
    points = [[0.0, 0.0]] * 5 + [[50.0, 0.0]] * 5
    hidden = trajectories(points, visible=[[True] * 4 + [False] * 2 + [True] * 4])
    same(hidden, smoothed(hidden, 2))


# --- Camera and sprite --------------------------------------------------------------------


def test_what_moves_with_the_camera_stands_still_without_it():
    camera = trajectories([[0.0, 0.0], [2.0, 1.0], [5.0, -1.0]], [[50.0, 50.0], [52.0, 51.0], [55.0, 49.0]])
    sprite = trajectories([[10.0, 10.0], [12.0, 11.0], [15.0, 9.0]])
    assert_close(without_motion_of(sprite, camera).points_px, torch.tensor([[[10.0, 10.0]] * 3]))


def test_taken_off_and_put_on_again_it_is_the_same():
    sprite, camera = random_trajectories(1), random_trajectories(2)
    same(sprite, with_motion_of(without_motion_of(sprite, camera), camera))


def test_a_reference_point_that_is_lost_leaves_the_rest_to_tell():
    """The mean is of steps, not of places: a point that goes missing makes no jump."""
    points = [[[0.0 + i, 0.0] for i in range(5)], [[90.0 + i, 40.0] for i in range(5)]]
    reference = trajectories(*points, visible=[[True] * 5, [True, True, False, False, False]])
    assert_close(mean_motion(reference), torch.tensor([[float(i), 0.0] for i in range(5)]))


def test_a_reference_that_is_lost_altogether_is_named():
    reference = trajectories(LINE, visible=[[True] * 4 + [False] * 4])
    with pytest.raises(ValueError, match="the reference trajectories are lost from frame 3 to 4"):
        without_motion_of(trajectories(LINE), reference)


# --- Joined ------------------------------------------------------------------------------


def test_merged_tracks_are_all_of_them_in_order():
    one, two = random_trajectories(1, paths=2), random_trajectories(2, paths=3)
    all_of_them = merged([one, two])
    assert all_of_them.num_trajectories == 5
    same(Trajectories(all_of_them.points_px[:2], all_of_them.visible[:2]), one)
    same(Trajectories(all_of_them.points_px[2:], all_of_them.visible[2:]), two)


def test_no_path_adds_none():
    one = random_trajectories()
    same(one, merged([one, Trajectories.none(one.num_frames)]))


@pytest.mark.parametrize("join", [lambda one, two: merged([one, two]), with_motion_of, without_motion_of])
def test_unequal_lengths_are_named(join):
    with pytest.raises(ValueError, match=r"cover \d+ frames, the trajectories.* \d+: take them from the same frames"):
        join(random_trajectories(frames=12), random_trajectories(frames=14))
