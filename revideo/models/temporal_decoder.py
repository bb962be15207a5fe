"""The temporal decoder frame by frame: the same numbers as diffusers' own, in a fraction of the memory.

What is done within frames runs on one at a time, what is done over time on neighbours, in strips
of their rows, and no second set of frames is held. So frames that nobody works on may wait in main
memory (frame offload). Norms over time still see all frames.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from mmap import mmap
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.resnet import SpatioTemporalResBlock
from torch import Tensor, nn

from .blocks import temporal_weight
from .fused_linear import fuses, linear_by_onednn

# Elements of a frame in a strip, of which about ten are alive at once: on a CPU such that they stay in its cache.
STRIP_CPU, STRIP_GPU = 2**19, 2**24


class FrameStore:
    """The frames of a window on the device: (1, C, h, w) each, channels last in memory."""

    def __init__(self, frames: Iterable[Tensor], strip_elements: int | None = None) -> None:
        self.stored: list[Any] = []
        for frame in frames:
            self.device = frame.device
            self.stored.append(self.store(frame))
        self.strip_elements = strip_elements or (STRIP_CPU if self.device.type == "cpu" else STRIP_GPU)

    def store(self, frame: Tensor, before: Tensor | None = None) -> Any:
        """What `load` reads from now on; `before`: what it read, whose memory serves again."""
        if self.device.type != "cpu":
            return frame
        if before is None or before.shape != frame.shape:
            before = _mapped_like(frame)
        return before.copy_(frame)

    def load(self, number: int, rows: slice = slice(None)) -> Tensor:
        return self.stored[number][:, :, rows]

    def replace(self, number: int, frame: Tensor) -> None:
        self.stored[number] = self.store(frame, self.stored[number])

    def add(self, number: int, rows: slice, change: Tensor, weight: Tensor) -> None:
        self.load(number, rows).addcmul_(change, weight)

    def over_time(self, rows: slice) -> Iterator[Tensor]:
        return (self.load(number, rows) for number in range(len(self.stored)))

    def strips(self) -> list[slice]:
        """Rows of frames, so that what is done over time holds little of each."""
        _, channels, height, width = self.stored[0].shape
        rows = max(1, self.strip_elements // (channels * width))
        return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def _mapped_like(frame: Tensor) -> Tensor:
    """Memory that goes back to the system when nobody needs it; the heap's own would leave holes between frames."""
    _, channels, height, width = frame.shape
    try:
        mapped = torch.frombuffer(mmap(-1, frame.nbytes), dtype=frame.dtype)
    except OSError:  # the system maps no more; torch has a word for it if the heap ends as well
        return torch.empty_like(frame)
    return mapped.view(1, height, width, channels).permute(0, 3, 1, 2)


