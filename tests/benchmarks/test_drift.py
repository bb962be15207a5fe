"""Metrics of long videos: nothing is wrong with the truth, and a known wrong gives the known value."""

import json

import pytest
import torch

from benchmarks.drift import correlation, drift_table, held_out_long, main, mean_segments, measure_segments
from revideo.synthetic.edits import make_edit

LENGTH = 14


@pytest.fixture(scope="module")
def truth():
    return next(iter(held_out_long(1, 42, 128, 128)))


def test_a_roaming_sprite_stays_in_its_area_at_moderate_speed():
    for truth in held_out_long(2, 280, 128, 128):
        path = truth.centres_px[0]
        speed = path.diff(dim=0).norm(dim=-1)
        assert 1.5 < speed.mean() < 3 and speed.max() < 5
        assert (truth.masks[0].flatten(1).sum(1) > 200).all()  # seen whole, on every frame
        assert not (truth.masks[0] & (truth.areas[0] < 0.5)).any()
        assert truth.edit.mask.float().mean() < 0.6


def test_the_way_begins_where_the_old_sprite_was():
    """Same place, another way: else the edited first frame would not fit the source."""
    one = make_edit(5, "motion", frames=60, height=128, width=128, roam_px=40.0, speed_px=(2.0, 3.0))
    assert torch.allclose(one.target[0], one.source[0], atol=0.05)
    assert (one.target[30] - one.source[30]).abs().max() > 0.2


def test_the_true_video_has_no_error(truth):
    segments = measure_segments(truth, truth.target, LENGTH)
    assert len(segments) == 3
    for segment in segments:
        assert segment.outside_psnr > 99 and segment.path_error < 0.5 and segment.appearance > 0.999


def test_what_goes_wrong_late_shows_in_late_segments_alone(truth):
    output = truth.target.clone()
    output[28:] = output[28:].roll(3, -1)
    first, second, third = measure_segments(truth, output, LENGTH)
    assert first == measure_segments(truth, truth.target, LENGTH)[0] and second.outside_psnr > 99
    assert third.path_error == pytest.approx(3, abs=0.5)
    assert third.appearance > 0.95  # the same sprite, elsewhere
    assert third.outside_psnr < 60


def test_a_sprite_that_is_gone_is_half_a_frame_off_and_like_nothing(truth):
    segments = measure_segments(truth, torch.full_like(truth.target, 0.5), LENGTH)
    assert [(segment.path_error, segment.appearance) for segment in segments] == [(64, 0)] * 3


def test_correlation_ignores_brightness_and_contrast():
    one = torch.rand(2, 3, 5, 5)
    assert torch.allclose(correlation(one, one * 0.3 + 0.2), torch.ones(2))
    assert torch.allclose(correlation(one, -one), -torch.ones(2))


def test_the_table_says_first_last_and_mean(truth):
    segments = measure_segments(truth, truth.target, LENGTH)
    mean = mean_segments([segments, segments])
    assert mean == segments
    header, _, row = drift_table({"default": mean}).splitlines()
    assert row.startswith("| default | 100.0, 100.0, 100.0 |") and row.count("|") == header.count("|")


@pytest.mark.slow
def test_a_random_model_is_measured_end_to_end(checkpoint, tmp_path, capsys):
    folder = tmp_path / "drift"
    main([str(checkpoint), "--clips=1", "--frames=16", "--steps=1", "--no-plot", f"--output={folder}"])
    written = json.loads((folder / "drift.json").read_text())
    assert {name: len(segments) for name, segments in written.items()} == {"default": 2, "paper's chain": 2}
    assert "paper's chain" in capsys.readouterr().out
