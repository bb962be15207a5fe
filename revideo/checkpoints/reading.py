"""Checkpoints: read from every form they come in, and checked.

Inside the library a weight is called `<part>.<name in diffusers or transformers>`;
names.py knows what the released files call it.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import torch

from ..models.config import ModelConfig
from ..models.controlnet import ReVideoControlNet
from ..models.image_encoder import build_image_encoder
from ..models.unet import ReVideoUNet
from ..models.vae import build_vae
from .builtin import TINY_FILE, TINY_MISSING, locate
from .file_formats import SHARD, CheckpointError, read_tensors
from .names import (
    CONTROL,
    INSIDE,
    UNET,
    UNUSED,
    Released,
    Weights,
    is_control_weight,
    name_table,
    to_diffusers,
)
from .released import no_checkpoint

PARTS = ("unet", "controlnet", "vae", "image_encoder")
CONFIG_KEY = "revideo_config"  # in a .safetensors file's metadata; in a folder, CONFIG_FILE
CONFIG_FILE = "revideo_config.json"
CONFIG_BYTES_MAX = 2**18
READ_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)  # that weights are read in

_log = logging.getLogger(__name__)


def build_parts(config: ModelConfig, device: str = "meta") -> dict[str, Any]:
    """The four networks; on the meta device shapes without weights, elsewhere random ones."""
    with torch.device(device):
        return {
            "unet": ReVideoUNet.from_model_config(config),
            "controlnet": ReVideoControlNet.from_model_config(config),
            "vae": build_vae(config.vae),
            "image_encoder": build_image_encoder(config.image_encoder),
        }


@dataclass
class Checkpoint:
    """Weights that fit the networks of `config`, memory-mapped, under our names; and unused ones."""

    weights: Weights
    config: ModelConfig
    parts: dict[str, Any]  # the networks, still on the meta device
    table: dict[str, Released]


@dataclass
class ControlPart:
    """What of a file ReVideo's training made: for hosts that bring Stable Video Diffusion themselves."""

    network: ReVideoControlNet
    config: ModelConfig
    temporal: Weights  # the UNet's keys and values trained with it, by their names in the released UNet; may be empty


def load_parts(
    path: str | Path,
    config: ModelConfig | None = None,
    dtype: torch.dtype | None = None,
    svd: str | Path | None = None,
    mapped: bool = True,
    vae_dtype: torch.dtype | None = None,  # if not `dtype`
) -> tuple[dict[str, Any], ModelConfig]:
    """The four networks with weights, and their sizes; weights stay memory-mapped unless `dtype` changes them.

    `mapped` False: all weights are copied, so that the file may be written anew while the model is in use.
    See `open_checkpoint` for what can be read and what is raised.
    """
    checkpoint = open_checkpoint(path, config, svd)
    # One precision for what works together; files of several parts have mixed ones.
    common = dtype or _widest(checkpoint.weights, ("unet.", "controlnet.", "image_encoder."))
    for part, module in checkpoint.parts.items():
        fill_part(module, part, checkpoint.weights, vae_dtype or dtype if part == "vae" else common, mapped)
        _check_filled(module, part, checkpoint.table, path)
    return checkpoint.parts, checkpoint.config


def load_control(
    path: str | Path, config: ModelConfig | None = None, dtype: torch.dtype | None = None, mapped: bool = True
) -> ControlPart:
    """The ControlNet of any file that `open_checkpoint` reads, or of a control file alone.

    Of a whole model nothing else is loaded; `mapped` as in `load_parts`. Raises CheckpointError, naming file and
    tensors.
    """
    path = locate(path)
    found, own_config = _read(path)
    config = config or own_config or ModelConfig()
    parts = {name: part for name, part in build_parts(config).items() if name in ("controlnet", "unet")}
    table = name_table(config, parts)
    weights = to_diffusers(found, table)
    control = {name: tensor for name, tensor in weights.items() if name.startswith(("controlnet.", CONTROL))}
    if not control:
        raise CheckpointError(f"{path.name} is {_describe(weights)}")
    network = parts["controlnet"]
    fill_part(network, "controlnet", needed_weights(control, table, {"controlnet": network}, path), dtype, mapped)
    _check_filled(network, "controlnet", table, path)
    temporal = {
        place.name.removeprefix(UNET): weights[name] if mapped else weights[name].clone()
        for name, place in table.items()
        if name in weights and place.name.startswith(UNET) and is_control_weight(place.name)
    }
    return ControlPart(network, config, temporal)


