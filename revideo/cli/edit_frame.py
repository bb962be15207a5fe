"""`revideo edit-frame`: one frame, a mask and a prompt → the edited frame that `revideo edit` begins from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import (
    DTYPES,
    add_command,
    add_size_options,
    chosen_dtype,
    progress,
    refusing,
    working_networks,
)

if TYPE_CHECKING:
    from torch import Tensor

RELEASED_MULTIPLE = 64  # pixels, of the sides of what the released model edits


def add_edit_frame(commands: Any) -> None:
    command = add_command(
        commands,
        "edit-frame",
        run_edit_frame,
        help="repaint a frame inside a mask after a prompt, by an image model: an edited frame for `revideo edit`",
        description="""\
Repaints one frame of a clip, or a picture, inside a mask, by Stable Diffusion 1, 2 or XL, best one made to inpaint.
With --controlnet, a depth ControlNet holds what is painted to the shape of what was there. Outside the mask the
picture that is written equals the frame, pixel for pixel.

Models are files of yours, in diffusers' form or as .safetensors; nothing is downloaded, and no pickle is read.

The picture has the clip's own size; with --size, --size-policy and --fit, given as to `revideo edit`, the size that
the clip is fitted to there. `revideo edit` takes both.""",
        epilog="""\
example: a red car in place of what the mask covers, at the depth of what was there

  revideo edit-frame clip.mp4 --mask mask.png --prompt "a red toy car on a road" --model sd15-inpainting \\
      --controlnet control-depth --depth-model depth-anything-small --size 576x320 -o edited.png""",
    )
    what = command.add_argument_group("what to edit")
    what.add_argument("video", metavar="VIDEO", type=Path, help="the clip, as `revideo edit` takes it, or one picture")
    mask = what.add_mutually_exclusive_group(required=True)
    mask.add_argument(
        "--mask",
        metavar="FILE",
        type=Path,
        help="the area to repaint, white on black or opaque on transparent, all of the frame too: a picture, or masks "
        "that run along with the clip",
    )
    mask.add_argument(
        "--document",
        metavar="JSON",
        type=Path,
        help="the area as drawn in the editor of the ComfyUI nodes, instead of --mask",
    )
    what.add_argument("--prompt", metavar="TEXT", required=True, help="what shall be there")
    what.add_argument("--negative-prompt", metavar="TEXT", default="", help="what shall not")
    what.add_argument("-o", "--output", metavar="PNG", type=Path, required=True, help="the picture to write")

    frames = command.add_argument_group("which frame, at which size: as for `revideo edit`")
    frames.add_argument("--start", metavar="N", type=int, default=0, help="the first frame of the edit (default: 0)")
    frames.add_argument("--stride", metavar="N", type=int, default=1, help="take every N-th frame (default: 1)")
    frames.add_argument(
        "--edited-index", metavar="K", type=int, default=0, help="which of these frames is edited (default: 0)"
    )
    frames.add_argument(
        "--frames",
        metavar="N",
        type=int,
        help="how many the edit will have, over which a document's moving areas are spread (default: as drawn)",
    )
    add_size_options(frames, "the clip's own size", "64, as the released model needs them")

    model = command.add_argument_group("the models")
    model.add_argument(
        "--model",
        metavar="PATH",
        type=Path,
        required=True,
        help="the image model: a folder as diffusers saves one, or one .safetensors file of Stable Diffusion 1 or 2",
    )
    model.add_argument(
        "--model-sizes",
        metavar="FOLDER",
        type=Path,
        help="if --model is one file: a diffusers folder of such a model, for its configs and tokenizer",
    )
    model.add_argument(
        "--controlnet", metavar="PATH", type=Path, help="a depth ControlNet for that model: a folder or a .safetensors"
    )
    model.add_argument(
        "--control-strength", metavar="X", type=float, default=1.0, help="how much it is heard, 0 to 2 (default: 1)"
    )
    depth = model.add_mutually_exclusive_group()
    depth.add_argument(
        "--depth-model", metavar="FOLDER", type=Path, help="what estimates the depth, as transformers saves it"
    )
    depth.add_argument(
        "--depth", metavar="PICTURE", type=Path, help="the depth as a picture of the frame's size, what is near bright"
    )
    model.add_argument("--dtype", choices=DTYPES, help="precision to compute in (default: on a CPU fp32, else fp16)")
    model.add_argument("--device", help="cpu, cuda, cuda:1, mps, … (default: the best there is)")

    sampling = command.add_argument_group("sampling")
    sampling.add_argument("--steps", metavar="N", type=int, default=30, help="sampling steps (default: 30)")
    sampling.add_argument("--seed", metavar="N", type=int, default=23, help="of the noise (default: 23)")
    sampling.add_argument(
        "--guidance", metavar="X", type=float, default=7.5, help="how closely to follow the prompt (default: 7.5)"
    )
    sampling.add_argument(
        "--strength",
        metavar="X",
        type=float,
        default=1.0,
        help="up to 1, all new; with less, some of what was there stays (default: 1)",
    )
    sampling.add_argument(
        "--feather",
        metavar="PX",
        type=float,
        default=4.0,
        help="width of the seam, all inside the area, in pixels of the picture (default: 4)",
    )


def run_edit_frame(arguments: argparse.Namespace) -> int:
    with refusing():
        from ..editing.edited_frame import FrameEditOptions, check_frame_edit, edit_frame
        from ..editing.image_models import check_inpainting, estimate_depth, load_inpainting
        from ..pictures.sheets import write_image
        from ..pipeline.devices import default_device
        from .inputs import check_device

        options = FrameEditOptions(
            arguments.prompt,
            arguments.negative_prompt,
            arguments.steps,
            arguments.guidance,
            arguments.strength,
            arguments.seed,
            arguments.control_strength,
            arguments.feather,
        )
        check_device(arguments.device)
        frame, mask, depth = _read_frame(arguments)
        estimated = arguments.depth_model is not None
        check_frame_edit(frame, mask, frame if estimated else depth, arguments.controlnet is not None)
        device = arguments.device or default_device()
        models = arguments.model, arguments.controlnet, arguments.model_sizes
        check_inpainting(*models)
    height, width = frame.shape[-2:]
    remedy = "a smaller --size or --dtype fp16"
    with working_networks(device, f"{width}×{height}", remedy), refusing(), progress() as callback:
        if estimated:
            depth = estimate_depth(arguments.depth_model, frame, device)
        pipeline = load_inpainting(*models, chosen_dtype(arguments), device)
        edited = edit_frame(pipeline, frame, mask, options, depth, callback)
    with refusing():
        write_image(arguments.output, edited)
    print(f"{arguments.output}: frame {arguments.edited_index} of {arguments.video}, {width}×{height}")
    return 0


def _read_frame(arguments: argparse.Namespace) -> tuple[Tensor, Tensor, Tensor | None]:
    """Frame (3, H, W), mask (H, W) bool, and the depth picture (3, H, W) where one was given; fitted, all of a size."""
    from ..edit import fit_like_clip
    from ..files import check_sources, check_target
    from ..video.fitting import fit_frames
    from ..video.io import read_image, read_video
    from ..video.masks import is_one_picture
    from ..video.pixels import as_mask
    from .drawn_edit import DocumentMasks, read_drawn
    from .inputs import FEATHER_MAX, model_size, read_mask

    clips = [arguments.video, arguments.mask]
    check_sources([arguments.document, arguments.depth], clips)
    check_target(arguments.output, (".png",), [*clips, arguments.document, arguments.depth])
    if not 0 <= arguments.feather <= FEATHER_MAX:
        raise ValueError(f"--feather must be 0 to {FEATHER_MAX} pixels, not {arguments.feather:g}")
    index = arguments.edited_index
    if index < 0 or (arguments.frames is not None and index >= arguments.frames):
        raise ValueError(f"--edited-index {index}: frames are numbered from 0, and --frames says how many there are")
    at = arguments.start + index * arguments.stride
    given = argparse.Namespace(**(vars(arguments) | {"start": at, "tracks": None, "tracks_size": None}))
    drawn = read_drawn(given)
    if is_one_picture(arguments.video):
        if index or arguments.start:
            raise ValueError(f"{arguments.video} is one picture: leave out --start and --edited-index")
        source = read_image(arguments.video)[None]
    else:
        source, _ = read_video(arguments.video, at, 1, 1)  # decoding none behind it
    source_size = source.shape[-2], source.shape[-1]
    size = model_size(arguments, source_size, RELEASED_MULTIPLE) if arguments.size else source_size
    if drawn.document is not None:
        frames = arguments.frames or max(drawn.document.frames, index + 1)
        mask = DocumentMasks(drawn.document, frames, source_size, size, arguments.fit).read(index, index + 1)
    else:
        mask = read_mask(given, drawn, arguments.video, 1, source_size, size)
    depth = None
    if arguments.depth:
        depth = fit_like_clip(read_image(arguments.depth)[None], "depth", source_size, size, arguments.fit)[0]
    return fit_frames(source, *size, arguments.fit)[0], as_mask(mask)[0, 0], depth
