"""How an edit of a long video decays: figures for each stretch of it, under several ways to follow window by window.

python -m benchmarks.drift MODEL --clips 4 --frames 280 --output drift
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import Tensor

from revideo.editing.handover import PAPER_CHAIN, HandoverOptions
from revideo.editing.long_video import HANDOVER
from revideo.editing.model import ReVideo, load
from revideo.evaluation.metrics import psnr
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.clips import SyntheticEdit, make_edit
from revideo.synthetic.measures import HELD_OUT, centroids, sprite_weights


@dataclass(frozen=True)
class Way:
    """To edit a long video."""

    handover: HandoverOptions = HANDOVER
    latent_lock: bool = True


# The default, the paper's chain, and the default without each of its parts.
WAYS: dict[str, Way] = {
    "default": Way(),
    "paper's chain": Way(PAPER_CHAIN, latent_lock=False),
    "no overlap": Way(HandoverOptions(overlap=1)),
    "model's pixels": Way(HandoverOptions(source_pixels=False)),
    "decoded and encoded": Way(HandoverOptions(latent_handover=False)),
    "embedding follows": Way(HandoverOptions(first_embedding=False)),
    "colours free": Way(HandoverOptions(colour_correction=False)),
    "paths as drawn": Way(HandoverOptions(path_correction=False)),
    "things as painted": Way(HandoverOptions(appearance_correction=False)),
    "no latent lock": Way(latent_lock=False),
}


@dataclass(frozen=True)
class Stretch:
    """Of some frames in a row, against the known truth; nothing composited."""

    outside_psnr: float  # dB, of all pixels outside the area
    path_error: float  # pixels between the sprite and its path
    appearance: float  # correlation of the sprite's pixels with what they should be, wherever it was found


def measure_stretches(truth: SyntheticEdit, output: Tensor, length: int) -> list[Stretch]:
    """`output` (T, 3, H, W) in [0, 1], cut into stretches of `length` frames; the last may be shorter."""
    look, path, area = truth.appearances[0], truth.centres_px[0], truth.areas[0]
    hue = float(look.hue)  # NumPy's would make doubles of all that follows
    weights = sprite_weights(output, hue) * area
    found = weights.flatten(1).sum(1) >= truth.masks[0].flatten(1).sum(1) / 10
    # What is not found is as wrong as can be expected: half a frame away, and like nothing.
    centres = centroids(weights)
    errors = torch.where(found, (centres - path).norm(dim=-1), output.shape[-1] / 2)
    true_centres = centroids(sprite_weights(truth.target, hue) * area)
    reach = int(look.reach_px) + 2
    alike = torch.where(
        found, correlation(patches(output, centres, reach), patches(truth.target, true_centres, reach)), 0
    )
    outside = ~truth.edit.masks(0, 1).expand(1, 3, -1, -1)[0]
    stretches = []
    for start in range(0, len(output), length):
        part = slice(start, start + length)
        stretches.append(
            Stretch(
                outside_psnr=psnr(output[part][:, outside], truth.source[part][:, outside]),
                path_error=errors[part].mean().item(),
                appearance=alike[part].mean().item(),
            )
        )
    return stretches


def patches(frames: Tensor, centres_px: Tensor, reach: int) -> Tensor:
    """(T, 3, H, W) and (T, 2) x, y → (T, 3, P, P) with P = 2·reach + 1, between pixels where need be."""
    height, width = frames.shape[-2:]
    offsets = torch.arange(-reach, reach + 1.0)
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    places = centres_px[:, None, None] + torch.stack([x, y], -1)
    grid = places * 2 / torch.tensor([width, height]) - 1
    return F.grid_sample(frames, grid, padding_mode="border", align_corners=False)


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's, over all values of each frame: (T, …) twice → (T,)."""
    one, other = (each.flatten(1) - each.flatten(1).mean(1, keepdim=True) for each in (one, other))
    return (one * other).sum(1) / (one.norm(dim=1) * other.norm(dim=1)).clamp(min=1e-8)


