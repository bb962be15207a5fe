"""A loaded propagator and its verb: an edited frame, given to a clip of any length (MagicProp, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import astuple, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints.propagator import load_propagator_parts
from ..edit import Edit, MaskReader
from ..editing.long_video import Frames, nth_seed
from ..editing.model import DEFAULT_FPS, open_frames, put_back
from ..editing.window_cache import WindowCache, fingerprint, identify_networks
from ..models.propagator import (
    ddim_step,
    decode_latent_pictures,
    encode_pictures,
    noise_schedule,
    reference_context,
    shrink_depth,
    unet_input,
)
from ..models.propagator_config import PropagatorConfig
from ..pipeline.devices import default_device
from ..pipeline.pipeline import START, draw_noise
from ..sampling.samplers import Callback, Progress
from ..video.file import VideoFile, check_like, write_like
from ..video.fitting import Fit, fit_frames
from ..video.io import write_video
from ..video.pixels import Picture, as_clip
from .depth import DepthReader, Disparity, EstimatedDepth, GivenDepth

FRAMES_VERSION = 1  # of the way frames are painted: another one paints others
MOST_SAMPLING_STEPS = 1000
Depth: TypeAlias = "Picture | list[Any] | VideoFile | Disparity"


@dataclass(frozen=True)
class PropagationOptions:
    """How frames are painted; raises ValueError on values that cannot work."""

    steps: int = 20
    seed: int = 23
    fixed_reference: bool = True  # the edited frame stays the reference; else the frame before is (for measuring)
    previous: bool = True  # the frame before is seen; else each frame is painted by itself (for measuring)

    def __post_init__(self) -> None:
        if type(self.steps) is not int or not 1 <= self.steps <= MOST_SAMPLING_STEPS:
            raise ValueError(f"steps must be 1 to {MOST_SAMPLING_STEPS}, not {self.steps!r}")
        if type(self.seed) is not int or not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be a number from 0 to 2**64 - 1, not {self.seed!r}")


@dataclass(frozen=True)
class PropagationResult:
    """A finished clip."""

    frames: Tensor  # (T, 3, H, W) in [0, 1], of the source's size; none of them where they went into a file
    fps: Fraction  # frames per second, of a file as it is, else 24
    size: tuple[int, int]  # height and width that the model worked at


@dataclass(frozen=True)
class GivenFrame:
    """What is known of a frame before it is painted, in latent cells: 1/48 of its pixels."""

    depth: Tensor  # (1, 1, h, w) in [-1, 1]
    inside: Tensor | None  # (1, 1, h, w) bool: where the mask touches; None: everywhere
    known: Tensor | None  # (1, C, h, w): the source's latent, where there is a mask


class Propagator:
    """PropDPM, loaded. `propagate` does all."""

    def __init__(
        self,
        parts: dict[str, Any],
        config: PropagatorConfig,
        device: torch.device | str | None = None,
        place: Callable[..., None] | None = None,
    ) -> None:
        self.parts, self.config = parts, config
        self.device = torch.device(device or default_device())
        self.place = place or self._move

    def _move(self, *networks: nn.Module) -> None:
        for network in networks:
            network.to(self.device)

    @torch.inference_mode()
    def propagate(
        self,
        video: Picture | list[Any] | VideoFile,
        edited_frame: Picture,
        depth: Depth,
        options: PropagationOptions = PropagationOptions(),
        callback: Callback | None = None,
        *,
        edited_index: int = 0,
        mask: Tensor | MaskReader | Picture | None = None,
        inverted_depth: bool = False,
        output: str | Path | None = None,
        size: tuple[int, int] | None = None,
        fit: Fit = "stretch",
        feather_px: float = 12.0,
        cache: WindowCache | None = None,
    ) -> PropagationResult:
        """All frames of a video painted as the edited one is, onwards and backwards from it, along the video's depth.

        `video`: a file, which is read as it is needed; a tensor (T, 3, H, W) or an array (T, H, W, 3); pictures.
        `depth`: a map for each frame in [0, 1], what is near bright unless `inverted_depth`, of any size of the video's
        shape, or a depth model (`load_disparity`). `mask` True where frames may change, (1 or T, 1, H, W) or a reader
        of such; elsewhere the source's pixels stay, and the seam lies inside over `feather_px` pixels of `size`.
        `size` (height, width): what the model works at; None: the video's own, as near as may be. Edited frame and mask
        are of the video's size or of this one; `fit` says how one becomes the other. `output`: the file to write
        instead of holding frames, with the source's timing and sound where that is a file. `cache` keeps each frame's
        latent, and gives back those that were painted from the same before. Frames before the edited one are held as
        latents. Raises ValueError where things do not fit each other, before any frame is painted; for a map or a mask
        that holds no such values, when its frame is read.
        """
        with (
            open_frames(video, 1) as source,
            VideoFile(depth) if isinstance(depth, (str, Path)) else nullcontext(depth) as maps_given,
        ):
            size = size or _working_size(source.size, self.config.size_multiple)
            self.config.check_size(*size)
            edit = Edit(edited_frame, None, mask, edited_index, whole_frame=mask is None)
            edit = edit.for_clip(len(source), source.size, size, fit)
            if mask is not None and isinstance(edit.mask, Tensor) and edit.mask.all():
                raise ValueError("the mask covers every frame whole: leave it out to restyle all of the frame")
            edit.check(len(source), *size)
            maps = _depth_reader(maps_given, len(source), source.size, size, fit, inverted_depth)
            if output is not None and isinstance(source, VideoFile):
                check_like(output, source)
            fps = source.rate if isinstance(source, VideoFile) else DEFAULT_FPS
            run = _Run(self, source, edit, maps, options, size, fit, callback, cache)
            with closing(run.pictures(None if mask is None else feather_px)) as pictures:
                if output is None:
                    return PropagationResult(torch.stack(list(pictures)), fps, size)
                if isinstance(source, VideoFile):
                    write_like(output, pictures, source)
                else:
                    write_video(output, pictures, fps)
            return PropagationResult(torch.zeros(0, 3, *source.size), fps, size)

    def encode(self, picture: Tensor) -> Tensor:  # (1, C, h, w), scaled
        """A picture (3, H, W) in [0, 1]."""
        self.place(self.parts["vae"])
        return encode_pictures(self.parts["vae"], picture[None] * 2 - 1).float()

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents (1, C, h, w) → a picture (3, H, W) in [0, 1], on the CPU."""
        self.place(self.parts["vae"])
        return ((decode_latent_pictures(self.parts["vae"], latents)[0].float() + 1) / 2).clamp(0, 1).cpu()

    def context(self, picture: Tensor, latents: Tensor) -> Tensor:  # (1, N, l)
        """What is read of a reference (3, H, W) in [0, 1] whose latent is (1, C, h, w)."""
        self.place(*(self.parts[name] for name in ("image_encoder", "adaptor") if name in self.parts))
        return reference_context(self.parts, (picture[None] * 2 - 1).to(self.device), latents.to(self.device))

    def paint(
        self,
        noise: Tensor,  # (1, C, h, w) of unit variance
        context: Tensor,  # (1, N, l)
        given: GivenFrame,
        previous: Tensor,  # (1, C, h, w) scaled, zeros where there is none
        previous_depth: Tensor,  # (1, 1, h, w) in [-1, 1], zeros where there is none
        steps: int,
    ) -> Tensor:  # (1, C, h, w), scaled
        """One frame (equation 6): DDIM's steps from noise alone, the source held where the mask is not."""
        unet = self.parts["unet"]
        self.place(unet)
        schedule = noise_schedule(self.config.remedies.zero_terminal_snr)
        schedule.set_timesteps(steps)
        latents = noise.to(self.device)
        depth, previous, before = (each.to(self.device) for each in (given.depth, previous, previous_depth))
        context = context.to(unet.dtype)
        times = schedule.timesteps.tolist()
        for number, time in enumerate(times):
            joined = unet_input(latents, depth, previous, before)
            found = unet(joined.to(unet.dtype), time, context).sample.float()
            next_time = times[number + 1] if number + 1 < len(times) else None
            latents = ddim_step(schedule, found, latents, time, next_time)
            if given.known is not None and given.inside is not None:
                known = given.known.to(self.device)
                if next_time is not None:
                    known = schedule.add_noise(known, noise.to(self.device), torch.tensor(next_time))
                latents = torch.where(given.inside.to(self.device), latents, known)
        if not latents.isfinite().all():
            raise FloatingPointError("a frame came out as values that are not finite")
        return latents.cpu()


