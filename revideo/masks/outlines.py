"""Masks by their outlines: grown and shrunk, with a soft edge, turned inside out; the boxes around them."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor


def adjusted_mask(
    mask: Tensor,  # (T, 1, H, W), bool or in [0, 1]
    grow_px: float = 0,
    feather_px: float = 0,
    invert: bool = False,
) -> Tensor:  # (T, 1, H, W) float32 in [0, 1]
    """Masks whose outline is moved outwards (inwards where negative), then softened, then turned inside out.

    The soft edge is centred on the outline, as an area's of the editor is: from 1 half of `feather_px` inside to 0
    half of it outside. So whoever takes half strength and above as inside sees the same mask however soft it is.
    The frame's border is no outline. Where neither is asked for, values between 0 and 1 stay as they are.
    """
    found = mask.float().cpu()
    if grow_px or feather_px:
        found = torch.stack([_redrawn(each, grow_px, feather_px) for each in found[:, 0] >= 0.5])[:, None]
    return 1 - found if invert else found


def _redrawn(mask: Tensor, grow_px: float, feather_px: float) -> Tensor:  # (H, W) float32
    inside = mask.numpy().astype(np.uint8)
    if not inside.any() or inside.all():  # there is no outline
        return mask.float()
    # Half a pixel lies between the middle of a pixel and its border, where the outline runs.
    outwards, inwards = (
        cv2.distanceTransform(side, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for side in (1 - inside, inside)
    )
    away = np.where(inside > 0, 0.5 - inwards, outwards - 0.5) - grow_px
    return torch.from_numpy(np.clip(0.5 - away / feather_px, 0, 1) if feather_px else away < 0).float()


def grown(mask: np.ndarray, by_px: int) -> np.ndarray:
    """A mask (H, W) bool with all that lies within so many pixels of it."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by_px + 1, 2 * by_px + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def box_of(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of what is inside a mask (H, W) bool that is not empty."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def centre_of(mask: np.ndarray) -> np.ndarray:  # (2,) x, y in pixels
    """The centre of gravity of a mask (H, W) bool that is not empty."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def deepest_point(mask: np.ndarray) -> tuple[int, int]:
    """Column and row of the pixel that lies deepest inside a mask (H, W) bool; the frame's border is an outline too."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return int(column), int(row)
