"""Edited frames other than the first under ComfyUI's samplers: at each step the model sees every side of the clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import comfy.conds
import comfy.hooks
import torch
from comfy.context_windows import IndexListContextWindow
from comfy.patcher_extension import WrappersMP, add_wrapper
from torch import Tensor

if TYPE_CHECKING:
    from comfy.model_base import BaseModel

    from ...revideo.conditions import Side

REFERENCES = "revideo_references"  # in a cond: of each side's first frame


def side_hooks(sides: list[Side], window: int) -> comfy.hooks.HookGroup:
    """For positive and negative alike: ComfyUI then lets the model see the latents side by side, and joins the results.

    A side is what core calls a context window, so that the ControlNet knows whose frames it is asked for. Guidance is
    known to the sampler alone: what fills up a short side is led by the positive estimate.
    """
    from ...revideo.editing.windows import ping_pong
    from ...revideo.sampling.views import Padding

    orders = [ping_pong(side.order, window) for side in sides]
    paddings = [Padding(window - len(side.order)) for side in sides]

    def see_sides(
        executor: Callable[..., list[Tensor]],
        model: BaseModel,
        conds: list[list[dict[str, Any]] | None],
        x: Tensor,  # (T, C, h, w)
        timestep: Tensor,  # (T,)
        model_options: dict[str, Any],
    ) -> list[Tensor]:  # (T, C, h, w) for each of the conds
        transformer_options = model_options.get("transformer_options", {})
        if "context_window" in transformer_options:
            raise ValueError(
                "not only the first frame was edited: the clip is seen from each edited one onwards and backwards, "
                "which context windows cannot do: take the Context Windows node out"
            )
        joined = [torch.zeros_like(x) for _ in conds]
        for number, (side, order) in enumerate(zip(sides, orders)):
            seen = IndexListContextWindow(order, dim=0, total_frames=len(x))
            options = model_options | {"transformer_options": transformer_options | {"context_window": seen}}
            parts = [cond and [_from_side(each, number, len(order)) for each in cond] for cond in conds]
            weights = side.weights.to(x).view(-1, 1, 1, 1)
            shown, padding = order[: len(side.order)], paddings[number]
            latents = torch.cat([x[shown], padding.at(x, timestep)])
            estimates = executor(model, parts, latents, timestep[order], options)
            padding.lead(estimates[0][len(shown) :])
            for whole, part in zip(joined, estimates):
                whole[shown] += weights * part[: len(shown)]
        return joined

    wrappers: dict[str, Any] = {}
    add_wrapper(WrappersMP.CALC_COND_BATCH, see_sides, wrappers)
    group = comfy.hooks.HookGroup()
    group.add(comfy.hooks.TransformerOptionsHook(wrappers))
    return group


def _from_side(cond: dict[str, Any], number: int, num_frames: int) -> dict[str, Any]:
    """A cond with the picture that the side begins with, and its length."""
    own: dict[str, Any] = {"num_video_frames": comfy.conds.CONDConstant(num_frames)}
    if REFERENCES in cond:  # others may be combined with ours
        device = cond["model_conds"]["c_concat"].cond.device
        embedding, latent = (each.to(device) for each in cond[REFERENCES][number])
        own |= {"c_concat": comfy.conds.CONDNoiseShape(latent), "c_crossattn": comfy.conds.CONDCrossAttn(embedding)}
    return cond | {"model_conds": cond["model_conds"] | own}
