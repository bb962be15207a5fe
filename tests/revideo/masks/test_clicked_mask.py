"""A click: what lies under it is outlined where every pixel is known, and refused where nothing can be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from revideo.masks.clicked_mask import describe_points, mask_at
from revideo.masks.outlines import deepest_point
from revideo.synthetic.clips import make_clip
from revideo.synthetic.measures import HELD_OUT
from revideo.video.io import read_video

SIZE: dict[str, Any] = {"frames": 2, "height": 128, "width": 128}
SMALL: dict[str, Any] = {"diameter_px": (24.0, 34.0), "speed_px": (0.5, 5.0), "shortest_wave_px": 28.0}


def iou(found: Tensor, truth: Tensor) -> float:
    return float((found & truth).sum() / (found | truth).sum())


def point_on(mask: Tensor) -> Tensor:  # (1, 2)
    return torch.tensor([deepest_point(mask.numpy())]) + 0.5


def test_points_apart_from_what_was_found_are_named():
    """On an empty ground, where a point's own few pixels are all there is of it."""
    picture = 0.3 + 0.02 * torch.randn(3, 128, 192, generator=torch.Generator().manual_seed(0))
    picture[:, 40:80, 40:90] = torch.tensor([0.9, 0.2, 0.1])[:, None, None]
    points_px = torch.tensor([[60.0, 60.0], [20.0, 110.0], [80.0, 70.0]])
    mask = mask_at(picture.clamp(0, 1), points_px)
    own = int(mask[..., 95:, :].sum())
    assert describe_points(mask, points_px) == (
        f"point 2 at 20, 110 is on a part of the mask by itself, of {own} pixels: leave it out unless it is on the "
        f"same thing\n"
    )
    assert describe_points(mask, points_px[::2]) == ""
    mask[..., 95:, :] = False
    assert describe_points(mask, points_px).startswith("point 2 at 20, 110 is not in the mask: leave it out")


@pytest.mark.parametrize("textured", [0.0, 1.0])
def test_a_thing_is_outlined_from_one_point_on_it(textured: float):
    for seed in range(4):
        clip = make_clip(HELD_OUT + seed, textured=textured, changing=1.0, **SMALL, **SIZE)
        for truth in clip.masks[:, 0]:
            point_px = point_on(truth)
            found = mask_at(clip.video[0], point_px)
            assert found.shape == (1, 1, 128, 128) and found.dtype == torch.bool
            assert iou(found[0, 0], truth) >= 0.8
            assert torch.equal(found, mask_at(clip.video[0], point_px)), "the same each time"


@pytest.mark.parametrize("factor", [0.5, 3])
def test_things_of_any_size_are_outlined(factor: float):
    """A click on a disc: a fiftieth of the frame's width, or nearly half of it."""
    y, x = torch.meshgrid(torch.arange(96) + 0.5, torch.arange(160) + 0.5, indexing="ij")
    disc = ((x - 70) ** 2 + (y - 50) ** 2).sqrt() < 12 * factor
    noise = 0.05 * torch.rand(3, 96, 160, generator=torch.Generator().manual_seed(0))
    picture = torch.where(disc, torch.tensor([0.8, 0.3, 0.2])[:, None, None], 0.4) + noise
    assert iou(mask_at(picture, torch.tensor([[70.0, 50.0]]))[0, 0], disc) >= 0.9


def test_points_on_parts_that_differ_join_them():
    picture = torch.full((3, 96, 160), 0.5) + 0.04 * torch.rand(3, 96, 160, generator=torch.Generator().manual_seed(0))
    upper, lower = torch.zeros(2, 96, 160).bool()
    upper[30:50, 60:90] = lower[50:70, 60:90] = True
    picture[0, upper], picture[2, lower] = 1.0, 1.0
    points_px = torch.tensor([[75.0, 40.0], [75.0, 60.0]])
    assert iou(mask_at(picture, points_px)[0, 0], upper | lower) >= 0.9


def test_a_face_in_real_footage_is_told_from_what_is_around_it(clips):
    frame = read_video(clips / "carphone_pristine.mp4", count=1)[0][0]
    found = mask_at(frame, torch.tensor([[80.5, 60.5]]))[0, 0]
    height, width = found.shape
    assert found[50:90, 75:105].float().mean() >= 0.9  # from brows to mouth
    assert not found[:, : width // 4].any() and not found[:, 3 * width // 4 :].any()
    assert not found[-height // 8 :].any()


def test_where_nothing_can_be_found_it_is_refused():
    plain = torch.full((3, 32, 48), 0.5)
    for points, says in (
        ([[48.0, 10.0]], r"the point \(x 48, y 10\) is not in the picture, which is 48×32"),
        ([[10.0, 10.0], [-1.0, 3.0]], r"the point \(x -1, y 3\) is not in"),
        ([[float("nan"), 3.0]], "is not in the picture"),
        ([[20.0, 10.0]], "nothing sets itself apart from what is around it at x 20, y 10: set the point"),
    ):
        with pytest.raises(ValueError, match=says):
            mask_at(plain, torch.tensor(points))
    with pytest.raises(ValueError, match="there is no point to find an object at"):
        mask_at(plain, torch.empty(0, 2))
