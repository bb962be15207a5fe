"""The built-in point tracker: from frame to frame, lost behind other objects and found again.

Each point remembers a patch of colours: what was seen around it lately. Lucas–Kanade and dense flow propose
where it went, the patch judges, and where something slides over a part of it, it is searched for by what
still shows. So nothing that passes in front drags a point along, or is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

WINDOW_PX = 21  # Lucas–Kanade's, at each level
ROUND_TRIP_PX = 1.0  # forth and back must end this close to the start
ROUND_TRIP_FRACTION = 0.05  # and, for fast points, this close as a fraction of the way

PATCH_PX = 31  # a flat object must show some of its outline in it
MIDDLE_PX = 5  # of the patch: where most of it differs the point is covered
DIFFERS = 24.0  # mean difference of the channels, of 255, from which on a pixel shows another object
LIKE, UNLIKE = 48.0, 0.2  # difference from the middle up to which a pixel counts whole; what the others count
SURE = 0.02  # fraction of a patch that may differ where a proposal is taken as it is
STEADY = 0.25  # … where a step still shows the velocity
COVERED = 0.6  # … where the point is still seen
KNOWN = 0.25  # fraction that must show colours of the patch, or a place cannot be judged
LEARNS = 0.5  # how much of a pixel that agrees becomes what it is now
STALE = 4  # frames for which a pixel may differ before it becomes what it is now

REFINE_PX = 3  # around a proposal
SEARCH_PX, SEARCH_MORE_PX, SEARCH_MOST_PX = 4.0, 1.5, 16.0  # around a hidden point: at first, more by frame, at most
STRAYS = 0.004  # what a pixel² away from where its velocity leads costs, in fractions of a patch
DISTINCT_PX, DISTINCT = 4, 0.05  # so far away so much of a patch must differ, or it could be anywhere


def track_patches(
    frames: np.ndarray,  # (T, H, W, 3) uint8
    points_px: np.ndarray,  # (N, 2) x, y in pixels, on frame `start`
    start: int,
    on_step: Callable[[], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # (N, T, 2) float32 x, y in pixels, (N, T) bool
    """Where points are on every frame, and whether they are seen there.

    Between frames where it was seen a hidden point goes evenly from one place to the other; hidden to
    the end it stays where it was seen last.
    """
    places = np.repeat(points_px[:, None], len(frames), 1).astype(np.float32)
    visible = np.zeros(places.shape[:2], bool)
    visible[:, start] = True
    for order in (range(start, len(frames)), range(start, -1, -1)):
        points = _Points(frames[start], points_px)
        for before, after in pairwise(order):
            points.step(frames[before], frames[after])
            places[:, after], visible[:, after] = points.places + 0.5, points.seen
            if on_step:
                on_step()
    for track, seen in zip(places, visible):
        times = np.flatnonzero(seen)
        for axis in (0, 1):
            track[:, axis] = np.interp(np.arange(len(frames)), times, track[times, axis])
    return places, visible


class _Points:
    """N points on their way. `places` count from the middle of the first pixel, as OpenCV does."""

    def __init__(self, picture: np.ndarray, points_px: np.ndarray) -> None:
        count = len(points_px)
        self.places = (points_px - 0.5).astype(np.float32)  # (N, 2): of hidden points, where they should be
        self.last_seen = self.places.copy()
        self.hidden_for = np.zeros(count, int)
        self.velocities = np.zeros((count, 2), np.float32)
        self.steps = np.zeros(count, int)  # from which the velocity was learnt
        self.patches = _patches(picture, self.places)  # (N, P, P, 3)
        self.weights = _likeness(self.patches)  # (N, P, P)
        self.differs_for = np.zeros(self.weights.shape, int)  # frames, by pixel
        self.distinct = np.array([_is_distinct(patch) for patch in self.patches], bool)

    @property
    def seen(self) -> np.ndarray:
        return self.hidden_for == 0

    def step(self, before: np.ndarray, after: np.ndarray) -> None:
        """One frame on."""
        if not len(self.places):
            return
        expected = self.places + self.velocities
        found = self._proposed(before, after, expected)
        for number in np.flatnonzero(self._differs(after, found).mean((1, 2)) > SURE).tolist():
            if self.seen[number]:
                near = expected[number] if self.steps[number] else found[number]
                found[number] = self._searched(after, number, found[number], near, REFINE_PX)
            one = slice(number, number + 1)
            if not self.seen[number] or not self._shows(self._differs(after, found[one], one), one):
                reach = min(SEARCH_PX + SEARCH_MORE_PX * self.hidden_for[number], SEARCH_MOST_PX)
                found[number] = expected[number]
                if self.distinct[number]:
                    found[number] = self._searched(after, number, expected[number], expected[number], reach)
        differs = self._differs(after, found)
        height, width = after.shape[:2]
        inside = ((found >= -0.5) & (found < [width - 0.5, height - 0.5])).all(1)
        seen = inside & self._shows(differs)
        self._update(after, np.where(seen[:, None], found, expected), seen, differs)

    def _proposed(self, before: np.ndarray, after: np.ndarray, expected: np.ndarray) -> np.ndarray:  # (N, 2)
        """Lucas–Kanade's where the patch agrees, else the best of it, of dense flow and of the velocity."""
        found = expected.copy()
        seen = np.flatnonzero(self.seen)
        if not len(seen):
            return found
        flows = _Flows(before, after)
        moved, good = flows.lucas_kanade(self.places[seen])
        found[seen] = moved
        doubtful = ~good | (self._differs(after, moved, seen).mean((1, 2)) > SURE)
        again = seen[doubtful]
        if len(again):
            choices = np.stack([found[again], flows.dense(self.places[again]), expected[again]])
            costs = [_cost(self.patches[again], _patches(after, places)) for places in choices]
            found[again] = choices[np.argmin(costs, 0), np.arange(len(again))]
        return found

    def _searched(
        self, picture: np.ndarray, number: int, middle: np.ndarray, expected: np.ndarray, reach_px: float
    ) -> np.ndarray:
        """Where within reach of `middle` the patch fits best, the nearer to `expected` the rather."""
        if reach_px > REFINE_PX:  # every second place, by every second pixel
            middle, _ = self._fitted(picture, number, middle, expected, int(np.ceil(reach_px / 2)), 2)
            reach_px = 2
        best, costs = self._fitted(picture, number, middle, expected, int(reach_px), 1)
        row, column = np.unravel_index(costs.argmin(), costs.shape)
        offset = parabola_vertex(costs[row], int(column)), parabola_vertex(costs[:, column], int(row))
        return best + np.array(offset, np.float32)

    def _fitted(
        self, picture: np.ndarray, number: int, middle: np.ndarray, expected: np.ndarray, reach: int, step: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best of (2 · reach + 1)² places `step` pixels apart, and what each costs.

        Colours that the patch has nowhere are something in front and do not count: only what is the
        point's own object, or what lies around it, at the wrong place speaks against a place.
        """
        patch = self.patches[number, ::step, ::step].transpose(2, 0, 1).round().astype(np.uint8)
        around = _patches(picture, middle[None], PATCH_PX + 2 * reach * step)[0, ::step, ::step].transpose(2, 0, 1)
        around = np.ascontiguousarray(around.round().astype(np.uint8))
        weights = self.weights[number, ::step, ::step]
        windows = _windows(around, patch.shape[1:])  # (3, R, R, P, P)
        total = np.zeros(windows.shape[1:], np.uint16)
        for shown, wanted in zip(windows, patch):
            total += np.maximum(shown, wanted) - np.minimum(shown, wanted)
        known = _windows(holds_colours(colour_cells(patch), around.transpose(1, 2, 0))[None], patch.shape[1:])[0]
        counted = np.einsum("abij,ij->ab", known, weights)
        costs = np.einsum("abij,abij,ij->ab", np.minimum(total, np.uint16(3 * DIFFERS)), known, weights)
        costs = costs / (3 * DIFFERS * counted.clip(1e-6))
        costs[counted < KNOWN * weights.sum()] = 1.0
        offsets = np.arange(-reach, reach + 1) * step
        x, y = middle[0] + offsets[None], middle[1] + offsets[:, None]
        costs += STRAYS / (1 + self.hidden_for[number]) * ((x - expected[0]) ** 2 + (y - expected[1]) ** 2)
        row, column = np.unravel_index(costs.argmin(), costs.shape)
        return np.array([x[0, column], y[row, 0]], np.float32), costs

    def _differs(
        self, picture: np.ndarray, places: np.ndarray, which: Any = slice(None)
    ) -> np.ndarray:  # (N, P, P) bool
        return np.abs(_patches(picture, places) - self.patches[which]).mean(-1) > DIFFERS

    def _covered(self, differs: np.ndarray, which: Any = slice(None)) -> np.ndarray:  # (N,)
        """How much of each patch shows other objects, by weight."""
        weights = self.weights[which]
        return (differs * weights).sum((1, 2)) / weights.sum((1, 2))

    def _shows(self, differs: np.ndarray, which: Any = slice(None)) -> np.ndarray:  # (N,) bool
        return (_middle(differs).mean((1, 2)) <= 0.5) & (self._covered(differs, which) <= COVERED)

    def _update(self, picture: np.ndarray, places: np.ndarray, seen: np.ndarray, differs: np.ndarray) -> None:
        # A place found by the half that still shows says little about the velocity.
        steady = seen & (self._covered(differs) <= STEADY)
        way = (places - self.last_seen) / (self.hidden_for + 1)[:, None]
        alpha = np.where((self.steps == 0) | (self.hidden_for > 0), 1.0, 0.5) * steady
        self.velocities += (alpha[:, None] * (way - self.velocities)).astype(np.float32)
        self.steps += steady
        self.hidden_for = np.where(seen, 0, self.hidden_for + 1)
        self.last_seen = np.where(seen[:, None], places, self.last_seen)
        self.places = places.astype(np.float32)

        self.differs_for = np.where(differs & seen[:, None, None], self.differs_for + 1, 0)
        stale = self.differs_for > STALE
        self.differs_for[stale] = 0
        learns = np.where(stale, 1.0, np.where(differs, 0.0, LEARNS)) * seen[:, None, None]
        self.patches += learns[..., None].astype(np.float32) * (_patches(picture, self.places) - self.patches)
        self.weights = _likeness(self.patches)


# --- Patches: (…, P, P, 3) of 0 to 255 ------------------------------------------------------


def _patches(picture: np.ndarray, places: np.ndarray, side: int = PATCH_PX) -> np.ndarray:  # (N, side, side, 3) float32
    offsets = np.stack(np.meshgrid(*[np.arange(side) - side // 2] * 2), -1).reshape(-1, 2)
    pixels = _at(picture.astype(np.float32), (places[:, None] + offsets).reshape(-1, 2))
    return pixels.reshape(len(places), side, side, 3)


def _at(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A picture (H, W, …) at places (N, 2) between pixels."""
    sampled = []
    for some in np.array_split(places.astype(np.float32), len(places) // 30_000 + 1):  # remap takes no more rows
        x, y = some.T[:, :, None]
        sampled.append(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0])
    return np.concatenate(sampled)


def _middle(patches: np.ndarray) -> np.ndarray:
    margin = (PATCH_PX - MIDDLE_PX) // 2
    return patches[:, margin:-margin, margin:-margin]


def _likeness(patches: np.ndarray) -> np.ndarray:  # (N, P, P) float32
    """How much each pixel counts: what looks like the middle is more likely to go where it goes."""
    away = np.abs(patches - _middle(patches).mean((1, 2), keepdims=True)).mean(-1)
    return np.where(away < LIKE, 1.0, UNLIKE).astype(np.float32)


def _cost(patches: np.ndarray, others: np.ndarray) -> np.ndarray:  # (N,) of 0 to 1
    return np.minimum(np.abs(patches - others).mean(-1), DIFFERS).mean((1, 2)) / DIFFERS


def _is_distinct(patch: np.ndarray) -> bool:
    """Whether it differs from itself a few pixels on, whichever way."""
    inner = slice(DISTINCT_PX, -DISTINCT_PX)
    moved = [
        np.roll(patch, (DISTINCT_PX * dy, DISTINCT_PX * dx), (0, 1)) for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1))
    ]
    costs = _cost(patch[None, inner, inner], np.stack(moved)[:, inner, inner])
    return bool(costs.min() > DISTINCT)


