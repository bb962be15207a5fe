"""The list: locks, solo, groups, order, by pointer, finger and keys; documents reread by the library."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import Drawing, build
from playwright.sync_api import Locator, Page

from revideo import EditDocument


@pytest.fixture
def drawing(page: Page) -> Drawing:
    """Three lines below each other and a rectangle beside them, none selected."""
    drawing = build(page).wait_for_frames()
    drawing.tool("line")
    for y in (60, 120, 180):
        drawing.drag([(60, y), (260, y)])
    drawing.tool("rect")
    drawing.drag([(350, 40), (560, 200)])
    drawing.tool("select")
    drawing.press("Escape")
    return drawing


def stored(drawing: Drawing) -> EditDocument:
    return EditDocument.from_json(drawing.drawn().text)


def choose(drawing: Drawing, text: str) -> None:
    drawing.drawn().element.get_by_role("menu").get_by_role("menuitem", name=text, exact=True).click()


def click_slowly(drawing: Drawing, target: Locator) -> None:
    """As a hand does: while the button is down, some frames are shown."""
    target.hover()
    drawing.page.mouse.down()
    for _ in range(4):
        drawing.drawn()
    drawing.page.mouse.up()


def test_list_and_settings_can_be_used_while_it_plays(drawing: Drawing):
    drawing.row("Rectangle 1").click()
    drawing.press("Space")
    for visible in (False, True):
        click_slowly(drawing, drawing.row("Line 2").get_by_role("button").first)
        assert stored(drawing).paths[1].visible is visible
    click_slowly(drawing, drawing.element.locator('[data-field="feather"]'))
    drawing.page.keyboard.press("Control+a")
    drawing.page.keyboard.type("16", delay=30)
    drawing.page.keyboard.press("Enter")
    assert stored(drawing).regions[0].feather == 16


# --- Locks -------------------------------------------------------------------------------------


def test_what_is_locked_is_not_taken_on_the_stage_and_stays_as_it_is(drawing: Drawing):
    before = drawing.layer("paths")
    drawing.row("Line 2").get_by_role("button", name="Line 2: locked").click()
    drawing.row("Rectangle 1").get_by_role("button", name="Rectangle 1: locked").click()
    assert [path.locked for path in stored(drawing).paths] == [None, True, None]
    assert stored(drawing).regions[0].locked
    assert np.array_equal(drawing.layer("paths"), before)  # it is drawn as before
    drawing.click(160, 120)
    drawing.click(450, 100)
    assert drawing.chosen == []
    drawing.drag([(20, 20), (620, 240)])
    assert drawing.chosen == ["Line 1", "Line 3"]
    drawing.press("Control+a")
    assert drawing.chosen == ["Line 1", "Line 3"]
    drawing.press("Control+x")
    assert [(path.id, path.points[0].y) for path in stored(drawing).paths] == [("p2", 120)]
    assert len(stored(drawing).regions) == 1


def test_what_is_left_keeps_its_name(drawing: Drawing):
    assert listed(drawing) == ["Line 1", "Line 2", "Line 3", "Rectangle 1"]
    drawing.row("Line 1").click()
    drawing.press("Delete")
    assert listed(drawing) == ["Line 2", "Line 3", "Rectangle 1"]
    drawing.row("Line 2").click()
    drawing.press("Control+d")
    assert listed(drawing) == ["Line 2", "Line 3", "Line 4", "Rectangle 1"]
    assert drawing.chosen == ["Line 4"]


def test_commands_leave_what_is_locked_and_say_so(drawing: Drawing):
    drawing.row("Line 2").click()
    handles = drawing.layer("live")
    drawing.press("Shift+U")
    assert not np.array_equal(drawing.layer("live"), handles)  # without handles, though it is selected in the list
    assert drawing.chosen == ["Line 2"]
    says = "Line 2 is locked: unlock it in the list."
    text = drawing.text
    for keys in ["Delete", "ArrowRight", "Shift+ArrowDown", "Shift+R", "Shift+H", "t", ">", "}", "k", "i"]:
        drawing.press(keys)
        assert (keys, drawing.status.split(".")[0] + ".") == (keys, says)
    drawing.press("Control+x")
    assert says in drawing.status
    drawing.press("Shift+D")  # no copies of it
    assert says in drawing.status
    assert drawing.text == text
    drawing.row("Line 1").click(modifiers=["Shift"])
    drawing.press("Shift+ArrowDown")
    assert says in drawing.status
    assert [path.points[0].y for path in stored(drawing).paths] == [70, 120, 180]
    drawing.row("Line 2").click()
    assert says in drawing.drawn().element.locator(".rve-settings").inner_text()
    drawing.press("Shift+U", "Shift+ArrowDown")  # unlocked by the same key
    assert [path.points[0].y for path in stored(drawing).paths] == [70, 130, 180]


def test_a_path_stays_while_a_locked_area_follows_it(drawing: Drawing):
    drawing.row("Rectangle 1").click()
    drawing.follows(0).check()
    drawing.press("Shift+U")
    before = drawing.document
    says = "Line 1 stays: Rectangle 1 follows it and is locked."
    drawing.row("Line 1").click()
    for keys in ("Delete", "Control+x"):
        drawing.press(keys)
        assert says in drawing.status
        assert drawing.document == before
    drawing.press("Control+a", "Delete")
    assert says in drawing.status
    assert [path.id for path in stored(drawing).paths] == ["p1"]
    assert drawing.regions == before["regions"]
    drawing.row("Rectangle 1").click()
    drawing.press("Shift+U")
    drawing.row("Line 1").click()
    drawing.press("Delete")
    assert (drawing.paths, "follow" in drawing.regions[0]) == ([], False)


def test_the_menu_locks_and_unlocks(drawing: Drawing):
    drawing.click(160, 120, button="right")
    choose(drawing, "Lock")
    assert [path.locked for path in stored(drawing).paths] == [None, True, None]
    drawing.row("Line 2").click(button="right")
    items = drawing.element.get_by_role("menu").locator("[role=menuitem] span").all_inner_texts()
    assert "Delete" not in items
    choose(drawing, "Unlock")
    assert not any(path.locked for path in stored(drawing).paths)
    drawing.press("Control+z")
    assert stored(drawing).paths[1].locked


# --- Solo --------------------------------------------------------------------------------------


def test_solo_shows_what_is_selected_alone_until_escape(drawing: Drawing):
    text, paths, areas = drawing.text, drawing.layer("paths"), drawing.layer("areas")
    drawing.click(160, 120)
    drawing.press("Shift+S")
    assert "1 of 4 shown" in drawing.status
    assert "A run takes all that is visible" in drawing.status
    assert not drawing.layer("paths").any()
    assert not drawing.layer("areas").any()
    left_out = drawing.element.locator(".rve-left-out .rve-name")
    drawing.drawn()
    assert left_out.all_inner_texts() == ["Line 1", "Line 3", "Rectangle 1"]
    drawing.drag([(20, 20), (620, 240)])
    assert drawing.chosen == ["Line 2"]
    assert drawing.text == text  # of the session, not of the document
    drawing.tool("line")
    drawing.drag([(60, 220), (260, 220)])
    assert "2 of 5 shown" in drawing.status  # what is drawn is seen
    drawing.press("Control+z", "Escape")
    assert np.array_equal(drawing.layer("areas"), areas)
    drawing.press("v", "Escape")
    assert np.array_equal(drawing.layer("paths"), paths)
    assert drawing.drawn().element.locator(".rve-left-out").count() == 0


def test_a_second_press_or_the_menu_ends_solo(drawing: Drawing):
    drawing.press("Shift+S")
    assert drawing.status.startswith("Select what alone is to be shown.")
    drawing.click(450, 100)
    drawing.press("Shift+S", "Shift+S")
    assert drawing.drawn().element.locator(".rve-left-out").count() == 0
    drawing.row("Line 1").click(button="right")
    choose(drawing, "Solo")
    assert drawing.drawn().element.locator(".rve-left-out").count() == 3
    drawing.row("Line 1").click(button="right")
    choose(drawing, "End solo")
    assert drawing.drawn().element.locator(".rve-left-out").count() == 0


# --- Groups ------------------------------------------------------------------------------------


def listed(drawing: Drawing) -> list[str]:
    """Names of the rows, from the top."""
    return drawing.drawn().element.locator(".rve-row .rve-name").all_inner_texts()


def order(drawing: Drawing) -> list[tuple[str, str | None]]:
    """Ids and groups of the paths as they are stored."""
    return [(path.id, path.group) for path in stored(drawing).paths]


def test_a_group_is_named_in_its_row_and_stands_for_all_of_it(drawing: Drawing):
    drawing.row("Line 1").click()
    drawing.row("Line 3").click(modifiers=["Shift"])
    drawing.row("Rectangle 1").click(modifiers=["Shift"])
    drawing.press("Control+g")
    field = drawing.drawn().element.locator(".rve-row input")
    assert field.input_value() == "group 1"
    drawing.page.keyboard.type("walker")
    drawing.press("Enter")
    assert order(drawing) == [("p2", None), ("p1", "walker"), ("p3", "walker")]
    assert stored(drawing).regions[0].group == "walker"
    assert listed(drawing) == ["Line 2", "walker", "Line 1", "Line 3", "walker", "Rectangle 1"]
    header = drawing.row("walker").first
    drawing.press("Escape")
    header.click()
    assert drawing.chosen == ["walker", "Line 1", "Line 3", "walker", "Rectangle 1"]
    header.get_by_role("button", name="walker: shown").click()
    assert [path.visible for path in stored(drawing).paths] == [True, False, False]
    assert stored(drawing).regions[0].visible is False
    header.get_by_role("button", name="walker: locked").click()
    assert [path.locked for path in stored(drawing).paths] == [None, True, True]
    header.get_by_role("button", name="walker: unfolded").click()
    assert listed(drawing) == ["Line 2", "walker", "walker"]
    drawing.drawn()
    assert header.get_attribute("aria-expanded") == "false"
    drawing.press("Control+z", "Control+z", "Control+z")  # the name belongs to the step that grouped
    assert order(drawing) == [("p1", None), ("p2", None), ("p3", None)]


def test_groups_and_order_by_keys_alone(drawing: Drawing):
    drawing.press("Tab", "Home", "Enter", "ArrowDown", "Shift+Enter")
    drawing.press("Control+g")
    drawing.drawn().press("Enter")  # the name that is offered
    assert order(drawing) == [("p1", "group 1"), ("p2", "group 1"), ("p3", None)]
    drawing.drawn().press("Home", *["ArrowLeft"] * 5)
    assert listed(drawing) == ["group 1", "Line 3", "Rectangle 1"]  # folded
    drawing.press("ArrowRight")
    assert listed(drawing) == ["group 1", "Line 1", "Line 2", "Line 3", "Rectangle 1"]
    drawing.press("Alt+ArrowDown")
    assert [path.id for path in stored(drawing).paths] == ["p3", "p1", "p2"]
    drawing.press("Alt+ArrowUp")
    drawing.drawn().press("ArrowDown", "Alt+ArrowUp")  # out of the group
    assert order(drawing) == [("p1", None), ("p2", "group 1"), ("p3", None)]
    focused = drawing.element.locator(".rve-row:focus")
    drawing.drawn()
    assert focused.get_attribute("data-item") == "p1"
    drawing.press("ArrowDown", "ArrowDown", "Enter", "Control+Shift+G")
    assert order(drawing) == [("p1", None), ("p2", None), ("p3", None)]


def test_the_menu_groups_and_takes_apart(drawing: Drawing):
    drawing.press("Control+a")
    drawing.row("Line 2").click(button="right")
    choose(drawing, "Group")
    drawing.drawn().press("Escape")  # leaves the name as it is
    assert [group for _, group in order(drawing)] == ["group 1"] * 3
    drawing.row("group 1").first.click(button="right")
    choose(drawing, "Ungroup")
    assert [group for _, group in order(drawing)] == [None] * 3


# --- Order -------------------------------------------------------------------------------------


def grip(drawing: Drawing, name: str) -> tuple[float, float]:
    """Page coordinates of the middle of a row's grip."""
    box = drawing.row(name).first.locator(".rve-grip").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag_row(drawing: Drawing, name: str, onto: str, part: float) -> None:
    """Onto another row: above its middle where `part` is negative, else below."""
    start, end = grip(drawing, name), grip(drawing, onto)
    drawing.page.mouse.move(*start)
    drawing.page.mouse.down()
    drawing.page.mouse.move(end[0], end[1] + part, steps=3)


