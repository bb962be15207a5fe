"""The editor without a pointer and without sight: focus, names, drawing by keys; contrast and targets; axe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_server import needed
from drawing import Drawing, build, steer
from frontend import journey
from playwright.sync_api import Locator, Page
from pytest import approx
from test_editor_pictures import CHOOSE_THEME
from test_editor_results import BEHIND

FOCUSED = """editor => {
    const one = document.activeElement;
    if (!editor.contains(one)) return "elsewhere";
    const within = [".rve-toolbar", ".rve-stage", ".rve-list", ".rve-fold", ".rve-timeline", ".rve-overlay"];
    return within.find(name => one.closest(name)) ?? "editor";
}"""


@pytest.fixture
def drawing(page: Page) -> Drawing:
    return build(page).wait_for_frames()


def focused(drawing: Drawing) -> Locator:
    return drawing.drawn().element.locator(":focus")


def focused_part(drawing: Drawing) -> str:
    return drawing.drawn().element.evaluate(FOCUSED)


def name_of(drawing: Drawing) -> str:
    """Of what has the focus."""
    return focused(drawing).get_attribute("aria-label") or focused(drawing).inner_text()


def scale(drawing: Drawing) -> float:
    """View pixels to one of the frame."""
    (x0, _), (x1, _) = drawing.place(0, 0), drawing.place(100, 0)
    return (x1 - x0) / 100


def draw_items(drawing: Drawing) -> None:
    drawing.tool("line")
    drawing.drag([(100, 60), (300, 160)])
    drawing.drag([(100, 160), (300, 200)])
    drawing.tool("rect")
    drawing.drag([(350, 40), (560, 200)])


# --- The focus ---------------------------------------------------------------------------------


@journey
def test_tab_goes_through_the_parts_in_order_and_out_again(drawing: Drawing):
    draw_items(drawing)
    drawing.button("tool:select").focus()
    parts: list[str] = []
    for _ in range(60):
        part = focused_part(drawing)
        if part not in parts:
            parts.append(part)
        if part == "elsewhere":
            break
        drawing.press("Tab")
    assert parts == [".rve-toolbar", ".rve-stage", ".rve-list", ".rve-fold", ".rve-timeline", "elsewhere"]
    drawing.button("tool:select").focus()
    drawing.press("Tab", "Shift+Tab")
    assert focused_part(drawing) == ".rve-toolbar"


def test_the_toolbar_is_one_stop_that_arrows_move_in(drawing: Drawing):
    drawing.button("tool:select").focus()
    drawing.press("ArrowRight", "ArrowRight", "Enter")
    assert drawing.drawn().button("tool:freehand").get_attribute("aria-pressed") == "true"
    drawing.press("Tab")
    assert focused_part(drawing) == ".rve-stage"
    drawing.press("Shift+Tab")
    assert name_of(drawing) == "Freehand path (P)"
    drawing.press("End")
    assert name_of(drawing) == "All keys (?)"
    drawing.press("ArrowRight")
    assert name_of(drawing) == "Select and move (V)"
    draw_items(drawing)
    drawing.drawn().button("undo").focus()
    drawing.press("Enter", "Enter", "Enter")  # the last one undoes all: the button is of no use any more
    assert drawing.paths == []
    assert focused_part(drawing) == ".rve-toolbar"


def test_rows_are_chosen_hidden_and_renamed_by_keys(drawing: Drawing):
    draw_items(drawing)
    drawing.press("Escape", "Tab")
    assert focused_part(drawing) == ".rve-list"
    drawing.press("Home", "Enter")
    assert drawing.chosen == ["Line 1"]
    drawing.press("ArrowDown", " ")
    assert drawing.chosen == ["Line 2"]
    drawing.press("ArrowDown", "Shift+Enter")  # from the paths to the areas
    assert drawing.chosen == ["Line 2", "Rectangle 1"]
    drawing.press("ArrowRight", "Enter")
    assert drawing.regions[0]["visible"] is False
    assert name_of(drawing) == "Rectangle 1: shown"  # the focus has stayed, though the row is another element
    assert focused(drawing).get_attribute("aria-pressed") == "false"
    drawing.press("ArrowUp", " ")
    assert drawing.drawn().paths[1]["visible"] is False
    drawing.press("ArrowRight", "Enter")
    assert name_of(drawing) == "Line 2: locked"
    assert drawing.drawn().paths[1]["locked"] is True
    drawing.press("Enter")
    drawing.drawn().press("ArrowRight", "Enter")
    drawing.page.keyboard.type("walker")
    drawing.press("Enter")
    assert drawing.paths[1]["name"] == "walker"
    assert name_of(drawing) == "walker"
    drawing.press("ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter", "Delete")
    assert len(drawing.paths) == 1
    assert focused_part(drawing) == ".rve-list"


def test_the_slider_moves_by_keys_and_says_where_it_is(drawing: Drawing):
    drawing.element.locator(".rve-scrubber").focus()
    seen = []
    for key in ["ArrowRight", "ArrowUp", "PageUp", "ArrowLeft", "Home", "End", "PageDown", "ArrowDown"]:
        drawing.press(key)
        seen.append(drawing.time)
    assert seen == [1, 2, 12, 11, 0, 13, 3, 2]
    assert focused(drawing).get_attribute("aria-valuetext") == "Frame 2 of 0 to 13, 0.08 seconds"


@pytest.mark.parametrize(("key", "name"), [("?", "Keys"), (None, "Import and export")])
def test_a_dialog_takes_the_focus_keeps_it_and_gives_it_back(drawing: Drawing, key: str | None, name: str):
    button = drawing.element.get_by_role("button", name="All keys" if key else name)
    button.focus()
    drawing.press(key or "Enter")
    dialog = drawing.drawn().element.get_by_role("dialog", name=name)
    for _ in range(12):
        assert focused_part(drawing) == ".rve-overlay"
        drawing.press("Tab")
    for _ in range(12):
        assert focused_part(drawing) == ".rve-overlay"
        drawing.press("Shift+Tab")
    drawing.press("Escape")
    drawing.drawn()
    assert not dialog.is_visible()
    assert button.evaluate("button => button === document.activeElement")


@journey
def test_keys_on_any_control_are_the_editors_not_the_graphs(drawing: Drawing):
    draw_items(drawing)
    nodes = drawing.page.evaluate("window.app.graph.nodes.map(node => (node.marked = node.type))")
    sidebar = "document.querySelectorAll('.side-bar-panel, .p-dialog, [role=dialog]:not(.rve-overlay)').length"
    before = drawing.page.evaluate(sidebar)
    drawing.button("tool:select").focus()
    drawing.press("Control+z")
    assert len(drawing.regions) == 0
    drawing.press("Control+y", "Control+z", "Control+z")
    assert (len(drawing.paths), len(drawing.regions)) == (1, 0)
    drawing.element.locator(".rve-scrubber").focus()
    drawing.press("r", "m", "w", "q", "s")
    assert drawing.drawn().button("tool:spline").get_attribute("aria-pressed") == "true"
    drawing.element.locator(".rve-scrubber").focus()
    drawing.press("Control+z")
    assert drawing.paths == []
    drawing.drawn()
    assert drawing.page.evaluate("window.app.graph.nodes.map(node => node.marked)") == nodes  # none was built anew
    assert drawing.page.evaluate(sidebar) == before


# --- Drawing by keys ---------------------------------------------------------------------------


@journey
def test_a_spline_is_drawn_and_nudged_by_keys(drawing: Drawing):
    drawing.page.mouse.move(5, 500)
    drawing.button("tool:select").focus()
    drawing.press("Tab", "s")
    before = drawing.layer("live")
    assert drawing.status.startswith("Crosshair at 320, 128.")
    drawing.press("Enter", *["Shift+ArrowRight"] * 3, "ArrowDown")
    assert not np.array_equal(drawing.layer("live"), before)  # it is seen, and it moves
    drawing.press("Enter", *["Shift+ArrowUp"] * 4, "Enter")
    assert drawing.points() == [(320, 128), (350, 129), (350, 89)]
    drawing.press("Control+Enter", "ArrowLeft", "Shift+ArrowDown")  # the point placed last
    assert drawing.points() == [(320, 128), (350, 129), (349, 99)]
    said = drawing.drawn().element.locator(".rve-unseen").inner_text()
    assert "point 3 of 3 of Spline 1, at 349, 99" in said


def test_every_tool_draws_by_keys(drawing: Drawing):
    drawing.page.mouse.move(5, 500)
    drawing.button("tool:select").focus()
    drawing.press("Tab")
    step = ["Shift+ArrowRight"] * 3 + ["Shift+ArrowDown"] * 2
    for key in "plrobe":
        drawing.press(key, "Enter", *step, "Enter", "Escape", "Escape")
    drawing.press("a", "Enter", "Enter", "Escape")
    drawing.press("g", "Enter", *["Shift+ArrowRight"] * 3, "Enter", *["Shift+ArrowDown"] * 3, "Enter", "Control+Enter")
    assert [path["kind"] for path in drawing.paths] == ["freehand", "line", "anchor"]
    assert drawing.points(1) == [(320, 128), (350, 148)]
    assert [(region["kind"], region["mode"]) for region in drawing.regions] == [
        ("rect", "add"),
        ("ellipse", "add"),
        ("brush", "add"),
        ("brush", "subtract"),
        ("polygon", "add"),
    ]
    assert drawing.regions[0]["points"] == [[320, 128], [350, 148]]
    assert drawing.regions[-1]["points"] == [[320, 128], [350, 128], [350, 158]]


def test_keys_take_hold_of_whatever_a_pointer_can(drawing: Drawing):
    draw_items(drawing)
    drawing.tool("select")
    drawing.page.mouse.move(5, 500)
    drawing.row("Rectangle 1").click()
    drawing.page.mouse.move(5, 500)
    [[left, top], [right, bottom]] = drawing.regions[0]["points"]
    drawing.press("v", "Enter")
    assert "Enter takes hold" in drawing.status
    steer(drawing, right, bottom)
    assert "on a corner of Rectangle 1" in drawing.status
    drawing.press("Enter", "Shift+ArrowRight", "ArrowDown", "Enter", "Enter", "ArrowLeft", "Enter")  # nothing snaps
    np.testing.assert_allclose(drawing.regions[0]["points"], [[left, top], [right + 9, bottom + 1]], atol=1e-3)
    steer(drawing, (left + right + 9) / 2, top - 29 / scale(drawing))
    assert "on the ring that turns" in drawing.status
    drawing.press("Enter", *["Shift+ArrowRight"] * 4, "Escape")  # given up
    assert drawing.regions[0]["kind"] == "rect"
    steer(drawing, (left + right + 9) / 2, top - 29 / scale(drawing))
    drawing.press("Enter", *["Shift+ArrowRight"] * 4, "Enter")
    assert drawing.regions[0]["kind"] == "polygon"
    x, y = drawing.regions[0]["points"][1]
    steer(drawing, x, y)
    drawing.press("Enter", "ArrowUp", "Enter")  # a corner of a lasso
    assert drawing.regions[0]["points"][1] == [approx(x), approx(y - 1)]
    steer(drawing, *drawing.points(0)[0])
    assert "on Line 1" in drawing.status or "on point 1 of Line 1" in drawing.status
    before = drawing.points(0)
    drawing.press("Enter", "ArrowUp", "Enter")
    assert drawing.chosen == ["Line 1"]
    assert drawing.points(0) == [(before[0][0], approx(before[0][1] - 1)), before[1]]
    drawing.press("Control+a")
    ends = [place for path in (0, 1) for place in drawing.points(path)] + drawing.regions[0]["points"]
    steer(drawing, min(x for x, _ in ends) - 18 / scale(drawing), min(y for _, y in ends) - 18 / scale(drawing))
    assert "on a handle of the box" in drawing.status
    drawing.press("Enter", *["Shift+ArrowRight"] * 5, "Enter")
    assert min(x for path in (0, 1) for x, _ in drawing.points(path)) > min(x for x, _ in ends) + 40
    before = drawing.points(0)
    drawing.press("Escape", "ArrowRight")  # the crosshair is gone: what is selected is nudged again
    assert drawing.points(0) == [(approx(x + 1), approx(y)) for x, y in before]


def test_escape_takes_back_what_keys_have_begun(drawing: Drawing):
    drawing.page.mouse.move(5, 500)
    drawing.button("tool:select").focus()
    drawing.press("Tab", "r", "Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Escape")
    drawing.press("s", "Enter", "Escape")  # a path's first point alone
    drawing.press("l", "Enter", "Enter")  # twice on one place
    assert drawing.drawn().text == ""
    queued = drawing.page.evaluate("fetch('/queue').then(a => a.json()).then(q => q.queue_running.length)")
    assert queued == 0


# --- What is seen and named --------------------------------------------------------------------

SMALL = """editor => [...editor.querySelectorAll("button, input, select, summary, canvas, [role=row]")]
    .filter(one => one.getClientRects().length && getComputedStyle(one).pointerEvents !== "none")
    .map(one => [one.getAttribute("aria-label") ?? one.className, one.getBoundingClientRect()])
    .filter(([, { width, height }]) => Math.min(width, height) < 24).map(([name]) => name)"""

# Contrast of every control's border or sign with what lies around it, as WCAG counts it.
FAINT = """editor => {
    const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const over = (colors) => {
        context.clearRect(0, 0, 1, 1);
        for (const color of colors) { context.fillStyle = color; context.fillRect(0, 0, 1, 1); }
        const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
        const linear = [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const ground = one => {
        const colors = [];
        for (let at = one; at; at = at.parentElement) colors.unshift(getComputedStyle(at).backgroundColor);
        return colors;
    };
    const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const flaws = [];
    for (const one of editor.querySelectorAll("button:not(:disabled), .rve-field input, .rve-field select")) {
        if (!one.getClientRects().length) continue;
        const style = getComputedStyle(one);
        const back = over(ground(one)), around = ground(one.parentElement);
        const sign = one.localName === "button" ? contrast(over([...ground(one), style.color]), back)
            : contrast(over([...around, style.borderTopColor]), over(around));
        if (sign < 3) flaws.push(`${one.getAttribute("aria-label") ?? one.className}: ${sign.toFixed(2)}`);
    }
    const { backgroundColor } = getComputedStyle(editor);
    for (const name of ["--rve-accent", "--rve-faint"]) {
        const probe = document.createElement("i");
        probe.style.color = `var(${name})`;
        editor.append(probe);
        const ratio = contrast(over([backgroundColor, getComputedStyle(probe).color]), over([backgroundColor]));
        probe.remove();
        if (ratio < 3) flaws.push(`${name}: ${ratio.toFixed(2)}`);
    }
    return flaws;
}"""


@journey
def test_targets_signs_and_tooltips(drawing: Drawing):
    draw_items(drawing)
    drawing.tool("select")
    drawing.click(200, 110)
    for theme in ("light", "dark"):
        drawing.page.evaluate(CHOOSE_THEME, theme)
        assert drawing.drawn().element.evaluate(FAINT) == []
    drawing.page.evaluate("() => { window.app.canvas.ds.scale = 0.9; window.app.canvas.setDirty(true, true); }")
    drawing.drawn().wait_for_frames()
    assert drawing.drawn().element.evaluate(SMALL) == []
    titles = """editor => {
        const all = [...editor.querySelector(".rve-stage").querySelectorAll("[title]")].map(one => one.title);
        for (let at = editor; at; at = at.parentElement) all.push(at.title);
        return all;
    }"""
    assert not any(drawing.drawn().element.evaluate(titles))
    definition = "window.app.graph.getNodeById(id).constructor.nodeData.inputs.document.tooltip"
    assert not drawing.page.evaluate(f"id => {definition} ?? ''", drawing.node_id)  # what Nodes 2.0 shows over a widget


def message(drawing: Drawing) -> None:
    draw_items(drawing)
    drawing.element.locator(".rve-keys").evaluate(
        """keys => {
            const data = new DataTransfer();
            data.setData("text/plain", '{"version": 7000}');
            keys.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )


def a_point(drawing: Drawing) -> None:
    draw_items(drawing)
    drawing.tool("select")
    drawing.click(200, 110)
    drawing.click(300, 160)


def menu(drawing: Drawing) -> None:
    draw_items(drawing)
    drawing.press("Shift+F10")


def copies(drawing: Drawing) -> None:
    drawing.tool("line")
    drawing.drag([(100, 60), (300, 160)])
    drawing.page.keyboard.press("Shift+F10")
    drawing.element.get_by_role("menuitem", name="Parallel copies").click()


def groups(drawing: Drawing) -> None:
    """A group, a locked area, all but one path left out."""
    drawing.row("Line 1").first.click()
    drawing.row("Line 2").first.click(modifiers=["Shift"])
    drawing.press("Control+g")
    drawing.drawn().press("Enter")
    drawing.row("Rectangle 1").first.get_by_role("button", name="Rectangle 1: locked").click()
    drawing.row("Line 2").first.click()
    drawing.press("Shift+S")


# What ComfyUI tells of a run that has saved a video: here, the clip itself.
GIVE = """() => {
    const { graph, api } = window.app;
    const { id: node } = graph.nodes.find(({ type }) => type === "SaveVideo");
    const output = { images: [{ filename: "bikes.mp4", subfolder: "", type: "input" }], animated: [true] };
    api.dispatchEvent(new CustomEvent("executed", { detail: { node, output, prompt_id: "of a test" } }));
}"""


def result(drawing: Drawing) -> None:
    drawing.page.evaluate(GIVE)
    drawing.element.locator(".rve-results [aria-pressed=true]", has_text="Result").wait_for()
    drawing.press("Home", ",")  # it plays: it is stopped


def view(name: str) -> Callable[[Drawing], Any]:
    return lambda drawing: drawing.element.get_by_role("button", name=name, exact=True).click()


STATES: dict[str, Callable[[Drawing], Any]] = {
    "empty": lambda drawing: drawing.tool("select"),
    "items": draw_items,
    "a point": a_point,
    "message": message,
    "menu": menu,
    "copies": copies,
    "help": lambda drawing: drawing.button("help").click(),
    "exchange": lambda drawing: drawing.element.get_by_role("button", name="Import and export").click(),
    "groups": groups,
    "result": result,
    "wipe": view("Wipe"),
    "difference": view("Difference"),
    "source": view("Source"),
    "the whole window": lambda drawing: drawing.press("f"),
    "import over the whole window": view("Import and export"),
    "menu over the whole window": menu,
}

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

# Serious and critical ones alone, with the elements and why.
AXE = """([editor, rules]) => axe.run(editor, rules).then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => html.slice(0, 99) + " " + failureSummary)]))"""


@journey
def test_axe_finds_nothing_serious(page: Page):
    page.evaluate(Path(needed("REVIDEO_AXE")).read_text("utf-8"))
    invited = build(page, file=None)
    for theme in ("light", "dark"):
        page.evaluate(CHOOSE_THEME, theme)
        assert page.evaluate(AXE, [invited.drawn().element.element_handle(), RULES]) == []
    drawing = build(page, more=BEHIND).wait_for_frames()
    for name, make in STATES.items():
        make(drawing)
        for theme in ("light", "dark"):
            page.evaluate(CHOOSE_THEME, theme)
            element = drawing.drawn().element.element_handle()
            assert (name, theme, page.evaluate(AXE, [element, RULES])) == (name, theme, [])
        drawing.press("Escape")
    drawing.button("undo").evaluate("button => { button.removeAttribute('aria-label'); button.title = ''; }")
    [[rule, _]] = page.evaluate(AXE, [drawing.element.element_handle(), RULES])
    assert rule == "button-name"  # a flaw would be found


def test_motion_is_reduced_where_that_is_wished(drawing: Drawing):
    drawing.page.emulate_media(reduced_motion="reduce")
    moving = """editor => [...editor.querySelectorAll("*")].map(one => getComputedStyle(one))
        .filter(style => style.transitionDuration !== "0s" || style.animationName !== "none").length"""
    assert drawing.drawn().element.evaluate(moving) == 0
    drawing.page.emulate_media(reduced_motion="no-preference")
