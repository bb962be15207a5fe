"""The editor in a page: found, drawn in by pointer and keys, read back."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import CDPSession, Locator, Page, TimeoutError
from torch import Tensor

Place = Sequence[float]  # x, y in frame pixels

FRAME = (640, 256)  # what Prepare Video makes of bikes.mp4, with its defaults
PREPARE = {
    "size_policy": "area",
    "width": 576,
    "height": 320,
    "fit": "stretch",
    "start": 0,
    "stride": 1,
    "count": 14,
}
FIT_MARGIN = 12  # view pixels around the frame, in js/geometry/viewport.js

# A cleared graph's id is all zeros, and ComfyUI keeps widgets' values by graph and node: no test may meet another's.
# A test may have left the picture of a loader that had a node's id, which takes room in that node; or an open subgraph,
# at whose nodes the newest frontend fails if it draws them once they are cleared: its canvas stands still from then on.
NEW_GRAPH = """() => {
    window.app.canvas.setGraph(window.app.graph);
    window.app.nodeOutputs = {};
    window.app.graph.clear();
    window.app.graph.id = crypto.randomUUID();
}"""

# Adds nodes, sets their widgets and links their inputs; the graph is at scale 1, the editor in view.
BUILD = """nodes => {
    const { graph, canvas } = window.app;
    const made = {};
    for (const [key, { type, pos, widgets }] of Object.entries(nodes)) {
        const node = (made[key] = window.LiteGraph.createNode(type));
        node.pos = pos;
        graph.add(node);
        if (type === "ReVideoEditor") node.setSize([820, 700]); // Nodes 2.0 gives it that of one that had its id
        for (const [name, value] of Object.entries(widgets ?? {})) {
            const widget = node.widgets.find(widget => widget.name === name);
            widget.value = value;
            widget.callback?.(value);
        }
    }
    for (const [key, { inputs }] of Object.entries(nodes))
        for (const [name, [from, slot]] of Object.entries(inputs ?? {}))
            made[from].connect(slot, made[key], made[key].inputs.findIndex(input => input.name === name));
    canvas.ds.scale = 1;
    canvas.ds.offset = [-300, 120];
    canvas.setDirty(true, true);
    return Object.fromEntries(Object.entries(made).map(([key, node]) => [key, node.id]));
}"""

# The editors have stayed where they are for some frames: Nodes 2.0 lays out step by step.
AT_REST = """least => {
    const editors = [...document.querySelectorAll(".revideo-editor")].filter(editor => editor.offsetWidth);
    const boxes = JSON.stringify(editors.map(editor => editor.querySelector(".rve-stage").getBoundingClientRect()));
    window.framesAtRest = boxes === window.boxesBefore ? window.framesAtRest + 1 : 0;
    window.boxesBefore = boxes;
    return editors.length > 0 && editors.every(editor => editor.offsetWidth >= least) && window.framesAtRest >= 8;
}"""

# On the element of the node's widget alone, wherever it is: another that is still shown would be none of the node's.
MARK = """id => {
    for (const editor of document.querySelectorAll(`.revideo-editor[data-test="${id}"]`)) delete editor.dataset.test;
    const { widgets } = window.app.graph.getNodeById(id);
    widgets.find(widget => widget.name === "document").element.dataset.test = id;
}"""

FRAMES_READY = """([id, count]) =>
    document.querySelector(`.revideo-editor[data-test='${id}']`)?.dataset.framesReady === String(count)"""

TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass
class Drawing:
    """One editor node and its element."""

    page: Page
    node_id: int
    frame: tuple[int, int] = FRAME  # width, height of the picture it is drawn on

    @property
    def element(self) -> Locator:
        self.page.evaluate(MARK, self.node_id)
        return self.page.locator(f'.revideo-editor[data-test="{self.node_id}"]')

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

    @property
    def paths(self) -> list[dict[str, Any]]:
        return self.document["paths"]

    @property
    def regions(self) -> list[dict[str, Any]]:
        return self.document["regions"]

    def points(self, path: int = -1) -> list[tuple[float, float]]:
        return [(point["x"], point["y"]) for point in self.paths[path]["points"]]

    # --- What it shows -----------------------------------------------------------------------

    def drawn(self) -> Drawing:
        """After the screen has caught up with the drawing."""
        self.page.evaluate(TWO_FRAMES)
        return self

    @property
    def chosen(self) -> list[str]:
        """Names of the selected paths and areas, as the list shows them."""
        return self.drawn().element.locator(".rve-row.rve-chosen .rve-name").all_inner_texts()

    @property
    def time(self) -> int:
        """Number of the frame shown."""
        return int(self.drawn().element.locator(".rve-scrubber").get_attribute("aria-valuenow") or -1)

    @property
    def status(self) -> str:
        return self.drawn().element.locator(".rve-status").inner_text()

    @property
    def message(self) -> str:
        return "".join(self.drawn().element.locator(".rve-message span").all_inner_texts())

    def layer(self, name: str) -> NDArray[np.uint8]:
        """(H, W, 4) device pixels of one canvas of the stage."""
        script = "(stage, name) => stage.querySelector(`[data-layer=${name}]`).toDataURL().split(',')[1]"
        encoded = self.drawn().stage.evaluate(script, name)
        return np.asarray(Image.open(BytesIO(base64.b64decode(encoded))).convert("RGBA"))

    def frame_of(self, name: str, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """(height, width, 4): the frame as a canvas of the stage shows it, scaled to width, height, else to its own."""
        pixels = self.layer(name)
        client = self.client()
        left, top, scale = self._fitted(client)
        density = pixels.shape[1] / client[0]
        box = [value * density for value in (left, top, left + scale * self.frame[0], top + scale * self.frame[1])]
        # While the stage takes another size its pixels are of one size and this of another.
        box = [min(max(value, 0), side) for value, side in zip(box, (pixels.shape[1], pixels.shape[0]) * 2)]
        bands = [Image.fromarray(pixels[..., band]) for band in range(4)]  # each by itself: none is weighed by opacity
        scaled = [band.resize(size or self.frame, Image.Resampling.BOX, box=tuple(box)) for band in bands]
        return np.stack(scaled, axis=-1)

    def picture(self, size: tuple[int, int] = (160, 64)) -> Tensor:
        """(3, height, width) in [0, 1]: the frame as the canvas shows it, scaled down to width, height."""
        return torch.from_numpy(self.frame_of("picture", size)[..., :3].copy()).permute(2, 0, 1) / 255

    # --- Where things are --------------------------------------------------------------------

    def client(self) -> tuple[float, float]:
        """Width and height of the stage in its own pixels."""
        return tuple(
            self.stage.evaluate("stage => ['width', 'height'].map(side => parseFloat(getComputedStyle(stage)[side]))")
        )

    def _fitted(self, client: tuple[float, float]) -> tuple[float, float, float]:
        scale = min((client[axis] - 2 * FIT_MARGIN) / self.frame[axis] for axis in (0, 1))
        left, top = ((client[axis] - self.frame[axis] * scale) / 2 for axis in (0, 1))
        return left, top, scale

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Page coordinates of a frame pixel, the whole frame being in view (`fit`)."""
        box = self.stage.bounding_box()
        assert box is not None
        client = self.client()
        zoom = box["width"] / client[0]
        left, top, scale = self._fitted(client)
        return box["x"] + zoom * (left + x * scale), box["y"] + zoom * (top + y * scale)

    # --- Doing -------------------------------------------------------------------------------

    def button(self, command: str) -> Locator:
        return self.element.locator(f'[data-command="{command}"]')

    def tool(self, name: str) -> None:
        self.button(f"tool:{name}").click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, x: float, y: float, **how: Any) -> None:
        self.page.mouse.click(*self.place(x, y), **how)

    def click_apart(self, x: float, y: float) -> None:
        """A click that is no half of a double click."""
        self.page.wait_for_function(
            "start => performance.now() - start > 550", arg=self.page.evaluate("performance.now()")
        )
        self.click(x, y)

    def drag(self, places: Iterable[Place], steps: int = 4, button: Any = "left") -> None:
        first, *rest = (self.place(*place) for place in places)
        self.page.mouse.move(*first)
        self.page.mouse.down(button=button)
        for place in rest:
            self.page.mouse.move(*place, steps=steps)
        self.page.mouse.up(button=button)

    def field(self, label: str) -> Locator:
        """A field of the panel, by the text before it."""
        labels = self.drawn().element.locator("label.rve-field")
        return labels.filter(has_text=re.compile(f"^{re.escape(label)}")).locator("input, select").first

    def enter(self, label: str, value: object) -> None:
        field = self.field(label)
        field.fill(str(value))
        field.press("Enter")

    def follows(self, index: int) -> Locator:
        """The check box by which the selected area follows a path."""
        return self.drawn().element.locator(f"[data-field=follow-{index}]")

    def row(self, name: str) -> Locator:
        return self.drawn().element.locator(".rve-row").filter(has_text=name)

    def wait_for_frames(self, frames: int = 14) -> Drawing:
        """Until the clip's frames have been read from its file, and nothing moves."""
        self.page.evaluate(MARK, self.node_id)
        try:
            self.page.wait_for_function(FRAMES_READY, arg=[self.node_id, frames])
        except TimeoutError as error:
            told = self.element.evaluate("editor => [editor.dataset.framesReady, editor.offsetWidth, editor.innerText]")
            raise AssertionError(f"{frames} frames were not read: {told}") from error
        self.page.wait_for_function(AT_REST, arg=0)
        return self.drawn()

    def wait_for(self, condition: Callable[[Drawing], bool], what: str, deadline_s: float = 120) -> None:
        """Polls where the page has no event to wait for."""
        end = time.monotonic() + deadline_s
        while not condition(self):
            if time.monotonic() > end:
                raise AssertionError(f"waited {deadline_s:g} s for {what}")
            self.page.wait_for_timeout(50)  # lets the page's own events through


