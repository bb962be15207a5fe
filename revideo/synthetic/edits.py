"""Edits of synthetic clips, and the one right answer to each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..edit import Edit
from ..tracks.trajectories import Trajectories
from .clips import (
    ATTEMPTS,
    CANDIDATES,
    DIAMETER_PX,
    WAVE_PX,
    centre_box,
    distant_hues,
    home_px,
    home_scale,
    room_beside,
)
from .motion import WAYS, Pose, draw_drift, draw_paths, draw_reversal, draw_roaming_path, draw_velocity
from .scenes import SATURATION, Appearance, Scene, Sprite, draw_appearance, draw_background, draw_scenes
from .shapes import FLAT, SHAPES

EDIT_KINDS = ("content", "motion", "both", "inserted", "removed")  # what an edit does to a sprite
AREA_MARGIN_PX = 4.0  # between a sprite and the border of its area, in frames of the home height
MOST_COVERED = 0.6  # of the frame by areas: something must be left to keep


@dataclass(frozen=True)
class SyntheticEdit:
    """An edit of a clip, and the one right answer to it."""

    kind: str
    source: Tensor  # (T, 3, H, W) in [0, 1]
    edit: Edit  # one path per area, the centre of the sprite in it; none where it is removed
    target: Tensor  # (T, 3, H, W): equals the source outside the areas
    areas: Tensor  # (A, H, W): their union is the edit's mask
    appearances: list[Appearance]  # of the edited sprites, (A,)
    masks: Tensor  # (A, T, H, W) bool: where each edited sprite is in the target, or was in the source if removed
    scene: Scene | None = None  # the target's, of which its depth is drawn

    @property
    def centres_px(self) -> Tensor:  # (A, T, 2) x, y
        """The requested path of each edited sprite's centre."""
        return self.edit.trajectories.points_px


