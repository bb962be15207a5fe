"""ReVideoControlNet: conditions → residuals for the UNet (paper sections 3.3 and 3.4)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from einops import repeat
from torch import Tensor, nn

from ..conditions import Conditions
from .config import Fusion, ModelConfig
from .unet import Residuals, SVDEncoder


@dataclass(frozen=True)
class EmbeddedConditions:
    """The part of the ControlNet's work that no step and no guidance branch changes.

    T frames that all branches share, or B·T: a clip of its own for each of a batch.
    """

    motion: Tensor  # (T, C, h, w)
    content: Tensor  # (T, C, h, w)
    mask: Tensor  # (T, 1, H, W) in pixels, or one a clip where it stays: its weight depends on the noise level


class SAFM(nn.Module):
    """Spatiotemporal adaptive fusion: weighs motion against unedited content, by place and noise level (section 3.4).

    All work on frames flattened over batch and time, (N, C, H, W), and shrink by 8. `ControlConfig` says what the
    paper's ablations leave out, and what two branches are given.
    """

    def __init__(self, channels: int, condition_channels: tuple[int, ...], fusion: Fusion, branches: int) -> None:
        super().__init__()
        self.timeless, self.branches = fusion == "safm_no_time", branches
        self.motion_encoder = ControlNetConditioningEmbedding(channels, 2, condition_channels)
        self.content_encoder = ControlNetConditioningEmbedding(channels, 3, condition_channels)
        self.weight_encoder = (
            None if fusion == "sum" else ControlNetConditioningEmbedding(channels, 2, condition_channels)
        )
        self.fuse = nn.Conv2d(channels, channels, 3, padding=1)
        if branches == 2:
            self.fuse_content = nn.Conv2d(channels, channels, 3, padding=1)

    def motion_weight(self, mask: Tensor, c_noise: Tensor) -> Tensor | None:
        """Mask (N, 1, H, W) of 0 and 1, and noise level ¼·ln σ (N,) → w (N, C, h, w): 1 = motion only.

        The paper's Γ weighs content, so Γ = 1 − w. None where both are added as they are.
        """
        if self.weight_encoder is None:
            return None
        level = c_noise.to(mask.dtype).view(-1, 1, 1, 1).expand_as(mask)
        if self.timeless:
            level = torch.zeros_like(level)
        return self.weight_encoder(torch.cat([mask, level], 1)).sigmoid()

    def forward(self, motion: Tensor, content: Tensor, weight: Tensor | None) -> Tensor:
        """Embeddings (N, C, h, w) and their weight, or one for all frames of a clip → what joins the ControlNet.

        For two branches (N, 2·C, h, w): motion for the first, content for the second.
        """
        if weight is not None:
            motion, content = (part.unflatten(0, (len(weight), -1)) for part in (motion, content))
            weight = weight[:, None]
            motion, content = (part.flatten(0, 1) for part in (weight * motion, (1 - weight) * content))
        if self.branches == 2:
            return torch.cat([self.fuse(motion), self.fuse_content(content)], 1)
        return self.fuse(motion + content)


class ControlBranch(SVDEncoder):
    """A copy of SVD's encoder and middle, and what its skips and its middle add to the UNet's."""

    def __init__(self, **svd_unet: Any) -> None:
        super().__init__(**svd_unet)
        del self.up_blocks, self.conv_norm_out, self.conv_act, self.conv_out
        widths = [self.conv_in.out_channels]
        for width, block in zip(self.config.block_out_channels, self.down_blocks, strict=True):
            widths += [width] * (len(block.resnets) + (block.downsamplers is not None))
        self.down_projections = nn.ModuleList(_zero_convolution(width) for width in widths)
        self.mid_projection = _zero_convolution(widths[-1])

    def residuals(
        self,
        latents: Tensor,  # (B, T, 2C, h, w)
        c_noise: Tensor,  # (B,)
        context: Tensor,  # (B, 1, D)
        vector: Tensor,  # (B, 3·time_id_dim) the time ids' sinusoids, which ComfyUI hands over ready
        fused: Tensor,  # (T, C, h, w), or (B·T, C, h, w)
    ) -> Residuals:
        """What it adds at one noise level, for B clips of T frames."""
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


class ReVideoControlNet(ControlBranch):
    """A branch that reads the fused conditions (paper Figure 2, structure A); or two, motion's and content's (B)."""

    def __init__(
        self,
        condition_channels: tuple[int, ...] = (16, 32, 96, 256),
        fusion: Fusion = "safm",
        branches: int = 1,
        **svd_unet: Any,
    ) -> None:
        super().__init__(**svd_unet)
        self.register_to_config(condition_channels=condition_channels, fusion=fusion, branches=branches)
        self.safm = SAFM(self.conv_in.out_channels, condition_channels, fusion, branches)
        self.content_branch = ControlBranch(**svd_unet) if branches == 2 else None

    @classmethod
    def from_model_config(cls, config: ModelConfig, **extra: Any) -> SVDEncoder:
        """A network of that config's widths and fusion, in evaluation."""
        return super().from_model_config(config, **asdict(config.control), **extra)

    @property
    def control_branches(self) -> list[ControlBranch]:
        """Those whose residuals are added: one or two."""
        return [self] if self.content_branch is None else [self, self.content_branch]

    def embed_conditions(self, conditions: Conditions, device: torch.device | None = None) -> EmbeddedConditions:
        """Conditions of T frames, encoded once for a clip.

        `device` None: that of the weights; another where a host brings them there as they work.
        """
        motion, content, mask = (
            part.to(device or self.device, self.dtype)
            for part in (conditions.motion, conditions.content, conditions.mask)
        )
        if torch.equal(mask, mask[:1].expand_as(mask)):
            mask = mask[:1]
        return EmbeddedConditions(self.safm.motion_encoder(motion), self.safm.content_encoder(content), mask)

    def fuse(self, conditions: EmbeddedConditions, c_noise: Tensor) -> Tensor:
        """Noise level c_noise, one value or one for each clip → (T, C, h, w) or (B·T, …), the same for all branches
        of the guidance; 2·C channels for two branches of the ControlNet."""
        levels = repeat(c_noise.flatten(), "b -> (b n)", n=len(conditions.mask) // c_noise.numel())
        weight = self.safm.motion_weight(conditions.mask, levels)
        return self.safm(conditions.motion, conditions.content, weight)

    def forward(
        self,
        latents: Tensor,  # (B, T, 2C, h, w)
        c_noise: Tensor,  # (B,)
        context: Tensor,  # (B, 1, D)
        time_ids: Tensor,  # (B, 3)
        fused: Tensor,  # (T, C, h, w) of `fuse` at this noise level, or (B·T, C, h, w)
    ) -> Residuals:
        """What the ControlNet adds to the UNet at one noise level, for B clips of T frames."""
        return self.residuals(latents, c_noise, context, self.embed_vector(time_ids), fused)

    def residuals(self, latents: Tensor, c_noise: Tensor, context: Tensor, vector: Tensor, fused: Tensor) -> Residuals:
        """`forward` behind the sinusoids."""
        if self.content_branch is None:
            return super().residuals(latents, c_noise, context, vector, fused)
        motion, content = fused.chunk(2, 1)
        one = super().residuals(latents, c_noise, context, vector, motion)
        other = self.content_branch.residuals(latents, c_noise, context, vector, content)
        return Residuals([a + b for a, b in zip(one.down, other.down, strict=True)], one.mid + other.mid)


def _zero_convolution(width: int) -> nn.Conv2d:
    """Zero at first, so that a fresh ControlNet changes nothing."""
    convolution = nn.Conv2d(width, width, 1)
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return convolution
