"""Broken lines on a grid of pixels: which an outline winds around, how far they are from a line.

js/raster.js computes the same. `xs` (W,) and `ys` (H,) say where the middles of pixels lie, in
the line's coordinates; both rise.
"""

from __future__ import annotations

import numpy as np

CROSSINGS_AT_ONCE = 2**20
FEW = 2**15  # pixels times segments that are not worth dividing
SMALL = 16  # pixels


def inside(outline: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Outline (n, 2), ending where it begins → (H, W) bool: pixels that it winds around.

    Its left and upper sides count as inside.
    """
    (x0, y0), (x1, y1) = outline[:-1].T, outline[1:].T
    first = np.searchsorted(ys, np.minimum(y0, y1))
    counts = np.searchsorted(ys, np.maximum(y0, y1)) - first
    edges = np.flatnonzero(counts)
    turns = np.zeros((len(ys), len(xs) + 1), np.int32)  # how often it turns around all that lies to the right
    ends = np.cumsum(counts[edges])
    parts = np.arange(CROSSINGS_AT_ONCE, ends[-1:].sum(), CROSSINGS_AT_ONCE)  # an edge may cross every row
    for part in np.split(edges, np.searchsorted(ends, parts)):
        edge = np.repeat(part, counts[part])
        row = np.arange(len(edge)) + np.repeat(first[part] - (np.cumsum(counts[part]) - counts[part]), counts[part])
        crossing = x0[edge] + (ys[row] - y0[edge]) * (x1[edge] - x0[edge]) / (y1[edge] - y0[edge])
        np.add.at(turns, (row, np.searchsorted(xs, crossing)), np.where(y0[edge] < y1[edge], 1, -1))
    return np.cumsum(turns, axis=1, out=turns)[:, :-1] != 0


def distances(line: np.ndarray, xs: np.ndarray, ys: np.ndarray, low: float, high: float) -> np.ndarray:
    """Line (n, 2), n ≥ 1 → (H, W) distances: exact between `low` and `high`, others only on the right side of these.

    Tiles of pixels are halved until few segments are left that can be nearest anywhere in a
    tile, so the cost grows with the length of the band and hardly with the number of points.
    """
    segments = _Segments(line)
    away = np.empty((len(ys), len(xs)))
    tiles = [(0, len(xs), 0, len(ys), np.arange(len(segments.x)))] if away.size else []
    while tiles:
        left, right, top, bottom, some = tiles.pop()
        x, y = (xs[left] + xs[right - 1]) / 2, (ys[top] + ys[bottom - 1]) / 2
        wide, tall = xs[right - 1] - xs[left], ys[bottom - 1] - ys[top]
        reach = float(np.hypot(wide, tall)) / 2
        here = np.sqrt(segments.squared_distances(np.array([x]), np.array([y]), some)[0, 0])
        least = float(here.min())
        if least - reach > high or least + reach < low:
            away[top:bottom, left:right] = least
            continue
        near = some[here <= (least + 2 * reach) * (1 + 1e-9)]
        pixels = (right - left) * (bottom - top)
        if pixels <= SMALL or pixels * len(near) <= FEW:
            squared = segments.squared_distances(xs[left:right], ys[top:bottom], near).min(axis=-1)
            away[top:bottom, left:right] = np.sqrt(squared)
        elif wide > tall:
            middle = (left + right) // 2
            tiles += [(left, middle, top, bottom, near), (middle, right, top, bottom, near)]
        else:
            middle = (top + bottom) // 2
            tiles += [(left, right, top, middle, near), (left, right, middle, bottom, near)]
    return away


class _Segments:
    """The segments of a line, a line of one point being one of no length."""

    def __init__(self, line: np.ndarray) -> None:
        if len(line) == 1:
            line = np.repeat(line, 2, axis=0)
        (self.x, self.y), (self.dx, self.dy) = line[:-1].T, np.diff(line, axis=0).T
        self.squared = self.dx * self.dx + self.dy * self.dy

    def squared_distances(self, xs: np.ndarray, ys: np.ndarray, some: np.ndarray) -> np.ndarray:
        """(rows, columns, some) From every pixel to every one of `some`."""
        dx, dy, squared = self.dx[some], self.dy[some], self.squared[some]
        px = (xs[:, None] - self.x[some])[None]
        py = (ys[:, None] - self.y[some])[:, None]
        along = px * dx + py * dy
        np.divide(along, squared, out=along, where=squared > 0)
        np.clip(along, 0, 1, out=along)
        px = px - along * dx
        py = py - along * dy
        px *= px
        py *= py
        px += py
        return px
