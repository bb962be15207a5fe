"""ComfyUI's App mode, which shows of a workflow a few widgets beside the result: the editor among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from comfyui_server import ComfyUI
from drawing import Drawing
from examples import APPS, FIRST_EDIT, NAMES, stored
from frontend import journey, load_workflow
from playwright.sync_api import Page
from test_editor_clip import DROP
from test_workflows import SHRINK, finish

from revideo.synthetic.examples import FRAMES

SIDE_PX = 128  # of the frames of the first edit
LABELS = "[data-testid=app-mode-widget-item] [data-testid=builder-widget-label]"


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """Back in the graph when a test ends, which may be anywhere: others share the page."""
    yield page
    if page.locator("[data-testid=linear-widgets]").count():
        toggle(page)
        page.wait_for_function("!document.querySelector('[data-testid=linear-widgets]')")


def toggle(page: Page) -> None:
    """Into App mode, past the tour that the newest frontend offers once, or back to the graph."""
    page.evaluate("window.app.extensionManager.command.execute('Comfy.ToggleLinear')")
    skip = page.get_by_role("button", name="Skip", exact=True)
    page.locator(".revideo-editor:visible").or_(skip).first.wait_for()
    if skip.is_visible():
        skip.click()


def first_edit(page: Page) -> Drawing:
    workflow = stored(FIRST_EDIT)
    load_workflow(page, workflow)
    editor = next(node for node in workflow["nodes"] if node["type"] == "ReVideoEditor")
    drawing = Drawing(page, editor["id"], (SIDE_PX, SIDE_PX)).wait_for_frames(FRAMES)
    toggle(page)
    page.locator(LABELS).first.wait_for()
    return drawing.wait_for_frames(FRAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_app_shows_the_clip_the_drawing_and_the_seed_and_gives_the_saved_video(name: str):
    workflow = stored(name)
    if name not in APPS:  # there texts or a depth say what is wanted, which are found best where they are used
        assert "linearData" not in workflow["extra"]
        return
    app = workflow["extra"]["linearData"]
    nodes = {node["id"]: node for node in workflow["nodes"]}
    assert [widget for _, widget, *_ in app["inputs"]] == ["example", "document", "seed"]
    for number, widget, *_ in app["inputs"]:
        assert any(slot["name"] == widget and "widget" in slot for slot in nodes[number]["inputs"])
    assert [nodes[number]["type"] for number in app["outputs"]] == ["SaveVideo"]


@journey
def test_the_editor_goes_into_app_mode_and_back_with_all_it_holds(page: Page):
    drawing = first_edit(page)
    assert page.locator(LABELS).all_inner_texts() == ["example", "drawing", "seed"]
    box = drawing.element.bounding_box()
    assert box is not None and box["x"] > 1200 and box["height"] >= 600  # beside the result, and high enough
    before = drawing.text
    drawing.tool("anchor")
    drawing.click(20, 100)
    assert len(drawing.paths) == 2
    toggle(page)
    drawing.wait_for_frames(FRAMES)
    assert len(drawing.paths) == 2
    box = drawing.element.bounding_box()
    assert box is not None and box["x"] < 1000  # in its node
    drawing.button("undo").click()
    assert drawing.text == before


def test_nothing_stays_over_the_page_where_the_editor_that_filled_it_goes_elsewhere(page: Page):
    drawing = first_edit(page)
    for _ in range(2):  # to the graph, and back
        drawing.button("full-window").click()
        page.locator(".rve-window").wait_for()
        toggle(page)
        drawing.wait_for_frames(FRAMES)
        assert not page.locator(".rve-window, .rve-elsewhere").count()
        drawing.tool("anchor")  # nothing covers it


@journey
def test_it_runs_and_the_result_is_shown(server: ComfyUI, page: Page):
    first_edit(page)
    page.evaluate(SHRINK, {})
    entry = finish(server, page)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    page.locator("[data-testid=linear-outputs] video, [data-testid=linear-center-panel] video").first.wait_for()


def test_a_clip_dropped_there_takes_the_place_of_the_example(server: ComfyUI, page: Page):
    drawing = first_edit(page)
    drawing.stage.evaluate(
        DROP, {"name": "dropped.mp4", "type": "video/mp4", "url": "/view?filename=bikes.mp4&type=input"}
    )
    drawing.wait_for(lambda editor: "LoadVideo" in types(page), "the loader of the clip")
    toggle(page)
    saved: dict[str, Any] = page.evaluate("window.app.graph.serialize()")
    load_workflow(page, saved)
    drawing.wait_for_frames(FRAMES)
    toggle(page)
    page.locator(LABELS).first.wait_for()
    assert page.locator(LABELS).all_inner_texts() == ["file", "drawing", "seed"]


def types(page: Page) -> list[str]:
    return page.evaluate("window.app.graph.nodes.map(({ type }) => type)")
