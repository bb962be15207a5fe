"""The editor's own menu: what it offers for what lies under the pointer, by right click, finger and keys."""

from __future__ import annotations

import pytest
from drawing import Drawing, build, touch
from frontend import journey
from playwright.sync_api import CDPSession, Locator, Page
from pytest import approx

from revideo import EditDocument

NEAR = 0.5  # frame pixels
NARROW = """id => {
    const { ds } = window.app.canvas;
    ds.scale = 1;
    window.app.graph.getNodeById(id).setSize([360, 700]);
    window.app.canvas.setDirty(true, true);
}"""
COMFYUI_MENUS = ".litecontextmenu, .p-contextmenu, [data-testid*='context-menu']"


@pytest.fixture
def drawing(page: Page) -> Drawing:
    """A line over a rectangle, neither selected."""
    drawing = build(page).wait_for_frames()
    drawing.tool("rect")
    drawing.drag([(300, 40), (500, 200)])
    drawing.tool("line")
    drawing.drag([(60, 100), (260, 180)])
    drawing.tool("select")
    drawing.press("Escape")
    return drawing


def menu(drawing: Drawing) -> Locator:
    return drawing.drawn().element.get_by_role("menu")


def offered(drawing: Drawing) -> list[str]:
    return menu(drawing).locator("[role=menuitem] span").all_inner_texts()


def choose(drawing: Drawing, text: str) -> None:
    menu(drawing).get_by_role("menuitem", name=text).click()


def stored(drawing: Drawing) -> EditDocument:
    return EditDocument.from_json(drawing.text)


def places_of(drawing: Drawing, path: int = -1) -> list[tuple[float, float]]:
    return [(point.x, point.y) for point in stored(drawing).paths[path].points]


@journey
def test_a_right_click_offers_what_fits_and_comfyui_stays_out(drawing: Drawing):
    drawing.click(160, 140, button="right")
    assert drawing.chosen == ["Line 1"]
    path = offered(drawing)
    assert {
        "Insert a point here",
        "Reverse",
        "There and back",
        "Parallel copies…",
        "Let Rectangle 1 follow",
        "Hide",
    } <= set(path)
    drawing.drawn()
    assert drawing.page.locator(COMFYUI_MENUS).locator("visible=true").count() == 0
    choose(drawing, "Insert a point here")
    assert places_of(drawing)[1] == approx((160, 140), abs=NEAR)
    drawing.click(400, 120, button="right")
    assert drawing.chosen == ["Rectangle 1"]
    assert "Follow Line 1" in offered(drawing)
    assert "Reverse" not in offered(drawing)
    drawing.click(60, 220, button="right")  # nothing there
    assert offered(drawing) == [
        "Paste",
        "Select everything",
        "Track what is here",
        "Anchor here",
        "Circle around here",
        "Fit the frame",
    ]
    choose(drawing, "Anchor here")
    assert places_of(drawing) == [approx((60, 220), abs=NEAR)]
    drawing.press("Delete")  # the keyboard is the drawing's again
    assert len(drawing.paths) == 1


def test_points_are_tied_and_deleted(drawing: Drawing):
    drawing.press(".", ".", ".")
    drawing.click(160, 140, button="right")
    choose(drawing, "Insert a point here")
    drawing.click(160, 140, button="right")
    choose(drawing, "Tie the point to frame 3")
    assert [point.frame for point in stored(drawing).paths[0].points] == [None, 3, None]
    drawing.click(160, 140, button="right")
    assert "Free the point from its frame" in offered(drawing)
    choose(drawing, "Delete the point")
    assert len(places_of(drawing)) == 2


def test_areas_follow_order_and_visibility(drawing: Drawing):
    drawing.click(160, 140, button="right")
    choose(drawing, "Let Rectangle 1 follow")
    assert drawing.regions[0]["follow"] == drawing.paths[0]["id"]
    drawing.tool("ellipse")
    drawing.drag([(520, 60), (600, 120)])
    drawing.tool("select")
    drawing.click(560, 90, button="right")
    choose(drawing, "Send back")
    assert [region["kind"] for region in drawing.regions] == ["ellipse", "rect"]
    drawing.click(560, 90, button="right")
    choose(drawing, "Hide")
    assert drawing.regions[0]["visible"] is False
    drawing.row("Ellipse 2").click(button="right")
    choose(drawing, "Show")
    assert drawing.regions[0]["visible"] is True
    drawing.click(400, 120, button="right")
    choose(drawing, "Follow nothing")
    assert "follow" not in drawing.regions[1]


def test_the_menu_is_worked_by_keys(drawing: Drawing):
    drawing.click(160, 140)
    drawing.press("Shift+F10")
    page = drawing.page
    focused = page.locator(":focus")
    drawing.drawn()
    assert focused.inner_text().startswith("Reverse")
    drawing.press("ArrowDown")
    drawing.drawn()
    assert focused.inner_text().startswith("There and back")
    drawing.press("End")
    drawing.drawn()
    assert focused.inner_text().startswith("Delete")
    drawing.press("ArrowDown", "m")
    drawing.drawn()
    assert focused.inner_text().startswith("Mirror left")
    drawing.press("Escape")
    assert menu(drawing).is_hidden()
    before = drawing.text
    drawing.press("ArrowRight")  # nudges: the keyboard came back
    assert drawing.text != before
    drawing.press("ContextMenu", "Enter")
    assert places_of(drawing)[0] == approx((261, 180), abs=NEAR)  # reversed


