"""Synthetic clips and edits whose truth is known: tracks, masks, and the video that an edit should give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..edit import Edit
from ..tracks.trajectories import Trajectories
from ..video.io import write_video
from .sprites import (
    Appearance,
    Background,
    Sprite,
    draw_appearance,
    draw_background,
    draw_paths,
    draw_roaming_path,
    draw_sprites,
)

EDIT_KINDS = ("content", "motion", "both")  # what an edit changes of a sprite
CANDIDATES = 16  # paths per sprite, of which the first that meets nobody is taken
ATTEMPTS = 1000  # scenes, before an edit is given up: two areas need luck
CROSSING = 1  # keeps the scenes of `make_crossing` apart from those of the same seeds
AREA_MARGIN_PX = 4.0  # between a sprite and the border of its area


@dataclass(frozen=True)
class SyntheticClip:
    """T frames with S sprites whose every pixel is accounted for."""

    video: Tensor  # (T, 3, H, W) in [0, 1]
    trajectories: Trajectories  # `points` per sprite, sprite by sprite; the first is its centre
    masks: Tensor  # (S, T, H, W) bool: what is seen of each sprite
    background: Background
    sprites: list[Sprite]


@dataclass(frozen=True)
class SyntheticEdit:
    """An edit of a clip, and the one right answer to it."""

    kind: str
    source: Tensor  # (T, 3, H, W) in [0, 1]
    edit: Edit  # one path per area: the centre of the sprite in it
    target: Tensor  # (T, 3, H, W): equals the source outside the areas
    areas: Tensor  # (A, H, W): their union is the edit's mask
    appearances: list[Appearance]  # of the edited sprites, (A,)
    masks: Tensor  # (A, T, H, W) bool: where each edited sprite is in the target

    @property
    def centres_px(self) -> Tensor:  # (A, T, 2) x, y
        """The requested path of each edited sprite's centre."""
        return self.edit.trajectories.points_px


