"""Video and picture files ↔ frames: float32 in [0, 1], (T, 3, H, W)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from itertools import chain
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace
from torch import Tensor

from ..files import whole_file
from .fitting import MAX_PIXELS, check_frame_size

# swscale's bicubic | accurate_rnd | full_chroma_int: its default darkens by 1.4 of 255 with every decode.
EXACT_COLOURS = 4 | 0x40000 | 0x2000
# Matrices that swscale knows, in the numbers of ISO/IEC 23091-2. It reads every other one, and files that name
# none, as BT.601, whatever the size; written the same way, nothing shifts.
MATRICES, BT601 = (1, 4, 5, 7, 9), 5

VideoSource = str | Path | BytesIO


@dataclass(frozen=True)
class Colours:
    """What a file says about its colours, in the numbers of ISO/IEC 23091-2."""

    space: int
    primaries: int
    transfer: int
    range: int


# Named outright: untagged, players guess another matrix for large frames than for small ones.
BT709 = Colours(Colorspace.ITU709, Colorspace.ITU709, Colorspace.ITU709, ColorRange.MPEG)


# --- Frames and pixels ---------------------------------------------------------------------


def to_uint8(frames: Tensor) -> Tensor:
    """Values in [0, 1], of any shape → 0 to 255, rounded; what lies outside is cut off."""
    return (frames.clamp(0, 1) * 255).round().byte()


def frames_from_pixels(pictures: list[np.ndarray]) -> Tensor:  # (T, 3, H, W) in [0, 1]
    """T pictures (H, W, 3) uint8, all of one size."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div_(255)


def upright(picture: av.VideoFrame) -> np.ndarray:
    """(H, W, 3) uint8, turned as the file's rotation asks: phones film sideways."""
    pixels = picture.reformat(format="rgb24", interpolation=EXACT_COLOURS).to_ndarray()
    turns = round(getattr(picture, "rotation", 0) / 90)
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns % 4 else pixels


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

    Raises ValueError where the file holds no video or too few frames, FileNotFoundError
    where it is not there.
    """
    with open_video(source) as container:
        rate = frame_rate(container)
        pictures = [upright(picture) for picture in decode_pictures(container, source, start, stride, count)]
    return frames_from_pixels(pictures), rate / stride


def read_image(path: str | Path) -> Tensor:  # (3, H, W) in [0, 1]
    """A picture file as RGB; PyAV reads every format that ComfyUI saves.

    Raises FileNotFoundError where it is not there, ValueError where it is no picture.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no picture {path}")
    try:
        frames, _ = read_video(path, count=1)
    except ValueError:
        raise ValueError(f"{path} is not a picture that can be read, or one of more than {MAX_PIXELS} pixels") from None
    return frames[0]


def open_source(source: VideoSource) -> av.container.InputContainer:
    """Each time a reader of its own, which others do not move."""
    file = BytesIO(source.getvalue()) if isinstance(source, BytesIO) else str(source)
    return av.open(file, "r", metadata_errors="replace")  # tags of any encoding, which nobody reads here


@contextmanager
def open_video(source: VideoSource) -> Iterator[av.container.InputContainer]:
    """A reader of a file with a video track. Inside, all that PyAV raises becomes an error that names the file.

    Raises ValueError where it is no video, FileNotFoundError where it is not there.
    """
    try:
        with open_source(source) as container:
            if not container.streams.video:
                raise ValueError(f"{source_name(source)} holds no video")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise ValueError(f"{source_name(source)} is coded in a way that is not known here: convert it to H.264")
            check_frame_size(f"a frame of {source_name(source)}", stream.height, stream.width)
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # some say their size only there
            stream.thread_type = "AUTO"
            yield container
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no video file {source_name(source)}") from None
    except av.error.FFmpegError as error:
        raise ValueError(f"{source_name(source)} is not a video that can be read: {error.strerror}") from None


def frame_rate(container: av.container.InputContainer) -> Fraction:
    """Frames per second as the file says; 1 where it says nothing."""
    stream = container.streams.video[0]
    return Fraction(stream.average_rate or stream.guessed_rate or 1)


def decode_pictures(
    container: av.container.InputContainer, source: VideoSource, start: int, stride: int, count: int | None
) -> Iterator[av.VideoFrame]:
    """The frames that `pick_frames` says, decoding none behind the last.

    A file cut off in the middle gives the frames before the cut. Raises ValueError where that are too few.
    """
    wanted = pick_frames(None, start, stride, count)
    seen = given = 0
    size: tuple[int, int] | None = None
    try:
        for picture in container.decode(container.streams.video[0]):
            if seen in wanted:
                size = size or (picture.width, picture.height)
                if (picture.width, picture.height) != size:
                    raise ValueError(
                        f"{source_name(source)}: frame {seen} is {picture.width}×{picture.height}, those before it "
                        f"{size[0]}×{size[1]}: cut the video there, or scale it to one size"
                    )
                yield picture
                given += 1
            seen += 1
            if given == count:
                return
    except av.error.FFmpegError:
        if not given:
            raise
    try:
        pick_frames(seen, start, stride, count)
    except ValueError as error:
        raise ValueError(f"{source_name(source)}: {error}") from None


def source_name(source: VideoSource) -> str:
    """What messages call a source."""
    return "the video" if isinstance(source, BytesIO) else str(source)


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
        stream = add_h264(container, fps, BT709, crf)  # before frames are asked for, which may take hours
        first = next(frames, None)
        if first is None:
            raise ValueError("there are no frames to write")
        stream.height, stream.width = even_sides(first.shape[-2], first.shape[-1])
        for frame in chain([first], frames):
            container.mux(stream.encode(as_yuv420(frame, BT709)))
        container.mux(stream.encode())


def add_h264(
    container: av.container.OutputContainer,
    fps: Fraction,
    colours: Colours,
    crf: int,
) -> av.VideoStream:
    """A video track that says what its colours are; its size is to be set."""
    stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.colorspace, codec.color_primaries = colours.space, colours.primaries
    codec.color_trc, codec.color_range = colours.transfer, colours.range
    return stream


def even_sides(height: int, width: int) -> tuple[int, int]:
    """Without an odd last row or column, which 4:2:0 cannot hold."""
    return height // 2 * 2, width // 2 * 2


def as_yuv420(frame: Tensor, colours: Colours) -> av.VideoFrame:
    """(3, H, W) in [0, 1] → planes of even sides, in these colours."""
    height, width = even_sides(frame.shape[-2], frame.shape[-1])
    pixels = to_uint8(frame[:, :height, :width]).permute(1, 2, 0).contiguous().cpu().numpy()
    return av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=colours.space if colours.space in MATRICES else BT601,
        dst_color_range=colours.range or ColorRange.MPEG,
        interpolation=EXACT_COLOURS,
    )
