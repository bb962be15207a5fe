"""Checkpoints in the released format with random weights: for tests and benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..models.config import ControlConfig, ImageEncoderConfig, ModelConfig, UNetConfig, VAEConfig
from .names import Weights
from .reading import build_parts, fill_part
from .writing import save_weights

# Every part of the released model at a size that a CPU runs in seconds, over the same window.
SMALL = ModelConfig(
    UNetConfig(
        model_channels=32,
        channel_mult=(1, 1, 2, 2),
        num_res_blocks=1,
        num_head_channels=16,
        context_dim=48,
        time_id_dim=32,
        num_frames=14,
    ),
    ControlConfig(condition_channels=(8, 16, 24, 32)),
    VAEConfig(channels=32, channel_mult=(1, 1, 1, 2)),
    ImageEncoderConfig(layers=2, width=64, head_width=16, patch_size=56, embed_dim=48),
)


def write_random_checkpoint(
    path: str | Path, config: ModelConfig = SMALL, seed: int = 0, dtype: torch.dtype = torch.float16
) -> None:
    """A whole model under the released names, its sizes in the metadata; the suffix says the form, as in `convert`."""
    save_weights(random_weights(config, seed, dtype), path, config)


def random_weights(
    config: ModelConfig, seed: int = 0, dtype: torch.dtype = torch.float16, device: torch.device | str = "cpu"
) -> Weights:
    """Weights under our names, of a size that keeps activations near unit variance; each kind of device draws its own.

    The "zero" convolutions are random too: a ControlNet that adds nothing would test nothing.
    """
    generator = torch.Generator(device).manual_seed(seed)
    return {
        f"{part}.{name}": _random(name, tensor.shape, generator).to(dtype)
        for part, module in build_parts(config).items()
        for name, tensor in module.state_dict().items()
    }


def random_parts(config: ModelConfig, dtype: torch.dtype, device: torch.device | str, seed: int = 0) -> dict[str, Any]:
    """The four networks with such weights on the device: seconds at the released size, and no file."""
    weights = random_weights(config, seed, dtype, device)
    parts = build_parts(config)
    for part, module in parts.items():
        fill_part(module, part, weights)
    return parts


def _random(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    values = torch.randn(shape, generator=generator, device=generator.device)
    if name.endswith(("class_embedding", "position_embedding.weight", "mix_factor")):
        return 0.5 * values
    if len(shape) > 1:  # linear and convolution: unit variance in, unit variance out
        return values / shape[1:].numel() ** 0.5
    return 1 + 0.1 * values if name.endswith("weight") else 0.1 * values  # of norms; biases
