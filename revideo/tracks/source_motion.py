"""The source's own motion as the paths of an edit: points, or a grid in an area, followed through the clip."""

from __future__ import annotations

import torch
from torch import Tensor

from .selection import STILL_PX, path_lengths, sample_trajectories
from .tracking import Tracker, grid_points, track_points
from .trajectories import Trajectories


def follow_drawn(
    video: Tensor,  # (T, 3, H, W) in [0, 1]
    drawn: Trajectories,  # of T frames
    frame: int = 0,
    tracker: Tracker | None = None,
) -> Trajectories:  # a path for each of `drawn` that is visible on `frame`
    """Follows the points where drawn paths are on one frame, whatever way they were drawn on from there.

    Raises ValueError where none is there, or all are lost.
    """
    _check_frame(video, frame)
    if drawn.num_frames != len(video):
        raise ValueError(f"the points cover {drawn.num_frames} frames; the video has {len(video)}: draw them on it")
    there = drawn.visible[:, frame].bool()
    if not there.any():
        raise ValueError(f"there is no point to follow on frame {frame}: draw one, an anchor for example")
    return _checked(track_points(video, drawn.points_px[there, frame].float(), frame, tracker), frame)


def follow_area(
    video: Tensor,  # (T, 3, H, W) in [0, 1]
    region: Tensor,  # (1 or T, 1, H, W), 1 inside
    frame: int = 0,
    spacing_px: int = 16,
    most: int = 10,
    moving: bool = True,
    seed: int = 0,
    tracker: Tracker | None = None,
) -> Trajectories:
    """Follows a grid of points that lie inside an area on one frame.

    `moving`: as in training (paper section 3.2), of those at least as long as the mean `most` are drawn
    in proportion to their length. Else all stay, or evenly `most` of them.
    Raises ValueError where the area is empty, nothing moves, or all points are lost.
    """
    _check_frame(video, frame)
    height, width = video.shape[-2:]
    if region.shape[-2:] != (height, width) or len(region) not in (1, len(video)):
        raise ValueError(
            f"the mask is {region.shape[-1]}×{region.shape[-2]} for {len(region)} frames; the video is "
            f"{width}×{height} with {len(video)}: give one mask for all frames or one for each, of its size"
        )
    points_px = grid_points(height, width, spacing_px)
    x, y = points_px.long().unbind(1)
    points_px = points_px[region[frame if len(region) > 1 else 0, 0, y, x] >= 0.5]
    if not len(points_px):
        raise ValueError(
            f"no point of the grid lies inside the area on frame {frame}: paint an area, or set the points closer "
            f"than {spacing_px} pixels"
        )
    tracks = _checked(track_points(video, points_px, frame, tracker), frame)
    if not moving:
        kept = torch.linspace(0, tracks.num_paths - 1, min(most, tracks.num_paths)).round().long()
        return Trajectories(tracks.points_px[kept], tracks.visible[kept])
    drawn = sample_trajectories(tracks, most, torch.Generator().manual_seed(seed))
    if drawn.num_paths == 0:
        longest = path_lengths(tracks).max().item()
        raise ValueError(
            f"nothing moves inside the area: the longest way of {tracks.num_paths} points is {longest:.1f} pixels, "
            f"at least {STILL_PX:g} are needed; keep all points, or draw them"
        )
    return drawn


def describe(tracks: Trajectories) -> str:
    """A line for each point that was not seen throughout, after one that counts; points and frames from 0."""
    lines = []
    for number, visible in enumerate(tracks.visible.tolist()):
        times = [frame for frame, seen in enumerate(visible) if seen]
        if not times:
            lines.append(f"point {number}: never seen")
            continue
        told = [f"not seen before frame {times[0]}"] * (times[0] > 0)
        hidden = [frame for frame in range(times[0], times[-1]) if not visible[frame]]
        told += [f"hidden on {len(hidden)} frame{'s' * (len(hidden) > 1)} from {hidden[0]}"] if hidden else []
        told += [f"lost from frame {times[-1] + 1}"] * (times[-1] < len(visible) - 1)
        if told:
            lines.append(f"point {number}: {', '.join(told)}")
    whole = tracks.num_paths - len(lines)
    return "\n".join([f"{whole} of {tracks.num_paths} points are seen on all {tracks.num_frames} frames", *lines])


def spelled(tracks: Trajectories) -> str:
    """`Trajectories.to_json` of the whole clip's length, which whoever reads it takes for the clip's.

    Where all points are lost before the end, the one that was seen longest rests where it was.
    """
    if tracks.visible.any() and not tracks.visible[:, -1].any():
        visible = tracks.visible.clone()
        times = torch.arange(tracks.num_frames)
        visible[(visible * times).amax(1).argmax(), -1] = True
        tracks = Trajectories(tracks.points_px, visible)
    return tracks.to_json()


def _check_frame(video: Tensor, frame: int) -> None:
    if not 0 <= frame < len(video):
        raise ValueError(f"there is no frame {frame}: the video has frames 0 to {len(video) - 1}")


def _checked(tracks: Trajectories, frame: int) -> Trajectories:
    if tracks.num_frames > 1 and not (tracks.visible[:, 1:] & tracks.visible[:, :-1]).any():
        count = "the point is" if tracks.num_paths == 1 else f"all {tracks.num_paths} points are"
        raise ValueError(
            f"{count} lost right beside frame {frame}: follow something that can be told from what is around it "
            f"and stays in the picture, or draw the path"
        )
    return tracks
