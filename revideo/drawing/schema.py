"""The text of an edit document → its paths and regions, checked.

docs/edit_document.md says what each field means. What js/document/schema.js refuses is refused
here, with the same messages.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

from .easing import EASINGS, KEY_EASINGS, Easing
from .fields import (
    is_whole,
    read_choice,
    read_coordinate,
    read_flag,
    read_frame,
    read_id,
    read_label,
    read_list,
    read_number,
    read_pair,
    read_points,
    read_time,
    read_whole,
    read_within,
)

DOCUMENT_VERSION = 2  # the newest that is read; written where its fields are used

SIDE_MAX = 16384
FRAMES_MAX = 10_000
PATHS_MAX = REGIONS_MAX = 1000
POINTS_MAX = 50_000
WIDTH_MAX = 10_000  # of a brush's radius and of a feather
KEYS_MAX = 1000  # of a region
FOLLOW_MAX = 100  # paths that a region follows
SCALE_RANGE = 0.001, 1000  # of a key
ROTATE_MAX = 36_000  # degrees
EASING_HEIGHTS = -2, 3  # of a Bézier easing's controls
DEPTH_MAX = 100  # of nested brackets: far less than Python's reader recurses safely

PATH_KINDS = ("anchor", "line", "spline", "freehand")
REGION_KINDS = ("rect", "ellipse", "polygon", "brush")
MODES = ("add", "subtract")


class Point(NamedTuple):
    """A point of a path, in pixels of the document."""

    x: float
    y: float
    frame: float | None = None  # when the path is there
    easing: Easing | None = None  # from here to the next key; None: the path's


@dataclass(frozen=True)
class DrawnPath:
    """A path; what is None was left out of the text, and is left out again."""

    id: str
    kind: str  # of PATH_KINDS
    points: tuple[Point, ...]
    start: float | None = None  # frame; None: the first
    end: float | None = None  # frame; None: the last
    easing: str | None = None  # of EASINGS; None: linear
    visible: bool | None = None  # None: True
    name: str | None = None
    color: str | None = None  # "#rrggbb"
    locked: bool | None = None  # None: False; the editor leaves it as it is
    group: str | None = None  # that it is listed under


class Keyframe(NamedTuple):
    """How a region lies at a frame; what is None is as it was drawn."""

    frame: float
    move: tuple[float, float] | None = None  # pixels
    scale: tuple[float, float] | None = None  # along x and y, about the centre of the region's own box
    rotate: float | None = None  # degrees, clockwise on the screen
    points: tuple[tuple[float, float], ...] | None = None  # as many as the region's
    easing: Easing | None = None  # from here to the next key; None: linear


@dataclass(frozen=True)
class Region:
    """An area to add to the mask or to take from it; the document calls it a region."""

    id: str
    kind: str  # of REGION_KINDS
    points: tuple[tuple[float, float], ...]  # x, y in pixels of the document
    mode: str | None = None  # of MODES; None: add
    radius: float | None = None  # pixels, of a brush
    feather: float | None = None  # pixels; None: 0
    follow: str | tuple[str, ...] | None = None  # the id of the path that it goes along with, or of several
    visible: bool | None = None  # None: True
    name: str | None = None
    locked: bool | None = None  # None: False; the editor leaves it as it is
    group: str | None = None  # that it is listed under
    keys: tuple[Keyframe, ...] | None = None

    @property
    def followed(self) -> tuple[str, ...]:
        """The ids of all paths that it goes along with."""
        return (self.follow,) if isinstance(self.follow, str) else self.follow or ()


# --- Reading -------------------------------------------------------------------------------

_BRACKETS_OUTSIDE_TEXT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|([\[{])|([\]}])', re.DOTALL)


def read_fields(text: str) -> dict[str, Any]:
    """The fields of an EditDocument: width, height, frames, paths, regions; of a blank text a drawing of nothing.

    Raises ValueError, naming the culprit, where the text is no edit document of this version.
    """
    if not text.strip(" \t\r\n"):
        return {"width": 1, "height": 1, "frames": 1}
    if _is_deeper(text, DEPTH_MAX):
        raise ValueError("the document is nested too deeply")
    try:
        # Every number as JavaScript reads it: no whole numbers of any length, nothing but JSON.
        value = json.loads(text, parse_int=float, parse_constant=_refuse_constant)
    except ValueError:
        raise ValueError("the document is not JSON") from None
    return _read_document(value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_deeper(text: str, most: int) -> bool:
    """Whether more brackets than that are nested somewhere."""
    depth = 0
    for match in _BRACKETS_OUTSIDE_TEXT.finditer(text):
        depth += bool(match[1]) - bool(match[2])
        if depth > most:
            return True
    return False


def _read_document(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("the document is not an object")
    version = value.get("version")
    if not is_whole(version, 1, DOCUMENT_VERSION):
        if is_whole(version, DOCUMENT_VERSION, 1_000_000):
            raise ValueError(
                f"the document has version {version:.0f}, this ReVideo knows version {DOCUMENT_VERSION}: update ReVideo"
            )
        raise ValueError("version must be 1 or 2")
    newer = version > 1
    width = read_whole(value, "width", SIDE_MAX)
    height = read_whole(value, "height", SIDE_MAX)
    frames = read_whole(value, "frames", FRAMES_MAX)
    drawn_paths = read_list(value, "paths", PATHS_MAX)
    drawn_regions = read_list(value, "regions", REGIONS_MAX)
    count = sum(_count_points(item, newer) for item in drawn_paths + drawn_regions)  # before any of them is looked at
    if count > POINTS_MAX:
        raise ValueError(f"the document has {count} points; at most {POINTS_MAX} are allowed")
    path_ids: set[str] = set()
    paths = [
        _read_path(path, f"path {number}", path_ids, frames - 1, newer) for number, path in enumerate(drawn_paths, 1)
    ]
    region_ids: set[str] = set()
    regions = [
        _read_region(region, f"region {number}", region_ids, path_ids, frames - 1, newer)
        for number, region in enumerate(drawn_regions, 1)
    ]
    return {"width": width, "height": height, "frames": frames, "paths": tuple(paths), "regions": tuple(regions)}


def _count_points(item: Any, newer: bool) -> int:
    """A key counts as one point, and its own points besides."""
    points, keys = (item.get("points"), item.get("keys")) if isinstance(item, dict) else (None, None)
    of_keys = sum(1 + _count_points(key, False) for key in keys) if newer and isinstance(keys, list) else 0
    return of_keys + (len(points) if isinstance(points, list) else 0)


def _read_path(value: Any, place: str, ids: set[str], last: int, newer: bool) -> DrawnPath:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is not an object")
    path_id = read_id(value, place, "path", ids)
    where = f"{place} ({path_id})"
    kind = read_choice(value, "kind", PATH_KINDS, where)
    points = tuple(
        _read_point(point, f"{where}, point {number}", newer)
        for number, point in enumerate(read_points(value, where), 1)
    )
    if kind == "anchor" and len(points) != 1:
        raise ValueError(f"{where}: an anchor has one point, not {len(points)}")
    start = read_time(value, "start", last, where)
    end = read_time(value, "end", last, where)
    first_frame, last_frame = 0 if start is None else start, last if end is None else end
    if last_frame < first_frame:
        raise ValueError(f"{where}: end must not lie before start")
    _check_frames(points, first_frame, last_frame, where)
    easing = read_choice(value, "easing", tuple(EASINGS), where) if "easing" in value else None
    visible = read_flag(value, "visible", where)
    name = read_label(value, "name", where)
    color = value.get("color")
    if "color" in value and not (isinstance(color, str) and re.fullmatch("#[0-9a-fA-F]{6}", color)):
        raise ValueError(f"{where}: color must be written as #rrggbb")
    locked, group = _read_listing(value, where, newer)
    return DrawnPath(path_id, kind, points, start, end, easing, visible, name, color, locked, group)


def _read_point(value: Any, where: str, newer: bool) -> Point:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object")
    x = read_coordinate(value.get("x"), "x", where)
    y = read_coordinate(value.get("y"), "y", where)
    frame = read_number(value["frame"], "frame", where) if "frame" in value else None
    return Point(x, y, frame, _read_easing(value, where) if newer and "easing" in value else None)


def _read_easing(fields: dict[str, Any], where: str) -> Easing:
    """Of the stretch that begins at a key."""
    easing = fields["easing"]
    if isinstance(easing, str) and easing in KEY_EASINGS:
        return easing
    if not isinstance(easing, list) or len(easing) != 4:
        raise ValueError(f"{where}: easing must be {', '.join(KEY_EASINGS)} or a list x1, y1, x2, y2")
    low, high = EASING_HEIGHTS
    x1, x2 = (read_within(easing[index], f"easing's x{number}", 0, 1, where) for number, index in ((1, 0), (2, 2)))
    y1, y2 = (read_within(easing[index], f"easing's y{number}", low, high, where) for number, index in ((1, 1), (2, 3)))
    return x1, y1, x2, y2


def _check_frames(points: Sequence[Point], start: float, end: float, where: str) -> None:
    """Times of points lie within the path's and rise; ends without one stand at start and end."""
    before = -math.inf
    for index, (_, _, frame, _) in enumerate(points):
        if frame is None:
            continue
        culprit = f"{where}, point {index + 1}: frame must"
        if not start <= frame <= end:
            raise ValueError(f"{culprit} lie within the path's start and end")
        if index > 0 and points[0].frame is None and frame <= start:
            raise ValueError(f"{culprit} lie after the path's start, when it is at its first point")
        if index < len(points) - 1 and points[-1].frame is None and frame >= end:
            raise ValueError(f"{culprit} lie before the path's end, when it is at its last point")
        if frame <= before:
            raise ValueError(f"{culprit} lie after that of the timed point before")
        before = frame


