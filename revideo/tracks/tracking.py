"""A video and points on one of its frames → trajectories: by the built-in point tracker, CoTracker or optical flow."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..video.levels import to_uint8
from .point_tracker import track_patches
from .trajectories import Trajectories

Tracker = Callable[[Tensor, Tensor, int], Trajectories]  # as track_points


def grid_points(height: int, width: int, spacing_px: int) -> Tensor:  # (N, 2) x, y in pixels
    """Middles of a grid's cells, row by row."""
    y, x = (torch.arange(spacing_px / 2, side, spacing_px) for side in (height, width))
    return torch.cartesian_prod(y, x).flip(-1).contiguous()


def track_points(
    video: Tensor,  # (T, 3, H, W) in [0, 1]
    points_px: Tensor,  # (N, 2) x, y in pixels, on frame `frame`
    frame: int = 0,
    tracker: Tracker | None = None,
    on_step: Callable[[], None] | None = None,
) -> Trajectories:  # N over T frames
    """Tracks points forward and backward from `frame`; hidden where they are covered, lost or out of the picture.

    Built in: `point_tracker.track_patches`, which finds points again that something passed in
    front of; `on_step` is called after each step of its to the next frame, and what it raises ends
    the work. `tracker` does it instead: see `load_cotracker`, `flow_tracker`. Raises ValueError where points or
    frame do not fit the video.
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
    pixels = to_uint8(video).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    places, visible = track_patches(pixels, points_px.float().numpy(), frame, on_step)
    return Trajectories(torch.from_numpy(places), torch.from_numpy(visible))


def load_cotracker(path: str | Path, device: str | torch.device = "cpu") -> Tracker:
    """CoTracker (Karaev et al.) from a local file; nothing is downloaded.

    The weights that its authors publish are under CC-BY-NC 4.0: not for commercial use, and
    whether that binds a model trained on their tracks is for you to judge. Two kinds of file:
    `.pth`, the authors' weights, read as plain tensors (code inside is refused), which needs
    their package (`pip install` from github.com/facebookresearch/co-tracker); any other, a
    TorchScript program `(video (1, T, 3, H, W) 0…255, queries (1, N, 3) frame, x, y) → tracks
    (1, T, N, 2), visibility (1, T, N)`. A TorchScript file is a program: load only your own.
    Raises FileNotFoundError where it is not there, ValueError where it is neither.
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


def flow_tracker(flow: Callable[[Tensor], Tensor]) -> Tracker:
    """Points moved along by dense flow from frame to frame; `flow`: (T, 3, H, W) → (T − 1, 2, H, W) dx, dy in pixels.

    A point is lost for good where the way on and back does not end near its beginning (Sundaram et al. 2010):
    flow knows neither what comes out from behind something nor where small errors lead.
    """

    def track(video: Tensor, points_px: Tensor, frame: int) -> Trajectories:
        onwards, backwards = flow(video), flow(video.flip(0)).flip(0)  # between frames i and i + 1, both ways
        places = points_px[:, None].repeat(1, len(video), 1)
        visible = torch.zeros(places.shape[:2], dtype=torch.bool)
        visible[:, frame] = True
        for time in range(frame + 1, len(video)):
            step = _step(onwards[time - 1], backwards[time - 1], places[:, time - 1], visible[:, time - 1])
            places[:, time], visible[:, time] = step
        for time in range(frame - 1, -1, -1):
            step = _step(backwards[time], onwards[time], places[:, time + 1], visible[:, time + 1])
            places[:, time], visible[:, time] = step
        return Trajectories(places, visible)

    return track


def _step(there: Tensor, back: Tensor, places: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Places (N, 2) and which are seen, a frame on by one flow (2, H, W), checked by the other."""
    moves = _flow_at(there, places)
    returns = _flow_at(back, places + moves)
    error, most = (moves + returns).square().sum(1), 0.01 * (moves.square() + returns.square()).sum(1) + 0.5
    size = places.new_tensor([there.shape[2], there.shape[1]])
    inside = ((places + moves >= 0) & (places + moves < size)).all(1)
    seen = seen & (error <= most) & inside
    return torch.where(seen[:, None], places + moves, places), seen


def _flow_at(flow: Tensor, places: Tensor) -> Tensor:  # (N, 2)
    size = places.new_tensor([flow.shape[2], flow.shape[1]])
    grid = (places / size * 2 - 1)[None, None]
    found = F.grid_sample(flow[None].float().cpu(), grid, padding_mode="border", align_corners=False)
    return found[0, :, 0].T
