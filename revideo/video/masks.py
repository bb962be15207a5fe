"""Masks from files: how much of each pixel may change, (T, 1, H, W) in [0, 1].

A mask says it by transparency, where it has any, or by brightness: white may change. What is opaque is meant, unless
a picture is still there under what is transparent, as ComfyUI's mask editor leaves it: then that is. Of colours the
strongest channel counts. Labels (0 and 1, or the numbers of a palette) are masks of whatever is not 0.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor

from .file import VideoFile
from .io import decode_pictures
from .levels import IMAGE_SUFFIXES, is_painted_away, levels_inside, levels_of_alpha
from .orientation import bits_of, display_matrix, has_alpha, pixels_of, turned
from .stream import OpenVideo, VideoSource, decode_picture, is_animation, is_exact, open_video, source_name


class _Levels:
    """Reads pictures of one source as masks, all by the same rule."""

    def __init__(self, source: VideoSource) -> None:
        self.name = source_name(source)
        self.transparent = False  # whether any pixel was
        self.painted_away = False  # what is transparent is what was meant
        self.highest = 0  # seen so far, of 255
        self.exact = True  # or a codec's noise may look like labels

    def read(self, picture: av.VideoFrame) -> np.ndarray:
        """(H, W, 1) uint8 in the size that the file has."""
        if has_alpha(picture):
            pixels = pixels_of(picture, "rgba")
            if not self.transparent and (pixels[..., 3] < 255).any():
                self.transparent, self.painted_away = True, is_painted_away(pixels)
            levels = levels_of_alpha(pixels, self.painted_away) if self.transparent else pixels[..., :3].max(-1)
        else:
            levels = self._grey(picture)
        self.highest = max(self.highest, int(levels.max()))
        return turned(levels[..., None], display_matrix(picture))

    def _grey(self, picture: av.VideoFrame) -> np.ndarray:  # (H, W) uint8
        if not self.exact or bits_of(picture.format) <= 8:
            return pixels_of(picture, "rgb24").max(-1)
        deep = pixels_of(picture, "rgb48le").max(-1)  # labels in sixteen bits must not vanish in eight
        return np.where(deep < 257, deep > 0, (deep / 257).round()).astype(np.uint8)

    def fractions(self, levels: list[np.ndarray]) -> Tensor:
        """(T, 1, H, W) in [0, 1]; ValueError where nothing would be inside of what is not empty."""
        masks = torch.from_numpy(np.stack(levels)).permute(0, 3, 1, 2)
        if not self.exact and self.highest <= NOISE_MAX:
            return torch.zeros_like(masks, dtype=torch.float32)
        return levels_inside(masks, self.highest, self.name)


NOISE_MAX = 31  # of 255: what a lossy codec makes of black


class MaskFile(VideoFile):
    """Masks that run along with a clip, read as they are needed."""

    def __init__(
        self, source: VideoSource, start: int = 0, stride: int = 1, count: int | None = None, held: int = 1
    ) -> None:
        self._levels = _Levels(source)
        super().__init__(source, start, stride, count, held)
        self._levels.fractions([np.zeros((1, 1, 1), np.uint8)])

    def read(self, start: int, stop: int) -> Tensor:  # (stop − start, 1, H, W) in [0, 1]
        """These masks; ValueError where the file has changed since it was opened."""
        return self._levels.fractions([self._frame(number) for number in range(start, stop)])

    def _survey(self, picture: av.VideoFrame, video: OpenVideo) -> None:
        self._levels.exact = video.exact
        self._levels.read(picture)

    def _pixels(self, picture: av.VideoFrame, video: OpenVideo) -> np.ndarray:
        return self._levels.read(picture)


def is_one_picture(source: VideoSource) -> bool:
    """Whether a mask file is one picture for all frames."""
    if not isinstance(source, (str, Path)):
        return False
    path = Path(source)
    still = path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir() and not is_animation(path)
    return still and (path.exists() or "%" not in path.name)


def read_masks(
    source: VideoSource, start: int = 0, stride: int = 1, count: int | None = None
) -> Tensor:  # (1 or T, 1, H, W) in [0, 1]
    """One picture for all frames, or as many masks of a clip as `read_video` would read frames.

    Raises FileNotFoundError where there is none, ValueError where it cannot be read, or where all is so dark that
    nothing would be inside.
    """
    levels = _Levels(source)
    if is_one_picture(source):
        path = Path(str(source))
        if not path.exists():
            raise FileNotFoundError(f"there is no picture {path}")
        levels.exact = is_exact(path)
        try:
            return levels.fractions([levels.read(decode_picture(path))])
        except (av.error.FFmpegError, StopIteration):
            raise ValueError(f"{path} is not a picture that can be read") from None
    with open_video(source) as video:
        levels.exact = video.exact
        return levels.fractions([levels.read(each) for each in decode_pictures(video, start, stride, count)])
