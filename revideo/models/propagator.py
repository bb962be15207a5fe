"""PropDPM (MagicProp, section 3.2): an image model that paints a frame from its depth, the frame before, a reference.

Four networks: Stable Diffusion's UNet with a wider input, its autoencoder, CLIP's image encoder, and the adaptor that
joins what the latter two say of the reference.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from einops import rearrange
from torch import Tensor, nn

from .config import VAEConfig
from .image_encoder import build_image_encoder, clip_pixels
from .propagator_config import PropagatorConfig
from .vae import LATENT_SCALE

# Stable Diffusion 1.5's.
TRAIN_STEPS = 1000
BETAS: dict[str, Any] = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


class AppearanceAdaptor(nn.Module):
    """CLIP's tokens and the latent of a reference, joined place by place (section 3.3.1, listing 1)."""

    def __init__(self, width: int, latent_channels: int = 4) -> None:
        super().__init__()
        half = width // 2
        self.patches = nn.Sequential(nn.Conv2d(width, half, 1), nn.SiLU(), nn.Conv2d(half, half, 1), nn.SiLU())
        self.latents = nn.Sequential(
            nn.Conv2d(latent_channels, half, 3, padding=1),
            nn.SiLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(half, half, 1),
            nn.SiLU(),
        )
        self.merge = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    @property
    def dtype(self) -> torch.dtype:
        """Of its weights, as diffusers' networks say it."""
        return next(self.parameters()).dtype

    def forward(self, tokens: Tensor, latents: Tensor) -> Tensor:
        """CLIP's (B, 1 + P, l), class token first, and latents (B, C, h, w) → (B, 1 + h/2 · w/2, l).

        The class token stays as it is.
        """
        places = self.latents(latents)
        side = int((tokens.shape[1] - 1) ** 0.5)
        patches = rearrange(tokens[:, 1:], "b (h w) c -> b c h w", h=side, w=side)
        patches = F.interpolate(patches, size=places.shape[-2:], mode="bilinear")
        merged = self.merge(torch.cat([self.patches(patches), places], 1))
        return torch.cat([tokens[:, :1], rearrange(merged, "b c h w -> b (h w) c")], 1)


def build_propagator(config: PropagatorConfig, device: str = "meta") -> dict[str, Any]:
    """The networks; on the meta device shapes without weights, elsewhere random ones. Without adaptor there is none."""
    with torch.device(device):
        parts: dict[str, Any] = {
            "unet": build_unet(config, config.in_channels),
            "vae": build_image_vae(config.vae),
            "image_encoder": build_image_encoder(config.image_encoder, "quick_gelu"),
        }
        if config.remedies.adaptor:
            parts["adaptor"] = AppearanceAdaptor(config.unet.context_dim, config.vae.latent_channels)
    return parts


def build_unet(config: PropagatorConfig, in_channels: int) -> UNet2DConditionModel:
    """Stable Diffusion's has 4 channels, PropDPM's 10."""
    sizes, levels = config.unet, len(config.unet.channel_mult)
    return UNet2DConditionModel(
        in_channels=in_channels,
        out_channels=config.vae.latent_channels,
        down_block_types=("CrossAttnDownBlock2D",) * (levels - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (levels - 1),
        block_out_channels=sizes.block_channels,
        layers_per_block=sizes.num_res_blocks,
        attention_head_dim=sizes.num_heads,  # diffusers' name; it is the number of heads
        cross_attention_dim=sizes.context_dim,
        norm_num_groups=sizes.norm_groups,
    ).eval()


def build_image_vae(config: VAEConfig) -> AutoencoderKL:
    """Stable Diffusion's autoencoder of single pictures."""
    levels = len(config.channel_mult)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=config.block_channels,
        layers_per_block=config.num_res_blocks,
        latent_channels=config.latent_channels,
        norm_num_groups=config.norm_groups,
        scaling_factor=LATENT_SCALE,
    ).eval()


def widen_input(weight: Tensor, in_channels: int) -> Tensor:
    """The first convolution of an image model, (O, 4, 3, 3), for more channels behind its own: theirs are zero."""
    wider = weight.new_zeros(weight.shape[0], in_channels, *weight.shape[2:])
    wider[:, : weight.shape[1]] = weight
    return wider


