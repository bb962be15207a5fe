"""The native route on a real server: beside ReVideoSampler, and under what ComfyUI puts around its own models."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from comfyui_server import CHECKPOINT, ComfyUI, Graph, load_latent, node, relative_rms
from native_graph import native_graph, own_graph
from native_parts import write_golden
from torch import Tensor

from revideo.checkpoints.random_weights import write_random_checkpoint

STEPS = 4
WIDTH, HEIGHT = 128, 64


def latent(comfyui: ComfyUI, graph: Graph) -> Tensor:
    return load_latent(comfyui, comfyui.succeed(graph), "latent")


@pytest.fixture(scope="module")
def euler(comfyui: ComfyUI) -> Tensor:
    return latent(comfyui, native_graph(STEPS, WIDTH, HEIGHT))


@pytest.fixture(scope="module")
def plain(comfyui: ComfyUI) -> Tensor:
    """SVD without the ControlNet."""
    return latent(comfyui, native_graph(STEPS, WIDTH, HEIGHT, strength=0.0))


# --- Beside ReVideoSampler ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "frames", "width", "height"),
    [("a", 5, 128, 64), ("b", 4, 64, 128), ("tiny (built in)", 14, 128, 128)],
    ids=["golden a", "golden b", "tiny"],
)
def test_both_routes_sample_the_same(comfyui: ComfyUI, model: str, frames: int, width: int, height: int):
    checkpoint = model if "tiny" in model else write_golden(model, comfyui.checkpoints).name
    native, own = (
        latent(comfyui, make(STEPS, width, height, frames=frames, checkpoint=checkpoint))
        for make in (native_graph, own_graph)
    )
    assert native.shape == (frames, 4, height // 8, width // 8)
    assert relative_rms(native, own) < 1e-3


SAME = [("heun", "karras"), ("dpmpp_2m", "exponential"), ("lms", "normal"), ("ipndm", "simple"), ("deis", "beta")]


@pytest.mark.parametrize(("sampler", "scheduler"), SAME)
def test_both_routes_sample_the_same_by_other_samplers_and_schedulers(
    comfyui: ComfyUI, euler: Tensor, plain: Tensor, sampler: str, scheduler: str
):
    own = own_graph(STEPS, WIDTH, HEIGHT)
    own["svd"] = native_graph()["svd"]
    own["sampler"] = node("KSamplerSelect", sampler_name=sampler)
    own["sigmas"] = node("BasicScheduler", model=["svd", 0], scheduler=scheduler, steps=STEPS, denoise=1.0)
    own["sample"]["inputs"] |= {"sampler": ["sampler", 0], "sigmas": ["sigmas", 0]}
    native = latent(comfyui, native_graph(STEPS, WIDTH, HEIGHT, sampler=sampler, scheduler=scheduler))
    assert relative_rms(native, latent(comfyui, own)) < 1e-3
    assert relative_rms(native, euler) > 0.01
    assert relative_rms(native, plain) > 0.01


@pytest.mark.parametrize(("sampler", "scheduler"), [("euler_ancestral", "karras"), ("dpmpp_2m_sde", "sgm_uniform")])
def test_samplers_that_draw_noise_work_too(
    comfyui: ComfyUI, euler: Tensor, plain: Tensor, sampler: str, scheduler: str
):
    """Each route draws its own, so that they differ."""
    native = latent(comfyui, native_graph(STEPS, WIDTH, HEIGHT, sampler=sampler, scheduler=scheduler))
    assert torch.isfinite(native).all()
    for other in (euler, plain):
        assert relative_rms(native, other) > 0.01


# --- Strength and percents ---------------------------------------------------------------------------


def test_strength_goes_from_plain_svd_to_the_whole(comfyui: ComfyUI, euler: Tensor, plain: Tensor):
    """Where it never works, or weighs nothing, the latents are those of plain SVD to the bit."""
    never = latent(comfyui, native_graph(STEPS, WIDTH, HEIGHT, start_percent=1.0))
    half = latent(comfyui, native_graph(STEPS, WIDTH, HEIGHT, strength=0.5))
    assert torch.equal(never, plain)
    assert 0.01 < relative_rms(half, plain) < relative_rms(euler, plain)


def test_until_a_percent_is_until_that_step(comfyui: ComfyUI, euler: Tensor, plain: Tensor):
    """The same by hand: the first steps with the ControlNet, the last ones without."""
    graph = native_graph(STEPS, WIDTH, HEIGHT)
    graph["plain"] = node("ReVideoNativeConditioning", **graph["condition"]["inputs"] | {"strength": 0.0})
    common = graph["sample"]["inputs"]
    shared = {"steps": STEPS, **{name: common[name] for name in ("model", "cfg", "sampler_name", "scheduler")}}
    for name, source, start, end in (("begun", "condition", 0, 2), ("sample", "plain", 2, STEPS)):
        graph[name] = node(
            "KSamplerAdvanced",
            add_noise="enable" if start == 0 else "disable",
            noise_seed=common["seed"],
            positive=[source, 0],
            negative=[source, 1],
            latent_image=["condition", 2] if start == 0 else ["begun", 0],
            start_at_step=start,
            end_at_step=end,
            return_with_leftover_noise="enable" if start == 0 else "disable",
            **shared,
        )
    by_hand = latent(comfyui, graph)
    # Karras' levels of 4 steps are 700, 70, 2.3, 0.002; 35 % of the way from 700 to 0.002, in logarithms, is 8.
    ended = latent(comfyui, native_graph(STEPS, WIDTH, HEIGHT, end_percent=0.35))
    assert relative_rms(ended, by_hand) < 1e-4
    for other in (euler, plain):
        assert relative_rms(ended, other) > 1e-3


# --- What ComfyUI puts around its models -------------------------------------------------------------


def log_of(comfyui: ComfyUI, graph: Graph) -> tuple[Tensor, str]:
    before = len(comfyui.log())
    return latent(comfyui, graph), comfyui.log()[before:]


def with_easycache(graph: Graph, threshold: float) -> Graph:
    graph["cached"] = node(
        "EasyCache", model=["svd", 0], reuse_threshold=threshold, start_percent=0.0, end_percent=1.0, verbose=False
    )
    graph["guided"]["inputs"]["model"] = ["cached", 0]
    return graph


def test_easycache_skips_steps_and_stays_near(comfyui: ComfyUI):
    steps = 8
    whole = latent(comfyui, native_graph(steps, WIDTH, HEIGHT))
    plain = latent(comfyui, native_graph(steps, WIDTH, HEIGHT, strength=0.0))
    found = {}
    for threshold in (0.0, 0.3):
        found[threshold], log = log_of(comfyui, with_easycache(native_graph(steps, WIDTH, HEIGHT), threshold))
        [skipped] = re.findall(rf"EasyCache - skipped (\d+)/{steps} steps", log)
        assert (int(skipped) > 0) is (threshold > 0), log
    assert torch.equal(found[0.0], whole)
    assert 0 < relative_rms(found[0.3], whole) < relative_rms(plain, whole)


def with_windows(graph: Graph, overlap: int = 4, **options: Any) -> Graph:
    graph["windows"] = node(
        "ContextWindowsManual",
        **{
            "model": ["svd", 0],
            "context_length": 14,
            "context_overlap": overlap,
            "context_schedule": "standard_static",
            "context_stride": 1,
            "closed_loop": False,
            "fuse_method": "pyramid",
            "dim": 0,
            "freenoise": False,
            "cond_retain_index_list": "",
            "split_conds_to_windows": False,
            "latent_retain_index_list": "",
            "causal_window_fix": False,
        }
        | options,
    )
    graph["guided"]["inputs"]["model"] = ["windows", 0]
    return graph


def test_36_frames_by_windows_of_14(comfyui: ComfyUI):
    graphs = (with_windows(native_graph(2, WIDTH, HEIGHT, frames=36, strength=strength)) for strength in (1.0, 0.0))
    (whole, log), (plain, _) = (log_of(comfyui, graph) for graph in graphs)
    windows = re.findall(r"Context window (\d)/4: frames (\d+)-(\d+) of 36", log)
    assert windows == 2 * [(str(i + 1), str(first), str(first + 13)) for i, first in enumerate((0, 10, 20, 22))]
    assert whole.shape == (36, 4, HEIGHT // 8, WIDTH // 8)
    for frame, without in zip(whole, plain, strict=True):  # the ControlNet works in every window
        assert relative_rms(frame, without) > 0.01


# --- Mistakes ----------------------------------------------------------------------------------------


def failed(comfyui: ComfyUI, graph: Graph, culprit: str) -> str:
    run = comfyui.run(graph)
    assert run.error is not None
    assert run.error["node_id"] == culprit
    return run.message


def test_a_latent_of_another_length_is_named(comfyui: ComfyUI):
    graph = native_graph(1, WIDTH, HEIGHT)
    graph["cut"] = node("LatentFromBatch", samples=["condition", 2], batch_index=0, length=9)
    graph["sample"]["inputs"]["latent_image"] = ["cut", 0]
    assert failed(comfyui, graph, "sample") == (
        "the latent has 9 frames, the conditions have 14: sample the latent that ReVideo Native Conditioning gives"
    )


def test_the_window_fix_that_svd_does_not_take_is_named(comfyui: ComfyUI):
    graph = with_windows(native_graph(1, WIDTH, HEIGHT, frames=20), causal_window_fix=True)
    assert failed(comfyui, graph, "sample") == (
        "causal_window_fix of the context windows adds a frame to some windows, which SVD does not take: switch it off"
    )


def test_the_control_net_of_another_checkpoint_is_named(comfyui: ComfyUI):
    graph = native_graph(1, WIDTH, HEIGHT)
    graph["control"]["inputs"]["checkpoint"] = "tiny (built in)"
    message = failed(comfyui, graph, "condition")
    assert message.startswith("the ControlNet is for a UNet of 96, 128 channels (")
    assert message.endswith("load both from the same file (ImageOnlyCheckpointLoader, or Load ReVideo as SVD)")


def test_stock_svd_weights_are_told_in_the_log(comfyui: ComfyUI):
    write_random_checkpoint(comfyui.checkpoints / "other.safetensors", seed=1)
    graph = native_graph(1, WIDTH, HEIGHT)
    _, log = log_of(comfyui, graph | {"svd": node("ReVideoLoadSVD", **graph["svd"]["inputs"])})
    assert "temporal keys and values" not in log
    graph["svd"]["inputs"]["checkpoint"] = "other.safetensors"
    _, log = log_of(comfyui, graph)
    assert re.search(r"\d+ of \d+ temporal keys and values of the MODEL are not those that the ControlNet was", log)


def test_a_file_without_a_control_net_is_named(comfyui: ComfyUI):
    import revideo

    folder = comfyui.checkpoints
    revideo.convert(folder / CHECKPOINT, folder / "part.safetensors", target_svd=folder / "stock.safetensors")
    graph = native_graph(1, WIDTH, HEIGHT)
    graph["control"]["inputs"]["checkpoint"] = "stock.safetensors"
    assert failed(comfyui, graph, "control") == (
        "stock.safetensors is a plain Stable Video Diffusion checkpoint without ReVideo's ControlNet: "
        "use a ReVideo checkpoint, or this file as the svd beside a ReVideo control file"
    )


def test_a_control_file_and_an_svd_file_make_the_whole(comfyui: ComfyUI, euler: Tensor):
    import revideo

    folder = comfyui.checkpoints
    revideo.convert(folder / CHECKPOINT, folder / "part.safetensors", target_svd=folder / "stock.safetensors")
    graph = native_graph(STEPS, WIDTH, HEIGHT, checkpoint="part.safetensors")
    graph["svd"]["inputs"]["svd_checkpoint"] = "stock.safetensors"
    assert torch.equal(latent(comfyui, graph), euler)


def test_no_control_was_left_out(comfyui: ComfyUI, euler: Tensor):
    """ComfyUI says so only in its log; the last of this file's tests on this server."""
    assert "control could not be applied" not in comfyui.log()
