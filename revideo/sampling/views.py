"""One clip's latents denoised as several views of them: onwards and backwards, from each frame that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .samplers import Denoise


@dataclass(frozen=True)
class View:
    """Latents in an order of their own, as a denoiser sees them."""

    denoise: Denoise
    order: Sequence[int]  # which of the latents (T, C, h, w) it sees; those that follow `weights` are padding
    weights: Tensor  # (t,) how much its estimates of the first t count; over all views they sum to 1 for each latent


def join_views(views: Sequence[View]) -> Denoise:
    """Estimates of all views at every step, joined: where two overlap they agree more with each step."""

    def joined_denoise(x: Tensor, sigma: Tensor) -> Tensor:
        joined = torch.zeros_like(x)
        for view in views:
            estimate = view.denoise(x[list(view.order)], sigma)
            weights = view.weights.to(x).view(-1, 1, 1, 1)
            joined[list(view.order)[: len(weights)]] += weights * estimate[: len(weights)].to(x)
        return joined

    return joined_denoise