@dataclass
class _Run:
    """One propagation."""

    model: Propagator
    source: Frames
    edit: Edit
    depth: DepthReader
    options: PropagationOptions
    size: tuple[int, int]
    fit: Fit
    callback: Callback | None
    cache: WindowCache | None
    done: int = 0
    masked: bool = False  # so far, any frame

    def pictures(self, feather_px: float | None) -> Generator[Tensor, None, None]:  # (3, H, W) each, in order
        first = self.edit.edited_index
        with self.cache.in_use() if self.cache else nullcontext():
            before = [self._given(number) for number in range(first)]
            given = self._given(first)
            edited = self.edit.edited_frame
            latents = self.model.encode(edited).cpu()
            self._hear(latents)
            part = self.cache.backwards if self.cache and before else None
            with part.in_use() if part else nullcontext():
                backwards = [*self._chain(latents, given, ((n, before[n]) for n in range(first - 1, -1, -1)), part)]
            for number, painted in enumerate(reversed(backwards)):
                yield self._finish(number, self.model.decode(painted), feather_px)
            yield self._finish(first, edited, feather_px)
            rest = ((number, self._given(number)) for number in range(first + 1, len(self.source)))
            for number, painted in enumerate(self._chain(latents, given, rest, self.cache), first + 1):
                yield self._finish(number, self.model.decode(painted), feather_px)
        if not self.masked:
            raise ValueError("the mask is empty in every frame, so nothing was changed: mask what to restyle")

    def _given(self, number: int) -> GivenFrame:
        frame = self.source.read(number, number + 1)
        stride = self.model.config.vae.stride
        height, width = self.size
        depth = shrink_depth(self.depth.next(number, frame[0]), height // stride, width // stride)
        if self.edit.whole_frame:
            self.masked = True
            return GivenFrame(depth, None, None)
        mask = self.edit.masks(number, number + 1)
        self.masked = self.masked or bool(mask.any())
        known = self.model.encode(fit_frames(frame, *self.size, self.fit)[0]).cpu()
        return GivenFrame(depth, F.adaptive_max_pool2d(mask.float(), depth.shape[-2:]) > 0, known)

    def _chain(
        self, latents: Tensor, given: GivenFrame, frames: Iterator[tuple[int, GivenFrame]], cache: WindowCache | None
    ) -> Iterator[Tensor]:
        """Latents of frame after frame, each painted from the one before; they begin beside the edited frame."""
        options, model = self.options, self.model
        context = model.context(self.edit.edited_frame, latents)
        key = ""
        if cache:
            networks = [*model.parts.values()]
            known = FRAMES_VERSION, identify_networks(model.config, networks), astuple(replace(options, seed=0))
            key = fingerprint(*known, self.edit.edited_frame, given.depth)
        for number, present in frames:
            noise = draw_noise(tuple(latents.shape[1:]), nth_seed(options.seed, number), START)[None]
            if cache:
                key = fingerprint(key, noise, present.depth, *self._masked(present))
            painted = cache.load(number, key, tuple(latents.shape)) if cache else None
            if painted is None:
                if not options.fixed_reference:
                    context = model.context(model.decode(latents), latents)
                seen = latents, given.depth
                if not options.previous:
                    seen = torch.zeros_like(latents), torch.zeros_like(given.depth)
                if present.inside is not None and not present.inside.any():
                    painted = present.known
                else:
                    painted = model.paint(noise, context, present, *seen, options.steps)
                assert painted is not None
                if cache:
                    cache.save(number, key, painted)
            latents, given = painted, present
            self._hear(latents)
            yield latents

    @staticmethod
    def _masked(given: GivenFrame) -> tuple[Tensor, ...]:
        return () if given.known is None or given.inside is None else (given.known, given.inside)

    def _hear(self, latents: Tensor) -> None:
        self.done += 1
        if self.callback is not None:
            self.callback(Progress("editing", self.done, len(self.source), latents))

    def _finish(self, number: int, painted: Tensor, feather_px: float | None) -> Tensor:
        known = self.source.read(number, number + 1)
        mask = self.edit.masks(number, number + 1)
        return put_back(known, painted[None], mask, self.fit, feather_px)[0]


def load_propagator(
    path: str | Path,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    *,
    mapped: bool = True,
) -> Propagator:
    """From a folder or a .safetensors file; the text "tiny" is always the small one that is built in.

    `dtype` None: float32 on the CPU, elsewhere the file's own. Raises CheckpointError, a ValueError.
    """
    device = torch.device(device or default_device())
    if dtype is None and device.type == "cpu":
        dtype = torch.float32
    parts, config = load_propagator_parts(path, dtype, mapped)
    return Propagator(parts, config, device)


def _working_size(source_size: tuple[int, int], multiple: int) -> tuple[int, int]:
    height, width = (max(round(side / multiple), 2) * multiple for side in source_size)
    return height, width


def _depth_reader(
    depth: Depth, num_frames: int, source_size: tuple[int, int], size: tuple[int, int], fit: Fit, inverted: bool
) -> DepthReader:
    if callable(depth) and not isinstance(depth, Tensor):
        return EstimatedDepth(depth, size, fit)
    maps: Any = depth
    if isinstance(maps, np.ndarray) and maps.ndim == 4 and maps.shape[-1] == 1:
        maps = np.broadcast_to(maps, (*maps.shape[:-1], 3))
    if isinstance(maps, Tensor) and maps.ndim == 4 and maps.shape[1] == 1:
        maps = maps.float() / 255 if maps.dtype == torch.uint8 else maps
    elif not isinstance(maps, VideoFile):
        maps = as_clip(maps, "depth")
    return GivenDepth(maps, num_frames, source_size, size, fit, inverted)
