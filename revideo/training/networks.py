"""The networks in training: which weights move, and an example batch → its loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from diffusers.models.resnet import ResnetBlock2D, SpatioTemporalResBlock
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from einops import rearrange
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..models.blocks import under_autocast, without_effect
from ..models.config import ModelConfig
from ..models.controlnet import SAFM, EmbeddedConditions, ReVideoControlNet
from ..models.image_encoder import clip_pixels
from ..models.unet import ReVideoUNet
from ..models.vae import LATENT_SCALE
from ..sampling.denoiser import Conditioning, loss, noise_after_step
from .config import AutoencoderConfig, Phase
from .examples import TrainingExample

FRAMES_AT_ONCE = 16  # through the autoencoder's encoder, whose activations are the largest of all
PICTURE_BLOCKS = ResnetBlock2D, Transformer2DModel
VIDEO_BLOCKS = SpatioTemporalResBlock, TransformerSpatioTemporalModel, ControlNetConditioningEmbedding
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

FIXED_LATENT_CHANNELS = 4
# Brightness, red against green, yellow against blue: sprites differ in the latter two, so each gets a channel.
OPPONENTS = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1 / 2, -1 / 2, 0], [1 / 3, 1 / 3, -2 / 3]])
FIXED_LATENT_MEAN = torch.tensor([0.04, 0, 0, 0])  # of synthetic scenes
FIXED_LATENT_STD = torch.tensor([0.27, 0.166, 0.2, 0.045])  # so that theirs becomes 1


class NetworksInTraining(nn.Module, ABC):
    """All networks of a model under one roof, so that every way of running them sees one module.

    `forward` gives the loss of each clip, (B,). Trained weights are float32, the rest
    `run.frozen`; `trained` names the former as `<part>.<name>`.
    """

    vae: Any

    def __init__(self, parts: dict[str, Any], phase: Phase) -> None:
        super().__init__()
        self.phase, self.stage, self._names = phase, phase.as_stage, tuple(parts)
        self.trained = phase.parameters(parts)
        for part, net in parts.items():
            setattr(self, part, net)
            # SVD's autoencoder overflows in fp16.
            frozen = torch.float32 if (part, phase.run.frozen) == ("vae", "fp16") else PRECISIONS[phase.run.frozen]
            for name, weight in net.named_parameters():
                trained = f"{part}.{name}" in self.trained
                weight.data = weight.data.to(torch.float32 if trained else frozen)
                weight.requires_grad_(trained)

    @property
    def parts(self) -> dict[str, Any]:
        """The networks by name."""
        return {part: getattr(self, part) for part in self._names}

    def trains(self, part: str) -> bool:
        """Whether any weight of that network is trained."""
        return any(name.startswith(f"{part}.") for name in self.trained)

    def forward(self, batch: TrainingExample) -> Tensor:
        """The loss of each clip, (B,)."""
        if self.stage.name == "autoencoder":
            return autoencoder_loss(self.vae, batch, self.phase.autoencoder)
        return self.denoising_loss(batch)

    @abstractmethod
    def denoising_loss(self, batch: TrainingExample) -> Tensor:
        """Of each clip, (B,)."""

    def encode(self, video: Tensor) -> Tensor:
        """(B, T, 3, H, W) in [-1, 1] → (B, T, C, h, w), *not* scaled."""
        if self.phase.autoencoder.fixed_latents:
            return encode_fixed(self.vae, video) / LATENT_SCALE
        return encode(self.vae, video)


class TrainedNetworks(NetworksInTraining):
    """ReVideo's four."""

    unet: ReVideoUNet
    controlnet: ReVideoControlNet
    image_encoder: Any

    def __init__(self, parts: dict[str, Any], config: ModelConfig, phase: Phase) -> None:
        super().__init__(parts, phase)
        self.config = config
        for network in (self.unet, self.controlnet):
            for weight in without_effect(network):  # several processes would wait for its gradient
                weight.requires_grad_(False)
        if phase.run.gradient_checkpointing:
            checkpoint_blocks(self.unet)
            checkpoint_blocks(self.controlnet)

    def denoising_loss(self, batch: TrainingExample) -> Tensor:
        """SVD's weighted loss of each clip, (B,), on latents of `batch`."""
        controlnet = self.controlnet if self.stage.control else None
        clean, noise, conditioning = self.encode(batch["video"]) * LATENT_SCALE, batch["noise"], self.condition(batch)
        if "step_ratio" in batch:
            with torch.no_grad():
                noise = noise_after_step(
                    self.unet, controlnet, clean, noise, batch["sigma"], batch["step_ratio"], conditioning
                )
            torch.clear_autocast_cache()  # of weights in half precision that know no gradient
        return loss(self.unet, controlnet, clean, noise, batch["sigma"], conditioning, weight=batch["weight"])

    def condition(self, batch: TrainingExample) -> Conditioning:
        """As `ReVideo.condition` does for one clip; what of the reference is dropped (conditioning_mask 0) is zeros."""
        embedding_given, latent_given = batch["conditioning_mask"].unbind(1)
        noisy = batch["reference"] + batch["augmentation"].view(-1, 1, 1, 1) * batch["augmentation_noise"]
        reference = self.encode(noisy[:, None])[:, 0] * latent_given.view(-1, 1, 1, 1)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trains("image_encoder")):
            encoder = self.image_encoder
            pixels = torch.cat([clip_pixels(each, encoder.config.image_size) for each in batch["reference"]])
            context = encoder(pixels.to(encoder.dtype)).image_embeds[:, None] * embedding_given.view(-1, 1, 1)
        bucket = torch.full_like(latent_given, self.phase.conditioning.motion_bucket)
        return Conditioning(
            context=context,
            reference=reference,
            time_ids=torch.stack([batch["fps"], bucket, batch["augmentation"]], 1),
            control=self.embed_conditions(batch),
        )

    def embed_conditions(self, batch: TrainingExample) -> EmbeddedConditions:
        """Motion and content encoded, (B·T, C, h, w), masks (B·T or B, …); empty where the ControlNet takes no part."""
        if not self.stage.control:
            nothing = batch["conditioning_mask"].new_zeros(0)
            return EmbeddedConditions(nothing, nothing, nothing)
        controlnet = self.controlnet
        motion, content, mask = (
            # Channels last: convolutions of few channels on all pixels, a quarter faster so.
            batch[name].flatten(0, 1).to(controlnet.dtype, memory_format=torch.channels_last)
            for name in ("motion", "content", "mask")
        )
        safm: SAFM = controlnet.safm
        embedded = [safm.motion_encoder(motion), safm.content_encoder(content)]
        if "noise_where_empty" in batch:
            level = self.phase.conditioning.noise_where_empty
            embedded = _noisy_where_empty(embedded, batch["noise_where_empty"] * level, batch["mask"])
        return EmbeddedConditions(embedded[0], embedded[1], mask)