def held_out_long(count: int, frames: int, height: int, width: int) -> Iterable[SyntheticEdit]:
    """Long edits that no training has seen: one sprite becomes another, on another way through a part of the frame."""
    for number in range(count):
        yield make_edit(
            HELD_OUT + number,
            "both",
            frames=frames,
            height=height,
            width=width,
            speed_px=(2.0, 3.0),
            roam_px=40.0,
        )


def measure_drift(
    model: ReVideo, way: Way, truths: Iterable[SyntheticEdit], options: SamplerOptions
) -> list[list[Stretch]]:
    """For each clip, a figure for each stretch of a window's length."""
    length, options = model.config.unet.num_frames, replace(options, latent_lock=way.latent_lock)
    return [
        measure_stretches(
            truth,
            model.edit(truth.source, truth.edit, options, composite=False, handover=way.handover).frames,
            length,
        )
        for truth in truths
    ]


def mean_stretches(clips: Sequence[Sequence[Stretch]]) -> list[Stretch]:
    """Over clips, stretch by stretch."""
    return [Stretch(*map(fmean, zip(*(asdict(each).values() for each in row)))) for row in zip(*clips)]


def drift_table(ways: dict[str, list[Stretch]]) -> str:
    """First and last stretch, and the mean of all, as Markdown."""
    rows = [
        "| first, last, mean stretch | unedited PSNR, dB | path error, px | appearance, correlation |",
        "| --- | --- | --- | --- |",
    ]
    for name, stretches in ways.items():
        cells = [name]
        for figure, digits in (("outside_psnr", 1), ("path_error", 2), ("appearance", 3)):
            values = [getattr(stretch, figure) for stretch in stretches]
            cells.append(", ".join(f"{value:.{digits}f}" for value in (values[0], values[-1], fmean(values))))
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def plot_drift(ways: dict[str, list[Stretch]], path: Path, length: int) -> None:
    """A curve for each way, a panel for each figure; needs matplotlib."""
    from matplotlib.figure import Figure  # nothing else here needs it

    figure = Figure(figsize=(12, 3.4), layout="constrained")
    titles = {"outside_psnr": "unedited PSNR, dB", "path_error": "path error, px", "appearance": "sprite's appearance"}
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items()):
        for way, stretches in ways.items():
            frames = [(number + 0.5) * length for number in range(len(stretches))]
            axes.plot(frames, [getattr(stretch, name) for stretch in stretches], marker=".", label=way)
        axes.set(title=title, xlabel="frame")
        axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table of drift for a model of the synthetic world, and writes drift.json and drift.png."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=main.__doc__)
    parser.add_argument("model", help="checkpoint of a model trained on the synthetic world")
    parser.add_argument("--clips", type=int, default=4, help="held-out clips (%(default)s)")
    parser.add_argument("--frames", type=int, default=280, help="of each clip (%(default)s)")
    parser.add_argument("--steps", type=int, default=10, help="Euler steps (%(default)s)")
    parser.add_argument("--guidance", type=float, default=1.0, help="of the last frame; the first has 1 (%(default)s)")
    parser.add_argument("--height", type=int, default=128)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--bf16", action="store_true", help="sample in bfloat16: faster on new processors")
    parser.add_argument("--all", action="store_true", help="also the default without each of its parts")
    parser.add_argument("--output", type=Path, default=Path("drift"), help="folder (%(default)s)")
    parser.add_argument("--no-plot", action="store_true", help="no picture, which needs matplotlib")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    model = load(given.model, dtype=torch.bfloat16 if given.bf16 else None)
    model.vae.float()  # its rounding would be measured too
    options = SamplerOptions(steps=given.steps, cfg_last=given.guidance)
    figures: dict[str, list[Stretch]] = {}
    for name, way in list(WAYS.items())[: None if given.all else 2]:
        truths = held_out_long(given.clips, given.frames, given.height, given.width)
        figures[name] = mean_stretches(measure_drift(model, way, truths, options))
        print(drift_table({name: figures[name]}).splitlines()[-1], flush=True)
        told = {each: [asdict(stretch) for stretch in stretches] for each, stretches in figures.items()}
        (given.output / "drift.json").write_text(json.dumps(told, indent=1))
    print(drift_table(figures))
    if not given.no_plot:
        plot_drift(figures, given.output / "drift.png", model.config.unet.num_frames)


if __name__ == "__main__":
    main()
