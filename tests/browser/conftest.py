"""A page for many tests: opening the frontend takes seconds, emptying its graph does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from comfyui_server import ComfyUI
from frontend import open_frontend
from playwright.sync_api import Page


@pytest.fixture(scope="session", params=[False, True], ids=["litegraph", "nodes_2"])
def frontend(comfyui: ComfyUI, request: pytest.FixtureRequest) -> Iterator[tuple[Page, list[str]]]:
    """A page in one of the two renderers, and what its console complains of."""
    with open_frontend(comfyui.url, nodes_2=request.param) as (page, complaints):
        page.set_default_timeout(30_000)  # other work may share the machine
        yield page, complaints


# A cleared graph's id is all zeros, and ComfyUI keeps widgets' values by graph and node: no test may meet another's.
NEW_GRAPH = "() => { window.app.graph.clear(); window.app.graph.id = crypto.randomUUID(); }"


@pytest.fixture
def page(frontend: tuple[Page, list[str]]) -> Iterator[Page]:
    """An empty graph; a complaint in the console is the test's failure."""
    page, complaints = frontend
    page.evaluate(NEW_GRAPH)
    complaints.clear()
    yield page
    page.mouse.up()
    page.evaluate("window.app.graph.clear()")
    assert complaints == []
