"""One frame of a clip edited by an image model: what `revideo edit` and ReVideo Conditions take as edited frame.

The appearance stage of MagicProp (Yan et al. 2023, section 3.1): x̂ = Φ(x, prompt, mask), with Stable Diffusion's
inpainting for Φ and, as there, a ControlNet that holds what it paints to the frame's depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..sampling.samplers import Callback, Progress
from ..video.fitting import describe_frames
from ..video.levels import to_uint8
from .composite import keep_unedited

SIDE_PX = 8  # pixels to a latent of Stable Diffusion's autoencoders


@dataclass(frozen=True)
class FrameEditOptions:
    """How a frame is painted; ValueError names what cannot be."""

    prompt: str  # what shall be inside the mask
    negative_prompt: str = ""
    steps: int = 30
    guidance: float = 7.5  # diffusers' own for Stable Diffusion; 1: none
    strength: float = 1.0  # of the noise that it begins with; below 1 some of what was there stays
    seed: int = 23
    control_strength: float = 1.0  # of the ControlNet's residuals
    feather_px: float = 4.0  # width of the seam, all inside the mask; a video's edit blends its own besides

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength must be more than 0 and at most 1, not {self.strength:g}")
        if not 1 <= self.steps <= 1000 or int(self.steps * self.strength) < 1:
            raise ValueError(f"{self.steps} steps of strength {self.strength:g} are none: 1 to 1000 are allowed")
        if not 0 <= self.guidance <= 100:
            raise ValueError(f"guidance must be 0 to 100, not {self.guidance:g}")
        if not 0 <= self.control_strength <= 2:
            raise ValueError(f"the ControlNet's strength must be 0 to 2, not {self.control_strength:g}")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed {self.seed} is not 0 to {2**64 - 1}")


@torch.inference_mode()
def edit_frame(
    pipeline: Any,  # as `load_inpainting` gives it
    frame: Tensor,  # (3, H, W) in [0, 1]
    mask: Tensor,  # (H, W) bool: True where it may change
    options: FrameEditOptions,
    depth: Tensor | None = None,  # (3, H, W) in [0, 1], what is near bright: for a pipeline with a ControlNet
    callback: Callback | None = None,
) -> Tensor:  # (3, H, W) in [0, 1]
    """The frame repainted inside the mask, in the 255 levels of a picture file; outside, the frame's own to the bit.

    Sides that are no multiples of 8 are padded by repeating the border, and cut again: nothing is stretched. Raises
    ValueError where the mask is empty or sizes differ, FloatingPointError where the model's numbers overflow.
    """
    check_frame_edit(frame, mask, depth, hasattr(pipeline, "controlnet"))
    height, width = frame.shape[-2:]
    sides = (0, -width % SIDE_PX, 0, -height % SIDE_PX)
    known = to_uint8(frame).float()[None] / 255
    inputs: dict[str, Any] = {
        "image": F.pad(known, sides, mode="replicate"),
        "mask_image": F.pad(mask[None, None].float(), sides, mode="replicate"),
    }
    if depth is not None:
        inputs["control_image"] = F.pad(depth[None].float(), sides, mode="replicate")
        inputs["controlnet_conditioning_scale"] = options.control_strength
    total = int(options.steps * options.strength)

    def heard(_: Any, step: int, __: Any, state: dict[str, Any]) -> dict[str, Any]:
        if callback is not None:
            callback(Progress("sampling", min(step + 1, total), total))
        return state

    result = pipeline(
        prompt=options.prompt,
        negative_prompt=options.negative_prompt,
        height=height + sides[3],
        width=width + sides[1],
        num_inference_steps=options.steps,
        guidance_scale=options.guidance,
        strength=options.strength,
        generator=torch.Generator("cpu").manual_seed(options.seed),  # on every device the same noise
        output_type="pt",
        callback_on_step_end=heard,
        **inputs,
    )
    if any(getattr(result, "nsfw_content_detected", None) or ()):
        raise ValueError("the model's safety checker blacked its picture out: try another seed or prompt")
    painted = result.images.float().cpu()[..., :height, :width]
    if not torch.isfinite(painted).all():
        raise FloatingPointError("the image model gave values that are not finite")
    composed = keep_unedited(known, painted, mask[None, None], options.feather_px)
    return to_uint8(composed)[0].float() / 255


def check_frame_edit(frame: Tensor, mask: Tensor, depth: Tensor | None, controlled: bool) -> None:
    """Raises ValueError where `edit_frame` cannot work on these; shapes as there."""
    if mask.shape != frame.shape[-2:]:
        raise ValueError(f"the mask is {describe_frames(mask[None, None])}, the frame {describe_frames(frame[None])}")
    if not mask.any():
        raise ValueError("the mask is empty on this frame: make it white where the frame may change")
    if controlled != (depth is not None):
        raise ValueError(
            "the ControlNet needs a depth picture, or a depth model to make one"
            if controlled
            else "a depth picture is for a ControlNet alone: name one too, or leave the depth out"
        )
    if depth is not None and depth.shape != frame.shape:
        raise ValueError(f"the depth is {describe_frames(depth[None])}, the frame {describe_frames(frame[None])}")
