"""How things go: smooth paths within a box of the frame, wavy ones, ways to and fro; and how they turn and grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WAYS = ("straight", "wavy", "to and fro")


@dataclass(frozen=True)
class Pose:
    """Of a thing on each of T frames."""

    path_px: np.ndarray  # (T, 2) x, y of its centre
    turn: np.ndarray  # (T,) radians, clockwise
    scale: np.ndarray  # (T,) 1: its own size

    @classmethod
    def along(cls, path_px: np.ndarray) -> Pose:
        """That of a thing which neither turns nor grows."""
        return cls(path_px, np.zeros(len(path_px), np.float32), np.ones(len(path_px), np.float32))


def draw_paths(
    random: np.random.Generator,
    count: int,
    frames: int,
    low_px: np.ndarray,  # (2,) x, y: the box that centres stay in
    high_px: np.ndarray,
    speed_px: tuple[float, float],  # per frame, slowest and fastest mean
    start_px: np.ndarray | None = None,
    way: str = "straight",
) -> np.ndarray:  # (count, T, 2)
    """Gentle curves with a gentle change of speed; "wavy": about such a curve; "to and fro": along it and back."""
    anywhere: np.ndarray = random.uniform(low_px, high_px, (count, 2))
    start = anywhere if start_px is None else np.broadcast_to(start_px, (count, 2))
    angle = random.uniform(0, 2 * np.pi, count)
    turns = 2 if way == "to and fro" else 1  # what returns has half the way to the farthest point
    length = random.uniform(*speed_px, count) * (frames - 1) / turns
    path = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    # Where a way would leave the box it is mirrored, and cut if that leaves it too.
    mirrored = np.where((start + path < low_px) | (start + path > high_px), -path, path)
    end = (start + mirrored).clip(low_px, high_px)
    across = (end - start)[:, ::-1] * np.array([-1, 1])
    middle = ((start + end) / 2 + random.uniform(-0.35, 0.35, (count, 1)) * across).clip(low_px, high_px)
    time: np.ndarray = np.linspace(0, 1, frames)
    if way == "to and fro":
        time = np.broadcast_to((1 - np.cos(2 * np.pi * time)) / 2, (count, frames))
    else:
        time = time + random.uniform(-0.5, 0.5, (count, 1)) * np.sin(2 * np.pi * time) / (2 * np.pi)
    time = time[..., None]
    curve = (1 - time) ** 2 * start[:, None] + 2 * time * (1 - time) * middle[:, None] + time**2 * end[:, None]
    if way == "wavy":
        curve = (curve + _waves(random, across, frames)).clip(low_px, high_px)  # inside the box as its curve is
    return curve.astype(np.float32)


def _waves(random: np.random.Generator, across_px: np.ndarray, frames: int) -> np.ndarray:  # (count, T, 2)
    """To the sides of ways, as high as a tenth to a sixth of the way is long; `across_px` (count, 2): ways turned."""
    count = len(across_px)
    wave = np.sin(2 * np.pi * random.uniform(1, 2, (count, 1)) * np.linspace(0, 1, frames))[..., None]
    unit = across_px / np.linalg.norm(across_px, axis=1, keepdims=True).clip(1e-6)
    height = random.uniform(0.1, 0.17, (count, 1)) * np.linalg.norm(across_px, axis=1, keepdims=True)
    return wave * (height * unit)[:, None]


def draw_velocity(
    random: np.random.Generator, speed_px: tuple[float, float], sideways: bool = False
) -> np.ndarray:  # (2,) x, y per frame
    """Any way, or left or right, at a speed between the two."""
    angle = np.pi * random.integers(2) if sideways else random.uniform(0, 2 * np.pi)
    return random.uniform(*speed_px) * np.array([np.cos(angle), np.sin(angle)])


def draw_drift(
    random: np.random.Generator,
    count: int,
    frames: int,
    low_px: np.ndarray,  # (2,) x, y: the box that centres stay in
    high_px: np.ndarray,
    velocity_px: np.ndarray,  # (2,) x, y per frame
) -> np.ndarray:  # (count, T, 2)
    """Straight paths of that velocity, within the box as far as it is long."""
    way = velocity_px * (frames - 1)
    first, last = low_px - np.minimum(way, 0), high_px - np.maximum(way, 0)
    start = random.uniform(np.minimum(first, last), np.maximum(first, last), (count, 2))
    path = start[:, None] + np.arange(frames)[:, None] * velocity_px
    return path.astype(np.float32)


def draw_reversal(random: np.random.Generator, drift_px: np.ndarray, way: str = "straight") -> np.ndarray:
    """A straight path (T, 2) → one from the same start the other way, "straight" or "wavy" about that."""
    back = 2 * drift_px[:1] - drift_px
    if way == "wavy":
        across = (back[-1:] - back[:1])[:, ::-1] * np.array([-1, 1])
        back = back + _waves(random, across, len(back))[0]
    return back.astype(np.float32)


def draw_roaming_path(
    random: np.random.Generator,
    frames: int,
    low_px: np.ndarray,  # (2,) x, y: the box that the centre stays in
    high_px: np.ndarray,
    speed_px: tuple[float, float],  # per frame, slowest and fastest (root mean square)
    start_px: np.ndarray | None = None,
) -> np.ndarray:  # (T, 2)
    """To and fro along both axes, in periods that never meet: for any number of frames."""
    middle, half = (low_px + high_px) / 2, (high_px - low_px) / 2
    phase = random.uniform(0, 2 * np.pi, 2)
    if start_px is not None:
        phase = np.arcsin(((start_px - middle) / half).clip(-1, 1))
        phase = np.where(random.uniform(size=2) < 0.5, np.pi - phase, phase)
    ratio = random.permutation([1, random.uniform(0.6, 0.9)])
    pace = ratio * random.uniform(*speed_px) * np.sqrt(2) / np.linalg.norm(ratio * half)
    path: np.ndarray = middle + half * np.sin(phase + np.outer(np.arange(frames), pace))
    return path.astype(np.float32)


def draw_pose(random: np.random.Generator, path_px: np.ndarray, changes: bool) -> Pose:
    """Along the path; what `changes` turns by up to a right angle, and grows or shrinks by up to a third."""
    if not changes:
        return Pose.along(path_px)
    eased = (1 - np.cos(np.pi * np.linspace(0, 1, len(path_px)))) / 2
    turn = random.uniform(-0.5, 0.5) * np.pi * eased
    scale = (1 - random.uniform(0, 0.3)) ** (eased if random.uniform() < 0.5 else 1 - eased)
    return Pose(path_px, turn.astype(np.float32), scale.astype(np.float32))
