"""Exact depth of synthetic scenes, and the same scene in other colours: what a restyled clip should look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .clips import PlannedClip, distant_hues, home_scale, plan_clip
from .scenes import Appearance, Scene, Sprite, draw_appearance, draw_background, draw_scenes
from .shapes import FLAT

GROUND = 0.15  # nearness of the ground, in the mean; its waves are hills
HILLS = 0.1  # of the ground, up and down
TOPMOST, LOWEST = 1.0, 0.4  # of sprites: the topmost, and what lies below all others
SOFT_WAVE_PX = 28.0  # as of the clips' own grounds


@dataclass(frozen=True)
class RestyledClip:
    """A clip, its depth, and the same clip in other colours."""

    source: Tensor  # (T, 3, H, W) in [0, 1]
    target: Tensor  # (T, 3, H, W): frame 0 is the edited frame
    depth: Tensor  # (T, 1, H, W) in [0, 1], near 1
    masks: Tensor  # (S, T, H, W) bool: what is seen of each sprite
    appearances: list[Appearance]  # of the target's sprites, (S,)


def depth_scene(scene: Scene) -> Scene:
    """The scene as its depth looks: every colour is a nearness, 0 far to 1 near."""
    count = len(scene.background.phases)
    ground = replace(
        scene.background,
        base=np.full(3, GROUND, np.float32),
        colours=np.full((count, 3), HILLS / count, np.float32),
    )
    sprites = []
    for number, sprite in enumerate(scene.sprites, 1):
        near = LOWEST + (TOPMOST - LOWEST) * number / len(scene.sprites)
        grey = replace(sprite.appearance, colours=np.full((2, 3), near, np.float32))
        sprites.append(replace(sprite, appearance=grey))
    return Scene(ground, sprites)


def draw_depths(
    plans: Sequence[PlannedClip], height: int, width: int, device: torch.device | str = "cpu"
) -> Tensor:  # (B, T, 1, H, W) in [0, 1]
    """Of plans of equally many frames, exact at the edges too."""
    frames = plans[0].trajectories.num_frames
    return draw_scenes([depth_scene(plan.scene) for plan in plans], frames, height, width, device)[0][:, :, :1]


def make_restyled(seed: int, *, frames: int, height: int, width: int, **options: object) -> RestyledClip:
    """A clip, and the same in other colours and patterns: shapes, ways and depth stay. `options`: of `plan_clip`."""
    plan = plan_clip(seed, frames=frames, height=height, width=width, **options)  # type: ignore[arg-type]
    random = np.random.default_rng([seed, 2])
    hues = distant_hues(random, len(plan.scene.sprites) + 1)
    sprites = []
    for sprite, hue in zip(plan.scene.sprites, hues):
        old = sprite.appearance
        new = draw_appearance(random, hue, old.reach_px, 0.0, [old.shape], FLAT)
        sprites.append(Sprite(replace(new, turn=old.turn), sprite.pose))
    old_ground = plan.scene.background
    tinted = draw_background(random, SOFT_WAVE_PX * home_scale(height), 0.0, 0.5, hues[-1])
    count = len(old_ground.phases)
    colours = np.resize(tinted.colours, (count, 3)).astype(np.float32)
    ground = replace(old_ground, base=tinted.base, colours=colours)
    scenes = [plan.scene, Scene(ground, sprites), depth_scene(plan.scene)]
    (source, target, depth), masks = draw_scenes(scenes, frames, height, width)
    return RestyledClip(source, target, depth[:, :1], masks[0], [sprite.appearance for sprite in sprites])
