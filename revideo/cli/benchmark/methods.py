"""Clips and methods of a benchmark as files give them: what was asked, edits of ours, results of somebody else."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...benchmark.manifest import BenchmarkClip, BenchmarkManifest, BenchmarkPlan, find_video
from ...benchmark.results import Costs, ResultsFolder, digest_of, metering
from ...edit import fit_like_clip
from ...evaluation.evaluator import Question
from ...files import check_sources, file_checksum
from ...models.config import ModelConfig
from ...pipeline.devices import default_device
from ...pipeline.memory_fit import fit_memory
from ...sampling.samplers import Callback
from ...video.file import VideoFile
from ...video.fitting import choose_size, fit_frames
from ...video.io import read_video
from ..batch.lines import edit_arguments
from ..batch.records import NO_INPUTS, files_of
from ..common import LoadModel, check_models, parse_size, working_networks
from ..drawn_edit import check_drawn_mask, read_drawn
from ..inputs import DEFAULT_SIZE, chosen_config, read_edited_frame, read_inputs, read_mask, read_trajectories

NOT_OF_RAW = ("feather", "match", "no_keep")  # what changes only what is put back afterwards
MODEL_FILES = ("model", "svd")
OF_THE_CLIP = "it is the clip's or the manifest's to say, for all methods alike"
ASKED = (
    *("video", "mask", "region", "document", "whole-frame", "edited-frame", "reference", "edited-index"),
    *("reference-frame", "keyframe", "tracks", "timing", "tracks-size", "start", "stride", "frames"),
    *("size", "size-policy", "fit"),
)
NO_OPTIONS = dict.fromkeys(ASKED, OF_THE_CLIP) | {
    "help": "a method is an edit's options",
    "device": "it is the benchmark's, by --device",
    "output": "results go into the benchmark's own folder",
    "preview": "a benchmark writes none",
    "fusion": "a benchmark writes none",
    "crop": "all methods are measured on the same frames",
    "long": "a benchmark edits one window of each clip",
}


@dataclass(frozen=True)
class AskedEdit:
    """What is asked of every method, at the size that all are measured at."""

    question: Question
    edited_frame: Tensor | None  # (3, H, W)
    source_size: tuple[int, int]  # height and width of the clip itself
    rate: Fraction


class ClipReader:
    """Reads what is asked."""

    def __init__(self, settings: BenchmarkManifest, configs: list[ModelConfig], with_prompts: bool) -> None:
        """`configs`: of all methods of ours, which all must be able to make it."""
        self.settings, self.with_prompts = settings, with_prompts
        self.multiple = max((config.size_multiple for config in configs), default=1)
        self.window = min((config.unet.num_frames for config in configs), default=None)
        self.size = parse_size(settings.size) if settings.size else DEFAULT_SIZE if configs else None

    def frames(self, clip: BenchmarkClip) -> int | None:
        return clip.frames or self.settings.frames or self.window

    def read(self, clip: BenchmarkClip) -> AskedEdit:
        """ValueError or OSError names the culprit."""
        given, settings = _given(clip, self.settings), self.settings
        check_sources([given.edited_frame, given.document, given.tracks], [given.video, given.mask])
        drawn = read_drawn(given)
        if drawn.document is not None and not given.whole_frame:
            check_drawn_mask(drawn.document, given.document)
        if not (given.whole_frame or given.mask or given.document):
            raise ValueError("what may change is not said: give a document, a mask or whole_frame")
        whole, rate = read_video(given.video, given.start, given.stride, self.frames(clip))
        count, source_size = len(whole), (whole.shape[-2], whole.shape[-1])
        size = source_size
        if self.size:
            size = choose_size(*source_size, settings.size_policy, self.size[1], self.size[0], self.multiple)
        mask = torch.ones(1, 1, *size)
        if not given.whole_frame:
            mask = read_mask(given, drawn, given.video, count, source_size, size)
        trajectories = read_trajectories(given, drawn, count, source_size, size)
        picture = None
        if given.edited_frame:
            picture = read_edited_frame(given, given.edited_frame, given.video, source_size, size)
        source = fit_frames(whole, *size, settings.fit)
        question = Question(source, mask, trajectories, self.prompt(clip), given.whole_frame)
        return AskedEdit(question, picture, source_size, rate)

    def asked_of(self, clip: BenchmarkClip) -> str:
        """Another text where anything else would be read, but for the prompt."""
        given = {name: identity_of(value) for name, value in vars(_given(clip, self.settings)).items()}
        return digest_of(given, self.frames(clip), self.size, self.settings.size_policy, self.multiple)

    def prompt(self, clip: BenchmarkClip) -> str:
        """What is measured of it: none where nothing reads it."""
        return clip.prompt if self.with_prompts else ""


def _given(clip: BenchmarkClip, settings: BenchmarkManifest) -> argparse.Namespace:
    """As `revideo evaluate` has it."""
    files = {name: getattr(clip, name) for name in ("edited_frame", "document", "mask", "tracks")}
    return argparse.Namespace(
        **{name: Path(file) if file else None for name, file in files.items()},
        video=Path(clip.video),
        whole_frame=clip.whole_frame,
        start=clip.start,
        stride=clip.stride or settings.stride,
        timing=settings.timing,
        fit=settings.fit,
        tracks_size=None,
    )


class OwnMethod:
    """Edits by a model of ours, by the options of `revideo edit`."""

    def __init__(
        self,
        name: str,
        options: dict[str, Any],
        plan: BenchmarkPlan,
        folder: Path,
        device: str | None,
        results: ResultsFolder,
        load: LoadModel,
    ) -> None:
        """`folder`: where paths in `options` begin. ValueError or OSError names what cannot work."""
        self.name, self.plan, self.folder, self.device = name, plan, folder, device
        self.results, self.load = results, load
        self.options = {key.replace("_", "-"): value for key, value in options.items()}
        if len(self.options) < len(options):
            raise ValueError("an option stands there twice, with _ and with -")
        if "model" not in self.options:
            raise ValueError('"model" is missing: a file, or "tiny" for the built-in model')
        given = self._options()
        check_models([given.model, given.svd])
        self.config = chosen_config(given)
        self.feather_px, self.match, self.composited = given.feather, given.match, not given.no_keep

    def _options(self, clip: BenchmarkClip | None = None) -> argparse.Namespace:
        options = dict(self.options)
        settings = self.plan.settings
        options.setdefault("feather", settings.feather)
        options.setdefault("match", settings.match)
        if clip is not None and clip.seed is not None:
            options["seed"] = clip.seed
        for key in options:
            if key in NO_OPTIONS:
                raise ValueError(f'"{key}" has no place here: {NO_OPTIONS[key]}')
        common = {"video": "-", "output": "edit.mp4", "crop": "off"}
        return edit_arguments(options | common, self.folder, self.device, {})

    def arguments(self, clip: BenchmarkClip, reader: ClipReader) -> argparse.Namespace:
        """Of `revideo edit`, but that nothing is written."""
        given = self._options(clip)
        for key, value in vars(_given(clip, self.plan.settings)).items():
            setattr(given, key, value)
        given.frames, given.size, given.size_policy = reader.frames(clip), reader.size, self.plan.settings.size_policy
        given.output = None
        return given

    def made_of(self, clip: BenchmarkClip, reader: ClipReader) -> str:
        """Another text where the edit, its time or its memory would be another."""
        given = vars(self.arguments(clip, reader))
        apart = (*NO_INPUTS, *NOT_OF_RAW, *MODEL_FILES)
        known = {key: identity_of(value) for key, value in given.items() if key not in apart}
        known |= {key: [_state(file) for file in files_of(given[key])] for key in MODEL_FILES if given[key]}
        known |= {"memory": given["memory"], "device": self.device or default_device()}
        return digest_of(known)

    def costs(self, clip: BenchmarkClip, reader: ClipReader) -> Costs | None:
        """Of an edit that is there; None where it is to be made."""
        return self.results.costs(self.name, clip.name, self.made_of(clip, reader))

    def check(self, clip: BenchmarkClip, reader: ClipReader, asked: AskedEdit) -> None:
        """All but the weights; ValueError or OSError names the culprit."""
        if self.costs(clip, reader) is None:
            found = read_inputs(self.arguments(clip, reader)).video
            if found.shape != asked.question.source.shape:
                height, width = asked.question.source.shape[-2:]
                raise ValueError(
                    f"its model would work at {found.shape[-1]}×{found.shape[-2]}, others' at {width}×{height}: "
                    f"give a size that is a multiple of what each of them works at"
                )

    def make(self, clip: BenchmarkClip, reader: ClipReader, callback: Callback) -> None:
        """The edit, with its time and memory."""
        made_of, given = self.made_of(clip, reader), self.arguments(clip, reader)
        model = self.load(given, self.config)
        with metering(model.device) as preparation:
            inputs = read_inputs(given)
        size = f"{inputs.size[1]}×{inputs.size[0]}"
        with working_networks(model.device, size, "a smaller size, or dtype and fp8 of the method"):
            fit_memory(model, inputs.size, inputs.options, None if given.memory is None else int(given.memory * 1e9))
            with metering(model.device) as generation:
                result = model.edit(
                    inputs.video,
                    inputs.edit,
                    inputs.options,
                    callback,
                    size=inputs.size,
                    composite=False,
                    frames_per_chunk=given.frames_per_chunk,
                )
        peaks = [each.peak_bytes for each in (preparation, generation)]
        peak = None if None in peaks else max(each for each in peaks if each is not None)
        costs = Costs(preparation.seconds, generation.seconds, peak, generation.memory_of)
        self.results.add_edit(self.name, clip.name, made_of, result.frames, inputs.source.rate, costs)

    def read(self, clip: BenchmarkClip, asked: AskedEdit) -> Tensor:
        """(T, 3, H, W) in [0, 1] as it was made."""
        return read_video(self.results.video(self.name, clip.name))[0]


class FolderMethod:
    """Somebody's results: a video or a folder of pictures of each clip's name."""

    composited = False  # they are shown and measured as they are

    def __init__(self, folder: Path, plan: BenchmarkPlan) -> None:
        self.folder, self.names, self.fit = folder, plan.results, plan.settings.fit
        self.feather_px, self.match = plan.settings.feather, plan.settings.match

    def made_of(self, clip: BenchmarkClip, reader: ClipReader) -> str:
        return digest_of(identity_of(self._file(clip)))

    def costs(self, clip: BenchmarkClip, reader: ClipReader) -> Costs | None:
        return None

    def check(self, clip: BenchmarkClip, reader: ClipReader, asked: AskedEdit) -> None:
        file, count = self._file(clip), len(asked.question.source)
        with VideoFile(file) as video:
            if len(video) != count:
                raise ValueError(f"{file} has {len(video)} frames, the edit {count}: cut it, or set frames and stride")
            self._fitted(torch.empty(1, 3, *video.size), file, asked)

    def read(self, clip: BenchmarkClip, asked: AskedEdit) -> Tensor:
        """(T, 3, H, W) in [0, 1], fitted as the clip is."""
        file = self._file(clip)
        return self._fitted(read_video(file)[0], file, asked)

    def _fitted(self, frames: Tensor, file: Path, asked: AskedEdit) -> Tensor:
        height, width = asked.question.source.shape[-2:]
        return fit_like_clip(frames, f"result {file}", asked.source_size, (height, width), self.fit)

    def _file(self, clip: BenchmarkClip) -> Path:
        return find_video(self.folder, self.names[clip.name])


# --- What decides ---------------------------------------------------------------------------


def identity_of(value: Any) -> Any:
    """Of an argument: files by what they hold, so that they may lie elsewhere; all else by its text."""
    if not isinstance(value, Path):
        return str(value)
    return [(file.name, _digest(file, *_state(file)[1:])) for file in files_of(value) if file.is_file()]


def _state(file: Path) -> tuple[str, int, int]:
    """Of weights, which are too large to be read for this."""
    status = file.stat()
    return file.name, status.st_size, status.st_mtime_ns


@cache
def _digest(file: Path, *state: int) -> str:
    """Of a file's content, read once while its size and time are the same."""
    return file_checksum(file)
