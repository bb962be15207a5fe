"""A video of any length, edited window by window over one loaded model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

import torch
from torch import Tensor

from ..conditions import compose_conditions, signed
from ..edit import Edit, check_video
from ..pipeline.pipeline import AUGMENTATION, DEFAULTS, START, Pipeline, draw_noise
from ..sampling.constraints import clamp_estimates
from ..sampling.samplers import Callback, Progress, SamplerOptions
from .drift_correction import correct_paths
from .handover import HandoverOptions, WindowStart, WindowState, start_window
from .window_cache import WindowCache
from .windows import Window, blend_weights, moving, plan_windows

HANDOVER = HandoverOptions()


class Frames(Protocol):
    """A video whose frames are read as they are needed, in rising order."""

    def __len__(self) -> int: ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    def read(self, start: int, stop: int) -> Tensor:
        """(stop − start, 3, H, W) in [0, 1]: these frames; ValueError where they cannot be read any more."""


@dataclass(frozen=True)
class TensorFrames:
    """`Frames` of a tensor (T, 3, H, W) in [0, 1]."""

    video: Tensor

    def __len__(self) -> int:
        return len(self.video)

    @property
    def size(self) -> tuple[int, int]:
        return self.video.shape[-2], self.video.shape[-1]

    def read(self, start: int, stop: int) -> Tensor:
        return self.video[start:stop]


@dataclass(frozen=True)
class FinishedFrames:
    """Frames that no later window changes, in the order of the video."""

    first: int  # the number of the first of them
    frames: Tensor  # (n, 3, H, W) in [0, 1]: as the model painted them, unedited parts too
    mask: Tensor  # (n, 1, H, W) bool
    latents: Tensor | None  # (n, C, h, w), scaled; None where nothing was to be changed


def edit_windows(
    pipeline: Pipeline,
    frames: Frames,
    edit: Edit,
    options: SamplerOptions = DEFAULTS,
    callback: Callback | None = None,
    *,
    handover: HandoverOptions = HANDOVER,
    cache: WindowCache | None = None,
) -> Iterator[FinishedFrames]:
    """Gives a long video's frames as its windows are done; holds one window at a time.

    The edited frame is the first. `cache` keeps each window, and gives back those that were made from the same
    before. A window in which the mask is empty is not computed: its frames are the source's. Raises ValueError
    where edit, video and model do not fit each other, before any work.
    """
    length, (height, width) = pipeline.config.unet.num_frames, frames.size
    plan = plan_windows(len(frames), length, handover.overlap)
    pipeline.config.check_size(height, width)
    edit.check(len(frames), height, width)
    sampler = _WindowSampler(pipeline, options, handover, _Clock(len(frames), options.steps, callback))
    vae = pipeline.config.vae
    shape = length, vae.latent_channels, height // vae.stride, width // vae.stride
    with cache.in_use() if cache else nullcontext():
        base = cache.begin(pipeline, edit.edited_frame, edit.trajectories, options, handover) if cache else ""
        state = WindowState.first(edit, length, handover)
        edited = False
        for number, window in enumerate(plan):
            end = plan[number + 1].first if number + 1 < len(plan) else len(frames)
            sampler.clock.begin(window.first, end)
            video, mask = frames.read(window.start, window.stop), edit.masks(window.start, window.stop)
            check_video(video)
            trajectories = edit.trajectories_between(window.start, window.stop)
            latents: Tensor | None = None
            painted = video
            if mask.any():
                edited = True
                # The offsets follow from the window before, whose key this one's holds.
                key = cache.key(base, state.key, window, video, mask, moving(trajectories)) if cache else ""
                latents = cache.load(number, key, shape) if cache else None
                if latents is None:
                    if handover.first_embedding and state.embedding is None:
                        state = replace(state, embedding=pipeline.embed(signed(edit.edited_frame)))
                    part = Edit(edit.edited_frame, moving(correct_paths(trajectories, state.offsets)), mask)
                    latents = sampler.sample(number, window, video, part, state)
                    if cache:
                        cache.save(number, key, latents)
                state = replace(state, key=key)
                painted = pipeline.decode(latents, length)
            sampler.clock.end_window(latents)
            given = slice(window.first - window.start, end - window.start)
            yield FinishedFrames(window.first, painted[given], mask[given], None if latents is None else latents[given])
            if number + 1 < len(plan):
                at = plan[number + 1].start - window.start
                if latents is None:
                    state = state.unedited(painted[at:])
                else:
                    state = state.after(painted, latents, mask, trajectories, at, handover)
        if not edited:
            raise ValueError("the mask is empty in every frame, so nothing was changed: mask the area to edit")


@dataclass(frozen=True)
class _WindowSampler:
    """What all windows of a run are sampled with."""

    pipeline: Pipeline
    options: SamplerOptions
    handover: HandoverOptions
    clock: _Clock

    def sample(self, number: int, window: Window, video: Tensor, edit: Edit, state: WindowState) -> Tensor:
        """Latents (T, C, h, w), scaled, of one window's frames (T, 3, H, W) and the part of the edit in them."""
        pipeline, options = self.pipeline, self.options
        seed = _block_seed(options.seed, number)
        augmentation = draw_noise(edit.edited_frame.shape, seed, AUGMENTATION)
        start = WindowStart(edit.edited_frame)
        if state.previous is not None:
            noise, shared = options.encoder_noise * augmentation, edit.masks(0, window.shared)
            start = start_window(pipeline, state.previous, video[0], shared, self.handover, noise)
        conditions = compose_conditions(video, replace(edit, edited_frame=start.reference))
        lock = pipeline.latent_lock(conditions, options)
        conditioning = pipeline.condition(
            conditions, options, augmentation, context=state.embedding, latent=start.latent
        )
        denoise = pipeline.denoiser(conditioning, options)
        if start.known is not None:
            weights = blend_weights(window.shared, self.handover.overlap)
            denoise = clamp_estimates(denoise, start.known, weights.view(-1, 1, 1, 1))
        noise = frame_noise(pipeline.latent_shape(conditions), options.seed, window.start)
        return pipeline.run(lock(denoise), noise, replace(options, seed=seed), self.clock.step)


