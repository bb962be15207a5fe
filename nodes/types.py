"""ReVideo's own socket types, and ComfyUI's tensors ↔ the library's."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

Model = io.Custom("REVIDEO_MODEL")
Trajectories = io.Custom("REVIDEO_TRAJECTORIES")
Conditions = io.Custom("REVIDEO_CONDITIONS")

CATEGORY = "ReVideo"


def frames_from_image(image: Tensor) -> Tensor:
    """IMAGE (B, H, W, 3 or 4) → (T, 3, H, W); an alpha channel is left behind."""
    return image[..., :3].movedim(-1, 1)


def image_from_frames(frames: Tensor) -> Tensor:
    return frames.movedim(1, -1).contiguous()


def region_from_mask(mask: Tensor) -> Tensor:
    """MASK (B, H, W) or (H, W) → (B, 1, H, W)."""
    return mask.reshape(-1, 1, *mask.shape[-2:])
