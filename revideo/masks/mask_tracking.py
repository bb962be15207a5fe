"""A mask on one frame → the mask of the same object on every frame: its points followed, its outline found anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import cv2
import numpy as np
import torch
from torch import Tensor

from ..tracks.point_tracker import colour_cells, holds_colours
from ..tracks.tracking import Tracker, grid_points, track_points
from ..video.levels import to_uint8
from .outlines import box_of, centre_of, deepest_point, grown
from .poses import (
    brought_back,
    is_near,
    pose_between,
    registered,
    similarity_of,
    stretch_between,
    then,
    turn_about,
    warped_mask,
)

ABOUT_POINTS = 150  # followed inside the mask, about

OUTLINE_MARGIN = 0.12  # of the object's radius, to each side of its outline: where that is sought
OUTLINE_MARGIN_PX = 3, 16  # … at least and at most
LEARNT_RADII = 2.0  # radii around it, where colours are learnt that it has not
OTHERWISE = 24.0  # mean difference of the channels, of 255, from which on a pixel shows something else
RELEARNS = 0.3  # how much of a pixel that agrees becomes what it is now
LEAST_SEEN = 0.15  # fraction of the object, or it is lost
SEARCH_RADII = 2.0  # radii to each side, where it is searched for
SEARCHED_PX = 24.0  # radius to which a larger one is made smaller for that
TURNS = -0.3, -0.15, 0.0, 0.15, 0.3  # radians, by which it is turned in each place where it is searched for
BEST_FOUND = 3  # of the places, as many as are looked at more closely
DOUBTFUL_COST = 0.4 * OTHERWISE  # mean over the object and what lies beside it, from which on it is searched for
WORST_COST = 1.25 * OTHERWISE  # … or it is lost
CONVINCES = 0.7 * OTHERWISE  # cost below which a pose is believed that was found by turns, or by its outline alone
STRETCH_COST = OTHERWISE  # for each e-fold by which it grows or narrows: less of it would hide more of what differs
FITS_OUTLINE = 0.8  # intersection over union of a pose's mask with the outline found, below which the pose is doubted
AGREES = 0.6  # intersection over union of an outline with the one it began as, below which it is given up


@dataclass(frozen=True)
class TrackedMask:
    """An object's mask on every frame, and whether it was found there."""

    mask: Tensor  # (T, 1, H, W) bool; between frames where it was found carried over, before and after them empty
    found: Tensor  # (T,) bool

    def lost_stretches(self) -> list[tuple[int, int]]:
        """First and last frame of each stretch on which the object was not found."""
        padded = torch.cat([torch.ones(1).bool(), self.found, torch.ones(1).bool()]).int().diff()
        firsts, lasts = (padded == -1).nonzero()[:, 0].tolist(), (padded == 1).nonzero()[:, 0].tolist()
        return [(first, last - 1) for first, last in zip(firsts, lasts)]

    def describe(self) -> str:
        """A line for each stretch on which it was not found, after one that counts; frames from 0."""
        lines = [f"found on {int(self.found.sum())} of {len(self.found)} frames"]
        for first, last in self.lost_stretches():
            there = self.mask[first : last + 1].any()
            how = "the mask goes evenly from its place before to its place after" if there else "the mask is empty"
            lines.append(f"not found on frame{f's {first} to {last}' if last > first else f' {first}'}: there {how}")
        return "\n".join(lines)


