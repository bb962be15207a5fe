"""How much memory a phase needs on each GPU, computed on the meta device: nothing is allocated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from ..models.config import ModelConfig
from ..models.controlnet import EmbeddedConditions
from ..models.propagator import image_tokens, unet_input
from ..models.propagator_config import PropagatorConfig
from ..sampling.denoiser import Conditioning, loss
from .config import Phase
from .families import Sizes, family_of_sizes
from .networks import PRECISIONS, autoencoder_loss, checkpoint_blocks

BYTES = {"no": 4, "fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU; what CUDA itself, fragments and transient buffers take comes on top."""

    weights: int  # of all four networks, and the half-precision copies that autocast makes of trained ones
    gradients: int
    optimizer: int
    averages: int  # of the trained weights, for the saved model
    activations: int  # saved between forward and backward pass

    @property
    def total(self) -> int:
        """All of it, bytes."""
        return sum(astuple(self))


def memory(phase: Phase, config: Sizes, processes: int = 1) -> Memory:
    """Of one process, by the phase's own `run` and `optimizer` settings."""
    parts = family_of_sizes(config).build(config)
    trained = sum(weight.numel() for weight in phase.parameters(parts).values())
    everything = sum(weight.numel() for part in parts.values() for weight in part.parameters())
    run, optimizer = phase.run, phase.optimizer
    copies = BYTES[run.mixed_precision] % 4 * trained
    clips = run.clips_at_once or phase.batch // processes
    return Memory(
        weights=4 * trained + BYTES[run.frozen] * (everything - trained) + copies,
        gradients=4 * trained,
        optimizer=(2 if optimizer.eight_bit else 8) * trained,
        averages=4 * trained if optimizer.ema else 0,
        activations=clips * activations(phase, config),
    )


def activations(phase: Phase, config: Sizes) -> int:
    """Bytes per clip that the backward pass needs: every tensor autograd saves, each storage once.

    Half precision counts all of them as halves, though autocast keeps those of norms in
    float32. With checkpointing: the inputs of each block, and the largest block's own.
    """
    dtype = PRECISIONS["fp32" if phase.run.mixed_precision == "no" else phase.run.mixed_precision]
    # nn.Module's own `to`: diffusers' warns of casting; and its mixing factors ignore the meta device.
    parts: dict[str, Any] = {
        name: nn.Module.to(part, "meta", dtype).train() for name, part in family_of_sizes(config).build(config).items()
    }
    trained = phase.parameters(parts)
    for part in parts.values():
        part.requires_grad_(False)
    for weight in trained.values():
        weight.requires_grad_(True)
    largest = [0]
    saved = _SavedTensors({w.untyped_storage()._cdata for part in parts.values() for w in part.parameters()})
    with _CountsFlashAttention():
        if phase.run.gradient_checkpointing and phase.stage != "autoencoder":
            for part in filter(None, (parts["unet"], parts.get("controlnet"))):
                checkpoint_blocks(part, _counting(saved, largest))
        with saved.watching():
            _one_clip(phase, config, parts, dtype).sum()
    return saved.bytes + largest[0]


