"""EditDocument: what a person drew in the editor, as JSON ↔ paths and regions → trajectories and a mask for a clip.

docs/edit_document.md says what it means. The editor's js/ computes the same for the screen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..tracks.trajectories import Trajectories
from .curves import keyframes, lengths_at, measure_curve
from .easing import Easing
from .masks import paint
from .pose import Motion, Poses, follow_motion, pose
from .schema import DrawnPath, Keyframe, Region, read_fields

FRAME_TOLERANCE = 1e-6  # times of frames are computed

MILLIONTHS = 1_000_000  # that scales and turns are written to

Digits = Callable[..., float]  # how a number is written; a coordinate, unless another part of one is given


@dataclass(frozen=True, kw_only=True)
class EditDocument:
    """A drawing of paths and regions; it fits clips of any size and length, in proportion."""

    width: int  # pixels of the picture that was drawn on
    height: int
    frames: int
    paths: tuple[DrawnPath, ...] = ()
    regions: tuple[Region, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> EditDocument:
        """Reads and checks; ValueError names the culprit. A blank text is a drawing with nothing on it."""
        return cls(**read_fields(text))

    def to_json(self, exact: bool = False) -> str:
        """As the editor writes it too: coordinates to a thousandth of a pixel, or all their digits."""
        digits = _exact if exact else _rounded
        items: list[DrawnPath | Region] = [*self.paths, *self.regions]
        fields = {
            "version": 2 if any(map(_is_newer, items)) else 1,
            "width": self.width,
            "height": self.height,
            "frames": self.frames,
            "paths": [_path_fields(path, digits) for path in self.paths],
            "regions": [_region_fields(region, digits) for region in self.regions],
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    def trajectories(self, num_frames: int, height: int, width: int) -> Trajectories:
        """The visible paths in their order, on a clip of that length and size in pixels, in float64.

        Raises ValueError, naming the path, where one is outside the frame all of its time.
        """
        points_px, visible = self.dense_points(num_frames, height, width)
        inside = ((points_px >= 0) & (points_px < (width, height))).all(-1) & visible
        shown = [(number, path) for number, path in enumerate(self.paths, 1) if path.visible is not False]
        for (number, path), seen, within in zip(shown, visible, inside):
            if seen.any() and not within.any():
                raise ValueError(
                    f"path {number} ({path.id}) never enters the frame of {width}×{height}: "
                    f"move it, shorten its time or hide it"
                )
        return Trajectories(torch.from_numpy(points_px), torch.from_numpy(visible))

    @property
    def adds_to_mask(self) -> bool:
        """Whether a region is shown and added to the mask, wherever it lies."""
        return any(region.visible is not False and region.mode != "subtract" for region in self.regions)

    def mask(
        self,
        num_frames: int,
        height: int,
        width: int,
        frames: range | None = None,
        base: Tensor | None = None,  # (1 or T, 1, H, W) in [0, 1]
    ) -> Tensor:
        """The mask (1 or T, 1, H, W) in [0, 1] of a clip of that length and size in pixels.

        T masks only where a region follows a path that moves, or has keys that differ, or `base` has T: the
        regions are added to it, and taken from it. `frames`: of these alone, for clips whose masks would fill
        the memory.
        """
        frames = range(num_frames) if frames is None else frames
        shown = [region for region in self.regions if region.visible is not False]
        poses = self._poses(shown, num_frames)
        moving = [each.moves for each in poses]
        still = moving.index(True) if any(moving) else len(shown)  # those before the first that moves
        of_each = base is not None and len(base) > 1
        masks = np.zeros((len(frames) if any(moving) or of_each else 1, 1, height, width), np.float32)
        if base is not None:
            masks[:] = (base[frames.start : frames.stop : frames.step] if of_each else base).numpy(force=True)
        if of_each:
            still = 0  # each is painted by itself
        else:
            self._paint(masks[0, 0], poses[:still], 0)
            masks[1:] = masks[0]
        for frame, mask in zip(frames, masks[:, 0]):
            self._paint(mask, poses[still:], frame)
        return torch.from_numpy(masks)

    def dense_points(
        self, num_frames: int, height: int, width: int
    ) -> tuple[np.ndarray, np.ndarray]:  # (N, T, 2) x, y in pixels of the clip, (N, T) bool
        """As `trajectories`, wherever the paths are."""
        times = self._times(num_frames)
        shown = [path for path in self.paths if path.visible is not False]
        points_px, visible = np.zeros((len(shown), num_frames, 2)), np.zeros((len(shown), num_frames), bool)
        for number, path in enumerate(shown):
            points_px[number] = self._places(path, times) * (width / self.width, height / self.height)
            start, end = self._range(path)
            visible[number] = (times >= start - FRAME_TOLERANCE) & (times <= end + FRAME_TOLERANCE)
        return points_px, visible

    def _times(self, num_frames: int) -> np.ndarray:
        """(T,) The document's time at each frame of a clip."""
        return np.arange(num_frames) * (self.frames - 1) / max(num_frames - 1, 1)

    def _range(self, path: DrawnPath) -> tuple[float, float]:
        return path.start or 0.0, self.frames - 1.0 if path.end is None else path.end

    def _places(self, path: DrawnPath, times: np.ndarray) -> np.ndarray:
        """(T, 2) Where a path is at these times, in pixels of the document; it rests while it is hidden."""
        curve = measure_curve(np.array([point[:2] for point in path.points]), straight=path.kind == "line")
        frames = [point.frame for point in path.points]
        easings = [point.easing or path.easing or "linear" for point in path.points]
        return curve.at(lengths_at(*keyframes(curve, frames, easings, *self._range(path)), times))

    def _poses(self, regions: list[Region], num_frames: int) -> list[Poses]:
        times = self._times(num_frames)
        ids = {path_id for region in regions for path_id in region.followed}
        followed = {path.id: path for path in self.paths if path.id in ids}
        places = {path_id: self._places(path, times) for path_id, path in followed.items()}

        def motion(region: Region) -> Motion | None:
            starts_px = [followed[path_id].points[0][:2] for path_id in region.followed]
            return follow_motion(starts_px, [places[path_id] for path_id in region.followed]) if starts_px else None

        return [pose(region, motion(region), times) for region in regions]

    def _paint(self, mask: np.ndarray, poses: list[Poses], frame: int) -> None:
        """Adds regions to a mask (H, W), or takes them away, in their order."""
        height, width = mask.shape
        scale = self.width / width, self.height / height
        paint(mask, [each.shape(frame) for each in poses], [each.moved_px[frame] for each in poses], scale)


