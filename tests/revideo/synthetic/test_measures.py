"""Figures: nothing is wrong with the truth, and a known wrong gives the known value."""

import pytest
import torch

from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.synthetic.clips import make_edit
from revideo.synthetic.measures import AIM, Figures, all_cases, main, mean_figures, measure

SIZE = {"frames": 14, "height": 128, "width": 192}


@pytest.mark.parametrize(("kind", "areas"), all_cases())
def test_the_true_video_has_no_error(kind, areas):
    for seed in range(6):
        truth = make_edit(seed, kind, **SIZE, areas=areas)
        figures = measure(truth, truth.target)
        assert figures.path_error < 0.2  # % of the width: 0.4 pixels, of the colour's soft threshold
        assert figures.hue_error < 1e-3
        assert min(figures.outside_psnr, figures.sprite_psnr) > 99
        assert figures.seam < 1.3


def test_a_shifted_sprite_is_off_by_the_shift():
    truth = make_edit(1, "both", **SIZE, bystanders=0, pans=0.0)
    shifted = truth.target.clone()
    shifted[1:] = truth.target[1:].roll(3, -1)
    assert measure(truth, shifted).path_error == pytest.approx(3 / 192 * 100, abs=0.2)


def test_a_sprite_that_is_gone_is_half_a_frame_off():
    truth = make_edit(1, "both", **SIZE, bystanders=0)
    figures = measure(truth, torch.full_like(truth.target, 0.5))
    assert figures.path_error == pytest.approx(50)


def test_hue_of_a_recoloured_sprite():
    truth = make_edit(1, "both", **SIZE, bystanders=0)
    turned = truth.target[:, [1, 2, 0]]  # a third of the circle
    assert measure(truth, turned).hue_error == pytest.approx(100 / 3, abs=0.01)


def test_noise_outside_has_its_psnr():
    truth = make_edit(1, "motion", **SIZE)
    noisy = truth.target + 0.01 * torch.randn(truth.target.shape, generator=torch.Generator().manual_seed(0))
    assert measure(truth, noisy).outside_psnr == pytest.approx(40, abs=0.1)


def test_means_are_means():
    assert mean_figures([Figures(1, 2, 3, 4, 5), Figures(3, 2, 1, 0, 7)]) == Figures(2, 2, 2, 2, 6)


def test_a_random_model_is_measured_end_to_end(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("revideo.synthetic.measures.all_cases", lambda: [("both", 2)])
    path = tmp_path / "random.safetensors"
    write_random_checkpoint(path)
    main([str(path), "--clips", "1", "--steps", "1", "--height", "128", "--width", "128"])
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split("|")[2].strip() for row in rows] == ["edit", "no motion", "autoencoder"]
    assert all(row.count("|") == header.count("|") for row in rows)


def test_limits_name_what_misses_them():
    just = Figures(path_error=2.5, outside_psnr=32.0, sprite_psnr=18.0, hue_error=5.0, seam=9.0)
    assert AIM.missed_by(just) == []
    nan = float("nan")
    assert AIM.missed_by(Figures(2.6, 31.9, nan, 4.0, 1.0)) == ["path_error", "outside_psnr", "sprite_psnr"]
    assert AIM.missed_by(Figures(nan, 99.0, 99.0, 5.1, 1.0)) == ["path_error", "hue_error"]
