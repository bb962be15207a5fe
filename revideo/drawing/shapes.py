"""The regions of a drawing → segments, and where pixels lie to them. js/geometry/lines.js and areas.js say the same.

Segments are arrays (6, S): x, y of where each begins and ends, and how far it has moved from there, in
pixels of the drawing. `xs` (S, W) and `ys` (S, H) are the places that each is asked about.
"""

from __future__ import annotations

import numpy as np

from .schema import Region

LEAST_EXTENT_PX = 1e-6  # narrower boxes cover nothing


def segments_of(region: Region, moved_px: np.ndarray) -> np.ndarray:
    """A brush's line, an outline, an ellipse's box from corner to corner; none of what covers nothing."""
    points_px = np.array(region.points)
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    if region.kind != "brush" and (high - low).min() < LEAST_EXTENT_PX:
        points_px = points_px[:0]
    elif region.kind == "ellipse":
        points_px = np.stack([low, high])
    elif region.kind == "rect":
        points_px = np.stack([low, (high[0], low[1]), high, (low[0], high[1]), low])
    elif region.kind == "polygon" or len(points_px) == 1:
        points_px = np.concatenate([points_px, points_px[:1]])
    moved = np.broadcast_to(moved_px, points_px.shape)
    return np.concatenate([points_px[:-1], points_px[1:], moved[1:]], axis=1).T


def squared_distances(segments: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """(S, H, W) From every place to its segment."""
    x0, y0, x1, y1, moved_x, moved_y = segments[:, :, None]
    px, py = (xs - moved_x - x0)[:, None], (ys - moved_y - y0)[:, :, None]
    dx, dy = (x1 - x0)[:, None], (y1 - y0)[:, None]
    squared = dx * dx + dy * dy
    along = px * dx + py * dy
    along /= np.where(squared > 0, squared, 1)
    np.minimum(np.maximum(along, 0, out=along), 1, out=along)
    px = px - along * dx
    along *= dy
    py = np.subtract(py, along, out=along)
    px *= px
    py *= py
    px += py
    return px


def turns(segments: np.ndarray, xs: np.ndarray, ys: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """(S, H, W) What each segment adds to how often its outline turns around a place of a tile.

    The sum over an outline is that number; its left and upper sides count as inside. Over those segments alone
    that touch the tile it is right but for a number that is the same in the whole tile: others run on from
    the ends of these, on the same side of `middle` (S,), an x between the tile's left and right.
    """
    x0, y0, x1, y1, moved_x, moved_y = segments[:, :, None]
    x, y, middle = xs - moved_x, ys - moved_y, middle[:, None] - moved_x
    below0, below1 = (y0 <= y).view(np.int8), (y1 <= y).view(np.int8)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # level segments: they meet no row
        crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
    ends = below1 * (x1 < middle) - below0 * (x0 < middle)
    return (below0 - below1)[:, :, None] * (crossing[:, :, None] <= x[:, None]) + ends[:, :, None]


# --- Ellipses ------------------------------------------------------------------------------


def distances_to_ellipse(boxes: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """(S, H, W) Exact in sign, close near the outline: how far its equation is off, over how fast it changes."""
    (x, y, a, b), moved_x, moved_y = _axes(boxes)[:, :, None], *boxes[4:, :, None]
    ux, uy = ((xs - moved_x - x) / a)[:, None], ((ys - moved_y - y) / b)[:, :, None]
    return (_norm(ux, uy) - 1) * _radius(a[:, None], b[:, None], ux, uy)


def ellipse_bounds(
    boxes: np.ndarray, x: np.ndarray, y: np.ndarray, half_x: float, half_y: float
) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest of such distances (S,) in tiles around x, y (S,)."""
    (middle_x, middle_y, a, b), moved_x, moved_y = _axes(boxes), *boxes[4:]
    away_x, away_y = np.abs(x - moved_x - middle_x), np.abs(y - moved_y - middle_y)
    near_x, near_y = np.maximum(away_x - half_x, 0) / a, np.maximum(away_y - half_y, 0) / b
    far_x, far_y = (away_x + half_x) / a, (away_y + half_y) / b
    radii = _radius(a, b, far_x, near_y), _radius(a, b, near_x, far_y)  # it changes with the direction alone
    short, long = np.minimum(*radii), np.maximum(*radii)
    least, most = _norm(near_x, near_y) - 1, _norm(far_x, far_y) - 1
    return least * np.where(least > 0, short, long), most * np.where(most > 0, long, short)


def _axes(boxes: np.ndarray) -> np.ndarray:
    """(4, S) x, y of the middle where it was drawn, half axes."""
    begin, end = boxes[:2], boxes[2:4]
    return np.concatenate([(begin + end) / 2, (end - begin) / 2])


def _radius(a: np.ndarray, b: np.ndarray, ux: np.ndarray, uy: np.ndarray) -> np.ndarray:
    """How far it is to where its equation is off by one more, in units of the half axes: between these."""
    slope = _norm(ux / a, uy / b)
    return np.divide(_norm(ux, uy), slope, out=np.minimum(a, b) + np.zeros_like(slope), where=slope > 0)


def _norm(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sqrt(x * x + y * y)  # not hypot: JavaScript gives these very bits
