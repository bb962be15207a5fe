"""ReVideoLoadSVD: a ReVideo checkpoint as ComfyUI's own MODEL, CLIP_VISION and VAE, whatever its widths."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import comfy.clip_vision
import comfy.model_detection
import comfy.model_management as management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import torch
from comfy.ldm.modules import temporal_ae
from comfy.ldm.modules.diffusionmodules.openaimodel import Timestep
from comfy_api.latest import io
from torch import nn

from ..model import (
    BUILT_IN,
    SAME_FILE,
    WEIGHT_DTYPES,
    change_times,
    check_checkpoint,
    checkpoint_names,
    checkpoint_path,
)
from ..sockets import CATEGORY, checked

if TYPE_CHECKING:
    from comfy.clip_vision import ClipVisionModel
    from comfy.model_patcher import ModelPatcher
    from comfy.sd import VAE

    from ...revideo.checkpoints.names import Weights
    from ...revideo.models.config import ImageEncoderConfig, ModelConfig, VAEConfig

TEMPORAL_KERNEL = [3, 1, 1]  # of the decoder, in frames and pixels


class ReVideoLoadSVD(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        names = checkpoint_names()
        return io.Schema(
            node_id="ReVideoLoadSVD",
            display_name="Load ReVideo as SVD",
            category=CATEGORY,
            description="Opens a ReVideo checkpoint as ComfyUI's own Stable Video Diffusion: for KSampler and all that "
            "works on a MODEL. Also opens what ImageOnlyCheckpointLoader cannot: the built-in model and control files.",
            search_aliases=["revideo native", "svd checkpoint", "img2vid", "revideo ksampler"],
            inputs=[
                io.Combo.Input(
                    "checkpoint",
                    options=[BUILT_IN, *names],
                    tooltip="A ReVideo checkpoint in models/revideo or models/checkpoints, or the built-in model, "
                    "which knows a synthetic world of sprites and nothing else. A control file alone needs an SVD "
                    "checkpoint below. The help page of Load ReVideo Model says how to get the weights.",
                ),
                io.Combo.Input(
                    "svd_checkpoint",
                    options=[SAME_FILE, *names],
                    default=SAME_FILE,
                    tooltip="Where the rest of the model is, if the checkpoint above holds only ReVideo's control "
                    "part: a Stable Video Diffusion checkpoint.",
                    advanced=True,
                ),
                io.Combo.Input(
                    "weight_dtype",
                    options=["auto", *WEIGHT_DTYPES],
                    default="auto",
                    tooltip="Precision of the MODEL's weights. auto lets ComfyUI choose for your device.",
                    advanced=True,
                ),
            ],
            outputs=[
                io.Model.Output("model", tooltip="To KSampler, by way of Video Linear CFG Guidance."),
                io.ClipVision.Output("clip_vision", tooltip="To ReVideo Native Conditioning."),
                io.Vae.Output("vae", tooltip="To ReVideo Native Conditioning and VAE Decode."),
            ],
        )

    @classmethod
    def validate_inputs(cls, checkpoint: str = BUILT_IN) -> bool | str:
        return check_checkpoint(checkpoint)

    @classmethod
    def fingerprint_inputs(cls, checkpoint: str, svd_checkpoint: str, weight_dtype: str) -> list[float]:
        """Loads again when a file was replaced under the same name."""
        return change_times(checkpoint, svd_checkpoint)

    @classmethod
    @checked
    def execute(cls, checkpoint: str, svd_checkpoint: str, weight_dtype: str) -> io.NodeOutput:
        svd = None if svd_checkpoint == SAME_FILE else checkpoint_path(svd_checkpoint)
        return io.NodeOutput(*load_as_svd(checkpoint_path(checkpoint), svd, WEIGHT_DTYPES.get(weight_dtype)))


def load_as_svd(
    path: Path, svd: Path | None = None, dtype: torch.dtype | None = None, disable_dynamic: bool = False
) -> tuple[ModelPatcher, ClipVisionModel, VAE]:
    """MODEL, CLIP_VISION, VAE; `disable_dynamic` is how ComfyUI asks for a second MODEL of the same file."""
    from ...revideo.checkpoints.names import IMAGE_VAE, UNET, VIDEO_VAE, to_released
    from ...revideo.checkpoints.reading import check_finite, open_checkpoint

    checkpoint = open_checkpoint(path, svd=svd)
    check_finite(checkpoint.weights, checkpoint.table, path)
    released = to_released(checkpoint.weights, checkpoint.table)
    model = _model(_below(released, UNET), checkpoint.config, dtype, disable_dynamic)
    model.cached_patcher_init = (load_as_svd, (path, svd, dtype), 0)
    clip_vision = _clip_vision(_below(checkpoint.weights, "image_encoder."), checkpoint.config.image_encoder)
    # The released model encodes with one autoencoder and decodes with another.
    halves = _below(released, IMAGE_VAE, ("encoder.", "quant_conv.")), _below(released, VIDEO_VAE, ("decoder.",))
    return model, clip_vision, _vae(halves[0] | halves[1], checkpoint.config.vae)


def _below(weights: Weights, prefix: str, starts: tuple[str, ...] = ("",)) -> Weights:
    short = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
    return {name: tensor for name, tensor in short.items() if name.startswith(starts)}


class Multiple(Fraction):
    """Of the first width: ComfyUI multiplies by whole numbers, but 128 is 4/3 of 96."""

    def __mul__(self, width: int) -> int:
        return int(super().__mul__(width))

    __rmul__ = __mul__  # type: ignore[assignment]


def _model(weights: Weights, config: ModelConfig, dtype: torch.dtype | None, disable_dynamic: bool) -> ModelPatcher:
    unet, device = config.unet, management.get_torch_device()
    parameters = sum(tensor.numel() for tensor in weights.values())
    if dtype is None:
        dtype = management.unet_dtype(model_params=parameters, weight_dtype=weights["out.2.weight"].dtype)
    detected = comfy.model_detection.detect_unet_config(weights, "")
    widths = unet.block_channels
    detected["channel_mult"] = [Multiple(width, widths[0]) for width in widths]
    settings = comfy.supported_models.SVD_img2vid(detected)
    settings.unet_config["num_head_channels"] = unet.num_head_channels
    settings.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device))
    model = settings.get_model(weights, device=management.unet_inital_load_device(parameters, dtype))
    model.embedder = Timestep(unet.time_id_dim)
    _set_groups(model.diffusion_model, unet.norm_groups)
    kind = comfy.model_patcher.ModelPatcher if disable_dynamic else comfy.model_patcher.CoreModelPatcher
    patcher = kind(model, load_device=device, offload_device=management.unet_offload_device())
    model.load_model_weights(weights, assign=patcher.is_dynamic())
    return patcher


def _clip_vision(weights: Weights, config: ImageEncoderConfig) -> ClipVisionModel:
    clip_vision = comfy.clip_vision.ClipVisionModel(
        {
            "model_type": "clip_vision_model",
            "num_channels": 3,
            "hidden_act": "gelu",
            "hidden_size": config.width,
            "intermediate_size": config.width * 4,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.width // config.head_width,
            "patch_size": config.patch_size,
            "image_size": config.image_size,
            "projection_dim": config.embed_dim,
        }
    )
    clip_vision.load_sd(weights)
    return clip_vision


def _vae(weights: Weights, config: VAEConfig) -> VAE:
    """ComfyUI's own for SVD knows the released widths only; these are the same blocks by its general way."""
    if config.num_res_blocks > 2:
        raise ValueError(
            f"a decoder of {config.num_res_blocks} blocks a level has no place in ComfyUI's VAE: at most 2"
        )
    channels = config.latent_channels
    sizes = {
        "double_z": True,
        "z_channels": channels,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": config.channels,
        "ch_mult": config.channel_mult,
        "num_res_blocks": config.num_res_blocks,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    temporal = {
        "resnet_op": temporal_ae.partialclass(temporal_ae.VideoResBlock, video_kernel_size=TEMPORAL_KERNEL),
        "conv_out_op": temporal_ae.partialclass(temporal_ae.AE3DConv, video_kernel_size=TEMPORAL_KERNEL),
    }
    same = torch.eye(channels)[:, :, None, None]  # that way has a convolution in front of the decoder, SVD has none
    weights = weights | {"post_quant_conv.weight": same, "post_quant_conv.bias": torch.zeros(channels)}
    if config.num_res_blocks == 1:
        weights |= _idle_middle(weights)
    settings = {"embed_dim": channels, "ddconfig": sizes, "decoder_ddconfig": sizes | temporal}
    vae = comfy.sd.VAE(sd=weights, config={"params": settings})
    _set_groups(vae.first_stage_model, config.norm_groups)
    return vae


def _idle_middle(weights: Weights) -> Weights:
    """With one block a level, the decoder's middle is one block too; ComfyUI's always goes on: by zeros, unchanged."""
    rest = {name: name.replace("block_1", "block_2") for name in weights if name.startswith("decoder.mid.block_1.")}
    rest |= {name: name for name in weights if name.startswith("decoder.mid.attn_1.proj_out.")}
    return {name: torch.zeros_like(weights[source]) for source, name in rest.items()}


def _set_groups(network: nn.Module, groups: int) -> None:
    for module in network.modules():  # ComfyUI fixes them at 32
        if isinstance(module, nn.GroupNorm):
            module.num_groups = groups
