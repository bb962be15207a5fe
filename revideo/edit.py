"""Edit: what the user asks for — an edited frame, trajectories, and the mask of what may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from .tracks.tracks_text import parse_tracks
from .tracks.trajectories import Trajectories
from .video.fitting import Fit, fit_frames, place_source
from .video.pixels import Picture, as_edited_picture, as_mask, check_pixels


@runtime_checkable
class MaskReader(Protocol):
    """Masks read as they are needed: for thousands of frames they would outweigh the video."""

    def read(self, start: int, stop: int) -> Tensor:
        """(1 or stop − start, 1, H, W) bool of these frames; ValueError where they are not to be had."""


@dataclass(frozen=True, init=False)
class Edit:
    """One edit of a clip of any length; `check` says whether it fits the clip.

    All that comes in is converted here, once: pictures of any kind become tensors, masks become bool (0.5 and
    above may change), the text of tracks becomes trajectories. Points are in pixels of the edited frame.
    An edited frame is one opaque picture. Raises ValueError, or OSError for files, that names what cannot be read.
    """

    edited_frame: Tensor  # (3, H, W) in [0, 1]: the clip's frame `edited_index`, changed
    trajectories: Trajectories  # where things shall move
    mask: Tensor | MaskReader  # (1 or T, 1, H, W) bool: True where the video may change
    edited_index: int = 0
    keyframes: dict[int, Tensor] = field(default_factory=dict)  # (3, H, W) each: further frames, changed, by number
    whole_frame: bool = False  # everything may change, as the paper's first stage trains it: `mask` is everywhere

    def __init__(
        self,
        edited_frame: Picture,
        trajectories: Trajectories | str | None,
        mask: Picture | MaskReader | None,
        edited_index: int = 0,
        keyframes: Mapping[int, Picture] | None = None,
        whole_frame: bool = False,
    ) -> None:
        """`trajectories`: also the tracks of any tool as text, see `parse_tracks`; None: nothing is moved.

        `keyframes`: other frames of the clip that were edited too, by their numbers. `whole_frame`: no pixel of the
        source is to stay, and `mask`, which may be None then, is not looked at; without it a mask that covers all is
        taken for a mistake.
        """
        if trajectories is None:
            trajectories = Trajectories.none(1)
        object.__setattr__(self, "edited_index", _whole_number(edited_index, "edited_index"))
        if not isinstance(keyframes, Mapping | None):
            kind = type(keyframes).__name__
            raise ValueError(f"keyframes must be a dict of pictures by the numbers of their frames, not a {kind}")
        if not isinstance(whole_frame, bool):
            raise ValueError(f"whole_frame must be True or False, not {whole_frame!r:.80}")
        object.__setattr__(self, "edited_frame", as_edited_picture(edited_frame, self._name(self.edited_index)))
        if isinstance(trajectories, str):
            trajectories = parse_tracks(trajectories, (self.size[1], self.size[0]))
            trajectories.check_pixels("give parse_tracks(text).scaled(width, height)")
        if trajectories.drawn_on:
            width, height = trajectories.drawn_on
            trajectories = trajectories.scaled(self.size[1] / width, self.size[0] / height)
        object.__setattr__(self, "trajectories", trajectories)
        object.__setattr__(self, "whole_frame", whole_frame)
        if whole_frame:
            mask = torch.ones(1, 1, *self.size)
        elif mask is None:
            raise ValueError("there is no mask: give one, or whole_frame=True where everything may change")
        object.__setattr__(self, "mask", mask if isinstance(mask, MaskReader) else as_mask(mask))
        numbered = {_whole_number(index, "a key of keyframes"): frame for index, frame in (keyframes or {}).items()}
        pictures = {index: as_edited_picture(frame, f"edited frame {index}") for index, frame in numbered.items()}
        object.__setattr__(self, "keyframes", pictures)

    def _name(self, index: int) -> str:
        """What messages call the picture of a frame: by its number, but for the first where that is usual."""
        return "edited frame" if index == self.edited_index == 0 else f"edited frame {index}"

    @property
    def edited_frames(self) -> dict[int, Tensor]:
        """All pictures (3, H, W) that were given, by the number of their frame, in the clip's order."""
        pictures = {self.edited_index: self.edited_frame, **self.keyframes}
        return {index: pictures[index] for index in sorted(pictures)}

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture that everything is drawn on."""
        return self.edited_frame.shape[-2], self.edited_frame.shape[-1]

    def check(self, num_frames: int, height: int, width: int) -> None:
        """Raises ValueError, naming the culprit, unless the edit fits a video of that length and size."""
        if self.size != (height, width):
            raise ValueError(
                f"the {self._name(self.edited_index)} is {_size(self.edited_frame)}; the video is {width}×{height}: "
                f"edit {'frame ' + str(self.edited_index) if self.edited_index else 'the first frame'} of the prepared "
                f"video, or prepare both alike"
            )
        if self.edited_index in self.keyframes:
            raise ValueError(f"two edited frames are said to be frame {self.edited_index}: give each frame once")
        for index, picture in self.edited_frames.items():
            if (picture.shape[-2], picture.shape[-1]) != (height, width):
                raise ValueError(
                    f"the edited frame {index} is {_size(picture)}; the video is {width}×{height}: "
                    f"edit frame {index} of the prepared video, or prepare both alike"
                )
            check_pixels(self._name(index), picture[None])
        if isinstance(self.mask, Tensor) and not self.whole_frame:
            check_mask(self.mask, num_frames, height, width)
        self.trajectories.check(num_frames, height, width)
        for index in self.edited_frames:
            if not 0 <= index < num_frames:
                raise ValueError(
                    f"the edited frame is said to be frame {index}; the video has frames 0 to {num_frames - 1}"
                )

    def masks(self, start: int, stop: int) -> Tensor:
        """(stop − start, 1, H, W) bool: the mask in these frames; it may be empty in any of them."""
        if isinstance(self.mask, Tensor):
            mask = self.mask if len(self.mask) == 1 else self.mask[start:stop]
        else:
            mask = self.mask.read(start, stop)
        return mask.expand(stop - start, -1, -1, -1)

    def trajectories_between(self, start: int, stop: int) -> Trajectories:
        """All of them in these frames, in frames counted from `start`; hidden points are zero."""
        visible = self.trajectories.visible[:, start:stop].bool()
        return Trajectories(torch.where(visible[..., None], self.trajectories.points_px[:, start:stop], 0), visible)

    def for_clip(self, num_frames: int, source_size: tuple[int, int], size: tuple[int, int], fit: Fit) -> Edit:
        """The edit as it is on the clip's frames fitted from `source_size` to `size` (height, width).

        What is drawn on the source's own size is fitted as the clip is; what has the fitted size already is
        taken as it is. Trajectories of another length are stretched over the clip. ValueError for other sizes.
        """
        pictures = {
            index: fit_like_clip(picture[None], self._name(index), source_size, size, fit)[0]
            for index, picture in self.edited_frames.items()
        }
        mask = self.mask
        if isinstance(mask, Tensor) and mask.any():  # an empty one, of whatever size, is refused by `check`
            mask = fit_like_clip(mask.float(), "mask", source_size, size, fit)
        trajectories = self.trajectories
        if trajectories.num_frames != num_frames:
            trajectories = trajectories.for_clip(num_frames)
        if self.size != size:
            trajectories = fit_trajectories(trajectories, source_size, size, fit)
        return self.with_pictures(pictures, trajectories, mask)

    def with_pictures(
        self, pictures: Mapping[int, Tensor], trajectories: Trajectories, mask: Tensor | MaskReader
    ) -> Edit:
        """The same frames edited, with `pictures` by their numbers as `edited_frames`."""
        others = {index: pictures[index] for index in self.keyframes}
        return Edit(pictures[self.edited_index], trajectories, mask, self.edited_index, others, self.whole_frame)

    def from_frame(self, first: int, num_frames: int) -> Edit:
        """The edit of a clip of so many frames from frame `first` on, which is an edited one."""
        pictures = {index - first: picture for index, picture in self.edited_frames.items() if index >= first}
        mask = self.mask
        if not isinstance(mask, Tensor):
            mask = _LaterMasks(mask, first)
        elif len(mask) > 1:
            mask = mask[first:]
        trajectories = self.trajectories_between(first, num_frames)
        return Edit(pictures.pop(0), trajectories, mask, 0, pictures, self.whole_frame)

    def reordered(self, order: Sequence[int]) -> Edit:
        """The edit of the clip's frames in this order, which begins with an edited one and knows of no other."""
        order = list(order)
        trajectories = Trajectories(self.trajectories.points_px[:, order], self.trajectories.visible[:, order])
        mask = self.mask if isinstance(self.mask, Tensor) else self.masks(0, max(order) + 1)
        if len(mask) > 1:
            mask = mask[order]
        return Edit(self.edited_frames[order[0]], trajectories, mask, whole_frame=self.whole_frame)


