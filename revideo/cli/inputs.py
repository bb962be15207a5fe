"""The command line's `edit` arguments → what can run: read, fitted to the model, checked before any weight is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints.reading import read_config
from ..edit import Edit, MaskReader, check_video, fit_like_clip, fit_trajectories
from ..editing.crop import BEST_PIXELS, Crop, CropMode, plan_crop, working_size
from ..files import check_sources, check_target, read_text
from ..models.config import ModelConfig
from ..sampling.samplers import SamplerOptions, sampler_options
from ..tracks.trajectories import Trajectories
from ..video.file import VideoFile, check_like
from ..video.fitting import Fit, choose_size, fit_frames
from ..video.io import read_edited_picture, read_image
from ..video.masks import MaskFile, is_one_picture, read_masks
from ..video.pixels import as_mask
from ..video.stream import stored_size
from .common import check_models
from .drawn_edit import DocumentMasks, DrawnEdit, check_drawn_mask, document_size, read_drawn

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv")  # what holds H.264
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")  # what `write_image` writes
DEFAULT_SIZE = (1024, 1024)  # width, height: an area at which the released weights are at home
FEATHER_MAX = 10_000  # pixels, as in a drawing
MEMORY_MAX_GB = 1_000_000


@dataclass(frozen=True)
class EditInputs:
    """An edit of one window, which can run."""

    video: Tensor  # (T, 3, H, W), fitted; as it is where a crop is edited
    edit: Edit  # of that video
    crop: Crop | None
    size: tuple[int, int]  # height and width that the model works at
    source: VideoFile  # whose timing and sound the result has
    options: SamplerOptions
    config: ModelConfig

    def shown(self) -> tuple[Tensor, Edit]:
        """Clip and edit as the model sees them."""
        if self.crop is None:
            return self.video, self.edit
        clip = fit_frames(self.crop.cut(self.video, 0), *self.size)
        return clip, self.crop.of_edit(self.edit, self.size)


@dataclass(frozen=True)
class CheckedOptions:
    """What was given beside the clip, read and checked as far as it can be without it."""

    drawn: DrawnEdit
    options: SamplerOptions
    config: ModelConfig


def read_inputs(arguments: argparse.Namespace) -> EditInputs:
    """Reads and checks all that was given but the weights; ValueError or OSError names the culprit."""
    checked = check_options(arguments)
    index, config = arguments.edited_index, checked.config
    count = _check_window(arguments, config.unet.num_frames)
    with VideoFile(arguments.video, arguments.start, arguments.stride, count, held=count) as file:
        source = file.read(0, count)
    if arguments.output:
        check_like(arguments.output, file)
    source_size = file.size

    def read_edit(size: tuple[int, int]) -> Edit:
        picture, keyframes = read_edited_frames(arguments, source[index : index + 1], source_size, size)
        mask = None
        if not arguments.whole_frame:
            mask = read_mask(arguments, checked.drawn, arguments.video, count, source_size, size)
        trajectories = read_trajectories(arguments, checked.drawn, count, source_size, size)
        edit = Edit(picture, trajectories, mask, index, keyframes, arguments.whole_frame)
        edit.check(count, *size)
        return edit

    check_video(source)
    mode = crop_mode(arguments, source_size)
    size = drawn_size = model_size(arguments, source_size, config.size_multiple)
    edit, crop = read_cropped(read_edit, mode, source_size, count, config.size_multiple)
    if edit is None:
        edit = read_edit(size)
    if crop is not None:
        size, drawn_size = crop_size(arguments, crop, config.size_multiple), source_size
    video = fit_frames(source, *drawn_size, arguments.fit)
    return EditInputs(video, edit, crop, size, file, checked.options, config)


def model_size(arguments: argparse.Namespace, source_size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Height and width of the clip fitted to the model."""
    width, height = arguments.size or DEFAULT_SIZE
    return choose_size(*source_size, arguments.size_policy, height, width, multiple)


def read_cropped(
    read_edit: Callable[[tuple[int, int]], Edit],
    mode: CropMode,
    source_size: tuple[int, int],
    num_frames: int,
    multiple: int,
) -> tuple[Edit | None, Crop | None]:
    """The edit on the clip's own size and the part to edit; neither where all of the frame is to be."""
    if mode == "off":
        return None, None
    try:
        edit = read_edit(source_size)
        crop = plan_crop(edit, num_frames, multiple, mode)
    except ValueError:
        if mode == "auto":  # drawn on the fitted size; or wrong, which is said of that
            return None, None
        raise
    if crop is None:
        print("area and paths take most of the frame: all of it is edited", file=sys.stderr)
        return None, None
    return edit, crop


def crop_size(arguments: argparse.Namespace, crop: Crop, multiple: int) -> tuple[int, int]:
    """Height and width that the model sees a crop at."""
    return model_size(arguments, crop.size, multiple) if arguments.size else working_size(*crop.size, multiple)


