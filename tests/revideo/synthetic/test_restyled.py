"""Clips in other colours, their exact depth, and metrics that a known wrong answer gives its known value."""

import pytest
import torch
from torch.testing import assert_close

from revideo.synthetic.depth import LOWEST, TOPMOST, make_restyled
from revideo.synthetic.restyled_measures import edge_distance, measure_restyled

SIZE = {"frames": 5, "height": 64, "width": 64}


@pytest.fixture(scope="module")
def clip():
    return make_restyled(11, **SIZE, sprites=(2, 2), points=1)


def test_only_colours_are_others(clip):
    """Source and target have the same outlines: where a sprite is drawn both differ from their ground."""
    assert len(clip.masks) == len(clip.appearances) == 2
    again = make_restyled(11, **SIZE, sprites=(2, 2), points=1)
    assert_close(again.target, clip.target, atol=0, rtol=0)
    assert (clip.source - clip.target).abs().mean() > 0.05
    for mask in clip.masks:
        inside = clip.target.movedim(1, -1)[mask]
        assert (inside - clip.source.movedim(1, -1)[mask]).abs().mean() > 0.05


def test_depth_has_one_value_for_each_sprite_and_a_far_ground(clip):
    for number, mask in enumerate(clip.masks):
        expected = LOWEST + (TOPMOST - LOWEST) * (number + 1) / len(clip.masks)
        inner = torch.nn.functional.max_pool2d(1 - mask[:, None].float(), 5, 1, 2) == 0  # off the soft edge
        assert_close(clip.depth[inner], torch.full_like(clip.depth[inner], expected), atol=1e-5, rtol=0)
    ground = ~torch.nn.functional.max_pool2d(clip.masks.any(0)[:, None].float(), 5, 1, 2).bool()
    assert clip.depth[ground].min() > 0.04 and clip.depth[ground].max() < 0.26


def test_the_right_answer_has_no_error(clip):
    found = measure_restyled(clip, clip.target)
    assert (found.sprite_psnr > 99).all()
    assert (found.hue_drift < 1e-6).all() and (found.flicker < 1e-6).all()
    assert (found.edge_error < 0.6).all()  # colours tell an outline to half a pixel


def test_a_clip_that_flashes_flickers_by_as_much(clip):
    flashing = clip.target.clone()
    flashing[2] += 0.1
    assert_close(
        measure_restyled(clip, flashing).flicker, torch.tensor([0, 0, 10, 10, 0.0]).double(), atol=1e-4, rtol=0
    )


def test_exchanged_colours_drift_in_hue(clip):
    found = measure_restyled(clip, clip.target.roll(1, 1))
    assert (found.hue_drift > 20).all() and (found.sprite_psnr < 15).all()


@pytest.mark.parametrize("shift", [1, 4, 9])
def test_an_outline_is_as_far_as_it_was_moved(shift):
    """Of a bar as high as the frame, whose sides alone are outlines."""
    bar = torch.zeros(32, 64, dtype=torch.bool)
    bar[:, 20:24] = True
    moved = bar.roll(shift, 1)
    nearest = [min(abs(x - y) for y in (20, 23)) for x in (20 + shift, 23 + shift)]
    back = [min(abs(x - y) for y in (20 + shift, 23 + shift)) for x in (20, 23)]
    assert edge_distance(moved.numpy(), bar.numpy()) == pytest.approx((sum(nearest) + sum(back)) / 4)
    assert edge_distance(torch.zeros_like(bar).numpy(), bar.numpy()) == 32
