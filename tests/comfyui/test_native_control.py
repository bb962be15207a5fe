"""The native route in numbers: ComfyUI's own modules in this process, against the recordings of the released model."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from comfy_process import load_pack
from comfyui_server import relative_rms
from native_parts import CPU, Golden, Native, load_golden, write_golden
from torch import Tensor

import revideo
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.checkpoints.reading import load_parts


@pytest.fixture(scope="module")
def golden_a(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    return load_golden("a", tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def golden_b(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """The smaller one, for where any model will do."""
    return load_golden("b", tmp_path_factory.mktemp("golden"))


@pytest.fixture(params=["a", "b"])
def golden(request: pytest.FixtureRequest) -> Golden:
    return request.getfixturevalue(f"golden_{request.param}")


@pytest.fixture(autouse=True)
def as_comfyui_runs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Without gradients, as nodes run; a control that ComfyUI drops is only told in its log."""
    with torch.inference_mode(), caplog.at_level(logging.WARNING):
        yield
    assert "control could not be applied" not in caplog.text


class Model:
    """A model that is being sampled, as a ControlNet sees it."""

    def __init__(self, native: Native) -> None:
        self.base = native.model.model

    def inputs(self, golden: Golden, x: Tensor, sigma: float, branches: int = 1) -> dict[str, Any]:
        """Arguments of get_control, each as ComfyUI makes them: by branch, then by frame."""
        recorded, count = golden.recorded, len(x)
        of_frames = {
            "c_crossattn": recorded["cond.crossattn"].expand(count, -1, -1),
            "c_concat": recorded["cond.concat"].expand(count, -1, -1, -1),
            "y": recorded["cond.vector"][:1].expand(count, -1),
        }
        return {
            "x_noisy": x.repeat(branches, 1, 1, 1),
            "t": torch.full((branches * count,), sigma),
            "cond": {name: value.repeat(branches, *[1] * (value.ndim - 1)) for name, value in of_frames.items()},
            "batched_number": branches,
            "transformer_options": {},
        }

    def started(self, control: Any) -> Any:
        control.pre_run(self.base, self.base.model_sampling.percent_to_sigma)
        return control


def probe(golden: Golden, control: Any, branches: int = 1, **options: Any) -> dict[str, list[Tensor]] | None:
    """The control at the recorded probe: its noise level, noise and conditioning."""
    sigma = golden.settings["sampling"]["probe_sigma"]
    model = Model(golden.native)
    inputs = model.inputs(golden, golden.recorded["noise"] * sigma, sigma, branches) | options
    return model.started(control).get_control(**inputs)


def flat(control: dict[str, list[Tensor]] | None) -> list[Tensor]:
    assert control is not None
    assert control["input"] == []
    return [*control["output"], *control["middle"]]


def applied(golden: Golden, strength: float = 1.0, percents: tuple[float, float] = (0.0, 1.0), **changes: Any) -> Any:
    return golden.native.control.with_conditions(replace(golden.conditions, **changes), strength, percents)


# --- Against the released model ----------------------------------------------------------------------


def test_residuals_are_the_released_model_s(golden: Golden):
    control = flat(probe(golden, applied(golden)))
    names = [f"probe.control.down.{number:02}" for number in range(len(control) - 1)] + ["probe.control.mid"]
    for name, residual in zip(names, control, strict=True):
        assert relative_rms(residual, golden.recorded[name]) < 1e-5, name


def test_both_branches_of_a_batch_get_what_each_gets_alone(golden_b: Golden):
    alone, both = (flat(probe(golden_b, applied(golden_b), branches)) for branches in (1, 2))
    for one, pair in zip(alone, both, strict=True):
        assert pair.shape[0] == 2 * one.shape[0]
        assert relative_rms(pair, torch.cat([one, one])) < 1e-5


