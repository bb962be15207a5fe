"""ReVideoSampler and ReVideoDecode: the model at work, with ComfyUI's progress, preview and interrupt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import comfy.latent_formats
import comfy.model_management as management
import comfy.model_sampling
import comfy.utils
import latent_preview
import torch
from comfy_api.latest import io, ui
from torch import Tensor

from .model import plan_memory
from .sampling_inputs import options_of, speed_inputs
from .sockets import CATEGORY, Conditions, Model, checked, image_from_frames

if TYPE_CHECKING:
    from comfy.samplers import KSAMPLER

    from .. import revideo
    from ..revideo.propagation.propagator import Propagator
    from ..revideo.sampling.samplers import Callback, Denoise, Progress

AS_HEARD = -1.0  # of noise: as much as the model hears of
LATENT_FORMAT = comfy.latent_formats.SD15()  # SVD's latents are Stable Diffusion's, frame by frame


class ReVideoSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoSampler",
            display_name="ReVideo Sampler",
            category=CATEGORY,
            description="Remakes the edited area: from noise to latents, guided harder towards the last frame.",
            search_aliases=["revideo", "edit video", "motion control"],
            inputs=[
                Model.Input("model", tooltip="From Load ReVideo Model."),
                Conditions.Input("conditions", tooltip="From ReVideo Conditions."),
                io.Int.Input(
                    "seed",
                    default=23,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The noise to start from. The same seed gives the same result.",
                ),
                io.Int.Input(
                    "steps",
                    default=25,
                    min=1,
                    max=1000,
                    tooltip="Sampling steps, if no sigmas are connected. The released examples use 15 or 25.",
                ),
                io.Float.Input(
                    "cfg_first",
                    default=1.0,
                    min=0.0,
                    max=30.0,
                    step=0.1,
                    tooltip="Guidance on the first frame, which is your edited one and needs no push.",
                ),
                io.Float.Input(
                    "cfg_last",
                    default=4.0,
                    min=0.0,
                    max=30.0,
                    step=0.1,
                    tooltip="Guidance on the last frame; it rises evenly in between. Higher follows the edited "
                    "frame more and can oversaturate.",
                ),
                io.Int.Input(
                    "fps",
                    default=6,
                    min=1,
                    max=120,
                    tooltip="The frame rate told to the model, not the file's: the released examples use 6 or 10.",
                    advanced=True,
                ),
                io.Int.Input(
                    "motion_bucket",
                    default=127,
                    min=0,
                    max=1023,
                    tooltip="SVD's overall amount of motion. The released examples leave it at 127.",
                    advanced=True,
                ),
                io.Float.Input(
                    "noise_augmentation",
                    default=0.02,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="Noise on the edited frame before it is encoded. More lets the result leave it further.",
                    advanced=True,
                ),
                io.Sampler.Input(  # type: ignore[attr-defined]  # two things of one name there
                    "sampler", optional=True, tooltip="Any SAMPLER of ComfyUI in place of the built-in Euler."
                ),
                io.Sigmas.Input(
                    "sigmas",
                    optional=True,
                    tooltip="SIGMAS in place of the built-in Karras levels, 700 to 0.002. They replace the steps.",
                ),
                # From here on as the nodes grew: an older workflow samples as it did.
                io.Boolean.Input(
                    "latent_lock",
                    default=False,
                    optional=True,
                    tooltip="While sampling, hold what lies outside the area to the source: it comes out closer to it, "
                    "and the area is painted to fit.",
                ),
                io.Float.Input(
                    "lock_until",
                    default=0.03,
                    min=0.0,
                    max=700.0,
                    step=0.01,
                    optional=True,
                    tooltip="The noise level at which the lock ends: the last steps are free to join seams. 0 = never.",
                    advanced=True,
                ),
                *speed_inputs(),
                io.Float.Input(
                    "added_noise",
                    default=AS_HEARD,
                    min=AS_HEARD,
                    max=10.0,
                    step=0.01,
                    optional=True,
                    tooltip="The noise itself where it is to differ from noise_augmentation, which the model hears of: "
                    "0 as in the authors' program for many areas. -1 = as much.",
                    advanced=True,
                ),
            ],
            outputs=[io.Latent.Output("latent", tooltip="To ReVideo Decode, or any VAE decoder of SVD.")],
        )

    @classmethod
    @checked
    def execute(
        cls,
        model: revideo.ReVideo,
        conditions: revideo.Conditions,
        seed: int,
        steps: int,
        cfg_first: float,
        cfg_last: float,
        fps: int,
        motion_bucket: int,
        noise_augmentation: float,
        sampler: KSAMPLER | None = None,
        sigmas: Tensor | None = None,
        latent_lock: bool = False,
        lock_until: float = 0.03,
        added_noise: float = AS_HEARD,
        **speed: Any,
    ) -> io.NodeOutput:
        from ..revideo.models.vae import LATENT_SCALE

        if sigmas is not None and len(sigmas) < 2:
            raise ValueError(
                f"sigmas must hold at least 2 noise levels, not {len(sigmas)}: check the scheduler's steps"
            )
        options = options_of(
            steps=steps,
            cfg_first=cfg_first,
            cfg_last=cfg_last,
            fps=fps,
            motion_bucket=motion_bucket,
            noise_augmentation=noise_augmentation,
            seed=seed,
            latent_lock=latent_lock,
            lock_until=lock_until,
            added_noise=None if added_noise < 0 else added_noise,
            **speed,
        )
        layout = plan_memory(model, conditions.size, options)
        latents = model.sample(
            conditions,
            options,
            progress_callback(model),
            sigmas=sigmas,
            sampler=None if sampler is None else GraphSampler(sampler, options),
        )
        return io.NodeOutput({"samples": latents / LATENT_SCALE}, ui=ui.PreviewText(layout) if layout else {})


def progress_callback(model: revideo.ReVideo | Propagator) -> Callback:
    """The node's progress bar with a picture of the newest frame, and a chance to stop."""
    previewer = _previewer_for(model)
    bars: dict[str, comfy.utils.ProgressBar] = {}

    def callback(progress: Progress) -> None:
        picture = None
        if previewer is not None and progress.latents is not None:
            picture = previewer.decode_latent_to_preview_image("JPEG", progress.latents[-1:])
        if progress.stage not in bars:
            bars[progress.stage] = comfy.utils.ProgressBar(progress.total)
        bars[progress.stage].update_absolute(progress.done, progress.total, picture)
        management.throw_exception_if_processing_interrupted()

    return callback


