"""Image models in one file, as ComfyUI has them: `revideo edit-frame` reads the same networks out of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from comfy_process import load_pack
from image_weights import ONE_LEVEL, random_weight
from safetensors.torch import load_file, save_file
from tiny_inpainting import write_model
from torch.testing import assert_close

from revideo.editing.edited_frame import FrameEditOptions, edit_frame
from revideo.editing.image_models import load_inpainting

SMALL = ONE_LEVEL | {"model_channels": 32, "context_dim": 32}


def fill(network: Any, generator: torch.Generator) -> Any:
    for name, tensor in network.state_dict().items():
        tensor.copy_(random_weight(name, tensor.shape, generator))
    return network


@pytest.fixture(scope="module")
def networks() -> dict[str, Any]:
    """ComfyUI's own, small."""
    load_pack()
    from comfy import ops
    from comfy.cldm.cldm import ControlNet
    from comfy.ldm.models.autoencoder import AutoencoderKL
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    sizes = {"double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 32}
    sizes |= {"ch_mult": [1, 1, 1, 1], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0}
    made = {
        "unet": UNetModel(in_channels=9, out_channels=4, operations=ops.disable_weight_init, **SMALL),
        "controlnet": ControlNet(in_channels=4, hint_channels=3, **SMALL),
        "vae": AutoencoderKL(ddconfig=sizes, embed_dim=4),
    }
    generator = torch.Generator().manual_seed(0)
    return {name: fill(network, generator).eval() for name, network in made.items()}


@pytest.fixture(scope="module")
def files(networks, tmp_path_factory) -> Path:
    """model.safetensors, control.safetensors, and a folder of sizes whose own weights are another model's."""
    folder = tmp_path_factory.mktemp("files")
    sizes = write_model(folder / "sizes")
    weights = {f"model.diffusion_model.{name}": tensor for name, tensor in networks["unet"].state_dict().items()}
    weights |= {f"first_stage_model.{name}": tensor for name, tensor in networks["vae"].state_dict().items()}
    text = load_file(sizes / "text_encoder/model.safetensors")
    prefix = "cond_stage_model.transformer.text_model."  # which newer transformers leave out of its own names
    weights |= {prefix + name.removeprefix("text_model."): tensor for name, tensor in text.items()}
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")
    control = {f"control_model.{name}": tensor for name, tensor in networks["controlnet"].state_dict().items()}
    save_file(control, folder / "control.safetensors")
    for part, changes in {
        "unet": {
            "block_out_channels": [32],
            "down_block_types": ["CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D"],
            "norm_num_groups": 32,
        },
        "vae": {"block_out_channels": [32] * 4, "norm_num_groups": 32},
    }.items():
        file = sizes / part / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes), "utf-8")
        for stored in (sizes / part).glob("*.safetensors"):
            stored.unlink()
    return folder


@torch.inference_mode()
def test_a_file_gives_the_networks_that_comfyui_makes_of_it(networks, files):
    pipeline = load_inpainting(files / "model.safetensors", files / "control.safetensors", files / "sizes")
    generator = torch.Generator().manual_seed(1)
    latents, hint = torch.randn(1, 9, 8, 8, generator=generator), torch.rand(1, 3, 64, 64, generator=generator)
    text, time = torch.randn(1, 77, 32, generator=generator), torch.tensor([300.0])
    found = pipeline.unet(latents, time, text).sample
    assert_close(found, networks["unet"](latents, time, text), atol=1e-4, rtol=1e-4)
    down, middle = pipeline.controlnet(latents[:, :4], time, text, hint, return_dict=False)
    expected = networks["controlnet"](x=latents[:, :4], hint=hint, timesteps=time, context=text)
    assert_close(middle, expected["middle"][0], atol=1e-4, rtol=1e-4)
    for one, other in zip(down, expected["output"], strict=True):
        assert_close(one, other, atol=1e-4, rtol=1e-4)
    decoded = pipeline.vae.decode(latents[:, :4]).sample
    assert_close(decoded, networks["vae"].decode(latents[:, :4]), atol=1e-3, rtol=1e-3)


def test_a_frame_is_edited_by_a_file(files):
    pipeline = load_inpainting(files / "model.safetensors", files / "control.safetensors", files / "sizes")
    frame, mask = torch.rand(3, 64, 72), torch.zeros(64, 72, dtype=torch.bool)
    mask[20:50, 10:60] = True
    frame = (frame * 255).round() / 255
    edited = edit_frame(pipeline, frame, mask, FrameEditOptions("a car", steps=1), torch.rand(3, 64, 72))
    assert torch.equal(edited[:, ~mask], frame[:, ~mask])
    assert not torch.equal(edited[:, mask], frame[:, mask])
