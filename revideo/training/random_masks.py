"""The mask of a training example: where the clip may change, in the forms that people draw."""

from __future__ import annotations

from functools import reduce

import cv2
import numpy as np
import torch
from torch import Tensor

from ..tracks.selection import path_lengths, within
from ..tracks.trajectories import Trajectories
from .config import AreaConfig

TRIES = 10  # masks, before one without motion is taken
LEAST_MOTION_PX = 1.0  # of the longest path inside, over the clip
BRUSH = 1.15  # of a thing's half width: a hand paints it over with some play


def choose_mask(
    trajectories: Trajectories,
    boxes_px: np.ndarray | None,  # (S, T, 4) left, top, right, bottom of each thing, where that is known
    height: int,
    width: int,
    settings: AreaConfig,
    generator: torch.Generator,
) -> Tensor:  # (1 or T, 1, H, W) bool, True inside
    """One that holds motion if that is found in a few tries, or, in the fraction `empty`, nothing that is known of."""
    boxes = np.zeros((0, 1, 4)) if boxes_px is None else boxes_px
    empty = len(boxes) > 0 and chance(settings.empty, generator)
    for _ in range(TRIES):
        count = _integer(1, settings.most, generator)
        some = np.zeros((0, 1, 4)) if empty else boxes
        drawn = [_draw_mask(some, height, width, settings, generator) for _ in range(count)]
        mask = reduce(torch.logical_or, drawn)
        if empty:
            if not _touched(mask, boxes):
                break
            continue
        lengths = path_lengths(within(trajectories, mask))
        if len(lengths) and lengths.max() > LEAST_MOTION_PX and not mask.all():
            break
    return mask


def chance(probability: float, generator: torch.Generator) -> bool:
    """True in that fraction of cases."""
    return bool(torch.rand((), generator=generator) < probability)


def _draw_mask(
    boxes: np.ndarray, height: int, width: int, settings: AreaConfig, generator: torch.Generator
) -> Tensor:  # (1 or T, 1, H, W) bool
    if not len(boxes) or not chance(settings.around_sprites, generator):
        return _rectangles([_random_rectangle(height, width, settings, generator)], height, width)
    box = boxes[_integer(0, len(boxes) - 1, generator)]
    margins = torch.rand(4, generator=generator).numpy() * settings.margin * np.array([width, height] * 2) + 1
    if chance(settings.irregular, generator):
        return _stroke(box, margins.max(), height, width)
    grown = box + margins * np.array([-1, -1, 1, 1])
    if chance(settings.moving, generator):
        return _rectangles(grown, height, width)
    return _rectangles([np.concatenate([grown[:, :2].min(0), grown[:, 2:].max(0)])], height, width)


def _rectangles(boxes: np.ndarray | list[np.ndarray], height: int, width: int) -> Tensor:
    """One for each frame, or one for all: left, top, right, bottom in pixels."""
    masks = torch.zeros(len(boxes), 1, height, width, dtype=torch.bool)
    for mask, box in zip(masks, boxes):
        left, top = np.floor(box[:2]).astype(int).clip(0)
        right, bottom = np.ceil(box[2:]).astype(int).clip(0)
        mask[0, top:bottom, left:right] = True
    return masks


def _random_rectangle(height: int, width: int, settings: AreaConfig, generator: torch.Generator) -> np.ndarray:
    """Sides and place drawn evenly."""
    spans = []
    for side in (width, height):
        shortest = min(settings.min_px, side)
        length = _integer(shortest, max(int(side * settings.max_share), shortest), generator)
        start = _integer(0, side - length, generator)
        spans.append((start, start + length))
    return np.array(spans, float).T.flatten()


def _stroke(box: np.ndarray, margin_px: float, height: int, width: int) -> Tensor:
    """What a round brush paints that follows the thing and covers it."""
    centres = (box[:, :2] + box[:, 2:]) / 2
    radius = (box[:, 2:] - box[:, :2]).max() / 2 * BRUSH + margin_px
    picture = np.zeros((height, width), np.uint8)
    places = [(centres * 16).round().astype(np.int32)]
    cv2.polylines(picture, places, False, 1, thickness=max(round(2 * radius), 1), shift=4)
    return torch.from_numpy(picture).bool()[None, None]


def _touched(mask: Tensor, boxes: np.ndarray) -> bool:
    """Whether any thing ever comes into it."""
    for left, top, right, bottom in boxes.reshape(-1, 4).clip(0).astype(int):
        if mask[:, :, top : bottom + 1, left : right + 1].any():
            return True
    return False


def _integer(least: int, most: int, generator: torch.Generator) -> int:
    """Any from `least` to `most`."""
    return int(torch.randint(least, most + 1, (), generator=generator))
