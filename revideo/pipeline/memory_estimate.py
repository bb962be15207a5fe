"""How much memory a window needs, computed on the meta device: nothing is allocated, no weight is read."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, UntypedStorage, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..checkpoints.reading import build_parts
from ..conditions import Conditions
from ..models import blocks, temporal_decoder
from ..models.config import ModelConfig
from ..models.temporal_decoder import Window, decode_frames
from ..models.vae import encode_reference
from ..sampling.denoiser import Conditioning, denoise
from .pipeline import Pipeline


@dataclass(frozen=True)
class Work:
    """A window to be sampled and decoded, as far as memory is concerned."""

    config: ModelConfig
    height: int  # in pixels
    width: int
    dtype: torch.dtype = torch.float16  # of UNet and ControlNet
    vae_dtype: torch.dtype = torch.float32
    on_cpu: bool = False  # where feed-forwards run in smaller parts

    @property
    def frames(self) -> int:
        return self.config.unet.num_frames


# The most bytes that are alive at once in each stage, without the weights. Seconds each, so they are kept.


@lru_cache(maxsize=64)
def conditioning_bytes(work: Work) -> int:
    """While the reference is encoded, or the conditions are embedded."""
    model = _on_meta(work)
    with counting(work, model.vae) as encoding:
        encode_reference(model.vae, _empty(3, work.height, work.width))
    conditions = _conditions(work)  # outside: they wait in main memory, in float32
    with counting(work, model.controlnet) as embedding:
        model.controlnet.embed_conditions(conditions)
    return max(encoding.peak, embedding.peak)


@lru_cache(maxsize=64)
def step_bytes(work: Work, branches: int) -> int:
    """In a step of sampling that computes so many guidance branches at once."""
    model = _on_meta(work)
    shape = model.latent_shape(_conditions(work))
    with counting(work, model.unet, model.controlnet) as counter:
        conditioning = Conditioning(
            context=_empty(branches, 1, work.config.unet.context_dim),
            reference=_empty(branches, *shape[1:]),
            time_ids=_empty(branches, 3),
            control=model.controlnet.embed_conditions(_conditions(work)),
        )
        counter.peak = counter.live  # conditioning is a stage of its own
        denoise(model.unet, model.controlnet, _empty(*shape), _empty(1), conditioning)
    return counter.peak


@lru_cache(maxsize=64)
def decoding_bytes(work: Work, park: bool = False) -> int:
    """While the window is decoded; parked frames do not count."""
    model = _on_meta(work)
    shape = model.latent_shape(_conditions(work))
    with counting(work, model.vae) as counter:
        decode_frames(model.vae.decoder, _empty(*shape).to(work.vae_dtype), Shapes if park else Window).float()
    return counter.peak


class Shapes(Window):
    """Parked frames on the meta device, from which nothing can be moved: their shapes wait."""

    def keep(self, frame: Tensor) -> Tensor:
        return frame.new_empty(1).expand(frame.shape)

    def take(self, number: int, rows: slice = slice(None)) -> Tensor:
        return torch.empty_like(super().take(number, rows), memory_format=torch.channels_last)


def weight_bytes(*networks: nn.Module) -> int:
    return sum(weight.nbytes for network in networks for weight in network.parameters())


# --- Counting ----------------------------------------------------------------------------


class LiveBytes(TorchDispatchMode):
    """Follows every tensor that is made while it is on, until it is gone; views count once, `weights` not at all."""

    def __init__(self, weights: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.weights = {weight.untyped_storage()._cdata for weight in weights}
        self.storages: dict[int, weakref.ref[UntypedStorage]] = {}  # the references must be held to be told

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, Tensor):
                self._follow(each.untyped_storage())
        return result

    def _follow(self, storage: UntypedStorage) -> None:
        number, size = storage._cdata, storage.nbytes()
        if number in self.storages or number in self.weights:
            return

        def gone(_: Any) -> None:
            self.live -= size
            del self.storages[number]

        self.storages[number] = weakref.ref(storage, gone)
        self.live += size
        self.peak = max(self.peak, self.live)


@contextmanager
def counting(work: Work, *networks: nn.Module) -> Iterator[LiveBytes]:
    weights = [weight for network in networks for weight in network.parameters()]
    with (
        # Fused, as on every device: on meta attention would be the naive one, with all its weights.
        patch.object(F, "scaled_dot_product_attention", _fused_attention),
        patch.object(torch, "equal", lambda *_: False),  # meta has no values: an area that moves needs more
        patch.object(torch, "is_autocast_enabled", lambda *_: False),  # nor a precision of its own
        patch.object(blocks, "WIDEST_GPU", blocks.WIDEST_CPU if work.on_cpu else blocks.WIDEST_GPU),
        patch.object(
            temporal_decoder, "WIDEST_GPU", temporal_decoder.WIDEST_CPU if work.on_cpu else temporal_decoder.WIDEST_GPU
        ),
        torch.no_grad(),  # inference_mode shows composite operations whole, without the copies that they make inside
        LiveBytes(weights) as counter,
    ):
        yield counter


def _fused_attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
    return query.new_empty(*query.shape[:-1], value.shape[-1])


@lru_cache(maxsize=1)
def _on_meta(work: Work) -> Pipeline:
    parts = build_parts(work.config)
    for name, part in parts.items():
        # nn.Module's own `to`: diffusers' warns of casting; and its mixing factors ignore the meta device.
        nn.Module.to(part, "meta", work.vae_dtype if name == "vae" else work.dtype)
    return Pipeline(parts, work.config, "meta", place=lambda *_: None)


def _conditions(work: Work) -> Conditions:
    frames, size = work.frames, (work.height, work.width)
    return Conditions(_empty(3, *size), _empty(frames, 3, *size), _empty(frames, 2, *size), _empty(frames, 1, *size))


def _empty(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")
