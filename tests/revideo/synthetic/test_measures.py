"""EditMetrics: nothing is wrong with the truth, and a known wrong gives the known value."""

from dataclasses import replace
from math import isnan, nan, sqrt

import pytest
import torch

from revideo.synthetic.edits import make_edit
from revideo.synthetic.measures import (
    AIM,
    OF_SILHOUETTES,
    EditMetrics,
    all_cases,
    frame_metrics,
    held_out,
    mean_interval,
    mean_metrics,
    measure_edit,
)
from revideo.synthetic.motion import WAYS
from revideo.synthetic.shapes import PATTERNS, SHAPES

# Things wide enough that a pixel's edge is little of them.
HOME = {"height": 144, "width": 256, "diameter_px": (64.0, 80.0), "speed_px": (4.0, 8.0), "shortest_wave_px": 56.0}
SMALL = {"frames": 6, "height": 72, "width": 128, "diameter_px": (32.0, 40.0), "speed_px": (2.0, 4.0)}
SMALL["shortest_wave_px"] = 28.0
GOOD = EditMetrics(1.0, 36.0, 9.0, 20.0, 0.85, 0.75, 5.0, 9.0)


def assert_no_error(truth):
    metrics = measure_edit(truth, truth.target)
    assert min(metrics.outside_psnr, metrics.sprite_psnr, metrics.sprite_psnr_last) > 99
    assert metrics.seam < 1.3
    if truth.kind == "removed":
        assert all(isnan(getattr(metrics, name)) for name in OF_SILHOUETTES)
    else:
        assert metrics.path_error < 0.3  # % of the width: of the colour's soft threshold
        assert min(metrics.iou, metrics.iou_last) > 0.95
        assert metrics.hue_error < 1e-3


@pytest.mark.parametrize("ground", [{}, {"coloured": 1.0}, {"coloured": 1.0, "saturation": (0.6, 0.9)}])
@pytest.mark.parametrize(("kind", "areas"), all_cases())
def test_the_true_video_has_no_error(kind, areas, ground):
    for seed in range(2):
        assert_no_error(make_edit(seed, kind, frames=3, areas=areas, **HOME, **ground))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_nor_has_any_shape_and_pattern(pattern):
    for seed, shape in enumerate(SHAPES):
        assert_no_error(make_edit(seed, "both", frames=2, **HOME, coloured=0.5, shapes=[shape], patterns=[pattern]))


def test_a_ground_whose_hue_is_near_does_not_draw_the_sprite_away():
    assert_no_error(make_edit(53, "both", frames=3, areas=2, **HOME, coloured=1.0))  # 0.7 % by softer bounds


def test_a_shifted_video_has_that_path_error():
    truth = make_edit(1, "both", **SMALL, bystanders=0, pans=0.0)
    shifted = truth.target.clone()
    shifted[1:] = truth.target[1:].roll(2, -1)
    metrics = measure_edit(truth, shifted)
    assert metrics.path_error == pytest.approx(2 / 128 * 100, abs=0.3)
    moved = truth.masks[0].roll(2, -1)
    expected = (moved & truth.masks[0]).flatten(1).sum(1) / (moved | truth.masks[0]).flatten(1).sum(1)
    assert metrics.iou == pytest.approx(expected[1:].mean().item(), abs=0.05)


def test_a_silhouette_that_shrinks_has_the_fraction_that_is_left():
    truth = make_edit(3, "inserted", **SMALL, shapes=["square"])  # so the source is the ground behind it
    left = torch.arange(128) < truth.centres_px[0, :, :1]
    left[:2] = True
    kept = truth.masks[0] & left[:, None]
    kept[-1] = False
    output = torch.where(kept[:, None] | ~truth.masks[0][:, None], truth.target, truth.source)
    ious, psnrs = frame_metrics(truth, output)
    expected = kept.flatten(1).sum(1) / truth.masks[0].flatten(1).sum(1)
    assert (ious[:-1] - expected[:-1]).abs().max() < 0.07  # of the edge's pixels, which are partly the ground's
    assert ious[-1] < 0.07
    metrics = measure_edit(truth, output)
    assert metrics.iou == pytest.approx(ious[1:].mean().item())  # frame 0 is given
    assert metrics.iou_last == ious[-1]
    assert metrics.sprite_psnr == pytest.approx(psnrs[1:].mean().item())
    assert metrics.sprite_psnr_last == psnrs[-1] < psnrs[2] < psnrs[1]


