"""What the subgraph blueprints are made of: nodes of example workflows, packed by the real frontend.

`python tests/browser/blueprints.py` stores them where ComfyUI's node library finds them: run it when a node's inputs
change. The tests only load what is stored.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

if __name__ == "__main__":  # pytest does this in conftest.py
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "comfyui")]

from comfyui_server import ROOT, ComfyUI
from examples import KEEP_MOTION, ONE_AREA, stored
from frontend import load_workflow, open_frontend, settled
from playwright.sync_api import Page

FOLDER = ROOT / "subgraphs"
EDIT = (
    "ReVideoConditions",
    "ReVideoLoadModel",
    "ReVideoSampler",
    "ReVideoDecode",
    "ReVideoKeepUnedited",
    "CreateVideo",
)


class Blueprint(NamedTuple):
    workflow: str
    types: tuple[str, ...]  # of the nodes in it
    description: str


BLUEPRINTS = {
    "Edit a clip (ReVideo)": Blueprint(
        ONE_AREA,
        EDIT,
        "Prepared frames, an edited first frame, and mask and paths of ReVideo Editor → the edited clip: what is in "
        "the mask is made anew and follows the paths, all else stays the source's.",
    ),
    "Keep the motion (ReVideo)": Blueprint(
        KEEP_MOTION,
        ("ReVideoTrackPoints", *EDIT),
        "Prepared frames, a first frame with a thing repainted, and a mask and anchors on it from ReVideo Editor → the "
        "edited clip: the anchors are followed through the source, so the new thing moves as the old one did.",
    ),
}
PROMOTED = {"checkpoint": "ReVideoLoadModel", "seed": "ReVideoSampler", "steps": "ReVideoSampler"}

# Packs the nodes of some types, shows some of their widgets, and leaves nothing else in the graph.
# The frontend shows every seed by itself, that of tracking too.
PACK = """([name, types, promoted, description]) => {
    const { graph } = window.app
    const { subgraph, node } = graph.convertToSubgraph(new Set(graph.nodes.filter(({ type }) => types.includes(type))))
    subgraph.name = node.title = name
    Object.assign(subgraph, { description, category: "ReVideo" })
    for (const input of subgraph.inputs.filter(({ name }) => name.startsWith("seed"))) subgraph.removeInput(input)
    for (const [widget, type] of Object.entries(promoted)) {
        const inner = subgraph.nodes.find(node => node.type === type)
        const slot = inner.inputs.find(({ name }) => name === widget)
        const { value } = inner.widgets.find(({ name }) => name === widget)
        subgraph.addInput(widget, slot.type).connect(slot, inner)
        node.widgets.find(({ name }) => name === widget).value = value
    }
    for (const other of graph.nodes.filter(other => other !== node)) graph.remove(other)
    for (const group of [...graph.groups]) graph.remove(group)
    return graph.serialize()
}"""


def known(value: Any) -> Any:
    """Without what is undefined in the page, which arrives as None; a link that is None says that there is none."""
    if isinstance(value, dict):
        return {key: known(item) for key, item in value.items() if item is not None or key == "link"}
    return [known(item) for item in value] if isinstance(value, list) else value


def make(page: Page, name: str) -> dict[str, Any]:
    """The blueprint, as the frontend itself serialises it."""
    workflow, types, description = BLUEPRINTS[name]
    load_workflow(page, stored(workflow))
    settled(page, "window.app.graphToPrompt()")
    made = known(page.evaluate(PACK, [name, types, PROMOTED, description]))
    made["extra"] = {"BlueprintDescription": description}
    (subgraph,) = made["definitions"]["subgraphs"]
    subgraph |= {"description": description, "category": "ReVideo"}
    text = json.dumps(made)
    ids = [made["id"], subgraph["id"], *(slot["id"] for slot in subgraph["inputs"] + subgraph["outputs"])]
    for number, random_id in enumerate(ids):  # a workflow's, which is another's, and those that are new every time
        text = text.replace(random_id, str(uuid5(NAMESPACE_URL, f"{name} {number}")))
    return json.loads(text)


def blueprint(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as base:
        server = ComfyUI(Path(base))
        server.start()
        try:
            for name in BLUEPRINTS:
                with open_frontend(server.url) as (page, _):
                    text = json.dumps(make(page, name), indent=1, ensure_ascii=False)
                (FOLDER / f"{name}.json").write_text(text + "\n", "utf-8")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