def fill_part(
    module: torch.nn.Module, part: str, weights: Weights, dtype: torch.dtype | None = None, mapped: bool = True
) -> None:
    """Gives a network its weights out of `weights`, which lose them; copies of them unless they may stay `mapped`.

    `dtype` None: their own, of several the one that holds all.
    """
    dtype = dtype or _widest(weights, (f"{part}.",))
    own = {}
    for name in module.state_dict():
        # Popped, so that a converted tensor's source is freed before the next is read.
        tensor = weights.pop(f"{part}.{name}")
        own[name] = tensor.to(dtype, copy=not mapped)
    module.load_state_dict(own, assign=True)
    module.requires_grad_(False)


def _widest(weights: Weights, starts: tuple[str, ...]) -> torch.dtype:
    return reduce(torch.promote_types, {tensor.dtype for name, tensor in weights.items() if name.startswith(starts)})


def check_finite(weights: Weights, table: dict[str, Released], path: str | Path) -> None:
    """Raises CheckpointError where a network's weight is NaN or infinite: a tenth of a second per GB in memory."""
    for name, tensor in weights.items():
        if name in table and not torch.stack(tensor.aminmax()).isfinite().all():
            raise CheckpointError(
                f"{Path(path).name}: {table[name].name} has values that are not finite in "
                f"{_name(tensor.dtype)}. Too large for it? Then use bf16 or fp32. Else the file is damaged, or its "
                f"training has diverged: use another"
            )


def _check_filled(module: torch.nn.Module, part: str, table: dict[str, Released], path: str | Path) -> None:
    check_finite({f"{part}.{name}": tensor for name, tensor in module.state_dict().items()}, table, path)


def read_config(path: str | Path, svd: str | Path | None = None) -> ModelConfig:
    """The sizes that a checkpoint states, else the released ones; raises CheckpointError, loads no weight."""
    stated = (_read(locate(file))[1] for file in (path, svd) if file is not None)
    return next(filter(None, stated), ModelConfig())


def read_weights(path: str | Path) -> Weights:
    """The tensors of any file or folder under the names it has, memory-mapped; raises CheckpointError."""
    return _read(locate(path))[0]


def open_checkpoint(path: str | Path, config: ModelConfig | None = None, svd: str | Path | None = None) -> Checkpoint:
    """`path`: a released `.ckpt` or `.safetensors`, a diffusers folder, "tiny", or a control file, which
    needs `svd`, a Stable Video Diffusion checkpoint in any of these forms. `config` None: the
    file's own, else the released size. Raises CheckpointError, naming file and tensors.
    """
    path = locate(path)
    control, own_config = _read(path)
    base, svd_config = _read(Path(svd)) if svd is not None else ({}, None)
    config = config or own_config or svd_config or ModelConfig()
    parts = build_parts(config)
    table = name_table(config, parts)
    own = to_diffusers(control, table)
    if svd is not None:
        trained = [name for name, place in table.items() if is_control_weight(place.name)]
        lacking = [table[name].name for name in trained if name not in own]
        if lacking:  # the other file's would be taken for them, silently
            raise CheckpointError(
                f"{path.name} is no ReVideo control file: it lacks {len(lacking)} of {len(trained)} tensors that "
                f"ReVideo trained ({name_few(lacking)}); are the two files swapped?"
            )
    weights = to_diffusers(base, table) | own
    kind = _describe(weights)
    if kind:
        what = f"and {Path(svd).name} together are" if svd is not None else "is"
        raise CheckpointError(f"{path.name} {what} {kind}")
    return Checkpoint(needed_weights(weights, table, parts, path), config, parts, table)


def _read(path: Path) -> tuple[Weights, ModelConfig | None]:
    """The tensors of one file or folder, memory-mapped, and the sizes it states."""
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.exists():
            raise CheckpointError(TINY_MISSING if path == TINY_FILE else no_checkpoint(path))
        weights, metadata = read_tensors(path)
    except OSError as error:
        raise CheckpointError(f"{error.filename or path} cannot be read ({error.strerror or error})") from None
    config = metadata.get(CONFIG_KEY)
    return weights, _parse_config(config, path) if config else None


def _parse_config(text: str, path: Path) -> ModelConfig:
    try:
        return ModelConfig.from_json(text)
    except ValueError as error:
        raise CheckpointError(f"{path.name}: {error}") from None


