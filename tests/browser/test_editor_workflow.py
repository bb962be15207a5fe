"""The drawing in the workflow: saved, loaded, run, undone; pasted, imported and refused."""

from __future__ import annotations

import json
from io import BytesIO
from itertools import product
from typing import Any

import numpy as np
import pytest
from comfyui_server import ROOT, ComfyUI
from drawing import AT_REST, FRAME, Drawing, build, draw_lines
from frontend import journey, visit
from PIL import Image
from playwright.sync_api import Page
from pytest import approx
from test_workflows import finish

COMPUTED = """async ([text, width, height]) => {
    const folder = "/extensions/ComfyUI-ReVideo/";
    const [{ parseDocument }, { tracks }, { maskAt }] = await Promise.all(
        ["document/schema.js", "geometry/curves.js", "geometry/masks.js"].map(file => import(folder + file)));
    const doc = parseDocument(text);
    // As text of 0 and 1, which crosses over to Python in no time.
    const bits = frame => Array.from(maskAt(doc, frame, width, height), value => Number(value >= 0.5)).join("");
    return { points: tracks(doc).points, masks: Array.from({ length: doc.frames }, (_, frame) => bits(frame)) };
}"""


def draw_everything(drawing: Drawing) -> None:
    """Every kind of path and area, times and a followed path among them."""
    drawing.tool("freehand")
    drawing.drag([(60 + 6 * step, 80 + 40 * np.sin(step / 9)) for step in range(50)], steps=1)
    drawing.tool("spline")
    for place in [(100, 200), (220, 150), (350, 230), (500, 200)]:
        drawing.click(*place)
    drawing.press("Enter")
    drawing.enter("Start", 2)
    drawing.field("Speed").select_option("in-out")
    drawing.tool("line")
    drawing.drag([(400, 30), (600, 120)])
    drawing.tool("anchor")
    drawing.click(30, 30)
    drawing.tool("rect")
    drawing.drag([(50, 20), (380, 140)])
    drawing.follows(2).check()
    drawing.tool("ellipse")
    drawing.drag([(390, 10), (630, 150)])
    drawing.tool("polygon")
    drawing.drag([(80, 140), (520, 140), (560, 240), (60, 245)], steps=8)
    drawing.tool("eraser")
    drawing.drag([(200, 180), (300, 180)])
    assert (len(drawing.paths), len(drawing.regions)) == (4, 4)


@journey
def test_saved_reloaded_and_run_it_is_what_was_drawn(server: ComfyUI, page: Page):
    more = {
        "text": {"type": "PreviewAny", "pos": [1600, 0], "inputs": {"source": ["editor", 2]}},
        "mask": {"type": "MaskToImage", "pos": [1600, 300], "inputs": {"mask": ["editor", 1]}},
        "look": {"type": "PreviewImage", "pos": [1600, 500], "inputs": {"images": ["mask", 0]}},
    }
    drawing = build(page, more=more).wait_for_frames()
    draw_everything(drawing)
    text = drawing.text
    saved = page.evaluate("JSON.stringify(window.app.graph.serialize())")

    visit(page, server.url, frontend_is_nodes_2(page))
    page.evaluate("workflow => window.app.loadGraphData(JSON.parse(workflow))", saved)
    drawing.wait_for_frames()
    assert drawing.text == text  # to the byte, though its clip has been read again

    entry = finish(server, page)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    assert drawing.text == text
    computed = page.evaluate(COMPUTED, [text, *FRAME])
    types = {str(node["id"]): node["type"] for node in json.loads(saved)["nodes"]}
    outputs = {types[node_id]: output for node_id, output in entry["outputs"].items()}

    tracks = json.loads(outputs["PreviewAny"]["text"][0])
    sampled = np.array([[[point["x"], point["y"]] for point in track] for track in tracks])
    drawn = np.array(computed["points"])
    assert sampled.shape == drawn.shape == (4, 14, 2)
    assert np.abs(sampled - drawn).max() <= 0.5
    assert np.ptp(sampled, axis=1).max() > 100  # they move

    pictures = [Image.open(BytesIO(server.view(image))).convert("L") for image in outputs["PreviewImage"]["images"]]
    mask = np.stack([np.asarray(picture) >= 128 for picture in pictures])
    bits = [np.frombuffer(bits.encode(), np.uint8) == ord("1") for bits in computed["masks"]]
    expected = np.stack(bits).reshape(14, FRAME[1], FRAME[0])
    assert mask.shape == expected.shape
    assert (mask[0] != mask[-1]).any()  # one area follows a path
    for one, other in zip(mask, expected):
        assert (one & other).sum() / (one | other).sum() >= 0.999


