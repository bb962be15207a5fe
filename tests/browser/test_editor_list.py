"""The list of paths and areas: locks, by pointer, finger and keys; documents reread by the library."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import Drawing, build
from playwright.sync_api import Page

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


def test_commands_leave_what_is_locked_and_say_so(drawing: Drawing):
    drawing.row("Line 2").click()
    handles = drawing.layer("live")
    drawing.press("u")
    assert not np.array_equal(drawing.layer("live"), handles)  # without handles, though it is selected in the list
    assert drawing.chosen == ["Line 2"]
    says = "Line 2 is locked: unlock it in the list."
    text = drawing.text
    for keys in ["Delete", "ArrowRight", "Shift+ArrowDown", "Shift+R", "Shift+H", "t", ">", "}", "k", "i"]:
        drawing.press(keys)
        assert (keys, drawing.status.split(".")[0] + ".") == (keys, says)
    drawing.press("Control+x")
    assert says in drawing.status
    assert drawing.text == text
    drawing.row("Line 1").click(modifiers=["Shift"])
    drawing.press("Shift+ArrowDown")
    assert says in drawing.status
    assert [path.points[0].y for path in stored(drawing).paths] == [70, 120, 180]
    drawing.row("Line 2").click()
    assert says in drawing.element.locator(".rve-settings").inner_text()
    drawing.press("u", "Shift+ArrowDown")  # unlocked by the same key
    assert [path.points[0].y for path in stored(drawing).paths] == [70, 130, 180]


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
    assert drawing.element.locator(".rve-left-out").count() == 0


def test_a_second_press_or_the_menu_ends_solo(drawing: Drawing):
    drawing.press("Shift+S")
    assert drawing.status.startswith("Select what alone is to be shown.")
    drawing.click(450, 100)
    drawing.press("Shift+S", "Shift+S")
    assert drawing.element.locator(".rve-left-out").count() == 0
    drawing.row("Line 1").click(button="right")
    choose(drawing, "Solo")
    assert drawing.drawn().element.locator(".rve-left-out").count() == 3
    drawing.row("Line 1").click(button="right")
    choose(drawing, "End solo")
    assert drawing.drawn().element.locator(".rve-left-out").count() == 0
