"""A clip opened as players show it: its default stream, upright, with square pixels; files, pictures and animations."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from .colours import BT709, Colours, as_planes
from .fitting import MAX_PIXELS, check_frame_size
from .levels import IMAGE_SUFFIXES
from .orientation import EXIF_TURNS, bits_of, has_alpha, pixels_of, shown_size, turned

VideoSource = str | Path | BytesIO

PICTURES_PER_SECOND = Fraction(24)  # of numbered pictures, which say nothing of it
EXACT_CODECS = ("png", "apng", "gif", "bmp", "tiff", "ffv1", "huffyuv", "ffvhuff", "rawvideo", "qtrle", "utvideo")
# FFmpeg's own decoders of these skip the transparency that WebM keeps beside the pictures.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_MILLISECONDS = Fraction(1, 1000)
_NUMBER = re.compile(r"%(?:0(\d))?d")


class OpenVideo:
    """A source whose frames are to be decoded from the first on; `close` lets go of it."""

    def __init__(self, name: str, rate: Fraction, time_base: Fraction, colours: Colours) -> None:
        self.name = name
        self.rate = rate  # frames per second as the file says, 1 where it says nothing
        self.time_base = time_base  # seconds, of its frames' times
        self.colours = colours
        self.sounds: tuple[str, ...] = ()  # codecs of the sound tracks
        self.left_out: tuple[str, ...] = ()  # what else it holds, which no result of ours has
        self.pixel_aspect = Fraction(1)  # width of a pixel by its height
        self.exact = True  # every pixel is as it was given to the coder

    def pictures(self) -> Iterator[av.VideoFrame]:
        """All frames in order; ValueError where one before the last cannot be decoded."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is read any more."""


def open_clip(source: VideoSource) -> OpenVideo:
    """A video file, a folder of pictures, numbered pictures (`frame_%04d.png`) or an animated picture.

    Raises FileNotFoundError where there is none, ValueError where it holds no video, FFmpegError where it cannot be
    read at all.
    """
    if isinstance(source, BytesIO):
        return _Stream(source)
    path = Path(source)
    if path.is_dir() or (_NUMBER.search(path.name) and not path.exists()):
        return _Pictures(source_name(source), numbered_pictures(path))
    if is_animation(path):
        return _Animation(path)
    return _Stream(path)


def stored_size(source: VideoSource) -> tuple[int, int] | None:
    """Height and width of a clip's upright frames in the file's own pixels; None where it has no frame."""
    with open_video(source) as video:
        picture = next(video.pictures(), None)
        if picture is None:
            return None
        return shown_size(picture, picture.height, picture.width)


@contextmanager
def open_video(source: VideoSource) -> Iterator[OpenVideo]:
    """`open_clip`, closed again. Inside, all that PyAV raises becomes a ValueError that names the file."""
    try:
        video = open_clip(source)
        try:
            yield video
        finally:
            video.close()
    except FileNotFoundError as error:
        if "there " in str(error):
            raise
        raise FileNotFoundError(f"there is no video file {source_name(source)}") from None
    except av.error.FFmpegError as error:
        raise ValueError(f"{source_name(source)} is not a video that can be read: {error.strerror}") from None


def source_name(source: VideoSource) -> str:
    """What messages call a source."""
    return "the video" if isinstance(source, BytesIO) else str(source)


# --- Files -----------------------------------------------------------------------------------


def open_source(source: VideoSource) -> av.container.InputContainer:
    """Each time a reader of its own, which others do not move. A name is never an address."""
    file = BytesIO(source.getvalue()) if isinstance(source, BytesIO) else f"file:{source}"
    return av.open(file, "r", metadata_errors="replace")  # tags of any encoding, which nobody reads here


