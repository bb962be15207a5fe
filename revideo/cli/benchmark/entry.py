"""The command `revideo benchmark`: reads and checks all, has edits made and measured, writes tables and the page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..common import Refused, add_command, refusing
from ..evaluate import add_measuring_models, measuring_models

NO_CLIP_MODEL = "CLIP text alignment and consistency: not measured. Name a CLIP model by --clip"


def add_benchmark(commands: Any) -> None:
    benchmark = add_command(
        commands,
        "benchmark",
        run_benchmark,
        help="compare methods of editing: metrics, times, blind votes",
        description="""\
Has each method of a manifest edit each of its clips, measures all results, and writes tables of means with
intervals (table.md, table.json) and a page on which people choose the best results without knowing whose they
are. A method is a table of options of `revideo edit`, or a folder of somebody else's results. docs/benchmark.md
explains the manifest. All is checked before the first edit; an interrupted benchmark goes on where it was, and a
changed manifest makes only what changed. Needs pydantic: pip install "revideo[benchmark]"

V2VBench's config.yaml can stand in the manifest's place, for folders of results in its own order.""",
        epilog="""\
examples:

  revideo benchmark --example trial && revideo benchmark trial/manifest.toml
  revideo benchmark trial/manifest.toml --votes votes-*.json
  revideo benchmark V2VBench/config.yaml --results ours=edits/ours --results theirs=edits/theirs""",
    )
    benchmark.add_argument("manifest", metavar="MANIFEST", type=Path, nargs="?", help="TOML, or V2VBench's YAML")
    benchmark.add_argument(
        "--example", metavar="FOLDER", type=Path, help="write a manifest with sixteen small synthetic edits there"
    )
    benchmark.add_argument(
        "--votes", metavar="FILE", type=Path, nargs="+", default=[], help="what voters saved on the page, to be counted"
    )
    benchmark.add_argument("-o", "--output", metavar="FOLDER", type=Path, help="default: as the manifest says")
    yaml = benchmark.add_argument_group("with V2VBench's config.yaml")
    yaml.add_argument(
        "--results",
        metavar="NAME=FOLDER",
        type=parse_results,
        action="append",
        default=[],
        help="a method's results, FOLDER/VIDEO_ID/0 for the first prompt (default: edited_videos beside the file)",
    )
    yaml.add_argument("--sources", metavar="FOLDER", type=Path, help="default: source_videos beside the file")
    models = benchmark.add_argument_group("models")
    add_measuring_models(models)


def parse_results(text: str) -> tuple[str, Path]:
    """`NAME=FOLDER` → both; argparse's error for anything else."""
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FOLDER, as in ours=edits/ours")
    return name, Path(folder)


def run_benchmark(arguments: argparse.Namespace) -> int:
    from importlib.util import find_spec

    if (arguments.example is None) == (arguments.manifest is None):
        raise Refused("give a manifest, or --example to have one written")
    if find_spec("pydantic") is None:
        raise Refused('a benchmark needs pydantic: pip install "revideo[benchmark]"')
    with refusing():
        if arguments.example:
            from ...synthetic.benchmark_example import write_example_benchmark

            manifest = write_example_benchmark(arguments.example)
            print(f"{manifest}: sixteen edits and three methods; now: revideo benchmark {manifest}")
            return 0

        from ...files import LOCK_FILE, check_folder, locked
        from .comparison import Comparison

        benchmark = Comparison.read(arguments)
        folder = benchmark.results.folder
        check_folder(folder)
        votes = benchmark.votes(arguments.votes)
        unfinished = benchmark.unfinished()
        benchmark.check(unfinished)
        models, notes = evaluation_models(arguments, bool(unfinished))
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / LOCK_FILE, f"the folder of results {folder}"):
            benchmark.make(unfinished)
            benchmark.measure(unfinished, models)
            benchmark.write_tables(votes, notes)
            benchmark.write_page()
    return 0


def evaluation_models(arguments: argparse.Namespace, load: bool) -> tuple[dict[str, Any], list[str]]:
    """Named arguments of an Evaluator, none unless they are to be loaded; a line for each that is missing."""
    from ...evaluation.perceptual import find_lpips

    notes = [] if arguments.clip else [NO_CLIP_MODEL]
    lpips, missing = find_lpips(_device(arguments))
    if not load:
        return {}, [*notes, *missing]

    return {"lpips": lpips, **measuring_models(arguments, _device(arguments))}, [*notes, *missing]


def _device(arguments: argparse.Namespace) -> str:
    from ...pipeline.devices import default_device

    return arguments.device or default_device()
