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
    """Only those that start inside the mask (H, W), hidden on the frames where they have left it."""
    height, width = mask.shape
    x, y = trajectories.points_px.nan_to_num().floor().long().unbind(-1)
    in_frame = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    inside = in_frame & (mask[y.clamp(0, height - 1), x.clamp(0, width - 1)] > 0)
    visible = trajectories.visible & inside
    starts = visible[:, 0] if trajectories.num_frames else visible.any(1)
    return Trajectories(trajectories.points_px[starts], visible[starts])


def sample_trajectories(
    trajectories: Trajectories, count: int, generator: torch.Generator
) -> Trajectories:  # at most `count`
    """Those at least as long as the mean, drawn in proportion to their length, none twice.

    Equal lengths are all as long as the mean: so it is with the points of one rigid object.
    """
    lengths = path_lengths(trajectories)
    long = (lengths >= lengths.mean() * 0.999) & (lengths >= STILL_PX) if len(lengths) else lengths > 0
    count = min(count, int(long.sum()))
    if count == 0:
        return Trajectories.none(trajectories.num_frames)
    drawn = torch.multinomial(lengths * long, count, generator=generator)
    return Trajectories(trajectories.points_px[drawn], trajectories.visible[drawn])


def random_rectangle(
    height: int,
    width: int,
    min_px: int,  # of each side
    max_fraction: float,  # of the frame's side
    generator: torch.Generator,
) -> Tensor:  # (H, W), 1 inside
    """A mask whose sides and place are drawn evenly."""
    mask = torch.zeros(height, width)
    top, bottom = _random_span(height, min_px, max_fraction, generator)
    left, right = _random_span(width, min_px, max_fraction, generator)
    mask[top:bottom, left:right] = 1
    return mask


def _random_span(side: int, min_px: int, max_fraction: float, generator: torch.Generator) -> tuple[int, int]:
    shortest = min(min_px, side)
    longest = max(int(side * max_fraction), shortest)
    length = int(torch.randint(shortest, longest + 1, (), generator=generator))
    start = int(torch.randint(0, side - length + 1, (), generator=generator))
    return start, start + length


def rectangle_around(cover: Tensor, generator: torch.Generator, most: float) -> Tensor:  # (H, W), 1 inside
    """A mask around all of `cover` (T, H, W) on any frame, with a random margin up to `most` of each side."""
    mask = torch.zeros(cover.shape[-2:])
    ever = cover.any(0)
    spans = []
    for axis, side in ((1, cover.shape[-2]), (0, cover.shape[-1])):
        covered = ever.any(axis).nonzero()
        margins = (torch.rand(2, generator=generator) * most * side).round().long() + 1
        first, last = int(covered.min() - margins[0]), int(covered.max() + 1 + margins[1])
        spans.append((max(first, 0), min(last, side)))
    (top, bottom), (left, right) = spans
    mask[top:bottom, left:right] = 1
    return mask
