"""A video of any length, edited window by window over one loaded model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import torch
from torch import Tensor

from ..conditions import compose_conditions, signed
from ..edit import Edit, check_video
from ..pipeline.pipeline import AUGMENTATION, DEFAULTS, START, ReVideo, draw_noise
from ..sampling.constraints import lock
from ..sampling.samplers import SamplerOptions
from .drift_correction import steer
from .handover import Carried, Drift, Start, hand_on, hold, start_window
from .restoring import Thing, find_things
from .window_cache import WindowStore
from .windows import LongEdit, Window, held_weights, moving, plan_windows

DRIFT = Drift()


class Frames(Protocol):
    """A video whose frames are read as they are needed, in rising order."""

    def __len__(self) -> int: ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    def read(self, start: int, stop: int) -> Tensor:  # (stop − start, 3, H, W) in [0, 1]
        """These frames; ValueError where they cannot be read any more."""


@dataclass(frozen=True)
class HeldFrames:
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
class Finished:
    """Frames that no later window changes, in the order of the video."""

    first: int  # the number of the first of them
    frames: Tensor  # (n, 3, H, W) in [0, 1]: as the model painted them, unedited parts too
    source: Tensor  # (n, 3, H, W) in [0, 1]
    region: Tensor  # (n, 1, H, W) of 0 and 1


@dataclass(frozen=True)
class Progress:
    """How far a long edit has come; told with every step."""

    done: int  # frames, those of the window at work by the share of its steps
    total: int
    seconds_left: float | None  # None until something was computed
    latents: Tensor | None  # (T, C, h, w): the newest window, as estimated by now; None if it was not computed


Report = Callable[[Progress], None]  # whatever it raises ends the run, which is how an interrupt works


def edit_windows(
    model: ReVideo,
    frames: Frames,
    edit: LongEdit,
    options: SamplerOptions = DEFAULTS,
    drift: Drift = DRIFT,
    *,
    store: WindowStore | None = None,
    report: Report | None = None,
) -> Iterator[Finished]:
    """Gives a long video's frames as its windows are done; holds one window at a time.

    `store` keeps each window, and gives back those that were made from the same before.
    A window in which the area is empty is not computed: its frames are the source's.
    Raises ValueError where edit, video and model do not fit each other, before any work.
    """
    length, (height, width) = model.config.unet.num_frames, frames.size
    plan = plan_windows(len(frames), length, drift.overlap)
    model.config.check_size(height, width)
    edit.check(len(frames), height, width)
    clock = _Clock(len(frames), options.steps, report)
    base = store.begin(model, edit.reference, edit.trajectories, options, drift) if store else ""
    context: Tensor | None = None
    carried: Carried | None = None
    strayed = torch.zeros(edit.trajectories.num_paths, 2)
    things: list[Thing | None] = []
    key, edited = "", False
    for number, window in enumerate(plan):
        end = plan[number + 1].first if number + 1 < len(plan) else len(frames)
        clock.begin(window.first, end)
        video, region = frames.read(window.start, window.stop), edit.masks(window.start, window.stop)
        check_video(video)
        paths = edit.paths(window.start, window.stop)
        if number == 0 and (drift.steered_paths or drift.restored_things):
            things = find_things(edit.reference, paths, region[0, 0] > 0)
        if region.any():
            edited = True
            part = Edit(edit.reference, moving(steer(paths, strayed)), region)
            # What has strayed follows from the window before, and so need not be told.
            key = store.key(base, key, window, video, region, moving(paths)) if store else ""
            latents = store.load(number, key) if store else None
            if latents is None:
                if drift.first_embedding and context is None:
                    context = model.embed(signed(edit.reference))
                latents = _sample(model, number, window, video, part, carried, options, drift, context, clock)
                if store:
                    store.save(number, key, latents)
            painted = model.decode(latents, length)
        else:
            key, latents, painted = "", None, video
        clock.end_window(latents)
        given = slice(window.first - window.start, end - window.start)
        yield Finished(window.first, painted[given], video[given], region[given])
        if number + 1 < len(plan):
            at = plan[number + 1].start - window.start
            if latents is None:
                # The source's own things, where nothing was edited, follow nobody's path.
                carried, strayed = Carried(painted[at:], None), strayed * 0
            else:
                carried, strayed = hand_on(painted, latents, region, paths, strayed, things, at, drift)
    if not edited:
        raise ValueError("the region is empty in every frame, so nothing was changed: mask the area to edit")


def edit_long(
    model: ReVideo,
    video: Tensor,
    edit: Edit,
    options: SamplerOptions = DEFAULTS,
    drift: Drift = DRIFT,
    report: Report | None = None,
) -> Tensor:
    """`ReVideo.edit` for a video (T, 3, H, W) in [0, 1] of any length that memory holds."""
    result = torch.empty(video.shape)
    for done in edit_windows(model, HeldFrames(video), LongEdit.of(edit), options, drift, report=report):
        result[done.first : done.first + len(done.frames)] = done.frames
    return result


def _sample(
    model: ReVideo,
    number: int,
    window: Window,
    video: Tensor,
    edit: Edit,
    carried: Carried | None,
    options: SamplerOptions,
    drift: Drift,
    context: Tensor | None,
    clock: _Clock,
) -> Tensor:
    """Latents (T, C, h, w) of one window."""
    augmentation = draw_noise(edit.reference.shape, _block_seed(options.seed, number), AUGMENTATION)
    start = Start(edit.reference)
    if carried is not None:
        noise = options.noise_augmentation * augmentation
        start = start_window(model, carried, video[0], edit.region[: window.shared], drift, noise)
    conditions = compose_conditions(video, Edit(start.reference, edit.trajectories, edit.region))
    unedited = model.encode_unedited(conditions) if options.latent_lock else None
    conditioning = model.condition(conditions, options, augmentation, context=context, latent=start.latent)
    denoise = model.denoiser(conditioning, options)
    if start.held is not None:
        denoise = hold(denoise, start.held, held_weights(window.shared, drift.overlap))
    if unedited is not None:
        denoise = lock(denoise, unedited, options.lock_until)
    noise = frame_noise(model.latent_shape(conditions), options.seed, window.start)
    return model.run(denoise, noise, options, callback=clock.step)


def frame_noise(shape: tuple[int, int, int, int], seed: int, start: int) -> Tensor:
    """(T, C, h, w) for the T frames from `start`: a frame's noise is the same in every window that holds it.

    The first T frames have what `ReVideo.sample` draws.
    """
    length = shape[0]
    block, offset = divmod(start, length)
    blocks = [block] if offset == 0 else [block, block + 1]
    noise = torch.cat([draw_noise(shape, _block_seed(seed, each), START) for each in blocks])
    return noise[offset : offset + length]


def _block_seed(seed: int, number: int) -> int:
    """Unrelated seeds for the stretches of a video, the first of them the user's own."""
    return seed if number == 0 else int.from_bytes(sha256(f"{seed} {number}".encode()).digest()[:8], "big")


class _Clock:
    """Tells `report` of progress, and how long the rest will take."""

    def __init__(self, total: int, steps: int, report: Report | None) -> None:
        self.total, self.steps, self.report = total, steps, report
        self.seconds, self.computed = 0.0, 0.0  # in windows that were sampled

    def begin(self, first: int, end: int) -> None:
        self.first, self.end, self.sampled = first, end, False
        self.began = time.monotonic()

    def step(self, done: int, latents: Tensor) -> None:
        self.sampled = True
        given = (self.end - self.first) * done / self.steps
        # A window's last step is not its end: decoding follows.
        self._tell(self.first + min(int(given), self.end - self.first - 1), given, latents)

    def end_window(self, latents: Tensor | None) -> None:
        if self.sampled:
            self.seconds += time.monotonic() - self.began
            self.computed += self.end - self.first
        self._tell(self.end, 0.0, latents)

    def _tell(self, done: int, given: float, latents: Tensor | None) -> None:
        if self.report is None:
            return
        running = time.monotonic() - self.began if given else 0.0
        computed = self.computed + given
        left = (self.seconds + running) / computed * (self.total - done) if computed else None
        self.report(Progress(done, self.total, left, latents))
