"""What a run gave, on the editor's stage: beside the source, wiped over it, subtracted; found again after a reload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from comfyui_server import ComfyUI, png
from drawing import Drawing, build, touch
from frontend import journey, visit
from playwright.sync_api import Page, expect
from test_editor_clip import OTHER_DB, SAME_DB, SET_WIDGET, frames_of, likeness, psnr
from test_workflows import finish

from revideo.video.io import read_image

# Behind the editor: its frames inverted, if it has any say; saved as a video.
BEHIND: dict[str, Any] = {
    "invert": {"type": "ImageInvert", "pos": [1600, 200], "inputs": {"image": ["prepare", 0]}},
    "kept": {
        "type": "ReVideoKeepUnedited",
        "pos": [1600, 0],
        "inputs": {"edited": ["invert", 0], "original": ["prepare", 0], "mask": ["editor", 1]},
    },
    "video": {"type": "CreateVideo", "pos": [1900, 0], "widgets": {"fps": 8}, "inputs": {"images": ["kept", 0]}},
    "save": {"type": "SaveVideo", "pos": [2200, 0], "inputs": {"video": ["video", 0]}},
}

# Pictures of what is asked for: no results.
ASKED: dict[str, Any] = {
    "red": {
        "type": "ImageToMask",
        "pos": [1300, 800],
        "widgets": {"channel": "red"},
        "inputs": {"image": ["prepare", 0]},
    },
    "conditions": {
        "type": "ReVideoConditions",
        "pos": [1600, 500],
        "inputs": {
            "frames": ["prepare", 0],
            "edited_frame": ["prepare", 0],
            "mask": ["red", 0],
            "trajectories": ["editor", 0],
        },
    },
    "seen": {"type": "PreviewImage", "pos": [2200, 500], "inputs": {"images": ["conditions", 1]}},
    "mask": {"type": "MaskToImage", "pos": [1600, 900], "inputs": {"mask": ["editor", 1]}},
    "drawn": {"type": "CreateVideo", "pos": [1900, 900], "widgets": {"fps": 8}, "inputs": {"images": ["mask", 0]}},
    "saved": {"type": "SaveVideo", "pos": [2200, 900], "inputs": {"video": ["drawn", 0]}},
}


def ran(server: ComfyUI, page: Page) -> Drawing:
    """All may change, and a run has inverted it."""
    drawing = build(page, more=BEHIND | ASKED).wait_for_frames()
    drawing.tool("rect")
    drawing.drag([(0, 0), (640, 256)])
    entry = finish(server, page)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    drawing.element.locator(".rve-results [aria-pressed=true]", has_text="Result").wait_for()
    drawing.press("q", ",", "Home")  # paths and areas off; it plays: it is stopped, at the first frame
    return drawing


@journey
def test_the_result_is_shown_beside_wiped_over_and_subtracted_from_the_source(server: ComfyUI, page: Page):
    source = frames_of(server.input / "bikes.mp4")
    drawing = ran(server, page)
    drawing.wait_for(lambda d: likeness(d, 1 - source[0]) >= SAME_DB - 4, "the result")  # through H.264
    assert "Save Video" in drawing.drawn().element.locator(".rve-run").inner_text()
    assert drawing.drawn().element.locator(".rve-results option").count() == 1  # neither mask nor conditions
    drawing.press("x")
    assert likeness(drawing, source[0]) >= SAME_DB
    drawing.press("w")
    half = torch.cat([source[0][..., :320], 1 - source[0][..., 320:]], dim=-1)
    assert likeness(drawing, half) >= SAME_DB - 4
    handle = drawing.element.get_by_role("slider", name="Wipe")
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(*drawing.place(160, 50), steps=3)
    page.mouse.up()
    quarter = torch.cat([source[0][..., :160], 1 - source[0][..., 160:]], dim=-1)
    assert likeness(drawing, quarter) >= SAME_DB - 6  # the line may be a pixel off
    session = page.context.new_cdp_session(page)
    touch(session, "touchStart", drawing.place(160, 50))
    for x in (240, 320):
        touch(session, "touchMove", drawing.place(x, 50))
    touch(session, "touchEnd")
    session.detach()
    assert likeness(drawing, half) >= SAME_DB - 6
    drawing.tool("select")
    drawing.press("d")
    apart = (4 * (1 - 2 * source[0]).abs()).clamp(max=1)
    assert likeness(drawing, apart) >= OTHER_DB - 8
    page.keyboard.down("c")
    assert likeness(drawing, source[0]) >= SAME_DB
    page.keyboard.up("c")
    assert drawing.regions and not drawing.paths  # none of it is drawing


def test_the_result_is_found_again_after_a_reload_while_its_file_is_there(server: ComfyUI, page: Page):
    source = frames_of(server.input / "bikes.mp4")
    drawing = ran(server, page)
    workflow = page.evaluate("window.app.graph.serialize()")
    visit(page, server.url, nodes_2=False)
    page.evaluate("workflow => window.app.loadGraphData(workflow)", workflow)
    drawing.wait_for_frames()
    drawing.element.get_by_role("button", name="Result").click()
    drawing.wait_for(lambda d: likeness(d, 1 - source[0]) >= SAME_DB - 4, "the result")
    for file in server.output.glob("**/*.mp4"):
        file.unlink()
    visit(page, server.url, nodes_2=False)
    page.evaluate("workflow => window.app.loadGraphData(workflow)", workflow)
    drawing.wait_for_frames()
    assert not drawing.drawn().element.locator(".rve-results").is_visible()


@journey
def test_full_window_and_back_with_all_it_holds(page: Page):
    drawing = build(page).wait_for_frames()
    drawing.tool("line")
    drawing.drag([(100, 60), (300, 80)])
    drawing.press(".", ".")
    before, width = drawing.text, drawing.client()[0]
    drawing.press("f")
    drawing.wait_for(lambda d: d.client()[0] > 1.5 * width, "the whole window")
    assert (drawing.text, drawing.time) == (before, 2)
    assert drawing.layer("picture")[..., :3].max() > 100
    drawing.drag([(100, 120), (300, 140)])
    assert len(drawing.paths) == 2
    drawing.press("f")
    drawing.wait_for(lambda d: d.client()[0] == width, "the node")
    assert page.locator(".rve-window").count() == 0
    drawing.press("Control+z")
    assert drawing.text == before


def test_a_result_of_an_earlier_clip_or_edited_frame_steps_back_and_is_said_to_be_one(
    server: ComfyUI, page: Page, tmp_path: Path
):
    source = frames_of(server.input / "bikes.mp4")
    for name, picture in (("one.png", source[0]), ("two.png", source[0].flip(2))):
        server.upload(name, png(picture.permute(1, 2, 0)))
    edited = {"edited": {"type": "LoadImage", "pos": [380, 420], "widgets": {"image": "one.png"}}}
    drawing = build(page, more=BEHIND | edited, inputs={"edited_frame": ["edited", 0]}).wait_for_frames()
    drawing.tool("rect")
    drawing.drag([(0, 0), (640, 256)])
    finish(server, page)
    result = drawing.element.get_by_role("button", name="Result", exact=True)
    run, shown = drawing.element.locator(".rve-run"), drawing.element.locator(".rve-results [aria-pressed=true]")
    expect(result).to_have_attribute("aria-pressed", "true")
    expect(run).not_to_contain_text("earlier")
    drawing.press(",", "Home")  # it plays: it is stopped
    drawing.wait_for(lambda d: likeness(d, 1 - source[0]) >= OTHER_DB, "the result")
    with page.expect_download() as download:
        drawing.button("first-frame").click()
        drawing.element.get_by_role("menuitem", name="Save the frame of the result").click()
    assert download.value.suggested_filename == "result frame 0.png"
    download.value.save_as(tmp_path / "frame.png")
    saved = read_image(tmp_path / "frame.png")
    assert saved.shape == source[0].shape and psnr(saved, 1 - source[0]) >= OTHER_DB  # through H.264
    for kind, name, other, before, earlier in (
        ("LoadImage", "image", "two.png", "one.png", "edited frame"),
        ("LoadVideo", "file", "bigbuckbunny.mp4", "bikes.mp4", "clip"),
    ):
        page.evaluate(SET_WIDGET, [kind, name, other])
        expect(shown.first).to_have_text("Source")
        expect(run).to_contain_text(f"Of an earlier {earlier}: Save Video")
        result.click()  # who asks for it sees it
        expect(result).to_have_attribute("aria-pressed", "true")
        page.evaluate(SET_WIDGET, [kind, name, before])
        expect(shown.first).to_have_text("Source")
        expect(run).not_to_contain_text("earlier")
        result.click()


@journey
def test_escape_and_the_end_of_the_node_leave_the_full_window_where_no_wheel_reaches_the_graph(page: Page):
    drawing = build(page).wait_for_frames()
    graph = page.evaluate("window.app.canvas.ds.scale")
    drawing.tool("line")
    drawing.drag([(100, 60), (300, 80)])
    drawing.press("f")
    window = page.locator(".rve-window")
    window.wait_for()
    drawing.wait_for_frames()
    page.mouse.move(*drawing.place(320, 128))
    page.evaluate("document.activeElement.blur()")
    before = drawing.layer("picture")
    page.mouse.wheel(0, -300)
    drawing.wait_for(lambda d: (d.layer("picture") != before).any(), "a closer view")
    box = drawing.element.locator(".rve-toolbar").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.wheel(0, -300)
    drawing.drawn()
    assert page.evaluate("window.app.canvas.ds.scale") == graph

    drawing.tool("line")
    for left_over in ("the selection", "the tool"):
        drawing.press("Escape")
        assert window.count() == 1, left_over
    drawing.press("Escape")
    expect(window).to_have_count(0)
    assert len(drawing.paths) == 1
    drawing.press("f")
    window.wait_for()
    page.evaluate("window.app.graph.clear()")
    expect(window).to_have_count(0)
