"""Propagators in files: a folder as diffusers saves one, or one .safetensors file.

Nobody has released one, so both forms are ours: diffusers' and transformers' own names, `<part>.<name>` in the file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from ..files import whole_file
from ..models.propagator import build_propagator, noise_schedule
from ..models.propagator_config import PropagatorConfig
from .builtin import locate_propagator
from .file_formats import CheckpointError, read_tensors
from .names import CONTROL, Weights
from .reading import CONFIG_BYTES_MAX, fill_part, name_few

PROPAGATOR_KEY = "propagator_config"  # in a file's metadata; in a folder, PROPAGATOR_CONFIG
PROPAGATOR_CONFIG = "propagator_config.json"
WEIGHT_FILES = ("diffusion_pytorch_model.safetensors", "model.safetensors")
STABLE_DIFFUSION = ("model.diffusion_model.", "cond_stage_model.", "first_stage_model.")
TRAIN_ONE = 'train one from Stable Diffusion 1.5 (`revideo train`, kind = "propagator": docs/propagation.md)'


def open_propagator(path: str | Path) -> tuple[Weights, PropagatorConfig]:
    """Weights under `<part>.<name>`, memory-mapped, and sizes; the text "tiny" is the built-in one.

    Raises CheckpointError, naming file and tensors, for what is missing, damaged, or no propagator.
    """
    path = locate_propagator(path)
    try:
        weights, config = _read_folder(path) if path.is_dir() else _read_file(path)
    except OSError as error:
        raise CheckpointError(f"{error.filename or path} cannot be read ({error.strerror or error})") from None
    if config is None:
        raise CheckpointError(f"{path.name} is {_describe(weights)}")
    _check_whole(weights, config, path)
    return weights, config


def load_propagator_parts(
    path: str | Path, dtype: torch.dtype | None = None, mapped: bool = True
) -> tuple[dict[str, Any], PropagatorConfig]:
    """The networks with weights, and their sizes; `dtype` None: the file's own. Raises as `open_propagator`."""
    weights, config = open_propagator(path)
    parts = build_propagator(config)
    for part, network in parts.items():
        fill_part(network, part, weights, dtype, mapped)
        for name, tensor in network.state_dict().items():
            if not torch.stack(tensor.aminmax()).isfinite().all():
                raise CheckpointError(
                    f"{Path(path).name}: {part}.{name} has values that are not finite: the file is damaged, or its "
                    f"training has diverged; use another"
                )
    return parts, config


def save_propagator(weights: Weights, target: str | Path, config: PropagatorConfig) -> None:
    """Weights under `<part>.<name>` → a .safetensors file, or (no suffix) a folder. A file appears when it is whole."""
    target = Path(target)
    if target.suffix.lower() not in (".safetensors", ""):
        raise CheckpointError(f"{target.name}: a propagator is written to .safetensors, or a folder without suffix")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent} to write {target.name} into")
    weights = {name: tensor.contiguous() for name, tensor in weights.items()}
    if target.suffix:
        with whole_file(target) as unfinished:
            save_file(weights, unfinished, {PROPAGATOR_KEY: config.to_json(), "format": "pt"})
        return
    for part, network in build_propagator(config).items():
        folder = target / part
        folder.mkdir(parents=True, exist_ok=True)
        own = {name.removeprefix(f"{part}."): tensor for name, tensor in weights.items() if name.startswith(f"{part}.")}
        with whole_file(folder / WEIGHT_FILES[part == "image_encoder"]) as unfinished:
            save_file(own, unfinished, {"format": "pt"})
        if part == "image_encoder":
            network.config.save_pretrained(folder)
        elif part != "adaptor":
            network.save_config(folder)
    noise_schedule(config.remedies.zero_terminal_snr).save_config(target / "scheduler")
    with whole_file(target / PROPAGATOR_CONFIG) as unfinished:
        unfinished.write_text(config.to_json(), "utf-8")


def convert_propagator(source: str | Path, target: str | Path, dtype: torch.dtype | None = None) -> None:
    """From one form into the other, in another precision if one is named."""
    weights, config = open_propagator(source)
    if dtype is not None:
        weights = {name: weights.pop(name).to(dtype) for name in list(weights)}
    save_propagator(weights, target, config)


def is_propagator(path: str | Path) -> bool:
    """Whether a file or folder says that it is one; reads no weight."""
    path = Path(path)
    if path.is_dir():
        return (path / PROPAGATOR_CONFIG).is_file()
    try:
        return path.is_file() and PROPAGATOR_KEY in read_tensors(path)[1]
    except (CheckpointError, OSError):
        return False