def _return_freed_memory() -> None:
    """To the system: what glibc holds in many pieces, between which nothing large finds a place."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # of another C library
            ctypes.CDLL(None).malloc_trim(0)


class OffloadedFrames(FrameStore):
    """Frames that wait in main memory and come to the device one by one, or strip by strip."""

    staging: StagedCopy | None = None
    stages = True  # until no memory can be pinned

    def store(self, frame: Tensor, before: Tensor | None = None) -> Tensor:
        if before is None or before.shape != frame.shape:
            before = torch.empty_like(frame, device="cpu")
        self._copy(frame, before)
        return before

    def load(self, number: int, rows: slice = slice(None)) -> Tensor:
        waiting = super().load(number, rows)
        frame = torch.empty_like(waiting, device=self.device)
        self._copy(waiting, frame)
        return frame

    def add(self, number: int, rows: slice, change: Tensor, weight: Tensor) -> None:
        self._copy(self.load(number, rows).addcmul_(change, weight), super().load(number, rows))

    def _copy(self, source: Tensor, target: Tensor) -> None:
        channels_last = all(each.is_contiguous(memory_format=torch.channels_last) for each in (source, target))
        if self.device.type == "cuda" and channels_last and self.stages and self.staging is None:
            try:
                self.staging = StagedCopy()
            except RuntimeError:  # the system allows no more of it, which ordinary copies do without
                self.stages = False
        if self.staging is None or not channels_last:
            target.copy_(source)
        else:
            self.staging.copy(_pixels(source).flatten(), _pixels(target).flatten())


class StagedCopy:
    """Copies between main memory and a card by two pinned buffers in turns.

    Faster than what torch does with ordinary memory, and what is pinned stays small.
    """

    def __init__(self, buffer_bytes: int = 2**25) -> None:
        self.buffers = [torch.empty(buffer_bytes, dtype=torch.uint8, pin_memory=True) for _ in range(2)]
        self.events = [torch.cuda.Event() for _ in range(2)]

    def copy(self, source: Tensor, target: Tensor) -> None:
        """Of as many elements, of one type and each in one piece of memory, one of them on the card."""
        source, target = source.view(torch.uint8), target.view(torch.uint8)
        pieces = zip(source.split(len(self.buffers[0])), target.split(len(self.buffers[0])))
        arriving: tuple[torch.cuda.Event, Tensor, Tensor] | None = None
        for number, (piece, place) in enumerate(pieces):
            buffer, event = self.buffers[number % 2][: len(piece)], self.events[number % 2]
            event.synchronize()  # the card has read what the buffer held
            buffer.copy_(piece, non_blocking=True)
            if place.is_cuda:
                place.copy_(buffer, non_blocking=True)
            event.record()
            if not place.is_cuda:
                if arriving:
                    _arrive(*arriving)
                arriving = event, place, buffer
        if arriving:
            _arrive(*arriving)


def _arrive(event: torch.cuda.Event, place: Tensor, buffer: Tensor) -> None:
    event.synchronize()
    place.copy_(buffer)


def decode_frames(
    decoder: Any,
    latents: Tensor,
    storage: type[FrameStore] = FrameStore,
    strip_elements: int | None = None,  # of a frame; None: what suits the device
) -> Tensor:
    """Unscaled latents (T, C, h, w) of one window → frames (T, 3, H, W), as `TemporalDecoder` gives them."""
    latents = latents.contiguous(memory_format=torch.channels_last)
    _return_freed_memory()
    frames = storage((decoder.conv_in(latent) for latent in latents.split(1)), strip_elements)
    middle = decoder.mid_block
    _residual(middle.resnets[0], frames)
    for block, attention in zip(middle.resnets[1:], middle.attentions):
        _residual(block, frames, before=attention)
    upsample: nn.Module | None = None
    for level in decoder.up_blocks:
        _return_freed_memory()
        for block in level.resnets:
            # Beneath the finest level frames are at most half as large, so that twice as many are no new peak.
            _residual(block, frames, before=upsample, hold=storage is FrameStore and level is not decoder.up_blocks[-1])
            upsample = None
        if level.upsamplers is not None:
            [upsample] = level.upsamplers  # runs with what comes next, while one frame at a time is large
    for number in range(len(latents)):
        normed = decoder.conv_norm_out(frames.load(number))
        frames.replace(number, decoder.conv_out(F.silu(normed, inplace=True)))
    return decoder.time_conv_out(torch.stack([*frames.over_time(slice(None))], 2))[0].transpose(0, 1)


def _residual(
    block: SpatioTemporalResBlock, frames: FrameStore, before: nn.Module | None = None, hold: bool = False
) -> None:
    """`frames` through `before`, a spatial residual block and a temporal one, in place.

    What the first temporal convolution gives is needed for a norm, and once more behind it: `hold` keeps it, in as
    much memory as the frames take; else it is computed twice.
    """
    for number in range(len(frames.stored)):
        frame = frames.load(number)
        frames.replace(number, _spatial(block.spatial_res_block, frame if before is None else before(frame)))

    temporal, strips = block.temporal_res_block, frames.strips()
    first = _norm_over(temporal.norm1, (strip for rows in strips for strip in frames.over_time(rows)))

    def changes(rows: slice) -> Iterator[Tensor]:
        return _over_time(temporal.conv1, _normed(frames.over_time(rows), *first))

    held = [list(changes(rows)) for rows in strips] if hold else []
    second = _norm_over(temporal.norm2, (each for strip in held or map(changes, strips) for each in strip))
    weight = temporal_weight(block.time_mixer).to(temporal.conv1.weight.dtype)
    for index, rows in enumerate(strips):
        normed = _normed(held[index] if hold else changes(rows), *second)
        # A frame changes when its later neighbours have been read already.
        for number, change in enumerate(_over_time(temporal.conv2, normed)):
            frames.add(number, rows, change, weight)


def _spatial(block: Any, frame: Tensor) -> Tensor:
    inner = block.conv1(F.silu(block.norm1(frame), inplace=True))
    inner = block.conv2(F.silu(block.norm2(inner), inplace=True))
    return inner.add_(frame if block.conv_shortcut is None else block.conv_shortcut(frame))


def _norm_over(norm: nn.GroupNorm, strips: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """GroupNorm over all strips of all frames as a scale and a shift of each channel, (1, C, 1, 1)."""
    means, squares, rows = (torch.stack(each) for each in zip(*map(_moments, strips)))
    means, squares = (each.unflatten(1, (norm.num_groups, -1)) for each in (means, squares))  # (N, G, C/G)
    weights = (rows / rows.sum() / means.shape[2]).to(means)[:, None, None]
    mean = (weights * means).sum((0, 2))[:, None]
    variance = (weights * (squares + (means - mean).square())).sum((0, 2))[:, None]
    scale = norm.weight.view(norm.num_groups, -1) * (variance + norm.eps).rsqrt()
    shift = norm.bias.view(norm.num_groups, -1) - mean * scale
    scale, shift = (each.to(norm.weight.dtype).view(1, -1, 1, 1) for each in (scale, shift))
    return scale, shift


def _normed(strips: Iterable[Tensor], scale: Tensor, shift: Tensor) -> Iterator[Tensor]:
    """SiLU of the normed strips, one by one; each holds until the third after it."""
    buffers: list[Tensor] = []
    for number, strip in enumerate(strips):
        if number < 3:
            buffers.append(torch.empty_like(strip))
        yield F.silu(torch.addcmul(shift, strip, scale, out=buffers[number % 3]), inplace=True)


def _moments(strip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(1, C, h, w) → mean and variance of each channel, (C,), and h: what they weigh."""
    pixels = strip[0].flatten(1).float()
    mean = pixels.mean(1)
    return mean, (pixels - mean[:, None]).square_().mean(1), torch.tensor(float(strip.shape[2]))


