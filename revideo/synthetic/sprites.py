"""A small scene drawn from formulas: soft panning backgrounds, and vivid sprites on smooth paths.

Sizes and speeds are in pixels, whatever the frame: a smaller frame shows less of the same scene.
Backgrounds are nearly grey and vary over three latent cells or more, sprites have one strong hue each and are
as wide as three cells: a small autoencoder can keep both, and a sprite can be found by its colour.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cached_property

import numpy as np

SHAPES = ("disc", "square", "hexagon", "flower", "triangle", "cross")
PATTERNS = ("solid", "half", "core", "band")


@dataclass(frozen=True)
class Background:
    """A few soft waves over a tinted grey; it pans with a constant velocity."""

    base: np.ndarray  # (3,) RGB
    colours: np.ndarray  # (K, 3) of each wave
    waves: np.ndarray  # (K, 2) radians per pixel, x, y
    phases: np.ndarray  # (K,)
    velocity_px: np.ndarray  # (2,) x, y per frame

    def draw(self, frames: int, height: int, width: int) -> np.ndarray:  # (T, 3, H, W) in [0, 1]
        """`frames` frames, the first at the waves' own phases."""
        x = self.waves[:, :1] * (np.arange(width, dtype=np.float32) + 0.5)  # (K, W)
        y = self.waves[:, 1:] * (np.arange(height, dtype=np.float32) + 0.5)  # (K, H)
        moved = self.phases - np.outer(np.arange(frames, dtype=np.float32), self.waves @ self.velocity_px)  # (T, K)
        rows = moved[:, :, None] + y  # (T, K, H)
        # cos(x + row) = cos x · cos row − sin x · sin row: one product of matrices draws all waves.
        left = np.concatenate([np.cos(rows), -np.sin(rows)], 1)  # (T, 2K, H)
        colours = np.concatenate([self.colours, self.colours])  # (2K, 3)
        left = (left[:, None] * colours.T[:, :, None]).transpose(0, 1, 3, 2)  # (T, 3, H, 2K)
        right = np.concatenate([np.cos(x), np.sin(x)])  # (2K, W)
        return (left @ right + self.base[:, None, None]).clip(0, 1).astype(np.float32)


def draw_background(random: np.random.Generator, shortest_wave_px: float, pans: float) -> Background:
    """`pans`: the fraction of backgrounds that move."""
    count = int(random.integers(3, 6))
    direction = random.uniform(0, 2 * np.pi, count)
    length_px = np.exp(random.uniform(np.log(shortest_wave_px), np.log(4 * shortest_wave_px), count))
    grey = random.uniform(0.35, 0.7)
    strength = random.uniform(0.03, 0.09, (count, 1))
    velocity = random.uniform(-2, 2, 2) * (random.uniform() < pans)
    return Background(
        base=(grey + random.uniform(-0.04, 0.04, 3)).astype(np.float32),
        colours=(strength * (1 + random.uniform(-0.25, 0.25, (count, 3)))).astype(np.float32),
        waves=(2 * np.pi / length_px[:, None] * np.stack([np.cos(direction), np.sin(direction)], 1)).astype(np.float32),
        phases=random.uniform(0, 2 * np.pi, count).astype(np.float32),
        velocity_px=velocity.astype(np.float32),
    )


