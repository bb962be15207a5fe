"""Points followed through a clip: what training knows of its motion, and how an edit keeps the source's."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from .trajectory import Trajectories

Tracker = Callable[[Tensor, Tensor, int], Trajectories]  # as track_points

WINDOW_PX = 21  # Lucas–Kanade's, at each level
PATCH_PX = 9  # compared where dense flow leads
ROUND_TRIP_PX = 1.0  # forth and back must end this close to the start
ROUND_TRIP_SHARE = 0.05  # and, for fast points, this close as a share of the way
PATCH_CHANGE = 25.0  # mean change of a followed patch, of 255: more is another thing that slid in


def grid_points(height: int, width: int, spacing_px: int) -> Tensor:  # (N, 2) x, y
    """Middles of a grid's cells, row by row."""
    y, x = (torch.arange(spacing_px / 2, side, spacing_px) for side in (height, width))
    return torch.cartesian_prod(y, x).flip(-1).contiguous()


def track_points(
    video: Tensor,  # (T, 3, H, W) in [0, 1]
    points_px: Tensor,  # (N, 2) x, y on frame `frame`
    frame: int = 0,
    tracker: Tracker | None = None,
) -> Trajectories:  # N paths over T frames
    """Follows points both ways from `frame`; hidden from where they are lost, covered or out of the picture.

    Built in: pyramidal Lucas–Kanade, checked forth and back, and dense DIS flow, checked the
    same way, where it fails (flat surfaces, blur). `tracker` does it instead: see
    `load_cotracker`. Raises ValueError where points or frame do not fit the video.
    """
    num_frames, _, height, width = video.shape
    if points_px.ndim != 2 or points_px.shape[1] != 2:
        raise ValueError(f"the points to track must have shape (N, 2), not {tuple(points_px.shape)}")
    if not 0 <= frame < num_frames:
        raise ValueError(f"frame {frame} is not in the video, which has {num_frames} frames")
    size = points_px.new_tensor([width, height])
    outside = ~((points_px >= 0) & (points_px < size)).all(1)
    if outside.any():
        number = int(outside.nonzero()[0])
        x, y = points_px[number].tolist()
        raise ValueError(f"point {number} (x {x:g}, y {y:g}) is not in the picture, which is {width}×{height}")
    if tracker is not None:
        return tracker(video, points_px.float(), frame)
    return _follow(video, points_px.float(), frame)


def _follow(video: Tensor, points_px: Tensor, frame: int) -> Trajectories:
    gray = [_gray(picture) for picture in video]
    places = np.repeat(points_px.numpy()[:, None], len(gray), 1).astype(np.float32)  # (N, T, 2)
    visible = np.zeros(places.shape[:2], bool)
    visible[:, frame] = True
    for order in (range(frame, len(gray)), range(frame, -1, -1)):
        for before, after in pairwise(order):
            places[:, after] = places[:, before]
            seen = visible[:, before]
            if seen.any():
                places[seen, after], visible[seen, after] = _step(gray[before], gray[after], places[seen, before])
    return Trajectories(torch.from_numpy(places), torch.from_numpy(visible))