def make_edit(
    seed: int,
    kind: str,
    *,
    frames: int,
    height: int,
    width: int,
    areas: int = 1,
    bystanders: int = 1,
    diameter_px: tuple[float, float] | None = None,
    speed_px: tuple[float, float] | None = None,
    shortest_wave_px: float | None = None,
    pans: float = 0.5,
    coloured: float = 0.0,
    saturation: tuple[float, float] = SATURATION,
    still: bool = False,
    way: str = "straight",
    shapes: Sequence[str] = SHAPES,
    patterns: Sequence[str] = FLAT,
    roam_px: float | None = None,
    coupled: bool = False,
    column: bool = False,
) -> SyntheticEdit:
    """An edit of one sprite in each area; `bystanders`: sprites outside, at most. Raises ValueError without room.

    Content: another appearance on the same path. Motion: the same appearance on another path from the
    same place. Both: another appearance on another path. Inserted: one where nothing was; removed: nothing
    where one was. `still`: nothing in the source moves. `way`: one of `WAYS`. `roam_px`: for long videos, edited
    sprites roam in a box of that side, where they would else go one way as far as the frame lets them. `coupled`:
    all of the source goes as its ground pans, and what gets another path goes the other way, straight or wavy;
    `column`: left or right, bystanders above or below the first edited sprite, one at least where they are asked for.
    Sizes left out go with the frame (`home_px`).
    """
    if kind not in EDIT_KINDS:
        raise ValueError(f'kind "{kind}" is not one of {", ".join(EDIT_KINDS)}')
    if still and kind in ("content", "removed"):
        raise ValueError(f"{kind} edits move as their source: none of it can be still")
    if coupled and (still or roam_px is not None or way not in WAYS[:2]):
        raise ValueError(
            f"what goes as its ground pans goes straight, and back {' or '.join(WAYS[:2])}: leave the rest"
        )
    if column and not coupled:
        raise ValueError("a column is of sprites that go together: coupled too")
    random = np.random.default_rng([seed, EDIT_KINDS.index(kind), areas])
    diameters = diameter_px or home_px(height, DIAMETER_PX)
    speeds = speed_px or home_px(height, (2.5, 5.0))
    wave_px = shortest_wave_px or WAVE_PX * home_scale(height)
    margin_px = AREA_MARGIN_PX * home_scale(height)

    def path_in(low: np.ndarray, high: np.ndarray, start_px: np.ndarray | None = None) -> np.ndarray:  # (T, 2)
        if roam_px is not None:
            return draw_roaming_path(random, frames, low, high, speeds, start_px)
        return draw_paths(random, 1, frames, low, high, speeds, start_px, way)[0]

    def appearance_of(hue: float) -> Appearance:
        return draw_appearance(random, hue, random.uniform(*diameters) / 2, shapes=shapes, flat=patterns)

    def in_source(path_px: np.ndarray) -> Pose:
        return Pose.along(path_px[:1].repeat(frames, 0) if still else path_px)

    for _ in range(ATTEMPTS):
        hues = distant_hues(random, 2 * areas + bystanders + 1)
        velocity = draw_velocity(random, speeds, sideways=column) if coupled else None
        before, after = [], []
        inside = True
        for number in range(areas):
            old = new = appearance_of(hues[2 * number])
            if kind not in ("motion", "removed"):
                new = appearance_of(hues[2 * number + 1])
            low, high = centre_box(max(old, new, key=lambda each: each.reach_px), height, width)
            # Side by side, or two ways would hardly ever keep clear of each other.
            low[0] += width * number / areas + margin_px * (number > 0)
            high[0] -= width * (areas - 1 - number) / areas + margin_px * (number < areas - 1)
            if (low > high).any():
                raise ValueError(f"no room for {areas} areas in {width}×{height} pixels")
            if roam_px is not None:
                low = random.uniform(low, (high - roam_px).clip(low))
                high = np.minimum(low + roam_px, high)
            if velocity is None:
                path = path_in(low, high)
                other = path_in(low, high, path[0]) if kind in ("motion", "both") else path
            else:
                path = draw_drift(random, 1, frames, *_room_to_turn(low, high, velocity * (frames - 1)), velocity)[0]
                other = path if kind in ("content", "removed") else draw_reversal(random, path, way)
                inside &= bool(((other >= low) & (other <= high)).all())
            before.append(Sprite(old, in_source(path)))
            after.append(Sprite(new, Pose.along(other)))
        boxes = [_rectangle(pair, margin_px, height, width) for pair in zip(before, after)]
        ways = [_length(sprite.path_px) for sprite in after]
        turned = [np.linalg.norm(a.path_px - b.path_px, axis=1).max() for a, b in zip(after, before)]
        covered = sum((bottom - top) * (right - left) for top, bottom, left, right in boxes) / (height * width)
        if column and bystanders:
            beside = max(max(top, height - bottom) for top, bottom, _, _ in boxes)
            inside &= beside > diameters[1] + 2
        if (
            inside
            and not _overlap(boxes)
            and covered < MOST_COVERED
            and (roam_px is not None or min(ways) > 0.6 * speeds[0] * (frames - 1))
            and (roam_px is not None or kind not in ("motion", "both") or min(turned) > 0.25 * min(ways))
        ):
            break
    else:
        raise ValueError(f"no room for {areas} areas in {width}×{height} pixels")

    others: list[Sprite] = []
    for hue in hues[2 * areas : -1]:
        appearance = appearance_of(hue)
        box = centre_box(appearance, height, width)
        paths = (
            draw_paths(random, CANDIDATES, frames, *box, speeds)
            if velocity is None
            else draw_drift(random, CANDIDATES, frames, *box, velocity)
        )
        if column:
            paths[..., 0] = before[0].path_px[:, 0]
        free = (room_beside(paths, appearance, others) > 0) & _outside(paths, appearance, boxes)
        if free.any():
            others.append(Sprite(appearance, in_source(paths[int(free.argmax())])))
    ground = draw_background(random, wave_px, 0.0 if still else pans, coloured, hues[-1], saturation)
    if velocity is not None:
        ground = replace(ground, velocity_px=velocity.astype(np.float32))
    scenes = [
        Scene(ground, [*([] if kind == gone else edited), *others])
        for gone, edited in (("inserted", before), ("removed", after))
    ]
    (source, target), seen = draw_scenes(scenes, frames, height, width)
    mask = torch.zeros(areas, height, width)
    for area, (top, bottom, left, right) in zip(mask, boxes):
        area[top:bottom, left:right] = 1
    centres_px = torch.from_numpy(np.stack([sprite.path_px for sprite in after]))
    trajectories = Trajectories(centres_px, torch.ones(centres_px.shape[:2], dtype=torch.bool))
    return SyntheticEdit(
        kind=kind,
        source=source,
        edit=Edit(
            target[0], Trajectories.none(frames) if kind == "removed" else trajectories, mask.amax(0)[None, None]
        ),
        target=target,
        areas=mask,
        appearances=[sprite.appearance for sprite in after],
        masks=seen[0 if kind == "removed" else 1][:areas],
        scene=scenes[1],
    )


def without_motion(edit: Edit) -> Edit:
    """The same edit with no path, which zeroes the motion map."""
    return replace(edit, trajectories=Trajectories.none(edit.trajectories.num_frames))


def _room_to_turn(low_px: np.ndarray, high_px: np.ndarray, way_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a box in which a way may lie, for the way back from its start to lie in the box too."""
    return low_px + np.maximum(way_px, 0), high_px + np.minimum(way_px, 0)


def _length(path_px: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(path_px, axis=0), axis=1).sum())


def _rectangle(sprites: Iterable[Sprite], margin_px: float, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of all that the sprites ever cover, with a margin."""
    reach = margin_px + np.array([sprite.appearance.reach_px for sprite in sprites])
    low = np.min([sprite.path_px.min(0) - each for sprite, each in zip(sprites, reach)], 0)
    high = np.max([sprite.path_px.max(0) + each for sprite, each in zip(sprites, reach)], 0)
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