def _over_time(convolution: nn.Conv3d, strips: Iterator[Tensor]) -> Iterator[Tensor]:
    """A (3, 1, 1) convolution as three products of each strip's pixels; outside of the window is nothing."""
    before, at, after = (each.contiguous() for each in convolution.weight[..., 0, 0].unbind(2))  # (C', C) each
    previous: Tensor | None = None
    current: Tensor | None = next(strips)
    while current is not None:
        later = next(strips, None)
        _, _, height, width = current.shape
        result = _added_to(None, _pixels(current), at, convolution.bias)
        for neighbour, weight in ((previous, before), (later, after)):
            if neighbour is not None:
                result = _added_to(result, _pixels(neighbour), weight)
        yield result.view(1, height, width, -1).permute(0, 3, 1, 2)
        previous, current = current, later


def _added_to(result: Tensor | None, pixels: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer of (N, C) and the `result` of others, which is over with."""
    if fuses(pixels):
        return linear_by_onednn(pixels, weight, bias, "none" if result is None else "add", result)
    return F.linear(pixels, weight, bias) if result is None else result.addmm_(pixels, weight.T)


def _pixels(strip: Tensor) -> Tensor:
    """(1, C, h, w) → (h·w, C), without a copy where channels are last in memory."""
    return strip[0].permute(1, 2, 0).flatten(0, 1)
