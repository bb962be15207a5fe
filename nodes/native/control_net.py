"""ReVideo's ControlNet as ComfyUI applies one: to its own Stable Video Diffusion, under any of its samplers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import comfy.controlnet
import comfy.model_management as management
import comfy.model_patcher
import comfy.ops
import torch
from torch import Tensor, nn

from ..model import Managed
from .checks import check_context_windows, check_model

if TYPE_CHECKING:
    from comfy.context_windows import IndexListContextWindow
    from comfy.model_base import BaseModel
    from comfy.model_patcher import ModelPatcher

    from ... import revideo
    from ...revideo.checkpoints.reading import ControlPart
    from ...revideo.models.controlnet import EmbeddedConditions
    from ...revideo.models.unet import Residuals

# The same layers with ComfyUI's way of fetching weights as they work, so that a net larger than the
# card's room can be loaded in part.
LAYERS: dict[type[nn.Module], type[nn.Module]] = {
    getattr(nn, name): getattr(comfy.ops.disable_weight_init, name)
    for name in ("Linear", "Conv2d", "Conv3d", "GroupNorm", "LayerNorm")
}


def in_comfy_layers(network: nn.Module) -> nn.Module:
    """The network itself; weights stay where and what they are."""
    from ...revideo.models.blocks import TemporalConvolution
    from ...revideo.models.fused_linear import FusedLinear, followed
    from ...revideo.models.picture_norm import PictureNorm

    class Fused(comfy.ops.disable_weight_init.Linear, FusedLinear):
        """Lent weights do their part, and what follows is done behind it."""

        def forward_comfy_cast_weights(self, input: Tensor, plus: Tensor | None = None, gated: bool = False) -> Tensor:
            return followed(super().forward_comfy_cast_weights(input), plus, gated)

    class Temporal(TemporalConvolution, comfy.ops.disable_weight_init.Conv3d):  # type: ignore[misc]
        """Our arithmetic on weights that ComfyUI fetches."""

    class Norm(comfy.ops.disable_weight_init.GroupNorm, PictureNorm):
        """Ours unless ComfyUI fetches the weights."""

    layers = LAYERS | {TemporalConvolution: Temporal, FusedLinear: Fused, PictureNorm: Norm}
    for module in network.modules():
        if type(module) in layers:
            module.__class__ = layers[type(module)]
    return network


class ReVideoControl(comfy.controlnet.ControlBase):
    """A CONTROL_NET. Its hints are `revideo.Conditions`, which `with_conditions` gives it."""

    def __init__(self, part: ControlPart, load_device: torch.device, patcher: ModelPatcher | None = None) -> None:
        """`part`: a revideo ControlPart; `patcher`: of a copy that shares the network."""
        super().__init__()
        self.part = part
        self.load_device = load_device
        if patcher is None:
            managed = Managed(in_comfy_layers(part.network))
            patcher = comfy.model_patcher.CoreModelPatcher(managed, load_device, management.unet_offload_device())
        self.patcher = patcher
        self.conditions: revideo.Conditions = None  # type: ignore[assignment]  # until with_conditions
        self.model_sampling: Any = None  # of the model that is being sampled
        self._embedded: dict[tuple[int, ...], EmbeddedConditions] = {}  # of which frames

    # --- What ComfyUI asks of a ControlNet ---------------------------------------------------------

    def set_cond_hint(self, *arguments: object, **keywords: object) -> ReVideoControl:
        raise ValueError(
            "ReVideo's ControlNet takes no image: connect it to ReVideo Native Conditioning, which gives it paths, "
            "content and area"
        )

    def copy(self) -> ReVideoControl:
        """Shares the network."""
        other = ReVideoControl(self.part, self.load_device, self.patcher)
        self.copy_to(other)
        other.conditions = self.conditions
        return other

    def deepclone_multigpu(self, load_device: torch.device, autoregister: bool = False) -> ReVideoControl:
        """With a network of its own, for another GPU."""
        part = replace(self.part, network=copy.deepcopy(self.part.network))
        other = ReVideoControl(part, load_device)
        self.copy_to(other)
        other.conditions = self.conditions
        if autoregister:
            self.multigpu_clones[load_device] = other
        return other

    def get_models(self) -> list[ModelPatcher]:
        return [*super().get_models(), self.patcher]

    def pre_run(self, model: BaseModel, percent_to_timestep_function: Callable[[float], float]) -> None:
        super().pre_run(model, percent_to_timestep_function)
        check_model(model, self.part)
        check_context_windows(model, self.conditions.num_frames)
        self.model_sampling = model.model_sampling
        self._embedded = {}  # an interrupted run has cleaned nothing up

    def cleanup(self) -> None:
        super().cleanup()
        self.model_sampling = None
        self._embedded = {}

    def get_control(
        self,
        x_noisy: Tensor,  # (B·F, C, h, w) latents of B guidance branches
        t: Tensor,  # (B·F,) their noise level, the same everywhere
        cond: dict[str, Tensor],  # of the model: image embedding, reference latent, vector, each (B·F, …)
        batched_number: int,  # B
        transformer_options: dict[str, Any],
    ) -> dict[str, list[Tensor | None]] | None:
        """Residuals for the UNet, those of the ControlNets before added; None: no control at this level."""
        previous = None
        if self.previous_controlnet is not None:
            ask = self.previous_controlnet.get_control  # type: ignore[attr-defined]  # which their base lacks
            previous = ask(x_noisy, t, cond, batched_number, transformer_options)
        if self.timestep_range is not None and not self.timestep_range[1] <= t[0] <= self.timestep_range[0]:
            return previous
        frames = self._frames(x_noisy, batched_number, transformer_options.get("context_window"))
        residuals = self._residuals(x_noisy, t, cond, frames)
        control = {"input": [], "middle": [residuals.mid], "output": list(residuals.down)}
        return self.control_merge(control, previous, output_dtype=None)

    # --- Ours ----------------------------------------------------------------------------------------

    def with_conditions(
        self, conditions: revideo.Conditions, strength: float, percents: tuple[float, float]
    ) -> ReVideoControl:
        other = self.copy()
        other.conditions, other.strength, other.timestep_percent_range = conditions, strength, percents
        return other

    def _frames(self, x_noisy: Tensor, branches: int, window: IndexListContextWindow | None) -> list[int]:
        """Which frames of the conditions the latents are; raises ValueError where they are of another clip."""
        conditions, stride = self.conditions, self.part.config.vae.stride
        frames = list(range(conditions.num_frames)) if window is None else list(window.index_list)
        count = x_noisy.shape[0] // branches
        total = count if window is None else window.total_frames
        if total != conditions.num_frames or count != len(frames):
            raise ValueError(
                f"the latent has {total} frames, the conditions have {conditions.num_frames}: "
                f"sample the latent that ReVideo Native Conditioning gives"
            )
        height, width = (side * stride for side in x_noisy.shape[-2:])
        if (height, width) != conditions.size:
            raise ValueError(
                f"the latent is for {width}×{height}, the conditions are for {conditions.size[1]}×"
                f"{conditions.size[0]}: sample the latent that ReVideo Native Conditioning gives"
            )
        return frames

    def _residuals(self, x_noisy: Tensor, t: Tensor, cond: dict[str, Tensor], frames: list[int]) -> Residuals:
        network, device, count = self.part.network, x_noisy.device, len(frames)
        dtype = network.dtype
        for module in network.modules():
            if hasattr(module, "mix_factor"):  # single numbers outside of layers, which ComfyUI may leave behind
                module.to(device)
        c_noise = self.model_sampling.timestep(t)[::count].float()
        fused = network.fuse(self._embed(frames, device), c_noise[0])
        x = self.model_sampling.calculate_input(t, x_noisy)
        latents = torch.cat([x.to(dtype), cond["c_concat"].to(device, dtype)], 1)
        return network.residuals(
            latents.unflatten(0, (-1, count)),
            c_noise,
            cond["c_crossattn"][::count].to(device, dtype),
            cond["y"][::count].to(device, dtype),
            fused,
        )

    def _embed(self, frames: list[int], device: torch.device) -> EmbeddedConditions:
        """Of the frames at hand: what no step and no branch changes is computed once."""
        key, whole = tuple(frames), self.conditions
        if key not in self._embedded:
            if whole.from_first:
                part = replace(
                    whole, content=whole.content[frames], motion=whole.motion[frames], mask=whole.mask[frames]
                )
            else:
                part = whole.along(frames)
            if len(self._embedded) == len(whole.sides):  # of another context window
                self._embedded = {}
            self._embedded[key] = self.part.network.embed_conditions(part, device)
        return self._embedded[key]
