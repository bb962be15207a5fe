"""Trajectories → others: moved, turned, retimed, smoothed, merged; and motion taken off them or put upon them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .trajectories import Trajectories


def placed(
    trajectories: Trajectories,
    offset_px: tuple[float, float] = (0.0, 0.0),  # x, y
    scale: float = 1.0,
    turn_degrees: float = 0.0,  # clockwise on the screen
) -> Trajectories:
    """Scaled and turned about the mean of all visible points, then moved.

    One centre for all and for every frame: their shape and what lies between them stay alike.
    """
    if not trajectories.visible.any():
        return trajectories
    angle = math.radians(turn_degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = trajectories.points_px.new_tensor([[cosine, sine], [-sine, cosine]])  # of rows; y points down
    centre = trajectories.points_px[trajectories.visible].mean(0)
    away = (trajectories.points_px.nan_to_num() - centre) @ turn * scale
    return Trajectories(centre + away + away.new_tensor(offset_px), trajectories.visible)


def retimed(trajectories: Trajectories, shift: float = 0.0, stretch: float = 1.0) -> Trajectories:
    """What happened at frame s happens at frame `stretch` · s + `shift`; hidden where nothing happened then.

    Between frames straight; a point is visible between two frames on which it is.
    Raises ValueError unless `stretch` is above 0.
    """
    if not stretch > 0:
        raise ValueError(f"the stretch in time must be above 0, not {stretch:g} (2 is half as fast)")
    if trajectories.num_frames == 0:
        return trajectories
    last = trajectories.num_frames - 1
    then = (torch.arange(trajectories.num_frames, dtype=torch.float64) - shift) / stretch
    there = (then >= -1e-9) & (then <= last + 1e-9)
    before = then.clamp(0, last).floor().long()
    fraction = then.clamp(0, last) - before
    after = torch.where(fraction > 0, before + 1, before)
    points = trajectories.points_px.nan_to_num()
    fraction = fraction.to(points)[:, None]
    moved = torch.lerp(points[:, before], points[:, after], fraction)
    return Trajectories(moved, trajectories.visible[:, before] & trajectories.visible[:, after] & there)


def smoothed(trajectories: Trajectories, frames: float) -> Trajectories:
    """Each unbroken stretch smoothed in time by a Gaussian of that standard deviation in frames; its ends stay.

    Even motion stays as it is.
    """
    if frames <= 0:
        return trajectories
    reach = math.ceil(3 * frames)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / frames) ** 2)
    kernel /= kernel.sum()
    points = trajectories.points_px.double().nan_to_num().numpy().copy()
    for places, seen in zip(points, trajectories.visible.numpy()):
        for start, stop in _stretches(seen):
            if stop - start > 2:
                # Reflected through its ends: what lies beyond them goes on as it came, so that they hold.
                longer = np.pad(places[start:stop], ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
                for axis in (0, 1):
                    places[start:stop, axis] = np.convolve(longer[:, axis], kernel, "valid")
    return Trajectories(torch.from_numpy(points).to(trajectories.points_px), trajectories.visible)


def without_motion_of(trajectories: Trajectories, reference: Trajectories) -> Trajectories:
    """As seen from the reference: its mean motion since frame 0 taken off.

    With points of the background as reference, the camera's motion goes and the object's own stays.
    Raises ValueError where lengths differ or the reference is lost.
    """
    return _with_motion(trajectories, reference, -1)


def with_motion_of(trajectories: Trajectories, reference: Trajectories) -> Trajectories:
    """As the reference takes them along: its mean motion since frame 0 put on; undoes `without_motion_of`.

    Raises ValueError where lengths differ or the reference is lost.
    """
    return _with_motion(trajectories, reference, 1)


def merged(several: Sequence[Trajectories]) -> Trajectories:
    """All of them, in their order. Raises ValueError where they cover different numbers of frames."""
    for number, each in enumerate(several):
        _check_length(each, several[0], f"the trajectories {number + 1}", "the trajectories 1")
    if not several:
        raise ValueError("there are no trajectories to merge: give one set at least")
    return Trajectories(
        torch.cat([each.points_px.float() for each in several]),
        torch.cat([each.visible.bool() for each in several]),
    )


def _with_motion(trajectories: Trajectories, reference: Trajectories, sign: int) -> Trajectories:
    _check_length(reference, trajectories, "the reference trajectories", "the trajectories")
    motion = mean_motion(reference).to(trajectories.points_px)
    return Trajectories(trajectories.points_px + sign * motion, trajectories.visible)


def mean_motion(trajectories: Trajectories) -> Tensor:  # (T, 2) x, y in pixels since frame 0
    """Step by step the mean of what moves visibly. Raises ValueError where a step shows none."""
    moves = trajectories.visible[:, 1:] & trajectories.visible[:, :-1]  # (N, T - 1)
    steps = torch.where(moves[..., None], trajectories.points_px.nan_to_num().diff(dim=1), 0.0)
    count = moves.sum(0)
    if trajectories.num_frames > 1 and not count.all():
        lost = int((count == 0).nonzero()[0])
        raise ValueError(
            f"the reference trajectories are lost from frame {lost} to {lost + 1}, so their motion is not known there: "
            f"give points that stay in the picture"
        )
    motion = steps.sum(0) / count[:, None].clamp(min=1)
    return torch.cat([motion.new_zeros(min(trajectories.num_frames, 1), 2), motion.cumsum(0)])


def _check_length(trajectories: Trajectories, other: Trajectories, name: str, other_name: str) -> None:
    if trajectories.num_frames != other.num_frames:
        raise ValueError(
            f"{name} cover {trajectories.num_frames} frames, {other_name} {other.num_frames}: "
            f"take them from the same frames"
        )


def _stretches(seen: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop of each unbroken run."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], seen.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in changes.reshape(-1, 2)]
