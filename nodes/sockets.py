"""ReVideo's own socket types, and ComfyUI's tensors ↔ the library's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io
from torch import Tensor

if TYPE_CHECKING:
    from .. import revideo

Model = io.Custom("REVIDEO_MODEL")
Trajectories = io.Custom("REVIDEO_TRAJECTORIES")
Conditions = io.Custom("REVIDEO_CONDITIONS")

CATEGORY = "ReVideo"


def frames_from_image(image: Tensor) -> Tensor:
    """IMAGE (B, H, W, 3 or 4) → (T, 3, H, W); an alpha channel is left behind."""
    return image[..., :3].movedim(-1, 1)


def image_from_frames(frames: Tensor) -> Tensor:
    return frames.movedim(1, -1).contiguous()


def mask_from_comfy(mask: Tensor) -> Tensor:
    """MASK (B, H, W) or (H, W) → (B, 1, H, W)."""
    return mask.reshape(-1, 1, *mask.shape[-2:])


def mask_to_comfy(mask: Tensor) -> Tensor:
    """(B, 1, H, W) → MASK (B, H, W)."""
    return mask[:, 0]


def as_comfy_tracks(trajectories: revideo.Trajectories) -> dict[str, Tensor]:
    """ComfyUI's TRACKS: points (F, N, 2) in pixels and their visibility (F, N)."""
    return {
        "track_path": trajectories.points_px.float().transpose(0, 1).contiguous(),
        "track_visibility": trajectories.visible.transpose(0, 1).contiguous(),
    }
