"""Part of `nox -s bench`: what a frame of a long video costs at 28, 280 and 1,400 frames, as one JSON line.

From file to file at small size, one step a window if no more are asked for, with the model that is
built in. Each length runs in a process of its own, whose peak of resident memory is measured. Lengths take turns over
several rounds, and the median of each counts: other work on the machine meets all alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch

import revideo

from .common import peak_memory_mib, run_program

LENGTHS = (28, 280, 1400)
SIZE = (64, 64)


def main() -> None:
    """Prints the JSON line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.long_video",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1, help="of each window")
    parser.add_argument("--frames", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.frames:
        print(json.dumps(measure_length(arguments.folder, arguments.frames, arguments.steps)))
        return
    found: dict[int, list[dict[str, float]]] = {length: [] for length in LENGTHS}
    with tempfile.TemporaryDirectory() as folder:
        for length in LENGTHS:
            brighter = (torch.full((3, 96, 128), number % 50 / 50) for number in range(length))
            revideo.write_video(Path(folder) / f"{length}.mp4", brighter, 25)
        for _ in range(arguments.rounds):
            for length in LENGTHS:
                of_it = ("--frames", str(length), "--folder", folder, "--steps", str(arguments.steps))
                found[length].append(run_program("long_video", *of_it))
    print(json.dumps({length: medians(runs) for length, runs in found.items()}))


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def measure_length(folder: Path, frames: int, steps: int) -> dict[str, float]:
    torch.set_num_threads(1)
    model = revideo.load("tiny", device="cpu")
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., 16:48, 16:48] = 1
    options = revideo.SamplerOptions(steps=steps)
    warm = torch.rand(model.config.unet.num_frames, 3, *SIZE)
    model.edit(warm, revideo.Edit(warm[0], revideo.Trajectories.none(len(warm)), mask), options)
    edit = revideo.Edit(torch.rand(3, *SIZE), revideo.Trajectories.none(frames), mask)
    with revideo.VideoFile(folder / f"{frames}.mp4") as source:
        start, busy = time.perf_counter(), time.process_time()
        model.edit(source, edit, options, output=folder / "out.mp4", size=SIZE)
        wall, busy = time.perf_counter() - start, time.process_time() - busy
    return {
        "seconds_per_frame": round(wall / frames, 5),
        "cpu_seconds_per_frame": round(busy / frames, 5),  # other work on the machine counts less here
        "peak_memory_mib": round(peak_memory_mib(), 1),
    }


if __name__ == "__main__":
    main()
