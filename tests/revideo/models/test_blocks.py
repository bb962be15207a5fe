"""Our way through diffusers' blocks against their own."""

import copy
from dataclasses import replace

import pytest
import torch
from diffusers.models.resnet import SpatioTemporalResBlock
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from simulated_device import simulated
from torch import Tensor
from torch.testing import assert_close

import revideo
from revideo.models import blocks
from revideo.models.blocks import lay_out_pictures, run_plainly, under_autocast, without_effect
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
    """Of every weight and every input, over two clips; what makes the image's query has none but rounding in theirs."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device)

    unet = golden_b.model.unet
    block = copy.deepcopy(unet.down_blocks[0]).requires_grad_()  # residual blocks, transformers, a smaller size
    for module in block.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.num_groups = 8  # one of each channel would take away what the noise level adds
    width = block.resnets[0].spatial_res_block.time_emb_proj.in_features
    given = {
        "hidden_states": draw(6, block.resnets[0].spatial_res_block.in_channels, 8, 12),
        "temb": draw(2, width),
        "encoder_hidden_states": draw(2, 1, golden_b.config.unet.context_dim),
    }
    seen = draw(6, block.downsamplers[0].out_channels, 4, 6)

    def gradients(plain: bool) -> dict[str, Tensor | None]:
        run_plainly(block, plain)
        block.zero_grad(set_to_none=True)
        inputs = {name: tensor.clone().requires_grad_() for name, tensor in given.items()}
        frames = {name: t if name == "hidden_states" else t.repeat_interleave(3, 0) for name, t in inputs.items()}
        hidden, _ = block(**frames, image_only_indicator=torch.zeros(2, 3, device=device))
        (hidden * seen).sum().backward()
        return {name: tensor.grad for name, tensor in (*block.named_parameters(), *inputs.items())}

    ours, theirs = gradients(False), gradients(True)
    idle = {id(weight) for weight in without_effect(block)}
    idle_names = {name for name, weight in block.named_parameters() if id(weight) in idle}
    assert {name for name, gradient in ours.items() if gradient is None} == idle_names
    largest = max(gradient.abs().max() for gradient in theirs.values())
    assert idle_names and all(theirs[name].abs().max() < 1e-6 * largest for name in idle_names)
    for name in ours.keys() - idle_names:
        assert relative_rms(ours[name], theirs[name]) < 1e-4, name


@pytest.mark.device
def test_the_numbers_with_gradients_are_those_without(golden_b, device):
    block = golden_b.model.unet.down_blocks[0]
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(4, block.resnets[0].spatial_res_block.in_channels, 8, 8, generator=generator).to(device)
    embedding = torch.randn(1, block.resnets[0].spatial_res_block.time_emb_proj.in_features, generator=generator)
    image = torch.randn(1, 1, golden_b.config.unet.context_dim, generator=generator)
    given = hidden, embedding.expand(4, -1).to(device), image.expand(4, -1, -1).to(device), torch.zeros(1, 4).to(device)
    with torch.no_grad():
        without, _ = block(*given[:3], image_only_indicator=given[3])
    kept, _ = block(*given[:3], image_only_indicator=given[3])
    assert relative_rms(kept, without) < (1e-6 if device.type == "cpu" else 1e-5)  # a card has other kernels


@torch.no_grad()
def test_tokens_that_go_through_in_pieces_come_out_as_they_do_together(golden_b, monkeypatch):
    block = golden_b.model.unet.down_blocks[0].attentions[0]
    image = torch.randn(6, 1, golden_b.config.unet.context_dim)
    hidden = torch.randn(6, block.in_channels, 8, 12)
    given = hidden, image[::3].repeat_interleave(3, 0), torch.zeros(2, 3)
    results = {}
    for widest in (2**30, 4 * 2 * 96 * block.in_channels, 4 * 7 * 3 * block.in_channels, 1):
        # All; two frames, and all places; part of a frame, and seven places; one of each.
        monkeypatch.setattr(blocks, "WIDEST_CPU", widest)
        (results[widest],) = block(*given)
    together, *others = results.values()
    for other in others:
        assert_close(other, together)


@torch.no_grad()
def test_rows_that_a_card_cannot_count_are_attended_to_some_at_a_time(golden_b, monkeypatch):
    block = golden_b.model.unet.down_blocks[0].attentions[0]
    heads = block.transformer_blocks[0].attn1.heads
    image = torch.randn(6, 1, golden_b.config.unet.context_dim)
    hidden = torch.randn(6, block.in_channels, 8, 12)
    given = hidden, image[::3].repeat_interleave(3, 0), torch.zeros(2, 3)
    (expected,) = block(*given)
    rows, own = [], torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        torch.nn.functional, "scaled_dot_product_attention", lambda *qkv: rows.append(len(qkv[0])) or own(*qkv)
    )
    monkeypatch.setattr(blocks, "MOST_ROWS", 40 * heads + 1)
    assert torch.equal(block(*given)[0], expected) and max(rows) == 96  # a CPU counts on
    rows.clear()
    with simulated("cuda"):
        (found,) = copy.deepcopy(block).to("cuda")(*(each.to("cuda") for each in given))
        found = found.cpu()
    assert max(rows) == 40
    assert_close(found, expected)


@pytest.mark.device
@torch.no_grad()
def test_pictures_that_lie_in_memory_otherwise_give_the_same_and_are_left_as_they_were(golden_b, device):
    block = copy.deepcopy(golden_b.model.unet.down_blocks[0])
    hidden = torch.randn(6, block.resnets[0].spatial_res_block.in_channels, 8, 12).to(device)
    embedding = torch.randn(6, block.resnets[0].spatial_res_block.time_emb_proj.in_features).to(device)
    image = torch.randn(6, 1, golden_b.config.unet.context_dim).to(device)
    given = hidden, embedding[::3].repeat_interleave(3, 0), image[::3].repeat_interleave(3, 0)
    expected, _ = block(*given, image_only_indicator=torch.zeros(2, 3, device=device))
    lay_out_pictures(block, torch.contiguous_format)
    before = hidden.clone()
    found, _ = block(*given, image_only_indicator=torch.zeros(2, 3, device=device))
    assert torch.equal(hidden, before)
    assert relative_rms(found, expected) < 1e-5


def test_a_device_without_autocast_is_never_under_it():
    with torch.autocast("cpu"):
        for name in ("meta", "privateuseone", "vulkan"):  # DirectML is the second
            assert not under_autocast(torch.device(name))
        assert under_autocast(torch.device("cpu"))
    assert not under_autocast(torch.device("cpu"))


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
