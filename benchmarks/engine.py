"""`nox -s bench`: time and memory of a fixed mid-size model: a table, then one JSON line (the last of stdout).

One fifth of the released widths, so that the parts weigh what they weigh there, over the
same 14 frames; random weights. The same edit is made several ways in turns, each time in a process of its own:
plainly (diffusers' own blocks, both guidance branches in one batch, diffusers' own decoder), as the library
did it at a commit (--against COMMIT, from a working tree of it), as it does it now, and in bfloat16 where the
processor multiplies in it. Medians over --rounds, each with how far the rounds are apart. Options: --device cuda
(computes in fp16), --steps, --threads, --no-editor (which leaves out editor.py, and its browser),
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import diffusers
import psutil
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import revideo
from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.models.blocks import run_plainly
from revideo.models.config import ControlConfig, ImageEncoderConfig, ModelConfig, UNetConfig, VAEConfig
from revideo.models.fused_linear import FusedLinear, has_fast_bf16, has_fused_linear
from revideo.pipeline.memory_plan import Plan

from .common import ROOT, decode_plainly, peak_memory_mib, random_edit, run_program, table_header, table_row

CONFIG = ModelConfig(
    UNetConfig(model_channels=64, num_head_channels=32, context_dim=256, time_id_dim=64, num_frames=14),
    ControlConfig(condition_channels=(4, 8, 20, 52)),
    VAEConfig(channels=32),
    ImageEncoderConfig(width=256, head_width=16, embed_dim=256),
)
HEIGHT, WIDTH = 256, 448
CHECKPOINT = "bench.safetensors"
PLAIN, OURS, BF16 = "plain", "ours", "bf16"
COLUMNS = {  # of the table: where a way's metrics have them
    "step, s": ("seconds_per_step",),
    "condition, s": ("seconds", "condition"),
    "decode, s a frame": ("seconds", "decode_per_frame"),
    "whole edit, s": ("seconds", "edit"),
    "the same, s of processor": ("cpu_seconds_edit",),
    "peak memory, MiB": ("peak_memory_mib",),
}
IMPORT = "import time; start = time.perf_counter(); import revideo; print(time.perf_counter() - start)"


def main() -> None:
    """Prints the JSON line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=15, help="of the edit; the first is left out of the step's time")
    parser.add_argument("--threads", type=int, help="of torch on the CPU; default: its own choice")
    parser.add_argument("--rounds", type=int, default=1, help="how often each way is measured, in turns (%(default)s)")
    parser.add_argument("--against", metavar="COMMIT", help="measure the library at this commit too")
    parser.add_argument("--no-editor", action="store_true", help="leave out the editor, which needs a browser")
    parser.add_argument("--no-long", action="store_true", help="leave out long videos, which take minutes")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=(PLAIN, OURS, BF16), help=argparse.SUPPRESS)
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
        print(json.dumps(measure_edit_once(arguments.folder, device, arguments.steps, arguments.way)))
        return
    for_all = ["--device", arguments.device, "--steps", str(arguments.steps)]
    if arguments.threads:
        for_all += ["--threads", str(arguments.threads)]
    metrics = compare_ways(for_all, arguments.rounds, arguments.against, arguments.device)
    print(ways_table(metrics["ways"]))
    if not arguments.no_long:
        metrics["long_video"] = run_program("long_video")
    if not arguments.no_editor:
        metrics["editor"] = run_program("editor")
    print(json.dumps(metrics))


