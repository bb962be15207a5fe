"""Predicted memory is what a run takes, plans fit their budgets, and what does not fit is computed another way."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from threading import Event

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

import revideo
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.checkpoints.reading import build_parts
from revideo.editing.model import ReVideo
from revideo.models import blocks, temporal_decoder, vae
from revideo.models.temporal_decoder import STRIP_CPU, FrameStore
from revideo.pipeline import memory_estimate
from revideo.pipeline.memory_estimate import LiveBytes, Workload, conditioning_bytes, decoding_bytes, step_bytes
from revideo.pipeline.memory_fit import HEADROOM, WeightBytes, choose_plan, fit_memory, predict_peaks
from revideo.pipeline.memory_plan import Plan

GB = 10**9


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    write_random_checkpoint(path)
    return path


def window_of(frames):
    """The sizes of the random model over another number of frames, which no weight depends on."""
    return replace(SMALL, unet=replace(SMALL.unet, num_frames=frames))


def conditions_of(frames, height, width):
    generator = torch.Generator().manual_seed(0)
    return revideo.Conditions(
        reference=torch.rand(3, height, width, generator=generator),
        content=torch.rand(frames, 3, height, width, generator=generator),
        motion=torch.rand(frames, 2, height, width, generator=generator),
        mask=(torch.rand(frames, 1, height, width, generator=generator) > 0.5).float(),
    )


# --- Counting ----------------------------------------------------------------------------


def test_views_count_once_and_what_is_gone_no_more():
    with LiveBytes() as counter:
        whole = torch.zeros(1000)
        half = whole[:500]
        torch.zeros(2000)
        torch.zeros(100)
    assert (counter.live, counter.peak) == (4000, 12000)
    del whole
    assert counter.live == 4000
    del half
    assert counter.live == 0


def test_weights_do_not_count():
    layer = torch.nn.Linear(100, 100)
    with torch.no_grad(), LiveBytes(layer.parameters()) as counter:
        layer(torch.zeros(1, 100))
    assert counter.peak == 2 * 400


def test_a_convolutions_copies_count_where_channels_come_first_on_a_card():
    layer = torch.nn.Conv2d(3, 5, 1)
    first = torch.zeros(1, 3, 8, 8)  # 768 bytes; what is made of it has 1280
    last = first.contiguous(memory_format=torch.channels_last)
    peaks = []
    for given, workspaces in ((first, False), (first, True), (last, True)):
        with torch.no_grad(), LiveBytes(layer.parameters(), workspaces) as counter:
            layer(given)
        peaks.append(counter.peak)
    assert peaks == [1280, 1280 + 768 + 1280, 1280]


class UncountedFrames(FrameStore):
    """What offloaded frames are where the device is main memory itself: no counter sees numpy's."""

    def store(self, frame, before=None):
        return frame.numpy().copy("K")

    def load(self, number, rows=slice(None)):
        return torch.from_numpy(self.stored[number][:, :, rows]).clone()

    def add(self, number, rows, change, weight):
        self.stored[number][:, :, rows] = self.load(number, rows).addcmul_(change, weight).numpy()


SHAPES = [  # frames, height, width, guidance branches at once, whether frames are offloaded, elements of a strip
    (14, 64, 64, 1, False, STRIP_CPU),
    (14, 64, 64, 2, True, 2**13),
    (5, 64, 128, 2, False, 2**14),
    (5, 128, 64, 1, True, 2**16),
    (5, 128, 128, 2, True, STRIP_CPU),
    (5, 128, 64, 2, False, 2**12),
]


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "height", "width", "branches", "offload", "strip"), SHAPES)
def test_the_predicted_peak_is_the_measured_one(
    checkpoint, monkeypatch, frames, height, width, branches, offload, strip
):
    monkeypatch.setattr(vae, "OffloadedFrames", UncountedFrames)
    monkeypatch.setattr(temporal_decoder, "STRIP_CPU", strip)
    model = revideo.load(checkpoint, window_of(frames), device="cpu")
    work = Workload(model.config, height, width, torch.float32, torch.float32, on_cpu=True)
    conditions = conditions_of(frames, height, width)
    weights = [weight for part in (model.unet, model.controlnet, model.vae) for weight in part.parameters()]
    model.apply_plan(Plan(branches=branches, frame_offload=offload))
    conditioning = model.condition(conditions, revideo.SamplerOptions())
    denoise = model.denoiser(conditioning, revideo.SamplerOptions())
    latents = torch.randn(model.latent_shape(conditions))
    control = conditioning.control
    held = sum(each.nbytes for each in (control.motion, control.content, control.mask, latents))
    with torch.no_grad(), LiveBytes(weights) as step:
        denoise(latents, torch.tensor(1.0))
    with torch.no_grad(), LiveBytes(weights) as conditioned:
        model.controlnet.embed_conditions(conditions)
        model.encode(conditions.reference)
    with torch.no_grad(), LiveBytes(weights) as decoded:
        model.decode(latents)
    assert step_bytes(work, branches) == pytest.approx(step.peak + held, rel=0.15)
    assert conditioning_bytes(work) == pytest.approx(conditioned.peak, rel=0.15)
    assert decoding_bytes.__wrapped__(work, offload) == pytest.approx(decoded.peak, rel=0.15)


