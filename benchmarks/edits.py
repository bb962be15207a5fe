"""How well a model edits synthetic scenes, beside the same edits without motion map and the autoencoder alone.

python -m benchmarks.edits MODEL --clips 64 --steps 25          # all parts; --clips 4 --steps 10 for a quick look
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from math import isnan
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from revideo.editing.model import ReVideo
from revideo.models.vae import LATENT_SCALE, decode_latents
from revideo.pictures.fusion import fusion_weights
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.edits import SyntheticEdit, without_motion
from revideo.synthetic.measures import (
    EditMetrics,
    all_cases,
    frame_metrics,
    held_out,
    mean_interval,
    mean_metrics,
    measure_edit,
)
from revideo.synthetic.motion import WAYS

from .common import chosen_options, interval_cell, load_model, model_parser, number_cell, table_header, table_row

EDIT, NO_MOTION, AUTOENCODED, LOCK = "edit", "no motion", "autoencoder", "latent lock"
WHOLE_FRAME, RESTYLED, RESTYLED_STILL = "whole frame", "whole frame restyled", "whole frame restyled, no motion"
STYLED, UNSTYLED = [1, 2, 0], [2, 0, 1]  # the style: each channel shows another; and back
METRIC_TITLES = {
    "path_error": "path error, % of width",
    "outside_psnr": "PSNR outside, dB",
    "sprite_psnr": "PSNR of the sprite, dB",
    "sprite_psnr_last": "the same, last frame",
    "iou": "IoU of the silhouette",
    "iou_last": "the same, last frame",
    "hue_error": "hue error, %",
    "seam": "seam, × source",
}


@dataclass(frozen=True)
class EditCase:
    """Which held-out edits; `options` of `make_edit`."""

    name: str
    kind: str = "both"
    areas: int = 1
    options: dict[str, Any] = field(default_factory=dict)


CASES = [EditCase(kind if areas == 1 else f"{kind}, {areas} areas", kind, areas) for kind, areas in all_cases()]
BOTH = next(case for case in CASES if case.name == "both")
WAY_CASES = [BOTH] + [EditCase(f"both, {way}", options={"way": way}) for way in WAYS[1:]]  # both goes straight
UNSEEN = EditCase(
    "both, unseen scenes",
    options={
        "shapes": ("disc", "square"),
        "patterns": ("solid",),
        "coloured": 1.0,
        "saturation": (0.6, 0.9),  # as vivid as the sprites are
        "still": True,
    },
)


# --- What is measured ----------------------------------------------------------------------


@dataclass(frozen=True)
class MeasuredClip:
    """Of one video."""

    metrics: EditMetrics
    ious: Tensor  # (T,)
    psnrs: Tensor  # (T,) of the sprites


@dataclass
class Measurements:
    """What a model makes of held-out edits; nothing is sampled twice."""

    model: ReVideo
    options: SamplerOptions
    clips: int
    size: tuple[int, int]  # height, width
    known: dict[tuple[str, str], list[MeasuredClip]] = field(default_factory=dict)

    def edits(self, case: EditCase) -> Iterable[SyntheticEdit]:
        frames = self.model.config.unet.num_frames
        return held_out(case.kind, case.areas, self.clips, frames, *self.size, **case.options)

    def of(self, case: EditCase, way: str) -> list[MeasuredClip]:
        """Clip by clip; `way` to make them: "edit", with "no motion" map, by the "autoencoder", by "latent lock", …"""
        if (case.name, way) not in self.known:
            measured = []
            for truth in tqdm(self.edits(case), f"{case.name}: {way}", self.clips, leave=False, disable=None):
                video = self.made(truth, way)
                measured.append(MeasuredClip(measure_edit(truth, video), *frame_metrics(truth, video)))
            self.known[case.name, way] = measured
        return self.known[case.name, way]

    def metrics(self, case: EditCase, way: str) -> list[EditMetrics]:
        return [clip.metrics for clip in self.of(case, way)]

    def made(self, truth: SyntheticEdit, way: str) -> Tensor:  # (T, 3, H, W)
        if way == AUTOENCODED:
            return through_autoencoder(self.model, truth.target)
        edit = without_motion(truth.edit) if way in (NO_MOTION, RESTYLED_STILL) else truth.edit
        restyled = way in (RESTYLED, RESTYLED_STILL)
        if restyled:
            edit = replace(edit, edited_frame=edit.edited_frame[STYLED])
        edit = replace(edit, whole_frame=restyled or way == WHOLE_FRAME)
        options = replace(self.options, latent_lock=way == LOCK)
        frames = self.model.edit(truth.source, edit, options, composite=False).frames
        return frames[:, UNSTYLED] if restyled else frames  # as its own colours are measured


@torch.inference_mode()
def through_autoencoder(model: ReVideo, video: Tensor) -> Tensor:
    """(T, 3, H, W) in [0, 1] encoded and decoded: the best that any latents can give."""
    model.place(model.vae)
    frames = (video * 2 - 1).to(model.device, model.vae.dtype)
    latents = torch.cat([model.vae.encode(frame[None]).latent_dist.mode() for frame in frames])
    decoded = decode_latents(model.vae, latents * LATENT_SCALE, len(latents))
    return ((decoded + 1) / 2).clamp(0, 1)


# --- Parts: each gives the rows of a table, its header first ----------------------------------


def case_rows(
    measurements: Measurements, cases: Sequence[EditCase], ways: Sequence[str] = (EDIT, AUTOENCODED)
) -> Iterable[str]:
    """All metrics, a row for each way to make each case."""
    yield table_header("edit", "", *METRIC_TITLES.values())
    for case in cases:
        for way in ways:
            if case.kind == "removed" and way == NO_MOTION:
                continue  # a removal has no path: it is the same edit
            columns = zip(*(asdict(each).values() for each in measurements.metrics(case, way)))
            yield table_row(case.name, way, *map(interval_cell, columns))


def lock_rows(measurements: Measurements, cases: Sequence[EditCase]) -> Iterable[str]:
    """What the latent lock gains outside the areas, clip by clip, and what becomes of the paths."""
    outside, path = METRIC_TITLES["outside_psnr"], METRIC_TITLES["path_error"]
    yield table_header("edit", outside, "locked", "gain", path, "locked", "ratio")
    every: tuple[list[EditMetrics], list[EditMetrics]] = ([], [])
    for case in cases:
        pair = measurements.metrics(case, EDIT), measurements.metrics(case, LOCK)
        yield _lock_row(case.name, *pair)
        for metrics, more in zip(every, pair):
            metrics.extend(more)
    if len(cases) > 1:
        yield _lock_row("all", *every)


def _lock_row(name: str, alone: Sequence[EditMetrics], locked: Sequence[EditMetrics]) -> str:
    before, after = mean_metrics(alone), mean_metrics(locked)
    gain = interval_cell(with_lock.outside_psnr - each.outside_psnr for each, with_lock in zip(alone, locked))
    cells = number_cell(before.outside_psnr), number_cell(after.outside_psnr), gain
    ratio = number_cell(after.path_error / before.path_error, " ×")
    return table_row(name, *cells, number_cell(before.path_error), number_cell(after.path_error), ratio)


def fusion_rows(measurements: Measurements, case: EditCase) -> Iterable[str]:
    """Γ inside and outside the areas at some noise levels of a sampling, means over the areas of all clips."""
    yield table_header("σ", "Γ inside", "Γ outside", "outside − inside")
    weights = [
        fusion_weights(measurements.model, truth.edit.masks(0, 1)[0, 0].float(), measurements.options)
        for truth in measurements.edits(case)
    ]
    inside, outside = torch.tensor([each.means() for each in weights], dtype=torch.float64).unbind(1)  # (N, S) each
    columns = inside, outside, outside - inside
    for number, sigma in enumerate(weights[0].sigmas):
        yield table_row(f"{sigma:.3g}", *(interval_cell(column[:, number].tolist()) for column in columns))
    yield table_row("as ln σ rises", *(course(column.nanmean(0).flip(0).tolist()) for column in columns))


def course(values: Sequence[float]) -> str:
    """Whether they rise or fall from each to the next."""
    steps = [after - before for before, after in pairwise(values)]
    if all(step > 0 for step in steps):
        return "rises"
    return "falls" if all(step < 0 for step in steps) else "not monotone"


def frame_rows(measurements: Measurements, cases: Sequence[EditCase]) -> Iterable[str]:
    """Silhouettes and sprites frame by frame after the first, means over clips."""
    frames = measurements.model.config.unet.num_frames
    yield table_header("edit", "frame", *map(str, range(1, frames)))
    for case in cases:
        for title, curve in curves(measurements.of(case, EDIT)).items():
            if not isnan(curve[-1][0]):
                yield table_row(case.name, title, *(number_cell(mean) for mean, _ in curve[1:]))


def curves(clips: Sequence[MeasuredClip]) -> dict[str, list[tuple[float, float]]]:
    """By title, for each frame: mean over clips, half of its 95 % confidence interval."""
    ious, psnrs = torch.stack([clip.ious for clip in clips]), torch.stack([clip.psnrs for clip in clips])
    return {
        title: [mean_interval(values) for values in of_clips.T.tolist()]
        for title, of_clips in (("IoU", ious), ("sprite PSNR, dB", psnrs))
    }


def plot_frames(measurements: Measurements, cases: Sequence[EditCase], path: Path) -> None:
    """A panel for silhouettes and one for sprites, a curve for each case with its 95 % interval; needs matplotlib."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10.4, 3.4), layout="constrained")
    panels = figure.subplots(1, 2)
    for case in cases:
        for axes, (title, curve) in zip(panels, curves(measurements.of(case, EDIT)).items()):
            if isnan(curve[-1][0]):
                continue  # what is removed has no silhouette
            means, halves = torch.tensor(curve[1:]).T.numpy()
            frames = range(1, len(curve))
            [line] = axes.plot(frames, means, marker=".", label=case.name)
            axes.fill_between(frames, means - halves, means + halves, color=line.get_color(), alpha=0.15, lw=0)
            axes.set(title=title, xlabel="frame")
    panels[0].set_ylim(0, 1)
    shown = [line.get_ydata() for line in panels[1].lines]
    panels[1].set_ylim(min(map(min, shown)) - 3, max(map(max, shown)) + 3)  # few clips have intervals beyond reason
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    panels[1].legend(fontsize="small")
    figure.savefig(path, dpi=110)


