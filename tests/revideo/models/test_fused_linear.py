"""Linear layers with what follows them, against the same in double precision."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import revideo
from revideo.checkpoints.reading import load_parts
from revideo.models import fused_linear
from revideo.models.fused_linear import FusedLinear, has_fused_linear
from revideo.sampling.samplers import SamplerOptions


def relative_rms(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).double().square().mean().sqrt() / expected.double().square().mean().sqrt()).item()


def exactly(layer: nn.Linear, tokens: Tensor, plus: Tensor | None, gated: bool) -> Tensor:
    bias = None if layer.bias is None else layer.bias.double()
    made = F.linear(tokens.double(), layer.weight.double(), bias)
    if gated:
        values, gates = made.chunk(2, -1)
        made = values * F.gelu(gates)
    return made if plus is None else made + plus.double()


@pytest.fixture(params=["fused", "not fused"])
def fusing(request, monkeypatch):
    if request.param == "not fused":
        monkeypatch.setattr(fused_linear, "has_fused_linear", lambda dtype: False)
    elif not has_fused_linear(torch.float32):
        pytest.skip("torch has no oneDNN here")


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("added", "gated"), [(False, False), (True, False), (False, True)])
def test_every_call_is_the_sum_that_it_says(fusing, gradients, bias, added, gated):
    generator = torch.Generator().manual_seed(0)
    layer = FusedLinear(48, 80, bias=bias)
    for tokens, plus in (
        (torch.randn(3, 7, 48, generator=generator), torch.randn(3, 7, 80, generator=generator)),
        # In another order in memory, as frames and places are exchanged.
        (torch.randn(7, 3, 48, generator=generator).mT.mT.transpose(0, 1), torch.randn(7, 3, 80).transpose(0, 1)),
        (torch.randn(1, 48, generator=generator), torch.randn(1, 80, generator=generator)),
        (torch.randn(0, 48), torch.randn(0, 80)),
    ):
        before = tokens.clone(), plus.clone()
        with torch.set_grad_enabled(gradients):
            found = layer(tokens, plus if added else None, gated)
        expected = exactly(layer, tokens, plus if added else None, gated)
        assert found.shape == expected.shape
        assert not len(tokens) or relative_rms(found, expected) < 1e-6
        assert torch.equal(tokens, before[0]) and torch.equal(plus, before[1])


class Lent(nn.Module):
    """What others put into a layer's place, as for a LoRA: it takes tokens and nothing else."""

    def __init__(self, layer: FusedLinear) -> None:
        super().__init__()
        self.layer, self.out_features = layer, layer.out_features

    def forward(self, tokens: Tensor) -> Tensor:
        return self.layer(tokens)


@torch.no_grad()
def test_layers_that_others_put_in_their_place_or_hook_are_called(golden_b):
    own = golden_b.model.unet.down_blocks[0].attentions[0]
    calls = []
    hooked, replaced = copy.deepcopy(own), copy.deepcopy(own)
    layers = [name for name, layer in own.named_modules() if isinstance(layer, FusedLinear)]
    for name in layers:
        hooked.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.append(name))
        replaced.set_submodule(name, Lent(replaced.get_submodule(name)))
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(4, own.proj_in.in_features, 8, 8, generator=generator)
    image = torch.randn(4, 1, golden_b.config.unet.context_dim, generator=generator)
    results = [block(hidden, image, torch.zeros(1, 4))[0] for block in (own, hooked, replaced)]
    idle = {name for name in layers if name.endswith(("attn2.to_q", "attn2.to_k"))}  # attention to one token
    assert idle and set(calls) == set(layers) - idle
    for other in results[1:]:
        assert relative_rms(other, results[0]) < 1e-6


def test_without_onednn_an_edit_is_the_same_to_rounding(golden_b, monkeypatch):
    options = SamplerOptions(steps=3)
    fused = golden_b.model.sample(golden_b.conditions, options)
    monkeypatch.setattr(fused_linear, "has_fused_linear", lambda dtype: False)
    assert relative_rms(golden_b.model.sample(golden_b.conditions, options), fused) < 1e-5


def test_what_a_processor_lacks_is_not_asked_of_it(monkeypatch):
    monkeypatch.setattr(fused_linear.platform, "machine", lambda: "riscv64")
    has_fused_linear.cache_clear()
    try:
        assert not has_fused_linear(torch.float32)
    finally:
        has_fused_linear.cache_clear()
    assert not has_fused_linear(torch.float16)


def test_convolutions_laid_out_once_hold_the_same_weights(golden_b):
    model = revideo.load(golden_b.checkpoint, golden_b.config, dtype=torch.float32)
    as_stored, _ = load_parts(golden_b.checkpoint, golden_b.config, torch.float32)
    for name in ("unet", "controlnet", "vae"):
        stored = as_stored[name].state_dict()
        for key, weight in getattr(model, name).state_dict().items():
            assert torch.equal(weight, stored[key])
    weights = [module.weight for module in model.unet.modules() if isinstance(module, nn.Conv2d)]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
    assert not all(weight.is_contiguous() for weight in weights)
