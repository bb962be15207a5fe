"""Video files ↔ frames: float32 in [0, 1], (T, C, H, W); and frames fitted to the model's sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Literal

import av
import numpy as np
import torch
import torch.nn.functional as F
from av.video.reformatter import ColorRange, Colorspace
from torch import Tensor

from ..files import whole_file

# swscale's bicubic | accurate_rnd | full_chroma_int: its default darkens by 1.4 of 255 with every decode.
EXACT_COLOURS = 4 | 0x40000 | 0x2000

SizePolicy = Literal["area", "longest side", "exact"]
Fit = Literal["stretch", "crop", "pad"]


def choose_size(
    height: int,
    width: int,
    policy: SizePolicy,
    target_height: int,
    target_width: int,
    multiple: int = 64,
) -> tuple[int, int]:
    """Height and width, multiples of `multiple`, for a source of `height`×`width` pixels.

    "area": the source's shape at about target_height·target_width pixels (the released
    examples: 1024·1024). "longest side": the source's shape, its longer side the longer
    target. "exact": the targets themselves; ValueError unless they are multiples.
    """
    if policy == "exact":
        for name, side in (("width", target_width), ("height", target_height)):
            if side % multiple or side <= 0:
                below = max(side // multiple, 1) * multiple
                raise ValueError(
                    f"{name} {side} is not a multiple of {multiple}: take {below} or {below + multiple}, "
                    f'or let the size policy "area" choose'
                )
        return target_height, target_width
    if policy == "area":
        scale = ((target_height * target_width) / (height * width)) ** 0.5
    elif policy == "longest side":
        scale = max(target_height, target_width) / max(height, width)
    else:
        raise ValueError(f'size policy "{policy}" is not one of "area", "longest side", "exact"')
    fitted = [max(round(side * scale / multiple), 1) * multiple for side in (height, width)]
    return fitted[0], fitted[1]


def fit_frames(frames: Tensor, height: int, width: int, fit: Fit = "stretch") -> Tensor:
    """Frames (T, C, H, W) at another size, bicubic, in [0, 1].

    "stretch" changes the shape to fit (what the released examples do), "crop" fills the
    size and cuts what hangs over on both sides, "pad" shows all and repeats the border.
    """
    scaled_height, scaled_width, top, left = place_source(frames.shape[-2], frames.shape[-1], height, width, fit)
    scaled = _resize(frames, scaled_height, scaled_width)
    # Negative padding crops.
    sides = (left, width - scaled_width - left, top, height - scaled_height - top)
    return F.pad(scaled, sides, mode="replicate") if fit == "pad" else F.pad(scaled, sides)


def place_source(
    source_height: int, source_width: int, height: int, width: int, fit: Fit
) -> tuple[int, int, int, int]:  # height and width of the scaled source; top and left within the new frame
    """Where `fit_frames` puts a source: what is drawn on it must move along."""
    if fit == "stretch":
        return height, width, 0, 0
    ratios = height / source_height, width / source_width
    if fit == "crop":
        scale = max(ratios)
    elif fit == "pad":
        scale = min(ratios)
    else:
        raise ValueError(f'fit "{fit}" is not one of "stretch", "crop", "pad"')
    scaled_height, scaled_width = max(round(source_height * scale), 1), max(round(source_width * scale), 1)
    # Either way the picture stays centred.
    return scaled_height, scaled_width, (height - scaled_height) // 2, (width - scaled_width) // 2


def _resize(frames: Tensor, height: int, width: int) -> Tensor:
    if frames.shape[-2:] == (height, width):
        return frames
    # One frame at a time: the float copies of a whole clip would outweigh the clip.
    resized = [
        F.interpolate(frame[None].float(), (height, width), mode="bicubic", antialias=True).clamp(0, 1)
        for frame in frames
    ]
    return torch.cat(resized)


def pick_frames(total: int | None, start: int, stride: int, count: int | None) -> range:
    """The source frames that an edit reads; ValueError where the clip is too short for them.

    `total` None: the length is not known beforehand; `count` None: all from `start`.
    """
    if start < 0 or stride < 1 or (count is not None and count < 1):
        raise ValueError(f"start {start} must be at least 0, stride {stride} and frame count {count} at least 1")
    if total is None:
        return range(start, 2**31 if count is None else start + count * stride, stride)
    available = len(range(start, total, stride))
    if available < (count or 1):
        raise ValueError(
            f"the clip has {total} frames: from frame {start} with stride {stride} it gives {available}, "
            f"{count or 1} asked for; lower the start, the stride or the count"
        )
    return range(start, total, stride)[:count]


def read_video(
    source: str | Path | BytesIO,
    start: int = 0,
    stride: int = 1,
    count: int | None = None,
) -> tuple[Tensor, Fraction]:  # (T, 3, H, W) in [0, 1], frames per second of what was read
    """Reads `count` frames from `start`, every `stride`-th, decoding none behind the last.

    Raises ValueError where the file holds no video or too few frames, FileNotFoundError
    where it is not there.
    """
    wanted = pick_frames(None, start, stride, count)
    frames, seen = [], 0
    try:
        with av.open(str(source) if isinstance(source, Path) else source, "r") as container:
            if not container.streams.video:
                raise ValueError(f"{name_of(source)} holds no video")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = Fraction(stream.average_rate or stream.guessed_rate or 1)
            for picture in container.decode(stream):
                if seen in wanted:
                    frames.append(upright(picture))
                seen += 1
                if count is not None and len(frames) == count:
                    break
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no video file {name_of(source)}") from None
    except av.error.FFmpegError as error:
        if not frames:
            raise ValueError(f"{name_of(source)} is not a video that can be read: {error.strerror}") from None
        # A clip cut off in the middle still has the frames before the cut; pick_frames counts them.
    try:
        pick_frames(seen, start, stride, count)
    except ValueError as error:
        raise ValueError(f"{name_of(source)}: {error}") from None
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float().div_(255), rate / stride


def upright(picture: av.VideoFrame) -> np.ndarray:
    """(H, W, 3) uint8, turned as the file's rotation asks: phones film sideways."""
    pixels = picture.reformat(format="rgb24", interpolation=EXACT_COLOURS).to_ndarray()
    turns = round(getattr(picture, "rotation", 0) / 90)
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns % 4 else pixels


