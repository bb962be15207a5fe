"""Inputs that save time and change the picture, shared by the nodes that sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

if TYPE_CHECKING:
    from ..revideo.sampling.samplers import SamplerOptions

AS_SET = "as set"
EVERYWHERE = 1000.0  # above the highest noise level


def speed_inputs() -> list[io.Input]:
    """Appended after a node's older inputs: an older workflow samples as it did."""
    return [
        io.Combo.Input(
            "preset",
            options=[AS_SET, "2x", "5x", "8x", "fast"],
            default=AS_SET,
            optional=True,
            tooltip="In place of what the fields above and below say. 2x: ten aligned steps. 5x: five, guidance in "
            "one of them. 8x: three, without guidance. fast: as in older workflows. Built-in model in fp32, how many "
            "times as fast as 25 steps with guidance, and what becomes of path error, unedited PSNR and PSNR of the "
            "edited thing: 2x 2.32 ×, +0.00 %, -0.04 dB, -0.06 dB; 5x 5.97 ×, -0.46 %, +1.29 dB, +2.19 dB; 8x 9.05 ×, "
            "-0.52 %, +0.55 dB, +1.86 dB.",
        ),
        io.Combo.Input(
            "schedule",
            options=["karras", "ays"],
            default="karras",
            optional=True,
            tooltip="Noise levels. ays: Align Your Steps, made for SVD; set steps to 10, as the preset 2x does.",
            advanced=True,
        ),
        io.Combo.Input(
            "solver",
            options=["euler", "euler_ancestral", "dpmpp_2m"],
            default="euler",
            optional=True,
            tooltip="euler_ancestral: fresh noise at each step covers the errors of earlier ones. Built-in model: path "
            "error 0.6 times that of Euler without guidance. dpmpp_2m: second order, in the same time a step; no gain "
            "with the built-in model.",
            advanced=True,
        ),
        io.Float.Input(
            "guide_from",
            default=EVERYWHERE,
            min=0.0,
            max=EVERYWHERE,
            step=0.01,
            optional=True,
            tooltip="The noise level at which guidance begins; a step before it takes half the time. Built-in model: "
            "100 to 5 is quicker than at all levels, and better.",
            advanced=True,
        ),
        io.Float.Input(
            "guide_until",
            default=0.0,
            min=0.0,
            max=EVERYWHERE,
            step=0.01,
            optional=True,
            tooltip="The noise level at which guidance ends; a step after it takes half the time. 0 = never.",
            advanced=True,
        ),
        io.Int.Input(
            "control_every",
            default=1,
            min=1,
            max=100,
            optional=True,
            tooltip="Run the ControlNet on every so many steps only. Not with few steps: what is unedited comes out "
            "worse then.",
            advanced=True,
        ),
    ]


def options_of(preset: str = AS_SET, **inputs: Any) -> SamplerOptions:
    """What a node's inputs say; those that the preset sets are not asked, since a form always holds a value."""
    from ..revideo.sampling.samplers import PRESETS, sampler_options

    chosen = "exact" if preset == AS_SET else preset
    asked = {name: value for name, value in inputs.items() if name not in PRESETS.get(chosen, {})}
    return sampler_options(chosen, **asked)


def handover_inputs() -> list[io.Input]:
    """What is done against drift from window to window, in the order of saved workflows."""
    return [
        io.Boolean.Input(
            "source_pixels",
            default=True,
            tooltip="A carried frame's unedited pixels come from the source.",
            advanced=True,
        ),
        io.Boolean.Input(
            "carried_latent",
            default=True,
            tooltip="The area is carried as latents, not decoded and encoded again.",
            advanced=True,
        ),
        io.Boolean.Input(
            "first_embedding",
            default=True,
            tooltip="The image embedding stays that of the edited first frame.",
            advanced=True,
        ),
        io.Boolean.Input(
            "hold_colours",
            default=True,
            tooltip="Colours of the area follow those of the ring around it.",
            advanced=True,
        ),
        io.Boolean.Input(
            "steered_paths",
            default=True,
            tooltip="What strayed from its path in one window is led back to it in the next.",
            advanced=True,
        ),
    ]
