"""What drifts from window to window, and back: paths that objects left, and how objects look.

The motion map tells a window how far objects shall go, never where they are, so each window adds its error to
those before: finding the objects again in the finished window closes that loop. And a window paints its objects
a little worse than its reference shows them, while the next takes what it painted for its reference: putting
their first appearance back at each window's start breaks that one. The first appearance also tells best where an
object is: it does not change, so errors of finding it do not add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..tracks.point_tracker import parabola_vertex
from ..tracks.trajectories import Trajectories
from ..video.levels import to_uint8
from .composite import feather_inward

PATCH = 0.25  # of the frame's shorter side: what is looked for around a path's point
FARTHEST = 0.1  # of it: how far from its path an object is looked for
ALIKE = 0.5  # correlation of a patch found with the one looked for, at least
NEAR = 0.03  # of it: so far an object may be moved at once, unseen between two frames
RETURN_FRAMES = 6  # over which a path comes back to where it should be: slow enough to look like motion
REACH = 0.25  # of the frame's shorter side: how far from its path's point an object extends, at most
SEED_PX = 2  # around a path's point all belongs to its object
LEAST_PX, MOST = 40, 0.9  # pixels that an object has; part of those it may have, or it is the ground
MARGIN_PX = 4  # of its surroundings: they tell its outline, and cover what its faded copy has lost there


# --- Where objects are -----------------------------------------------------------------------


def find_offsets(
    painted: Tensor,  # (T, 3, H, W) in [0, 1]: a finished window
    trajectories: Trajectories,  # (N, T): where objects should be
    offsets: Tensor,  # (N, 2) x, y: how far they were from there on its first frame
    at: int,
) -> Tensor:  # (N, 2) x, y
    """How far from its path each object of the first frame is on frame `at`; zero where it is not found again."""
    found = torch.zeros_like(offsets)
    first, last = pixels(painted[0]), pixels(painted[at])
    size = torch.tensor([painted.shape[-1], painted.shape[-2]])
    starts, goals = trajectories.points_px[:, 0] + offsets, trajectories.points_px[:, at]
    inside = ((starts >= 0) & (starts < size) & (goals >= 0) & (goals < size)).all(1)
    for number in (trajectories.visible[:, : at + 1].all(1) & inside).nonzero()[:, 0].tolist():
        template, corner = _patch(first, starts[number].numpy())
        place = find_like(template, last, corner + (goals[number] - starts[number]).numpy())
        if place is not None:
            found[number] = starts[number] + torch.from_numpy(place - corner) - goals[number]
    return found


def _patch(picture: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is seen around a point x, y, and where its first pixel is."""
    half = max(int(PATCH * min(picture.shape[:2]) / 2), 4)
    x, y = point.round().astype(int)
    padded = np.pad(picture, [(half, half), (half, half), (0, 0)], "edge")
    return padded[y : y + 2 * half + 1, x : x + 2 * half + 1], np.array([x - half, y - half])


def pixels(frame: Tensor) -> np.ndarray:  # (H, W, 3)
    return to_uint8(frame).permute(1, 2, 0).contiguous().cpu().numpy()


def find_like(
    template: np.ndarray,  # (h, w, 3) uint8
    picture: np.ndarray,  # (H, W, 3) uint8
    corner: np.ndarray,  # (2,) x, y: where the template's first pixel should be in it
    farthest: float = FARTHEST,  # from there along each axis, of the picture's shorter side
) -> np.ndarray | None:
    """Where it is most like the template, to a part of a pixel; None where nothing is like it."""
    reach = max(int(farthest * min(picture.shape[:2])), 2)
    height, width = template.shape[:2]
    left, top = corner.round().astype(int) - reach
    sides = [(max(-top, 0), max(top + height + 2 * reach - len(picture), 0))]
    sides.append((max(-left, 0), max(left + width + 2 * reach - picture.shape[1], 0)))
    padded = np.pad(picture, [*sides, (0, 0)], "edge")
    top, left = top + sides[0][0], left + sides[1][0]
    around = padded[top : top + height + 2 * reach, left : left + width + 2 * reach]
    scores = np.nan_to_num(cv2.matchTemplate(around, template, cv2.TM_CCOEFF_NORMED))
    row, column = (int(index) for index in np.unravel_index(scores.argmax(), scores.shape))
    if scores[row, column] < ALIKE:
        return None
    best = np.array([column + parabola_vertex(scores[row], column), row + parabola_vertex(scores[:, column], row)])
    return (corner.round() + best - reach).astype(np.float32)


def remaining_offsets(offsets: Tensor, near_px: float) -> Tensor:  # (N, 2)
    """What is left of the way back (N, 2) when all have come `near_px` of it."""
    return offsets * (1 - near_px / offsets.norm(dim=-1, keepdim=True).clamp(min=near_px))


def correct_paths(trajectories: Trajectories, offsets: Tensor) -> Trajectories:
    """Trajectories (N, T) that begin `offsets` (N, 2) away, where objects are, and soon are where they should be."""
    left = (1 - torch.arange(trajectories.num_frames) / RETURN_FRAMES).clamp(min=0)
    return Trajectories(trajectories.points_px + offsets[:, None] * left[:, None], trajectories.visible)


