"""`revideo propagate`: a clip, one edited frame and its depth → the clip restyled."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...checkpoints import builtin
from ..common import (
    DTYPES,
    add_command,
    add_size_options,
    chosen_dtype,
    print_left_out,
    progress,
    refusing,
    resumable,
    working_networks,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ...edit import MaskReader
    from ...models.propagator_config import PropagatorConfig
    from ...propagation.depth import Disparity
    from ...propagation.propagator import PropagationOptions
    from ...video.file import VideoFile


@dataclass(frozen=True)
class PropagationInputs:
    """A propagation that can run."""

    source: VideoFile
    edited_frame: Tensor
    depth: VideoFile | Disparity
    mask: Tensor | MaskReader | None
    size: tuple[int, int]  # height and width that the model works at
    options: PropagationOptions
    frames: Path  # the folder of finished frames


def add_propagate(commands: Any) -> None:
    propagate = add_command(
        commands,
        "propagate",
        run_propagate,
        help="restyle a clip after one edited frame",
        description="""\
Gives all frames of a clip the looks of one edited frame, one frame after the other, onwards and backwards from
it (MagicProp). The clip's motion is kept by its depth. For another style, season, material or background of the
whole frame, or of an area (--mask); where things shall move otherwise, use `revideo edit`.

Depth comes from maps that run along with the clip (--depth), or from a depth model on this disk (--depth-model):
a folder as transformers saves one (Depth Anything, MiDaS), or a TorchScript file.

Frames are kept as they are painted: a run that was interrupted goes on with the same command. Everything is
checked before the model is loaded.""",
        epilog="""\
example:

  revideo propagate clip.mp4 --model propagator.safetensors --edited-frame frame0.png \\
      --depth-model depth-anything-small -o restyled.mp4

