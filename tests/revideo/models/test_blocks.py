"""Our way through diffusers' blocks against their own."""

import copy
from dataclasses import replace

import pytest
import torch
from diffusers.models.resnet import SpatioTemporalResBlock
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from torch import Tensor

import revideo
from revideo.models.blocks import run_plainly
from revideo.pipeline.memory_plan import Plan
from revideo.sampling.samplers import SamplerOptions


def relative_rms(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).square().mean().sqrt() / expected.square().mean().sqrt()).item()


@pytest.fixture
def plainly(golden):
    """Whether the golden model runs diffusers' own code, both guidance branches in one batch."""
    model = golden.model

    def switch(plain: bool) -> None:
        for network in (model.unet, model.controlnet):
            run_plainly(network, plain)
        model.plan = Plan(branches=2 if plain else 1)

    yield switch
    switch(False)


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("moving", [False, True], ids=["area stays", "area moves"])
def test_a_whole_run_differs_from_the_plain_one_by_rounding(golden, plainly, moving):
    conditions = golden.conditions
    if moving:
        mask = torch.stack([frame.roll(8 * number, -1) for number, frame in enumerate(conditions.mask)])
        conditions = replace(conditions, mask=mask)
    options = SamplerOptions(steps=8)
    ours = golden.model.sample(conditions, options)
    plainly(True)
    plain = golden.model.sample(conditions, options)
    assert not torch.equal(ours, plain)
    assert relative_rms(ours, plain) < 1e-4


@pytest.mark.device
@torch.no_grad()
def test_diffusers_own_blocks_run_only_where_asked_for(golden_b, monkeypatch):
    ran = []
    for kind in (SpatioTemporalResBlock, TransformerSpatioTemporalModel):
        own = kind.forward
        monkeypatch.setattr(kind, "forward", lambda *given, own=own, **named: ran.append(given) or own(*given, **named))
    options = replace(golden_b.options, steps=1)
    golden_b.model.sample(golden_b.conditions, options)
    assert not ran
    for network in (golden_b.model.unet, golden_b.model.controlnet):
        run_plainly(network)
    try:
        golden_b.model.sample(golden_b.conditions, options)
    finally:
        for network in (golden_b.model.unet, golden_b.model.controlnet):
            run_plainly(network, False)
    assert ran


@pytest.mark.device
def test_gradients_are_those_of_diffusers_blocks(golden_b, device):
    """A block's output with gradients asked for is diffusers' own, and each weight gets one."""
    block = copy.deepcopy(golden_b.model.unet.down_blocks[0].resnets[0]).requires_grad_()
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(4, block.spatial_res_block.in_channels, 8, 8, generator=generator).to(device)
    embedding = torch.randn(1, block.spatial_res_block.time_emb_proj.in_features, generator=generator).expand(4, -1)
    embedding, still = embedding.to(device), torch.zeros(1, 4, device=device)
    out = block(hidden, embedding, still)
    gradients = torch.autograd.grad(out.square().sum(), list(block.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    with torch.no_grad():
        rounding = 1e-6 if device.type == "cpu" else 1e-5  # a card has other kernels for convolutions over time
        assert relative_rms(block(hidden, embedding, still), out) < rounding


@torch.no_grad()
def test_inputs_are_left_as_they_were(golden_b):
    """A skip connection is read again later."""
    block = golden_b.model.unet.down_blocks[0]
    hidden = torch.randn(4, block.resnets[0].spatial_res_block.in_channels, 8, 8)
    hidden = hidden.contiguous(memory_format=torch.channels_last)
    embedding = torch.randn(4, block.resnets[0].spatial_res_block.time_emb_proj.in_features)
    image = torch.randn(4, 1, golden_b.config.unet.context_dim)
    before = hidden.clone()
    inner = block.resnets[0](hidden, embedding, torch.zeros(1, 4))
    assert torch.equal(hidden, before)
    before = inner.clone()
    block.attentions[0](inner, image, torch.zeros(1, 4))
    assert torch.equal(inner, before)


@pytest.mark.device
@pytest.mark.slow
def test_the_next_run_knows_nothing_of_the_last(golden_b, device):
    """Neither conditions nor weights of an earlier run are kept: a model that ran before equals a fresh one."""
    used = revideo.load(golden_b.checkpoint, golden_b.config, torch.float32, device)
    options = replace(golden_b.options, steps=2)
    used.sample(golden_b.conditions, options)
    other = replace(golden_b.conditions, reference=-golden_b.conditions.reference)
    fresh = revideo.load(golden_b.checkpoint, golden_b.config, torch.float32, device)
    for model in (used, fresh):
        model.unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_v.weight.data.mul_(2)
    assert torch.equal(used.sample(other, options), fresh.sample(other, options))
