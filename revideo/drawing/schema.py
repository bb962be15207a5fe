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
from typing import Any, NamedTuple, NoReturn, TypeGuard

from .curves import EASINGS

DOCUMENT_VERSION = 1

SIDE_MAX = 16384
FRAMES_MAX = 10_000
PATHS_MAX = REGIONS_MAX = 1000
POINTS_MAX = 50_000
COORDINATE_MAX = 100_000
WIDTH_MAX = 10_000  # of a brush's radius and of a feather
TEXT_MAX = 100  # characters of an id or a name
DEPTH_MAX = 100  # of nested brackets: far less than Python's reader recurses safely

PATH_KINDS = ("anchor", "line", "spline", "freehand")
REGION_KINDS = ("rect", "ellipse", "polygon", "brush")
MODES = ("add", "subtract")


class Point(NamedTuple):
    """A point of a path, in pixels of the document."""

    x: float
    y: float
    frame: float | None = None  # when the path is there


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


@dataclass(frozen=True)
class Region:
    """An area to add to the mask or to take from it; the document calls it a region."""

    id: str
    kind: str  # of REGION_KINDS
    points: tuple[tuple[float, float], ...]  # x, y in pixels of the document
    mode: str | None = None  # of MODES; None: add
    radius: float | None = None  # pixels, of a brush
    feather: float | None = None  # pixels; None: 0
    follow: str | None = None  # the id of the path that carries it
    visible: bool | None = None  # None: True
    name: str | None = None


# --- Reading -------------------------------------------------------------------------------

_BRACKETS_OUTSIDE_TEXT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|([\[{])|([\]}])', re.DOTALL)
_CANNOT_BE_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, halves of characters


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
    if not _is_number(version) or version != DOCUMENT_VERSION:
        if _is_whole(version, DOCUMENT_VERSION, 1_000_000):
            raise ValueError(
                f"the document has version {version:.0f}, this ReVideo knows version {DOCUMENT_VERSION}: update ReVideo"
            )
        raise ValueError(f"version must be {DOCUMENT_VERSION}")
    width = _read_whole(value, "width", SIDE_MAX)
    height = _read_whole(value, "height", SIDE_MAX)
    frames = _read_whole(value, "frames", FRAMES_MAX)
    drawn_paths = _read_list(value, "paths", PATHS_MAX)
    drawn_regions = _read_list(value, "regions", REGIONS_MAX)
    count = sum(map(_count_points, drawn_paths + drawn_regions))  # before any of them is looked at
    if count > POINTS_MAX:
        raise ValueError(f"the document has {count} points; at most {POINTS_MAX} are allowed")
    path_ids: set[str] = set()
    paths = [_read_path(path, f"path {number}", path_ids, frames - 1) for number, path in enumerate(drawn_paths, 1)]
    region_ids: set[str] = set()
    regions = [
        _read_region(region, f"region {number}", region_ids, path_ids) for number, region in enumerate(drawn_regions, 1)
    ]
    return {"width": width, "height": height, "frames": frames, "paths": tuple(paths), "regions": tuple(regions)}


def _count_points(item: Any) -> int:
    points = item.get("points") if isinstance(item, dict) else None
    return len(points) if isinstance(points, list) else 0


def _read_path(value: Any, place: str, ids: set[str], last: int) -> DrawnPath:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is not an object")
    path_id = _read_id(value, place, "path", ids)
    where = f"{place} ({path_id})"
    kind = _read_choice(value, "kind", PATH_KINDS, where)
    points = tuple(
        _read_point(point, f"{where}, point {number}") for number, point in enumerate(_read_points(value, where), 1)
    )
    if kind == "anchor" and len(points) != 1:
        raise ValueError(f"{where}: an anchor has one point, not {len(points)}")
    start = _read_time(value, "start", last, where)
    end = _read_time(value, "end", last, where)
    first_frame, last_frame = 0 if start is None else start, last if end is None else end
    if last_frame < first_frame:
        raise ValueError(f"{where}: end must not lie before start")
    _check_frames(points, first_frame, last_frame, where)
    easing = _read_choice(value, "easing", tuple(EASINGS), where) if "easing" in value else None
    visible = _read_visible(value, where)
    name = _read_name(value, where)
    color = value.get("color")
    if "color" in value and not (isinstance(color, str) and re.fullmatch("#[0-9a-fA-F]{6}", color)):
        raise ValueError(f"{where}: color must be written as #rrggbb")
    return DrawnPath(path_id, kind, points, start, end, easing, visible, name, color)


def _read_point(value: Any, where: str) -> Point:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object")
    x = _read_coordinate(value.get("x"), "x", where)
    y = _read_coordinate(value.get("y"), "y", where)
    return Point(x, y, _read_number(value["frame"], "frame", where) if "frame" in value else None)


