"""Clips for a propagator from folders of video files: squares of their middle, with their depth (section 3.3.3)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from threading import Lock

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ...checkpoints.file_formats import CheckpointError
from ...files import whole_file
from ...propagation.depth import Disparity, SmoothDepth, load_disparity
from ...tracks.trajectories import Trajectories
from ..config import Phase
from ..examples import TrainingClip
from ..video_folder import FolderClips, Unusable, VideoHeader, identity

DEPTH_VERSION = 1  # of the way maps are smoothed: another one makes others


class FolderDepthClips(FolderClips):
    """As `FolderClips`, cropped in the middle; instead of tracks each has its depth, where a stage reads it."""

    def __init__(self, phase: Phase, seed: int, cache: Path, purpose: str = "train") -> None:
        super().__init__(phase, seed, cache, purpose)
        self.depths = DepthCache(cache, phase.data.depth) if phase.stage == "propagate" else None

    def _cropped(self, known: VideoHeader, start: int, generator: torch.Generator) -> TrainingClip:
        phase, data = self.phase, self.phase.data
        video = self._scaled(known, start)
        height, width = video.shape[-2:]
        top, left = (height - phase.height) // 2, (width - phase.width) // 2
        video = video[..., top : top + phase.height, left : left + phase.width]
        depth = None if self.depths is None else self.depths.maps(known.path, video, start, data.stride)
        rate = float(known.rate / data.stride)
        return TrainingClip(video, Trajectories.none(phase.frames), rate, depth=depth)


class DepthCache:
    """Depth of windows, on disk under the identity of file, window, size and depth model: it costs more than all else.

    Maps are kept in sixteen bits.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self.folder, self.model = folder, model
        self._disparity: Disparity | None = None
        self._lock = Lock()

    def maps(self, file: Path, video: Tensor, start: int, stride: int) -> Tensor:  # (T, 1, H, W) in [0, 1]
        """Of `video` (T, 3, H, W), which is of `file` from frame `start`, every `stride`-th."""
        key = repr((DEPTH_VERSION, identity(file), start, stride, tuple(video.shape), _model_identity(self.model)))
        name = sha256(key.encode()).hexdigest()
        path = self.folder / name[:2] / f"{name}.depth.safetensors"
        try:
            with safe_open(path, framework="pt") as stored:
                levels, digest = stored.get_tensor("depth"), (stored.metadata() or {}).get("digest")
            if levels.shape == (len(video), 1, *video.shape[-2:]) and digest == _digest(levels):
                return (levels.int() + 2**15).float() / (2**16 - 1)
        except FileNotFoundError:
            pass
        except (SafetensorError, OSError):
            pass  # damaged: made anew
        smooth = SmoothDepth()
        with self._lock:
            disparity = self._load()
            try:
                depth = torch.stack([smooth.next(disparity(frame)) for frame in video])
            except CheckpointError:  # the model's fault, not the video's
                raise
            except ValueError as error:
                raise Unusable(str(error)) from None
        levels = ((depth * (2**16 - 1)).round().int() - 2**15).short()
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as unfinished:
            save_file({"depth": levels}, unfinished, {"digest": _digest(levels)})
        return (levels.int() + 2**15).float() / (2**16 - 1)

    def _load(self) -> Disparity:
        if self._disparity is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
            self._disparity = load_disparity(self.model, device)
        return self._disparity


def _model_identity(model: str) -> object:
    path = Path(model)
    return identity(path) if path.is_file() else sorted(identity(file) for file in path.iterdir() if file.is_file())


def _digest(levels: Tensor) -> str:
    return sha256(levels.contiguous().numpy().tobytes()).hexdigest()
