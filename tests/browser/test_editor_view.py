"""How the drawing is looked at: view, time, keys, size of the node; mouse, pen and fingers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from drawing import Drawing, build, touch
from frontend import journey
from playwright.sync_api import CDPSession, Page
from pytest import approx

NEAR = 0.5  # frame pixels


@pytest.fixture
def drawing(page: Page) -> Drawing:
    return build(page).wait_for_frames()


def anchor_at(drawing: Drawing, at: tuple[float, float]) -> tuple[float, float]:
    """Frame pixels of a place of the page, told by an anchor dropped there."""
    drawing.tool("anchor")
    drawing.page.mouse.click(*at)
    return drawing.points()[-1]


def scale(drawing: Drawing) -> float:
    """Page pixels per frame pixel."""
    a, b = drawing.place(200, 100), drawing.place(300, 150)
    return math.dist(a, b) / math.dist(anchor_at(drawing, a), anchor_at(drawing, b))


# --- View --------------------------------------------------------------------------------------


def test_the_wheel_zooms_about_the_pointer_once_the_drawing_has_the_keyboard(drawing: Drawing):
    page = drawing.page
    fitted = scale(drawing)
    x, y = drawing.place(400, 80)
    here = round(x), round(y)  # unlike a pointer's, a wheel's place is told in whole pixels
    graph = page.evaluate("window.app.canvas.ds.scale")
    before = anchor_at(drawing, here)
    page.mouse.wheel(0, -300)
    drawing.drawn()
    assert anchor_at(drawing, here) == approx(before, abs=NEAR)
    assert scale(drawing) == approx(fitted * math.exp(300 * 0.0018), rel=0.02)
    assert page.evaluate("window.app.canvas.ds.scale") == graph
    drawing.press("0")
    assert scale(drawing) == approx(fitted, rel=0.01)


@journey
def test_without_the_keyboard_the_wheel_is_the_graphs(drawing: Drawing):
    page = drawing.page
    page.evaluate("document.activeElement?.blur()")
    page.mouse.move(*drawing.place(300, 100))
    page.mouse.wheel(0, -100)
    page.wait_for_function("window.app.canvas.ds.scale > 1.01")


@pytest.mark.parametrize("how", ["middle button", "space", "tool"])
def test_the_view_is_moved(drawing: Drawing, how: str):
    drawing.tool("pan" if how == "tool" else "select")
    a, b = drawing.place(200, 100), drawing.place(260, 140)
    if how == "space":
        drawing.page.keyboard.down(" ")
    drawing.drag([(200, 100), (260, 140)], button="middle" if how == "middle button" else "left")
    if how == "space":
        drawing.page.keyboard.up(" ")
        assert drawing.drawn().element.locator(".rve-timeline [title^=Play]").count() == 1  # the key was used to move
    assert drawing.text == ""
    assert anchor_at(drawing, b) == approx((200, 100), abs=NEAR)
    assert math.dist(a, b) > 20
    drawing.press("0")
    assert anchor_at(drawing, drawing.place(260, 140)) == approx((260, 140), abs=NEAR)


def test_keys_zoom_and_show_pixels_as_they_are(drawing: Drawing):
    fitted = scale(drawing)
    drawing.press("+")
    assert scale(drawing) == approx(1.25 * fitted, rel=0.01)
    drawing.press("1")
    assert scale(drawing) == approx(1, rel=0.01)


# --- Time --------------------------------------------------------------------------------------


def test_the_timeline_is_scrubbed_and_stepped(drawing: Drawing):
    box = drawing.element.locator(".rve-scrubber").bounding_box()
    assert box is not None
    edge, y = 20, box["y"] + box["height"] / 2
    page = drawing.page
    page.mouse.move(box["x"] + edge, y)
    page.mouse.down()
    seen = []
    for frame in (3, 7, 13, 5):
        page.mouse.move(box["x"] + edge + (box["width"] - 2 * edge) * frame / 13, y)
        seen.append(drawing.time)
    page.mouse.up()
    assert seen == [3, 7, 13, 5]
    assert "5 / 13" in drawing.drawn().element.locator(".rve-time").inner_text()
    assert "0.20 s" in drawing.drawn().element.locator(".rve-time").inner_text()  # bikes.mp4 has 25 frames per second
    drawing.press(".")
    assert drawing.time == 6
    drawing.press(",", ",")
    assert drawing.time == 4
    drawing.press("End")
    assert drawing.time == 13
    drawing.press("Home")
    assert drawing.time == 0


AXIS_MARGIN = 20  # CSS pixels beside the first and last frame, in js/ui/time_axis.js


def on_axis(drawing: Drawing, strip: str, frame: float) -> tuple[float, float]:
    """Page coordinates of a frame on the scrubber or on the bars below it."""
    element = drawing.element.locator(strip)
    box = element.bounding_box()
    assert box is not None
    zoom = box["width"] / element.evaluate("element => element.clientWidth")
    margin = AXIS_MARGIN * zoom
    return box["x"] + margin + (box["width"] - 2 * margin) * frame / 13, box["y"] + box["height"] / 2


def drag_on_page(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=3)
    page.mouse.up()


@journey
def test_the_playhead_moves_where_a_path_begins_and_the_bars_below_set_its_times(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(100, 60), (500, 60)])
    before = drawing.text
    for end in (5, 13):  # it stands where the path begins, then where it ends
        start = on_axis(drawing, ".rve-scrubber", drawing.time)
        drag_on_page(drawing.page, start, on_axis(drawing, ".rve-scrubber", end))
        assert drawing.time == end
    assert drawing.text == before
    drag_on_page(drawing.page, on_axis(drawing, ".rve-bars", 0), on_axis(drawing, ".rve-bars", 3))
    x, y = on_axis(drawing, ".rve-bars", 13)
    drag_on_page(drawing.page, (x + 10, y - 10), on_axis(drawing, ".rve-bars", 9))
    assert (drawing.paths[0]["start"], drawing.paths[0]["end"]) == (3, 9)
    assert drawing.time == 13


def test_what_is_grabbed_on_the_bars_is_seen(drawing: Drawing):
    bars = drawing.element.locator(".rve-bars")
    drawing.tool("line")
    drawing.drag([(100, 60), (500, 60)])
    drawing.tool("select")

    def shown() -> str:
        return bars.evaluate("canvas => canvas.toDataURL()")

    drawing.page.mouse.move(*on_axis(drawing, ".rve-bars", 5))
    still = drawing.drawn() and shown()
    assert bars.evaluate("bars => bars.style.cursor") == "default"
    drawing.page.mouse.move(*on_axis(drawing, ".rve-bars", 0))
    assert drawing.drawn() and shown() != still
    assert bars.evaluate("bars => bars.style.cursor") == "ew-resize"
    drawing.page.mouse.down()
    drawing.page.mouse.move(*on_axis(drawing, ".rve-bars", 2), steps=3)
    drawing.drawn()
    assert bars.get_attribute("data-grip") == "start"
    assert drawing.status.startswith("The path begins at frame 2.")
    drawing.page.mouse.up()
    drawing.page.mouse.move(*on_axis(drawing, ".rve-bars", 6))
    drawing.drawn()
    assert bars.get_attribute("data-grip") is None


def test_bars_are_dragged_by_a_finger_at_a_smaller_zoom(drawing: Drawing, session: CDPSession):
    drawing.tool("line")
    drawing.drag([(100, 60), (500, 60)])
    drawing.page.evaluate("() => { window.app.canvas.ds.scale = 0.9; window.app.canvas.setDirty(true, true); }")
    drawing.drawn().wait_for_frames()
    x, y = on_axis(drawing, ".rve-bars", 0)
    touch(session, "touchStart", (x - 5.4 - 11.5, y - 8))  # near the rim of 24 pixels around the bar
    touch(session, "touchMove", (on_axis(drawing, ".rve-bars", 4)[0] - 5.4 - 11.5, y))
    touch(session, "touchEnd")
    assert drawing.paths[0]["start"] == 4


SEEN = """id => {
    const scrubber = document.querySelector(`.revideo-editor[data-test='${id}'] .rve-scrubber`);
    const at = () => Number(scrubber.getAttribute("aria-valuenow"));
    window.seen = [];
    const look = () => {
        if (window.seen.at(-1) !== at()) window.seen.push(at());
        window.looking = requestAnimationFrame(look);
    };
    look();
}"""


def test_playing_moves_the_dots_and_loops(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(100, 60), (500, 60)])
    still = drawing.layer("live")
    drawing.page.evaluate(SEEN, drawing.node_id)
    drawing.press(" ")
    # Round at least once: a smaller number after a larger one.
    drawing.page.wait_for_function(
        "window.seen.slice(0, -2).some((frame, index, seen) => index > 2 && frame < seen[index - 1])"
    )
    drawing.press(" ")
    drawing.drawn()
    stopped = drawing.time
    drawing.drawn()
    assert drawing.time == stopped
    drawing.page.evaluate("cancelAnimationFrame(window.looking)")
    drawing.press("Home")
    assert np.array_equal(drawing.layer("live"), still)
    drawing.press("End")
    assert not np.array_equal(drawing.layer("live"), still)


def test_without_looping_it_stops_at_the_end(drawing: Drawing):
    drawing.tool("select")
    drawing.press("Shift+L", " ")
    drawing.page.wait_for_function(
        """id => document.querySelector(`.revideo-editor[data-test='${id}'] .rve-time`)
            .textContent.startsWith("13 / 13")""",
        arg=drawing.node_id,
    )
    drawing.drawn()
    assert drawing.time == 13


# --- The node's size ---------------------------------------------------------------------------


# The lower right corner of a node, in pixels of the graph's canvas.
CORNER = """id => {
    const { pos, size } = window.app.graph.getNodeById(id), { scale, offset } = window.app.canvas.ds;
    return [0, 1].map(axis => (pos[axis] + size[axis] + offset[axis]) * scale);
}"""


@journey
def test_the_stage_grows_with_the_node(drawing: Drawing):
    page = drawing.page
    before = drawing.client()
    x, y = page.evaluate(CORNER, drawing.node_id)
    canvas = page.locator("#graph-canvas").bounding_box() or {"x": 0, "y": 0}
    x, y = x + canvas["x"], y + canvas["y"]
    page.mouse.move(x - 4, y - 4, steps=3)
    page.mouse.down()
    page.mouse.move(x + 96, y + 46, steps=6)
    page.mouse.up()
    drawing.wait_for(lambda d: d.client()[0] > before[0] + 60, "a wider stage")
    assert drawing.client()[1] > before[1] + 20
    drawing.drawn()
    assert anchor_at(drawing, drawing.place(400, 80)) == approx((400, 80), abs=NEAR)


# --- Overlays ----------------------------------------------------------------------------------


def test_the_question_mark_shows_every_key(drawing: Drawing):
    drawing.tool("select")
    drawing.press("?")
    sheet = drawing.drawn().element.get_by_role("dialog", name="Keys")
    assert sheet.is_visible()
    keys = drawing.page.evaluate(
        "import('/extensions/ComfyUI-ReVideo/input/keymap.js').then(({ BINDINGS }) => BINDINGS.map(({ text }) => text))"
    )
    said = sheet.inner_text()
    assert [text for text in keys if text not in said] == []
    drawing.press("Escape")
    drawing.drawn()
    assert not sheet.is_visible()
    drawing.press("a")
    assert drawing.drawn().button("tool:anchor").get_attribute("aria-pressed") == "true"  # the keyboard came back


# --- Fingers and pen ---------------------------------------------------------------------------


@pytest.fixture
def session(drawing: Drawing):
    session = drawing.page.context.new_cdp_session(drawing.page)
    yield session
    session.detach()


def test_a_finger_draws(drawing: Drawing, session: CDPSession):
    drawing.tool("freehand")
    stroke = [(100 + 10 * step, 100 + 3 * step) for step in range(20)]
    touch(session, "touchStart", drawing.place(*stroke[0]))
    for place in stroke[1:]:
        touch(session, "touchMove", drawing.place(*place))
    touch(session, "touchEnd")
    assert len(drawing.paths) == 1
    assert drawing.points()[0] == approx(stroke[0], abs=2)
    assert drawing.points()[-1] == approx(stroke[-1], abs=2)


def test_a_double_tap_ends_a_spline_and_leaves_no_point_behind(drawing: Drawing, session: CDPSession):
    drawing.tool("spline")
    x, y = drawing.place(300, 160)
    for place in [drawing.place(100, 60), (x, y), (x + 14, y - 9)]:
        touch(session, "touchStart", place)
        touch(session, "touchEnd")
    drawing.tool("select")
    assert drawing.points() == [approx((100, 60), abs=NEAR), approx((300, 160), abs=NEAR)]
    assert len(drawing.paths) == 1


@journey
def test_two_fingers_zoom_and_leave_the_drawing_alone(drawing: Drawing, session: CDPSession):
    fitted = scale(drawing)
    drawing.tool("freehand")
    before = drawing.text
    x, y = drawing.place(320, 128)
    touch(session, "touchStart", (x - 50, y))
    touch(session, "touchStart", (x - 50, y), (x + 50, y))
    for spread in (60, 70, 80, 90, 100):
        touch(session, "touchMove", (x - spread, y), (x + spread, y))
    touch(session, "touchEnd")
    assert drawing.drawn().text == before
    assert scale(drawing) == approx(2 * fitted, rel=0.05)
    assert anchor_at(drawing, (x, y)) == approx((320, 128), abs=2)


def test_a_pen_draws_and_does_not_drag_the_graph(drawing: Drawing, session: CDPSession):
    drawing.tool("freehand")
    offset = drawing.page.evaluate("[...window.app.canvas.ds.offset]")

    def pen(kind: str, x: float, y: float, **more: Any) -> None:
        left, top = drawing.place(x, y)
        event = {"type": kind, "x": left, "y": top, "pointerType": "pen", "force": 0.5, "clickCount": 1}
        session.send("Input.dispatchMouseEvent", event | {"button": "left", "buttons": 1} | more)

    stroke = [(100 + 10 * step, 100 + 3 * step) for step in range(20)]
    pen("mousePressed", *stroke[0])
    for place in stroke[1:]:
        pen("mouseMoved", *place)
    pen("mouseReleased", *stroke[-1], buttons=0)
    assert len(drawing.paths) == 1
    assert drawing.points()[-1] == approx(stroke[-1], abs=2)
    assert drawing.page.evaluate("[...window.app.canvas.ds.offset]") == offset
