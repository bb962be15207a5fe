"""A long video → the windows that a model edits in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..tracks.trajectories import Trajectories


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


def blend_weights(shared: int, overlap: int) -> Tensor:
    """(shared,) how much each shared frame is the earlier window's; the rest is the later one's.

    1 up to the frame behind which the later window gives its own, then falling evenly.
    """
    return ((shared - torch.arange(shared)) / overlap).clamp(max=1)


def moving(trajectories: Trajectories) -> Trajectories:
    """Those that move anything, so that equal ones say that nothing was changed.

    The motion map needs no more of a window's trajectories: its frame 0 is zero, and what moves into a
    later frame comes from the one before, which lies in the window too.
    """
    moves = (trajectories.visible[:, 1:] & trajectories.visible[:, :-1]).any(1)
    return Trajectories(trajectories.points_px[moves], trajectories.visible[moves])


def ping_pong(order: Sequence[int], length: int) -> list[int]:
    """The order to its end, back to its beginning and so on, until there are `length`: padding that moves alike."""
    period = 2 * (len(order) - 1)
    return [order[min(time % period, period - time % period)] for time in range(length)]
