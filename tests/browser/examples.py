"""The files that the example workflows read, made in code, and what the workflows are made of.

`python tests/browser/examples.py` lays the workflows out in the real frontend and stores them: run it
when a node's inputs change. The tests only load what is stored.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

if __name__ == "__main__":  # pytest does this in conftest.py
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "comfyui")]

import torch
from comfyui_server import CHECKPOINT, ROOT, WINDOW, ComfyUI, png
from frontend import fit_view, load_workflow, open_frontend, settled
from PIL import Image
from playwright.sync_api import Page
from torch import Tensor

from revideo.demo import paint_ball
from revideo.pictures import draw_region, draw_tracks
from revideo.random_weights import write_random_checkpoint
from revideo.trajectory import parse_tracks
from revideo.video import choose_size, fit_frames, read_video

FOLDER = ROOT / "example_workflows"
ONE_AREA, TWO_AREAS = "01_edit_one_area", "02_edit_two_areas"

EDITED, SECOND = "revideo_edited_frame.png", "revideo_second_area.png"  # in ComfyUI's input folder
AREA_PX = (320, 576)  # height and width of Prepare Video; the clip's own shape stays

# A ball on each side of the road, where bikes.mp4 looks down on a passing lorry.
BALL_PX = 24.0
PATHS = (
    [(62, 52), (52, 82), (66, 112), (92, 142), (104, 172), (98, 204)],
    [(562, 206), (582, 172), (572, 138), (548, 104), (536, 74), (540, 46)],
)
AREAS = ((20, 20, 118, 220), (504, 16, 112, 224))  # x, y, width, height


def tracks_json(paths: tuple[list[tuple[int, int]], ...]) -> str:
    lines = [", ".join(f'{{"x": {x}, "y": {y}}}' for x, y in path) for path in paths]
    return "[\n" + ",\n".join(f"[{line}]" for line in lines) + "\n]"


def prepared_clip(clip: Path) -> Tensor:
    """(T, 3, H, W): what Prepare Video makes of the clip in both workflows."""
    frames, _ = read_video(clip, count=WINDOW)
    return fit_frames(frames, *choose_size(*frames.shape[-2:], "area", *AREA_PX))


def edited_frame(name: str, frame: Tensor) -> Tensor:
    """The first frame (3, H, W) with a ball painted in, or with two."""
    frame = paint_ball(frame, torch.tensor(PATHS[0][0]), BALL_PX)
    if name == TWO_AREAS:  # red and blue swapped: a blue one
        frame = paint_ball(frame.flip(0), torch.tensor(PATHS[1][0]), BALL_PX).flip(0)
    return frame.clamp(0, 1)


def place_inputs(server: ComfyUI, name: str) -> None:
    """What an artist would make by hand: the edited first frame, with the areas as masks.

    ComfyUI's mask editor stores a mask as the picture's transparency.
    """
    frame = edited_frame(name, prepared_clip(server.input / "bikes.mp4")[0])
    for file, (x, y, width, height) in zip((EDITED, SECOND), AREAS):
        opaque = torch.ones(1, *frame.shape[-2:])
        opaque[:, y : y + height, x : x + width] = 0
        server.upload(file, png(torch.cat([frame, opaque]).permute(1, 2, 0)))


# --- The workflows ---------------------------------------------------------------------


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

# A backslash joins lines: the frontend would break the text where the source does.
STEPS = """\
## {title}

1. **Clip.** Choose your clip in *Load Video*. *start* in *Prepare Video* is the first frame of the part to edit; \
{window} frames are edited at once.
2. **First frame.** Run once (that the edited frame is still missing does not matter): *Save first frame* writes \
*revideo_first_frame* into ComfyUI's output folder.
3. **Edit it** in any program: paint, paste, retouch, anywhere. Keep its size. Load it in *Edited first frame*{load}
4. **Area.** {area}
5. **Path.** {path} Pixels of the prepared frame: x to the right, y down. *Paths over the clip* shows where it lies.
6. **Run.** The finished clip is in *Save Video*. Outside the area every pixel stays the source's.

576 × 320 is a light start, for cards of 12 GB. The model was made for **1024 × 1024**: raise *width* and *height* in \
*Prepare Video* (your clip keeps its shape), then begin again at 2.
"""

WEIGHTS = """\
## Model

**{checkpoint}** goes into **models/checkpoints** (or models/revideo).

