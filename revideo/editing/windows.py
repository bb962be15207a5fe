"""A long video → the windows that a model edits in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from ..tracks.trajectories import Trajectories


@dataclass(frozen=True)
class Window:
    """Frames [start, stop) of a video, edited at once; it gives those from `first` up to the next window's."""

    start: int
    stop: int
    shared: int = 0  # frames at its start that the window before holds too; 0: it begins with an edited frame
    first: int = 0
    ends: bool = False  # with an edited frame, from which it is seen backwards too


def plan_windows(num_frames: int, window: int, overlap: int, edited: Sequence[int] = (0,)) -> list[Window]:
    """Windows that cover every frame from the first of the `edited` ones on and begin anew with each of those.

    Behind the last edited frame they are as long as the model's and share `overlap` frames with the one before; the
    last shares more where the length asks for it: it is shifted. Between two edited frames they are as few and of
    equal length, so that each has room to come to the frame that it ends with; a shorter window is padded. Raises
    ValueError where there is nothing to follow, or the overlap leaves nothing new.
    """
    if num_frames < 2:
        raise ValueError(f"the video has {num_frames} frame{'s' * (num_frames != 1)}; an edit needs at least 2")
    if not 1 <= overlap < window:
        raise ValueError(f"the overlap must be from 1 to {window - 1} frames (windows have {window}), not {overlap}")
    windows: list[Window] = []
    for begin, end in pairwise(edited):
        fresh = end + 1 - begin - overlap  # frames that the windows do not share
        count = max(1, -(-fresh // (window - overlap)))
        starts = [begin + fresh * number // count for number in range(count)]
        stops = [*(start + overlap for start in starts[1:]), end + 1]
        windows += _windows(starts, stops, overlap)
        windows[-1] = replace(windows[-1], ends=True)
    begin, last = edited[-1], max(edited[-1], num_frames - window)
    if begin < num_frames - 1:
        starts = [*range(begin, last, window - overlap), last]
        windows += _windows(starts, [min(start + window, num_frames) for start in starts], overlap)
    return windows


def _windows(starts: Sequence[int], stops: Sequence[int], overlap: int) -> list[Window]:
    """Of frames that follow an edited one, with which the first begins."""
    windows = [Window(starts[0], stops[0], 0, starts[0])]
    for start, stop, before in zip(starts[1:], stops[1:], stops):
        windows.append(Window(start, stop, before - start, before - overlap + 1))
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
