"""A long video → the windows that a model edits in turn, and the part of the edit that each one sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..conditions import check_begins
from ..edit import Edit, check_reference, check_region
from ..tracks.trajectories import Trajectories


class Masks(Protocol):
    """Masks read as they are needed: for thousands of frames they would outweigh the video."""

    def read(self, start: int, stop: int) -> Tensor:  # (1 or stop − start, 1, H, W)
        """Of these frames; ValueError where they are not to be had."""


@dataclass(frozen=True)
class LongEdit:
    """As `Edit`, of a video of any length: every time counts in frames of the whole video."""

    reference: Tensor  # (3, H, W) in [0, 1]: the edited first frame
    trajectories: Trajectories
    region: Tensor | Masks  # a tensor: (1 or T, 1, H, W)

    @classmethod
    def of(cls, edit: Edit) -> LongEdit:
        check_begins(edit)
        return cls(edit.reference, edit.trajectories, edit.region)

    def check(self, num_frames: int, height: int, width: int) -> None:
        """Raises ValueError, naming the culprit, unless it fits a video of that length and size."""
        check_reference(self.reference, height, width)
        if isinstance(self.region, Tensor):
            check_region(self.region, num_frames, height, width)
        self.trajectories.check(num_frames, height, width)

    def masks(self, start: int, stop: int) -> Tensor:  # (stop − start, 1, H, W) of 0 and 1
        """The region in these frames; it may be missing from any of them."""
        if isinstance(self.region, Tensor):
            region = self.region if len(self.region) == 1 else self.region[start:stop]
        else:
            region = self.region.read(start, stop)
        return (region >= 0.5).float().expand(stop - start, -1, -1, -1)

    def paths(self, start: int, stop: int) -> Trajectories:
        """All paths in these frames, in frames counted from `start`; hidden points are zero."""
        visible = self.trajectories.visible[:, start:stop].bool()
        return Trajectories(torch.where(visible[..., None], self.trajectories.points_px[:, start:stop], 0), visible)


def moving(paths: Trajectories) -> Trajectories:
    """Those that move anything, so that equal ones say that nothing was changed.

    The motion map needs no more of a window's paths: its frame 0 is zero, and what moves into a
    later frame comes from the one before, which lies in the window too.
    """
    moves = (paths.visible[:, 1:] & paths.visible[:, :-1]).any(1)
    return Trajectories(paths.points_px[moves], paths.visible[moves])


@dataclass(frozen=True)
class Window:
    """Frames [start, stop) of a video, edited at once; it gives those from `first` up to the next window's."""

    start: int
    stop: int
    shared: int = 0  # frames at its start that the window before holds too
    first: int = 0


def plan_windows(num_frames: int, window: int, overlap: int) -> list[Window]:
    """Windows of equal length that cover every frame, each sharing `overlap` frames with the one before.

    The last one shares more where the length asks for it: it is shifted, never padded.
    Raises ValueError where the video is too short or the overlap leaves nothing new.
    """
    if num_frames < window:
        raise ValueError(
            f"the video has {num_frames} frames; this model edits windows of {window}: "
            f"take a longer part of the clip, or lower the stride"
        )
    if not 1 <= overlap < window:
        raise ValueError(f"the overlap must be from 1 to {window - 1} frames (windows have {window}), not {overlap}")
    last = num_frames - window
    windows = [Window(0, window)]
    for start in [*range(window - overlap, last, window - overlap), last] if last else []:
        before = windows[-1].stop
        windows.append(Window(start, start + window, before - start, before - overlap + 1))
    return windows


def held_weights(shared: int, overlap: int) -> Tensor:
    """(shared,) how much each shared frame is the earlier window's; the later one's share is the rest.

    1 up to the frame behind which the later window gives its own, then falling evenly.
    """
    return ((shared - torch.arange(shared)) / overlap).clamp(max=1)
