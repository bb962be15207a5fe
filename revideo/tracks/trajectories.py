"""Trajectories: dense points, one per frame, however they were drawn or tracked.

Files of tracks come in many forms: `parse_tracks` reads all that ComfyUI packs write.
"""

from __future__ import annotations

import json
from ast import literal_eval
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

MAX_POINTS = 1_000_000  # a drawing has thousands; more is a mistake that would only exhaust memory

Timing = Literal["stretch", "as drawn"]


@dataclass(frozen=True)
class Trajectories:
    """N trajectories over T frames, in pixels of the frame they were drawn on.

    Raises ValueError where the shapes do not belong together or a visible point is not finite.
    """

    points_px: Tensor  # (N, T, 2) x, y
    visible: Tensor  # (N, T) bool; a hidden point moves nothing

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
        return Trajectories(self.points_px * torch.tensor([x, y], dtype=self.points_px.dtype), self.visible)

    def never_hidden(self) -> Trajectories:
        """The same, seen throughout: hidden points move things too, where they are supposed to be."""
        return Trajectories(self.points_px, torch.ones_like(self.visible, dtype=torch.bool))

    def for_clip(self, num_frames: int, timing: Timing = "stretch") -> Trajectories:
        """The same over the frames of a clip.

        "stretch": each one's visible part spread evenly over them, linear between its points, as the
        tools that write dense tracks mean them: first point on the first frame, last on the last.
        "as drawn": a point per frame, cut off behind the last, hidden where they ended.
        Raises ValueError for another timing.
        """
        if timing == "stretch":
            return self._stretched(num_frames)
        if timing == "as drawn":
            return self._cut(num_frames)
        raise ValueError(f'timing "{timing}" is not one of "stretch", "as drawn"')

    def _stretched(self, num_frames: int) -> Trajectories:
        stretched = []
        for points, visible in zip(self.points_px, self.visible):
            seen = points[visible.bool()].double().numpy()
            if len(seen) == 0:
                seen = np.full((1, 2), np.nan)
            at = np.linspace(0, len(seen) - 1, num_frames)
            stretched.append(np.stack([np.interp(at, np.arange(len(seen)), axis) for axis in seen.T], -1))
        points_px = torch.from_numpy(np.stack(stretched)).float() if stretched else torch.zeros(0, num_frames, 2)
        return Trajectories(points_px.nan_to_num(), torch.isfinite(points_px).all(-1))

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
        x, y = self.points_px.unbind(-1)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & self.visible.bool()
        for number in range(self.num_trajectories):
            if self.visible[number].any() and not inside[number].any():
                point = self.points_px[number][self.visible[number].bool()][0].tolist()
                raise ValueError(
                    f"trajectory {number} never enters the frame: it starts at x {point[0]:g}, y {point[1]:g}; "
                    f"the frame is {width}×{height} (were the tracks drawn on another size?)"
                )

    def to_json(self) -> str:
        """Serialized as most tools do: [[{"x": …, "y": …}, … one per frame], … one per trajectory], in pixels.

        Each is cut at its last visible frame, and one without any is left out; frames hidden before
        that cannot be told apart here and are written with the position they hold.
        """
        tracks = []
        for points, visible in zip(self.points_px.tolist(), self.visible.tolist()):
            seen = [frame for frame, is_visible in enumerate(visible) if is_visible]
            if seen:  # an empty one would be refused where it is read
                tracks.append([{"x": round(x, 4), "y": round(y, 4)} for x, y in points[: seen[-1] + 1]])
        return json.dumps(tracks)


def parse_tracks(text: str) -> Trajectories:
    """Reads the tracks of any tool, in pixels; where one ends before the others it is hidden.

    Understood: a list of tracks, each a list of {"x", "y"} or [x, y]; one track alone; several
    such texts in a list; Python's single quotes. No track at all is a valid answer ("[]").
    Raises ValueError that names the track and the point.
    """
    tracks = [_read_track(number, track) for number, track in enumerate(_tracks_in(_read_literal(text)))]
    if sum(map(len, tracks)) > MAX_POINTS:
        raise ValueError(f"the tracks hold {sum(map(len, tracks))} points; at most {MAX_POINTS} are read")
    num_frames = max(map(len, tracks), default=0)
    points_px = torch.zeros(len(tracks), num_frames, 2)
    visible = torch.zeros(len(tracks), num_frames, dtype=torch.bool)
    for number, track in enumerate(tracks):
        points_px[number, : len(track)] = torch.tensor(track)
        visible[number, : len(track)] = True
    return Trajectories(points_px, visible)


def from_comfy_tracks(track_path: Tensor, track_visibility: Tensor | None) -> Trajectories:
    """ComfyUI's TRACKS: track_path (T, N, 2) x, y in pixels, track_visibility (T, N), None: always.

    Raises ValueError for other shapes.
    """
    if track_path.ndim != 3 or track_path.shape[-1] != 2:
        raise ValueError(f"TRACKS track_path must have shape (frames, tracks, 2), not {tuple(track_path.shape)}")
    if track_visibility is None:
        track_visibility = torch.ones(track_path.shape[:2], dtype=torch.bool)
    return Trajectories(track_path.float().cpu().transpose(0, 1), track_visibility.bool().cpu().transpose(0, 1))


def _read_literal(text: str) -> Any:
    """JSON, or the Python list that some nodes print."""
    text = text.strip()
    if not text:
        raise ValueError('the tracks are empty; write "[]" to edit without trajectories')
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as json_error:  # not only JSONDecodeError: digits have a limit too
        if "'" not in text:
            raise ValueError(f"the tracks are not JSON: {json_error}") from None
    try:
        return literal_eval(text)  # literals only: nothing in the text is run
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"the tracks are neither JSON nor a Python list: {text[:60]!r}") from None


def _tracks_in(value: Any) -> list[Any]:
    """The list of tracks, however deep the tool wrapped it."""
    if isinstance(value, str):
        return _tracks_in(_read_literal(value))
    if not isinstance(value, list):
        raise ValueError(f"the tracks must be a list of paths, not {type(value).__name__}")
    if not value:
        return []
    if isinstance(value[0], str):  # several texts, each with tracks of its own
        return [track for text in value for track in _tracks_in(text)]
    if _is_point(value[0]):  # one track alone
        return [value]
    if isinstance(value[0], list) and value[0] and isinstance(value[0][0], list) and not _is_point(value[0][0]):
        return [track for group in value for track in _tracks_in(group)]  # one level too many
    return value


def _is_point(value: Any) -> bool:
    if isinstance(value, dict):
        return True
    return isinstance(value, list) and len(value) == 2 and not any(isinstance(v, (list, dict, str)) for v in value)


def _read_track(number: int, track: Any) -> list[list[float]]:
    if not isinstance(track, list):
        raise ValueError(f"track {number} must be a list of points, not {type(track).__name__}")
    if not track:
        raise ValueError(f"track {number} has no points")
    points = []
    for frame, point in enumerate(track):
        pair = [point.get("x"), point.get("y")] if isinstance(point, dict) else point
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"track {number}, point {frame}: expected x and y, found {point!r}")
        if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in pair):
            raise ValueError(f"track {number}, point {frame}: x and y must be numbers, found {point!r}")
        try:
            x, y = map(float, pair)
        except OverflowError:  # a whole number of hundreds of digits
            x = y = float("inf")
        if not (np.isfinite(x) and np.isfinite(y)):
            raise ValueError(f"track {number}, point {frame}: x {x:g}, y {y:g} is not finite")
        points.append([x, y])
    return points
