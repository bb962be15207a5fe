"""The command `revideo batch`: checks every line, has workers make them, and says what became of each."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common import Refused, add_command, positive, refusing

if TYPE_CHECKING:
    from .workers import Outcome


def add_batch(commands: Any) -> None:
    batch = add_command(
        commands,
        "batch",
        run_batch,
        help="make many edits, on all cards of one machine or of a cluster",
        description="""\
Makes the edits that a file lists, one JSON object a line: the options of `revideo edit`, as in

  {"video": "a.mp4", "model": "revideo.safetensors", "mask": "mask.png", "steps": 15, "output": "out/a.mp4"}

Paths are relative to that file. All lines are checked before the first is made. Each worker has a card for
itself, or some cores where there is no card, and keeps its model from one edit to the next. An edit that is
finished is not made again by the same command; an interrupted long one goes on from its finished windows.
The exit code is 1 if any edit failed. Needs Ray: pip install "revideo[farm]".""",
        epilog="example: revideo batch edits.jsonl --report report.json",
    )
    batch.add_argument("file", metavar="FILE", type=Path, help="the edits, one JSON object a line")
    batch.add_argument(
        "--workers", metavar="N", type=positive(int), help="how many work side by side (default: one a card, or one)"
    )
    batch.add_argument("--device", help="cpu: leave the cards alone (default: a card for each worker)")
    batch.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="a running Ray cluster, all of whose machines see the files under the same paths (default: this machine)",
    )
    batch.add_argument(
        "--retries",
        metavar="N",
        type=int,
        default=2,
        help="how often an edit whose worker died or broke down is begun again (default: 2)",
    )
    batch.add_argument("--report", metavar="JSON", type=Path, help="also write what became of each line")


def run_batch(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    with refusing():
        from ...files import check_sources, check_target
        from .lines import check_line, read_lines
        from .records import is_finished
        from .workers import Farm

        check_sources([arguments.file])
        if arguments.retries < 0:
            raise ValueError(f"--retries must be at least 0, not {arguments.retries}")
        if arguments.device not in (None, "cpu"):
            raise ValueError(f"--device {arguments.device}: Ray gives each worker its card; only cpu can be asked for")
        if arguments.report:
            check_target(arguments.report, (".json",), [arguments.file])
        lines = read_lines(arguments.file, arguments.device)
        for line in tqdm(lines, desc="checking", unit="edit"):
            if is_finished(line.arguments):
                continue
            try:
                with refusing():
                    check_line(line)
            except Refused as error:
                raise ValueError(f"{arguments.file}, line {line.number}: {error}") from None
        with Farm(arguments.address, arguments.workers, arguments.device != "cpu", arguments.retries) as farm:
            outcomes = _make(farm, lines)
    print(batch_table(outcomes))
    with refusing():
        if arguments.report:
            _write_report(arguments.report, outcomes)
    return int(any(outcome.state == "failed" for outcome in outcomes))


def _make(farm: Any, lines: list[Any]) -> list[Outcome]:
    from tqdm import tqdm

    with tqdm(total=len(lines), desc="edits", unit="edit") as bar:

        def tell(outcome: Outcome) -> None:
            if outcome.state == "failed":
                bar.write(f"line {outcome.line}: {outcome.message}", file=sys.stderr)
            bar.update()

        return farm.run(lines, tell)


def batch_table(outcomes: list[Outcome]) -> str:
    """A line for each edit, and how many there are of each kind."""
    rows = [f"{'line':>4}  {'state':12}  {'seconds':>7}  {'attempts':>8}  output"]
    for outcome in outcomes:
        message = f"  ({outcome.message})" if outcome.message else ""
        numbers = f"{outcome.seconds:7.1f}  {outcome.attempts:8}"
        rows.append(f"{outcome.line:4}  {outcome.state:12}  {numbers}  {outcome.output}{message}")
    states = [outcome.state for outcome in outcomes]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("made", "already made", "failed"))
    return "\n".join([*rows, counts])


def _write_report(file: Path, outcomes: list[Outcome]) -> None:
    from ...files import whole_file

    with whole_file(file) as unfinished:
        unfinished.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n", "utf-8")
