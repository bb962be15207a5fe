"""Trajectories: dense points, one per frame, however they were drawn or tracked."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

MAX_PLACES = 10_000_000  # trajectories × frames, which is what is allocated
FARTHEST_PX = 100_000  # from the picture's corner, as in a drawing: what lies beyond is a mistake of the tool

Timing = Literal["stretch", "as drawn"]


@dataclass(frozen=True)
class Trajectories:
    """N trajectories over T frames, in pixels of the frame they were drawn on.

    Raises ValueError where the shapes do not belong together or a visible point is not finite.
    """

    points_px: Tensor  # (N, T, 2) x, y
    visible: Tensor  # (N, T) bool; a hidden point moves nothing
    lengths: tuple[int, ...] | None = None  # of each one's own frames; None: `for_clip` says
    drawn_on: tuple[float, float] | None = None  # width and height of the picture, where the tool says it
    first_frame: int | None = None  # what the tool numbers the first, if it numbers frames: then they are kept
    untimed: bool = False  # shapes: points evenly along them, which are spread over any clip
    read_as: str | None = None  # what a text that might mean something else was taken for, for people

    def __post_init__(self) -> None:
        points, visible = self.points_px, self.visible
        if points.ndim != 3 or points.shape[-1] != 2:
            raise ValueError(f"trajectory points must have shape (N, T, 2), not {tuple(points.shape)}")
        if visible.shape != points.shape[:2]:
            raise ValueError(
                f"trajectory visibility has shape {tuple(visible.shape)}; "
                f"the points need {tuple(points.shape[:2])} (N, T)"
            )
        wrong = ~torch.isfinite(points).all(-1) & visible.bool()
        if wrong.any():
            number, frame = wrong.nonzero()[0].tolist()
            raise ValueError(f"trajectory {number} at frame {frame} is not a finite number")

    @property
    def num_trajectories(self) -> int:
        """N."""
        return self.points_px.shape[0]

    @property
    def num_frames(self) -> int:
        """T."""
        return self.points_px.shape[1]

    @classmethod
    def none(cls, num_frames: int) -> Trajectories:
        """None at all, over so many frames: only content is edited."""
        return cls(torch.zeros(0, num_frames, 2), torch.zeros(0, num_frames, dtype=torch.bool))

    def scaled(self, x: float, y: float) -> Trajectories:
        """The same on a frame of another size: `x` times as wide, `y` times as high."""
        factors = torch.tensor([x, y], dtype=self.points_px.dtype)
        return replace(self, points_px=self.points_px * factors, drawn_on=None)

    def never_hidden(self) -> Trajectories:
        """The same, seen throughout: hidden points move things too, where they are supposed to be."""
        return replace(self, visible=torch.ones_like(self.visible, dtype=torch.bool))

    def for_clip(self, num_frames: int, timing: Timing = "stretch") -> Trajectories:
        """The same over the frames of a clip.

        "stretch": each spread evenly over them, linear between its points, as the tools that write dense tracks mean
        them: first point on the first frame, last on the last. Those of as many frames as the clip keep their timing,
        unless they say that they are shorter (`lengths`); of others what is hidden behind the last visible point goes.
        Where the tool numbered the frames (`first_frame`), the timing is kept and the first is the clip's first.
        "as drawn": a point per frame, cut off behind the last, hidden where they ended; shapes are stretched still.
        Raises ValueError for another timing, for more than memory should hold, and for numbered frames beyond the clip.
        """
        places = self.num_trajectories * num_frames
        if places > MAX_PLACES:
            raise ValueError(
                f"{self.num_trajectories} trajectories over {num_frames} frames make {places} places; at most "
                f"{MAX_PLACES} are computed: give fewer trajectories"
            )
        if timing == "stretch":
            return self._stretched(num_frames) if self.first_frame is None else self._timed(num_frames)
        if timing == "as drawn":
            return self._stretched(num_frames) if self.untimed else self._cut(num_frames)
        raise ValueError(f'timing "{timing}" is not one of "stretch", "as drawn"')

    def _stretched(self, num_frames: int) -> Trajectories:
        points_px = torch.zeros(self.num_trajectories, num_frames, 2)
        visible = torch.zeros(self.num_trajectories, num_frames, dtype=torch.bool)
        for number, (points, seen) in enumerate(zip(self.points_px.double().numpy(), self.visible.bool().numpy())):
            known = np.flatnonzero(seen)
            if len(known) == 0:
                continue
            length = num_frames if self.num_frames == num_frames else int(known[-1]) + 1
            length = length if self.lengths is None else self.lengths[number]
            if length == num_frames:
                points_px[number], visible[number] = self.points_px[number, :length], self.visible[number, :length]
                continue
            at = np.linspace(0, length - 1, num_frames)
            places = np.stack([np.interp(at, known, axis[known]) for axis in points.T], -1)
            points_px[number] = torch.from_numpy(places)
            near = np.stack([np.floor(at + 1e-9), np.ceil(at - 1e-9)]).astype(int)  # hidden between where one is
            visible[number] = torch.from_numpy(seen[near].all(0))
        return Trajectories(points_px, visible)

    def _timed(self, num_frames: int) -> Trajectories:
        if self.num_frames > num_frames:
            first = self.first_frame or 0
            raise ValueError(
                f"the tracks' frames run from {first} to {first + self.num_frames - 1}, which is {self.num_frames} "
                f'frames; the clip has {num_frames}: the timing "as drawn" leaves out what comes after its end'
            )
        return self._cut(num_frames)

    def _cut(self, num_frames: int) -> Trajectories:
        points = torch.zeros(self.num_trajectories, num_frames, 2, dtype=self.points_px.dtype)
        visible = torch.zeros(self.num_trajectories, num_frames, dtype=torch.bool)
        common = min(num_frames, self.num_frames)
        points[:, :common] = self.points_px[:, :common]
        visible[:, :common] = self.visible[:, :common]
        return Trajectories(points, visible)

    def check(self, num_frames: int, height: int, width: int) -> None:
        """Raises ValueError, naming the culprit, unless they fit a video of that length and size in pixels."""
        if self.num_frames != num_frames:
            raise ValueError(
                f"the trajectories cover {self.num_frames} frames; the video has {num_frames}: "
                f"stretch or fit them to the video"
            )
        visible = self.visible.bool()
        _check_distance(self.points_px, visible)
        x, y = self.points_px.unbind(-1)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & visible
        outside = visible.any(1) & ~inside.any(1)
        if outside.any():
            number = int(outside.nonzero()[0])
            point = self.points_px[number][visible[number]][0].tolist()
            raise ValueError(
                f"trajectory {number} never enters the frame: it starts at x {point[0]:g}, y {point[1]:g}; "
                f"the frame is {width}×{height} (were the tracks drawn on another size?)"
            )

    def to_json(self, whole: bool = False) -> str:
        """Serialized as most tools do: [[{"x": …, "y": …}, … one per frame], … one per trajectory], in pixels.

        One that is never visible is left out. Each is cut at its last visible frame, unless `whole`; of hidden frames
        the position they hold is written, with "visible": false.
        """
        tracks = []
        for points, visible in zip(self.points_px.tolist(), self.visible.tolist()):
            seen = [frame for frame, is_visible in enumerate(visible) if is_visible]
            if seen:  # an empty one would be refused where it is read
                own = list(zip(points, visible))[: None if whole else seen[-1] + 1]
                hidden = [{} if is_visible else {"visible": False} for _, is_visible in own]
                tracks.append([{"x": round(x, 4), "y": round(y, 4), **mark} for ((x, y), _), mark in zip(own, hidden)])
        return json.dumps(tracks)

    def check_pixels(self, remedy: str) -> None:
        """ValueError with the remedy where all points lie within one pixel's corner: fractions of a picture's size."""
        points = self.points_px[self.visible.bool()]
        if len(points) and not self.drawn_on and bool(((points >= 0) & (points <= 1)).all()) and (points % 1).any():
            raise ValueError(f"all x and y lie between 0 and 1, so they are no pixels but parts of the size: {remedy}")

    def check_size(self, size: tuple[float, float], remedy: str) -> None:
        """ValueError with the remedy where a program that numbers frames names another picture's size than `size`."""
        if self.first_frame is not None and self.drawn_on and self.drawn_on != size:
            width, height = self.drawn_on
            raise ValueError(f"the tracks say that they were drawn on {width:g}×{height:g}: {remedy}")