def crop_mode(arguments: argparse.Namespace, source_size: tuple[int, int]) -> CropMode:
    """What --crop says, but "off" for "auto" where the clip is small, or a size was asked for or drawn on."""
    mode: CropMode = arguments.crop
    if mode == "auto":
        large = source_size[0] * source_size[1] > BEST_PIXELS
        if not large or arguments.size or arguments.size_policy != "area":
            return "off"
        if arguments.edited_frame:
            picture = _squared(read_image(arguments.edited_frame)[None], arguments.video, source_size, source_size)
            return mode if picture.shape[-2:] == source_size else "off"
    return mode


def edited_indices(arguments: argparse.Namespace, count: int) -> list[int]:
    """The numbers of the edited frames, rising; ValueError unless they are different ones of so many frames."""
    given = [("--keyframe", index) for index, _ in arguments.keyframes]
    indices = [index for _, index in given]
    if arguments.edited_frame or arguments.edited_index not in indices:
        given.append(("--edited-index", arguments.edited_index))
        indices.append(arguments.edited_index)
    for option, index in given:
        if not 0 <= index < count:
            raise ValueError(f"{option} {index}: these are {count} frames, numbered from 0 (--frames takes more)")
        if indices.count(index) > 1:
            raise ValueError(f"{option} {index}: frame {index} is given twice")
    return sorted(indices)


def _check_window(arguments: argparse.Namespace, window: int) -> int:
    """How many frames to edit; ValueError where more than the model's window are seen from one edited frame."""
    count = window if arguments.frames is None else arguments.frames
    indices = edited_indices(arguments, count)
    longest = max(later - earlier for earlier, later in pairwise([0, *indices, count - 1])) + 1
    if longest > window:
        lie = "follow an edited frame, up to the next or to an end"
        if indices == [0]:
            raise ValueError(f"--frames {count}: this model edits windows of {window} frames (--long edits more)")
        if len(indices) == 1:
            lie = f"lie to one side of --edited-index {indices[0]}, counted with it"
        raise ValueError(
            f"--frames {count}: {longest} of them {lie}; this model edits windows of {window} (--long edits more)"
        )
    return count


def check_options(arguments: argparse.Namespace) -> CheckedOptions:
    """All but clip, pictures and weights; ValueError or OSError names the culprit."""
    if not (arguments.mask or arguments.document or arguments.whole_frame):
        raise ValueError("what may change is not said: give --mask, --document or --whole-frame")
    if arguments.mask and arguments.whole_frame:
        raise ValueError("--whole-frame is everything: leave out --mask, or --whole-frame")
    clips = [arguments.video, arguments.mask]
    inputs = [arguments.edited_frame, arguments.tracks, arguments.document]
    inputs += [picture for _, picture in arguments.keyframes]
    models = [arguments.model, arguments.svd]
    check_sources([*inputs, arguments.config], clips)
    inputs += clips
    check_models(models)
    inputs += [arguments.config, *models]
    for file in filter(None, (arguments.output, arguments.preview)):
        check_target(file, VIDEO_SUFFIXES, inputs)
    if arguments.fusion:
        check_target(arguments.fusion, PICTURE_SUFFIXES, inputs)
    if arguments.output and arguments.output == arguments.preview:
        raise ValueError(f"--output and --preview are both {arguments.output}")
    if not 0 <= arguments.feather <= FEATHER_MAX:
        raise ValueError(f"--feather must be 0 to {FEATHER_MAX} pixels, not {arguments.feather:g}")
    if arguments.frames_per_chunk is not None and arguments.frames_per_chunk < 1:
        raise ValueError(f"--frames-per-chunk must be at least 1, not {arguments.frames_per_chunk}")
    if arguments.memory is not None and not 0 < arguments.memory <= MEMORY_MAX_GB:
        raise ValueError(f"--memory must be more than 0 GB and at most {MEMORY_MAX_GB}, not {arguments.memory:g}")
    drawn = read_drawn(arguments)
    if drawn.document is not None and not arguments.whole_frame:
        check_drawn_mask(drawn.document, arguments.document)
    check_device(arguments.device)

    values = {field.name: getattr(arguments, field.name, None) for field in fields(SamplerOptions)}
    overrides = {name: value for name, value in values.items() if value is not None}
    return CheckedOptions(drawn, sampler_options(arguments.preset, **overrides), chosen_config(arguments))


