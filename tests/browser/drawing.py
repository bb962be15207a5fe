"""The editor in a page: found, drawn in by pointer and keys, read back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

Place = Sequence[float]  # x, y in frame pixels

# Adds and links LoadVideo → Prepare Video → ReVideo Editor as a person would find them.
BUILD = """settings => {
    const { graph } = window.app;
    const add = (type, x, y) => {
        const node = window.LiteGraph.createNode(type);
        node.pos = [x, y];
        graph.add(node);
        return node;
    };
    const load = add("LoadVideo", 0, 60), prepare = add("ReVideoPrepareVideo", 360, 60), editor = add("ReVideoEditor", 720, 0);
    const set = (node, name, value) => {
        const widget = node.widgets.find(widget => widget.name === name);
        widget.value = value;
        widget.callback?.(value);
    };
    set(load, "file", settings.file);
    for (const [name, value] of Object.entries(settings.prepare ?? {})) set(prepare, name, value);
    const slot = (node, name) => node.inputs.findIndex(input => input.name === name);
    load.connect(0, prepare, slot(prepare, "video"));
    prepare.connect(0, editor, slot(editor, "frames"));
    return editor.id;
}"""


@dataclass
class Drawing:
    """One editor node and its element."""

    page: Page
    node_id: int

    @property
    def element(self) -> Locator:
        return self.page.locator(".revideo-editor")

    @property
    def stage(self) -> Locator:
        return self.element.locator(".rve-stage")

    @property
    def text(self) -> str:
        """The value of the widget, as it goes into the workflow."""
        return self.page.evaluate(
            "id => window.app.graph.getNodeById(id).widgets.find(w => w.name === 'document').value", self.node_id
        )

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.text) if self.text else {"paths": [], "regions": []}

    # --- Where things are --------------------------------------------------------------------

    def place(self, x: float, y: float, frame: tuple[int, int] = (640, 256)) -> tuple[float, float]:
        """Page coordinates of a frame pixel, the whole frame being in view (`fit`)."""
        box = self.stage.bounding_box()
        assert box is not None
        client = self.stage.evaluate("stage => [stage.clientWidth, stage.clientHeight]")
        zoom = box["width"] / client[0]
        margin = 12
        scale = min((client[0] - 2 * margin) / frame[0], (client[1] - 2 * margin) / frame[1])
        left, top = ((client[axis] - frame[axis] * scale) / 2 for axis in (0, 1))
        return box["x"] + zoom * (left + x * scale), box["y"] + zoom * (top + y * scale)

    # --- Doing -------------------------------------------------------------------------------

    def tool(self, name: str) -> None:
        self.element.locator(f'[data-command="tool:{name}"]').click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, x: float, y: float, **how: Any) -> None:
        self.page.mouse.click(*self.place(x, y), **how)

    def drag(self, places: Iterable[Place], steps: int = 4) -> None:
        first, *rest = (self.place(*place) for place in places)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for place in rest:
            self.page.mouse.move(*place, steps=steps)
        self.page.mouse.up()

    def wait_for_frame(self, frames: int = 14) -> None:
        """Until the clip's frames have been read from its file."""
        self.page.wait_for_function(
            "count => document.querySelector('.revideo-editor')?.dataset.framesReady === String(count)", arg=frames
        )


def build(page: Page, file: str = "bikes.mp4", **prepare: Any) -> Drawing:
    """The editor behind a clip of `file`, in an otherwise empty graph."""
    node_id = page.evaluate(BUILD, {"file": file, "prepare": prepare})
    page.wait_for_selector(".revideo-editor")
    return Drawing(page, node_id)