def frontend_is_nodes_2(page: Page) -> bool:
    return page.evaluate("window.app.extensionManager.setting.get('Comfy.VueNodes.Enabled')")


# --- Undo --------------------------------------------------------------------------------------


@journey
def test_undo_in_the_drawing_leaves_the_graph_alone(page: Page):
    drawing = build(page).wait_for_frames()
    draw_lines(drawing, 40, 80)
    page.evaluate("window.app.graph.nodes.forEach(node => (node.marked = true))")
    page.evaluate("window.app.graph.nodes.find(node => node.type === 'LoadVideo').pos = [-80, 300]")
    draw_lines(drawing, 120)
    drawing.press("Control+z")
    assert len(drawing.paths) == 2
    drawing.press("Control+z", "Control+z")
    assert drawing.paths == []
    drawing.drawn()
    assert page.evaluate("window.app.graph.nodes.map(node => node.marked)") == [True, True, True]  # none was rebuilt
    assert page.evaluate("[...window.app.graph.nodes.find(node => node.type === 'LoadVideo').pos]") == [-80, 300]
    drawing.press("Control+y")
    assert len(drawing.paths) == 1


def press_in_the_graph(page: Page, keys: str) -> None:
    page.evaluate("document.activeElement?.blur()")
    page.keyboard.press(keys)


def paths_shown(page: Page) -> int:
    """Rows for paths of the editor that a person sees, whichever node it is of."""
    return page.locator(".revideo-editor:visible .rve-row").count()


@journey
def test_after_ten_undos_of_the_graph_the_editor_works_and_looks_the_same(page: Page):
    drawing = build(page).wait_for_frames()
    draw_lines(drawing, *range(20, 240, 18))
    assert len(drawing.paths) == 13
    drawing.press("+", "+", ".", ".", ".")
    drawing.tool("anchor")
    page.mouse.move(10, 500)
    for left in range(12, 2, -1):
        press_in_the_graph(page, "Control+z")
        drawing.wait_for(lambda d, left=left: len(d.paths) == left == paths_shown(page), f"{left} paths")
    press_in_the_graph(page, "Control+y")
    drawing.wait_for(lambda d: len(d.paths) == 4 == paths_shown(page), "the path of the last undo")
    press_in_the_graph(page, "Control+z")
    drawing.wait_for(lambda d: len(d.paths) == 3 == paths_shown(page), "3 paths again")
    page.wait_for_function("window.app.graph.nodes.length === 3")
    drawing.wait_for_frames()
    assert drawing.time == 3
    drawing.drawn()
    assert drawing.button("tool:anchor").get_attribute("aria-pressed") == "true"
    at = drawing.place(320, 128)
    page.mouse.click(*at)
    page.mouse.click(at[0] + 50, at[1])
    (x0, _), (x1, _) = [(path["points"][0]["x"], path["points"][0]["y"]) for path in drawing.paths[-2:]]
    fitted = drawing.place(1, 0)[0] - drawing.place(0, 0)[0]
    assert 50 / (x1 - x0) == approx(1.25**2 * fitted, rel=0.02)  # as far zoomed in as before
    assert len(drawing.paths) == 5
    assert drawing.layer("picture")[..., :3].max() > 100  # the clip
    drawing.press("Control+z")
    assert len(drawing.paths) == 4


@journey
def test_another_workflow_shows_its_own_drawing_though_its_nodes_have_the_same_ids(page: Page):
    drawing = build(page).wait_for_frames()
    draw_lines(drawing, 40)
    one = page.evaluate("window.app.graph.serialize()")
    draw_lines(drawing, 80, 120)
    more = page.evaluate("window.app.graph.serialize()")
    other = more | {"id": "0c4ad8ae-0bd2-44b0-a3ef-a0f1d1f6a8a1"}
    for workflow, paths in ((one, 1), (other, 3), (one, 1), (more, 3)):
        page.evaluate("workflow => window.app.loadGraphData(workflow)", workflow)
        drawing.wait_for(lambda d, paths=paths: len(d.paths) == paths == paths_shown(page), f"{paths} paths")
        drawing.wait_for_frames()
        assert drawing.layer("picture")[..., :3].max() > 100  # the clip


