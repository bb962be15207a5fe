"""Synthetic clips whose every pixel is accounted for: tracks, masks, and how each thing goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..tracks.trajectories import Trajectories
from ..video.io import write_video
from .motion import WAYS, Pose, draw_drift, draw_paths, draw_pose, draw_velocity
from .scenes import Appearance, Background, Scene, Sprite, draw_appearance, draw_background, draw_scenes
from .shapes import SHAPES

CANDIDATES = 16  # paths per sprite, of which the first that meets nobody is taken
ATTEMPTS = 1000  # scenes, before one is given up
CROSSING = 1  # keeps the scenes of `make_crossing` apart from those of the same seeds
# In frames of this height and above, smaller in lower ones: what the built-in weights were trained on.
HOME_HEIGHT_PX = 128
DIAMETER_PX = (30.0, 42.0)  # of the circle that holds a thing: four to five latent cells
WAVE_PX = 28.0  # from crest to crest of a ground's shortest wave
POINT_REACH = 0.3  # of a thing's reach, beyond which a thin one has no point


@dataclass(frozen=True)
class SyntheticClip:
    """T frames with S sprites."""

    video: Tensor  # (T, 3, H, W) in [0, 1]
    trajectories: Trajectories  # `points` per sprite, sprite by sprite; the first is its centre
    masks: Tensor  # (S, T, H, W) bool: what is seen of each sprite
    background: Background
    sprites: Sequence[Sprite]


@dataclass(frozen=True)
class PlannedClip:
    """A clip by its numbers, in main memory, to be drawn."""

    scene: Scene
    trajectories: Trajectories  # `points` per sprite, sprite by sprite; the first is its centre

    def boxes_px(self) -> np.ndarray:  # (S, T, 4) left, top, right, bottom
        """What holds each sprite on each frame."""
        frames = self.trajectories.num_frames
        paths = np.array([sprite.path_px for sprite in self.scene.sprites]).reshape(-1, frames, 2)
        reaches = np.array([sprite.reach_px for sprite in self.scene.sprites]).reshape(-1, frames, 1)
        return np.concatenate([paths - reaches, paths + reaches], -1)


def make_clip(seed: int, *, frames: int, height: int, width: int, **options: Any) -> SyntheticClip:
    """The same seed gives the same clip; `options` as of `plan_clip`."""
    return draw_clips([plan_clip(seed, frames=frames, height=height, width=width, **options)], height, width)[0]


def plan_clip(
    seed: int,
    *,
    frames: int,
    height: int,
    width: int,
    sprites: tuple[int, int] = (1, 3),
    diameter_px: tuple[float, float] | None = None,
    speed_px: tuple[float, float] | None = None,
    points: int | tuple[int, int] = 3,
    shortest_wave_px: float | None = None,
    pans: float = 0.5,
    coloured: float = 0.0,
    textured: float = 0.0,
    ways: tuple[float, ...] = (1.0, 0.0, 0.0),
    changing: float = 0.0,
    coupled: float = 0.0,
    columns: float = 0.0,
    shapes: Sequence[str] = SHAPES,
) -> PlannedClip:
    """The numbers of a clip, nothing drawn; pairs are least and most, sizes left out go with the frame (`home_px`).

    Fractions: of grounds that move (`pans`), that have a colour; of sprites that are `textured`, that go each of the
    `WAYS`, that turn and grow on the way (`changing`); of clips whose sprites all go as the ground pans (`coupled`);
    of these, whose go left or right, one above the other: where one is tells where all are (`columns`).
    """
    random = np.random.default_rng(seed)
    diameters = diameter_px or home_px(height, DIAMETER_PX)
    speeds = speed_px or home_px(height, (0.5, 5.0))
    wave_px = shortest_wave_px or WAVE_PX * home_scale(height)
    hues = distant_hues(random, int(random.integers(sprites[0], sprites[1] + 1)) + 1)
    background = draw_background(random, wave_px, pans, coloured, hues[-1])
    least, most = (points, points) if isinstance(points, int) else points
    velocity, column = None, False
    if random.uniform() < coupled:
        column = columns > 0 and random.uniform() < columns
        velocity = draw_velocity(random, speeds, sideways=column)
        background = replace(background, velocity_px=velocity.astype(np.float32))
    placed: list[Sprite] = []
    for hue in hues[:-1]:
        appearance = draw_appearance(random, hue, random.uniform(*diameters) / 2, textured, shapes)
        low, high = centre_box(appearance, height, width)
        way = str(random.choice(WAYS, p=ways))
        paths = (
            draw_paths(random, CANDIDATES, frames, low, high, speeds, way=way)
            if velocity is None
            else draw_drift(random, CANDIDATES, frames, low, high, velocity)
        )
        if column and placed:
            paths[..., 0] = placed[0].path_px[:, 0]
        room = room_beside(paths, appearance, placed)
        if room.max() > 0 or not placed:
            path = paths[int((room > 0).argmax()) if room.max() > 0 else 0]
            placed.append(Sprite(appearance, draw_pose(random, path, random.uniform() < changing)))
    count = int(random.integers(least, most + 1))
    return PlannedClip(Scene(background, placed), _tracks(random, placed, frames, count, (width, height)))


def make_crossing(
    seed: int,
    *,
    frames: int,
    height: int,
    width: int,
    diameter_px: tuple[float, float] = (24.0, 34.0),
    speed_px: tuple[float, float] = (1.0, 5.0),
    points: int = 8,
    shortest_wave_px: float = 28.0,
    pans: float = 0.5,
) -> SyntheticClip:
    """Two sprites of which the second passes over the first, and both are seen whole at the start and at the end."""
    random = np.random.default_rng([seed, CROSSING])
    background = draw_background(random, shortest_wave_px, pans, 0.0, 0.0)
    for _ in range(ATTEMPTS):
        hues = distant_hues(random, 2)
        lower, upper = (draw_appearance(random, hue, random.uniform(*diameter_px) / 2) for hue in hues)
        (low, high), (low_above, high_above) = (centre_box(each, height, width) for each in (lower, upper))
        below = draw_paths(random, 1, frames, low, high, speed_px)
        paths = draw_paths(random, CANDIDATES, frames, low_above, high_above, speed_px)
        met = int(random.integers(frames // 3, frames - frames // 3))
        paths += below[:, met : met + 1] - paths[:, met : met + 1]
        whole = ((paths >= low_above) & (paths <= high_above)).all((1, 2))
        clear = np.linalg.norm(paths - below, axis=-1)[:, [0, -1]].min(1) > lower.reach_px + upper.reach_px
        if (whole & clear).any():
            break
    else:
        raise ValueError(f"no room for two sprites to pass each other in {width}×{height} pixels")
    above = paths[int((whole & clear).argmax())]
    placed = [Sprite(lower, Pose.along(below[0])), Sprite(upper, Pose.along(above))]
    plan = PlannedClip(Scene(background, placed), _tracks(random, placed, frames, points, (width, height)))
    return draw_clips([plan], height, width)[0]


def draw_clips(
    plans: Sequence[PlannedClip], height: int, width: int, device: torch.device | str = "cpu"
) -> list[SyntheticClip]:
    """Plans of equally many frames, drawn in one batch: frames and masks on the device, tracks in main memory."""
    video, masks = draw_scenes([plan.scene for plan in plans], plans[0].trajectories.num_frames, height, width, device)
    return [
        SyntheticClip(frames, plan.trajectories, seen[: len(plan.scene.sprites)], *vars(plan.scene).values())
        for plan, frames, seen in zip(plans, video, masks)
    ]


def write_clips(folder: str | Path, seeds: Iterable[int], *, fps: int = 6, **options: Any) -> list[Path]:
    """Clips as `<seed>.mp4`, to be read and tracked like anyone's; `options` as of `make_clip`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for seed in seeds:
        files.append(folder / f"{seed:08d}.mp4")
        write_video(files[-1], make_clip(seed, **options).video, fps)
    return files