def predictions(work):
    """Of all three stages, past the cache."""
    return (
        conditioning_bytes.__wrapped__(work),
        step_bytes.__wrapped__(work, 2),
        decoding_bytes.__wrapped__(work, frame_offload=True),
    )


@pytest.mark.slow
def test_calls_that_are_worked_out_once_count_as_if_each_ran(monkeypatch):
    work = Workload(window_of(3), 64, 128)

    found = predictions(work)
    monkeypatch.setattr(memory_estimate, "MetaBytes", LiveBytes)
    assert predictions(work) == found


@pytest.mark.slow
def test_predictions_in_many_threads_are_right_and_leave_other_threads_alone():
    """What a server does: requests predict, eight at once, while others compute with the same torch."""
    torches_own = (torch.equal, torch.is_autocast_enabled, F.scaled_dot_product_attention)
    widths = (blocks.WIDEST_CPU, blocks.WIDEST_GPU, temporal_decoder.STRIP_CPU, temporal_decoder.STRIP_GPU)
    works = [
        Workload(window_of(2), height, 64, dtype, on_cpu=on_cpu)
        for height, dtype, on_cpu in ((64, torch.float16, False), (128, torch.float16, True))
    ]

    query, key, value = torch.randn(3, 2, 4, 16, 8, generator=torch.Generator().manual_seed(0))
    attended = (query @ key.mT / 8**0.5).softmax(-1) @ value
    predicted = Event()

    def computes_rightly():
        rounds = 0
        while not predicted.is_set() or not rounds:
            rounds += 1
            if not torch.equal(query, query.clone()) or torch.equal(query, key):
                return f"torch.equal is wrong in round {rounds}"
            if not torch.allclose(F.scaled_dot_product_attention(query, key, value), attended, atol=1e-5):
                return f"attention is wrong in round {rounds}"
        return "right"

    expected = [predictions(work) for work in works]
    assert len({number for each in expected for number in each}) > len(works)  # the workloads do differ
    with ThreadPoolExecutor(10) as pool:
        others = [pool.submit(computes_rightly) for _ in range(2)]
        try:
            found = [*pool.map(predictions, [works[number % len(works)] for number in range(8)])]
        finally:
            predicted.set()
        assert [other.result() for other in others] == ["right", "right"]
    assert found == [expected[number % len(works)] for number in range(8)]
    assert (torch.equal, torch.is_autocast_enabled, F.scaled_dot_product_attention) == torches_own
    assert widths == (
        blocks.WIDEST_CPU,
        blocks.WIDEST_GPU,
        temporal_decoder.STRIP_CPU,
        temporal_decoder.STRIP_GPU,
    )
    assert computes_rightly() == "right"


# --- Plans -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released():
    """The released sizes in fp16, the autoencoder in fp32; no weight is allocated."""
    config = revideo.ModelConfig()
    parts = build_parts(config)
    for name, part in parts.items():
        torch.nn.Module.to(part, "meta", torch.float32 if name == "vae" else torch.float16)
    return WeightBytes.of(ReVideo(parts, config, "meta"))


LARGE = Workload(revideo.ModelConfig(), 768, 1344)  # what fits it fits the released 576×1024


MEASURED_GB = {(576, 1024): (9.95, 12.68), (768, 1344): (12.77, 17.57)}  # sampling, decoding: docs/benchmarks.md


@pytest.mark.slow
@pytest.mark.parametrize("size", MEASURED_GB)
def test_what_was_measured_on_a_card_had_been_predicted(released, size):
    peaks = predict_peaks(Plan(branches=2), Workload(revideo.ModelConfig(), *size), released)
    sampling, decoding = MEASURED_GB[size]
    assert peaks.sampling == pytest.approx(sampling * GB, rel=0.06)
    assert peaks.decoding == pytest.approx(decoding * GB, rel=0.02)


@pytest.mark.slow
def test_plans_of_the_released_model_fit_their_budgets(released):
    peaks, plans = [], []
    for budget in (6 * GB, 8 * GB, 12 * GB, 24 * GB):
        plans.append(choose_plan(budget, LARGE, released))
        peaks.append(predict_peaks(plans[-1], LARGE, released).total)
        assert peaks[-1] <= (1 - HEADROOM) * budget
    assert peaks == sorted(peaks)
    assert plans[0].layerwise_offload and not plans[-1].layerwise_offload  # the released weights alone have 6 GB


def test_a_budget_of_nothing_gets_the_tightest_plan(released):
    assert choose_plan(0, LARGE, released) == Plan(
        branches=1, frame_offload=True, model_offload=True, layerwise_offload=True
    )


def test_without_guidance_two_branches_cost_what_one_does(released):
    together, alone = (predict_peaks(Plan(branches=each), LARGE, released, guided=False) for each in (2, 1))
    assert together == alone


