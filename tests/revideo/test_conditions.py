import numpy as np
import pytest
import torch
from torch.testing import assert_close

from revideo.conditions import motion_map

HEIGHT, WIDTH = 48, 80


def always(points_px):
    return torch.ones(points_px.shape[:2], dtype=torch.bool)


def path(*points):
    return torch.tensor([points], dtype=torch.float32)


def oracle(points_px, visible, height, width):
    """By the definition: at each place the sum of displacements times exp(-d²/200), within 25 pixels."""
    points, visible = points_px.double().numpy(), visible.numpy()
    rows, columns = np.mgrid[:height, :width]
    motion = np.zeros((points.shape[1], 2, height, width))
    for track, seen in zip(points, visible):
        for frame in range(1, len(track)):
            if not (seen[frame] and seen[frame - 1]):
                continue
            column = min(max(int(track[frame, 0]), 0), width - 1)
            row = min(max(int(track[frame, 1]), 0), height - 1)
            across, down = columns - column, rows - row
            bump = np.exp(-(across**2 + down**2) / (2 * 10**2)) * (abs(across) <= 25) * (abs(down) <= 25)
            dx, dy = track[frame] - track[frame - 1]
            motion[frame] += np.stack([dy * bump, dx * bump])
    return torch.from_numpy(motion).float()


def walks(count):
    """That many paths to and fro, hidden here and there."""
    generator = torch.Generator().manual_seed(0)
    steps = torch.randn(count, 5, 2, generator=generator) * 7
    points = torch.rand(count, 1, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT]) + steps.cumsum(1)
    return points, torch.rand(count, 5, generator=generator) > 0.3


@pytest.mark.parametrize("count", [6, 51, 52])  # few and many are computed in two ways
def test_agrees_with_the_definition(count):
    points, visible = walks(count)
    spots = points.clamp(torch.zeros(2), torch.tensor([WIDTH, HEIGHT]) - 1).long()
    shown = visible[:, 1:] & visible[:, :-1]
    for frame in range(1, 5):  # the oracle knows no shared pixels
        here = spots[shown[:, frame - 1], frame].tolist()
        assert len({tuple(spot) for spot in here}) == len(here)
    assert_close(
        motion_map(points, visible, HEIGHT, WIDTH), oracle(points, visible, HEIGHT, WIDTH), atol=1e-4, rtol=1e-4
    )


def test_a_still_trajectory_gives_a_zero_map():
    points = path((20, 20), (20, 20), (20, 20))
    assert not motion_map(points, always(points), HEIGHT, WIDTH).any()


def test_no_trajectory_gives_a_zero_map():
    motion = motion_map(torch.zeros(0, 5, 2), torch.zeros(0, 5, dtype=torch.bool), HEIGHT, WIDTH)
    assert motion.shape == (5, 2, HEIGHT, WIDTH)
    assert not motion.any()


def test_the_first_frame_is_zero():
    points = path((20, 20), (30, 25))
    motion = motion_map(points, always(points), HEIGHT, WIDTH)
    assert not motion[0].any()
    assert motion[1].any()


def test_dy_comes_before_dx_at_the_place_arrived_at():
    points = path((20, 20), (30, 23))
    motion = motion_map(points, always(points), HEIGHT, WIDTH)
    assert motion[1, :, 23, 30].tolist() == [3, 10]
    assert motion[1, 1].argmax() == 23 * WIDTH + 30


def test_places_are_truncated_and_displacements_are_not():
    points = path((20.0, 20.0), (30.9, 23.9))
    motion = motion_map(points, always(points), HEIGHT, WIDTH)
    assert_close(motion[1, :, 23, 30], torch.tensor([3.9, 10.9]))


@pytest.mark.parametrize(
    ("point", "row", "column"),
    [((-30, 20), 20, 0), ((WIDTH + 9, 20), 20, WIDTH - 1), ((40, -0.5), 0, 40), ((40, HEIGHT), HEIGHT - 1, 40)],
)
def test_points_outside_act_on_the_border(point, row, column):
    points = path((40, 20), point)
    motion = motion_map(points, always(points), HEIGHT, WIDTH)
    assert_close(motion[1, :, row, column], (points[0, 1] - points[0, 0]).flip(0))


def test_overlapping_bumps_add():
    one, other = path((10, 10), (20, 12)), path((40, 30), (35, 20))
    both = torch.cat([one, other])
    together = motion_map(both, always(both), HEIGHT, WIDTH)
    apart = motion_map(one, always(one), HEIGHT, WIDTH) + motion_map(other, always(other), HEIGHT, WIDTH)
    assert together[1, :, 16, 27].abs().min() > 0.1  # where they overlap
    assert_close(together, apart)


def test_on_a_shared_pixel_the_later_path_wins():
    both = torch.cat([path((10, 10), (20, 20)), path((30, 25), (20, 20))])
    assert torch.equal(
        motion_map(both, always(both), HEIGHT, WIDTH), motion_map(both[1:], always(both[1:]), HEIGHT, WIDTH)
    )


def test_shared_pixels_and_hidden_points_are_alike_for_few_paths_and_for_many():
    """Paths that show nothing make many of few."""
    points, visible = walks(9)
    points[6] = points[3]
    points[2, 1] = torch.nan
    visible[2, 1] = False
    still = torch.zeros(60, 5, 2), torch.zeros(60, 5, dtype=torch.bool)
    few = motion_map(points, visible, HEIGHT, WIDTH)
    many = motion_map(torch.cat([points, still[0]]), torch.cat([visible, still[1]]), HEIGHT, WIDTH)
    assert_close(many, few)
    assert few.any()


@pytest.mark.parametrize("count", [9, 60])
def test_clips_of_a_batch_are_each_their_own(count):
    points, visible = walks(2 * count)
    points, visible = points.unflatten(0, (2, -1)), visible.unflatten(0, (2, -1))
    together = motion_map(points, visible, HEIGHT, WIDTH)
    for clip in range(2):
        assert_close(together[clip], motion_map(points[clip], visible[clip], HEIGHT, WIDTH))


@pytest.mark.device
@pytest.mark.parametrize("count", [9, 60])
def test_the_map_lies_where_its_points_lie(count, device):
    points, visible = walks(count)
    found = motion_map(points.to(device), visible.to(device), HEIGHT, WIDTH)
    assert found.device.type == device.type
    assert_close(found.cpu(), motion_map(points, visible, HEIGHT, WIDTH))


def test_a_displacement_needs_its_point_visible_before_and_after():
    points = path((10, 10), (20, 10), (30, 10), (40, 10))
    motion = motion_map(points, torch.tensor([[True, True, False, True]]), HEIGHT, WIDTH)
    assert motion.flatten(1).any(1).tolist() == [False, True, False, False]


def test_a_bump_ends_25_pixels_away():
    points = path((40, 20), (41, 20))
    motion = motion_map(points, always(points), HEIGHT, WIDTH)
    assert motion[1, 1, 20, 41 - 25] > 0
    assert motion[1, 1, 20, 41 - 26] == 0