def test_conditioning_is_the_released_model_s(golden: Golden, monkeypatch: pytest.MonkeyPatch):
    import pack.revideo.pipeline.pipeline

    noise = golden.recorded["cond_aug_noise"]
    monkeypatch.setattr(pack.revideo.pipeline.pipeline, "draw_noise", lambda shape, seed, stream: noise)
    [[positive, told]], [[negative, not_told]], latent = golden.condition()
    assert relative_rms(positive, golden.recorded["cond.crossattn"]) < 1e-4
    assert relative_rms(told["concat_latent_image"], golden.recorded["cond.concat"][:1]) < 1e-5
    assert not negative.any()
    assert not not_told["concat_latent_image"].any()
    vector = golden.native.model.model.encode_adm(**told)
    assert relative_rms(vector, golden.recorded["cond.vector"][:1]) < 1e-6
    assert torch.equal(golden.native.model.model.encode_adm(**not_told), vector)
    assert told["control"] is not_told["control"]  # or ComfyUI would not run both branches in one batch
    assert latent["samples"].shape == golden.recorded["latents"].shape


def test_sampled_latents_are_the_released_model_s(golden: Golden, monkeypatch: pytest.MonkeyPatch):
    """All of it at once: Euler and Karras levels of ComfyUI, guidance rising over the frames, its UNet, our control."""
    import pack.revideo.pipeline.pipeline
    from comfy_extras.nodes_video_model import VideoLinearCFGGuidance

    sampling, noise = golden.settings["sampling"], golden.recorded["cond_aug_noise"]
    monkeypatch.setattr(pack.revideo.pipeline.pipeline, "draw_noise", lambda shape, seed, stream: noise)
    positive, negative, _ = golden.condition()
    [guided] = VideoLinearCFGGuidance().patch(golden.native.model, sampling["min_guidance"])
    latents = golden.native.sample(
        positive, negative, golden.recorded["noise"], sampling["num_steps"], sampling["max_guidance"], guided
    )
    assert relative_rms(latents, golden.recorded["latents"]) < 1e-3


def test_frames_of_comfyui_s_vae_are_the_released_model_s(golden: Golden):
    from revideo.models.vae import LATENT_SCALE

    frames = golden.native.vae.decode(golden.recorded["latents"] / LATENT_SCALE).movedim(-1, 1)
    whole = golden.recorded[f"decoded.chunk_{len(frames)}"]
    assert relative_rms(frames, (whole.clamp(-1, 1) + 1) / 2) < 1e-4


@pytest.mark.parametrize(("fusion", "branches"), [("safm_no_time", 1), ("sum", 2)])
def test_other_kinds_of_controlnet_give_comfyui_their_own_residuals(tmp_path, fusion: Any, branches: int):
    """ComfyUI's layers take the place of all of them, those of a second branch too."""
    load_pack()
    from pack.nodes.native.control_net import LAYERS, ReVideoControl
    from pack.revideo.checkpoints.reading import load_control

    config = replace(SMALL, control=replace(SMALL.control, fusion=fusion, branches=branches))
    write_random_checkpoint(tmp_path / "kind.safetensors", config)
    own = load_parts(tmp_path / "kind.safetensors", dtype=torch.float32)[0]["controlnet"]
    network = ReVideoControl(load_control(tmp_path / "kind.safetensors", dtype=torch.float32), CPU).part.network
    assert not any(type(module) in LAYERS for module in network.modules())
    torch.manual_seed(0)
    clip = torch.rand(14, 3, 64, 64), torch.randn(14, 2, 64, 64), (torch.rand(14, 1, 64, 64) > 0.5).float()
    conditions = revideo.Conditions(torch.rand(3, 64, 64), *clip)
    given = torch.randn(1, 14, 8, 8, 8), torch.tensor([0.3]), torch.randn(1, 1, config.unet.context_dim)
    residuals = [
        each.residuals(
            *given, torch.randn(1, 96, generator=torch.Generator().manual_seed(1)), each.fuse(embedded, given[1])
        )
        for each in (own, network)
        for embedded in (each.embed_conditions(conditions),)
    ]
    for one, other in zip(*([*each.down, each.mid] for each in residuals), strict=True):
        assert relative_rms(other, one) < 1e-5


