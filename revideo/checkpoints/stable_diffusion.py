"""What a new propagator begins as: Stable Diffusion 1.5 and CLIP's image encoder, out of files or folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from torch import nn

from ..models.propagator import AppearanceAdaptor, build_propagator, build_unet, widen_input
from ..models.propagator_config import PropagatorConfig
from .file_formats import CheckpointError, read_tensors
from .names import Weights
from .propagator import PROPAGATOR_KEY, STABLE_DIFFUSION, WEIGHT_FILES, check_part, read_json, read_part
from .reading import fill_part, name_few

NOT_OF_THE_TOWER = ("text_model.", "text_projection.", "logit_scale")  # of a whole CLIP
OLDER_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
CLIP_NEEDED = "a CLIP ViT-L/14 (openai/clip-vit-large-patch14)"


def start_from_stable_diffusion(
    sd: str | Path, clip: str | Path, config: PropagatorConfig, seed: int
) -> dict[str, nn.Module]:
    """A new propagator: Stable Diffusion 1.5's UNet and autoencoder, CLIP's image encoder, a fresh adaptor.

    The UNet's new input channels are zero, so that it begins as the image model that it was (section 3.3.3). `sd`: a
    .safetensors or .ckpt file, or a folder as diffusers saves one; `clip`: one file, or a folder as transformers
    saves one. Raises CheckpointError for what is missing or of other sizes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adaptor = AppearanceAdaptor(config.unet.context_dim, config.vae.latent_channels)
    parts = build_propagator(config)
    with torch.device("meta"):
        image_unet = build_unet(config, config.vae.latent_channels)
    weights = _stable_diffusion(Path(sd), image_unet, parts["vae"])
    check_part(weights, "unet", image_unet, Path(sd))  # one made to inpaint would pass when it is widened
    first = "unet.conv_in.weight"
    weights[first] = widen_input(weights[first], config.in_channels)
    weights |= {f"image_encoder.{name}": tensor for name, tensor in _clip(Path(clip)).items()}
    for part, source in (("unet", sd), ("vae", sd), ("image_encoder", clip)):
        check_part(weights, part, parts[part], Path(source))
        fill_part(parts[part], part, weights, torch.float32)
    if "adaptor" in parts:
        parts["adaptor"] = adaptor
    return parts


def stable_diffusion_sizes(sd: str | Path, clip: str | Path, remedies: dict[str, Any]) -> PropagatorConfig:
    """Of the propagator that these begin: a folder states its sizes, a file has those of Stable Diffusion 1.5."""
    sd, clip = Path(sd), Path(clip)
    for file, what in ((sd, "Stable Diffusion"), (clip, "CLIP")):
        if not file.exists():
            raise CheckpointError(f"there is no {what} at {file}")
    values: dict[str, Any] = {"remedies": remedies}
    if sd.is_dir():
        unet, vae = (read_json(sd / part / "config.json") for part in ("unet", "vae"))
        if unet.get("in_channels") != vae.get("latent_channels"):
            raise CheckpointError(
                f"{sd}: its UNet reads {unet.get('in_channels')} channels, not an image model's 4 latents: use Stable "
                f"Diffusion 1.5 itself, not what was made of it to inpaint"
            )
        with _stating(sd):
            values |= {"unet": _unet_sizes(unet), "vae": _vae_sizes(vae)}
    if clip.is_dir():
        with _stating(clip):
            values["image_encoder"] = _tower_sizes(read_json(clip / "config.json"))
    try:
        return PropagatorConfig.from_dict(values)
    except ValueError as error:
        raise CheckpointError(f"{sd.name} and {clip.name}: {error}") from None


@contextmanager
def _stating(folder: Path) -> Iterator[None]:
    """Around sizes out of a folder's configs, which may hold anything."""
    try:
        yield
    except CheckpointError:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        raise CheckpointError(f"{folder} states no sizes that can be read: use a folder as it was saved") from None


