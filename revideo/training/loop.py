"""The training loop: phase by phase, one loop for every stage (paper section 3.3)."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..checkpoints.reading import CheckpointError
from ..files import LOCK_FILE, locked
from ..pipeline.devices import default_device
from .config import OptimizerConfig, Phase, TrainingConfig
from .examples import TrainingExample, prefetch
from .families import Family, Sizes, family_of, make_source
from .initial_weights import latent_std, scale_latents
from .networks import NetworksInTraining
from .pieces import Paused, Piece
from .preflight import check_training
from .state import (
    STATE,
    Log,
    TrainingProgress,
    average_of,
    averaged,
    check_checksum,
    phase_settings,
    with_checksum,
)


def train(config: TrainingConfig, resume: bool = False, piece: Piece | None = None) -> Path:
    """Trains all phases, or what is left of them; gives the file of the last one's model.

    Each phase begins from the file that the one before it wrote, whether or not the run was
    interrupted between them. Raises ValueError or OSError before any work where the config
    cannot work; Paused where `piece` was over before the training was.
    """
    processes = int(os.environ.get("WORLD_SIZE", 1))  # as accelerate and torchrun set it
    check_training(config, processes)
    output = Path(config.output)
    if not resume and any((output / name).exists() for name in (STATE, *config.files)):
        raise FileExistsError(f"{output} already holds a training: resume it, or name another output folder")
    accelerator = make_accelerator(config)
    accelerator.wait_for_everyone()  # all have looked before one writes
    if not accelerator.is_main_process:
        return _train_phases(config, accelerator, piece or Piece())
    output.mkdir(parents=True, exist_ok=True)
    with locked(output / LOCK_FILE, f"the output folder {output}"):
        return _train_phases(config, accelerator, piece or Piece())


def _train_phases(config: TrainingConfig, accelerator: Accelerator, piece: Piece) -> Path:
    before = Path(config.output) / config.files[0]
    family = family_of(config)
    sizes = family.sizes(config.model)
    if accelerator.is_main_process and not before.exists():
        with with_checksum(before):
            family.write_start(config.model, before, config.seed)
    for phase in config.phases:
        accelerator.wait_for_everyone()
        result = before.with_name(f"{phase.name}.safetensors")
        if result.exists():
            check_result(result, sizes, family)
        else:
            check_checksum(before)
            check_result(before, sizes, family)
            train_phase(config, phase, before, result, accelerator, piece)
        before = result
    accelerator.wait_for_everyone()
    return before


def check_result(file: Path, sizes: Sizes, family: Family) -> None:
    """Raises CheckpointError where a file of the output folder is not whole, or of another model; reads no weight."""
    try:
        found = family.read_sizes(file)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error}. It lies in {file.parent}: put a copy back, or delete it to make it anew"
        ) from None
    if found != sizes:
        raise CheckpointError(f"{file} is of another model than [model] describes: name another output folder")


def make_accelerator(config: TrainingConfig) -> Accelerator:
    """By the `run` table of the first phase, whose precision and device all phases share."""
    run = config.phases[0].run
    if run.torch_threads:
        torch.set_num_threads(run.torch_threads)
    # Given a CPU, accelerate lets several processes work together; left to find it, each would work alone.
    return Accelerator(mixed_precision=run.mixed_precision, cpu="cpu" in (run.device, default_device()))


def train_phase(
    config: TrainingConfig, phase: Phase, before: Path, result: Path, accelerator: Accelerator, piece: Piece
) -> None:
    """One phase from its first step, or its last checkpoint, to its model file, or until `piece` is over."""
    piece.begin_phase()
    family = family_of(config)
    parts, sizes = family.load(before, dtype=torch.float32)
    networks = family.networks(parts, sizes, phase)
    if phase.run.compile:
        networks.compile()  # in place: weights keep their names
    model, optimizer = accelerator.prepare(networks, make_optimizer(networks, phase.optimizer))
    average = average_of(networks.trained, phase.optimizer.ema)
    settings = phase_settings(config, phase)
    progress = TrainingProgress(
        result.with_name(STATE), phase, settings, networks.trained, average, optimizer, accelerator.scaler
    )
    progress.restore()
    source = make_source(config, phase, device=accelerator.device)
    batches = prefetch(
        family.examples(source, networks.stage, phase, sizes, config.seed),
        example_indices(phase, progress.step, accelerator.process_index, accelerator.num_processes),
        phase.run.threads,
    )
    log = Log(result.parent, phase, progress.step) if accelerator.is_main_process else None
    shown = samples(config, phase, sizes) if accelerator.is_main_process and phase.run.sample_every else None
    began = time.monotonic()
    for step in range(progress.step + 1, phase.steps + 1):
        if _agreed(piece.over(progress.num_bytes), piece, accelerator):
            if log:
                progress.save()
            accelerator.wait_for_everyone()
            raise Paused(phase.name, progress.step, phase.steps)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(phase.optimizer, step, phase.steps)
        loss, norm = optimize(model, optimizer, batches, phase, accelerator)
        if average is not None:
            average.step(networks.trained.values())
        progress.step = step
        progress.losses.append(loss)
        if step % phase.run.log_every == 0 or step == phase.steps:
            losses = progress.take_losses()
            if log:
                log.write(
                    step,
                    loss=sum(losses) / len(losses),
                    gradient_norm=float(norm),
                    learning_rate=optimizer.param_groups[0]["lr"],
                    seconds_per_step=(time.monotonic() - began) / len(losses),
                    processes=accelerator.num_processes,
                )
            began = time.monotonic()
        if log and step % phase.run.checkpoint_every == 0:
            progress.save()
        if shown and (step % phase.run.sample_every == 0 or step == phase.steps):
            with averaged(networks.trained, average):
                family.write_sheet(networks, shown, result.parent / "samples", step, accelerator.autocast)
    progress.check_weights()
    if accelerator.is_main_process:
        with averaged(networks.trained, average):
            if networks.trains("vae") and not phase.autoencoder.fixed_latents:
                normalise_latents(networks, samples(config, phase, sizes))
            save_result(family, networks.trained, before, result)
        progress.path.unlink(missing_ok=True)


def _agreed(over: bool, piece: Piece, accelerator: Accelerator) -> bool:
    """Several processes end behind the same step: as soon as the piece of one of them is over."""
    if accelerator.num_processes == 1 or piece.until == math.inf:  # asking each other costs time
        return over
    return bool(accelerator.reduce(torch.tensor(float(over), device=accelerator.device), "sum"))


def optimize(
    model: Any, optimizer: Any, batches: Iterator[dict[str, Tensor]], phase: Phase, accelerator: Accelerator
) -> tuple[Tensor, Tensor]:  # loss of the whole batch, norm of its gradient
    """One step: gradients of the batch's parts add up, over passes and over processes."""
    passes, _ = split_batch(phase, accelerator.num_processes)
    total = torch.zeros((), device=accelerator.device)
    for number in range(passes):
        batch = to_device(next(batches), accelerator.device)
        waiting = accelerator.no_sync(model) if number < passes - 1 else nullcontext()
        with waiting, attention(accelerator.device):
            loss = model(batch).mean() / passes
            accelerator.backward(loss)
        total += loss.detach()
    trained = [weight for group in optimizer.param_groups for weight in group["params"]]
    norm = accelerator.clip_grad_norm_(trained, phase.optimizer.clip_norm or float("inf"))
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return accelerator.reduce(total, "mean"), norm