# --- Strength, percents, chains ----------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.0, 0.5, 2.0])
def test_strength_multiplies_the_residuals(golden_b: Golden, strength: float):
    usual, other = (flat(probe(golden_b, applied(golden_b, each))) for each in (1.0, strength))
    for one, scaled in zip(usual, other, strict=True):
        assert torch.equal(scaled, one * strength)


def test_a_strength_of_zero_is_plain_svd_to_the_bit(golden_b: Golden):
    noise = golden_b.recorded["noise"]
    latents = {}
    for strength in (0.0, 1.0):
        positive, negative, _ = golden_b.condition(strength=strength)
        assert ("control" in positive[0][1]) is (strength > 0)
        latents[strength] = golden_b.native.sample(positive, negative, noise, 2)
    positive, negative, _ = golden_b.condition()
    for conditioning in (positive, negative):
        conditioning[0][1]["control"].strength = 0.0
    assert torch.equal(golden_b.native.sample(positive, negative, noise, 2), latents[0.0])
    assert relative_rms(latents[1.0], latents[0.0]) > 0.01


def test_percents_say_at_which_noise_levels_it_works(golden_b: Golden):
    """As ComfyUI counts them: evenly in the logarithm of sigma, from 700 (0) to 0.002 (1)."""
    model, x = Model(golden_b.native), golden_b.recorded["noise"]
    control = model.started(applied(golden_b, percents=(0.25, 0.75)))
    for sigma, works in ((700.0, False), (30.0, False), (28.0, True), (1.2, True), (0.05, True), (0.048, False)):
        found = control.get_control(**model.inputs(golden_b, x * sigma, sigma))
        assert (found is not None) is works, sigma


def test_residuals_of_a_chain_add_up(golden_b: Golden):
    first = applied(golden_b, 0.5)
    second = applied(golden_b, content=-golden_b.conditions.content)
    alone = [flat(probe(golden_b, control)) for control in (first, second)]
    chain = flat(probe(golden_b, second.copy().set_previous_controlnet(first)))
    for one, other, both in zip(*alone, chain, strict=True):
        assert relative_rms(both, one + other) < 1e-6


def test_what_comes_before_in_the_chain_goes_on_where_it_does_not_work(golden_b: Golden):
    first, second = applied(golden_b), applied(golden_b, percents=(1.0, 1.0))
    chain = flat(probe(golden_b, second.set_previous_controlnet(first)))
    for one, both in zip(flat(probe(golden_b, applied(golden_b))), chain, strict=True):
        assert torch.equal(one, both)


def comfy_controlnet(golden: Golden) -> Any:
    """ComfyUI's own kind, of Stable Diffusion, with random weights and the UNet's widths."""
    import comfy.cldm.cldm
    import comfy.controlnet

    unet = golden.native.model.model.model_config.unet_config
    shared = ("image_size", "model_channels", "num_res_blocks", "channel_mult", "num_head_channels", "context_dim")
    sizes = {name: unet[name] for name in shared}
    torch.manual_seed(0)
    network = comfy.cldm.cldm.ControlNet(
        in_channels=4,
        hint_channels=3,
        use_spatial_transformer=True,
        transformer_depth=list(unet["transformer_depth"]),
        transformer_depth_middle=1,
        legacy=False,
        operations=torch_layers(),
        **sizes,
    )
    return comfy.controlnet.ControlNet(network.eval().requires_grad_(False), load_device=CPU)


def torch_layers() -> Any:
    """ComfyUI's layers with weights in them: its own leave them as they find the memory."""
    import comfy.ops

    def of(name: str) -> type:
        kind = getattr(comfy.ops.disable_weight_init, name)
        return type(name, (kind,), {"reset_parameters": getattr(torch.nn, name).reset_parameters})

    layers = SimpleNamespace(**{name: of(name) for name in ("Linear", "Conv2d", "GroupNorm", "LayerNorm")})
    layers.conv_nd = lambda dims, *sizes, **options: layers.Conv2d(*sizes, **options)
    return layers


