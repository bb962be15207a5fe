"""The points of a path → where it is, at every length and every time. js/geometry/curves.js computes the same.

"The curve" and "Time" of docs/edit_document.md, in float64, so that both agree to far less
than a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .easing import Easing, eased

CHORDS_PER_PIECE = 64
PIECES_AT_ONCE = 4096  # 50 000 points make 3 million chords: measured in parts, they need little memory


@dataclass(frozen=True)
class Curve:
    """Pieces from point to point, with arc length measured along chords of them."""

    points_px: np.ndarray  # (points, 2) x, y
    tangents: np.ndarray | None  # (pieces, 2, 2): where a piece leaves and arrives; None: all are straight
    lengths: np.ndarray  # (chords + 1,) in pixels up to each end of a chord; as many chords for each piece

    @property
    def chords_per_piece(self) -> int:
        """Straight parts that a piece is measured by."""
        return 1 if self.tangents is None else CHORDS_PER_PIECE

    @property
    def point_lengths(self) -> np.ndarray:
        """(points,) The curve's length up to each point."""
        return self.lengths[:: self.chords_per_piece]

    def at(self, lengths: np.ndarray) -> np.ndarray:
        """Lengths (n,) → places (n, 2); before 0 the first point, after the end the last."""
        if len(self.points_px) == 1:
            return np.repeat(self.points_px, len(lengths), axis=0)
        lengths = np.clip(lengths, 0, self.lengths[-1])
        chord = np.minimum(np.searchsorted(self.lengths, lengths, side="right") - 1, len(self.lengths) - 2)
        before, span = self.lengths[chord], self.lengths[chord + 1] - self.lengths[chord]
        part = np.divide(lengths - before, span, out=np.zeros_like(before), where=span > 0)
        piece, within = np.divmod(chord, self.chords_per_piece)
        return _places(self.points_px, self.tangents, piece, (within + part) / self.chords_per_piece)


def measure_curve(points_px: np.ndarray, straight: bool) -> Curve:
    """Points (n, 2), n ≥ 1 → the curve through them: straight from one to the next, or smooth."""
    tangents = None if straight else _tangents(points_px)
    steps = np.arange((1 if straight else CHORDS_PER_PIECE) + 1)
    parts = [np.zeros(1)]
    for start in range(0, len(points_px) - 1, PIECES_AT_ONCE):
        pieces = np.arange(start, min(start + PIECES_AT_ONCE, len(points_px) - 1))
        chords = np.diff(_places(points_px, tangents, pieces[:, None], steps / steps[-1]), axis=1)
        parts.append(_norm(chords).ravel())
    return Curve(points_px, tangents, np.cumsum(np.concatenate(parts)))


def _tangents(points_px: np.ndarray) -> np.ndarray:
    """Centripetal Catmull–Rom: how each piece leaves its first point and arrives at its second, (pieces, 2, 2)."""
    if len(points_px) == 1:
        return np.zeros((0, 2, 2))
    closed = len(points_px) >= 4 and np.array_equal(points_px[0], points_px[-1])
    before, after = (points_px[-2], points_px[1]) if closed else (points_px[0], points_px[-1])
    steps = np.diff(np.concatenate([before[None], points_px, after[None]]), axis=0)  # (pieces + 2, 2)
    d = np.sqrt(_norm(steps))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # points on one spot: replaced below
        slopes = steps / d
        # At every point, in units of the spacing; each piece scales it by its own.
        tangents = slopes[:-1] - (steps[:-1] + steps[1:]) / (d[:-1] + d[1:]) + slopes[1:]
        leave, arrive = d[1:-1] * tangents[:-1], d[1:-1] * tangents[1:]
    pieces = steps[1:-1]
    # Without a neighbour that lies elsewhere the curve ends, or has a corner; between equal points it stands.
    leave = np.where((d[:-2] == 0) | (d[1:-1] == 0), pieces, leave)
    arrive = np.where((d[2:] == 0) | (d[1:-1] == 0), pieces, arrive)
    return np.stack([leave, arrive], axis=1)


def _places(points_px: np.ndarray, tangents: np.ndarray | None, piece: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The place at u in [0, 1] of a piece; the shapes of `piece` and `u` broadcast."""
    u = np.asarray(u)[..., None]
    start, across = points_px[piece], points_px[piece + 1] - points_px[piece]
    if tangents is None:
        return start + u * across
    leave, arrive = tangents[piece, 0], tangents[piece, 1]
    rise = u * u * (3 - 2 * u)
    return start + rise * across + u * (1 - u) * (1 - u) * leave + u * u * (u - 1) * arrive


def _norm(vectors: np.ndarray) -> np.ndarray:
    x, y = vectors[..., 0], vectors[..., 1]
    return np.sqrt(x * x + y * y)  # not hypot: JavaScript gives these very bits


# --- Time ----------------------------------------------------------------------------------


def keyframes(
    curve: Curve, frames: Sequence[float | None], easings: Sequence[Easing], start: float, end: float
) -> tuple[np.ndarray, np.ndarray, list[Easing]]:  # (keys,) frame, (keys,) length in pixels, easing from each on
    """When a path has which length: at its timed points, and at its ends where those carry no time."""
    points = zip(frames, curve.point_lengths.tolist(), easings)
    keyed = [(frame, length, easing) for frame, length, easing in points if frame is not None]
    if frames[0] is None:
        keyed.insert(0, (start, 0.0, easings[0]))
    if frames[-1] is None:
        keyed.append((end, float(curve.lengths[-1]), easings[-1]))
    at, lengths, of_keys = zip(*keyed)
    return np.array(at, dtype=np.float64), np.array(lengths), list(of_keys)


def lengths_at(frames: np.ndarray, lengths: np.ndarray, easings: Sequence[Easing], times: np.ndarray) -> np.ndarray:
    """The length (times,) that a path with these keys has reached at each of `times`."""
    before, after, done = between_keys(frames, easings, times)
    return lengths[before] + (lengths[after] - lengths[before]) * done


def between_keys(
    frames: np.ndarray, easings: Sequence[Easing], times: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # (times,) int, (times,) int, (times,)
    """Which keys `times` lie between, and how much of the way from one to the other is done.

    Before the first key and after the last: that key, and none of the way.
    """
    begun = times > frames[0]
    before = np.where(begun, np.searchsorted(frames, times, side="right") - 1, 0)
    after = np.where(begun, np.minimum(before + 1, len(frames) - 1), 0)
    span = frames[after] - frames[before]
    tau = np.divide(times - frames[before], span, out=np.zeros_like(times), where=span > 0)
    return before, after, np.where(span > 0, eased(easings, before, tau), 0)
