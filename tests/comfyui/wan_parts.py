"""Wan's models as ComfyUI loads them, small and with random weights: what their nodes receive needs no trained ones."""

from __future__ import annotations

from typing import Any

import torch
from comfy_process import load_pack
from torch import Tensor, nn

TEXT_WIDTH = 768  # of T5 base, the smallest text encoder that ComfyUI's CLIPLoader knows
WIDTH = 128  # of Wan's transformer: one head of 128, below which ComfyUI counts none
VAE_WIDTH = 4


def random_weights(module: nn.Module, seed: int = 0, scale: float = 0.05) -> dict[str, Tensor]:
    """Norms as they begin, all else drawn."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, value in module.state_dict().items():
        if name.endswith(("gamma", "norm.weight", "norm_q.weight", "norm_k.weight")):
            weights[name] = torch.ones(value.shape)
        else:
            weights[name] = torch.randn(value.shape, generator=generator) * scale
    return weights


def vae_weights() -> dict[str, Tensor]:
    load_pack()
    from comfy.ldm.wan.vae import WanVAE

    return random_weights(
        WanVAE(
            dim=VAE_WIDTH,
            z_dim=16,
            dim_mult=[1, 2, 4, 4],
            num_res_blocks=2,
            attn_scales=[],
            temperal_downsample=[False, True, True],
        ),
        scale=0.1,
    )


def small_vae() -> Any:
    """ComfyUI's VAE of Wan 2.1's structure."""
    load_pack()
    from comfy.sd import VAE

    return VAE(sd=vae_weights())
