"""One clip's latents denoised as several views of them: onwards and backwards, from each frame that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .samplers import Denoise

PADDING_SEED = 0x5EED9AD0  # beside those of clips, which a person chooses


@dataclass(frozen=True)
class View:
    """Latents in an order of their own, as a denoiser sees them."""

    denoise: Denoise
    order: Sequence[int]  # which of the latents (T, C, h, w) it sees; those that follow `weights` are padding
    weights: Tensor  # (t,) how much its estimates of the first t count; over all views they sum to 1 for each latent


class Padding:
    """The latents that fill a model's window up, behind what a view has of the clip.

    They show frames of it again, but come from noise of their own, by Euler's steps towards their own estimates. The
    model was trained on frames that share no noise; where some do, it follows paths less well (docs/benchmarks.md).
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._latents = self._estimate = torch.empty(0)
        self._sigma = self._begun = 0.0

    def at(self, x: Tensor, sigma: Tensor) -> Tensor:
        """(length, C, h, w) at a noise level, beside the clip's latents `x` (T, C, h, w).

        A level as high as the first begins a new run.
        """
        level, shape = float(sigma.max()), (self.length, *x.shape[1:])
        if level >= self._begun or self._latents.shape != shape:
            noise = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(PADDING_SEED))
            self._latents, self._begun = noise.to(x) * (1 + level**2) ** 0.5, level  # as SVD starts
        else:
            self._latents = self._estimate + (self._latents - self._estimate) * (level / self._sigma)
        self._sigma = level
        return self._latents

    def lead(self, estimate: Tensor) -> None:
        """To what the model made of them, on the way to the next level."""
        self._estimate = estimate.to(self._latents)


def join_views(views: Sequence[View]) -> Denoise:
    """Estimates of all views at every step, joined: where two overlap they agree more with each step."""
    paddings = [Padding(len(view.order) - len(view.weights)) for view in views]

    def joined_denoise(x: Tensor, sigma: Tensor) -> Tensor:
        joined = torch.zeros_like(x)
        for view, padding in zip(views, paddings):
            shown = list(view.order)[: len(view.weights)]
            estimate = view.denoise(torch.cat([x[shown], padding.at(x, sigma)]), sigma)
            padding.lead(estimate[len(shown) :])
            weights = view.weights.to(x).view(-1, 1, 1, 1)
            joined[shown] += weights * estimate[: len(shown)].to(x)
        return joined

    return joined_denoise
