"""What keeps unedited content, and at what price: the model alone, the latent lock, the source's pixels put back.

python -m benchmarks.unedited MODEL --clips 16 --steps 25
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from tqdm import tqdm

from revideo.editing.composite import Match, keep_unedited
from revideo.editing.model import ReVideo, load
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.clips import SyntheticEdit
from revideo.synthetic.measures import EditMetrics, all_cases, held_out, mean_metrics, measure_edit

FEATHER_PX = 4.0  # of frames of 128×128, as in the demo


def variants(model: ReVideo, truth: SyntheticEdit, options: SamplerOptions) -> Iterable[tuple[str, Tensor]]:
    """Names and videos (T, 3, H, W) in [0, 1], before any codec; two of them are sampled."""
    alone = model.edit(truth.source, truth.edit, options, composite=False).frames
    locked = model.edit(truth.source, truth.edit, replace(options, latent_lock=True), composite=False).frames

    def kept(painted: Tensor, match: Match) -> Tensor:
        return keep_unedited(truth.source, painted, truth.edit.masks(0, 1), FEATHER_PX, match)

    yield "model alone", alone
    yield "latent lock", locked
    for name, painted in (("pixel keep", alone), ("latent lock and pixel keep", locked)):
        yield name, kept(painted, "none")
        yield f"{name}, colours matched", kept(painted, "colours")
        yield f"{name}, gradients matched", kept(painted, "gradients")


def compare(
    model: ReVideo,
    truths: Iterable[SyntheticEdit],
    options: SamplerOptions,
) -> dict[str, EditMetrics]:
    """Means over the edits, for each way to keep."""
    found: dict[str, list[EditMetrics]] = {}
    for truth in truths:
        for name, video in variants(model, truth, options):
            found.setdefault(name, []).append(measure_edit(truth, video))
    return {name: mean_metrics(figures) for name, figures in found.items()}


def keep_table(found: dict[str, EditMetrics]) -> str:
    """As Markdown."""
    rows = [
        "| | unedited PSNR, dB | path error, % of width | PSNR of the sprite, last frame, dB | seam, × source |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, figures in found.items():
        values = figures.outside_psnr, figures.path_error, figures.sprite_psnr, figures.seam
        rows.append(f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table for a model of the synthetic world: held-out edits of every kind, as many of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unedited", description=main.__doc__)
    parser.add_argument("model", help="checkpoint of a model trained on the synthetic world")
    parser.add_argument("--clips", type=int, default=4, help="held-out clips for each kind of edit (%(default)s)")
    parser.add_argument("--steps", type=int, default=25, help="Euler steps (%(default)s)")
    parser.add_argument("--guidance", type=float, default=1.0, help="of the last frame; the first has 1 (%(default)s)")
    parser.add_argument("--until", type=float, help="noise level at which the lock ends (the default of all edits)")
    parser.add_argument("--height", type=int, default=128)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--bf16", action="store_true", help="sample in bfloat16: faster on new processors")
    given = parser.parse_args(arguments)
    model = load(given.model, dtype=torch.bfloat16 if given.bf16 else None)
    model.vae.float()  # its rounding would be measured too
    options = SamplerOptions(steps=given.steps, cfg_last=given.guidance)
    if given.until is not None:
        options = replace(options, lock_until=given.until)
    frames, size = model.config.unet.num_frames, (given.height, given.width)
    truths = [truth for kind, areas in all_cases() for truth in held_out(kind, areas, given.clips, frames, *size)]
    print(keep_table(compare(model, tqdm(truths, unit="edit"), options)))


if __name__ == "__main__":
    main()