@dataclass(frozen=True)
class _LaterMasks:
    """Masks from a later frame on."""

    masks: MaskReader
    first: int

    def read(self, start: int, stop: int) -> Tensor:
        return self.masks.read(self.first + start, self.first + stop)


def fit_like_clip(frames: Tensor, name: str, source_size: tuple[int, int], size: tuple[int, int], fit: Fit) -> Tensor:
    """Frames (T, C, H, W) fitted from `source_size` to `size` as the clip is, unless they have that size already."""
    found = frames.shape[-2], frames.shape[-1]
    if found == source_size:
        return fit_frames(frames, *size, fit)
    if found != size:
        other = f", or {size[1]}×{size[0]}, the size the clip is fitted to" if size != source_size else ""
        raise ValueError(
            f"the {name} is {found[1]}×{found[0]}, the clip {source_size[1]}×{source_size[0]}: give it the clip's "
            f"size{other}"
        )
    return frames


def fit_trajectories(
    trajectories: Trajectories,
    source_size: tuple[int, int],  # height, width
    size: tuple[int, int],
    fit: Fit,
    drawn_on: tuple[float, float] | None = None,
) -> Trajectories:
    """In pixels of the clip, or of a picture of it of size `drawn_on` → in pixels of its frames fitted to `size`."""
    height, width, top, left = place_source(*source_size, *size, fit)
    drawn_height, drawn_width = drawn_on or source_size
    scaled = trajectories.scaled(width / drawn_width, height / drawn_height)
    return Trajectories(scaled.points_px + torch.tensor([left, top]), scaled.visible)


