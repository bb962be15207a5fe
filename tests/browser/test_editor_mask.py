"""The mask that the graph gives to the editor, on its stage: what may change before anything is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from comfyui_server import ComfyUI, png
from drawing import FRAME, Drawing, build
from frontend import journey
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from playwright.sync_api import Page
from test_editor_clip import SET_WIDGET, frames_of, go_to
from test_editor_poses import paste
from test_workflows import finish

from revideo.drawing.document import EditDocument

TINT = 71  # of 255: how opaque the stage tints what may change
LINES = 140  # outlines are more opaque
LOOK = {"type": "PreviewAny", "pos": [1600, 0], "inputs": {"source": ["editor", 2]}}

OVER, BESIDE = ([{"x": 100, "y": y}, {"x": 300, "y": y}] for y in (128, 20))
DRAWN: dict[str, Any] = {
    "version": 1,
    "width": FRAME[0],
    "height": FRAME[1],
    "frames": 14,
    "paths": [{"id": "p1", "kind": "line", "name": "over", "points": OVER}],
    "regions": [],
}
HOLE = {"id": "r1", "kind": "rect", "mode": "subtract", "points": [[150, 0], [230, 256]]}
MORE = {"id": "r2", "kind": "rect", "points": [[420, 60], [600, 200]]}


def blob(width: int, height: int) -> torch.Tensor:
    """(H, W) 1 in an ellipse to the left, else 0."""
    y, x = ((torch.arange(side) + 0.5) / side for side in (height, width))
    return (((x - 0.3) / 0.25).square() + ((y[:, None] - 0.5) / 0.35).square() < 1).float()


def opacity(drawing: Drawing) -> NDArray[np.float64]:
    """(H, W) of the frame, 0 to 255: how opaque the canvas of the areas is."""
    return drawing.frame_of("areas")[..., 3].astype(float)


def likeness(drawing: Drawing, wanted: NDArray[np.bool_]) -> float:
    """Intersection over union of what is tinted and what may change, but for outlines and the pixels beside them."""
    shown = opacity(drawing)
    lines = Image.fromarray((shown >= LINES).astype(np.uint8)).filter(ImageFilter.MaxFilter(5))
    tinted, seen = shown > TINT / 2, np.asarray(lines) == 0
    return (tinted & wanted & seen).sum() / max(((tinted | wanted) & seen).sum(), 1)


@journey
def test_a_mask_is_seen_after_a_run_and_areas_are_added_to_it_and_taken_from_it(server: ComfyUI, page: Page):
    server.upload("blob.png", png(1 - blob(FRAME[0] // 2, FRAME[1] // 2)[..., None].repeat(1, 1, 3)))
    more: dict[str, Any] = {
        "load": {
            "type": "LoadImageMask",
            "pos": [-60, 420],
            "widgets": {"image": "blob.png", "channel": "red"},
        },
        "invert": {"type": "InvertMask", "pos": [380, 420], "inputs": {"mask": ["load", 0]}},
        "look": LOOK,
    }
    drawing = build(page, more=more, inputs={"mask": ["invert", 0]}).wait_for_frames()
    other = DRAWN["paths"][0] | {"id": "p2", "name": "beside", "points": BESIDE}
    paste(drawing, DRAWN | {"paths": [*DRAWN["paths"], other]})
    assert drawing.status.endswith("The mask is seen after a run")
    assert "Outside" not in drawing.status  # it may be inside
    assert not drawing.layer("areas").any()
    entry = finish(server, page)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    drawing.wait_for(lambda d: d.layer("areas").any(), "the mask")
    drawing.wait_for_frames()  # those that the run gave

    wanted = blob(*FRAME).numpy() > 0.5
    assert likeness(drawing, wanted) >= 0.95
    whole = opacity(drawing) > TINT / 2  # with its outline, which lies inside
    assert (whole & wanted).sum() / (whole | wanted).sum() >= 0.95
    assert "after a run" not in drawing.status
    assert drawing.status.startswith("Outside the areas, where nothing changes: beside (frames 0 to 13).")

    changed = np.copy(wanted)
    changed[:, 150:230] = False
    changed[60:200, 420:600] = True
    for feather in (0, 4):
        paste(drawing, DRAWN | {"regions": [each | {"feather": feather} for each in (HOLE, MORE)]})
        drawing.wait_for(lambda d: likeness(d, changed) >= 0.95, "the areas")
        assert drawing.status.startswith("Outside the areas, where nothing changes: over (frames 4 to 8).")

    drawing.press("q")
    assert not drawing.drawn().stage.locator("[data-layer=areas]").is_visible()
    drawing.press("q")
    page.evaluate("""() => {
        const editor = window.app.graph.nodes.find(node => node.type === "ReVideoEditor");
        editor.disconnectInput(editor.inputs.findIndex(input => input.name === "mask"));
    }""")
    drawing.wait_for(lambda d: likeness(d, changed & ~wanted) >= 0.95, "the areas alone")


def test_what_core_loads_is_seen_without_a_run_as_a_run_has_it(comfyui: ComfyUI, page: Page):
    painted = torch.ones(200, 300, 4)
    painted[..., 3] -= blob(300, 200)
    comfyui.upload("painted.png", png(painted))
    comfyui.upload("opaque.png", png(painted[..., :3]))
    load = {"type": "LoadImage", "pos": [380, 420], "widgets": {"image": "painted.png"}}
    more = {"load": load, "look": LOOK}
    drawing = build(page, more=more, inputs={"mask": ["load", 1]}).wait_for_frames()
    wanted = blob(*FRAME).numpy() > 0.5
    drawing.wait_for(lambda d: likeness(d, wanted) >= 0.95, "the mask")
    assert "No area" not in drawing.status and "after a run" not in drawing.status
    before = opacity(drawing)
    entry = finish(comfyui, page)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    assert np.abs(opacity(drawing.wait_for_frames()) - before).mean() < 1

    page.evaluate(SET_WIDGET, ["LoadImage", "image", "opaque.png"])
    drawing.wait_for(lambda d: "No area" in d.status, "a mask of nothing")
    assert not drawing.layer("areas").any()


def test_a_soft_mask_of_each_frame_is_seen_as_soft_as_it_is_used(comfyui: ComfyUI, page: Page):
    more = {
        "red": {
            "type": "ImageToMask",
            "pos": [380, 420],
            "widgets": {"channel": "red"},
            "inputs": {"image": ["prepare", 0]},
        },
        "look": LOOK,
    }
    drawing = build(page, more=more, inputs={"mask": ["red", 0]}).wait_for_frames()
    entry = finish(comfyui, page)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    drawing.wait_for(lambda d: d.layer("areas").any(), "the mask")
    levels = frames_of(comfyui.input / "bikes.mp4")[:, 0].numpy()
    used = EditDocument.from_json("").mask(14, FRAME[1], FRAME[0], base=torch.from_numpy(levels)[:, None])[:, 0]
    for frame in (0, 13):
        go_to(drawing, frame)
        shown = opacity(drawing)
        seen = shown < TINT + 4  # but for the lines around what is half or more
        assert seen.mean() > 0.8
        off, other = (np.abs(shown - used[which].numpy() * TINT)[seen].mean() for which in (frame, 13 - frame))
        assert off < 1 and other > 2
    page.evaluate(SET_WIDGET, ["ImageToMask", "channel", "blue"])
    drawing.wait_for(lambda d: d.status.endswith("The mask is seen after a run"), "that it is another mask now")
    assert not drawing.layer("areas").any()


def test_where_a_mask_is_found_at_what_is_drawn_no_area_is_missing(page: Page):
    follow = {
        "type": "ReVideoFollowMask",
        "pos": [1600, 0],
        "inputs": {"frames": ["prepare", 0], "points": ["editor", 0]},
    }
    drawing = build(page, more={"follow": follow}).wait_for_frames()
    drawing.wait_for(lambda d: "after a run" in d.status, "that the mask comes with a run")
    assert "No area" not in drawing.status
    page.evaluate("window.app.graph.remove(window.app.graph.nodes.find(({ type }) => type === 'ReVideoFollowMask'))")
    drawing.wait_for(lambda d: "No area" in d.status, "that an area is missing")
