"""Shape work in the editor: the box that scales and turns, numbers, snapping, paths made by one key."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from drawing import FRAME, Drawing, Place, build
from frontend import journey
from playwright.sync_api import CDPSession, Page
from pytest import approx
from test_editor_clip import SET_DOCUMENT

from revideo import EditDocument

NEAR = 0.5  # frame pixels
STAND_OFF, STEM = 18, 29  # view pixels: where the grips stand, in js/geometry/transform_box.js

Box = tuple[Place, Place]  # lower and upper corner, in frame pixels


@pytest.fixture
def drawing(page: Page) -> Drawing:
    return build(page).wait_for_frames()


@pytest.fixture
def session(drawing: Drawing) -> Iterator[CDPSession]:
    session = drawing.page.context.new_cdp_session(drawing.page)
    yield session
    session.detach()


def near(*places: Place) -> list[object]:
    return [approx(place, abs=NEAR) for place in places]


def stored(drawing: Drawing) -> EditDocument:
    """The drawing as Python reads it."""
    return EditDocument.from_json(drawing.text)


def places_of(drawing: Drawing, path: int = -1) -> list[tuple[float, float]]:
    return [(point.x, point.y) for point in stored(drawing).paths[path].points]


def grip(box: Box, u: float, v: float, stem: float = 0) -> tuple[Place, Place]:
    """Where a grip of a box is: a frame pixel, and how far from it in view pixels."""
    (left, top), (right, bottom) = box
    off = ((2 * u - 1) * STAND_OFF, (2 * v - 1) * STAND_OFF - stem)
    return (left + u * (right - left), top + v * (bottom - top)), off


def on_page(drawing: Drawing, at: tuple[Place, Place], moved: Place = (0, 0)) -> tuple[float, float]:
    (x, y), off = at
    left, top = drawing.place(x + moved[0], y + moved[1])
    return left + off[0], top + off[1]


def pull(drawing: Drawing, at: tuple[Place, Place], *moves: Place, held: Sequence[str] = ()) -> None:
    """Drags a grip over places, each so many frame pixels from where it was."""
    page = drawing.drawn().page
    for key in held:
        page.keyboard.down(key)
    page.mouse.move(*on_page(drawing, at))
    page.mouse.down()
    for move in moves:
        page.mouse.move(*on_page(drawing, at, move), steps=3)
    page.mouse.up()
    for key in held:
        page.keyboard.up(key)


def line_and_box(drawing: Drawing) -> Box:
    """A line and a rectangle, both selected; the box around them."""
    drawing.tool("line")
    drawing.drag([(100, 100), (200, 180)])
    drawing.tool("rect")
    drawing.drag([(220, 110), (300, 160)])
    drawing.tool("select")
    drawing.press("Control+a")
    return (100, 100), (300, 180)


# --- The box -----------------------------------------------------------------------------------


@journey
def test_a_corner_scales_paths_and_areas_together(drawing: Drawing):
    box = line_and_box(drawing)
    pull(drawing, grip(box, 1, 1), (50, 20), (100, 40))
    assert places_of(drawing) == near((100, 100), (250, 220))
    assert stored(drawing).regions[0].points == tuple(near((280, 115), (400, 190)))
    drawing.press("Control+z")  # one step
    assert places_of(drawing) == near((100, 100), (200, 180))
    assert stored(drawing).regions[0].points == tuple(near((220, 110), (300, 160)))


def test_shift_keeps_the_proportion_alt_the_centre_and_a_side_scales_one_way(drawing: Drawing):
    box = line_and_box(drawing)
    pull(drawing, grip(box, 1, 1), (100, 40), held=["Shift"])
    assert places_of(drawing) == near((100, 100), (250, 220))
    drawing.press("Control+z")
    pull(drawing, grip(box, 1, 0.5), (50, 33), held=["Alt"])
    assert places_of(drawing) == near((50, 100), (200, 180))
    drawing.press("Control+z")
    pull(drawing, grip(box, 1, 0.5), (-300, 0))
    assert places_of(drawing) == near((100, 100), (50, 180))  # mirrored


def test_a_turn_makes_a_rectangle_an_area_of_corners_and_says_so(drawing: Drawing):
    box = line_and_box(drawing)
    ((x, y), off) = grip(box, 0.5, 0, STEM)
    radius = 100
    turned = [(radius * math.sin(angle), -radius * math.cos(angle)) for angle in (math.pi / 12, math.pi / 6 + 0.02)]
    page = drawing.drawn().page
    page.keyboard.down("Shift")
    page.mouse.move(*on_page(drawing, ((x, y), off)))
    page.mouse.down()
    for dx, dy in turned:
        page.mouse.move(*drawing.place(200 + dx, 140 + dy), steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    cos, sin = math.cos(math.pi / 6), 0.5

    def expected(x: float, y: float) -> tuple[float, float]:
        return 200 + cos * (x - 200) - sin * (y - 140), 140 + sin * (x - 200) + cos * (y - 140)

    assert places_of(drawing) == near(expected(100, 100), expected(200, 180))
    [region] = stored(drawing).regions
    assert region.kind == "polygon"
    corners = [(220, 110), (300, 110), (300, 160), (220, 160)]
    assert region.points == tuple(near(*(expected(*corner) for corner in corners)))
    assert "turned" in drawing.status


def test_a_rectangle_alone_keeps_its_handles_and_can_be_turned(drawing: Drawing):
    drawing.tool("rect")
    drawing.drag([(200, 100), (300, 160)])
    drawing.tool("select")
    drawing.drag([(300, 160), (320, 180)])
    assert stored(drawing).regions[0].points == tuple(near((200, 100), (320, 180)))
    page = drawing.drawn().page
    left, top = drawing.place(260, 100)
    page.mouse.move(left, top - STEM)
    page.mouse.down()
    page.keyboard.down("Shift")
    page.mouse.move(*drawing.place(380, 140), steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert stored(drawing).regions[0].kind == "rect"  # a right angle
    assert stored(drawing).regions[0].points == tuple(near((220, 80), (300, 200)))


def test_escape_gives_a_scaling_up_and_the_inside_moves(drawing: Drawing):
    box = line_and_box(drawing)
    before = drawing.text
    page = drawing.page
    page.mouse.move(*on_page(drawing, grip(box, 0, 0)))
    page.mouse.down()
    page.mouse.move(*drawing.place(20, 30), steps=3)
    drawing.press("Escape")
    page.mouse.up()
    assert drawing.text == before
    drawing.drag([(210, 105), (230, 115)])  # empty, but inside
    assert places_of(drawing) == near((120, 110), (220, 190))


def test_a_finger_scales_and_still_reaches_the_points_inside(drawing: Drawing, session: CDPSession):
    box = line_and_box(drawing)

    def finger(*places: Place) -> None:
        points = [[{"x": x, "y": y, "id": 0}] for x, y in places]
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[0]})
        for point in points[1:]:
            session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": point})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    start = on_page(drawing, grip(box, 1, 1))
    wide = (start[0] + 11, start[1] + 6)  # beside the square that is drawn: a finger is no needle
    by = [after - before for before, after in zip(drawing.place(300, 180), drawing.place(400, 220))]
    finger(wide, (wide[0] + by[0] / 2, wide[1] + by[1] / 2), (wide[0] + by[0], wide[1] + by[1]))
    assert places_of(drawing) == near((100, 100), (250, 220))
    drawing.press("Escape")
    drawing.click(175, 160)  # the line alone
    finger(drawing.place(250, 220), drawing.place(255, 210), drawing.place(260, 200))  # its point, at the box's corner
    assert places_of(drawing) == near((100, 100), (260, 200))


def test_keys_turn_and_scale_what_is_selected(drawing: Drawing):
    line_and_box(drawing)
    drawing.press(">", ">", ">", ">", ">", ">")  # six times 15 degrees
    assert places_of(drawing) == near((240, 40), (160, 140))
    drawing.press("}")
    (x0, y0), (x1, y1) = places_of(drawing)
    assert (x0 - x1, y1 - y0) == approx((88, 110), abs=NEAR)
    drawing.press("{")
    assert places_of(drawing) == near((240, 40), (160, 140))


# --- Numbers -----------------------------------------------------------------------------------


def enter(drawing: Drawing, name: str, value: float) -> None:
    field = drawing.drawn().element.locator(f'[data-field="{name}"]')
    field.fill(str(value))
    field.press("Enter")


def test_place_size_and_turn_are_entered_as_numbers(drawing: Drawing):
    line_and_box(drawing)
    values = {
        name: float(drawing.drawn().element.locator(f'[data-field="{name}"]').input_value())
        for name in ("left", "top", "width", "height")
    }
    assert values == {
        "left": approx(100, abs=NEAR),
        "top": approx(100, abs=NEAR),
        "width": approx(200, abs=NEAR),
        "height": approx(80, abs=NEAR),
    }
    enter(drawing, "left", 40)
    enter(drawing, "top", 20)
    enter(drawing, "width", 400)
    enter(drawing, "height", 160)
    assert places_of(drawing) == near((40, 20), (240, 180))
    assert stored(drawing).regions[0].points == tuple(near((280, 40), (440, 140)))
    enter(drawing, "turn", 90)
    assert places_of(drawing) == near((320, -100), (160, 100))
    drawing.press("Control+z", "Control+z", "Control+z")
    assert places_of(drawing) == near((40, 20), (140, 100))
    drawing.press("ArrowRight")  # the keyboard is the drawing's again
    assert places_of(drawing) == near((41, 20), (141, 100))


def test_a_brush_gets_the_size_that_was_entered(drawing: Drawing):
    drawing.tool("brush")
    drawing.drag([(200, 100), (300, 100)])
    enter(drawing, "width", 300)
    region = stored(drawing).regions[0]
    (x0, _), *_, (x1, _) = region.points
    assert x1 - x0 + 2 * region.radius == approx(300, abs=NEAR)
    assert region.radius > 24


# --- Snapping ----------------------------------------------------------------------------------


def guides(drawing: Drawing) -> int:
    """How many pixels of the live layer are a guide's: bright and pink, though lines lie between pixels."""
    red, green, blue, _ = np.moveaxis(drawing.layer("live").astype(int), -1, 0)
    return int(((red > green + 60) & (blue > green + 60)).sum())


