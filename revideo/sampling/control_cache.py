"""The ControlNet on some steps only: what it gives changes little from one to the next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..models.controlnet import EmbeddedConditions, ReVideoControlNet
from ..models.unet import Residuals


class ControlCache:
    """Called as a ControlNet; runs it on every `every`-th step and gives its last residuals on the others.

    `begin` goes before each step, and before each repetition of one.
    """

    def __init__(self, controlnet: ReVideoControlNet, every: int) -> None:
        self.controlnet = controlnet
        self.every = every
        self.step, self.sigma = -1, float("nan")
        self.cached: list[Residuals] = []  # of each guidance branch, the conditional one last

    def begin(self, sigma: float, branches: int) -> None:
        """A step at this noise level, which will ask for so many branches, in one call or in several."""
        if sigma != self.sigma:  # a step that is tried again is the same step
            self.step, self.sigma = self.step + 1, sigma
        self.runs = self.step % self.every == 0 or len(self.cached) < branches
        self.cached = [] if self.runs else self.cached[-branches:]
        self.given = 0

    def fuse(self, conditions: EmbeddedConditions, c_noise: Tensor) -> Tensor:
        return self.controlnet.fuse(conditions, c_noise) if self.runs else conditions.motion  # nobody will look at it

    def __call__(self, latents: Tensor, c_noise: Tensor, context: Tensor, time_ids: Tensor, fused: Tensor) -> Residuals:
        branches = len(latents)
        if self.runs:
            self.cached += _split(self.controlnet(latents, c_noise, context, time_ids, fused), branches)
        self.given += branches
        return _join(self.cached[self.given - branches : self.given])


def _split(residuals: Residuals, branches: int) -> list[Residuals]:
    down = [each.chunk(branches) for each in residuals.down]
    return [Residuals([each[n] for each in down], mid) for n, mid in enumerate(residuals.mid.chunk(branches))]


def _join(parts: list[Residuals]) -> Residuals:
    if len(parts) == 1:
        return parts[0]
    down = [torch.cat(each) for each in zip(*(part.down for part in parts))]
    return Residuals(down, torch.cat([part.mid for part in parts]))


def cached_control(controlnet: ReVideoControlNet, every: int) -> Any:
    """To be called in the ControlNet's place, for one run; `every` 1: itself."""
    return controlnet if every == 1 else ControlCache(controlnet, every)