def test_a_row_is_dragged_to_where_the_line_shows(drawing: Drawing):
    line = drawing.element.locator(".rve-landing")
    drag_row(drawing, "Line 3", "Line 1", -8)
    drawing.drawn()
    assert line.is_visible()
    drawing.press("Escape")
    drawing.page.mouse.up()
    drawing.drawn()
    assert line.count() == 0
    assert [path.id for path in stored(drawing).paths] == ["p1", "p2", "p3"]
    drag_row(drawing, "Line 3", "Line 1", -8)
    drawing.page.mouse.up()
    assert [path.id for path in stored(drawing).paths] == ["p3", "p1", "p2"]
    drag_row(drawing, "Line 3", "Rectangle 1", 90)  # paths stay among paths: to their end
    drawing.page.mouse.up()
    assert [path.points[0].y for path in stored(drawing).paths] == [60, 120, 180]
    drawing.press("Control+z", "Control+z")
    assert [path.id for path in stored(drawing).paths] == ["p1", "p2", "p3"]


def test_a_row_is_dragged_to_another_column(drawing: Drawing):
    drawing.tool("line")
    for y in (70, 80, 90, 100):
        drawing.drag([(60, y), (260, y)], steps=1)
    assert drawing.row("Line 1").bounding_box()["y"] == drawing.row("Line 5").bounding_box()["y"]  # type: ignore[index]
    drag_row(drawing, "Line 1", "Line 5", 8)
    row, line = drawing.row("Line 5").bounding_box(), drawing.element.locator(".rve-landing").bounding_box()
    assert line and row
    assert abs(line["x"] - row["x"]) < 1
    assert abs(line["width"] - row["width"]) < 1
    assert abs(line["y"] - row["y"] - row["height"]) < 2
    drawing.page.mouse.up()
    assert [path.id for path in stored(drawing).paths] == ["p2", "p3", "p4", "p5", "p1", "p6", "p7"]


