"""A region of the drawing → how much it covers each pixel. js/geometry/areas.js and raster.js compute the same.

"The mask" of docs/edit_document.md. `xs` (W,) and `ys` (H,) say where the middles of pixels lie, in
the coordinates of what is drawn; both rise.
"""

from __future__ import annotations

import numpy as np

LEAST_EXTENT_PX = 1e-6  # narrower boxes cover nothing
CROSSINGS_AT_ONCE = 2**20  # of outlines with rows
FEW_PAIRS = 2**15  # of pixels with segments, not worth dividing
SMALL_TILE = 16  # pixels

PixelWindow = tuple[slice, slice]  # rows, columns


def cover(
    kind: str,  # rect, ellipse, polygon, brush
    points_px: np.ndarray,  # (n, 2) x, y
    radius: float,  # of a brush, in pixels
    feather: float,  # width of the soft edge in pixels
    xs: np.ndarray,  # (W,)
    ys: np.ndarray,  # (H,)
) -> tuple[PixelWindow, np.ndarray]:  # the window of the grid that it can cover, and how much: float32 in [0, 1]
    """How much a region covers the pixels of a grid."""
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    if kind != "brush" and (high - low).min() < LEAST_EXTENT_PX:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), np.float32)
    margin = np.full(2, feather / 2 + (radius if kind == "brush" else 0))
    if kind == "ellipse":  # what is called distance to it is less than true along its longer axis
        margin *= (high - low) / (high - low).min()
    rows, columns = (
        slice(int(np.searchsorted(at, low[axis] - margin[axis])), int(np.searchsorted(at, high[axis] + margin[axis])))
        for axis, at in ((1, ys), (0, xs))
    )
    xs, ys = xs[columns], ys[rows]
    covered: np.ndarray
    if kind == "rect" and not feather:
        covered = np.ones((len(ys), len(xs)))
    elif kind == "polygon" and not feather:
        covered = inside(_closed(points_px), xs, ys)
    else:
        away = _distance(kind, points_px, radius, feather, xs, ys)
        covered = np.clip(0.5 - away / feather, 0, 1) if feather else away < 0
    return (rows, columns), covered.astype(np.float32)


def _distance(
    kind: str, points_px: np.ndarray, radius: float, feather: float, xs: np.ndarray, ys: np.ndarray
) -> np.ndarray:
    """(H, W) Pixels' distance to the outline, negative inside; beyond feather / 2 only its side is right."""
    if kind == "rect":
        return _distance_to_rect(points_px, xs, ys)
    if kind == "ellipse":
        return _distance_to_ellipse(points_px, xs, ys)
    if kind == "brush":
        return distances(points_px, xs, ys, radius - feather / 2, radius + feather / 2) - radius
    away = distances(_closed(points_px), xs, ys, -np.inf, feather / 2)
    return np.where(inside(_closed(points_px), xs, ys), -away, away)


def _distance_to_rect(corners_px: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    (left, top), (right, bottom) = corners_px.min(axis=0), corners_px.max(axis=0)
    dx = np.maximum(left - xs, xs - right)[None, :]
    dy = np.maximum(top - ys, ys - bottom)[:, None]
    return np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0)


def _distance_to_ellipse(corners_px: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Exact in sign, close near the outline: how far its equation is off, over how fast it changes."""
    low, high = corners_px.min(axis=0), corners_px.max(axis=0)
    (half_x, half_y), (middle_x, middle_y) = (high - low) / 2, (low + high) / 2
    ux, uy = (xs - middle_x) / half_x, ((ys - middle_y) / half_y)[:, None]
    k = np.hypot(ux, uy)
    slope = np.hypot(ux / half_x, uy / half_y)
    at_centre = np.full_like(k, -min(half_x, half_y))
    return np.divide(k * (k - 1), slope, out=at_centre, where=slope > 0)


def _closed(points_px: np.ndarray) -> np.ndarray:
    return np.concatenate([points_px, points_px[:1]])


# --- Broken lines on a grid of pixels ---------------------------------------------------------


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
        if pixels <= SMALL_TILE or pixels * len(near) <= FEW_PAIRS:
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
