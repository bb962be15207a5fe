"""The model's attention is ComfyUI's choice: by its command line, or what it takes on a device."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from comfy_process import load_pack
from native_parts import GOLDEN, write_golden
from safetensors.torch import load_file
from torch.testing import assert_close

Choose = Callable[..., list[torch.Size]]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_golden("b", tmp_path_factory.mktemp("golden"))


@pytest.fixture
def attention() -> ModuleType:
    """ComfyUI's module of attention."""
    load_pack()
    import comfy.ldm.modules.attention

    return comfy.ldm.modules.attention


@pytest.fixture
def choose(attention: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Choose:
    """ComfyUI as if started with an attention, by an option: the list of queries that it will get."""

    def chosen(name: str, option: str | None = None) -> list[torch.Size]:
        from comfy.cli_args import args

        calls, own = [], getattr(attention, name)

        def recorded(query, *given, **named):
            calls.append(query.shape)
            return own(query, *given, **named)

        monkeypatch.setattr(attention, name, recorded)
        monkeypatch.setattr(attention, "optimized_attention", recorded)
        if option:
            monkeypatch.setattr(args, option, True)
        return calls

    return chosen


def sample(checkpoint: Path, managed: bool) -> torch.Tensor:
    from pack import revideo
    from pack.nodes.model import manage

    recorded = load_file(GOLDEN / "b/reference.safetensors")
    names = ("reference", "content", "motion")
    conditions = revideo.Conditions(**{name: recorded[name] for name in names}, mask=recorded["region"])
    model = revideo.load(checkpoint, dtype=torch.float32, device="cpu")
    return (manage(model) if managed else model).sample(conditions, revideo.SamplerOptions(steps=2))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, option",
    [("attention_split", "use_split_cross_attention"), ("attention_sub_quad", "use_quad_cross_attention")],
)
def test_what_the_user_asked_for_attends_and_gives_the_same_to_rounding(checkpoint, choose, name, option):
    calls = choose(name, option)
    found = sample(checkpoint, managed=True)
    assert len({shape[2] for shape in calls}) > 1  # over places and over frames
    asked = len(calls)
    assert_close(found, sample(checkpoint, managed=False), atol=1e-4, rtol=1e-4)
    assert asked and len(calls) == asked


@pytest.mark.slow
@pytest.mark.parametrize("name", ["attention_pytorch", "attention_sub_quad"])
def test_torch_s_attention_and_a_cpu_s_default_change_nothing(checkpoint, choose, name):
    calls = choose(name)
    assert torch.equal(sample(checkpoint, managed=True), sample(checkpoint, managed=False))
    assert not calls


@pytest.mark.parametrize("name", ["attention_sage", "attention_flash"])
def test_what_takes_half_precision_alone_gets_no_other(attention, choose, monkeypatch, name):
    from pack.nodes.model import chosen_attention

    monkeypatch.setattr(attention, name, attention.attention_split)  # there is no card here to run them
    calls = choose(name)
    attend = chosen_attention(torch.device("cuda"))
    given = torch.randn(3, 2, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.scaled_dot_product_attention(*given)
    assert torch.equal(attend(*given), expected) and not calls
    for dtype in (torch.float16, torch.bfloat16):
        assert_close(attend(*given.to(dtype)).float(), expected, atol=0.05, rtol=0.05)
    assert len(calls) == 2
    assert chosen_attention(torch.device("cpu")) is None
