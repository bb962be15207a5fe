"""Which paths and areas a training example shows: statistics of the paper's sampling."""

import torch

from revideo.tracks.selection import (
    path_lengths,
    sample_trajectories,
    within,
)
from revideo.tracks.trajectories import Trajectories


def straight(*lengths: float, start: tuple[float, float] = (5.0, 5.0), frames: int = 5) -> Trajectories:
    """Paths to the right of these lengths."""
    steps = torch.linspace(0, 1, frames)[None, :] * torch.tensor(lengths)[:, None]
    points = torch.stack([steps, torch.zeros_like(steps)], -1) + torch.tensor(start)
    return Trajectories(points, torch.ones(points.shape[:2], dtype=torch.bool))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_length_counts_where_the_point_is_seen():
    paths = straight(8.0)
    assert path_lengths(paths).tolist() == [8]
    paths.visible[0, 2] = False  # two of four steps lose an end
    assert path_lengths(paths).tolist() == [4]


def test_only_paths_longer_than_the_mean_are_drawn_and_none_twice():
    paths = straight(1, 2, 3, 20, 30, 40)  # mean 16
    drawn = sample_trajectories(paths, 10, generator())
    assert sorted(path_lengths(drawn).round().int().tolist()) == [20, 30, 40]
    assert sample_trajectories(paths, 2, generator()).num_trajectories == 2
    assert sample_trajectories(paths, 0, generator()).num_trajectories == 0


def test_chance_is_proportional_to_length():
    paths, random, draws = straight(1, 1, 1, 1, 1, 10, 20, 30), generator(1), 6000
    first = [int(path_lengths(sample_trajectories(paths, 1, random)).round()) for _ in range(draws)]
    for length, share in ((10, 1 / 6), (20, 2 / 6), (30, 3 / 6)):
        deviation = (share * (1 - share) / draws) ** 0.5
        assert abs(first.count(length) / draws - share) < 4 * deviation


def test_equal_paths_are_all_as_long_as_the_mean():
    assert sample_trajectories(straight(7.3, 7.3, 7.3), 3, generator()).num_trajectories == 3


def test_still_points_are_never_drawn():
    assert sample_trajectories(straight(0.1, 0.2, 0.1), 3, generator()).num_trajectories == 0
    assert sample_trajectories(Trajectories.none(4), 3, generator()).num_trajectories == 0


def test_within_an_area_paths_start_and_are_hidden_outside():
    mask = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    mask[..., :8] = True
    starting = straight(8.0)  # x = 5, 7, 9, 11, 13
    assert within(starting, mask).visible.tolist() == [[True, True, False, False, False]]
    assert within(straight(8.0, start=(9.0, 5.0)), mask).num_trajectories == 0
    assert within(straight(8.0, start=(-3.0, 5.0)), mask).num_trajectories == 0
    moving = torch.cat([mask, mask, mask.flip(-1), mask, mask.flip(-1)])
    assert within(starting, moving).visible.tolist() == [[True, True, True, False, True]]