def test_places_snap_while_the_magnet_is_on(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(100, 60), (317, 131)])
    assert places_of(drawing) == near((100, 60), (317, 131))
    drawing.button("snap").click()
    assert drawing.drawn().button("snap").get_attribute("aria-pressed") == "true"
    drawing.drag([(103, 200), (318, 131)])
    assert places_of(drawing)[0][0] == places_of(drawing, 0)[0][0]  # to the bit
    assert places_of(drawing)[1][0] in (320, places_of(drawing, 0)[1][0])
    page = drawing.page
    drawing.tool("anchor")
    page.mouse.move(*drawing.place(323, 126))
    page.mouse.down()
    assert guides(drawing) > 100
    page.mouse.up()
    assert guides(drawing) == 0
    assert places_of(drawing) == [(320, 128)]
    page.keyboard.down("Control")
    drawing.click(324, 60)
    page.keyboard.up("Control")
    assert places_of(drawing) == near((324, 60))
    drawing.press("m")
    drawing.click(323, 50)
    assert places_of(drawing) == near((323, 50))


def test_a_moved_area_snaps_to_the_frames_edge(drawing: Drawing):
    drawing.tool("rect")
    drawing.drag([(100, 50), (220, 120)])
    drawing.tool("select")
    drawing.press("m")
    page = drawing.page
    page.mouse.move(*drawing.place(160, 80))
    page.mouse.down()
    page.mouse.move(*drawing.place(57, 85), steps=4)
    assert guides(drawing) > 100
    page.mouse.up()
    assert stored(drawing).regions[0].points[0][0] == 0