def to_device(batch: TrainingExample, device: torch.device) -> TrainingExample:
    """Without waiting for what a card computes: its own copies come from pinned memory, behind all it was told."""
    if device.type == "cuda":
        batch = {name: tensor.pin_memory() if tensor.device.type == "cpu" else tensor for name, tensor in batch.items()}
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def attention(device: torch.device) -> AbstractContextManager[None]:
    """On a CPU plain matrix products: its fused kernel takes a quarter longer for a small model's attention."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def split_batch(phase: Phase, processes: int) -> tuple[int, int]:
    """Passes per step, and clips of each pass of each process."""
    at_once = phase.run.clips_at_once or phase.batch // processes
    return phase.batch // (processes * at_once), at_once


def example_indices(phase: Phase, step: int, process: int, processes: int) -> Iterator[list[int]]:
    """The examples of each pass that this process makes, from the step after `step` to the last.

    Numbers of examples run through the training: which are in a batch does not depend on how
    many processes share it.
    """
    passes, at_once = split_batch(phase, processes)
    for first in range(step * phase.batch, phase.steps * phase.batch, phase.batch):
        for number in range(passes):
            start = first + (number * processes + process) * at_once
            yield list(range(start, start + at_once))


def learning_rate(settings: OptimizerConfig, step: int, steps: int) -> float:
    """At optimizer step `step` of `steps`, counted from 1: rising, level, falling towards 0."""
    rise = min(step / settings.warmup, 1.0) if settings.warmup else 1.0
    fall = min((steps - step + 1) / (settings.decay * steps), 1.0) if settings.decay else 1.0
    return settings.lr * rise * fall


def make_optimizer(networks: NetworksInTraining, settings: OptimizerConfig) -> torch.optim.Optimizer:
    """Adam over the trained weights; with `eight_bit` bitsandbytes'."""
    kind: Any = torch.optim.AdamW
    fused = {"fused": default_device() != "mps"}  # one pass over all weights: a fourth of the time on a CPU
    if settings.eight_bit:
        from bitsandbytes.optim import AdamW8bit as kind  # type: ignore[no-redef]

        fused = {}
    return kind(
        list(networks.trained.values()),
        lr=settings.lr,
        betas=(settings.beta1, settings.beta2),
        eps=settings.eps,
        weight_decay=settings.weight_decay,
        **fused,
    )


def samples(config: TrainingConfig, phase: Phase, sizes: Sizes) -> Callable[[int], TrainingExample]:
    """Makes the clips of the sheets: the same on every sheet, of another stream than those trained on."""
    return family_of(config).examples(
        make_source(config, phase, "sample"), phase.as_stage, phase, sizes, config.seed, purpose="sample"
    )


def normalise_latents(networks: NetworksInTraining, make: Callable[[int], TrainingExample], clips: int = 8) -> None:
    """A newly trained autoencoder's latents to unit variance, which training only pulls them towards."""
    frames = torch.cat([make(number)["video"] for number in range(clips)])
    scale_latents(networks.vae, latent_std(networks.vae, frames.to(networks.vae.device)))


def save_result(family: Family, trained: Mapping[str, Tensor], before: Path, result: Path) -> None:
    """A phase's model, its checksum beside it."""
    with with_checksum(result):
        family.save(trained, before, result)
