"""Outlines are moved and softened as a plain oracle of distances says, and what a mask says at half strength stays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from revideo.masks.outlines import adjusted_mask, box_of, deepest_point


def blob(seed: int = 0) -> Tensor:  # (1, 1, 24, 30) bool
    noise = torch.rand(1, 1, 24, 30, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 7, 1, 3) > 0.45


def away_px(mask: Tensor) -> Tensor:
    """(H, W): from each pixel to the nearest of the other kind, less the half pixel to the outline; inside negative."""
    height, width = mask.shape
    places = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    between, inside = torch.cdist(places, places), mask.flatten()
    nearest = between.masked_fill(inside[:, None] == inside[None], torch.inf).amin(1) - 0.5
    return torch.where(inside, -nearest, nearest).reshape(height, width)


@pytest.mark.parametrize(("grow", "feather"), [(0, 0), (3, 0), (-2, 0), (0, 5), (4, 6), (-1, 3)])
def test_it_is_what_distances_say(grow: int, feather: int):
    mask = blob()
    away = away_px(mask[0, 0]) - grow
    expected = (0.5 - away / feather).clamp(0, 1) if feather else (away < 0).double()
    torch.testing.assert_close(adjusted_mask(mask, grow, feather)[0, 0].double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("grow", [-2, 0, 5])
def test_at_half_strength_a_soft_mask_is_the_hard_one(grow: int):
    hard = adjusted_mask(blob(), grow)
    for feather in (1, 4, 31):
        assert torch.equal(adjusted_mask(blob(), grow, feather) >= 0.5, hard >= 0.5)


@pytest.mark.parametrize(("grow", "feather"), [(0, 0), (3, 0), (-2, 4)])
def test_all_but_a_thing_shrinks_as_the_thing_grows(grow: int, feather: int):
    torch.testing.assert_close(
        adjusted_mask(blob(), grow, feather, invert=True), adjusted_mask(~blob(), -grow, feather), atol=1e-6, rtol=0
    )


def test_what_has_no_outline_stays_and_soft_values_stay_where_nothing_is_asked():
    for plain in (torch.zeros(2, 1, 5, 6), torch.ones(2, 1, 5, 6)):
        assert torch.equal(adjusted_mask(plain, 3, 4), plain)
        assert torch.equal(adjusted_mask(plain, -3, 4), plain)
    soft = torch.rand(2, 1, 5, 6)
    assert torch.equal(adjusted_mask(soft), soft)
    assert torch.equal(adjusted_mask(soft, invert=True), 1 - soft)


def test_the_box_holds_all_that_is_inside_and_no_row_more():
    mask = torch.zeros(9, 12).bool().numpy()
    mask[3, 4] = mask[6, 9] = True
    assert box_of(mask) == (slice(3, 7), slice(4, 10))


def test_the_deepest_point_is_the_middle_of_what_is_widest():
    mask = torch.zeros(20, 40).bool()
    mask[5:14, 20:29] = True
    mask[9, :20] = True
    assert deepest_point(mask.numpy()) == (24, 9)
    assert deepest_point(torch.ones(9, 9).bool().numpy()) == (4, 4)  # the frame's border counts