def read_trajectories(
    arguments: argparse.Namespace,
    drawn: DrawnEdit,
    num_frames: int,
    source_size: tuple[int, int],  # height, width
    size: tuple[int, int],  # height, width
) -> Trajectories:
    """What was drawn, on the fitted frames."""
    if drawn.document is not None:
        drawn_on = document_size(drawn.document, source_size, size, arguments.fit)
        trajectories = drawn.document.trajectories(num_frames, *drawn_on)
        return trajectories if drawn_on == size else fit_trajectories(trajectories, source_size, size, arguments.fit)
    tracks = drawn.tracks_over(num_frames)
    if tracks is None:
        return Trajectories.none(num_frames)
    timed = tracks.for_clip(num_frames, arguments.timing)
    width, height = arguments.tracks_size or tracks.drawn_on or source_size[::-1]
    if (height, width) == size:
        return timed
    return fit_trajectories(timed, source_size, size, arguments.fit, drawn_on=(height, width))


def read_mask(
    arguments: argparse.Namespace,
    drawn: DrawnEdit,
    clip: Path,
    num_frames: int,
    source_size: tuple[int, int],  # height, width
    size: tuple[int, int],  # height, width
) -> Tensor:
    """(1 or T, 1, H, W) on the fitted frames, from 0 to 1 or bool."""
    if drawn.document is not None:
        masks = DocumentMasks(drawn.document, num_frames, source_size, size, arguments.fit).read(0, num_frames)
        if not masks.any():
            other = ", or give --whole-frame" if hasattr(arguments, "whole_frame") else ""
            raise ValueError(f"no area of {arguments.document} lies in the frame: draw one that does{other}")
        return masks
    masks = read_masks(arguments.mask, arguments.start, arguments.stride, num_frames)
    return fit_like_clip(_squared(masks, clip, source_size, size), "mask", source_size, size, arguments.fit)


def read_edited_frames(
    arguments: argparse.Namespace, unedited: Tensor, source_size: tuple[int, int], size: tuple[int, int]
) -> tuple[Tensor, dict[int, Tensor]]:
    """The edited frame and the other ones by number, (3, H, W) each; `unedited` (1, 3, H, W) where none was given."""
    keyframes = {
        index: read_edited_frame(arguments, picture, arguments.video, source_size, size, f"edited frame {index}")
        for index, picture in arguments.keyframes
    }
    if arguments.edited_frame:
        name = f"edited frame {arguments.edited_index or ''}".strip()
        picture = read_edited_frame(arguments, arguments.edited_frame, arguments.video, source_size, size, name)
    elif arguments.edited_index in keyframes:
        picture = keyframes.pop(arguments.edited_index)
    else:
        picture = fit_frames(unedited, *size, arguments.fit)[0]
    return picture, keyframes


def read_edited_frame(
    arguments: argparse.Namespace,
    file: Path,
    clip: Path,
    source_size: tuple[int, int],
    size: tuple[int, int],
    name: str = "edited frame",
) -> Tensor:
    """(3, H, W), fitted as the clip is."""
    picture = _squared(read_edited_picture(file, name)[None], clip, source_size, size)
    return fit_like_clip(picture, name, source_size, size, arguments.fit)[0]


def _squared(frames: Tensor, clip: Path, source_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """What was made on a clip's frames as its file holds them, oblong pixels and all, in the size they are shown in."""
    found = frames.shape[-2], frames.shape[-1]
    if found in (source_size, size) or found != stored_size(clip):
        return frames
    return fit_frames(frames, *source_size, "stretch")


def open_mask(
    arguments: argparse.Namespace, drawn: DrawnEdit, source: VideoFile, size: tuple[int, int]
) -> Tensor | MaskReader:
    """As `read_mask`, for a video of any length: masks that differ from frame to frame are read as they are needed."""
    if drawn.document is not None:
        return DocumentMasks(drawn.document, len(source), source.size, size, arguments.fit)
    if is_one_picture(arguments.mask):
        return read_mask(arguments, drawn, arguments.video, len(source), source.size, size)
    file = MaskFile(arguments.mask, arguments.start, arguments.stride, len(source), held=source.held)
    return FileMasks(file, arguments.video, source.size, size, arguments.fit)


@dataclass(frozen=True)
class FileMasks:
    """Masks from a video that runs along with the clip."""

    file: MaskFile
    clip: Path
    source_size: tuple[int, int]
    size: tuple[int, int]
    fit: Fit

    def read(self, start: int, stop: int) -> Tensor:
        masks = _squared(self.file.read(start, stop), self.clip, self.source_size, self.size)
        return as_mask(fit_like_clip(masks, "mask", self.source_size, self.size, self.fit))


def chosen_config(arguments: argparse.Namespace) -> ModelConfig:
    """The sizes of the model that was named: given beside it, or stated by its file."""
    if not arguments.config:
        return read_config(arguments.model, arguments.svd)
    return ModelConfig.from_json(read_text(arguments.config, "JSON"))


def check_device(name: str | None) -> None:
    """By a number that goes there and comes back: torch has devices that hold nothing, such as "meta"."""
    try:
        torch.ones(1, device=name).item()
    except (RuntimeError, AssertionError, ImportError) as error:  # NotImplementedError is a RuntimeError
        raise ValueError(f'device "{name}" cannot be used: {str(error).splitlines()[0]}') from None
