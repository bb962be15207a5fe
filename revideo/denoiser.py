"""EDM preconditioning around control net and UNet (Karras et al. 2022, with SVD's v-prediction)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from einops import repeat
from torch import Tensor

from .controlnet import EmbeddedConditions, ReVideoControlNet
from .unet import ReVideoUNet


@dataclass(frozen=True)
class Conditioning:
    """What both networks know besides the noisy latents; B counts guidance branches."""

    context: Tensor  # (B, 1, D) CLIP image embedding of the reference
    reference: Tensor  # (B, C, h, w) latent of the noise-augmented reference, unscaled
    time_ids: Tensor  # (B, 3) fps, motion bucket, noise augmentation
    control: EmbeddedConditions

    def with_unconditional(self) -> Conditioning:
        """Two branches, unconditional first: no image, but the same control and time ids."""
        return replace(
            self,
            context=torch.cat([torch.zeros_like(self.context), self.context]),
            reference=torch.cat([torch.zeros_like(self.reference), self.reference]),
            time_ids=torch.cat([self.time_ids, self.time_ids]),
        )


def denoise(
    unet: ReVideoUNet,
    controlnet: ReVideoControlNet,
    x: Tensor,  # (T, C, h, w) noisy latents, float32
    sigma: Tensor,  # one noise level, any shape
    conditioning: Conditioning,
) -> Tensor:  # (B, T, C, h, w) float32 estimates of the clean latents
    """c_skip·x + c_out·F(c_in·x, reference, ¼·ln σ), for all branches in one batch."""
    sigma = sigma.flatten()[0].float()
    c_skip, c_out, c_in = 1 / (sigma**2 + 1), -sigma / (sigma**2 + 1).sqrt(), 1 / (sigma**2 + 1).sqrt()
    branches, num_frames = len(conditioning.context), len(x)
    latents = torch.cat(
        [
            repeat((x * c_in).to(unet.dtype), "t c h w -> b t c h w", b=branches),
            repeat(conditioning.reference.to(unet.dtype), "b c h w -> b t c h w", t=num_frames),
        ],
        2,
    )
    c_noise = (sigma.log() / 4).expand(branches)
    context = conditioning.context.to(unet.dtype)
    residuals = controlnet(latents, c_noise, context, conditioning.time_ids, conditioning.control)
    prediction = unet(latents, c_noise, context, conditioning.time_ids, residuals)
    return c_skip * x + c_out * prediction.float()
