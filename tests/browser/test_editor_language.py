"""The editor in the language of ComfyUI's page: nothing that it shows or tells is left in English."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from comfyui_server import ComfyUI
from drawing import NEW_GRAPH, Drawing, build
from frontend import OURS, open_frontend
from playwright.sync_api import Page
from test_editor_access import GIVE, draw_items, message
from test_editor_results import BEHIND

# What is the same in every language: keys, programs, forms of files; and what the test itself names.
KEYS = {"Alt", "Backspace", "ContextMenu", "Ctrl", "Del", "End", "Enter", "Esc", "Home", "Page", "Shift", "Tab"}
PROGRAMS = {"After", "ComfyUI", "Effects", "Nuke", "NumPy", "ReVideo", "Tracker"}
FILES = {"CSV", "JSON", "SVG", "bikes", "csv", "json", "npy", "svg", "tsv", "txt"}
SAME = KEYS | PROGRAMS | FILES | {"test"}  # of a run

# Every text, title and name of a control, whether it is seen now or not.
SAID = """editor => {
    const names = ["title", "placeholder", "aria-label", "aria-valuetext", "aria-description", "aria-roledescription"];
    return [editor, ...editor.querySelectorAll("*")].flatMap(element => [
        ...names.map(name => element.getAttribute(name) ?? ""),
        ...[...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data),
    ]);
}"""

# The same of whatever comes from here on, as window.heard.
LISTEN = f"""editor => {{
    const heard = (window.heard = new Set());
    const saidBy = target => target instanceof Element ? ({SAID})(target) : [target.data];
    const hear = target => saidBy(target).forEach(text => heard.add(text));
    const all = {{ subtree: true, childList: true, characterData: true, attributes: true }};
    new MutationObserver(records => records.forEach(({{ target }}) => hear(target))).observe(editor, all);
}}"""

# As Playwright names the first key of each command, but for those that change the clipboard, start a run or the clip,
# end the loop below, or ask for a name; a new one is stored, in English.
COMMANDS = """async url => {
    const { BINDINGS } = await import(url);
    const left = ["copy", "cut", "paste", "track-selected", "end-drawing", "play", "undo", "redo", "group"];
    const first = BINDINGS.filter(({ command }) => !left.includes(command)).map(({ keys }) => keys[0]);
    return first.map(key => key.replace(/Ctrl/, "Control").replace(/^Shift\\+([A-Z])$/, "Shift+$1"));
}"""


@pytest.fixture
def page(comfyui: ComfyUI) -> Iterator[Page]:
    """A page in Chinese, as its settings say when it is loaded."""
    set_language(comfyui, "zh")
    try:
        with open_frontend(comfyui.url) as (page, complaints):
            page.set_default_timeout(120_000)
            page.evaluate(NEW_GRAPH)
            complaints.clear()
            yield page
            assert complaints == []
    finally:
        set_language(comfyui, "en")


def set_language(comfyui: ComfyUI, language: str) -> None:
    requests.post(comfyui.url + "/settings", json={"Comfy.Locale": language}, timeout=300).raise_for_status()


def latin(said: list[str]) -> list[str]:
    """What has a word of Latin letters that is no name."""
    return sorted(text for text in set(said) if set(re.findall("[A-Za-z]{3,}", text)) - SAME)


def english(drawing: Drawing) -> list[str]:
    return latin(drawing.drawn().element.evaluate(SAID))


def a_path(drawing: Drawing) -> None:
    drawing.tool("select")
    drawing.click(200, 110)


def areas_of_every_kind(drawing: Drawing) -> None:
    drawing.tool("ellipse")
    drawing.drag([(400, 60), (500, 120)])
    drawing.tool("polygon")
    drawing.drag([(20, 200), (80, 200), (80, 240), (20, 240)])
    drawing.tool("brush")
    drawing.drag([(120, 220), (180, 220)])
    drawing.tool("spline")
    for place in [(220, 220), (260, 240), (300, 220)]:
        drawing.click(*place)
    drawing.press("Enter")
    drawing.tool("anchor")
    drawing.click(330, 230)
    drawing.tool("freehand")
    drawing.drag([(360, 220), (400, 240), (440, 220)])


def a_rectangle_that_follows(drawing: Drawing) -> None:
    drawing.element.locator('.rve-row[data-item="r1"]').click()
    drawing.press("k")
    drawing.press("End", "k")
    drawing.follows(0).click()
    drawing.follows(1).click()


def a_curve_of_speed(drawing: Drawing) -> None:
    drawing.element.locator('.rve-row[data-item="p1"]').click()
    drawing.element.locator(".rve-panel select").nth(1).select_option("curve")


def a_group(drawing: Drawing) -> None:
    drawing.element.locator('.rve-row[data-item="p1"]').click()
    drawing.element.locator('.rve-row[data-item="p2"]').click(modifiers=["Shift"])
    drawing.press("Control+g")
    drawing.drawn().page.keyboard.type("组")
    drawing.press("Enter", "Shift+S")


def menu(x: float, y: float) -> Callable[[Drawing], Any]:
    return lambda drawing: drawing.click(x, y, button="right")


def exchange(drawing: Drawing) -> None:
    drawing.element.locator(".rve-toolbar .rve-right button").first.click()
    formats = drawing.element.locator(".rve-overlay:not([hidden]) select")
    for name in formats.locator("option").evaluate_all("options => options.map(({ value }) => value)"):
        formats.select_option(name)
        assert (name, english(drawing)) == (name, [])


def result(drawing: Drawing) -> None:
    drawing.page.evaluate(GIVE)
    drawing.element.locator(".rve-results button[aria-pressed=true]").first.wait_for()
    for button in drawing.element.locator(".rve-results button").all():
        button.click()
        assert english(drawing) == []
    drawing.press("Home", ",")


STATES: dict[str, Callable[[Drawing], Any]] = {
    "frames": lambda drawing: drawing.tool("select"),
    "items": draw_items,
    "a path": a_path,
    "a point": lambda drawing: drawing.click(300, 160),
    "menu of a point": menu(300, 160),
    "menu of a path": menu(200, 110),
    "menu of an area": menu(500, 60),
    "menu of a place": menu(600, 240),
    "areas and paths of every kind": areas_of_every_kind,
    "keys of an area": a_rectangle_that_follows,
    "a curve of speed": a_curve_of_speed,
    "a group": a_group,
    "copies": lambda drawing: drawing.press("Shift+D"),
    "refused": message,
    "help": lambda drawing: drawing.press("?"),
    "exchange": exchange,
    "first frame": lambda drawing: drawing.press("y"),
    "the whole window": lambda drawing: drawing.press("f"),
    "back in its node": lambda drawing: drawing.press("f"),
    "result": result,
}


def test_everything_is_said_in_the_language_of_the_page(page: Page):
    invited = build(page, file=None)
    assert english(invited) == []
    drawing = build(page, more=BEHIND).wait_for_frames()
    for name, make in STATES.items():
        make(drawing)
        assert (name, english(drawing)) == (name, [])
        drawing.press("Escape")
    drawing.element.evaluate(LISTEN)
    for chosen in ([], ["Control+a"]):
        for key in page.evaluate(COMMANDS, OURS + "input/keymap.js"):
            drawing.press("Escape", "Escape", *chosen)
            before = drawing.text
            drawing.press(key)
            drawing.drawn()
            if key in ("n", "f"):  # the panel goes, the window is filled
                drawing.press(key)
            if drawing.text != before:
                drawing.press("Control+z")
    heard = page.evaluate("[...window.heard]")
    assert len(heard) > 50
    assert latin(heard) == []
