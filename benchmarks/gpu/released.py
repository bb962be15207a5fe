"""One window of the released size with random weights, measured in every way that it can be computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor

from revideo.checkpoints.random_weights import SMALL, random_parts
from revideo.conditions import make_conditions
from revideo.editing.model import ReVideo
from revideo.evaluation.metrics import psnr
from revideo.models.blocks import lay_out_pictures, run_plainly
from revideo.models.config import ModelConfig
from revideo.pipeline.devices import is_device_shortage
from revideo.pipeline.loading import check_fp8, compile_blocks, lay_out_convolutions, store_in_fp8
from revideo.pipeline.memory_estimate import Workload
from revideo.pipeline.memory_fit import WeightBytes, choose_plan, fit_memory, predict_peaks
from revideo.pipeline.memory_plan import Plan
from revideo.sampling.samplers import Progress, SamplerOptions, sampler_options

from ..common import decode_plainly, random_edit
from .card import GB, Card, Cost

WINDOW_STAGES = ("conditioning", "sampling", "decoding")
WHOLE_STEPS = SamplerOptions().steps
STAND_IN = replace(SMALL, unet=replace(SMALL.unet, num_frames=4))  # where there is no card
STAND_IN_STEPS = 4
LEAST_PSNR_DB = 45.0  # between ways that are exact
TOLERANCE = 0.15  # of the predicted peak
ROOM_GB = 20  # on a card, to make the weights there
BUDGETS_GB = (6, 8, 10, 12, 16, 24)  # rising: a plan that a tighter budget had is not run again
LAYOUTS = {  # of pictures in UNet and ControlNet, and whether convolution weights have channels last too
    "pictures and weights with channels last": (torch.channels_last, True),
    "pictures and weights contiguous": (torch.contiguous_format, False),
}
STAND_IN_PLANS = {  # plans where there is no card to choose them for
    6: Plan(frame_offload=True, model_offload=True, layerwise_offload=True),
    8: Plan(frame_offload=True, model_offload=True),
    10: Plan(model_offload=True),
    12: Plan(model_offload=True),
    16: Plan(),
    24: Plan(branches=2),
}


@dataclass
class MeasuredWindow:
    """What one window took, and what came of it."""

    stages: dict[str, Cost]
    step_seconds: list[float]  # from the end of the first, which warms up
    latents: Tensor
    frames: Tensor | None  # None: decoding met the end of memory


@torch.inference_mode()
def measure_window(
    model: ReVideo,
    card: Card,
    size: tuple[int, int],
    options: SamplerOptions,
    plain: bool = False,
    after_step: Callable[[int], None] = lambda done: None,
    before_decoding: Callable[[], None] = lambda: None,
) -> MeasuredWindow:
    """`plain`: SAFM weighs every frame and diffusers' own decoder decodes, as in a model of `run_plainly`."""
    conditions = make_conditions(*random_edit(model.config.unet.num_frames, *size))
    moments: list[float] = []

    with card.stage() as conditioned:
        conditioning = model.condition(conditions, options)
    if plain:
        masks = conditioning.control.mask.expand(conditions.num_frames, -1, -1, -1)
        conditioning = replace(conditioning, control=replace(conditioning.control, mask=masks))

    def heard(progress: Progress) -> None:
        moments.append(card.now())
        after_step(progress.done)

    noise = torch.randn(model.latent_shape(conditions), generator=torch.Generator().manual_seed(0))
    with card.stage() as sampled:
        latents = model.run(model.denoiser(conditioning, options), noise, options, heard)
    del conditioning
    before_decoding()
    frames = None
    with card.stage() as decoded:
        try:
            frames = decode_plainly(model, latents) if plain else model.decode(latents, len(latents))
        except RuntimeError as error:
            if not plain or not is_device_shortage(error):
                raise
    stages = dict(zip(WINDOW_STAGES, (conditioned, sampled, decoded)))
    return MeasuredWindow(stages, [end - start for start, end in pairwise(moments)], latents, frames)


