"""Things of the edited first frame found again where a window ends, and shown there as they were at first.

A window paints its things a little worse than its reference showed them, and the next one takes what it
painted for its reference. Putting the first look back at each window's start breaks that loop. The first
look also tells best where a thing is: it does not change, and so errors of finding it do not add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..tracks.trajectories import Trajectories
from .composite import feather_inward
from .drift_correction import find_like, pixels

REACH = 0.25  # of the frame's shorter side: how far from its path's point a thing extends, at most
SEED_PX = 2  # around a path's point all belongs to its thing
LEAST_PX, MOST = 40, 0.9  # pixels that a thing has; share of those it may have, or it is the ground
MARGIN_PX = 4  # of its surroundings: they tell its outline, and cover what its faded copy has lost there


@dataclass(frozen=True)
class Thing:
    """What a path moves, as the edited first frame shows it."""

    picture: Tensor  # (3, h, w) in [0, 1], with some of its surroundings
    share: Tensor  # (h, w) of 0 to 1: how much of each pixel is the thing's
    anchor: Tensor  # (2,) x, y in pixels from the picture's corner: the path's point


def find_things(reference: Tensor, paths: Trajectories, area: Tensor) -> list[Thing | None]:
    """Reference (3, H, W) in [0, 1] and its area (H, W) bool → what lies under each path's first point.

    By GrabCut (Rother et al. 2004). None for paths that begin later or outside the area, where nothing
    stands out from around the point, and for all but the first path on the same thing.
    """
    picture, masks = pixels(reference), list[np.ndarray]()
    things: list[Thing | None] = []
    for point, visible in zip(paths.points_px[:, 0], paths.visible[:, 0].tolist()):
        mask = _mask_at(picture, point, area.cpu().numpy()) if visible else None
        if mask is not None and not any((mask & other).any() for other in masks):
            masks.append(mask)
            things.append(_cut_out(reference, mask, point))
        else:
            things.append(None)
    return things


def _mask_at(picture: np.ndarray, point: Tensor, area: np.ndarray) -> np.ndarray | None:  # (H, W) bool
    height, width = area.shape
    x, y = point.floor().int().tolist()
    if not (0 <= x < width and 0 <= y < height and area[y, x]):
        return None
    near, seed = (
        (slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1))
        for reach in (int(REACH * min(height, width)), SEED_PX)
    )
    labels = np.full(area.shape, cv2.GC_BGD, np.uint8)
    labels[near][area[near]] = cv2.GC_PR_FGD
    candidates = (labels == cv2.GC_PR_FGD).sum()
    labels[seed] = cv2.GC_FGD
    cv2.setRNGSeed(0)  # a resumed run must cut as the first one did
    cv2.grabCut(picture, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    _, parts = cv2.connectedComponents(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    mask: np.ndarray = parts == parts[y, x]
    return mask if LEAST_PX <= mask.sum() <= MOST * candidates else None


def _cut_out(reference: Tensor, mask: np.ndarray, point: Tensor) -> Thing:
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    top, left = max(int(rows[0]) - MARGIN_PX, 0), max(int(columns[0]) - MARGIN_PX, 0)
    part = slice(top, int(rows[-1]) + MARGIN_PX + 1), slice(left, int(columns[-1]) + MARGIN_PX + 1)
    wide = cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * MARGIN_PX + 1,) * 2))
    share = feather_inward(torch.from_numpy(wide[part]), MARGIN_PX)
    return Thing(reference[(..., *part)].cpu(), share, point - torch.tensor([left, top]))


def find_again(
    frames: Tensor,  # (T, 3, H, W) in [0, 1]: as a window painted them
    things: Sequence[Thing | None],
    paths: Trajectories,  # (N, T): where things should be in them
) -> tuple[Tensor, Tensor]:  # (N, T, 2) x, y and (N, T) bool
    """How far from its path each thing is, by its first look, and where it was found; zero where it was not."""
    away, found = torch.zeros_like(paths.points_px), torch.zeros_like(paths.visible)
    pictures = [pixels(frame) for frame in frames]
    for number, thing in enumerate(things):
        if thing is None:
            continue
        look = pixels(thing.picture)
        for at in paths.visible[number].nonzero()[:, 0].tolist():
            corner = (paths.points_px[number, at] - thing.anchor).numpy()
            place = find_like(look, pictures[at], corner)
            if place is not None:
                away[number, at], found[number, at] = torch.from_numpy(place - corner), True
    return away, found


def restore(
    frame: Tensor,  # (3, H, W) in [0, 1]: as a window painted it
    things: Sequence[Thing | None],
    points_px: Tensor,  # (N, 2) x, y: where each path's point shall be in it
    found: Tensor,  # (N,) bool: which of them to restore
    area: Tensor,  # (H, W) bool
) -> tuple[Tensor, Tensor]:  # (3, H, W), and (H, W) bool: where it was changed
    """The frame with things looking as they did at first."""
    changed = torch.zeros(frame.shape[1:], dtype=torch.bool)
    height, width = area.shape
    for thing, point, known in zip(things, points_px, found.tolist()):
        if thing is None or not known:
            continue
        x, y = (point - thing.anchor).tolist()
        shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
        look = thing.picture.permute(1, 2, 0).numpy()
        share = torch.from_numpy(cv2.warpAffine(thing.share.numpy(), shift, (width, height))) * area
        moved = cv2.warpAffine(look, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        frame = torch.lerp(frame, torch.from_numpy(moved).permute(2, 0, 1), share)
        changed |= share > 0
    return frame, changed
