"""How well a model edits the synthetic world: figures against the known truth, nothing composited.

python -m revideo.synthetic.measures MODEL --clips 64 --steps 25
"""

from __future__ import annotations

import argparse
import colorsys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import torch
from torch import Tensor

from ..editing.model import ReVideo, load
from ..evaluation.metrics import psnr, seam
from ..models.vae import LATENT_SCALE, decode_latents
from ..sampling.samplers import SamplerOptions
from .clips import KINDS, SyntheticEdit, make_edit, without_motion

HELD_OUT = 2**40  # seeds from here on are for measuring; training draws its own at random from 2**62


@dataclass(frozen=True)
class Figures:
    """Of one video, or means over many; PSNR in decibels."""

    path_error: float  # distance from the requested path to the sprite, a mean over frames, % of the frame's width
    outside_psnr: float  # of all pixels outside the areas
    sprite_psnr: float  # of the pixels where the sprite should be on the last frame
    hue_error: float  # on the last frame, % of the whole circle
    seam: float  # gradient energy across the areas' border, over the same in the source


@dataclass(frozen=True)
class Limits:
    """What figures of the same names are held to: errors at most, PSNR at least."""

    path_error: float
    outside_psnr: float
    sprite_psnr: float
    hue_error: float

    def missed_by(self, figures: Figures) -> list[str]:
        """Names of the figures on the wrong side; NaN is on the wrong side."""
        return [
            name
            for name, limit in asdict(self).items()
            if not (getattr(figures, name) <= limit if self.is_most(name) else getattr(figures, name) >= limit)
        ]

    @staticmethod
    def is_most(name: str) -> bool:
        return name.endswith("_error")


AIM = Limits(path_error=2.5, outside_psnr=32.0, sprite_psnr=18.0, hue_error=5.0)  # of a good small model


def measure(truth: SyntheticEdit, output: Tensor) -> Figures:
    """`output` (T, 3, H, W) in [0, 1]: what a model made of the edit."""
    width = output.shape[-1]
    outside = ~truth.edit.masks(0, len(output)).expand_as(output)
    errors, appearances, hues = [], [], []
    for mask, missed in zip(truth.masks, path_distances(truth, output)):
        errors.append(missed[1:].mean().item() / width * 100)  # frame 0 was given
        appearances.append(psnr(output[-1][:, mask[-1]], truth.target[-1][:, mask[-1]]))
        hues.append(_hue_distance(output[-1][:, mask[-1]], truth.target[-1][:, mask[-1]]) * 100)
    return Figures(
        path_error=fmean(errors),
        outside_psnr=psnr(output[outside], truth.source[outside]),
        sprite_psnr=fmean(appearances),
        hue_error=fmean(hues),
        seam=seam(output, truth.source, truth.edit.masks(0, len(output)).float())[0],
    )


def path_distances(truth: SyntheticEdit, output: Tensor) -> Tensor:  # (A, T) in pixels
    """Between each edited sprite and its path; half a frame where it is not found, as wrong as can be expected."""
    distances = []
    for look, area, mask, path in zip(truth.looks, truth.areas, truth.masks, truth.centres_px):
        weights = sprite_weights(output, look.hue) * area
        found = weights.flatten(1).sum(1) >= mask.flatten(1).sum(1) / 10
        distances.append(torch.where(found, (centroids(weights) - path).norm(dim=-1), output.shape[-1] / 2))
    return torch.stack(distances)


def evaluate(
    model: ReVideo,
    kind: str,
    areas: int,
    count: int,
    options: SamplerOptions,
    size: tuple[int, int],  # height, width
    report: Callable[[], object] = lambda: None,
) -> dict[str, Figures]:
    """Means over `count` held-out edits: of the "edit", with "no motion" map, of the "autoencoder" alone."""
    made: dict[str, list[Figures]] = {"edit": [], "no motion": [], "autoencoder": []}
    for truth in held_out(kind, areas, count, model.config.unet.num_frames, *size):
        made["edit"].append(measure(truth, model.edit(truth.source, truth.edit, options, composite=False).frames))
        report()
        still = model.edit(truth.source, without_motion(truth.edit), options, composite=False)
        made["no motion"].append(measure(truth, still.frames))
        report()
        made["autoencoder"].append(measure(truth, through_autoencoder(model, truth.target)))
    return {name: mean_figures(figures) for name, figures in made.items()}


def held_out(kind: str, areas: int, count: int, frames: int, height: int, width: int) -> Iterable[SyntheticEdit]:
    """Edits that no training has seen, the same on every call."""
    for number in range(count):
        yield make_edit(HELD_OUT + number, kind, frames=frames, height=height, width=width, areas=areas)


def all_cases() -> list[tuple[str, int]]:
    """Kinds and numbers of areas that are measured."""
    return [(kind, 1) for kind in KINDS] + [("both", 2)]


def case_name(kind: str, areas: int) -> str:
    return kind if areas == 1 else f"{kind}, {areas} areas"


def mean_figures(figures: Iterable[Figures]) -> Figures:
    columns = zip(*(asdict(each).values() for each in figures))
    return Figures(*map(fmean, columns))


@torch.inference_mode()
def through_autoencoder(model: ReVideo, video: Tensor) -> Tensor:
    """(T, 3, H, W) in [0, 1] encoded and decoded: the best that any latents can give."""
    model.place(model.vae)
    frames = (video * 2 - 1).to(model.device, model.vae.dtype)
    latents = torch.cat([model.vae.encode(frame[None]).latent_dist.mode() for frame in frames])
    decoded = decode_latents(model.vae, latents * LATENT_SCALE, len(latents))
    return ((decoded + 1) / 2).clamp(0, 1)


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


HEADER = """\
| edit | | path error, % of width | PSNR outside, dB | PSNR of the sprite, last frame, dB | hue error, % | seam |
| --- | --- | --- | --- | --- | --- | --- |"""


def table_row(case: str, what: str, figures: Figures) -> str:
    numbers = " | ".join(f"{value:.2f}" for value in asdict(figures).values())
    return f"| {case} | {what} | {numbers} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures of a model file as a Markdown table, row by row."""
    parser = argparse.ArgumentParser(prog="python -m revideo.synthetic.measures", description=main.__doc__)
    parser.add_argument("model", help="checkpoint of a model trained on the synthetic world")
    parser.add_argument("--clips", type=int, default=64, help="held-out clips for each kind of edit (%(default)s)")
    parser.add_argument("--steps", type=int, default=25, help="Euler steps (%(default)s)")
    parser.add_argument("--guidance", type=float, default=1.0, help="of the last frame; the first has 1 (%(default)s)")
    parser.add_argument("--height", type=int, default=128)
    parser.add_argument("--width", type=int, default=128)
    names = [case_name(*case) for case in all_cases()]
    parser.add_argument("--cases", nargs="+", choices=names, default=names, help="edits to measure (all)")
    parser.add_argument("--bf16", action="store_true", help="sample in bfloat16: faster on new processors")
    given = parser.parse_args(arguments)
    model = load(given.model, dtype=torch.bfloat16 if given.bf16 else None)
    model.vae.float()  # its rounding would be measured too
    options = SamplerOptions(steps=given.steps, cfg_last=given.guidance)
    print(HEADER, flush=True)
    for kind, areas in all_cases():
        case = case_name(kind, areas)
        if case not in given.cases:
            continue
        found = evaluate(model, kind, areas, given.clips, options, (given.height, given.width))
        for what, figures in found.items():
            print(table_row(case, what, figures), flush=True)


if __name__ == "__main__":
    main()
