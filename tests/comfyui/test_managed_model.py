"""A model in the hands of ComfyUI's own model management, on a simulated device (tests/simulated_device.py)."""

from pathlib import Path

import pytest
import torch
from comfy_process import load_pack
from simulated_device import device_of, simulated


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    load_pack()
    from pack.revideo.checkpoints.random_weights import write_random_checkpoint

    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    write_random_checkpoint(path)
    return path


@pytest.mark.parametrize("kind", ["cpu", "privateuseone"])
def test_where_comfyui_knows_no_memory_none_is_planned(checkpoint, kind):
    """DirectML, the second, has one GiB for it, whatever the card."""
    from pack import revideo
    from pack.nodes.model import plan_memory
    from pack.revideo.pipeline.memory_plan import Plan

    model = revideo.load(checkpoint, device="cpu")
    model.device = torch.device(kind)
    assert plan_memory(model, (64, 64), revideo.SamplerOptions()) == "" and model.plan == Plan()


@pytest.mark.slow
def test_networks_are_where_a_plan_has_them_also_after_a_tighter_one(checkpoint, monkeypatch):
    import comfy.model_management as management
    from pack import revideo
    from pack.nodes.model import manage
    from pack.revideo.pipeline.memory_plan import Plan

    card, options = torch.device("cuda", 0), revideo.SamplerOptions(steps=1)
    monkeypatch.setattr(management, "get_torch_device", lambda: card)
    plenty = 10**12
    free = lambda _, torch_free_too=False: (plenty, plenty) if torch_free_too else plenty  # noqa: E731
    monkeypatch.setattr(management, "get_free_memory", free)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: None)
    with simulated("cuda"):
        model = manage(revideo.load(checkpoint, dtype=torch.float16, device="cpu"))
        frames, size = model.config.unet.num_frames, (64, 64)
        noise = torch.rand(frames, 3, *size, generator=torch.Generator().manual_seed(0))
        mask = torch.zeros(frames, 1, *size)
        mask[:, :, 8:40, 8:40] = 1
        conditions = revideo.Conditions(noise[0] * 2 - 1, noise, torch.zeros(frames, 2, *size), mask)

        def loaded() -> int:
            managed = [each.model for each in management.current_loaded_models]
            return sum(each.loaded_size() for each in managed if each.model.network in (model.unet, model.controlnet))

        def on() -> set[str]:
            return {device_of(weight).type for net in (model.unet, model.controlnet) for weight in net.parameters()}

        expected = model.sample(conditions, options)
        everything = loaded()
        assert everything and on() == {"cuda"}
        for _ in range(2):
            model.apply_plan(Plan(model_offload=True, layerwise_offload=True))
            assert torch.equal(model.sample(conditions, options), expected)
            assert not loaded()
            model.apply_plan(Plan())
            assert torch.equal(model.sample(conditions, options), expected)
            assert loaded() == everything and on() == {"cuda"}