# --- How objects look ------------------------------------------------------------------------


@dataclass(frozen=True)
class PathObject:
    """What a path moves, as the edited first frame shows it."""

    picture: Tensor  # (3, h, w) in [0, 1], with some of its surroundings
    alpha: Tensor  # (h, w) of 0 to 1: how much of each pixel is the object's
    anchor: Tensor  # (2,) x, y in pixels from the picture's corner: the path's point


def find_objects(reference: Tensor, trajectories: Trajectories, mask: Tensor) -> list[PathObject | None]:
    """Reference (3, H, W) in [0, 1] and its mask (H, W) bool → what lies under each path's first point.

    By GrabCut (Rother et al. 2004). None for paths that begin later or outside the mask, where nothing
    stands out from around the point, and for all but the first path on the same object.
    """
    picture, found = pixels(reference), list[np.ndarray]()
    objects: list[PathObject | None] = []
    for point, visible in zip(trajectories.points_px[:, 0], trajectories.visible[:, 0].tolist()):
        shape = _shape_at(picture, point, mask.cpu().numpy()) if visible else None
        if shape is not None and not any((shape & other).any() for other in found):
            found.append(shape)
            objects.append(_cut_out(reference, shape, point))
        else:
            objects.append(None)
    return objects


def _shape_at(picture: np.ndarray, point: Tensor, mask: np.ndarray) -> np.ndarray | None:  # (H, W) bool
    height, width = mask.shape
    x, y = point.floor().int().tolist()
    if not (0 <= x < width and 0 <= y < height and mask[y, x]):
        return None
    near, seed = (
        (slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1))
        for reach in (int(REACH * min(height, width)), SEED_PX)
    )
    labels = np.full(mask.shape, cv2.GC_BGD, np.uint8)
    labels[near][mask[near]] = cv2.GC_PR_FGD
    candidates = (labels == cv2.GC_PR_FGD).sum()
    labels[seed] = cv2.GC_FGD
    cv2.setRNGSeed(0)  # a resumed run must cut as the first one did
    cv2.grabCut(picture, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    _, parts = cv2.connectedComponents(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    shape: np.ndarray = parts == parts[y, x]
    return shape if LEAST_PX <= shape.sum() <= MOST * candidates else None


def _cut_out(reference: Tensor, shape: np.ndarray, point: Tensor) -> PathObject:
    rows, columns = (np.flatnonzero(shape.any(axis)) for axis in (1, 0))
    top, left = max(int(rows[0]) - MARGIN_PX, 0), max(int(columns[0]) - MARGIN_PX, 0)
    part = slice(top, int(rows[-1]) + MARGIN_PX + 1), slice(left, int(columns[-1]) + MARGIN_PX + 1)
    wide = cv2.dilate(shape.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * MARGIN_PX + 1,) * 2))
    alpha = feather_inward(torch.from_numpy(wide[part] > 0), MARGIN_PX)
    return PathObject(reference[(..., *part)].cpu(), alpha, point - torch.tensor([left, top]))


def locate_objects(
    frames: Tensor,  # (T, 3, H, W) in [0, 1]: as a window painted them
    objects: Sequence[PathObject | None],
    trajectories: Trajectories,  # (N, T): where objects should be in them
) -> tuple[Tensor, Tensor]:  # (N, T, 2) x, y and (N, T) bool
    """How far from its path each object is, by its first appearance, and where it was found; zero where it was not."""
    away, found = torch.zeros_like(trajectories.points_px), torch.zeros_like(trajectories.visible)
    pictures = [pixels(frame) for frame in frames]
    for number, item in enumerate(objects):
        if item is None:
            continue
        picture = pixels(item.picture)
        for at in trajectories.visible[number].nonzero()[:, 0].tolist():
            corner = (trajectories.points_px[number, at] - item.anchor).numpy()
            place = find_like(picture, pictures[at], corner)
            if place is not None:
                away[number, at], found[number, at] = torch.from_numpy(place - corner), True
    return away, found


def correct_appearance(
    frame: Tensor,  # (3, H, W) in [0, 1]: as a window painted it
    objects: Sequence[PathObject | None],
    points_px: Tensor,  # (N, 2) x, y: where each path's point shall be in it
    found: Tensor,  # (N,) bool: which of them to correct
    mask: Tensor,  # (H, W) bool
) -> tuple[Tensor, Tensor]:  # (3, H, W), and (H, W) bool: where it was changed
    """The frame with objects looking as they did at first."""
    changed = torch.zeros(frame.shape[1:], dtype=torch.bool)
    height, width = mask.shape
    for item, point, known in zip(objects, points_px, found.tolist()):
        if item is None or not known:
            continue
        x, y = (point - item.anchor).tolist()
        shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
        picture = item.picture.permute(1, 2, 0).numpy()
        alpha = torch.from_numpy(cv2.warpAffine(item.alpha.numpy(), shift, (width, height))) * mask
        moved = cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        frame = torch.lerp(frame, torch.from_numpy(moved).permute(2, 0, 1), alpha)
        changed |= alpha > 0
    return frame, changed
