"""What the programs here share: one command line, clips to edit, Markdown tables, processes of their own."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from revideo.edit import Edit
from revideo.editing.model import ReVideo, load
from revideo.models.vae import LATENT_SCALE
from revideo.sampling.samplers import SOLVERS, SamplerOptions
from revideo.synthetic.edits import SyntheticEdit
from revideo.synthetic.examples import HEIGHT_PX, WIDTH_PX
from revideo.synthetic.measures import all_cases, held_out, mean_interval
from revideo.tracks.trajectories import Trajectories

ROOT = Path(__file__).parent.parent


# --- Command line ------------------------------------------------------------------------


def clips_parser(program: str, purpose: str | None, clips: int) -> argparse.ArgumentParser:
    """Of a program that measures on synthetic clips, `clips` of them if no other number is given."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{program}", description=purpose)
    parser.add_argument("--clips", type=int, default=clips, help="held-out clips of each kind (%(default)s)")
    parser.add_argument("--height", type=int, default=HEIGHT_PX, help="of the clips, in pixels (%(default)s)")
    parser.add_argument("--width", type=int, default=WIDTH_PX, help="of the clips, in pixels (%(default)s)")
    return parser


def model_parser(program: str, purpose: str | None, clips: int, steps: int = 25) -> argparse.ArgumentParser:
    """As `clips_parser`, of a program that measures a model."""
    parser = clips_parser(program, purpose, clips)
    parser.add_argument("model", help="checkpoint of a model trained on synthetic scenes")
    parser.add_argument("--steps", type=int, default=steps, help="of sampling (%(default)s)")
    parser.add_argument("--guidance", type=float, default=1.0, help="of the last frame; the first has 1 (%(default)s)")
    parser.add_argument("--solver", choices=SOLVERS, default="euler", help="of the steps (%(default)s)")
    parser.add_argument("--bf16", action="store_true", help="sample in bfloat16: faster on new processors")
    return parser


def load_model(given: argparse.Namespace, fp8: bool = False) -> ReVideo:
    """What a `model_parser` read the name of; `fp8`: with weights in eight bits."""
    model = load(given.model, dtype=torch.bfloat16 if given.bf16 else None, fp8=fp8)
    model.vae.float()  # its rounding would be measured too
    return model


def chosen_options(given: argparse.Namespace) -> SamplerOptions:
    """What a `model_parser` read of sampling."""
    return SamplerOptions(steps=given.steps, cfg_last=given.guidance, solver=given.solver)


def edits_of_all_kinds(given: argparse.Namespace, frames: int) -> list[SyntheticEdit]:
    """Held-out edits, as many of each kind as were asked for."""
    size = given.height, given.width
    return [truth for kind, areas in all_cases() for truth in held_out(kind, areas, given.clips, frames, *size)]


# --- Random weights ----------------------------------------------------------------------


def random_edit(frames: int, height: int, width: int) -> tuple[Tensor, Edit]:
    """A clip of noise and an edit of it with one area and two paths, for models that know nothing."""
    video = torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, height, width)
    mask[..., height // 4 : 3 * height // 4, 3 * width // 14 : 11 * width // 14] = 1
    x = torch.linspace(120 / 448, 320 / 448, frames) * width
    points_px = torch.stack(
        [torch.stack([x, torch.linspace(y, y + 20, frames) / 256 * height], 1) for y in (100.0, 150.0)]
    )
    return video, Edit(video[0], Trajectories(points_px, torch.ones(2, frames, dtype=torch.bool)), mask)


def decode_plainly(model: ReVideo, latents: Tensor) -> Tensor:
    """As `model.decode`, by diffusers' own decoder over the whole window."""
    scaled = latents.to(model.vae.device, model.vae.dtype) / LATENT_SCALE
    frames = model.vae.decode(scaled, num_frames=len(latents)).sample
    return ((frames.float().cpu() + 1) / 2).clamp(0, 1)


# --- Output ------------------------------------------------------------------------------


def table_header(*columns: str) -> str:
    """Of a Markdown table: two lines."""
    return table_row(*columns) + "\n" + table_row(*["---"] * len(columns))


def table_row(*cells: str) -> str:
    """Of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def number_cell(value: float, unit: str = "") -> str:
    """With two digits; a dash where there is nothing to measure."""
    return "–" if math.isnan(value) else f"{value:.2f}{unit}"


def interval_cell(values: Iterable[float]) -> str:
    """Their mean ± half of its 95 % confidence interval."""
    mean, half = mean_interval(values)
    return number_cell(mean) if math.isnan(half) else f"{mean:.2f} ± {half:.2f}"


# --- Processes ---------------------------------------------------------------------------


def run_program(program: str, *arguments: str, tree: Path = ROOT) -> dict[str, Any]:
    """The JSON line that ends what `python -m benchmarks.PROGRAM` prints, from a process of its own.

    `tree`: the project's folder, or another working tree of it.
    """
    waiting = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "2000"}  # as the command line has it
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{program}", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tree,
        env=waiting | os.environ,
    )
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory_mib() -> float:
    """Of this process so far, resident."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