def describe(frames: Tensor) -> str:
    """(T, C, H, W) in words: "14 frames of 192×128"."""
    return f"{len(frames)} frame{'s' * (len(frames) != 1)} of {frames.shape[-1]}×{frames.shape[-2]}"


def name_of(source: str | Path | BytesIO) -> str:
    return "the video" if isinstance(source, BytesIO) else str(source)


def write_video(path: str | Path, frames: Iterable[Tensor], fps: Fraction | float, crf: int = 16) -> None:
    """Writes frames, each (3, H, W) in [0, 1], as H.264 in the container that the name asks for.

    One frame is held at a time. The file appears under its name only when it is whole, so
    an interrupted run leaves no broken video. Odd sides lose their last row or column,
    which 4:2:0 cannot hold.
    """
    with whole_file(path) as unfinished:
        _encode(unfinished, iter(frames), Fraction(fps).limit_denominator(90_000), crf)


def _encode(path: Path, frames: Iterator[Tensor], fps: Fraction, crf: int) -> None:
    first = next(frames, None)
    if first is None:
        raise ValueError("there are no frames to write")
    height, width = first.shape[-2] // 2 * 2, first.shape[-1] // 2 * 2
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # Said outright: untagged, players guess another matrix for large frames than for small ones.
        codec = stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = Colorspace.ITU709
        codec.color_range = ColorRange.MPEG
        for frame in chain([first], frames):
            pixels = to_uint8(frame[:, :height, :width]).permute(1, 2, 0)
            picture = av.VideoFrame.from_ndarray(pixels.contiguous().cpu().numpy(), format="rgb24")
            planes = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, interpolation=EXACT_COLOURS)
            container.mux(stream.encode(planes))
        container.mux(stream.encode())


def to_uint8(frames: Tensor) -> Tensor:
    """Frames of any shape in [0, 1] → 0 to 255, rounded; what lies outside is clamped."""
    return (frames.clamp(0, 1) * 255).round().byte()


def read_image(path: str | Path) -> Tensor:  # (3, H, W) in [0, 1]
    """A picture file as RGB; PyAV reads every format that ComfyUI saves."""
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no picture {path}")
    try:
        frames, _ = read_video(path, count=1)
    except ValueError:
        raise ValueError(f"{path} is not a picture that can be read") from None
    return frames[0]
