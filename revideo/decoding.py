"""The temporal decoder frame by frame: the same numbers as diffusers' own, in a third of the memory.

A window is a list of frames that becomes wider layer by layer: what is done within frames
runs on one at a time, what is done over time on neighbours, and only the frames and what is
being added to them are held whole. Norms over time still see all frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.resnet import SpatioTemporalResBlock
from torch import Tensor, nn

from .blocks import temporal_share

Frames = list[Tensor]  # (1, C, h, w) each, channels last in memory


def decode_frames(decoder: Any, latents: Tensor) -> Tensor:
    """Unscaled latents (T, C, h, w) of one window → frames (T, 3, H, W), as `TemporalDecoder` gives them."""
    frames = [decoder.conv_in(frame) for frame in latents.contiguous(memory_format=torch.channels_last).split(1)]
    middle = decoder.mid_block
    _residual(middle.resnets[0], frames)
    for block, attention in zip(middle.resnets[1:], middle.attentions):
        _residual(block, frames, before=attention)
    upsample: nn.Module = nn.Identity()
    for level in decoder.up_blocks:
        for block in level.resnets:
            _residual(block, frames, before=upsample)
            upsample = nn.Identity()
        if level.upsamplers is not None:
            [upsample] = level.upsamplers  # runs with what comes next, while one frame at a time is large
    for number, frame in enumerate(frames):
        frames[number] = decoder.conv_out(F.silu(decoder.conv_norm_out(frame), inplace=True))
    return decoder.time_conv_out(torch.stack(frames, 2))[0].transpose(0, 1)


def _residual(block: SpatioTemporalResBlock, frames: Frames, before: nn.Module | None = None) -> None:
    """`frames` through `before`, a spatial residual block and a temporal one, in place."""
    spatial, temporal = block.spatial_res_block, block.temporal_res_block
    for number, frame in enumerate(frames):
        frame = frame if before is None else before(frame)
        inner = spatial.conv1(F.silu(spatial.norm1(frame), inplace=True))
        inner = spatial.conv2(F.silu(spatial.norm2(inner), inplace=True))
        frames[number] = inner.add_(frame if spatial.conv_shortcut is None else spatial.conv_shortcut(frame))
    changes = list(_over_time(temporal.conv1, _normed(temporal.norm1, frames)))
    share = temporal_share(block.time_mixer)
    for frame, change in zip(frames, _over_time(temporal.conv2, _normed(temporal.norm2, changes))):
        frame.addcmul_(change, share)


def _normed(norm: nn.GroupNorm, frames: Frames) -> Iterator[Tensor]:
    """SiLU of the frames under one GroupNorm over all of them, one by one."""
    groups = norm.num_groups
    moments = [_moments(frame) for frame in frames]
    means, squares = (torch.stack(each).view(len(frames), groups, -1) for each in zip(*moments))  # (T, G, C/G)
    mean = means.mean((0, 2))[:, None]
    variance = (squares + (means - mean).square()).mean((0, 2))[:, None]
    scale = norm.weight.view(groups, -1) * (variance + norm.eps).rsqrt()
    shift = norm.bias.view(groups, -1) - mean * scale
    scale, shift = (each.to(norm.weight.dtype).view(1, -1, 1, 1) for each in (scale, shift))
    buffers = [torch.empty_like(frame) for frame in frames[:3]]  # what reads them holds two, and asks for a third
    for number, frame in enumerate(frames):
        yield F.silu(torch.addcmul(shift, frame, scale, out=buffers[number % 3]), inplace=True)


def _moments(frame: Tensor) -> tuple[Tensor, Tensor]:
    """(1, C, h, w) → mean and variance of each channel, (C,)."""
    pixels = frame[0].flatten(1).float()
    mean = pixels.mean(1)
    return mean, (pixels - mean[:, None]).square_().mean(1)


def _over_time(convolution: nn.Conv3d, frames: Iterator[Tensor]) -> Iterator[Tensor]:
    """A (3, 1, 1) convolution as three products of each frame's pixels; outside of the window is nothing."""
    before, at, after = convolution.weight[..., 0, 0].unbind(2)  # (C', C) each
    previous: Tensor | None = None
    current: Tensor | None = next(frames)
    while current is not None:
        following = next(frames, None)
        _, _, height, width = current.shape
        result = F.linear(_pixels(current), at, convolution.bias)
        for neighbour, weight in ((previous, before), (following, after)):
            if neighbour is not None:
                result.addmm_(_pixels(neighbour), weight.T)
        yield result.view(1, height, width, -1).permute(0, 3, 1, 2)
        previous, current = current, following


def _pixels(frame: Tensor) -> Tensor:
    """(1, C, h, w) → (h·w, C), without a copy where channels are last in memory."""
    return frame[0].permute(1, 2, 0).flatten(0, 1)
