"""Predicted memory is what a run takes, plans fit their budgets, and what does not fit is computed another way."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

import revideo
from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.checkpoints.reading import build_parts
from revideo.editing.model import ReVideo
from revideo.models import temporal_decoder, vae
from revideo.models.temporal_decoder import WIDEST_CPU, Window
from revideo.pipeline.memory_estimate import LiveBytes, Work, conditioning_bytes, decoding_bytes, step_bytes
from revideo.pipeline.memory_fit import SPARE, Weights, choose, fit, predict
from revideo.pipeline.memory_plan import Plan

GB = 10**9


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    write_random_checkpoint(path)
    return revideo.load(path, device="cpu")


def conditions_of(height, width, frames=14):
    generator = torch.Generator().manual_seed(0)
    return revideo.Conditions(
        reference=torch.rand(3, height, width, generator=generator),
        content=torch.rand(frames, 3, height, width, generator=generator),
        motion=torch.rand(frames, 2, height, width, generator=generator),
        region=(torch.rand(frames, 1, height, width, generator=generator) > 0.5).float(),
    )


# --- Counting ----------------------------------------------------------------------------


def test_views_count_once_and_what_is_gone_no_more():
    with LiveBytes() as counter:
        kept = torch.zeros(1000)
        half = kept[:500]
        torch.zeros(2000)
        torch.zeros(100)
    assert (counter.live, counter.peak) == (4000, 12000)
    del kept
    assert counter.live == 4000
    del half
    assert counter.live == 0


def test_weights_do_not_count():
    layer = torch.nn.Linear(100, 100)
    with torch.no_grad(), LiveBytes(layer.parameters()) as counter:
        layer(torch.zeros(1, 100))
    assert counter.peak == 2 * 400


class Uncounted(Window):
    """What parked frames are where the device is main memory itself: no counter sees numpy's."""

    def keep(self, frame):
        return frame.numpy().copy("K")

    def take(self, number, rows=slice(None)):
        return torch.from_numpy(self.kept[number][:, :, rows]).clone()

    def add(self, number, rows, change, share):
        self.kept[number][:, :, rows] = self.take(number, rows).addcmul_(change, share).numpy()


SHAPES = [  # height, width, guidance branches at once, whether frames are parked, numbers of a strip
    (64, 64, 1, False, WIDEST_CPU),
    (64, 64, 2, True, WIDEST_CPU),
    (64, 128, 2, False, 2**14),
    (128, 64, 1, True, 2**14),
    (128, 128, 1, True, WIDEST_CPU),
    (128, 128, 2, False, 2**15),
    (64, 256, 1, True, 2**16),
    (128, 192, 2, False, 2**13),
    (192, 128, 1, True, 2**15),
    (192, 192, 2, True, 2**13),
]


@pytest.mark.parametrize(("height", "width", "branches", "park", "at_once"), SHAPES)
def test_the_predicted_peak_is_the_measured_one(model, monkeypatch, height, width, branches, park, at_once):
    monkeypatch.setattr(vae, "Parked", Uncounted)
    monkeypatch.setattr(temporal_decoder, "WIDEST_CPU", at_once)
    work = Work(model.config, height, width, torch.float32, torch.float32, on_cpu=True)
    conditions = conditions_of(height, width)
    weights = [weight for part in (model.unet, model.controlnet, model.vae) for weight in part.parameters()]
    model.apply_plan(Plan(branches=branches, park=park))
    conditioning = model.condition(conditions, revideo.SamplerOptions())
    denoise = model.denoiser(conditioning, revideo.SamplerOptions())
    latents = torch.randn(model.latent_shape(conditions))
    control = conditioning.control
    held = sum(each.nbytes for each in (control.motion, control.content, control.region, latents))
    with torch.no_grad(), LiveBytes(weights) as step:
        denoise(latents, torch.tensor(1.0))
    with torch.no_grad(), LiveBytes(weights) as conditioned:
        model.controlnet.embed_conditions(conditions)
        model.encode(conditions.reference)
    with torch.no_grad(), LiveBytes(weights) as decoded:
        model.decode(latents)
    assert step_bytes(work, branches) == pytest.approx(step.peak + held, rel=0.15)
    assert conditioning_bytes(work) == pytest.approx(conditioned.peak, rel=0.15)
    assert decoding_bytes.__wrapped__(work, park) == pytest.approx(decoded.peak, rel=0.15)


# --- Plans -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released():
    """The released sizes in fp16, the autoencoder in fp32; no weight is allocated."""
    config = revideo.ModelConfig()
    parts = build_parts(config)
    for name, part in parts.items():
        torch.nn.Module.to(part, "meta", torch.float32 if name == "vae" else torch.float16)
    return Weights.of(ReVideo(parts, config, "meta"))


