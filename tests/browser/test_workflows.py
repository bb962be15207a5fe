"""The example workflows, unchanged, in ComfyUI's own frontend: opened, queued, run to the end."""

from __future__ import annotations

import json
import time
from itertools import combinations
from typing import Any

import av
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from comfyui_server import PACK, ComfyUI
from examples import (
    EDITED,
    FOLDER,
    HEIGHT,
    LONG,
    LONG_SIZE,
    NAMES,
    ONE_AREA,
    SPRITES,
    WIDTH,
    frames_of,
    place_inputs,
    region,
    source,
)
from frontend import fit_view, load_workflow, open_frontend, settled
from playwright.sync_api import Page

DEADLINE_S = 1000  # for one run of a workflow on a slow, busy CPU

STATE = """() => ({
    missing: window.app.graph.nodes.filter(node => node.has_errors || !(node.type in LiteGraph.registered_node_types))
        .map(node => node.type),
    widgets: Object.fromEntries(window.app.graph.serialize().nodes.map(node => [node.id, node.widgets_values ?? []])),
    clipped: window.app.graph.nodes.filter(node => node.computeSize()[1] > node.size[1] + 1).map(node => node.type),
})"""


def stored(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def test_every_example_is_tested():
    assert sorted(file.stem for file in FOLDER.glob("*.json")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_node_covers_another(name: str):
    title_px = 30  # above a node's position
    boxes = [
        (node["type"], node["pos"][0], node["pos"][1] - title_px, node["size"][0], node["size"][1] + title_px)
        for node in stored(name)["nodes"]
    ]
    for (one, x, y, width, height), (other, x2, y2, width2, height2) in combinations(boxes, 2):
        apart = x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
        assert apart, f"{one} and {other} overlap"


NODE_BOXES = """() => [...document.querySelectorAll("[data-node-id]")].map(element => {
    const { x, y, width, height } = element.getBoundingClientRect()
    return { title: element.innerText.split("\\n")[0], x, y, width, height }
})"""


@pytest.mark.parametrize("name", NAMES)
def test_no_node_covers_another_in_nodes_2(comfyui: ComfyUI, name: str):
    place_inputs(comfyui, name)
    with open_frontend(comfyui.url, nodes_2=True) as (page, complaints):
        load_workflow(page, stored(name))
        fit_view(page)
        boxes = settled(page, NODE_BOXES)
    assert len(boxes) == len(stored(name)["nodes"])
    assert complaints == []
    for one, other in combinations(boxes, 2):
        width = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
        height = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
        assert min(width, height) < 1, f"{one} and {other} overlap"


@pytest.mark.parametrize("name", NAMES)
def test_the_templates_menu_shows_it_with_a_picture(comfyui: ComfyUI, name: str):
    assert name in comfyui.get("/workflow_templates")[PACK]
    picture = comfyui.get(f"/api/workflow_templates/{PACK}/{name}.jpg")
    assert picture.startswith(b"\xff\xd8")
    assert len(picture) <= 150_000


def finish(comfyui: ComfyUI, page: Page, whole: bool = True) -> dict[str, Any]:
    """Queues what is open in the browser, as its Run button does, and waits for the end: the history's entry.

    Not `whole`: the frontend marks nodes that cannot run, and leaves them out.
    """
    known = set(comfyui.get("/history"))
    assert page.evaluate("window.app.queuePrompt(0)") is whole
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        for entry_id, entry in comfyui.get("/history").items():
            if entry_id not in known:
                return entry
        page.wait_for_timeout(250)  # polls, and lets the page's own events through
    raise TimeoutError(f"no run ended within {DEADLINE_S} s:\n{comfyui.log()[-2000:]}")


def test_the_first_frame_can_be_saved_before_an_edited_one_exists(comfyui: ComfyUI):
    """Step 2 of the workflow's note: what misses its picture stays out, the rest runs."""
    place_inputs(comfyui, ONE_AREA)
    workflow = stored(ONE_AREA)
    with open_frontend(comfyui.url) as (page, _):
        (comfyui.input / EDITED).unlink()
        load_workflow(page, workflow)
        entry = finish(comfyui, page, whole=False)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    saved = [image for output in entry["outputs"].values() for image in output["images"]]
    assert [image["filename"].startswith("revideo_first_frame") for image in saved] == [True]


@pytest.mark.timeout(DEADLINE_S + 120)
@pytest.mark.parametrize("name", NAMES)
def test_example_runs_unchanged(comfyui: ComfyUI, name: str, tmp_path):
    place_inputs(comfyui, name)
    workflow = comfyui.get(f"/api/workflow_templates/{PACK}/{name}.json")
    with open_frontend(comfyui.url) as (page, complaints):
        load_workflow(page, workflow)
        fit_view(page)
        state = page.evaluate(STATE)
        assert state["missing"] == []
        assert state["clipped"] == []
        assert state["widgets"] == {str(node["id"]): node.get("widgets_values", []) for node in workflow["nodes"]}
        entry = finish(comfyui, page)
        page.screenshot(path=tmp_path / f"{name}.png")  # for whoever looks into a failure
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    assert complaints == []

    node_id = next(str(node["id"]) for node in workflow["nodes"] if node["type"] == "SaveVideo")
    saved = comfyui.saved_path(entry["outputs"][node_id]["images"][0])
    with av.open(str(saved)) as container:
        rate = container.streams.video[0].average_rate
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    prepared = (source(name, comfyui) * 255).permute(0, 2, 3, 1).numpy()
    height, width, fps = (128, 128, 8) if name in SPRITES else (*(LONG_SIZE if name == LONG else (HEIGHT, WIDTH)), 25)
    assert frames.shape == prepared.shape == (frames_of(name), height, width, 3)
    assert rate == fps

    difference = torch.from_numpy(np.abs(frames - prepared).mean((0, 3)))  # per pixel, of 255
    areas = region(name)
    always, ever = areas.amin(0), areas.amax(0)
    deep = -F.max_pool2d(-always, 49, 1, 24)[0] > 0  # 24 pixels in: beyond the feather and the codec's blocks
    assert deep.sum() > 500
    assert difference[deep].mean() > 10  # remade: by random weights anything, by trained ones another thing
    far = F.max_pool2d(ever, 33, 1, 16)[0] == 0  # 16 pixels around the areas share blocks with them
    assert difference[far].mean() < 5
