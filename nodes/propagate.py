"""ReVideoLoadPropagator and ReVideoPropagate: one edited frame given to a whole video, along its depth (MagicProp)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfy.model_management as management
import folder_paths
import torch
from comfy_api.latest import InputImpl, io
from torch import Tensor

from .model import (
    BUILT_IN,
    FOLDER,
    WEIGHT_DTYPES,
    checkpoint_names,
    dtype_for,
    listed_path,
    patch_networks,
    write_times,
)
from .sampling import progress_callback
from .sockets import CATEGORY, Propagator, checked, edited_picture, frames_from_image, mask_from_comfy
from .whole_video import edit_whole, open_stream, windows_folder

if TYPE_CHECKING:
    from comfy_api.input import VideoInput

    from .. import revideo
    from ..revideo.propagation import propagator as propagation
    from ..revideo.video.fitting import Fit

_CONFIG = "propagator_config.json"  # in its folder, as revideo.checkpoints.propagator writes it
DECODER_BYTES = 2178  # a pixel, of numbers of one byte: what ComfyUI reckons for this autoencoder's decoder


def propagator_names() -> list[str]:
    """Files of both folders, and folders inside models/revideo that are propagators."""
    names = checkpoint_names()
    for root in map(Path, folder_paths.get_folder_paths(FOLDER)):
        names += [file.parent.name for file in root.glob(f"*/{_CONFIG}")]
    return list(dict.fromkeys(names))


def propagator_path(name: str) -> Path:
    """The file or folder behind a name of the list; ValueError for any other name."""
    if name == BUILT_IN:
        from ..revideo.checkpoints import builtin

        return builtin.TINY_PROPAGATOR_FILE
    if name not in propagator_names():
        raise ValueError(_missing_message(name))
    return listed_path(name)


def _missing_message(name: str) -> str:
    return (
        f"there is no propagator {name} in models/{FOLDER} or models/checkpoints: put one there that you trained "
        f"(docs/propagation.md) and press R, which reads the list anew, or choose {BUILT_IN}"
    )


class Placement:
    """Lets ComfyUI decide when each network of a propagator is on the device and when it goes."""

    def __init__(self, networks: list[torch.nn.Module], device: torch.device) -> None:
        self.patchers = patch_networks(networks, device)
        self.activation_bytes = 0.0  # beside the weights, at the size worked at

    def __call__(self, *networks: torch.nn.Module) -> None:
        patchers = [self.patchers[network] for network in networks]
        management.load_models_gpu(patchers, memory_required=self.activation_bytes, force_full_load=True)


class ReVideoLoadPropagator(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoLoadPropagator",
            display_name="Load Propagator (ReVideo)",
            category=CATEGORY,
            description="Loads a propagator: an image model that paints every frame of a video as one edited frame "
            "is (MagicProp). A small one to try things out is built in.",
            search_aliases=["magicprop", "propdpm", "load propagator", "restyle video"],
            inputs=[
                io.Combo.Input(
                    "propagator",
                    options=[BUILT_IN, *propagator_names()],
                    tooltip="A propagator (.safetensors, or its folder) in models/revideo or models/checkpoints, as "
                    "the library's training writes it. The built-in one is trained on a synthetic world of sprites "
                    "and knows nothing else: it is for trying things out, with the example restyled of Example Clip.",
                ),
                io.Combo.Input(
                    "weight_dtype",
                    options=["auto", *WEIGHT_DTYPES],
                    default="auto",
                    tooltip="Precision of weights and computation. auto lets ComfyUI choose for your device; fp16 and "
                    "bf16 halve the memory of fp32.",
                    advanced=True,
                ),
            ],
            outputs=[Propagator.Output("propagator", tooltip="To Propagate Edited Frame.")],
        )

    @classmethod
    def validate_inputs(cls, propagator: str = BUILT_IN) -> bool | str:
        return propagator in (BUILT_IN, None) or propagator in propagator_names() or _missing_message(propagator)

    @classmethod
    def fingerprint_inputs(cls, propagator: str, weight_dtype: str) -> list[float]:
        """Loads again when a file was replaced under the same name."""
        return write_times(propagator_path(propagator))

    @classmethod
    @checked
    def execute(cls, propagator: str, weight_dtype: str) -> io.NodeOutput:
        from ..revideo.propagation.propagator import load_propagator

        device = management.get_torch_device()
        # Not mapped: a file written anew beneath a model that ComfyUI holds would change it, or end the process.
        loaded = load_propagator(
            propagator_path(propagator), dtype_for(weight_dtype, device), torch.device("cpu"), mapped=False
        )
        # ComfyUI's choice for autoencoders, which overflow in fp16.
        loaded.parts["vae"].to(management.vae_dtype(device, [torch.bfloat16, torch.float32]))
        loaded.device, loaded.place = device, Placement([*loaded.parts.values()], device)
        # An interrupt ends the step, not only the frame, of which the library tells.
        loaded.parts["unet"].register_forward_pre_hook(_stop_if_asked)
        return io.NodeOutput(loaded)


def _stop_if_asked(*_: Any) -> None:
    management.throw_exception_if_processing_interrupted()


class ReVideoPropagate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        video = io.MatchType.Template("video", [io.Image, io.Video])  # type: ignore[list-item]  # of classes
        return io.Schema(
            node_id="ReVideoPropagate",
            display_name="Propagate Edited Frame (ReVideo)",
            category=CATEGORY,
            description="Paints all frames of a video as one edited frame is, onwards and backwards from it, along "
            "the video's depth: another style, other colours, other things of the same shape. What is finished is "
            "kept: an interrupted run goes on where it was.",
            search_aliases=["magicprop", "restyle video", "propagate edit", "style transfer video", "video to video"],
            inputs=[
                Propagator.Input("propagator", tooltip="From Load Propagator."),
                io.MatchType.Input(
                    "video",
                    template=video,
                    tooltip="All frames: a VIDEO of any size and length, read and written as it goes, with its sound; "
                    "or images.",
                ),
                io.Image.Input(
                    "edited_frame",
                    tooltip="One frame of the video (the first, or edited_index) after your edit. Of the video's size; "
                    "or of the size that the propagator shall work at, whose sides are multiples of 8.",
                ),
                io.MultiType.Input(
                    "depth",
                    [io.Image, io.Mask, io.Video],
                    tooltip="A depth map for each frame, what is near bright, of the video's shape: from ComfyUI's "
                    "Depth Anything 3 nodes or any other depth node.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="White where the video may change: one mask for all frames, or one for each. Elsewhere "
                    "every pixel stays the source's. Without it, all frames are painted whole.",
                ),
                io.Int.Input(
                    "edited_index",
                    default=0,
                    min=0,
                    max=10**6,
                    tooltip="Which of the frames you edited, counted from 0: the others are painted onwards and "
                    "backwards from it.",
                ),
                io.Int.Input(
                    "seed",
                    default=23,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The noise to start from. The same seed gives the same result.",
                ),
                io.Int.Input("steps", default=20, min=1, max=1000, tooltip="Sampling steps of each frame."),
                io.Int.Input(
                    "feather",
                    default=12,
                    min=0,
                    max=512,
                    tooltip="Pixels over which the mask's seam is blended, all inside the mask: outside, every pixel "
                    "stays the source's.",
                ),
                io.Boolean.Input(
                    "inverted_depth",
                    default=False,
                    tooltip="On for depth maps in which what is near is dark.",
                ),
                io.Combo.Input(
                    "fit",
                    options=["stretch", "crop", "pad"],
                    default="stretch",
                    tooltip="How a video of another shape meets the edited frame's: as Prepare Video was set.",
                ),
                io.Combo.Input(
                    "finished_frames",
                    options=["remove when done", "keep"],
                    default="remove when done",
                    tooltip="Frames lie in output/revideo_windows until the video is whole. keep: a run after a "
                    "change paints only the frames that see it.",
                ),
            ],
            outputs=[
                io.MatchType.Output(
                    template=video,
                    id="restyled",
                    display_name="restyled",
                    tooltip="The whole painted video: a VIDEO with its sound, or images, as came in.",
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @checked
    def execute(
        cls,
        propagator: propagation.Propagator,
        video: Tensor | VideoInput,
        edited_frame: Tensor,
        depth: Tensor | VideoInput,
        edited_index: int,
        seed: int,
        steps: int,
        feather: int,
        inverted_depth: bool,
        fit: Fit,
        finished_frames: str,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        from ..revideo import WindowCache
        from ..revideo.propagation.propagator import PropagationOptions

        picture = edited_picture(edited_frame, edited_index)
        cache = WindowCache(windows_folder(cls.hidden.unique_id, picture))
        multiple, (height, width) = propagator.config.size_multiple, picture.shape[-2:]
        whole = height % multiple == 0 and width % multiple == 0
        assert isinstance(propagator.place, Placement)
        number_bytes = propagator.parts["vae"].dtype.itemsize
        propagator.place.activation_bytes = DECODER_BYTES * height * width * number_bytes

        def edit(source: Tensor | revideo.VideoFile, output: Path | None) -> Tensor:
            with open_maps(depth) as maps:
                return propagator.propagate(
                    source,
                    picture,
                    maps,
                    PropagationOptions(steps, seed),
                    progress_callback(propagator),
                    edited_index=edited_index,
                    mask=None if mask is None else mask_from_comfy(mask),
                    inverted_depth=inverted_depth,
                    output=output,
                    size=(height, width) if whole else None,
                    fit=fit,
                    feather_px=feather,
                    cache=cache,
                ).frames

        result = edit_whole(video, edit, "ReVideoPropagate")
        if finished_frames != "keep":
            cache.clear()
        return io.NodeOutput(result)


def open_maps(depth: Tensor | VideoInput) -> AbstractContextManager[Tensor | revideo.VideoFile]:
    """Of a file as they are needed, else (T, 1 or 3, H, W)."""
    if isinstance(depth, InputImpl.VideoFromFile):
        return open_stream(depth)
    if not isinstance(depth, torch.Tensor):
        depth = depth.get_components().images
    return nullcontext(frames_from_image(depth) if depth.ndim == 4 else mask_from_comfy(depth))
