"""The first example workflow on a real server: trained weights, so that what comes out can be held to figures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_server import ROOT, WINDOW, ComfyUI, Graph, Run, node
from PIL import Image
from tiny_limits import LIMITS, STEPS
from torch import Tensor

from revideo.evaluation.metrics import psnr
from revideo.synthetic.examples import (
    EXAMPLES,
    HEIGHT_PX,
    WIDE_EXAMPLES,
    WIDTH_PX,
    WITH_DEPTH,
    example_depth_file,
    example_edit,
    example_files,
)
from revideo.synthetic.measures import measure_edit

SHOWN_ONLY = ("MarkdownNote",)
EXAMPLE = "both"  # which the workflow edits
LOSSLESS = {"source": ("ReVideoExampleClip", 0), "raw": ("ReVideoDecode", 0), "kept": ("ReVideoKeepUnedited", 0)}


def api_graph(workflow: dict[str, Any], object_info: dict[str, Any]) -> Graph:
    """What the frontend queues for a stored workflow without subgraphs: links and widgets by their names."""
    origins = {link[0]: [str(link[1]), link[2]] for link in workflow["links"]}
    graph = {}
    for stored in workflow["nodes"]:
        if stored["type"] in SHOWN_ONLY:
            continue
        values = iter(stored.get("widgets_values", []))
        inputs = {}
        for given in stored["inputs"]:
            name = given["name"]
            if "widget" in given:
                inputs[name] = next(values)
                kinds = object_info[stored["type"]]["input"]
                options = {**kinds.get("required", {}), **kinds.get("optional", {})}[name][1:]
                if options and options[0].get("control_after_generate"):
                    next(values)  # the frontend's own
            if given["link"] is not None:
                inputs[name] = origins[given["link"]]
        assert list(values) == [], stored["type"]
        graph[str(stored["id"])] = node(stored["type"], **inputs)
    return graph


def node_id(graph: Graph, class_type: str) -> str:
    [found] = [name for name, one in graph.items() if one["class_type"] == class_type]
    return found


@pytest.fixture(scope="module")
def graph(comfyui: ComfyUI) -> Graph:
    workflow = json.loads((ROOT / "example_workflows/00_first_edit.json").read_text("utf-8"))
    return api_graph(workflow, comfyui.get("/object_info"))


@pytest.fixture(scope="module")
def finished(comfyui: ComfyUI, graph: Graph) -> Run:
    """The workflow as it is but for its steps, and its frames on three places of the way, also saved without loss."""
    saves = {
        name: node("SaveImage", images=[node_id(graph, kind), slot], filename_prefix=f"first_edit/{name}")
        for name, (kind, slot) in LOSSLESS.items()
    }
    sample = node_id(graph, "ReVideoSampler")
    sampler = node("ReVideoSampler", **graph[sample]["inputs"] | {"steps": STEPS})
    return comfyui.succeed(graph | saves | {sample: sampler})


def frames(comfyui: ComfyUI, run: Run, name: str) -> Tensor:
    """(T, 3, H, W) in [0, 1], of 8 bits."""
    pictures = [np.asarray(Image.open(comfyui.saved_path(saved))) for saved in run.outputs[name]["images"]]
    return torch.from_numpy(np.stack(pictures)).movedim(-1, 1) / 255


def test_it_follows_the_path_and_keeps_the_rest_before_anything_is_put_back(comfyui: ComfyUI, finished: Run):
    figures = measure_edit(example_edit(EXAMPLE), frames(comfyui, finished, "raw"))
    assert not LIMITS["both", 1].missed_by(figures), figures


def test_kept_pixels_are_the_source_s_to_the_bit(comfyui: ComfyUI, finished: Run):
    source, raw, kept = (frames(comfyui, finished, name) for name in LOSSLESS)
    outside = (example_edit(EXAMPLE).edit.mask < 0.5).expand_as(source)
    assert torch.equal(kept[outside], source[outside])
    assert not torch.equal(raw[outside], source[outside])
    assert not torch.equal(kept[~outside], source[~outside])


def test_the_finished_clip_is_saved(comfyui: ComfyUI, graph: Graph, finished: Run):
    [saved] = finished.outputs[node_id(graph, "SaveVideo")]["images"]
    assert comfyui.saved_path(saved).suffix == ".mp4"


@pytest.mark.parametrize("name", ["content", "two areas", "long 576x320"])
def test_every_example_gives_its_edit(comfyui: ComfyUI, name: str):
    run = comfyui.succeed(
        {
            "clip": node("ReVideoExampleClip", example=name),
            "frames": node("SaveImage", images=["clip", 0], filename_prefix="example/frames"),
            "edited": node("SaveImage", images=["clip", 1], filename_prefix="example/edited"),
            "fps": node("PreviewAny", source=["clip", 2]),
            "video": node("GetVideoComponents", video=["clip", 3]),
            "of video": node("SaveImage", images=["video", 0], filename_prefix="example/video"),
        }
    )
    truth = example_edit(name)
    assert psnr(frames(comfyui, run, "frames"), truth.source) > 30
    assert psnr(frames(comfyui, run, "of video"), frames(comfyui, run, "frames")) > 40  # decoded by ComfyUI
    assert psnr(frames(comfyui, run, "edited")[0], truth.edit.edited_frame) > 50
    assert run.outputs["fps"]["text"] == ["8.0"]


def test_the_pack_serves_what_the_editor_shows_of_an_example(comfyui: ComfyUI):
    """Byte for byte: what is drawn on is what is edited."""
    options = comfyui.get("/object_info/ReVideoExampleClip")["ReVideoExampleClip"]["input"]["required"]["example"]
    names = [*EXAMPLES, *WIDE_EXAMPLES, WITH_DEPTH]
    assert options[1]["options"] == names
    folder = ROOT / "js/examples"
    files = [file for name in names for file in example_files(folder, name)]
    for file in (*files, example_depth_file(folder)):
        assert comfyui.get(f"/extensions/ComfyUI-ReVideo/examples/{file.name}") == file.read_bytes()


@pytest.mark.parametrize("dtype", ["auto", "fp32", "bf16", "fp8"])
def test_the_built_in_model_works_in_each_precision_on_a_cpu(comfyui: ComfyUI, graph: Graph, dtype: str):
    sample, load = node_id(graph, "ReVideoSampler"), node_id(graph, "ReVideoLoadModel")
    other = graph | {
        load: node("ReVideoLoadModel", **graph[load]["inputs"] | {"weight_dtype": dtype}),
        sample: node("ReVideoSampler", **graph[sample]["inputs"] | {"steps": 1}),
        "raw": node("SaveImage", images=[node_id(graph, "ReVideoDecode"), 0], filename_prefix=f"first_edit/{dtype}"),
    }
    made = frames(comfyui, comfyui.succeed(other), "raw")
    assert made.shape == (WINDOW, 3, HEIGHT_PX, WIDTH_PX)
    assert made.std() > 0.05