def make_clip(
    seed: int,
    *,
    frames: int,
    height: int,
    width: int,
    sprites: tuple[int, int] = (1, 4),
    diameter_px: tuple[float, float] = (24.0, 34.0),
    speed_px: tuple[float, float] = (0.5, 5.0),
    points: int = 3,
    shortest_wave_px: float = 28.0,
    pans: float = 0.5,
) -> SyntheticClip:
    """The same seed gives the same clip. `sprites`: least and most, if they find room."""
    random = np.random.default_rng(seed)
    background = draw_background(random, shortest_wave_px, pans)
    hues = _distant_hues(random, int(random.integers(sprites[0], sprites[1] + 1)))
    placed: list[Sprite] = []
    for hue in hues:
        appearance = draw_appearance(random, hue, random.uniform(*diameter_px) / 2)
        low, high = _box(appearance, height, width)
        paths = draw_paths(random, CANDIDATES, frames, low, high, speed_px)
        room = _room(paths, appearance, placed)
        if room.max() > 0 or not placed:
            placed.append(Sprite(appearance, paths[int((room > 0).argmax()) if room.max() > 0 else 0]))
    video, masks = draw_sprites(background.draw(frames, height, width), placed)
    return SyntheticClip(
        video=torch.from_numpy(video),
        trajectories=_tracks(random, placed, masks, points),
        masks=torch.from_numpy(masks),
        background=background,
        sprites=placed,
    )


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
    background = draw_background(random, shortest_wave_px, pans)
    for _ in range(ATTEMPTS):
        hues = _distant_hues(random, 2)
        lower, upper = (draw_appearance(random, hue, random.uniform(*diameter_px) / 2) for hue in hues)
        (low, high), (low_above, high_above) = (_box(each, height, width) for each in (lower, upper))
        below = draw_paths(random, 1, frames, low, high, speed_px)
        paths = draw_paths(random, CANDIDATES, frames, low_above, high_above, speed_px)
        met = int(random.integers(frames // 3, frames - frames // 3))
        paths += below[:, met : met + 1] - paths[:, met : met + 1]
        inside = ((paths >= low_above) & (paths <= high_above)).all((1, 2))
        clear = np.linalg.norm(paths - below, axis=-1)[:, [0, -1]].min(1) > lower.reach_px + upper.reach_px
        if (inside & clear).any():
            break
    else:
        raise ValueError(f"no room for two sprites to pass each other in {width}×{height} pixels")
    placed = [Sprite(lower, below[0]), Sprite(upper, paths[int((inside & clear).argmax())])]
    video, masks = draw_sprites(background.draw(frames, height, width), placed)
    return SyntheticClip(
        video=torch.from_numpy(video),
        trajectories=_tracks(random, placed, masks, points),
        masks=torch.from_numpy(masks),
        background=background,
        sprites=placed,
    )


def make_edit(
    seed: int,
    kind: str,
    *,
    frames: int,
    height: int,
    width: int,
    areas: int = 1,
    bystanders: int = 1,
    diameter_px: tuple[float, float] = (24.0, 34.0),
    speed_px: tuple[float, float] = (2.5, 5.0),
    shortest_wave_px: float = 28.0,
    pans: float = 0.5,
    roam_px: float | None = None,
) -> SyntheticEdit:
    """An edit of one sprite in each area; `bystanders`: sprites outside, at most. Raises ValueError without room.

    Content: another appearance on the same path. Motion: the same appearance on another path from the
    same place. Both: another appearance on another path. `roam_px`: for long videos, edited sprites
    roam in a box of that side, where they would else go one way as far as the frame lets them.
    """
    if kind not in EDIT_KINDS:
        raise ValueError(f'kind "{kind}" is not one of {", ".join(EDIT_KINDS)}')
    random = np.random.default_rng([seed, EDIT_KINDS.index(kind), areas])
    for _ in range(ATTEMPTS):
        hues = _distant_hues(random, 2 * areas + bystanders)
        before, after = [], []
        for number in range(areas):
            old = new = draw_appearance(random, hues[2 * number], random.uniform(*diameter_px) / 2)
            if kind != "motion":
                new = draw_appearance(random, hues[2 * number + 1], random.uniform(*diameter_px) / 2)
            low, high = _box(max(old, new, key=lambda each: each.reach_px), height, width)
            # Side by side, or two ways would hardly ever keep clear of each other.
            low[0] += width * number / areas + AREA_MARGIN_PX * (number > 0)
            high[0] -= width * (areas - 1 - number) / areas + AREA_MARGIN_PX * (number < areas - 1)
            if (low > high).any():
                raise ValueError(f"no room for {areas} areas in {width}×{height} pixels")
            if roam_px is not None:
                low = random.uniform(low, (high - roam_px).clip(low))
                high = np.minimum(low + roam_px, high)
            way = frames, low, high, speed_px
            path = _way(random, *way, roams=roam_px is not None)
            before.append(Sprite(old, path))
            if kind != "content":
                path = _way(random, *way, roams=roam_px is not None, start_px=path[0])
            after.append(Sprite(new, path))
        boxes = [_rectangle(pair, height, width) for pair in zip(before, after)]
        ways = [np.linalg.norm(sprite.path_px[-1] - sprite.path_px[0]) for sprite in after]
        turned = [np.linalg.norm(a.path_px[-1] - b.path_px[-1]) for a, b in zip(after, before)]
        covered = sum((bottom - top) * (right - left) for top, bottom, left, right in boxes) / (height * width)
        if (
            not _overlap(boxes)
            and covered < 0.6  # something must be left to keep
            and (roam_px is not None or min(ways) > 0.6 * speed_px[0] * (frames - 1))
            and (roam_px is not None or kind == "content" or min(turned) > 0.25 * min(ways))
        ):
            break
    else:
        raise ValueError(f"no room for {areas} areas in {width}×{height} pixels")

    placed = list(before)
    for hue in hues[2 * areas :]:
        appearance = draw_appearance(random, hue, random.uniform(*diameter_px) / 2)
        low, high = _box(appearance, height, width)
        paths = draw_paths(random, CANDIDATES, frames, low, high, speed_px)
        free = (_room(paths, appearance, placed) > 0) & _outside(paths, appearance, boxes)
        if free.any():
            placed.append(Sprite(appearance, paths[int(free.argmax())]))
    scenery = draw_background(random, shortest_wave_px, pans).draw(frames, height, width)
    source, _ = draw_sprites(scenery, placed)
    target, masks = draw_sprites(scenery, [*after, *placed[areas:]])
    inside = torch.zeros(areas, height, width)
    for area, (top, bottom, left, right) in zip(inside, boxes):
        area[top:bottom, left:right] = 1
    centres_px = torch.from_numpy(np.stack([sprite.path_px for sprite in after]))
    return SyntheticEdit(
        kind=kind,
        source=torch.from_numpy(source),
        edit=Edit(
            torch.from_numpy(target[0]),
            Trajectories(centres_px, torch.ones(centres_px.shape[:2], dtype=torch.bool)),
            inside.amax(0)[None, None],
        ),
        target=torch.from_numpy(target),
        areas=inside,
        appearances=[sprite.appearance for sprite in after],
        masks=torch.from_numpy(masks[:areas]),
    )


def without_motion(edit: Edit) -> Edit:
    """The same edit with no path, which zeroes the motion map."""
    return replace(edit, trajectories=Trajectories.none(edit.trajectories.num_frames))


def write_clips(folder: str | Path, seeds: Iterable[int], *, fps: int = 6, **options: Any) -> list[Path]:
    """Clips as `<seed>.mp4`, to be read and tracked like anyone's; `options` as of `make_clip`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for seed in seeds:
        files.append(folder / f"{seed:08d}.mp4")
        write_video(files[-1], make_clip(seed, **options).video, fps)
    return files


def _distant_hues(random: np.random.Generator, count: int) -> np.ndarray:
    """Evenly round the circle with some play, in random order: no two sprites of a clip are alike."""
    hues = (np.arange(count) + random.uniform(-0.2, 0.2, count)) / count + random.uniform()
    return random.permutation(hues % 1)


def _way(
    random: np.random.Generator,
    frames: int,
    low_px: np.ndarray,
    high_px: np.ndarray,
    speed_px: tuple[float, float],
    roams: bool,
    start_px: np.ndarray | None = None,
) -> np.ndarray:  # (T, 2)
    if roams:
        return draw_roaming_path(random, frames, low_px, high_px, speed_px, start_px)
    return draw_paths(random, 1, frames, low_px, high_px, speed_px, start_px)[0]


def _box(appearance: Appearance, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest x, y of a centre whose sprite stays in the frame."""
    middle, side = np.array([width, height]) / 2, np.array([width, height])
    low = np.minimum(appearance.reach_px, middle - 0.5)
    return low, side - low


def _room(paths: np.ndarray, appearance: Appearance, placed: list[Sprite]) -> np.ndarray:
    """Pixels between each of the paths (N, T, 2) and the nearest sprite that is there already."""
    room = np.full(len(paths), np.inf)
    for other in placed:
        between = np.linalg.norm(paths - other.path_px, axis=-1).min(1)
        room = np.minimum(room, between - appearance.reach_px - other.appearance.reach_px)
    return room


def _rectangle(sprites: Iterable[Sprite], height: int, width: int) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of all that the sprites ever cover, with a margin."""
    low = np.min([sprite.path_px.min(0) - sprite.appearance.reach_px for sprite in sprites], 0) - AREA_MARGIN_PX
    high = np.max([sprite.path_px.max(0) + sprite.appearance.reach_px for sprite in sprites], 0) + AREA_MARGIN_PX
    left, top = np.maximum(np.floor(low), 0).astype(int)
    right, bottom = np.minimum(np.ceil(high), [width, height]).astype(int)
    return int(top), int(bottom), int(left), int(right)


def _overlap(boxes: list[tuple[int, int, int, int]]) -> bool:
    return any(
        one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
        for number, one in enumerate(boxes)
        for other in boxes[:number]
    )


def _outside(paths: np.ndarray, appearance: Appearance, boxes: list[tuple[int, int, int, int]]) -> np.ndarray:
    """(N,) whether a sprite on each path keeps out of all boxes."""
    free = np.ones(len(paths), bool)
    for top, bottom, left, right in boxes:
        middle, half = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
        free &= ((abs(paths - middle) - half).max(-1) > appearance.reach_px).all(1)
    return free


def _tracks(random: np.random.Generator, sprites: list[Sprite], masks: np.ndarray, points: int) -> Trajectories:
    """The centre of each sprite and `points` − 1 more on it; hidden behind others and outside the frame."""
    _, frames, height, width = masks.shape
    offsets = random.uniform(-1, 1, (len(sprites), points, 2)) * 0.45
    offsets[:, 0] = 0
    paths = np.array([sprite.path_px for sprite in sprites]).reshape(-1, 1, frames, 2)
    radii = np.array([sprite.appearance.radius_px for sprite in sprites]).reshape(-1, 1, 1, 1)
    tracks = (paths + offsets[:, :, None] * radii).reshape(-1, frames, 2).astype(np.float32)
    x, y = tracks.astype(int).clip(0, [width - 1, height - 1]).transpose(2, 0, 1)
    owner = np.repeat(np.arange(len(sprites)), points)[:, None]
    visible = masks[owner, np.arange(frames)[None], y, x]
    return Trajectories(torch.from_numpy(tracks), torch.from_numpy(visible))
