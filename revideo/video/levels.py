"""Values of pixels, whatever file they come from: as bytes, and which of a mask's are inside."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

LABELS_MAX = 31  # of 255: what a picture of labels goes up to, and no mask in grey does
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")  # of one picture, in place of a clip


def to_uint8(frames: Tensor) -> Tensor:
    """Values in [0, 1], of any shape → 0 to 255, rounded; what lies outside is cut off."""
    return (frames.clamp(0, 1) * 255).round().byte()


def to_uint16(frames: Tensor) -> Tensor:
    """Values in [0, 1], of any shape → 0 to 65535, rounded; what lies outside is cut off."""
    return (frames.double().clamp(0, 1) * 65535).round().to(torch.uint16)


def is_painted_away(pixels: np.ndarray) -> bool:
    """Whether what is transparent of (H, W, 4) still holds a picture: ComfyUI's mask editor paints so.

    Where it is of one colour, a cut-out's ground, what is opaque was meant.
    """
    hidden = pixels[pixels[..., 3] == 0][:, :3]
    return len(hidden) > 0 and bool((hidden != hidden[0]).any())


def levels_of_alpha(pixels: np.ndarray, painted_away: bool) -> np.ndarray:
    """The mask (H, W) that transparency says, of pixels (H, W, 4) uint8 or of 1."""
    alpha = pixels[..., 3]
    return (np.array(255 if pixels.dtype == np.uint8 else 1, pixels.dtype) - alpha) if painted_away else alpha


def levels_inside(levels: Tensor, highest: int, name: str) -> Tensor:
    """Mask levels, of 255 → fractions, of 1, in float32; `highest` of all that belong together.

    Labels are 0 or 1 then. Raises ValueError where nothing would be inside of what is not empty.
    """
    if 0 < highest <= LABELS_MAX:
        return (levels > 0).float()
    if 0 < highest < 128:
        raise ValueError(
            f"{name}: its highest value is {highest} of 255, so that nothing may change: "
            f"make it white where the video may change"
        )
    return levels.float() / 255
