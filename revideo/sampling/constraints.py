"""The latent lock: outside the area, the denoised estimate is held to the source's own latents.

A model repaints every pixel, also those it was asked to keep. Held during sampling, what lies outside is a fact
that the area is painted to fit; put back afterwards (composite.py), it is exact, but the area never knew.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .samplers import Denoise


@dataclass(frozen=True)
class Unedited:
    """What is known of a clip before it is sampled."""

    latents: Tensor  # (T, C, h, w), scaled: of the source
    shares: Tensor  # (T, 1, h, w) of 0 to 1: how much of each cell they hold


def unedited_shares(region: Tensor, stride: int) -> Tensor:
    """(T, 1, H, W) → (T, 1, h, w): how much of each cell of `stride`×`stride` pixels lies outside the area.

    Cells on its border are held in part: left to the model, their unedited pixels would stray, and the seam with them.
    """
    return F.avg_pool2d((region < 0.5).float(), stride)


def lock(denoise: Denoise, unedited: Unedited, until: float) -> Denoise:
    """`denoise` with its estimates drawn to what is known, down to the noise level `until`.

    The few steps below it are the model's own: cells are decoded together with their neighbours, and only
    the model knows which join without a seam. So little noise is left by then that it changes little else.
    """

    def locked_denoise(x: Tensor, sigma: Tensor) -> Tensor:
        estimate = denoise(x, sigma)
        if sigma.max() < until:
            return estimate
        return torch.lerp(estimate, unedited.latents.to(estimate), unedited.shares.to(estimate))

    return locked_denoise
