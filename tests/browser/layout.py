"""What workflows are made of, and the real frontend laying them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from playwright.sync_api import Page


@dataclass
class Node:
    type: str
    inputs: dict[str, tuple[str, int]] = field(default_factory=dict)  # input -> node, output slot
    widgets: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    size: tuple[int, int] = (300, 0)  # at least; the frontend knows how much its widgets need
    colours: tuple[str, str] | None = None
    models: list[dict[str, str]] = field(default_factory=list)  # that it may load: for ComfyUI's missing-model dialog


@dataclass
class Column:
    """Nodes under each other, in a titled group."""

    title: str
    colour: str
    nodes: dict[str, Node]

    @property
    def width(self) -> int:
        """At least."""
        return max(node.size[0] for node in self.nodes.values())


NOTE = ("#432", "#352b1a")  # darker than ComfyUI's own yellow: Nodes 2.0 writes on it in grey
GROUPS = {"clip": "#3f789e", "edit": "#b58b2a", "model": "#8a5a9e", "result": "#4f8a4f"}


def note(text: str, size: tuple[int, int]) -> Node:
    return Node("MarkdownNote", widgets={"text": text}, size=size, colours=NOTE)


# Lays rows of columns out, from left to right and downwards, with the sizes that the frontend gives its nodes.
BUILD = """
([rows, GAP]) => {
    const { graph } = window.app
    graph.clear()
    const TITLE = 30, MARGIN = 10
    const made = {}
    const problems = []
    const each = visit => {
        for (const columns of rows) for (const column of columns)
            for (const [key, spec] of Object.entries(column.nodes)) visit(key, spec, column)
    }
    each((key, spec, column) => {
        const node = window.LiteGraph.createNode(spec.type)
        if (!node) return problems.push(`no node ${spec.type}`)
        graph.add(node)
        made[key] = node
        for (const [name, value] of Object.entries(spec.widgets)) {
            const widget = node.widgets?.find(widget => widget.name === name)
            if (!widget) { problems.push(`${spec.type} has no widget ${name}`); continue }
            widget.value = value
            widget.callback?.(value, window.app.canvas, node)
        }
        if (spec.title) node.title = spec.title
        if (spec.colours) [node.color, node.bgcolor] = spec.colours
        if (spec.models.length) node.properties.models = spec.models
        node.setSize([column.width, Math.max(node.computeSize()[1], spec.size[1])])
    })
    let top = 0
    for (const columns of rows) {
        let left = 0, lowest = 0
        for (const column of columns) {
            let bottom = top
            for (const key of Object.keys(column.nodes)) {
                made[key].pos = [left, bottom + TITLE]
                bottom += TITLE + made[key].size[1] + GAP
            }
            const group = new window.LiteGraph.LGraphGroup(column.title)
            group.color = column.colour
            group.pos = [left - MARGIN, top - 40]
            group.size = [column.width + 2 * MARGIN, bottom - GAP + MARGIN - top + 40]
            graph.add(group)
            left += column.width + GAP
            lowest = Math.max(lowest, bottom)
        }
        top = lowest + 40 + GAP
    }
    each((key, spec) => {
        for (const [input, [from, slot]] of Object.entries(spec.inputs)) {
            const index = made[key].inputs.findIndex(({ name }) => name === input)
            if (index < 0 || !made[from].connect(slot, made[key], index))
                problems.push(`${spec.type}.${input} takes nothing from ${from}`)
        }
    })
    return problems
}
"""

WIDTH, GAP = 1490, 30  # of a row, and between its columns: what a screen shows at a zoom at which notes are readable

# A workflow opens where it was saved: the first row in view, its note beside the side bar, text at its own size.
VIEW = {"scale": 1.0, "offset": [90, 150]}


def spare_px(columns: list[Column]) -> int:
    """What each column of a row gets beyond its least width, so that all rows are equally wide."""
    spare = WIDTH - GAP * (len(columns) - 1) - sum(column.width for column in columns)
    if spare < 0:
        raise ValueError(f"{', '.join(column.title for column in columns)}: {-spare} pixels too many side by side")
    return spare // len(columns)


# Widgets that App mode shows: the clip, the drawing, the choice.
APP_INPUTS = {
    "ReVideoExampleClip": "example",
    "ReVideoEditor": "document",
    "ReVideoSampler": "seed",
    "ReVideoLongVideo": "seed",
    "KSampler": "seed",
}
DRAWING_PX = 640  # height of the editor there, where it is 340 wide


def app_mode(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """What App mode shows of a workflow, as ComfyUI's `extra.linearData`: three widgets, and the saved clip."""
    inputs = [
        [node["id"], widget, *([{"height": DRAWING_PX}] if widget == "document" else [])]
        for type_, widget in APP_INPUTS.items()
        for node in nodes
        if node["type"] == type_
    ]
    return {"inputs": inputs, "outputs": [node["id"] for node in nodes if node["type"] == "SaveVideo"]}


def build(page: Page, name: str, workflow: list[list[Column]], app: bool = False) -> dict[str, Any]:
    """The workflow, given as rows, as the frontend itself serialises it; `app`: made for App mode too."""
    rows = [
        [
            {
                "title": column.title,
                "colour": column.colour,
                "width": column.width + spare_px(columns),
                "nodes": {key: vars(node) for key, node in column.nodes.items()},
            }
            for column in columns
        ]
        for columns in workflow
    ]
    problems = page.evaluate(BUILD, [rows, GAP])
    if problems:
        raise RuntimeError(f"{name}: " + "; ".join(problems))
    stored = page.evaluate("window.app.graph.serialize()")
    stored["id"] = str(uuid5(NAMESPACE_URL, name))  # a cleared graph's is all zeros: no two may share it
    stored["extra"]["ds"] = VIEW
    if app:
        stored["extra"]["linearData"] = app_mode(stored["nodes"])
    for node in stored["nodes"]:
        node.get("properties", {}).pop("ver", None)  # of the machine that built it
    return stored