def _noisy_where_empty(embedded: list[Tensor], noise: Tensor, mask: Tensor) -> list[Tensor]:
    """Embeddings of motion and content (B·T, C, h, w), noise (B, 2, T, C, h, w) in units of their joint deviation.

    Outside the mask (B, T or 1, 1, H, W) motion says nothing, inside it content: only there they become noisy. So
    nothing is lost that could be known, and SAFM's weight has to tell the places apart.
    """
    clips = rearrange(embedded, "p (b t) c h w -> b p t c h w", b=len(noise))
    deviation = clips.detach().float().flatten(1).std(1).view(-1, 1, 1, 1, 1, 1)
    height, width = noise.shape[-2:]
    inside = F.adaptive_avg_pool2d(mask.float().flatten(0, 1), (height, width)).unflatten(0, mask.shape[:2])[:, None]
    empty = torch.cat([1 - inside, inside], 1)  # (B, 2, T or 1, 1, h, w)
    return list(rearrange(clips + (deviation * empty * noise).to(clips), "b p t c h w -> p (b t) c h w"))


def checkpoint_blocks(network: nn.Module, run: Callable[..., Any] = checkpoint) -> None:
    """Residual blocks, transformers and condition encoders keep their inputs alone and run again for the gradient.

    diffusers' own switch leaves out the temporal transformers, a third of all activations.
    """
    kinds = PICTURE_BLOCKS if isinstance(network, UNet2DConditionModel) else VIDEO_BLOCKS
    for module in network.modules():
        if isinstance(module, kinds):
            module.forward = partial(run, module.forward, use_reentrant=False, preserve_rng_state=False)


@torch.no_grad()
def encode(vae: Any, video: Tensor) -> Tensor:
    """(B, T, 3, H, W) in [-1, 1] → (B, T, C, h, w): the posterior's mode, *not* scaled, float32."""
    frames = video.flatten(0, 1).to(vae.dtype)
    with torch.autocast(frames.device.type, enabled=False) if under_autocast(frames.device) else nullcontext():
        modes = [vae.encode(some).latent_dist.mode() for some in frames.split(FRAMES_AT_ONCE)]
    return rearrange(torch.cat(modes).float(), "(b t) c h w -> b t c h w", b=len(video))


