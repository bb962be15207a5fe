"""Trains and measures the trials of a file, each from several seeds: the paper's toy experiments and ablations.

python -m experiments.run experiments/ablations.toml --seeds 1 2 3

What is done already is not done again: an interrupted run goes on, and several may share the trials among them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from inspect import signature
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any, Literal, get_args

import cv2
import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor
from tqdm import tqdm

from benchmarks.common import number_cell, table_header, table_row
from revideo.edit import Edit
from revideo.editing.model import ReVideo, load
from revideo.files import whole_file
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.edits import SyntheticEdit, make_edit, without_motion
from revideo.synthetic.measures import EditMetrics, centroids, held_out, mean_metrics, measure_edit, sprite_weights
from revideo.training.config import TrainingConfig
from revideo.training.config_file import parse_training_config
from revideo.training.keys import Table, key
from revideo.training.loop import train
from revideo.training.pieces import Paused, Piece

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Variant = Literal["painted", "pathless"]
VARIANTS = get_args(Variant)
BRUSH_PX = 9  # that paints areas: twice the play that a hand leaves round what it covers

METRICS_SHOWN = {
    "path_error": "path error, % of width",
    "median_path_error": "of the median edit",  # a lost sprite counts as half a frame, and a few decide a mean
    "drawn_along": "goes with its surroundings, %",
    "outside_psnr": "PSNR outside, dB",
    "seam": "seam, × source",
    "sprite_psnr": "PSNR of the sprite, dB",
}


class Measured(Table):
    """The edits that every model is measured on, and how they are sampled."""

    clips: int = key(16, "of each way", 1, 10_000)
    ways: list[str] = key(["straight"], "that edited sprites go, against all else")
    solver_steps: int = key(12, "of Euler", 1, 1000)
    variant: Variant | None = key(None, "painted: areas as a hand paints them; pathless: no path")
    options: dict[str, Any] = key({}, "of revideo.synthetic.edits.make_edit")


class Trial(Table):
    """A ControlNet of one kind, trained one way."""

    name: str = key(..., "of its folder")
    title: str = key(..., "for people")
    control: dict[str, Any] = key({}, "its kind, as [model.control] has it")
    after: str = key("", "trial/phase that it goes on from; empty: a new ControlNet on the base")
    phases: list[dict[str, Any]] = key(..., "as a training file has them")


class Experiments(Table):
    """A file of trials."""

    output: str = key(..., "folder")
    base: str = key(..., "model that each trial's ControlNet is put on")
    measured: Measured = Measured()
    training: dict[str, Any] = key(..., "what all trials share; `phase` holds for each of their phases")
    trials: list[Trial] = key(..., "to be trained")

    def folder(self, trial: str, seed: int) -> Path:
        return Path(self.output) / f"{trial}-{seed}"

    def training_of(self, trial: Trial, seed: int) -> TrainingConfig:
        """The training of one trial from one seed."""
        shared = dict(self.training)
        model, phase = dict(shared.pop("model", {})), shared.pop("phase", {})
        if trial.after:
            before, _, result = trial.after.partition("/")
            model = {"path": str(self.folder(before, seed) / f"{result}.safetensors")}
        else:
            model |= {"svd": self.base, "control": model.get("control", {}) | trial.control}
        values = shared | {"model": model, "output": str(self.folder(trial.name, seed)), "seed": seed}
        return parse_training_config(values | {"phases": [phase | each for each in trial.phases]})

    def edits(self, way: str, frames: int, height: int, width: int) -> Iterable[SyntheticEdit]:
        """Held-out edits of motion: all of the source goes one way, what is edited goes the other."""
        about = self.measured
        size = frames, height, width
        found = held_out("motion", 1, about.clips, *size, way=way, coupled=True, **about.options)
        return map(painted, found) if about.variant == "painted" else found

    def asked(self, truth: SyntheticEdit) -> Edit:
        """What a model gets of it: without a path, its surroundings alone may tell where the sprite goes."""
        return without_motion(truth.edit) if self.measured.variant == "pathless" else truth.edit

    def on(self, variant: str | None) -> Experiments:
        """The same trials, measured on that variant of the edits, if any."""
        return self.model_copy(update={"measured": self.measured.model_copy(update={"variant": variant})})


def read_experiments(file: Path) -> Experiments:
    """A TOML file, whose paths count from its folder. Raises ValueError that names the file and the key."""
    try:
        found = Experiments.model_validate(tomllib.loads(file.read_text("utf-8")))
        signature(make_edit).bind(0, "motion", frames=1, height=1, width=1, **found.measured.options)
    except (ValidationError, ValueError, TypeError) as error:
        raise ValueError(f"{file}: {error}") from None
    places = {name: str((file.parent / getattr(found, name)).resolve()) for name in ("output", "base")}
    return found.model_copy(update=places)


# --- Measuring -----------------------------------------------------------------------------


@torch.inference_mode()
def measure(experiments: Experiments, model: ReVideo, height: int, width: int) -> dict[str, list[dict[str, float]]]:
    """By way, the metrics of each edit, nothing composited."""
    options = SamplerOptions(steps=experiments.measured.solver_steps, cfg_last=1.0)
    found: dict[str, list[dict[str, float]]] = {}
    for way in experiments.measured.ways:
        truths = experiments.edits(way, model.config.unet.num_frames, height, width)
        found[way] = []
        for truth in tqdm(truths, way, experiments.measured.clips, leave=False, disable=None):
            video = model.edit(truth.source, experiments.asked(truth), options, composite=False).frames
            found[way].append(asdict(measure_edit(truth, video)) | {"drawn_along": 100 * drawn_along(truth, video)})
    return found


def drawn_along(truth: SyntheticEdit, output: Tensor) -> float:
    """How far along the way of its surroundings the sprite is on the last frame, where it should go the other way.

    0: where it was asked to be; 1: where the source's sprite is. Along the line between the two, NaN where the
    sprite is not found.
    """
    appearance, area = truth.appearances[0], truth.areas[0]
    weights = [sprite_weights(each[-1:], appearance.hue) * area for each in (output, truth.target, truth.source)]
    if weights[0].sum() < weights[1].sum() / 10:
        return float("nan")
    place, asked, source = (centroids(each)[0] for each in weights)
    way = source - asked
    return float((place - asked) @ way / (way @ way))


def painted(truth: SyntheticEdit) -> SyntheticEdit:
    """The same edit in what a round brush paints: all that its sprite covers in source and target, little more."""
    covered = torch.stack([sprite_weights(each, truth.appearances[0].hue) for each in (truth.source, truth.target)])
    sprite = ((covered > 0.5) & truth.areas[0].bool()).flatten(0, 1).any(0)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (BRUSH_PX, BRUSH_PX))
    stroke = torch.from_numpy(cv2.dilate(sprite.numpy().astype(np.uint8), brush))
    areas = truth.areas * stroke
    return replace(truth, areas=areas, edit=replace(truth.edit, mask=areas[None]))


def results(experiments: Experiments, trial: Trial, seed: int) -> Iterator[tuple[str, Path, Path]]:
    """Each phase's name, its model, and the file that holds the model's metrics."""
    folder = experiments.folder(trial.name, seed)
    variant = experiments.measured.variant
    suffix = f".{variant}.json" if variant else ".json"
    for name in (phase["name"] for phase in trial.phases):
        yield name, folder / f"{name}.safetensors", folder / f"{name}{suffix}"


def result_of(experiments: Experiments, name: str, seed: int) -> tuple[Trial, Path, Path]:
    """The trial of that name, its model and its metrics: of its last phase, or of the one that `trial/phase` names.

    Raises ValueError that tells what there is.
    """
    known = {}
    for trial in experiments.trials:
        for phase, model, file in results(experiments, trial, seed):
            known[trial.name] = known[f"{trial.name}/{phase}"] = trial, model, file
    if name not in known:
        raise ValueError(f"there is no trial {name}; there are {', '.join(known)}")
    return known[name]


def measure_trial(experiments: Experiments, trial: Trial, seed: int) -> None:
    config = experiments.training_of(trial, seed)
    for phase, (name, model, file) in zip(config.phases, results(experiments, trial, seed)):
        if file.exists():
            continue
        found = measure(experiments, load(model, device="cpu"), phase.height, phase.width)
        with whole_file(file) as unfinished:
            unfinished.write_text(json.dumps(found, indent=1), "utf-8")
        print(f"{trial.name}, seed {seed}, {name}: {_said(found)}", flush=True)


def _said(found: dict[str, list[dict[str, float]]]) -> str:
    errors = (f"{way} {fmean(each['path_error'] for each in edits):.1f} %" for way, edits in found.items())
    return f"path error {', '.join(errors)}"


# --- Table ---------------------------------------------------------------------------------


def table(
    experiments: Experiments, seeds: Sequence[int], each_phase: bool = False, against: str | None = None
) -> Iterator[str]:
    """Markdown: a row for each trial and way, means over seeds ± their standard deviation.

    `against` a trial or `trial/phase`: how much more than that one has from the same seed.
    """
    yield table_header("trial", "", "way", "seeds", *METRICS_SHOWN.values())
    for trial in experiments.trials:
        for phase in list(zip(*(results(experiments, trial, seed) for seed in seeds)))[0 if each_phase else -1 :]:
            found = []
            for seed, (_, _, file) in zip(seeds, phase):
                other = result_of(experiments, against, seed)[2] if against else None
                if file.exists() and (other is None or other.exists()):
                    found.append(_means(file, other))
            for way in experiments.measured.ways if found else ():
                columns = ([means[way, metric] for means in found] for metric in METRICS_SHOWN)
                yield table_row(trial.title, phase[0][0], way, str(len(found)), *map(spread_cell, columns))


def _means(file: Path, other: Path | None = None) -> dict[tuple[str, str], float]:
    """Of one training's metrics, by way and metric, less those of the other file."""
    edits = json.loads(file.read_text("utf-8"))
    means = {(way, metric): _mean(edits[way], metric) for way in edits for metric in METRICS_SHOWN}
    if other is None:
        return means
    theirs = _means(other)
    return {at: mean - theirs[at] for at, mean in means.items()}


