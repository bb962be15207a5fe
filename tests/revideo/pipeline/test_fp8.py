"""Weights stored in eight bits: half the memory, the rounded model, wherever its layers are."""

from dataclasses import replace

import pytest
import torch

import revideo
from revideo.checkpoints.reading import PARTS
from revideo.editing.model import ReVideo
from revideo.editing.window_cache import identify
from revideo.pipeline import layerwise
from revideo.pipeline.loading import FP8
from revideo.pipeline.memory_estimate import weight_bytes
from revideo.pipeline.memory_plan import Plan


@pytest.fixture
def stored(golden_b, device):
    return revideo.load(golden_b.checkpoint, golden_b.config, torch.float32, device, fp8=True)


@pytest.fixture
def rounded(golden_b, stored, device):
    """The exact path with the same weights."""
    model = revideo.load(golden_b.checkpoint, golden_b.config, torch.float32, device)
    model.unet.load_state_dict(stored.unet.state_dict())
    model.controlnet.load_state_dict(stored.controlnet.state_dict())
    return model


@pytest.mark.device
def test_what_is_stored_is_a_quarter_of_float32_but_for_little(golden_b, stored):
    for network in (stored.unet, stored.controlnet):
        for name, weight in network.named_parameters():
            exact = any(part in name for part in ("norm", "mix_factor", "pos_embed"))
            assert weight.dtype == (torch.float32 if exact else FP8), name
        assert network.dtype == torch.float32
    assert {weight.dtype for weight in stored.vae.parameters()} == {torch.float32}
    assert weight_bytes(stored.unet) < 0.3 * weight_bytes(golden_b.model.unet)


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("plan", [Plan(), Plan(branches=2), Plan(model_offload=True, layerwise_offload=True)])
def test_it_samples_as_the_model_of_the_rounded_weights_does(golden_b, stored, rounded, plan, assert_same):
    options = replace(golden_b.options, steps=2)
    rounded.apply_plan(Plan(branches=plan.branches))
    stored.apply_plan(plan)
    found = stored.sample(golden_b.conditions, options)
    assert_same(found, rounded.sample(golden_b.conditions, options))
    assert not torch.allclose(found, golden_b.model.sample(golden_b.conditions, options), atol=1e-3)
    assert weight_bytes(stored.unet) < 0.3 * weight_bytes(rounded.unet)  # again, after the work


def test_layers_that_are_cast_come_on_no_stream_of_their_own(golden_b, stored, monkeypatch):
    """Cast weights are freed before they are read: the next layer's could lie upon them."""
    streamed = []
    monkeypatch.setattr(layerwise, "apply_group_offloading", lambda *_, use_stream, **__: streamed.append(use_stream))
    exact = golden_b.model
    for model in (stored, exact):
        on_card = ReVideo({name: getattr(model, name) for name in PARTS}, model.config, "cuda")
        on_card.apply_plan(Plan(model_offload=True, layerwise_offload=True))
    assert streamed == [False, False, True, True]


def test_its_windows_are_not_those_of_the_exact_model(golden_b, stored):
    assert identify(stored) != identify(golden_b.model)


def test_a_device_without_such_weights_is_named(golden_b, monkeypatch):
    def to(*_):
        raise TypeError(
            "Trying to convert Float8_e4m3fn to the MPS backend but it does not have support for that dtype"
        )

    monkeypatch.setattr(torch.Tensor, "to", to)
    with pytest.raises(ValueError, match="cpu has no fp8 weights: load the model without fp8"):
        revideo.load(golden_b.checkpoint, device="cpu", fp8=True)