def test_a_sprite_that_is_gone_is_half_a_frame_off():
    truth = make_edit(1, "both", **SMALL, bystanders=0)
    metrics = measure_edit(truth, torch.full_like(truth.target, 0.5))
    assert metrics.path_error == pytest.approx(50)
    assert metrics.iou == metrics.iou_last == 0


def test_hue_of_a_recoloured_sprite():
    truth = make_edit(1, "both", **SMALL, bystanders=0)
    turned = truth.target[:, [1, 2, 0]]  # a third of the circle
    assert measure_edit(truth, turned).hue_error == pytest.approx(100 / 3, abs=0.01)


def test_noise_has_its_psnr():
    truth = make_edit(1, "motion", **SMALL)
    noisy = truth.target + 0.01 * torch.randn(truth.target.shape, generator=torch.Generator().manual_seed(0))
    metrics = measure_edit(truth, noisy)
    assert metrics.outside_psnr == pytest.approx(40, abs=0.1)
    assert metrics.sprite_psnr == pytest.approx(40, abs=0.2)
    assert metrics.sprite_psnr_last == pytest.approx(40, abs=0.5)
    louder = truth.target.clone()
    louder[1:-1] += 0.1  # frames between the first and the last
    metrics = measure_edit(truth, louder)
    assert metrics.sprite_psnr == pytest.approx((4 * 20 + 100) / 5, abs=1e-3)
    assert metrics.sprite_psnr_last == 100


def test_what_is_removed_is_held_against_the_ground():
    truth = make_edit(2, "removed", **SMALL)
    assert torch.equal(
        truth.target[:, :, ~truth.edit.mask[0, 0].bool()], truth.source[:, :, ~truth.edit.mask[0, 0].bool()]
    )
    output = truth.target + 0.1 * truth.masks[0][:, None]
    metrics = measure_edit(truth, output)
    assert metrics.sprite_psnr == pytest.approx(20, abs=1e-3)
    assert metrics.outside_psnr == 100
    assert measure_edit(truth, truth.source).sprite_psnr < 20  # it is still there


def test_held_out_edits_go_as_asked():
    [straight], [wavy], [back] = (list(held_out("both", 1, 1, 6, 72, 128, way=way)) for way in WAYS)
    first, *others, last = back.centres_px[0]
    assert (last - first).norm() < 1 < max((other - first).norm() for other in others)
    assert not torch.equal(straight.centres_px, wavy.centres_px)


def test_means_leave_out_what_was_not_there():
    one, other = EditMetrics(1, 2, 3, 4, 5, 6, 7, 8), EditMetrics(3, 2, 1, 0, nan, 6, 7, 10)
    assert mean_metrics([one, other]) == EditMetrics(2, 2, 2, 2, 5, 6, 7, 9)
    assert isnan(mean_metrics([other, other]).iou)


def test_intervals_are_student_s():
    mean, half = mean_interval([1, 2, nan, 3, 4, 5])
    assert mean == 3
    assert half == pytest.approx(2.7764 * sqrt(2.5) / sqrt(5), rel=1e-4)  # 2.7764: of 4 degrees of freedom
    assert mean_interval([7])[0] == 7
    assert isnan(mean_interval([7])[1])
    assert isnan(mean_interval([nan])[0])


def test_limits_name_what_misses_them():
    assert AIM.missed_by(GOOD) == []
    worse = replace(GOOD, path_error=1.1, outside_psnr=35.9, sprite_psnr_last=nan, iou_last=0.74)
    assert AIM.missed_by(worse) == ["path_error", "outside_psnr", "sprite_psnr_last", "iou_last"]
    assert AIM.missed_by(replace(GOOD, path_error=nan, hue_error=5.1)) == ["path_error", "hue_error"]
    removed = replace(GOOD, **dict.fromkeys(OF_SILHOUETTES, nan))
    assert AIM.missed_by(removed) == []
    assert AIM.missed_by(replace(removed, outside_psnr=nan, sprite_psnr_last=1)) == ["outside_psnr", "sprite_psnr_last"]
