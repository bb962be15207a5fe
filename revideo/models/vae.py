"""Frames ↔ latents: the reference frame's encoder and the video's temporal decoder."""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers import AutoencoderKLTemporalDecoder
from torch import Tensor, nn

from .blocks import under_autocast
from .config import VAEConfig
from .temporal_decoder import FrameStore, OffloadedFrames, decode_frames

LATENT_SCALE = 0.18215  # gives latents unit variance; the concatenated reference goes without it


def build_vae(config: VAEConfig) -> AutoencoderKLTemporalDecoder:
    """SVD's autoencoder as diffusers joins it: the image encoder with the video decoder."""
    vae = AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * len(config.channel_mult),
        block_out_channels=config.block_channels,
        layers_per_block=config.num_res_blocks,
        latent_channels=config.latent_channels,
        scaling_factor=LATENT_SCALE,
    )
    for module in vae.modules():  # diffusers fixes them at 32
        if isinstance(module, nn.GroupNorm):
            module.num_groups = config.norm_groups
    return vae.eval()


def encode_reference(vae: AutoencoderKLTemporalDecoder, reference: Tensor) -> Tensor:
    """(3, H, W) in [-1, 1] → (1, C, H/8, W/8), the posterior's mode, *not* scaled."""
    return vae.encode(reference[None].to(vae.device, vae.dtype)).latent_dist.mode()


def decode_latents(
    vae: AutoencoderKLTemporalDecoder,
    latents: Tensor,
    frames_per_chunk: int,
    callback: Callable[[int], None] | None = None,
    overlap: int = 0,
    frame_offload: bool = False,
) -> Tensor:
    """Scaled latents (T, C, h, w) → frames (T, 3, H, W), −1 black and 1 white, not clamped, on the CPU.

    The decoder's temporal layers see `frames_per_chunk` frames at once: T is what SVD was
    trained for, 1 what the released scripts do. With `overlap` they also see so many neighbours
    on both sides, which makes chunks look like the whole. `frame_offload` changes nothing but memory
    and time: frames wait on the CPU while others are worked on. `callback` hears how many are done.
    """
    frames: list[Tensor] = []
    for start in range(0, len(latents), frames_per_chunk):
        first, stop = max(start - overlap, 0), min(start + frames_per_chunk, len(latents))
        chunk = latents[first : stop + overlap].to(vae.device, vae.dtype) / LATENT_SCALE
        decoded = _decode(vae, chunk, frame_offload)
        frames.extend(decoded[start - first :][: stop - start].float().cpu())
        if callback is not None:
            callback(len(frames))
    return torch.stack(frames)


def _decode(vae: AutoencoderKLTemporalDecoder, latents: Tensor, frame_offload: bool) -> Tensor:
    if under_autocast(latents.device):  # which takes no sum in place
        return vae.decode(latents, num_frames=len(latents)).sample
    return decode_frames(vae.decoder, latents, OffloadedFrames if frame_offload else FrameStore)
