"""Tracks whose points carry the numbers of their frames, as compositing programs write them → trajectories.

docs/tracks.md says which number is which frame. js/exchange/numbered.js does the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import torch

from .literals import MAX_POINTS, shown_value
from .trajectories import FARTHEST_PX, MAX_PLACES, Trajectories


@dataclass(frozen=True)
class NumberedTrack:
    """Points by frame."""

    name: str  # as messages call it
    keys: dict[float, tuple[float, float]] = field(default_factory=dict)  # frame → x, y
    hidden: set[float] = field(default_factory=set)  # frames that count and show nothing

    def add(self, frame: float, point: tuple[float, float] | None) -> None:
        """`point` None: hidden. Raises ValueError that names the track and the frame."""
        if frame in self.keys or frame in self.hidden:
            raise ValueError(f"{self.name}: frame {shown_value(frame)} comes twice")
        if point is None:
            self.hidden.add(frame)
            return
        if not (abs(point[0]) <= FARTHEST_PX and abs(point[1]) <= FARTHEST_PX):
            raise ValueError(f"{self.name}, frame {shown_value(frame)}: x and y must lie within ±{FARTHEST_PX} pixels")
        self.keys[frame] = point


def from_numbered(
    program: str,
    tracks: list[NumberedTrack],
    notes: list[str],
    straight: bool = False,
    drawn_on: tuple[float, float] | None = None,
) -> Trajectories:
    """The lowest number of all is the first frame. `straight`: seen between keys too, on a straight line.

    Raises ValueError for what memory should not hold, and for a track that has no whole frame.
    """
    count = sum(len(track.keys) + len(track.hidden) for track in tracks)
    if count > MAX_POINTS:
        raise ValueError(f"the tracks hold {count} points; at most {MAX_POINTS} are read")
    numbers = [number for track in tracks for number in (*track.keys, *track.hidden)]
    first, last = math.floor(min(numbers)), math.floor(max(numbers))
    num_frames = last - first + 1
    if len(tracks) * num_frames > MAX_PLACES:
        raise ValueError(
            f"the tracks are {len(tracks)} paths over frames {first} to {last}, which makes "
            f"{len(tracks) * num_frames} places; at most {MAX_PLACES} are read"
        )
    points_px, visible = torch.zeros(len(tracks), num_frames, 2), torch.zeros(len(tracks), num_frames, dtype=torch.bool)
    for number, track in enumerate(tracks):
        placed = _placed(track, straight)
        if not placed and not track.hidden:
            raise ValueError(f"{track.name} has no point on a whole frame")
        if placed:
            at = torch.tensor([frame - first for frame in placed])
            points_px[number, at] = torch.tensor(list(placed.values()), dtype=torch.float64).float()
            visible[number, at] = True
    named = f"frame {first}" if first == last else f"frames {first} to {last}"
    said = [f"{counted_paths(len(tracks))} over {named}", *notes, f"frame {first} is the clip's first"]
    read_as = f"read as {program}: {'; '.join(said)}"
    return Trajectories(points_px, visible, drawn_on=drawn_on, first_frame=first, read_as=read_as)


def counted_paths(count: int) -> str:
    """ "1 path", "2 paths"."""
    return "1 path" if count == 1 else f"{count} paths"


def _placed(track: NumberedTrack, straight: bool) -> dict[int, tuple[float, float]]:
    """Where a track is, by whole frame."""
    keys = sorted(track.keys.items())
    placed = {int(frame): point for frame, point in keys if frame == math.floor(frame)}
    if not straight:
        return placed
    for (begin, (x0, y0)), (end, (x1, y1)) in pairwise(keys):
        for frame in range(math.floor(begin) + 1, math.ceil(end)):
            part = (frame - begin) / (end - begin)
            placed[frame] = x0 + (x1 - x0) * part, y0 + (y1 - y0) * part
    return placed
