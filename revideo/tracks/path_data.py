"""A path's data in SVG's language, `M 10 20 C …` → the broken lines that it draws.

js/exchange/path_data.js computes the same.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from .literals import MAX_POINTS, shown_value

CHORDS = 64  # of a curve or an arc, as of a drawn curve
NOTHING = 1e-9  # pixels: what an arc is too small for
HIGHEST = 1e9  # a number, of which sums and products are made
SAMPLES = 4001  # of a shape, evenly along it: half a pixel apart on two thousand

_ARITY = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}
_BLANK = re.compile(r"[ \t\r\n\f]*")
_BETWEEN = re.compile(r"[ \t\r\n\f]*,?[ \t\r\n\f]*")
_LETTER = re.compile(r"[MmLlHhVvCcSsQqTtAaZz]")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_FLAG = re.compile(r"[01]")
_SHOWN = re.compile(r"[\x20-\x7e]{0,20}")

Place = tuple[float, float]


@dataclass
class PathShape:
    """One line drawn without lifting the pen."""

    vertices: list[Place]
    straight: bool = True  # no curve or arc was drawn out


def read_path_data(data: str, name: str) -> list[PathShape]:
    """Each part that is drawn; a place that is only moved to is none. Raises ValueError that begins with `name`."""
    pen = _Pen(name)
    at = _match_end(_BLANK, data, 0)
    if data[at:].strip(" \t\r\n\f") == "none":
        return []
    while at < len(data):
        found = _LETTER.match(data, at)
        if not found or (not pen.begun and found[0] not in "Mm"):
            raise _wrong(name, data, at)
        letter, at = found[0], _match_end(_BLANK, data, found.end())
        if letter in "Zz":
            pen.close()
            continue
        while True:
            values = []
            for place in range(_ARITY[letter.upper()]):
                flag = letter in "Aa" and place in (3, 4)
                number = (_FLAG if flag else _NUMBER).match(data, at)
                if not number:
                    raise _wrong(name, data, at)
                values.append(float(number[0]))
                if abs(values[-1]) > HIGHEST:
                    raise ValueError(
                        f"{name}: the path data hold the number {shown_value(values[-1])}, which is too far"
                    )
                behind = at = number.end()
                at = _match_end(_BETWEEN, data, at)
            pen.draw(letter, values)
            letter = {"M": "L", "m": "l"}.get(letter, letter)
            if not _NUMBER.match(data, at):
                at = _match_end(_BLANK, data, behind)
                break
    return [shape for shape in pen.shapes if len(shape.vertices) > 1]


def sampled(vertices: list[Place]) -> list[Place]:
    """Places evenly along a broken line, as many for each."""
    places = np.array(vertices, dtype=np.float64)
    steps = np.sqrt(((places[1:] - places[:-1]) ** 2).sum(-1))
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    at = lengths[-1] * np.arange(SAMPLES) / (SAMPLES - 1)
    x, y = (np.interp(at, lengths, axis) for axis in places.T)
    return list(zip(x.tolist(), y.tolist()))


def _match_end(pattern: re.Pattern[str], data: str, at: int) -> int:
    found = pattern.match(data, at)
    return found.end() if found else at


def _wrong(name: str, data: str, at: int) -> ValueError:
    shown = _SHOWN.match(data, at)
    found = shown_value(shown[0]) if shown and shown[0] else "its end" if at >= len(data) else "a letter of no command"
    return ValueError(f"{name}: the path data are wrong at character {at}, at {found}")


class _Pen:
    """Where the pen is, and what it drew."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shapes: list[PathShape] = []
        self.begun = False
        self.count = 0
        self.here: Place = (0.0, 0.0)
        self.start: Place = (0.0, 0.0)
        self.control: Place = (0.0, 0.0)  # of the curve before, for S and T to mirror
        self.before = ""  # the letter before

    def draw(self, letter: str, values: list[float]) -> None:
        x, y = self.here
        kind, (ox, oy) = letter.upper(), (self.here if letter.islower() else (0.0, 0.0))
        if kind == "M":
            self.begun = True
            self.here = self.start = values[0] + ox, values[1] + oy
            self.shapes.append(PathShape([self.here]))
        elif kind == "H":
            self._line((values[0] + ox, y))
        elif kind == "V":
            self._line((x, values[0] + oy))
        elif kind == "L":
            self._line((values[0] + ox, values[1] + oy))
        elif kind == "A":
            self._arc(values, (values[5] + ox, values[6] + oy))
        else:
            points = [(px + ox, py + oy) for px, py in zip(values[::2], values[1::2])]
            if kind in "ST":
                mirrored = self.control if self.before in (("C", "S") if kind == "S" else ("Q", "T")) else self.here
                points.insert(0, (2 * x - mirrored[0], 2 * y - mirrored[1]))
            self.control = points[-2]
            self._curve(points)
        self.before = kind

    def close(self) -> None:
        if self.shapes[-1].vertices[-1] != self.start:
            self._line(self.start)
        self.here, self.before = self.start, "Z"

    def _shape(self) -> PathShape:
        """The shape that goes on; behind a closed one a new one begins."""
        if self.before == "Z":
            self.shapes.append(PathShape([self.start]))
            self.before = ""
        return self.shapes[-1]

    def _add(self, shape: PathShape, to: Place) -> None:
        self.count += 1
        if self.count > MAX_POINTS:
            raise ValueError(f"{self.name} draws more than {MAX_POINTS} points, which is as many as are read")
        shape.vertices.append(to)

    def _line(self, to: Place) -> None:
        self._add(self._shape(), to)
        self.here = to

    def _curve(self, points: list[Place]) -> None:
        """A Bézier curve of two or three more points."""
        shape, begin = self._shape(), self.here
        shape.straight = False
        for step in range(1, CHORDS + 1):
            u = step / CHORDS
            v = 1 - u
            weights = [2 * v * u, u * u] if len(points) == 2 else [3 * v * v * u, 3 * v * u * u, u * u * u]
            rest = v ** len(points)
            x, y = (rest * begin[axis] + sum(w * p[axis] for w, p in zip(weights, points)) for axis in (0, 1))
            self._add(shape, points[-1] if step == CHORDS else (x, y))
        self.here = points[-1]

    def _arc(self, values: list[float], to: Place) -> None:
        """Part of an ellipse: SVG's rules of implementation lead from its ends to its centre."""
        radius_x, radius_y = abs(values[0]), abs(values[1])
        (x1, y1), (x2, y2) = self.here, to
        if min(radius_x, radius_y, max(abs(x1 - x2), abs(y1 - y2))) < NOTHING:
            self._line(to)
            return
        shape = self._shape()
        shape.straight = False
        turn = math.radians(values[2])
        cos, sin = math.cos(turn), math.sin(turn)
        half_x, half_y = (x1 - x2) / 2, (y1 - y2) / 2
        px, py = cos * half_x + sin * half_y, cos * half_y - sin * half_x
        grown = math.sqrt(max(px / radius_x * (px / radius_x) + py / radius_y * (py / radius_y), 1))
        radius_x, radius_y = radius_x * grown, radius_y * grown
        ux, uy = px / radius_x, py / radius_y
        away = math.sqrt(max(1 / (ux * ux + uy * uy) - 1, 0)) * (-1 if values[3] == values[4] else 1)
        cx, cy = away * uy, -away * ux  # in circles of radius 1
        begin = math.atan2(uy - cy, ux - cx)
        sweep = math.atan2(-uy - cy, -ux - cx) - begin
        if values[4] and sweep < 0:
            sweep += 2 * math.pi
        if not values[4] and sweep > 0:
            sweep -= 2 * math.pi
        for step in range(1, CHORDS + 1):
            angle = begin + sweep * step / CHORDS
            ex, ey = radius_x * (math.cos(angle) + cx), radius_y * (math.sin(angle) + cy)
            place = cos * ex - sin * ey + (x1 + x2) / 2, sin * ex + cos * ey + (y1 + y2) / 2
            self._add(shape, to if step == CHORDS else place)
        self.here = to
