"""Checkpoints written: converted from one form to another, parted, joined."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file

from ..files import whole_file
from ..models.config import ModelConfig
from .names import UNUSED, Weights, is_control_weight, name_table, to_released
from .reading import (
    CONFIG_FILE,
    CONFIG_KEY,
    PARTS,
    Checkpoint,
    CheckpointError,
    build_parts,
    check_finite,
    open_checkpoint,
)

FILES = (".safetensors", ".ckpt")
MB = 10**6
HEADER_ROOM = MB // 2  # of a shard: the names and places of all tensors take less


def convert(
    source: str | Path,
    target: str | Path,
    *,
    svd: str | Path | None = None,
    target_svd: str | Path | None = None,
    config: ModelConfig | None = None,
    dtype: torch.dtype | None = None,
    shard_mb: int | None = None,
) -> None:
    """Any form that `open_checkpoint` reads → `.safetensors`, `.ckpt`, or (no suffix) a diffusers folder.

    With `target_svd` the model is parted: `target` gets the ControlNet with the temporal
    keys and values that ReVideo trained in the UNet, `target_svd` everything else.
    With `shard_mb` a .safetensors target becomes shards of as many MB at most, a tensor that is larger
    alone in one, and their index beside them, `<target>.index.json`: any of these files stands for the model.
    """
    _check_targets(Path(target), target_svd)
    if shard_mb is not None and Path(target).suffix.lower() != ".safetensors":
        raise CheckpointError(f"{Path(target).name}: only a .safetensors file is written in shards")
    checkpoint = open_checkpoint(source, config, svd)
    _check_fusion(checkpoint.config, Path(target))
    weights = checkpoint.weights
    if dtype is not None:
        checkpoint.weights = {name: weights.pop(name).to(dtype) for name in list(weights)}
    check_finite(checkpoint.weights, checkpoint.table, source)
    _save(checkpoint, Path(target), target_svd, shard_mb)


def save_weights(
    weights: Weights, target: str | Path, config: ModelConfig, *, target_svd: str | Path | None = None
) -> None:
    """Writes weights under our names; see `convert`. A file appears only when it is whole."""
    parts = build_parts(config)
    save_checkpoint(Checkpoint(weights, config, parts, name_table(config, parts)), target, target_svd=target_svd)


def save_checkpoint(checkpoint: Checkpoint, target: str | Path, *, target_svd: str | Path | None = None) -> None:
    """As `save_weights`, what was opened once and perhaps changed."""
    _check_targets(Path(target), target_svd)
    _check_fusion(checkpoint.config, Path(target))
    _save(checkpoint, Path(target), target_svd)


def _check_fusion(config: ModelConfig, target: Path) -> None:
    """A .ckpt holds no sizes, and by its tensors such a model would be taken for another."""
    if target.suffix.lower() == ".ckpt" and config.control.fusion == "safm_no_time":
        raise CheckpointError(
            f'{target.name}: a .ckpt file cannot say that its model\'s fusion is "safm_no_time"; '
            f"write a .safetensors file or a folder"
        )


def _check_targets(target: Path, target_svd: str | Path | None) -> None:
    """Before gigabytes are read."""
    files = [target] if target_svd is None else [target, Path(target_svd)]
    for file in files:
        if file.suffix.lower() not in FILES and (file.suffix or target_svd is not None):
            raise CheckpointError(
                f"{file.name}: write to .safetensors or .ckpt, or a folder without suffix (never parted)"
            )
        if not file.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {file.parent} to write {file.name} into")


def _save(checkpoint: Checkpoint, target: Path, target_svd: str | Path | None, shard_mb: int | None = None) -> None:
    if target.suffix.lower() not in FILES:
        _write_folder(checkpoint, target)
        return
    released = to_released(checkpoint.weights, checkpoint.table)
    if target_svd is not None:
        control = {name: tensor for name, tensor in released.items() if is_control_weight(name)}
        rest = {name: tensor for name, tensor in released.items() if name not in control}
        _write_file(rest, Path(target_svd), checkpoint.config)
        released = control
    if shard_mb is not None:
        _write_shards(released, target, checkpoint.config, shard_mb)
    else:
        _write_file(released, target, checkpoint.config)


def _write_shards(released: Weights, path: Path, config: ModelConfig, shard_mb: int) -> None:
    # Shapes alone: tensors that are views of one mapped file would all be put into one shard.
    shapes = {name: torch.empty(tensor.shape, dtype=tensor.dtype, device="meta") for name, tensor in released.items()}
    parted = split_torch_state_dict_into_shards(
        shapes, filename_pattern=f"{path.stem}{{suffix}}.safetensors", max_shard_size=shard_mb * MB - HEADER_ROOM
    )
    for file, names in parted.filename_to_tensors.items():
        _write_file({name: released[name] for name in names}, path.with_name(file), config)
    index = {"metadata": parted.metadata, "weight_map": parted.tensor_to_filename}
    with whole_file(path.with_name(f"{path.name}.index.json")) as unfinished:
        unfinished.write_text(json.dumps(index, indent=2), "utf-8")


def _write_file(released: Weights, path: Path, config: ModelConfig) -> None:
    with whole_file(path) as unfinished:
        if path.suffix.lower() == ".ckpt":
            torch.save({"state_dict": released}, unfinished)
        else:
            metadata = {CONFIG_KEY: config.to_json(), "format": "pt"}
            save_file({name: t.contiguous() for name, t in released.items()}, unfinished, metadata)


def _write_folder(checkpoint: Checkpoint, folder: Path) -> None:
    """Subfolders that diffusers and transformers open by themselves, and what they have no place for."""
    weights, parts = checkpoint.weights, checkpoint.parts
    unused = {name: tensor for name, tensor in weights.items() if name.startswith(UNUSED)}
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
        file = "model.safetensors" if part == "image_encoder" else "diffusion_pytorch_model.safetensors"
        own = {
            name.removeprefix(f"{part}."): tensor.contiguous()
            for name, tensor in weights.items()
            if name.startswith(f"{part}.")
        }
        with whole_file(folder / part / file) as unfinished:
            save_file(own, unfinished, {"format": "pt"})
        if part == "image_encoder":
            parts[part].config.save_pretrained(folder / part)
        else:
            parts[part].save_config(folder / part)
    if unused:
        (folder / "unused").mkdir(exist_ok=True)
        with whole_file(folder / "unused" / "model.safetensors") as unfinished:
            save_file({name: t.contiguous() for name, t in unused.items()}, unfinished, {"format": "pt"})
    with whole_file(folder / CONFIG_FILE) as unfinished:
        unfinished.write_text(checkpoint.config.to_json(), "utf-8")
