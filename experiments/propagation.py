"""Trains and measures propagators with and without MagicProp's remedies against drift, each from several seeds.

python -m experiments.propagation experiments/propagation.toml --seeds 1 2 3

What is done already is not done again: an interrupted run goes on, and several may share the trials among them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.common import table_header, table_row
from revideo.checkpoints.propagator import load_propagator_parts
from revideo.files import whole_file
from revideo.pictures.sheets import sheet, write_image
from revideo.propagation.propagator import PropagationOptions, Propagator, load_propagator
from revideo.synthetic.depth import RestyledClip, make_restyled
from revideo.synthetic.measures import HELD_OUT
from revideo.synthetic.restyled_measures import RestyledMetrics, measure_restyled
from revideo.training.config import TrainingConfig
from revideo.training.config_file import parse_training_config, read_tables
from revideo.training.keys import File, Table, key
from revideo.training.loop import train
from revideo.training.pieces import Paused, Piece

TITLES = {
    "sprite_psnr": "PSNR of sprites, dB",
    "hue_drift": "hue drift, % of the circle",
    "edge_error": "depth-edge error, px",
    "flicker": "flicker, % of the range",
}
SHOWN_FRAMES = (0, 5, 10, 20, 29)  # of the sheet


class MeasuredClips(Table):
    """The clips that every model is measured on."""

    clips: int = key(8, "of them", 1, 10_000)
    frames: int = key(30, "of each", 2, 10_000)
    solver_steps: int = key(10, "of DDIM, a frame", 1, 1000)
    options: dict[str, Any] = key({}, "of revideo.synthetic.clips.plan_clip")


class PropagationTrial(Table):
    """One way to propagate."""

    name: str = key(..., "of its folder")
    title: str = key(..., "for people")
    remedies: dict[str, bool] = key({}, "as [model.remedies] has them")
    triplets: dict[str, float] = key({}, "beside those of all trials")
    weights: str = key("", "another trial whose model it uses; empty: one of its own")
    options: dict[str, bool] = key({}, "of PropagationOptions")


class PropagationTrials(Table):
    """A file of trials."""

    output: File = key(..., "folder")
    autoencoder: File = key(..., "propagator whose autoencoder all trials have")
    measured: MeasuredClips = MeasuredClips()
    training: dict[str, Any] = key(..., "what all trials share; `phase` is their one phase")
    trials: list[PropagationTrial] = key(..., "to be trained and measured")

    def folder(self, trial: PropagationTrial, seed: int) -> Path:
        return Path(self.output) / f"{trial.weights or trial.name}-{seed}"

    def results(self, trial: PropagationTrial, seed: int) -> Path:
        return Path(self.output) / f"{trial.name}-{seed}.json"

    def training_of(self, trial: PropagationTrial, seed: int) -> TrainingConfig:
        """The training of one trial from one seed."""
        shared = dict(self.training)
        model, phase = dict(shared.pop("model")), dict(shared.pop("phase"))
        model |= {"kind": "propagator", "remedies": trial.remedies}
        phase["triplets"] = phase.get("triplets", {}) | trial.triplets
        own = {"model": model, "output": str(self.folder(trial, seed)), "seed": seed, "phases": [phase]}
        return parse_training_config(shared | own)

    def clips(self, height: int, width: int) -> Iterator[RestyledClip]:
        """That no training has seen."""
        for number in range(self.measured.clips):
            seed = HELD_OUT + number
            options = dict(self.measured.options)
            yield make_restyled(seed, frames=self.measured.frames, height=height, width=width, **options)


def read_trials(file: Path) -> PropagationTrials:
    """A TOML file, whose paths count from its folder. Raises ValueError that names the file and the key."""
    return read_tables(file, PropagationTrials, "file of trials")


def measure_trial(trials: PropagationTrials, trial: PropagationTrial, seed: int) -> dict[str, list[list[float]]]:
    """By metric, of each clip a value per frame; a sheet of the first clip lies beside."""
    phase = trials.training_of(trial, seed).phases[0]
    parts, config = load_propagator_parts(trials.folder(trial, seed) / f"{phase.name}.safetensors", torch.float32)
    parts["vae"] = load_propagator_parts(trials.autoencoder, torch.float32)[0]["vae"]
    options = PropagationOptions(trials.measured.solver_steps, **trial.options)
    clips = trials.clips(phase.height, phase.width)
    found, shown = measure(Propagator(parts, config, "cpu"), clips, options)
    write_image(trials.results(trial, seed).with_suffix(".png"), shown)
    return found


def measure(
    model: Propagator, clips: Iterable[RestyledClip], options: PropagationOptions, sheets: int = 1
) -> tuple[dict[str, list[list[float]]], Tensor]:
    """By metric, of each clip a value per frame; and a picture (3, H, W) of the first clips."""
    found: dict[str, list[list[float]]] = {field.name: [] for field in fields(RestyledMetrics)}
    rows: dict[str, Tensor] = {}
    for number, truth in enumerate(tqdm(clips, leave=False, disable=None)):
        frames = model.propagate(truth.source, truth.target[0], truth.depth, options).frames
        metrics = measure_restyled(truth, frames)
        for name, values in found.items():
            values.append(getattr(metrics, name).tolist())
        if number < sheets:
            given = {"source": truth.source, "depth": truth.depth.expand(-1, 3, -1, -1), "right": truth.target}
            mark = f" {number + 1}" if sheets > 1 else ""
            rows |= {name + mark: video for name, video in (given | {"painted": frames}).items()}
    longest = max(len(video) for video in rows.values())
    return found, sheet(rows, [number for number in SHOWN_FRAMES if number < longest])


def run(trials: PropagationTrials, seeds: Sequence[int], names: Sequence[str], piece: Piece) -> None:
    """Trains and measures what is left; Paused where `piece` is over before that is done."""
    for seed in seeds:
        for trial in trials.trials:
            if trial.name not in names:
                continue
            train(trials.training_of(trial, seed), resume=True, piece=piece)
            file = trials.results(trial, seed)
            if not file.exists():
                found = measure_trial(trials, trial, seed)
                with whole_file(file) as unfinished:
                    unfinished.write_text(json.dumps(found), "utf-8")
                last = {name: fmean(clip[-1] for clip in clips) for name, clips in found.items()}
                print(f"{trial.name}, seed {seed}, last frame: {last}", flush=True)


def measure_model(trials: PropagationTrials, path: str, side: int, picture: Path | None) -> Iterator[str]:
    """Markdown: of some frames each metric's mean over clips."""
    model, options = load_propagator(path), PropagationOptions(trials.measured.solver_steps)
    found, shown = measure(model, trials.clips(side, side), options, 2)
    if picture:
        write_image(picture, shown)
    yield table_header("frame", *TITLES.values())
    for number in SHOWN_FRAMES[1:]:
        yield table_row(str(number), *(f"{fmean(clip[number] for clip in found[name]):.2f}" for name in TITLES))


