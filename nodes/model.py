"""ReVideoLoadModel, and the model in the hands of ComfyUI's model management."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import comfy.ldm.modules.attention as comfyui_attention
import comfy.model_management as management
import comfy.model_patcher
import folder_paths
import torch
from comfy.cli_args import args
from comfy_api.latest import io

from .sockets import CATEGORY, Model, checked

if TYPE_CHECKING:
    from comfy.model_patcher import ModelPatcher

    from .. import revideo
    from ..revideo.models.blocks import Attend
    from ..revideo.pipeline.memory_plan import Plan

FOLDER = "revideo"
SAME_FILE = "(in the same file)"
BUILT_IN = "tiny (built in)"  # no file has this name: it lacks a suffix
WEIGHT_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
EIGHT_BITS = "fp8"


def register_model_folder() -> None:
    """models/revideo, beside models/checkpoints."""
    folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER))
    paths, _ = folder_paths.folder_names_and_paths[FOLDER]
    # A folder registered by a pack has no extensions, which means every file.
    folder_paths.folder_names_and_paths[FOLDER] = (paths, {".safetensors", ".ckpt"})


def checkpoint_names() -> list[str]:
    """Files of both folders, and diffusers folders inside models/revideo."""
    names = folder_paths.get_filename_list(FOLDER) + folder_paths.get_filename_list("checkpoints")
    for root in map(Path, folder_paths.get_folder_paths(FOLDER)):
        names += [folder.parent.name for folder in root.glob("*/unet") if folder.is_dir()]
    return list(dict.fromkeys(names))


def checkpoint_path(name: str) -> Path:
    """The file or folder behind a name of the list; ValueError for any other name."""
    if name == BUILT_IN:
        from ..revideo.checkpoints import builtin

        return builtin.TINY_FILE
    if name not in checkpoint_names():
        raise ValueError(missing_message(name))
    return listed_path(name)


def listed_path(name: str) -> Path:
    """The file or folder behind a name that a list showed."""
    for folder in (FOLDER, "checkpoints"):
        path = folder_paths.get_full_path(folder, name)
        if path is not None:
            return Path(path)
    return next(Path(root) / name for root in folder_paths.get_folder_paths(FOLDER) if (Path(root) / name).is_dir())


def change_times(*names: str) -> list[float]:
    """`write_times` of what these names stand for."""
    return write_times(*(checkpoint_path(name) for name in names if name != SAME_FILE))


def write_times(*paths: Path) -> list[float]:
    """When these files, or those in these folders, were last written."""
    files = [file for path in paths for file in (path, *sorted(path.rglob("*")))]
    return [file.stat().st_mtime for file in files if file.exists()]


def missing_message(name: str) -> str:
    """What to say of a name that is not in the list, and the two ways to the released weights."""
    from ..revideo.checkpoints.released import ADDRESS, LICENCE_ALLOWS, MODEL_NAME

    folder, pack = Path(folder_paths.get_folder_paths("checkpoints")[0]), Path(__file__).parents[1]
    return (
        f"there is no checkpoint {name} in models/{FOLDER} or models/checkpoints. Two ways to the released weights "
        f'({LICENCE_ALLOWS}): run `"{sys.executable}" -m revideo download "{folder / MODEL_NAME}"` in the folder '
        f"{pack}, or save {ADDRESS} from a browser into {folder}. Then press R, which reads the list anew, and "
        f"choose the file"
    )


def check_checkpoint(name: str) -> bool | str:
    """As a node's `validate_inputs` answers: ComfyUI's own words for a name that is not in the list help nobody."""
    return name in (BUILT_IN, None) or name in checkpoint_names() or missing_message(name)


class Managed(torch.nn.Module):
    """Holds one network: ComfyUI sets a `device` on what it manages, which diffusers' models forbid."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network


def chosen_attention(device: torch.device) -> Attend | None:
    """What ComfyUI's own models attend with, by its command line or for the device; None: torch's attention."""
    chosen = comfyui_attention.optimized_attention
    asked_for = args.use_split_cross_attention or args.use_quad_cross_attention
    # On a CPU it is sub-quadratic attention where nobody asks for another, and torch's is quicker.
    if chosen is comfyui_attention.attention_pytorch or (management.is_device_cpu(device) and not asked_for):
        return None
    half_only = chosen in (comfyui_attention.attention_sage, comfyui_attention.attention_flash)

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        # They would fail and say so at every layer before ComfyUI took torch's attention.
        single = half_only and query.dtype not in (torch.float16, torch.bfloat16)
        function = comfyui_attention.attention_pytorch if single else chosen
        return function(query, key, value, query.shape[1], skip_reshape=True, skip_output_reshape=True)

    return attend


def patch_networks(networks: Iterable[torch.nn.Module], device: torch.device) -> dict[torch.nn.Module, ModelPatcher]:
    """What ComfyUI's model management knows each network by, which it moves as a whole."""
    offload_device = management.unet_offload_device()
    # Not CoreModelPatcher, which may be the dynamic one: that leaves all of them on the card, since only layers made
    # by ComfyUI's own factories can come in part, and asks nobody else to go.
    return {network: comfy.model_patcher.ModelPatcher(Managed(network), device, offload_device) for network in networks}


