"""Latents that are known held during sampling: the latent lock outside the mask, a window's first frames.

A model repaints every pixel, also those it was asked to leave. Held during sampling, what lies outside the mask is a
fact that the rest is painted to fit; put back afterwards (editing/composite.py) it is exact, but the rest never knew.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .samplers import Denoise


def clamp_estimates(denoise: Denoise, latents: Tensor, weights: Tensor, until: float = 0.0) -> Denoise:
    """`denoise` with the estimates of its first frames drawn to known ones, down to the noise level `until`.

    `latents` (t, C, h, w), scaled; `weights` broadcast over them, 1 where they alone count. A few steps below
    `until` are the model's own: cells are decoded together with their neighbours, and only the model knows
    which join without a seam. So little noise is left by then that it changes little else.
    """

    def clamped_denoise(x: Tensor, sigma: Tensor) -> Tensor:
        estimate = denoise(x, sigma)
        if sigma.max() < until:
            return estimate
        first, rest = estimate[: len(latents)], estimate[len(latents) :]
        return torch.cat([torch.lerp(first, latents.to(estimate), weights.to(estimate)), rest])

    return clamped_denoise


def unedited_weights(mask: Tensor, stride: int) -> Tensor:
    """(T, 1, H, W) of 0 and 1 → (T, 1, h, w): the part of each cell of `stride`×`stride` pixels outside the mask.

    Cells on its border are held in part: left to the model, their unedited pixels would drift, and the seam with them.
    """
    return F.avg_pool2d(1 - mask, stride)