def _check_frames(points: Sequence[Point], start: float, end: float, where: str) -> None:
    """Times of points lie within the path's and rise; ends without one stand at start and end."""
    before = -math.inf
    for index, (_, _, frame) in enumerate(points):
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


def _read_region(value: Any, place: str, ids: set[str], path_ids: set[str]) -> Region:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is not an object")
    region_id = _read_id(value, place, "region", ids)
    where = f"{place} ({region_id})"
    kind = _read_choice(value, "kind", REGION_KINDS, where)
    mode = _read_choice(value, "mode", MODES, where) if "mode" in value else None
    points = tuple(
        _read_pair(point, f"{where}, point {number}") for number, point in enumerate(_read_points(value, where), 1)
    )
    if kind == "rect" and len(points) != 2:
        raise ValueError(f"{where}: a rect has two points, not {len(points)}")
    if kind == "ellipse" and len(points) != 2:
        raise ValueError(f"{where}: an ellipse has two points, not {len(points)}")
    if kind == "polygon" and len(points) < 3:
        raise ValueError(f"{where}: a polygon has at least three points, not {len(points)}")
    radius = _read_number(value.get("radius"), "radius", where) if kind == "brush" else None  # others have none
    if radius is not None and not 0 < radius <= WIDTH_MAX:
        raise ValueError(f"{where}: radius must be above 0 and at most {WIDTH_MAX}")
    feather = _read_number(value["feather"], "feather", where) if "feather" in value else None
    if feather is not None and not 0 <= feather <= WIDTH_MAX:
        raise ValueError(f"{where}: feather must lie within 0 and {WIDTH_MAX}")
    follow = value.get("follow")
    if "follow" in value and not (isinstance(follow, str) and follow in path_ids):
        raise ValueError(f"{where}: follow must be the id of a path in the document")
    visible = _read_visible(value, where)
    name = _read_name(value, where)
    return Region(region_id, kind, points, mode, radius, feather, follow, visible, name)


def _read_pair(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{where} is not a pair of numbers")
    return _read_coordinate(value[0], "x", where), _read_coordinate(value[1], "y", where)


# --- Fields --------------------------------------------------------------------------------


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, float) and math.isfinite(value)  # bools and text are none


def _is_whole(value: Any, low: int, high: int) -> TypeGuard[float]:
    return _is_number(value) and value.is_integer() and low <= value <= high


def _is_text(value: Any, least: int) -> TypeGuard[str]:
    return isinstance(value, str) and least <= len(value) <= TEXT_MAX and not _CANNOT_BE_SHOWN.search(value)


def _read_whole(fields: dict[str, Any], name: str, most: int) -> int:
    value = fields.get(name)
    if not _is_whole(value, 1, most):
        raise ValueError(f"{name} must be a whole number from 1 to {most}")
    return int(value)


def _read_list(fields: dict[str, Any], name: str, most: int) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    if len(value) > most:
        raise ValueError(f"the document has {len(value)} {name}; at most {most} are allowed")
    return value


def _read_id(fields: dict[str, Any], place: str, what: str, taken: set[str]) -> str:
    value = fields.get("id")
    if not _is_text(value, 1):
        raise ValueError(f"{place}: id must be text of 1 to {TEXT_MAX} characters")
    if value in taken:
        raise ValueError(f"{place} ({value}): another {what} has this id")
    taken.add(value)
    return value


def _read_name(fields: dict[str, Any], where: str) -> str | None:
    if "name" in fields and not _is_text(fields["name"], 0):
        raise ValueError(f"{where}: name must be text of at most {TEXT_MAX} characters")
    return fields.get("name")


def _read_choice(fields: dict[str, Any], name: str, choices: tuple[str, ...], where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{where}: {name} must be {', '.join(choices[:-1])} or {choices[-1]}")
    return value


def _read_points(fields: dict[str, Any], where: str) -> list[Any]:
    points = fields.get("points")
    if not isinstance(points, list) or not points:
        raise ValueError(f"{where}: points must be a list of at least one point")
    return points


def _read_time(fields: dict[str, Any], name: str, last: int, where: str) -> float | None:
    if name not in fields:
        return None
    time = _read_number(fields[name], name, where)
    if not 0 <= time <= last:
        raise ValueError(f"{where}: {name} must lie within 0 and {last}, the last frame")
    return time


def _read_visible(fields: dict[str, Any], where: str) -> bool | None:
    if "visible" in fields and not isinstance(fields["visible"], bool):
        raise ValueError(f"{where}: visible must be true or false")
    return fields.get("visible")


def _read_coordinate(value: Any, name: str, where: str) -> float:
    number = _read_number(value, name, where)
    if abs(number) > COORDINATE_MAX:
        raise ValueError(f"{where}: {name} must lie within ±{COORDINATE_MAX}")
    return number


def _read_number(value: Any, name: str, where: str) -> float:
    if not _is_number(value):
        raise ValueError(f"{where}: {name} is not a finite number")
    return value
