"""Where an object went: affine maps (2, 3) of places in pixels, from where it began."""

from __future__ import annotations

import cv2
import numpy as np

MIDDLE = np.array([[1, 0, 0.5], [0, 1, 0.5]])  # OpenCV's places → ours, of which the first pixel's middle is at 0.5
CORNER = np.array([[1, 0, -0.5], [0, 1, -0.5]])  # … and back
STRAY_PX = 2.0  # farther from where the others lead, a point has slipped
MOST_STRETCH = 0.25  # a frame, at most, of the logarithm of its size along any direction


def similarity_of(before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
    """The similarity that takes most of the points (N, 2) x, y from where they were to where they are.

    A shift where they are two at most; None where there is none, or they do not agree.
    """
    if not len(before):
        return None
    if len(before) < 3:
        return np.concatenate([np.eye(2), np.median(after - before, 0)[:, None]], 1)
    similarity, inliers = cv2.estimateAffinePartial2D(before, after, ransacReprojThreshold=STRAY_PX)
    return similarity if similarity is not None and inliers.sum() >= max(3, len(before) // 4) else None


def then(*maps: np.ndarray) -> np.ndarray:
    """One map after the other."""
    whole = np.eye(3)
    for each in maps:
        whole = np.vstack([each, [0, 0, 1]]) @ whole
    return whole[:2]


def turn_about(angle: float, centre_px: np.ndarray) -> np.ndarray:
    """A turn, in radians, about a place."""
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([linear, (centre_px - linear @ centre_px)[:, None]], 1)


def pose_between(first: np.ndarray, last: np.ndarray, fraction: float, centre_px: np.ndarray) -> np.ndarray:
    """The pose that far on the way: the centre of what is moved goes straight, turn and size each go evenly.

    A mean of the two would be flat in the middle of a turn.
    """
    left, sizes, right = np.linalg.svd(last[:, :2] @ np.linalg.inv(first[:, :2]))
    turn = left @ right
    angle = np.arctan2(turn[1, 0], turn[0, 0])
    stretched = right.T @ np.diag(sizes**fraction) @ right
    linear = turn_about(fraction * angle, np.zeros(2))[:, :2] @ stretched @ first[:, :2]
    (start, end) = (pose[:, :2] @ centre_px + pose[:, 2] for pose in (first, last))
    there = start + fraction * (end - start)
    return np.concatenate([linear, (there - linear @ centre_px)[:, None]], 1)


def stretch_between(pose: np.ndarray, other: np.ndarray) -> np.ndarray:  # (2,)
    """Logarithms of how much larger one pose is than another, along the directions where that is most and least."""
    return np.log(np.linalg.svd(pose[:, :2] @ np.linalg.inv(other[:, :2]), compute_uv=False).clip(1e-6))


def is_near(pose: np.ndarray, other: np.ndarray, frames: int) -> bool:
    """Whether an object may grow, shrink or narrow from one pose to another within so many frames."""
    return bool((np.abs(stretch_between(pose, other)) < MOST_STRETCH * min(frames, 4)).all())


def warped_mask(mask: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """A mask (H, W) moved by a pose."""
    matrix = then(MIDDLE, pose, CORNER)
    return cv2.warpAffine(mask.astype(np.float32), matrix, mask.shape[::-1], flags=cv2.INTER_LINEAR) >= 0.5


def brought_back(picture: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) as if what has that pose were where it began, float32."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix, size = then(MIDDLE, pose, CORNER), picture.shape[1::-1]
    return cv2.warpAffine(picture.astype(np.float32), matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def registered(template: np.ndarray, picture: np.ndarray, pose: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The pose at which two pictures (H, W) float32 correlate best, near this one (Evangelidis and Psarakis 2008).

    `where`: the places of the template, (H, W) bool, that count.
    """
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
    matrix = then(MIDDLE, pose, CORNER).astype(np.float32)
    counts = warped_mask(where, pose).astype(np.uint8)  # OpenCV asks for places of the picture
    try:
        _, matrix = cv2.findTransformECC(template, picture, matrix, cv2.MOTION_AFFINE, criteria, counts, 3)
    except cv2.error:  # it does not converge
        return pose
    return then(CORNER, matrix, MIDDLE)