@dataclass
class ReleasedSize:
    """The model that is measured, and what later measurements are compared with."""

    card: Card
    config: ModelConfig
    dtype: torch.dtype
    steps: int  # of a short run
    whole_steps: int = WHOLE_STEPS
    model: ReVideo | None = None  # shared by all that leave it as it was
    exact: dict[tuple[int, int], Tensor] = field(default_factory=dict)  # by size: frames of the short run
    plans_run: dict[tuple[tuple[int, int], Plan], dict[str, Any]] = field(default_factory=dict)  # their rows

    @classmethod
    def on(cls, card: Card, steps: int) -> ReleasedSize:
        """In fp16 at the released size on a card; without one a small model in fp32."""
        if card.cuda:
            return cls(card, ModelConfig(), torch.float16, steps)
        return cls(card, STAND_IN, torch.float32, steps, STAND_IN_STEPS)

    # --- Models and their layout ---

    def fresh(self, fp8: bool = False) -> ReVideo:
        """A model of its own with the same weights; made on the card where it has room, else in main memory."""
        self.leave()
        roomy = not self.card.total or self.card.total > ROOM_GB * GB
        parts = random_parts(self.config, self.dtype, self.card.device if roomy else "cpu")
        if self.dtype == torch.float16:
            parts["vae"].float()  # as the library loads it
        if fp8:
            check_fp8(self.card.device)
            store_in_fp8(parts["unet"], parts["controlnet"])
        return ReVideo(parts, self.config, self.card.device)

    def shared(self) -> ReVideo:
        """The model of whoever leaves it as it was."""
        if self.model is None or self.model.plan.layerwise_offload:
            self.model = self.fresh()
        return self.model

    def leave(self) -> None:
        """The shared model waits in main memory while another has the card."""
        if self.model is not None and self.model.plan.layerwise_offload:
            self.model = None  # its weights lie in pinned memory
        if self.model is not None:
            self.lay_out(self.model, Plan(model_offload=True))
        self.card.empty()

    def lay_out(self, model: ReVideo, plan: Plan) -> None:
        """Weights where the plan has them before a run: on the device, or none of them."""
        model.apply_plan(plan)
        for network in networks(model):
            if not model.layer_by_layer(network):
                network.to("cpu" if plan.model_offload else model.device)
        self.card.empty()

    def fit(self, model: ReVideo, size: tuple[int, int], options: SamplerOptions) -> str:
        """As the library lays it out by itself, and what it says of it; "" where there is no card."""
        self.lay_out(model, Plan())
        said = fit_memory(model, size, options)
        self.lay_out(model, model.plan)
        return said

    def work(self, model: ReVideo, size: tuple[int, int]) -> Workload:
        return Workload(self.config, *size, model.unet.dtype, model.vae.dtype, not self.card.cuda)

    def exact_frames(self, size: tuple[int, int]) -> Tensor:
        """Frames of the exact way, computed now where nobody asked for it."""
        if size not in self.exact:
            self.measure_exact(size)
        return self.exact[size]

    def warm_up(self, model: ReVideo, size: tuple[int, int], plain: bool = False) -> None:
        """A run that nobody times: a card's first one loads kernels."""
        if self.card.cuda:
            measure_window(model, self.card, size, SamplerOptions(steps=1), plain)
            self.card.empty()

    # --- Ways to compute it ---

    def measure_exact(self, size: tuple[int, int], whole: bool = False) -> dict[str, Any]:
        """As the library does it by itself; `whole`: all steps, not a few."""
        model = self.shared()
        options = SamplerOptions(steps=self.whole_steps if whole else self.steps)
        said = self.fit(model, size, options)
        if not whole:
            self.warm_up(model, size)
        measured = measure_window(model, self.card, size, options)
        if not whole:
            assert measured.frames is not None
            self.exact[size] = measured.frames
        return self.row(model, size, measured, model.plan, whole=whole) | {"said": said}

    def measure_plain(self, size: tuple[int, int]) -> dict[str, Any]:
        """By diffusers' own code; no plan predicts what it takes."""
        expected, model = self.exact_frames(size), self.shared()
        try:
            self.lay_out(model, Plan(branches=2))
            for network in (model.unet, model.controlnet):
                run_plainly(network)
            self.warm_up(model, size, plain=True)
            measured = measure_window(model, self.card, size, SamplerOptions(steps=self.steps), plain=True)
        finally:
            for network in (model.unet, model.controlnet):
                run_plainly(network, False)
        note = {}
        if measured.frames is None:
            self.card.empty()
            measured.frames = model.decode(measured.latents, len(measured.latents))
            note = {"note": "diffusers' decoder met the end of memory: ours decoded, its time is none of this row's"}
            measured.stages["decoding"] = Cost()
        return self.row(model, size, measured, None, expected) | note

    def measure_preset(self, size: tuple[int, int], preset: str) -> dict[str, Any]:
        """Whole; another picture, so that its distance from the exact one is no error."""
        model = self.shared()
        options = sampler_options(preset)
        self.fit(model, size, options)
        return self.row(model, size, measure_window(model, self.card, size, options), model.plan, whole=True)

    def measure_fp8(self, size: tuple[int, int]) -> dict[str, Any]:
        """UNet and ControlNet stored in eight bits; other weights and so another picture."""
        model = self.fresh(fp8=True)
        options = SamplerOptions(steps=self.steps)
        self.fit(model, size, options)
        return self.row(model, size, measure_window(model, self.card, size, options), model.plan)

    def measure_compiled(self, size: tuple[int, int]) -> dict[str, Any]:
        """Once to compile, once to measure."""
        expected, model = self.exact_frames(size), self.fresh()
        compile_blocks(model.unet, model.controlnet, **({} if self.card.cuda else {"backend": "eager"}))
        options = SamplerOptions(steps=self.steps)
        self.fit(model, size, options)
        with self.card.stage() as compiling:
            measure_window(model, self.card, size, options)
        measured = measure_window(model, self.card, size, options)
        row = self.row(model, size, measured, model.plan, expected)
        return row | {"seconds_compiling": round(compiling.seconds, 1)}

    def measure_layout(self, size: tuple[int, int], layout: str) -> dict[str, Any]:
        """Otherwise than the exact way, which on a card has pictures with channels last, weights without."""
        expected, model = self.exact_frames(size), self.fresh()
        pictures, weights_too = LAYOUTS[layout]
        for network in (model.unet, model.controlnet):
            lay_out_pictures(network, pictures)
        if weights_too:
            lay_out_convolutions(model.unet, model.controlnet)
        options = SamplerOptions(steps=self.steps)
        self.fit(model, size, options)
        self.warm_up(model, size)
        return self.row(model, size, measure_window(model, self.card, size, options), None, expected)

    def measure_plan(self, size: tuple[int, int], budget_gb: int) -> dict[str, Any]:
        """By the plan that a card of that memory would get, and in no more than that."""
        shared = self.shared()
        weights = WeightBytes.of(shared)
        budget = budget_gb * GB
        plan = choose_plan(budget, self.work(shared, size), weights) if self.card.cuda else STAND_IN_PLANS[budget_gb]
        if (size, plan) in self.plans_run:
            return self.plans_run[size, plan]
        expected = self.exact_frames(size)
        model = self.fresh() if plan.layerwise_offload else shared
        self.lay_out(model, plan)
        try:
            self.card.limit(budget)
            measured = measure_window(model, self.card, size, SamplerOptions(steps=self.steps))
        finally:
            self.card.unlimit()
        row = self.row(model, size, measured, plan, expected)
        row["checks"]["no tighter plan was needed than the one chosen"] = model.plan == plan
        held = [stage.reserved for stage in measured.stages.values() if stage.reserved is not None]
        if held:
            row["checks"]["within the budget"] = max(held) <= budget
        self.plans_run[size, plan] = row | {"as": f"in {budget_gb} GB"}
        return row

    # --- What is written down ---

    def row(
        self,
        model: ReVideo,
        size: tuple[int, int],
        measured: MeasuredWindow,
        plan: Plan | None,  # that memory is predicted of; None: of none
        expected: Tensor | None = None,  # the exact way's frames, where these have to be the same
        whole: bool = False,  # whether all steps were run
    ) -> dict[str, Any]:
        """Times in seconds, memory in GB."""
        seconds = {name: stage.seconds for name, stage in measured.stages.items()}
        step = median(measured.step_seconds) if measured.step_seconds else seconds["sampling"]
        everything = sum(seconds.values())
        if not whole:
            everything = seconds["conditioning"] + self.whole_steps * step + seconds["decoding"]
        row: dict[str, Any] = {
            "seconds_per_step": round(step, 4),
            "seconds_conditioning": round(seconds["conditioning"], 3),
            "seconds_decoding": round(seconds["decoding"], 3) or None,
            "seconds_whole": round(everything, 2),
            "whole_measured": whole,
            "checks": {},
        }
        peaks = {name: stage.allocated for name, stage in measured.stages.items() if stage.allocated is not None}
        if peaks:
            row["peak_gb"] = {name: round(peak / GB, 2) for name, peak in peaks.items()}
            row["reserved_gb"] = round(max(stage.reserved or 0 for stage in measured.stages.values()) / GB, 2)
        if plan is not None:
            predicted = predict_peaks(plan, self.work(model, size), WeightBytes.of(model))
            row |= {
                "plan": str(plan),
                "predicted_gb": {name: round(getattr(predicted, name) / GB, 2) for name in WINDOW_STAGES},
            }
            if peaks:
                row["peak_over_predicted"] = round(max(peaks.values()) / predicted.total, 3)
                held = abs(row["peak_over_predicted"] - 1) <= TOLERANCE
                row["checks"][f"the peak is the predicted one within {TOLERANCE:.0%}"] = held
        if expected is not None:
            assert measured.frames is not None
            row["psnr_db"] = round(psnr(measured.frames, expected), 1)
            row["checks"][f"the exact way's picture to {LEAST_PSNR_DB:.0f} dB"] = row["psnr_db"] >= LEAST_PSNR_DB
        return row


def networks(model: ReVideo) -> tuple[torch.nn.Module, ...]:
    return model.unet, model.controlnet, model.vae, model.image_encoder
