"""What changes over time, in the editor: keys, speeds, several paths followed, the edited frame along its way."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_server import ComfyUI
from drawing import FRAME, Drawing, build, draw_wave
from PIL import Image
from playwright.sync_api import Page
from pytest import approx
from test_editor_clip import SET_DOCUMENT, SET_WIDGET

from revideo import EditDocument

NEAR = 0.6  # frame pixels: the pointer's place is that exact

MASK = """async ([text, time, width, height]) => {
    const at = "/extensions/ComfyUI-ReVideo";
    const { parseDocument } = await import(`${at}/document/schema.js`);
    const { maskAt } = await import(`${at}/geometry/masks.js`);
    return [...maskAt(parseDocument(text), time, width, height)];
}"""

# A finger goes down on a canvas, moves in steps, and is lifted.
FINGER = """([element, [x0, y0], [x1, y1]]) => {
    const canvas = element.querySelector(".rve-bars");
    const at = part => ({ clientX: x0 + part * (x1 - x0), clientY: y0 + part * (y1 - y0) });
    const how = { pointerId: 7, pointerType: "touch", isPrimary: true, bubbles: true, cancelable: true };
    canvas.setPointerCapture = () => {};
    const send = (name, part, buttons) =>
        canvas.dispatchEvent(new PointerEvent(name, { ...how, ...at(part), buttons }));
    send("pointerdown", 0, 1);
    for (let step = 1; step <= 4; step += 1) send("pointermove", step / 4, 1);
    send("pointerup", 1, 0);
    delete canvas.setPointerCapture;
}"""


@pytest.fixture
def drawing(page: Page) -> Drawing:
    return build(page).wait_for_frames()


def draw_rect(drawing: Drawing) -> None:
    drawing.tool("rect")
    drawing.drag([(200, 80), (360, 160)])
    drawing.tool("select")


def go(drawing: Drawing, frame: int) -> None:
    drawing.press("Home", *["."] * frame)


def place_of(drawing: Drawing, frame: float) -> tuple[float, float]:
    """Page coordinates of a frame in the row under the scrubber."""
    box = drawing.element.locator(".rve-bars").bounding_box()
    assert box is not None
    width = drawing.element.locator(".rve-bars").evaluate("row => row.clientWidth")
    x = 20 + frame / 13 * (width - 40)
    return box["x"] + x * box["width"] / width, box["y"] + box["height"] / 2


def keys(drawing: Drawing) -> list[dict[str, Any]]:
    return drawing.regions[0].get("keys", [])


def masks(drawing: Drawing) -> torch.Tensor:
    """(T, 1, H, W) as Python reads the drawing."""
    width, height = FRAME
    return EditDocument.from_json(drawing.text).mask(14, height, width)


def overlap(drawing: Drawing, frame: int) -> float:
    """Intersection over union of Python's mask and the browser's."""
    width, height = FRAME
    shown = np.asarray(drawing.page.evaluate(MASK, [drawing.text, frame, width, height])).reshape(height, width) > 0.5
    read = masks(drawing)[frame].reshape(height, width).numpy() > 0.5
    assert read.any()
    return float((shown & read).sum() / (shown | read).sum())


def turn_by_box(drawing: Drawing, centre: tuple[float, float], degrees: float) -> None:
    """Drags the ring of a box of 160 × 80 about its centre."""
    (x0, y0), (x1, y1) = drawing.place(*centre), drawing.place(centre[0] + 100, centre[1])
    scale = math.dist((x0, y0), (x1, y1)) / 100
    reach = 40 * scale + 28
    angle = math.radians(degrees)
    places = [(x0, y0 - reach), (x0 + reach * math.sin(angle), y0 - reach * math.cos(angle))]
    drawing.page.mouse.move(*places[0])
    drawing.page.mouse.down()
    drawing.page.mouse.move(*places[1], steps=5)
    drawing.page.mouse.up()


def test_an_area_with_keys_moves_turns_and_is_reshaped_at_the_frame_shown(drawing: Drawing):
    draw_rect(drawing)
    drawn = drawing.regions[0]["points"]
    drawing.press("k")
    assert keys(drawing) == [{"frame": 0}]
    first = masks(drawing)[0]
    go(drawing, 6)
    drawing.drag([(280, 120), (330, 140)])
    turn_by_box(drawing, (330, 140), 40)
    go(drawing, 13)
    drawing.press("Shift+ArrowLeft", "ArrowDown")
    [zero, six, last] = keys(drawing)
    assert (zero, drawing.regions[0]["points"]) == ({"frame": 0}, drawn)
    assert six["move"] == [approx(50, abs=NEAR), approx(20, abs=NEAR)]
    assert six["rotate"] == approx(40, abs=1.5)
    assert last["move"] == [approx(six["move"][0] - 10), approx(six["move"][1] + 1)]
    assert drawing.regions[0]["kind"] == "rect"
    width = drawing.element.locator("[data-field=width]")
    width.fill("200")
    width.press("Enter")  # stretched as it is turned: its corners say so, at every key
    assert drawing.regions[0]["kind"] == "polygon"
    assert torch.equal(masks(drawing)[0], first)
    for frame in (0, 3, 6, 9, 13):
        assert overlap(drawing, frame) >= 0.995
    drawing.press(*["Control+z"] * 3)  # both arrow keys are one step
    assert keys(drawing) == [{"frame": 0}, {"frame": 6, "move": six["move"]}]


def test_an_ellipse_that_turns_and_scales_is_read_as_it_is_seen(drawing: Drawing):
    drawing.tool("ellipse")
    drawing.drag([(200, 80), (360, 160)])
    drawing.tool("select")
    drawing.press("k", "End", ">", ">", "}", "}")
    [_, last] = keys(drawing)
    assert (drawing.regions[0]["kind"], last["rotate"]) == ("ellipse", approx(30))
    for frame in (0, 5, 9, 13):
        assert overlap(drawing, frame) >= 0.995


def test_keys_are_dragged_chosen_and_deleted_in_the_row_of_times(drawing: Drawing):
    draw_rect(drawing)
    drawing.press("k")
    go(drawing, 6)
    drawing.press("ArrowRight", "Home")
    mouse = drawing.page.mouse
    mouse.move(*place_of(drawing, 6))
    mouse.down()
    mouse.move(*place_of(drawing, 9), steps=4)
    mouse.up()
    assert [key["frame"] for key in keys(drawing)] == [0, 9]
    drawing.page.evaluate(
        FINGER, [drawing.element.element_handle(), list(place_of(drawing, 9)), list(place_of(drawing, 4))]
    )
    assert [key["frame"] for key in keys(drawing)] == [0, 4]
    assert drawing.time == 0  # a drag does not move the playhead
    mouse.click(*place_of(drawing, 4))
    assert drawing.time == 4
    drawing.press("Delete")
    assert [key["frame"] for key in keys(drawing)] == [0]
    drawing.press("Control+z")
    assert [key["frame"] for key in keys(drawing)] == [0, 4]
    drawing.click(280, 120)  # the area again, not its key
    drawing.press("Delete")
    assert drawing.regions == []


def test_k_and_the_panel_make_move_and_take_keys(drawing: Drawing):
    draw_rect(drawing)
    drawing.element.get_by_role("button", name="Key here").click()
    drawing.press("End", "ArrowRight")
    drawing.enter("Frame", 10)
    assert [key["frame"] for key in keys(drawing)] == [0, 10]
    drawing.press("Home", "k")
    assert [key["frame"] for key in keys(drawing)] == [10]
    go(drawing, 10)
    drawing.element.get_by_role("button", name="Remove key").click()
    assert "keys" not in drawing.regions[0]
    assert "lies as it was drawn" in drawing.status


def test_what_is_keyed_while_it_plays_is_keyed_at_a_frame(drawing: Drawing):
    draw_rect(drawing)
    drawing.press("k", "Space")
    later = "bar => Number(bar.getAttribute('aria-valuenow')) > 2"
    scrubber = drawing.element.locator(".rve-scrubber").element_handle()
    for key in ("ArrowRight", ">", "ArrowDown"):
        drawing.page.wait_for_function(later, arg=scrubber)
        drawing.press(key)
    drawing.press(",")
    frames = [key["frame"] for key in keys(drawing)]
    assert len(frames) > 1
    assert frames == [round(frame) for frame in frames]


def test_a_key_beside_a_frame_is_that_frames(drawing: Drawing):
    draw_rect(drawing)
    drawing.press("k")
    go(drawing, 6)
    drawing.press("ArrowRight")
    before = keys(drawing)
    for count in (2, 14):
        drawing.page.evaluate(SET_WIDGET, ["ReVideoPrepareVideo", "count", count])
        drawing.page.mouse.move(10, 500)
        drawing.page.mouse.move(*drawing.place(500, 200))  # the editor looks again when the pointer comes back to it
        drawing.wait_for(lambda d, count=count: d.document["frames"] == count, "the other count")
    assert keys(drawing) == before
    document = drawing.document
    document["regions"][0]["keys"][1]["frame"] = 6.3
    drawing.page.evaluate(SET_DOCUMENT, [drawing.node_id, json.dumps(document)])
    go(drawing, 6)
    drawing.press("ArrowDown")
    assert [key["frame"] for key in keys(drawing)] == [0, 6]
    drawing.page.evaluate(SET_DOCUMENT, [drawing.node_id, json.dumps(document)])
    drawing.press("k")
    assert [key["frame"] for key in keys(drawing)] == [0]


def test_an_area_follows_the_paths_that_are_ticked(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(180, 60), (160, 60)])
    drawing.drag([(380, 60), (440, 130)])
    draw_rect(drawing)
    first, second = (path["id"] for path in drawing.paths)
    drawing.follows(0).check()
    assert drawing.regions[0]["follow"] == first
    assert "It moves with the path." in drawing.drawn().element.locator(".rve-checks").inner_text()
    drawing.follows(1).focus()
    drawing.press("Space")
    assert drawing.regions[0]["follow"] == [first, second]
    assert "turns and scales" in drawing.drawn().element.locator(".rve-checks").inner_text()
    assert drawing.follows(1).evaluate("box => box === document.activeElement")
    for frame in (0, 6, 13):
        assert overlap(drawing, frame) >= 0.995
    drawing.follows(0).uncheck()
    assert drawing.regions[0]["follow"] == second
    drawing.follows(1).uncheck()
    assert "follow" not in drawing.regions[0]


def test_a_copied_area_follows_what_is_there_and_else_lies_as_it_was_seen(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(100, 60), (230, 60)])
    draw_rect(drawing)
    drawing.follows(0).check()
    drawing.press("End")
    moved = [[x + 130, y] for x, y in drawing.regions[0]["points"]]
    drawing.press("Control+c", "Control+v")  # the path is there
    drawing.wait_for(lambda d: len(d.regions) == 2, "the first copy")
    assert [area.get("follow") for area in drawing.regions] == ["p1", "p1"]
    drawing.press("Control+a", "Control+c", "Delete", "Control+v")  # it came along
    drawing.wait_for(lambda d: len(d.regions) == 2, "the copy of all")
    assert [area.get("follow") for area in drawing.regions] == [path["id"] for path in drawing.paths] * 2
    drawing.row("Rectangle 2").click()
    drawing.press("Control+c", "Control+a", "Delete", "Control+v")  # it is not there
    drawing.wait_for(lambda d: len(d.regions) == 1, "the last copy")
    [copy] = drawing.regions
    assert "follow" not in copy
    assert copy["points"] == [approx(place, abs=NEAR) for place in moved]
    assert "1 item added" in drawing.status


def test_what_follows_several_paths_is_moved_and_turned_as_it_is_seen(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(180, 60), (160, 60)])
    drawing.drag([(380, 60), (440, 130)])
    draw_rect(drawing)
    for index in (0, 1):
        drawing.follows(index).check()
    drawing.press("k", "End")
    before = masks(drawing)
    drawing.press(*["Shift+ArrowDown"] * 2)
    after = masks(drawing)
    assert torch.equal(after[0], before[0])
    moved = torch.zeros_like(before[13])
    moved[:, 20:] = before[13][:, :-20]
    union = torch.maximum(moved, after[13]).sum()
    assert float(torch.minimum(moved, after[13]).sum() / union) >= 0.99  # whole pixels


def centre_of(drawing: Drawing, name: str) -> tuple[float, float]:
    box = drawing.element.get_by_role("slider", name=name).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_stretch_of_a_path_has_a_speed_of_its_own_drawn_as_a_curve(drawing: Drawing):
    draw_wave(drawing)
    drawing.press(*["."] * 6, "k")
    drawing.field("From frame 6 to 13").select_option("hold")
    assert [point.get("easing") for point in drawing.paths[0]["points"]] == [None, "hold", None]
    drawing.press("Escape", "Home")
    drawing.row("Spline 1").click()
    drawing.field("From frame 0 to 6").select_option("in")
    drawing.field("From frame 0 to 6").select_option("curve")
    before = drawing.paths[0]["points"][0]["easing"]
    assert before == [0.333, 0, 0.667, 0.333]
    mouse = drawing.page.mouse
    live = drawing.layer("live")
    drawing.element.locator(".rve-curve").scroll_into_view_if_needed()
    x, y = centre_of(drawing, "First handle")
    for index, (dx, dy) in enumerate(
        [(4, -5), (14, -40), (64, -110), (34, -120), (34, -45)]
    ):  # taken beside its middle
        mouse.move(x + dx, y + dy, steps=3)
        if not index:
            mouse.down()
        assert centre_of(drawing, "First handle") == approx((x + dx - 4, y + dy + 5), abs=1)
    assert not np.array_equal(drawing.layer("live"), live)  # ticks and dot, before it is let go
    mouse.move(x + 34, y - 120)
    mouse.up()
    drawing.drawn()
    assert centre_of(drawing, "First handle") == approx((x + 30, y - 115), abs=1)  # above the picture: it stays there
    assert drawing.paths[0]["points"][0]["easing"][1] > 1
    mouse.down()
    mouse.move(x + 34, y - 45, steps=3)
    mouse.up()
    drawing.drawn()
    assert centre_of(drawing, "First handle") == approx((x + 30, y - 40), abs=1)
    dragged = drawing.paths[0]["points"][0]["easing"]
    assert dragged[0] > before[0] + 0.1 and dragged[1] > before[1] + 0.1 and dragged[2:] == before[2:]
    second = drawing.element.get_by_role("slider", name="Second handle")
    second.focus()
    drawing.press("ArrowUp", "ArrowUp", "ArrowLeft")
    assert drawing.paths[0]["points"][0]["easing"] == [*dragged[:2], approx(0.617), approx(0.433)]
    drawing.drawn()
    assert second.get_attribute("aria-valuetext") == "62 % of the time, 43 % of the way"
    drawing.row("Spline 1").click()
    drawing.press("Control+z")  # the arrow keys' steps are one
    assert drawing.paths[0]["points"][0]["easing"] == dragged
    drawing.press("Control+z", "Control+z")  # and so is each drag
    assert drawing.paths[0]["points"][0]["easing"] == before


def test_an_area_goes_from_key_to_key_as_chosen(drawing: Drawing):
    draw_rect(drawing)
    drawing.press("k", "End", *["Shift+ArrowRight"] * 4, "Home")
    drawing.field("From frame 0 to 13").select_option("in-out")
    assert keys(drawing)[0]["easing"] == "in-out"
    drawing.field("From frame 0 to 13").select_option("curve")
    assert keys(drawing)[0]["easing"] == [0.333, 0, 0.667, 1]
    for frame in (2, 6, 11):
        assert overlap(drawing, frame) >= 0.995
    go(drawing, 13)
    assert drawing.drawn().element.get_by_role("slider", name="First handle").count() == 0


def test_the_edited_frame_is_seen_along_its_way(server: ComfyUI, page: Page):
    edited = Image.new("RGB", FRAME, (20, 30, 40))
    edited.paste((250, 40, 200), (180, 60, 260, 140))
    edited.save(server.input / "marked.png")
    load = {"type": "LoadImage", "pos": [380, 420], "widgets": {"image": "marked.png"}}
    drawing = build(page, more={"edited": load}, inputs={"edited_frame": ["edited", 0]}).wait_for_frames()
    drawing.button("onion").wait_for()
    drawing.tool("rect")
    drawing.drag([(180, 60), (260, 140)])
    drawing.tool("line")
    drawing.drag([(220, 100), (420, 100)])
    drawing.tool("anchor")
    drawing.click(600, 220)  # no area holds it
    drawing.press("Escape", "End")  # what is selected is on the live layer
    assert not drawing.layer("onion").any()
    drawing.press("u")
    assert drawing.drawn().button("onion").get_attribute("aria-pressed") == "true"

    def seen(x: float, y: float) -> list[int]:
        pixels, box = drawing.layer("onion"), drawing.stage.bounding_box()
        assert box is not None
        left, top = drawing.place(x, y)
        density = pixels.shape[1] / box["width"]
        return pixels[int((top - box["y"]) * density), int((left - box["x"]) * density)].tolist()

    assert seen(420, 100) == [approx(250, abs=3), approx(40, abs=3), approx(200, abs=3), approx(140, abs=2)]
    assert [seen(220, 100)[3], seen(470, 100)[3]] == [0, 0]
    assert seen(600, 220)[:3] == [approx(20, abs=3), approx(30, abs=3), approx(40, abs=3)]
    drawing.press("Home")
    assert [seen(220, 100)[3] > 0, seen(420, 100)[3]] == [True, 0]
    drawing.tool("select")
    drawing.click(190, 130)
    drawing.press("k", "End", *["Shift+ArrowDown"] * 6, "Escape")
    assert seen(220, 160)[0] == approx(250, abs=3)  # the area goes its own way, by its keys
    assert [seen(x, 100)[3] > 0 for x in (220, 420, 450)] == [False, True, False]  # the path, with a disc
    drawing.button("onion").click()
    assert not drawing.layer("onion").any()
