"""Part of `nox -s bench`: what a frame of a long video costs at 28, 280 and 1,400 frames, as one JSON line.

From file to file at small size, one step a window if no more are asked for, with the model that is
built in. Each length runs in a process of its own, whose peak of resident memory is measured. Lengths take turns over
several rounds, and the median of each counts: other work on the machine meets all alike. With --propagate each frame
is painted by the built-in propagator instead.
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
PROPAGATED_LENGTHS = (30, 300)
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
    parser.add_argument("--propagate", action="store_true", help="30 and 300 frames by the built-in propagator")
    parser.add_argument("--frames", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.frames:
        measure = measure_propagation if arguments.propagate else measure_length
        print(json.dumps(measure(arguments.folder, arguments.frames, arguments.steps)))
        return
    lengths = PROPAGATED_LENGTHS if arguments.propagate else LENGTHS
    found: dict[int, list[dict[str, float]]] = {length: [] for length in lengths}
    with tempfile.TemporaryDirectory() as folder:
        for length in lengths:
            brighter = (torch.full((3, 96, 128), number % 50 / 50) for number in range(length))
            revideo.write_video(Path(folder) / f"{length}.mp4", brighter, 25)
        for _ in range(arguments.rounds):
            for length in lengths:
                of_it = ["--frames", str(length), "--folder", folder, "--steps", str(arguments.steps)]
                of_it += ["--propagate"] * arguments.propagate
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
        return costs(frames, time.perf_counter() - start, time.process_time() - busy)


def measure_propagation(folder: Path, frames: int, steps: int) -> dict[str, float]:
    """Onwards from the first frame; the clip is its own depth."""
    torch.set_num_threads(1)
    model, options = revideo.load_propagator("tiny", device="cpu"), revideo.PropagationOptions(steps=steps)
    model.propagate(torch.rand(3, 3, *SIZE), torch.rand(3, *SIZE), torch.rand(3, 1, *SIZE), options)
    with revideo.VideoFile(folder / f"{frames}.mp4") as source, revideo.VideoFile(folder / f"{frames}.mp4") as depth:
        start, busy = time.perf_counter(), time.process_time()
        model.propagate(source, torch.rand(3, *SIZE), depth, options, output=folder / "out.mp4", size=SIZE)
        return costs(frames, time.perf_counter() - start, time.process_time() - busy)


def costs(frames: int, wall: float, busy: float) -> dict[str, float]:
    return {
        "seconds_per_frame": round(wall / frames, 5),
        "cpu_seconds_per_frame": round(busy / frames, 5),  # other work on the machine counts less here
        "peak_memory_mib": round(peak_memory_mib(), 1),
    }


if __name__ == "__main__":
    main()
