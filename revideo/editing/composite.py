"""Puts the source's own pixels back wherever the edit was not meant to change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..video.fitting import describe_frames
from ..video.pixels import as_mask

Match = Literal["none", "colours", "gradients"]
RING_PX = 16  # around the mask: wide enough to average over, near enough to share its light


def keep_unedited(source: Tensor, edited: Tensor, mask: Tensor, feather_px: float, match: Match = "none") -> Tensor:
    """Frames (T, 3, H, W) that equal `source` outside the mask, to the bit.

    `mask` (1 or T, 1, H, W), bool or from 0 to 1. The seam is blended over `feather_px` pixels *inside* the
    mask, so that nothing outside it changes however wide the feather. `match` fits what is inside
    to what surrounds it first: see `match_colours` and `match_gradients`.
    Raises ValueError where shapes differ.
    """
    if source.shape != edited.shape:
        raise ValueError(
            f"the original is {describe_frames(source)}, the edited video {describe_frames(edited)}; they must agree"
        )
    mask = as_mask(mask)
    if mask.shape[-2:] != source.shape[-2:] or mask.shape[0] not in (1, len(source)):
        raise ValueError(
            f"the mask is {describe_frames(mask)}, the video {describe_frames(source)}: "
            f"give one mask for all frames or one for each, of the video's size"
        )
    if match not in get_args(Match):
        raise ValueError(f'match "{match}" is not one of {", ".join(get_args(Match))}')
    if match != "none":
        matched = match_colours if match == "colours" else match_gradients
        edited = matched(source, edited, mask.to(source.device))
    weights = torch.stack([feather_inward(each[0], feather_px) for each in mask])[:, None]
    blended = torch.lerp(source, edited, weights.to(source))
    # lerp may round where the weight is 0; the source must come through untouched.
    return torch.where(weights.to(source) > 0, blended, source)


def feather_inward(mask: Tensor, feather_px: float) -> Tensor:
    """(H, W) bool → weights: 0 outside the mask, rising smoothly to 1 `feather_px` inside it.

    The frame's border is no seam: nothing lies beyond it to blend with.
    """
    inside = mask.cpu().numpy().astype(np.uint8)
    if feather_px <= 0 or inside.all():
        return torch.from_numpy(inside.astype(np.float32))
    depth_px = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ramp = np.clip(depth_px / (feather_px + 1), 0, 1)  # + 1: the first pixel inside is one pixel deep
    return torch.from_numpy(ramp * ramp * (3 - 2 * ramp))


# --- Fitting what is inside to what surrounds it ---------------------------------------------------


def match_colours(source: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
    """Each edited frame's colours, shifted by as much as they drifted around the mask (1 or T, 1, H, W) bool.

    On the ring the truth is known: what the model did to its light it did to what is inside.
    """
    masks = mask.expand(len(source), -1, -1, -1)
    shifted = [
        frame + ring_shift(known, frame, inside[0], RING_PX) for known, frame, inside in zip(source, edited, masks)
    ]
    return torch.stack(shifted).clamp(0, 1)


def ring_shift(known: Tensor, found: Tensor, mask: Tensor, width: int) -> Tensor:
    """(C, H, W) each and a mask (H, W) bool → (C, 1, 1): how far `found` drifted within the ring around it.

    A mean of each channel; zero where nothing lies around it.
    """
    wide = F.max_pool2d(mask[None].float(), 2 * width + 1, stride=1, padding=width)[0] > 0
    ring = wide & ~mask
    if not ring.any():
        return known.new_zeros(len(known), 1, 1)
    return (known - found)[:, ring].mean(1).view(-1, 1, 1)


def match_gradients(source: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
    """Frames with the edited one's gradients inside the mask and the source's pixels at its border.

    Poisson editing (Pérez et al. 2003, equation 4): what is added to the edited frame is as
    smooth as can be, and equals source − edited all along the border. It is solved exactly and
    in floating point, which OpenCV's seamlessClone, at 8 bits, is not; the frame's own border is free.
    """
    frames = []
    masks = mask.expand(len(source), -1, -1, -1)[:, 0].cpu().numpy()
    known, solve = masks[0], _membrane(masks[0])
    for number, inside in enumerate(masks):
        if not np.array_equal(inside, known):  # most masks stand still, and factors cost more than solving
            known, solve = inside, _membrane(inside)
        difference = (source[number] - edited[number]).cpu().double().numpy()  # in this order: mps has no float64
        correction = torch.from_numpy(solve(difference)).to(edited)
        frames.append((edited[number] + correction).clamp(0, 1))
    return torch.stack(frames)


def _membrane(mask: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """For a mask (H, W): a function from values (C, H, W) to ones that are harmonic inside and the same around it."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import splu

    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    if len(rows) in (0, mask.size):  # nothing to fill, or nothing to fill it from
        return np.zeros_like
    index = np.full(mask.shape, -1)
    index[rows, columns] = np.arange(len(rows))
    neighbours = np.zeros(len(rows))
    inner: list[tuple[np.ndarray, np.ndarray]] = []  # pairs of unknowns
    outer: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # unknown, row, column of a known pixel
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        y, x = rows + down, columns + right
        there = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
        neighbours[there] += 1
        y, x = y[there], x[there]
        inside = mask[y, x]
        inner.append((there[inside], index[y, x][inside]))
        outer.append((there[~inside], y[~inside], x[~inside]))
    own, other = (np.concatenate(part) for part in zip(*inner))
    diagonal = np.arange(len(rows))
    values = np.concatenate([neighbours, -np.ones(len(own))])
    places = np.concatenate([diagonal, own]), np.concatenate([diagonal, other])
    factors = splu(coo_matrix((values, places), shape=(len(rows), len(rows))).tocsc())
    unknown, y, x = (np.concatenate(part) for part in zip(*outer))

    def solve(around: np.ndarray) -> np.ndarray:
        filled = np.zeros_like(around)
        for channel, found in zip(around, filled):
            found[rows, columns] = factors.solve(np.bincount(unknown, channel[y, x], len(rows)))
        return filled

    return solve
