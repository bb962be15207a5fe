"""Paths that a person drew → dense Trajectories, one point per frame.

Tracks arrive in many spellings: `parse_tracks` reads all that ComfyUI packs write.
"""

from __future__ import annotations

import json
from ast import literal_eval
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

MAX_POINTS = 1_000_000  # a drawing has thousands; more is a mistake that would only exhaust memory


@dataclass(frozen=True)
class Trajectories:
    """N paths over T frames, in pixels of the frame they were drawn on."""

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
            path, frame = wrong.nonzero()[0].tolist()
            raise ValueError(f"trajectory {path} at frame {frame} is not a finite number")

    @property
    def num_paths(self) -> int:
        return self.points_px.shape[0]

    @property
    def num_frames(self) -> int:
        return self.points_px.shape[1]

    @classmethod
    def none(cls, num_frames: int) -> Trajectories:
        """No path at all: only content is edited."""
        return cls(torch.zeros(0, num_frames, 2), torch.zeros(0, num_frames, dtype=torch.bool))

    def scaled(self, x: float, y: float) -> Trajectories:
        """The same paths on a frame of another size."""
        return Trajectories(self.points_px * torch.tensor([x, y], dtype=self.points_px.dtype), self.visible)

    def stretched(self, num_frames: int) -> Trajectories:
        """Each path's visible part spread evenly over `num_frames` frames.

        Linear between its points, as the tools that write dense tracks mean them: first
        point on the first frame, last on the last.
        """
        stretched = []
        for points, visible in zip(self.points_px, self.visible):
            kept = points[visible.bool()].double().numpy()
            if len(kept) == 0:
                kept = np.full((1, 2), np.nan)
            at = np.linspace(0, len(kept) - 1, num_frames)
            stretched.append(np.stack([np.interp(at, np.arange(len(kept)), axis) for axis in kept.T], -1))
        points_px = torch.from_numpy(np.stack(stretched)).float() if stretched else torch.zeros(0, num_frames, 2)
        return Trajectories(points_px.nan_to_num(), torch.isfinite(points_px).all(-1))

    def fitted(self, num_frames: int) -> Trajectories:
        """As they are over `num_frames` frames: cut off behind the last, hidden where they ended."""
        points = torch.zeros(self.num_paths, num_frames, 2, dtype=self.points_px.dtype)
        visible = torch.zeros(self.num_paths, num_frames, dtype=torch.bool)
        kept = min(num_frames, self.num_frames)
        points[:, :kept] = self.points_px[:, :kept]
        visible[:, :kept] = self.visible[:, :kept]
        return Trajectories(points, visible)

    def check(self, num_frames: int, height: int, width: int) -> None:
        """Raises ValueError unless the paths fit a video of that length and size."""
        if self.num_frames != num_frames:
            raise ValueError(
                f"the trajectories cover {self.num_frames} frames; the video has {num_frames}: "
                f"stretch or fit them to the video"
            )
        x, y = self.points_px.unbind(-1)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & self.visible.bool()
        for path in range(self.num_paths):
            if self.visible[path].any() and not inside[path].any():
                point = self.points_px[path][self.visible[path].bool()][0].tolist()
                raise ValueError(
                    f"trajectory {path} never enters the frame: it starts at x {point[0]:g}, y {point[1]:g}; "
                    f"the frame is {width}×{height} (were the tracks drawn on another size?)"
                )

    def to_json(self) -> str:
        """The spelling most tools share: [[{"x": …, "y": …}, … one per frame], … one per path].

        A path is cut at its last visible frame, and one without any is left out; frames hidden
        before that have no spelling here and are written with the position they hold.
        """
        paths = []
        for points, visible in zip(self.points_px.tolist(), self.visible.tolist()):
            seen = [frame for frame, is_visible in enumerate(visible) if is_visible]
            if seen:  # an empty path would be refused where it is read
                paths.append([{"x": round(x, 4), "y": round(y, 4)} for x, y in points[: seen[-1] + 1]])
        return json.dumps(paths)


def parse_tracks(text: str) -> Trajectories:
    """Reads the tracks STRING of any tool; a ragged end hides the rest of that path.

    Understood: a list of paths, each a list of {"x", "y"} or [x, y]; one path alone; several
    such texts in a list; Python's single quotes. No path at all is a valid answer ("[]").
    Raises ValueError that names the path and the point.
    """
    paths = [_read_path(number, path) for number, path in enumerate(_paths_in(_read_literal(text)))]
    if sum(map(len, paths)) > MAX_POINTS:
        raise ValueError(f"the tracks hold {sum(map(len, paths))} points; at most {MAX_POINTS} are read")
    num_frames = max(map(len, paths), default=0)
    points_px = torch.zeros(len(paths), num_frames, 2)
    visible = torch.zeros(len(paths), num_frames, dtype=torch.bool)
    for number, path in enumerate(paths):
        points_px[number, : len(path)] = torch.tensor(path)
        visible[number, : len(path)] = True
    return Trajectories(points_px, visible)


def from_comfy_tracks(track_path: Tensor, track_visibility: Tensor | None) -> Trajectories:
    """ComfyUI's TRACKS: track_path (F, N, 2) px, track_visibility (F, N)."""
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


def _paths_in(value: Any) -> list[Any]:
    """The list of paths, however deep the tool wrapped it."""
    if isinstance(value, str):
        return _paths_in(_read_literal(value))
    if not isinstance(value, list):
        raise ValueError(f"the tracks must be a list of paths, not {type(value).__name__}")
    if not value:
        return []
    if isinstance(value[0], str):  # several texts, each with paths of its own
        return [path for text in value for path in _paths_in(text)]
    if _is_point(value[0]):  # one path alone
        return [value]
    if isinstance(value[0], list) and value[0] and isinstance(value[0][0], list) and not _is_point(value[0][0]):
        return [path for group in value for path in _paths_in(group)]  # one level too many
    return value


def _is_point(value: Any) -> bool:
    if isinstance(value, dict):
        return True
    return isinstance(value, list) and len(value) == 2 and not any(isinstance(v, (list, dict, str)) for v in value)


def _read_path(number: int, path: Any) -> list[list[float]]:
    if not isinstance(path, list):
        raise ValueError(f"track {number} must be a list of points, not {type(path).__name__}")
    if not path:
        raise ValueError(f"track {number} has no points")
    points = []
    for frame, point in enumerate(path):
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
