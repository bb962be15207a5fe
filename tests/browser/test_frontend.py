"""What the other browser tests stand on: which frontend a page runs, and what of its complaints is heard."""

from __future__ import annotations

from pathlib import Path

import pytest
from comfyui_server import ComfyUI, needed
from frontend import OURS, View, journey
from playwright.sync_api import Page

RUNNING = "window.__COMFYUI_FRONTEND_VERSION__"
MISTAKES = """async ours => {
    console.warn("of the page itself");
    await import(`${ours}gone.js`).catch(() => {});
    setTimeout(() => { throw new Error("nobody caught it"); });
}"""


@journey
def test_the_page_runs_the_frontend_it_says(page: Page, request: pytest.FixtureRequest):
    view: View = request.node.callspec.params["frontend"]
    running = page.evaluate(RUNNING)
    if view.newest:
        assert needed("REVIDEO_NEWEST_FRONTEND").endswith(running)
    else:
        requirements = (Path(needed("REVIDEO_COMFYUI")) / "requirements.txt").read_text("utf-8")
        assert f"comfyui-frontend-package=={running}" in requirements.split()
    assert page.evaluate("window.LiteGraph.vueNodesMode") is view.nodes_2


def test_complaints_that_name_our_files_are_heard_and_uncaught_errors(frontend: tuple[Page, list[str], ComfyUI]):
    page, complaints, _ = frontend
    complaints.clear()
    page.evaluate(MISTAKES, OURS)
    while len(complaints) < 2:
        page.wait_for_timeout(100)  # lets the page's own events through
    missing, uncaught = sorted(complaints)
    assert "404" in missing
    assert "nobody caught it" in uncaught
    complaints.clear()


SEARCHES = {
    "draw path": "ReVideo Editor",
    "animate mask": "ReVideo Editor",
    "object motion": "ReVideo Editor",
    "mask path": "ReVideo Editor",
    "draw mask": "ReVideo Editor",
    "keyframe": "ReVideo Editor",
    "point tracking": "Track Points",
}


@journey
def test_the_search_finds_the_node_by_the_words_that_people_use(page: Page):
    for words, title in SEARCHES.items():
        page.evaluate("window.app.extensionManager.command.execute('Workspace.SearchBox.Toggle')")
        page.get_by_role("combobox", name="Add a node").fill(words)
        page.get_by_role("option").filter(has_text=title).first.wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("option").first.wait_for(state="hidden")
