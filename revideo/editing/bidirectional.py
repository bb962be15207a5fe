"""Edited frames anywhere in a clip: seen onwards and backwards from each of them, and sampled as one."""

from __future__ import annotations

from torch import Tensor

from ..conditions import Conditions, Side
from ..pipeline.pipeline import AUGMENTATION, START, Pipeline, Sampler, draw_noise
from ..sampling.samplers import Callback, SamplerOptions
from ..sampling.views import View, join_views
from .windows import ping_pong


def sample_sides(
    pipeline: Pipeline,
    conditions: Conditions,
    options: SamplerOptions,
    callback: Callback | None = None,
    *,
    sigmas: Tensor | None = None,
    sampler: Sampler | None = None,
    noise: Tensor | None = None,
    augmentation_noise: Tensor | None = None,
) -> Tensor:
    """Latents (T, C, h, w), scaled, in the clip's order, for an edit of any frames and sides that fit into a window.

    One run over the clip's latents: at every step the model sees each side of them, and its estimates are joined by
    the sides' weights. So two sides share the latent of the frame in which they meet, and one decoder sees all frames
    in their order. A side shorter than the model's window goes back and forth until the window is full: what
    follows its end then moves like the clip. The rest as of `Pipeline.sample`. Raises ValueError where a side is
    longer than the window.
    """
    window = pipeline.config.unet.num_frames
    sides = window_sides(conditions, window)
    pipeline.config.check_size(*conditions.size)
    if augmentation_noise is None:
        augmentation_noise = draw_noise((3, *conditions.size), options.seed, AUGMENTATION)
    if noise is None:
        noise = draw_noise(pipeline.latent_shape(conditions), options.seed, START)
    lock = pipeline.latent_lock(conditions, options)
    views: list[View] = []
    known: dict[int, dict[str, Tensor]] = {}  # of each edited frame: both sides have the same
    for side in sides:
        order = ping_pong(side.order, window)
        conditioning = pipeline.condition(
            conditions.along(order), options, augmentation_noise, **known.get(order[0], {})
        )
        known[order[0]] = {"context": conditioning.context, "latent": conditioning.reference}
        views.append(View(pipeline.denoiser(conditioning, options), order, side.weights))
    return pipeline.run(lock(join_views(views)), noise, options, callback, sigmas=sigmas, sampler=sampler)


def window_sides(conditions: Conditions, window: int) -> list[Side]:
    """How a model of such windows sees the clip; ValueError where a side is longer."""
    sides = conditions.sides
    longest = max(len(side.order) for side in sides)
    if longest > window:
        raise ValueError(
            f"the video has {longest} frames from its edited frame on, counted with it; "
            f"this model edits windows of {window}: take fewer frames"
        )
    return sides
