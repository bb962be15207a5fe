"""A region of the drawing → how much it covers each pixel. js/areas.js computes the same.

"The mask" of docs/edit_document.md.
"""

from __future__ import annotations

import numpy as np

from .raster import distances, inside

LEAST_EXTENT_PX = 1e-6  # narrower boxes cover nothing

Window = tuple[slice, slice]  # rows, columns


def cover(
    kind: str,  # rect, ellipse, polygon, brush
    points_px: np.ndarray,  # (n, 2) x, y
    radius: float,  # of a brush, in pixels
    feather: float,  # width of the soft edge in pixels
    xs: np.ndarray,  # (W,) where the middles of pixels lie, in the points' coordinates
    ys: np.ndarray,  # (H,)
) -> tuple[Window, np.ndarray]:  # the window of the grid that it can cover, and how much: float32 in [0, 1]
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
