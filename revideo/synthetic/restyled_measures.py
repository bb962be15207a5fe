"""How well a clip was restyled, frame by frame, against its one right answer: what drifts, and what flickers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..evaluation.metrics import masked_psnr
from .depth import RestyledClip
from .measures import hue_distance, sprite_weights

LOST_PX = 0.5  # of the frame's width: as far as an outline is that is nowhere found
NEIGHBOURS = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class RestyledMetrics:
    """A value per frame, (T,) each, means over sprites."""

    sprite_psnr: Tensor  # dB, of the pixels where sprites should be
    hue_drift: Tensor  # % of the circle, between their mean hue and what it should be
    edge_error: Tensor  # pixels between a sprite's outline, found by its colour, and the edge of its depth; a mean
    flicker: Tensor  # % of the range: how much the error changes from the frame before; 0 for the first


def measure_restyled(truth: RestyledClip, output: Tensor) -> RestyledMetrics:
    """`output` (T, 3, H, W) in [0, 1]: what was made of the clip, nothing put back."""
    psnrs, hues, edges = [], [], []
    for appearance, mask in zip(truth.appearances, truth.masks):
        psnrs.append(masked_psnr(output, truth.target, mask[:, None])[1])
        found = sprite_weights(output, float(appearance.hue)) > 0.5
        hues.append(
            torch.tensor(
                [
                    100 * hue_distance(frame[:, seen], right[:, seen]) if seen.any() else torch.nan
                    for frame, right, seen in zip(output, truth.target, mask)
                ]
            )
        )
        edges.append(torch.tensor([edge_distance(one.numpy(), other.numpy()) for one, other in zip(found, mask)]))
    error = output - truth.target
    changes = (error[1:] - error[:-1]).abs().mean((1, 2, 3)) * 100
    psnr, hue, edge = (torch.stack(each).double().nanmean(0) for each in (psnrs, hues, edges))
    return RestyledMetrics(psnr, hue, edge, torch.cat([torch.zeros(1), changes]).double())


def edge_distance(found: np.ndarray, right: np.ndarray) -> float:
    """Between the outlines of two masks (H, W) bool, in pixels: the mean way from each to the other.

    NaN where there is none to be found; half the frame's width where it is not found.
    """
    if not right.any():
        return float("nan")
    lines = [_outline(mask) for mask in (found, right)]
    if not lines[0].any():
        return LOST_PX * right.shape[1]
    ways = [
        cv2.distanceTransform(1 - to.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[line].mean()
        for line, to in (lines, lines[::-1])
    ]
    return float(np.mean(ways))


def _outline(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask that touch what is outside of it; the frame's border is none."""
    inner = cv2.erode(mask.astype(np.uint8), NEIGHBOURS, borderValue=1)
    return mask & (inner == 0)