def _gray(picture: Tensor) -> np.ndarray:
    rgb = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def _step(before: np.ndarray, after: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) one frame on, and which of them can be trusted and are in the picture."""
    places = points - 0.5  # OpenCV counts from the middle of the first pixel
    moved, good = _lucas_kanade(before, after, places)
    if not good.all():
        moved[~good], good[~good] = _DenseFlow(before, after).move(places[~good])
    height, width = after.shape
    good &= (moved >= -0.5).all(1) & (moved[:, 0] < width - 0.5) & (moved[:, 1] < height - 0.5)
    return np.where(good[:, None], moved + 0.5, points), good


def _lucas_kanade(before: np.ndarray, after: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    options: dict[str, Any] = {
        "winSize": (WINDOW_PX, WINDOW_PX),
        "maxLevel": max(int(np.log2(min(before.shape) / WINDOW_PX)), 0),
        "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01),
        "minEigThreshold": 1e-3,  # below, the patch is flat and its motion is anyone's guess
    }
    column = places[:, None].astype(np.float32)
    moved, found, change = cv2.calcOpticalFlowPyrLK(before, after, column, None, **options)
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, None, **options)
    moved, back = moved[:, 0], back[:, 0]
    good = (found.ravel() > 0) & (found_back.ravel() > 0) & (change.ravel() < PATCH_CHANGE)
    return moved, good & _closes(places, moved, back)


def _closes(places: np.ndarray, moved: np.ndarray, back: np.ndarray) -> np.ndarray:
    way = np.linalg.norm(moved - places, axis=1)
    return np.linalg.norm(back - places, axis=1) < np.maximum(ROUND_TRIP_PX, ROUND_TRIP_SHARE * way)


class _DenseFlow:
    """DIS flow (Kroeger et al. 2016) between two frames, both ways."""

    def __init__(self, before: np.ndarray, after: np.ndarray) -> None:
        self.before, self.after = before, after

    @cached_property
    def forth(self) -> np.ndarray:
        return self._flow(self.before, self.after)

    @cached_property
    def back(self) -> np.ndarray:
        return self._flow(self.after, self.before)

    @staticmethod
    def _flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(before, after, None)

    def move(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = places + _at(self.forth, places)
        change = np.abs(_patches(self.after, moved) - _patches(self.before, places)).mean(1)
        return moved, (change < PATCH_CHANGE) & _closes(places, moved, moved + _at(self.back, moved))


def _at(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A picture (H, W, …) at places (N, 2) between pixels."""
    sampled = []
    for some in np.array_split(places.astype(np.float32), len(places) // 30_000 + 1):  # remap takes no more rows
        x, y = some.T[:, :, None]
        sampled.append(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0])
    return np.concatenate(sampled)


def _patches(gray: np.ndarray, places: np.ndarray) -> np.ndarray:  # (N, PATCH_PX²)
    offsets = np.stack(np.meshgrid(*[np.arange(PATCH_PX) - PATCH_PX // 2] * 2), -1).reshape(-1, 2)
    pixels = _at(gray.astype(np.float32), (places[:, None] + offsets).reshape(-1, 2))
    return pixels.reshape(len(places), -1)


def load_cotracker(path: str | Path, device: str | torch.device = "cpu") -> Tracker:
    """CoTracker (Karaev et al.) from a local file; nothing is downloaded.

    The weights that its authors publish are under CC-BY-NC 4.0: not for commercial use, and
    whether that binds a model trained on their tracks is for you to judge. Two kinds of file:
    `.pth`, the authors' weights, read as plain tensors (code inside is refused), which needs
    their package (`pip install` from github.com/facebookresearch/co-tracker); any other, a
    TorchScript program `(video (1, T, 3, H, W) 0…255, queries (1, N, 3) frame, x, y) → tracks
    (1, T, N, 2), visibility (1, T, N)`. A TorchScript file is a program: load only your own.
    Raises ValueError where the file is neither.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no CoTracker file {path}")
    run = _official_cotracker(path, device) if path.suffix == ".pth" else _scripted_cotracker(path, device)

    @torch.inference_mode()
    def track(video: Tensor, points_px: Tensor, frame: int) -> Trajectories:
        times = torch.full((len(points_px), 1), float(frame))
        queries = torch.cat([times, points_px - 0.5], 1)[None]
        tracks, seen = run((video * 255)[None].to(device), queries.to(device))
        places = tracks[0].transpose(0, 1).float().cpu() + 0.5
        visible = seen[0].transpose(0, 1).cpu() > 0.5
        size = torch.tensor([video.shape[-1], video.shape[-2]])
        return Trajectories(places.clone(), visible & ((places >= 0) & (places < size)).all(-1))

    return track


def _scripted_cotracker(path: Path, device: str | torch.device) -> Callable[[Tensor, Tensor], Any]:
    try:
        return torch.jit.load(str(path), map_location=device).eval()
    except RuntimeError:
        raise ValueError(f"{path} is neither a TorchScript program nor CoTracker's weights (.pth)") from None


def _official_cotracker(path: Path, device: str | torch.device) -> Callable[[Tensor, Tensor], Any]:
    try:
        from cotracker.predictor import CoTrackerPredictor
    except ImportError:
        raise ValueError(
            f"{path}: weights of CoTracker need its package, which is not installed "
            f"(github.com/facebookresearch/co-tracker)"
        ) from None
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        raise ValueError(f"{path} holds more than tensors or is damaged, so it was not opened") from None
    predictor = CoTrackerPredictor(checkpoint=None, offline=True, window_len=60)
    predictor.model.load_state_dict(weights.get("model", weights))
    predictor = predictor.to(device).eval()
    return lambda video, queries: predictor(video, queries=queries, backward_tracking=bool((queries[..., 0] > 0).any()))
