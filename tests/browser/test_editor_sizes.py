"""The editor's size: what is of use at the smallest one, and how much of the list a new node shows."""

from __future__ import annotations

import pytest
from drawing import AT_REST, Drawing, build
from frontend import journey
from playwright.sync_api import Page

# Of a node that LiteGraph or Nodes 2.0 is asked to make as small as nothing.
SHRINK = """id => {
    const node = window.app.graph.getNodeById(id);
    const [width, height] = node.computeSize();
    node.setSize([Math.max(width, 10), Math.max(height, 10)]);
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


@journey
def test_at_its_smallest_everything_is_within_reach(drawing: Drawing):
    draw_paths(drawing, 3)
    drawing.page.evaluate(SHRINK, drawing.node_id)
    drawing.wait_for(lambda d: d.client()[0] < 400, "the smallest node")
    drawing.page.wait_for_function(AT_REST, arg=0)
    assert drawing.drawn().element.evaluate(OUT_OF_REACH) == []
    sizes = drawing.element.evaluate(SIZES)
    assert sizes[".rve-stage"][0] >= 300
    assert sizes[".rve-stage"][1] >= 120
    assert sizes[".rve-list"][1] >= 80
    assert sizes[".rve-fold"][1] >= 80
    assert sizes[".rve-scrubber"][0] >= 280


@journey
def test_a_new_node_shows_ten_rows_of_the_list(drawing: Drawing):
    draw_paths(drawing, 10)
    settings = drawing.drawn().element.locator(".rve-settings")
    assert settings.is_visible()
    hidden = """list => {
        const { top, bottom } = list.getBoundingClientRect();
        const boxes = [...list.querySelectorAll(".rve-row")].map(row => row.getBoundingClientRect());
        return boxes.filter(box => box.top < top - 1 || box.bottom > bottom + 1).length;
    }"""
    assert drawing.element.locator(".rve-list").evaluate(hidden) == 0
    assert drawing.element.locator(".rve-row").count() == 10
    drawing.element.locator("summary").click()
    assert not settings.is_visible()
    drawing.click(200, 26)  # what is selected next does not unfold it
    assert not drawing.drawn().element.locator(".rve-settings").is_visible()
    drawing.element.locator("summary").click()
    assert settings.is_visible()
