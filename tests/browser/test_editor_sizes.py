"""The editor's size: what is of use at the smallest one, and how much of the list a new node shows."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_server import ComfyUI
from drawing import AT_REST, Drawing, build
from frontend import journey
from PIL import Image
from playwright.sync_api import Page
from pytest import approx
from test_editor_clip import DROP

# Of a node that LiteGraph or Nodes 2.0 is asked to make as small as nothing.
SHRINK = """id => {
    const node = window.app.graph.getNodeById(id);
    const [width, height] = node.computeSize();
    node.setSize([Math.max(width, 10), Math.max(height, 10)]);
    window.app.canvas.setDirty(true, true);
}"""

RESIZE = """([id, width, height]) => {
    window.app.graph.getNodeById(id).setSize([width, height]);
    window.app.canvas.setDirty(true, true);
}"""

# What cannot be seen whole, nor be scrolled into view.
OUT_OF_REACH = """editor => {
    const flaws = [];
    const bounds = editor.getBoundingClientRect();
    for (const one of editor.querySelectorAll("button, input, select, canvas, [role=row], summary")) {
        const box = one.getBoundingClientRect();
        if (!box.width || one.closest(".rve-overlay")) continue;
        const named = one.getAttribute("aria-label") ?? one.className;
        const scrolled = one.closest(".rve-list, .rve-settings");
        const around = scrolled ? scrolled.getBoundingClientRect() : bounds;
        if (box.left < around.left - 1 || box.right > around.right + 1) flaws.push(`beside: ${named}`);
        if (!scrolled && (box.top < around.top - 1 || box.bottom > around.bottom + 1)) flaws.push(`below: ${named}`);
    }
    return flaws;
}"""

SIZES = """editor => Object.fromEntries([".rve-stage", ".rve-list", ".rve-scrubber", ".rve-fold"].map(name => {
    const { offsetWidth, offsetHeight, clientWidth, clientHeight } = editor.querySelector(name);
    return [name, [offsetWidth ?? clientWidth, offsetHeight ?? clientHeight]];
}))"""


@pytest.fixture
def drawing(page: Page) -> Drawing:
    return build(page).wait_for_frames()


def draw_paths(drawing: Drawing, count: int) -> None:
    drawing.tool("line")
    for number in range(count):
        drawing.drag([(100, 20 + 20 * number), (300, 30 + 20 * number)], steps=1)


def ask(drawing: Drawing, server: ComfyUI) -> None:
    """A picture of another shape than the clip is dropped: it is asked what it shall be."""
    Image.new("RGB", (64, 200)).save(server.input / "tall.png")
    how = {"name": "a picture of another shape.png", "type": "image/png", "url": "/view?filename=tall.png&type=input"}
    drawing.stage.evaluate(DROP, how)
    drawing.element.locator(".rve-message").get_by_role("button", name="The edited first frame").wait_for()


# The part of the message's width that its text has, and whether all of it is within the stage.
MESSAGE = """message => {
    const parts = [message, message.parentElement, message.querySelector("span")];
    const [whole, stage, text] = parts.map(one => one.getBoundingClientRect());
    return [text.width / whole.width, whole.bottom <= stage.bottom && message.scrollHeight <= message.clientHeight + 1];
}"""


@journey
def test_at_its_smallest_everything_is_within_reach(server: ComfyUI, page: Page):
    drawing = build(page).wait_for_frames()
    draw_paths(drawing, 3)
    drawing.tool("rect")
    drawing.drag([(400, 100), (500, 200)])
    drawing.row("Line 1").click()
    drawing.row("Line 1").locator(".rve-name").dblclick()
    drawing.element.locator("input.rve-name").fill("a name that goes on and on as far as one is let")
    drawing.press("Enter")
    page.evaluate(SHRINK, drawing.node_id)
    drawing.wait_for(lambda d: d.client()[0] < 400, "the smallest node")
    page.wait_for_function(AT_REST, arg=0)
    assert drawing.drawn().element.evaluate(OUT_OF_REACH) == []
    sizes = drawing.element.evaluate(SIZES)
    assert sizes[".rve-stage"][0] >= 300
    assert sizes[".rve-stage"][1] >= 120
    assert sizes[".rve-list"][1] >= 80
    assert sizes[".rve-fold"][1] >= 80
    assert sizes[".rve-scrubber"][0] >= 280
    assert (
        "Outside the areas, where nothing changes: a name that goes on and… (frames 0 to 13), Line 2" in drawing.status
    )
    ask(drawing, server)
    part, is_whole = drawing.drawn().element.locator(".rve-message").evaluate(MESSAGE)
    assert part > 0.8
    assert is_whole
    drawing.element.get_by_role("button", name="Close the message").click()
    drawing.button("full-window").click()
    page.locator(".rve-window .revideo-editor").wait_for()
    page.set_viewport_size({"width": 360, "height": 740})
    try:
        drawing.row("Rectangle 1").click()
        drawing.press("k")
        drawing.drawn()
        assert drawing.drawn().element.evaluate(OUT_OF_REACH) == []
        assert drawing.element.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 740}
    finally:
        page.set_viewport_size({"width": 1920, "height": 1080})


def shaped(page: Page, width: int, height: int) -> Drawing:
    """On a clip of that size: multiples of 64."""
    return build(page, frame=(width, height), size_policy="exact", width=width, height=height).wait_for_frames()


# Whether the panel is below the stage, and whether it is to the right of it.
SIDES = """editor => {
    const [stage, panel] = [".rve-stage", ".rve-panel"].map(name => editor.querySelector(name).getBoundingClientRect());
    return [panel.top >= stage.bottom - 1, panel.left >= stage.right - 1];
}"""


def is_under(drawing: Drawing) -> bool:
    """Whether the panel stands under the stage."""
    under, beside = drawing.drawn().element.evaluate(SIDES)
    assert under or beside
    return under


@journey
def test_the_panel_stands_where_it_leaves_the_larger_picture(page: Page):
    drawing = shaped(page, 1024, 576)

    def scale() -> float:
        return min((drawing.client()[axis] - 24) / drawing.frame[axis] for axis in (0, 1))

    before = scale()
    assert not is_under(drawing)
    page.evaluate(RESIZE, [drawing.node_id, 820, 960])
    drawing.wait_for(is_under, "the panel under the picture")
    page.wait_for_function(AT_REST, arg=0)
    assert scale() > 1.3 * before
    assert abs(drawing.client()[1] - 24 - scale() * 576) < 2  # no bars above and below
    drawing.tool("line")
    drawing.drag([(100, 60), (300, 160)])
    assert np.allclose(drawing.points(), [(100, 60), (300, 160)], atol=1)
    assert drawing.drawn().element.evaluate(OUT_OF_REACH) == []
    page.evaluate(RESIZE, [drawing.node_id, 820, 700])
    drawing.wait_for(lambda d: not is_under(d), "the panel beside the picture")
    page.wait_for_function(AT_REST, arg=0)
    assert scale() == approx(before, rel=0.01)  # what stood under it has not kept the node high


def ten_rows(drawing: Drawing) -> None:
    """Of ten paths, all seen in the list."""
    draw_paths(drawing, 10)
    hidden = """list => {
        const { top, bottom } = list.getBoundingClientRect();
        const boxes = [...list.querySelectorAll(".rve-row")].map(row => row.getBoundingClientRect());
        return boxes.filter(box => box.top < top - 1 || box.bottom > bottom + 1).length;
    }"""
    assert drawing.drawn().element.locator(".rve-settings").is_visible()
    assert drawing.drawn().element.locator(".rve-list").evaluate(hidden) == 0
    assert drawing.drawn().element.locator(".rve-row").count() == 10


@journey
@pytest.mark.parametrize(("height", "under"), [(384, False), (192, True)])
def test_a_new_node_shows_ten_rows_of_the_list(page: Page, height: int, under: bool):
    drawing = shaped(page, 640, height)
    assert is_under(drawing) == under
    ten_rows(drawing)
    settings = drawing.element.locator(".rve-settings")
    drawing.element.locator("summary").click()
    drawing.drawn()
    assert not settings.is_visible()
    drawing.click(200, 26)  # what is selected next does not unfold it
    assert not drawing.drawn().element.locator(".rve-settings").is_visible()
    drawing.element.locator("summary").click()
    drawing.drawn()
    assert settings.is_visible()


def test_the_whole_window_has_the_panel_under_a_wide_clip(drawing: Drawing):
    drawing.tool("select")
    drawing.press("f")
    drawing.wait_for(lambda d: d.client()[0] > 1800, "all of the window's width")
    assert is_under(drawing)
    ten_rows(drawing)
    drawing.press("f")
    drawing.wait_for(lambda d: d.client()[0] < 900, "the node")
    assert is_under(drawing)
