"""What saves time computes what it says, and nothing else; switched off it changes nothing."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from revideo import make_conditions
from revideo.models.unet import Residuals
from revideo.pipeline.memory_plan import Plan
from revideo.sampling.control_cache import ControlCache
from revideo.sampling.samplers import SamplerOptions


class CountingControl:
    """Residuals that tell which call they are of, two numbers a branch."""

    def __init__(self):
        self.calls = []  # noise level and branches

    def __call__(self, latents, c_noise, context, time_ids, fused):
        self.calls.append((c_noise[0].item(), len(latents)))
        told = torch.arange(2.0 * len(latents)) + 100 * len(self.calls)
        return Residuals([told, told + 0.5], told + 0.25)


def step(control, level, branches=1, at_once=True):
    """Residuals of a whole step, its middle ones of all branches."""
    control.begin(level, branches)
    nothing, sizes = torch.empty(0), [branches] if at_once else [1] * branches
    parts = [
        control(torch.zeros(size, 1), torch.full((size,), float(level)), nothing, nothing, nothing) for size in sizes
    ]
    assert all(torch.equal(part.down[0] + 0.25, part.mid) for part in parts)
    return torch.cat([part.mid for part in parts])


def test_it_runs_on_every_second_step():
    inner = CountingControl()
    control = ControlCache(inner, 2)
    given = [step(control, level) for level in (5, 4, 3, 2, 1)]
    assert inner.calls == [(5, 1), (3, 1), (1, 1)]
    assert torch.equal(given[0], given[1]) and torch.equal(given[2], given[3])
    assert not torch.equal(given[1], given[2])


@pytest.mark.parametrize("at_once", [True, False])
def test_a_step_tried_again_is_the_same_step(at_once):
    inner = CountingControl()
    control = ControlCache(inner, 2)
    first = step(control, 5, branches=2)
    again = step(control, 4, branches=2, at_once=at_once)
    assert torch.equal(step(control, 4, branches=2, at_once=not at_once), again) and torch.equal(first, again)
    step(control, 3, branches=2, at_once=at_once)
    assert [level for level, _ in inner.calls] == [5, 3] + [3] * (not at_once)


def test_where_guidance_ends_the_conditional_branch_goes_on():
    inner = CountingControl()
    control = ControlCache(inner, 3)
    both = step(control, 5, branches=2)
    assert torch.equal(step(control, 4), both[2:])
    assert torch.equal(step(control, 3), both[2:])


def test_where_guidance_begins_it_runs_for_both_branches():
    inner = CountingControl()
    control = ControlCache(inner, 3)
    step(control, 5)
    assert len(step(control, 4, branches=2, at_once=False)) == 4
    assert inner.calls == [(5, 1), (4, 1), (4, 1)]


# --- In the model ------------------------------------------------------------------------


def calls_of(model, monkeypatch):
    """Branches of each run of the UNet, and of the control net; both at once, so that a step is one run."""
    monkeypatch.setattr(model, "plan", Plan(branches=2))
    counted = {"unet": [], "controlnet": []}
    for name, calls in counted.items():
        network = getattr(model, name)

        def forward(*inputs, _forward=network.forward, _calls=calls):
            _calls.append(len(inputs[0]))
            return _forward(*inputs)

        monkeypatch.setattr(network, "forward", forward)
    return counted


@pytest.mark.device
@pytest.mark.slow
def test_the_control_net_runs_on_every_second_step_of_a_run(golden_b, monkeypatch):
    counted = calls_of(golden_b.model, monkeypatch)
    options = replace(golden_b.options, steps=5, control_every=2)
    golden_b.model.sample(golden_b.conditions, options)
    assert counted == {"unet": [2] * 5, "controlnet": [2] * 3}
    golden_b.model.sample(golden_b.conditions, options)  # nothing is left over from one run to the next
    assert counted == {"unet": [2] * 10, "controlnet": [2] * 6}


@pytest.mark.device
def test_outside_of_its_interval_guidance_costs_nothing(golden_b, monkeypatch):
    counted = calls_of(golden_b.model, monkeypatch)
    options = replace(golden_b.options, steps=5, schedule="ays", guide_from=100.0, guide_until=1.0)
    levels = options.sigmas()[:-1].tolist()
    golden_b.model.sample(golden_b.conditions, options)
    assert counted["unet"] == [2 if 1 <= level <= 100 else 1 for level in levels]
    assert set(counted["unet"]) == {1, 2}


@pytest.mark.device
def test_no_interval_is_guidance_of_one(golden_b):
    noise = torch.zeros(golden_b.model.latent_shape(golden_b.conditions)).normal_(generator=torch.Generator())
    never = replace(golden_b.options, steps=2, guide_from=1e-6)
    plain = replace(golden_b.options, steps=2, cfg_first=1.0, cfg_last=1.0)
    edit = golden_b.video, golden_b.edit
    assert_close(
        golden_b.model.sample(make_conditions(*edit), never, noise=noise),
        golden_b.model.sample(make_conditions(*edit), plain, noise=noise),
    )


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("change", [{"schedule": "ays"}, {"solver": "dpmpp_2m"}, {"control_every": 2}])
def test_each_option_changes_the_picture(golden_b, change):
    options = replace(golden_b.options, steps=4)
    exact = golden_b.model.sample(golden_b.conditions, options)
    changed = golden_b.model.sample(golden_b.conditions, replace(options, **change))
    assert torch.isfinite(changed).all()
    assert not torch.allclose(exact, changed)


def test_all_of_it_is_off_unless_asked_for():
    options = SamplerOptions()
    assert (options.schedule, options.solver, options.control_every) == ("karras", "euler", 1)
    assert options.guides_at(700.0) and options.guides_at(0.002)