def test_another_number_of_frames_keeps_times_in_proportion(page: Page):
    drawing = build(page).wait_for_frames()
    drawing.tool("spline")
    for place in [(100, 60), (300, 160), (500, 60)]:
        drawing.click(*place)
    drawing.press("Enter")
    drawing.press(*["."] * 6)
    drawing.tool("select")
    drawing.press("Escape")
    drawing.click(300, 160)
    drawing.press("k")
    assert drawing.paths[0]["points"][1]["frame"] == 6
    drawing.enter("End", 10)
    frame = drawing.paths[0]["points"][1]["frame"]
    page.evaluate(
        """() => {
            const widget = window.app.graph.nodes.find(node => node.type === "ReVideoPrepareVideo").widgets
                .find(widget => widget.name === "count");
            widget.value = 27;
            widget.callback?.(27);
        }"""
    )
    page.mouse.move(10, 500)
    page.mouse.move(*drawing.place(300, 100))
    drawing.wait_for(lambda d: d.document["frames"] == 27, "27 frames")
    path = drawing.paths[0]
    assert (path["start"], path["end"]) == (0, 20)
    assert path["points"][1]["frame"] == approx(2 * frame, abs=0.002)


# --- In and out --------------------------------------------------------------------------------


@journey
def test_copied_into_another_editor(page: Page):
    second = {"second": {"type": "ReVideoEditor", "pos": [1560, 0], "inputs": {"frames": ["prepare", 0]}}}
    one = build(page, more=second).wait_for_frames()
    ids = page.evaluate("window.app.graph.nodes.filter(node => node.type === 'ReVideoEditor').map(node => node.id)")
    other = Drawing(page, next(node_id for node_id in ids if node_id != one.node_id))
    page.evaluate("window.app.canvas.ds.offset[0] = -700")
    page.evaluate("window.app.canvas.setDirty(true, true)")
    one.wait_for_frames()
    other.wait_for_frames()
    draw_lines(one, 40, 80)
    one.tool("rect")
    one.drag([(50, 20), (380, 140)])
    one.press("Control+a", "Control+c")
    other.tool("select")
    other.press("Control+v")
    other.wait_for(lambda d: len(d.paths) == 2, "the copy")
    assert [path["points"] for path in other.paths] == [path["points"] for path in one.paths]
    assert [region["points"] for region in other.regions] == [region["points"] for region in one.regions]
    other.press("Control+x")
    assert (other.paths, other.regions) == ([], [])
    assert len(one.paths) == 2


FORMATS = ["document", "points", "pairs", "single"]


@pytest.mark.parametrize("name", FORMATS)
def test_exported_and_imported_it_is_the_same(page: Page, name: str):
    drawing = build(page).wait_for_frames()
    draw_lines(drawing, 40, *([80] if name != "single" else []))
    before = page.evaluate(COMPUTED, [drawing.text, 8, 8])["points"]
    drawing.element.get_by_title("Import and export").click()
    dialog = drawing.element.get_by_role("dialog", name="Import and export")
    dialog.locator("select").select_option(name)
    text = dialog.locator("textarea").input_value()
    assert json.loads(text)
    dialog.get_by_title("Close").click()
    drawing.press("Control+a", "Shift+ArrowDown")
    moved = drawing.text
    drawing.element.get_by_title("Import and export").click()
    dialog.locator("textarea").fill(text)
    dialog.get_by_role("button", name="Replace").click()
    drawing.drawn()
    assert not dialog.is_visible()
    after = page.evaluate(COMPUTED, [drawing.text, 8, 8])["points"]
    assert np.abs(np.array(after) - np.array(before)).max() <= 0.5
    drawing.press("Control+z")
    assert drawing.text == moved


MANY = json.dumps(
    {
        "version": 1,
        "width": 640,
        "height": 256,
        "frames": 14,
        "paths": [{"id": "p1", "kind": "spline", "points": [{"x": i % 640, "y": i % 256} for i in range(100_000)]}],
        "regions": [],
    }
)


def document(**changes: Any) -> str:
    path = {"id": "p1", "kind": "line", "points": [{"x": 10, "y": 10}, {"x": 200, "y": 100}]}
    blank = {"version": 1, "width": 640, "height": 256, "frames": 14, "paths": [path], "regions": []}
    return json.dumps(blank | changes)


HOSTILE = {
    "not JSON": "{ not json",
    "another version": document(version=3),
    "too many points": MANY,
    "NaN": document().replace('"x": 10,', '"x": NaN,'),
    "negative frame": document(
        paths=[{"id": "p1", "kind": "line", "points": [{"x": 1, "y": 1, "frame": -3}, {"x": 2, "y": 2}]}]
    ),
    "nested": '{"paths":' + "[" * 20_000,
}

