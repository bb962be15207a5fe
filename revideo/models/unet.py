"""The SVD UNet, taking residuals; its encoder half also serves the ControlNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNetSpatioTemporalConditionModel
from diffusers.models.resnet import ResnetBlock2D, TemporalResnetBlock
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from einops import rearrange, repeat
from torch import Tensor, nn

from .blocks import rearrange_blocks
from .config import ModelConfig


@dataclass(frozen=True)
class Residuals:
    """What the ControlNet adds to the UNet."""

    down: list[Tensor]  # one per skip connection, (B·T, C, h, w)
    mid: Tensor  # (B·T, C, h, w)


class SVDEncoder(UNetSpatioTemporalConditionModel):
    """The half that UNet and ControlNet share: embeddings, encoder, middle."""

    @classmethod
    def from_model_config(cls, config: ModelConfig, **extra: Any) -> SVDEncoder:
        """A network of that config's widths, in evaluation; `extra` goes to the constructor."""
        unet, levels = config.unet, len(config.unet.channel_mult)
        attention, plain = "CrossAttn{}BlockSpatioTemporal", "{}BlockSpatioTemporal"
        net = cls(
            in_channels=2 * config.vae.latent_channels,
            out_channels=config.vae.latent_channels,
            # Attention everywhere but on the coarsest level, as in SVD.
            down_block_types=(attention.format("Down"),) * (levels - 1) + (plain.format("Down"),),
            up_block_types=(plain.format("Up"),) + (attention.format("Up"),) * (levels - 1),
            block_out_channels=unet.block_channels,
            addition_time_embed_dim=unet.time_id_dim,
            projection_class_embeddings_input_dim=3 * unet.time_id_dim,
            layers_per_block=unet.num_res_blocks,
            cross_attention_dim=unet.context_dim,
            num_attention_heads=unet.num_heads,
            num_frames=unet.num_frames,
            **extra,
        )
        for module in net.modules():  # diffusers' blocks differ in the fourth digit otherwise
            if isinstance(module, (ResnetBlock2D, TemporalResnetBlock)):
                module.norm1.eps = module.norm2.eps = 1e-5
            elif isinstance(module, TransformerSpatioTemporalModel):
                module.norm.eps = 1e-6
            elif isinstance(module, nn.GroupNorm):
                module.num_groups = unet.norm_groups  # diffusers fixes them at 32
        rearrange_blocks(net)
        return net.eval()

    def embed_vector(self, time_ids: Tensor) -> Tensor:
        """fps, motion bucket, noise augmentation (B, 3) → sinusoids (B, 3·time_id_dim)."""
        return rearrange(self.add_time_proj(time_ids.flatten()), "(b n) d -> b (n d)", b=len(time_ids))

    def embed_time(self, c_noise: Tensor, vector: Tensor, num_frames: int) -> Tensor:
        """Noise level c_noise (B,) and the time ids' sinusoids (B, 3·time_id_dim) → (B·T, D)."""
        embedding = self.time_embedding(self.time_proj(c_noise).to(self.dtype))
        embedding = embedding + self.add_embedding(vector.to(self.dtype))
        return repeat(embedding, "b d -> (b t) d", t=num_frames)

    def encode(
        self,
        latents: Tensor,  # (B, T, 2C, h, w): noisy latents, then the reference's
        embedding: Tensor,  # (B·T, D) of embed_time
        context: Tensor,  # (B·T, 1, D) image embedding
        image_only: Tensor,  # (B, T) zeros: all frames are video
        added: Tensor | None = None,  # (B·T, C, h, w) joins behind the first convolution
    ) -> tuple[list[Tensor], Tensor]:  # skips and middle output, (B·T, C, h, w) each
        """The encoder and the middle block."""
        hidden = self.conv_in(latents.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        if added is not None:
            hidden = hidden + added
        skips = [hidden]
        for block in self.down_blocks:
            hidden, outputs = block(hidden, temb=embedding, image_only_indicator=image_only, **_context(block, context))
            skips.extend(outputs)
        hidden = self.mid_block(hidden, temb=embedding, encoder_hidden_states=context, image_only_indicator=image_only)
        return skips, hidden


def _context(block: nn.Module, context: Tensor) -> dict[str, Tensor]:
    """Plain blocks take no image embedding and say so only by lacking an attribute."""
    return {"encoder_hidden_states": context} if getattr(block, "has_cross_attention", False) else {}


class ReVideoUNet(SVDEncoder):
    """SVD's UNet with ReVideo's temporal keys and values; without residuals it is plain SVD."""

    def forward(
        self,
        latents: Tensor,  # (B, T, 2C, h, w)
        c_noise: Tensor,  # (B,)
        context: Tensor,  # (B, 1, D)
        time_ids: Tensor,  # (B, 3)
        residuals: Residuals | None = None,
    ) -> Tensor:  # (B, T, C, h, w)
        """The network's output F(x) for noisy latents x, before preconditioning."""
        batch, num_frames = latents.shape[:2]
        embedding = self.embed_time(c_noise, self.embed_vector(time_ids), num_frames)
        context = repeat(context, "b n d -> (b t) n d", t=num_frames)
        image_only = torch.zeros(batch, num_frames, dtype=latents.dtype, device=latents.device)
        skips, hidden = self.encode(latents, embedding, context, image_only)
        if residuals is not None:
            skips = [skip + residual for skip, residual in zip(skips, residuals.down, strict=True)]
            hidden = hidden + residuals.mid
        for block in self.up_blocks:
            count = len(block.resnets)
            skips, block_skips = skips[:-count], tuple(skips[-count:])
            hidden = block(
                hidden,
                temb=embedding,
                res_hidden_states_tuple=block_skips,
                image_only_indicator=image_only,
                **_context(block, context),
            )
        hidden = self.conv_out(self.conv_act(self.conv_norm_out(hidden)))
        return rearrange(hidden, "(b t) c h w -> b t c h w", b=batch)
