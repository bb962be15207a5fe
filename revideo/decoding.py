"""The temporal decoder frame by frame: the same numbers as diffusers' own, in a fraction of the memory.

A window is a list of frames that becomes wider layer by layer: what is done within frames
runs on one at a time, what is done over time on neighbours, and no second set of frames is
held. Norms over time still see all frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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

    first = _norm_over(temporal.norm1, frames)

    def changes() -> Iterator[Tensor]:
        return _over_time(temporal.conv1, _normed(frames, *first))

    # Computed twice, for the norm and for use: to hold them would take as much as the frames do.
    second = _norm_over(temporal.norm2, changes())
    share = temporal_share(block.time_mixer).to(frames[0].dtype)
    # A frame changes when its later neighbours have been read already.
    for frame, change in zip(frames, _over_time(temporal.conv2, _normed(changes(), *second))):
        frame.addcmul_(change, share)


def _norm_over(norm: nn.GroupNorm, frames: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """GroupNorm over all frames as a scale and a shift of each channel, (1, C, 1, 1)."""
    means, squares = (torch.stack(each).unflatten(1, (norm.num_groups, -1)) for each in zip(*map(_moments, frames)))
    mean = means.mean((0, 2))[:, None]  # of (T, G, C/G)
    variance = (squares + (means - mean).square()).mean((0, 2))[:, None]
    scale = norm.weight.view(norm.num_groups, -1) * (variance + norm.eps).rsqrt()
    shift = norm.bias.view(norm.num_groups, -1) - mean * scale
    scale, shift = (each.to(norm.weight.dtype).view(1, -1, 1, 1) for each in (scale, shift))
    return scale, shift


def _normed(frames: Iterable[Tensor], scale: Tensor, shift: Tensor) -> Iterator[Tensor]:
    """SiLU of the normed frames, one by one; each holds until the third after it."""
    buffers: list[Tensor] = []
    for number, frame in enumerate(frames):
        if number < 3:
            buffers.append(torch.empty_like(frame))
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
