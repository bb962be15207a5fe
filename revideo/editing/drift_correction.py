"""Paths bent back to where they should go, from where their things really were at a window's end.

The motion map tells a window how far things shall go, never where they are: each window adds its
error to those before. Finding the things again in the finished window closes that loop.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from ..tracks.trajectories import Trajectories

PATCH = 0.25  # of the frame's shorter side: what is looked for around a path's point
FARTHEST = 0.1  # of it: how far from its path a thing is looked for
ALIKE = 0.5  # correlation of a patch found with the one looked for, at least
NEAR = 0.03  # of it: so far a thing may be moved at once, unseen between two frames
RETURN_FRAMES = 6  # over which a path comes back to where it should be: slow enough to look like motion


def find_strayed(
    painted: Tensor,  # (T, 3, H, W) in [0, 1]: a finished window
    paths: Trajectories,  # (N, T): where things should be
    strayed: Tensor,  # (N, 2) x, y: how far they were from there on its first frame
    at: int,
) -> Tensor:  # (N, 2) x, y
    """How far from its path each thing of the first frame is on frame `at`; zero where it is not found again."""
    found = torch.zeros_like(strayed)
    first, last = pixels(painted[0]), pixels(painted[at])
    size = torch.tensor([painted.shape[-1], painted.shape[-2]])
    starts, goals = paths.points_px[:, 0] + strayed, paths.points_px[:, at]
    inside = ((starts >= 0) & (starts < size) & (goals >= 0) & (goals < size)).all(1)
    for number in (paths.visible[:, : at + 1].all(1) & inside).nonzero()[:, 0].tolist():
        template, corner = _patch(first, starts[number].numpy())
        place = find_like(template, last, corner + (goals[number] - starts[number]).numpy())
        if place is not None:
            found[number] = starts[number] + torch.from_numpy(place - corner) - goals[number]
    return found


def _patch(picture: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is seen around a point x, y, and where its first pixel is."""
    half = max(int(PATCH * min(picture.shape[:2]) / 2), 4)
    x, y = point.round().astype(int)
    padded = np.pad(picture, [(half, half), (half, half), (0, 0)], "edge")
    return padded[y : y + 2 * half + 1, x : x + 2 * half + 1], np.array([x - half, y - half])


def pixels(frame: Tensor) -> np.ndarray:  # (H, W, 3)
    return (frame.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()


def find_like(
    template: np.ndarray,  # (h, w, 3) uint8
    picture: np.ndarray,  # (H, W, 3) uint8
    corner: np.ndarray,  # (2,) x, y: where the template's first pixel should be in it
    farthest: float = FARTHEST,  # from there along each axis, of the picture's shorter side
) -> np.ndarray | None:
    """Where it is most like the template, parts of pixels told; None where nothing is like it."""
    reach = max(int(farthest * min(picture.shape[:2])), 2)
    height, width = template.shape[:2]
    left, top = corner.round().astype(int) - reach
    sides = [(max(-top, 0), max(top + height + 2 * reach - len(picture), 0))]
    sides.append((max(-left, 0), max(left + width + 2 * reach - picture.shape[1], 0)))
    padded = np.pad(picture, [*sides, (0, 0)], "edge")
    top, left = top + sides[0][0], left + sides[1][0]
    around = padded[top : top + height + 2 * reach, left : left + width + 2 * reach]
    scores = np.nan_to_num(cv2.matchTemplate(around, template, cv2.TM_CCOEFF_NORMED))
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    if scores[row, column] < ALIKE:
        return None
    best = np.array([column + _peak(scores[row], column), row + _peak(scores[:, column], row)])
    return (corner.round() + best - reach).astype(np.float32)


def _peak(scores: np.ndarray, best: int) -> float:
    """Where a parabola through the best score and its neighbours is highest, from the best on."""
    if not 0 < best < len(scores) - 1:
        return 0.0
    before, middle, after = (float(score) for score in scores[best - 1 : best + 2])
    curve = before - 2 * middle + after
    return 0.5 * (before - after) / curve if curve < 0 else 0.0


def beyond(strayed: Tensor, near_px: float) -> Tensor:  # (N, 2)
    """What is left of the way back (N, 2) when all have come `near_px` of it."""
    return strayed * (1 - near_px / strayed.norm(dim=-1, keepdim=True).clamp(min=near_px))


def steer(paths: Trajectories, strayed: Tensor) -> Trajectories:
    """`paths` (N, T) beginning where their things are, `strayed` (N, 2) from them, and soon where they should be."""
    left = (1 - torch.arange(paths.num_frames) / RETURN_FRAMES).clamp(min=0)
    return Trajectories(paths.points_px + strayed[:, None] * left[:, None], paths.visible)
