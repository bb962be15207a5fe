"""What each option that saves time saves, and what it costs in quality, against the exact path.

python -m benchmarks.speed MODEL --clips 16
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from revideo.editing.model import ReVideo, load
from revideo.sampling.samplers import PRESETS, SamplerOptions
from revideo.synthetic.clips import SyntheticEdit
from revideo.synthetic.measures import EditMetrics, all_cases, held_out, mean_metrics, measure_edit

EXACT, FAST = "exact", "fast"
VARIANTS: dict[str, dict[str, Any]] = {
    EXACT: PRESETS[EXACT],
    "10 steps": {"steps": 10},
    "10 aligned steps": {"steps": 10, "schedule": "ays"},
    "10 aligned steps of second order": {"steps": 10, "schedule": "ays", "solver": "dpmpp_2m"},
    "second order": {"solver": "dpmpp_2m"},
    "guidance in an interval": {name: PRESETS[FAST][name] for name in ("guide_from", "guide_until")},
    "control net every second step": {"control_every": 2},
    FAST: PRESETS[FAST],
}


@dataclass(frozen=True)
class Row:
    """Of one variant, over all clips."""

    speed: float  # processor time of the exact path over that of this one, whole edits; the median of the clips' own
    figures: EditMetrics  # means


def compare(
    model: ReVideo, truths: Iterable[SyntheticEdit], options: SamplerOptions, names: Sequence[str]
) -> dict[str, Row]:
    """A clip goes through all variants before the next: what slows the machine for a while slows them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    figures: dict[str, list[EditMetrics]] = {name: [] for name in names}
    for truth in truths:
        for name in names:
            begun = time.process_time()
            made = model.edit(truth.source, truth.edit, replace(options, **VARIANTS[name]), composite=False).frames
            seconds[name].append(time.process_time() - begun)
            figures[name].append(measure_edit(truth, made))
    return {
        name: Row(
            median(exact / taken for exact, taken in zip(seconds[EXACT], seconds[name])), mean_metrics(figures[name])
        )
        for name in names
    }


def fast_table(found: dict[str, Row]) -> str:
    """As Markdown; the first row is what the others are compared with."""
    exact = found[EXACT].figures
    lines = [
        "| | speed | path error, % of width | unedited PSNR, dB | PSNR of the sprite, last frame, dB |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in found.items():
        figures = row.figures
        lines.append(
            f"| {name} | {row.speed:.2f} × "
            f"| {figures.path_error:.2f} ({figures.path_error / exact.path_error:.2f} ×) "
            f"| {figures.outside_psnr:.2f} ({figures.outside_psnr - exact.outside_psnr:+.2f}) "
            f"| {figures.sprite_psnr:.2f} ({figures.sprite_psnr - exact.sprite_psnr:+.2f}) |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table for a model of the synthetic world: held-out edits of every kind, as many of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=main.__doc__)
    parser.add_argument("model", help="checkpoint of a model trained on the synthetic world")
    parser.add_argument("--clips", type=int, default=4, help="held-out clips for each kind of edit (%(default)s)")
    parser.add_argument("--guidance", type=float, default=1.0, help="of the last frame; the first has 1 (%(default)s)")
    parser.add_argument("--height", type=int, default=128)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS)[1:], help="variants beside the exact path (all)")
    parser.add_argument("--bf16", action="store_true", help="sample in bfloat16: faster on new processors")
    parser.add_argument("--fp8", action="store_true", help="weights of UNet and control net wait in fp8")
    given = parser.parse_args(arguments)
    model = load(given.model, dtype=torch.bfloat16 if given.bf16 else None, fp8=given.fp8)
    model.vae.float()  # its rounding would be measured too
    names = list(VARIANTS)
    if given.only:
        names = [EXACT, *given.only]
    elif given.guidance == 1:
        names.remove("guidance in an interval")  # there is none
    frames, size = model.config.unet.num_frames, (given.height, given.width)
    truths = [truth for kind, areas in all_cases() for truth in held_out(kind, areas, given.clips, frames, *size)]
    model.edit(truths[0].source, truths[0].edit, SamplerOptions(steps=1))  # what a first run costs is nobody's
    print(fast_table(compare(model, tqdm(truths, unit="clip"), SamplerOptions(cfg_last=given.guidance), names)))


if __name__ == "__main__":
    main()
