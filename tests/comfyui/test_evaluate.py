"""ReVideoEvaluate and the ways to keep, in a real ComfyUI."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from comfyui_server import WINDOW, ComfyUI, Graph, Run, load_latent, node
from edit_graph import HEIGHT, WIDTH, edit_graph, with_video
from PIL import Image

from revideo.evaluation.evaluator import METRICS

OUTPUTS = {"figures": 0, "json": 4}


def evaluate_graph(**inputs: object) -> Graph:
    graph = with_video(edit_graph(steps=1))
    for name in ("result", "result video", "source", "source video"):
        graph.pop(name)
    graph["evaluate"] = node(
        "ReVideoEvaluate",
        original=["prepare", 0],
        edited=["decode", 0],
        mask=["mask", 0],
        **({"composited": ["keep", 0], "trajectories": ["tracks", 0], "edited_frame": ["edited", 0]} | inputs),
    )
    for name, number in OUTPUTS.items():
        graph[name] = node("PreviewAny", source=["evaluate", number])
    for name, number in (("charts", 1), ("sheet", 2), ("comparison", 3)):
        graph[name] = node("SaveImage", images=["evaluate", number], filename_prefix=f"evaluate/{name}")
    return graph


@pytest.fixture(scope="module")
def evaluated(comfyui: ComfyUI) -> Run:
    return comfyui.succeed(evaluate_graph())


def test_figures_come_for_the_model_s_frames_and_the_finished(evaluated: Run):
    told = json.loads(evaluated.outputs["json"]["text"][0])
    assert list(told) == ["raw", "composited"]
    raw, composited = (told[name]["figures"] for name in told)
    assert composited["unedited_psnr"] == 100 > raw["unedited_psnr"]
    assert {"unedited_ssim", "seam", "path_lost", "motion_alignment"} <= set(raw) <= set(METRICS)
    assert all(len(values) == WINDOW for values in told["raw"]["frames"].values())
    table = evaluated.outputs["figures"]["text"][0].splitlines()
    assert table[0].split() == ["raw", "composited"]
    assert any(line.startswith("unedited PSNR, dB") for line in table)


def test_the_node_shows_charts_and_sheet(comfyui: ComfyUI, evaluated: Run):
    shown = [Image.open(BytesIO(comfyui.view(saved))) for saved in evaluated.outputs["evaluate"]["images"]]
    saved = [Image.open(comfyui.saved_path(evaluated.outputs[name]["images"][0])) for name in ("charts", "sheet")]
    assert [picture.size for picture in shown] == [picture.size for picture in saved]
    assert len(evaluated.outputs["comparison"]["images"]) == WINDOW


def test_a_prompt_without_clip_is_one_line_on_the_node(comfyui: ComfyUI):
    run = comfyui.run(evaluate_graph(prompt="a cat on a bike"))
    assert run.error is not None
    assert (run.error["node_id"], run.error["exception_type"]) == ("evaluate", "ValueError")
    assert run.message == (
        'the prompt "a cat on a bike" needs a CLIP model to be measured: name one, or leave the prompt out'
    )


def test_another_clip_s_result_is_one_line_on_the_node(comfyui: ComfyUI):
    graph = evaluate_graph()
    graph = {name: graph[name] for name in ("clip", "prepare", "keep area", "edit area", "mask", "evaluate")}
    graph["other"] = node("EmptyImage", width=64, height=64, batch_size=9, color=0)
    graph["evaluate"]["inputs"] = {"original": ["prepare", 0], "edited": ["other", 0], "mask": ["mask", 0]}
    run = comfyui.run(graph)
    assert run.error is not None
    assert run.error["node_id"] == "evaluate"
    assert run.message == (
        f"the original is {WINDOW} frames of {WIDTH}×{HEIGHT}, the edited video 9 frames of 64×64; they must agree"
    )


# --- Ways to keep ------------------------------------------------------------------------


def test_a_workflow_without_the_lock_samples_as_one_with_the_lock_off(comfyui: ComfyUI):
    """What was saved before there was a lock has no such input."""
    graph = edit_graph(steps=1)
    before = load_latent(comfyui, comfyui.succeed(graph), "latent")
    graph["sample"]["inputs"] |= {"latent_lock": False, "lock_until": 0.0}
    assert (load_latent(comfyui, comfyui.succeed(graph), "latent") == before).all()


@pytest.mark.parametrize("sampler", [None, "euler", "dpmpp_2m"])
def test_the_lock_holds_the_unedited_cells_by_any_sampler(comfyui: ComfyUI, sampler: str | None):
    graph = edit_graph(steps=2, width=128, height=64)
    graph["sample"]["inputs"] |= {"latent_lock": True, "lock_until": 0.0}
    if sampler:
        graph["sampler"] = node("KSamplerSelect", sampler_name=sampler)
        graph["sample"]["inputs"]["sampler"] = ["sampler", 0]
    one = load_latent(comfyui, comfyui.succeed(graph), "latent")
    graph["sample"]["inputs"]["seed"] = 5
    other = load_latent(comfyui, comfyui.succeed(graph), "latent")
    outside, inside = (slice(None), slice(None), slice(0, 4)), (slice(None), slice(None), slice(4, 8), slice(6, 16))
    assert (one[outside] - other[outside]).abs().max() < 1e-3  # rows above the area: the source's, whatever the noise
    assert (one[inside] - other[inside]).abs().mean() > 0.01


def test_the_area_can_be_matched_to_its_surroundings(comfyui: ComfyUI):
    graph = with_video(edit_graph(steps=1))
    for name in ("result", "result video", "source", "source video"):
        graph.pop(name)
    graph["pictures"] = node("SaveImage", images=["keep", 0], filename_prefix="matched")
    pictures = {}
    for match in ("none", "colours", "gradients"):
        graph["keep"]["inputs"]["match"] = match
        saved = comfyui.succeed(graph).outputs["pictures"]["images"]
        pictures[match] = [Image.open(comfyui.saved_path(each)).tobytes() for each in saved]
    assert len({pictures[match][1] for match in pictures}) == 3
