"""Paths bent back to where they should go, from where their things really were at a window's end.

The motion map tells a window how far things shall go, never where they are: each window adds its
error to those before. Finding the things again in the finished window closes that loop.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from .trajectory import Trajectories

PATCH = 0.25  # of the frame's shorter side: what is looked for around a path's point
FARTHEST = 0.1  # of it: how far from its path a thing is looked for
ALIKE = 0.5  # correlation of a patch found with the one looked for, at least
RETURN_FRAMES = 6  # over which a path comes back to where it should be: slow enough to look like motion


def find_strayed(
    painted: Tensor,  # (T, 3, H, W) in [0, 1]: a finished window
    paths: Trajectories,  # (N, T): where things should be
    strayed: Tensor,  # (N, 2) x, y: how far they were from there on its first frame
    at: int,
) -> Tensor:  # (N, 2) x, y
    """How far from its path each thing of the first frame is on frame `at`; zero where it is not found again."""
    found = torch.zeros_like(strayed)
    first, last = _pixels(painted[0]), _pixels(painted[at])
    size = torch.tensor([painted.shape[-1], painted.shape[-2]])
    starts, goals = paths.points_px[:, 0] + strayed, paths.points_px[:, at]
    inside = ((starts >= 0) & (starts < size) & (goals >= 0) & (goals < size)).all(1)
    for number in (paths.visible[:, : at + 1].all(1) & inside).nonzero()[:, 0].tolist():
        way = _way_to_its_like(first, last, starts[number].numpy(), goals[number].numpy())
        if way is not None:
            found[number] = starts[number] + torch.from_numpy(way) - goals[number]
    return found


def _pixels(frame: Tensor) -> np.ndarray:  # (H, W, 3)
    return (frame.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()


def _way_to_its_like(first: np.ndarray, last: np.ndarray, start: np.ndarray, goal: np.ndarray) -> np.ndarray | None:
    """(2,) x, y in pixels, and parts of them: from `start` on `first` to what looks like it near `goal` on `last`."""
    side = min(first.shape[:2])
    half, reach = max(int(PATCH * side / 2), 4), max(int(FARTHEST * side), 2)
    margin = half + reach
    first, last = (np.pad(each, [(margin, margin), (margin, margin), (0, 0)], "edge") for each in (first, last))
    (x, y), (to_x, to_y) = start.round().astype(int), goal.round().astype(int)
    patch = first[y + reach : y + reach + 2 * half + 1, x + reach : x + reach + 2 * half + 1]
    around = last[to_y : to_y + 2 * margin + 1, to_x : to_x + 2 * margin + 1]
    scores = np.nan_to_num(cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED))
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    if scores[row, column] < ALIKE:
        return None
    best = np.array([column + _peak(scores[row], column), row + _peak(scores[:, column], row)])
    return (np.array([to_x, to_y]) + best - reach - (x, y)).astype(np.float32)


def _peak(scores: np.ndarray, best: int) -> float:
    """Where a parabola through the best score and its neighbours is highest, from the best on."""
    if not 0 < best < len(scores) - 1:
        return 0.0
    before, middle, after = (float(score) for score in scores[best - 1 : best + 2])
    curve = before - 2 * middle + after
    return 0.5 * (before - after) / curve if curve < 0 else 0.0


def steer(paths: Trajectories, strayed: Tensor) -> Trajectories:
    """`paths` (N, T) beginning where their things are, `strayed` (N, 2) from them, and soon where they should be."""
    left = (1 - torch.arange(paths.num_frames) / RETURN_FRAMES).clamp(min=0)
    return Trajectories(paths.points_px + strayed[:, None] * left[:, None], paths.visible)
