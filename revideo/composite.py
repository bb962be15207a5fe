"""Puts the source's own pixels back wherever the edit was not meant to change them."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor


def keep_unedited(source: Tensor, edited: Tensor, region: Tensor, feather_px: float) -> Tensor:
    """Frames (T, 3, H, W) that equal `source` outside the region, to the bit.

    `region` (1 or T, 1, H, W). The seam is blended over `feather_px` pixels *inside* the
    region, so that nothing outside it changes however wide the feather.
    Raises ValueError where shapes differ.
    """
    if source.shape != edited.shape:
        raise ValueError(f"the original is {_describe(source)}, the edited video {_describe(edited)}; they must agree")
    if region.shape[-2:] != source.shape[-2:] or region.shape[0] not in (1, len(source)):
        raise ValueError(
            f"the mask is {_describe(region)}, the video {_describe(source)}: "
            f"give one mask for all frames or one for each, of the video's size"
        )
    weights = torch.stack([feather_inward(mask[0], feather_px) for mask in region])[:, None]
    blended = torch.lerp(source, edited, weights.to(source))
    # lerp may round where the weight is 0; the source must come through untouched.
    return torch.where(weights.to(source) > 0, blended, source)


def feather_inward(mask: Tensor, feather_px: float) -> Tensor:
    """(H, W) → weights: 0 outside the mask, rising smoothly to 1 `feather_px` inside it.

    The frame's border is no seam: nothing lies beyond it to blend with.
    """
    inside = (mask >= 0.5).cpu().numpy().astype(np.uint8)
    if feather_px <= 0 or inside.all():
        return torch.from_numpy(inside.astype(np.float32))
    depth_px = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ramp = np.clip(depth_px / (feather_px + 1), 0, 1)  # + 1: the first pixel inside is one pixel deep
    return torch.from_numpy(ramp * ramp * (3 - 2 * ramp))


def _describe(frames: Tensor) -> str:
    return f"{len(frames)} frame{'s' * (len(frames) != 1)} of {frames.shape[-1]}×{frames.shape[-2]}"
