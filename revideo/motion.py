"""Trajectories → the motion map that the control net reads (paper section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

KERNEL_SIZE = 51  # pixels, whatever the frame's size: what the released weights were trained on
KERNEL_SIGMA = 10.0


def motion_map(
    points_px: Tensor,  # (N, T, 2) x, y in frame pixels
    visible: Tensor,  # (N, T) bool
    height: int,
    width: int,
) -> Tensor:  # (T, 2, H, W) dy, dx in pixels since the previous frame
    """Sparse displacements, each written where its point stands *now*, widened to soft bumps.

    Frame 0 is zero. A displacement needs its point visible in both frames. Points outside
    the frame act on its border. Where two points share a pixel the later path wins; bumps
    that overlap add.
    """
    num_frames = points_px.shape[1]
    sparse = torch.zeros(num_frames, 2, height, width)
    x = points_px[..., 0].clamp(0, width - 1).long()  # truncated toward zero
    y = points_px[..., 1].clamp(0, height - 1).long()
    displacement = points_px.diff(dim=1).flip(-1)  # (N, T-1, 2) dy, dx
    moves = visible[:, 1:].bool() & visible[:, :-1].bool()
    # Path by path: one indexed write of all would leave the winner of a shared pixel undefined.
    for path, frame in moves.nonzero().tolist():
        sparse[frame + 1, :, y[path, frame + 1], x[path, frame + 1]] = displacement[path, frame].float()
    return _soften(sparse)


def _soften(sparse: Tensor) -> Tensor:
    """Gaussian of peak 1, not of sum 1: a lone point keeps its displacement at its own pixel."""
    offsets = torch.arange(KERNEL_SIZE, dtype=torch.float64) - KERNEL_SIZE // 2
    bump = torch.exp(-(offsets**2) / (2 * KERNEL_SIGMA**2)).float()
    moving = sparse.flatten(1).any(1)  # most of the cost is in frames that hold nothing
    channels = sparse[moving].flatten(0, 1)[:, None]
    channels = F.conv2d(channels, bump.view(1, 1, -1, 1), padding=(KERNEL_SIZE // 2, 0))
    channels = F.conv2d(channels, bump.view(1, 1, 1, -1), padding=(0, KERNEL_SIZE // 2))
    soft = torch.zeros_like(sparse)
    soft[moving] = channels.view(-1, 2, *sparse.shape[-2:])
    return soft