def _read_folder(folder: Path) -> tuple[Weights, ModelConfig | None]:
    """A diffusers folder: one subfolder for each part, its tensors under diffusers' names."""
    weights: Weights = {}
    for part in (*PARTS, "unused"):
        files = sorted((folder / part).glob("*.safetensors"))
        whole = [file for file in files if file.name in ("diffusion_pytorch_model.safetensors", "model.safetensors")]
        for file in whole or files:  # beside a whole file lie only its variants
            prefix = "" if part == "unused" else f"{part}."
            try:
                tensors, _ = read_tensors(file)
            except CheckpointError as error:  # which begins with the file's name, of which there are several
                raise CheckpointError(f"{folder.name}/{part}/{error}") from None
            named = {prefix + name: tensor for name, tensor in tensors.items()}
            if named.keys() & weights.keys() and not SHARD.fullmatch(file.name):  # each shard stands for all
                raise CheckpointError(
                    f"{folder.name}/{part} holds the same weights in several files "
                    f"({name_few([f.name for f in files])}): leave one of these variants there"
                )
            weights |= named
    if not weights:
        raise CheckpointError(f"{folder} is no diffusers folder: no unet/*.safetensors or other part in it")
    weights.pop("image_encoder.vision_model.embeddings.position_ids", None)  # older exports store this count
    return weights, _read_config(folder / CONFIG_FILE)


def _read_config(file: Path) -> ModelConfig | None:
    """The sizes in a folder's file; None where there is none."""
    if not os.path.lexists(file):
        return None
    if not file.is_file() or file.stat().st_size > CONFIG_BYTES_MAX:
        raise CheckpointError(f"{file} is no file of a model's sizes: remove it, or save the model again")
    try:
        return _parse_config(file.read_text("utf-8-sig"), file)
    except UnicodeDecodeError:
        raise CheckpointError(f"{file} is not UTF-8 text: save it as such") from None


def _describe(weights: Weights) -> str | None:
    """What a file is, where it is not a ReVideo model; None where it is or may be."""
    names = list(weights)

    def holds(*starts: str) -> bool:
        return any(name.startswith(starts) for name in names)

    if holds("controlnet.", CONTROL):
        if not holds("unet.", UNET) or not holds("vae.") or not holds("image_encoder."):
            return (
                "a ReVideo control file without the rest of the model: "
                "name a Stable Video Diffusion checkpoint beside it (svd)"
            )
        return None
    if any(name.startswith(("unet.", UNET)) and ("time_stack" in name or "temporal" in name) for name in names):
        return (
            "a plain Stable Video Diffusion checkpoint without ReVideo's ControlNet: "
            "use a ReVideo checkpoint, or this file as the svd beside a ReVideo control file"
        )
    if holds("adaptor."):
        return "a propagator, not a ReVideo checkpoint: `revideo propagate` and Load Propagator take it"
    if holds("cond_stage_model."):
        return "a Stable Diffusion 1.x or 2.x checkpoint, not a ReVideo one"
    if holds("conditioner.embedders.1."):
        return "an SDXL checkpoint, not a ReVideo one"
    if any("lora" in name for name in names):
        return "a LoRA, not a ReVideo checkpoint"
    return f"not a ReVideo checkpoint: its first tensors are {name_few(names)}"


def needed_weights(weights: Weights, table: dict[str, Released], parts: dict[str, Any], path: Path) -> Weights:
    """Without what no network has (averages, schedules, losses of a training), once all is there that is needed.

    One error for all that is missing, unexpected or of another shape, in released names.
    """
    expected = {f"{part}.{name}": t for part, module in parts.items() for name, t in module.state_dict().items()}
    missing = dict.fromkeys(table[name].name for name in expected if name not in weights)
    extra = [name for name in weights if name not in expected and not name.startswith(UNUSED)]
    wrong = [
        f"{table[name].name} is {list(weights[name].shape)} instead of {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    unexpected = extra if missing or wrong else [name for name in extra if name.startswith(INSIDE)]
    problems = [
        f"{len(names)} tensors {what} ({name_few(list(names))})"
        for names, what in ((missing, "missing"), (unexpected, "unexpected"), (wrong, "of another shape"))
        if names
    ]
    if problems:
        raise CheckpointError(
            f"{path.name} does not fit the model: {'; '.join(problems)}. A model of other widths must carry "
            f'"{CONFIG_KEY}" in its metadata or be loaded with its config'
        )
    unread = [
        f"{table[name].name} in {_name(weights[name].dtype)}"
        for name in expected
        if weights[name].dtype not in READ_DTYPES
    ]
    if unread:
        raise CheckpointError(
            f"{path.name} holds {len(unread)} weights in a precision that is not read ({name_few(unread)}): use a file "
            f"in fp16, bf16, fp32 or fp64, of which fp8 can be made as it is loaded"
        )
    if extra:
        _log.info("%s: %d tensors that no network has are left out (%s)", path.name, len(extra), name_few(extra))
    return {name: tensor for name, tensor in weights.items() if name in expected or name.startswith(UNUSED)}


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def name_few(names: list[str]) -> str:
    """The first of them, as an error names tensors."""
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "") if names else "none"
