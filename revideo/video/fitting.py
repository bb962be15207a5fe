"""Frames fitted to the sizes that a model takes: which size, and how a source of another shape is put there."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_PIXELS = 2**26  # of a frame, twice 8K: a file of some kB can claim to be of any size

SizePolicy = Literal["area", "longest side", "exact"]
Fit = Literal["stretch", "crop", "pad"]


def choose_size(
    height: int,
    width: int,
    policy: SizePolicy,
    target_height: int,
    target_width: int,
    multiple: int = 64,
) -> tuple[int, int]:
    """Height and width in pixels, multiples of `multiple`, for a source of `height`×`width` pixels.

    "area": the source's shape at about target_height·target_width pixels (the released
    examples: 1024·1024). "longest side": the source's shape, its longer side the longer
    target. "exact": the targets themselves. Raises ValueError where those are no multiples, for
    another policy, or as `check_frame_size`.
    """
    if policy == "exact":
        for name, side in (("width", target_width), ("height", target_height)):
            if side % multiple or side <= 0:
                below = max(side // multiple, 1) * multiple
                raise ValueError(
                    f"{name} {side} is not a multiple of {multiple}: take {below} or {below + multiple}, "
                    f'or let the size policy "area" choose'
                )
        return check_frame_size("the fitted clip", target_height, target_width)
    if policy == "area":
        scale = ((target_height * target_width) / (height * width)) ** 0.5
    elif policy == "longest side":
        scale = max(target_height, target_width) / max(height, width)
    else:
        raise ValueError(f'size policy "{policy}" is not one of "area", "longest side", "exact"')
    fitted = [max(round(side * scale / multiple), 1) * multiple for side in (height, width)]
    return check_frame_size("the fitted clip", fitted[0], fitted[1])


def check_frame_size(what: str, height: int, width: int) -> tuple[int, int]:
    """Height and width again; ValueError where a frame of them would be larger than MAX_PIXELS."""
    if height * width > MAX_PIXELS:
        raise ValueError(f"{what} would have {width}×{height} pixels, and at most {MAX_PIXELS} are allowed in a frame")
    return height, width


def fit_frames(frames: Tensor, height: int, width: int, fit: Fit = "stretch") -> Tensor:
    """Frames (T, C, H, W) in [0, 1] → (T, C, height, width) in [0, 1], bicubic.

    "stretch" changes the shape to fit (what the released examples do), "crop" fills the
    size and cuts what hangs over on both sides, "pad" shows all and repeats the border.
    Raises ValueError for another fit.
    """
    scaled_height, scaled_width, top, left = place_source(frames.shape[-2], frames.shape[-1], height, width, fit)
    scaled = _resize(frames, scaled_height, scaled_width)
    # Negative padding crops.
    sides = (left, width - scaled_width - left, top, height - scaled_height - top)
    return F.pad(scaled, sides, mode="replicate") if fit == "pad" else F.pad(scaled, sides)


def place_source(
    source_height: int, source_width: int, height: int, width: int, fit: Fit
) -> tuple[int, int, int, int]:  # height and width of the scaled source; top and left within the new frame
    """Where `fit_frames` puts a source, in pixels: what is drawn on it must move along."""
    if fit == "stretch":
        return height, width, 0, 0
    ratios = height / source_height, width / source_width
    if fit == "crop":
        scale = max(ratios)
    elif fit == "pad":
        scale = min(ratios)
    else:
        raise ValueError(f'fit "{fit}" is not one of "stretch", "crop", "pad"')
    scaled = max(round(source_height * scale), 1), max(round(source_width * scale), 1)
    scaled_height, scaled_width = check_frame_size(f'a frame scaled by fit "{fit}"', *scaled)
    # Either way the picture stays centred.
    return scaled_height, scaled_width, (height - scaled_height) // 2, (width - scaled_width) // 2


def _resize(frames: Tensor, height: int, width: int) -> Tensor:
    if frames.shape[-2:] == (height, width):
        return frames
    # One frame at a time: the float copies of a whole clip would outweigh the clip.
    resized = [
        F.interpolate(frame[None].float(), (height, width), mode="bicubic", antialias=True).clamp(0, 1)
        for frame in frames
    ]
    return torch.cat(resized)


def describe_frames(frames: Tensor) -> str:
    """(T, C, H, W) in words: "14 frames of 192×128"."""
    return f"{len(frames)} frame{'s' * (len(frames) != 1)} of {frames.shape[-1]}×{frames.shape[-2]}"
