"""What a propagator's training starts from, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...checkpoints.propagator import (
    load_propagator_parts,
    open_propagator,
    save_propagator,
)
from ...checkpoints.stable_diffusion import stable_diffusion_sizes, start_from_stable_diffusion
from ...models.propagator import build_propagator
from ...models.propagator_config import PropagatorConfig
from ..config import ModelSource
from ..initial_weights import calm_autoencoder, latent_std, scale_latents


def propagator_config(source: ModelSource) -> PropagatorConfig:
    """The sizes of the propagator to train; reads no weight into memory."""
    if isinstance(source.sizes, PropagatorConfig):
        return source.sizes
    if source.path:
        return read_propagator_config(Path(source.path))
    return stable_diffusion_sizes(source.sd, source.clip, source.remedies)


def write_propagator_start(source: ModelSource, target: Path, seed: int) -> None:
    """The weights before the first step, float32."""
    config = propagator_config(source)
    if source.path:
        parts = load_propagator_parts(source.path, torch.float32)[0]
    elif source.sd:
        parts = start_from_stable_diffusion(source.sd, source.clip, config, seed)
    else:
        parts = propagator_from_nothing(config, seed)
    weights = {f"{part}.{name}": value for part, net in parts.items() for name, value in net.state_dict().items()}
    save_propagator(weights, target, config)


def propagator_from_nothing(config: PropagatorConfig, seed: int) -> dict[str, Any]:
    """PyTorch's and diffusers' own random weights, and an autoencoder that learns soon."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = build_propagator(config, "cpu")
        calm_autoencoder(parts["vae"])
        pictures = F.interpolate(torch.rand(4, 3, 4, 4), size=8 * config.vae.stride, mode="bilinear") * 2 - 1
    scale_latents(parts["vae"], latent_std(parts["vae"], pictures))
    return parts


def read_propagator_config(file: Path) -> PropagatorConfig:
    """Of a whole propagator; raises CheckpointError where it is none."""
    return open_propagator(file)[1]


def save_trained_propagator(trained: Mapping[str, Tensor], before: Path, result: Path) -> None:
    """The propagator that a phase began from with what it trained; the rest is bit-identical."""
    weights, config = open_propagator(before)
    save_propagator(weights | {name: weight.detach().float().cpu() for name, weight in trained.items()}, result, config)
