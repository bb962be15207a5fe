"""Long edits whole: read, fitted, edited, put back into the source's own frames; from file to file, or in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..pipeline.pipeline import DEFAULTS, ReVideo
from ..sampling.samplers import SamplerOptions
from ..video.file import VideoFile, write_like
from ..video.io import Fit, fit_frames, place_source
from .composite import keep_unedited
from .handover import Drift
from .long_video import DRIFT, Finished, Frames, HeldFrames, Report, edit_windows
from .window_cache import WindowStore
from .windows import LongEdit


def edit_file(
    model: ReVideo,
    source: VideoFile,
    path: str | Path,
    edit: LongEdit,
    size: tuple[int, int],
    options: SamplerOptions = DEFAULTS,
    drift: Drift = DRIFT,
    *,
    fit: Fit = "stretch",
    feather_px: float | None = 12.0,
    store: WindowStore | None = None,
    report: Report | None = None,
) -> None:
    """Writes the edited `source` to `path`: its size, timing, colours and sound, one window in memory.

    The model works at `size` (height, width), which the edit is drawn on; the area comes back
    to the source's own size, and around it every pixel stays as it was. The seam is blended
    inside the area over `feather_px` pixels of `size`; None takes all that the model painted.
    Raises ValueError where things do not fit each other, OSError where the disk is full;
    windows in `store` stay.
    """
    source.held = max(source.held, model.config.unet.num_frames)
    frames = FittedFrames(source, size, fit)
    finished = edit_windows(model, frames, edit, options, drift, store=store, report=report)
    write_like(path, _put_back(source, finished, fit, feather_px), source)


def edit_tensor(
    model: ReVideo,
    video: Tensor,
    edit: LongEdit,
    size: tuple[int, int],
    options: SamplerOptions = DEFAULTS,
    drift: Drift = DRIFT,
    *,
    fit: Fit = "stretch",
    feather_px: float | None = 12.0,
    store: WindowStore | None = None,
    report: Report | None = None,
) -> Tensor:
    """As `edit_file`, from frames (T, 3, H, W) in [0, 1] to frames."""
    source = HeldFrames(video)
    finished = edit_windows(model, FittedFrames(source, size, fit), edit, options, drift, store=store, report=report)
    result = torch.empty_like(video)
    for number, frame in enumerate(_put_back(source, finished, fit, feather_px)):
        result[number] = frame
    return result


def _put_back(source: Frames, finished: Iterator[Finished], fit: Fit, feather_px: float | None) -> Iterator[Tensor]:
    for window in finished:
        for number, (painted, region) in enumerate(zip(window.frames, window.region), window.first):
            yield put_back(source.read(number, number + 1)[0], painted, region, fit, feather_px)


@dataclass(frozen=True)
class FittedFrames:
    """Frames at a size that the model can work at."""

    source: Frames
    size: tuple[int, int]  # height, width
    fit: Fit = "stretch"

    def __len__(self) -> int:
        return len(self.source)

    def read(self, start: int, stop: int) -> Tensor:
        return fit_frames(self.source.read(start, stop), *self.size, self.fit)


def put_back(
    source: Tensor,  # (3, H, W) in [0, 1]
    painted: Tensor,  # (3, h, w): what became of `fit_frames(source)`
    region: Tensor,  # (1, h, w)
    fit: Fit,
    feather_px: float | None,
) -> Tensor:  # (3, H, W)
    """The source with its area as painted, whatever sizes they have; `feather_px` None: all that was painted."""
    (height, width), (small_height, small_width) = source.shape[-2:], painted.shape[-2:]
    scaled_height, scaled_width, top, left = place_source(height, width, small_height, small_width, fit)
    # What "pad" added goes, what "crop" cut off comes back as the source's.
    sides = (-left, left + scaled_width - small_width, -top, top + scaled_height - small_height)
    whole = region if feather_px is not None else torch.ones_like(region)
    frame, mask = (fit_frames(F.pad(each, sides)[None], height, width) for each in (painted, whole))
    return keep_unedited(source[None], frame, mask, (feather_px or 0) * height / scaled_height)[0]