def shown_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The video stream that players show: the default one, else the first; covers and previews are none."""
    streams = [each for each in container.streams.video if not _is_cover(each)]
    return next((each for each in streams if each.disposition & Disposition.default), next(iter(streams), None))


def _is_cover(stream: av.VideoStream) -> bool:
    hidden = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return bool(stream.disposition & hidden)


def _alpha_decoder(stream: av.VideoStream, name: str) -> av.VideoCodecContext | None:
    """Of a stream whose pictures have transparency beside them; None of others."""
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if tags.get("alpha_mode") != "1" or stream.codec_context.name not in ALPHA_DECODERS:
        return None
    decoder = ALPHA_DECODERS[stream.codec_context.name]
    try:
        context = av.CodecContext.create(decoder, "r")
    except av.error.FFmpegError:
        raise ValueError(
            f"{name} has transparency, which this build of PyAV cannot read (it lacks {decoder}): convert it to "
            f"pictures with transparency (ffmpeg -c:v {decoder} -i … frame_%04d.png)"
        ) from None
    assert isinstance(context, av.VideoCodecContext)
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return context


class _Stream(OpenVideo):
    """Of a file that FFmpeg reads."""

    def __init__(self, source: VideoSource) -> None:
        name = source_name(source)
        self.container = open_source(source)
        try:
            stream = shown_stream(self.container)
            if stream is None:
                raise ValueError(f"{name} holds no video")
            if stream.codec_context is None:
                raise ValueError(f"{name} is coded in a way that is not known here: convert it to H.264")
            check_frame_size(f"a frame of {name}", stream.height, stream.width)
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # some say their size only there
            stream.thread_type = "AUTO"
            self.decoder = _alpha_decoder(stream, name) or stream.codec_context
        except BaseException:
            self.container.close()
            raise
        self.stream, codec = stream, stream.codec_context
        rate = Fraction(stream.average_rate or stream.guessed_rate or 1)
        bits = 10 if codec.pix_fmt and bits_of(av.VideoFormat(codec.pix_fmt)) > 8 else 8
        colours = Colours(codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range, bits)
        if codec.pix_fmt and av.VideoFormat(codec.pix_fmt).is_rgb:  # no planes: those of the result are ours to choose
            colours = as_planes(colours)
        super().__init__(name, rate, Fraction(stream.time_base or 1 / rate), colours)
        self.pixel_aspect = Fraction(stream.sample_aspect_ratio or 1)
        self.exact = codec.name in EXACT_CODECS
        tracks = (track.codec_context for track in self.container.streams.audio)
        self.sounds = tuple(codec.name if codec else "unknown" for codec in tracks)
        others: Counter[str] = Counter(
            stream.type for stream in self.container.streams if stream.type in ("subtitle", "attachment")
        )
        others["chapter"] = len(self.container.chapters())
        self.left_out = tuple(f"{count} {kind}{'s' * (count > 1)}" for kind, count in others.items() if count)

    def pictures(self) -> Iterator[av.VideoFrame]:
        """A file that was cut off gives the frames before the cut; damage with frames behind it is refused."""
        damaged: str | None = None
        given = False
        for packet in self.container.demux(self.stream):
            try:
                pictures = self.decoder.decode(packet if packet.size else None)
            except av.error.FFmpegError as error:
                at = packet.pts if packet.pts is not None else packet.dts
                damaged = damaged or f"{float((at or 0) * self.time_base):.2f} s ({error.strerror})"
                failure = error
                continue
            for picture in pictures:
                if damaged and given:
                    raise ValueError(
                        f"{self.name} is damaged at {damaged}, and goes on behind it: mend it (ffmpeg -i … -c:v "
                        f"libx264), or edit the part before or behind that"
                    )
                yield picture
                given = True
        if damaged and not given:
            raise failure

    def close(self) -> None:
        self.container.close()


# --- Pictures in place of a video --------------------------------------------------------------


def numbered_pictures(path: Path) -> list[Path]:
    """The pictures of a folder, or of a name with `%d` or `%04d` in it, in the order of their numbers.

    Raises FileNotFoundError where there are none, ValueError where one is missing between numbered ones.
    """
    if path.is_dir():
        files = [file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES and file.name[0] != "."]
        if not files:
            raise FileNotFoundError(f"there are no pictures in the folder {path}")
        return sorted(
            files,
            key=lambda file: [
                (part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", file.name)
            ],
        )
    found = _NUMBER.search(path.name)
    assert found is not None, "a name without a number"
    digits = rf"\d{{{found[1]}}}" if found[1] else r"\d+"
    pattern = re.compile(re.escape(path.name[: found.start()]) + f"({digits})" + re.escape(path.name[found.end() :]))
    numbers: dict[int, Path] = {}
    if path.parent.is_dir():
        numbers = {int(match[1]): file for file in path.parent.iterdir() if (match := pattern.fullmatch(file.name))}
    if not numbers:
        raise FileNotFoundError(f"there are no pictures {path}")
    for number in range(min(numbers), max(numbers)):
        if number not in numbers:
            raise ValueError(f"{path}: number {number} is missing between {min(numbers)} and {max(numbers)}")
    return [numbers[number] for number in sorted(numbers)]


class _Pictures(OpenVideo):
    """Of one picture a frame."""

    def __init__(self, name: str, files: list[Path]) -> None:
        super().__init__(name, PICTURES_PER_SECOND, 1 / PICTURES_PER_SECOND, BT709)
        self.files, self.exact = files, all(map(is_exact, files))

    def pictures(self) -> Iterator[av.VideoFrame]:
        for number, file in enumerate(self.files):
            try:
                picture = decode_picture(file)
            except (av.error.FFmpegError, ValueError, OSError):
                raise ValueError(f"{file} is not a picture that can be read") from None
            picture.pts, picture.time_base = number, self.time_base
            yield picture


def decode_picture(file: Path) -> av.VideoFrame:
    """The one picture of a file, turned and mirrored as its EXIF data ask."""
    with open_source(file) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        picture: av.VideoFrame = next(container.decode(stream))
    orientation = _exif_orientation(file)
    if orientation == 1:
        return picture
    kind = "rgba" if has_alpha(picture) else "rgb24"
    return av.VideoFrame.from_ndarray(turned(pixels_of(picture, kind), EXIF_TURNS[orientation]), format=kind)


def is_exact(file: Path) -> bool:
    """Whether a picture file is as it was given to the coder; WebP may be."""
    return file.suffix.lower() not in (".jpg", ".jpeg")


def _described(file: Path, what: Callable[[Any], int]) -> int:
    """What Pillow says of a picture without decoding it, 1 where it cannot: FFmpeg says better what is wrong."""
    import PIL.Image

    with suppress(OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError), warnings.catch_warnings():
        warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
        with PIL.Image.open(file) as picture:
            return what(picture)
    return 1


def _exif_orientation(file: Path) -> int:
    found = _described(file, lambda picture: picture.getexif().get(274, 1))
    return found if found in EXIF_TURNS else 1


def is_animation(path: Path) -> bool:
    """Whether it is a picture file of several frames that FFmpeg does not read: WebP, PNG or TIFF."""
    if path.suffix.lower() not in (".webp", ".png", ".apng", ".tif", ".tiff") or not path.is_file():
        return False
    return _described(path, lambda picture: getattr(picture, "n_frames", 1)) > 1


class _Animation(OpenVideo):
    """Of a picture file with several frames, each shown for its own time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        times = [time for time, _ in self._frames()]
        steps = [after - before for before, after in pairwise(times)]
        rate = Fraction(1000 * len(steps), sum(steps)) if steps and sum(steps) > 0 else PICTURES_PER_SECOND
        super().__init__(str(path), rate, _MILLISECONDS, BT709)

    def _frames(self) -> Iterator[tuple[int, Any]]:
        import PIL.Image

        animation: Any
        with PIL.Image.open(self.path) as animation:
            check_frame_size(f"a frame of {self.path}", animation.height, animation.width)
            time = 0.0
            for number in range(animation.n_frames):
                animation.seek(number)
                animation.load()
                yield round(time), animation
                time += float(animation.info.get("duration") or 1000 / PICTURES_PER_SECOND)

    def pictures(self) -> Iterator[av.VideoFrame]:
        for time, animation in self._frames():
            transparent = "A" in animation.getbands() or "transparency" in animation.info
            kind = ("RGBA", "rgba") if transparent else ("RGB", "rgb24")
            picture = av.VideoFrame.from_ndarray(np.asarray(animation.convert(kind[0])), format=kind[1])
            picture.pts, picture.time_base = time, self.time_base
            yield picture
