"""The tables of a model's edits: a table for each part, nothing sampled twice, numbers that are the truth's."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from benchmarks import edits
from benchmarks.edits import BOTH, CASES, EDIT, EDIT_TABLES, LOCK, UNSEEN, EditCase, Measurements, course, curves, main
from revideo import SamplerOptions, load
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.synthetic.measures import measure_edit


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Of a random model with a window of three frames."""
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    write_random_checkpoint(path, replace(SMALL, unet=replace(SMALL.unet, num_frames=3)))
    return path


@pytest.fixture
def measurements(path, monkeypatch):
    """Of two clips each, by what makes the truth, but for 0.1 outside the areas, 0.01 where latents are locked."""
    measured = Measurements(load(path, device="cpu"), SamplerOptions(steps=2, cfg_last=1.0), 2, (64, 128))

    def made(truth, way):
        measured.asked.append(way)
        strayed = {EDIT: 0.1, LOCK: 0.01}.get(way, 0.0)
        return truth.target + strayed * ~truth.edit.masks(0, 3)

    measured.asked = []
    monkeypatch.setattr(measured, "made", made)
    return measured


def cells(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.slow
def test_a_random_model_is_measured_end_to_end(path, tmp_path, capsys):
    size = ["--clips", "1", "--steps", "1", "--height", "64", "--width", "128"]
    parts = ["cases", "no-motion", "fusion", "frames"]
    chart = tmp_path / "frames.png"
    main([str(path), *size, "--cases", "both", "removed", "--parts", *parts, "--chart", str(chart)])
    tables = capsys.readouterr().out.strip().split("\n\n")
    assert [table.rstrip(":") for table in tables[::2]] == [EDIT_TABLES[part][0] for part in parts]
    for table in tables[1::2]:
        assert len({row.count("|") for row in table.splitlines()}) == 1
    every, motionless = ([" ".join(cells(row)[:2]) for row in table.splitlines()[2:]] for table in tables[1:4:2])
    assert every == ["both edit", "both autoencoder", "removed edit", "removed autoencoder"]
    assert motionless == ["both no motion"]  # a removal has none
    assert chart.read_bytes().startswith(b"\x89PNG")


def test_no_clip_is_sampled_twice(measurements):
    for _, rows in EDIT_TABLES.values():
        list(rows(measurements, CASES))
    # 6 cases, 2 other ways to go, scenes never seen; 5 cases that have motion; 6 cases and those scenes; 6 cases
    assert {way: measurements.asked.count(way) for way in dict.fromkeys(measurements.asked)} == {
        "edit": 2 * 9,
        "no motion": 2 * 5,
        "autoencoder": 2 * 7,
        "latent lock": 2 * 6,
        "whole frame": 2,
        "whole frame restyled": 2,
        "whole frame restyled, no motion": 2,
    }


def test_the_lock_s_gain_is_that_of_each_clip(measurements):
    removed = EditCase("removed", "removed")
    _, of_both, of_removed, of_all = edits.lock_rows(measurements, [BOTH, removed])
    assert cells(of_both)[1:4] == ["20.00", "40.00", "20.00 ± 0.00"]
    assert cells(of_both)[-1] == "1.00 ×"
    assert cells(of_removed)[1:] == ["20.00", "40.00", "20.00 ± 0.00", "–", "–", "–"]
    assert cells(of_all)[1:4] == ["20.00", "40.00", "20.00 ± 0.00"]


def test_scenes_never_seen_are_plain_and_at_rest(measurements):
    for truth in measurements.edits(UNSEEN):
        assert (truth.source == truth.source[:1]).all()
        assert (truth.target != truth.target[:1]).any()
        assert all(look.shape in ("disc", "square") and look.pattern == "solid" for look in truth.appearances)


def test_ways_are_the_model_s_own(path, monkeypatch):
    model, seen = load(path, device="cpu"), []
    measured = Measurements(model, SamplerOptions(steps=2, cfg_last=1.0), 1, (64, 128))
    [truth] = measured.edits(BOTH)
    result = SimpleNamespace(frames=truth.target)
    monkeypatch.setattr(model, "edit", lambda _, edit, options, **__: seen.append((edit, options)) or result)
    assert measured.metrics(BOTH, EDIT) == [measure_edit(truth, truth.target)]
    measured.of(BOTH, LOCK)
    measured.of(BOTH, "no motion")
    assert [options.latent_lock for _, options in seen] == [False, True, False]
    assert [edit.trajectories.num_trajectories for edit, _ in seen] == [1, 1, 0]


def test_curves_are_means_over_clips_frame_by_frame():
    clips = [
        SimpleNamespace(ious=torch.tensor([1.0, iou, 0.0]), psnrs=torch.tensor([100.0, 20.0, 10.0]))
        for iou in (0.5, 0.7)
    ]
    found = curves(clips)
    assert [mean for mean, _ in found["IoU"]] == pytest.approx([1.0, 0.6, 0.0])
    assert [half for _, half in found["IoU"]] == pytest.approx([0.0, 12.706 * 0.1, 0.0], abs=1e-3)
    assert [mean for mean, _ in found["sprite PSNR, dB"]] == [100.0, 20.0, 10.0]


def test_the_fusion_weights_are_those_inside_and_outside(measurements, monkeypatch):
    weights = SimpleNamespace(sigmas=[700.0, 0.002], means=lambda: ([0.2, 0.1], [0.5, 0.5]))
    monkeypatch.setattr(edits, "fusion_weights", lambda *_: weights)
    _, high, low, summary = edits.fusion_rows(measurements, BOTH)
    assert cells(high) == ["700", "0.20 ± 0.00", "0.50 ± 0.00", "0.30 ± 0.00"]
    assert cells(low) == ["0.002", "0.10 ± 0.00", "0.50 ± 0.00", "0.40 ± 0.00"]
    assert cells(summary)[1:] == ["rises", "not monotone", "falls"]


def test_courses():
    assert [course(values) for values in ([1, 2, 3], [3, 2, 1], [1, 1], [1, 3, 2])] == [
        "rises",
        "falls",
        "not monotone",
        "not monotone",
    ]