def colour_cells(colours: np.ndarray) -> np.ndarray:  # (18, 18, 18) bool
    """Which colours, or nearly, are among (3, …) uint8, for `holds_colours`."""
    cells = np.unique((colours >> 4).reshape(3, -1), axis=1)  # sixteen steps of each channel …
    known = np.zeros((18, 18, 18), bool)  # … and a border, so that each may be widened by one
    for offset in np.ndindex(3, 3, 3):
        known[tuple(cells + np.array(offset)[:, None])] = True
    return known


def holds_colours(cells: np.ndarray, picture: np.ndarray) -> np.ndarray:  # (H, W) bool
    """Where a picture (H, W, 3) uint8 shows one of them."""
    return cells[tuple((np.moveaxis(picture, -1, 0) >> 4) + 1)]


def _windows(planes: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(C, H, W) → (C, R, R, *size): all windows of that size."""
    return np.lib.stride_tricks.sliding_window_view(planes, size, (1, 2))


# --- Motion between two frames --------------------------------------------------------------


def parabola_vertex(values: np.ndarray, extreme: int) -> float:  # −0.5 to 0.5
    """Of the parabola through the lowest or highest of values (n,) and its neighbours: how far from it, in steps.

    Zero at either end, where it has one neighbour, and where all three are equal.
    """
    if not 0 < extreme < len(values) - 1:
        return 0.0
    before, at, after = (float(value) for value in values[extreme - 1 : extreme + 2])
    bend = before - 2 * at + after
    return min(max(0.5 * (before - after) / bend, -0.5), 0.5) if bend else 0.0


def dense_flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:  # (H, W, 2) dx, dy in pixels
    """DIS flow (Kroeger et al. 2016) from one frame (H, W) uint8, in greys, to the next; OpenCV's finest preset."""
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(before, after, None)


class _Flows:
    """What moved, by two methods; `before` and `after` (H, W, 3) uint8."""

    def __init__(self, before: np.ndarray, after: np.ndarray) -> None:
        self.before, self.after = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (before, after))

    def lucas_kanade(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (N, 2) one frame on, and which of them come back to where they were."""
        options: dict[str, Any] = {
            "winSize": (WINDOW_PX, WINDOW_PX),
            "maxLevel": max(int(np.log2(min(self.before.shape) / WINDOW_PX)), 0),
            "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01),
            "minEigThreshold": 1e-3,  # below, the surroundings are flat and their motion is anyone's guess
        }
        column = np.ascontiguousarray(places[:, None], np.float32)
        moved, found, _ = cv2.calcOpticalFlowPyrLK(self.before, self.after, column, None, **options)
        back, found_back, _ = cv2.calcOpticalFlowPyrLK(self.after, self.before, moved, None, **options)
        moved, back = moved[:, 0], back[:, 0]
        way = np.linalg.norm(moved - places, axis=1)
        closes = np.linalg.norm(back - places, axis=1) < np.maximum(ROUND_TRIP_PX, ROUND_TRIP_FRACTION * way)
        return moved, (found.ravel() > 0) & (found_back.ravel() > 0) & closes

    def dense(self, places: np.ndarray) -> np.ndarray:
        """Places (N, 2) one frame on, by dense flow."""
        return places + _at(self._dense, places)

    @cached_property
    def _dense(self) -> np.ndarray:
        return dense_flow(self.before, self.after)
