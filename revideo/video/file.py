"""A video file whose frames are read by range as they are needed, and a result written with its sound and timing."""

from __future__ import annotations

import errno
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import av
import numpy as np
from av.packet import Packet
from torch import Tensor

from ..files import whole_file
from .colours import Colours, as_yuv420, even_sides
from .io import add_video, decode_pictures, frames_from_pixels, pick_frames, rate_of
from .orientation import shown_size, square_size, upright
from .stream import OpenVideo, VideoSource, open_clip, open_source, open_video, source_name

X265_LEAST = 64  # pixels, of both sides


class VideoFile:
    """Frames of a file by number, in rising order; it holds no more than the newest `held`.

    `size` is height and width in square pixels as shown, `rate` frames per second, `times` when each frame is
    shown in units of `time_base` seconds, `sounds` the codecs of its sound tracks, `left_out` what results do not have.

    Opening it decodes the file once, because only that tells how many frames it really has
    and when each is shown; a file cut off in the middle counts as far as it goes. Raises
    ValueError where it holds no video or too few frames, FileNotFoundError where it is not there.
    """

    def __init__(
        self, source: VideoSource, start: int = 0, stride: int = 1, count: int | None = None, held: int = 1
    ) -> None:
        self.source, self.held = source, held
        self._wanted = pick_frames(None, start, stride, count)
        self._video: OpenVideo | None = None
        self._next = 0  # number of the frame that `_pictures` gives next
        self._newest: OrderedDict[int, np.ndarray] = OrderedDict()
        times: list[int | None] = []
        with open_video(source) as video:
            self.time_base, self.colours, self.sounds = video.time_base, video.colours, video.sounds
            self.left_out = video.left_out
            for picture in decode_pictures(video, start, stride, count):
                if not times:
                    square = square_size(picture.height, picture.width, video.pixel_aspect)
                    self.size = shown_size(picture, *square)
                times.append(picture.pts)
                self._survey(picture, video)
            self.rate = rate_of(times, video.time_base, video.rate / stride)
        self.times = rising_times(times, round(1 / (self.rate * self.time_base)))
        self.begins_inside = start > 0
        self.ends_inside = len(times) == count

    @classmethod
    def between(cls, source: VideoSource, begin_s: float, duration_s: float = 0.0) -> VideoFile:
        """The frames shown from `begin_s` on, for `duration_s` seconds of the file's own time; 0: to its end.

        Raises ValueError where none is shown then, and what opening raises.
        """
        with cls(source) as whole:
            begin = int(begin_s / whole.time_base)
            start = bisect_left(whole.times, begin)
            stop = bisect_left(whole.times, begin + int(duration_s / whole.time_base)) if duration_s else len(whole)
        if start >= stop:
            until = f"{begin_s + duration_s:g} s" if duration_s else "its end"
            raise ValueError(f"{source_name(source)} shows no frame between {begin_s:g} s and {until}")
        return cls(source, start, count=stop - start if duration_s else None)

    def __len__(self) -> int:
        return len(self.times)

    def read(self, start: int, stop: int) -> Tensor:  # (stop − start, 3, H, W) in [0, 1]
        """These frames; ValueError where the file has changed since it was opened."""
        return frames_from_pixels([self._frame(number) for number in range(start, stop)])

    def _frame(self, number: int) -> np.ndarray:  # (H, W, 3) uint8 or uint16
        if number in self._newest:
            return self._newest[number]
        try:
            if self._video is None or number < self._next:
                self.close()
                self._video, self._next = open_clip(self.source), 0
                self._pictures = self._decode(self._video)
            while self._next <= number:
                picture = next(self._pictures)
                self._next += 1
        except (av.error.FFmpegError, ValueError, OSError, StopIteration):
            raise ValueError(
                f"{source_name(self.source)} has changed: frame {number} cannot be read any more"
            ) from None
        pixels = self._pixels(picture, self._video)
        self._newest[number] = pixels
        while len(self._newest) > self.held:
            self._newest.popitem(last=False)
        return pixels

    def _survey(self, picture: av.VideoFrame, video: OpenVideo) -> None:
        """Each frame when the file is opened: what all of them have to say before the first is read."""

    def _pixels(self, picture: av.VideoFrame, video: OpenVideo) -> np.ndarray:
        return upright(picture, video.pixel_aspect)

    def _decode(self, video: OpenVideo) -> Iterator[av.VideoFrame]:
        return (picture for number, picture in enumerate(video.pictures()) if number in self._wanted)

    def close(self) -> None:
        """Lets go of the file and the frames held; reading opens it again."""
        self._newest.clear()
        if self._video is not None:
            self._video.close()
            self._video = None

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def rising_times(times: Sequence[int | None], step: int) -> list[int]:
    """When each frame is shown, each later than the one before, as players need it; `step` from one to the next.

    Times that are there and rise stay. One that is missing, or no later than the one before, is put in the middle
    of its neighbours; where all begins anew, as in files that were joined, it plays on.
    """
    rising: list[int] = []
    shift = 0
    for number, stated in enumerate(times):
        time = None if stated is None else stated + shift
        if not rising:
            rising.append(time or 0)
            continue
        before = rising[-1]
        if time is None or time <= before:
            later = (each + shift for each in times[number + 1 : number + 8] if each is not None)
            after = next((each for each in later if each > before), None)
            if time is not None and (after is None or before - time > 8 * step):
                shift += before + step - time
                after = None
            time = before + step if after is None else before + max(1, (after - before) // 2)
        rising.append(time)
    return rising


def write_like(
    path: str | Path,
    frames: Iterable[Tensor],
    source: VideoFile,
    crf: int = 16,
    size: tuple[int, int] | None = None,
) -> None:
    """Frames (3, H, W) in [0, 1], one for each of `source`'s, with its timing, colours, depth and sound.

    `size`: height and width of the frames, None: the source's. H.264, or of sources deeper than 8 bits HEVC in 10,
    from 64 pixels on. All sound tracks are copied, not encoded again. Odd sides lose their last row or column, which
    4:2:0 cannot hold. Raises ValueError before the first frame is asked for where the container cannot hold the
    sound, OSError where the disk is full; the file appears under its name only when it is whole.
    """
    with whole_file(path) as unfinished:
        _encode_like(unfinished, Path(path), iter(frames), source, crf, size or source.size)


def check_like(path: str | Path, source: VideoFile) -> None:
    """That `write_like` can write what comes with the frames, before there are any; ValueError where it cannot."""
    with (
        TemporaryDirectory() as folder,
        _begin_like(Path(folder) / Path(path).name, Path(path), source, source.size) as result,
    ):
        result.sound.copy_until(None)


def _encode_like(
    unfinished: Path, path: Path, frames: Iterator[Tensor], source: VideoFile, crf: int, size: tuple[int, int]
) -> None:
    with _begin_like(unfinished, path, source, size, crf) as (container, stream, sound, colours):
        step = round(1 / (source.rate * source.time_base))
        for time, frame in zip(source.times, frames, strict=True):
            sound.copy_until((time - source.times[0]) * source.time_base)
            planes = as_yuv420(frame, colours)
            planes.pts, planes.time_base = time - source.times[0], source.time_base
            planes.duration = step
            container.mux(stream.encode(planes))
        sound.copy_until(None)
        container.mux(stream.encode())


class _Result(NamedTuple):
    """A file whose header is written."""

    container: av.container.OutputContainer
    stream: av.VideoStream
    sound: _Sound
    colours: Colours


@contextmanager
def _begin_like(
    unfinished: Path, path: Path, source: VideoFile, size: tuple[int, int], crf: int = 16
) -> Iterator[_Result]:
    """With the source's timing, colours and tracks."""
    with av.open(str(unfinished), "w") as container, ExitStack() as opened:
        original = opened.enter_context(open_source(source.source)) if source.sounds else None
        colours = source.colours if min(size) >= X265_LEAST else replace(source.colours, bits=8)
        stream = add_video(container, source.rate.limit_denominator(90_000), colours, crf)
        stream.height, stream.width = even_sides(*size)
        stream.codec_context.time_base = source.time_base
        try:
            sound = _Sound(original, container, source)
            container.start_encoding()
        except (ValueError, av.error.FFmpegError) as error:
            if not source.sounds:
                raise
            sounds = ", ".join(source.sounds)
            raise ValueError(
                f"a {path.suffix} file cannot hold the source's sound ({sounds}): name the result .mkv"
            ) from error
        yield _Result(container, stream, sound, colours)


class _Sound:
    """The sound tracks' packets, copied as the video goes on: all of them, or those that sound with a part of it."""

    def __init__(
        self, original: av.container.InputContainer | None, container: av.container.OutputContainer, source: VideoFile
    ) -> None:
        self.container = container
        self.begin = source.times[0] * source.time_base
        self.heard_from = self.begin if source.begins_inside else None
        self.heard_until = source.times[-1] * source.time_base + 1 / source.rate if source.ends_inside else None
        self.packets: Iterator[Packet] = iter(())
        self.streams: dict[int, Any] = {}  # by number of the track in the original, those not yet at their end
        if original is not None:
            for track in original.streams.audio:
                stream = container.add_stream_from_template(track)
                stream.metadata.update(track.metadata)  # its language, its title
                stream.disposition = track.disposition
                self.streams[track.index] = stream
            self.packets = original.demux(original.streams.audio)
        self.waiting: Packet | None = None

    def copy_until(self, time: Fraction | None) -> None:
        """Up to this time of the result; None = to the end."""
        while self.streams and (packet := self.waiting or next(self.packets, None)) is not None:
            self.waiting = None
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue  # the empty one that ends a demuxer
            number = packet.stream_index
            if number not in self.streams:
                continue
            at = packet.pts * packet.time_base
            if self.heard_until is not None and at >= self.heard_until:
                del self.streams[number]
                continue
            if self.heard_from is not None and at + (packet.duration or 0) * packet.time_base <= self.heard_from:
                continue
            if time is not None and at - self.begin > time:
                self.waiting = packet
                return
            shift = round(self.begin / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = self.streams[number]
            try:
                self.container.mux(packet)
            except av.error.FFmpegError as error:
                if error.errno == errno.ENOSPC:
                    raise
                raise ValueError(
                    f"the source's sound is damaged after {float(at):.2f} s ({error.strerror}): "
                    f"mend it, or give a file without sound"
                ) from error
