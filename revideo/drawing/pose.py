"""A region's keys and the paths that it follows → the plain region that it is at each time.

js/geometry/pose.js computes the same.

"Areas in time" of docs/edit_document.md. Sines are made of sums in one order, so that both languages agree to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .curves import between_keys
from .schema import Keyframe, Region
from .shapes import LEAST_EXTENT_PX

ELLIPSE_CORNERS = 256  # of a turned ellipse: at radius 500 they leave 0.04 pixels of it out
LEAST_TURN = 1e-12  # a smaller one is rounding
LEAST_SPREAD = 1e-6  # square pixels, of first points: nearer ones say nothing of a turn
OUTERMOST_PX = 1e6  # what keys and paths send farther lies there


@dataclass(frozen=True)
class Motion:
    """Where followed paths take a place at each time: from its place about `from_px`, turned and scaled, to `to_px`."""

    from_px: np.ndarray  # (2,) the middle of their first points
    to_px: np.ndarray  # (T, 2) the middle of where they are
    spin: np.ndarray  # (T, 2) cosine and sine of the turn, times the scale


def follow_motion(starts_px: Sequence[tuple[float, float]], places_px: Sequence[np.ndarray]) -> Motion:
    """From first points and places (T, 2) of one path or more: the nearest move, turn and scale, by least squares."""
    count = len(starts_px)
    starts = [np.array(start) for start in starts_px]
    start = sum(starts[1:], starts[0]) / count
    middle = sum(places_px[1:], places_px[0]) / count
    spin = np.tile([1.0, 0.0], (len(middle), 1))
    spread, along, across = 0.0, np.zeros(len(middle)), np.zeros(len(middle))
    for begin, places in zip(starts, places_px):
        (ax, ay), (bx, by) = (begin - start).tolist(), (places - middle).T
        spread += ax * ax + ay * ay
        along = along + (ax * bx + ay * by)
        across = across + (ax * by - ay * bx)
    if spread >= LEAST_SPREAD:
        found = np.stack([along / spread, across / spread], axis=1)
        spin = np.where((np.abs(found - spin) <= LEAST_TURN).all(axis=1, keepdims=True), spin, found)
    return Motion(start, middle, spin)


@dataclass(frozen=True)
class Poses:
    """A region at each time: its shape between two keys, scaled and turned about its centre, and moved."""

    region: Region
    moved_px: np.ndarray  # (T, 2)
    spin: np.ndarray  # (T, 2) cosine and sine of its turn, times what the paths it follows scale it by
    scale: np.ndarray  # (T, 2) along its own x and y
    radius_scale: np.ndarray  # (T,)
    before: np.ndarray  # (T,) which key
    after: np.ndarray  # (T,)
    done: np.ndarray  # (T,) of the way from one to the other

    @property
    def reshaped(self) -> bool:
        """Whether keys have points of their own."""
        return any(key.points is not None for key in self.region.keys or ())

    @property
    def moves(self) -> bool:
        """Whether it is another at some time."""
        shapes = {key.points for key in self.region.keys or ()}
        changing = [self.moved_px, self.spin, self.scale, *([self.before, self.done] if len(shapes) > 1 else [])]
        return any(bool((values != values[0]).any()) for values in changing)

    def shape(self, frame: int) -> Region:
        """The region at a time, before it is moved."""
        region = self.region
        (cosine, sine), (scale_x, scale_y) = self.spin[frame].tolist(), self.scale[frame].tolist()
        if sine == 0 and cosine * scale_x == 1 and cosine * scale_y == 1:
            return _with_points(region, self._points(frame)) if self.reshaped else region
        points_px, kind = self._points(frame), region.kind
        size = math.sqrt(cosine * cosine + sine * sine)
        if kind in ("rect", "ellipse"):
            low, high = points_px.min(axis=0), points_px.max(axis=0)
            if ((high - low) * (size * abs(scale_x), size * abs(scale_y))).min() < LEAST_EXTENT_PX:
                return _with_points(region, np.stack([low, low]))  # covers nothing, however it is turned
            if sine != 0:
                points_px = _corners(kind, low, high)
                kind = "polygon"
        centre = _centre(region)
        x, y = (points_px - centre).T
        turned = np.stack(
            [cosine * scale_x * x - sine * scale_y * y, sine * scale_x * x + cosine * scale_y * y], axis=1
        )
        places = np.clip(centre + turned, -OUTERMOST_PX, OUTERMOST_PX)
        radius = region.radius and min(region.radius * float(self.radius_scale[frame]), OUTERMOST_PX)
        return replace(_with_points(region, places), kind=kind, radius=radius)

    def _points(self, frame: int) -> np.ndarray:  # (points, 2)
        if not self.reshaped:
            return np.array(self.region.points)
        ends = [(self.region.keys or (Keyframe(0),))[at[frame]].points for at in (self.before, self.after)]
        begin, end = (np.array(self.region.points if points is None else points) for points in ends)
        return begin + (end - begin) * self.done[frame]


def pose(region: Region, motion: Motion | None, times: np.ndarray) -> Poses:
    """A region at each of `times` (T,), which goes along with what it follows."""
    keys = region.keys or (Keyframe(0),)
    frames = np.array([key.frame for key in keys], dtype=np.float64)
    before, after, done = between_keys(frames, [key.easing or "linear" for key in keys], times)
    values = np.array([[*(key.move or (0, 0)), *(key.scale or (1, 1)), key.rotate or 0] for key in keys], np.float64)
    now = values[before] + (values[after] - values[before]) * done[:, None]
    cosine, sine = cosine_and_sine(now[:, 4])
    moved, scale, centre = now[:, :2], now[:, 2:4], _centre(region)
    radius_scale = np.sqrt(np.abs(scale[:, 0] * scale[:, 1]))  # speed curves may take a scale past nothing
    if motion is not None:
        ahead, aside = motion.spin.T
        cosine, sine = ahead * cosine - aside * sine, ahead * sine + aside * cosine
        x, y = (centre + moved - motion.from_px).T
        there = motion.to_px + np.stack([ahead * x - aside * y, ahead * y + aside * x], axis=1) - centre
        unturned = (motion.spin == (1, 0)).all(axis=1, keepdims=True)
        moved = np.where(unturned, moved + (motion.to_px - motion.from_px), np.clip(there, -OUTERMOST_PX, OUTERMOST_PX))
        radius_scale = radius_scale * np.sqrt(ahead * ahead + aside * aside)
    sine = np.where(np.abs(sine) <= LEAST_TURN * cosine, 0, sine)
    return Poses(region, moved, np.stack([cosine, sine], axis=1), scale, radius_scale, before, after, done)


def cosine_and_sine(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of angles (n,): exact for quarter turns."""
    quarters = np.floor(degrees / 90 + 0.5)
    x = (degrees - 90 * quarters) * (math.pi / 180)
    square = x * x
    cosine, sine = np.ones_like(x), np.ones_like(x)
    for power in range(17, 0, -2):
        cosine = 1 - square / (power * (power + 1)) * cosine
        sine = 1 - square / ((power + 1) * (power + 2)) * sine
    sine = x * sine
    turned = [(cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine)]
    which = np.mod(quarters, 4).astype(int)
    return np.choose(which, [pair[0] for pair in turned]), np.choose(which, [pair[1] for pair in turned])


def _centre(region: Region) -> np.ndarray:
    """(2,) x, y of what it is scaled and turned about: the middle of the box around its own points."""
    points_px = np.array(region.points)
    return (points_px.min(axis=0) + points_px.max(axis=0)) / 2


def _corners(kind: str, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(corners, 2) Of the polygon that stands for a turned box, or for the ellipse in it."""
    if kind == "rect":
        return np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    circle = np.stack(cosine_and_sine(np.arange(ELLIPSE_CORNERS) * (360 / ELLIPSE_CORNERS)), axis=1)
    return (low + high) / 2 + (high - low) / 2 * circle


def _with_points(region: Region, points_px: np.ndarray) -> Region:
    return replace(region, points=tuple(map(tuple, points_px.tolist())))
