"""Noise levels, guidance and Euler steps: from noise to latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]  # (x, sigma) -> estimate of the clean x
StepCallback = Callable[[int, Tensor], None]  # (steps done, estimate of the clean latents)


@dataclass(frozen=True)
class SamplerOptions:
    """How one window is sampled; raises ValueError on values that cannot work."""

    steps: int = 25
    cfg_first: float = 1.0  # the edited frame needs no push
    cfg_last: float = 4.0  # later frames drift, so guide harder
    fps: int = 6  # the frame rate told to the model, itself and not minus one
    motion_bucket: int = 127  # SVD's amount of motion
    noise_augmentation: float = 0.02  # noise on the reference before it is encoded
    seed: int = 23  # of the released examples
    sigma_min: float = 0.002
    sigma_max: float = 700.0
    rho: float = 7.0  # of Karras et al. (2022), equation 5
    latent_lock: bool = False  # the released model samples without
    lock_until: float = 0.03  # below this noise level, for the last two or three steps, the model joins seams

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")
        if not 0 < self.sigma_min < self.sigma_max:
            raise ValueError(f"sigma_min {self.sigma_min:g} must lie between 0 and sigma_max {self.sigma_max:g}")
        if self.noise_augmentation < 0:
            raise ValueError(f"noise_augmentation must not be negative, but is {self.noise_augmentation:g}")
        if not self.lock_until >= 0:
            raise ValueError(f"lock_until must be a noise level of 0 or more, not {self.lock_until:g}")


def karras_sigmas(steps: int, sigma_min: float = 0.002, sigma_max: float = 700.0, rho: float = 7.0) -> Tensor:
    """`steps` falling noise levels and a closing 0 (Karras et al. 2022, equation 5)."""
    ramp = torch.linspace(0, 1, steps)
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return torch.cat([(high + ramp * (low - high)) ** rho, torch.zeros(1)])


def guidance_scales(num_frames: int, first: float, last: float) -> Tensor:
    """(T,) rising linearly over the frames."""
    return torch.linspace(first, last, num_frames)


def guide(estimates: Tensor, scales: Tensor) -> Tensor:
    """Estimates (2, T, C, h, w), unconditional first; scales (T,) → (T, C, h, w)."""
    unconditional, conditional = estimates
    return unconditional + scales.view(-1, 1, 1, 1).to(estimates) * (conditional - unconditional)


def euler_step(x: Tensor, denoised: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """Euler step of Algorithm 1, Karras et al. (2022), without churn."""
    return x + (sigma_next - sigma) * (x - denoised) / sigma


def sample_euler(denoise: Denoise, x: Tensor, sigmas: Tensor, callback: StepCallback | None = None) -> Tensor:
    """`x` at noise level sigmas[0] → the clean latents at the last one.

    `denoise(x, sigma)` has the signature of ComfyUI's and k-diffusion's models; whatever it
    or `callback` raises ends the run, which is how an interrupt works.
    """
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = euler_step(x, denoised, sigma, sigma_next)
        if callback is not None:
            callback(step + 1, denoised)
    return x
