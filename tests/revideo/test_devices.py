"""What a CUDA or MPS device would refuse, without one: all work on a simulated device (tests/simulated_device.py)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from simulated_device import device_of, simulated
from torch import Tensor, nn
from torch.testing import assert_close

import revideo
from revideo import Edit, HandoverOptions, ReVideo, SamplerOptions, Trajectories, keep_unedited, make_conditions
from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.checkpoints.reading import open_checkpoint
from revideo.editing.handover import PreviousWindow, start_window
from revideo.models import fused_linear
from revideo.pictures.fusion import fusion_weights
from revideo.pipeline import memory_fit
from revideo.pipeline.loading import FP8
from revideo.pipeline.memory_plan import Plan
from revideo.sampling.samplers import sampler_options
from revideo.training.config_file import parse_training_config
from revideo.training.examples import ExampleMaker, SyntheticClips
from revideo.training.loop import train

CARDS = [("cuda", torch.float16), ("cuda", torch.bfloat16), ("mps", torch.float16)]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tiny_training_values) -> Path:
    """As small as a model with all kinds of blocks can be: windows of 3 frames of 32×32."""
    sizes = {name: sizes for name, sizes in tiny_training_values()["model"].items() if isinstance(sizes, dict)}
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    write_random_checkpoint(path, revideo.ModelConfig.from_dict(sizes))
    return path


@pytest.fixture(scope="module", params=CARDS, ids=lambda card: f"{card[0]}-{card[1]}".replace("torch.", ""))
def loaded(request, checkpoint) -> tuple[str, ReVideo]:
    device, dtype = request.param
    with simulated(device):
        return device, revideo.load(checkpoint, dtype=dtype)


@pytest.fixture
def model(loaded) -> Iterator[ReVideo]:
    """A model in half precision on a simulated device, which is there until the test ends."""
    device, model = loaded
    with simulated(device):
        yield model
        model.plan = Plan()


OPTIONS = SamplerOptions(steps=2)


@pytest.fixture(scope="module")
def clip() -> tuple[Tensor, Edit]:
    """Five frames, two windows, of a disc that moves inside the mask."""
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    discs = torch.stack([(rows - 16) ** 2 + (columns - 10 - 2 * time) ** 2 < 36 for time in range(5)])
    ground = torch.stack([rows / 64, columns / 64, (rows + columns) / 128])
    video = torch.where(discs[:, None], torch.tensor([0.9, 0.8, 0.1]).view(3, 1, 1), ground)
    points_px = torch.tensor([[[10.0 + 2 * time, 16.0] for time in range(5)]])
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 6:26, 2:28] = 1
    return video, Edit(1 - video[0], Trajectories(points_px, torch.ones(1, 5, dtype=torch.bool)), mask)


def first(clip: tuple[Tensor, Edit], frames: int = 3) -> tuple[Tensor, Edit]:
    video, edit = clip
    return video[:frames], replace(edit, trajectories=edit.trajectories_between(0, frames))


def on(network: nn.Module) -> set[str]:
    return {device_of(weight).type for weight in network.parameters()}


# --- The simulation itself -----------------------------------------------------------------------------


def test_a_simulated_device_refuses_what_a_real_one_does():
    with simulated("cuda"):
        here, there = torch.ones(1, 4, 3, 3), torch.ones(1, 4, 3, 3, device="cuda")
        assert (here.device, there.device) == (CPU, torch.device("cuda:0"))
        assert there.is_cuda and (there * torch.tensor(2.0))[0].device == there.device == there.view(-1).device
        assert (
            there[torch.zeros(2, dtype=torch.long)].device == there.device
            and here.to(there.device)[0].cpu().device == CPU
        )
        for two_devices in (
            lambda: there + here,
            lambda: torch.cat([there, here]),
            lambda: here.clone().add_(there),
            lambda: here[there.bool()],
            lambda: torch.nn.functional.conv2d(there, here),
            lambda: nn.Conv2d(4, 4, 1)(there),
        ):
            with pytest.raises(RuntimeError, match="expected all tensors to be on one device"):
                two_devices()
        for network in (nn.GroupNorm(2, 4), nn.LayerNorm(3), nn.Conv2d(4, 4, 1, bias=False), nn.Linear(3, 3)):
            with pytest.raises(RuntimeError, match="expected tensors of one type"):
                network.to("cuda")(there.half())
        with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
            np.asarray(there)


def test_a_simulated_device_sees_the_backward_pass_and_autocast():
    with simulated("cuda"):
        network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.GroupNorm(2, 4)).to("cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16):
            inner = network[0](torch.ones(1, 4, 3, 3, device="cuda"))
            assert (inner.dtype, network[1](inner).dtype) == (torch.bfloat16, torch.float32)
            network[1](inner).square().sum().backward()
        assert network[0].weight.grad.device.type == "cuda"


def test_mps_has_no_float64():
    with simulated("mps"):
        values = torch.ones(3, dtype=torch.float64)
        for convert in (lambda: values.to("mps"), lambda: values.float().to("mps").double()):
            with pytest.raises(TypeError, match="Cannot convert a MPS Tensor to torch"):
                convert()


# --- A window ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_window_is_sampled_and_decoded_as_on_the_cpu(checkpoint, model, clip, monkeypatch):
    monkeypatch.setattr(fused_linear, "has_fused_linear", lambda dtype: False)  # whose sums are rounded otherwise
    found = model.sample(make_conditions(*first(clip)), OPTIONS)
    frames = model.decode(found, 3)
    assert on(model.unet) | on(model.vae) | on(model.image_encoder) == {model.device.type}
    cpu = revideo.load(checkpoint, dtype=model.unet.dtype, device="cpu")
    expected = cpu.sample(make_conditions(*first(clip)), OPTIONS)
    assert found.device == frames.device == CPU and found.dtype == frames.dtype == torch.float32
    assert_close(found, expected, atol=0.05, rtol=0.05)
    assert_close(frames, cpu.decode(expected, 3), atol=0.05, rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices",
    [
        {"latent_lock": True, "solver": "dpmpp_2m", "steps": 3},
        vars(sampler_options("fast", steps=3, latent_lock=True)),
    ],
    ids=["dpmpp_2m", "fast"],
)
def test_locked_and_quicker_ways_of_sampling(model, clip, choices):
    model.apply_plan(Plan(branches=2))
    assert model.sample(make_conditions(*first(clip)), replace(OPTIONS, **choices)).isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices", [{"solver": "euler_ancestral"}, vars(sampler_options("fast", steps=3, latent_lock=True, cfg_last=2.0))]
)
def test_no_step_waits_for_a_number_of_the_device(model, clip, monkeypatch, choices):
    asked, options = [], replace(OPTIONS, **choices)
    conditioning = model.condition(make_conditions(*first(clip)), options)
    lock = model.latent_lock(make_conditions(*first(clip)), options)
    for name in ("item", "__bool__", "__float__", "__int__", "tolist"):
        own = getattr(Tensor, name)

        def ask(tensor, own=own):
            asked.append(device_of(tensor))
            return own(tensor)

        monkeypatch.setattr(Tensor, name, ask)
    denoise = lock(model.denoiser(conditioning, options))
    asked.clear()
    steps: list[list[torch.device]] = []
    model.run(denoise, torch.ones(3, 4, 4, 4), options, lambda _: steps.append(asked.copy()))
    assert len(steps) == options.steps and steps[-1] and set(steps[-1]) == {CPU}


@pytest.mark.slow
def test_chunks_with_neighbours_and_frames_that_wait(model):
    latents = torch.randn(3, 4, 4, 4, generator=torch.Generator().manual_seed(5))
    usual = model.decode(latents, 2, overlap=1)
    model.apply_plan(Plan(model_offload=True, frame_offload=True))
    assert torch.equal(model.decode(latents, 2, overlap=1), usual)
    assert on(model.vae) == {model.device.type} and on(model.unet) == {"cpu"}


@pytest.mark.slow
def test_an_image_embedding_and_a_latent_from_main_memory(model, clip):
    """As the nodes hand them over, and as windows do."""
    conditions = make_conditions(*first(clip))
    context, latent = model.embed(conditions.reference).cpu(), model.encode(conditions.reference).cpu()
    conditioning = model.condition(conditions, OPTIONS, context=context, latent=latent)
    model.denoiser(conditioning, OPTIONS)(
        torch.ones(3, 4, 4, 4, device=model.device), torch.ones(1, device=model.device)
    )


def test_fusion_weights_of_a_mask(model, clip):
    assert fusion_weights(model, first(clip)[1].mask[0, 0].float(), OPTIONS).maps.device == CPU


# --- Weights that wait, and weights in eight bits ------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cuda", "mps"])
@pytest.mark.parametrize("plan", [Plan(model_offload=True), Plan(2, model_offload=True, layerwise_offload=True)])
def test_weights_that_wait_in_main_memory(checkpoint, clip, device, plan):
    with simulated(device):
        model = revideo.load(checkpoint, dtype=torch.bfloat16)
        model.apply_plan(plan)
        model.edit(*first(clip), replace(OPTIONS, latent_lock=True, steps=1))
        assert on(model.unet) | on(model.controlnet) | on(model.image_encoder) == {"cpu"}


@pytest.mark.slow
@pytest.mark.parametrize("device, fp8", [("cuda", False), ("cuda", True), ("mps", False)])
def test_weights_that_came_layer_by_layer_stay_again_where_a_plan_lets_them(checkpoint, clip, device, fp8):
    layerwise, conditions, once = Plan(1, False, True, True), make_conditions(*first(clip)), replace(OPTIONS, steps=1)
    with simulated(device):
        model = revideo.load(checkpoint, dtype=torch.float16, fp8=fp8)
        weights = {name: weight.cpu().clone() for name, weight in model.unet.state_dict().items()}
        expected = model.sample(conditions, once)
        for _ in range(2):
            model.apply_plan(layerwise)
            assert torch.equal(model.sample(conditions, once), expected)
            hook = model.unet.mid_block.register_forward_pre_hook(lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):  # broken off where some layers are on the device
                model.sample(conditions, once)
            hook.remove()
            model.apply_plan(Plan(model_offload=True))
            assert on(model.unet) | on(model.controlnet) == {"cpu"}
            assert torch.equal(model.sample(conditions, once), expected)
            model.decode(expected)
            assert on(model.unet) | on(model.controlnet) == {"cpu"} and on(model.vae) == {device}
            model.apply_plan(Plan())
            assert torch.equal(model.sample(conditions, once), expected)
            assert on(model.unet) | on(model.controlnet) == {device}
        assert all(torch.equal(weight.cpu(), weights[name]) for name, weight in model.unet.state_dict().items())


@pytest.mark.slow
def test_a_run_out_of_memory_goes_on_by_a_tighter_plan(model, clip, monkeypatch):
    emptied, left = [], [torch.cuda.OutOfMemoryError("CUDA out of memory")] * 2
    if model.device.type == "mps":
        left = [RuntimeError("MPS backend out of memory (MPS allocated: 5.56 GB, max allowed: 6.80 GB)")] * 2
    for name in ("cuda", "mps"):
        monkeypatch.setattr(getattr(torch, name), "empty_cache", lambda name=name: emptied.append(name))

    def fail(*_):
        if left:
            raise left.pop()

    model.apply_plan(Plan(branches=2))
    hook = model.controlnet.register_forward_hook(fail)
    model.sample(make_conditions(*first(clip)), replace(OPTIONS, steps=1))
    hook.remove()
    assert model.plan == Plan(model_offload=True) and on(model.vae) == {"cpu"}
    assert emptied == [model.device.type] * 2


@pytest.mark.slow
def test_where_no_layer_can_come_by_itself_networks_come_in_turn(checkpoint, clip):
    """DirectML, for which torch has no module."""
    error = RuntimeError("Could not allocate tensor with 8 bytes. There is not enough GPU video memory available!")

    def fail(*_):
        raise error

    with simulated("privateuseone"):
        model = revideo.load(checkpoint, dtype=torch.float16, device="privateuseone")
        model.apply_plan(Plan(1, False, True, True))
        assert model.plan == Plan(model_offload=True)
        conditions, once = make_conditions(*first(clip)), replace(OPTIONS, steps=1)
        assert model.sample(conditions, once).isfinite().all()
        hook = model.unet.register_forward_hook(fail)
        with pytest.raises(RuntimeError) as raised:
            model.sample(conditions, once)
        hook.remove()
        assert raised.value is error
        model.decode(model.sample(conditions, once))
        assert on(model.vae) == {"privateuseone"} and on(model.unet) == {"cpu"}


@pytest.mark.parametrize("device", ["cuda", "xpu", "mps"])
@pytest.mark.parametrize("budget, plan", [(10**12, Plan(branches=2)), (1, Plan(1, True, True, True))])
def test_a_plan_is_made_for_the_memory_of_any_device(checkpoint, monkeypatch, device, budget, plan):
    model = revideo.load(checkpoint, dtype=torch.float16, device="cpu")
    model.device = torch.device(device, 0)
    chosen: list[Plan] = []
    monkeypatch.setattr(memory_fit, "available_memory", {model.device: budget}.get)
    monkeypatch.setattr(model, "apply_plan", chosen.append)  # there is no such device to lay it out on
    assert memory_fit.fit_memory(model, (32, 32), OPTIONS).endswith(f" of {budget / 1e9:.1f} GB")
    assert chosen == [plan]


@pytest.mark.slow
@pytest.mark.parametrize("plan", [Plan(), Plan(model_offload=True, layerwise_offload=True)])
def test_weights_in_eight_bits(checkpoint, clip, plan):
    with simulated("cuda"):
        model = revideo.load(checkpoint, dtype=torch.float16, fp8=True)
        model.apply_plan(plan)
        model.sample(make_conditions(*first(clip)), replace(OPTIONS, steps=1))
        assert FP8 in {weight.dtype for weight in model.unet.parameters()}
    with simulated("mps"), pytest.raises(ValueError, match="mps has no fp8 weights"):
        revideo.load(checkpoint, dtype=torch.float16, fp8=True)


# --- Edits ---------------------------------------------------------------------------------------------

OVERLAP = HandoverOptions(overlap=2)


@pytest.mark.slow
def test_a_long_video(model, clip):
    result = model.edit(*clip, replace(OPTIONS, latent_lock=True, steps=1), handover=OVERLAP, match="colours")
    assert result.frames.device == result.latents.device == CPU and len(result.frames) == 5


@pytest.mark.slow
@pytest.mark.parametrize("latent_handover", [False, True])
def test_a_window_begins_from_frames_that_were_corrected(model, clip, latent_handover):
    video, edit = first(clip, 2)
    corrected = torch.zeros(2, 32, 32, dtype=torch.bool)
    corrected[:, :16, :16] = True
    previous = PreviousWindow(1 - video, torch.ones(2, 4, 4, 4), corrected)
    handover = replace(OVERLAP, latent_handover=latent_handover)
    start = start_window(model, previous, video[0], edit.masks(0, 2), handover, torch.zeros(3, 32, 32))
    assert start.known.device == start.reference.device == CPU


@pytest.mark.slow
def test_an_edited_frame_in_the_middle(model, clip):
    video, edit = clip
    found = model.edit(video, replace(edit, edited_index=2), replace(OPTIONS, steps=1), match="gradients")
    assert found.frames.isfinite().all()


@pytest.mark.slow
def test_a_clip_that_lies_on_the_device(model, clip):
    """Where it can be in another precision, too: the same edit."""
    dtype = torch.float32 if model.device.type == "mps" else torch.float64
    (video, edit), once = first(clip), replace(OPTIONS, steps=1)
    usual = model.edit(video, edit, once).frames
    frame = edit.edited_frame.to(model.device, dtype)
    there = Edit(frame, edit.trajectories, edit.mask.to(model.device))
    found = model.edit(video.to(model.device, dtype), there, once).frames
    assert found.device == CPU and found.dtype == torch.float32
    assert torch.equal(found, usual)


@pytest.mark.parametrize("match", ["none", "colours", "gradients"])
def test_the_source_is_put_back_on_the_device(model, clip, match):
    video, mask = first(clip)[0], first(clip)[1].mask.repeat(3, 1, 1, 1)
    mask[2] = True  # nothing to fit to
    there = video.to(model.device)
    found = keep_unedited(there, 1 - there, mask, 4.0, match)
    assert device_of(found) == there.device
    assert torch.equal(found.cpu(), keep_unedited(video, 1 - video, mask, 4.0, match))


# --- Training ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "device, stage, precision",
    [("cuda", "joint", "bf16"), ("cuda", "deblock", "fp16"), ("mps", "motion", "no")],
)
def test_a_step_of_training(training_values, device, stage, precision):
    """The whole loop as a user starts it, under autocast, and a sheet of samples."""
    run = {"mixed_precision": precision, "gradient_checkpointing": True, "torch_threads": 1, "log_every": 1}
    run |= {"frozen": "fp32" if precision == "no" else precision}
    run |= {"sample_every": 1, "sample_clips": 1, "sample_steps": 1}
    size = {"steps": 1, "batch": 1}
    config = parse_training_config(training_values({"stage": stage} | size, run=run))
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        with simulated(device):
            result = train(config)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    start = open_checkpoint(result.with_name("0-start.safetensors"))
    assert any(not torch.equal(weight, start.weights[name]) for name, weight in open_checkpoint(result).weights.items())


def test_training_clips_are_drawn_where_the_training_runs_and_are_the_same(tiny_training_values):
    data = {"kind": "synthetic", "options": {"sprites": [1, 3], "ways": [0.4, 0.3, 0.3], "changing": 0.5}}
    values = tiny_training_values(
        {"stage": "decouple", "frames": 3}, data=data, conditioning={"noise_where_empty": 0.5}
    )
    config = parse_training_config(values | {"output": "nowhere"})
    (phase,), sizes = config.phases, config.model.sizes
    made = {}
    for device in ("cpu", "cuda"):
        with simulated("cuda"):
            source = SyntheticClips(phase, 0, device=device)
            examples = ExampleMaker(source, phase.as_stage, phase, sizes, 0).several([0, 1, 2])
            assert {device_of(tensor).type for example in examples for tensor in example.values()} == {device}
            made[device] = [{name: tensor.cpu() for name, tensor in example.items()} for example in examples]
    for one, other in zip(*made.values()):
        for name in one:
            assert_close(one[name], other[name])
