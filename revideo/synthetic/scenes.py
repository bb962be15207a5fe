"""Scenes by numbers, and frames drawn from them: the same picture from the same numbers on every device, to rounding.

Sizes and speeds are in pixels, whatever the frame: a smaller frame shows less of the same scene. Grounds are soft,
mostly nearly grey, and vary over several latent cells; things are vivid, of one hue each, and eight cells wide:
a small autoencoder can keep both, and a thing can be found by its colour.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .motion import Pose
from .shapes import EXTENT, FLAT, PATTERNS, SHAPES, SIDE, TEXTURED, patterns, silhouettes

TURN = 0.35  # radians to each side, at most, that a thing leans: it stays nameable
MOST_WAVES = 5  # of a ground, at most
SATURATION = 0.2, 0.6  # of a coloured ground


@dataclass(frozen=True)
class Background:
    """A few soft waves over a colour; it pans with a constant velocity."""

    base: np.ndarray  # (3,) RGB
    colours: np.ndarray  # (K, 3) of each wave
    waves: np.ndarray  # (K, 2) radians per pixel, x, y
    phases: np.ndarray  # (K,)
    velocity_px: np.ndarray  # (2,) x, y per frame


@dataclass(frozen=True)
class Appearance:
    """What a sprite is, apart from where it is."""

    shape: str
    pattern: str
    hue: float  # of 1
    colours: np.ndarray  # (2, 3) RGB: the two tones, both of this hue
    reach_px: float  # from the centre to the outermost point
    turn: float  # radians, clockwise


@dataclass(frozen=True)
class Sprite:
    """An appearance, and where it is on each frame."""

    appearance: Appearance
    pose: Pose

    @property
    def path_px(self) -> np.ndarray:  # (T, 2)
        """x, y of its centre on each frame; the middle of the first pixel is at 0.5."""
        return self.pose.path_px

    @property
    def reach_px(self) -> np.ndarray:  # (T,)
        """From its centre to its outermost point."""
        return self.appearance.reach_px * self.pose.scale

    def into_field(self) -> np.ndarray:  # (T, 2, 3)
        """From pixels (x, y, 1) into the square of [-1, 1] that its shape's field fills: turned back, in reaches."""
        turn = self.appearance.turn + self.pose.turn
        back = np.stack([np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn)], -1).reshape(-1, 2, 2)
        matrix = np.concatenate([back, -back @ self.path_px[..., None]], -1)
        return matrix / (self.reach_px * EXTENT)[:, None, None]

    def covers(self, points_px: np.ndarray) -> np.ndarray:  # (N, T) bool
        """Whether points (N, T, 2) lie on it, each on its own frame."""
        matrix = self.into_field()
        places = np.einsum("tij,ntj->nti", matrix[..., :2], points_px) + matrix[..., 2]
        samples = ((places + 1) / 2 * SIDE).astype(int)
        inside = ((places > -1) & (places < 1)).all(-1)
        x, y = samples.clip(0, SIDE - 1).transpose(2, 0, 1)
        field = silhouettes()[SHAPES.index(self.appearance.shape)].numpy()
        return inside & (field[y, x] > 0)


@dataclass(frozen=True)
class Scene:
    """A ground and the sprites over it, the last on top."""

    background: Background
    sprites: Sequence[Sprite]


def draw_background(
    random: np.random.Generator,
    shortest_wave_px: float,
    pans: float,
    coloured: float,
    hue: float,
    saturation: tuple[float, float] = SATURATION,
) -> Background:
    """`pans`, `coloured`: the fractions of grounds that move, and that have a colour, of `hue`, and not nearly grey."""
    count = int(random.integers(3, MOST_WAVES + 1))
    direction = random.uniform(0, 2 * np.pi, count)
    length_px = np.exp(random.uniform(np.log(shortest_wave_px), np.log(4 * shortest_wave_px), count))
    grey = random.uniform(0.35, 0.7)
    base = grey + random.uniform(-0.04, 0.04, 3)
    strength = random.uniform(0.03, 0.09, (count, 1))
    velocity = random.uniform(-4, 4, 2) * (random.uniform() < pans)
    if random.uniform() < coloured:
        base = grey * np.array(colorsys.hsv_to_rgb(hue % 1, random.uniform(*saturation), 1.2))
    return Background(
        base=base.astype(np.float32),
        colours=(strength * (1 + random.uniform(-0.25, 0.25, (count, 3)))).astype(np.float32),
        waves=(2 * np.pi / length_px[:, None] * np.stack([np.cos(direction), np.sin(direction)], 1)).astype(np.float32),
        phases=random.uniform(0, 2 * np.pi, count).astype(np.float32),
        velocity_px=velocity.astype(np.float32),
    )