def _unet_sizes(config: dict[str, Any]) -> dict[str, Any]:
    return _widths("model_channels", config) | {
        "num_res_blocks": config.get("layers_per_block"),
        "num_heads": config.get("attention_head_dim"),
        "context_dim": config.get("cross_attention_dim"),
        "norm_groups": config.get("norm_num_groups"),
    }


def _vae_sizes(config: dict[str, Any]) -> dict[str, Any]:
    return _widths("channels", config) | {
        "num_res_blocks": config.get("layers_per_block"),
        "latent_channels": config.get("latent_channels"),
        "norm_groups": config.get("norm_num_groups"),
    }


def _widths(name: str, config: dict[str, Any]) -> dict[str, Any]:
    first, *_ = widths = config["block_out_channels"]
    if any(width % first for width in widths):
        raise ValueError
    return {name: first, "channel_mult": [width // first for width in widths]}


def _tower_sizes(config: dict[str, Any]) -> dict[str, Any]:
    """Of an image encoder alone, or of a whole CLIP."""
    tower = config.get("vision_config", {}) | {"projection_dim": config.get("projection_dim")} | config
    activation = tower.get("hidden_act", "quick_gelu")
    if activation != "quick_gelu":  # OpenCLIP's, whose weights would fit and see wrongly
        raise CheckpointError(f"the image encoder computes with {activation}, not quick_gelu: use {CLIP_NEEDED}")
    return {
        "layers": tower.get("num_hidden_layers"),
        "width": tower["hidden_size"],
        "head_width": tower["hidden_size"] // tower["num_attention_heads"],
        "patch_size": tower.get("patch_size"),
        "image_size": tower.get("image_size"),
        "embed_dim": tower.get("projection_dim"),
    }


def _stable_diffusion(sd: Path, unet: Any, vae: Any) -> Weights:
    if sd.is_dir():
        weights = {f"unet.{name}": tensor for name, tensor in read_part(sd, "unet").items()}
        return weights | {f"vae.{_newer_name(name)}": tensor for name, tensor in read_part(sd, "vae").items()}
    weights, metadata = read_tensors(sd)
    if PROPAGATOR_KEY in metadata:
        raise CheckpointError(f"{sd.name} is a propagator already: name it as path, to go on from")
    if not any(name.startswith(STABLE_DIFFUSION[0]) for name in weights):
        raise CheckpointError(
            f"{sd.name} is no Stable Diffusion checkpoint: its first tensors are {name_few([*weights])}"
        )
    converted = convert_ldm_unet_checkpoint(dict(weights), config=dict(unet.config))
    coder = convert_ldm_vae_checkpoint(dict(weights), config=dict(vae.config))
    return {f"unet.{name}": tensor for name, tensor in converted.items()} | {
        f"vae.{name}": tensor for name, tensor in coder.items()
    }


def _newer_name(name: str) -> str:
    """diffusers' name of an autoencoder's weight; Stable Diffusion 1.5's folder has those of its first versions."""
    for old, new in OLDER_ATTENTION.items():
        name = name.replace(f".attentions.0.{old}.", f".attentions.0.{new}.")
    return name


def _clip(clip: Path) -> Weights:
    """The visual tower, alone or of a whole CLIP."""
    if clip.is_dir():
        files = [clip / name for name in (*WEIGHT_FILES, "model.safetensors.index.json") if (clip / name).is_file()]
        if not files:
            raise CheckpointError(f"{clip} is no folder of {CLIP_NEEDED}: there is no model.safetensors in it")
        clip = files[0]
    weights = {name: tensor for name, tensor in read_tensors(clip)[0].items() if not name.startswith(NOT_OF_THE_TOWER)}
    weights.pop("vision_model.embeddings.position_ids", None)
    if not any(name.startswith("vision_model.") for name in weights):
        raise CheckpointError(f"{clip.name} holds no image encoder as transformers names one: use {CLIP_NEEDED}")
    return weights
