"""How well a model edits synthetic scenes: metrics against the known truth, nothing composited."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

import torch
from torch import Tensor

from ..evaluation.metrics import masked_psnr, mean_of, psnr, seam
from .edits import EDIT_KINDS, SyntheticEdit, make_edit

HELD_OUT = 2**40  # seeds from here on are for measuring; training draws its own at random from 2**62
CONFIDENCE = 0.95  # of the intervals round means


@dataclass(frozen=True)
class EditMetrics:
    """Of one video, or means over many; PSNR in decibels. Frame 0 is given, so means over frames begin after it.

    Where a sprite is removed, path, silhouette and hue are NaN, and its PSNR is that of the ground where it was.
    """

    path_error: float  # distance from the requested path to the sprite, a mean over frames, % of the frame's width
    outside_psnr: float  # of all pixels outside the areas, frame 0 included
    sprite_psnr: float  # of the pixels where the sprite should be, a mean over frames
    sprite_psnr_last: float  # on the last frame
    iou: float  # of the sprite's silhouette with where it should be: intersection over union, a mean over frames
    iou_last: float  # on the last frame
    hue_error: float  # on the last frame, % of the whole circle
    seam: float  # gradient energy across the areas' border, over the same in the source


@dataclass(frozen=True)
class Limits:
    """What metrics of the same names are held to: errors at most, all else at least."""

    path_error: float
    outside_psnr: float
    sprite_psnr_last: float
    iou: float
    iou_last: float
    hue_error: float

    def missed_by(self, metrics: EditMetrics) -> list[str]:
        """Names of the metrics on the wrong side; NaN is, but where no sprite should be."""
        removed = math.isnan(metrics.iou)
        return [
            name
            for name, limit in asdict(self).items()
            if not (removed and name in OF_SILHOUETTES)
            and not (getattr(metrics, name) <= limit if self.is_most(name) else getattr(metrics, name) >= limit)
        ]

    @staticmethod
    def is_most(name: str) -> bool:
        """Whether the limit of that name is an upper one."""
        return name.endswith("_error")


OF_SILHOUETTES = ("path_error", "iou", "iou_last", "hue_error")  # without meaning where a sprite is removed
# Of a good small model.
AIM = Limits(path_error=1.0, outside_psnr=36.0, sprite_psnr_last=20.0, iou=0.85, iou_last=0.75, hue_error=5.0)


def measure_edit(truth: SyntheticEdit, output: Tensor) -> EditMetrics:
    """`output` (T, 3, H, W) in [0, 1]: what a model made of the edit; T is at least 2."""
    outside = ~truth.edit.masks(0, len(output)).expand_as(output)
    ious, psnrs = frame_metrics(truth, output)
    path_error = hue_error = math.nan
    if truth.kind != "removed":
        path_error = path_distances(truth, output)[:, 1:].mean().item() / output.shape[-1] * 100
        hue_error = fmean(
            hue_distance(output[-1][:, mask[-1]], truth.target[-1][:, mask[-1]]) * 100 for mask in truth.masks
        )
    return EditMetrics(
        path_error=path_error,
        outside_psnr=psnr(output[outside], truth.source[outside]),
        sprite_psnr=mean_of(psnrs[1:]),
        sprite_psnr_last=psnrs[-1].item(),
        iou=mean_of(ious[1:]),
        iou_last=ious[-1].item(),
        hue_error=hue_error,
        seam=seam(output, truth.source, truth.edit.masks(0, len(output)))[0],
    )


def frame_metrics(truth: SyntheticEdit, output: Tensor) -> tuple[Tensor, Tensor]:  # (T,), (T,) float64
    """Of each frame: silhouettes' intersection over union, sprites' PSNR; means over the areas.

    A silhouette is where, inside the area, pixels have the sprite's hue: NaN where it is removed.
    """
    ious, psnrs = [], []
    for appearance, area, mask in zip(truth.appearances, truth.areas, truth.masks):
        found = (sprite_weights(output, appearance.hue) > 0.5) & area.bool()
        both, either = (each.flatten(1).sum(1).double() for each in (found & mask, found | mask))
        ious.append(both / either if truth.kind != "removed" else torch.full_like(both, torch.nan))
        psnrs.append(masked_psnr(output, truth.target, mask[:, None])[1])
    return torch.stack(ious).mean(0), torch.stack(psnrs).mean(0)


def path_distances(truth: SyntheticEdit, output: Tensor) -> Tensor:  # (A, T) in pixels
    """Between each edited sprite and its path; half a frame where it is not found, as wrong as can be expected."""
    distances = []
    for appearance, area, mask, path in zip(truth.appearances, truth.areas, truth.masks, truth.centres_px):
        weights = sprite_weights(output, appearance.hue) * area
        found = weights.flatten(1).sum(1) >= mask.flatten(1).sum(1) / 10
        distances.append(torch.where(found, (centroids(weights) - path).norm(dim=-1), output.shape[-1] / 2))
    return torch.stack(distances)


def held_out(
    kind: str, areas: int, count: int, frames: int, height: int, width: int, **options: Any
) -> Iterable[SyntheticEdit]:
    """Edits that no training has seen, the same on every call; `options` as of `make_edit`, `way` among them."""
    for number in range(count):
        yield make_edit(HELD_OUT + number, kind, areas=areas, frames=frames, height=height, width=width, **options)


def all_cases() -> list[tuple[str, int]]:
    """Kinds of edit and counts of areas that are measured."""
    cases = [(kind, 1) for kind in EDIT_KINDS]
    return [*cases[:3], ("both", 2), *cases[3:]]


def mean_metrics(metrics: Iterable[EditMetrics]) -> EditMetrics:
    """Of each metric the mean over what is not NaN; NaN where all is."""
    return EditMetrics(*(mean_interval(values)[0] for values in zip(*(asdict(each).values() for each in metrics))))


def mean_interval(values: Iterable[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % confidence interval by Student's t, over what is not NaN.

    The interval is of clips drawn as these were: NaN for fewer than two, as the mean is for none.
    """
    from scipy.special import stdtrit

    known = [value for value in values if not math.isnan(value)]
    if len(known) < 2:
        return (known[0] if known else math.nan), math.nan
    quantile = float(stdtrit(len(known) - 1, (1 + CONFIDENCE) / 2))
    return fmean(known), quantile * stdev(known) / math.sqrt(len(known))