# --- Writing -------------------------------------------------------------------------------


def _is_newer(item: DrawnPath | Region) -> bool:
    """Whether it has a field that version 1 does not have."""
    if item.locked is not None or item.group is not None:
        return True
    if isinstance(item, Region):
        return item.keys is not None or isinstance(item.follow, tuple)
    return any(point.easing is not None for point in item.points)


def _path_fields(path: DrawnPath, digits: Digits) -> dict[str, Any]:
    points = [
        _given(x=digits(x), y=digits(y), frame=_number(frame), easing=_easing(easing))
        for x, y, frame, easing in path.points
    ]
    return _given(
        id=path.id,
        kind=path.kind,
        name=path.name,
        color=path.color,
        points=points,
        start=_number(path.start),
        end=_number(path.end),
        easing=path.easing,
        visible=path.visible,
        locked=path.locked,
        group=path.group,
    )


def _region_fields(region: Region, digits: Digits) -> dict[str, Any]:
    return _given(
        id=region.id,
        kind=region.kind,
        name=region.name,
        mode=region.mode,
        points=_pairs(region.points, digits),
        radius=None if region.radius is None else max(digits(region.radius), 0.001),
        feather=None if region.feather is None else digits(region.feather),
        follow=list(region.follow) if isinstance(region.follow, tuple) else region.follow,
        keys=None if region.keys is None else [_key_fields(key, digits) for key in region.keys],
        visible=region.visible,
        locked=region.locked,
        group=region.group,
    )


def _key_fields(key: Keyframe, digits: Digits) -> dict[str, Any]:
    return _given(
        frame=_whole(key.frame),
        move=None if key.move is None else [digits(value) for value in key.move],
        scale=None if key.scale is None else [digits(value, MILLIONTHS) for value in key.scale],
        rotate=None if key.rotate is None else digits(key.rotate, MILLIONTHS),
        points=None if key.points is None else _pairs(key.points, digits),
        easing=_easing(key.easing),
    )


def _pairs(points: Sequence[tuple[float, float]], digits: Digits) -> list[list[float]]:
    return [[digits(x), digits(y)] for x, y in points]


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _rounded(value: float, parts: int = 1000) -> float:
    return _whole(math.floor(value * parts + 0.5) / parts)  # as JavaScript rounds halves


def _easing(easing: Easing | None) -> str | list[float] | None:
    return [_whole(value) for value in easing] if isinstance(easing, tuple) else easing


def _number(value: float | None) -> float | None:
    return None if value is None else _whole(value)


def _exact(value: float, parts: int = 1) -> float:
    return _whole(value)


def _whole(value: float) -> float:
    """JavaScript writes 3 where Python would write 3.0."""
    return int(value) if value == int(value) else value
