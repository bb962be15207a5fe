"""Tracks on disk: tracking a window costs more than decoding it, and every epoch asks again."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from threading import Lock

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..files import whole_file
from ..tracks.tracking import Tracker, grid_points, load_cotracker, track_points
from ..tracks.trajectories import Trajectories

VERSION = 2  # of the built-in tracker: another one finds other tracks


class TrackCache:
    """Tracks of a grid of points, kept under the identity of file, window, size and tracker."""

    def __init__(self, folder: Path, grid_px: int, cotracker: str = "") -> None:
        self.folder, self.grid_px, self.cotracker = folder, grid_px, cotracker
        self._tracker: Tracker | None = None
        self._lock = Lock()

    def tracks(self, file: Path, video: Tensor, start: int, stride: int) -> Trajectories:
        """Of `video` (T, 3, H, W), which is `file` from frame `start`, every `stride`-th."""
        tracker = identity(Path(self.cotracker)) if self.cotracker else f"built-in {VERSION}"
        key = repr((identity(file), start, stride, tuple(video.shape), self.grid_px, tracker))
        name = sha256(key.encode()).hexdigest()
        path = self.folder / name[:2] / f"{name}.safetensors"
        try:
            kept = load_file(path)
            return Trajectories(kept["points_px"], kept["visible"])
        except (FileNotFoundError, SafetensorError, KeyError):
            pass  # not there yet, or damaged
        points = grid_points(video.shape[-2], video.shape[-1], self.grid_px)
        tracks = track_points(video, points, tracker=self._load())
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as unfinished:
            save_file({"points_px": tracks.points_px, "visible": tracks.visible}, unfinished)
        return tracks

    def _load(self) -> Tracker | None:
        with self._lock:
            if self.cotracker and self._tracker is None:
                device = "cuda" if torch.cuda.is_available() else "cpu"
                self._tracker = load_cotracker(self.cotracker, device)
        return self._tracker


def identity(file: Path) -> tuple[str, int, int]:
    """What changes when a file's content does, without reading it."""
    told = file.stat()
    return str(file.resolve()), told.st_size, told.st_mtime_ns
