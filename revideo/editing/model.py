"""ReVideo: a loaded model and its one verb, an edit of a video of any length from any of its frames."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import Conditions, clip_sides, make_conditions
from ..edit import Edit, check_video
from ..models.config import ModelConfig
from ..pipeline.loading import load_networks
from ..pipeline.memory_plan import Plan
from ..pipeline.pipeline import DEFAULTS, Pipeline, Sampler
from ..sampling.samplers import Callback, SamplerOptions
from ..video.file import VideoFile, check_like, write_like
from ..video.fitting import Fit, fit_frames, place_source
from ..video.io import write_video
from ..video.pixels import Picture, as_clip
from .bidirectional import sample_sides
from .composite import Match, keep_unedited
from .crop import Crop, CropMode, CroppedFrames, plan_crop, working_size
from .handover import HandoverOptions
from .long_video import HANDOVER, FinishedFrames, Frames, LaterFrames, TensorFrames, edit_windows
from .window_cache import WindowCache

DEFAULT_FPS = Fraction(24)  # of a result whose source has no rate


@dataclass(frozen=True)
class EditReport:
    """What was done."""

    num_frames: int
    source_size: tuple[int, int]  # height and width of the video and of the result
    size: tuple[int, int]  # height and width that the model worked at
    plan: Plan  # how the work was laid out in memory
    crop: Crop | None = None  # the part of the frames that the model saw


@dataclass(frozen=True)
class EditResult:
    """A finished edit."""

    frames: Tensor  # (T, 3, H, W) in [0, 1], of the source's size; none of them where they went into a file
    latents: Tensor | None  # (T, C, h, w), scaled; None where parts were not sampled or frames went into a file
    fps: Fraction  # frames per second, of a file as it is, else 24
    report: EditReport


class ReVideo(Pipeline):
    """A loaded model. `edit` does all; `sample` and `decode` are its parts."""

    @torch.inference_mode()
    def edit(
        self,
        video: Picture | list[Any] | VideoFile,
        edit: Edit,
        options: SamplerOptions = DEFAULTS,
        callback: Callback | None = None,
        *,
        output: str | Path | None = None,
        size: tuple[int, int] | None = None,
        fit: Fit = "stretch",
        composite: bool = True,
        feather_px: float = 12.0,
        match: Match = "none",
        frames_per_chunk: int | None = None,
        handover: HandoverOptions = HANDOVER,
        cache: WindowCache | None = None,
        crop: CropMode | Crop = "off",
    ) -> EditResult:
        """A video of any length, edited from any of its frames, or from several.

        `video`: a file, which is read as it is needed; a tensor (T, 3, H, W) or an array (T, H, W, 3); pictures.
        `output`: the file to write instead of holding frames in memory, with the source's timing, colours and
        sound where that is a file. `size` (height, width): what the model works at, multiples of
        `config.size_multiple`; None: the video's own, as near as may be. The edit is drawn on the video's size or
        on this one; `fit` says how one becomes the other. Without `composite` the model's pixels stay outside the
        mask too, else the source's come back, blended inside it over `feather_px` pixels of `size`, after `match`
        (see `keep_unedited`). `frames_per_chunk`: as of `decode`. `handover` and `cache` are for videos longer
        than the model's window, which are edited window after window (frames before the first edited one are held in
        memory). `crop`: instead of the whole frame the model works on a part around the mask and the
        paths, which goes along with them and has `size` then: "auto" in large frames where that saves much, "always"
        else too, or the one that `plan_crop` made; the edit is drawn on the video's own size then. `callback` hears of
        progress; what it raises ends the run. Raises ValueError, before any work, where things do not fit each other,
        and OSError for files.
        """
        with open_frames(video, self.config.unet.num_frames) as source:
            whole, multiple, planned = source, self.config.size_multiple, None
            if crop != "off":
                edit = _on_source(edit, source)
                planned = crop if isinstance(crop, Crop) else plan_crop(edit, len(source), multiple, crop)
            if planned is not None:
                planned.check(len(source), source.size)
                source, fit = CroppedFrames(whole, planned), "stretch"
            size = size or working_size(*source.size, multiple)
            self.config.check_size(*size)
            if planned is not None:
                edit = planned.of_edit(edit, size)
            edit = edit.for_clip(len(source), source.size, size, fit)
            edit.check(len(source), *size)
            if output is not None and isinstance(whole, VideoFile):
                check_like(output, whole)
            fitted = _FittedFrames(source, size, fit)
            fps = whole.rate if isinstance(whole, VideoFile) else DEFAULT_FPS
            report = EditReport(len(whole), whole.size, size, self.plan, planned)
            latents: list[Tensor | None] = []
            # Closed, however it ends: windows are in use until then.
            with closing(
                self._finished(fitted, edit, options, callback, frames_per_chunk, handover, cache)
            ) as finished:
                checked = _not_empty(finished)
                pictures = _put_back(source, checked, fit, feather_px if composite else None, match, latents)
                if isinstance(source, CroppedFrames):
                    pictures = source.stitch(pictures)
                if output is None:
                    frames = torch.stack(list(pictures))
                    sampled = [each for each in latents if each is not None]
                    together = torch.cat(sampled) if len(sampled) == len(latents) else None
                    return EditResult(frames, together, fps, report)
                if isinstance(whole, VideoFile):
                    write_like(output, pictures, whole)
                else:
                    write_video(output, pictures, fps)
            return EditResult(torch.zeros(0, 3, *whole.size), None, fps, report)

    def _finished(
        self,
        frames: Frames,
        edit: Edit,
        options: SamplerOptions,
        callback: Callback | None,
        frames_per_chunk: int | None,
        handover: HandoverOptions,
        cache: WindowCache | None,
    ) -> Generator[FinishedFrames, None, None]:
        """Frames as the model painted them, in their order."""
        window, sides = self.config.unet.num_frames, clip_sides(len(frames), [*edit.edited_frames])
        if max(len(side.order) for side in sides) <= window and len(frames) < 2 * window:
            video = frames.read(0, len(frames))
            latents = self.sample(make_conditions(video, edit), options, callback)
            painted = self.decode(latents, frames_per_chunk or len(latents), callback)
            yield FinishedFrames(0, painted, edit.masks(0, len(video)), latents)
            return
        first, total = min(edit.edited_frames), len(frames)
        if first:
            # Backwards needs these frames at hand.
            shown, order = TensorFrames(frames.read(0, first + 1).flip(0)), range(first, -1, -1)
            part = cache.backwards if cache else None
            heard = _as_part_of(callback, 0, total)
            done = edit_windows(self, shown, edit.reordered(order), options, heard, handover=handover, cache=part)
            painted = torch.cat([each.frames for each in done]).flip(0)
            given = slice(0, first + (first == total - 1))  # it is shown as it is seen onwards
            yield FinishedFrames(0, painted[given], edit.masks(0, first + 1)[given], None)
        if first < total - 1:
            onwards, heard = LaterFrames(frames, first), _as_part_of(callback, first, total)
            later = edit.from_frame(first, total)
            for each in edit_windows(self, onwards, later, options, heard, handover=handover, cache=cache):
                yield replace(each, first=first + each.first)

    @torch.inference_mode()
    def sample(
        self,
        conditions: Conditions,
        options: SamplerOptions = DEFAULTS,
        callback: Callback | None = None,
        *,
        sigmas: Tensor | None = None,
        sampler: Sampler | None = None,
        noise: Tensor | None = None,
        augmentation_noise: Tensor | None = None,
    ) -> Tensor:
        """As of a Pipeline; also for other lengths and edited frames, as far as each side of it fits into a window."""
        whole = conditions.from_first and conditions.num_frames >= self.config.unet.num_frames
        sample = super().sample if whole else partial(sample_sides, self)
        given = {"noise": noise, "augmentation_noise": augmentation_noise}
        return sample(conditions, options, callback, sigmas=sigmas, sampler=sampler, **given)


def load(
    path: str | Path,
    config: ModelConfig | None = None,
    dtype: torch.dtype | Literal["auto"] | None = None,
    device: torch.device | str | None = None,
    *,
    svd: str | Path | None = None,
    fp8: bool = False,
    compiled: bool = False,
    mapped: bool = True,
) -> ReVideo:
    """A model from a released `.ckpt` or `.safetensors`, a diffusers folder, or a control file with `svd`.

    The text "tiny" is always the small model that is built in; `./tiny` is a path like others.
    `config` None: the sizes that the file states, else the released ones. `dtype` None:
    float32 on the CPU, elsewhere the file's own. "auto": the same, but bfloat16 on a CPU that multiplies in it,
    its autoencoder in float32. `fp8`: UNet and ControlNet are stored in eight
    bits and work in `dtype`; half the memory of fp16 and a coarser model. `compiled`: their
    blocks go through `torch.compile` at their first use. `mapped` False: weights of the file's own precision
    are copied too, so that the file may be written anew meanwhile. Raises CheckpointError, a ValueError.
    """
    options: Any = {"svd": svd, "fp8": fp8, "compiled": compiled, "mapped": mapped}
    return ReVideo(*load_networks(path, config, dtype, device, **options))


@contextmanager
def open_frames(video: Picture | list[Any] | VideoFile, window: int) -> Iterator[Frames]:
    """Frames of whatever was given; a file that is opened here is closed again."""
    if isinstance(video, (str, Path)):
        with VideoFile(video, held=window) as file:
            yield file
    elif isinstance(video, VideoFile):
        video.held = max(video.held, window)
        yield video
    else:
        clip = as_clip(video, "video")
        check_video(clip)
        yield TensorFrames(clip)


def _on_source(edit: Edit, source: Frames) -> Edit:
    """Over the video, on its own size; ValueError for another."""
    if edit.size != source.size:
        height, width = source.size
        raise ValueError(
            f"a crop is of the video's own frames: the edited frame must be {width}×{height}, not "
            f"{edit.size[1]}×{edit.size[0]}"
        )
    edit = edit.for_clip(len(source), source.size, source.size, "stretch")
    edit.check(len(source), *source.size)
    return edit


def _as_part_of(callback: Callback | None, first: int, total: int) -> Callback | None:
    """What hears of an edit of the frames from `first` on, or back to the first, as of one of all frames."""
    if callback is None:
        return None
    return lambda heard: callback(replace(heard, done=first + heard.done, total=total))


def _not_empty(finished: Iterator[FinishedFrames]) -> Iterator[FinishedFrames]:
    """The same; ValueError at their end where the mask was empty in all of them."""
    edited = False
    for each in finished:
        edited = edited or bool(each.mask.any())
        yield each
    if not edited:
        raise ValueError("the mask is empty in every frame, so nothing was changed: mask the area to edit")


@dataclass(frozen=True)
class _FittedFrames:
    """Frames at a size that the model can work at."""

    source: Frames
    size: tuple[int, int]  # height, width
    fit: Fit

    def __len__(self) -> int:
        return len(self.source)

    def read(self, start: int, stop: int) -> Tensor:
        return fit_frames(self.source.read(start, stop), *self.size, self.fit)


def _put_back(
    source: Frames,
    finished: Iterator[FinishedFrames],
    fit: Fit,
    feather_px: float | None,
    match: Match,
    latents: list[Tensor | None],  # collects those of the windows
) -> Iterator[Tensor]:  # (3, H, W) each
    for window in finished:
        latents.append(window.latents)
        # Frame by frame, for videos of any size; but what `match` solves for one mask serves all frames.
        count = 1 if match == "none" else len(window.frames)
        for first in range(0, len(window.frames), count):
            part = slice(first, first + count)
            known = source.read(window.first + first, window.first + first + count)
            yield from put_back(known, window.frames[part], window.mask[part], fit, feather_px, match)


def put_back(
    source: Tensor,  # (T, 3, H, W) in [0, 1]
    painted: Tensor,  # (T, 3, h, w): what became of `fit_frames(source)`
    mask: Tensor,  # (T, 1, h, w) bool
    fit: Fit,
    feather_px: float | None,  # in pixels of `painted`; None: all that was painted
    match: Match = "none",
) -> Tensor:  # (T, 3, H, W)
    """The source's frames with what is inside the mask as painted, whatever sizes they have."""
    if feather_px is None and painted.shape == source.shape:
        return painted
    height, width = source.shape[-2:]
    small_height, small_width = painted.shape[-2:]
    scaled_height, scaled_width, top, left = place_source(height, width, small_height, small_width, fit)
    # What "pad" added goes, what "crop" cut off comes back as the source's.
    sides = (-left, left + scaled_width - small_width, -top, top + scaled_height - small_height)
    inside = (mask if feather_px is not None else torch.ones_like(mask)).float()
    frames, inside = (fit_frames(F.pad(each, sides), height, width) for each in (painted, inside))
    return keep_unedited(source, frames, inside, (feather_px or 0) * height / scaled_height, match)