def curves(trials: PropagationTrials, trial: PropagationTrial, seeds: Sequence[int]) -> dict[str, list[list[float]]]:
    """By metric, of each seed that was measured the mean over clips of each frame."""
    found: dict[str, list[list[float]]] = {}
    for seed in seeds:
        file = trials.results(trial, seed)
        if file.exists():
            for name, clips in json.loads(file.read_text("utf-8")).items():
                found.setdefault(name, []).append([fmean(values) for values in zip(*clips)])
    return found


def table(trials: PropagationTrials, seeds: Sequence[int]) -> Iterator[str]:
    """Markdown: a row for each trial, means over seeds ± their standard deviation; flicker is that of all frames."""
    last = trials.measured.frames
    yield table_header("", "seeds", *(f"{title}, frame {last}" for title in list(TITLES.values())[:3]), "flicker, %")
    for trial in trials.trials:
        found = curves(trials, trial, seeds)
        if found:
            ends = [[curve[-1] for curve in found[name]] for name in list(TITLES)[:3]]
            ends.append([fmean(curve[1:]) for curve in found["flicker"]])
            yield table_row(trial.title, str(len(ends[0])), *map(_spread, ends))


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def plot(trials: PropagationTrials, seeds: Sequence[int], path: Path) -> None:
    """A panel for each metric, a curve for each trial: the mean of the seeds, and each seed faintly."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    for axes, (name, title) in zip(figure.subplots(2, 2).flat, TITLES.items()):
        for number, trial in enumerate(trials.trials):
            found = curves(trials, trial, seeds).get(name, [])
            for curve in found:
                axes.plot(range(1, len(curve)), curve[1:], color=f"C{number}", alpha=0.2, linewidth=0.8)
            if found:
                mean = [fmean(values) for values in zip(*found)]
                axes.plot(range(1, len(mean)), mean[1:], color=f"C{number}", label=trial.title)
        axes.set(title=title, xlabel="frame")
        axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="of trials")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of their trainings (1 2 3)")
    parser.add_argument("--trials", nargs="+", metavar="NAME", help="some of the file's (all)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after so many; run again to go on")
    parser.add_argument("--table", action="store_true", help="print what has been measured, train nothing")
    parser.add_argument("--plot", metavar="PNG", type=Path, help="draw it, too; needs matplotlib")
    parser.add_argument("--model", metavar="PATH", help="measure this propagator instead, on the same clips larger")
    parser.add_argument("--side", type=int, default=128, help="of its clips, pixels (%(default)s)")
    parser.add_argument("--sheet", metavar="PICTURE", type=Path, help="of its first two clips")
    given = parser.parse_args(arguments)
    try:
        trials = read_trials(given.file)
        names = [trial.name for trial in trials.trials]
        if unknown := set(given.trials or names) - set(names):
            raise ValueError(f"{given.file} has no trial {min(unknown)}; it has {', '.join(names)}")
        if given.model:
            print(*measure_model(trials, given.model, given.side, given.sheet), sep="\n")
            return
        if not given.table:
            piece = Piece(time.monotonic() + 60 * given.minutes)
            with piece.until_signalled():
                run(trials, given.seeds, given.trials or names, piece)
        print(*table(trials, given.seeds), sep="\n")
        if given.plot:
            plot(trials, given.seeds, given.plot)
    except Paused as paused:
        print(f"{paused}: the same command goes on")
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