@pytest.mark.parametrize("size", [(576, 1024), (768, 1344)])
def test_plans_of_the_released_model_fit_their_budgets(released, size):
    work = Work(revideo.ModelConfig(), *size)
    peaks, plans = [], []
    for budget in (6 * GB, 8 * GB, 12 * GB, 24 * GB):
        plans.append(choose(budget, work, released))
        peaks.append(predict(plans[-1], work, released).total)
        assert peaks[-1] <= (1 - SPARE) * budget
    assert peaks == sorted(peaks)
    assert plans[0].offload and not plans[-1].offload  # the released weights alone have 6 GB


def test_a_budget_of_nothing_gets_the_tightest_plan(released):
    work = Work(revideo.ModelConfig(), 576, 1024)
    assert choose(0, work, released) == Plan(branches=1, park=True, in_turn=True, offload=True)


def test_without_guidance_two_branches_cost_what_one_does(released):
    work = Work(revideo.ModelConfig(), 576, 1024)
    at_once, in_turn = (predict(Plan(branches=each), work, released, guided=False) for each in (2, 1))
    assert at_once == in_turn


def test_each_tighter_plan_needs_less(released):
    work = Work(revideo.ModelConfig(), 768, 1344)
    loose = Plan(branches=2)
    sampling = [predict(plan, work, released).sampling for plan in (loose, *loose.for_sampling())]
    decoding = [predict(plan, work, released).decoding for plan in (loose, *loose.for_decoding())]
    for peaks in (sampling, decoding):
        assert all(before > after for before, after in pairwise(peaks))
    assert loose.for_sampling()[-1].for_sampling() == []
    assert loose.for_decoding()[-1].for_decoding() == []


def test_a_model_is_fitted_and_says_how(model):
    told = fit(model, (128, 192), revideo.SamplerOptions(), budget=10**12)
    assert model.plan == Plan()
    assert told.startswith("guidance branch by branch, decoding all frames at once, weights stay on the device: about ")
    fit(model, (128, 192), revideo.SamplerOptions(), budget=10**6)
    assert model.plan == Plan()  # on a CPU there is no other
    assert fit(model, (128, 192), revideo.SamplerOptions()) == ""  # a CPU's memory is nobody's to plan unasked
    assert model.plan == Plan()


# --- Out of memory -----------------------------------------------------------------------


@pytest.fixture
def small(golden_b):
    """A model of the test's own: what comes layer by layer does so for good."""
    return revideo.load(golden_b.checkpoint, golden_b.config, device="cpu")


def failing(network, calls, monkeypatch):
    """These calls of a network find no memory left."""
    made, forward = [], network.forward

    def run(*inputs, **named):
        made.append(len(made))
        if made[-1] in calls:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(*inputs, **named)

    monkeypatch.setattr(network, "forward", run)
    return made


@pytest.mark.parametrize("changes", [{}, {"solver": "dpmpp_2m", "control_every": 2}])
@pytest.mark.parametrize("network", ["unet", "controlnet"])
def test_a_run_that_met_the_end_of_memory_ends_in_the_same_picture(golden_b, small, monkeypatch, network, changes):
    options = replace(golden_b.options, steps=4, **changes)
    expected = small.sample(golden_b.conditions, options)
    small.apply_plan(Plan(branches=2))
    made = failing(getattr(small, network), {1}, monkeypatch)
    heard = []
    found = small.sample(golden_b.conditions, options, callback=lambda progress: heard.append(progress.done))
    assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert heard == [1, 2, 3, 4] and len(made) > 2
    assert small.plan == Plan(branches=1)


def test_it_goes_as_far_as_layer_by_layer(golden_b, small, monkeypatch, caplog):
    options = replace(golden_b.options, steps=3)
    expected = small.sample(golden_b.conditions, options)
    failing(small.unet, {3, 4}, monkeypatch)
    assert_close(small.sample(golden_b.conditions, options), expected, atol=1e-4, rtol=1e-4)
    assert small.plan == Plan(in_turn=True, offload=True)
    assert [record.getMessage() for record in caplog.records] == [
        f"out of memory; going on with {plan}" for plan in Plan().for_sampling()
    ]
    small.apply_plan(Plan())
    assert small.plan.offload  # the layers stay where they are


def test_what_fits_no_plan_is_told(golden_b, small, monkeypatch):
    failing(small.unet, range(100), monkeypatch)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        small.sample(golden_b.conditions, replace(golden_b.options, steps=2))


@pytest.mark.parametrize("calls", [{0}, {1, 3}])
def test_decoding_that_met_the_end_of_memory_ends_in_the_same_picture(golden_b, small, monkeypatch, calls):
    latents = golden_b.reference["latents"]
    expected = small.decode(latents)
    failing(small.vae.decoder.up_blocks[0].resnets[0].spatial_res_block.conv1, calls, monkeypatch)
    assert torch.equal(small.decode(latents), expected)
    assert small.plan == Plan().for_decoding()[len(calls) - 1]


def test_what_no_plan_can_decode_is_told(golden_b, small, monkeypatch):
    failing(small.vae.decoder.conv_in, range(100), monkeypatch)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        small.decode(golden_b.reference["latents"])
