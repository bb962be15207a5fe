"""The edited frame anywhere in a clip: sampled onwards and backwards from it, and joined there."""

from __future__ import annotations

import torch
from torch import Tensor

from ..conditions import Conditions, join_sides
from ..pipeline.pipeline import AUGMENTATION, Pipeline, Sampler, draw_noise
from ..sampling.constraints import clamp_estimates
from ..sampling.samplers import Callback, Progress, SamplerOptions
from .long_video import frame_noise
from .windows import ping_pong


def sample_sides(
    pipeline: Pipeline,
    conditions: Conditions,
    options: SamplerOptions,
    callback: Callback | None = None,
    *,
    sigmas: Tensor | None = None,
    sampler: Sampler | None = None,
) -> Tensor:
    """Latents (T, C, h, w), scaled, in the clip's order, for an edit of any frame and sides that fit into a window.

    A side shorter than the model's window goes back and forth until the window is full: what lies beyond the
    clip then moves like the clip. The latent of the edited frame is sampled onwards and held backwards, and one
    decoder sees all frames in their order, so that the sides meet without a jump. `callback` hears of the steps
    of both sides as of one run. Raises ValueError where a side is longer than the window.
    """
    window = pipeline.config.unet.num_frames
    longest = max(map(len, conditions.sides))
    if longest > window:
        raise ValueError(
            f"the video has {longest} frames from its edited frame on, counted with it; "
            f"this model edits windows of {window}: take fewer frames"
        )
    pipeline.config.check_size(*conditions.size)
    augmentation = draw_noise((3, *conditions.size), options.seed, AUGMENTATION)
    known: dict[str, Tensor] = {}  # of the reference: both sides have the same
    sampled: list[Tensor] = []
    for turn, side in enumerate(conditions.sides):
        shown = conditions.along(ping_pong(side, window))
        lock = pipeline.latent_lock(shown, options)
        conditioning = pipeline.condition(shown, options, augmentation, **known)
        known = {"context": conditioning.context, "latent": conditioning.reference}
        denoise = pipeline.denoiser(conditioning, options)
        shape = pipeline.latent_shape(shown)
        noise = frame_noise(shape, options.seed, turn * window)
        if turn:
            noise = torch.cat([frame_noise(shape, options.seed, 0)[:1], noise[1:]])
            denoise = clamp_estimates(denoise, sampled[0][:1], torch.ones(1))
        heard = _as_one_run(callback, turn, len(conditions.sides))
        latents = pipeline.run(lock(denoise), noise, options, heard, sigmas=sigmas, sampler=sampler)
        sampled.append(latents[: len(side)])
    return join_sides(conditions.sides, sampled)


def _as_one_run(callback: Callback | None, turn: int, turns: int) -> Callback | None:
    """One callback for several runs, which hears of them as of one."""
    if callback is None:
        return None

    def heard(progress: Progress) -> None:
        done = (turn * progress.total + progress.done) // turns
        callback(Progress(progress.stage, done, progress.total, progress.latents))

    return heard
