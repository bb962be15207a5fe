"""Spatiotemporal adaptive fusion: weighs motion against unedited content (paper section 3.4)."""

from __future__ import annotations

import torch
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from torch import Tensor, nn


class SAFM(nn.Module):
    """Encoders of motion and content, and the weight between them by place and noise level.

    All work on frames flattened over batch and time, (N, C, H, W), and shrink by 8.
    """

    def __init__(self, channels: int, condition_channels: tuple[int, ...]) -> None:
        super().__init__()
        self.motion_encoder = ControlNetConditioningEmbedding(channels, 2, condition_channels)
        self.content_encoder = ControlNetConditioningEmbedding(channels, 3, condition_channels)
        self.weight_encoder = ControlNetConditioningEmbedding(channels, 2, condition_channels)
        self.fuse = nn.Conv2d(channels, channels, 3, padding=1)

    def motion_weight(self, region: Tensor, c_noise: Tensor) -> Tensor:
        """Region (N, 1, H, W) and noise level ¼·ln σ (N,) → w (N, C, h, w): 1 = motion only.

        The paper's Γ weighs content, so Γ = 1 − w.
        """
        level = c_noise.to(region.dtype).view(-1, 1, 1, 1).expand_as(region)
        return self.weight_encoder(torch.cat([region, level], 1)).sigmoid()

    def forward(self, motion: Tensor, content: Tensor, weight: Tensor) -> Tensor:
        """Embeddings and weight, (N, C, h, w) each → what joins the control net."""
        return self.fuse(weight * motion + (1 - weight) * content)