def _read_listing(fields: dict[str, Any], where: str, newer: bool) -> tuple[bool | None, str | None]:
    """How an item stands in the editor's list."""
    return (read_flag(fields, "locked", where), read_label(fields, "group", where)) if newer else (None, None)


def _read_region(value: Any, place: str, ids: set[str], path_ids: set[str], last: int, newer: bool) -> Region:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is not an object")
    region_id = read_id(value, place, "region", ids)
    where = f"{place} ({region_id})"
    kind = read_choice(value, "kind", REGION_KINDS, where)
    mode = read_choice(value, "mode", MODES, where) if "mode" in value else None
    points = _read_pairs(value, where)
    if kind == "rect" and len(points) != 2:
        raise ValueError(f"{where}: a rect has two points, not {len(points)}")
    if kind == "ellipse" and len(points) != 2:
        raise ValueError(f"{where}: an ellipse has two points, not {len(points)}")
    if kind == "polygon" and len(points) < 3:
        raise ValueError(f"{where}: a polygon has at least three points, not {len(points)}")
    radius = read_number(value.get("radius"), "radius", where) if kind == "brush" else None  # others have none
    if radius is not None and not 0 < radius <= WIDTH_MAX:
        raise ValueError(f"{where}: radius must be above 0 and at most {WIDTH_MAX}")
    feather = read_within(value["feather"], "feather", 0, WIDTH_MAX, where) if "feather" in value else None
    follow = _read_follow(value["follow"], path_ids, where, newer) if "follow" in value else None
    visible = read_flag(value, "visible", where)
    name = read_label(value, "name", where)
    locked, group = _read_listing(value, where, newer)
    keys = _read_keys(value["keys"], len(points), last, where) if newer and "keys" in value else None
    return Region(region_id, kind, points, mode, radius, feather, follow, visible, name, locked, group, keys)


