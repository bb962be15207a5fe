"""An edit of a small part of a large frame, on a crop that goes along with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ..edit import Edit
from ..tracks.trajectories import Trajectories
from ..video.fitting import choose_size, fit_frames
from ..video.pixels import as_mask
from .long_video import Frames

CropMode = Literal["auto", "always", "off"]

BEST_PIXELS = 1024 * 1024  # pixels that the model works at unless asked: where the released weights are at home
CONTEXT_PX = 24  # around what is edited, on each side: what the model joins its picture to
LEAST_SIDE_PX = 128  # of each side; and four of the model's own units
WORTH_IT = 0.6  # of the frame: where a crop saves less, the whole frame is edited
STILL = 1.25  # times a moving crop's size: one that rests and is no larger shows the model a ground at rest
SMOOTHING = 9  # frames over which a moving crop's way is averaged
MASKS_AT_ONCE = 64


@dataclass(frozen=True)
class Crop:
    """The same part of every frame in size, elsewhere in each; in whole pixels, so that nothing is resampled."""

    corners: np.ndarray  # (T, 2) int: top and left in each frame
    size: tuple[int, int]  # height, width

    @classmethod
    def of_all(cls, num_frames: int, size: tuple[int, int]) -> Crop:
        """Whole frames."""
        return cls(np.zeros((num_frames, 2), int), size)

    def check(self, num_frames: int, size: tuple[int, int]) -> None:
        """ValueError unless it is a crop of such a video."""
        if len(self.corners) != num_frames or (self.corners.max(0) + self.size > size).any():
            raise ValueError(
                f"the crop is of {len(self.corners)} other frames than these {num_frames} of {size[1]}×{size[0]}: "
                f"give the frames that it was planned for"
            )

    def window(self, frame: int) -> tuple[slice, slice]:
        """Rows and columns of a frame."""
        (top, left), (height, width) = self.corners[frame].tolist(), self.size
        return slice(top, top + height), slice(left, left + width)

    def cut(self, frames: Tensor, start: int) -> Tensor:
        """(T, C, H, W), the first of which is frame `start` → (T, C, height, width)."""
        windows = (self.window(start + number) for number in range(len(frames)))
        return torch.stack([frame[:, rows, columns] for frame, (rows, columns) in zip(frames, windows)])

    def of_edit(self, edit: Edit, size: tuple[int, int]) -> Edit:
        """An edit drawn on the whole frames as it is on their crops fitted to that height and width."""
        trajectories = edit.trajectories
        corners = torch.from_numpy(self.corners[:, ::-1].copy())[: trajectories.num_frames]
        moved = Trajectories(trajectories.points_px - corners.to(trajectories.points_px), trajectories.visible)
        still = isinstance(edit.mask, Tensor) and len(edit.mask) == 1 and (self.corners == self.corners[0]).all()
        mask = self.cut(edit.masks(0, 1), 0) if still else _CroppedMasks(edit, self, size)
        pictures = {index: self.cut(picture[None], index)[0] for index, picture in edit.edited_frames.items()}
        part = edit.with_pictures(pictures, moved, mask)
        return part.for_clip(trajectories.num_frames, self.size, size, "stretch")


@dataclass(frozen=True)
class _CroppedMasks:
    edit: Edit
    crop: Crop
    size: tuple[int, int]  # height, width

    def read(self, start: int, stop: int) -> Tensor:
        masks = self.crop.cut(self.edit.masks(start, stop), start)
        return masks if self.size == self.crop.size else as_mask(fit_frames(masks.float(), *self.size))


@dataclass(frozen=True)
class CroppedFrames:
    """`Frames` of a crop; `stitch` puts what became of them back."""

    source: Frames
    crop: Crop

    def __len__(self) -> int:
        return len(self.source)

    @property
    def size(self) -> tuple[int, int]:
        return self.crop.size

    def read(self, start: int, stop: int) -> Tensor:
        return self.crop.cut(self.source.read(start, stop), start)

    def stitch(self, pictures: Iterator[Tensor]) -> Iterator[Tensor]:
        """Crops (3, height, width) in their order → frames (3, H, W), the source's to the bit around them."""
        for number, picture in enumerate(pictures):
            [frame] = self.source.read(number, number + 1).clone()
            rows, columns = self.crop.window(number)
            frame[:, rows, columns] = picture.to(frame)
            yield frame


