"""EditMetrics: nothing is wrong with the truth, and a known wrong gives the known value."""

import pytest
import torch

from revideo.synthetic.clips import make_edit
from revideo.synthetic.measures import AIM, EditMetrics, all_cases, mean_metrics, measure_edit

SIZE = {"frames": 14, "height": 128, "width": 192}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "areas"), all_cases())
def test_the_true_video_has_no_error(kind, areas):
    for seed in range(6):
        truth = make_edit(seed, kind, **SIZE, areas=areas)
        metrics = measure_edit(truth, truth.target)
        assert metrics.path_error < 0.2  # % of the width: 0.4 pixels, of the colour's soft threshold
        assert metrics.hue_error < 1e-3
        assert min(metrics.outside_psnr, metrics.sprite_psnr) > 99
        assert metrics.seam < 1.3


def test_a_shifted_sprite_is_off_by_the_shift():
    truth = make_edit(1, "both", **SIZE, bystanders=0, pans=0.0)
    shifted = truth.target.clone()
    shifted[1:] = truth.target[1:].roll(3, -1)
    assert measure_edit(truth, shifted).path_error == pytest.approx(3 / 192 * 100, abs=0.2)


def test_a_sprite_that_is_gone_is_half_a_frame_off():
    truth = make_edit(1, "both", **SIZE, bystanders=0)
    metrics = measure_edit(truth, torch.full_like(truth.target, 0.5))
    assert metrics.path_error == pytest.approx(50)


def test_hue_of_a_recoloured_sprite():
    truth = make_edit(1, "both", **SIZE, bystanders=0)
    turned = truth.target[:, [1, 2, 0]]  # a third of the circle
    assert measure_edit(truth, turned).hue_error == pytest.approx(100 / 3, abs=0.01)


def test_noise_outside_has_its_psnr():
    truth = make_edit(1, "motion", **SIZE)
    noisy = truth.target + 0.01 * torch.randn(truth.target.shape, generator=torch.Generator().manual_seed(0))
    assert measure_edit(truth, noisy).outside_psnr == pytest.approx(40, abs=0.1)


def test_means_are_means():
    assert mean_metrics([EditMetrics(1, 2, 3, 4, 5), EditMetrics(3, 2, 1, 0, 7)]) == EditMetrics(2, 2, 2, 2, 6)


def test_limits_name_what_misses_them():
    just = EditMetrics(path_error=2.5, outside_psnr=32.0, sprite_psnr=18.0, hue_error=5.0, seam=9.0)
    assert AIM.missed_by(just) == []
    nan = float("nan")
    assert AIM.missed_by(EditMetrics(2.6, 31.9, nan, 4.0, 1.0)) == ["path_error", "outside_psnr", "sprite_psnr"]
    assert AIM.missed_by(EditMetrics(nan, 99.0, 99.0, 5.1, 1.0)) == ["path_error", "hue_error"]
