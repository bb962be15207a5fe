"""A page for many tests: opening the frontend takes seconds, emptying its graph does not.

Tests run on the pinned frontend in LiteGraph unless they are a `journey`; these ask for `server`, whose page they see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from comfyui_server import ComfyUI, needed
from drawing import NEW_GRAPH, TWO_FRAMES
from frontend import PINNED, open_frontend
from playwright.sync_api import Page


@pytest.fixture(scope="session")
def newest_comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyUI]:
    """A second server, which serves the newest frontend: a process has one."""
    root = needed("REVIDEO_NEWEST_FRONTEND")
    server = ComfyUI(tmp_path_factory.mktemp("ComfyUI-newest"), "--front-end-root", root)
    server.start()
    yield server
    server.stop()


class Frontend(NamedTuple):
    page: Page
    complaints: list[str]
    server: ComfyUI


@pytest.fixture(scope="session", params=PINNED[:1], ids=str)
def frontend(request: pytest.FixtureRequest) -> Iterator[Frontend]:
    """A page of a View, what it complains of, and the server behind it."""
    server = request.getfixturevalue("newest_comfyui" if request.param.newest else "comfyui")
    with open_frontend(server.url, nodes_2=request.param.nodes_2) as (page, complaints):
        page.set_default_timeout(120_000)  # other work may share the machine
        yield Frontend(page, complaints, server)


@pytest.fixture
def server(frontend: Frontend) -> ComfyUI:
    return frontend.server


@pytest.fixture
def page(frontend: Frontend) -> Iterator[Page]:
    """An empty graph; a complaint is the test's failure."""
    page, complaints, _ = frontend
    page.evaluate(NEW_GRAPH)
    complaints.clear()
    yield page
    page.mouse.up()
    page.evaluate(NEW_GRAPH)
    page.evaluate(TWO_FRAMES)  # ComfyUI draws no more after an error while it drew: it is the failure of this test
    assert complaints == []
