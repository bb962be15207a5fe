"""One table, read in both directions: every tensor's released name ↔ its name in our networks.

Our names are `<part>.<name in diffusers or transformers>`; the parts are unet, controlnet,
vae, image_encoder. No other file knows a released name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..models.config import ModelConfig

CONTROL = "model.ctrlnet_model."
UNET = "model.diffusion_model."
OPEN_CLIP = "conditioner.embedders.0.open_clip.model."
IMAGE_VAE = "conditioner.embedders.3.encoder."
VIDEO_VAE = "first_stage_model."

# In every released file, read by nothing: copied from file to file, never loaded.
UNUSED = (
    *(OPEN_CLIP + name for name in ("token_embedding.", "ln_final.")),
    *(OPEN_CLIP + name for name in ("positional_embedding", "text_projection", "logit_scale")),
    *(IMAGE_VAE + name for name in ("decoder.", "post_quant_conv.")),
    VIDEO_VAE + "encoder.",
)

# Where a tensor without a place of ours means another network, not something left over from training.
INSIDE = (
    *(CONTROL, UNET, OPEN_CLIP + "visual.", IMAGE_VAE + "encoder.", IMAGE_VAE + "quant_conv.", VIDEO_VAE + "decoder."),
    *("unet.", "controlnet.", "vae.", "image_encoder."),
)

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Released:
    """Where one of our tensors lies in a released file."""

    name: str
    layout: str = "same"  # "1x1": a linear layer stored as convolution; "transposed"; "third 0", "third 1", "third 2"

    def take(self, tensor: Tensor) -> Tensor:
        """Released → ours, as a view; itself where it has another number of dimensions than it should."""
        if self.layout == "1x1":
            return tensor.flatten(1) if tensor.ndim == 4 and tensor.shape[2:] == (1, 1) else tensor
        if self.layout == "transposed":
            return tensor.T if tensor.ndim == 2 else tensor
        if self.layout.startswith("third"):
            return tensor.tensor_split(3)[int(self.layout[-1])] if tensor.ndim else tensor
        return tensor

    def give(self, tensors: list[Tensor]) -> Tensor:
        """Ours → released; the thirds arrive in order."""
        if self.layout == "1x1":
            return tensors[0][:, :, None, None]
        if self.layout == "transposed":
            return tensors[0].T
        return torch.cat(tensors) if self.layout.startswith("third") else tensors[0]


RESIDUAL_BLOCK = {  # ours: released
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def _svd_encoder(config: ModelConfig) -> dict[str, str]:
    """Prefixes, ours: released, of what UNet and ControlNet share."""
    levels, layers = len(config.unet.channel_mult), config.unet.num_res_blocks
    table = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "conv_in": "input_blocks.0.0",
        **_residual_block("mid_block.resnets.0", "middle_block.0"),
        **_transformer("mid_block.attentions.0", "middle_block.1"),
        **_residual_block("mid_block.resnets.1", "middle_block.2"),
    }
    number = 1
    for level in range(levels):
        for layer in range(layers):
            table |= _residual_block(f"down_blocks.{level}.resnets.{layer}", f"input_blocks.{number}.0")
            table |= _transformer(f"down_blocks.{level}.attentions.{layer}", f"input_blocks.{number}.1")
            number += 1
        table[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{number}.0.op"
        number += 1
    return table


def _unet(config: ModelConfig) -> dict[str, str]:
    levels, layers = len(config.unet.channel_mult), config.unet.num_res_blocks
    table = _svd_encoder(config) | {"conv_norm_out": "out.0", "conv_out": "out.2"}
    for level in range(levels):
        for layer in range(layers + 1):
            number = level * (layers + 1) + layer
            table |= _residual_block(f"up_blocks.{level}.resnets.{layer}", f"output_blocks.{number}.0")
            table |= _transformer(f"up_blocks.{level}.attentions.{layer}", f"output_blocks.{number}.1")
        place = 1 if level == 0 else 2  # behind the attention, which the coarsest level lacks
        table[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{number}.{place}.conv"
    return table


def _residual_block(ours: str, released: str) -> dict[str, str]:
    spatial = {f"{ours}.spatial_res_block.{a}": f"{released}.{b}" for a, b in RESIDUAL_BLOCK.items()}
    temporal = {f"{ours}.temporal_res_block.{a}": f"{released}.time_stack.{b}" for a, b in RESIDUAL_BLOCK.items()}
    return spatial | temporal | {f"{ours}.time_mixer": f"{released}.time_mixer"}


def _transformer(ours: str, released: str) -> dict[str, str]:
    return {
        ours: released,  # norm, proj_in, transformer_blocks, time_mixer, proj_out are called alike
        f"{ours}.temporal_transformer_blocks": f"{released}.time_stack",
        f"{ours}.time_pos_embed.linear_1": f"{released}.time_pos_embed.0",
        f"{ours}.time_pos_embed.linear_2": f"{released}.time_pos_embed.2",
    }


def _controlnet(config: ModelConfig) -> dict[str, str]:
    table = _control_branch(config) | {
        "safm.motion_encoder": "controlnet_cond_embedding",
        "safm.content_encoder": "mask_embedding",
        "safm.weight_encoder": "weight_embedding",
        "safm.fuse": "weight_embedding.conv_final",
        "safm.fuse_content": "weight_embedding.conv_final_content",  # ours, as the next: nobody has released two
    }
    second = {f"content_branch.{ours}": f"content_branch.{name}" for ours, name in _control_branch(config).items()}
    return table | second


def _control_branch(config: ModelConfig) -> dict[str, str]:
    skips = len(config.unet.channel_mult) * (config.unet.num_res_blocks + 1)
    return _svd_encoder(config) | {
        "mid_projection": "controlnet_mid_block.0",
        **{f"down_projections.{skip}": f"controlnet_down_blocks.{skip}.0" for skip in range(skips)},
    }


def _vae(config: ModelConfig) -> dict[str, str]:
    encoder, decoder = IMAGE_VAE + "encoder", VIDEO_VAE + "decoder"
    levels, layers = len(config.vae.channel_mult), config.vae.num_res_blocks
    table = {
        "encoder": encoder,
        "encoder.conv_norm_out": f"{encoder}.norm_out",
        "quant_conv": IMAGE_VAE + "quant_conv",
        "decoder": decoder,
        "decoder.conv_norm_out": f"{decoder}.norm_out",
        "decoder.time_conv_out": f"{decoder}.conv_out.time_mix_conv",
    }
    for half, released in (("encoder", encoder), ("decoder", decoder)):
        attention = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
        table |= {f"{half}.mid_block.attentions.0.{a}": f"{released}.mid.attn_1.{b}" for a, b in attention.items()}
    for block in (0, 1):
        table[f"encoder.mid_block.resnets.{block}"] = f"{encoder}.mid.block_{block + 1}"
    for block in range(layers):
        table |= _decoder_block(f"decoder.mid_block.resnets.{block}", f"{decoder}.mid.block_{block + 1}")
    for level in range(levels):
        for layer in range(layers):
            ours, theirs = f"encoder.down_blocks.{level}.resnets.{layer}", f"{encoder}.down.{level}.block.{layer}"
            table |= {ours: theirs, f"{ours}.conv_shortcut": f"{theirs}.nin_shortcut"}
        table[f"encoder.down_blocks.{level}.downsamplers.0"] = f"{encoder}.down.{level}.downsample"
        up = levels - 1 - level  # released decoders count from the finest level
        for layer in range(layers + 1):
            table |= _decoder_block(f"decoder.up_blocks.{level}.resnets.{layer}", f"{decoder}.up.{up}.block.{layer}")
        table[f"decoder.up_blocks.{level}.upsamplers.0"] = f"{decoder}.up.{up}.upsample"
    return table


def _decoder_block(ours: str, released: str) -> dict[str, str]:
    temporal = {f"{ours}.temporal_res_block.{a}": f"{released}.time_stack.{b}" for a, b in RESIDUAL_BLOCK.items()}
    return temporal | {
        f"{ours}.spatial_res_block": released,  # norm1, conv1, norm2, conv2 are called alike
        f"{ours}.spatial_res_block.conv_shortcut": f"{released}.nin_shortcut",
        f"{ours}.time_mixer": released,
    }


def _image_encoder(config: ModelConfig) -> dict[str, str]:
    visual = OPEN_CLIP + "visual"
    table = {
        "vision_model.embeddings.class_embedding": f"{visual}.class_embedding",
        "vision_model.embeddings.position_embedding.weight": f"{visual}.positional_embedding",
        "vision_model.embeddings.patch_embedding": f"{visual}.conv1",
        "vision_model.pre_layrnorm": f"{visual}.ln_pre",
        "vision_model.post_layernorm": f"{visual}.ln_post",
        "visual_projection.weight": f"{visual}.proj",
    }
    for layer in range(config.image_encoder.layers):
        ours, theirs = f"vision_model.encoder.layers.{layer}", f"{visual}.transformer.resblocks.{layer}"
        table |= {
            f"{ours}.layer_norm1": f"{theirs}.ln_1",
            f"{ours}.layer_norm2": f"{theirs}.ln_2",
            f"{ours}.self_attn.out_proj": f"{theirs}.attn.out_proj",
            f"{ours}.mlp.fc1": f"{theirs}.mlp.c_fc",
            f"{ours}.mlp.fc2": f"{theirs}.mlp.c_proj",
        }
        for kind in ("weight", "bias"):  # OpenCLIP stores query, key, value in one tensor
            for projection in ("q_proj", "k_proj", "v_proj"):
                table[f"{ours}.self_attn.{projection}.{kind}"] = f"{theirs}.attn.in_proj_{kind}"
    return table


def name_table(config: ModelConfig, parts: dict[str, Any]) -> dict[str, Released]:
    """Every tensor of ours → its place in a released file; the reverse is the same table.

    A name is the longest prefix that a part's prefix table knows, and the unchanged rest.
    """
    prefixes = {
        "unet": (_unet(config), UNET),
        "controlnet": (_controlnet(config), CONTROL),
        "vae": (_vae(config), ""),
        "image_encoder": (_image_encoder(config), ""),
    }
    table = {}
    for part, module in parts.items():
        prefix_table, root = prefixes[part]
        for name in module.state_dict():
            prefix = name
            while prefix not in prefix_table:
                prefix = prefix.rpartition(".")[0]
            released = root + prefix_table[prefix] + name[len(prefix) :]
            table[f"{part}.{name}"] = Released(released, _layout(part, name))
    return table


def _layout(part: str, name: str) -> str:
    if part == "vae" and ".attentions." in name and ".to_" in name and name.endswith("weight"):
        return "1x1"
    if name == "visual_projection.weight":
        return "transposed"
    for third, projection in enumerate(("q_proj", "k_proj", "v_proj")):
        if part == "image_encoder" and f".{projection}." in name:
            return f"third {third}"
    return "same"


def to_diffusers(released: Weights, table: dict[str, Released]) -> Weights:
    """Released names → ours, all as views; what a file lacks stays absent, unused tensors keep their names."""
    ours = {name: place.take(released[place.name]) for name, place in table.items() if place.name in released}
    known = {place.name for place in table.values()}
    return ours | {name: tensor for name, tensor in released.items() if name not in known}


def to_released(ours: Weights, table: dict[str, Released]) -> Weights:
    """The inverse of `to_diffusers`."""
    gathered: dict[str, dict[str, Tensor]] = {}
    places = {}
    for name, place in table.items():
        if name in ours:
            gathered.setdefault(place.name, {})[place.layout] = ours[name]
            places[place.name] = place
    # Sorted, because transformers lists key and value before query.
    released = {name: places[name].give([by[layout] for layout in sorted(by)]) for name, by in gathered.items()}
    return released | {name: tensor for name, tensor in ours.items() if name not in table}


def is_control_weight(released: str) -> bool:
    """Whether ReVideo's training changed this tensor of SVD, or added it (paper section 3.5)."""
    temporal_attention = ".time_stack." in released and ".attn1." in released
    return released.startswith(CONTROL) or (
        released.startswith(UNET) and temporal_attention and (".to_k." in released or ".to_v." in released)
    )
