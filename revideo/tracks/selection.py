"""Which of a clip's trajectories a training example shows, and the mask it shows them in (paper section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from .trajectories import Trajectories

STILL_PX = 0.5  # a way this short shows no motion: tracking alone wanders as far


def path_lengths(trajectories: Trajectories) -> Tensor:
    """(N,) in pixels: each point's way between frames on which it is visible."""
    steps = trajectories.points_px.diff(dim=1).norm(dim=-1)
    seen = trajectories.visible[:, 1:] & trajectories.visible[:, :-1]
    return torch.where(seen, steps, 0.0).sum(1)


def within(trajectories: Trajectories, mask: Tensor) -> Trajectories:
    """Only those that start inside the mask (1 or T, 1, H, W) bool, hidden on the frames where they are outside it."""
    _, _, height, width = mask.shape
    x, y = trajectories.points_px.nan_to_num().floor().long().unbind(-1)
    in_frame = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    frame = torch.arange(x.shape[1]) if len(mask) > 1 else torch.zeros(x.shape[1], dtype=torch.long)
    inside = in_frame & mask[frame, 0, y.clamp(0, height - 1), x.clamp(0, width - 1)]
    visible = trajectories.visible & inside
    starts = visible[:, 0] if trajectories.num_frames else visible.any(1)
    return Trajectories(trajectories.points_px[starts], visible[starts])


def long_enough(lengths: Tensor) -> Tensor:  # (N,) bool
    """Of path lengths (N,), those from which a training draws: at least their mean, and more than tracking wanders.

    Equal lengths are all as long as the mean: so it is with the points of one rigid object.
    """
    return (lengths >= lengths.mean() * 0.999) & (lengths >= STILL_PX) if len(lengths) else lengths > 0


def sample_trajectories(
    trajectories: Trajectories, count: int, generator: torch.Generator
) -> Trajectories:  # at most `count`
    """Those that are long enough, drawn in proportion to their length, none twice."""
    lengths = path_lengths(trajectories)
    long = long_enough(lengths)
    count = min(count, int(long.sum()))
    if count == 0:
        return Trajectories.none(trajectories.num_frames)
    drawn = torch.multinomial(lengths * long, count, generator=generator)
    return Trajectories(trajectories.points_px[drawn], trajectories.visible[drawn])
