"""The command line's `edit` arguments → a Job: read, fitted to the model and checked before any weight is."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints.reading import read_config
from ..conditions import Conditions
from ..drawing.document import EditDocument
from ..edit import Edit
from ..editing.bidirectional import BothWays, conditions_for
from ..files import check_sources, check_target
from ..models.config import ModelConfig
from ..sampling.presets import sampler_options
from ..sampling.samplers import SamplerOptions
from ..tracks.trajectories import Trajectories, parse_tracks
from ..video.io import Fit, choose_size, fit_frames, place_source, read_image, read_video

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv")  # what holds H.264
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")  # what `write_image` writes
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Job:
    """An edit that can run."""

    video: Tensor  # (T, 3, H, W), fitted
    conditions: Conditions | BothWays
    region: Tensor  # (1 or T, 1, H, W)
    rate: Fraction  # frames per second of the result
    options: SamplerOptions
    config: ModelConfig


@dataclass(frozen=True)
class Given:
    """What was given beside the clip, read and checked as far as it can be without it."""

    drawn: Trajectories | None
    document: EditDocument | None
    options: SamplerOptions
    config: ModelConfig


def prepare(arguments: argparse.Namespace) -> Job:
    """Reads and checks all that was given but the weights; ValueError or OSError names the culprit."""
    given = read_given(arguments)
    drawn, document, options, config = given.drawn, given.document, given.options, given.config
    frame = arguments.reference_frame
    count = _check_window(arguments.frames, frame, config.unet.num_frames)
    source, rate = read_video(arguments.video, arguments.start, arguments.stride, count)
    width, height = arguments.size
    size = choose_size(source.shape[-2], source.shape[-1], arguments.size_policy, height, width, config.size_multiple)
    video = fit_frames(source, *size, arguments.fit)
    source_size = source.shape[-2], source.shape[-1]

    reference = video[frame]
    if arguments.reference:
        picture = read_image(arguments.reference)[None]
        reference = fit_like_clip(picture, "reference", source_size, size, arguments.fit)[0]
    trajectories, region = fit_drawing(arguments, drawn, document, count, source_size, size)
    conditions = conditions_for(video, Edit(reference, trajectories, region, frame))
    return Job(video, conditions, region, rate, options, config)


def _check_window(asked: int | None, frame: int, window: int) -> int:
    """How many frames to edit; ValueError where the model's window, or one to either side of `frame`, is too short."""
    count = window if asked is None else asked
    if not 0 <= frame < count:
        raise ValueError(f"--reference-frame {frame}: these are {count} frames, numbered from 0 (--frames takes more)")
    if frame == 0 and count != window:
        raise ValueError(f"--frames {count}: this model edits windows of {window} frames (--long edits more)")
    longest = max(frame + 1, count - frame)
    if longest > window:
        raise ValueError(
            f"--frames {count}: {longest} of them lie to one side of --reference-frame {frame}, counted with it; "
            f"this model edits windows of {window}"
        )
    return count


def read_given(arguments: argparse.Namespace) -> Given:
    """All but clip, pictures and weights; ValueError or OSError names the culprit."""
    inputs = [arguments.video, arguments.reference, arguments.tracks, arguments.region, arguments.document]
    inputs += [arguments.config, arguments.model, arguments.svd]
    check_sources(inputs)
    for file in filter(None, (arguments.output, arguments.preview)):
        check_target(file, VIDEO_SUFFIXES, inputs)
    if arguments.fusion:
        check_target(arguments.fusion, PICTURE_SUFFIXES, inputs)
    if arguments.output == arguments.preview:
        raise ValueError(f"--output and --preview are both {arguments.output}")
    if not 0 <= arguments.feather < float("inf"):
        raise ValueError(f"--feather must be 0 or more pixels, not {arguments.feather:g}")
    if arguments.frames_per_chunk is not None and arguments.frames_per_chunk < 1:
        raise ValueError(f"--frames-per-chunk must be at least 1, not {arguments.frames_per_chunk}")
    if arguments.memory is not None and not arguments.memory > 0:
        raise ValueError(f"--memory must be more than 0 GB, not {arguments.memory:g}")
    drawn, document = read_drawing(arguments)
    check_device(arguments.device)

    told = {f.name: getattr(arguments, f.name, None) for f in fields(SamplerOptions)}
    options = sampler_options(arguments.preset, **{name: value for name, value in told.items() if value is not None})
    config = _read_config(arguments)
    return Given(drawn, document, options, config)


