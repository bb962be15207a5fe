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


@dataclass
class Column:
    """Nodes under each other, in a titled group."""

    title: str
    colour: str
    nodes: dict[str, Node]


NOTE = ("#432", "#653")  # ComfyUI's own yellow of notes
GROUPS = {"clip": "#3f789e", "edit": "#b58b2a", "model": "#8a5a9e", "result": "#4f8a4f"}


def note(text: str, size: tuple[int, int]) -> Node:
    return Node("MarkdownNote", widgets={"text": text}, size=size, colours=NOTE)


# Lays columns out from left to right with the sizes that the frontend gives its nodes.
BUILD = """
columns => {
    const { graph } = window.app
    graph.clear()
    const GAP = 40, TITLE = 30, MARGIN = 20
    const made = {}
    const problems = []
    let left = 0
    for (const column of columns) {
        let top = 0
        for (const [key, spec] of Object.entries(column.nodes)) {
            const node = window.LiteGraph.createNode(spec.type)
            if (!node) { problems.push(`no node ${spec.type}`); continue }
            graph.add(node)
            for (const [name, value] of Object.entries(spec.widgets)) {
                const widget = node.widgets?.find(widget => widget.name === name)
                if (!widget) { problems.push(`${spec.type} has no widget ${name}`); continue }
                widget.value = value
                widget.callback?.(value, window.app.canvas, node)
            }
            if (spec.title) node.title = spec.title
            if (spec.colours) [node.color, node.bgcolor] = spec.colours
            const needed = node.computeSize()
            node.setSize([column.width, Math.max(needed[1], spec.size[1])])
            node.pos = [left, top + TITLE]
            top += TITLE + node.size[1] + GAP
            made[key] = node
        }
        column.left = left
        left += column.width + 2 * MARGIN + GAP
    }
    for (const column of columns) for (const [key, spec] of Object.entries(column.nodes))
        for (const [input, [from, slot]] of Object.entries(spec.inputs)) {
            const index = made[key].inputs.findIndex(({ name }) => name === input)
            if (index < 0 || !made[from].connect(slot, made[key], index))
                problems.push(`${spec.type}.${input} takes nothing from ${from}`)
        }
    for (const column of columns) {
        const nodes = Object.keys(column.nodes).map(key => made[key])
        const bottom = Math.max(...nodes.map(node => node.pos[1] + node.size[1]))
        const group = new window.LiteGraph.LGraphGroup(column.title)
        group.color = column.colour
        group.pos = [column.left - MARGIN, -60]
        group.size = [column.width + 2 * MARGIN, bottom + 60 + MARGIN]
        graph.add(group)
    }
    return problems
}
"""


def build(page: Page, name: str, workflow: list[Column]) -> dict[str, Any]:
    """The workflow as the frontend itself serialises it."""
    columns = [
        {
            "title": column.title,
            "colour": column.colour,
            "width": max(node.size[0] for node in column.nodes.values()),
            "nodes": {key: vars(node) for key, node in column.nodes.items()},
        }
        for column in workflow
    ]
    problems = page.evaluate(BUILD, columns)
    if problems:
        raise RuntimeError(f"{name}: " + "; ".join(problems))
    stored = page.evaluate("window.app.graph.serialize()")
    stored["id"] = str(uuid5(NAMESPACE_URL, name))  # a cleared graph's is all zeros: no two may share it
    for node in stored["nodes"]:
        node.get("properties", {}).pop("ver", None)  # of the machine that built it
    return stored