def dtype_for(weight_dtype: str, device: torch.device) -> torch.dtype:
    """The one named, else ComfyUI's choice for the device."""
    return WEIGHT_DTYPES.get(weight_dtype) or management.unet_dtype(
        device, supported_dtypes=list(WEIGHT_DTYPES.values())
    )


def manage(model: revideo.ReVideo) -> revideo.ReVideo:
    """Lets ComfyUI decide when each network of a revideo.ReVideo is on the device, when it goes, and what attends."""
    from ..revideo.models.blocks import attend_by

    model.device = management.get_torch_device()
    for network in (model.unet, model.controlnet):
        attend_by(network, chosen_attention(model.device))
    patchers = patch_networks((model.unet, model.controlnet, model.vae, model.image_encoder), model.device)

    def place(*networks: torch.nn.Module) -> None:
        whole = [patchers[network] for network in networks if not model.layer_by_layer(network)]
        if whole:
            management.load_models_gpu(whole, memory_required=model.activation_bytes, force_full_load=True)
        else:  # which would make no room
            management.free_memory(model.activation_bytes + management.extra_reserved_memory(), model.device)

    lay_out = model.apply_plan

    def apply_plan(plan: Plan) -> None:
        if plan.layerwise_offload and not model.plan.layerwise_offload:
            for network in (model.unet, model.controlnet):
                patchers[network].detach()  # or ComfyUI would count them as loaded, and not load them later
        lay_out(plan)

    model.place, model.apply_plan = place, apply_plan  # type: ignore[method-assign]
    return model


class ReVideoLoadModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        names = checkpoint_names()
        return io.Schema(
            node_id="ReVideoLoadModel",
            display_name="Load ReVideo Model",
            category=CATEGORY,
            description="Loads a ReVideo checkpoint: Stable Video Diffusion with the ControlNet that follows "
            "drawn paths and keeps unedited areas. A small model to try things out is built in.",
            search_aliases=["revideo", "revideo checkpoint", "load revideo"],
            inputs=[
                io.Combo.Input(
                    "checkpoint",
                    options=[BUILT_IN, *names],
                    tooltip="A ReVideo checkpoint (.safetensors, .ckpt or a diffusers folder) in models/revideo or "
                    "models/checkpoints. A control file alone needs an SVD checkpoint below. The built-in model is "
                    "trained on a synthetic world of sprites and knows nothing else: it is for trying things out, "
                    "with Example Clip. Nothing else in the list? This node's help page says how to get the weights.",
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
                    options=["auto", *WEIGHT_DTYPES, EIGHT_BITS],
                    default="auto",
                    tooltip="Precision of weights and computation. auto lets ComfyUI choose for your device; "
                    "fp16 and bf16 halve the memory of fp32. fp8 stores UNet and ControlNet in half of that again, "
                    "computes as auto does, and makes the model coarser. Built-in model: path error and unedited PSNR "
                    "as before; not measured with others.",
                    advanced=True,
                ),
            ],
            outputs=[Model.Output("model", tooltip="To ReVideo Sampler and ReVideo Decode.")],
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
        from .. import revideo
        from ..revideo.pipeline.loading import check_fp8

        path = checkpoint_path(checkpoint)
        svd = None if svd_checkpoint == SAME_FILE else checkpoint_path(svd_checkpoint)
        device = management.get_torch_device()
        dtype: torch.dtype | Literal["auto"] = dtype_for(weight_dtype, device)
        asked_for = weight_dtype in WEIGHT_DTYPES or args.force_fp32 or args.fp32_unet
        if management.is_device_cpu(device) and dtype == torch.float32 and not asked_for:
            dtype = "auto"  # ComfyUI asks no processor whether it multiplies in bf16
        if weight_dtype == EIGHT_BITS:
            check_fp8(device)
        # Not mapped: a file written anew beneath a model that ComfyUI holds would change it, or end the process.
        fp8 = weight_dtype == EIGHT_BITS
        model = revideo.load(path, dtype=dtype, device="cpu", svd=svd, fp8=fp8, mapped=False)
        # ComfyUI's choice for autoencoders: fp16 overflows in SVD's.
        model.vae.to(management.vae_dtype(device, [torch.bfloat16, torch.float32]))
        return io.NodeOutput(manage(model))


def plan_memory(model: revideo.ReVideo, size: tuple[int, int], options: revideo.SamplerOptions) -> str:
    """Lays out the model's work at this height and width, and says how; "" where nothing is to be planned.

    That is on a CPU, and with DirectML, of whose memory ComfyUI knows nothing and says 1 GiB.
    """
    if management.is_device_cpu(model.device) or model.device.type == "privateuseone":
        return ""
    from ..revideo.pipeline.memory_fit import fit_memory

    models = [loaded for loaded in management.current_loaded_models if loaded.device == model.device]
    freeable = sum(loaded.model_loaded_memory() for loaded in models)
    layout = fit_memory(model, size, options, management.get_free_memory(model.device) + freeable)
    logging.info("ReVideo: %s", layout)
    return layout
