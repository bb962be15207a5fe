"""The plan that fits into a budget of memory, chosen before a run."""

from __future__ import annotations

from dataclasses import dataclass

from .memory import Work, conditioning_bytes, decoding_bytes, step_bytes, weight_bytes
from .model import ReVideo
from .plan import Plan

SPARE = 0.1  # of the budget: fragments, workspaces of kernels, and what CUDA keeps for itself


@dataclass(frozen=True)
class Weights:
    """Bytes of each network."""

    unet: int
    controlnet: int
    vae: int
    image_encoder: int
    largest_layers: int  # of UNet and control net: one that works and the next that comes

    @classmethod
    def of(cls, model: ReVideo) -> Weights:
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
        # Image encoder and autoencoder before UNet and control net, which embed the conditions.
        conditioning=conditioning_bytes(work) + rest + max(vae, weights.image_encoder if plan.in_turn else 0, networks),
        sampling=step_bytes(work, branches) + rest + networks,
        decoding=decoding_bytes(work, min(plan.frames_per_chunk, work.frames)) + rest + vae,
    )


def choose(budget: int, work: Work, weights: Weights, guided: bool = True) -> Plan:
    """The quickest plan whose predicted peak leaves SPARE of the budget in bytes; if none does, the tightest."""
    for layout in [Plan(branches=2), *Plan(branches=2).for_sampling()]:
        for plan in [layout, *layout.for_decoding(work.frames)]:
            if predict(plan, work, weights, guided).total <= (1 - SPARE) * budget:
                return plan
    return plan
