"""diffusers' two blocks of SVD in less time and memory: the same numbers, and the same gradients.

Both keep diffusers' weights, names and interface; `run_plainly` has them run diffusers' own
code. What they leave out or arrange otherwise:

- The image is one token, so the softmax over it is 1 and what its attention adds does not
  depend on the query: `to_out(to_v(image))`, one vector a clip. What makes that query gets no gradient.
- The noise level is embedded once a clip, not once a frame.
- Channels come last in memory, so that picture and tokens are two views of one tensor.
- Temporal convolutions (3, 1, 1) are flat ones over (time, place), which have fast kernels.
- Without gradients some frames at a time go through attention and feed-forward, then some places over time, and sums
  go into what nobody reads any more.
- Attention and norms take other ways on a CPU where torch's kernels are slow there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention import BasicTransformerBlock, FeedForward, TemporalBasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import AlphaBlender, SpatioTemporalResBlock
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from einops import rearrange
from torch import Tensor, nn

from .attention import attend as attend_here
from .fused_linear import FusedLinear, followed, fuses
from .picture_norm import PictureNorm

# Elements of a feed-forward's widest layer at a time, and so of the pieces that go through a block: on a CPU such that
# its cache holds most of them.
WIDEST_CPU, WIDEST_GPU = 2**21, 2**26
# Rows times heads that a card attends to at once: CUDA's kernels count both in grids that end here, and some their
# product (pytorch/pytorch#142228, #146704). Places of a clip of 720p are more.
MOST_ROWS = 2**16 - 1

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]  # query, key, value (N, heads, L, C) → (N, heads, L, C)


class ResidualBlock(SpatioTemporalResBlock):
    """A spatial residual block, then a temporal one, blended."""

    plain = False  # True: diffusers' own code
    layout = torch.channels_last  # of pictures in memory

    def forward(
        self,
        hidden_states: Tensor,  # (B·T, C, h, w)
        temb: Tensor | None = None,  # (B·T, D), the same for all frames of a clip
        image_only_indicator: Tensor | None = None,  # (B, T) of zeros
    ) -> Tensor:  # (B·T, C', h, w)
        """As diffusers' block, to rounding."""
        if self.plain:
            return super().forward(hidden_states, temb, image_only_indicator)
        assert image_only_indicator is not None
        clips = len(image_only_indicator)
        if temb is not None:
            temb = F.silu(temb[:: image_only_indicator.shape[1]])
        hidden = hidden_states.contiguous(memory_format=self.layout)
        return self._temporal(self._spatial(hidden, temb, clips), temb, clips)

    def _spatial(self, hidden: Tensor, embedding: Tensor | None, clips: int) -> Tensor:
        block = self.spatial_res_block
        inner = block.conv1(_silu(block.norm1(hidden)))
        if embedding is not None:
            level = block.time_emb_proj(embedding)
            inner = _add(inner.unflatten(0, (clips, -1)), level[:, None, :, None, None]).flatten(0, 1)
        inner = block.conv2(_silu(block.norm2(inner)))
        return _add(inner, hidden if block.conv_shortcut is None else block.conv_shortcut(hidden))

    def _temporal(self, hidden: Tensor, embedding: Tensor | None, clips: int) -> Tensor:
        """α·spatial + (1 − α)·(spatial + change) = spatial + (1 − α)·change; without gradients in `hidden` itself."""
        block = self.temporal_res_block
        pixels = hidden.permute(0, 2, 3, 1)
        # A view of a view: torch has to know that channels come last, however few clips there are.
        change = pixels.reshape(clips, len(hidden) // clips, -1, hidden.shape[1]).permute(0, 3, 1, 2)  # (B, C, T, h·w)
        change = block.conv1(_silu(block.norm1(change)))
        if embedding is not None:
            change = _add(change, block.time_emb_proj(embedding)[:, :, None, None])
        change = block.conv2(_silu(block.norm2(change)))
        change = change.permute(0, 2, 3, 1).reshape(pixels.shape)
        weight = temporal_weight(self.time_mixer).to(hidden)
        if _keeps(hidden):
            return torch.addcmul(pixels, change, weight).permute(0, 3, 1, 2)
        pixels.addcmul_(change, weight)
        return hidden


class Transformer(TransformerSpatioTemporalModel):
    """Attention within each frame, then over time at each place, blended."""

    plain = False  # True: diffusers' own code
    widest: int | None = None  # elements of a feed-forward's widest layer at a time; None: what suits the device
    attend: Attend | None = None  # None: torch's own attention
    layout = torch.channels_last  # of pictures in memory

    def forward(
        self,
        hidden_states: Tensor,  # (B·T, C, h, w)
        encoder_hidden_states: Tensor | None = None,  # (B·T, 1, D), the same for all frames of a clip
        image_only_indicator: Tensor | None = None,  # (B, T) of zeros
        return_dict: bool = True,
    ) -> tuple[Tensor]:  # (B·T, C, h, w)
        """As diffusers' block, to rounding; always a tuple, as its callers here ask for."""
        if self.plain:
            return super().forward(hidden_states, encoder_hidden_states, image_only_indicator, return_dict)
        assert encoder_hidden_states is not None and image_only_indicator is not None
        clips, num_frames = image_only_indicator.shape
        image = encoder_hidden_states[::num_frames]  # (B, 1, D)
        _, _, height, width = hidden_states.shape
        hidden = hidden_states.contiguous(memory_format=self.layout)
        tokens = self.proj_in(rearrange(self.norm(hidden), "(b t) c h w -> b t (h w) c", b=clips))
        frames = self.time_proj(torch.arange(num_frames, device=tokens.device))
        place_in_time = self.time_pos_embed(frames.to(tokens.dtype))[:, None]  # (T, 1, C)
        for spatial, temporal in zip(self.transformer_blocks, self.temporal_transformer_blocks, strict=True):
            seen, seen_in_time = _image(spatial.attn2, image), _image(temporal.attn2, image)  # (B, 1, 1, C) each
            if _keeps(tokens):
                tokens = self._within(tokens, spatial, seen)
                tokens = self._over_time(tokens, temporal, seen_in_time, place_in_time)
                continue
            for clip, *of_clip in zip(tokens.split(1), seen.split(1), seen_in_time.split(1)):
                for frames in clip.split(self._at_once(clip[0, 0]), 1):
                    self._within(frames, spatial, of_clip[0])
                for places in clip.split(self._at_once(clip[0, :, 0]), 2):
                    self._over_time(places, temporal, of_clip[1], place_in_time)
        pixels = rearrange(hidden, "(b t) c h w -> b t (h w) c", b=clips)
        out = _projected(self.proj_out, tokens, pixels)
        return (rearrange(out, "b t (h w) c -> (b t) c h w", h=height, w=width),)

    def _at_once(self, row: Tensor) -> int:
        """How many such rows (L, C) of tokens go through a block together."""
        widest = self.widest or (WIDEST_CPU if row.device.type == "cpu" else WIDEST_GPU)
        return max(1, widest // (4 * row.numel()))

    def _over_time(self, tokens: Tensor, block: Any, image: Tensor, place_in_time: Tensor) -> Tensor:
        mixed = (tokens + place_in_time).transpose(1, 2).contiguous()  # (B, places, T, C): a place's frames together
        mixed = _feed_forward(mixed, block.norm_in, block.ff_in, self.widest)
        mixed = self._within(mixed, block, image).transpose(1, 2)
        weight = temporal_weight(self.time_mixer).to(tokens)
        return tokens.lerp(mixed, weight) if _keeps(tokens) else tokens.lerp_(mixed, weight)

    def _within(self, tokens: Tensor, block: Any, image: Tensor) -> Tensor:
        """Attention within each row of (B, N, L, C), to the image, and a feed-forward; in place without gradients."""
        tokens = _attend_to_itself(tokens, block.norm1, block.attn1, self.attend)
        return _feed_forward(_add(tokens, image), block.norm3, block.ff, self.widest)


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


def rearrange_blocks(network: nn.Module) -> nn.Module:
    """`network` itself, its blocks taught to run as above."""
    for module in network.modules():
        if type(module) is SpatioTemporalResBlock:
            module.__class__ = ResidualBlock
            temporal: Any = module.temporal_res_block
            temporal.conv1.__class__ = temporal.conv2.__class__ = TemporalConvolution
            spatial: Any = module.spatial_res_block
            spatial.norm1.__class__ = spatial.norm2.__class__ = PictureNorm
        elif type(module) is TransformerSpatioTemporalModel:
            module.__class__ = Transformer
            module.norm.__class__ = PictureNorm
            for layer in module.modules():
                if type(layer) is nn.Linear:
                    layer.__class__ = FusedLinear
    return network


def run_plainly(network: nn.Module, plain: bool = True) -> None:
    """Whether diffusers' own code runs in any case: what ours is measured and checked against."""
    for module in network.modules():
        if isinstance(module, (ResidualBlock, Transformer, FusedLinear, PictureNorm)):
            module.plain = plain


def lay_out_pictures(network: nn.Module, layout: torch.memory_format) -> None:
    """How pictures lie in memory between layers: the same numbers, to rounding, in another time on another device.

    CUDA's GroupNorm makes all it is given contiguous, and cuDNN turns what it convolves back; what that costs beside
    working contiguously throughout is for a card to say (`nox -s gpu -- --parts exact,layout`).
    """
    for module in network.modules():
        if isinstance(module, (ResidualBlock, Transformer)):
            module.layout = layout


def attend_by(network: nn.Module, attend: Attend | None) -> None:
    """All attention of a frame, and over time, by this function; None: by torch's own. Without gradients alone."""
    for module in network.modules():
        if isinstance(module, Transformer):
            module.attend = attend


def without_effect(network: nn.Module) -> Iterator[nn.Parameter]:
    """The weights that make the query of attention to one image: they never get a gradient, and need none."""
    for module in network.modules():
        if isinstance(module, (BasicTransformerBlock, TemporalBasicTransformerBlock)):
            for layer in (module.norm2, module.attn2.to_q, module.attn2.to_k):
                yield from layer.parameters()


def under_autocast(device: torch.device) -> bool:
    """Whether autocast changes precisions there now; never where torch has none: DirectML, meta, MPS in torch 2.4."""
    try:
        return torch.is_autocast_enabled(device.type)
    except RuntimeError:  # torch's answer for them
        return False


def _keeps(tensor: Tensor) -> bool:
    """Whether what is computed must be kept: for gradients, or because autocast changes precisions on the way."""
    return torch.is_grad_enabled() or under_autocast(tensor.device)


def _add(tensor: Tensor, added: Tensor) -> Tensor:
    """The sum, in `tensor` itself where nobody reads that any more."""
    return tensor + added if _keeps(tensor) else tensor.add_(added)


def _silu(tensor: Tensor) -> Tensor:
    return F.silu(tensor, inplace=not _keeps(tensor))


def _projected(layer: nn.Module, tokens: Tensor, plus: Tensor) -> Tensor:
    """What the layer makes of `tokens`, added to `plus`, which stays as it is."""
    return layer(tokens, plus) if isinstance(layer, FusedLinear) and fuses(tokens) else _add(layer(tokens), plus)


def _add_projected(tokens: Tensor, layer: nn.Module, given: Tensor) -> None:
    """The same, in `tokens` itself."""
    if isinstance(layer, FusedLinear) and fuses(given):
        tokens.copy_(layer(given, tokens))
    else:
        tokens += layer(given)


def _gated(layer: nn.Module, tokens: Tensor) -> Tensor:
    """Of a layer that somebody put in the place of a `FusedLinear`, too."""
    return layer(tokens, gated=True) if isinstance(layer, FusedLinear) else followed(layer(tokens), gated=True)


def _attend_to_itself(tokens: Tensor, norm: nn.LayerNorm, attention: Attention, attend: Attend | None) -> Tensor:
    """`tokens` (B, N, L, C) and what attention within each of N rows of L adds; a clip at a time if in place."""
    out = attention.to_out[0]
    if _keeps(tokens):
        rows = tokens.flatten(0, 1)
        return _projected(out, _attended(norm(rows), attention, attend), rows).unflatten(0, tokens.shape[:2])
    for clip in tokens:
        _add_projected(clip, out, _attended(norm(clip), attention, attend))
    return tokens


def _attended(normed: Tensor, attention: Attention, attend: Attend | None) -> Tensor:
    """(N, L, C) → (N, L, C), heads side by side."""
    if len(normed) * attention.heads > MOST_ROWS and normed.device.type != "cpu":
        return torch.cat([_attended(rows, attention, attend) for rows in normed.split(MOST_ROWS // attention.heads)])
    query, key, value = (
        project(normed).unflatten(-1, (attention.heads, -1)).transpose(1, 2)
        for project in (attention.to_q, attention.to_k, attention.to_v)
    )
    if normed.device.type == "cpu" and torch.is_grad_enabled():
        # Half the time of SDPA's kernels there, forth and back, at a small model's sizes.
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        attended = scores.softmax(-1) @ value
    elif attend is not None and not torch.is_grad_enabled():
        attended = attend(query, key, value)
    else:
        attended = attend_here(query, key, value)
    return attended.transpose(1, 2).flatten(2)


def _image(attention: Attention, image: Tensor) -> Tensor:
    """What attention to one token (B, 1, D) adds to every query: (B, 1, 1, C)."""
    return attention.to_out[0](attention.to_v(image))[:, None]


def _feed_forward(tokens: Tensor, norm: nn.LayerNorm, layers: FeedForward, widest: int | None) -> Tensor:
    """`tokens` (…, C) contiguous and what the layers add; some rows at a time if in place."""
    into, out = layers.net[0].proj, layers.net[2]
    if _keeps(tokens):
        return _projected(out, _gated(into, norm(tokens)), tokens)
    widest = widest or (WIDEST_CPU if tokens.device.type == "cpu" else WIDEST_GPU)
    for rows in tokens.view(-1, tokens.shape[-1]).split(max(1, widest // into.out_features)):
        _add_projected(rows, out, _gated(into, norm(rows)))
    return tokens
