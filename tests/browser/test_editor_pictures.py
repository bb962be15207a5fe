"""Pictures of the editor, for people to look at; and what a machine can see in them: nothing clipped or covered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawing import AT_REST, Drawing, build
from playwright.sync_api import Page

# Texts that are cut off, and neighbours that lie over each other. The status may be cut: its title has it all.
FLAWS = """editor => {
    const flaws = [];
    const shown = element => element.getClientRects().length && getComputedStyle(element).visibility === "visible";
    const named = ({ localName, className, textContent }) => `${localName}.${className} "${textContent.slice(0, 30)}"`;
    for (const element of editor.querySelectorAll("*")) {
        if (!shown(element) || element.closest("svg, canvas, .rve-keys, .rve-unseen, option")) continue;
        const style = getComputedStyle(element);
        const holdsText = [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
        const cuts = style.overflowX !== "visible" && style.overflowX !== "auto";
        const cut = holdsText && cuts && element.scrollWidth > element.clientWidth;
        if (cut && !element.closest(".rve-status")) flaws.push(`cut: ${named(element)}`);
        if (holdsText && !cuts) {
            const range = document.createRange();
            range.selectNodeContents(element);
            const text = range.getBoundingClientRect(), around = element.parentElement.getBoundingClientRect();
            const out = Math.max(text.right - around.right, around.left - text.left);
            if (out > 1) flaws.push(`sticks out: ${named(element)}`);
        }
        const laidOut = child => shown(child) && getComputedStyle(child).position !== "absolute";
        const children = [...element.children].filter(laidOut);
        for (const [index, one] of children.entries())
            for (const other of children.slice(index + 1)) {
                const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
                const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
                const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
                if (Math.min(width, height) > 1) flaws.push(`overlap: ${named(one)} and ${named(other)}`);
            }
    }
    return flaws;
}"""


def empty(drawing: Drawing) -> None:
    drawing.tool("select")


def paths(drawing: Drawing) -> None:
    drawing.tool("freehand")
    drawing.drag([(60 + 6 * step, 80 + 50 * np.sin(step / 9)) for step in range(50)], steps=1)
    drawing.tool("line")
    drawing.drag([(400, 30), (600, 120)])
    drawing.tool("anchor")
    drawing.click(30, 30)
    drawing.tool("spline")
    for place in [(100, 200), (220, 150), (350, 230), (500, 200)]:
        drawing.click(*place)
    drawing.press("Enter")
    drawing.field("Speed").select_option("in-out")
    drawing.tool("select")
    drawing.click(220, 150)
    drawing.press(*["."] * 5, "k")


def areas(drawing: Drawing) -> None:
    drawing.tool("line")
    drawing.drag([(150, 60), (320, 110)])
    drawing.tool("rect")
    drawing.drag([(50, 20), (380, 140)])
    drawing.enter("Feather", 16)
    drawing.tool("ellipse")
    drawing.drag([(390, 10), (630, 150)])
    drawing.tool("polygon")
    drawing.drag([(80, 160), (520, 160), (560, 240), (60, 245)], steps=8)
    drawing.tool("eraser")
    drawing.drag([(200, 200), (300, 200)])
    drawing.tool("select")
    drawing.click(510, 80)
    drawing.follows(0).check()


def timeline(drawing: Drawing) -> None:
    paths(drawing)
    drawing.enter("Start", 2)
    drawing.enter("End", 11)
    box = drawing.element.locator(".rve-scrubber").bounding_box()
    assert box is not None
    drawing.page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + 4)


def help_sheet(drawing: Drawing) -> None:
    drawing.tool("select")
    drawing.press("?")


def exchange(drawing: Drawing) -> None:
    paths(drawing)
    drawing.element.get_by_title("Import and export").click()


def narrow(drawing: Drawing) -> None:
    paths(drawing)
    drawing.page.evaluate(
        """id => {
            window.app.graph.getNodeById(id).setSize([430, 640]);
            window.app.canvas.setDirty(true, true);
        }""",
        drawing.node_id,
    )
    drawing.wait_for(lambda d: d.client()[0] < 440, "the narrow node")
    drawing.page.wait_for_function(AT_REST, arg=0)


def warning(drawing: Drawing) -> None:
    drawing.tool("line")
    drawing.drag([(150, 60), (520, 210)])
    drawing.tool("rect")
    drawing.drag([(50, 20), (380, 140)])
    drawing.element.locator(".rve-keys").evaluate(
        """keys => {
            const data = new DataTransfer();
            data.setData("text/plain", '{"version": 7}');
            keys.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )


SCENES: dict[str, Callable[[Drawing], None]] = {
    "empty": empty,
    "paths": paths,
    "areas": areas,
    "timeline": timeline,
    "help": help_sheet,
    "exchange": exchange,
    "narrow": narrow,
    "warning": warning,
}


CHOOSE_THEME = "theme => window.app.extensionManager.setting.set('Comfy.ColorPalette', theme)"


@pytest.mark.parametrize("scene", SCENES)
def test_nothing_is_clipped_or_covered(page: Page, scene: str, tmp_path: Path, request: pytest.FixtureRequest):
    drawing = build(page).wait_for_frames()
    SCENES[scene](drawing)
    page.mouse.move(20, 500)  # off the drawing
    around: Any = drawing.element.bounding_box()
    left, top = around["x"] - 20, around["y"] - 130  # the node's title and slots
    clip = {"x": left, "y": top, "width": around["width"] + 40, "height": around["height"] + 160}
    renderer = request.node.callspec.id.split("-")[0]
    for theme in ("light", "dark"):
        page.evaluate(CHOOSE_THEME, theme)
        drawing.drawn()
        file = tmp_path / f"{scene}_{theme}_{renderer}.png"
        page.screenshot(path=file, clip=clip)
        if folder := os.environ.get("REVIDEO_PICTURES"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder)
        assert drawing.drawn().element.evaluate(FLAWS) == []


def test_a_flaw_would_be_seen(page: Page):
    drawing = build(page).wait_for_frames()
    paths(drawing)
    assert drawing.drawn().element.evaluate(FLAWS) == []
    squeeze = "(button, rule) => { button.style.cssText = rule; }"
    button = drawing.element.locator(".rve-wide", has_text="Duplicate")
    button.evaluate(squeeze, "width: 40px")
    assert any("cut" in flaw and "Duplicate" in flaw for flaw in drawing.drawn().element.evaluate(FLAWS))
    button.evaluate(squeeze, "margin-right: -60px")
    assert any("overlap" in flaw for flaw in drawing.drawn().element.evaluate(FLAWS))