def unet_input(noisy: Tensor, depth: Tensor, previous: Tensor, previous_depth: Tensor) -> Tensor:
    """Latents (B, C, h, w) and depths (B, 1, h, w) in [-1, 1] → (B, 2C + 2, h, w), in the paper's order (section 3.2).

    Where there is no previous frame both of its parts are zero.
    """
    return torch.cat([noisy, depth, previous, previous_depth], 1)


def shrink_depth(depth: Tensor, height: int, width: int) -> Tensor:
    """Depth (N, 1, H, W) in [0, 1], near 1, as the UNet reads it: (N, 1, height, width) of latent cells in [-1, 1]."""
    return F.interpolate(depth, (height, width), mode="area") * 2 - 1


def image_tokens(encoder: Any, pixels: Tensor) -> Tensor:
    """Pictures as CLIP saw them (B, 3, S, S) → (B, 1 + P, l): class token, then patches, in CLIP's joint space.

    The class token is the image embedding; patches go through the same norm and projection.
    """
    hidden = encoder.vision_model(pixels).last_hidden_state
    return encoder.visual_projection(encoder.vision_model.post_layernorm(hidden))


def reference_context(parts: dict[str, Any], references: Tensor, latents: Tensor) -> Tensor:
    """References (B, 3, H, W) in [-1, 1] and their scaled latents (B, C, h, w) → what cross-attention reads, (B, N, l).

    N is hw/4 + 1; 1 without the adaptor.
    """
    encoder = parts["image_encoder"]
    pixels = torch.cat([clip_pixels(each, encoder.config.image_size) for each in references])
    tokens = image_tokens(encoder, pixels.to(encoder.dtype))
    if "adaptor" not in parts:
        return tokens[:, :1]
    adaptor = parts["adaptor"]
    return adaptor(tokens.to(adaptor.dtype), latents.to(adaptor.dtype))


def noise_schedule(zero_terminal_snr: bool = True) -> DDIMScheduler:
    """Of training and of sampling: v over a schedule that ends in pure noise, from which sampling starts.

    Section 3.3.2, after Lin et al. (2023, algorithm 1): √ᾱ is shifted and scaled so that its last value is 0 and its
    first stays. Else Stable Diffusion 1.5's own, whose last step leaves a signal in training and none in sampling.
    """
    if zero_terminal_snr:
        return DDIMScheduler(
            TRAIN_STEPS,
            **BETAS,
            clip_sample=False,
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
        )
    return DDIMScheduler(TRAIN_STEPS, **BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)


def ddim_step(schedule: DDIMScheduler, found: Tensor, latents: Tensor, time: int, next_time: int | None) -> Tensor:
    """Latents at `time` of which the UNet gave `found` → those at `next_time`, None: at the end.

    diffusers' own step goes by 1000 // steps, which of 7, 15 or 24 steps leaves noise in the picture.
    """
    clean_part = schedule.alphas_cumprod[time].sqrt()
    noise_part = (1 - schedule.alphas_cumprod[time]).sqrt()
    if schedule.config["prediction_type"] == "v_prediction":
        clean, noise = clean_part * latents - noise_part * found, clean_part * found + noise_part * latents
    else:
        clean, noise = (latents - noise_part * found) / clean_part, found
    after = schedule.final_alpha_cumprod if next_time is None else schedule.alphas_cumprod[next_time]
    return after.sqrt() * clean + (1 - after).sqrt() * noise


def encode_pictures(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """(N, 3, H, W) in [-1, 1] → scaled latents (N, C, h, w): the posterior's mode."""
    return vae.encode(pictures.to(vae.device, vae.dtype)).latent_dist.mode() * LATENT_SCALE


def decode_latent_pictures(vae: AutoencoderKL, latents: Tensor) -> Tensor:
    """Scaled latents (N, C, h, w) → pictures (N, 3, H, W), −1 black and 1 white, not clamped."""
    return vae.decode(latents.to(vae.device, vae.dtype) / LATENT_SCALE).sample
