"""How well a model edits synthetic scenes: metrics against the known truth, nothing composited."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import fmean

import torch
from torch import Tensor

from ..evaluation.metrics import psnr, seam
from .clips import EDIT_KINDS, SyntheticEdit, make_edit

HELD_OUT = 2**40  # seeds from here on are for measuring; training draws its own at random from 2**62


@dataclass(frozen=True)
class EditMetrics:
    """Of one video, or means over many; PSNR in decibels."""

    path_error: float  # distance from the requested path to the sprite, a mean over frames, % of the frame's width
    outside_psnr: float  # of all pixels outside the areas
    sprite_psnr: float  # of the pixels where the sprite should be on the last frame
    hue_error: float  # on the last frame, % of the whole circle
    seam: float  # gradient energy across the areas' border, over the same in the source


@dataclass(frozen=True)
class Limits:
    """What metrics of the same names are held to: errors at most, PSNR at least."""

    path_error: float
    outside_psnr: float
    sprite_psnr: float
    hue_error: float

    def missed_by(self, metrics: EditMetrics) -> list[str]:
        """Names of the metrics on the wrong side; NaN is on the wrong side."""
        return [
            name
            for name, limit in asdict(self).items()
            if not (getattr(metrics, name) <= limit if self.is_most(name) else getattr(metrics, name) >= limit)
        ]

    @staticmethod
    def is_most(name: str) -> bool:
        """Whether the limit of that name is an upper one."""
        return name.endswith("_error")


AIM = Limits(path_error=2.5, outside_psnr=32.0, sprite_psnr=18.0, hue_error=5.0)  # of a good small model


def measure_edit(truth: SyntheticEdit, output: Tensor) -> EditMetrics:
    """`output` (T, 3, H, W) in [0, 1]: what a model made of the edit."""
    width = output.shape[-1]
    outside = ~truth.edit.masks(0, len(output)).expand_as(output)
    errors, psnrs, hues = [], [], []
    for mask, missed in zip(truth.masks, path_distances(truth, output)):
        errors.append(missed[1:].mean().item() / width * 100)  # frame 0 was given
        psnrs.append(psnr(output[-1][:, mask[-1]], truth.target[-1][:, mask[-1]]))
        hues.append(_hue_distance(output[-1][:, mask[-1]], truth.target[-1][:, mask[-1]]) * 100)
    return EditMetrics(
        path_error=fmean(errors),
        outside_psnr=psnr(output[outside], truth.source[outside]),
        sprite_psnr=fmean(psnrs),
        hue_error=fmean(hues),
        seam=seam(output, truth.source, truth.edit.masks(0, len(output)))[0],
    )


def path_distances(truth: SyntheticEdit, output: Tensor) -> Tensor:  # (A, T) in pixels
    """Between each edited sprite and its path; half a frame where it is not found, as wrong as can be expected."""
    distances = []
    for appearance, area, mask, path in zip(truth.appearances, truth.areas, truth.masks, truth.centres_px):
        weights = sprite_weights(output, appearance.hue) * area
        found = weights.flatten(1).sum(1) >= mask.flatten(1).sum(1) / 10
        distances.append(torch.where(found, (centroids(weights) - path).norm(dim=-1), output.shape[-1] / 2))
    return torch.stack(distances)


def held_out(kind: str, areas: int, count: int, frames: int, height: int, width: int) -> Iterable[SyntheticEdit]:
    """Edits that no training has seen, the same on every call."""
    for number in range(count):
        yield make_edit(HELD_OUT + number, kind, frames=frames, height=height, width=width, areas=areas)


def all_cases() -> list[tuple[str, int]]:
    """Kinds of edit and counts of areas that are measured."""
    return [(kind, 1) for kind in EDIT_KINDS] + [("both", 2)]


def mean_metrics(metrics: Iterable[EditMetrics]) -> EditMetrics:
    """Of each metric the mean."""
    columns = zip(*(asdict(each).values() for each in metrics))
    return EditMetrics(*map(fmean, columns))


def sprite_weights(frames: Tensor, hue: float) -> Tensor:
    """(T, 3, H, W) → (T, H, W): 1 where the colour is strong and of this hue, 0 elsewhere, soft between."""
    chroma = frames - frames.mean(1, keepdim=True)
    strength = chroma.norm(dim=1)
    direction = _chroma_direction(hue)
    alignment = (chroma * direction.view(1, 3, 1, 1)).sum(1) / strength.clamp(min=1e-6)
    angle = torch.rad2deg(alignment.clamp(-1, 1).acos())
    strong = ((strength - 0.1) / 0.08).clamp(0, 1)  # backgrounds stay below 0.1
    close = ((40 - angle) / 15).clamp(0, 1)  # sprites of one clip are further apart
    return strong * close


def centroids(weights: Tensor) -> Tensor:
    """(T, H, W) → (T, 2) x, y in pixels."""
    height, width = weights.shape[-2:]
    total = weights.sum((1, 2)).clamp(min=1e-6)
    x = (weights.sum(1) * (torch.arange(width) + 0.5)).sum(1) / total
    y = (weights.sum(2) * (torch.arange(height) + 0.5)).sum(1) / total
    return torch.stack([x, y], 1)


def _chroma_direction(hue: float) -> Tensor:
    colour = torch.tensor(colorsys.hsv_to_rgb(hue, 1, 1))
    chroma = colour - colour.mean()
    return chroma / chroma.norm()


def _hue_distance(one: Tensor, other: Tensor) -> float:
    """Between the mean hues of pixels (3, N); 0 to 0.5 of the circle."""
    hues = [colorsys.rgb_to_hsv(*colours.mean(1).tolist())[0] for colours in (one, other)]
    apart = abs(hues[0] - hues[1])
    return min(apart, 1 - apart)