def build(
    page: Page,
    file: str | None = "bikes.mp4",
    frame: tuple[int, int] = FRAME,
    more: dict[str, Any] | None = None,
    inputs: dict[str, Any] | None = None,
    **prepare: Any,
) -> Drawing:
    """LoadVideo → Prepare Video → editor; without a file, the editor alone. `more`: other nodes."""
    nodes: dict[str, Any] = {}
    editor: dict[str, Any] = {"type": "ReVideoEditor", "pos": [720, 0], "inputs": dict(inputs or {})}
    if file:
        nodes["clip"] = {"type": "LoadVideo", "pos": [-60, 60], "widgets": {"file": file}}
        nodes["prepare"] = {
            "type": "ReVideoPrepareVideo",
            "pos": [380, 60],
            "widgets": PREPARE | prepare,  # all of them: a node takes over the values of one that had its id
            "inputs": {"video": ["clip", 0]},
        }
        editor["inputs"].setdefault("frames", ["prepare", 0])
    nodes |= more or {}
    ids = page.evaluate(BUILD, nodes | {"editor": editor})
    page.wait_for_selector(".revideo-editor:visible")
    page.wait_for_function(AT_REST, arg=700)
    return Drawing(page, ids["editor"], frame)


def draw_lines(drawing: Drawing, *ys: float) -> None:
    drawing.tool("line")
    for y in ys:
        drawing.drag([(100, y), (300, y + 10)])


def draw_wave(drawing: Drawing) -> None:
    """A spline of three points, the middle one selected."""
    drawing.tool("spline")
    for place in [(100, 60), (300, 160), (500, 60)]:
        drawing.click(*place)
    drawing.press("Enter")
    drawing.tool("select")
    drawing.click(300, 160)


def steer(drawing: Drawing, x: float, y: float) -> None:
    """Moves the crosshair there by arrow keys; it is shown."""
    drawing.press("ArrowLeft", "ArrowRight")  # it says where it is
    found = re.match(r"Crosshair at (-?\d+), (-?\d+)", drawing.status)
    assert found, drawing.status
    for to, at, keys in [(x, found[1], ("ArrowLeft", "ArrowRight")), (y, found[2], ("ArrowUp", "ArrowDown"))]:
        tens, ones = divmod(abs(round(to) - int(at)), 10)
        key = keys[round(to) > int(at)]
        drawing.press(*[f"Shift+{key}"] * tens, *[key] * ones)


def touch(session: CDPSession, kind: str, *places: tuple[float, float]) -> None:
    """Fingers on the page: they go down, move or are lifted."""
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
