"""Silhouettes and patterns as fields of signed distances: any of them is drawn by looking it up, on any device.

Places and distances are in reaches: a shape's reach is the radius of the circle round its centre that just holds it.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

# What a person names at a glance, with the centre, where paths are shown, well inside.
SHAPES = ("disc", "square", "triangle", "star", "heart", "arrow", "cross", "house", "drop", "fish")
FLAT, TEXTURED = ("solid", "half", "core", "band"), ("stripes", "checks", "dots")
PATTERNS = FLAT + TEXTURED
EXTENT = 1.25  # of a field to each side of the centre
SIDE = 128  # samples: one to two for each pixel of what is drawn
FINE = 4  # times as fine are the pictures in which distances are measured
WAVES = 1.75  # of stripes, checks and dots across a reach: none is narrower than a latent cell


@lru_cache
def silhouettes() -> Tensor:
    """(S, side, side) float32: how far inside each of `SHAPES` a place is, negative outside."""
    return torch.from_numpy(np.stack([_distances(outline) for outline in _outlines().values()]))


@lru_cache
def patterns() -> Tensor:
    """(P, side, side) float32: how far inside the second tone of each of `PATTERNS` a place is, negative outside."""
    place = ((np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE * 2 - 1) * EXTENT
    x, y = np.meshgrid(place, place)
    wave = 2 * np.pi * WAVES
    fields = {
        "solid": np.full_like(x, -EXTENT),
        "half": y,
        "core": 0.42 - np.hypot(x, y),
        "band": 0.22 - abs(y),
        "stripes": np.sin(wave * y) / wave,
        "checks": np.sin(wave * x / 2) * np.sin(wave * y / 2) / wave * 2,
        "dots": (np.cos(wave * x) + np.cos(wave * y) - 0.5) / wave,
    }
    return torch.from_numpy(np.stack([fields[name].astype(np.float32) for name in PATTERNS]))


def _outlines() -> dict[str, np.ndarray]:  # (N, 2) x, y of any size, y downwards
    turn = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    x, y = np.cos(turn), np.sin(turn)
    spikes = np.arange(10) * np.pi / 5 - np.pi / 2
    body = slice(18, -18)  # of a circle, open to the right
    quarter = np.array([[-0.36, -1], [0.36, -1], [0.36, -0.36]])
    quarters = [np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), number) for number in range(4)]
    return {
        "disc": np.stack([x, y], 1),
        "square": np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]),
        "triangle": np.array([[0, -1], [1, 0.73], [-1, 0.73]]),
        "star": np.stack([np.cos(spikes), np.sin(spikes)], 1) * np.tile([1, 0.48], 5)[:, None],
        "heart": np.stack([16 * y**3, -13 * x + 5 * np.cos(2 * turn) + 2 * np.cos(3 * turn)], 1),
        "arrow": np.array([[-1, -0.36], [0, -0.36], [0, -0.9], [1, 0], [0, 0.9], [0, 0.36], [-1, 0.36]]),
        "cross": np.concatenate([quarter @ turned for turned in quarters]),
        "house": np.array([[0, -1], [1, -0.1], [0.72, -0.1], [0.72, 0.85], [-0.72, 0.85], [-0.72, -0.1], [-1, -0.1]]),
        "drop": np.stack([1.05 * y * np.sin(turn / 2) ** 1.6, -x], 1),
        "fish": np.array([*zip(0.8 * x[body] - 0.2, 0.55 * y[body]), (1.05, -0.5), (0.85, 0), (1.05, 0.5)]),
    }


def _distances(outline: np.ndarray) -> np.ndarray:  # (side, side)
    """The outline with its centre of area in the middle and a reach of 1, as a field."""
    moments = cv2.moments((outline * 2**12).astype(np.float32))
    centred = outline - np.array([moments["m10"], moments["m01"]]) / moments["m00"] / 2**12
    centred = centred / np.linalg.norm(centred, axis=1).max()
    side, bits = SIDE * FINE, 8
    places = ((centred / EXTENT + 1) / 2 * side - 0.5) * 2**bits
    picture = np.zeros((side, side), np.uint8)
    cv2.fillPoly(picture, [places.round().astype(np.int32)], 1, shift=bits)
    inside, outside = (
        cv2.distanceTransform(each, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for each in (picture, 1 - picture)
    )
    distances = (np.maximum(inside - 0.5, 0) - np.maximum(outside - 0.5, 0)) / side * 2 * EXTENT
    return distances.reshape(SIDE, FINE, SIDE, FINE).mean((1, 3)).astype(np.float32)
