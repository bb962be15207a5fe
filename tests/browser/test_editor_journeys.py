"""One drawing, made by a pointer, by fingers and by keys alone: read by the library, it is what the hand meant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from drawing import FRAME, Drawing, Place, build, steer, touch
from frontend import journey
from numpy.typing import NDArray
from playwright.sync_api import CDPSession, Locator, Page

from revideo import EditDocument

LAST = 13  # frame
NOW = "performance.now()"
STEM = 29  # view pixels from an area to the ring that turns it


@dataclass
class Meant:
    """A line that begins and ends slowly, and a rectangle that is moved and turned along a curve of speed."""

    way: list[Place]
    corners: list[Place]
    move: Place
    degrees: float
    curve: list[float]


def bezier(curve: list[float], tau: float) -> float:
    """How far one is at a part of the time, by halving."""
    x1, y1, x2, y2 = curve

    def at(first: float, second: float, u: float) -> float:
        return 3 * (1 - u) ** 2 * u * first + 3 * (1 - u) * u**2 * second + u**3

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if at(x1, x2, middle) <= tau else (low, middle)
    return at(y1, y2, low)


def points_meant(meant: Meant) -> NDArray[np.float64]:
    """(14, 2)"""
    tau = np.arange(LAST + 1)[:, None] / LAST
    begins, ends = np.array(meant.way)
    return begins + (ends - begins) * tau**2 * (3 - 2 * tau)


def mask_meant(meant: Meant, frame: int) -> NDArray[np.bool_]:
    """(height, width): the pixels whose middles, turned back, lie within the rectangle."""
    done = bezier(meant.curve, frame / LAST)
    (left, top), (right, bottom) = meant.corners
    width, height = FRAME
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = x - (left + right) / 2 - done * meant.move[0], y - (top + bottom) / 2 - done * meant.move[1]
    angle = math.radians(done * meant.degrees)
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    return (abs(along) < (right - left) / 2) & (abs(across) < (bottom - top) / 2)


def assert_drawn(drawing: Drawing, meant: Meant) -> None:
    width, height = FRAME
    document = EditDocument.from_json(drawing.drawn().text)
    points, _ = document.dense_points(LAST + 1, height, width)
    assert points.shape == (1, LAST + 1, 2)
    assert np.abs(points[0] - points_meant(meant)).max() <= 0.5
    masks = document.mask(LAST + 1, height, width).numpy()[:, 0] >= 0.5
    for frame, mask in enumerate(masks):
        wanted = mask_meant(meant, frame)
        assert (frame, (mask & wanted).sum() / (mask | wanted).sum()) >= (frame, 0.995)


# --- By a pointer and by fingers ---------------------------------------------------------------


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def drag(self, *places: Place) -> None:
        (x, y), *rest = places
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for place in rest:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()


class Finger:
    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page = page
        self.session = session

    def drag(self, *places: Place) -> None:
        touch(self.session, "touchStart", tuple(places[0]))
        for before, after in pairwise(places):
            for part in (0.25, 0.5, 0.75, 1):
                touch(self.session, "touchMove", tuple(a + part * (b - a) for a, b in zip(before, after)))
        if len(places) > 1:
            # It comes to rest: Chromium takes a swipe's end for the start of scrolling, and drops the next tap.
            self.page.wait_for_function("start => performance.now() - start > 150", arg=self.page.evaluate(NOW))
        touch(self.session, "touchEnd")


@pytest.fixture
def session(page: Page) -> Iterator[CDPSession]:
    session = page.context.new_cdp_session(page)
    yield session
    session.detach()


def tap(drawing: Drawing, hand: Mouse | Finger, target: Locator) -> None:
    target.scroll_into_view_if_needed()
    hand.drag(middle(target))
    drawing.drawn()


def middle(target: Locator) -> Place:
    box = target.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def scrub(drawing: Drawing, hand: Mouse | Finger, *parts: float) -> None:
    """Drags the playhead over parts of the clip."""
    box = drawing.element.locator(".rve-scrubber").bounding_box()
    assert box is not None
    hand.drag(*((box["x"] + 20 + part * (box["width"] - 40), box["y"] + box["height"] / 2) for part in parts))
    assert drawing.time == round(parts[-1] * LAST)


class Places:
    """Places of the page at whole pixels, and those of the frame that they are: what a mouse can point at."""

    def __init__(self, drawing: Drawing) -> None:
        (self.left, self.top), (right, _) = drawing.place(0, 0), drawing.place(100, 0)
        self.scale = (right - self.left) / 100

    def near(self, x: float, y: float) -> Place:
        return round(self.left + x * self.scale), round(self.top + y * self.scale)

    def of(self, place: Place) -> Place:
        return (place[0] - self.left) / self.scale, (place[1] - self.top) / self.scale


def draw_by_hand(drawing: Drawing, hand: Mouse | Finger) -> Meant:
    element = drawing.element
    places = Places(drawing)
    way = [places.near(*place) for place in [(100, 210), (520, 190)]]
    box = [places.near(*place) for place in [(180, 70), (340, 150)]]
    moves = [places.near(*place) for place in [(260, 110), (340, 130)]]
    tap(drawing, hand, drawing.button("tool:line"))
    hand.drag(*way)
    tap(drawing, hand, drawing.button("tool:rect"))
    hand.drag(*box)
    tap(drawing, hand, drawing.button("tool:select"))
    tap(drawing, hand, element.get_by_role("button", name="Key here"))
    scrub(drawing, hand, 0, 1)
    hand.drag(*moves)
    corners = [places.of(place) for place in box]
    move = tuple(b - a for a, b in zip(*map(places.of, moves)))
    centre = [(corners[0][axis] + corners[1][axis]) / 2 + move[axis] for axis in (0, 1)]
    above = centre[0], corners[0][1] + move[1] - STEM / places.scale
    turns = [places.near(*above), places.near(centre[0] + 60, centre[1] - 60)]
    hand.drag(*turns)
    angles = [math.atan2(y - centre[1], x - centre[0]) for x, y in map(places.of, turns)]
    scrub(drawing, hand, 1, 0)
    drawing.field("From frame 0 to 13").select_option("curve")  # its list is the browser's
    handle = element.get_by_role("slider", name="First handle")
    tap(drawing, hand, handle)
    curve = drawing.element.locator(".rve-curve").bounding_box()
    assert curve is not None
    side = curve["width"] * 96 / 120  # of its square
    x, y = middle(handle)
    hand.drag((x, y), (x + 30, y + 24))
    drawing.drawn()  # the settings are made anew
    drawing.row("Line 1").scroll_into_view_if_needed()
    tap(drawing, hand, drawing.row("Line 1"))
    drawing.field("Speed").select_option("in-out")
    return Meant(
        [places.of(place) for place in way],
        corners,
        move,
        math.degrees(angles[1] - angles[0]),
        [0.333 + 30 / side, 0.333 - 24 / side, 0.667, 0.667],
    )


@journey
def test_by_a_pointer(page: Page):
    drawing = build(page).wait_for_frames()
    assert_drawn(drawing, draw_by_hand(drawing, Mouse(page)))


@journey
def test_by_fingers(page: Page, session: CDPSession):
    drawing = build(page).wait_for_frames()
    assert_drawn(drawing, draw_by_hand(drawing, Finger(page, session)))


def choose_held(drawing: Drawing, hand: Finger, place: Place, text: str) -> None:
    """From the menu that a finger opens which rests there."""
    menu = drawing.element.locator(".rve-menu:visible")
    touch(hand.session, "touchStart", tuple(place))
    menu.wait_for()
    touch(hand.session, "touchEnd")
    tap(drawing, hand, menu.get_by_role("menuitem", name=text))


@journey
def test_what_is_there_is_worked_on_by_fingers(page: Page, session: CDPSession):
    drawing = build(page).wait_for_frames()
    hand, places = Finger(page, session), Places(drawing)
    lines = [(100, 210), (300, 190)], [(100, 60), (300, 50)]
    first, second = ([places.near(*place) for place in line] for line in lines)
    tap(drawing, hand, drawing.button("tool:line"))
    hand.drag(*first)
    hand.drag(*second)
    box, corner = [places.near(*place) for place in [(400, 70), (500, 150)]], places.near(560, 190)
    tap(drawing, hand, drawing.button("tool:rect"))
    hand.drag(*box)
    tap(drawing, hand, drawing.button("tool:select"))
    tap(drawing, hand, drawing.element.get_by_role("button", name="Key here"))
    scrub(drawing, hand, 0, 1)
    hand.drag(box[1], corner)
    choose_held(drawing, hand, places.near(200, 200), "Mirror left")
    drawing.row("Line 1").scroll_into_view_if_needed()
    (_, row), (grip, _) = middle(drawing.row("Line 1")), middle(drawing.row("Line 1").locator(".rve-grip"))
    hand.drag(middle(drawing.row("Line 2").locator(".rve-grip")), (grip, row - 8))
    tap(drawing, hand, drawing.row("Line 2").get_by_role("button", name="lock"))
    tap(drawing, hand, drawing.button("full-window"))
    page.locator(".rve-window").wait_for()
    drawing.wait_for_frames()
    tap(drawing, hand, drawing.button("full-window"))
    page.locator(".rve-window").wait_for(state="detached")

    width, height = FRAME
    document = EditDocument.from_json(drawing.drawn().text)
    assert [(path.id, path.locked) for path in document.paths] == [("p2", True), ("p1", None)]
    ends = [list(map(places.of, way)) for way in (second, first)]
    ends[1] = [(ends[1][1][0], ends[1][0][1]), (ends[1][0][0], ends[1][1][1])]  # mirrored
    points, _ = document.dense_points(LAST + 1, height, width)
    tau = np.arange(LAST + 1)[:, None] / LAST
    wanted = [np.array(begins) + (np.array(end) - begins) * tau for begins, end in ends]
    assert np.abs(points - wanted).max() <= 0.5
    (left, top), least, most = (np.array(places.of(place)) for place in (*box, corner))
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    for frame, mask in enumerate(document.mask(LAST + 1, height, width).numpy()[:, 0] >= 0.5):
        right, bottom = least + (most - least) * frame / LAST
        inside = (left < x) & (x < right) & (top < y) & (y < bottom)
        assert (frame, (mask & inside).sum() / (mask | inside).sum()) >= (frame, 0.995)


# --- By keys -----------------------------------------------------------------------------------


def tab_to(drawing: Drawing, field: str) -> None:
    """Until the focus is on what has that name in the settings."""
    drawing.drawn()  # the settings are made anew: what has just been chosen may have brought that field
    for _ in range(80):
        drawing.press("Tab")
        if drawing.drawn().element.evaluate("() => document.activeElement.dataset.field") == field:
            return
    raise AssertionError(f"Tab does not come to {field}")


@journey
def test_by_keys(page: Page):
    drawing = build(page).wait_for_frames()
    page.mouse.move(5, 500)
    drawing.button("tool:select").focus()
    drawing.press("Tab", "l")
    for place in [(100, 210), (520, 190)]:
        steer(drawing, *place)
        drawing.press("Enter")
    drawing.press("r")
    for place in [(180, 70), (340, 150)]:
        steer(drawing, *place)
        drawing.press("Enter")
    drawing.press("v", "k", "End", "Enter")
    steer(drawing, 260, 110)
    drawing.press("Enter")  # takes hold
    steer(drawing, 340, 130)
    drawing.press("Enter", "Escape", ">", ">", "Home")
    tab_to(drawing, "From frame 0 to 13")
    drawing.press("End")  # the last choice
    tab_to(drawing, "curve-0")
    drawing.press(*["ArrowRight"] * 5, *["ArrowDown"] * 4, "Escape", "Tab", "Home", "Enter")
    assert drawing.chosen == ["Line 1"]
    tab_to(drawing, "Speed")
    drawing.press("End")
    assert_drawn(
        drawing, Meant([(100, 210), (520, 190)], [(180, 70), (340, 150)], (80, 20), 30, [0.583, 0.133, 0.667, 0.667])
    )
