"""Pipeline: the parts of a model together; samples and decodes one window."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn

from ..conditions import Conditions, signed
from ..models.config import ModelConfig
from ..models.controlnet import ReVideoControlNet
from ..models.image_encoder import embed_image
from ..models.unet import ReVideoUNet
from ..models.vae import LATENT_SCALE, decode_latents, encode_reference
from ..sampling.constraints import clamp_estimates, unedited_weights
from ..sampling.control_cache import ControlCache, cached_control
from ..sampling.denoiser import Conditioning, denoise
from ..sampling.samplers import (
    SOLVERS,
    Callback,
    Denoise,
    Progress,
    SamplerOptions,
    guidance_scales,
    guide,
    sample_euler,
)
from .devices import default_device, free_cached_memory, is_device_shortage
from .layerwise import can_offload_layers, keep_layers, offload_layers
from .memory_plan import Plan

Sampler = Callable[
    [Denoise, Tensor, Tensor, "Callback | None"], Tensor
]  # (denoise, noise, sigmas, callback) -> latents

log = logging.getLogger(__name__)

DEFAULTS = SamplerOptions()
START, AUGMENTATION, STEPS = 0, 1, 2  # streams of noise: of the latents, of the reference, of a solver's steps


class Pipeline:
    """The four networks and where they run.

    `place(*modules)` brings networks to `device` before they are used; the default moves
    them there for good, ComfyUI's nodes hand over to its model management instead.
    """

    def __init__(
        self,
        parts: dict[str, Any],
        config: ModelConfig,
        device: torch.device | str | None = None,
        place: Callable[..., None] | None = None,
    ) -> None:
        self.unet: ReVideoUNet = parts["unet"]
        self.controlnet: ReVideoControlNet = parts["controlnet"]
        self.vae = parts["vae"]
        self.image_encoder = parts["image_encoder"]
        self.config = config
        self.device = torch.device(device or default_device())
        self.place = place or self._move
        self.plan = Plan()
        self.activation_bytes = 0  # that the plan needs beside weights, once one was chosen

    def _move(self, *modules: nn.Module) -> None:
        for module in (self.unet, self.controlnet, self.vae, self.image_encoder):
            if self.layer_by_layer(module):
                continue
            if module in modules:
                module.to(self.device)
            elif self.plan.model_offload:
                module.to("cpu")

    def apply_plan(self, plan: Plan) -> None:
        """Lays out all later work by `plan`, or the nearest that the device allows."""
        if not self._possible(plan):
            plan = replace(plan, layerwise_offload=False)
        if plan.layerwise_offload != self.plan.layerwise_offload:
            for network in (self.unet, self.controlnet):
                if plan.layerwise_offload:
                    offload_layers(network, self.device)
                else:
                    keep_layers(network)
        self.plan = replace(plan, model_offload=plan.model_offload or plan.layerwise_offload)

    def _possible(self, plan: Plan) -> bool:
        return not plan.layerwise_offload or can_offload_layers(self.device)

    def layer_by_layer(self, network: nn.Module) -> bool:
        """Whether its weights come and go by themselves, so that nobody is to move it."""
        return self.plan.layerwise_offload and network in (self.unet, self.controlnet)

    def _fitting(self, work: Callable[[], Tensor]) -> Tensor:
        """A step of sampling, and again by a tighter plan where memory does not suffice: the run is not lost."""
        while True:
            try:
                return work()
            except RuntimeError as error:
                tighter = [*filter(self._possible, self.plan.for_sampling())]
                if not tighter or not is_device_shortage(error):
                    raise
            # Outside of the handler, whose traceback holds the tensors that were too many.
            self._tighten(tighter[0])
            self.place(self.unet, self.controlnet)

    def _tighten(self, plan: Plan) -> None:
        log.warning("out of memory; going on with %s", plan)
        self.apply_plan(plan)
        free_cached_memory(self.device)

    @torch.inference_mode()
    def condition(
        self,
        conditions: Conditions,
        options: SamplerOptions,
        augmentation_noise: Tensor | None = None,
        *,
        context: Tensor | None = None,
        latent: Tensor | None = None,
    ) -> Conditioning:
        """What the denoiser needs of the conditions, computed once per run.

        `augmentation_noise` (3, H, W) of unit variance; None = drawn from the seed. `context`
        (1, 1, D) and `latent` (1, C, h, w) replace what `embed` and `encode` make of the reference.
        """
        reference = conditions.reference
        if context is None:
            context = self.embed(reference)
        if latent is None:
            if augmentation_noise is None:
                augmentation_noise = draw_noise(reference.shape, options.seed, stream=AUGMENTATION)
            latent = self.encode(reference + options.encoder_noise * augmentation_noise)
        self.place(self.unet, self.controlnet)
        time_ids = [options.fps, options.motion_bucket, options.noise_augmentation]
        return Conditioning(
            context=context.to(self.device),
            reference=latent.to(self.device),
            time_ids=torch.tensor([time_ids], dtype=torch.float32, device=self.device),
            control=self.controlnet.embed_conditions(conditions, self.device),
        )

    @torch.inference_mode()
    def embed(self, reference: Tensor) -> Tensor:
        """(3, H, W) in [-1, 1] → its image embedding (1, 1, D)."""
        self.place(self.image_encoder)
        return embed_image(self.image_encoder, reference.to(self.device))

    @torch.inference_mode()
    def encode(self, reference: Tensor) -> Tensor:
        """(3, H, W) in [-1, 1] → its latent (1, C, h, w), *not* scaled."""
        self.place(self.vae)
        return encode_reference(self.vae, reference.to(self.device))

    @torch.inference_mode()
    def encode_source(self, conditions: Conditions) -> Tensor:
        """The latents (T, C, h, w), scaled, of the source's frames, which the latent lock holds to."""
        if conditions.source is None:
            raise ValueError("the latent lock needs the source in the conditions: make them with make_conditions")
        return LATENT_SCALE * torch.cat([self.encode(signed(frame)) for frame in conditions.source]).float()

    def latent_lock(self, conditions: Conditions, options: SamplerOptions) -> Callable[[Denoise], Denoise]:
        """What holds a denoiser to the source's latents outside the mask, if the options ask for it.

        To be made before `condition`: it encodes, and networks may be on the device in turn.
        """
        if not options.latent_lock or conditions.mask.all():
            return lambda denoise: denoise
        latents, weights = self.encode_source(conditions), unedited_weights(conditions.mask, self.config.vae.stride)
        return lambda denoise: clamp_estimates(denoise, latents, weights, options.lock_until)

    def denoiser(self, conditioning: Conditioning, options: SamplerOptions) -> Denoise:
        """`denoise(x, sigma)` with guidance rising over the frames."""
        num_frames = len(conditioning.control.motion)
        scales = guidance_scales(num_frames, options.cfg_first, options.cfg_last).to(self.device)
        guided = bool((scales != 1).any())
        branches = conditioning.with_unconditional() if guided else conditioning
        controlnet = cached_control(self.controlnet, options.control_every)

        def estimate(x: Tensor, level: float, known: Conditioning) -> Tensor:
            if isinstance(controlnet, ControlCache):
                controlnet.begin(level, len(known.context))
            sigma = torch.full((1,), level, device=x.device)  # a copy from main memory would wait for the device
            return denoise(self.unet, controlnet, x, sigma, known, batched=self.plan.branches > 1)

        def guided_denoise(x: Tensor, sigma: Tensor) -> Tensor:
            level = sigma.max().item()
            if not guided or not options.guides_at(level):
                return self._fitting(lambda: estimate(x, level, conditioning)[0])
            return self._fitting(lambda: guide(estimate(x, level, branches), scales))

        return guided_denoise

    @torch.inference_mode()
    def sample(
        self,
        conditions: Conditions,
        options: SamplerOptions = DEFAULTS,
        callback: Callback | None = None,
        *,
        sigmas: Tensor | None = None,
        sampler: Sampler | None = None,
        noise: Tensor | None = None,
        augmentation_noise: Tensor | None = None,
    ) -> Tensor:
        """Conditions of one window → latents (T, C, h, w), scaled, on the CPU.

        `sigmas` replaces the Karras levels of `options`; `sampler(denoise, noise, sigmas, callback)` replaces
        Euler and scales the noise itself. `noise` (T, C, h, w) and `augmentation_noise` (3, H, W), both of unit
        variance, are drawn from the seed on the CPU where not given, the same on every device. Raises ValueError
        where length or size are not the model's, FloatingPointError where the precision was too low for the weights.
        """
        self.check_window(conditions)
        if noise is None:
            noise = draw_noise(self.latent_shape(conditions), options.seed, stream=START)
        lock = self.latent_lock(conditions, options)
        denoise_step = lock(self.denoiser(self.condition(conditions, options, augmentation_noise), options))
        return self.run(denoise_step, noise, options, callback, sigmas=sigmas, sampler=sampler)

    @torch.inference_mode()
    def run(
        self,
        denoise_step: Denoise,
        noise: Tensor,
        options: SamplerOptions,
        callback: Callback | None = None,
        *,
        sigmas: Tensor | None = None,
        sampler: Sampler | None = None,
    ) -> Tensor:
        """Noise of unit variance → latents, (T, C, h, w) both, by any `denoise_step`; else as `sample`."""
        if sigmas is None:
            sigmas = options.sigmas()
        solver = SOLVERS[options.solver]
        if options.solver == "euler_ancestral":
            solver = partial(solver, generator=noise_generator(options.seed, STEPS))
        run = sampler or partial(sample_from_noise, solver=solver)
        # Our own solvers ask for noise levels: in main memory, where the device need not have caught up to answer.
        sigmas = sigmas.to(self.device) if sampler else sigmas.cpu()
        latents = run(denoise_step, noise.to(self.device), sigmas, callback).cpu()
        return _finite(latents, "sampling", self.unet.dtype)

    @torch.inference_mode()
    def decode(
        self,
        latents: Tensor,
        frames_per_chunk: int = 14,
        callback: Callback | None = None,
        *,
        overlap: int = 0,
    ) -> Tensor:
        """Latents (T, C, h, w) → frames (T, 3, H, W) in [0, 1] on the CPU, so many at once.

        `overlap` more on both sides of a chunk are decoded with it, which brings its frames
        closer to those of the whole.
        """
        if frames_per_chunk < 1:
            raise ValueError(f"frames_per_chunk must be at least 1, not {frames_per_chunk}")
        if overlap < 0:
            raise ValueError(f"overlap must not be negative, but is {overlap}")
        channels = self.config.vae.latent_channels
        if latents.ndim != 4 or latents.shape[1] != channels:
            raise ValueError(f"latents must have shape (T, {channels}, h, w), not {tuple(latents.shape)}")

        def heard(done: int) -> None:
            if callback is not None:
                callback(Progress("decoding", done, len(latents)))

        while True:
            self.place(self.vae)
            try:
                frames = decode_latents(
                    self.vae, latents.to(self.device), frames_per_chunk, heard, overlap, self.plan.frame_offload
                )
                break
            except RuntimeError as error:
                tighter = self.plan.for_decoding()
                if not tighter or not is_device_shortage(error):
                    raise
            self._tighten(tighter[0])
        return _finite((frames + 1) / 2, "decoding", self.vae.dtype).clamp(0, 1)

    def latent_shape(self, conditions: Conditions) -> tuple[int, int, int, int]:
        stride = self.config.vae.stride
        height, width = conditions.size
        return conditions.num_frames, self.config.vae.latent_channels, height // stride, width // stride

    def check_window(self, conditions: Conditions) -> None:
        """Raises ValueError unless length and size are the model's."""
        window = self.config.unet.num_frames
        if conditions.num_frames != window:
            advice = (
                "take a longer part of the clip, or lower the stride"
                if conditions.num_frames < window
                else f"prepare {window} of its frames"
            )
            raise ValueError(
                f"the video has {conditions.num_frames} frames; this model edits windows of {window}: {advice}"
            )
        self.config.check_size(*conditions.size)


