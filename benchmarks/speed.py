"""What each option that saves time saves, and what it costs in quality, against the exact path.

python -m benchmarks.speed MODEL --clips 16
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from tqdm import tqdm

from revideo.editing.model import ReVideo
from revideo.sampling.samplers import PRESETS, SamplerOptions
from revideo.synthetic.edits import SyntheticEdit
from revideo.synthetic.measures import EditMetrics, mean_metrics, measure_edit

from .common import chosen_options, edits_of_all_kinds, load_model, model_parser, table_header, table_row

EXACT, FAST = "exact", "fast"
SPEED_VARIANTS: dict[str, dict[str, Any]] = {
    EXACT: PRESETS[EXACT],
    "10 steps": {"steps": 10},
    "10 aligned steps": {"steps": 10, "schedule": "ays"},
    "10 aligned steps of second order": {"steps": 10, "schedule": "ays", "solver": "dpmpp_2m"},
    "second order": {"solver": "dpmpp_2m"},
    "guidance in an interval": {name: PRESETS[FAST][name] for name in ("guide_from", "guide_until")},
    "ControlNet every second step": {"control_every": 2},
    FAST: PRESETS[FAST],
}
COLUMNS = ("", "speed", "path error, % of width", "unedited PSNR, dB", "PSNR of the sprite, last frame, dB")


@dataclass(frozen=True)
class SpeedRow:
    """Of one variant, over all clips."""

    speed: float  # processor time of the exact path over that of this one, whole edits; the median of the clips' own
    metrics: EditMetrics  # means


def compare_speed(
    model: ReVideo, truths: Iterable[SyntheticEdit], options: SamplerOptions, names: Sequence[str]
) -> dict[str, SpeedRow]:
    """A clip goes through all variants before the next: what slows the machine for a while slows them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    metrics: dict[str, list[EditMetrics]] = {name: [] for name in names}
    for truth in truths:
        for name in names:
            begun = time.process_time()
            changed = replace(options, **SPEED_VARIANTS[name])
            made = model.edit(truth.source, truth.edit, changed, composite=False).frames
            seconds[name].append(time.process_time() - begun)
            metrics[name].append(measure_edit(truth, made))
    return {
        name: SpeedRow(
            median(exact / taken for exact, taken in zip(seconds[EXACT], seconds[name])), mean_metrics(metrics[name])
        )
        for name in names
    }


def speed_table(found: dict[str, SpeedRow]) -> str:
    """As Markdown; the first row is what the others are compared with."""
    exact = found[EXACT].metrics
    rows = [table_header(*COLUMNS)]
    for name, row in found.items():
        metrics = row.metrics
        rows.append(
            table_row(
                name,
                f"{row.speed:.2f} ×",
                f"{metrics.path_error:.2f} ({metrics.path_error / exact.path_error:.2f} ×)",
                f"{metrics.outside_psnr:.2f} ({metrics.outside_psnr - exact.outside_psnr:+.2f})",
                f"{metrics.sprite_psnr_last:.2f} ({metrics.sprite_psnr_last - exact.sprite_psnr_last:+.2f})",
            )
        )
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table for a model of synthetic scenes: held-out edits of every kind, as many of each."""
    parser = model_parser("speed", main.__doc__, clips=4)
    parser.add_argument(
        "--only", nargs="+", choices=list(SPEED_VARIANTS)[1:], help="variants beside the exact path (all)"
    )
    parser.add_argument("--fp8", action="store_true", help="weights of UNet and ControlNet wait in fp8")
    given = parser.parse_args(arguments)
    model, options = load_model(given, given.fp8), chosen_options(given)
    names = list(SPEED_VARIANTS)
    if given.only:
        names = [EXACT, *given.only]
    elif given.guidance == 1:
        names.remove("guidance in an interval")  # there is none
    truths = edits_of_all_kinds(given, model.config.unet.num_frames)
    model.edit(truths[0].source, truths[0].edit, SamplerOptions(steps=1))  # what a first run costs is nobody's
    print(speed_table(compare_speed(model, tqdm(truths, unit="clip"), options, names)))


if __name__ == "__main__":
    main()