def encode_fixed(vae: Any, video: Tensor) -> Tensor:
    """(B, T, 3, H, W) in [-1, 1] → (B, T, C, h, w) *scaled* latents by formula, of the size that `vae` would give."""
    stride = 2 ** (len(vae.config.block_out_channels) - 1)
    return fixed_latents(video.flatten(0, 1), stride).unflatten(0, video.shape[:2])


def fixed_latents(frames: Tensor, stride: int) -> Tensor:
    """(N, 3, H, W) in [-1, 1] → (N, 4, H/stride, W/stride), of unit variance: a model's *scaled* latents, untrained.

    A teacher for a small autoencoder's encoder, and its decoder's first food: trained end to end a narrow
    one sticks for a long time, because encoder and decoder wait for each other. Given the latents, both
    learn at once: blurred colours, sampled once per cell, and the brightness at the cells' corners, which
    shows edges that fall between the samples. They are linear and move with the picture.
    """
    mixing, mean, std = _latent_formula(frames.device, frames.dtype)
    opponents = torch.einsum("ij,njhw->nihw", mixing, frames)
    centres = _blurred(F.pad(opponents, (stride // 2,) * 4, mode="replicate"), stride)
    brightness = centres[:, :1]
    corners = _blurred(F.pad(opponents[:, :1], (0, stride, 0, stride), mode="replicate"), stride)
    expected = F.avg_pool2d(F.pad(brightness, (0, 1, 0, 1), mode="replicate"), 2, 1)
    latents = torch.cat([centres, corners - expected], 1)
    return (latents - mean) / std


@torch.compiler.disable  # which would trace what the cache spares
@cache  # a copy for each step would have the host wait for the card
def _latent_formula(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    mean, std = FIXED_LATENT_MEAN.view(1, -1, 1, 1), FIXED_LATENT_STD.view(1, -1, 1, 1)
    return OPPONENTS.to(device, dtype), mean.to(device, dtype), std.to(device, dtype)


def _blurred(channels: Tensor, stride: int) -> Tensor:
    """(N, C, …): a triangle 2·stride wide around each sample, samples `stride` apart, nothing at the borders."""
    size = 2 * stride
    offsets = torch.arange(size, dtype=channels.dtype, device=channels.device) - (size - 1) / 2
    triangle = 1 - offsets.abs() / stride
    triangle = triangle / triangle.sum()
    flat = channels.flatten(0, 1)[:, None]
    flat = F.conv2d(flat, triangle.view(1, 1, 1, -1), stride=(1, stride))
    flat = F.conv2d(flat, triangle.view(1, 1, -1, 1), stride=(stride, 1))
    return flat.unflatten(0, channels.shape[:2])[:, :, 0]


def autoencoder_loss(vae: Any, batch: TrainingExample, settings: AutoencoderConfig) -> Tensor:
    """Frames through encoder and decoder and back: |error| + mse·error² + kl·KL, a mean per clip.

    Latents have unit variance when multiplied by LATENT_SCALE, so that is what the KL pulls
    to. With fixed latents the decoder reads those, and the encoder learns to give them.
    """
    video = batch["video"]
    frames, noise = video.flatten(0, 1), batch["noise"].flatten(0, 1)
    posterior = vae.encode(frames).latent_dist
    own = posterior.mode().float() * LATENT_SCALE
    if settings.fixed_latents:
        latents = encode_fixed(vae, video).flatten(0, 1)
        pull = (own - latents).square()
    else:
        latents, variance = own, posterior.var.float() * LATENT_SCALE**2
        pull = settings.kl * 0.5 * (own.square() + variance - variance.log() - 1)
    noisy = ((latents + settings.latent_noise * noise) / LATENT_SCALE).to(frames.dtype)
    temporal: dict[str, Any] = {} if isinstance(vae, AutoencoderKL) else {"num_frames": video.shape[1]}
    error = (vae.decode(noisy, **temporal).sample - frames).float()
    weight = F.interpolate(batch["weight"].flatten(0, 1), error.shape[-2:])
    weight = weight / weight.mean()

    def per_clip(values: Tensor) -> Tensor:
        return values.unflatten(0, video.shape[:2]).flatten(1).mean(1)

    return per_clip(weight * (error.abs() + settings.mse * error.square())) + per_clip(pull)