def test_a_control_net_of_comfyui_s_own_works_in_the_chain(golden_b: Golden):
    """Behind ours, by core's Apply ControlNet."""
    from nodes import ControlNetApplyAdvanced

    noise, picture = golden_b.recorded["noise"], torch.rand(1, 128, 64, 3)
    positive, negative, _ = golden_b.condition()
    theirs = comfy_controlnet(golden_b)
    latents = {}
    for strength in (0.0, 0.3, 1.0):
        both = ControlNetApplyAdvanced().apply_controlnet(positive, negative, theirs, picture, strength, 0.0, 1.0)
        latents[strength] = golden_b.native.sample(*both, noise, 2, cfg=2.0)
    assert torch.equal(latents[0.0], golden_b.native.sample(positive, negative, noise, 2, cfg=2.0))
    assert 1e-4 < relative_rms(latents[0.3], latents[0.0]) < relative_rms(latents[1.0], latents[0.0])

    alone, _, _ = golden_b.condition(strength=0.0)
    _, alone_negative, _ = golden_b.condition(strength=0.0)
    without_ours = ControlNetApplyAdvanced().apply_controlnet(alone, alone_negative, theirs, picture, 1.0, 0.0, 1.0)
    assert relative_rms(golden_b.native.sample(*without_ours, noise, 2, cfg=2.0), latents[1.0]) > 1e-3


# --- Context windows ---------------------------------------------------------------------------------


def in_windows(native: Native, length: int, **options: Any) -> Any:
    from comfy_extras.nodes_context_windows import ContextWindowsManualNode

    settings = {
        "context_length": length,
        "context_overlap": 0,
        "context_schedule": "batched",
        "context_stride": 1,
        "closed_loop": False,
        "fuse_method": "flat",
        "dim": 0,
        "freenoise": False,
        "causal_window_fix": False,
    }
    return ContextWindowsManualNode.execute(native.model, **(settings | options)).result[0]


def longer(conditions: revideo.Conditions, times: int) -> revideo.Conditions:
    """Conditions of which no two frames are alike."""
    parts = {
        name: torch.cat([getattr(conditions, name).roll(8 * number, -1) for number in range(times)])
        for name in ("content", "motion", "mask")
    }
    return replace(conditions, **parts)


def of_frames(conditions: revideo.Conditions, frames: slice) -> revideo.Conditions:
    parts = {name: getattr(conditions, name)[frames] for name in ("content", "motion", "mask")}
    return replace(conditions, **parts)


def test_windows_side_by_side_are_runs_of_their_own(golden_b: Golden):
    """Euler mixes no frames: then each window is what a run of its frames alone gives."""
    native, conditions = golden_b.native, longer(golden_b.conditions, 3)
    torch.manual_seed(0)
    noise = torch.randn(12, 4, 16, 8)
    positive, negative, _ = native.condition(conditions)
    whole = native.sample(positive, negative, noise, 3, cfg=2.0, model=in_windows(native, 4))
    for start in (0, 4, 8):
        frames = slice(start, start + 4)
        positive, negative, _ = native.condition(of_frames(conditions, frames))
        alone = native.sample(positive, negative, noise[frames], 3, cfg=2.0)
        assert relative_rms(whole[frames], alone) < 1e-4


@pytest.mark.parametrize("frames", [[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 0, 1], [1, 3, 5, 7]])
def test_a_window_sees_its_own_frames_of_the_hints(golden_b: Golden, frames: list[int]):
    import comfy.context_windows

    model, conditions = Model(golden_b.native), longer(golden_b.conditions, 2)
    x, sigma = golden_b.recorded["noise"], 2.0
    inputs = model.inputs(golden_b, x * sigma, sigma)
    window = comfy.context_windows.IndexListContextWindow(frames, dim=0, total_frames=8)
    control = model.started(golden_b.native.control.with_conditions(conditions, 1.0, (0.0, 1.0)))
    found = control.get_control(**inputs | {"transformer_options": {"context_window": window}})
    sliced = model.started(
        golden_b.native.control.with_conditions(of_frames(conditions, frames), 1.0, (0.0, 1.0))
    ).get_control(**inputs)
    for one, other in zip(flat(found), flat(sliced), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"causal_window_fix": True}, "causal_window_fix .* switch it off"),
        ({"dim": 2}, "along dimension 2; SVD's frames are dimension 0: set dim to 0"),
    ],
)
def test_windows_that_svd_cannot_follow_are_refused(golden_b: Golden, option: dict[str, Any], message: str):
    native = golden_b.native
    positive, negative, latent = native.condition(longer(golden_b.conditions, 2))
    noise = torch.randn_like(latent["samples"])
    with pytest.raises(ValueError, match=message):
        native.sample(positive, negative, noise, 2, model=in_windows(native, 4, **option))


