"""Image models that edit one frame, as diffusers and transformers save them: local files alone, no code, no pickles."""

from __future__ import annotations

import inspect
import json
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checkpoints.file_formats import CheckpointError, read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack", ".h5")  # weights that are no safetensors
FAMILIES = ("StableDiffusion", "StableDiffusionInpaint", "StableDiffusionXL", "StableDiffusionXLInpaint")
LIBRARIES = ("diffusers", "transformers", "stable_diffusion", None)  # whose classes a model's index may name
OTHER_MODEL = "is a ControlNet for a model of other sizes: take the one that was made for it"
# What a depth model's numbers mean; others are not guessed: far and near changed over would be a wrong picture.
NEAR_IS_MORE = ("dpt",)
FAR_IS_MORE = ("glpn", "zoedepth", "depth_pro")  # metres
AS_STATED = ("depth_anything", "prompt_depth_anything")  # by `depth_estimation_type`


def load_inpainting(
    model: str | Path,
    controlnet: str | Path | None = None,
    sizes: str | Path | None = None,
    dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
) -> Any:
    """A diffusers pipeline that inpaints, with a ControlNet where one is named; nothing is ever downloaded.

    `model`: a folder as diffusers saves one (Stable Diffusion 1, 2 or XL, best made to inpaint), or a Stable
    Diffusion 1.x or 2.x checkpoint in one .safetensors file; a file holds no tokenizer, so `sizes` names a diffusers
    folder of such a model then, of which the configs and the tokenizer are read. `controlnet`: a folder, or one
    .safetensors file. `dtype` None: fp32 on a CPU, else fp16. Raises CheckpointError in one sentence for what is
    missing, a pickle, code, or another kind of model.
    """
    check_inpainting(model, controlnet, sizes)
    model, device = Path(model), torch.device(device)
    dtype = dtype or (torch.float32 if device.type == "cpu" else torch.float16)
    options: dict[str, Any] = {"torch_dtype": dtype, "local_files_only": True}
    from diffusers import AutoPipelineForInpainting, StableDiffusionInpaintPipeline

    with _loading(model):
        if not model.is_dir():
            pipeline = StableDiffusionInpaintPipeline.from_single_file(
                str(model), config=str(sizes), safety_checker=None, **options
            )
        else:
            pipeline = AutoPipelineForInpainting.from_pretrained(str(model), use_safetensors=True, **options)
    if controlnet is not None:
        with _loading(Path(controlnet)):
            network = _load_controlnet(Path(controlnet), pipeline.unet, options)
            pipeline = AutoPipelineForInpainting.from_pipe(pipeline, controlnet=network)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device=device, dtype=dtype)


def check_inpainting(model: str | Path, controlnet: str | Path | None = None, sizes: str | Path | None = None) -> None:
    """Raises CheckpointError where `load_inpainting` cannot load these, as far as names and indices say."""
    model = Path(model)
    if model.is_dir():
        _check_pipeline_folder(model)
    else:
        _check_single_file(model)
        if sizes is None:
            raise CheckpointError(
                f"{model.name} is one file, which holds no tokenizer: name a folder of such a model as diffusers saves "
                f"one, too (its configs and tokenizer are read, its weights need not be there)"
            )
        _check_pipeline_folder(Path(sizes), with_weights=False)
    if controlnet is not None:
        _check_controlnet(Path(controlnet))


def estimate_depth(folder: str | Path, frame: Tensor, device: str | torch.device = "cpu") -> Tensor:
    """A frame (3, H, W) in [0, 1] → its depth as a picture (3, H, W) in [0, 1], what is near bright.

    `folder`: as of `load_depth_model`.
    """
    depth = load_depth_model(folder, device)(frame)
    low, high = torch.aminmax(depth)
    if not torch.isfinite(low + high) or low == high:
        raise CheckpointError(
            f"{folder} sees no depth in the frame: all of it is {low:g}; give a depth picture instead"
        )
    return ((depth - low) / (high - low)).expand(3, -1, -1)


def load_depth_model(
    folder: str | Path, device: str | torch.device = "cpu"
) -> Callable[[Tensor], Tensor]:  # a frame (3, H, W) in [0, 1] → (1, H, W), near large
    """A depth model as transformers saves one, run in fp32. Raises CheckpointError as `load_inpainting`."""
    folder = Path(folder)
    kind = _read_index(folder, "config.json", "depth model as transformers saves one").get("model_type")
    if kind not in (*NEAR_IS_MORE, *FAR_IS_MORE, *AS_STATED):
        known = ", ".join((*NEAR_IS_MORE, *AS_STATED, *FAR_IS_MORE))
        raise CheckpointError(f'{folder} holds a model of type "{kind}"; depth is estimated by {known}')
    _check_no_code(folder)
    _check_weights(folder)
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    with _loading(folder):
        processor = AutoImageProcessor.from_pretrained(str(folder), local_files_only=True)
        network = AutoModelForDepthEstimation.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True
        ).to(device=device, dtype=torch.float32)
    network.eval()
    in_metres = kind in FAR_IS_MORE or getattr(network.config, "depth_estimation_type", "relative") == "metric"

    @torch.inference_mode()
    def estimate(frame: Tensor) -> Tensor:
        inputs = processor(images=frame.permute(1, 2, 0).numpy(), do_rescale=False, return_tensors="pt").to(device)
        depth = network(**inputs).predicted_depth.float().cpu()
        if in_metres:
            depth = 1 / depth.clamp(min=1e-3)
        return F.interpolate(depth[None], frame.shape[-2:], mode="bicubic")[0]

    return estimate