def frame_noise(shape: tuple[int, int, int, int], seed: int, start: int) -> Tensor:
    """(T, C, h, w) for the T frames from `start`: a frame's noise is the same in every window that holds it.

    The first T frames have what `Pipeline.sample` draws.
    """
    length = shape[0]
    block, offset = divmod(start, length)
    blocks = [block] if offset == 0 else [block, block + 1]
    noise = torch.cat([draw_noise(shape, _block_seed(seed, each), START) for each in blocks])
    return noise[offset : offset + length]


def _block_seed(seed: int, number: int) -> int:
    """Unrelated seeds for the stretches of a video, the first of them the user's own."""
    return seed if number == 0 else int.from_bytes(sha256(f"{seed} {number}".encode()).digest()[:8], "big") % 2**62


class _Clock:
    """Tells a callback of progress, and how long the rest will take."""

    def __init__(self, total: int, steps: int, callback: Callback | None) -> None:
        self.total, self.steps, self.callback = total, steps, callback
        self.seconds, self.computed = 0.0, 0.0  # in windows that were sampled

    def begin(self, first: int, end: int) -> None:
        self.first, self.end, self.sampled = first, end, False
        self.began = time.monotonic()

    def step(self, progress: Progress) -> None:
        self.sampled = True
        given = (self.end - self.first) * progress.done / self.steps
        # A window's last step is not its end: decoding follows.
        self._tell(self.first + min(int(given), self.end - self.first - 1), given, progress.latents)

    def end_window(self, latents: Tensor | None) -> None:
        if self.sampled:
            self.seconds += time.monotonic() - self.began
            self.computed += self.end - self.first
        self._tell(self.end, 0.0, latents)

    def _tell(self, done: int, given: float, latents: Tensor | None) -> None:
        if self.callback is None:
            return
        running = time.monotonic() - self.began if given else 0.0
        computed = self.computed + given
        left = (self.seconds + running) / computed * (self.total - done) if computed else None
        self.callback(Progress("editing", done, self.total, latents, left))
