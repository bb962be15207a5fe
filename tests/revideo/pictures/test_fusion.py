"""What the pictures of SAFM's weight say is what the model computes."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from revideo.checkpoints.random_weights import SMALL, random_parts
from revideo.pictures.fusion import FusionWeights, fusion_picture, fusion_weights
from revideo.pipeline.pipeline import Pipeline


def test_the_maps_are_the_recorded_weights(golden):
    """Γ = 1 − w, a mean over channels, of the recorded w at its noise level."""
    reference = golden.reference
    sigmas = torch.tensor([golden.settings["sampling"]["probe_sigma"], 0.0])
    mask = golden.conditions.mask[0, 0]
    found = fusion_weights(golden.model, mask, golden.options, sigmas=sigmas)
    assert_close(found.maps[0], 1 - reference["probe.safm_weight"][0].mean(0), atol=1e-5, rtol=1e-5)


def test_steps_run_evenly_from_the_first_to_the_last(golden_b):
    mask = golden_b.conditions.mask[0, 0]
    options = replace(golden_b.options, steps=9)
    found = fusion_weights(golden_b.model, mask, options, shown=5)
    assert found.steps == [1, 3, 5, 7, 9]
    assert found.sigmas[0] == pytest.approx(options.sigma_max, rel=1e-4)
    assert found.sigmas[-1] == pytest.approx(options.sigma_min, rel=1e-4)
    assert len(fusion_weights(golden_b.model, mask, replace(options, steps=2), shown=5).steps) == 2


def test_a_sum_has_no_weights_to_draw(golden_b):
    config = replace(SMALL, control=replace(SMALL.control, fusion="sum"))
    model = Pipeline(random_parts(config, torch.float32, "cpu"), config, "cpu")
    with pytest.raises(ValueError, match='its fusion is "sum"'):
        fusion_weights(model, torch.ones(64, 64), golden_b.options)


def test_means_are_of_what_lies_inside_and_outside():
    mask = torch.zeros(32, 32)
    mask[:16] = 1
    maps = torch.zeros(1, 4, 4)
    maps[:, 2:] = 0.75
    maps[:, :2] = 0.25
    assert FusionWeights([1], [700.0], maps, mask).means() == ([0.25], [0.75])


def test_the_picture_shows_the_area_then_each_step():
    mask = torch.zeros(64, 64)
    mask[16:48, 16:48] = 1
    maps = torch.stack([torch.full((8, 8), value) for value in (0.0, 0.5, 1.0)])
    picture = fusion_picture(FusionWeights([1, 2, 3], [700.0, 2.0, 0.002], maps, mask))
    assert picture.shape[0] == 3
    assert ((picture >= 0) & (picture <= 1)).all()
    flat = (picture * 255).round().long().flatten(1).T
    for colour in ((255, 255, 255), (68, 1, 84), (253, 231, 37)):  # the area; viridis' ends
        assert (flat == torch.tensor(colour)).all(1).sum() > 5000
    everywhere = fusion_picture(FusionWeights([1], [1.0], maps[:1], torch.ones(64, 64)))  # no outside: no mean of it
    assert everywhere.shape[0] == 3