def draw_appearance(
    random: np.random.Generator,
    hue: float,  # of 1
    reach_px: float,
    textured: float = 0.0,  # the fraction that is of more than two pieces
    shapes: Sequence[str] = SHAPES,
    flat: Sequence[str] = FLAT,  # patterns of the others
) -> Appearance:
    """Of a random shape and pattern, in two tones of its hue."""
    bright = np.array(colorsys.hsv_to_rgb(hue % 1, random.uniform(0.8, 1), random.uniform(0.8, 1)))
    other = bright * 0.5 if random.uniform() < 0.5 else 0.5 + 0.5 * bright  # a shade or a tint: the hue stays
    tones = [bright, other] if random.uniform() < 0.5 else [other, bright]
    return Appearance(
        shape=str(random.choice(shapes)),
        pattern=str(random.choice(TEXTURED if random.uniform() < textured else flat)),
        hue=hue % 1,
        colours=np.stack(tones).astype(np.float32),
        reach_px=reach_px,
        turn=random.uniform(-TURN, TURN),
    )


# --- Drawing -------------------------------------------------------------------------------


@torch.no_grad()
def draw_scenes(
    scenes: Sequence[Scene], frames: int, height: int, width: int, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """B scenes of S sprites at most → frames (B, T, 3, H, W) in [0, 1], what is seen of each (B, S, T, H, W) bool."""
    video = _draw_grounds([scene.background for scene in scenes], frames, height, width, device)
    count = max((len(scene.sprites) for scene in scenes), default=0)
    masks = torch.zeros(len(scenes), count, frames, height, width, dtype=torch.bool, device=device)
    for number in range(count):
        drawn = [at for at, scene in enumerate(scenes) if number < len(scene.sprites)]
        cover, colours = _draw_sprites([scenes[at].sprites[number] for at in drawn], height, width, device)
        seen = cover[:, :, 0] > 0.5
        if len(drawn) == len(scenes):
            video = torch.lerp(video, colours, cover)
            masks[:, :number] &= ~seen[:, None]
            masks[:, number] = seen
        else:
            video[drawn] = torch.lerp(video[drawn], colours, cover)
            masks[drawn, :number] &= ~seen[:, None]
            masks[drawn, number] = seen
    return video, masks


def _draw_grounds(
    grounds: Sequence[Background], frames: int, height: int, width: int, device: torch.device | str
) -> Tensor:  # (B, T, 3, H, W)
    """cos(x + row) = cos x · cos row − sin x · sin row: one product of matrices draws all waves."""
    waves, phases, colours = (np.zeros((len(grounds), MOST_WAVES, *last), np.float32) for last in ((2,), (), (3,)))
    for at, ground in enumerate(grounds):
        count = len(ground.phases)
        waves[at, :count], phases[at, :count], colours[at, :count] = ground.waves, ground.phases, ground.colours
    velocity = np.stack([ground.velocity_px for ground in grounds])
    moved = phases[:, None] - np.arange(frames)[:, None] * np.einsum("bkd,bd->bk", waves, velocity)[:, None]
    wave, phase, colour, base = (
        torch.from_numpy(np.asarray(values, np.float32)).to(device)
        for values in (waves, moved, colours, np.stack([ground.base for ground in grounds]))
    )
    x = wave[..., :1] * (torch.arange(width, device=device) + 0.5)  # (B, K, W)
    y = phase[..., None] + wave[:, None, :, 1:] * (torch.arange(height, device=device) + 0.5)  # (B, T, K, H)
    left = torch.cat([y.cos(), -y.sin()], 2)[:, :, None] * colour.mT.repeat(1, 1, 2)[:, None, ..., None]
    right = torch.cat([x.cos(), x.sin()], 1)[:, None, None]  # (B, 1, 1, 2K, W)
    return (left.mT @ right + base[:, None, :, None, None]).clamp(0, 1)


def _draw_sprites(
    sprites: Sequence[Sprite], height: int, width: int, device: torch.device | str
) -> tuple[Tensor, Tensor]:
    """One sprite of each clip → how much of each pixel it covers (B, T, 1, H, W), and its colours (B, T, 3, H, W)."""
    appearances = [sprite.appearance for sprite in sprites]
    matrix = np.stack([sprite.into_field() for sprite in sprites])
    reach = np.stack([sprite.reach_px for sprite in sprites])
    fields = torch.stack(
        [
            torch.stack([silhouettes()[SHAPES.index(appearance.shape)], patterns()[PATTERNS.index(appearance.pattern)]])
            for appearance in appearances
        ]
    ).to(device)
    along_x, along_y, shift = torch.from_numpy(matrix.astype(np.float32)).to(device).unbind(-1)  # (B, T, 2) each
    x = (torch.arange(width, device=device) + 0.5)[None, :, None]
    y = (torch.arange(height, device=device) + 0.5)[:, None, None]
    grid = along_x[:, :, None, None] * x + along_y[:, :, None, None] * y + shift[:, :, None, None]  # (B, T, H, W, 2)
    # All frames of a clip read one field: (B, 2, side, side) at (B, T·H, W).
    found = F.grid_sample(fields, grid.flatten(1, 2), padding_mode="border", align_corners=False)
    edge = torch.from_numpy(reach.astype(np.float32)).to(device)[:, :, None, None, None]
    inside, second = (found.unflatten(2, (-1, height)).transpose(1, 2) * edge + 0.5).clamp(0, 1).split(1, 2)
    one, two = torch.from_numpy(np.stack([appearance.colours for appearance in appearances])).to(device).unbind(1)
    return inside, torch.lerp(one[:, None, :, None, None], two[:, None, :, None, None], second)