@dataclass(frozen=True)
class Appearance:
    """What a sprite is, apart from where it is."""

    shape: str
    pattern: str
    hue: float  # of 1
    colours: np.ndarray  # (2, 3) RGB: the two tones, both of this hue
    radius_px: float  # of a disc of the same area
    turn: float  # radians

    @cached_property
    def reach_px(self) -> float:
        """From the centre to the outermost pixel."""
        return self.radius_px * {"square": 1.26, "triangle": 1.56, "cross": 1.3, "flower": 1.2}.get(self.shape, 1.1) + 1

    def cover(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How much of each pixel it covers, 0 to 1; x, y in pixels from its centre."""
        x, y = self._turned(x, y)
        distance, angle = np.hypot(x, y), np.arctan2(y, x)
        if self.shape == "disc":
            edge = self.radius_px
        elif self.shape == "flower":
            edge = self.radius_px * (0.99 + 0.17 * np.cos(5 * angle))
        elif self.shape == "cross":
            arm = 0.48 * self.radius_px
            outside = np.minimum(
                np.maximum(abs(x) - arm, abs(y) - 2.5 * arm), np.maximum(abs(y) - arm, abs(x) - 2.5 * arm)
            )
            return (0.5 - outside).clip(0, 1)
        else:
            sides = {"triangle": 3, "square": 4, "hexagon": 6}[self.shape]
            step = 2 * np.pi / sides
            inner = self.radius_px * np.sqrt(np.pi / (sides * np.tan(np.pi / sides)))  # of the same area
            return (0.5 + inner - distance * np.cos(angle % step - step / 2)).clip(0, 1)
        return (0.5 + edge - distance).clip(0, 1)

    def paint(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:  # (…, 3)
        """Its colour at each pixel."""
        x, y = self._turned(x, y)
        if self.pattern == "half":
            weight: np.ndarray = 0.5 + y
        elif self.pattern == "core":
            weight = 0.5 + 0.6 * self.radius_px - np.hypot(x, y)
        elif self.pattern == "band":
            weight = 0.5 + 0.35 * self.radius_px - abs(y)
        else:
            weight = np.zeros_like(x)
        weight = weight.clip(0, 1)[..., None]
        return self.colours[0] * (1 - weight) + self.colours[1] * weight

    def _turned(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cosine, sine = np.float32(np.cos(self.turn)), np.float32(np.sin(self.turn))
        return cosine * x + sine * y, cosine * y - sine * x


def draw_appearance(random: np.random.Generator, hue: float, radius_px: float) -> Appearance:
    """Of a random shape and pattern, in two tones of `hue` (of 1)."""
    bright = np.array(colorsys.hsv_to_rgb(hue % 1, random.uniform(0.8, 1), random.uniform(0.8, 1)))
    other = bright * 0.5 if random.uniform() < 0.5 else 0.5 + 0.5 * bright  # a shade or a tint: the hue stays
    tones = [bright, other] if random.uniform() < 0.5 else [other, bright]
    return Appearance(
        shape=str(random.choice(SHAPES)),
        pattern=str(random.choice(PATTERNS)),
        hue=hue % 1,
        colours=np.stack(tones).astype(np.float32),
        radius_px=radius_px,
        turn=random.uniform(0, 2 * np.pi),
    )


@dataclass(frozen=True)
class Sprite:
    """An appearance and where it is on each frame."""

    appearance: Appearance
    path_px: np.ndarray  # (T, 2) x, y of its centre; the middle of the first pixel is at 0.5


def draw_paths(
    random: np.random.Generator,
    count: int,
    frames: int,
    low_px: np.ndarray,  # (2,) x, y: the box that centres stay in
    high_px: np.ndarray,
    speed_px: tuple[float, float],  # per frame, slowest and fastest mean
    start_px: np.ndarray | None = None,
) -> np.ndarray:  # (count, T, 2)
    """Gentle curves with a gentle change of speed."""
    anywhere: np.ndarray = random.uniform(low_px, high_px, (count, 2))
    start = anywhere if start_px is None else np.broadcast_to(start_px, (count, 2))
    angle = random.uniform(0, 2 * np.pi, count)
    length = random.uniform(*speed_px, count) * (frames - 1)
    way = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    # Where a way would leave the box it is mirrored, and cut if that leaves it too.
    mirrored = np.where((start + way < low_px) | (start + way > high_px), -way, way)
    end = (start + mirrored).clip(low_px, high_px)
    bend = random.uniform(-0.35, 0.35, (count, 1)) * (end - start)[:, ::-1] * np.array([-1, 1])
    middle = ((start + end) / 2 + bend).clip(low_px, high_px)
    time: np.ndarray = np.linspace(0, 1, frames)
    time = time + random.uniform(-0.5, 0.5, (count, 1)) * np.sin(2 * np.pi * time) / (2 * np.pi)
    time = time[..., None]
    path = (1 - time) ** 2 * start[:, None] + 2 * time * (1 - time) * middle[:, None] + time**2 * end[:, None]
    return path.astype(np.float32)


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


def draw_sprites(background: np.ndarray, sprites: list[Sprite]) -> tuple[np.ndarray, np.ndarray]:
    """Sprites over frames (T, 3, H, W), the last on top → frames, and what is seen of each (S, T, H, W) bool."""
    frames, _, height, width = background.shape
    video = background.copy()
    masks = np.zeros((len(sprites), frames, height, width), bool)
    for number, sprite in enumerate(sprites):
        reach = int(np.ceil(sprite.appearance.reach_px)) + 1
        corner = np.floor(sprite.path_px).astype(int) - reach  # (T, 2)
        offsets = np.arange(2 * reach + 1, dtype=np.float32) + 0.5
        x = (corner[:, :1] + offsets - sprite.path_px[:, :1])[:, None, :]  # (T, 1, P)
        y = (corner[:, 1:] + offsets - sprite.path_px[:, 1:])[:, :, None]  # (T, P, 1)
        x, y = np.broadcast_arrays(x, y)
        cover, paint = sprite.appearance.cover(x, y), sprite.appearance.paint(x, y)
        for frame, (left, top) in enumerate(corner):
            rows = slice(max(top, 0), max(min(top + 2 * reach + 1, height), 0))
            columns = slice(max(left, 0), max(min(left + 2 * reach + 1, width), 0))
            inner = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
            alpha = cover[frame][inner]
            below = video[frame, :, rows, columns]
            below += alpha * (paint[frame][inner].transpose(2, 0, 1) - below)
            seen = alpha > 0.5
            masks[:number, frame, rows, columns] &= ~seen
            masks[number, frame, rows, columns] = seen
    return video, masks
