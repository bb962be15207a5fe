"""ReVideoControlNet: conditions → residuals for the UNet (paper section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from einops import repeat
from torch import Tensor, nn

from ..conditions import Conditions
from .safm import SAFM
from .unet import Residuals, SVDEncoder


@dataclass(frozen=True)
class EmbeddedConditions:
    """The part of the control net's work that no step and no guidance branch changes.

    T frames that all branches share, or B·T: a clip of its own for each of a batch.
    """

    motion: Tensor  # (T, C, h, w)
    content: Tensor  # (T, C, h, w)
    region: Tensor  # (T, 1, H, W) in pixels, or (1, 1, H, W) where it stays: its weight depends on the noise level


class ReVideoControlNet(SVDEncoder):
    """A copy of SVD's encoder and middle that reads the fused conditions."""

    def __init__(self, condition_channels: tuple[int, ...] = (16, 32, 96, 256), **svd_unet: Any) -> None:
        super().__init__(**svd_unet)
        self.register_to_config(condition_channels=condition_channels)
        del self.up_blocks, self.conv_norm_out, self.conv_act, self.conv_out
        self.safm = SAFM(self.conv_in.out_channels, condition_channels)
        widths = [self.conv_in.out_channels]
        for width, block in zip(self.config.block_out_channels, self.down_blocks, strict=True):
            widths += [width] * (len(block.resnets) + (block.downsamplers is not None))
        self.down_projections = nn.ModuleList(_zero_convolution(width) for width in widths)
        self.mid_projection = _zero_convolution(widths[-1])

    def embed_conditions(self, conditions: Conditions, device: torch.device | None = None) -> EmbeddedConditions:
        """`device` None: that of the weights; another where a host brings them there as they work."""
        motion, content, region = (
            part.to(device or self.device, self.dtype)
            for part in (conditions.motion, conditions.content, conditions.mask)
        )
        if torch.equal(region, region[:1].expand_as(region)):
            region = region[:1]
        return EmbeddedConditions(self.safm.motion_encoder(motion), self.safm.content_encoder(content), region)

    def fuse(self, conditions: EmbeddedConditions, c_noise: Tensor) -> Tensor:
        """Noise level c_noise, one number or one for each frame → (T, C, h, w), the same for all branches."""
        weight = self.safm.motion_weight(conditions.region, c_noise.expand(len(conditions.region)))
        return self.safm(conditions.motion, conditions.content, weight)

    def forward(
        self,
        latents: Tensor,  # (B, T, 2C, h, w)
        c_noise: Tensor,  # (B,)
        context: Tensor,  # (B, 1, D)
        time_ids: Tensor,  # (B, 3)
        fused: Tensor,  # (T, C, h, w) of `fuse` at this noise level, or (B·T, C, h, w)
    ) -> Residuals:
        return self.residuals(latents, c_noise, context, self.embed_vector(time_ids), fused)

    def residuals(
        self,
        latents: Tensor,
        c_noise: Tensor,
        context: Tensor,
        vector: Tensor,  # (B, 3·time_id_dim) the time ids' sinusoids, which ComfyUI hands over ready
        fused: Tensor,
    ) -> Residuals:
        """`forward` behind the sinusoids."""
        batch, num_frames = latents.shape[:2]
        image_only = torch.zeros(batch, num_frames, dtype=latents.dtype, device=latents.device)
        skips, mid = self.encode(
            latents,
            self.embed_time(c_noise, vector, num_frames),
            repeat(context, "b n d -> (b t) n d", t=num_frames),
            image_only,
            added=fused if len(fused) == batch * num_frames else fused.repeat(batch, 1, 1, 1),
        )
        down = [project(skip) for project, skip in zip(self.down_projections, skips, strict=True)]
        return Residuals(down, self.mid_projection(mid))


def _zero_convolution(width: int) -> nn.Conv2d:
    """Zero at first, so that a fresh control net changes nothing."""
    convolution = nn.Conv2d(width, width, 1)
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return convolution
