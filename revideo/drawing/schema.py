"""What a person drew: the parts of an edit document, and its one spelling.

docs/edit_document.md says what each field means.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

VERSION = 1


class Point(NamedTuple):
    """A point of a path, in pixels of the document."""

    x: float
    y: float
    frame: float | None = None  # when the path is there


@dataclass(frozen=True)
class Path:
    """What is None was left out of the text, and is left out again."""

    id: str
    kind: str  # anchor, line, spline, freehand
    points: tuple[Point, ...]
    start: float | None = None  # frame; None: the first
    end: float | None = None  # frame; None: the last
    easing: str | None = None  # linear, in, out, in-out; None: linear
    visible: bool | None = None  # None: True
    name: str | None = None
    color: str | None = None  # "#rrggbb"


@dataclass(frozen=True)
class Region:
    """An area to add to the mask or to take from it."""

    id: str
    kind: str  # rect, ellipse, polygon, brush
    points: tuple[tuple[float, float], ...]  # x, y in pixels of the document
    mode: str | None = None  # add, subtract; None: add
    radius: float | None = None  # pixels, of a brush
    feather: float | None = None  # pixels; None: 0
    follow: str | None = None  # the id of the path that carries it
    visible: bool | None = None
    name: str | None = None


class Drawing(NamedTuple):
    """All that a document's text says."""

    width: int  # pixels of the picture that was drawn on
    height: int
    frames: int
    paths: tuple[Path, ...]
    regions: tuple[Region, ...]


# --- Writing -------------------------------------------------------------------------------


def write(drawing: Drawing) -> str:
    """The one spelling that the editor writes too: coordinates to a thousandth of a pixel."""
    fields = {
        "version": VERSION,
        **drawing._asdict(),
        "paths": [_path_fields(path) for path in drawing.paths],
        "regions": [_region_fields(region) for region in drawing.regions],
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _path_fields(path: Path) -> dict[str, Any]:
    points = [_given(x=_rounded(x), y=_rounded(y), frame=_number(frame)) for x, y, frame in path.points]
    return _given(
        id=path.id,
        kind=path.kind,
        name=path.name,
        color=path.color,
        points=points,
        start=_number(path.start),
        end=_number(path.end),
        easing=path.easing,
        visible=path.visible,
    )


def _region_fields(region: Region) -> dict[str, Any]:
    return _given(
        id=region.id,
        kind=region.kind,
        name=region.name,
        mode=region.mode,
        points=[[_rounded(x), _rounded(y)] for x, y in region.points],
        radius=None if region.radius is None else max(_rounded(region.radius), 0.001),
        feather=None if region.feather is None else _rounded(region.feather),
        follow=region.follow,
        visible=region.visible,
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _rounded(value: float) -> float:
    rounded = _number(math.floor(value * 1000 + 0.5) / 1000)  # as JavaScript rounds halves
    assert rounded is not None
    return rounded


def _number(value: float | None) -> float | None:
    """JavaScript writes 3 where Python would write 3.0."""
    return int(value) if value is not None and value == int(value) else value