class _SavedTensors:
    """Tensors saved for the backward pass, without the weights, whose storages are given."""

    def __init__(self, weights: set[int]) -> None:
        self.weights = weights
        self.tensors: dict[int, Tensor] = {}  # by storage; held, so that no number is used twice

    def save(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()._cdata
        if storage not in self.weights:
            self.tensors[storage] = tensor
        return tensor

    @property
    def bytes(self) -> int:
        return sum(tensor.untyped_storage().nbytes() for tensor in self.tensors.values())

    @contextmanager
    def watching(self) -> Iterator[None]:
        with saved_tensors_hooks(self.save, lambda tensor: tensor):
            yield


def _counting(saved: _SavedTensors, largest: list[int]) -> Callable[..., Any]:
    """As torch's checkpoint; `largest[0]` becomes what the largest block saves when it runs again."""

    def run(
        block: Callable[..., Any], *inputs: Any, use_reentrant: bool, preserve_rng_state: bool, **named: Any
    ) -> Any:
        inner = _SavedTensors(saved.weights)
        with inner.watching():
            output = block(*inputs, **named)
        first = output[0] if isinstance(output, tuple) else output
        if first.requires_grad:
            largest[0] = max(largest[0], inner.bytes)
            for each in (*inputs, *named.values()):
                if isinstance(each, Tensor):
                    saved.save(each)
        return output

    return run


class _FlashAttention(torch.autograd.Function):
    """What fused attention saves: its inputs, its output and a number per query. Meta would take the naive way."""

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        output = query.new_empty(*query.shape[:-1], value.shape[-1])
        context.save_for_backward(query, key, value, output, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return output

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Any:
        raise NotImplementedError("meta tensors are counted on the way forward; no gradient is taken")


class _CountsFlashAttention(TorchFunctionMode):
    """Within it, in this thread alone, attention saves what the fused kernel saves."""

    def __torch_function__(self, function: Any, types: Any, inputs: Any = (), named: Any = None) -> Any:
        if function is F.scaled_dot_product_attention:
            return _FlashAttention.apply(*inputs[:3])
        return function(*inputs, **(named or {}))


def _one_clip(phase: Phase, config: Sizes, parts: dict[str, Any], dtype: torch.dtype) -> Tensor:
    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, dtype=dtype, device="meta")

    frames, height, width = phase.frames, phase.height, phase.width
    cell = height // config.vae.stride, width // config.vae.stride
    latents = empty(1, frames, config.vae.latent_channels, *cell)
    if phase.stage == "autoencoder":
        return autoencoder_loss(
            parts["vae"],
            {"video": empty(1, frames, 3, height, width), "noise": latents, "weight": latents[:, :, :1]},
            phase.autoencoder,
        )
    if not isinstance(config, ModelConfig):
        return _one_triplet(config, parts, latents)
    controlnet = parts["controlnet"] if phase.as_stage.control else None
    nothing = empty(0)
    control = EmbeddedConditions(nothing, nothing, nothing)
    if controlnet is not None:
        safm = controlnet.safm
        motion = safm.motion_encoder(empty(frames, 2, height, width))
        content = safm.content_encoder(empty(frames, 3, height, width))
        control = EmbeddedConditions(motion, content, empty(1, 1, height, width))
    conditioning = Conditioning(
        context=empty(1, 1, config.unet.context_dim),
        reference=latents[:, 0],
        time_ids=torch.empty(1, 3, device="meta"),
        control=control,
    )
    return loss(parts["unet"], controlnet, latents, latents, torch.empty(1, device="meta"), conditioning)


def memory_table(phases: tuple[Phase, ...], config: ModelConfig, processes: int = 1) -> str:
    """A line for each phase, GiB, as Markdown."""
    columns = ("weights", "gradients", "optimizer", "averages", "activations", "total")
    lines = [f"| phase | {' | '.join(columns)} |", "|" + " --- |" * (len(columns) + 1)]
    for phase in phases:
        needed = memory(phase, config, processes)
        cells = (f"{getattr(needed, column) / 2**30:.1f}" for column in columns)
        lines.append(f"| {phase.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _one_triplet(config: PropagatorConfig, parts: dict[str, Any], latents: Tensor) -> Tensor:
    """The loss of a propagator's example; `latents` (1, T, C, h, w) give their size."""
    latent = latents[:, 0]
    encoder = config.image_encoder
    pixels = latents.new_empty(1, 3, encoder.image_size, encoder.image_size)
    tokens = image_tokens(parts["image_encoder"], pixels)
    context = parts["adaptor"](tokens, latent) if "adaptor" in parts else tokens[:, :1]
    joined = unet_input(latent, latent[:, :1], latent, latent[:, :1])
    found = parts["unet"](joined, torch.zeros(1, device="meta"), context).sample
    return (found - latent).square().flatten(1).mean(1)