def from_comfy_tracks(track_path: Tensor, track_visibility: Tensor | None) -> Trajectories:
    """ComfyUI's TRACKS: track_path (T, N, 2) x, y in pixels, track_visibility (T, N), None: always.

    Raises ValueError for other shapes, for complex numbers, and for a visible point that is nowhere near a picture.
    """
    if track_path.ndim != 3 or track_path.shape[-1] != 2:
        raise ValueError(f"TRACKS track_path must have shape (frames, tracks, 2), not {tuple(track_path.shape)}")
    if track_visibility is None:
        track_visibility = torch.ones(track_path.shape[:2], dtype=torch.bool)
    if track_visibility.shape != track_path.shape[:2]:
        raise ValueError(
            f"TRACKS track_visibility has shape {tuple(track_visibility.shape)}; "
            f"the points need {tuple(track_path.shape[:2])} (frames, tracks)"
        )
    if track_path.is_complex():
        raise ValueError("TRACKS track_path must hold real numbers, x and y, not complex ones")
    points_px, visible = (each.cpu().transpose(0, 1) for each in (track_path.float(), track_visibility.bool()))
    trajectories = Trajectories(points_px, visible, lengths=(len(track_path),) * len(points_px))
    _check_distance(trajectories.points_px, trajectories.visible)
    return trajectories


def _check_distance(points_px: Tensor, visible: Tensor) -> None:
    """Raises ValueError where a visible point is so far out that it can only be a mistake."""
    far = (points_px.abs() > FARTHEST_PX).any(-1) & visible
    if far.any():
        number, frame = far.nonzero()[0].tolist()
        x, y = points_px[number, frame].tolist()
        raise ValueError(
            f"trajectory {number} at frame {frame} is at x {x:g}, y {y:g}; both must lie within ±{FARTHEST_PX} pixels"
        )
