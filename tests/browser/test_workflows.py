"""The example workflows in ComfyUI's own frontend: opened as they are stored, queued, run to the end."""

from __future__ import annotations

import json
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from comfyui_server import DEADLINE_S, PACK, ROOT, ComfyUI
from examples import (
    AREA_PX,
    EDITED,
    FOLDER,
    NAMES,
    ONE_AREA,
    SMALL_AREA_PX,
    SPRITES,
    frames_of,
    place_inputs,
    region,
    source,
)
from frontend import NEWEST, PINNED, fit_view, load_workflow, open_frontend, settled
from playwright.sync_api import Page

STATE = """() => ({
    missing: window.app.graph.nodes.filter(node => node.has_errors || !(node.type in LiteGraph.registered_node_types))
        .map(node => node.type),
    widgets: Object.fromEntries(window.app.graph.serialize().nodes.map(node => [node.id, node.widgets_values ?? []])),
    clipped: window.app.graph.nodes.filter(node => node.computeSize()[1] > node.size[1] + 1).map(node => node.type),
})"""


SAVED = ROOT / "tests/data/workflows"  # as an earlier version saved them, with what its frontend then queued


def stored(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


# Those saved earlier run too where they are others by now.
WORKFLOWS = [(FOLDER, name) for name in NAMES]
WORKFLOWS += [(SAVED, name) for name in NAMES if stored(name, SAVED) != stored(name)]


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


def open_example(
    server: ComfyUI, page: Page, name: str, workflow: dict[str, Any], area_px: tuple[int, int] = AREA_PX
) -> None:
    """As the menu opens a workflow, with all that it reads in place, and all of it in view."""
    place_inputs(server, name, area_px)
    page.evaluate("window.app.extensionManager.command.execute('Comfy.RefreshNodeDefinitions')")  # the lists of files
    load_workflow(page, workflow)
    fit_view(page)


NODE_BOXES = """() => [...document.querySelectorAll("[data-node-id]")].map(element => {
    const { x, y, width, height } = element.getBoundingClientRect()
    return { title: element.innerText.split("\\n")[0], x, y, width, height }
})"""


@pytest.mark.parametrize("frontend", [PINNED[1], NEWEST[1]], indirect=True, ids=str)
def test_no_node_covers_another_in_nodes_2(server: ComfyUI, page: Page):
    for name in NAMES:
        place_inputs(server, name)
    for name in NAMES:
        load_workflow(page, stored(name))
        fit_view(page)
        boxes = settled(page, NODE_BOXES)
        assert len(boxes) == len(stored(name)["nodes"]), name
        for one, other in combinations(boxes, 2):
            width = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
            height = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
            assert min(width, height) < 1, f"{name}: {one} and {other} overlap"


@pytest.mark.parametrize("name", NAMES)
def test_the_templates_menu_shows_it_with_a_picture(comfyui: ComfyUI, name: str):
    assert name in comfyui.get("/workflow_templates")[PACK]
    assert comfyui.get(f"/api/workflow_templates/{PACK}/{name}.json") == stored(name)
    picture = comfyui.get(f"/api/workflow_templates/{PACK}/{name}.jpg")
    assert picture.startswith(b"\xff\xd8")
    assert len(picture) <= 150_000


def finish(comfyui: ComfyUI, page: Page, whole: bool = True) -> dict[str, Any]:
    """Queues what is open in the browser, as its Run button does, and waits for the end: the history's entry.

    Not `whole`: the frontend marks nodes that cannot run, and leaves them out.
    """
    known = set(comfyui.get("/history", max_items="1"))  # the last one
    assert page.evaluate("window.app.queuePrompt(0)") is whole
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        for entry_id, entry in comfyui.get("/history", max_items="1").items():
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


# All else stays as stored.
SHRINK = """([height, width]) => {
    const set = (node, values) => {
        for (const [name, value] of Object.entries(values)) {
            const widget = node.widgets.find(widget => widget.name === name);
            widget.value = value;
            widget.callback?.(value);
        }
    };
    for (const node of window.app.graph.nodes) {
        if (node.type === "ReVideoPrepareVideo") set(node, { height, width });
        if (node.widgets?.some(({ name }) => name === "steps")) set(node, { steps: 1 });
    }
}"""


@pytest.mark.parametrize("name", NAMES)
def test_what_was_saved_earlier_asks_for_the_same(server: ComfyUI, page: Page, name: str):
    open_example(server, page, name, stored(name, SAVED))
    found = page.evaluate("window.app.graphToPrompt()")["output"]
    asked = json.loads((SAVED / f"{name}.prompt.json").read_text("utf-8"))
    assert found.keys() == asked.keys()
    for node_id, node in asked.items():
        assert found[node_id]["class_type"] == node["class_type"]
        node["inputs"].pop("video-preview", None)  # the frontend's own, there once the picture has come
        assert node["inputs"].items() <= found[node_id]["inputs"].items()  # a newer node may have more


@pytest.mark.parametrize(("folder", "name"), WORKFLOWS)
def test_an_example_opens_as_stored_and_runs(comfyui: ComfyUI, page: Page, folder: Path, name: str, tmp_path):
    workflow = stored(name, folder)
    area_px = AREA_PX if name in SPRITES else SMALL_AREA_PX  # the built-in model's are small as they are
    open_example(comfyui, page, name, workflow, area_px)
    state = page.evaluate(STATE)
    assert state["missing"] == []
    assert state["clipped"] == []
    assert state["widgets"] == {str(node["id"]): node.get("widgets_values", []) for node in workflow["nodes"]}
    page.evaluate(SHRINK, [*area_px])
    entry = finish(comfyui, page)
    page.screenshot(path=tmp_path / f"{name}.png")  # for whoever looks into a failure
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]

    node_id = next(str(node["id"]) for node in workflow["nodes"] if node["type"] == "SaveVideo")
    saved = comfyui.saved_path(entry["outputs"][node_id]["images"][0])
    with av.open(str(saved)) as container:
        rate = container.streams.video[0].average_rate
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    clip = source(name, comfyui, area_px)
    size = clip.shape[-2:]
    assert frames.shape == (frames_of(name), *size, 3) and len(clip) == len(frames)
    assert rate == (8 if name in SPRITES else 25)

    prepared = (clip * 255).permute(0, 2, 3, 1).numpy()
    difference = torch.from_numpy(np.abs(frames - prepared).mean((0, 3)))  # per pixel, of 255
    areas = region(name, size)
    always, ever = areas.amin(0), areas.amax(0)
    deep = -F.max_pool2d(-always, 33, 1, 16)[0] > 0  # 16 pixels in: beyond the feather, and most of the codec's blocks
    assert deep.sum() > 500
    assert difference[deep].mean() > 10  # remade: by random weights anything, by trained ones another thing
    far = F.max_pool2d(ever, 33, 1, 16)[0] == 0  # 16 pixels around the areas share blocks with them
    assert difference[far].mean() < 5