def plan_crop(edit: Edit, num_frames: int, multiple: int, mode: CropMode = "always") -> Crop | None:
    """Where to crop frames that `edit` is drawn on, for a model that takes sides of that multiple.

    The crop holds the mask and the visible points of each frame with some pixels around, rests where that costs
    little and else goes along smoothly. "auto": of frames that are larger than the model works at. None: the whole
    frame is as good. ValueError where the edit is none of such a video.
    """
    if mode not in get_args(CropMode):
        raise ValueError(f'crop "{mode}" is not one of "auto", "always", "off"')
    if mode == "off" or (mode == "auto" and edit.size[0] * edit.size[1] <= BEST_PIXELS):
        return None
    edit = edit.for_clip(num_frames, edit.size, edit.size, "stretch")
    edit.check(num_frames, *edit.size)
    boxes = _boxes(edit, num_frames)
    if boxes is None:
        return None
    frame = np.array(edit.size)
    centres = _smoothed((boxes[:, 0] + boxes[:, 1]) / 2)
    reach = np.maximum(centres - boxes[:, 0], boxes[:, 1] - centres).max(0)
    moving = _snapped(2 * np.ceil(reach), multiple, frame)
    low, high = boxes[:, 0].min(0), boxes[:, 1].max(0)
    resting = _snapped(high - low, multiple, frame)
    if resting.prod() <= STILL * moving.prod():
        size, centres = resting, np.broadcast_to((low + high) / 2, centres.shape)
    else:
        size = moving
    if mode == "auto" and size.prod() > WORTH_IT * frame.prod():
        return None
    corners = np.clip(np.round(centres - size / 2), 0, frame - size).astype(int)
    return Crop(corners, (int(size[0]), int(size[1])))


def working_size(height: int, width: int, multiple: int) -> tuple[int, int]:
    """A video's height and width as near as the model can work at them."""
    scale = min(1.0, (BEST_PIXELS / (height * width)) ** 0.5)
    return choose_size(height, width, "area", round(height * scale), round(width * scale), multiple)


def _boxes(edit: Edit, num_frames: int) -> np.ndarray | None:
    """(T, 2, 2): first and last (exclusive) row and column of what is edited; None where nothing is.

    A frame in which nothing is edited has the box between its neighbours'.
    """
    boxes = np.full((num_frames, 2, 2), np.nan)
    still = isinstance(edit.mask, Tensor) and len(edit.mask) == 1
    for start in range(0, 1 if still else num_frames, MASKS_AT_ONCE):
        masks = edit.masks(start, 1 if still else min(start + MASKS_AT_ONCE, num_frames))[:, 0]
        for number, mask in enumerate(masks):
            for axis, inside in enumerate((mask.any(1), mask.any(0))):
                found = inside.nonzero()
                if len(found):
                    boxes[start + number, :, axis] = int(found[0]), int(found[-1]) + 1
    if still:
        boxes[:] = boxes[0]
    frame = np.array(edit.size, float)
    points = edit.trajectories.points_px.double().numpy()[..., ::-1]  # y, x
    points = np.where(edit.trajectories.visible.bool().numpy()[..., None], np.clip(points, 0, frame), np.nan)
    if points.shape[0] and points.shape[1] == num_frames:
        seen = ~np.isnan(points[..., 0]).all(0)
        boxes[seen, 0] = np.fmin(boxes[seen, 0], np.floor(np.nanmin(points[:, seen], 0)))
        boxes[seen, 1] = np.fmax(boxes[seen, 1], np.ceil(np.nanmax(points[:, seen], 0)))
    known = np.flatnonzero(~np.isnan(boxes[:, 0, 0]))
    if not len(known):
        return None
    for side in np.ndindex(2, 2):
        boxes[(slice(None), *side)] = np.interp(np.arange(num_frames), known, boxes[(known, *side)])
    return boxes


def _smoothed(centres: np.ndarray) -> np.ndarray:  # (T, 2)
    around = SMOOTHING // 2
    padded = np.pad(centres, ((around, around), (0, 0)), mode="edge")
    return np.stack([padded[at : at + len(centres)] for at in range(SMOOTHING)]).mean(0)


def _snapped(size: np.ndarray, multiple: int, frame: np.ndarray) -> np.ndarray:
    """With its context a multiple, no smaller than a model sees anything in, and within the frame."""
    wanted = np.maximum(size + 2 * CONTEXT_PX, max(LEAST_SIDE_PX, 4 * multiple))
    return np.minimum(np.ceil(wanted / multiple) * multiple, frame).astype(int)
