"""Seeds, samplers from the graph, interrupts: ReVideoSampler under ComfyUI's control."""

from __future__ import annotations

import pytest
import torch
from comfyui_server import ComfyUI, Run, load_latent, node, relative_rms
from edit_graph import edit_graph

STEPS = 3
WIDTH, HEIGHT = 128, 64


def latent(comfyui: ComfyUI, *, sampler: str | None = None, sigmas: bool = False, seed: int = 23) -> torch.Tensor:
    graph = edit_graph(STEPS, WIDTH, HEIGHT, seed)
    if sampler is not None:
        graph["sampler"] = node("KSamplerSelect", sampler_name=sampler)
        graph["sample"]["inputs"]["sampler"] = ["sampler", 0]
    if sigmas:
        graph["sigmas"] = node("KarrasScheduler", steps=STEPS, sigma_max=700.0, sigma_min=0.002, rho=7.0)
        graph["sample"]["inputs"] |= {"sigmas": ["sigmas", 0], "steps": 1}  # the sigmas replace the steps
    run = comfyui.succeed(graph, preview_method="auto")  # with a preview, no step's report is left out
    assert run.steps("sample") in ([], list(range(1, STEPS + 1)))  # [] = from the cache
    return load_latent(comfyui, run, "latent")


@pytest.fixture(scope="module")
def euler(comfyui: ComfyUI) -> torch.Tensor:
    return latent(comfyui)


def test_other_seeds_give_other_latents(comfyui: ComfyUI, euler: torch.Tensor):
    assert relative_rms(latent(comfyui, seed=24), euler) > 0.1


def test_the_same_seed_gives_identical_latents(comfyui: ComfyUI, euler: torch.Tensor):
    comfyui.free()  # else the second run would only show ComfyUI's cache
    run = comfyui.succeed(edit_graph(STEPS, WIDTH, HEIGHT))
    assert {"model", "sample"} <= run.executed()
    assert torch.equal(load_latent(comfyui, run, "latent"), euler)


def test_a_seed_of_64_bits_works(comfyui: ComfyUI):
    """The frontend draws seeds up to 2⁶⁴ − 1; a torch generator takes fewer."""
    assert torch.isfinite(latent(comfyui, seed=2**64 - 1)).all()


@pytest.mark.parametrize(("added_noise", "differs"), [(-1.0, False), (0.02, False), (0.5, True)])
def test_noise_that_is_added_is_as_much_as_the_model_hears_of_unless_asked(
    comfyui: ComfyUI, euler: torch.Tensor, added_noise: float, differs: bool
):
    graph = edit_graph(STEPS, WIDTH, HEIGHT)
    graph["sample"]["inputs"]["added_noise"] = added_noise
    found = load_latent(comfyui, comfyui.succeed(graph), "latent")
    assert torch.equal(found, euler) is not differs


@pytest.mark.parametrize(("sampler", "sigmas"), [("euler", True), ("euler", False), (None, True)])
def test_euler_and_karras_from_the_graph_equal_the_built_in_ones(
    comfyui: ComfyUI, euler: torch.Tensor, sampler: str | None, sigmas: bool
):
    assert relative_rms(latent(comfyui, sampler=sampler, sigmas=sigmas), euler) < 1e-4


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "euler_ancestral", "dpmpp_2m_sde", "uni_pc", "lcm"])
def test_other_samplers_run_and_differ(comfyui: ComfyUI, euler: torch.Tensor, sampler: str):
    sampled = latent(comfyui, sampler=sampler, sigmas=True)
    assert torch.isfinite(sampled).all()
    assert relative_rms(sampled, euler) > 0.01


# --- Time for quality --------------------------------------------------------------------


def with_options(comfyui: ComfyUI, **options: str | float) -> torch.Tensor:
    graph = edit_graph(STEPS, WIDTH, HEIGHT)
    graph["sample"]["inputs"] |= options
    return load_latent(comfyui, comfyui.succeed(graph), "latent")


def test_aligned_steps_and_second_order_equal_comfyui_s_own(comfyui: ComfyUI):
    graph = edit_graph(STEPS, WIDTH, HEIGHT)
    graph["sampler"] = node("KSamplerSelect", sampler_name="dpmpp_2m")
    graph["sigmas"] = node("AlignYourStepsScheduler", model_type="SVD", steps=STEPS, denoise=1.0)
    graph["sample"]["inputs"] |= {"sampler": ["sampler", 0], "sigmas": ["sigmas", 0]}
    theirs = load_latent(comfyui, comfyui.succeed(graph), "latent")
    assert relative_rms(with_options(comfyui, schedule="ays", solver="dpmpp_2m"), theirs) < 1e-4


def test_no_guidance_interval_and_the_preset_as_set_change_nothing(comfyui: ComfyUI, euler: torch.Tensor):
    assert torch.equal(with_options(comfyui, preset="as set", guide_from=1000.0, control_every=1), euler)


def test_the_preset_goes_before_the_other_fields(comfyui: ComfyUI):
    fast = with_options(comfyui, preset="fast", steps=STEPS)
    assert torch.isfinite(fast).all()
    assert torch.equal(with_options(comfyui, preset="fast", steps=STEPS + 1, schedule="karras"), fast)


# --- Interrupts ------------------------------------------------------------------------


def test_an_interrupt_ends_within_one_step_and_the_next_run_succeeds(comfyui: ComfyUI):
    def watch(kind: str, data: dict, run: Run) -> None:
        if kind == "progress" and data["node"] == "sample" and data["value"] == 2:
            comfyui.interrupt()

    # A step takes much longer than the request to stop.
    run = comfyui.run(edit_graph(1000, 320, 192), watch, preview_method="auto")
    assert run.interrupted
    assert not run.succeeded
    assert run.error is None
    assert run.steps("sample")[-1] <= 3  # the step that was running when the interrupt came
    assert torch.isfinite(latent(comfyui, seed=77)).all()