# --- One-click paths ---------------------------------------------------------------------------


def test_a_path_goes_there_and_back(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(100, 100), (300, 180)])
    drawing.press("t")
    places = stored(drawing).dense_points(14, FRAME[1], FRAME[0])[0][0]
    assert places[0].tolist() == approx((100, 100), abs=NEAR)
    assert places[13].tolist() == approx((100, 100), abs=NEAR)
    for frame in range(7):
        assert places[frame].tolist() == approx(places[13 - frame].tolist(), abs=NEAR)
        assert places[frame].tolist() == approx((100 + 200 * frame / 6.5, 100 + 80 * frame / 6.5), abs=NEAR)
    drawing.press("Escape", "t")
    assert "Select a path" in drawing.status


def test_ways_back_are_exact_in_time(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(100, 100), (300, 180)])
    document = drawing.document
    timed = {"x": 250, "y": 120, "frame": 4.333, "easing": "in"}
    document["paths"][0]["points"].insert(1, timed)
    drawing.page.evaluate(SET_DOCUMENT, [drawing.node_id, json.dumps(document | {"version": 2})])
    drawing.press("Shift+R")
    assert drawing.paths[0]["points"][1]["frame"] == 8.667
    drawing.press("Shift+R")
    assert drawing.paths == document["paths"]
    drawing.press("t")
    places = stored(drawing).dense_points(27, FRAME[1], FRAME[0])[0][0]  # halves of frames
    assert np.abs(places - places[::-1]).max() < 1e-6
    assert places[26].tolist() == [document["paths"][0]["points"][0][axis] for axis in "xy"]
    assert [point["frame"] for point in drawing.paths[0]["points"] if "frame" in point] == [2.1665, 6.5, 10.8335]