def track_mask(
    video: Tensor,  # (T, 3, H, W) in [0, 1]
    mask: Tensor,  # (1, 1, H, W), (1, H, W) or (H, W), at least 0.5 on the object
    frame: int = 0,
    tracker: Tracker | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TrackedMask:
    """Follows what lies under a mask on frame `frame` through the video, forward and backward.

    Points inside are tracked (`track_points`), and a robust similarity of them says where the object went; there it is
    aligned, as an affine map, to what it looked like. What shows colours that it has nowhere is in front of it, and
    GrabCut (Rother et al. 2004) finds the outline anew. `progress` is called after each step of points or outline
    to the next frame, with how many are done and how many there are; what it raises ends the work. Raises ValueError
    where video or mask have other shapes, the mask is empty, or the frame is not there.
    """
    if video.ndim != 4 or video.shape[1] != 3:
        raise ValueError(f"the video must have shape (T, 3, H, W), not {tuple(video.shape)}")
    if isinstance(frame, bool) or not isinstance(frame, Integral):
        raise ValueError(f"frame must be the number of a frame, a whole number from 0 on, not {frame!r:.80}")
    num_frames, _, height, width = video.shape
    if mask.ndim == 2 or (mask.ndim == 3 and len(mask) == 1):
        mask = mask.reshape(1, 1, *mask.shape[-2:])
    if mask.ndim != 4 or mask.shape[1] != 1:
        raise ValueError(f"the mask to follow must have shape (1, 1, H, W) or (H, W), not {tuple(mask.shape)}")
    if mask.shape != (1, 1, height, width):
        raise ValueError(
            f"the mask to follow is {mask.shape[-1]}×{mask.shape[-2]} for {len(mask)} frames: "
            f"give one of a single frame, of the video's size {width}×{height}"
        )
    if not 0 <= frame < num_frames:
        raise ValueError(f"there is no frame {frame}: the video has frames 0 to {num_frames - 1}")
    start = (mask[0, 0] >= 0.5).cpu().numpy()
    if not start.any():
        raise ValueError(f"the mask to follow is empty on frame {frame}: paint what is to be followed")
    done, steps = 0, 2 * (num_frames - 1)

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, steps)

    tracks = track_points(video, _points_inside(start), frame, tracker, step)
    done = num_frames - 1  # a tracker of another kind takes no steps
    places, visible = tracks.points_px.numpy(), tracks.visible.numpy()
    pixels = to_uint8(video).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    masks = np.zeros((num_frames, height, width), bool)
    poses: list[np.ndarray | None] = [None] * num_frames
    masks[frame], poses[frame] = start, np.eye(2, 3)
    for order in (range(frame, num_frames), range(frame, -1, -1)):
        followed = _Object(pixels[frame], start)
        for before, time in pairwise(order):
            seen = visible[:, time]
            starts = ((places[:, since], visible[:, since] & seen) for since in (frame, before))
            moved = [similarity_of(points[both], places[both, time]) for points, both in starts]
            masks[time], poses[time] = followed.found_in(pixels[time], *moved)
            step()
    _interpolate(masks, poses, start)
    return TrackedMask(torch.from_numpy(masks)[:, None], torch.tensor([pose is not None for pose in poses]))


def _points_inside(mask: np.ndarray) -> Tensor:  # (N, 2) x, y in pixels
    """Of a grid, as fine as gives enough of them; where it has none inside, the pixel that lies deepest."""
    height, width = mask.shape
    points_px = grid_points(height, width, max(int(np.sqrt(mask.sum() / ABOUT_POINTS)), 2))
    x, y = points_px.long().unbind(1)
    inside = points_px[torch.from_numpy(mask)[y, x]]
    if len(inside):
        return inside
    column, row = deepest_point(mask)
    return torch.tensor([[column + 0.5, row + 0.5]])


def _interpolate(masks: np.ndarray, poses: list[np.ndarray | None], start: np.ndarray) -> None:
    """Between frames where the object was found, its outline goes evenly from one pose to the next."""
    there = [(time, pose) for time, pose in enumerate(poses) if pose is not None]
    for (left, first), (right, last) in pairwise(there):
        for time in range(left + 1, right):
            fraction = (time - left) / (right - left)
            masks[time] = warped_mask(start, pose_between(first, last, fraction, centre_of(start)))
    masks[: there[0][0]] = masks[there[-1][0] + 1 :] = False