# --- Other frames than the first ---------------------------------------------------------------------


def edited_in(frames: dict[int, Tensor], count: int) -> revideo.Conditions:
    """A clip of noise with a path and a moving mask, of which these frames were edited."""
    generator = torch.Generator().manual_seed(1)
    video = torch.rand(count, 3, 128, 64, generator=generator)
    points_px = 10 + 44 * torch.rand(1, count, 2, generator=generator)
    mask = torch.zeros(count, 1, 128, 64)
    for number in range(count):
        mask[number, :, 20:90, number : number + 40] = 1
    first, *others = sorted(frames)
    tracks = revideo.Trajectories(points_px, torch.ones(1, count, dtype=torch.bool))
    edit = revideo.Edit(frames[first], tracks, mask, first, {index: frames[index] for index in others})
    return revideo.make_conditions(video, edit)


@pytest.fixture(scope="module")
def own_b(tmp_path_factory: pytest.TempPathFactory) -> revideo.ReVideo:
    return revideo.load(write_golden("b", tmp_path_factory.mktemp("own")), dtype=torch.float32, device="cpu")


@pytest.mark.parametrize("guidance", [1.0, 2.0])
@pytest.mark.parametrize(("edited", "count"), [((2,), 4), ((3,), 4), ((1,), 3), ((2,), 6), ((0, 3), 4), ((1, 3, 6), 8)])
def test_other_edited_frames_give_what_our_own_sampler_gives(
    golden_b: Golden, own_b: revideo.ReVideo, edited: tuple[int, ...], count: int, guidance: float
):
    """Euler on the same noise and levels, with the same guidance in all frames.

    What fills up a side shorter than the window is led by guided estimates there, by positive ones here.
    """
    generator = torch.Generator().manual_seed(sum(edited))
    conditions = edited_in({index: torch.rand(3, 128, 64, generator=generator) for index in edited}, count)
    options = revideo.SamplerOptions(steps=3, cfg_first=guidance, cfg_last=guidance)
    noise = torch.randn(count, 4, 16, 8, generator=generator)
    own = own_b.sample(conditions, options, noise=noise)
    positive, negative, latent = golden_b.native.condition(conditions)
    assert latent["samples"].shape == noise.shape
    latents = golden_b.native.sample(positive, negative, noise, 3, cfg=guidance)
    is_filled_up = any(len(side.order) < 4 for side in conditions.sides)
    assert relative_rms(latents, own) < (1e-2 if guidance > 1 and is_filled_up else 1e-3)


def test_a_side_that_no_window_holds_is_named(golden_b: Golden):
    conditions = edited_in({2: torch.zeros(3, 128, 64)}, 8)
    with pytest.raises(ValueError, match=r"6 frames from its edited frame on, .* edits windows of 4: take fewer"):
        golden_b.native.condition(conditions)


def test_context_windows_are_refused_where_sides_are_seen(golden_b: Golden):
    native = golden_b.native
    positive, negative, latent = native.condition(edited_in({2: torch.zeros(3, 128, 64)}, 6))
    with pytest.raises(ValueError, match=r"not only the first frame was edited: .* take the Context Windows node out"):
        native.sample(positive, negative, torch.randn_like(latent["samples"]), 2, model=in_windows(native, 4))


# --- In the hands of ComfyUI's model management ------------------------------------------------------