PASTE = """(keys, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    keys.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""

DROP = """(stage, text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "drawing.json", { type: "application/json" }));
    stage.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_and_the_drawing_stays(page: Page, name: str):
    drawing = build(page).wait_for_frames()
    draw_lines(drawing, 40)
    kept = drawing.text
    text = HOSTILE[name]

    drawing.element.locator(".rve-keys").evaluate(PASTE, text)
    assert drawing.message.startswith("Nothing was added")
    drawing.element.locator(".rve-message button").click()
    assert drawing.message == ""

    drawing.stage.evaluate(DROP, text)
    drawing.wait_for(lambda d: d.message.startswith("Nothing was added"), "a message")
    drawing.element.locator(".rve-message button").click()

    drawing.element.get_by_title("Import and export").click()
    dialog = drawing.element.get_by_role("dialog", name="Import and export")
    dialog.locator("textarea").fill(text)
    for button in ("Add", "Replace"):
        dialog.get_by_role("button", name=button).click()
        drawing.drawn()
        assert dialog.locator(".rve-note").inner_text().startswith("Nothing was changed")
    dialog.get_by_title("Close").click()
    assert drawing.text == kept
    draw_lines(drawing, 90)
    assert len(drawing.paths) == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_in_a_workflow_is_kept_and_said(comfyui: ComfyUI, page: Page, name: str):
    drawing = build(page)
    workflow = page.evaluate("window.app.graph.serialize()")
    node = next(node for node in workflow["nodes"] if node["type"] == "ReVideoEditor")
    node["widgets_values"] = [HOSTILE[name]]
    page.evaluate("workflow => window.app.loadGraphData(workflow)", workflow)
    drawing.wait_for(lambda d: "cannot be read" in d.message, "a message")
    assert drawing.text == HOSTILE[name]  # nothing is lost by opening it
    drawing.wait_for_frames()
    draw_lines(drawing, 40)
    assert len(drawing.paths) == 1


ADDRESSES = ["../../api/users", "../../../queue", "//example.org/x", "http://example.org/x.mp4", "..\\..\\api", "x?y#z"]
ADDRESSES += [
    "both/../../prompt",
    "%2e%2e/%2e%2e/api",
    "both?x",
    "javascript:alert(1)",
    "data:text/html,x",
    "constructor",
]


def test_opening_a_hostile_workflow_asks_for_no_address_that_it_names(server: ComfyUI, page: Page):
    """Of all that a loader may have stored, only files of ComfyUI's folders and the pack's examples are asked for."""
    workflow = json.loads((ROOT / "example_workflows" / "00_first_edit.json").read_text("utf-8"))
    example = next(node for node in workflow["nodes"] if node["type"] == "ReVideoExampleClip")
    asked: list[str] = []

    def opened() -> set[str]:
        asked.clear()
        page.evaluate("workflow => window.app.loadGraphData(workflow)", workflow)
        page.wait_for_selector(".revideo-editor")
        page.wait_for_function(AT_REST, arg=700)
        return {url.partition("?")[0] for url in asked}

    page.on("request", lambda request: asked.append(request.url))
    usual = opened()
    assert any(url.endswith("/examples/both.mp4") for url in usual)
    loaders = ["ReVideoExampleClip", "LoadVideo", "LoadImage"]
    for example["type"], address in product(loaders, ADDRESSES):
        example["widgets_values"] = [address]
        assert opened() - usual <= {f"{server.url}/view", f"{server.url}/api/view"}


def test_markup_in_a_drawing_is_text(page: Page):
    markup = "<img src=x onerror='window.harmed = 1'><b>bold</b>"
    path = {"id": markup, "kind": "line", "name": markup, "points": [{"x": 100, "y": 60}, {"x": 600, "y": 100}]}
    region = {"id": markup, "kind": "rect", "name": markup, "points": [[50, 20], [200, 120]], "follow": markup}
    drawing = build(page).wait_for_frames()
    drawing.tool("select")
    drawing.element.locator(".rve-keys").evaluate(PASTE, document(paths=[path], regions=[region]))
    drawing.drawn()
    assert drawing.drawn().element.locator(".rve-row .rve-name").all_inner_texts() == [markup, markup]
    drawing.row("img").nth(1).click()
    drawing.drawn()
    drawing.element.locator(".rve-keys").evaluate(PASTE, document(paths=[path | {"kind": markup}]))
    drawing.wait_for(lambda d: markup in d.message, "the message that quotes it")
    assert drawing.drawn().element.locator("img, b").count() == 0
    assert page.evaluate("window.harmed") is None
