"""`nox -s bench`: time and memory of a fixed mid-size model, as one JSON line (the last of stdout).

One fifth of the released widths, so that the parts weigh what they weigh there, over the
same 14 frames; random weights. The same edit is made twice, each time in a process of its own:
plainly (diffusers' own blocks, both guidance branches in one batch, diffusers' own decoder), and
as the library does it; "ratios" divides the first by the second. Options: --device cuda (computes
in fp16), --steps, --threads, --no-editor (which leaves out editor.py, and its browser),
--no-long (which leaves out long_video.py).
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import diffusers
import psutil
import torch

import revideo
from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.models.blocks import run_plainly
from revideo.models.config import ControlConfig, ImageEncoderConfig, ModelConfig, UNetConfig, VAEConfig
from revideo.pipeline.memory_plan import Plan

from .common import ROOT, decode_plainly, peak_memory_mib, random_edit, run_program

CONFIG = ModelConfig(
    UNetConfig(model_channels=64, num_head_channels=32, context_dim=256, time_id_dim=64, num_frames=14),
    ControlConfig(condition_channels=(4, 8, 20, 52)),
    VAEConfig(channels=32),
    ImageEncoderConfig(width=256, head_width=16, embed_dim=256),
)
HEIGHT, WIDTH = 256, 448
CHECKPOINT = "bench.safetensors"
COMPARED = ("edit", "condition", "decode_per_frame")
IMPORT = "import time; start = time.perf_counter(); import revideo; print(time.perf_counter() - start)"


def main() -> None:
    """Prints the JSON line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=15, help="of the edit; the first is left out of the step's time")
    parser.add_argument("--threads", type=int, help="of torch on the CPU; default: its own choice")
    parser.add_argument("--no-editor", action="store_true", help="leave out the editor, which needs a browser")
    parser.add_argument("--no-long", action="store_true", help="leave out long videos, which take minutes")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=("plain", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write_random_checkpoint(arguments.write, CONFIG)
        print(json.dumps({"written": str(arguments.write)}))
        return
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.way:
        device = torch.device(arguments.device)
        print(json.dumps(measure_edit_once(arguments.folder, device, arguments.steps, arguments.way == "plain")))
        return
    metrics = compare_ways(sys.argv[1:])
    if not arguments.no_long:
        metrics["long_video"] = run_program("long_video")
    if not arguments.no_editor:
        metrics["editor"] = run_program("editor")
    print(json.dumps(metrics))


def compare_ways(arguments: list[str]) -> dict[str, Any]:
    """Our metrics, the plain way's under "plain", and "ratios": how many times ours the plain ones are."""
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a process's peak counts what the one that started it held by then.
        run_program("engine", "--write", str(Path(folder) / CHECKPOINT))
        plain, ours = (run_program("engine", *arguments, "--folder", folder, "--way", way) for way in ("plain", "ours"))
        pictures = [torch.load(Path(folder) / f"{way}.pt", weights_only=True) for way in ("plain", "ours")]
    seconds = {stage: plain["seconds"][stage] / ours["seconds"][stage] for stage in COMPARED}
    memory = "peak_memory_mib" if ours["peak_cuda_mib"] is None else "peak_cuda_mib"
    ratios = {
        "seconds_per_step": plain["seconds_per_step"] / ours["seconds_per_step"],
        **seconds,
        "cpu_seconds_edit": plain["cpu_seconds_edit"] / ours["cpu_seconds_edit"],
        "peak_memory": plain[memory] / ours[memory],
    }
    error = (pictures[1] - pictures[0]).square().mean().sqrt() / pictures[0].square().mean().sqrt()
    ours["seconds"]["import_revideo"] = round(min(import_seconds() for _ in range(3)), 4)
    return {
        **ours,
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "relative_rms_of_frames": float(f"{error:.1e}"),
        "plain": plain,
    }


@torch.inference_mode()
def measure_edit_once(folder: Path, device: torch.device, steps: int, plain: bool) -> dict[str, Any]:
    """One edit, one way; its frames go to the folder."""
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds[stage] = time.perf_counter() - start

    with timed("load"):
        model = revideo.load(folder / CHECKPOINT, device=device)
        model.place(model.unet, model.controlnet, model.vae, model.image_encoder)
    if plain:
        run_plainly(model.unet)
        run_plainly(model.controlnet)
        model.apply_plan(Plan(branches=2))
    video, edit = random_edit(CONFIG.unet.num_frames, HEIGHT, WIDTH)
    options = revideo.SamplerOptions(steps=steps)
    moments: list[float] = []

    def step_done(*_: object) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()
        moments.append(time.perf_counter())

    cpu_start = time.process_time()
    with timed("edit"):
        with timed("conditions"):
            conditions = revideo.make_conditions(video, edit)
        with timed("condition"):
            conditioning = model.condition(conditions, options)
        if plain:  # SAFM weighs every frame
            masks = conditioning.control.mask.expand(len(video), -1, -1, -1)
            conditioning = replace(conditioning, control=replace(conditioning.control, mask=masks))
        noise = torch.randn(model.latent_shape(conditions), generator=torch.Generator().manual_seed(0))
        latents = model.run(model.denoiser(conditioning, options), noise, options, callback=step_done)
        with timed("decode"):
            frames = decode_plainly(model, latents) if plain else model.decode(latents, len(latents))
    cpu_seconds = time.process_time() - cpu_start
    torch.save(frames, folder / f"{'plain' if plain else 'ours'}.pt")
    seconds["decode_per_frame"] = seconds.pop("decode") / len(frames)
    per_step = [end - start for start, end in pairwise(moments)]  # from the end of the first, which warms up
    return {
        "seconds_per_step": round(statistics.median(per_step), 4),
        "peak_memory_mib": round(peak_memory_mib()),
        "peak_cuda_mib": round(torch.cuda.max_memory_allocated() / 2**20) if device.type == "cuda" else None,
        "seconds": {stage: round(value, 4) for stage, value in seconds.items()},
        "cpu_seconds_edit": round(cpu_seconds, 2),  # of all threads: a busy machine changes it less
        "steps_timed": [round(value, 4) for value in per_step],
        "frames": len(frames),
        "size": f"{WIDTH}x{HEIGHT}",
        "million_parameters": {
            part: round(sum(p.numel() for p in getattr(model, part).parameters()) / 1e6, 1)
            for part in ("unet", "controlnet", "vae", "image_encoder")
        },
        "dtype": str(model.unet.dtype).removeprefix("torch."),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "load_average": round(psutil.getloadavg()[0], 1),  # of a busy machine these figures say little
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "python": platform.python_version(),
    }


def import_seconds() -> float:
    run = subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(run.stdout)


if __name__ == "__main__":
    main()