def test_a_path_is_mirrored_about_its_centre(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(100, 100), (300, 180)])
    drawing.press("Shift+H")
    assert places_of(drawing) == near((300, 100), (100, 180))
    drawing.press("Shift+V")
    assert places_of(drawing) == near((300, 180), (100, 100))


def test_a_circle_goes_around_an_anchor_and_is_scaled(drawing: Drawing):
    drawing.tool("anchor")
    drawing.click(300, 120)
    drawing.press("Shift+O")
    assert [path.kind for path in stored(drawing).paths] == ["anchor", "spline"]
    radius = FRAME[1] / 8
    pull(
        drawing,
        grip(((300 - radius, 120 - radius), (300 + radius, 120 + radius)), 1, 1),
        (20, 20),
        held=["Shift", "Alt"],
    )
    places = stored(drawing).dense_points(14, FRAME[1], FRAME[0])[0][1]
    for x, y in places.tolist():
        assert math.dist((x, y), (300, 120)) == approx(radius + 20, abs=NEAR)
    assert places[0].tolist() == approx(places[13].tolist(), abs=1e-3)


def test_parallel_copies_are_seen_while_numbers_are_typed(drawing: Drawing):
    drawing.tool("line")
    drawing.drag([(100, 60), (300, 60)])
    drawing.press("Shift+D")
    form = drawing.drawn().element.get_by_role("dialog", name="Parallel copies")
    before = drawing.layer("paths")
    form.get_by_label("Copies").fill("2")
    form.get_by_label("Right by").fill("0")
    form.get_by_label("Down by").fill("30")
    assert (drawing.layer("paths") != before).any()
    assert len(drawing.paths) == 1
    drawing.press("Escape")
    assert form.is_hidden()
    drawing.press("Shift+D")
    form.get_by_role("button", name="Copy").click()
    assert [places_of(drawing, copy) for copy in range(3)] == [near((100, y), (300, y)) for y in (60, 90, 120)]
    assert drawing.chosen == ["Line 2", "Line 3"]
    drawing.press("Control+z")
    assert len(drawing.paths) == 1