Nobody has released a propagator: docs/propagation.md tells how to train one from Stable Diffusion 1.5. "tiny" is
the small one that is built in: it knows nothing but a synthetic world of sprites.""",
    )
    what = propagate.add_argument_group("what to restyle")
    what.add_argument("video", metavar="VIDEO", type=Path, help="the clip: a video, a folder of pictures, f_%%04d.png")
    what.add_argument(
        "--edited-frame", metavar="PICTURE", type=Path, required=True, help="one of its frames, changed in any program"
    )
    what.add_argument(
        "--edited-index", metavar="K", type=int, default=0, help="which one, counted from 0 at --start (default: 0)"
    )
    what.add_argument(
        "--mask",
        metavar="FILE",
        type=Path,
        help="the area that may change, white on black or opaque on transparent: one picture, or masks that run along "
        "with the clip; everywhere else the clip's pixels stay (default: all of the frame changes)",
    )
    depth = what.add_mutually_exclusive_group(required=True)
    depth.add_argument(
        "--depth",
        metavar="FILE",
        type=Path,
        help="depth that runs along with the clip, what is near bright: a video, a folder of pictures, d_%%04d.png",
    )
    depth.add_argument("--depth-model", metavar="PATH", type=Path, help="what estimates it: a folder, or a TorchScript")
    what.add_argument("--invert-depth", action="store_true", help="in --depth what is far is bright")
    what.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the video to write, H.264")

    frames = propagate.add_argument_group("which frames, at which size")
    frames.add_argument("--start", metavar="N", type=int, default=0, help="the first frame (default: 0)")
    frames.add_argument("--stride", metavar="N", type=int, default=1, help="take every N-th frame (default: 1)")
    frames.add_argument("--frames", metavar="N", type=int, help="how many (default: all there are)")
    add_size_options(frames, "512x512 pixels in all, in the clip's shape", "8")

    model = propagate.add_argument_group("the model")
    model.add_argument(
        "--model", metavar="PATH", required=True, help='a propagator: a folder or a .safetensors file, or "tiny"'
    )
    model.add_argument("--dtype", choices=DTYPES, help="precision to compute in (default: the file's, on a CPU fp32)")
    model.add_argument("--device", help="cpu, cuda, cuda:1, mps, … (default: the best there is)")

    sampling = propagate.add_argument_group("sampling")
    sampling.add_argument("--steps", metavar="N", type=int, default=20, help="of each frame (default: 20)")
    sampling.add_argument("--seed", metavar="N", type=int, default=23, help="of the noise (default: 23)")
    sampling.add_argument(
        "--feather",
        metavar="PX",
        type=float,
        default=12.0,
        help="width of the seam of --mask, all inside the area, in pixels of the fitted frames (default: 12)",
    )
    sampling.add_argument(
        "--finished-frames",
        metavar="FOLDER",
        type=Path,
        help="where frames are kept until the video is whole (default: OUTPUT.frames)",
    )
    sampling.add_argument("--keep-frames", action="store_true", help="leave them there: a changed end is then quick")


def run_propagate(arguments: argparse.Namespace) -> int:
    with refusing():
        inputs = read_propagation_inputs(arguments)

        from ...editing.window_cache import WindowCache
        from ...propagation.propagator import load_propagator
        from ...video.colours import even_sides

        print(f"loading {Path(arguments.model).name}", file=sys.stderr)
        model = load_propagator(arguments.model, chosen_dtype(arguments), arguments.device)

    cache = WindowCache(inputs.frames)
    size = f"{inputs.size[1]}×{inputs.size[0]}"
    remedy = "a smaller --size or --dtype fp16"
    with (
        resumable(inputs.frames, "frames"),
        refusing(),
        working_networks(model.device, size, remedy),
        progress() as callback,
    ):
        model.propagate(
            inputs.source,
            inputs.edited_frame,
            inputs.depth,
            inputs.options,
            callback,
            edited_index=arguments.edited_index,
            mask=inputs.mask,
            inverted_depth=arguments.invert_depth,
            output=arguments.output,
            size=inputs.size,
            fit=arguments.fit,
            feather_px=arguments.feather,
            cache=cache,
        )
    if not arguments.keep_frames:
        cache.clear()
    height, width = even_sides(*inputs.source.size)
    rate = f"{float(inputs.source.rate):g} frames per second"
    print(f"{arguments.output}: {len(inputs.source)} frames of {width}×{height} at {rate}, painted at {size}")
    print_left_out(inputs.source)
    return 0


def read_propagation_inputs(arguments: argparse.Namespace) -> PropagationInputs:
    """Reads and checks all that was given but the weights; ValueError or OSError names the culprit."""
    from ...files import check_folder, check_sources, check_target
    from ...pipeline.devices import default_device
    from ...propagation.depth import GivenDepth, load_disparity
    from ...propagation.propagator import PropagationOptions
    from ...video.file import VideoFile, check_like
    from ...video.fitting import choose_size
    from ..drawn_edit import DrawnEdit
    from ..inputs import FEATHER_MAX, VIDEO_SUFFIXES, check_device, edited_indices, open_mask, read_edited_frame

    clips = [arguments.video, arguments.mask, arguments.depth]
    check_sources([arguments.edited_frame], clips)
    check_target(arguments.output, VIDEO_SUFFIXES, [*clips, arguments.edited_frame])
    if arguments.invert_depth and not arguments.depth:
        raise ValueError("--invert-depth is of --depth: a depth model says itself what is near")
    if not 0 <= arguments.feather <= FEATHER_MAX:
        raise ValueError(f"--feather must be 0 to {FEATHER_MAX} pixels, not {arguments.feather:g}")
    check_device(arguments.device)
    options = PropagationOptions(arguments.steps, arguments.seed)
    config = _stated_config(arguments.model)
    frames = arguments.finished_frames or arguments.output.with_name(arguments.output.name + ".frames")
    check_folder(frames)

    source = VideoFile(arguments.video, arguments.start, arguments.stride, arguments.frames)
    given = argparse.Namespace(**(vars(arguments) | {"keyframes": [], "document": None}))
    edited_indices(given, len(source))
    width, height = arguments.size or _home_size(arguments.model)
    size = choose_size(*source.size, arguments.size_policy, height, width, config.size_multiple)
    picture = read_edited_frame(arguments, arguments.edited_frame, arguments.video, source.size, size)
    mask = None
    if arguments.mask:
        mask = open_mask(given, DrawnEdit(None, None), source, size)
    check_like(arguments.output, source)
    depth: VideoFile | Disparity
    if arguments.depth:
        depth = VideoFile(arguments.depth, arguments.start, arguments.stride, arguments.frames)
        GivenDepth(depth, len(source), source.size, size, arguments.fit)  # says what does not fit
    else:
        depth = load_disparity(arguments.depth_model, arguments.device or default_device())
    return PropagationInputs(source, picture, depth, mask, size, options, frames)


def _stated_config(model: str) -> PropagatorConfig:
    from ...checkpoints.propagator import open_propagator

    return open_propagator(model)[1]


def _home_size(model: str) -> tuple[int, int]:
    """Width and height at which a propagator is at home: what it was trained at."""
    return (128, 128) if model == builtin.TINY else (512, 512)
