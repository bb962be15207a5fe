"""The masks of training examples: in their limits, around what they say, moving with it."""

import numpy as np
import pytest
import torch

from revideo.tracks.trajectories import Trajectories
from revideo.training.config import AreaConfig
from revideo.training.examples import generator_for
from revideo.training.random_masks import choose_mask

FRAMES, HEIGHT, WIDTH = 4, 64, 96
LEFT = 8 + 6.0 * np.arange(FRAMES)
BOXES = np.stack([np.stack([LEFT, np.full(4, 20.0), LEFT + 16, np.full(4, 36.0)], 1)])  # one thing, 16 px wide


def masks(count=40, boxes=BOXES, **settings):
    points = torch.from_numpy((BOXES[0, :, :2] + BOXES[0, :, 2:]) / 2)[None]
    paths = Trajectories(points, torch.ones(1, FRAMES, dtype=torch.bool))
    given = AreaConfig(**({"min_px": 8, "max_share": 0.5} | settings))
    return [choose_mask(paths, boxes, HEIGHT, WIDTH, given, generator_for("masks", n)) for n in range(count)]


def covered(frame):
    left, top, right, bottom = BOXES[0, frame].astype(int)
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def test_rectangles_keep_to_their_limits():
    for mask in masks(boxes=None):
        rows, columns = mask[0, 0].any(1).sum(), mask[0, 0].any(0).sum()
        assert mask.sum() == rows * columns  # it is a rectangle
        assert 8 <= rows <= 32 and 8 <= columns <= 48


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_one_around_a_sprite_holds_its_whole_way_and_little_more(margin):
    for mask in masks(around_sprites=1.0, margin=margin):
        inside = mask[0, 0]
        assert all(inside[covered(frame)].all() for frame in range(FRAMES))
        assert inside.any(1).sum() <= 16 + 2 * (margin * HEIGHT + 2)
        assert inside.any(0).sum() <= 16 + 18 + 2 * (margin * WIDTH + 2)


def test_one_that_moves_goes_with_its_sprite():
    for mask in masks(around_sprites=1.0, moving=1.0, margin=0.0):
        assert mask.shape == (FRAMES, 1, HEIGHT, WIDTH)
        for frame in range(FRAMES):
            assert mask[frame, 0][covered(frame)].all()
            assert mask[frame, 0].any(0).sum() <= 16 + 4


def test_one_that_is_painted_is_no_rectangle_and_covers_the_way():
    for mask in masks(around_sprites=1.0, irregular=1.0, margin=0.02):
        inside = mask[0, 0]
        assert inside.sum() < inside.any(0).sum() * inside.any(1).sum()
        assert all(inside[covered(frame)].float().mean() > 0.93 for frame in range(FRAMES))  # but for a corner


def test_empty_ones_hold_nothing_and_the_others_motion():
    ever = torch.stack([covered(frame) for frame in range(FRAMES)]).any(0)
    assert all(not mask[0, 0][ever].any() for mask in masks(empty=1.0))
    assert all(mask[0, 0][ever].any() for mask in masks(around_sprites=0.5))


def test_several_are_joined():
    joined = masks(most=3)
    assert any(mask.sum() < mask[0, 0].any(0).sum() * mask[0, 0].any(1).sum() for mask in joined)
