"""Weights that wait in eight bits and work in the precision they were loaded in."""

from __future__ import annotations

from typing import Any

import torch

FP8 = torch.float8_e4m3fn


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
