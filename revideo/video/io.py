"""Video and picture files ↔ frames: float32 in [0, 1], (T, 3, H, W)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice, pairwise
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor

from ..files import whole_file
from .colours import BT709, Colours, as_yuv420, even_sides
from .fitting import MAX_PIXELS, check_frame_size
from .levels import IMAGE_SUFFIXES, to_uint8
from .orientation import has_alpha, pixels_of, upright
from .stream import OpenVideo, VideoSource, decode_picture, is_animation, open_video

# --- Frames and pixels ---------------------------------------------------------------------


def frames_from_pixels(pictures: list[np.ndarray]) -> Tensor:  # (T, 3, H, W) in [0, 1]
    """T pictures (H, W, 3) uint8 or uint16, all of one size."""
    stacked = np.stack(pictures)
    highest = np.iinfo(stacked.dtype).max
    levels = stacked if highest == 255 else stacked.astype(np.float32)
    return torch.from_numpy(levels).permute(0, 3, 1, 2).float().div_(highest)


# --- Reading -------------------------------------------------------------------------------


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
    source: VideoSource,
    start: int = 0,
    stride: int = 1,
    count: int | None = None,
) -> tuple[Tensor, Fraction]:  # (T, 3, H, W) in [0, 1], frames per second of what was read
    """Reads `count` frames from `start`, every `stride`-th, decoding none behind the last.

    Also a folder of pictures, `frame_%04d.png`, or an animated picture. Raises ValueError where it holds no video or
    too few frames, FileNotFoundError where it is not there.
    """
    pictures, times = [], []
    with open_video(source) as video:
        for picture in decode_pictures(video, start, stride, count):
            pictures.append(upright(picture, video.pixel_aspect))
            times.append(picture.pts)
        rate = rate_of(times, video.time_base, video.rate / stride)
    return frames_from_pixels(pictures), rate


def read_image(path: str | Path) -> Tensor:  # (3, H, W) in [0, 1]
    """Of a picture file, transparency left behind, turned as its EXIF data ask; of a video the first frame.

    Raises FileNotFoundError where it is not there, ValueError where it is no picture.
    """
    return _first_picture(Path(path))[1]


def read_edited_picture(path: str | Path, name: str) -> Tensor:  # (3, H, W) in [0, 1]
    """As `read_image`, of what a person edited; `name` says what it is ("edited frame 5").

    Raises ValueError also for a folder or a file of several pictures, of which only the first would be seen, and for
    one that is transparent anywhere, where what nobody saw would be painted.
    """
    if Path(path).is_dir():
        raise ValueError(f"the {name} must be one picture, and {path} is a folder: name one of its files")
    picture, pixels = _first_picture(Path(path))
    if _holds_several(Path(path)):
        raise ValueError(f"the {name} must be one picture, and {path} holds several: save the frame that you edited")
    if has_alpha(picture) and (pixels_of(picture, "rgba")[..., 3] < 255).any():
        raise ValueError(f"the {name}, {path}, is transparent in places: flatten it onto the frame")
    return pixels


def _first_picture(path: Path) -> tuple[av.VideoFrame, Tensor]:
    """As it was decoded, and (3, H, W) in [0, 1]. Errors as `read_image`."""
    if not path.exists():
        raise FileNotFoundError(f"there is no picture {path}")
    try:
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir() and not is_animation(path):
            picture, aspect = decode_picture(path), Fraction(1)
            check_frame_size("the picture", picture.height, picture.width)
        else:
            with open_video(path) as video:
                picture, aspect = next(decode_pictures(video, 0, 1, 1)), video.pixel_aspect
        return picture, frames_from_pixels([upright(picture, aspect)])[0]
    except (ValueError, av.error.FFmpegError, StopIteration):
        raise ValueError(f"{path} is not a picture that can be read, or one of more than {MAX_PIXELS} pixels") from None


def _holds_several(path: Path) -> bool:
    """Whether it is a video or an animation; a GIF of one frame is none."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return is_animation(path)
    with open_video(path) as video:
        return len(list(islice(video.pictures(), 2))) > 1


