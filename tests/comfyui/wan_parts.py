"""Wan's models as ComfyUI loads them, small and with random weights: what their nodes receive needs no trained ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from comfy_process import load_pack
from comfyui_server import needed
from safetensors.torch import save_file
from torch import Tensor, nn

TRANSFORMER = {"dim": 128, "ffn_dim": 128, "num_heads": 1, "num_layers": 2}  # ComfyUI counts a head for each 128
TEXT_WIDTH = 768  # of T5 base, the smallest text encoder that CLIPLoader knows
VAE_WIDTH = 4

VACE_FILE = "wan2.1_vace_1.3B_fp16.safetensors"  # as the workflows call them
WAN_MOVE_FILE = "Wan21-WanMove_fp8_scaled_e4m3fn_KJ.safetensors"
TEXT_FILE, VAE_FILE = "umt5_xxl_fp8_e4m3fn_scaled.safetensors", "wan_2.1_vae.safetensors"
VISION_FILE = "clip_vision_h.safetensors"


def random_weights(module: nn.Module, scale: float = 0.05, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Norms as they begin, all else drawn."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, value in module.state_dict().items():
        if (value.ndim == 1 and name.endswith("weight")) or name.endswith("gamma"):
            weights[name] = torch.ones(value.shape, dtype=dtype)
        else:
            weights[name] = (torch.randn(value.shape, generator=generator) * scale).to(dtype)
    return weights


def vae_weights() -> dict[str, Tensor]:
    load_pack()
    from comfy.ldm.wan.vae import WanVAE

    structure = {"dim_mult": [1, 2, 4, 4], "num_res_blocks": 2, "temperal_downsample": [False, True, True]}
    return random_weights(WanVAE(dim=VAE_WIDTH, z_dim=16, attn_scales=[], **structure), scale=0.1)


def small_vae() -> Any:
    """ComfyUI's VAE of Wan 2.1's structure."""
    load_pack()
    from comfy.sd import VAE

    return VAE(sd=vae_weights())


def write_wan_models(models: Path) -> None:
    """Into ComfyUI's folders, by the names that the workflows ask for; what is there stays.

    The image encoder is only a name: its smallest form that ComfyUI knows for Wan weighs 1.2 GB, so that it does not
    run here. The text encoder is T5 base, 220 MB, in place of UMT5 with 11 GB.
    """
    load_pack()
    from comfy.ldm.wan.model import VaceWanModel, WanModel
    from comfy.ops import disable_weight_init
    from comfy.text_encoders.t5 import T5

    def write(folder: str, name: str, weights: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
        (models / folder).mkdir(exist_ok=True)
        save_file(weights, models / folder / name, metadata)

    if (models / "vae" / VAE_FILE).exists():  # written last
        return
    common = TRANSFORMER | {"text_dim": TEXT_WIDTH, "operations": disable_weight_init, "dtype": torch.float32}
    settings = {"config": json.dumps({"transformer": {"text_dim": TEXT_WIDTH}})}  # else ComfyUI takes UMT5's
    vace = VaceWanModel(vace_layers=1, vace_in_dim=96, **common)
    write("diffusion_models", VACE_FILE, random_weights(vace), settings)
    move = WanModel(model_type="i2v", in_dim=36, **common)
    write("diffusion_models", WAN_MOVE_FILE, random_weights(move), settings)
    config = json.loads(
        (Path(needed("REVIDEO_COMFYUI")) / "comfy/text_encoders/t5_config_base.json").read_text("utf-8")
    )
    write(
        "text_encoders",
        TEXT_FILE,
        random_weights(T5(config, torch.float16, "cpu", disable_weight_init), 0.02, torch.float16),
    )
    write("clip_vision", VISION_FILE, {"none": torch.zeros(1)})
    write("vae", VAE_FILE, vae_weights())