def check_video(video: Tensor) -> None:
    """Raises ValueError unless it is a clip (T, 3, H, W) in [0, 1] of two frames at least."""
    if video.ndim != 4 or video.shape[1] != 3:
        raise ValueError(f"the video must have shape (T, 3, H, W), not {tuple(video.shape)}")
    frames = len(video)
    if frames < 2:
        raise ValueError(f"the video has {frames} frame{'s' * (frames != 1)}; an edit needs at least 2")
    check_pixels("video", video)


def check_mask(mask: Tensor, frames: int, height: int, width: int) -> None:
    """Raises ValueError unless (1 or T, 1, H, W) bool is a mask for such a video, neither empty nor all of it."""
    # Before its size: ComfyUI's LoadImage gives a small empty mask where none was painted.
    if not mask.any():
        raise ValueError("the mask is empty, so nothing could change: mask the area to edit")
    if mask.shape[-2:] != (height, width):
        raise ValueError(
            f"the mask is {_size(mask)}; the video is {width}×{height}: "
            f"paint it on a prepared frame, or scale it to that size"
        )
    if mask.shape[0] not in (1, frames):
        raise ValueError(
            f"there are masks for {mask.shape[0]} frames; the video has {frames}: "
            f"give one mask for all frames or one for each"
        )
    if mask.all():
        raise ValueError(
            "the mask covers every frame whole, so nothing of the video would be kept: "
            "leave the parts to keep unmasked (is the mask inverted?), or say that the whole frame is edited"
        )


def _whole_number(value: object, name: str) -> int:
    """ValueError for what only passes for one: True is 1 in Python, and 2.0 is 2."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name} must be the number of a frame, a whole number from 0 on, not {value!r:.80}")
    return int(value)


def _size(picture: Tensor) -> str:
    return f"{picture.shape[-1]}×{picture.shape[-2]}"