def decode_pictures(video: OpenVideo, start: int, stride: int, count: int | None) -> Iterator[av.VideoFrame]:
    """The frames that `pick_frames` says, decoding none behind the last.

    A file cut off in the middle gives the frames before the cut. Raises ValueError where that are too few, where the
    file is damaged before its end, or where the size changes.
    """
    wanted = pick_frames(None, start, stride, count)
    seen = given = 0
    size: tuple[int, int] | None = None
    for picture in video.pictures():
        if seen in wanted:
            size = size or (picture.width, picture.height)
            if (picture.width, picture.height) != size:
                raise ValueError(
                    f"{video.name}: frame {seen} is {picture.width}×{picture.height}, those before it "
                    f"{size[0]}×{size[1]}: cut the video there, or scale it to one size"
                )
            yield picture
            given += 1
        seen += 1
        if given == count:
            return
    try:
        pick_frames(seen, start, stride, count)
    except ValueError as error:
        raise ValueError(f"{video.name}: {error}") from None


def rate_of(times: Sequence[int | None], time_base: Fraction, stated: Fraction) -> Fraction:
    """Frames per second of frames shown at these times; as the file states it where they agree to a hundredth.

    The same to a tick of the time base per frame counts as agreement: containers round times.
    """
    known = [time for time in times if time is not None]
    if len(known) < 2 or len(known) < len(times) or any(after <= before for before, after in pairwise(known)):
        return stated
    duration, steps = (known[-1] - known[0]) * time_base, len(known) - 1
    if abs(steps / stated - duration) <= max(duration / 100, 2 * time_base):
        return stated
    return (steps / duration).limit_denominator(1001)


# --- Writing -------------------------------------------------------------------------------


def write_video(path: str | Path, frames: Iterable[Tensor], fps: Fraction | float, crf: int = 16) -> None:
    """Writes frames, each (3, H, W) in [0, 1], as H.264 in the container that the name asks for.

    One frame is held at a time. The file appears under its name only when it is whole, so
    an interrupted run leaves no broken video. Odd sides lose their last row or column,
    which 4:2:0 cannot hold. Raises ValueError where there are no frames, OSError where the
    folder is not there or the disk is full.
    """
    with whole_file(path) as unfinished:
        _encode(unfinished, iter(frames), Fraction(fps).limit_denominator(90_000), crf)


def write_lossless(path: str | Path, frames: Tensor, fps: Fraction | float) -> None:
    """Writes frames (T, 3, H, W) in [0, 1] as FFV1 in a .mkv: read again they are the same to the bit, of 255 levels.

    Raises OSError as `write_video`.
    """
    with whole_file(path) as unfinished, av.open(str(unfinished), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(fps))
        stream.height, stream.width = frames.shape[-2:]
        stream.pix_fmt = "bgr0"
        for pixels in to_uint8(frames).permute(0, 2, 3, 1).contiguous().numpy():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")))
        container.mux(stream.encode())


def _encode(path: Path, frames: Iterator[Tensor], fps: Fraction, crf: int) -> None:
    with av.open(str(path), "w") as container:
        stream = add_video(container, fps, BT709, crf)  # before frames are asked for, which may take hours
        first = next(frames, None)
        if first is None:
            raise ValueError("there are no frames to write")
        stream.height, stream.width = even_sides(first.shape[-2], first.shape[-1])
        for frame in chain([first], frames):
            container.mux(stream.encode(as_yuv420(frame, BT709)))
        container.mux(stream.encode())


def add_video(
    container: av.container.OutputContainer,
    fps: Fraction,
    colours: Colours,
    crf: int,
) -> av.VideoStream:
    """A video track that says what its colours are; its size is to be set. Deep ones are HEVC, which players know."""
    if colours.bits > 8:
        options = {"crf": str(crf), "x265-params": "log-level=error"}
        stream = container.add_stream("libx265", rate=fps, options=options)
        stream.pix_fmt = "yuv420p10le"
        if container.format.name in ("mp4", "mov"):
            stream.codec_context.codec_tag = "hvc1"  # as Apple's players ask for
    else:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.colorspace, codec.color_primaries = colours.space, colours.primaries
    codec.color_trc, codec.color_range = colours.transfer, colours.range
    return stream