class _Object:
    """What it looks like, and where it is on the frames after, one by one."""

    def __init__(self, picture: np.ndarray, mask: np.ndarray) -> None:
        self.mask = mask
        self.template = picture.astype(np.float32)  # in the place where it began, of what it looked like lately
        radius_px = float(np.sqrt(mask.sum() / np.pi))
        self.radius_px = radius_px
        self.centre_px = centre_of(mask)
        self.margin_px = round(float(np.clip(OUTLINE_MARGIN * radius_px, *OUTLINE_MARGIN_PX)))
        self.around = grown(mask, self.margin_px)
        self.cells = colour_cells(picture[mask].T)
        self.beside = self.around & ~mask & ~holds_colours(self.cells, picture)  # it may not come there unseen
        self.contrast = _contrast(self.template, mask, self.around & ~mask)
        self.colour_models = _learn_colours(picture, mask, box_of(grown(mask, round(LEARNT_RADII * radius_px))))
        self.pose, self.velocity = np.eye(2, 3), np.eye(2, 3)  # as it was found last
        self.misses = 0  # since then

    def found_in(
        self, picture: np.ndarray, since_start: np.ndarray | None, since_before: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Its mask (H, W) on the next frame, and its pose; None where too little of it is seen.

        `since_start`, `since_before`: where its points went, since it began and since the frame before.
        """
        poses = [self.pose, then(self.pose, self.velocity)]
        poses += [since_start] if since_start is not None else []
        poses += [then(self.pose, since_before)] if since_before is not None and not self.misses else []
        poses = [each for each in poses if is_near(each, self.pose, self.misses + 1)]
        cost, pose = min(((self._cost(picture, each), each) for each in poses), key=lambda each: each[0])
        pose = self._aligned(picture, pose) if cost <= DOUBTFUL_COST else self._searched_for(picture, poses)
        whole = warped_mask(self.mask, pose)
        covered = self._covered(picture, pose)
        seen = whole & ~covered
        is_lost = self._cost(picture, pose) > WORST_COST or seen.sum() < max(LEAST_SEEN * whole.sum(), 1)
        if is_lost:
            self.misses += 1
            return seen, None
        found = self._outlined(picture, whole, seen)
        before, after = (
            cv2.GaussianBlur(each.astype(np.float32), (0, 0), self.margin_px / 2) for each in (self.mask, found)
        )
        shows = ~grown(covered & whole, self.margin_px)
        fitted = registered(before, after, pose, self.around & warped_mask(shows, cv2.invertAffineTransform(pose)))
        pose = fitted if is_near(fitted, self.pose, self.misses + 1) else pose
        pose = self._refitted(picture, pose, found)
        back = brought_back(picture, pose)
        agrees = self.mask & ~self._differs(back)
        self.template[agrees] += RELEARNS * (back[agrees] - self.template[agrees])
        if not self.misses:
            self.velocity = then(cv2.invertAffineTransform(self.pose), pose)
        self.pose, self.misses = pose, 0
        return found, pose

    def _differs(self, back: np.ndarray) -> np.ndarray:  # (H, W) bool
        return cv2.blur(np.abs(back - self.template).mean(-1), (3, 3)) > OTHERWISE

    def _cost(self, picture: np.ndarray, pose: np.ndarray) -> float:
        """How much it would look otherwise than before, and how much of its colours would lie beside it."""
        back = brought_back(picture, pose)
        inside = np.minimum(np.abs(back - self.template).mean(-1), 2 * OTHERWISE)[self.mask].sum()
        beside = 2 * OTHERWISE * holds_colours(self.cells, back.astype(np.uint8))[self.beside].sum()
        stretched = np.abs(stretch_between(pose, self.pose)).sum()
        return float(inside + beside) / (self.mask.sum() + self.beside.sum()) + STRETCH_COST * stretched

    def _searched_for(self, picture: np.ndarray, poses: list[np.ndarray]) -> np.ndarray:
        """The pose, within reach, at which it looks most as before: each that it may have, shifted and turned."""
        plain = min(poses, key=lambda each: self._cost(picture, each))
        plain = min([plain, self._searched(picture, plain)], key=lambda each: self._cost(picture, each))
        plain = self._aligned(picture, plain)
        ways = [then(turn_about(angle, self.centre_px), each) for each in poses for angle in TURNS]
        found = [*poses, *(self._searched(picture, each) for each in ways)]
        found.sort(key=lambda each: self._cost(picture, each))
        best = [self._aligned(picture, each) for each in found[:BEST_FOUND]]
        turned = min(best, key=lambda each: self._cost(picture, each))
        return turned if self._cost(picture, turned) < min(CONVINCES, self._cost(picture, plain)) else plain

    def _refitted(self, picture: np.ndarray, pose: np.ndarray, found: np.ndarray) -> np.ndarray:
        """The pose; where its outline is far from the one found, the last one brought there, if that fits better."""
        whole = warped_mask(self.mask, pose)
        if not found.any() or (whole & found).sum() >= FITS_OUTLINE * (whole | found).sum():
            return pose
        centre = centre_of(found)
        best = min(CONVINCES, self._cost(picture, pose))
        grows = np.sqrt(found.sum() / (self.mask.sum() * abs(np.linalg.det(self.pose[:, :2]))))
        for angle in TURNS:
            linear = grows * self.pose[:, :2] @ turn_about(angle, self.centre_px)[:, :2]
            there = np.concatenate([linear, (centre - linear @ self.centre_px)[:, None]], 1)
            if not is_near(there, self.pose, self.misses + 1):
                continue
            there = self._aligned(picture, there)
            if self._cost(picture, there) < best:
                best, pose = self._cost(picture, there), there
        return pose

    def _searched(self, picture: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """The shift of a pose to where, within reach, the object's own pixels fit best."""
        rows, columns = box_of(self.mask)
        reach = int(SEARCH_RADII * self.radius_px * min(1 + self.misses / 2, 3)) + 1
        left, top = max(columns.start - reach, 0), max(rows.start - reach, 0)
        window = np.s_[top : rows.stop + reach, left : columns.stop + reach]
        own = np.repeat(self.mask[rows, columns, None], 3, 2).astype(np.float32)
        template = np.ascontiguousarray(self.template[rows, columns])
        shown = np.ascontiguousarray(brought_back(picture, pose)[window])
        scale = min(SEARCHED_PX / self.radius_px, 1.0)
        shown, template, own = (
            cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for each in (shown, template, own)
        )
        _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(shown, template, cv2.TM_SQDIFF, mask=own))
        return then(np.array([[1, 0, left + x / scale - columns.start], [0, 1, top + y / scale - rows.start]]), pose)

    def _aligned(self, picture: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """The pose at which it looks most as before, but for what is in front of it."""
        where = self.around & ~(self.mask & self._differs(brought_back(picture, pose)))
        shown = picture.astype(np.float32) @ self.contrast
        aligned = registered(self.template @ self.contrast, shown, pose, where)
        is_better = is_near(aligned, pose, 1) and self._cost(picture, aligned) < self._cost(picture, pose)
        return aligned if is_better else pose

    def _covered(self, picture: np.ndarray, pose: np.ndarray) -> np.ndarray:  # (H, W) bool
        """Where something is in front of it: it looks otherwise, in colours that it has nowhere."""
        otherwise = warped_mask(self.mask & self._differs(brought_back(picture, pose)), pose)
        foreign = otherwise & ~holds_colours(self.cells, picture)
        return cv2.medianBlur(foreign.astype(np.uint8), 3) > 0

    def _outlined(self, picture: np.ndarray, whole: np.ndarray, seen: np.ndarray) -> np.ndarray:  # (H, W) bool
        """What is seen of it, its outline sought by GrabCut within the margin; as it was where that runs away."""
        outer, inner = grown(whole, self.margin_px), ~grown(~whole, self.margin_px)
        labels = np.full(whole.shape, cv2.GC_BGD, np.uint8)
        labels[outer] = cv2.GC_PR_BGD
        labels[seen] = cv2.GC_PR_FGD
        labels[inner & seen] = cv2.GC_FGD
        box = box_of(grown(outer, 2))
        labels = np.ascontiguousarray(labels[box])
        if self.colour_models is None or not ((labels == cv2.GC_FGD).any() and (labels == cv2.GC_BGD).any()):
            return seen
        shown = np.ascontiguousarray(picture[box])
        cv2.grabCut(shown, labels, None, *self.colour_models, 1, cv2.GC_EVAL_FREEZE_MODEL)
        found = np.zeros_like(whole)
        found[box] = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        return found if (found & seen).sum() >= AGREES * (found | seen).sum() else seen


def _contrast(picture: np.ndarray, inside: np.ndarray, around: np.ndarray) -> np.ndarray:  # (3,) float32
    """The weights of the channels that set the object apart best from what is around it (Fisher 1936)."""
    colours = [picture[inside], picture[around]]
    if min(map(len, colours)) < 2:
        return np.full(3, 1 / 3, np.float32)
    within = sum(np.cov(each.T) for each in colours) + 25 * np.eye(3)
    weights = np.linalg.solve(within, colours[0].mean(0) - colours[1].mean(0))
    return (weights / max(np.abs(weights).sum(), 1e-9)).astype(np.float32)


def _learn_colours(
    picture: np.ndarray, mask: np.ndarray, near: tuple[slice, slice]
) -> tuple[np.ndarray, np.ndarray] | None:
    """GrabCut's models of what is around the object and of it; None where nothing is around it.

    From the one frame on which it is known which is which: those after it, where it is not, would blur them.
    """
    labels = np.where(mask, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)[near]
    if mask[near].all():
        return None
    labels[mask[near] & grown(~mask, 1)[near]] = cv2.GC_PR_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # it clusters at random
    cv2.grabCut(np.ascontiguousarray(picture[near]), labels, None, *models, 3, cv2.GC_INIT_WITH_MASK)
    return models