def test_each_tighter_plan_needs_less(released):
    loose = Plan(branches=2)
    sampling = [predict_peaks(plan, LARGE, released).sampling for plan in (loose, *loose.for_sampling())]
    decoding = [predict_peaks(plan, LARGE, released).decoding for plan in (loose, *loose.for_decoding())]
    for peaks in (sampling, decoding):
        assert all(before > after for before, after in pairwise(peaks))
    assert loose.for_sampling()[-1].for_sampling() == []
    assert loose.for_decoding()[-1].for_decoding() == []


def test_a_model_is_fitted_and_says_how(checkpoint):
    model = revideo.load(checkpoint, device="cpu")
    message = fit_memory(model, (128, 192), revideo.SamplerOptions(), budget=10**12)
    assert model.plan == Plan()
    assert message.startswith(
        "guidance branch by branch, decoding all frames at once, weights stay on the device: about "
    )
    fit_memory(model, (128, 192), revideo.SamplerOptions(), budget=10**6)
    assert model.plan == Plan()  # on a CPU there is no other
    assert fit_memory(model, (128, 192), revideo.SamplerOptions()) == ""  # a CPU's memory is nobody's to plan unasked
    assert model.plan == Plan()


# --- Out of memory -----------------------------------------------------------------------


@pytest.fixture
def small(golden_b, device):
    """A model of the test's own, to be laid out anew."""
    return revideo.load(golden_b.checkpoint, golden_b.config, torch.float32, device)


CUDA = torch.cuda.OutOfMemoryError("CUDA out of memory")
MPS = RuntimeError("MPS backend out of memory (MPS allocated: 5.56 GB, max allowed: 6.80 GB)")


def failing(network, calls, monkeypatch, error=CUDA):
    """These calls of a network find no memory left."""
    made, forward = [], network.forward

    def run(*inputs, **named):
        made.append(len(made))
        if made[-1] in calls:
            raise error
        return forward(*inputs, **named)

    monkeypatch.setattr(network, "forward", run)
    return made


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"solver": "dpmpp_2m", "control_every": 2}])
@pytest.mark.parametrize("network, error", [("unet", CUDA), ("unet", MPS), ("controlnet", CUDA)])
def test_a_run_that_met_the_end_of_memory_ends_in_the_same_picture(
    golden_b, small, monkeypatch, network, error, changes
):
    options = replace(golden_b.options, steps=4, **changes)
    expected = small.sample(golden_b.conditions, options)
    small.apply_plan(Plan(branches=2))
    made = failing(getattr(small, network), {1}, monkeypatch, error)
    heard = []
    found = small.sample(golden_b.conditions, options, callback=lambda progress: heard.append(progress.done))
    assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert heard == [1, 2, 3, 4] and len(made) > 2
    assert small.plan == Plan(branches=1)


@pytest.mark.device
@pytest.mark.slow
def test_it_goes_as_far_as_layer_by_layer(golden_b, small, monkeypatch, caplog):
    options = replace(golden_b.options, steps=3)
    expected = small.sample(golden_b.conditions, options)
    failing(small.unet, {3, 4}, monkeypatch)
    assert_close(small.sample(golden_b.conditions, options), expected, atol=1e-4, rtol=1e-4)
    assert small.plan == Plan(model_offload=True, layerwise_offload=True)
    assert [record.getMessage() for record in caplog.records] == [
        f"out of memory; going on with {plan}" for plan in Plan().for_sampling()
    ]
    small.apply_plan(Plan())
    assert small.plan == Plan()
    assert torch.equal(small.sample(golden_b.conditions, options), expected)


@pytest.mark.device
@pytest.mark.parametrize("error", [CUDA, MPS])
def test_what_fits_no_plan_is_raised(golden_b, small, monkeypatch, error):
    failing(small.unet, range(100), monkeypatch, error)
    with pytest.raises(type(error)) as raised:
        small.sample(golden_b.conditions, replace(golden_b.options, steps=2))
    assert raised.value is error


@pytest.mark.device
def test_another_error_is_raised_as_it_is_and_tightens_nothing(golden_b, small, monkeypatch):
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory")  # of which tighter plans need more
    made = failing(small.unet, range(100), monkeypatch, error)
    small.apply_plan(Plan(branches=2))
    with pytest.raises(RuntimeError) as raised:
        small.sample(golden_b.conditions, replace(golden_b.options, steps=2))
    assert raised.value is error and raised.traceback[-1].name == "run"
    assert len(made) == 1 and small.plan == Plan(branches=2)


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("calls, error", [({0}, CUDA), ({1, 3}, CUDA), ({1, 3}, MPS)])
def test_decoding_that_met_the_end_of_memory_ends_in_the_same_picture(
    golden_b, small, monkeypatch, calls, error, assert_same
):
    latents = golden_b.reference["latents"]
    expected = small.decode(latents)
    failing(small.vae.decoder.up_blocks[0].resnets[0].spatial_res_block.conv1, calls, monkeypatch, error)
    assert_same(small.decode(latents), expected)
    assert small.plan == Plan().for_decoding()[len(calls) - 1]


@pytest.mark.device
def test_what_no_plan_can_decode_is_raised(golden_b, small, monkeypatch):
    failing(small.vae.decoder.conv_in, range(100), monkeypatch)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        small.decode(golden_b.reference["latents"])