def _mean(edits: list[dict[str, float]], metric: str) -> float:
    if metric == "median_path_error":
        return median(each["path_error"] for each in edits)
    if metric in EditMetrics.__dataclass_fields__:
        known = [{name: each[name] for name in EditMetrics.__dataclass_fields__} for each in edits]
        return getattr(mean_metrics(EditMetrics(**each) for each in known), metric)
    values = [each[metric] for each in edits if each[metric] == each[metric]]
    return fmean(values) if values else float("nan")


def spread_cell(values: Sequence[float]) -> str:
    """Mean ± standard deviation of the seeds."""
    return number_cell(fmean(values)) + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


# --- Command line ----------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="of trials")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of their trainings (1 2 3)")
    parser.add_argument("--trials", nargs="+", metavar="NAME", help="some of the file's (all)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after so many; run again to go on")
    parser.add_argument("--table", action="store_true", help="print what has been measured, train nothing")
    parser.add_argument("--variant", choices=VARIANTS, help="measure in areas as a hand paints them (A.2), or no path")
    parser.add_argument("--against", metavar="NAME", help="in the table, the difference to that trial, or TRIAL/PHASE")
    parser.add_argument("--phases", action="store_true", help="a row for each phase in the table")
    given = parser.parse_args(arguments)
    try:
        experiments = read_experiments(given.file).on(given.variant)
        names = [trial.name for trial in experiments.trials]
        if unknown := set(given.trials or names) - set(names):
            raise ValueError(f"{given.file} has no trial {min(unknown)}; it has {', '.join(names)}")
        if given.against:
            result_of(experiments, given.against, given.seeds[0])
        if not given.table:
            piece = Piece(time.monotonic() + 60 * given.minutes)
            with piece.until_signalled():
                run(experiments, given.seeds, given.trials or names, piece)
        rows = list(table(experiments, given.seeds, given.phases, given.against))
    except Paused as paused:
        print(f"{paused}: the same command goes on")
        return
    except (ValueError, OSError) as error:
        parser.error(str(error))
    print(*rows, sep="\n")


def run(experiments: Experiments, seeds: Sequence[int], names: Sequence[str], piece: Piece) -> None:
    """Trains and measures what is left; Paused where `piece` is over before that is done."""
    for seed in seeds:
        for trial in experiments.trials:
            if trial.name in names:
                train(experiments.training_of(trial, seed), resume=True, piece=piece)
                measure_trial(experiments, trial, seed)


if __name__ == "__main__":
    main()