def compare_ways(arguments: list[str], rounds: int, against: str | None, device: str) -> dict[str, Any]:
    """The metrics of every way and round under "ways"; how far its pictures are from the plain ones."""
    ways = [PLAIN, *([against] if against else []), OURS]
    if device == "cpu" and has_fast_bf16():
        ways.append(BF16)
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as temporary, _tree(against) as tree:
        folder = Path(temporary)
        # In a process of its own: a process's peak counts what the one that started it held by then.
        run_program("engine", "--write", str(folder / CHECKPOINT))
        for _ in range(rounds):
            for way in ways:
                there, asked = (tree, OURS) if way == against else (ROOT, way)
                found[way].append(run_program("engine", *arguments, "--folder", temporary, "--way", asked, tree=there))
                (folder / f"{asked}.pt").replace(folder / f"{ways.index(way)}.pt")
        pictures = [torch.load(folder / f"{number}.pt", weights_only=True) for number in range(len(ways))]
    work = found[PLAIN][0]["gflops_of_a_step"]
    step = statistics.median(each["seconds_per_step"] for each in found[OURS])
    return {
        "ways": found,
        "relative_rms_of_frames": {
            way: float(f"{((picture - pictures[0]).norm() / pictures[0].norm()).item():.1e}")
            for way, picture in zip(ways, pictures)
        },
        "import_revideo": round(min(import_seconds() for _ in range(3)), 4),
        "gflops_per_second": round(work / step),
        "gflops_per_second_of_a_large_product": round(matmul_flops() / 1e9) if device == "cpu" else None,
    }


@contextmanager
def _tree(commit: str | None) -> Iterator[Path]:
    """A working tree of this project at that commit."""
    if commit is None:
        yield ROOT
        return
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*git, "add", "--detach", "--force", folder, commit], check=True, capture_output=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


def ways_table(ways: dict[str, list[dict[str, Any]]]) -> str:
    """As Markdown: medians; in brackets how many times ours, ± half of what lies between the rounds."""
    rows = [table_header("", *COLUMNS)]
    for way, metrics in ways.items():
        cells = []
        for place in COLUMNS.values():
            values, ours = ([_at(each, place) for each in runs] for runs in (metrics, ways[OURS]))
            ratios = [value / own for value, own in zip(values, ours)]
            median, spread = statistics.median(values), (max(ratios) - min(ratios)) / 2
            cells.append(f"{median:.4g} ({statistics.median(ratios):.2f} ± {spread:.2f})")
        rows.append(table_row(way, *cells))
    return "\n".join(rows)


def _at(metrics: dict[str, Any], place: tuple[str, ...]) -> float:
    found: Any = metrics
    for name in place:
        found = found[name]
    return found


def flops_of(work: Callable[[], object]) -> int:
    """Of products, convolutions and attention."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # fused attention is not counted
        work()
    return counter.get_total_flops()


@torch.inference_mode()
def matmul_flops(size: int = 2048) -> float:
    """A second, of large matrices in fp32, by the better library of those that torch has here."""
    a, b = torch.rand(2, size, size)
    products: list[Callable[[], object]] = [lambda: a @ b]
    if has_fused_linear(torch.float32):
        layer = FusedLinear(size, size, bias=False).requires_grad_(False)
        products.append(lambda: layer(a))
    seconds = []
    for product in products * 5:
        start = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


@torch.inference_mode()
def measure_edit_once(folder: Path, device: torch.device, steps: int, way: str) -> dict[str, Any]:
    """One edit, one way; its frames go to the folder."""
    plain = way == PLAIN
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds[stage] = time.perf_counter() - start

    with timed("load"):
        model = revideo.load(folder / CHECKPOINT, dtype="auto" if way == BF16 else None, device=device)
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
        denoise = model.denoiser(conditioning, options)
        latents = model.run(denoise, noise, options, callback=step_done)
        with timed("decode"):
            frames = decode_plainly(model, latents) if plain else model.decode(latents, len(latents))
    cpu_seconds = time.process_time() - cpu_start
    torch.save(frames, folder / f"{way}.pt")
    seconds["decode_per_frame"] = seconds.pop("decode") / len(frames)
    peak_mib = round(peak_memory_mib())
    per_step = [end - start for start, end in pairwise(moments)]  # from the end of the first, which warms up
    return {
        "seconds_per_step": round(statistics.median(per_step), 4),
        "peak_memory_mib": peak_mib,
        "gflops_of_a_step": round(flops_of(lambda: denoise(noise, torch.ones(()))) / 1e9) if plain else None,
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
