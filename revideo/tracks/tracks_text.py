"""Tracks as text, as other editors, trackers and packs write them → trajectories.

docs/tracks.md says what is read. js/exchange/tracks_text.js reads the same texts to the same points and refuses the
others with the same messages.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from .after_effects import read_after_effects
from .csv_text import read_csv
from .literals import MAX_POINTS, read_value, shown_value, type_name
from .nuke import read_nuke
from .svg import read_svg
from .trajectories import FARTHEST_PX, MAX_PLACES, Trajectories

MAX_LENGTH = 64_000_000  # characters: 64 for each of as many points as are read


def parse_tracks(text: str, size: tuple[float, float] | None = None) -> Trajectories:
    """Reads the tracks of any tool, in pixels; where one ends before the others it is hidden.

    Understood: a list of tracks, each a list of {"x", "y"} or [x, y], with "visible" or a third value False where a
    point is hidden; one track alone; several such texts in a list; Python's single quotes and tuples; lines of `x,y`;
    an object with "coordinates". No track at all is a valid answer ("[]"). And what other programs exchange, by the
    modules beside this one, which say in `read_as` how they read it; `size`, width and height, is the picture's where
    y runs upward and the text does not name it.
    Raises ValueError that names the track and the point.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the tracks are a text of {len(text)} characters; at most {MAX_LENGTH} are read")
    exchanged = read_after_effects(text) or read_nuke(text, size) or read_svg(text) or read_csv(text)
    if exchanged is not None:
        return exchanged
    tracks, drawn_on = _tracks_in(text)
    lengths = [len(track) if isinstance(track, list) else 0 for track in tracks]
    num_frames = max(lengths, default=0)
    if sum(lengths) > MAX_POINTS:
        raise ValueError(f"the tracks hold {sum(lengths)} points; at most {MAX_POINTS} are read")
    if len(tracks) * num_frames > MAX_PLACES:
        raise ValueError(
            f"the tracks are {len(tracks)} paths of up to {num_frames} points, which makes "
            f"{len(tracks) * num_frames} places; at most {MAX_PLACES} are read: split paths so unlike in length"
        )
    points = [point for number, track in enumerate(tracks) for point in _read_track(number, track)]
    given = torch.arange(num_frames) < torch.tensor(lengths, dtype=torch.long)[:, None]
    points_px, visible = torch.zeros(len(tracks), num_frames, 2), given.clone()
    points_px[given] = torch.tensor([point[:2] for point in points]).view(-1, 2)
    visible[given] = torch.tensor([point[2] for point in points], dtype=torch.bool)
    return Trajectories(points_px, visible, tuple(lengths), drawn_on)


def _tracks_in(text: str) -> tuple[list[Any], tuple[float, float] | None]:
    """The tracks of a text, however deep the tool wrapped them, lists in lists, texts in texts; the size it names."""
    tracks: list[Any] = []
    drawn_on: tuple[float, float] | None = None
    unread: list[Any] = [text]  # the next one last
    while unread:
        value = unread.pop()
        if isinstance(value, str):
            unread.append(read_value(value))
        elif isinstance(value, dict) and "coordinates" in value:
            if "coord_width" in value or "coord_height" in value:
                drawn_on = _read_size(value.get("coord_width"), value.get("coord_height"))
            unread.append(value["coordinates"])
        elif isinstance(value, dict) and "paths" in value and "regions" in value:
            raise ValueError("this is a drawing, not tracks: give it as the drawing (--document, or the editor)")
        elif not isinstance(value, list):
            raise ValueError(f"the tracks must be a list of paths, not {type_name(value)}")
        elif value and (isinstance(value[0], str) or _holds_lists(value[0])):
            _check_batch(value)
            unread += value[::-1]  # several texts, each with tracks of its own, or one level too many
        elif value and _is_point(value[0]):
            tracks.append(value)  # one track alone
        else:
            tracks += value
    return tracks, drawn_on


def _read_size(width: Any, height: Any) -> tuple[float, float]:
    if not (isinstance(width, float) and isinstance(height, float) and 0 < width < 1e6 and 0 < height < 1e6):
        raise ValueError(
            f"coord_width and coord_height must be sizes above 0, found {shown_value(width)} and {shown_value(height)}"
        )
    return width, height


def _check_batch(value: list[Any]) -> None:
    """ValueError for one array of frames × points × 2, as trackers give it, or of paths × frames × 2: who knows."""
    if len(value) != 1 or not isinstance(value[0], list) or len(value[0]) < 2:
        return
    sizes = {len(row) if isinstance(row, list) and _pairs(row) else 0 for row in value[0]}
    if len(sizes) == 1 and min(sizes) > 1:
        raise ValueError(
            f"the tracks are one array of shape (1, {len(value[0])}, {min(sizes)}, 2): frames of points, as CoTracker "
            f"gives them, or paths of points? Take the outermost brackets away once it is a list of paths"
        )


def _pairs(row: list[Any]) -> bool:
    return all(isinstance(pair, list) and len(pair) == 2 for pair in row)


def _holds_lists(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list) and not _is_point(value[0])


def _is_point(value: Any) -> bool:
    if isinstance(value, dict):
        return "coordinates" not in value
    if not isinstance(value, list) or len(value) not in (2, 3) or (len(value) == 3 and not isinstance(value[2], bool)):
        return False
    return not any(isinstance(v, (list, dict, str)) for v in value)


def _read_track(number: int, track: Any) -> list[tuple[float, float, bool]]:
    if not isinstance(track, list):
        raise ValueError(f"track {number} must be a list of points, not {type_name(track)}")
    if not track:
        raise ValueError(f"track {number} has no points")
    points = []
    for frame, point in enumerate(track):
        pair, shows = point, True
        if isinstance(point, dict):
            pair = [point.get("x"), point.get("y")]
            shows = point.get("visible", True)
        elif isinstance(point, list) and len(point) == 3 and isinstance(point[2], bool):
            pair, shows = point[:2], point[2]
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"track {number}, point {frame}: expected x and y, found {shown_value(point)}")
        if not (isinstance(shows, bool) or shows in (0.0, 1.0)):
            raise ValueError(
                f"track {number}, point {frame}: visible must be true or false, found {shown_value(shows)}"
            )
        x, y = pair
        if not shows and x is None and y is None:
            x = y = 0.0  # a tracker has no place for what it lost
        if not (isinstance(x, float) and isinstance(y, float)):
            raise ValueError(f"track {number}, point {frame}: x and y must be numbers, found {shown_value(point)}")
        if not (abs(x) <= FARTHEST_PX and abs(y) <= FARTHEST_PX):
            where = f"track {number}, point {frame}: x {shown_value(x)}, y {shown_value(y)}"
            if not (math.isfinite(x) and math.isfinite(y)):
                raise ValueError(f"{where} is not finite")
            raise ValueError(f"{where} must lie within ±{FARTHEST_PX} pixels")
        points.append((x, y, bool(shows)))
    return points