def _read_follow(value: Any, path_ids: set[str], where: str, newer: bool) -> str | tuple[str, ...]:
    if isinstance(value, str) and value in path_ids:
        return value
    ids = value if newer and isinstance(value, list) else []
    known = all(isinstance(each, str) and each in path_ids for each in ids)
    if known and 1 <= len(ids) <= FOLLOW_MAX and len(set(ids)) == len(ids):
        return tuple(ids)
    several = f", or a list of 1 to {FOLLOW_MAX} of them, each once" if newer else ""
    raise ValueError(f"{where}: follow must be the id of a path in the document{several}")


def _read_keys(value: Any, count: int, last: int, where: str) -> tuple[Keyframe, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= KEYS_MAX:
        raise ValueError(f"{where}: keys must be a list of 1 to {KEYS_MAX} keys")
    keys = tuple(_read_key(key, count, last, f"{where}, key {number}") for number, key in enumerate(value, 1))
    for number, (before, key) in enumerate(pairwise(keys), 2):
        if key.frame <= before.frame:
            raise ValueError(f"{where}, key {number}: frame must lie after that of the key before")
    return keys


def _read_key(value: Any, count: int, last: int, where: str) -> Keyframe:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object")
    frame = read_frame(value.get("frame"), "frame", last, where)
    move = read_pair(value["move"], f"{where}, move") if "move" in value else None
    scale = read_pair(value["scale"], f"{where}, scale") if "scale" in value else None
    for name, part in zip("xy", scale or ()):
        read_within(part, name, *SCALE_RANGE, f"{where}, scale")
    rotate = read_within(value["rotate"], "rotate", -ROTATE_MAX, ROTATE_MAX, where) if "rotate" in value else None
    points = _read_pairs(value, where) if "points" in value else None
    if points is not None and len(points) != count:
        raise ValueError(f"{where}: the region has {count} points, the key {len(points)}")
    return Keyframe(frame, move, scale, rotate, points, _read_easing(value, where) if "easing" in value else None)


def _read_pairs(fields: dict[str, Any], where: str) -> tuple[tuple[float, float], ...]:
    return tuple(
        read_pair(point, f"{where}, point {number}") for number, point in enumerate(read_points(fields, where), 1)
    )