EDIT_TABLES: dict[str, tuple[str, Callable[[Measurements, Sequence[EditCase]], Iterable[str]]]] = {
    "cases": ("Every kind of edit", case_rows),
    "no-motion": ("Without motion map", lambda measurements, cases: case_rows(measurements, cases, [NO_MOTION])),
    "ways": ("Other ways to go", lambda measurements, _: case_rows(measurements, WAY_CASES, [EDIT])),
    "unseen": (
        "Scenes it never saw: plain discs and squares, strongly coloured grounds, the source at rest",
        lambda measurements, _: case_rows(measurements, [UNSEEN]),
    ),
    "lock": ("The latent lock", lock_rows),
    "whole": (
        "Whole frames, in other colours too",
        lambda measurements, _: case_rows(measurements, [BOTH], [EDIT, WHOLE_FRAME, RESTYLED, RESTYLED_STILL]),
    ),
    "fusion": ("SAFM's weight of content, Γ = 1 − w", lambda measurements, _: fusion_rows(measurements, BOTH)),
    "frames": ("Frame by frame", frame_rows),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the metrics of a model file as Markdown tables, row by row: means ± half of their 95 % intervals."""
    parser = model_parser("edits", main.__doc__, clips=64)
    names = [case.name for case in CASES]
    parser.add_argument("--cases", nargs="+", choices=names, default=names, help="edits to measure (all)")
    parser.add_argument(
        "--parts", nargs="+", choices=EDIT_TABLES, default=list(EDIT_TABLES), help="tables to print (all)"
    )
    parser.add_argument("--chart", type=Path, help="picture of the part frames, which needs matplotlib")
    given = parser.parse_args(arguments)
    if given.chart:
        import matplotlib  # noqa: F401  its lack is told before hours of work, not after
    measurements = Measurements(load_model(given), chosen_options(given), given.clips, (given.height, given.width))
    cases = [case for case in CASES if case.name in given.cases]
    for name, (title, rows) in EDIT_TABLES.items():
        if name in given.parts:
            print(f"\n{title}:\n", flush=True)
            for row in rows(measurements, cases):
                print(row, flush=True)
    if given.chart:
        plot_frames(measurements, cases, given.chart)


if __name__ == "__main__":
    main()
