"""Latents that need no training: a teacher for a small autoencoder's encoder, and its decoder's first food.

A narrow autoencoder trained end to end sticks for a long time, because encoder and decoder wait for each other.
Told what the latents are, both learn at once: blurred colours, sampled once per cell, and the brightness at the
cells' corners, which shows edges that fall between the samples. They are linear and move with the picture.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CHANNELS = 4
# Brightness, red against green, yellow against blue: sprites differ in the latter two, so each gets a channel.
OPPONENTS = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1 / 2, -1 / 2, 0], [1 / 3, 1 / 3, -2 / 3]])
MEAN = torch.tensor([0.04, 0, 0, 0])  # of the synthetic world, and the deviations that are scaled to 1
DEVIATION = torch.tensor([0.27, 0.166, 0.2, 0.045])


def fixed_latents(frames: Tensor, stride: int) -> Tensor:
    """(N, 3, H, W) in [-1, 1] → (N, 4, H/stride, W/stride), of deviation about 1: a model's *scaled* latents."""
    opponents = torch.einsum("ij,njhw->nihw", OPPONENTS.to(frames), frames)
    centres = _blurred(F.pad(opponents, (stride // 2,) * 4, mode="replicate"), stride)
    brightness = centres[:, :1]
    corners = _blurred(F.pad(opponents[:, :1], (0, stride, 0, stride), mode="replicate"), stride)
    expected = F.avg_pool2d(F.pad(brightness, (0, 1, 0, 1), mode="replicate"), 2, 1)
    latents = torch.cat([centres, corners - expected], 1)
    return (latents - MEAN.to(frames).view(1, -1, 1, 1)) / DEVIATION.to(frames).view(1, -1, 1, 1)


def _blurred(channels: Tensor, stride: int) -> Tensor:
    """(N, C, …): a triangle 2·stride wide around each sample, samples `stride` apart, nothing at the borders."""
    size = 2 * stride
    offsets = torch.arange(size, dtype=channels.dtype, device=channels.device) - (size - 1) / 2
    triangle = 1 - offsets.abs() / stride
    triangle = triangle / triangle.sum()
    flat = channels.flatten(0, 1)[:, None]
    flat = F.conv2d(flat, triangle.view(1, 1, 1, -1), stride=(1, stride))
    flat = F.conv2d(flat, triangle.view(1, 1, -1, 1), stride=(stride, 1))
    return flat.unflatten(0, channels.shape[:2])[:, :, 0]
