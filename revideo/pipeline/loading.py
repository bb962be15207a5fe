"""A checkpoint → a ReVideo model, in the precision and the way that were asked for."""

from __future__ import annotations

from pathlib import Path

import torch

from ..checkpoints.reading import load_parts
from ..models.config import ModelConfig
from .compiling import compile_blocks
from .fp8 import check_fp8, store_in_fp8
from .pipeline import ReVideo, default_device


def load(
    path: str | Path,
    config: ModelConfig | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    *,
    svd: str | Path | None = None,
    fp8: bool = False,
    compiled: bool = False,
) -> ReVideo:
    """A model from a released `.ckpt` or `.safetensors`, a diffusers folder, or a control file with `svd`.

    The text "tiny" is always the small model that is built in; `./tiny` is a path like others.
    `config` None: the sizes that the file states, else the released ones. `dtype` None:
    float32 on the CPU, elsewhere the file's own. `fp8`: UNet and control net wait in eight
    bits and work in `dtype`; half the memory of fp16 and a coarser model. `compiled`: their
    blocks go through `torch.compile` at their first use. Raises CheckpointError, a ValueError.
    """
    device = torch.device(device or default_device())
    if fp8 and compiled:
        raise ValueError("compiled blocks work on weights as they are: leave out fp8 or compiling")
    if fp8:
        check_fp8(device)
    if dtype is None and device.type == "cpu":
        dtype = torch.float32  # half precision on a CPU is slower and no smaller where it counts
    parts, config = load_parts(path, config, dtype, svd)
    if parts["vae"].dtype == torch.float16:
        parts["vae"].float()  # SVD's autoencoder overflows in fp16
    if fp8:
        store_in_fp8(parts["unet"], parts["controlnet"])
    if compiled:
        compile_blocks(parts["unet"], parts["controlnet"])
    return ReVideo(parts, config, device)
