"""Whether ComfyUI's own parts fit a ReVideo ControlNet: one line where they do not, before anything runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import comfy.model_base
import comfy.utils
import torch
from torch import Tensor

if TYPE_CHECKING:
    from comfy.model_base import BaseModel
    from comfy.model_patcher import ModelPatcher
    from comfy.sd import VAE

    from ...revideo.checkpoints.reading import ControlPart
    from ...revideo.models.config import UNetConfig

SAMPLED = 64  # numbers that are compared of each tensor
LOADERS = "load both from the same file (ImageOnlyCheckpointLoader, or Load ReVideo as SVD)"


def check_model(model: BaseModel, part: ControlPart) -> None:
    """A BaseModel of ComfyUI and a revideo ControlPart; raises ValueError."""
    svd = comfy.model_base
    if not isinstance(model, svd.SVD_img2vid) or isinstance(model, (svd.SV3D_u, svd.SV3D_p)):
        raise ValueError(
            f"the MODEL is no Stable Video Diffusion (ComfyUI calls it {type(model).__name__}): load the ReVideo "
            f"checkpoint with ImageOnlyCheckpointLoader, or with Load ReVideo as SVD"
        )
    ours, theirs = _control_sizes(part.config.unet), _model_sizes(model.model_config.unet_config)
    if theirs != ours:
        raise ValueError(f"the ControlNet is for a UNet of {ours}, the MODEL has {theirs}: {LOADERS}")


def _control_sizes(unet: UNetConfig) -> str:
    blocks = [unet.num_res_blocks] * len(unet.block_channels)
    return _sizes(unet.block_channels, blocks, unet.context_dim, 3 * unet.time_id_dim)


def _model_sizes(unet: dict[str, Any]) -> str:
    channels = [unet["model_channels"] * multiple for multiple in unet["channel_mult"]]
    return _sizes(channels, unet["num_res_blocks"], unet["context_dim"], unet["adm_in_channels"])


def _sizes(channels: Iterable[int], blocks: Iterable[int], context: int, vector: int) -> str:
    """In words: what must be equal for residuals to join the UNet's skip connections."""
    levels = ", ".join(map(str, channels))
    return f"{levels} channels ({', '.join(map(str, blocks))} blocks, context {context}, vector {vector})"


def check_vae(vae: VAE, part: ControlPart) -> None:
    channels, stride = part.config.vae.latent_channels, part.config.vae.stride
    found = vae.latent_channels, vae.spacial_compression_encode()
    if found != (channels, stride):
        raise ValueError(
            f"the VAE makes latents of {found[0]} channels at 1/{found[1]} of the size, the model works on "
            f"{channels} at 1/{stride}: take the VAE of the ReVideo checkpoint"
        )


def check_embedding(embedding: Tensor, part: ControlPart) -> None:
    """(…, D) as the CLIP_VISION made it."""
    width = part.config.unet.context_dim
    if embedding.shape[-1] != width:
        raise ValueError(
            f"the CLIP_VISION makes embeddings of {embedding.shape[-1]}, the MODEL reads {width}: take the one of the "
            f"ReVideo checkpoint"
        )


def warn_of_other_weights(model: ModelPatcher, part: ControlPart) -> None:
    """`model`: a MODEL. ReVideo trained the UNet's temporal keys and values too: stock SVD's are others."""
    compared = [(_weight(model, f"diffusion_model.{name}"), ours) for name, ours in part.temporal.items()]
    differing = sum(not _alike(theirs, ours) for theirs, ours in compared if theirs is not None)
    if differing:
        logging.warning(
            f"ReVideo: {differing} of {len(part.temporal)} temporal keys and values of the MODEL are not those that "
            f"the ControlNet was trained with. If this is a stock Stable Video Diffusion, paths will be followed "
            f"badly: load the ReVideo checkpoint as the MODEL too"
        )


def _weight(model: ModelPatcher, key: str) -> Tensor | None:
    """As it was loaded, before LoRAs; None where it is kept in a form that holds no plain numbers."""
    weight = model.backup[key].weight if key in model.backup else comfy.utils.get_attr(model.model, key)
    return weight if type(weight) in (Tensor, torch.nn.Parameter) and not weight.is_meta else None


def _alike(theirs: Tensor, ours: Tensor) -> bool:
    """As far as the coarser of the two precisions can tell."""
    tolerance = max(torch.finfo(tensor.dtype).eps for tensor in (theirs, ours))
    a, b = (tensor.flatten()[:SAMPLED].float().cpu() for tensor in (theirs, ours))
    return bool(((a - b).abs() <= tolerance * b.abs()).float().mean() > 0.9)


def check_context_windows(model: BaseModel, num_frames: int) -> None:
    """What core's Context Windows node is set to; raises ValueError where SVD cannot follow."""
    patcher = getattr(model, "current_patcher", None)
    handler = None if patcher is None else patcher.model_options.get("context_handler")
    if handler is None:
        return
    if getattr(handler, "dim", 0) != 0:
        raise ValueError(
            f"the context windows cut along dimension {handler.dim}; SVD's frames are dimension 0: set dim to 0"
        )
    if num_frames > getattr(handler, "context_length", num_frames) and getattr(handler, "causal_window_fix", False):
        raise ValueError(
            "causal_window_fix of the context windows adds a frame to some windows, which SVD does not take: "
            "switch it off"
        )
