"""What each option that saves time saves, alone and together, and what it costs in quality, against the exact path.

python -m benchmarks.speed MODEL --clips 16 --results speed.json

What a clip gave is written as soon as it went through all variants; the same line again goes on where a run ended.
Several runs share the clips (--part 1/2, --part 2/2, each with its own file); --table prints their files as one.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

from revideo import __version__
from revideo.editing.model import ReVideo
from revideo.editing.window_cache import identify
from revideo.files import check_target, read_text, whole_file
from revideo.sampling.samplers import PRESETS, SamplerOptions
from revideo.synthetic.edits import SyntheticEdit
from revideo.synthetic.measures import EditMetrics, Limits, mean_interval, measure_edit

from .common import chosen_options, edits_of_all_kinds, load_model, model_parser, table_header, table_row

EXACT = "exact"
GUIDANCE: dict[str, dict[str, Any]] = {
    "interval": {"guide_from": 100.0, "guide_until": 0.5},
    "early guidance": {"guide_from": 100.0, "guide_until": 5.0},
    "no guidance": {"cfg_last": 1.0},
}
WITH_FEW_STEPS: dict[str, dict[str, Any]] = {
    "ancestral": {"solver": "euler_ancestral"},
    "second order": {"solver": "dpmpp_2m"},
    "control 2": {"control_every": 2},
}
COLUMNS = ("", "speed", "path error, % of width", "unedited PSNR, dB", "PSNR of the sprite, last frame, dB")
SPEED_METRICS = ("path_error", "outside_psnr", "sprite_psnr_last")  # of EditMetrics, in the columns' order


def speed_variants() -> dict[str, dict[str, Any]]:
    """Changes to the exact path: the presets, each option alone, few aligned steps with one or two of the others."""

    def aligned(steps: int, *others: str) -> tuple[str, dict[str, Any]]:
        changes = {option: value for name in others for option, value in parts[name].items()}
        return " + ".join([f"ays {steps}", *others]), {"schedule": "ays", "steps": steps, **changes}

    parts = GUIDANCE | WITH_FEW_STEPS
    few = [
        *((steps, *guided) for steps, guided in product((3, 4, 5, 10), [(), *((name,) for name in GUIDANCE)])),
        (2, "no guidance"),
        *((steps, *guided, name) for name, steps, guided in product(WITH_FEW_STEPS, (4, 10), [(), ("no guidance",)])),
    ]
    presets = {f"preset {name}": PRESETS[name] for name in PRESETS if name != EXACT}
    options = {
        **GUIDANCE,
        "control 2": WITH_FEW_STEPS["control 2"],
        "karras 10": {"steps": 10},
        **dict(aligned(*each) for each in few),
    }
    known = [SamplerOptions(**changes | {"lock_until": 0.0}) for changes in presets.values()]  # nothing locks here
    others = {
        name: changes for name, changes in options.items() if SamplerOptions(**changes, lock_until=0.0) not in known
    }
    return {EXACT: PRESETS[EXACT], **presets, **others}


# --- Measuring ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """What one variant made of one clip."""

    seconds: float  # processor time of the whole edit
    metrics: EditMetrics


Clip = dict[str, Measured]  # by variant


class SpeedResults:
    """What clips gave, by their numbers; `settings` are what all of them have in common, their variants among it.

    With a file: what it holds of the same settings goes on; ValueError where it holds something else.
    """

    def __init__(self, settings: dict[str, Any], file: Path | None = None) -> None:
        self.settings, self.file = json.loads(json.dumps(settings)), file
        self.clips: dict[int, Clip] = {}
        if file is not None and file.exists():
            self.join(file)

    def join(self, file: Path) -> None:
        """With the clips of a file of the same settings; ValueError where it holds something else."""
        found = read_speed_results(file)
        changed = [
            name for name in {**self.settings, **found.settings} if found.settings.get(name) != self.settings.get(name)
        ]
        if changed:
            raise ValueError(f"{file} was measured with other {', '.join(changed)}: give another file")
        self.clips |= found.clips

    def add(self, number: int, clip: Clip) -> None:
        """Written whole before it returns."""
        self.clips[number] = clip
        if self.file is not None:
            clips = {each: {name: asdict(found) for name, found in self.clips[each].items()} for each in self.clips}
            with whole_file(self.file) as unfinished:
                unfinished.write_text(json.dumps({"settings": self.settings, "clips": clips}))


def read_speed_results(file: Path) -> SpeedResults:
    """What `SpeedResults` wrote; ValueError where it is something else."""
    try:
        found = json.loads(read_text(file, "results"))
        results = SpeedResults(found["settings"])
        results.clips = {
            int(number): {
                name: Measured(each["seconds"], EditMetrics(**each["metrics"])) for name, each in clip.items()
            }
            for number, clip in found["clips"].items()
        }
        if any(set(clip) != set(results.settings["variants"]) for clip in results.clips.values()):
            raise KeyError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{file} holds no results of this program: give another file") from None
    return results


def measure_speed(
    model: ReVideo,
    truths: Sequence[SyntheticEdit],
    options: SamplerOptions,
    results: SpeedResults,
    part: slice = slice(None),
) -> None:
    """Adds the clips of `part` that are missing in `results`.

    One goes through all variants before the next: what slows the machine for a while slows them alike.
    """
    missing = [number for number in range(len(truths))[part] if number not in results.clips]
    for number in tqdm(missing, unit="clip"):
        clip, truth = {}, truths[number]
        for name, changes in results.settings["variants"].items():
            begun = time.process_time()
            made = model.edit(truth.source, truth.edit, replace(options, **changes), composite=False).frames
            clip[name] = Measured(time.process_time() - begun, measure_edit(truth, made))
        results.add(number, clip)


# --- The table ---------------------------------------------------------------------------


@dataclass(frozen=True)
class SpeedRow:
    """Of one variant, over all clips."""

    speed: float  # processor time of the exact path over that of this one, whole edits; the median of the clips' own
    means: tuple[float, ...]  # of each of SPEED_METRICS
    changes: tuple[tuple[float, float], ...]  # from the exact path, clip by clip: their mean, half its 95 % interval
    pareto: bool  # no other variant is faster and in nothing worse by more than the interval of their difference


def speed_rows(clips: Sequence[Clip], names: Sequence[str]) -> dict[str, SpeedRow]:
    """The first of `names` is the exact path."""
    values = {
        name: [[getattr(clip[name].metrics, metric) for clip in clips] for metric in SPEED_METRICS] for name in names
    }
    speeds = {name: median(clip[names[0]].seconds / clip[name].seconds for clip in clips) for name in names}

    def changes(name: str, other: str) -> tuple[tuple[float, float], ...]:
        pairs = zip(values[name], values[other])
        return tuple(mean_interval(one - two for one, two in zip(*pair)) for pair in pairs)

    def beaten(name: str, by: str) -> bool:
        return speeds[by] > speeds[name] and not any(map(_is_worse, SPEED_METRICS, changes(by, name)))

    return {
        name: SpeedRow(
            speeds[name],
            tuple(mean_interval(each)[0] for each in values[name]),
            changes(name, names[0]),
            not any(beaten(name, other) for other in names),
        )
        for name in names
    }


def _is_worse(metric: str, change: tuple[float, float]) -> bool:
    """By more than the interval, where there is one."""
    mean, half = change
    return (mean if Limits.is_most(metric) else -mean) > (0 if math.isnan(half) else half)


def speed_table(results: SpeedResults) -> str:
    """As Markdown, and which of its rows are Pareto points; ValueError while there are no clips."""
    if not results.clips:
        raise ValueError("there are no results yet: measure at least one clip")
    rows = speed_rows([*results.clips.values()], [*results.settings["variants"]])
    lines = [f"Clips: {len(results.clips)}", "", table_header(*COLUMNS)]
    for name, row in rows.items():
        cells = [
            f"{mean:.2f} ({change:+.2f}" + ("" if math.isnan(half) else f" ± {half:.2f}") + ")"
            for mean, (change, half) in zip(row.means, row.changes)
        ]
        lines.append(table_row(f"**{name}**" if row.pareto else name, f"{row.speed:.2f} ×", *cells))
    points = sorted((name for name in rows if rows[name].pareto), key=lambda name: rows[name].speed)
    return "\n".join([*lines, "", f"Nothing is faster and as good: {', '.join(points)}."])


# --- Command line ------------------------------------------------------------------------


class _PrintTable(argparse.Action):
    """Asks for no model, as --help does not."""

    def __call__(self, parser: argparse.ArgumentParser, _: Any, files: Any, __: Any = None) -> None:
        try:
            results = read_speed_results(files[0])
            for file in files[1:]:
                results.join(file)
            print(speed_table(results))
        except (OSError, ValueError) as error:
            parser.error(str(error))
        parser.exit()


def _parse_part(text: str) -> slice:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text} is no part of the clips: give K/N, the K-th of N parts, as 1/2")
    return slice(int(found[1]) - 1, None, int(found[2]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table for a model of synthetic scenes: held-out edits of every kind, as many of each."""
    parser = model_parser("speed", main.__doc__, clips=4)
    parser.set_defaults(guidance=SamplerOptions().cfg_last)
    parser.add_argument("--fp8", action="store_true", help="weights of UNet and ControlNet wait in fp8")
    parser.add_argument("--only", nargs="+", metavar="VARIANT", default=[], help="of the table's rows (all)")
    parser.add_argument(
        "--results", metavar="FILE.json", type=Path, help="what clips gave; where it is there it goes on"
    )
    parser.add_argument(
        "--part", metavar="K/N", type=_parse_part, default=slice(None), help="every N-th clip, from the K-th on (all)"
    )
    parser.add_argument(
        "--table", metavar="FILE.json", nargs="+", type=Path, action=_PrintTable, help="print --results of runs"
    )
    given = parser.parse_args(arguments)
    variants = speed_variants()
    if unknown := [name for name in given.only if name not in variants]:
        parser.error(f"there is no variant {unknown[0]}: one of {', '.join(variants)}")
    chosen = {name: variants[name] for name in variants if not given.only or name in (EXACT, *given.only)}
    model, options = load_model(given, given.fp8), chosen_options(given)
    settings = {
        "version": __version__,
        "model": identify(model) + " fp8" * given.fp8,
        "clips": [given.clips, given.height, given.width],
        "options": asdict(options),
        "variants": chosen,
    }
    try:
        if given.results is not None:
            check_target(given.results, (".json",), ())
        results = SpeedResults(settings, given.results)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    truths = edits_of_all_kinds(given, model.config.unet.num_frames)
    model.edit(truths[0].source, truths[0].edit, SamplerOptions(steps=1))  # what a first run costs is nobody's
    measure_speed(model, truths, options, results, given.part)
    print(speed_table(results))


if __name__ == "__main__":
    main()