def _read_file(path: Path) -> tuple[Weights, PropagatorConfig | None]:
    if not path.exists():
        raise CheckpointError(f"there is no propagator {path}")
    weights, metadata = read_tensors(path)
    text = metadata.get(PROPAGATOR_KEY)
    return weights, _parse(text, path) if text else None


def _read_folder(folder: Path) -> tuple[Weights, PropagatorConfig | None]:
    file = folder / PROPAGATOR_CONFIG
    if not os.path.lexists(file):
        if (folder / "model_index.json").is_file() or (folder / "unet").is_dir():
            raise CheckpointError(f"{folder} is a model as diffusers saves one, but no propagator: {TRAIN_ONE}")
        raise CheckpointError(f"{folder} is no propagator: there is no {PROPAGATOR_CONFIG} in it")
    config = _parse(json.dumps(read_json(file)), file)
    parts = build_propagator(config)
    return {f"{part}.{name}": tensor for part in parts for name, tensor in read_part(folder, part).items()}, config


def read_part(folder: Path, part: str) -> Weights:
    """The weights in a subfolder, under diffusers' or transformers' names."""
    files = [folder / part / name for name in WEIGHT_FILES if (folder / part / name).is_file()]
    if not files:
        raise CheckpointError(
            f"{folder} lacks its {_named(part)}: there is no {part}/{WEIGHT_FILES[part == 'image_encoder']}"
        )
    try:
        weights, _ = read_tensors(files[0])
    except CheckpointError as error:
        raise CheckpointError(f"{folder.name}/{part}/{error}") from None
    weights.pop("vision_model.embeddings.position_ids", None)
    return weights


def read_json(file: Path) -> dict[str, Any]:
    """A file of sizes; CheckpointError where it is not there, or no JSON object."""
    if not file.is_file() or file.stat().st_size > CONFIG_BYTES_MAX:
        raise CheckpointError(f"there is no {file} that states the model's sizes: use a folder as it was saved")
    try:
        values = json.loads(file.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file} is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{file} must hold a JSON object")
    return values


def _parse(text: str, path: Path) -> PropagatorConfig:
    try:
        return PropagatorConfig.from_json(text)
    except ValueError as error:
        raise CheckpointError(f"{path.name}: {error}") from None


def _check_whole(weights: Weights, config: PropagatorConfig, path: Path) -> None:
    parts = build_propagator(config)
    for part, network in parts.items():
        if not any(name.startswith(f"{part}.") for name in weights):
            raise CheckpointError(f"{path.name} lacks its {_named(part)}: use the whole file")
        check_part(weights, part, network, path)
    extra = [name for name in weights if not name.startswith(tuple(f"{part}." for part in parts))]
    if extra:
        raise CheckpointError(f"{path.name} holds tensors of no part of a propagator ({name_few(extra)})")


def check_part(weights: Weights, part: str, network: nn.Module, path: Path) -> None:
    """CheckpointError that names what is missing, unexpected or of another shape."""
    expected = {f"{part}.{name}": tensor for name, tensor in network.state_dict().items()}
    missing = [name for name in expected if name not in weights]
    extra = [name for name in weights if name.startswith(f"{part}.") and name not in expected]
    wrong = [
        f"{name} is {list(weights[name].shape)} instead of {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    problems = [
        f"{len(names)} tensors {what} ({name_few(names)})"
        for names, what in ((missing, "missing"), (extra, "unexpected"), (wrong, "of another shape"))
        if names
    ]
    if problems:
        raise CheckpointError(f"{path.name} does not fit the {_named(part)}: {'; '.join(problems)}")


def _named(part: str) -> str:
    return {"image_encoder": "image encoder (CLIP)", "vae": "autoencoder (vae)", "unet": "UNet"}.get(part, part)


def _describe(weights: Weights) -> str:
    names = list(weights)
    if any(name.startswith(CONTROL) for name in names):
        return "a ReVideo checkpoint, not a propagator: `revideo edit` and Load ReVideo Model take it"
    if any(name.startswith(STABLE_DIFFUSION) and ("time_stack" in name or "temporal" in name) for name in names):
        return f"a Stable Video Diffusion checkpoint, not a propagator: {TRAIN_ONE}"
    if any(name.startswith(STABLE_DIFFUSION) for name in names):
        return f"a Stable Diffusion checkpoint, not a propagator: {TRAIN_ONE}"
    return f"no propagator: it states no sizes ({PROPAGATOR_KEY}), and its first tensors are {name_few(names)}"
