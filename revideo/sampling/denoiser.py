"""EDM preconditioning around ControlNet and UNet (Karras et al. 2022, with SVD's v-prediction)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from einops import repeat
from torch import Tensor

from ..models.controlnet import EmbeddedConditions, ReVideoControlNet
from ..models.unet import ReVideoUNet


@dataclass(frozen=True)
class Conditioning:
    """What both networks know besides the noisy latents; B counts guidance branches or, in training, clips."""

    context: Tensor  # (B, 1, D) CLIP image embedding of the reference
    reference: Tensor  # (B, C, h, w) latent of the noise-augmented reference, unscaled
    time_ids: Tensor  # (B, 3) fps, motion bucket, noise augmentation
    control: EmbeddedConditions

    def branch(self, number: int) -> Conditioning:
        """One of the branches, which share the control."""
        one = slice(number, number + 1)
        return replace(self, context=self.context[one], reference=self.reference[one], time_ids=self.time_ids[one])

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
    controlnet: ReVideoControlNet | None,
    x: Tensor,  # (T, C, h, w) noisy latents, float32
    sigma: Tensor,  # one noise level, any shape
    conditioning: Conditioning,
    batched: bool = True,
) -> Tensor:  # (B, T, C, h, w) float32 estimates of the clean latents
    """c_skip·x + c_out·F(c_in·x, reference, ¼·ln σ), for all branches.

    `controlnet` None: plain SVD. `batched` False: one branch after the other, in half the memory for two.
    """
    sigma, branches = sigma.flatten()[0].float(), len(conditioning.context)
    c_skip, c_out = 1 / (sigma**2 + 1), -sigma / (sigma**2 + 1).sqrt()
    fused = controlnet.fuse(conditioning.control, sigma.log() / 4) if controlnet is not None else None
    parts = [conditioning] if batched else [conditioning.branch(number) for number in range(branches)]
    predictions = []
    for part in parts:
        batch = repeat(x, "t c h w -> b t c h w", b=len(part.context))
        predictions.append(velocity(unet, controlnet, batch, sigma.expand(len(batch)), part, fused))
    return c_skip * x + c_out * torch.cat(predictions)


def loss(
    unet: ReVideoUNet,
    controlnet: ReVideoControlNet | None,
    clean: Tensor,  # (B, T, C, h, w) scaled latents, float32: one clip each
    noise: Tensor,  # like `clean`, of unit variance
    sigma: Tensor,  # (B,) a noise level for each clip
    conditioning: Conditioning,
    weight: Tensor | float = 1.0,  # broadcast over `clean`: cells that count more
) -> Tensor:  # (B,)
    """Denoising score matching under the preconditioning of `denoise` (paper equation 2), a mean per clip.

    SVD weighs with λ = (σ² + 1)/σ², which is 1/c_out²: then λ·|denoised − clean|² is the
    squared error of the network's own output against (noise − σ·clean)/√(σ² + 1), computed
    here without the digits that the detour over tiny σ loses. `controlnet` None: plain SVD.
    """
    level = sigma.float().view(-1, 1, 1, 1, 1)
    target = (noise - level * clean) / (level**2 + 1).sqrt()
    fused = controlnet.fuse(conditioning.control, sigma.float().log() / 4) if controlnet is not None else None
    error = velocity(unet, controlnet, clean + level * noise, sigma.float(), conditioning, fused) - target
    weights = torch.as_tensor(weight, dtype=error.dtype, device=error.device).expand_as(error)
    return (weights * error.square()).flatten(1).sum(1) / weights.flatten(1).sum(1)


def noise_after_step(
    unet: ReVideoUNet,
    controlnet: ReVideoControlNet | None,
    clean: Tensor,  # (B, T, C, h, w) scaled latents, float32
    noise: Tensor,  # like `clean`, of unit variance
    sigma: Tensor,  # (B,) where the step ends
    step_ratio: Tensor,  # (B,) where it begins, as a multiple of `sigma`: at least 1, which is no step
    conditioning: Conditioning,
) -> Tensor:  # (B, T, C, h, w)
    """The noise of latents to which one Euler step of the networks' own led, as `loss` takes it.

    They hold the error that sampling makes, which latents with noise alone never show. Trained on
    both, networks mend what they do wrong instead of believing it (scheduled sampling, Bengio et
    al. 2015; exposure bias of diffusion models, Ning et al. 2023).
    """
    level, ratio = (each.float().view(-1, 1, 1, 1, 1) for each in (sigma, step_ratio))
    before = level * ratio
    fused = controlnet.fuse(conditioning.control, (sigma * step_ratio).log() / 4) if controlnet is not None else None
    found = velocity(unet, controlnet, clean + before * noise, sigma * step_ratio, conditioning, fused)
    target = (noise - before * clean) / (before**2 + 1).sqrt()
    estimate_error = -before / (before**2 + 1).sqrt() * (found - target)
    return noise + (1 - 1 / ratio) / level * estimate_error


def velocity(
    unet: ReVideoUNet,
    controlnet: ReVideoControlNet | None,
    x: Tensor,  # (B, T, C, h, w) noisy latents, float32
    sigma: Tensor,  # (B,)
    conditioning: Conditioning,
    fused: Tensor | None,  # the ControlNet's `fuse` at this noise level
) -> Tensor:  # (B, T, C, h, w) float32
    """F(c_in·x, reference, ¼·ln σ): what the networks themselves give, the velocity."""
    c_in = 1 / (sigma.view(-1, 1, 1, 1, 1) ** 2 + 1).sqrt()
    reference = repeat(conditioning.reference.to(unet.dtype), "b c h w -> b t c h w", t=x.shape[1])
    latents = torch.cat([(x * c_in).to(unet.dtype), reference], 2)
    c_noise = sigma.log() / 4
    context = conditioning.context.to(unet.dtype)
    inputs = latents, c_noise, context, conditioning.time_ids
    residuals = controlnet(*inputs, fused) if controlnet is not None and fused is not None else None
    return unet(*inputs, residuals).float()
