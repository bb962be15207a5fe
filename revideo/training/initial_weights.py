"""What a training starts from: a checkpoint, SVD with a new ControlNet, or random weights; one file in any case."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints.names import name_table, to_diffusers
from ..checkpoints.reading import (
    CheckpointError,
    build_parts,
    check_finite,
    fill_part,
    load_parts,
    needed_weights,
    read_config,
)
from ..checkpoints.reading import read_weights as read_checkpoint
from ..checkpoints.writing import save_weights
from ..models.config import ModelConfig
from ..models.controlnet import SAFM, ReVideoControlNet
from ..models.vae import LATENT_SCALE
from .config import ModelSource

SILU_GAIN = 2.0  # a faint signal leaves SiLU half as strong


def model_config(source: ModelSource) -> ModelConfig:
    """The sizes of the model to train; reads no weight."""
    if isinstance(source.sizes, ModelConfig):
        return source.sizes
    found = asdict(read_config(source.path or source.svd, source.svd or None))
    return ModelConfig.from_dict(found | {"control": found["control"] | source.control})


def write_start(source: ModelSource, target: Path, seed: int) -> None:
    """The weights before the first step, float32, under the released names."""
    config = model_config(source)
    if source.path:
        parts, _ = load_parts(source.path, None, torch.float32, source.svd or None)
    elif source.svd:
        parts = from_svd(source.svd, config, seed, source.control_gain)
    else:
        parts = from_nothing(config, seed, source.control_gain)
    save_parts(parts, target, config)


def save_parts(parts: dict[str, Any], target: Path, config: ModelConfig) -> None:
    """Networks by part, as one file under the released names."""
    weights = {f"{part}.{name}": value for part, net in parts.items() for name, value in net.state_dict().items()}
    save_weights(weights, target, config)


def from_nothing(config: ModelConfig, seed: int, control_gain: float) -> dict[str, Any]:
    """PyTorch's and diffusers' own random weights, but for what would learn late from them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = build_parts(config, "cpu")
        spread_projections(parts["controlnet"], control_gain)
        wake_conditions(parts["controlnet"].safm)
        calm_autoencoder(parts["vae"])
        # Pictures of soft blobs: what matters is only how large fresh latents are.
        pictures = F.interpolate(torch.rand(4, 3, 4, 4), size=8 * config.vae.stride, mode="bilinear") * 2 - 1
    scale_latents(parts["vae"], latent_std(parts["vae"], pictures))
    return parts


def wake_conditions(safm: SAFM) -> None:
    """Weights that keep a signal's strength (Kaiming) through the condition encoders and their fusion.

    PyTorch's own lose two thirds of it in each of eight layers, and the last begins at zero: for a
    thousand steps the networks would learn to do without conditions. The weight between motion and
    content still begins at one half everywhere.
    """
    for encoder in filter(None, (safm.motion_encoder, safm.content_encoder, safm.weight_encoder)):
        for convolution in (*encoder.blocks, encoder.conv_out):
            _keep_strength(convolution, SILU_GAIN)
        _keep_strength(encoder.conv_in, 1)
    if safm.weight_encoder is not None:
        nn.init.zeros_(safm.weight_encoder.conv_out.weight)
    _keep_strength(safm.fuse, 1)
    if safm.branches == 2:
        _keep_strength(safm.fuse_content, 1)


def _keep_strength(convolution: nn.Conv2d, gain: float) -> None:
    nn.init.normal_(convolution.weight, std=gain / convolution.weight[0].numel() ** 0.5)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]


def calm_autoencoder(vae: nn.Module) -> None:
    """Residual blocks and the last temporal convolution begin as identity: a narrow one learns far sooner."""
    for name, module in vae.named_modules():
        if name.endswith(".conv2"):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    last = getattr(vae.decoder, "time_conv_out", None)
    if last is None:  # an autoencoder of single pictures
        return
    nn.init.dirac_(last.weight)
    nn.init.zeros_(last.bias)


@torch.no_grad()
def latent_std(vae: Any, frames: Tensor) -> float:
    """Of scaled latents of frames (N, 3, H, W) in [-1, 1]; the denoiser counts on 1."""
    return float((vae.encode(frames).latent_dist.mode() * LATENT_SCALE).std())


@torch.no_grad()
def scale_latents(vae: Any, std: float) -> None:
    """Latents divided by `std`, which the decoder takes back: frames stay as they are."""
    channels = vae.config.latent_channels
    for tensor in (vae.quant_conv.weight, vae.quant_conv.bias):
        tensor[:channels] /= std  # the other half says how sure the encoder is
    first = getattr(vae, "post_quant_conv", None)  # SVD's decoder has none
    (vae.decoder.conv_in if first is None else first).weight.mul_(std)


def from_svd(path: str | Path, config: ModelConfig, seed: int, control_gain: float) -> dict[str, Any]:
    """Plain SVD, and a ControlNet whose encoder and middle are copies of its own (paper section 3.2)."""
    parts = build_parts(config)
    table = name_table(config, parts)
    del parts["controlnet"]
    read = to_diffusers(read_checkpoint(path), table)
    own = {f"{part}.{name}" for part, network in parts.items() for name in network.state_dict()}
    lacking = sorted(own - read.keys())
    if lacking:
        raise CheckpointError(f"{path} is no Stable Video Diffusion checkpoint: it lacks {lacking[0]}")
    weights = needed_weights({name: read[name] for name in own}, table, parts, Path(path))
    check_finite(weights, table, path)
    for part, network in parts.items():
        fill_part(network, part, weights, torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh: Any = ReVideoControlNet.from_model_config(config)
        spread_projections(fresh, control_gain)
        if control_gain:  # else the conditions begin at zero too (the paper's Z of equation 4)
            wake_conditions(fresh.safm)
    copy_encoder(parts["unet"], fresh)
    return parts | {"controlnet": fresh}


def copy_encoder(unet: nn.Module, controlnet: ReVideoControlNet) -> None:
    """Every branch of the ControlNet begins as the UNet's encoder and middle (paper section 3.2)."""
    weights = unet.state_dict()
    for branch in controlnet.control_branches:
        branch.load_state_dict({name: weights[name] for name in branch.state_dict().keys() & weights}, strict=False)


def spread_projections(controlnet: ReVideoControlNet, gain: float) -> None:
    """Zero convolutions that are not: where nothing is trained yet there is nothing to protect."""
    if gain:
        for branch in controlnet.control_branches:
            for convolution in (*branch.down_projections, branch.mid_projection):
                nn.init.xavier_uniform_(convolution.weight, gain)