def test_a_run_leaves_nothing_of_its_own_behind(golden_b: Golden):
    control = applied(golden_b)
    probe(golden_b, control)
    [embedded] = control._embedded.values()
    left = weakref.ref(embedded.motion)
    del embedded
    control.cleanup()
    gc.collect()
    assert left() is None
    assert control.model_sampling is None


def test_what_no_step_changes_is_computed_once(golden_b: Golden, monkeypatch: pytest.MonkeyPatch):
    network = golden_b.native.control.part.network
    calls = []
    embed = network.embed_conditions
    monkeypatch.setattr(network, "embed_conditions", lambda *given: calls.append(given) or embed(*given))
    positive, negative, _ = golden_b.condition()
    golden_b.native.sample(positive, negative, golden_b.recorded["noise"], 4, cfg=2.0)
    assert len(calls) == 1


def test_each_step_gets_lists_of_its_own(golden_b: Golden):
    """ComfyUI takes the residuals out of them."""
    control = applied(golden_b)
    once = probe(golden_b, control)
    count = len(flat(once))
    for residuals in once.values():
        residuals.clear()
    assert len(flat(probe(golden_b, control))) == count


def test_a_control_net_loaded_in_part_computes_the_same(golden_b: Golden):
    """What low memory makes of it: weights fetched layer by layer as they work."""
    usual = flat(probe(golden_b, applied(golden_b)))
    control = golden_b.native.control.deepclone_multigpu(CPU)
    [patcher] = control.get_models()
    patcher.load(CPU, lowvram_model_memory=1)
    assert patcher.model.model_lowvram
    layers = [module for module in control.part.network.modules() if getattr(module, "comfy_cast_weights", False)]
    held = sum(weight.numel() for layer in layers for weight in layer.parameters(recurse=False))
    assert held > 0.99 * sum(weight.numel() for weight in control.part.network.parameters())
    found = probe(golden_b, control.with_conditions(golden_b.conditions, 1.0, (0.0, 1.0)))
    for one, other in zip(usual, flat(found), strict=True):
        assert (one - other).norm() < 1e-5 * one.norm()  # sums in another order: what follows a layer is not fused


def test_a_clone_for_another_gpu_has_weights_of_its_own(golden_b: Golden):
    control = applied(golden_b, 0.5)
    clone = control.deepclone_multigpu(CPU, autoregister=True)
    assert control.get_instance_for_device(CPU) is clone
    assert set(control.get_models()) == {control.patcher, clone.patcher}
    ours, theirs = (set(map(Tensor.data_ptr, each.part.network.parameters())) for each in (control, clone))
    assert not ours & theirs
    for one, other in zip(flat(probe(golden_b, control)), flat(probe(golden_b, clone)), strict=True):
        assert torch.equal(one, other)


def test_copies_share_the_network(golden_b: Golden):
    control = applied(golden_b)
    assert control.copy().patcher is control.patcher
    assert control.copy().conditions is control.conditions


def test_it_loads_with_the_model_and_unloads_when_comfyui_asks(golden_b: Golden):
    import comfy.model_management as management

    positive, negative, _ = golden_b.condition()
    golden_b.native.sample(positive, negative, golden_b.recorded["noise"], 1)
    patcher = golden_b.native.control.patcher
    assert patcher in management.loaded_models()
    assert patcher.loaded_size() > 0
    management.unload_all_models()
    assert patcher not in management.loaded_models()
    assert patcher.loaded_size() == 0


# --- Wrong partners ----------------------------------------------------------------------------------


def sd15() -> Any:
    """A Stable Diffusion 1.5 of ComfyUI's own class, small."""
    import comfy.model_patcher
    import comfy.supported_models

    sizes = {
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 32,
        "num_res_blocks": [1],
        "channel_mult": [1],
        "transformer_depth": [1],
        "transformer_depth_output": [1, 1],
        "transformer_depth_middle": 1,
        "context_dim": 768,
        "adm_in_channels": None,
        "use_spatial_transformer": True,
        "use_temporal_attention": False,
        "legacy": False,
    }
    settings = comfy.supported_models.SD15(sizes)
    settings.unet_config |= {"num_heads": 2, "num_head_channels": -1}
    settings.set_inference_dtype(torch.float32, None)
    return comfy.model_patcher.ModelPatcher(settings.get_model({}), CPU, CPU)


