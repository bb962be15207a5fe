"""Paths of an SVG file, or one path's data: shapes without time, run through evenly → trajectories.

docs/tracks.md says what is read. js/exchange/svg.js reads the same texts and refuses the others with the same messages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import torch

from .literals import BLANK, shown_value
from .numbered import counted_paths
from .path_data import HIGHEST, SAMPLES, PathShape, Place, read_path_data, sampled
from .trajectories import FARTHEST_PX, MAX_PLACES, Trajectories

Matrix = tuple[float, float, float, float, float, float]  # as SVG orders them: x' = a x + c y + e, y' = b x + d y + f

_DATA = re.compile(r"[Mm][ \t\r\n\f]*[-+.0-9]")
_NAME = r"[A-Za-z_][A-Za-z0-9_:.-]*"
_BLANKS = r"[ \t\r\n\f]*"
_TAG = re.compile(rf"<(/?)({_NAME})([^>\"']*(?:(?:\"[^\"]*\"|'[^']*')[^>\"']*)*)>")
_SKIPPED = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!DOCTYPE", ">"))  # how it begins and ends
_ATTRIBUTE = re.compile(rf"({_NAME}){_BLANKS}={_BLANKS}(?:\"([^\"]*)\"|'([^']*)')")
_TRANSFORM = re.compile(r"[ \t\r\n\f,]*([A-Za-z]+)[ \t\r\n\f]*\(([^()]*)\)[ \t\r\n\f,]*")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NUMBERS = re.compile(rf"{_BLANKS}{_NUMBER.pattern}(?:[ \t\r\n\f,]+{_NUMBER.pattern})*{_BLANKS}")
_HIDDEN = re.compile(r"(?:^|;)[ ]*display[ ]*:[ ]*none")
_NOT_DRAWN = {"defs", "clipPath", "mask", "pattern", "marker", "symbol", "font", "glyph"}
_OTHER_SHAPES = ("line", "polyline", "polygon", "rect", "circle", "ellipse", "text", "image", "use")


def read_svg(text: str) -> Trajectories | None:
    """None for another text. Raises ValueError that names the path."""
    begun = text.removeprefix("\ufeff").lstrip(BLANK)
    drawn_on: Place | None = None
    left: list[str] = []
    if _DATA.match(begun):
        shapes = read_path_data(begun, "the path")
    elif begun.startswith("<") and "<svg" in begun:
        shapes, drawn_on, left = _read_file(begun)
    elif begun.startswith("<path"):
        shapes, drawn_on, left = _read_file(f"<svg>{begun}</svg>")
    else:
        return None
    if not shapes:
        raise ValueError("the SVG draws no path" + (f", only {', '.join(left)}: make them paths first" if left else ""))
    if len(shapes) * SAMPLES > MAX_PLACES:
        raise ValueError(f"the SVG draws {len(shapes)} paths; at most {MAX_PLACES // SAMPLES} are read")
    for number, shape in enumerate(shapes):
        if not all(abs(x) <= FARTHEST_PX and abs(y) <= FARTHEST_PX for x, y in shape.vertices):
            raise ValueError(f"path {number} of the SVG: x and y must lie within ±{FARTHEST_PX} pixels")
    named = "×".join(map(shown_value, drawn_on)) if drawn_on else ""
    picture = f"on a picture of {named}" if drawn_on else "in the clip's pixels"
    said = ["without times, each run through evenly", picture]
    if left:
        said.append(f"left out: {', '.join(left)}")
    read_as = f"read as SVG: {counted_paths(len(shapes))} {'; '.join(said)}"
    points_px = torch.tensor([sampled(shape.vertices) for shape in shapes], dtype=torch.float64).float()
    visible = torch.ones(len(shapes), SAMPLES, dtype=torch.bool)
    lengths = (SAMPLES,) * len(shapes)
    return Trajectories(points_px, visible, lengths, drawn_on, read_as=read_as, untimed=True)


def _read_file(text: str) -> tuple[list[PathShape], Place | None, list[str]]:
    """The shapes in pixels of the picture, its width and height, and what else is drawn."""
    shapes: list[PathShape] = []
    left: dict[str, None] = {}
    drawn_on: Place | None = None
    opened: list[tuple[str, Matrix | None]] = []  # names, and where they draw: None for nowhere
    count = 0
    for ends, full_name, written in _tags(text):
        name = full_name.rpartition(":")[2]
        if ends:
            if not opened or opened.pop()[0] != name:
                raise ValueError(f"the SVG is broken: </{name}> closes nothing")
            continue
        attributes = {key: first or second or "" for key, first, second in _ATTRIBUTE.findall(written)}
        matrix = opened[-1][1] if opened else (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
        if name == "svg":
            if opened:
                raise ValueError("the SVG holds another in it: save them one by one")
            drawn_on, matrix = _picture(attributes)
        hidden = attributes.get("display") == "none" or _HIDDEN.search(attributes.get("style", ""))
        if matrix and (name in _NOT_DRAWN or hidden):
            matrix = None
        if matrix and "transform" in attributes.get("style", ""):
            raise ValueError("the SVG has a transform in a style, which is not read: apply it to its paths first")
        if matrix and "transform" in attributes:
            matrix = _joined(matrix, _transform(attributes["transform"]))
        if matrix and name == "path":
            drawn = read_path_data(attributes.get("d", ""), f"path {count} of the SVG")
            shapes += [_moved(shape, matrix) for shape in drawn]
            count += 1
        elif matrix and name in _OTHER_SHAPES:
            left[name] = None
        if not written.endswith("/"):
            opened.append((name, matrix))
    if opened:
        raise ValueError(f"the SVG is broken: <{opened[-1][0]}> is not closed")
    return shapes, drawn_on, list(left)


def _tags(text: str) -> Iterator[tuple[str, str, str]]:
    """Of each tag whether it ends an element, the name, and what is written behind it."""
    at = text.find("<")
    while at >= 0:
        skipped = next((ends for begins, ends in _SKIPPED if text.startswith(begins, at)), None)
        if skipped:
            behind = text.find(skipped, at)
            if behind >= 0 and skipped == ">" and "[" in text[at:behind]:
                behind = text.find("]>", at)  # what a document type declares
            if behind < 0:
                raise ValueError(f"the SVG is broken at character {at}")
        else:
            tag = _TAG.match(text, at)
            if not tag:
                raise ValueError(f"the SVG is broken at character {at}")
            behind = tag.end() - 1
            yield tag[1], tag[2], tag[3]
        at = text.find("<", behind)


def _picture(attributes: dict[str, str]) -> tuple[Place | None, Matrix]:
    """Width and height, and what moves the picture's corner to 0, 0."""
    if "viewBox" in attributes:
        box = _numbers(attributes["viewBox"])
        if box is None or len(box) != 4 or not (0 < box[2] < 1e6 and 0 < box[3] < 1e6):
            raise ValueError(f"the SVG's viewBox is no box, found {shown_value(attributes['viewBox'])}")
        return (box[2], box[3]), (1.0, 0.0, 0.0, 1.0, -box[0], -box[1])
    sizes = [_numbers(re.sub(r"px$", "", attributes.get(side, ""))) for side in ("width", "height")]
    if all(size and len(size) == 1 and 0 < size[0] < 1e6 for size in sizes):
        width, height = (size[0] for size in sizes if size)
        return (width, height), (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    return None, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def _numbers(text: str) -> list[float] | None:
    values = [float(number) for number in _NUMBER.findall(text)] if _NUMBERS.fullmatch(text) else [math.inf]
    return values if all(abs(value) <= HIGHEST for value in values) else None


def _transform(text: str) -> Matrix:
    """Raises ValueError for what is no transform of SVG."""
    matrix: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    at = 0
    while at < len(text):
        found = _TRANSFORM.match(text, at)
        values = _numbers(found[2]) if found else None
        step = _step(found[1], values) if found and values else None
        if not found or step is None:
            raise ValueError(f"the SVG has a transform that is not understood, {shown_value(text)}")
        matrix, at = _joined(matrix, step), found.end()
    return matrix


def _step(name: str, values: list[float]) -> Matrix | None:
    count, a = len(values), values[0]
    if name == "matrix" and count == 6:
        return (values[0], values[1], values[2], values[3], values[4], values[5])
    if name == "translate" and count in (1, 2):
        return (1.0, 0.0, 0.0, 1.0, a, values[1] if count == 2 else 0.0)
    if name == "scale" and count in (1, 2):
        return (a, 0.0, 0.0, values[-1], 0.0, 0.0)
    if name == "rotate" and count in (1, 3):
        cos, sin = math.cos(math.radians(a)), math.sin(math.radians(a))
        x, y = values[1:] if count == 3 else (0.0, 0.0)
        return (cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y)
    if name == "skewX" and count == 1:
        return (1.0, 0.0, math.tan(math.radians(a)), 1.0, 0.0, 0.0)
    if name == "skewY" and count == 1:
        return (1.0, math.tan(math.radians(a)), 0.0, 1.0, 0.0, 0.0)
    return None


def _joined(outer: Matrix, inner: Matrix) -> Matrix:
    a, b, c, d, e, f = outer
    p, q, r, s, t, u = inner
    return a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s, a * t + c * u + e, b * t + d * u + f


def _moved(shape: PathShape, matrix: Matrix) -> PathShape:
    a, b, c, d, e, f = matrix
    return PathShape([(a * x + c * y + e, b * x + d * y + f) for x, y in shape.vertices], shape.straight)
