"""What the editor has ComfyUI run by itself: points followed, a frame fetched, its mask editor opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from comfyui_server import ComfyUI, png
from drawing import FRAME, Drawing, build, touch
from frontend import journey
from playwright.sync_api import Page
from test_editor_clip import FED, SAME_DB, frames_of, likeness, psnr
from test_workflows import finish

from revideo.drawing.document import EditDocument
from revideo.video.io import read_image

THING = (320.0, 150.0)  # some place of bikes.mp4 with something to see


def node_tracks(server: ComfyUI, page: Page) -> np.ndarray:
    """(T, 2) What Track Points makes of an anchor there, by a run of the graph."""
    entry = finish(server, page)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    texts = [output["text"][0] for output in entry["outputs"].values() if "text" in output]
    (track,) = json.loads(texts[0])
    return np.array([[point["x"], point["y"]] for point in track])


@journey
def test_a_thing_clicked_is_followed_as_track_points_follows_it(server: ComfyUI, page: Page):
    more: dict[str, Any] = {
        "points": {
            "type": "ReVideoTrackPoints",
            "pos": [1600, 0],
            "inputs": {"frames": ["prepare", 0], "points": ["editor", 0]},
        },
        "look": {"type": "PreviewAny", "pos": [2000, 0], "inputs": {"source": ["points", 1]}},
    }
    drawing = build(page, more=more).wait_for_frames()
    drawing.tool("anchor")
    drawing.click(*THING)
    expected = node_tracks(server, page)
    drawing.press("Control+a", "Delete", "Home")
    drawing.tool("track")
    session = page.context.new_cdp_session(page)
    touch(session, "touchStart", drawing.place(*THING))
    touch(session, "touchEnd")
    session.detach()
    drawing.wait_for(lambda d: len(d.paths) == 1 and d.paths[0]["kind"] != "anchor", "the path")
    points, _ = EditDocument.from_json(drawing.text).dense_points(14, FRAME[1], FRAME[0])
    assert np.abs(points[0] - expected).max() <= 1
    assert np.ptp(expected, axis=0).max() > 4  # it moves
    assert drawing.chosen  # a path like any other
    drawing.press("Control+z")
    assert drawing.paths == []


def test_selected_anchors_become_the_paths_of_what_lies_there(server: ComfyUI, page: Page):
    drawing = build(page).wait_for_frames()
    drawing.tool("anchor")
    drawing.click(*THING)
    drawing.click_apart(120, 60)
    drawing.press("Control+a", "Shift+J")
    drawing.wait_for(lambda d: len(d.paths) == 2 and any("end" in path for path in d.paths), "the paths")


def test_a_frame_is_saved_as_the_run_gets_it(server: ComfyUI, page: Page, tmp_path: Path):
    drawing = build(page).wait_for_frames()
    drawing.tool("select")
    drawing.press(".", ".", ".")
    with page.expect_download() as download:
        drawing.button("first-frame").click()
        drawing.element.get_by_role("menuitem", name="Save the frame shown").click()
    assert download.value.suggested_filename == "source frame 3.png"
    download.value.save_as(tmp_path / "frame.png")
    saved = read_image(tmp_path / "frame.png")
    assert torch.equal((saved * 255).round(), (frames_of(server.input / "bikes.mp4")[3] * 255).floor())  # as it saves


@journey
def test_the_first_frame_goes_to_comfyui_s_mask_editor_and_is_the_edited_one(server: ComfyUI, page: Page):
    drawing = build(page).wait_for_frames()
    drawing.button("first-frame").click()
    drawing.element.get_by_role("menuitem", name="mask editor").click()
    page.get_by_role("dialog").locator("canvas").first.wait_for()
    assert page.evaluate(FED) == {"frames": "ReVideoPrepareVideo", "edited_frame": "LoadImage"}
    page.keyboard.press("Escape")


# What feeds ReVideo Conditions' edited frame.
CONDITIONED = """() => {
    const { graph } = window.app
    const { inputs } = graph.nodes.find(({ type }) => type === "ReVideoConditions")
    const { link } = inputs.find(({ name }) => name === "edited_frame")
    return graph.getNodeById(graph.getLink(link).origin_id).type
}"""


def test_a_picture_chosen_is_the_edited_first_frame_of_all_until_it_is_taken_off(
    server: ComfyUI, page: Page, tmp_path: Path
):
    frames = frames_of(server.input / "bikes.mp4")
    flipped = frames[0].flip(2)
    (tmp_path / "edited.png").write_bytes(png(flipped.permute(1, 2, 0)))
    (tmp_path / "tall.png").write_bytes(png(flipped.permute(2, 1, 0)))
    inputs = {"frames": ["prepare", 0], "edited_frame": ["prepare", 0], "mask": ["editor", 1]}
    conditions = {"type": "ReVideoConditions", "pos": [1600, 0], "inputs": inputs}
    drawing: Drawing = build(page, more={"conditions": conditions}).wait_for_frames()

    def choose(item: str) -> None:
        drawing.button("first-frame").click()
        drawing.element.get_by_role("menuitem", name=item).click()

    for name in ("tall.png", "edited.png"):
        with page.expect_file_chooser() as chooser:
            choose("Use a picture")
        chooser.value.set_files(str(tmp_path / name))
        if name == "tall.png":
            drawing.wait_for(lambda d: "tall.png has another shape than the clip" in d.message, "a question")
            assert page.evaluate(CONDITIONED) == "ReVideoPrepareVideo"
            drawing.element.get_by_role("button", name="Close the message").click()
    drawing.wait_for(lambda d: likeness(d, flipped) >= SAME_DB, "the edited frame")
    assert page.evaluate(FED) == {"frames": "ReVideoPrepareVideo", "edited_frame": "LoadImage"}
    assert page.evaluate(CONDITIONED) == "LoadImage"
    assert psnr(frames[0], flipped) < SAME_DB
    with page.expect_download() as download:
        choose("Save the edited frame")
    assert download.value.suggested_filename == "edited frame 0.png"
    download.value.save_as(tmp_path / "saved.png")
    assert torch.equal(read_image(tmp_path / "saved.png"), read_image(tmp_path / "edited.png"))

    choose("Without edited frame")
    drawing.wait_for(lambda d: likeness(d, frames[0]) >= SAME_DB, "the source")
    assert page.evaluate(FED) == {"frames": "ReVideoPrepareVideo"}
    assert page.evaluate(CONDITIONED) == "ReVideoPrepareVideo"


@journey
def test_an_edited_frame_behind_a_node_is_shown_as_its_file_with_a_word_until_a_run_has_got_it(
    server: ComfyUI, page: Page
):
    flipped = frames_of(server.input / "bikes.mp4")[0].flip(2)
    for name, picture in (("flipped.png", flipped), ("darker.png", flipped / 2)):
        server.upload(name, png(picture.permute(1, 2, 0)))
    more: dict[str, Any] = {
        "load": {"type": "LoadImage", "pos": [380, 420], "widgets": {"image": "flipped.png"}},
        "invert": {"type": "ImageInvert", "pos": [380, 800], "inputs": {"image": ["load", 0]}},
        "look": {"type": "PreviewAny", "pos": [1600, 0], "inputs": {"source": ["editor", 2]}},
    }
    drawing = build(page, more=more, inputs={"edited_frame": ["invert", 0]}).wait_for_frames()
    remark = "The edited frame is shown as its file, before the nodes between"
    drawing.wait_for(lambda d: likeness(d, flipped) >= SAME_DB, "the file")
    drawing.wait_for(lambda d: remark in d.status, "a word about it")
    finish(server, page)
    drawing.wait_for(lambda d: likeness(d, 1 - flipped) >= SAME_DB - 4, "what the run got")
    drawing.wait_for(lambda d: remark not in d.status, "no word about it")
    # As ComfyUI's mask editor sets it: no callback is called.
    set_value = "name => (window.app.graph.nodes.find(({ type }) => type === 'LoadImage').widgets[0].value = name)"
    page.evaluate(set_value, "darker.png")
    drawing.wait_for(lambda d: likeness(d, flipped / 2) >= SAME_DB, "the other file")
    drawing.wait_for(lambda d: remark in d.status, "a word about it")
