"""The native route's ControlNet on a simulated device (tests/simulated_device.py), in half precision."""

import pytest
import torch
from native_parts import Golden, load_golden, write_golden
from simulated_device import device_of, simulated


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    return load_golden("b", tmp_path_factory.mktemp("golden"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "device, dtype, in_part",
    [("cuda", torch.float16, False), ("cuda", torch.bfloat16, True), ("mps", torch.float16, True)],
)
def test_residuals_are_made_where_the_latents_are(
    golden: Golden, tmp_path_factory: pytest.TempPathFactory, device: str, dtype: torch.dtype, in_part: bool
):
    from pack.nodes.native.control_net import ReVideoControl
    from pack.revideo.checkpoints.reading import load_control

    part = load_control(write_golden("b", tmp_path_factory.mktemp("file")), dtype=dtype)
    recorded, sigma = golden.recorded, 2.0
    with simulated(device), torch.inference_mode():
        card = torch.device(device, 0)
        control = ReVideoControl(part, card).with_conditions(golden.conditions, 1.0, (0.0, 1.0))
        [patcher] = control.get_models()
        patcher.load(card, lowvram_model_memory=1 if in_part else 0)
        base = golden.native.model.model
        control.pre_run(base, base.model_sampling.percent_to_sigma)
        x = (recorded["noise"] * sigma).repeat(2, 1, 1, 1).to(card)
        count = len(x) // 2
        cond = {
            "c_crossattn": recorded["cond.crossattn"].expand(2 * count, -1, -1).to(card),
            "c_concat": recorded["cond.concat"].expand(2 * count, -1, -1, -1).to(card),
            "y": recorded["cond.vector"][:1].expand(2 * count, -1).to(card),
        }
        found = control.get_control(x, torch.full((2 * count,), sigma, device=card), cond, 2, {})
        assert {device_of(each) for each in [*found["output"], *found["middle"]]} == {card}
        assert {each.dtype for each in found["output"]} == {dtype}
