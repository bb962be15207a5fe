"""Drawing in the editor by pointer and keys: paths, areas, and what is done to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from drawing import Drawing, Place, build, draw_wave
from frontend import journey
from playwright.sync_api import Page
from pytest import approx
from test_editor_clip import SET_DOCUMENT, SET_WIDGET

NEAR = 0.5  # frame pixels: the pointer's place is that exact

WAVE = [(60 + 6 * step, 100 + 50 * math.sin(step / 9)) for step in range(50)]

# How far the places of a stroke lie from the curve that the editor made of it, at most.
DISTANCE = """async ([path, stroke]) => {
    const { flatten } = await import("/extensions/ComfyUI-ReVideo/geometry/curves.js");
    const chords = flatten(path);
    const away = ([x, y]) => {
        let least = Infinity;
        for (let i = 0; i < chords.length; i += 2)
            least = Math.min(least, Math.hypot(chords[i] - x, chords[i + 1] - y));
        return least;
    };
    return Math.max(...stroke.map(away));
}"""


@pytest.fixture
def drawing(page: Page) -> Drawing:
    return build(page).wait_for_frames()


def draw_line(drawing: Drawing, *places: Place) -> None:
    drawing.tool("line")
    drawing.drag(places)


def near(*places: Place) -> list[object]:
    return [approx(place, abs=NEAR) for place in places]


# --- Each kind of path and area ----------------------------------------------------------------


def test_a_freehand_path_becomes_few_points_close_to_the_stroke(drawing: Drawing):
    drawing.tool("freehand")
    drawing.drag(WAVE, steps=1)
    [path] = drawing.paths
    assert path["kind"] == "freehand"
    assert 3 <= len(path["points"]) <= 15
    pixel = 100 / math.dist(drawing.place(0, 0), drawing.place(100, 0))  # of the page, in frame pixels
    assert drawing.page.evaluate(DISTANCE, [path, WAVE]) < 2 * pixel
    assert drawing.points()[0] == approx(WAVE[0], abs=NEAR)
    assert drawing.points()[-1] == approx(WAVE[-1], abs=NEAR)


def test_a_spline_is_clicked_and_ended_by_enter(drawing: Drawing):
    places = [(100, 200), (220, 150), (350, 230), (500, 200)]
    drawing.tool("spline")
    for place in places:
        drawing.click(*place)
    drawing.press("Enter")
    assert drawing.points() == near(*places)
    drawing.click(300, 50)  # the next one
    drawing.click(400, 60)
    assert [path["kind"] for path in drawing.paths] == ["spline", "spline"]
    assert drawing.points() == near((300, 50), (400, 60))


def test_a_spline_closes_at_its_first_point(drawing: Drawing):
    places = [(100, 50), (300, 60), (200, 200)]
    drawing.tool("spline")
    for place in [*places, places[0]]:
        drawing.click(*place)
    assert drawing.points() == near(*places, places[0])
    assert drawing.points()[0] == drawing.points()[-1]  # to the byte: that is what makes it a loop


def press_twice(drawing: Drawing, place: Place, apart: tuple[float, float] = (4, 3)) -> None:
    """The presses of a double click a few pixels of the page apart."""
    x, y = drawing.place(*place)
    drawing.page.mouse.click(x, y)
    drawing.page.mouse.click(x + apart[0], y + apart[1])


def test_a_double_click_ends_a_spline_and_leaves_no_point_behind(drawing: Drawing):
    drawing.tool("spline")
    drawing.click(100, 60)
    press_twice(drawing, (300, 160))
    assert drawing.points() == near((100, 60), (300, 160))
    press_twice(drawing, (500, 60))  # at the very start
    assert len(drawing.paths) == 1
    for place in [(100, 200), (200, 100), (300, 200)]:
        drawing.click(*place)
    press_twice(drawing, (100, 200), (3, 0))  # the first of the two closes it
    assert drawing.points() == near((100, 200), (200, 100), (300, 200), (100, 200))
    drawing.tool("line")
    drawing.click(400, 30)
    press_twice(drawing, (500, 60))
    assert drawing.points() == near((400, 30), (500, 60))
    drawing.tool("polygon")
    for place in [(300, 50), (400, 60)]:
        drawing.click(*place)
    press_twice(drawing, (350, 200))
    drawing.tool("select")
    assert drawing.regions[0]["points"] == near((300, 50), (400, 60), (350, 200))
    assert (len(drawing.paths), len(drawing.regions)) == (3, 1)


@pytest.mark.parametrize("leave", ["tool", "Escape", "Enter", "elsewhere", "Control+z"])
def test_a_path_of_one_point_does_not_stay(drawing: Drawing, leave: str):
    drawing.tool("spline")
    before = drawing.layer("live")
    drawing.click(100, 60)
    assert not np.array_equal(drawing.layer("live"), before)  # it is seen all the same
    if leave == "tool":
        drawing.tool("line")
        drawing.tool("spline")
    elif leave == "elsewhere":
        drawing.page.evaluate("document.activeElement.blur()")
    else:
        drawing.press(leave)
    assert drawing.drawn().text == ""
    assert np.array_equal(drawing.layer("live"), before)
    drawing.click(300, 160)
    drawing.click(400, 160)
    assert drawing.points() == near((300, 160), (400, 160))


def test_a_line_is_dragged_and_shift_keeps_it_straight(drawing: Drawing):
    draw_line(drawing, (400, 30), (600, 120))
    assert drawing.points() == near((400, 30), (600, 120))
    drawing.page.keyboard.down("Shift")
    drawing.drag([(100, 100), (200, 110)])
    drawing.page.keyboard.up("Shift")
    (_, y0), (x1, y1) = drawing.points()
    assert (x1, y1) == approx((200, y0), abs=NEAR)
    assert [path["kind"] for path in drawing.paths] == ["line", "line"]


def test_an_anchor_is_one_click(drawing: Drawing):
    drawing.tool("anchor")
    drawing.click(30, 30)
    assert drawing.paths[0]["kind"] == "anchor"
    assert drawing.points() == near((30, 30))


@journey
def test_each_kind_of_area(drawing: Drawing):
    drawing.tool("rect")
    drawing.drag([(50, 20), (380, 140)])
    drawing.tool("ellipse")
    drawing.drag([(390, 10), (630, 150)])
    drawing.tool("polygon")
    lasso = [(80, 140), (520, 140), (560, 240), (60, 245)]
    drawing.drag(lasso, steps=8)
    drawing.tool("brush")
    drawing.drag([(300, 60), (400, 70)])
    drawing.tool("eraser")
    drawing.drag([(200, 180), (300, 180)])
    rect, ellipse, polygon, brush, eraser = drawing.regions
    assert (rect["kind"], rect["mode"]) == ("rect", "add")
    assert rect["points"] == near((50, 20), (380, 140))
    assert ellipse["kind"] == "ellipse"
    assert ellipse["points"] == near((390, 10), (630, 150))
    assert polygon["kind"] == "polygon"
    for corner in lasso:
        assert min(math.dist(corner, point) for point in polygon["points"]) < 2
    assert (brush["kind"], brush["mode"], brush["radius"]) == ("brush", "add", 24)
    assert (eraser["kind"], eraser["mode"]) == ("brush", "subtract")
    assert eraser["points"] == near((200, 180), (300, 180))


def test_alt_takes_an_area_away_and_brackets_size_the_brush(drawing: Drawing):
    drawing.tool("rect")
    drawing.page.keyboard.down("Alt")
    drawing.drag([(50, 20), (380, 140)])
    drawing.page.keyboard.up("Alt")
    drawing.tool("brush")
    drawing.press("]", "]", "[")
    drawing.click(100, 100)
    assert [region["mode"] for region in drawing.regions] == ["subtract", "add"]
    assert drawing.regions[1]["radius"] == approx(24 * 1.2)


def test_a_polygon_is_clicked_too(drawing: Drawing):
    places = [(100, 50), (300, 60), (200, 200)]
    drawing.tool("polygon")
    for place in places:
        drawing.click(*place)
    drawing.press("Enter")
    assert drawing.regions[0]["points"] == near(*places)


# --- Choosing and moving -----------------------------------------------------------------------


def test_a_point_and_a_whole_path_are_moved(drawing: Drawing):
    draw_line(drawing, (100, 100), (300, 100))
    drawing.tool("select")
    drawing.drag([(300, 100), (300, 180)])
    assert drawing.points() == near((100, 100), (300, 180))
    drawing.drag([(200, 140), (210, 160)])
    assert drawing.points() == near((110, 120), (310, 200))


def test_clicking_again_reaches_what_lies_below(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 200))
    draw_line(drawing, (100, 200), (300, 60))
    draw_line(drawing, (100, 130), (300, 130))
    drawing.tool("select")
    drawing.press("Escape")
    seen = []
    for _ in range(4):
        drawing.click_apart(200, 130)
        seen += drawing.chosen
    assert len(seen) == 4
    assert set(seen[:3]) == {"Line 1", "Line 2", "Line 3"}
    assert seen[3] == seen[0]


def test_shift_adds_to_the_selection_and_a_box_takes_all_within(drawing: Drawing):
    for x in (100, 250, 400):
        draw_line(drawing, (x, 60), (x + 50, 160))
    drawing.tool("select")
    drawing.click(125, 110)
    _shift_click(drawing, 275, 110)
    assert drawing.chosen == ["Line 1", "Line 2"]
    drawing.drag([(230, 40), (480, 180)])
    assert drawing.chosen == ["Line 2", "Line 3"]
    before = drawing.points(0)
    drawing.drag([(275, 110), (275, 130)])
    assert drawing.points(0) == before
    assert drawing.points(1) == near((250, 80), (300, 180))
    assert drawing.points(2) == near((400, 80), (450, 180))


def _shift_click(drawing: Drawing, x: float, y: float) -> None:
    drawing.page.keyboard.down("Shift")
    drawing.click(x, y)
    drawing.page.keyboard.up("Shift")


def test_points_are_inserted_where_the_path_is_double_clicked(drawing: Drawing):
    draw_line(drawing, (100, 100), (300, 100))
    drawing.tool("select")
    drawing.page.mouse.dblclick(*drawing.place(160, 100))
    assert drawing.points() == near((100, 100), (160, 100), (300, 100))
    drawing.press("Delete")  # the new point is the selected one
    assert drawing.points() == near((100, 100), (300, 100))
    drawing.click(200, 100)
    drawing.press("Delete")
    assert drawing.paths == []


def test_duplicate_reverse_and_nudge(drawing: Drawing):
    draw_line(drawing, (100, 100), (300, 100))
    [[x0, y0], [x1, y1]] = drawing.points()
    drawing.press("Shift+R")
    assert drawing.points() == [(x1, y1), (x0, y0)]
    drawing.press("Control+d")
    assert len(drawing.paths) == 2
    assert drawing.points(1) == near((x1 + 16, y1 + 16), (x0 + 16, y0 + 16))
    before = drawing.points(1)
    drawing.press("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowDown")
    assert drawing.points(1) == near(*((x + 2, y + 9) for x, y in before))
    assert drawing.points(0) == [(x1, y1), (x0, y0)]


def test_areas_are_moved_and_resized_by_their_handles(drawing: Drawing):
    drawing.tool("rect")
    drawing.drag([(100, 50), (300, 150)])
    drawing.tool("select")
    drawing.drag([(200, 100), (220, 110)])
    assert drawing.regions[0]["points"] == near((120, 60), (320, 160))
    drawing.drag([(320, 160), (400, 200)])
    assert drawing.regions[0]["points"] == near((120, 60), (400, 200))
    drawing.drag([(120, 130), (60, 130)])
    assert drawing.regions[0]["points"] == near((60, 60), (400, 200))


def test_what_undo_takes_back_is_said_in_plain_words(drawing: Drawing):
    drawing.tool("rect")
    drawing.drag([(200, 80), (360, 160)])
    says = [drawing.drawn().button("undo").get_attribute("title")]
    drawing.tool("select")
    for keys in ("ArrowDown", "k", "k"):
        drawing.press(keys)
        says.append(drawing.drawn().button("undo").get_attribute("title"))
    words = ["draw a rectangle", "move", "set a key", "remove a key"]
    assert says == [f"Undo: {label} (Ctrl Z)" for label in words]


def test_undo_and_redo_go_stroke_by_stroke(drawing: Drawing):
    texts = [drawing.text]
    for y in (60, 120, 180):
        draw_line(drawing, (100, y), (300, y))
        texts.append(drawing.text)
    for text in texts[-2::-1]:
        drawing.press("Control+z")
        assert drawing.text == text
    assert drawing.drawn().button("undo").is_disabled()
    for text in texts[1:]:
        drawing.press("Control+Shift+Z")
        assert drawing.text == text
    drawing.button("undo").click()
    assert drawing.text == texts[-2]


def test_nothing_moves_without_a_pressed_button(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 160))
    drawing.tool("select")
    drawing.click(200, 110)
    before, shown = drawing.text, drawing.layer("paths")
    for place in [(100, 60), (200, 110), (300, 160), (500, 200), (20, 20)]:
        drawing.page.mouse.move(*drawing.place(*place), steps=3)
    assert drawing.text == before
    assert np.array_equal(drawing.layer("paths"), shown)


def test_a_drag_that_ends_outside_the_window_is_over(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 160))
    drawing.tool("select")
    page = drawing.page
    page.mouse.move(*drawing.place(300, 160))
    page.mouse.down()
    page.mouse.move(*drawing.place(320, 170))
    page.mouse.move(-40, 400)
    page.mouse.up()
    after = drawing.text
    assert drawing.points()[0] == approx((100, 60), abs=NEAR)
    assert drawing.points()[1][0] < 0
    page.mouse.move(*drawing.place(200, 200), steps=4)
    assert drawing.text == after


def test_a_drag_whose_end_was_never_told_is_over_at_the_next_move(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 160))
    drawing.tool("select")
    session = drawing.page.context.new_cdp_session(drawing.page)

    def mouse(kind: str, x: float, y: float, held: bool) -> None:
        left, top = drawing.place(x, y)
        more = {"button": "left" if held else "none", "buttons": int(held), "clickCount": 1}
        session.send("Input.dispatchMouseEvent", {"type": kind, "x": left, "y": top, **more})

    mouse("mouseMoved", 300, 160, False)
    mouse("mousePressed", 300, 160, True)
    mouse("mouseMoved", 330, 180, True)
    mouse("mouseMoved", 600, 20, False)  # let go where the page did not see it
    mouse("mouseMoved", 20, 220, False)
    assert drawing.points() == near((100, 60), (330, 180))
    session.detach()


def test_escape_gives_a_drag_up(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 160))
    drawing.tool("select")
    before = drawing.text
    drawing.page.mouse.move(*drawing.place(300, 160))
    drawing.page.mouse.down()
    drawing.page.mouse.move(*drawing.place(400, 200), steps=3)
    drawing.press("Escape")
    drawing.page.mouse.move(*drawing.place(500, 220), steps=3)
    drawing.page.mouse.up()
    assert drawing.text == before


@journey
def test_what_arrives_during_a_drag_stays_and_the_drag_is_given_up(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 160))
    drawing.tool("select")
    mouse = drawing.page.mouse

    def drag(places: Sequence[tuple[float, float]], arrives: Callable[[], object]) -> None:
        mouse.move(*places[0])
        mouse.down()
        mouse.move(*places[1], steps=3)
        arrives()
        mouse.move(*places[2], steps=3)
        mouse.up()

    before = drawing.text
    drawing.press("ArrowDown")
    on_stage = [drawing.place(*place) for place in [(300, 161), (400, 200), (500, 220)]]
    drag(on_stage, lambda: drawing.page.evaluate(SET_DOCUMENT, [drawing.node_id, before]))  # as the graph's undo does
    assert drawing.text == before
    assert "what was dragged is as it was" in drawing.status

    row = drawing.element.locator(".rve-bars").bounding_box()
    assert row is not None
    in_row = [(row["x"] + x, row["y"] + row["height"] / 2) for x in (row["width"] - 15, 200, 100)]

    def shorten() -> None:
        drawing.page.evaluate(SET_WIDGET, ["ReVideoPrepareVideo", "count", 7])
        drawing.wait_for(lambda d: d.document["frames"] == 7, "the shorter clip")

    drag(in_row, shorten)
    assert [drawing.paths[0][name] for name in ("start", "end")] == [0, 6]
    assert drawing.points() == near((100, 60), (300, 160))


# --- The panel ---------------------------------------------------------------------------------


def test_the_panel_sets_times_speed_colour_and_visibility(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 160))
    drawing.enter("Start", 2)
    drawing.enter("End", 9)
    drawing.field("Speed").select_option("in-out")
    drawing.field("Colour").fill("#12ab34")
    drawing.field("Colour").dispatch_event("change")
    [path] = drawing.paths
    assert (path["start"], path["end"], path["easing"], path["color"]) == (2, 9, "in-out", "#12ab34")
    drawing.row("Line 1").locator("button").first.click()
    assert drawing.paths[0]["visible"] is False
    drawing.row("Line 1").locator("button").first.click()
    assert drawing.paths[0].get("visible", True) is True


def test_a_point_is_tied_to_a_frame(drawing: Drawing):
    draw_wave(drawing)
    drawing.enter("Frame", 4)
    assert [point.get("frame") for point in drawing.paths[0]["points"]] == [None, 4, None]
    drawing.press("k")
    assert [point.get("frame") for point in drawing.paths[0]["points"]] == [None, None, None]
    drawing.press(".", ".", ".", "k")
    assert [point.get("frame") for point in drawing.paths[0]["points"]] == [None, 3, None]


def test_an_area_is_fitted_to_a_path_feathered_and_follows_it(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 160))
    drawing.enter("Margin", 10)
    drawing.element.get_by_role("button", name="Area around").click()
    [region] = drawing.regions
    assert region["points"] == [approx((90, 50), abs=1), approx((310, 170), abs=1)]
    drawing.enter("Feather", 12)
    drawing.follows(0).check()
    [region] = drawing.regions
    assert (region["feather"], region["follow"]) == (12, drawing.paths[0]["id"])
    before = drawing.layer("areas")
    drawing.press("End")
    assert not np.array_equal(drawing.layer("areas"), before)


def test_a_path_that_leaves_its_area_is_warned_of(drawing: Drawing):
    draw_line(drawing, (100, 60), (500, 60))
    drawing.tool("rect")
    drawing.drag([(80, 20), (350, 120)])
    drawing.tool("select")
    drawing.drawn()
    assert "Line 1" in drawing.status
    assert "Outside" in drawing.status
    drawing.drag([(350, 120), (560, 120)])  # its corner
    drawing.drawn()
    assert "Outside" not in drawing.status


def test_a_name_is_text(drawing: Drawing):
    draw_line(drawing, (100, 60), (300, 160))
    name = "<img src=x onerror=alert(1)>"
    drawing.row("Line 1").locator(".rve-name").dblclick()
    drawing.element.locator("input.rve-name").fill(name)
    drawing.element.locator("input.rve-name").press("Enter")
    assert drawing.paths[0]["name"] == name
    assert drawing.drawn().element.locator(".rve-row .rve-name").all_inner_texts() == [name]
    assert drawing.drawn().element.locator("img").count() == 0
