"""The editor within ComfyUI's graph: whatever the graph does around it, it shows what the graph holds."""

from __future__ import annotations

import json

from drawing import NEW_GRAPH, Drawing, build, draw_lines
from frontend import journey
from playwright.sync_api import Page

SHOWN_PATHS = """() => [...document.querySelectorAll(".revideo-editor")]
    .filter(editor => editor.offsetWidth > 0)
    .map(editor => editor.querySelectorAll(".rve-row").length)"""


@journey
def test_the_editor_is_as_wide_as_its_node_whatever_writes_the_widget_s_width(page: Page):
    """The properties panel lays widgets out in its own width and leaves that on them."""
    drawing = build(page).wait_for_frames()
    wide = drawing.element.evaluate("element => element.offsetWidth")
    assert wide > 700
    page.evaluate("id => { for (const w of window.app.graph.getNodeById(id).widgets) w.width = 278; }", drawing.node_id)
    page.evaluate("window.app.canvas.setDirty(true, true)")
    assert drawing.drawn().element.evaluate("element => element.offsetWidth") == wide


@journey
def test_the_graph_s_undo_shows_the_drawing_that_it_brings_back(page: Page):
    drawing = build(page).wait_for_frames()
    draw_lines(drawing, 40, 80, 120)
    page.mouse.click(60, 900)  # the empty graph
    page.keyboard.press("Control+z")
    drawing.wait_for(lambda d: len(d.paths) == 2, "the undo")
    drawing.wait_for(lambda d: page.evaluate(SHOWN_PATHS) == [2], "what the undo brought")
    page.keyboard.press("Control+z")
    drawing.wait_for(lambda d: len(d.paths) == 1, "the second undo")
    drawing.wait_for(lambda d: page.evaluate(SHOWN_PATHS) == [1], "what the second brought")


# Into a subgraph, as a person does it, and that is opened; `times` deep.
INTO_SUBGRAPH = """([types, times]) => {
    const { canvas } = window.app;
    let graph = window.app.graph;
    let inside = types;
    for (let depth = 0; depth < times; depth += 1) {
        const nodes = graph.nodes.filter(node => inside.includes(node.type));
        const { subgraph } = graph.convertToSubgraph(new Set(nodes));
        canvas.setGraph(subgraph);
        graph = subgraph;
    }
    const editor = [graph, window.app.graph].flatMap(({ nodes }) => nodes).find(({ type }) => type === "ReVideoEditor");
    canvas.setGraph(editor.graph);
    canvas.ds.scale = 1;
    canvas.ds.offset = [300 - editor.pos[0], 120 - editor.pos[1]];
    canvas.setDirty(true, true);
    return editor.id;
}"""


SHOWN_FRAMES = """() => [...document.querySelectorAll(".revideo-editor")]
    .filter(editor => editor.offsetWidth > 0)
    .map(editor => editor.dataset.framesReady)"""

INSIDE = {
    "the editor": (["ReVideoEditor"], 1),
    "the editor, two deep": (["ReVideoEditor"], 2),
    "what it is fed by": (["LoadVideo", "ReVideoPrepareVideo"], 1),
    "what it is fed by, two deep": (["LoadVideo", "ReVideoPrepareVideo"], 2),
    "a part of that": (["ReVideoPrepareVideo", "ReVideoEditor"], 1),
}


@journey
def test_the_clip_is_seen_through_the_borders_of_subgraphs(page: Page):
    for types, times in INSIDE.values():
        page.evaluate(NEW_GRAPH)
        build(page).wait_for_frames()
        drawing = Drawing(page, page.evaluate(INTO_SUBGRAPH, [types, times]))
        drawing.wait_for(lambda d: page.evaluate(SHOWN_FRAMES) == ["14"], f"the clip with {types} {times} deep")


@journey
def test_the_wheel_scrolls_a_list_under_it_and_never_the_graph_then(page: Page):
    drawing = build(page).wait_for_frames()
    points = [{"x": 10, "y": 10}, {"x": 200, "y": 100}]
    paths = [{"id": f"p{index}", "kind": "line", "points": points} for index in range(40)]
    text = json.dumps({"version": 1, "width": 640, "height": 256, "frames": 14, "paths": paths, "regions": []})
    document = "window.app.graph.getNodeById(id).widgets.find(widget => widget.name === 'document')"
    page.evaluate(f"([id, text]) => {{ {document}.value = text }}", [drawing.node_id, text])
    at_end = "list => list.scrollTop + list.clientHeight >= list.scrollHeight - 1"
    rows = drawing.element.locator(".rve-list")
    drawing.wait_for(lambda d: rows.evaluate("list => list.scrollHeight > list.clientHeight"), "a long list")
    drawing.wait_for_frames()
    scale = page.evaluate("window.app.canvas.ds.scale")
    for owner in ("the graph", "the drawing"):
        if owner == "the drawing":
            drawing.tool("select")
        box = rows.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        rows.evaluate("list => { list.scrollTop = 0 }")
        page.mouse.wheel(0, 60)
        drawing.wait_for(lambda d: rows.evaluate("list => list.scrollTop > 0"), f"the list, as {owner} hears keys")
        for _ in range(2):  # to its end, and on
            page.mouse.wheel(0, 20_000)
            drawing.wait_for(lambda d: rows.evaluate(at_end), "its end")
        drawing.drawn()
        assert page.evaluate("window.app.canvas.ds.scale") == scale
