"""The control net on some steps only: what it gives changes little from one to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from .controlnet import EmbeddedConditions, ReVideoControlNet
from .unet import Residuals


class ReusedControl:
    """Called as a control net; runs it on every `every`-th noise level and gives its last residuals on the others."""

    def __init__(self, controlnet: ReVideoControlNet, every: int) -> None:
        self.controlnet = controlnet
        self.every = every
        self.step, self.level = -1, float("nan")
        self.residuals: Residuals | None = None
        self.branches = 0  # that the residuals are of

    def __call__(
        self, latents: Tensor, c_noise: Tensor, context: Tensor, time_ids: Tensor, conditions: EmbeddedConditions
    ) -> Residuals:
        level = c_noise[0].item()
        if level != self.level:  # a step that is tried again is the same step
            self.step, self.level = self.step + 1, level
        branches = len(latents)
        if self.residuals is None or self.step % self.every == 0 or branches > self.branches:
            self.residuals = self.controlnet(latents, c_noise, context, time_ids, conditions)
            self.branches = branches
        elif branches < self.branches:
            self.residuals, self.branches = _last(self.residuals, branches / self.branches), branches
        return self.residuals


def reused(controlnet: ReVideoControlNet, every: int) -> Any:
    """To be called in the control net's place, for one run; `every` 1: itself."""
    return controlnet if every == 1 else ReusedControl(controlnet, every)


def _last(residuals: Residuals, share: float) -> Residuals:
    """Those of the last branches: the conditional one comes last."""

    def cut(residual: Tensor) -> Tensor:
        return residual[-round(len(residual) * share) :]

    return replace(residuals, down=[cut(each) for each in residuals.down], mid=cut(residuals.mid))
