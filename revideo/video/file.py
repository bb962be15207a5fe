"""A video file whose frames are read by range as they are needed, and a result written with its sound and timing."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import torch
from av.packet import Packet
from av.video.reformatter import ColorRange
from torch import Tensor

from ..files import whole_file
from .io import EXACT_COLOURS, name_of, pick_frames, upright

# Matrices that swscale knows, in the numbers of ISO/IEC 23091-2. It reads every other one, and files that tell
# none, as BT.601, whatever the size; written the same way, nothing shifts.
MATRICES, BT601 = (1, 4, 5, 7, 9), 5


@dataclass(frozen=True)
class Colours:
    """What a file says about its colours, in the numbers of ISO/IEC 23091-2."""

    space: int
    primaries: int
    transfer: int
    range: int


class VideoFile:
    """Frames of a file by number, in rising order; it holds no more than the newest `held`.

    Opening it decodes the file once, because only that tells how many frames it really has
    and when each is shown; a file cut off in the middle counts as far as it goes. Raises
    ValueError where it holds no video or too few frames, FileNotFoundError where it is not there.
    """

    def __init__(
        self, source: str | Path | BytesIO, start: int = 0, stride: int = 1, count: int | None = None, held: int = 1
    ) -> None:
        self.source, self.held = source, held
        self._wanted = pick_frames(None, start, stride, count)
        self._container: av.container.InputContainer | None = None
        self._next = 0  # number of the frame that `_pictures` gives next
        self._newest: OrderedDict[int, np.ndarray] = OrderedDict()
        times: list[int | None] = []
        seen = 0
        try:
            with open_source(source) as container:
                if not container.streams.video:
                    raise ValueError(f"{name_of(source)} holds no video")
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                self.rate = Fraction(stream.average_rate or stream.guessed_rate or 1) / stride
                self.time_base = Fraction(stream.time_base or 1 / self.rate)
                codec = stream.codec_context
                self.colours = Colours(codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range)
                tracks = container.streams.audio
                self.sound = tracks[0].codec_context.name if tracks else None  # codec of the track that is copied
                for picture in container.decode(stream):
                    if seen == 0:
                        turned = round(getattr(picture, "rotation", 0) / 90) % 2
                        self.size = (picture.width, picture.height) if turned else (picture.height, picture.width)
                    if seen in self._wanted:
                        times.append(picture.pts)
                    seen += 1
                    if count is not None and len(times) == count:
                        break
        except FileNotFoundError:
            raise FileNotFoundError(f"there is no video file {name_of(source)}") from None
        except av.error.FFmpegError as error:
            if not times:
                raise ValueError(f"{name_of(source)} is not a video that can be read: {error.strerror}") from None
        try:
            pick_frames(seen, start, stride, count)
        except ValueError as error:
            raise ValueError(f"{name_of(source)}: {error}") from None
        self.times = self._even(times)
        self.begins_inside = start > 0
        self.ends_inside = len(times) == count

    @classmethod
    def between(cls, source: str | Path | BytesIO, begin_s: float, duration_s: float = 0.0) -> VideoFile:
        """The frames shown from `begin_s` on, for `duration_s` seconds of the file's own time; 0: to its end."""
        with cls(source) as whole:
            begin = int(begin_s / whole.time_base)
            start = bisect_left(whole.times, begin)
            stop = bisect_left(whole.times, begin + int(duration_s / whole.time_base)) if duration_s else len(whole)
        if start >= stop:
            until = f"{begin_s + duration_s:g} s" if duration_s else "its end"
            raise ValueError(f"{name_of(source)} shows no frame between {begin_s:g} s and {until}")
        return cls(source, start, count=stop - start if duration_s else None)

    def _even(self, times: list[int | None]) -> list[int]:
        """When each frame is shown, in `time_base`: as the file says, or at its rate where it does not."""
        told = [time for time in times if time is not None]
        if len(told) == len(times) and all(before < after for before, after in pairwise(told)):
            return told
        step = 1 / (self.rate * self.time_base)
        return [round(number * step) for number in range(len(times))]

    def __len__(self) -> int:
        return len(self.times)

    def read(self, start: int, stop: int) -> Tensor:  # (stop − start, 3, H, W) in [0, 1]
        """These frames; ValueError where the file has changed since it was opened."""
        frames = [self._frame(number) for number in range(start, stop)]
        return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float().div_(255)

    def _frame(self, number: int) -> np.ndarray:  # (H, W, 3) uint8
        if number in self._newest:
            return self._newest[number]
        if self._container is None or number < self._next:
            self.close()
            self._container, self._next = open_source(self.source), 0
            self._pictures = self._decode(self._container)
        try:
            while self._next <= number:
                picture = next(self._pictures)
                self._next += 1
        except (av.error.FFmpegError, StopIteration):
            raise ValueError(f"{name_of(self.source)} has changed: frame {number} cannot be read any more") from None
        pixels = upright(picture)
        self._newest[number] = pixels
        while len(self._newest) > self.held:
            self._newest.popitem(last=False)
        return pixels

    def _decode(self, container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return (picture for number, picture in enumerate(container.decode(stream)) if number in self._wanted)

    def close(self) -> None:
        self._newest.clear()
        if self._container is not None:
            self._container.close()
            self._container = None

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_like(path: str | Path, frames: Iterable[Tensor], source: VideoFile, crf: int = 16) -> None:
    """Frames (3, H, W) in [0, 1], one for each of `source`'s, as H.264 with its timing, colours and sound.

    The sound is copied, not encoded again. Frames are 8 bits deep; odd sides lose their last
    row or column, which 4:2:0 cannot hold. Raises ValueError before the first frame is asked
    for where the container cannot hold the sound, OSError where the disk is full; the file
    appears under its name only when it is whole.
    """
    with whole_file(path) as unfinished:
        _encode_like(unfinished, Path(path), iter(frames), source, crf)


def _encode_like(unfinished: Path, path: Path, frames: Iterator[Tensor], source: VideoFile, crf: int) -> None:
    height, width = source.size[0] // 2 * 2, source.size[1] // 2 * 2
    with av.open(str(unfinished), "w") as container, open_source(source.source) as original:
        stream = container.add_stream("libx264", rate=source.rate.limit_denominator(90_000), options={"crf": str(crf)})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.time_base = source.time_base
        codec.colorspace, codec.color_primaries = source.colours.space, source.colours.primaries
        codec.color_trc, codec.color_range = source.colours.transfer, source.colours.range
        try:
            sound = _Sound(original, container, source)
            container.start_encoding()
        except (ValueError, av.error.FFmpegError) as error:
            if not source.sound:
                raise
            raise ValueError(
                f"a {path.suffix} file cannot hold the source's sound ({source.sound}): name the result .mkv"
            ) from error
        step = round(1 / (source.rate * source.time_base))
        for time, frame in zip(source.times, frames, strict=True):
            sound.copy_until((time - source.times[0]) * source.time_base)
            pixels = (frame[:, :height, :width].clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
            picture = av.VideoFrame.from_ndarray(pixels.contiguous().cpu().numpy(), format="rgb24")
            planes = picture.reformat(
                format="yuv420p",
                dst_colorspace=source.colours.space if source.colours.space in MATRICES else BT601,
                dst_color_range=source.colours.range or ColorRange.MPEG,
                interpolation=EXACT_COLOURS,
            )
            planes.pts, planes.time_base = time - source.times[0], source.time_base
            planes.duration = step
            container.mux(stream.encode(planes))
        sound.copy_until(None)
        container.mux(stream.encode())


class _Sound:
    """An audio track's packets, copied as the video goes on: all of them, or those that sound with a part of it."""

    def __init__(
        self, original: av.container.InputContainer, container: av.container.OutputContainer, source: VideoFile
    ) -> None:
        self.container = container
        self.begin = source.times[0] * source.time_base
        self.heard_from = self.begin if source.begins_inside else None
        self.heard_until = source.times[-1] * source.time_base + 1 / source.rate if source.ends_inside else None
        self.packets: Iterator[Packet] = iter(())
        if source.sound:
            track = original.streams.audio[0]
            self.stream = container.add_stream_from_template(track)
            self.packets = original.demux(track)
        self.waiting: Packet | None = None

    def copy_until(self, time: Fraction | None) -> None:
        """Up to this time of the result; None = to the end."""
        while (packet := self.waiting or next(self.packets, None)) is not None:
            self.waiting = None
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue  # the empty one that ends a demuxer
            at = packet.pts * packet.time_base
            if self.heard_until is not None and at >= self.heard_until:
                return
            if self.heard_from is not None and at + (packet.duration or 0) * packet.time_base <= self.heard_from:
                continue
            if time is not None and at - self.begin > time:
                self.waiting = packet
                return
            shift = round(self.begin / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = self.stream
            self.container.mux(packet)


def open_source(source: str | Path | BytesIO) -> av.container.InputContainer:
    """Each time a reader of its own, which others do not move."""
    return av.open(BytesIO(source.getvalue()) if isinstance(source, BytesIO) else str(source), "r")
