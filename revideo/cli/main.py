"""The command line: one module a command. Heavy imports wait until a command runs: help is instant."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__
from .batch.entry import add_batch
from .benchmark.entry import add_benchmark
from .common import Refused, add_command
from .convert import add_convert
from .download import add_download
from .edit import add_edit
from .edit_frame import add_edit_frame
from .evaluate import add_evaluate, add_evaluate_sets
from .propagation.entry import add_propagate
from .reproduce import add_reproduce
from .shots import add_shots
from .train import add_train


def main(argv: list[str] | None = None) -> int:
    """Runs one command; 0 when all went well, 1 where a batch's edit failed, 2 for a user's mistake, 130 for Ctrl+C."""
    # Read when torch is imported: threads that spin while they wait make a busy CPU three times slower, threads that
    # sleep at once a free one by a tenth. GNU's OpenMP can spin for some microseconds first.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    try:
        arguments = build_parser().parse_args(argv)
        return arguments.run(arguments)
    except Refused as error:
        print(f"revideo: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nrevideo: interrupted", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message} (see: {self.prog} --help)")


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="revideo",
        description="Local video editing with content and motion control: edit a clip's first frame, draw paths and "
        "an area, and the clip is remade inside that area; the rest stays as it is.",
        epilog="`revideo COMMAND --help` explains a command and shows an example.",
    )
    parser.add_argument("--version", action="version", version=f"revideo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_edit(commands)
    add_edit_frame(commands)
    add_propagate(commands)
    add_batch(commands)
    add_shots(commands)
    add_evaluate(commands)
    add_evaluate_sets(commands)
    add_benchmark(commands)
    add_download(commands)
    add_convert(commands)
    add_train(commands)
    add_reproduce(commands)
    _add_demo(commands)
    return parser


def _add_demo(commands: Any) -> None:
    demo = add_command(
        commands,
        "demo",
        run_demo,
        help="make four small edits with the built-in model, in a minute on a CPU",
        description="""\
Edits four clips of a synthetic world with the small model that is built in: new content, new motion, both, and
two areas at once. Writes a clip of each (source, what was asked, result), a sheet of all, and prints figures.""",
        epilog="example: revideo demo --output demo",
    )
    demo.add_argument("--output", metavar="FOLDER", type=Path, default=Path("demo"), help="default: demo")
    demo.add_argument("--sheet", metavar="PICTURE", type=Path, help="default: sheet.png in that folder")


def run_demo(arguments: argparse.Namespace) -> int:
    from .demo import demo

    demo(arguments.output, arguments.sheet)
    return 0
