"""Whether a training can work, known before any work: files, sizes and packages, not only single values."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ..propagation.depth import load_disparity
from ..tracks.tracking import load_cotracker
from .config import Phase, TrainingConfig
from .config_file import TrainingConfigError
from .families import Family, Sizes, family_of
from .networks import FIXED_LATENT_CHANNELS
from .state import LOG, STATE
from .video_folder import SUFFIXES

Refuse = Callable[[str, str], None]  # key, why: raises
PIXELS_MAX = 10**9  # of all clips of a pass, or of a sheet: 12 GB as float32
TRACKED_MAX = 100_000  # that are tracked through one clip
MIN_FRAMES = 3  # with 2 a temporal convolution's bf16 weight gradients are wrong on the CPU


def check_training(config: TrainingConfig, processes: int = 1) -> None:
    """Raises TrainingConfigError, naming the key, where the config cannot work."""
    family = family_of(config)
    for name in ("path", "svd", "sd", "clip"):
        file = getattr(config.model, name)
        if file and not Path(file).exists():
            raise TrainingConfigError(f'"model.{name}": there is no file {file}')
    for number, phase in enumerate(config.phases):
        if phase.stage not in family.stages:
            known = ", ".join(family.stages)
            raise TrainingConfigError(f'"phases[{number}].stage": a {config.model.kind} has {known}, not {phase.stage}')
    _check_output(config)
    try:
        sizes = family.sizes(config.model)
    except ValueError as error:
        raise TrainingConfigError(f'"model": {error}') from None
    check_sides(config, sizes)
    for number, phase in enumerate(config.phases):
        _check_phase(f"phases[{number}]", phase, sizes, family, processes)
        for name in ("mixed_precision", "device"):
            if getattr(phase.run, name) != getattr(config.phases[0].run, name):
                raise TrainingConfigError(f'"phases[{number}].run.{name}" must be the same in all phases')
    _check_disk(config, family.build(sizes))


def check_sides(config: TrainingConfig, sizes: Sizes) -> None:
    """Raises TrainingConfigError where the networks cannot take a phase's clips."""
    for number, phase in enumerate(config.phases):
        multiple = sizes.vae.stride if phase.stage == "autoencoder" else sizes.size_multiple
        for name in ("width", "height"):
            side = getattr(phase, name)
            if side % multiple:
                below = max(side // multiple, 1) * multiple
                raise TrainingConfigError(
                    f'"phases[{number}].{name}" {side} is not a multiple of the model\'s {multiple}: '
                    f"take {below} or {below + multiple}"
                )


def _check_output(config: TrainingConfig) -> None:
    """That nothing lies in the way of what will be written, perhaps days from now."""
    output = Path(config.output)
    if output.exists() and not output.is_dir():
        raise TrainingConfigError(f'"output": {output} is a file, not a folder')
    for name in ("samples", "tracks", "tensorboard"):
        if (output / name).is_file():
            raise TrainingConfigError(f'"output": {output / name} is a file, not a folder: move it away')
    for name in (LOG, STATE, *config.files):
        if (output / name).is_dir():
            raise TrainingConfigError(f'"output": {output / name} is a folder, not a file: move it away')


def _check_disk(config: TrainingConfig, parts: dict[str, Any]) -> None:
    """That the models still to come fit on the disk, and two checkpoints, of which one replaces the other."""
    output = Path(config.output)
    models = sum(not (output / name).exists() for name in config.files)
    if not models:
        return
    numbers = models * sum(weight.numel() for part in parts.values() for weight in part.parameters())
    # Weights, averages, Adam's two moments.
    numbers += 2 * 4 * max(sum(each.numel() for each in phase.parameters(parts).values()) for phase in config.phases)
    there = next(folder for folder in (output, *output.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if 4 * numbers > free:
        needed = f"{4 * numbers / 1e9:.1f} GB for its models and checkpoints"
        raise TrainingConfigError(f'"output": {output} needs {needed}, and its disk has {free / 1e9:.1f} GB left')


def _check_phase(where: str, phase: Phase, sizes: Sizes, family: Family, processes: int) -> None:
    def refuse(name: str, why: str) -> None:
        raise TrainingConfigError(f'"{where}.{name}" {why}')

    if phase.frames < MIN_FRAMES and phase.stage != "autoencoder":
        refuse("frames", f"must be at least {MIN_FRAMES}, not {phase.frames}")
    if phase.batch % (processes * (phase.run.clips_at_once or 1)):
        at_once = phase.run.clips_at_once
        what = f"{processes} processes" + (f" times run.clips_at_once {at_once}" if at_once else "")
        refuse("batch", f"{phase.batch} cannot be shared among {what}")
    _check_pixels(phase, processes, refuse)
    if phase.also_train or phase.train_only:
        _check_patterns(phase, family.build(sizes), refuse)
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


def _check_pixels(phase: Phase, processes: int, refuse: Refuse) -> None:
    """That what is computed at once is of a size that any machine could hold."""
    run = phase.run
    clip = phase.frames * phase.width * phase.height
    passed = (run.clips_at_once or phase.batch // processes) * clip
    if passed > PIXELS_MAX:
        refuse(
            "width", f"times height, frames and the clips of a pass is {passed:.2g}: {PIXELS_MAX:.0e} pixels at most"
        )
    drawn = 2 * run.sample_clips * clip if run.sample_every else 0
    if drawn > PIXELS_MAX:
        refuse("run.sample_clips", f"{run.sample_clips} are {drawn:.2g} pixels of a sheet: {PIXELS_MAX:.0e} at most")
    points = phase.width * phase.height // phase.trajectories.grid_px**2
    if phase.data.kind == "folder" and points > TRACKED_MAX:
        refuse(
            "trajectories.grid_px", f"{phase.trajectories.grid_px} is {points} points to track: {TRACKED_MAX} at most"
        )


def _check_patterns(phase: Phase, parts: dict[str, Any], refuse: Refuse) -> None:
    for pattern in phase.also_train:
        if not replace(phase.as_stage, trains=(pattern,)).parameters(parts):
            refuse("also_train", f"matches no weight: {pattern!r}")
    if not phase.parameters(parts):
        refuse("train_only", "leaves no weight of the stage to train")


def _check_data(phase: Phase, refuse: Refuse) -> None:
    data = phase.data
    if data.kind == "synthetic":
        from ..synthetic.clips import plan_clip

        try:
            plan_clip(0, frames=phase.frames, height=phase.height, width=phase.width, **data.options.given)
        except ValueError as error:
            refuse("data.options", f"cannot make a clip: {error}")
    else:
        if not data.folder:
            refuse("data.folder", "is missing: name the folder of video files")
        if not Path(data.folder).is_dir():
            refuse("data.folder", f"names no folder: {data.folder}")
        if not any(file.suffix.lower() in SUFFIXES for file in Path(data.folder).rglob("*")):
            refuse("data.folder", f"holds no video file ({', '.join(SUFFIXES)}): {data.folder}")
        if phase.stage == "propagate":
            if not data.depth:
                refuse("data.depth", "is missing: name the depth model, a folder or a TorchScript file")
            try:
                load_disparity(data.depth)
            except (ValueError, OSError) as error:
                refuse("data.depth", f"cannot be used: {error}")
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