def sample_from_noise(
    denoise_step: Denoise, noise: Tensor, sigmas: Tensor, callback: Callback | None, solver: Sampler = sample_euler
) -> Tensor:
    """From noise of unit variance, scaled as SVD starts."""
    return solver(denoise_step, noise * (1 + sigmas[0] ** 2).sqrt(), sigmas, callback)


def _finite(result: Tensor, stage: str, dtype: torch.dtype) -> Tensor:
    """A clip of NaN looks like black frames; better to say why."""
    if not torch.isfinite(result).all():
        raise FloatingPointError(
            f"{stage} gave values that are not finite in {str(dtype).removeprefix('torch.')}: "
            f"load the model in bf16 or fp32 (or, with other samplers, check the sigmas)"
        )
    return result


def draw_noise(shape: tuple[int, ...], seed: int, stream: int) -> Tensor:
    """Of unit variance, from the seed alone, whatever the device."""
    return torch.randn(shape, generator=noise_generator(seed, stream))


def noise_generator(seed: int, stream: int) -> torch.Generator:
    """On the CPU; each use, START, AUGMENTATION or STEPS, has its stream.

    Seeds below 2⁶² have the noise that they had in every version. Larger ones would repeat it; torch itself takes
    32 bits of a seed, so these get their own from all of theirs.
    """
    state = seed * 2 + stream
    if seed >= 2**62:
        state = int.from_bytes(sha256(f"{seed} {stream}".encode()).digest()[:4], "big")
    return torch.Generator("cpu").manual_seed(state)