def test_the_menu_lies_within_the_editor(drawing: Drawing):
    around = drawing.element.bounding_box()
    assert around is not None
    for place in [(638, 254), (2, 2), (638, 2)]:
        drawing.click(*place, button="right")
        box = menu(drawing).bounding_box()
        assert box is not None
        assert around["x"] <= box["x"]
        assert around["y"] <= box["y"]
        assert box["x"] + box["width"] <= around["x"] + around["width"]
        assert box["y"] + box["height"] <= around["y"] + around["height"]
    drawing.click(300, 230)  # elsewhere
    assert menu(drawing).is_hidden()


LEAST_ROW = (
    """menu => Math.min(...[...menu.querySelectorAll("button")].map(row => row.getBoundingClientRect().height))"""
)


def held(drawing: Drawing, session: CDPSession, x: float, y: float) -> None:
    """A finger rests there until the menu is open beside it, stirs a little and is lifted."""
    touch(session, "touchStart", (x, y))
    menu(drawing).wait_for(state="visible")
    box = menu(drawing).bounding_box()
    assert box is not None
    assert not (box["x"] - 16 < x < box["x"] + box["width"] + 16 and box["y"] - 16 < y < box["y"] + box["height"] + 16)
    assert menu(drawing).evaluate(LEAST_ROW) >= 24
    touch(session, "touchMove", (x + 3, y - 2))
    touch(session, "touchEnd")
    assert menu(drawing).is_visible()
    drawing.press("Escape")


@journey
def test_a_finger_held_still_opens_it_beside_itself_and_it_stays(drawing: Drawing):
    session = drawing.page.context.new_cdp_session(drawing.page)
    before = drawing.text
    for place in [(160, 140), (450, 120), (4, 4), (634, 250)]:
        held(drawing, session, *drawing.place(*place))
    row = drawing.row("Line 1").bounding_box()
    assert row is not None
    held(drawing, session, row["x"] + row["width"] / 2, row["y"] + row["height"] / 2)
    assert drawing.chosen == ["Line 1"]
    drawing.page.evaluate("window.app.canvas.ds.scale = 0.5; window.app.canvas.setDirty(true, true)")
    drawing.wait_for_frames()
    held(drawing, session, *drawing.place(160, 140))
    assert drawing.text == before
    drawing.page.evaluate(NARROW, drawing.node_id)
    drawing.wait_for(lambda d: d.client()[0] < 400, "a narrow node")
    drawing.wait_for_frames()
    held(drawing, session, *drawing.place(160, 140))
    drawing.press("ContextMenu")
    row = menu(drawing).get_by_role("menuitem", name="Reverse").bounding_box()
    assert row is not None
    touch(session, "touchStart", (row["x"] + 20, row["y"] + 10))
    touch(session, "touchEnd")
    assert menu(drawing).is_hidden()
    assert places_of(drawing)[0] == approx((260, 180), abs=NEAR)
    session.detach()


def test_what_was_copied_is_pasted_by_the_menu(drawing: Drawing):
    drawing.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    drawing.page.evaluate("navigator.clipboard.writeText('[[100, 100], [200, 120], [300, 160]]')")
    drawing.click(60, 220, button="right")
    choose(drawing, "Paste")
    drawing.wait_for(lambda drawing: len(drawing.paths) == 2, "the pasted path")
    assert places_of(drawing)[0] == approx((100, 100), abs=NEAR)


def test_an_area_gets_keys_and_follows_two_paths(drawing: Drawing):
    drawing.click(400, 120, button="right")
    choose(drawing, "Key at frame 0")
    drawing.press("End")
    drawing.click(400, 120, button="right")
    choose(drawing, "Key at frame 13")
    assert [key.frame for key in stored(drawing).regions[0].keys] == [0, 13]
    drawing.drag([(500, 200), (560, 230)])  # its corner, at the last frame
    first, last = (stored(drawing).mask(14, 256, 640)[frame, 0] for frame in (0, 13))
    assert first[100:110, 400].all()
    assert not first[:, 520].any()
    assert last[100:110, 520].all()
    drawing.click(450, 120, button="right")
    choose(drawing, "Remove the key at frame 13")
    assert [key.frame for key in stored(drawing).regions[0].keys] == [0]
    drawing.tool("line")
    drawing.drag([(60, 30), (260, 40)])
    drawing.tool("select")
    drawing.press("Control+a")
    drawing.click(160, 35, button="right")
    choose(drawing, "Let Rectangle 1 follow the 2 paths")
    assert list(stored(drawing).regions[0].follow) == [path.id for path in stored(drawing).paths]
