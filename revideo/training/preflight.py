"""Whether a training can work, known before any work: files, sizes and packages, not only single values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch

from ..checkpoints.reading import build_parts
from ..models.config import ModelConfig
from ..tracks.tracking import load_cotracker
from .config import Phase, TrainingConfig
from .config_file import TrainingConfigError
from .initial_weights import model_config
from .networks import FIXED_LATENT_CHANNELS
from .video_folder import SUFFIXES

Refuse = Callable[[str, str], None]  # key, why: raises
GIVEN_BY_PHASE = ("seed", "frames", "height", "width")  # of plan_clip, which the phase gives
MIN_FRAMES = 3  # with 2 a temporal convolution's bf16 weight gradients are wrong on the CPU


def check_training(config: TrainingConfig, processes: int = 1) -> None:
    """Raises TrainingConfigError, naming the key, where the config cannot work."""
    for name in ("path", "svd"):
        file = getattr(config.model, name)
        if file and not Path(file).exists():
            raise TrainingConfigError(f'"model.{name}": there is no file {file}')
    output = Path(config.output)
    if output.exists() and not output.is_dir():
        raise TrainingConfigError(f'"output": {output} is a file, not a folder')
    try:
        sizes = model_config(config.model)
    except ValueError as error:
        raise TrainingConfigError(f'"model": {error}') from None
    for number, phase in enumerate(config.phases):
        _check_phase(f"phases[{number}]", phase, sizes, processes)
        for name in ("mixed_precision", "device"):
            if getattr(phase.run, name) != getattr(config.phases[0].run, name):
                raise TrainingConfigError(f'"phases[{number}].run.{name}" must be the same in all phases')


def _check_phase(where: str, phase: Phase, sizes: ModelConfig, processes: int) -> None:
    def refuse(name: str, why: str) -> None:
        raise TrainingConfigError(f'"{where}.{name}" {why}')

    autoencoder = phase.stage == "autoencoder"
    multiple = sizes.vae.stride if autoencoder else sizes.size_multiple
    for name in ("width", "height"):
        side = getattr(phase, name)
        if side % multiple:
            below = max(side // multiple, 1) * multiple
            refuse(name, f"{side} is not a multiple of the model's {multiple}: take {below} or {below + multiple}")
    if phase.frames < MIN_FRAMES and not autoencoder:
        refuse("frames", f"must be at least {MIN_FRAMES}, not {phase.frames}")
    if phase.batch % (processes * (phase.run.clips_at_once or 1)):
        at_once = phase.run.clips_at_once
        what = f"{processes} processes" + (f" times run.clips_at_once {at_once}" if at_once else "")
        refuse("batch", f"{phase.batch} cannot be shared among {what}")
    _check_patterns(phase, sizes, refuse)
    if phase.trajectories.least > phase.trajectories.most:
        refuse("trajectories.least", f"{phase.trajectories.least} is more than most, {phase.trajectories.most}")
    if phase.area.min_px > min(phase.height, phase.width) and phase.as_stage.content:
        refuse("area.min_px", f"{phase.area.min_px} does not fit into {phase.width}×{phase.height}")
    if phase.noise.uniform_low >= phase.noise.uniform_high:
        refuse("noise.uniform_low", f"{phase.noise.uniform_low:g} must be below uniform_high")
    if phase.autoencoder.fixed_latents and sizes.vae.latent_channels != FIXED_LATENT_CHANNELS:
        channels = sizes.vae.latent_channels
        refuse("autoencoder.fixed_latents", f"are {FIXED_LATENT_CHANNELS} channels; the model has {channels}")
    _check_data(phase, refuse)
    _check_run(phase, refuse)


def _check_patterns(phase: Phase, sizes: ModelConfig, refuse: Refuse) -> None:
    if not (phase.also_train or phase.train_only):
        return
    parts = build_parts(sizes)
    for pattern in phase.also_train:
        if not replace(phase.as_stage, trains=(pattern,)).parameters(parts):
            refuse("also_train", f"matches no weight: {pattern!r}")
    if not phase.parameters(parts):
        refuse("train_only", "leaves no weight of the stage to train")


def _check_data(phase: Phase, refuse: Refuse) -> None:
    data = phase.data
    if data.kind == "synthetic":
        from ..synthetic.clips import plan_clip

        known = [name for name in inspect.signature(plan_clip).parameters if name not in GIVEN_BY_PHASE]
        for name in data.options:
            if name not in known:
                refuse(f"data.options.{name}", f"is unknown; synthetic clips have {', '.join(known)}")
        try:
            plan_clip(0, frames=phase.frames, height=phase.height, width=phase.width, **data.options)
        except (ValueError, TypeError) as error:
            refuse("data.options", f"cannot make a clip: {error}")
    else:
        if not data.folder:
            refuse("data.folder", "is missing: name the folder of video files")
        if not Path(data.folder).is_dir():
            refuse("data.folder", f"names no folder: {data.folder}")
        if not any(file.suffix.lower() in SUFFIXES for file in Path(data.folder).rglob("*")):
            refuse("data.folder", f"holds no video file ({', '.join(SUFFIXES)}): {data.folder}")
        if data.cotracker:
            try:
                load_cotracker(data.cotracker)
            except (ValueError, OSError) as error:
                refuse("data.cotracker", f"cannot be used: {error}")


def _check_run(phase: Phase, refuse: Refuse) -> None:
    run = phase.run
    on_gpu = torch.cuda.is_available() and run.device != "cpu"
    if run.mixed_precision == "fp16" and not on_gpu:
        refuse("run.mixed_precision", "fp16 needs a GPU: take bf16 or no")
    if run.frozen != "fp32" and run.mixed_precision != run.frozen:
        refuse("run.frozen", f"{run.frozen} needs run.mixed_precision {run.frozen!r} too")
    if run.tensorboard and find_spec("tensorboard") is None:
        refuse("run.tensorboard", "needs a package: pip install tensorboard")
    if phase.optimizer.eight_bit and find_spec("bitsandbytes") is None:
        refuse("optimizer.eight_bit", "needs a package: pip install bitsandbytes")
