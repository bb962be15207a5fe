"""Clips for training from folders of video files, with their tracks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from pathlib import Path
from threading import Lock

import av
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..files import whole_file
from ..tracks.selection import path_lengths
from ..tracks.tracking import Tracker, grid_points, load_cotracker, track_points
from ..tracks.trajectories import Trajectories
from ..video.fitting import fit_frames
from ..video.io import frames_from_pixels
from ..video.orientation import upright
from ..video.shots import has_cut
from ..video.stream import open_source, shown_stream
from .config import Phase
from .examples import TrainingClip, generator_for

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".gif")
WINDOWS = 4  # of a file that are tried for one example, before another file's turn
CHECKSUM = "sha256"  # in the metadata of cached tracks, of all their numbers
REMEMBERED = 1000  # examples whose other clip may still be asked for
TRACKER_VERSION = 2  # of the built-in tracker: another one finds other tracks
MOST_FRAMES = 10_000_000  # of a file, by its header: 100 hours; more is a mistake that would only exhaust memory
LARGEST_SCALED = 16  # times the phase's size, of a window scaled to cover it: the rest of it is cut off
_warned: set[Path] = set()  # one line for a file, however many phases and threads meet it
_warning = Lock()


class Unusable(ValueError):
    """Why a file or a window of it gives no clip."""


@dataclass(frozen=True)
class VideoHeader:
    """What a file says of itself."""

    path: Path
    frames: int
    rate: Fraction
    height: int
    width: int


class FolderClips:
    """Windows of video files: every epoch each file once, in another order, from another place.

    What an example shows depends on seed, purpose and its number alone, as long as the
    files stay the same. A file that cannot be used is skipped, with one line that names it.
    Safe to call from several threads.
    """

    together = 1  # each has its own file to read

    def __init__(self, phase: Phase, seed: int, tracks: Path, purpose: str = "train") -> None:
        self.phase, self.seed, self.purpose = phase, seed, purpose
        self.folder = folder = Path(phase.data.folder)
        self.files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not self.files:
            raise Unusable(f'"data.folder": there is no video file in {folder} ({", ".join(SUFFIXES)})')
        self.cache = TrackCache(tracks, phase.trajectories.grid_px, phase.data.cotracker)
        self._hopeless: dict[Path, str] = {}
        self._chosen: dict[int, Path] = {}

    def clips(self, numbers: Sequence[int], other: bool = False) -> list[TrainingClip]:
        """One after the other."""
        return [self.clip(number, other) for number in numbers]

    def clip(self, number: int, other: bool = False) -> TrainingClip:
        """The clip of an example; `other`: of another file, if there is one. Raises ValueError where no file serves."""
        epoch, place = divmod(number, len(self.files))
        order = shuffled(len(self.files), self.seed, self.purpose, self.phase.name, epoch)
        avoided = self._chosen.pop(number, None) if other else None
        if other:
            place += 1 + int(torch.randint(len(order), (), generator=self._generator(number, "other")))
        turns = (self.files[order[(place + turn) % len(order)]] for turn in range(len(order)))
        for file in chain((file for file in turns if file != avoided), filter(None, [avoided])):
            try:
                clip = self._window(file, self._generator(number, other, file.relative_to(self.folder).as_posix()))
            except Unusable as error:
                warn_once(file, str(error))
                continue
            if not other:
                self._chosen[number] = file
                while len(self._chosen) > REMEMBERED:
                    self._chosen.pop(next(iter(self._chosen)), None)
            return clip
        raise Unusable(f"none of the {len(self.files)} videos in {self.phase.data.folder} can be used")

    def _generator(self, *key: object) -> torch.Generator:
        return generator_for(self.seed, self.purpose, self.phase.name, "window", *key)

    def _window(self, file: Path, generator: torch.Generator) -> TrainingClip:
        """One of the file's windows that shows motion and no shot cut; raises Unusable."""
        if file in self._hopeless:
            raise Unusable(self._hopeless[file])
        data = self.phase.data
        span = (self.phase.frames - 1) * data.stride + 1
        try:
            known = probe(file)
            if known.frames < span:
                raise Unusable(
                    f"too short: {known.frames} frames, {span} needed for {self.phase.frames} with stride {data.stride}"
                )
        except Unusable as error:
            self._hopeless[file] = str(error)
            raise
        # Half overlapping, so that each epoch can show other frames, and few enough that their tracks can be cached.
        starts = range(0, known.frames - span + 1, max(span // 2, 1))
        reasons: list[str] = []
        for start in torch.randperm(len(starts), generator=generator)[:WINDOWS].tolist():
            try:
                return self._cropped(known, starts[start], generator)
            except Unusable as error:
                reasons.append(str(error))
        why = f"none of {len(reasons)} windows serves: {', '.join(sorted(set(reasons)))}"
        if len(starts) <= WINDOWS:  # all were tried; of a longer file others may serve another example
            self._hopeless[file] = why
        raise Unusable(why)

    def _scaled(self, known: VideoHeader, start: int) -> Tensor:
        """A window's frames (T, 3, H, W), which just cover the phase's size; raises Unusable, of a shot cut too."""
        height, width = scaled_size(known, self.phase)
        video = read_window(known, start, self.phase.data.stride, self.phase.frames, height, width)
        if has_cut(video, self.phase.data.cut):
            raise Unusable("its scene changes (data.cut)")
        return video

    def _cropped(self, known: VideoHeader, start: int, generator: torch.Generator) -> TrainingClip:
        phase, data = self.phase, self.phase.data
        video = self._scaled(known, start)
        height, width = video.shape[-2:]
        tracks = self.cache.tracks(known.path, video, start, data.stride)
        if path_lengths(tracks).mean() < data.still_px:
            raise Unusable("it stands still (data.still_px)")
        top = int(torch.randint(height - phase.height + 1, (), generator=generator))
        left = int(torch.randint(width - phase.width + 1, (), generator=generator))
        cropped = video[..., top : top + phase.height, left : left + phase.width]
        points = tracks.points_px - torch.tensor([left, top])
        return TrainingClip(cropped, Trajectories(points, tracks.visible), fps=float(known.rate / data.stride))


def scaled_size(known: VideoHeader, phase: Phase) -> tuple[int, int]:
    """Height and width of a file's frames that just cover the phase's; raises Unusable for too long a strip."""
    scale = max(phase.height / known.height, phase.width / known.width)
    height = max(round(known.height * scale), phase.height)
    width = max(round(known.width * scale), phase.width)
    if height * width > LARGEST_SCALED * phase.height * phase.width:
        raise Unusable(f"{known.width}×{known.height} is of another shape than {phase.width}×{phase.height}")
    return height, width


def warn_once(file: Path, why: str) -> None:
    """One line on stderr for a file, however often it is met."""
    with _warning:
        if file not in _warned:
            _warned.add(file)
            print(f"revideo: skipping {file}: {why}", file=sys.stderr)


@lru_cache(maxsize=4)
def shuffled(count: int, *key: object) -> list[int]:
    """A random order of `count` places that depends on nothing but `key`."""
    return torch.randperm(count, generator=generator_for("order", *key)).tolist()


@lru_cache(maxsize=100_000)
def probe(file: Path) -> VideoHeader:
    """Length, rate and size, from the header where that says them; raises Unusable."""
    try:
        if file.stat().st_size == 0:
            raise Unusable("it is empty")
        with open_source(file) as container:
            stream = shown_stream(container)
            if stream is None:
                raise Unusable("it holds no video")
            rate = stream.average_rate or stream.guessed_rate
            if not rate:
                raise Unusable("it does not say its frame rate")
            first = next(container.decode(stream), None)
            if first is None:
                raise Unusable("it holds no frame")
            height, width = upright(first, Fraction(stream.sample_aspect_ratio or 1)).shape[:2]
            frames = stream.frames
            if not frames:  # WebM and others do not say
                container.seek(0)
                frames = sum(1 for packet in container.demux(stream) if packet.size)
            if frames > MOST_FRAMES:
                raise Unusable(f"its header counts {frames} frames: {MOST_FRAMES} at most")
            return VideoHeader(file, frames, Fraction(rate), height, width)
    except (av.error.FFmpegError, OSError) as error:
        raise Unusable(f"it cannot be read as a video ({error.strerror})") from None


def read_window(
    known: VideoHeader, start: int, stride: int, count: int, height: int, width: int
) -> Tensor:  # (T, 3, H, W) in [0, 1]
    """`count` frames from `start`, every `stride`-th, each scaled as it comes; frames before are sought over."""
    frames: list[Tensor] = []
    try:
        with open_source(known.path) as container:
            stream = shown_stream(container)
            if stream is None:
                raise Unusable("it holds no video")
            pixel_aspect = Fraction(stream.sample_aspect_ratio or 1)
            stream.thread_type = "SLICE"  # clips are decoded side by side already
            ticks = 1 / (known.rate * (stream.time_base or Fraction(1, 90_000)))  # per frame
            first = stream.start_time or 0
            if start:
                container.seek(first + int(start * ticks), stream=stream)
            number = -1
            for picture in container.decode(stream):
                number = number + 1 if picture.pts is None else round((picture.pts - first) / ticks)
                if number >= start + stride * len(frames):
                    pixels = frames_from_pixels([upright(picture, pixel_aspect)])
                    frames.append(fit_frames(pixels, height, width))
                    if len(frames) == count:
                        return torch.cat(frames)
    except (av.error.FFmpegError, OSError) as error:
        raise Unusable(f"it cannot be decoded at frame {start} ({error.strerror})") from None
    raise Unusable(f"it ends early: {len(frames)} of {count} frames from frame {start} with stride {stride}")


class TrackCache:
    """Tracks of a grid of points, on disk under the identity of file, window, size and tracker.

    Tracking a window costs more than decoding it, and every epoch asks again.
    """

    def __init__(self, folder: Path, grid_px: int, cotracker: str = "") -> None:
        self.folder, self.grid_px, self.cotracker = folder, grid_px, cotracker
        self._tracker: Tracker | None = None
        self._lock = Lock()

    def tracks(self, file: Path, video: Tensor, start: int, stride: int) -> Trajectories:
        """Of `video` (T, 3, H, W), which is `file` from frame `start`, every `stride`-th."""
        tracker = identity(Path(self.cotracker)) if self.cotracker else f"built-in {TRACKER_VERSION}"
        key = repr((identity(file), start, stride, tuple(video.shape), self.grid_px, tracker))
        name = sha256(key.encode()).hexdigest()
        path = self.folder / name[:2] / f"{name}.safetensors"
        points = grid_points(video.shape[-2], video.shape[-1], self.grid_px)
        try:
            return read_tracks(path, len(points), len(video))
        except FileNotFoundError:
            pass
        except ValueError as error:
            print(f"revideo: {path} is damaged ({error}): tracking its window again", file=sys.stderr)
        tracks = track_points(video, points, tracker=self._load())
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {"points_px": tracks.points_px, "visible": tracks.visible}
        with whole_file(path) as unfinished:
            save_file(tensors, unfinished, {CHECKSUM: _checksum(tensors)})
        return tracks

    def _load(self) -> Tracker | None:
        with self._lock:
            if self.cotracker and self._tracker is None:
                device = "cuda" if torch.cuda.is_available() else "cpu"
                self._tracker = load_cotracker(self.cotracker, device)
        return self._tracker


def read_tracks(path: Path, count: int, frames: int) -> Trajectories:
    """`count` tracks of so many frames, as `TrackCache` saved them; raises ValueError where they are damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in ("points_px", "visible")}
            checksum = (file.metadata() or {}).get(CHECKSUM)  # which files of earlier versions lack
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    except FileNotFoundError:
        raise
    except OSError as error:  # which does not name the file
        raise OSError(f"{path} cannot be read: {error}") from None
    points, visible = tensors.values()
    if (points.shape, points.dtype) != ((count, frames, 2), torch.float32):
        raise ValueError(f"points of shape {tuple(points.shape)}, not {(count, frames, 2)}")
    if visible.dtype != torch.bool or not points.isfinite().all() or checksum not in (None, _checksum(tensors)):
        raise ValueError("its numbers are not those that were saved")
    return Trajectories(points, visible)


def _checksum(tensors: dict[str, Tensor]) -> str:
    return sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors.values())).hexdigest()


def identity(file: Path) -> tuple[str, int, int]:
    """What changes when a file's content does, without reading it."""
    status = file.stat()
    return str(file.resolve()), status.st_size, status.st_mtime_ns
