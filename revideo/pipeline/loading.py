"""A checkpoint → the networks of a model, in the precision and the way that were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from ..checkpoints.reading import load_parts
from ..models.blocks import ResidualBlock, TemporalConvolution, Transformer
from ..models.config import ModelConfig
from ..models.fused_linear import has_fast_bf16
from .devices import default_device

FP8 = torch.float8_e4m3fn
KINDS = 64  # of compiled blocks: by widths and layout in memory; torch gives up after 8


def load_networks(
    path: str | Path,
    config: ModelConfig | None = None,
    dtype: torch.dtype | Literal["auto"] | None = None,
    device: torch.device | str | None = None,
    *,
    svd: str | Path | None = None,
    fp8: bool = False,
    compiled: bool = False,
    mapped: bool = True,
) -> tuple[dict[str, Any], ModelConfig, torch.device]:
    """What a Pipeline is made of, from the arguments of `revideo.load`; raises CheckpointError, a ValueError."""
    device = torch.device(device or default_device())
    if fp8 and compiled:
        raise ValueError("compiled blocks work on weights as they are: leave out fp8 or compiling")
    if fp8:
        check_fp8(device)
    on_cpu = device.type == "cpu"
    vae_dtype = torch.float32 if on_cpu and dtype == "auto" else None  # which is decoded once, and shows
    if dtype is None or dtype == "auto":
        dtype = (torch.bfloat16 if dtype and has_fast_bf16() else torch.float32) if on_cpu else None
    parts, config = load_parts(path, config, dtype, svd, mapped, vae_dtype)
    if parts["vae"].dtype == torch.float16:
        parts["vae"].float()  # SVD's autoencoder overflows in fp16
    if on_cpu and dtype != torch.float16:  # which no CPU computes in, and may stay mapped to its file
        lay_out_convolutions(parts["unet"], parts["controlnet"], parts["vae"].decoder)
    if fp8:
        store_in_fp8(parts["unet"], parts["controlnet"])
    if compiled:
        compile_blocks(parts["unet"], parts["controlnet"])
    return parts, config, device


def check_fp8(device: torch.device) -> None:
    """ValueError where the device cannot hold such weights."""
    try:
        torch.zeros(1, device=device).to(FP8)
    except (RuntimeError, TypeError):
        raise ValueError(f"{device} has no fp8 weights: load the model without fp8") from None


def store_in_fp8(*networks: Any) -> None:
    """Convolutions and linear layers of diffusers' networks, by its layerwise casting; norms stay as they are.

    What a layer at work takes in its own precision is not planned for: a hundredth of what is saved.
    """
    for network in networks:
        network.enable_layerwise_casting(storage_dtype=FP8, compute_dtype=network.dtype)


def lay_out_convolutions(*networks: nn.Module) -> None:
    """Weights of flat and temporal convolutions with channels last, as what they work on: else each call copies."""
    for network in networks:
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
            elif isinstance(module, TemporalConvolution):
                flat = module.weight.data[..., 0].contiguous(memory_format=torch.channels_last)
                module.weight.data = flat[..., None]


def compile_blocks(*networks: nn.Module, **options: Any) -> None:
    """Compiles the repeated blocks, each kind once and for frames of any size, at their first use: takes minutes.

    `options` as for `torch.compile`, such as `backend`. A size compiles anew only what it changes the course of:
    where feed-forwards run in another number of parts.
    """
    from torch._dynamo import config  # takes seconds

    config.cache_size_limit = max(KINDS, config.cache_size_limit)  # its name in torch 2.4 too
    for network in networks:
        for block in network.modules():
            if isinstance(block, (ResidualBlock, Transformer)):
                block.compile(dynamic=True, **options)