def _previewer_for(model: revideo.ReVideo | Propagator) -> latent_preview.LatentPreviewer | None:
    """What makes small pictures of latents, if previews are on."""
    if model.config.vae.latent_channels != 4:
        return None
    return latent_preview.get_previewer(model.device, LATENT_FORMAT)


class GraphSampler:
    """A SAMPLER from the graph, run over our denoiser.

    Such a sampler expects ComfyUI's model wrapper; `_Wrapper` has as much of it as samplers read.
    """

    def __init__(self, sampler: KSAMPLER, options: revideo.SamplerOptions) -> None:
        self.sampler = sampler
        self.options = options

    def __call__(self, denoise: Denoise, noise: Tensor, sigmas: Tensor, callback: Callback | None) -> Tensor:
        from ..revideo.sampling.samplers import Progress

        wrapper = _Wrapper(denoise, self.options)

        def step_callback(step: int, denoised: Tensor, x: Tensor, total_steps: int) -> None:
            if callback is not None:
                callback(Progress("sampling", step + 1, total_steps, denoised))

        extra_args = {"model_options": {}, "seed": self.options.seed}
        empty = torch.zeros_like(noise)
        return self.sampler.sample(wrapper, sigmas, extra_args, step_callback, noise, empty, disable_pbar=True)


class _Wrapper:
    """What a ComfyUI sampler sees of a model."""

    def __init__(self, denoise: Denoise, options: revideo.SamplerOptions) -> None:
        self.denoise = denoise
        self.cfg = options.cfg_last
        model_sampling = type(
            "ModelSampling", (comfy.model_sampling.ModelSamplingContinuousEDM, comfy.model_sampling.EDM), {}
        )()
        model_sampling.set_parameters(options.sigma_min, options.sigma_max, 1.0)
        self.inner_model = SimpleNamespace(model_sampling=model_sampling)
        self.model_patcher = SimpleNamespace(
            model=self.inner_model, model_options={}, get_model_object=lambda name: getattr(self.inner_model, name)
        )

    def __call__(
        self, x: Tensor, sigma: Tensor, model_options: dict[str, Any] | None = None, seed: int | None = None
    ) -> Tensor:
        if "sampler_post_cfg_function" in (model_options or {}):
            raise ValueError(
                "this sampler (a cfg_pp one) needs to see inside the guidance, which ReVideo does per frame: "
                "choose another sampler"
            )
        return self.denoise(x, sigma)


class ReVideoDecode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoDecode",
            display_name="ReVideo Decode",
            category=CATEGORY,
            description="Latents to frames with the model's temporal decoder.",
            search_aliases=["vae decode video", "temporal decoder"],
            inputs=[
                Model.Input("model", tooltip="From Load ReVideo Model."),
                io.Latent.Input("samples", tooltip="From ReVideo Sampler."),
                io.Int.Input(
                    "frames_per_chunk",
                    default=14,
                    min=1,
                    max=1000,
                    tooltip="Frames decoded together. 14 is steadiest; fewer need less memory; 1 is what the "
                    "released scripts do.",
                ),
            ],
            outputs=[io.Image.Output("frames", tooltip="The remade frames.")],
        )

    @classmethod
    @checked
    def execute(cls, model: revideo.ReVideo, samples: dict[str, Tensor], frames_per_chunk: int) -> io.NodeOutput:
        from ..revideo.models.vae import LATENT_SCALE

        latents = samples["samples"] * LATENT_SCALE
        return io.NodeOutput(image_from_frames(model.decode(latents, frames_per_chunk, progress_callback(model))))
