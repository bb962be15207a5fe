"""Random weights that ComfyUI's own loaders take for Stable Diffusion 1.5, a depth ControlNet and Depth Anything 3.

A model is told by its names and first widths, so of UNet and ControlNet there is one level, and of the depth model
the smallest. Text encoder and autoencoder have one size each, 400 MB in fp16 together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from comfy_process import load_pack
from safetensors.torch import save_file
from torch import Tensor

CHECKPOINT_FILE = "sd-v1-5-inpainting.ckpt"
CONTROL_FILE = "control_v11f1p_sd15_depth_fp16.safetensors"
DEPTH_FILE = "depth_anything_3_mono_large.safetensors"
ONE_LEVEL = {
    "image_size": 32,
    "model_channels": 320,
    "num_res_blocks": [1],
    "channel_mult": [1],
    "transformer_depth": [1],
    "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1],
    "num_heads": 8,
    "context_dim": 768,
    "use_spatial_transformer": True,
    "legacy": False,
}


def write_image_models(models: Path) -> None:
    """Into a ComfyUI's folder of models."""
    load_pack()
    from comfy import ops, sd1_clip
    from comfy.cldm.cldm import ControlNet
    from comfy.ldm.depth_anything_3.model import DepthAnything3Net
    from comfy.ldm.models.autoencoder import AutoencoderKL
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    generator = torch.Generator().manual_seed(0)

    def weights(network: Any, prefix: str = "") -> dict[str, Tensor]:
        shapes = {name: tensor for name, tensor in network.state_dict().items() if tensor.is_floating_point()}
        return {prefix + name: random_weight(name, tensor.shape, generator) for name, tensor in shapes.items()}

    autoencoder = {
        "double_z": True,
        "z_channels": 4,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 128,
        "ch_mult": [1, 2, 4, 4],
        "num_res_blocks": 2,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    with torch.device("meta"):
        unet = UNetModel(in_channels=9, out_channels=4, device="meta", operations=ops.disable_weight_init, **ONE_LEVEL)
        control = ControlNet(in_channels=4, hint_channels=3, device="meta", **ONE_LEVEL)
        vae = AutoencoderKL(ddconfig=autoencoder, embed_dim=4)
        text = sd1_clip.SDClipModel(device="meta", dtype=torch.float16).transformer
        depth = DepthAnything3Net(
            "vits",
            out_layers=(5, 7, 9, 11),
            head_dim_in=384,
            head_features=32,
            head_out_channels=(16, 16, 16, 16),
            device="meta",
            operations=ops.disable_weight_init,
        )
    whole = weights(unet, "model.diffusion_model.") | weights(vae, "first_stage_model.")
    whole |= weights(text, "cond_stage_model.transformer.")
    for folder in ("checkpoints", "controlnet", "geometry_estimation"):
        (models / folder).mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": whole}, models / "checkpoints" / CHECKPOINT_FILE)
    save_file(weights(control), models / "controlnet" / CONTROL_FILE)
    save_file(weights(depth), models / "geometry_estimation" / DEPTH_FILE)


def random_weight(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """In fp16, of a size that keeps activations near deviation 1."""
    values = torch.randn(shape, generator=generator)
    if len(shape) > 1:
        return (values / values[0].numel() ** 0.5).half()
    return (1 + 0.1 * values if name.endswith("weight") else 0.1 * values).half()
