"""Clips edited onwards and backwards from any of their frames, and joined there."""

from __future__ import annotations

import torch
from torch import Tensor

from ..conditions import Conditions
from ..edit import Edit
from ..pipeline.pipeline import AUGMENTATION, DEFAULTS, ReVideo, Sample, draw_noise
from ..sampling.constraints import lock
from ..sampling.samplers import SamplerOptions, StepCallback
from .bidirectional import BothWays, bounced, conditions_for, joined_sides, reordered
from .handover import Drift, hold
from .long_video import DRIFT, Report, edit_long, frame_noise


def sample_conditions(
    model: ReVideo,
    conditions: Conditions | BothWays,
    options: SamplerOptions = DEFAULTS,
    *,
    sigmas: Tensor | None = None,
    sampler: Sample | None = None,
    callback: StepCallback | None = None,
) -> Tensor:
    """`ReVideo.sample_conditions` for an edit of any frame: latents (T, C, h, w) in the clip's order.

    A side shorter than the model's window goes back and forth until the window is full: what lies
    beyond the clip then moves like the clip. The latent of the edited frame is sampled onwards and held
    backwards, and one decoder sees all frames in their order, so that the sides meet without a jump.
    `callback` hears of the steps of both sides as of one run. Raises ValueError where a side is longer
    than the window.
    """
    if isinstance(conditions, Conditions):
        return model.sample_conditions(conditions, options, sigmas=sigmas, sampler=sampler, callback=callback)
    window = model.config.unet.num_frames
    longest = max(map(len, conditions.sides))
    if longest > window:
        raise ValueError(
            f"the video has {longest} frames on one side of its edited frame {conditions.edit.reference_frame}, "
            f"counted with it; this model edits windows of {window}: take fewer frames"
        )
    model.config.check_size(*conditions.size)
    runs = {number: side for number, side in enumerate(conditions.sides) if len(side) > 1}
    augmentation = draw_noise((3, *conditions.size), options.seed, AUGMENTATION)
    known: dict[str, Tensor] = {}  # of the reference: both sides have the same
    sampled: dict[int, Tensor] = {}
    for turn, (number, side) in enumerate(runs.items()):
        shown = conditions.along(bounced(side, window))
        unedited = model.encode_unedited(shown) if options.latent_lock else None
        conditioning = model.condition(shown, options, augmentation, **known)
        known = {"context": conditioning.context, "latent": conditioning.reference}
        denoise = model.denoiser(conditioning, options)
        shape = model.latent_shape(shown)
        noise = frame_noise(shape, options.seed, turn * window)
        if turn:
            noise = torch.cat([frame_noise(shape, options.seed, 0)[:1], noise[1:]])
            denoise = hold(denoise, sampled[0][:1], torch.ones(1))
        if unedited is not None:
            denoise = lock(denoise, unedited, options.lock_until)
        heard = _shared(callback, turn, len(runs), options.steps if sigmas is None else len(sigmas) - 1)
        latents = model.run(denoise, noise, options, sigmas=sigmas, sampler=sampler, callback=heard)
        sampled[number] = latents[: len(side)]
    return joined_sides(sampled)


def edit_both_ways(
    model: ReVideo,
    video: Tensor,
    edit: Edit,
    options: SamplerOptions = DEFAULTS,
    drift: Drift = DRIFT,
    *,
    callback: StepCallback | None = None,
    report: Report | None = None,
) -> Tensor:
    """`ReVideo.edit` for an edit of any frame of a video (T, 3, H, W) in [0, 1] of any length.

    `callback` hears of steps where both sides fit into a window, `report` of windows where one does not:
    such a side is edited window after window, as `edit_long` does.
    """
    conditions = conditions_for(video, edit)
    window = model.config.unet.num_frames
    if isinstance(conditions, Conditions) and len(video) == window:
        return model.edit(video, edit, options, callback)
    if isinstance(conditions, Conditions):
        return edit_long(model, video, edit, options, drift, report)
    if max(map(len, conditions.sides)) <= window:
        return model.decode(sample_conditions(model, conditions, options, callback=callback), window)
    parts = {}
    for number, side in enumerate(conditions.sides):
        if len(side) > 1:
            order = bounced(side, max(len(side), window))
            parts[number] = edit_long(model, *reordered(video, edit, order), options, drift, report)[: len(side)]
    return joined_sides(parts)


def _shared(callback: StepCallback | None, turn: int, turns: int, steps: int) -> StepCallback | None:
    """One callback for several runs, which hears of them as of one."""
    if callback is None:
        return None
    return lambda done, latents: callback((turn * steps + done) // turns, latents)