def home_scale(height: int) -> float:
    """1 in frames of `HOME_HEIGHT_PX` and above: lower ones show everything smaller."""
    return min(height / HOME_HEIGHT_PX, 1)


def home_px(height: int, sizes_px: tuple[float, float]) -> tuple[float, float]:
    """Two sizes of the home frames, in frames of that height."""
    return sizes_px[0] * home_scale(height), sizes_px[1] * home_scale(height)


def distant_hues(random: np.random.Generator, count: int) -> np.ndarray:
    """Evenly round the circle with some play, in random order: no two of a scene are alike."""
    hues = (np.arange(count) + random.uniform(-0.2, 0.2, count)) / count + random.uniform()
    return random.permutation(hues % 1)


def centre_box(appearance: Appearance, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest x, y of a centre whose sprite stays in the frame."""
    middle, side = np.array([width, height]) / 2, np.array([width, height])
    low = np.minimum(appearance.reach_px + 1, middle - 0.5)
    return low, side - low


def room_beside(paths: np.ndarray, appearance: Appearance, placed: Sequence[Sprite]) -> np.ndarray:  # (N,)
    """Pixels between each of the paths (N, T, 2) and the nearest sprite that is there already."""
    room = np.full(len(paths), np.inf)
    for other in placed:
        between = np.linalg.norm(paths - other.path_px, axis=-1).min(1)
        room = np.minimum(room, between - appearance.reach_px - other.appearance.reach_px)
    return room


def _tracks(
    random: np.random.Generator, sprites: Sequence[Sprite], frames: int, points: int, size: tuple[int, int]
) -> Trajectories:
    """The centre of each sprite and `points` − 1 more on it; hidden behind others and outside the frame."""
    offsets = random.uniform(-1, 1, (len(sprites), points, 2)) * POINT_REACH
    offsets[:, :1] = 0
    tracks = np.zeros((len(sprites), points, frames, 2), np.float32)
    for track, sprite, offset in zip(tracks, sprites, offsets):
        pose = sprite.pose
        (x, y), cosine, sine = offset.T[..., None], np.cos(pose.turn), np.sin(pose.turn)
        turned = np.stack([x * cosine - y * sine, x * sine + y * cosine], -1)
        track[:] = pose.path_px + turned * (sprite.appearance.reach_px * pose.scale)[:, None]
    visible = np.array(((tracks >= 0) & (tracks < size)).all(-1))
    for number, track in enumerate(tracks):
        visible[number] &= sprites[number].covers(track)
        for above in sprites[number + 1 :]:
            visible[number] &= ~above.covers(track)
    return Trajectories(torch.from_numpy(tracks.reshape(-1, frames, 2)), torch.from_numpy(visible.reshape(-1, frames)))