def test_another_kind_of_model_is_named(golden_b: Golden):
    with pytest.raises(
        ValueError, match=r"^the MODEL is no Stable Video Diffusion \(ComfyUI calls it BaseModel\): load"
    ):
        replace(golden_b.native, model=sd15()).condition(golden_b.conditions)


def test_another_kind_of_model_is_named_where_only_the_sampler_has_it(golden_b: Golden):
    positive, negative, _ = golden_b.condition()
    with pytest.raises(ValueError, match=r"^the MODEL is no Stable Video Diffusion"):
        golden_b.native.sample(positive, negative, golden_b.recorded["noise"], 1, model=sd15())


def test_a_model_of_other_widths_is_named(golden_a: Golden, golden_b: Golden):
    with pytest.raises(
        ValueError, match=r"^the ControlNet is for a UNet of 32, 32, 32, 64 channels .*, the MODEL has 32, 32, 64, 64"
    ):
        replace(golden_b.native, model=golden_a.native.model).condition(golden_b.conditions)


def test_temporal_weights_of_another_training_are_told(golden_b: Golden, caplog: pytest.LogCaptureFixture):
    golden_b.condition()
    assert "temporal keys and values" not in caplog.text
    part = golden_b.native.control.part
    assert len(part.temporal) == 2 * 16
    stock = replace(part, temporal={name: 1.1 * tensor for name, tensor in part.temporal.items()})
    from pack.nodes.native.control_net import ReVideoControl

    replace(golden_b.native, control=ReVideoControl(stock, CPU)).condition(golden_b.conditions)
    assert "32 of 32 temporal keys and values of the MODEL are not those that the ControlNet was" in caplog.text


def test_a_clip_vision_of_another_width_is_named(golden_a: Golden, golden_b: Golden):
    with pytest.raises(ValueError, match=r"^the CLIP_VISION makes embeddings of 48, the MODEL reads 32: take the one"):
        replace(golden_b.native, clip_vision=golden_a.native.clip_vision).condition(golden_b.conditions)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 4, 16, 8), r"^the latent has 5 frames, the conditions have 4: sample the latent that"),
        ((4, 4, 8, 16), r"^the latent is for 128×64, the conditions are for 64×128: sample the latent that"),
    ],
)
def test_a_latent_of_another_clip_is_named(golden_b: Golden, shape: tuple[int, ...], message: str):
    positive, negative, _ = golden_b.condition()
    with pytest.raises(ValueError, match=message):
        golden_b.native.sample(positive, negative, torch.randn(shape), 1)


def test_it_takes_no_picture_as_its_hint(golden_b: Golden):
    from nodes import ControlNetApplyAdvanced

    positive, negative, _ = golden_b.condition()
    arguments = positive, negative, golden_b.native.control, torch.zeros(1, 128, 64, 3), 1.0, 0.0, 1.0
    with pytest.raises(ValueError, match=r"^ReVideo's ControlNet takes no image: connect it to ReVideo Native Cond"):
        ControlNetApplyAdvanced().apply_controlnet(*arguments)


def test_another_control_net_is_sent_behind(golden_b: Golden):
    with pytest.raises(ValueError, match=r"^the ControlNet is no ReVideo one \(ControlNet\): take Load ReVideo"):
        replace(golden_b.native, control=comfy_controlnet(golden_b)).condition(golden_b.conditions)


def test_sizes_that_the_model_does_not_take_are_named(golden_b: Golden):
    short = of_frames(golden_b.conditions, slice(4))
    cut = {name: getattr(short, name)[..., :120, :] for name in ("reference", "content", "motion", "mask")}
    with pytest.raises(ValueError, match=r"^the video is 64×120; this model needs sides that are multiples of 64"):
        golden_b.native.condition(replace(short, **cut))
