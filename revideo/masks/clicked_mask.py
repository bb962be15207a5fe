"""Points on one frame → the mask of what lies under them: its outline sought by GrabCut, near and farther around."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from ..video.levels import to_uint8
from .outlines import box_of, grown

NEAREST_PX = 8.0  # from the points: the first reach within which an outline is sought …
WIDENS = 1.5  # … each of the others so many times the one before, until the frame is full of it
SURE_PX, SURE_FRACTION = 2.0, 0.1  # around a point it is the object: at least, and as a fraction of the reach
SUPPOSED = 0.5  # of the reach: where GrabCut supposes it to begin with
WORKED_PX = 112  # side of a picture in which an outline is sought; the pixels it was made of have the last word
LEAST = 2.5  # times what was sure, or nothing was found
AGREES_WITH_COARSE = 0.7  # intersection over union of the fine outline and the coarse, below which that one stays


def mask_at(
    picture: Tensor,  # (3, H, W) in [0, 1]
    points_px: Tensor,  # (N, 2) x, y in pixels, all on one object
) -> Tensor:  # (1, 1, H, W) bool
    """The mask of what lies under some points, which are all on it.

    GrabCut (Rother et al. 2004) seeks an outline within several reaches; of these the one is taken along which the
    picture changes most and which the reaches beside it find too. Raises ValueError where there is no point, one lies
    outside, or nothing sets itself apart there.
    """
    height, width = picture.shape[-2:]
    if not len(points_px):
        raise ValueError("there is no point to find an object at: set an anchor on it")
    size = points_px.new_tensor([width, height])
    outside = ~((points_px >= 0) & (points_px < size)).all(1)  # also what is no number
    if outside.any():
        x, y = points_px[int(outside.nonzero()[0])].tolist()
        raise ValueError(f"the point (x {x:g}, y {y:g}) is not in the picture, which is {width}×{height}")
    pixels = np.ascontiguousarray(to_uint8(picture).permute(1, 2, 0).cpu().numpy())
    pixels_of_points = points_px.floor().long().cpu().numpy()
    found = _best_of(pixels, _candidates(pixels, pixels_of_points))
    if found is None:
        x, y = points_px[0].tolist()
        raise ValueError(
            f"nothing sets itself apart from what is around it at x {x:g}, y {y:g}: set the point into the middle of "
            f"an object, set more points on it, or paint a mask"
        )
    return torch.from_numpy(_refined(pixels, found))[None, None]


def describe_points(
    mask: Tensor,  # (1, 1, H, W) bool, as `mask_at` found it
    points_px: Tensor,  # (N, 2) x, y in pixels, in the picture
) -> str:
    """A line for each point that is not on the largest part of the mask, counted from 1: it may be on nothing."""
    _, parts = cv2.connectedComponents(mask[0, 0].byte().cpu().numpy())
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0  # outside
    lines = []
    for number, (x, y) in enumerate(points_px.tolist(), 1):
        part = parts[int(y), int(x)]
        where = "not in the mask" if part == 0 else f"on a part of the mask by itself, of {sizes[part]} pixels"
        if part != sizes.argmax():
            lines.append(f"point {number} at {x:g}, {y:g} is {where}: leave it out unless it is on the same thing\n")
    return "".join(lines)


def _candidates(pixels: np.ndarray, points: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """A mask (H, W) bool of each reach that gives one, and how much of its outline only ends with the reach."""
    found = []
    reach = NEAREST_PX
    while reach == NEAREST_PX or reach < 0.75 * max(pixels.shape[:2]):
        found.append(_candidate(pixels, points, reach))
        reach *= WIDENS
    return [each for each in found if each is not None]


def _candidate(pixels: np.ndarray, points: np.ndarray, reach: float) -> tuple[np.ndarray, float] | None:
    top_left = np.maximum(points.min(0) - int(reach), 0)
    (left, top), (right, bottom) = top_left, points.max(0) + int(reach) + 1
    window = np.s_[top:bottom, left:right]
    shown = pixels[window]
    scale = min(WORKED_PX / max(shown.shape[:2]), 1.0)
    small = cv2.resize(shown, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scales = np.array([small.shape[axis] / shown.shape[axis] for axis in (1, 0)])
    places, reach = ((points - top_left + 0.5) * scales).astype(int), reach * scale

    labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    within = _discs(places, 0.95 * reach, labels.shape)
    sure = _discs(places, max(SURE_PX, SURE_FRACTION * reach), labels.shape)
    labels[within] = cv2.GC_PR_BGD
    labels[_discs(places, SUPPOSED * reach, labels.shape)] = cv2.GC_PR_FGD
    labels[sure] = cv2.GC_FGD
    if not (labels == cv2.GC_BGD).any():
        return None
    found = _filled(_connected(_cut(small, labels, 5), places))
    if found.sum() < LEAST * sure.sum():
        return None
    rim = found & grown(~found, 1)
    ends = (rim & grown(~within, 2)).sum() / max(rim.sum(), 1)
    mask = np.zeros(pixels.shape[:2], bool)
    mask[window] = cv2.resize(found.astype(np.float32), shown.shape[1::-1], interpolation=cv2.INTER_LINEAR) >= 0.5
    return mask, float(ends)


def _best_of(pixels: np.ndarray, candidates: list[tuple[np.ndarray, float]]) -> np.ndarray | None:
    blurred = cv2.GaussianBlur(pixels, (0, 0), 1)
    slopes = [cv2.Sobel(blurred, cv2.CV_32F, *axis, ksize=3) for axis in ((1, 0), (0, 1))]
    steps = np.sqrt(sum((each**2).sum(-1) for each in slopes)) / 8  # how much the picture changes from pixel to pixel
    best, most = None, 0.0
    for number, (mask, ends) in enumerate(candidates):
        beside = [candidates[other][0] for other in (number - 1, number + 1) if 0 <= other < len(candidates)]
        agreement = np.mean([(mask & other).sum() / (mask | other).sum() for other in beside]) if beside else 1.0
        rim = mask & grown(~mask, 1)
        worth = float(np.median(steps[rim])) * agreement * (1 - ends) if rim.any() else 0.0
        if worth > most:
            best, most = mask, worth
    return best


def _refined(pixels: np.ndarray, coarse: np.ndarray) -> np.ndarray:  # (H, W) bool
    """The outline sought anew near where it was found, among all pixels there are."""
    rows, columns = box_of(coarse)
    margin = max(round(0.04 * max(rows.stop - rows.start, columns.stop - columns.start)), 2)
    outer, inner = grown(coarse, margin), ~grown(~coarse, margin)
    around = box_of(grown(outer, 2 * margin))
    labels = np.where(coarse, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[inner], labels[~outer] = cv2.GC_FGD, cv2.GC_BGD
    labels = np.ascontiguousarray(labels[around])
    if not ((labels == cv2.GC_FGD).any() and (labels == cv2.GC_BGD).any()):
        return coarse
    fine = np.zeros_like(coarse)
    fine[around] = _cut(pixels[around], labels, 2)
    agrees = (fine & coarse).sum() >= AGREES_WITH_COARSE * (fine | coarse).sum()
    return fine if agrees else coarse


def _cut(picture: np.ndarray, labels: np.ndarray, iterations: int) -> np.ndarray:  # (H, W) bool
    cv2.setRNGSeed(0)  # it clusters at random
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(picture), labels, None, *models, iterations, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _discs(places: np.ndarray, radius: float, size: tuple[int, ...]) -> np.ndarray:  # (H, W) bool
    discs = np.zeros(size, np.uint8)
    for x, y in places.tolist():
        cv2.circle(discs, (x, y), int(radius), 1, cv2.FILLED)
    return discs > 0


def _connected(mask: np.ndarray, places: np.ndarray) -> np.ndarray:
    """What of a mask (H, W) bool hangs together with places x, y on it."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    return mask & np.isin(parts, parts[places[:, 1], places[:, 0]])


def _filled(mask: np.ndarray) -> np.ndarray:
    """A mask (H, W) bool without holes."""
    _, parts = cv2.connectedComponents(np.pad(~mask, 1, constant_values=True).astype(np.uint8), connectivity=4)
    return (parts != parts[0, 0])[1:-1, 1:-1]
