"""diffusers' two blocks of SVD without gradients: the same numbers in less time and memory.

Both keep diffusers' weights, names and interface, and run diffusers' own code where
gradients are asked for. What they leave out or arrange otherwise:

- The image is one token, so the softmax over it is 1 and what its attention adds does not
  depend on the query: `to_out(to_v(image))`, one vector a clip.
- The noise level is embedded once a clip, not once a frame.
- Channels come last in memory, so that picture, tokens and time are three views of one
  tensor; attention over time reads (place, frame) from it by strides.
- Temporal convolutions (3, 1, 1) are flat ones over (time, place), which have fast kernels.
- Feed-forwards run over some rows at a time, and sums go into what nobody reads any more.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import AlphaBlender, SpatioTemporalResBlock
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from einops import rearrange
from torch import Tensor, nn

# Elements of a feed-forward's widest layer at a time: on a CPU such that they stay in its cache.
WIDEST_CPU, WIDEST_GPU = 2**19, 2**26


class ResidualBlock(SpatioTemporalResBlock):
    """A spatial residual block, then a temporal one, blended."""

    plain = False  # True: diffusers' own code

    def forward(
        self,
        hidden_states: Tensor,  # (B·T, C, h, w)
        temb: Tensor | None = None,  # (B·T, D), the same for all frames of a clip
        image_only_indicator: Tensor | None = None,  # (B, T) of zeros
    ) -> Tensor:  # (B·T, C', h, w)
        """As diffusers' block, to rounding."""
        if _plain(self, hidden_states):
            return super().forward(hidden_states, temb, image_only_indicator)
        assert image_only_indicator is not None
        clips = len(image_only_indicator)
        if temb is not None:
            temb = F.silu(temb[:: image_only_indicator.shape[1]])
        hidden = hidden_states.contiguous(memory_format=torch.channels_last)
        return self._temporal(self._spatial(hidden, temb, clips), temb, clips)

    def _spatial(self, hidden: Tensor, embedding: Tensor | None, clips: int) -> Tensor:
        block = self.spatial_res_block
        inner = block.conv1(F.silu(block.norm1(hidden), inplace=True))
        if embedding is not None:
            level = block.time_emb_proj(embedding)
            inner.unflatten(0, (clips, -1)).add_(level[:, None, :, None, None])
        inner = block.conv2(F.silu(block.norm2(inner), inplace=True))
        return inner.add_(hidden if block.conv_shortcut is None else block.conv_shortcut(hidden))

    def _temporal(self, hidden: Tensor, embedding: Tensor | None, clips: int) -> Tensor:
        """α·spatial + (1 − α)·(spatial + change) = spatial + (1 − α)·change, in `hidden` itself."""
        block = self.temporal_res_block
        pixels = hidden.permute(0, 2, 3, 1)
        # A view of a view: torch has to know that channels come last, however few clips there are.
        change = pixels.reshape(clips, len(hidden) // clips, -1, hidden.shape[1]).permute(0, 3, 1, 2)  # (B, C, T, h·w)
        change = block.conv1(F.silu(block.norm1(change), inplace=True))
        if embedding is not None:
            change.add_(block.time_emb_proj(embedding)[:, :, None, None])
        change = block.conv2(F.silu(block.norm2(change), inplace=True))
        weight = temporal_weight(self.time_mixer).to(hidden)
        pixels.addcmul_(change.permute(0, 2, 3, 1).reshape(pixels.shape), weight)
        return hidden


class Transformer(TransformerSpatioTemporalModel):
    """Attention within each frame, then over time at each place, blended."""

    plain = False  # True: diffusers' own code
    widest: int | None = None  # elements of a feed-forward's widest layer at a time; None: what suits the device

    def forward(
        self,
        hidden_states: Tensor,  # (B·T, C, h, w)
        encoder_hidden_states: Tensor | None = None,  # (B·T, 1, D), the same for all frames of a clip
        image_only_indicator: Tensor | None = None,  # (B, T) of zeros
        return_dict: bool = True,
    ) -> tuple[Tensor]:  # (B·T, C, h, w)
        """As diffusers' block, to rounding; always a tuple, as its callers here ask for."""
        if _plain(self, hidden_states):
            return super().forward(hidden_states, encoder_hidden_states, image_only_indicator, return_dict)
        assert encoder_hidden_states is not None and image_only_indicator is not None
        clips, num_frames = image_only_indicator.shape
        image = encoder_hidden_states[::num_frames]  # (B, 1, D)
        _, _, height, width = hidden_states.shape
        hidden = hidden_states.contiguous(memory_format=torch.channels_last)
        tokens = self.proj_in(rearrange(self.norm(hidden), "(b t) c h w -> b t (h w) c", b=clips))
        frames = self.time_proj(torch.arange(num_frames, device=tokens.device))
        place_in_time = self.time_pos_embed(frames.to(tokens.dtype))[:, None]  # (T, 1, C)
        for spatial, temporal in zip(self.transformer_blocks, self.temporal_transformer_blocks, strict=True):
            _attend_to_itself(tokens, spatial.norm1, spatial.attn1)
            tokens += _image(spatial.attn2, image)
            _feed_forward(tokens, spatial.norm3, spatial.ff, self.widest)
            mixed = tokens + place_in_time
            _feed_forward(mixed, temporal.norm_in, temporal.ff_in, self.widest)
            _attend_to_itself(mixed.transpose(1, 2), temporal.norm1, temporal.attn1)
            mixed += _image(temporal.attn2, image)
            _feed_forward(mixed, temporal.norm3, temporal.ff, self.widest)
            tokens = tokens.lerp_(mixed, temporal_weight(self.time_mixer).to(tokens))
        out = rearrange(self.proj_out(tokens), "b t (h w) c -> (b t) c h w", h=height, w=width)
        return (out.add_(hidden),)


def temporal_weight(mixer: AlphaBlender) -> Tensor:
    """(1,) what the temporal branch weighs, the spatial one the rest; where layers come one by one, in main memory."""
    spatial = torch.sigmoid(mixer.mix_factor)
    return spatial if mixer.switch_spatial_to_temporal_mix else 1 - spatial


class TemporalConvolution(nn.Conv3d):
    """(3, 1, 1) or (1, 1, 1); also over (B, C, T, places), where it runs as a flat convolution."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None, **options: Any) -> Tensor:
        if input.ndim == 5:
            return super()._conv_forward(input, weight, bias, **options)
        return F.conv2d(input, weight.squeeze(-1), bias, padding=self.padding[:2])


def without_gradients(network: nn.Module) -> nn.Module:
    """`network` itself, its blocks taught to run as above."""
    for module in network.modules():
        if type(module) is SpatioTemporalResBlock:
            module.__class__ = ResidualBlock
            temporal: Any = module.temporal_res_block
            temporal.conv1.__class__ = temporal.conv2.__class__ = TemporalConvolution
        elif type(module) is TransformerSpatioTemporalModel:
            module.__class__ = Transformer
    return network


def run_plainly(network: nn.Module, plain: bool = True) -> None:
    """Whether diffusers' own code runs in any case: what ours is measured and checked against."""
    for module in network.modules():
        if isinstance(module, (ResidualBlock, Transformer)):
            module.plain = plain


def _plain(block: ResidualBlock | Transformer, hidden: Tensor) -> bool:
    # Autocast turns sums to half precision and norms to float32: no sum in place then.
    # The meta device knows no autocast and raises when asked.
    autocast = not hidden.is_meta and torch.is_autocast_enabled(hidden.device.type)
    return block.plain or torch.is_grad_enabled() or autocast


def _attend_to_itself(tokens: Tensor, norm: nn.LayerNorm, attention: Attention) -> None:
    """`tokens` (B, N, L, C), in place: attention within each of N rows of L."""
    heads = attention.heads
    for clip in tokens:
        normed = norm(clip)
        query, key, value = (
            project(normed).unflatten(-1, (heads, -1)).transpose(1, 2)
            for project in (attention.to_q, attention.to_k, attention.to_v)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        clip += attention.to_out[0](attended.transpose(1, 2).flatten(2))


def _image(attention: Attention, image: Tensor) -> Tensor:
    """What attention to one token (B, 1, D) adds to every query: (B, 1, 1, C)."""
    return attention.to_out[0](attention.to_v(image))[:, None]


def _feed_forward(tokens: Tensor, norm: nn.LayerNorm, layers: FeedForward, widest: int | None) -> None:
    """`tokens` (…, C) contiguous, in place."""
    into, out = layers.net[0].proj, layers.net[2]
    widest = widest or (WIDEST_CPU if tokens.device.type == "cpu" else WIDEST_GPU)
    for rows in tokens.view(-1, tokens.shape[-1]).split(max(1, widest // into.out_features)):
        values, gates = into(norm(rows)).chunk(2, -1)
        rows += out(F.gelu(gates).mul_(values))
