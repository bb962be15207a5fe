"""The command line's `edit --long` arguments → a LongJob: read, fitted and checked before any weight is."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields, replace
from pathlib import Path

from torch import Tensor

from ..drawing.document import EditDocument
from ..editing.handover import Drift
from ..editing.windows import LongEdit, Masks, plan_windows
from ..models.config import ModelConfig
from ..sampling.samplers import SamplerOptions
from ..tracks.trajectories import Trajectories
from ..video.file import VideoFile
from ..video.io import Fit, choose_size, fit_frames, read_image
from .inputs import IMAGE_SUFFIXES, Given, fit_drawn_paths, fit_drawn_region, fit_like_clip, fit_tracks, read_given


@dataclass(frozen=True)
class LongJob:
    """A long edit that can run."""

    source: VideoFile
    edit: LongEdit
    size: tuple[int, int]  # height, width
    options: SamplerOptions
    drift: Drift
    config: ModelConfig
    windows: Path  # the folder that finished windows are kept in


@dataclass(frozen=True)
class FileMasks:
    """Masks from a video that runs along with the clip."""

    file: VideoFile
    source_size: tuple[int, int]
    size: tuple[int, int]
    fit: Fit

    def read(self, start: int, stop: int) -> Tensor:
        masks = self.file.read(start, stop).mean(1, keepdim=True)
        return fit_like_clip(masks, "region", self.source_size, self.size, self.fit)


@dataclass(frozen=True)
class DrawnMasks:
    """Masks of an edit document."""

    document: EditDocument
    frames: int  # of the whole clip
    source_size: tuple[int, int]
    size: tuple[int, int]
    fit: Fit

    def read(self, start: int, stop: int) -> Tensor:
        return fit_drawn_region(self.document, self.frames, self.source_size, self.size, self.fit, range(start, stop))


def prepare_long(arguments: argparse.Namespace) -> LongJob:
    """Reads and checks all that was given but the weights; ValueError or OSError names the culprit."""
    given = read_given(arguments)
    if arguments.preview:
        raise ValueError("--preview shows one window: leave out --long to look at the first")
    if arguments.match != "none":
        raise ValueError("--match works on one window: leave out --long, or --match")
    if arguments.fusion:
        raise ValueError("--fusion shows one run: leave out --long to draw it")
    if arguments.reference_frame:
        raise ValueError(
            f"--reference-frame {arguments.reference_frame}: --long edits onwards from the first frame; "
            f"begin there with --start, or leave out --long"
        )
    told = {field.name: getattr(arguments, field.name) for field in fields(Drift)}
    drift = Drift(**{name: value for name, value in told.items() if value is not None})
    window = given.config.unet.num_frames
    windows = arguments.windows or arguments.output.with_name(arguments.output.name + ".windows")
    if windows.exists() and not windows.is_dir():
        raise ValueError(f"--windows {windows} is not a folder")

    source = VideoFile(arguments.video, arguments.start, arguments.stride, arguments.frames, held=window)
    plan_windows(len(source), window, drift.overlap)
    width, height = arguments.size
    size = choose_size(*source.size, arguments.size_policy, height, width, given.config.size_multiple)
    if arguments.reference:
        picture = read_image(arguments.reference)[None]
        reference = fit_like_clip(picture, "reference", source.size, size, arguments.fit)[0]
    else:
        reference = fit_frames(source.read(0, 1), *size, arguments.fit)[0]
    edit = LongEdit(
        reference,
        _paths(arguments, given, source, size),
        _region(arguments, given, source, size, window),
    )
    edit.check(len(source), *size)
    options = replace(given.options, latent_lock=arguments.latent_lock is not False)
    return LongJob(source, edit, size, options, drift, given.config, windows)


def _paths(arguments: argparse.Namespace, given: Given, source: VideoFile, size: tuple[int, int]) -> Trajectories:
    frames = len(source)
    if given.document is not None:
        return fit_drawn_paths(given.document, frames, source.size, size, arguments.fit)
    if given.drawn is None:
        return Trajectories.none(frames)
    timed = given.drawn.stretched(frames) if arguments.timing == "stretch" else given.drawn.fitted(frames)
    return fit_tracks(timed, arguments.tracks_size, source.size, size, arguments.fit)


def _region(
    arguments: argparse.Namespace, given: Given, source: VideoFile, size: tuple[int, int], window: int
) -> Tensor | Masks:
    if given.document is not None:
        return DrawnMasks(given.document, len(source), source.size, size, arguments.fit)
    if arguments.region.suffix.lower() in IMAGE_SUFFIXES:
        mask = read_image(arguments.region)[None].mean(1, keepdim=True)
        return fit_like_clip(mask, "region", source.size, size, arguments.fit)
    file = VideoFile(arguments.region, arguments.start, arguments.stride, len(source), held=window)
    return FileMasks(file, source.size, size, arguments.fit)
