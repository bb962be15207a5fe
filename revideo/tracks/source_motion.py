"""The source's own motion as the trajectories of an edit: drawn points, or a grid in a mask, tracked in the clip."""

from __future__ import annotations

import torch
from torch import Tensor

from .selection import STILL_PX, path_lengths, sample_trajectories
from .tracking import Tracker, grid_points, track_points
from .tracks_text import parse_tracks
from .trajectories import Trajectories

HIDDEN_MOVES = True  # as the authors' script has it; what comes out from behind is then nearer (docs/benchmarks.md)


def track_drawn(
    video: Tensor,  # (T, 3, H, W) in [0, 1]
    drawn: Trajectories,  # of T frames
    frame: int = 0,
    tracker: Tracker | None = None,
    hidden_moves: bool = HIDDEN_MOVES,
) -> Trajectories:  # one for each of `drawn` that is visible on `frame`
    """Tracks the points where drawn paths are on one frame, whatever way they were drawn on from there.

    `hidden_moves`: a point that something covers moves on, where the tracker supposes it; else it is hidden there.
    Raises ValueError where none is there, or all are lost.
    """
    found = _checked(track_points(video, points_on(drawn, frame, len(video)), frame, tracker), frame)
    return found.never_hidden() if hidden_moves else found


def points_on(drawn: Trajectories, frame: int, num_frames: int) -> Tensor:  # (N, 2) x, y in pixels
    """Where drawn paths are on one frame of a video. Raises ValueError where none is there."""
    _check_frame(frame, num_frames)
    if drawn.num_frames != num_frames:
        raise ValueError(f"the points cover {drawn.num_frames} frames; the video has {num_frames}: draw them on it")
    there = drawn.visible[:, frame].bool()
    if not there.any():
        raise ValueError(f"there is no point to follow on frame {frame}: draw one, an anchor for example")
    return drawn.points_px[there, frame].float()


def track_masked(
    video: Tensor,  # (T, 3, H, W) in [0, 1]
    mask: Tensor,  # (1 or T, 1, H, W), 1 inside
    frame: int = 0,
    spacing_px: int = 16,
    most: int = 10,
    moving: bool = True,
    seed: int = 0,
    tracker: Tracker | None = None,
    hidden_moves: bool = HIDDEN_MOVES,
) -> Trajectories:
    """Tracks a grid of points that lie inside the mask on one frame.

    `moving`: as in training (paper section 3.2), of those at least as long as the mean `most` are drawn
    in proportion to their length. Else all stay, or evenly `most` of them. `hidden_moves`: as of `track_drawn`.
    Raises ValueError where the mask is of another size or empty, nothing moves, or all points are lost.
    """
    _check_frame(frame, len(video))
    height, width = video.shape[-2:]
    if mask.shape[-2:] != (height, width) or len(mask) not in (1, len(video)):
        raise ValueError(
            f"the mask is {mask.shape[-1]}×{mask.shape[-2]} for {len(mask)} frames; the video is "
            f"{width}×{height} with {len(video)}: give one mask for all frames or one for each, of its size"
        )
    points_px = grid_points(height, width, spacing_px)
    x, y = points_px.long().unbind(1)
    points_px = points_px[mask[frame if len(mask) > 1 else 0, 0, y, x] >= 0.5]
    if not len(points_px):
        raise ValueError(
            f"no point of the grid lies inside the area on frame {frame}: paint an area, or set the points closer "
            f"than {spacing_px} pixels"
        )
    found = _checked(track_points(video, points_px, frame, tracker), frame)
    if not moving:
        count = found.num_trajectories
        chosen = torch.linspace(0, count - 1, min(most, count)).round().long()
        chosen_tracks = Trajectories(found.points_px[chosen], found.visible[chosen])
        return chosen_tracks.never_hidden() if hidden_moves else chosen_tracks
    drawn = sample_trajectories(found, most, torch.Generator().manual_seed(seed))
    if drawn.num_trajectories == 0:
        count, longest = found.num_trajectories, path_lengths(found).max().item()
        raise ValueError(
            f"nothing moves inside the area: the longest way of {count} points is {longest:.1f} pixels, "
            f"at least {STILL_PX:g} are needed; keep all points, or draw them"
        )
    return drawn.never_hidden() if hidden_moves else drawn


def describe_visibility(trajectories: Trajectories) -> str:
    """A line for each point that was not seen throughout, after one that counts; points and frames from 0."""
    lines = []
    for number, visible in enumerate(trajectories.visible.tolist()):
        times = [frame for frame, seen in enumerate(visible) if seen]
        if not times:
            lines.append(f"point {number}: never seen")
            continue
        parts = [f"not seen before frame {times[0]}"] * (times[0] > 0)
        hidden = [frame for frame in range(times[0], times[-1]) if not visible[frame]]
        parts += [f"hidden on {len(hidden)} frame{'s' * (len(hidden) > 1)} from {hidden[0]}"] if hidden else []
        parts += [f"lost from frame {times[-1] + 1}"] * (times[-1] < len(visible) - 1)
        if parts:
            lines.append(f"point {number}: {', '.join(parts)}")
    count = trajectories.num_trajectories
    whole = f"{count - len(lines)} of {count} points are seen on all {trajectories.num_frames} frames"
    return "\n".join([whole, *lines])


def points_of_text(
    text: str, frame: int, num_frames: int, others: Trajectories | None = None
) -> Trajectories:  # over num_frames, each point seen on `frame`
    """Every point of a points editor's list, then `others`, for `track_drawn`; errors of `parse_tracks`."""
    given = parse_tracks(text)
    given.check_pixels("give the points in pixels of the frames")
    points = given.points_px[given.visible]
    found = Trajectories(points[:, None].expand(-1, num_frames, 2), torch.ones(len(points), num_frames).bool())
    _check_frame(frame, num_frames)
    if others is None:
        return found
    return Trajectories(torch.cat([found.points_px, others.points_px]), torch.cat([found.visible, others.visible]))


def _check_frame(frame: int, num_frames: int) -> None:
    if not 0 <= frame < num_frames:
        raise ValueError(f"there is no frame {frame}: the video has frames 0 to {num_frames - 1}")


def _checked(found: Trajectories, frame: int) -> Trajectories:
    if found.num_frames > 1 and not (found.visible[:, 1:] & found.visible[:, :-1]).any():
        count = "the point is" if found.num_trajectories == 1 else f"all {found.num_trajectories} points are"
        raise ValueError(
            f"{count} lost right beside frame {frame}: follow something that can be told from what is around it "
            f"and stays in the picture, or draw the path"
        )
    return found