def sprite_weights(frames: Tensor, hue: float) -> Tensor:
    """(T, 3, H, W) → (T, H, W): 1 where the colour is strong and of this hue, 0 elsewhere, soft between."""
    chroma = frames - frames.mean(1, keepdim=True)
    strength = chroma.norm(dim=1)
    direction = _chroma_direction(hue)
    alignment = (chroma * direction.view(1, 3, 1, 1)).sum(1) / strength.clamp(min=1e-6)
    angle = torch.rad2deg(alignment.clamp(-1, 1).acos())
    strong = ((strength - 0.1) / 0.08).clamp(0, 1)  # grey grounds stay below 0.1, shades and tints above 0.22
    close = ((30 - angle) / 10).clamp(0, 1)  # all other hues of a scene are further off
    return strong * close


def centroids(weights: Tensor) -> Tensor:
    """(T, H, W) → (T, 2) x, y in pixels."""
    height, width = weights.shape[-2:]
    total = weights.sum((1, 2)).clamp(min=1e-6)
    x = (weights.sum(1) * (torch.arange(width) + 0.5)).sum(1) / total
    y = (weights.sum(2) * (torch.arange(height) + 0.5)).sum(1) / total
    return torch.stack([x, y], 1)


def _chroma_direction(hue: float) -> Tensor:
    colour = torch.tensor(colorsys.hsv_to_rgb(hue, 1, 1), dtype=torch.float32)  # NumPy's hue would make doubles
    chroma = colour - colour.mean()
    return chroma / chroma.norm()


def hue_distance(one: Tensor, other: Tensor) -> float:
    """Between the mean hues of pixels (3, N); 0 to 0.5 of the circle."""
    hues = [colorsys.rgb_to_hsv(*colours.mean(1).tolist())[0] for colours in (one, other)]
    apart = abs(hues[0] - hues[1])
    return min(apart, 1 - apart)
