"""ComfyUI's own frontend in a real Chromium."""

from __future__ import annotations

import atexit
import functools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from comfyui_server import PACK, needed
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

READY = """Boolean(
    window.app?.graph && window.app.canvas && window.LiteGraph?.registered_node_types.ReVideoSampler
    && window.app.extensionManager?.setting && window.app.extensionManager.workflow?.activeWorkflow
)"""


OURS = f"/extensions/{PACK}/"  # where ComfyUI serves our files


@dataclass(frozen=True)
class View:
    """Which frontend draws a page, the pinned or the newest; and whether nodes are HTML ("Nodes 2.0")."""

    newest: bool
    nodes_2: bool

    def __str__(self) -> str:
        return ("newest_" if self.newest else "") + ("nodes_2" if self.nodes_2 else "litegraph")


PINNED = [View(False, nodes_2) for nodes_2 in (False, True)]
NEWEST = [View(True, nodes_2) for nodes_2 in (False, True)]

# What a person does from end to end, and what depends on how nodes are drawn, is tested in each; all else in the first.
journey = pytest.mark.parametrize("frontend", [*PINNED, *NEWEST], indirect=True, ids=str)


# Without a GPU, what turns and glides while a graph runs costs as much as the models. Animations are cut short, since
# the frontend waits for the ends of some; a transition of any length would reach all that a test changes by hand.
STILL = """*, *::before, *::after {
    transition: none !important;
    animation-duration: 1ms !important; animation-delay: 0s !important; animation-iteration-count: 1 !important;
}"""


# Not Playwright's add_style_tag, which takes any address that the page is refused meanwhile for a failure of its own.
ADD_STYLE = """css => document.head.append(Object.assign(document.createElement("style"), { textContent: css }))"""


@contextmanager
def open_frontend(
    url: str, width: int = 1920, height: int = 1080, nodes_2: bool = False
) -> Iterator[tuple[Page, list[str]]]:
    """A page whose graph is empty and ready, and what it complains of from here on: our console lines, any page error.

    `nodes_2`: drawn as HTML elements ("Nodes 2.0") rather than by LiteGraph on a canvas.
    """
    browser = launch()
    try:
        page = browser.new_page(viewport={"width": width, "height": height})
        complaints: list[str] = []
        page.on("console", lambda said: _hear(said, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        visit(page, url, nodes_2)
        yield page, complaints
    finally:
        browser.close()


def visit(page: Page, url: str, nodes_2: bool) -> None:
    """Loads the frontend, anew if it is open, and empties its graph."""
    # Without the first, a visit opens a tour and a workflow whose models it looks for on the internet.
    settings = {"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": nodes_2}
    requests.post(url + "/settings", json=settings, timeout=300).raise_for_status()
    page.goto(url)
    page.wait_for_function(READY, timeout=300_000)
    page.evaluate(ADD_STYLE, STILL)
    page.evaluate("window.app.graph.clear()")


def _hear(said: ConsoleMessage, complaints: list[str]) -> None:
    """ComfyUI's page complains too, and each version of it of other things: only what names a file of ours counts."""
    text = f"{said.text} [{said.location['url']}]"
    if said.type in ("error", "warning") and OURS in text:
        complaints.append(text)


@functools.cache
def _playwright() -> Playwright:
    """One for all pages: a thread cannot have a second while the first one runs."""
    started = sync_playwright().start()
    atexit.register(started.stop)
    return started


def launch() -> Browser:
    """The Chromium of the variable; where that is empty, Playwright's own."""
    playwright = _playwright()
    if os.environ.get("REVIDEO_BROWSER") == "":
        return playwright.chromium.launch(args=["--no-sandbox"])
    return playwright.chromium.launch(
        executable_path=needed("REVIDEO_BROWSER"), args=list(FLAGS), ignore_default_args=["--headless"]
    )


def settled(page: Page, script: str, deadline_s: float = 120) -> Any:
    """What a script tells once it tells the same twice: after views have glided and pictures have come."""
    end, last = time.monotonic() + deadline_s, None
    while time.monotonic() < end:
        page.wait_for_timeout(250)
        told = page.evaluate(script)
        if told == last:
            return told
        last = told
    raise TimeoutError(f"the page did not come to rest within {deadline_s:g} s")


def load_workflow(page: Page, workflow: dict[str, Any]) -> None:
    """Opens a workflow as the menu does, with its missing-node checks."""
    page.evaluate("workflow => window.app.loadGraphData(workflow, true, true)", workflow)


def fit_view(page: Page) -> None:
    page.evaluate("window.app.extensionManager.command.execute('Comfy.Canvas.FitView')")
