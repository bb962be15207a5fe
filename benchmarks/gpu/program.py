"""`python -m benchmarks.gpu`: the parts in the order of their weight, each guarded, within the minutes there are."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from revideo.sampling.samplers import PRESETS

from ..common import ROOT
from .card import GB, Card
from .exactness import RECORDED_IN, measure_recording, run_in_time, run_suite
from .released import BUDGETS_GB, LAYOUTS, ReleasedSize
from .results import MESSAGE_LENGTH, Results
from .shortage import measure_transfers, run_short_of_memory

GPU_PARTS = (  # the weightiest first, of those of like weight the quickest
    "golden",
    "exact",
    "plain",
    "presets",
    "suite",
    "transfers",
    "plan",
    "shortage",
    "layout",
    "compiled",
    "whole",
    "fp8",
)
SIZES = ("576x1024", "768x1344")
STAND_IN_SIZES = ("64x64",)


@dataclass(frozen=True)
class Task:
    """One measurement, which may fail alone."""

    part: str
    name: str
    seconds: float  # that a card needs, about; where fewer are left it is not begun
    work: Callable[[], dict[str, Any]]
    labels: dict[str, Any]  # that its row carries, measured or not


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description="Checks and measures all that depends on a graphics card; JSON and Markdown go into a folder.",
    )
    parser.add_argument("--device", default="cuda", help="cpu: a stand-in of small size (%(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "runs/gpu", help="folder (runs/gpu)")
    parser.add_argument("--minutes", type=float, default=7.5, help="parts not begun by then are left out (%(default)s)")
    parser.add_argument("--parts", help=f"separated by commas, of: {', '.join(GPU_PARTS)} (all)")
    parser.add_argument("--sizes", nargs="+", metavar="HxW", help=f"multiples of 64 pixels ({' '.join(SIZES)})")
    parser.add_argument("--steps", type=int, default=3, help="of a run that is not whole, 2 at least (%(default)s)")
    parser.add_argument("--suite", default="", metavar="CHOICE", help="which tests, as pytest's -k (all of them)")
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    parts = [part.strip() for part in given.parts.split(",")] if given.parts else GPU_PARTS
    unknown = [part for part in parts if part not in GPU_PARTS]
    if unknown:
        parser.error(f"--parts: there is no {unknown[0]}; there are {', '.join(GPU_PARTS)}")
    if given.steps < 2:
        parser.error("--steps: of a single step no time is known; give 2 at least")
    given.parts = tuple(part for part in GPU_PARTS if part in parts)
    try:
        sizes = given.sizes or (STAND_IN_SIZES if given.device == "cpu" else SIZES)
        given.sizes = [(int(height), int(width)) for height, width in (size.split("x") for size in sizes)]
    except ValueError:
        parser.error("--sizes: give height and width as in 576x1024")
    if any(side < 64 or side % 64 for size in given.sizes for side in size):
        parser.error("--sizes: both sides must be multiples of 64")
    if given.device != "cpu" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA here: run on a machine with a card, or give --device cpu for a stand-in")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all that was measured holds; 1: something failed or did not."""
    given = parse_arguments(arguments)
    end = time.monotonic() + 60 * given.minutes
    card = Card(given.device)
    results = Results(given.output, card.describe())
    for task in plan_tasks(given, card, end):
        run_task(task, results, card, end)
    results.write()
    print(results.markdown())
    bad = [row["name"] for row in results.rows if row["status"] in ("failed", "missed")]
    print(f"results: {given.output / 'gpu.json'}, gpu.md; failed or missed: {', '.join(bad) or 'nothing'}")
    return 1 if bad else 0


