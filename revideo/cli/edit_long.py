"""`revideo edit --long`: videos of any length."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .common import (
    LoadModel,
    chosen_model,
    print_left_out,
    print_memory_plan,
    progress,
    refusing,
    resumable,
    working_networks,
)

if TYPE_CHECKING:
    from ..edit import Edit
    from ..editing.crop import Crop
    from ..editing.handover import HandoverOptions
    from ..models.config import ModelConfig
    from ..sampling.samplers import SamplerOptions
    from ..video.file import VideoFile

# Options, their fields of HandoverOptions, and what they say.
HANDOVER_CHOICES = {
    "source-pixels": ("source_pixels", "a window's first frame has the source's pixels where it is unedited"),
    "carried-latent": ("latent_handover", "what is edited goes on as latents, not decoded and encoded again"),
    "first-embedding": ("first_embedding", "the image embedding stays that of the edited first frame"),
    "hold-colours": ("colour_correction", "colours of the area follow those of the ring around it"),
    "steered-paths": ("path_correction", "what drifted from its path is found, and led back"),
    "restored-things": ("appearance_correction", "what paths move looks in each window's first frame as in the edited"),
}


@dataclass(frozen=True)
class LongInputs:
    """A long edit that can run."""

    source: VideoFile
    edit: Edit
    crop: Crop | None
    size: tuple[int, int]  # height and width that the model works at
    options: SamplerOptions
    handover: HandoverOptions
    config: ModelConfig
    windows: Path  # the folder of finished windows


def add_long_options(edit: argparse.ArgumentParser) -> None:
    long = edit.add_argument_group(
        "long videos",
        "With --long all frames are edited (or --frames of them), window after window; the result has the clip's own "
        "size, rate and sound. An interrupted run goes on with the same command.",
    )
    long.add_argument("--long", action="store_true", help="edit a video of any length")
    long.add_argument(
        "--windows",
        metavar="FOLDER",
        type=Path,
        help="where finished windows are kept until the video is whole (default: OUTPUT.windows)",
    )
    long.add_argument("--keep-windows", action="store_true", help="leave them there: a changed end is then quick")
    long.add_argument(
        "--overlap",
        metavar="N",
        type=int,
        help="frames that neighbouring windows share; more hold together better and cost more (default: 4)",
    )
    for name, (field, text) in HANDOVER_CHOICES.items():
        long.add_argument(f"--{name}", dest=field, action=argparse.BooleanOptionalAction, help=f"{text} (default: yes)")


def read_long_inputs(arguments: argparse.Namespace) -> LongInputs:
    """Reads and checks all that was given but the weights; ValueError or OSError names the culprit."""
    from ..edit import Edit
    from ..editing.handover import HandoverOptions
    from ..editing.windows import plan_windows
    from ..files import check_folder
    from ..video.file import VideoFile, check_like
    from .inputs import (
        check_options,
        crop_mode,
        crop_size,
        edited_indices,
        model_size,
        open_mask,
        read_cropped,
        read_edited_frames,
        read_trajectories,
    )

    checked = check_options(arguments)
    if arguments.preview:
        raise ValueError("--preview shows one window: leave out --long to look at the first")
    if arguments.match != "none":
        raise ValueError("--match works on one window: leave out --long, or --match")
    if arguments.fusion:
        raise ValueError("--fusion shows one run: leave out --long to draw it")
    fields = ["overlap", *(field for field, _ in HANDOVER_CHOICES.values())]
    values = {field: getattr(arguments, field) for field in fields if getattr(arguments, field) is not None}
    handover, window = HandoverOptions(**values), checked.config.unet.num_frames
    windows = arguments.windows or arguments.output.with_name(arguments.output.name + ".windows")
    check_folder(windows)

    source = VideoFile(arguments.video, arguments.start, arguments.stride, arguments.frames, held=window)
    plan_windows(len(source), window, handover.overlap)
    edited_indices(arguments, len(source))
    index = arguments.edited_index
    unedited = source.read(index, index + 1)

    def read_edit(size: tuple[int, int]) -> Edit:
        picture, keyframes = read_edited_frames(arguments, unedited, source.size, size)
        trajectories = read_trajectories(arguments, checked.drawn, len(source), source.size, size)
        mask = None if arguments.whole_frame else open_mask(arguments, checked.drawn, source, size)
        edit = Edit(picture, trajectories, mask, index, keyframes, arguments.whole_frame)
        edit.check(len(source), *size)
        return edit

    multiple = checked.config.size_multiple
    size, mode = model_size(arguments, source.size, multiple), crop_mode(arguments, source.size)
    edit, crop = read_cropped(read_edit, mode, source.size, len(source), multiple)
    if edit is None:
        edit = read_edit(size)
    if crop is not None:
        size = crop_size(arguments, crop, multiple)
    check_like(arguments.output, source)
    options = replace(checked.options, latent_lock=arguments.latent_lock is not False)
    return LongInputs(source, edit, crop, size, options, handover, checked.config, windows)


def run_long(arguments: argparse.Namespace, load: LoadModel = chosen_model) -> int:
    with refusing():
        inputs = read_long_inputs(arguments)

        from ..editing.window_cache import WindowCache
        from ..video.colours import even_sides

        model = load(arguments, inputs.config)

    print_memory_plan(model, inputs.size, inputs.options, arguments.memory)
    cache = WindowCache(inputs.windows)
    size = f"{inputs.size[1]}×{inputs.size[0]}"
    with (
        resumable(inputs.windows, "windows"),
        refusing(),
        working_networks(model.device, size),
        progress() as callback,
    ):
        model.edit(
            inputs.source,
            inputs.edit,
            inputs.options,
            callback,
            output=arguments.output,
            size=inputs.size,
            crop=inputs.crop or "off",
            fit=arguments.fit,
            composite=not arguments.no_keep,
            feather_px=arguments.feather,
            handover=inputs.handover,
            cache=cache,
        )
    if not arguments.keep_windows:
        cache.clear()
    height, width = even_sides(*inputs.source.size)
    rate = f"{float(inputs.source.rate):g} frames per second"
    print(f"{arguments.output}: {len(inputs.source)} frames of {width}×{height} at {rate}, edited at {size}")
    print_left_out(inputs.source)
    return 0
