"""Edit: what the user asks for — a new first frame, paths, and the area that may change."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .tracks.trajectories import Trajectories


@dataclass(frozen=True)
class Edit:
    """One edit of one clip; `check` says whether it fits the clip."""

    reference: Tensor  # (3, H, W) in [0, 1]: the edited first frame, or that of `reference_frame`
    trajectories: Trajectories
    region: Tensor  # (1 or T, 1, H, W): 1 = regenerate here, 0 = keep; 0.5 and above count as 1
    reference_frame: int = 0  # which frame was edited; others than the first are for `edit_both_ways`

    def check(self, video: Tensor) -> None:
        """Raises ValueError, naming the culprit, unless the edit fits `video` (T, 3, H, W)."""
        check_video(video)
        frames, _, height, width = video.shape
        check_reference(self.reference, height, width)
        check_region(self.region, frames, height, width)
        self.trajectories.check(frames, height, width)
        if not 0 <= self.reference_frame < frames:
            raise ValueError(
                f"the edited frame is said to be frame {self.reference_frame}; the video has frames 0 to {frames - 1}"
            )


def check_video(video: Tensor) -> None:
    if video.ndim != 4 or video.shape[1] != 3:
        raise ValueError(f"the video must have shape (T, 3, H, W), not {tuple(video.shape)}")
    frames = len(video)
    if frames < 2:
        raise ValueError(f"the video has {frames} frame{'s' * (frames != 1)}; an edit needs at least 2")
    check_pixels("video", video)


def check_reference(reference: Tensor, height: int, width: int) -> None:
    if reference.ndim != 3 or reference.shape[0] != 3:
        raise ValueError(f"the edited frame must have shape (3, H, W), not {tuple(reference.shape)}")
    if reference.shape[-2:] != (height, width):
        raise ValueError(
            f"the edited frame is {_size(reference)}; the video is {width}×{height}: "
            f"edit the first frame of the prepared video, or prepare both alike"
        )
    check_pixels("edited frame", reference[None])


def check_region(region: Tensor, frames: int, height: int, width: int) -> None:
    if region.ndim != 4 or region.shape[1] != 1:
        raise ValueError(f"the region must have shape (1 or T, 1, H, W), not {tuple(region.shape)}")
    check_pixels("region", region)
    inside = region >= 0.5
    # Before its size: ComfyUI's LoadImage gives a small empty mask where none was painted.
    if not inside.any():
        raise ValueError("the region is empty, so nothing could change: mask the area to edit")
    if region.shape[-2:] != (height, width):
        raise ValueError(
            f"the region's mask is {_size(region)}; the video is {width}×{height}: "
            f"paint it on a prepared frame, or scale it to that size"
        )
    if region.shape[0] not in (1, frames):
        raise ValueError(
            f"the region has masks for {region.shape[0]} frames; the video has {frames}: "
            f"give one mask for all frames or one for each"
        )
    if inside.all():
        raise ValueError(
            "the region covers every frame whole, so nothing of the video would be kept: "
            "leave the parts to keep unmasked (is the mask inverted?)"
        )


def check_pixels(name: str, frames: Tensor) -> None:
    for number, frame in enumerate(frames):  # frame by frame: no copy of the whole clip
        low, high = torch.aminmax(frame)
        where = f"frame {number} of the {name}" if len(frames) > 1 else f"the {name}"
        if not torch.isfinite(low + high):
            raise ValueError(f"{where} holds values that are not finite (NaN or infinity)")
        if low < -0.5 or high > 1.5:  # resizing overshoots a little; this is another scale
            raise ValueError(f"{where} holds values from {low:g} to {high:g}; they must lie in [0, 1]")


def _size(picture: Tensor) -> str:
    return f"{picture.shape[-1]}×{picture.shape[-2]}"
