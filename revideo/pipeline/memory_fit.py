"""The plan that fits into a budget of memory, chosen before a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..sampling.samplers import SamplerOptions
from .devices import available_memory
from .memory_estimate import Workload, conditioning_bytes, decoding_bytes, step_bytes, weight_bytes
from .memory_plan import Plan
from .pipeline import Pipeline

HEADROOM = 0.1  # of the budget: fragments, workspaces of kernels, and what CUDA takes for itself


@dataclass(frozen=True)
class WeightBytes:
    """Bytes of each network's weights."""

    unet: int
    controlnet: int
    vae: int
    image_encoder: int
    largest_layers: int  # of UNet and ControlNet: one that works and the next that comes

    @classmethod
    def of(cls, model: Pipeline) -> WeightBytes:
        modules = [*model.unet.modules(), *model.controlnet.modules()]
        return cls(
            unet=weight_bytes(model.unet),
            controlnet=weight_bytes(model.controlnet),
            vae=weight_bytes(model.vae),
            image_encoder=weight_bytes(model.image_encoder),
            largest_layers=2 * max(weight_bytes(module) for module in modules if not [*module.children()]),
        )


NO_WEIGHTS = WeightBytes(0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Peaks:
    """The most bytes on the device, weights and all, in each stage of an edit."""

    conditioning: int
    sampling: int
    decoding: int

    @property
    def total(self) -> int:
        return max(self.conditioning, self.sampling, self.decoding)


def predict_peaks(plan: Plan, work: Workload, weights: WeightBytes, guided: bool = True) -> Peaks:
    """Of an edit laid out by `plan`; `guided`: whether there are two guidance branches at all."""
    branches = min(plan.branches, 1 + guided)
    networks = weights.largest_layers if plan.layerwise_offload else weights.unet + weights.controlnet
    # Of each stage: image encoder and autoencoder work before UNet and ControlNet, which embed the conditions.
    conditioning, sampling, decoding = max(weights.vae, weights.image_encoder, networks), networks, weights.vae
    if not plan.model_offload:
        conditioning = sampling = decoding = networks + weights.vae + weights.image_encoder
    return Peaks(
        conditioning=conditioning_bytes(work) + conditioning,
        sampling=step_bytes(work, branches) + sampling,
        decoding=decoding_bytes(work, plan.frame_offload) + decoding,
    )


def choose_plan(budget: int, work: Workload, weights: WeightBytes, guided: bool = True) -> Plan:
    """The quickest plan whose predicted peak leaves HEADROOM of the budget in bytes; if none does, the tightest."""
    layouts = [Plan(branches=2), *Plan(branches=2).for_sampling()]
    if work.on_cpu:  # where two branches are no quicker, and neither weights nor frames have anywhere else to go
        layouts = [Plan()]
    # Frames come and go once a window, networks are moved whole, layers come at each step.
    plans = [
        replace(layout, frame_offload=offload)
        for layout in layouts
        for offload in (False, True)
        if layout.model_offload or not offload
    ]
    fitting = (plan for plan in plans if predict_peaks(plan, work, weights, guided).total <= (1 - HEADROOM) * budget)
    return next(fitting, plans[-1])


def fit_memory(
    model: Pipeline,
    size: tuple[int, int],  # height, width in pixels
    options: SamplerOptions,
    budget: int | None = None,  # bytes; None = `available_memory` of its device
) -> str:
    """Lets the model follow the plan that fits, and says which; "" where there is no budget to fit."""
    on_cpu = model.device.type == "cpu"
    budget = budget if budget is not None else available_memory(model.device)
    if budget is None:
        return ""
    work = Workload(model.config, *size, model.unet.dtype, model.vae.dtype, on_cpu)
    guided = (options.cfg_first, options.cfg_last) != (1, 1)
    weights = WeightBytes.of(model)
    model.apply_plan(choose_plan(budget, work, weights, guided))
    peak = predict_peaks(model.plan, work, weights, guided).total
    model.activation_bytes = predict_peaks(model.plan, work, NO_WEIGHTS, guided).total
    return f"{model.plan}: about {peak / 1e9:.1f} of {budget / 1e9:.1f} GB"
