"""Part of `nox -s bench`: what a frame of a long video costs at 28, 280 and 1,400 frames, as one JSON line.

From file to file at small size, one step a window if no more are asked for, with the model that is
built in. Each length runs in a process of its own, whose peak of resident memory is told. Lengths take turns over
several rounds, and the median of each counts: other work on the machine meets all alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line has it

import torch

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # not tests/, where a folder revideo/ holds tests

import revideo  # noqa: E402

LENGTHS = (28, 280, 1400)
SIZE = (64, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1, help="of each window")
    parser.add_argument("--frames", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.frames:
        print(json.dumps(measure(arguments.folder, arguments.frames, arguments.steps)))
        return
    found: dict[int, list[dict[str, float]]] = {length: [] for length in LENGTHS}
    with tempfile.TemporaryDirectory() as folder:
        for length in LENGTHS:
            brighter = (torch.full((3, 96, 128), number % 50 / 50) for number in range(length))
            revideo.write_video(Path(folder) / f"{length}.mp4", brighter, 25)
        for _ in range(arguments.rounds):
            for length in LENGTHS:
                call = [sys.executable, __file__, "--frames", str(length), "--folder", folder]
                call += ["--steps", str(arguments.steps)]
                told = subprocess.run(call, check=True, capture_output=True, text=True).stdout
                found[length].append(json.loads(told.splitlines()[-1]))
    print(json.dumps({length: median(runs) for length, runs in found.items()}))


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def measure(folder: Path, frames: int, steps: int) -> dict[str, float]:
    import resource

    torch.set_num_threads(1)
    model = revideo.load("tiny", device="cpu")
    region = torch.zeros(1, 1, *SIZE)
    region[..., 16:48, 16:48] = 1
    options = revideo.SamplerOptions(steps=steps)
    warm = torch.rand(model.config.unet.num_frames, 3, *SIZE)
    model.edit(warm, revideo.Edit(warm[0], revideo.Trajectories.none(len(warm)), region), options)
    edit = revideo.Edit(torch.rand(3, *SIZE), revideo.Trajectories.none(frames), region)
    with revideo.VideoFile(folder / f"{frames}.mp4") as source:
        start, busy = time.perf_counter(), time.process_time()
        revideo.edit_file(model, source, folder / "out.mp4", edit, SIZE, options)
        wall, busy = time.perf_counter() - start, time.process_time() - busy
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB here
    return {
        "seconds_per_frame": round(wall / frames, 5),
        "cpu_seconds_per_frame": round(busy / frames, 5),  # other work on the machine counts less here
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1),
    }


if __name__ == "__main__":
    main()