The authors of *ReVideo* (Chong Mou et al., NeurIPS 2024) publish model.ckpt on Hugging Face, linked from \
[github.com/MC-E/ReVideo](https://github.com/MC-E/ReVideo). Choose that file in *Load ReVideo Model*, or make the one \
above of it:

*python -m revideo convert model.ckpt {checkpoint} --dtype fp16*

Licence: Stability AI's *Stable Video Diffusion Non-Commercial Community License*. For research and personal use, \
nothing commercial.
"""


def note(text: str, size: tuple[int, int]) -> Node:
    return Node("MarkdownNote", widgets={"text": text}, size=size, colours=NOTE)


def workflow(name: str) -> list[Column]:
    two = name == TWO_AREAS
    steps = STEPS.format(
        title="Edit two areas in one run" if two else "Edit one area",
        window=WINDOW,
        load=", and once more in *The same, second area*." if two else ".",
        area=(
            "In each of these two: right-click → *Open in MaskEditor*, paint one area, save. *Both areas* joins "
            "them. Paint over all that may change: where the thing is, and everywhere it will go."
            if two
            else "Right-click it → *Open in MaskEditor*, paint over all that may change: where the thing is, and "
            "everywhere it will go. Save."
        ),
        path=(
            "*Tracks In* has a list of points for each path, from the first frame to the last: here two, one in each "
            "area."
            if two
            else "Write into *Tracks In* where a point of the edited thing goes, from the first frame to the last: "
            "as many points as you like."
        ),
    )
    mask = ("both", 0) if two else ("edited", 1)
    preview = (300, 340)
    areas = {"edited": Node("LoadImage", widgets={"image": EDITED}, title="Edited first frame", size=preview)}
    if two:
        areas["edited"].title = "Edited first frame, first area"
        areas["second"] = Node("LoadImage", widgets={"image": SECOND}, title="The same, second area", size=preview)
        areas["both"] = Node(
            "MaskComposite",
            {"destination": ("edited", 1), "source": ("second", 1)},
            {"x": 0, "y": 0, "operation": "or"},
            title="Both areas",
        )
    paths = PATHS if two else PATHS[:1]
    return [
        Column(
            "Start here",
            "#666",
            {
                "steps": note(steps, (400, 400)),
                "weights": note(WEIGHTS.format(checkpoint=CHECKPOINT), (400, 250)),
            },
        ),
        Column(
            "1, 2 · Clip and its first frame",
            GROUPS["clip"],
            {
                "clip": Node("LoadVideo", widgets={"file": "bikes.mp4"}, size=(300, 300)),
                "prepare": Node(
                    "ReVideoPrepareVideo",
                    {"video": ("clip", 0)},
                    {"size_policy": "area", "width": AREA_PX[1], "height": AREA_PX[0], "count": WINDOW},
                    size=(300, 350),  # Nodes 2.0 needs more than the frontend says
                ),
                "first": Node(
                    "ImageFromBatch", {"image": ("prepare", 0)}, {"batch_index": 0, "length": 1}, "First frame"
                ),
                "save first": Node(
                    "SaveImage",
                    {"images": ("first", 0)},
                    {"filename_prefix": "revideo_first_frame"},
                    "Save first frame: edit this",
                    (300, 270),
                ),
            },
        ),
        Column("3, 4 · Edited frame and area" + "s" * two, GROUPS["edit"], areas),
        Column(
            "5 · Path" + "s" * two,
            GROUPS["edit"],
            {
                "tracks": Node(
                    "ReVideoTracksIn",
                    {"frames": ("prepare", 0)},
                    {"tracks": tracks_json(paths), "timing": "stretch"},
                    size=(400, 290),
                ),
                "draw": Node(
                    "ReVideoDrawTracks",
                    {"frames": ("prepare", 0), "trajectories": ("tracks", 0), "mask": mask},
                    size=(400, 0),
                ),
                "look": Node("PreviewImage", {"images": ("draw", 0)}, {}, "Paths over the clip", (400, 360)),
            },
        ),
        Column(
            "6 · Model",
            GROUPS["model"],
            {
                "model": Node("ReVideoLoadModel", {}, {"checkpoint": CHECKPOINT}, size=(460, 0)),
                "conditions": Node(
                    "ReVideoConditions",
                    {
                        "frames": ("prepare", 0),
                        "edited_frame": ("edited", 0),
                        "mask": mask,
                        "trajectories": ("tracks", 0),
                    },
                    size=(460, 320),
                ),
                "sample": Node(
                    "ReVideoSampler",
                    {"model": ("model", 0), "conditions": ("conditions", 0)},
                    {"seed": 23, "control_after_generate": "fixed", "steps": 15},
                    size=(320, 0),
                ),
            },
        ),
        Column(
            "6 · Result",
            GROUPS["result"],
            {
                "decode": Node(
                    "ReVideoDecode", {"model": ("model", 0), "samples": ("sample", 0)}, {"frames_per_chunk": WINDOW}
                ),
                "keep": Node(
                    "ReVideoKeepUnedited",
                    {"original": ("prepare", 0), "edited": ("decode", 0), "mask": mask},
                    {"feather": 12},
                ),
                "create": Node("CreateVideo", {"images": ("keep", 0), "fps": ("prepare", 1)}),
                "save": Node(
                    "SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo"}, size=(300, 320)
                ),
            },
        ),
    ]


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


def build(page: Page, name: str) -> dict[str, Any]:
    """The workflow as the frontend itself serialises it."""
    columns = [
        {
            "title": column.title,
            "colour": column.colour,
            "width": max(node.size[0] for node in column.nodes.values()),
            "nodes": {key: vars(node) for key, node in column.nodes.items()},
        }
        for column in workflow(name)
    ]
    problems = page.evaluate(BUILD, columns)
    if problems:
        raise RuntimeError(f"{name}: " + "; ".join(problems))
    stored = page.evaluate("window.app.graph.serialize()")
    for node in stored["nodes"]:
        node.get("properties", {}).pop("ver", None)  # of the machine that built it
    return stored


def store(name: str, stored: dict[str, Any]) -> None:
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(stored, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / f"{name}.json").write_text(text, "utf-8")


# --- Pictures --------------------------------------------------------------------------


def thumbnail(name: str, clip: Path) -> Image.Image:
    """What the templates menu shows: the clip's first frame; below, what the artist makes of it."""
    two = name == TWO_AREAS
    video = prepared_clip(clip)[:1]
    region = torch.zeros(1, 1, *video.shape[-2:])
    for x, y, width, height in AREAS if two else AREAS[:1]:
        region[..., y : y + height, x : x + width] = 1
    paths = parse_tracks(tracks_json(PATHS if two else PATHS[:1]))
    asked = draw_tracks(draw_region(edited_frame(name, video[0])[None], region), paths)
    return picture(torch.cat([video[0], asked[0]], 1))


def picture(frame: Tensor) -> Image.Image:
    return Image.fromarray((frame.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


GRAPH_BOX = """() => {
    const { canvas } = window.app, { scale, offset } = canvas.ds, at = canvas.canvas.getBoundingClientRect()
    const boxes = window.app.graph.groups.map(({ pos, size }) => [...pos, pos[0] + size[0], pos[1] + size[1]])
    const edge = (choose, index) => Math.round((choose(...boxes.map(box => box[index])) + offset[index % 2]) * scale)
    const [left, top] = [edge(Math.min, 0) + at.x - 20, edge(Math.min, 1) + at.y - 20]
    return { x: left, y: top, width: edge(Math.max, 2) + at.x + 20 - left, height: edge(Math.max, 3) + at.y + 20 - top }
}"""


def picture_of_graph(page: Page) -> Image.Image:
    fit_view(page)
    return Image.open(BytesIO(page.screenshot(clip=settled(page, GRAPH_BOX)))).convert("RGB")


def remake(base: Path) -> None:
    """Builds and stores both workflows, runs the first one, takes the pictures."""
    server = ComfyUI(base)
    write_random_checkpoint(server.checkpoints / CHECKPOINT)
    server.start()
    try:
        for name in (TWO_AREAS, ONE_AREA):
            place_inputs(server, name)  # before the frontend reads the list of files
            with open_frontend(server.url) as (page, _):
                store(name, build(page, name))
            thumbnail(name, server.input / "bikes.mp4").save(FOLDER / f"{name}.jpg", quality=88)
        with open_frontend(server.url, 2600, 1300) as (page, _):
            load_workflow(page, json.loads((FOLDER / f"{ONE_AREA}.json").read_text("utf-8")))
            page.evaluate("window.app.queuePrompt(0)")
            server.wait_until(lambda: bool(server.get("/history")), 600, "the workflow to run")
            page.wait_for_timeout(5000)  # until every picture of it has arrived
            graph = picture_of_graph(page)
            graph.thumbnail((2000, 2000))
            graph.save(ROOT / "docs/images/graph.jpg", quality=82)
    finally:
        server.stop()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        remake(Path(folder))
