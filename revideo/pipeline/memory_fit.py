"""The plan that fits into a budget of memory, chosen before a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ..sampling.samplers import SamplerOptions
from .memory_estimate import Work, conditioning_bytes, decoding_bytes, step_bytes, weight_bytes
from .memory_plan import Plan
from .pipeline import Pipeline

SPARE = 0.1  # of the budget: fragments, workspaces of kernels, and what CUDA keeps for itself


@dataclass(frozen=True)
class Weights:
    """Bytes of each network."""

    unet: int
    controlnet: int
    vae: int
    image_encoder: int
    largest_layers: int  # of UNet and ControlNet: one that works and the next that comes

    @classmethod
    def of(cls, model: Pipeline) -> Weights:
        modules = [*model.unet.modules(), *model.controlnet.modules()]
        return cls(
            unet=weight_bytes(model.unet),
            controlnet=weight_bytes(model.controlnet),
            vae=weight_bytes(model.vae),
            image_encoder=weight_bytes(model.image_encoder),
            largest_layers=2 * max(weight_bytes(module) for module in modules if not [*module.children()]),
        )


@dataclass(frozen=True)
class Peaks:
    """The most bytes on the device, weights and all, in each stage of an edit."""

    conditioning: int
    sampling: int
    decoding: int

    @property
    def total(self) -> int:
        return max(self.conditioning, self.sampling, self.decoding)


def predict(plan: Plan, work: Work, weights: Weights, guided: bool = True) -> Peaks:
    branches = min(plan.branches, 1 + guided)
    networks = weights.largest_layers if plan.offload else weights.unet + weights.controlnet
    vae, rest = weights.vae, 0
    if not plan.in_turn:
        rest, vae, networks = networks + vae + weights.image_encoder, 0, 0
    return Peaks(
        # Image encoder and autoencoder before UNet and ControlNet, which embed the conditions.
        conditioning=conditioning_bytes(work) + rest + max(vae, weights.image_encoder if plan.in_turn else 0, networks),
        sampling=step_bytes(work, branches) + rest + networks,
        decoding=decoding_bytes(work, plan.park) + rest + vae,
    )


def choose(budget: int, work: Work, weights: Weights, guided: bool = True) -> Plan:
    """The quickest plan whose predicted peak leaves SPARE of the budget in bytes; if none does, the tightest."""
    layouts = [Plan(branches=2), *Plan(branches=2).for_sampling()]
    if work.on_cpu:  # where two branches are no quicker, and neither weights nor frames have anywhere else to go
        layouts = [Plan()]
    # Frames come and go once a window, networks in turn are moved whole, layers come at each step.
    plans = [replace(layout, park=park) for layout in layouts for park in (False, True) if layout.in_turn or not park]
    fitting = (plan for plan in plans if predict(plan, work, weights, guided).total <= (1 - SPARE) * budget)
    return next(fitting, plans[-1])


def fit(
    model: Pipeline,
    size: tuple[int, int],  # height, width in pixels
    options: SamplerOptions,
    budget: int | None = None,  # bytes; None = what this process can get of the device's memory
) -> str:
    """Lets the model follow the plan that fits, and says which; "" where there is no budget to keep to."""
    on_cpu = model.device.type == "cpu"
    if budget is None:
        if model.device.type != "cuda":
            return ""
        budget = torch.cuda.mem_get_info(model.device)[0] + torch.cuda.memory_reserved(model.device)
    work = Work(model.config, *size, model.unet.dtype, model.vae.dtype, on_cpu)
    guided = (options.cfg_first, options.cfg_last) != (1, 1)
    weights = Weights.of(model)
    model.apply_plan(choose(budget, work, weights, guided))
    peak = predict(model.plan, work, weights, guided).total
    nothing = Weights(0, 0, 0, 0, 0)
    model.activation_bytes = predict(model.plan, work, nothing, guided).total
    return f"{model.plan}: about {peak / 1e9:.1f} of {budget / 1e9:.1f} GB"
