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
from ..sampling.views import View, join_views
from ..tracks.trajectories import Trajectories
from .drift_correction import correct_paths
from .handover import HandoverOptions, WindowStart, WindowState, start_window
from .window_cache import WindowCache
from .windows import Window, blend_weights, moving, ping_pong, plan_windows

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
class LaterFrames:
    """`Frames` from a later one on."""

    source: Frames
    first: int

    def __len__(self) -> int:
        return len(self.source) - self.first

    @property
    def size(self) -> tuple[int, int]:
        return self.source.size

    def read(self, start: int, stop: int) -> Tensor:
        return self.source.read(self.first + start, self.first + stop)


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

    The first frame is an edited one. Others begin windows anew, and the windows before end with them: nothing that
    was painted is handed over there. `cache` keeps each window, and gives back those that were made from the same
    before. A window in which the mask is empty is not computed: its frames are the source's. Raises ValueError
    where edit, video and model do not fit each other, before any work.
    """
    length, (height, width) = pipeline.config.unet.num_frames, frames.size
    pictures = edit.edited_frames
    plan = plan_windows(len(frames), length, handover.overlap, [*pictures])
    pipeline.config.check_size(height, width)
    edit.check(len(frames), height, width)
    sampler = _WindowSampler(pipeline, options, handover, _Clock(len(frames), options.steps, callback))
    vae = pipeline.config.vae
    shape = vae.latent_channels, height // vae.stride, width // vae.stride
    with cache.in_use() if cache else nullcontext():
        base = cache.begin(pipeline, options, handover) if cache else ""
        for number, window in enumerate(plan):
            end = plan[number + 1].first if number + 1 < len(plan) else len(frames)
            sampler.clock.begin(window.first, end)
            video, mask = frames.read(window.start, window.stop), edit.masks(window.start, window.stop)
            check_video(video)
            trajectories = edit.trajectories_between(window.start, window.stop)
            if not window.shared:
                state = WindowState.first(pictures[window.start], trajectories, mask[0, 0], handover)
                origin = cache.origin(base, state.edited_frame, trajectories) if cache else ""
            target = pictures[window.stop - 1] if window.ends else None
            latents: Tensor | None = None
            painted = video
            if mask.any():
                # The offsets follow from the window before, whose key this one's holds.
                key = cache.key(origin, state.key, window, video, mask, moving(trajectories), target) if cache else ""
                latents = cache.load(number, key, (len(video), *shape)) if cache else None
                if latents is None:
                    if handover.first_embedding and state.embedding is None:
                        state = replace(state, embedding=pipeline.embed(signed(state.edited_frame)))
                    latents = sampler.sample(number, window, video, mask, trajectories, state, target)
                    if cache:
                        cache.save(number, key, latents)
                state = replace(state, key=key)
                painted = pipeline.decode(latents, length)
            sampler.clock.end_window(latents)
            given = slice(window.first - window.start, end - window.start)
            yield FinishedFrames(window.first, painted[given], mask[given], None if latents is None else latents[given])
            if number + 1 < len(plan) and plan[number + 1].shared:
                at = plan[number + 1].start - window.start
                if latents is None:
                    state = state.unedited(painted[at:])
                else:
                    state = state.after(painted, latents, mask, trajectories, at, handover)


@dataclass(frozen=True)
class _WindowSampler:
    """What all windows of a run are sampled with."""

    pipeline: Pipeline
    options: SamplerOptions
    handover: HandoverOptions
    clock: _Clock

    def sample(
        self,
        number: int,
        window: Window,
        video: Tensor,  # (T, 3, H, W): its frames
        mask: Tensor,  # (T, 1, H, W) bool
        trajectories: Trajectories,  # (N, T)
        state: WindowState,
        target: Tensor | None,  # (3, H, W): its last frame, where that was edited
    ) -> Tensor:  # (T, C, h, w), scaled
        pipeline, options, length = self.pipeline, self.options, self.pipeline.config.unet.num_frames
        seed = nth_seed(options.seed, number)
        augmentation = draw_noise(video.shape[1:], seed, AUGMENTATION)
        start = WindowStart(state.edited_frame)
        if state.previous is not None:
            start = start_window(
                pipeline,
                state.previous,
                video[0],
                mask[: window.shared],
                self.handover,
                options.encoder_noise * augmentation,
            )
        edit = Edit(start.reference, moving(correct_paths(trajectories, state.offsets)), mask)
        whole = compose_conditions(video, edit)
        lock = pipeline.latent_lock(whole, options)
        frames = range(len(video))

        def view(edit: Edit, weights: Tensor, **known: Tensor | None) -> View:
            order = ping_pong(frames if edit.edited_index == 0 else frames[::-1], length)
            shown = whole
            if order != [*frames]:
                shown = compose_conditions(video[order], edit.reordered(order))
            conditioning = pipeline.condition(shown, options, augmentation, **known)
            return View(pipeline.denoiser(conditioning, options), order, weights)

        known = {"context": state.embedding, "latent": start.latent}
        if target is None:
            views = [view(edit, torch.ones(len(video)), **known)]
        else:
            weights = torch.linspace(1, 0, len(video))
            backwards = Edit(target, moving(trajectories), mask, len(video) - 1)
            views = [view(edit, weights, **known), view(backwards, weights)]
        denoise = join_views(views)
        if start.known is not None:
            blended = blend_weights(window.shared, self.handover.overlap)
            denoise = clamp_estimates(denoise, start.known, blended.view(-1, 1, 1, 1))
        noise = frame_noise((length, *pipeline.latent_shape(whole)[1:]), options.seed, window.start)[: len(video)]
        return pipeline.run(lock(denoise), noise, replace(options, seed=seed), self.clock.step)


def frame_noise(shape: tuple[int, int, int, int], seed: int, start: int) -> Tensor:
    """(T, C, h, w) for the T frames from `start`: a frame's noise is the same in every window that holds it.

    The first T frames have what `Pipeline.sample` draws.
    """
    length = shape[0]
    block, offset = divmod(start, length)
    blocks = [block] if offset == 0 else [block, block + 1]
    noise = torch.cat([draw_noise(shape, nth_seed(seed, each), START) for each in blocks])
    return noise[offset : offset + length]


def nth_seed(seed: int, number: int) -> int:
    """Unrelated seeds for the stretches or frames of a video, the first of them the user's own."""
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