def _load_controlnet(path: Path, unet: Any, options: dict[str, Any]) -> Any:
    from diffusers import ControlNetModel

    if path.is_dir():
        network = ControlNetModel.from_pretrained(str(path), use_safetensors=True, **options)
        if any(network.config[name] != unet.config[name] for name in ("block_out_channels", "cross_attention_dim")):
            raise CheckpointError(f"{path} {OTHER_MODEL}")
        return network
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

    weights, _ = read_tensors(path)
    # A file states no sizes: they are those of the UNet that it was copied from, but for what goes in.
    known = set(inspect.signature(ControlNetModel.__init__).parameters)
    sizes = {name: value for name, value in unet.config.items() if name in known and not name.startswith("_")}
    sizes["in_channels"] = 4  # of latents; an inpainting UNet has mask and known picture beside them
    network = ControlNetModel.from_config(sizes)
    try:
        network.load_state_dict(convert_controlnet_checkpoint(weights, network.config))
    except (RuntimeError, KeyError):
        raise CheckpointError(f"{path} {OTHER_MODEL}") from None
    return network.to(options["torch_dtype"])


# --- What may be read ------------------------------------------------------------------------------


def _check_pipeline_folder(folder: Path, with_weights: bool = True) -> None:
    index = _read_index(folder, "model_index.json", "model as diffusers saves one")
    _check_no_code(folder)
    kind = index.get("_class_name")
    if not isinstance(kind, str):
        raise CheckpointError(f"{folder} names a pipeline of its own code, which is not run: use another model")
    if kind.removesuffix("Pipeline") not in FAMILIES:
        raise CheckpointError(
            f"{folder} is a {kind}: frames are edited by Stable Diffusion 1, 2 or XL, also made to inpaint"
        )
    for part, classes in index.items():
        if part.startswith("_") or not isinstance(classes, list):
            continue
        if not classes or classes[0] not in LIBRARIES:
            raise CheckpointError(
                f"{folder} takes its {part} from code of its own, which is not run: use another model"
            )
        if classes[0] is None or (not with_weights and part == "safety_checker"):
            continue
        if not (folder / part).is_dir():
            raise CheckpointError(f"{folder} lacks its part {part}: download the whole folder")
        if with_weights:
            _check_weights(folder / part, may_have_none=True)


def _check_weights(folder: Path, may_have_none: bool = False) -> None:
    pickles = [file.name for file in folder.iterdir() if file.suffix in PICKLES]
    if any(folder.glob("*.safetensors")) or (may_have_none and not pickles):
        return
    if pickles:
        raise CheckpointError(
            f"{folder} has its weights in {pickles[0]} alone, a form that may hold code and is not read: get those in "
            f".safetensors"
        )
    raise CheckpointError(f"{folder} has no weights in .safetensors")


def _check_no_code(folder: Path) -> None:
    code = next(folder.rglob("*.py"), None)
    if code:
        raise CheckpointError(f"{folder} brings code ({code.relative_to(folder)}), which is not run: use another model")


def _check_single_file(path: Path) -> None:
    if path.suffix.lower() in PICKLES:
        raise CheckpointError(f"{path} may hold code and is not read: get this model as .safetensors, or as a folder")
    names = read_tensors(path)[0].keys() if path.exists() else ()
    if not names:
        raise CheckpointError(f"there is no model {path}: nothing is downloaded here; name a folder or a .safetensors")
    if not any(name.startswith("cond_stage_model.") for name in names):
        raise CheckpointError(
            f"{path.name} is no Stable Diffusion 1.x or 2.x checkpoint with its text encoder: name the folder that "
            f"diffusers saves instead"
        )


def _check_controlnet(path: Path) -> None:
    if path.is_dir():
        kind = _read_index(path, "config.json", "ControlNet as diffusers saves one").get("_class_name")
        if kind != "ControlNetModel":
            raise CheckpointError(f"{path} holds a {kind}, not a ControlNetModel")
        _check_weights(path)
        return
    if path.suffix.lower() in PICKLES:
        raise CheckpointError(f"{path} may hold code and is not read: get this ControlNet as .safetensors")
    if not path.exists():
        raise CheckpointError(f"there is no ControlNet {path}: nothing is downloaded here; name a folder or a file")
    if not any("zero_convs" in name or "controlnet_cond" in name for name in read_tensors(path)[0]):
        raise CheckpointError(f"{path.name} is no ControlNet of Stable Diffusion")


def _read_index(folder: Path, name: str, what: str) -> dict[str, Any]:
    if not folder.exists():
        raise CheckpointError(f"there is no folder {folder}: nothing is downloaded here; name a {what}")
    try:
        index = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError):
        raise CheckpointError(f"{folder} is no {what}: it has no {name} that can be read") from None
    if not isinstance(index, dict):
        raise CheckpointError(f"{folder} is no {what}: its {name} is no table")
    return index


@contextmanager
def _loading(path: Path) -> Iterator[None]:
    """Around diffusers' and transformers' loaders, whose errors take pages."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`torch_dtype`", FutureWarning)  # older diffusers know no other word
            yield
    except CheckpointError:
        raise
    except (ValueError, OSError, KeyError, AttributeError, TypeError, RuntimeError, ImportError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise CheckpointError(f"{path} cannot be loaded: {first.strip()}") from error
