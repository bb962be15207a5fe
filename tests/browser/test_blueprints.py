"""The subgraph blueprints: found in ComfyUI's search of nodes, put into a graph, wired and run."""

from __future__ import annotations

import json

import pytest
from blueprints import BLUEPRINTS, PROMOTED, blueprint, make
from comfyui_server import PACK, ROOT, ComfyUI
from examples import stored
from frontend import NEWEST, PINNED, load_workflow
from playwright.sync_api import Page
from test_workflows import SHRINK, check_result, finish

from revideo.synthetic.examples import example_files
from revideo.video.io import read_video

# The blueprint's node takes the place of the nodes that it holds: its inputs are fed by what fed theirs from outside,
# its outputs go where theirs went. Gives what it still lacks.
WIRE = """types => {
    const { graph } = window.app
    const packed = graph.nodes.find(node => node.isSubgraphNode?.())
    const within = graph.nodes.filter(({ type }) => types.includes(type))
    const links = [...graph.links.values()].map(({ origin_id, origin_slot, target_id, target_slot }) => {
        const [from, to] = [origin_id, target_id].map(id => graph.getNodeById(id))
        return { from, output: origin_slot, to, input: target_slot }
    })
    for (const { from, output, to, input } of links) {
        const [enters, leaves] = [to, from].map(node => within.includes(node))
        const slot = name => slots => slots.findIndex(slot => slot.name === name)
        if (enters && !leaves) from.connect(output, packed, slot(to.inputs[input].name)(packed.inputs))
        if (leaves && !enters) packed.connect(slot(from.outputs[output].name)(packed.outputs), to, input)
    }
    for (const node of within) graph.remove(node)
    return packed.inputs.filter(({ link, widget }) => link == null && !widget).map(({ name }) => name)
}"""


def put(page: Page, name: str) -> None:
    """As a person does: the search box, the name, Enter."""
    page.evaluate("window.app.extensionManager.command.execute('Workspace.SearchBox.Toggle')")
    search = page.locator("input[role=combobox]:visible").first
    search.fill(name)
    page.get_by_text(name).last.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_function("window.app.graph.nodes.some(node => node.isSubgraphNode?.())")


def test_comfyui_finds_them(comfyui: ComfyUI):
    ours = {
        entry["name"]
        for entry in comfyui.get("/global_subgraphs").values()
        if entry["info"]["node_pack"].endswith(PACK)
    }
    assert ours == set(BLUEPRINTS) == {file.stem for file in (ROOT / "subgraphs").iterdir()}


@pytest.mark.parametrize("frontend", PINNED[:1], indirect=True, ids=str)
@pytest.mark.parametrize("name", BLUEPRINTS)
def test_they_are_of_the_nodes_as_they_are_now(page: Page, name: str):
    """A node whose inputs change would have values of others in a blueprint that is not made anew."""

    def content(packed):
        (subgraph,) = packed["definitions"]["subgraphs"]
        slots = [[slot["name"] for slot in subgraph[side]] for side in ("inputs", "outputs")]
        return slots, {node["type"]: (node["widgets_values"], node["inputs"]) for node in subgraph["nodes"]}

    assert json.loads(json.dumps(content(make(page, name)))) == json.loads(json.dumps(content(blueprint(name))))


FIRST, *OTHERS = BLUEPRINTS
CASES = [(view, FIRST) for view in (*PINNED, *NEWEST)] + [(PINNED[0], name) for name in OTHERS]


@pytest.mark.parametrize(("frontend", "name"), CASES, indirect=["frontend"], ids=str)
def test_found_by_its_name_and_wired_it_edits_the_clip(server: ComfyUI, page: Page, name: str):
    source, types, _ = BLUEPRINTS[name]
    workflow = stored(source)
    load_workflow(page, workflow)
    put(page, name)
    shown = page.evaluate(
        "window.app.graph.nodes.find(node => node.isSubgraphNode?.()).widgets.map(({ name }) => name)"
    )
    assert set(PROMOTED) <= set(shown)
    assert page.evaluate(WIRE, types) == []  # everything that is needed has come
    example = "content"
    page.evaluate(SHRINK, {"example": example, "size": {"height": 128, "width": 128, "count": 14}})
    entry = finish(server, page)
    clip, rate = read_video(example_files(ROOT / "js/examples", example)[0])
    check_result(server, workflow, entry, clip, rate)