def test_rows_are_dragged_into_and_out_of_groups(drawing: Drawing):
    drawing.row("Line 1").click()
    drawing.row("Line 2").click(modifiers=["Shift"])
    drawing.press("Control+g")
    drawing.drawn().press("Enter", "Escape")
    drag_row(drawing, "Line 3", "Line 1", 8)
    drawing.page.mouse.up()
    assert order(drawing) == [("p1", "group 1"), ("p3", "group 1"), ("p2", "group 1")]
    drag_row(drawing, "Line 1", "group 1", -8)
    drawing.page.mouse.up()
    assert order(drawing) == [("p1", None), ("p3", "group 1"), ("p2", "group 1")]
    drag_row(drawing, "group 1", "Line 1", -8)
    drawing.page.mouse.up()
    assert order(drawing) == [("p3", "group 1"), ("p2", "group 1"), ("p1", None)]


def test_a_finger_drags_a_row(drawing: Drawing):
    start, end = grip(drawing, "Line 1"), grip(drawing, "Line 3")
    touch = drawing.page.context.new_cdp_session(drawing.page)
    for kind, at in (("touchStart", start), ("touchMove", (end[0], end[1] - 20)), ("touchMove", (end[0], end[1] + 8))):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at[0], "y": at[1]}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    touch.detach()
    assert [path.id for path in stored(drawing).paths] == ["p2", "p3", "p1"]