def plan_tasks(given: argparse.Namespace, card: Card, end: float) -> list[Task]:
    """What was asked for, the weightiest first; `end` on the clock of time.monotonic."""
    released = ReleasedSize.on(card, given.steps)
    tasks: list[Task] = []

    def add(part: str, name: str, seconds: float, work: Callable[[], dict[str, Any]], **labels: Any) -> None:
        if part in given.parts:
            tasks.append(Task(part, name, seconds, work, labels))

    def at(size: tuple[int, int], part: str, seconds: float, work: Callable[..., Any], way: str, **labels: Any) -> None:
        text = "{}×{}".format(*size)
        add(part, f"{way}, {text}", seconds, partial(work, size), size=text, way=way, **labels)

    def alone(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        released.leave()  # another process has the card's memory
        return work()

    # Without a card the tests hold both to the last digit, and half precision takes long.
    recordings, precisions = (("a", "b"), [*RECORDED_IN]) if card.cuda else (("b",), [*RECORDED_IN][:1])
    for recording in recordings:
        for text in precisions:
            work = partial(measure_recording, card, recording, RECORDED_IN[text])
            add("golden", f"recording {recording}, {text}", 5, work, recording=recording, precision=text)
    for size in given.sizes:
        at(size, "exact", 25, released.measure_exact, "exact")
    for size in given.sizes:
        at(size, "plain", 20, released.measure_plain, "plain")
    for size in reversed(given.sizes):  # the goal is set for the larger one
        for budget in BUDGETS_GB:
            if not card.total or card.total >= budget * GB:
                work = partial(released.measure_plan, budget_gb=budget)
                at(size, "plan", 45 if budget == min(BUDGETS_GB) else 20, work, f"in {budget} GB", budget_gb=budget)
    add("suite", "tests", 60, lambda: alone(lambda: run_suite(card, end - time.monotonic(), given.suite)))
    for stage in ("sampling", "decoding"):
        work = partial(run_short_of_memory, released, stage=stage)
        at(given.sizes[0], "shortage", 20, work, f"memory ends while {stage}")
    for size in given.sizes:
        for preset in (name for name in PRESETS if name != "exact"):
            at(size, "presets", 20, partial(released.measure_preset, preset=preset), f"preset {preset}, whole")
    for text in LAYOUTS:
        at(given.sizes[0], "layout", 15, partial(released.measure_layout, layout=text), text)
    add("transfers", "transfers", 15, partial(measure_transfers, released))
    if given.in_process:
        at(given.sizes[0], "compiled", 0, released.measure_compiled, "compiled")
    else:  # compiling cannot be stopped from within
        at(given.sizes[0], "compiled", 60, lambda size: alone(lambda: compile_apart(given, size, end)), "compiled")
    for size in given.sizes:
        at(size, "whole", 40, partial(released.measure_exact, whole=True), "exact, whole")
    at(given.sizes[0], "fp8", 20, released.measure_fp8, "fp8")
    return sorted(tasks, key=lambda task: GPU_PARTS.index(task.part))


def compile_apart(given: argparse.Namespace, size: tuple[int, int], end: float) -> dict[str, Any]:
    """The part "compiled" in a process that can be ended."""
    left = end - time.monotonic()
    folder = given.output / "compiled"
    options = ["--device", given.device, "--steps", str(given.steps), "--sizes", "{}x{}".format(*size)]
    options += ["--parts", "compiled", "--in-process", "--output", str(folder.resolve()), "--minutes", str(left / 60)]
    (folder / "gpu.json").unlink(missing_ok=True)  # of another run
    text, _ = run_in_time([sys.executable, "-m", "benchmarks.gpu", *options], left)
    if not (folder / "gpu.json").exists():
        raise RuntimeError("; ".join(text.splitlines()[-3:]))
    [row] = json.loads((folder / "gpu.json").read_text("utf-8"))["results"]
    if "message" in row:
        raise RuntimeError(row["message"])
    return {name: found for name, found in row.items() if name not in ("part", "name", "status", "took", "size", "way")}


def run_task(task: Task, results: Results, card: Card, end: float) -> None:
    """Adds its row, whatever becomes of it."""
    left = end - time.monotonic()
    if left < (task.seconds if card.cuda else 0):
        results.add(task.part, task.name, "skipped", message=f"{left:.0f} s were left", **task.labels)
        return
    print(f"{task.name} …", flush=True)
    start = time.monotonic()
    message = ""
    try:
        found = task.work()
    except Exception as error:  # whatever it is, the other parts are still worth measuring
        message = f"{type(error).__name__}: {error}"[:MESSAGE_LENGTH]
    tidy(card)  # outside of the handler, whose traceback holds tensors
    took = round(time.monotonic() - start, 1)
    if message:
        found, status = {"message": message}, "failed"
    else:
        status = "ok" if all(found.get("checks", {}).values()) else "missed"
    results.add(task.part, task.name, status, **task.labels, **found, took=took)
    print(f"  {status} in {took} s {message.splitlines()[0] if message else ''}".rstrip(), flush=True)


def tidy(card: Card) -> None:
    """All of the card for whoever is next; what a broken card says to it is said again by the next part."""
    try:
        card.unlimit()
        card.empty()
    except RuntimeError as error:
        print(f"  the card: {error}", flush=True)
