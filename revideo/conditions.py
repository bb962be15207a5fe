"""A video and an Edit → what the model is conditioned on (paper section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .edit import Edit
from .motion import motion_map


@dataclass(frozen=True)
class Conditions:
    """T frames of H×W pixels; computed once per clip, the same for every step and model."""

    reference: Tensor  # (3, H, W) in [-1, 1]: the edited first frame
    content: Tensor  # (T, 3, H, W) in [-1, 1]: the video, −1 inside the region in every frame
    motion: Tensor  # (T, 2, H, W) dy, dx in pixels since the previous frame
    region: Tensor  # (T, 1, H, W): 1 where the model paints, else 0
    source: Tensor | None = None  # (T, 3, H, W) in [0, 1]: the video whole, which no network sees

    @property
    def num_frames(self) -> int:
        return self.content.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.content.shape[-2], self.content.shape[-1]


def make_conditions(video: Tensor, edit: Edit) -> Conditions:
    """`video` (T, 3, H, W) in [0, 1]; raises ValueError where the edit does not fit it."""
    edit.check(video)
    check_begins(edit)
    return compose_conditions(video, edit)


def check_begins(edit: Edit) -> None:
    """Raises ValueError unless the edited frame is the first, with which the model's window begins."""
    if edit.reference_frame:
        raise ValueError(
            f"the edited frame is frame {edit.reference_frame}, and this edits onwards from the first: "
            f"use edit_both_ways"
        )


def compose_conditions(video: Tensor, edit: Edit) -> Conditions:
    """As `make_conditions`, unchecked: training also shows clips whose area is everything."""
    region = (edit.region.to(video.device) >= 0.5).float().expand(len(video), -1, -1, -1)
    return Conditions(
        reference=signed(edit.reference),
        content=torch.where(region > 0, -1.0, signed(video)),
        motion=motion_map(edit.trajectories.points_px, edit.trajectories.visible, *video.shape[-2:]),
        region=region,
        source=video,
    )


def signed(pixels: Tensor) -> Tensor:
    """[0, 1] → [-1, 1]; what a resize overshot is cut off."""
    return pixels.float().clamp(0, 1) * 2 - 1