def read_drawing(arguments: argparse.Namespace) -> tuple[Trajectories | None, EditDocument | None]:
    """Tracks or document, as they were given."""
    if arguments.document and (arguments.tracks or arguments.tracks_size):
        raise ValueError("--document has paths and a size of its own: leave out --tracks and --tracks-size")
    drawn = parse_tracks(_read_text(arguments.tracks, "tracks")) if arguments.tracks else None
    document = None
    if arguments.document:
        document = EditDocument.from_json(_read_text(arguments.document, "JSON"))
    return drawn, document


def _read_text(file: Path, what: str) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not a text file of {what}") from None


def fit_drawing(
    arguments: argparse.Namespace,
    drawn: Trajectories | None,
    document: EditDocument | None,
    frames: int,
    source_size: tuple[int, int],  # height, width
    size: tuple[int, int],  # height, width
) -> tuple[Trajectories, Tensor]:
    """Paths, and the region (1 or T, 1, H, W), on the fitted frames."""
    if document is not None:
        return (
            fit_drawn_paths(document, frames, source_size, size, arguments.fit),
            fit_drawn_region(document, frames, source_size, size, arguments.fit),
        )
    if arguments.region.suffix.lower() in IMAGE_SUFFIXES:
        masks = read_image(arguments.region)[None]
    else:
        masks, _ = read_video(arguments.region, arguments.start, arguments.stride, frames)
    region = fit_like_clip(masks, "region", source_size, size, arguments.fit).mean(1, keepdim=True)
    if drawn is None:
        return Trajectories.none(frames), region
    timed = drawn.stretched(frames) if arguments.timing == "stretch" else drawn.fitted(frames)
    return fit_tracks(timed, arguments.tracks_size, source_size, size, arguments.fit), region


def fit_like_clip(frames: Tensor, what: str, source_size: tuple[int, int], size: tuple[int, int], fit: Fit) -> Tensor:
    """Fitted as the clip was, unless they have that size already."""
    found = frames.shape[-2], frames.shape[-1]
    if found == source_size:
        return fit_frames(frames, *size, fit)
    if found != size:
        raise ValueError(
            f"the {what} is {_wide(found)}, the clip {_wide(source_size)}: give it the clip's size, "
            f"or {_wide(size)}, the size the clip is fitted to"
        )
    return frames


def fit_tracks(
    tracks: Trajectories,
    drawn_on: tuple[int, int] | None,  # width, height
    source_size: tuple[int, int],  # height, width
    size: tuple[int, int],  # height, width
    fit: Fit,
) -> Trajectories:
    """Paths on the fitted frames, from paths on the clip or on a picture of another size."""
    height, width = size
    if drawn_on == (width, height):
        return tracks
    scaled_height, scaled_width, top, left = place_source(*source_size, height, width, fit)
    drawn_width, drawn_height = drawn_on or source_size[::-1]
    scaled = tracks.scaled(scaled_width / drawn_width, scaled_height / drawn_height)
    return Trajectories(scaled.points_px + torch.tensor([left, top]), scaled.visible)


def fit_drawn_paths(
    document: EditDocument, frames: int, source_size: tuple[int, int], size: tuple[int, int], fit: Fit
) -> Trajectories:
    if fit == "stretch" or (document.height, document.width) == size:
        return document.trajectories(frames, *size)
    return fit_tracks(document.trajectories(frames, *source_size), None, source_size, size, fit)


def fit_drawn_region(
    document: EditDocument,
    frames: int,
    source_size: tuple[int, int],
    size: tuple[int, int],
    fit: Fit,
    part: range | None = None,  # frames; None = all
) -> Tensor:  # (1 or T, 1, H, W)
    if fit == "stretch" or (document.height, document.width) == size:
        return document.region(frames, *size, part)
    return fit_frames(document.region(frames, *source_size, part), *size, fit)


def _read_config(arguments: argparse.Namespace) -> ModelConfig:
    """The model's sizes: told, or stated by its file."""
    if not arguments.config:
        return read_config(arguments.model, arguments.svd)
    return ModelConfig.from_json(_read_text(arguments.config, "JSON"))


def check_device(name: str | None) -> None:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'device "{name}" cannot be used: {str(error).splitlines()[0]}') from None


def _wide(size: tuple[int, int]) -> str:
    """Width first, as people say it."""
    return f"{size[1]}×{size[0]}"
