"""What the golden recordings are on the device, in each precision; and the tests that depend on a device."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from ..common import ROOT
from ..golden import load_recording
from .card import Card

TESTS = ROOT / "tests/revideo"
SHORTEST_S = 10.0  # that a process gets, however little time is left
SUITE_S = 240.0  # that the tests get at most: what hangs there shall not cost the rest


@dataclass(frozen=True)
class Precision:
    """Of the networks, and how far its latents may be from the recorded ones."""

    dtype: torch.dtype
    limit: float  # of the relative RMS of latents; a rounding's size many times over, a wrong number's far below
    tf32: bool = True  # in convolutions, torch's default
    fp8: bool = False


RECORDED_IN = {
    "fp32, convolutions without TF32": Precision(torch.float32, 1e-4, tf32=False),
    "fp32, torch's default (TF32)": Precision(torch.float32, 1e-2),
    "fp16, TF32 in the autoencoder": Precision(torch.float16, 1e-2),
    "bf16": Precision(torch.bfloat16, 0.1),
    "fp8, computing in fp16": Precision(torch.float16, 0.2, fp8=True),
}


@torch.inference_mode()
def measure_recording(card: Card, name: str, precision: Precision) -> dict[str, Any]:
    """A recording sampled with its own noise and decoded frame by frame, as the released scripts do."""
    with convolutions(precision.tf32):
        golden = load_recording(name, card.device, precision.dtype, precision.fp8)
        recorded, model = golden.reference, golden.model
        latents = model.sample(
            golden.conditions,
            golden.options,
            noise=recorded["noise"],
            augmentation_noise=recorded["cond_aug_noise"],
        )
        frames = model.decode(latents, frames_per_chunk=1)
    error = latents - recorded["latents"]
    relative = (error.square().mean().sqrt() / recorded["latents"].square().mean().sqrt()).item()
    return {
        "latents_relative_rms": float(f"{relative:.2g}"),
        "latents_largest": float(f"{error.abs().max():.2g}"),
        "frames_largest": float(f"{(frames - recorded['frames']).abs().max():.2g}"),
        "checks": {f"the recorded latents within {precision.limit:g}": relative <= precision.limit},
    }


@contextmanager
def convolutions(tf32: bool) -> Iterator[None]:
    """Whether cuDNN may round their inputs to TF32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def run_suite(card: Card, seconds: float, choice: str) -> dict[str, Any]:
    """The library's tests that depend on a device, on this one; `choice` as pytest's -k."""
    side_by_side = ["-n", "4"] if card.cuda else []
    chosen = ["-m", "device", *(["-k", choice] if choice else [])]
    environment = os.environ | {"REVIDEO_DEVICE": card.device.type}
    # No other files: they need packages that this environment may lack.
    files = [str(file) for file in sorted(TESTS.rglob("test_*.py")) if "mark.device" in file.read_text("utf-8")]
    words = [sys.executable, "-m", "pytest", "-q", *side_by_side, *chosen, *files]
    text, code = run_in_time(words, min(seconds, SUITE_S) if card.cuda else seconds, environment)
    lines = text.splitlines()
    counts = next((line.strip("= ") for line in reversed(lines) if re.search(r"\d+ (passed|failed|error)", line)), "")
    return {
        "counts": counts,
        "failed": [line for line in lines if line.startswith(("FAILED", "ERROR"))],
        "end": "" if code == 0 else "\n".join(lines[-60:])[-4000:],
        "checks": {"all tests pass": code == 0},
    }


def run_in_time(words: list[str], seconds: float, environment: dict[str, str] | None = None) -> tuple[str, int]:
    """Output and exit code of a process; raises TimeoutError when it takes longer, which ends it and all of its own."""
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        text, _ = process.communicate(timeout=max(SHORTEST_S, seconds))
    except subprocess.TimeoutExpired:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        text, _ = process.communicate()
        end = "; ".join(text.splitlines()[-3:])
        raise TimeoutError(f"was ended after {max(SHORTEST_S, seconds):.0f} s: {end}") from None
    return text, process.returncode
