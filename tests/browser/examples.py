"""What the example workflows are made of: an example clip of the pack, a drawing, and the nodes between.

`python tests/browser/examples.py` lays the workflows out in the real frontend and stores them, with the pictures of
them: run it when a node's inputs change. Names of workflows after it make these alone. The tests only load what is
stored.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

if __name__ == "__main__":  # pytest does this in conftest.py
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "comfyui")]

import first_edit
import frame_edits
import native_edits
import numpy as np
import propagation_edits
import torch
import wan_edits
from comfyui_server import ROOT, WINDOW, ComfyUI
from frontend import fit_view, load_workflow, open_frontend, settled
from image_weights import write_image_models
from layout import GROUPS, Column, Node, build
from notes import DESCRIPTIONS, MODEL, steps_note, wan_files_note, wan_steps_note, weights_note
from PIL import Image
from playwright.sync_api import Page

from revideo.drawing.document import EditDocument
from revideo.masks.clicked_mask import mask_at
from revideo.masks.outlines import adjusted_mask
from revideo.pictures.overlays import draw_mask, draw_tracks
from revideo.pictures.sheets import draw_text, size_to_fit
from revideo.synthetic.edits import SyntheticEdit
from revideo.synthetic.examples import FEATHER_PX, HEIGHT_PX, LONG_FRAMES, OPTIONS, WIDE_PX, WIDTH_PX, example_edit
from revideo.tracks.source_motion import track_drawn
from revideo.video.fitting import fit_frames
from revideo.video.levels import to_uint8

FOLDER = ROOT / "example_workflows"
HELP = ROOT / "js/docs/ReVideoEditor"
SAVED = ROOT / "tests/data/workflows"  # as an earlier version had them; clip and edited frame were the user's own
FIRST_EDIT, ONE_AREA, TWO_AREAS, NEW_MOTION, MANY_AREAS, LONG, KEEP_MOTION, NATIVE, NATIVE_LONG, *OTHERS = NAMES = (
    tuple(DESCRIPTIONS)
)
FIRST_FRAME, BY_EDIT_MODEL, FOLLOW, VACE, WAN_MOVE, RESTYLE, CROP, ADD, REMOVE = OTHERS
WAN = (VACE, WAN_MOVE)
WAN_FRAMES = 13  # 4n + 1, which a clip of 14 has
PAINTED = FIRST_FRAME, BY_EDIT_MODEL  # by an image model, in the graph
APPS = [name for name in NAMES if name not in (*PAINTED, *WAN, RESTYLE)]  # whose clip, drawing and seed say all
BUILT_IN = "tiny (built in)"

EXAMPLES = {  # of Example Clip
    FIRST_EDIT: first_edit.EXAMPLE,
    NATIVE: first_edit.EXAMPLE,
    ONE_AREA: "one area 576x320",
    TWO_AREAS: "two areas 576x320",
    NEW_MOTION: "new motion 576x320",
    MANY_AREAS: "many areas 576x320",
    LONG: "long 576x320",
    NATIVE_LONG: "long 576x320",
    KEEP_MOTION: "kept motion 576x320",
    FIRST_FRAME: "kept motion 576x320",
    BY_EDIT_MODEL: "kept motion 576x320",
    VACE: "one area 576x320",
    WAN_MOVE: "one area 576x320",
    FOLLOW: "content",
    RESTYLE: propagation_edits.EXAMPLE,
    CROP: "one area 576x320",
    ADD: "added 576x320",
    REMOVE: "removed 576x320",
}
LENGTHS = dict.fromkeys(NAMES, WINDOW) | {LONG: LONG_FRAMES, NATIVE_LONG: LONG_FRAMES}
LENGTHS |= dict.fromkeys(WAN, WAN_FRAMES)

# --- The drawings --------------------------------------------------------------------------------

COLOURS = ("#ffb000", "#35c4f5", "#ff5c8a")
CROPPED = ("frames", "edited_frame", "mask", "trajectories")  # as Crop around Edit gives them
GROW_PX = 10  # of the mask that is followed
THING_PX = 44  # from there to what is well around it
GRIP_PX = 9  # from the middle of a thing to where anchors hold it


def path(number: int, places: Sequence[Sequence[float]], frames: Sequence[int] = (), **more: Any) -> dict[str, Any]:
    """A path through x, y; with `frames` when it is there."""
    points = [{"x": round(x, 1), "y": round(y, 1)} for x, y in places]
    for point, frame in zip(points, frames):
        point["frame"] = frame
    kind = "spline" if len(points) > 1 else "anchor"
    colour = COLOURS[number % len(COLOURS)]
    return {"id": f"p{number + 1}", "kind": kind, "color": colour, "points": points, "easing": "linear"} | more


def area(number: int, kind: str, points: Sequence[Sequence[float]], **more: Any) -> dict[str, Any]:
    corners = [[round(x), round(y)] for x, y in points]
    return {"id": f"r{number + 1}", "kind": kind, "mode": "add", "points": corners} | more


def bounds(truth: SyntheticEdit, number: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of an area."""
    rows, columns = truth.areas[number].nonzero(as_tuple=True)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def drawing(name: str) -> str:
    """The edit document, from what is known of the example."""
    truth = example_edit(EXAMPLES[name])
    count = LENGTHS[name]
    at = [round(share * (count - 1)) for share in (0, 0.3, 0.6, 1)]
    paths = [path(number, centres[at].tolist(), at) for number, centres in enumerate(truth.centres_px)]
    boxes = [bounds(truth, number) for number in range(len(truth.areas))]
    areas = [area(number, "rect", [box[:2], box[2:]]) for number, box in enumerate(boxes)]
    x, y = truth.centres_px[0, 0].tolist() if paths else (0.0, 0.0)  # what is taken away has no path
    if name == KEEP_MOTION:
        grips = ((0, 0), (-GRIP_PX, 0), (GRIP_PX, 0), (0, GRIP_PX))
        paths = [path(number, [(x + dx, y + dy)]) for number, (dx, dy) in enumerate(grips)]
    if name == VACE:
        paths = []  # it takes none
    if name == FOLLOW:
        paths, areas = [path(0, [(x, y)])], []
    if name in PAINTED:  # moves along, so that of the first frame no more is repainted than the thing
        areas = [area(0, "ellipse", [(x - THING_PX, y - THING_PX), (x + THING_PX, y + THING_PX)], follow="p1")]
    if name == MANY_AREAS:
        areas = many_areas(truth, boxes)
    height, width = truth.source.shape[-2:]
    document = {"version": 1, "width": width, "height": height, "frames": count, "paths": paths, "regions": areas}
    return EditDocument.from_json(json.dumps(document)).to_json()


def many_areas(truth: SyntheticEdit, boxes: Sequence[tuple[int, int, int, int]]) -> list[dict[str, Any]]:
    """Two that move along with their things, one over all that its thing passes, and a strip taken off that."""
    (x, y), _, (x3, y3) = truth.centres_px[:, 0].tolist()
    left, top, right, bottom = boxes[1]
    cut = (right - left) // 4
    corners = [(left + cut, top), (right - cut, top), (right, top + cut), (right, bottom - cut)]
    corners += [(right - cut, bottom), (left + cut, bottom), (left, bottom - cut), (left, top + cut)]
    return [
        area(0, "ellipse", [(x - 36, y - 36), (x + 36, y + 36)], follow="p1", feather=8),
        area(1, "polygon", corners),
        area(2, "rect", [(x3 - 34, y3 - 34), (x3 + 34, y3 + 34)], follow="p3"),
        area(3, "brush", [(left, bottom), (right, bottom)], mode="subtract", radius=6),
    ]


# --- The workflows -------------------------------------------------------------------------------


def model_loader(type_: str) -> Node:
    return Node(type_, {}, {"checkpoint": BUILT_IN}, models=[MODEL], size=(280, 0))


def workflow(name: str) -> list[list[Column]]:
    """Two rows: what is edited, and what edits it."""
    if name == FIRST_EDIT:
        return first_edit.workflow(drawing(name), model_loader)
    if name == NATIVE:
        return native_edits.workflow(drawing(name), model_loader)
    if name == RESTYLE:
        return propagation_edits.workflow()
    height, width = (HEIGHT_PX, WIDTH_PX) if name == FOLLOW else WIDE_PX
    count = 0 if name == LONG else LENGTHS[name]  # 0: all
    size = {"size_policy": "area", "width": width, "height": height, "count": count}
    if name == CROP:
        size["size_policy"] = "source"
    clip = {
        "clip": Node("ReVideoExampleClip", widgets={"example": EXAMPLES[name]}, size=(280, 150)),
        # Nodes 2.0 needs more than the frontend says.
        "prepare": Node("ReVideoPrepareVideo", {"video": ("clip", 3)}, size, size=(280, 350)),
    }
    edited = edited_frame(name)
    frames = {"frames": ("prepare", 0), "edited_frame": edited}
    if name in PAINTED:
        del frames["edited_frame"]  # which is made by the editor's mask
    editor = Node("ReVideoEditor", frames, {"document": drawing(name)}, size=(700, 770))
    first_row = [
        Column("Start here", "#666", notes_of(name)),
        Column("Clip", GROUPS["clip"], clip),
        Column("Draw", GROUPS["edit"], {"editor": editor}),
    ]
    if name in PAINTED:
        return [first_row, frame_edits.columns(first_frame(name), model_loader, name == BY_EDIT_MODEL)]
    return [
        first_row,
        [Column("First frame", GROUPS["clip"], first_frame(name)), *edit_columns(name, edited)],
    ]


def notes_of(name: str) -> dict[str, Node]:
    if name in WAN:
        return {"steps": wan_steps_note(name), "files": wan_files_note(name)}
    if name in PAINTED:
        return {"steps": frame_edits.steps_note(name == BY_EDIT_MODEL), "weights": weights_note()}
    return {"steps": steps_note(name), "weights": weights_note()}


def edited_frame(name: str) -> tuple[str, int]:
    return ("prepare", 0) if name == NEW_MOTION else ("clip", 1)  # of several frames the first is taken


def first_frame(name: str) -> dict[str, Node]:
    return {
        "first": Node(
            "ImageFromBatch", {"image": ("prepare", 0)}, {"batch_index": 0, "length": 1}, "First frame", (250, 0)
        ),
        "save first": Node(
            "SaveImage",
            {"images": ("first", 0)},
            {"filename_prefix": "revideo_first_frame"},
            "Save first frame: edit this",
            (250, 270),
        ),
    }


def edit_columns(name: str, edited: tuple[str, int]) -> list[Column]:
    if name == LONG:
        return long_edit(edited)
    if name == NATIVE_LONG:
        return native_edits.long_columns(edited, model_loader)
    if name == VACE:
        return wan_edits.vace_columns(edited)
    if name == WAN_MOVE:
        return wan_edits.wan_move_columns(edited)
    return one_window(name, edited)


def one_window(name: str, edited: tuple[str, int]) -> list[Column]:
    tracked = name in (KEEP_MOTION, FOLLOW)
    mask = ("follow", 0) if name == FOLLOW else ("editor", 1)
    conditions = Node(
        "ReVideoConditions",
        {
            "frames": ("prepare", 0),
            "edited_frame": edited,
            "mask": mask,
            "trajectories": ("track" if tracked else "editor", 0),
        },
        size=(290, 300),
    )
    crop = Node("ReVideoCrop", conditions.inputs, {"crop": "always"}, size=(270, 220))
    if name == CROP:
        conditions = Node(
            "ReVideoConditions", {link: ("crop", index) for index, link in enumerate(CROPPED)}, size=(280, 300)
        )
    sample = Node(
        "ReVideoSampler",
        {"model": ("model", 0), "conditions": ("conditions", 0)},
        {"seed": 23, "control_after_generate": "fixed", "steps": 15, "latent_lock": True},
        size=(280, 0),
    )
    if name == FOLLOW:  # a small clip, at home for the built-in model
        sample.widgets |= {"steps": OPTIONS.steps, "cfg_last": OPTIONS.cfg_last, "solver": OPTIONS.solver}
    decode = Node(
        "ReVideoDecode", {"model": ("model", 0), "samples": ("sample", 0)}, {"frames_per_chunk": WINDOW}, size=(270, 0)
    )
    keep = {"original": ("prepare", 0), "edited": ("decode", 0), "mask": mask}
    feather = round(FEATHER_PX) if name == FOLLOW else 8
    model = {"model": model_loader("ReVideoLoadModel"), "sample": sample}
    result = {
        "decode": decode,
        "keep": Node("ReVideoKeepUnedited", keep, {"feather": feather}, size=(270, 0)),
        "create": Node("CreateVideo", {"images": ("keep", 0), "fps": ("prepare", 1)}, size=(270, 0)),
        "save": Node("SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo"}, size=(270, 320)),
    }
    if name == CROP:
        result["keep"] = Node(
            "ReVideoStitch", keep | {"mask": ("crop", 2), "crop": ("crop", 4)}, {"feather": 8}, size=(270, 0)
        )
    return [
        *([Column("Follow", GROUPS["edit"], clicked() if name == FOLLOW else followed())] if tracked else []),
        *([Column("Part", GROUPS["edit"], {"crop": crop})] if name == CROP else []),
        Column("Conditions", GROUPS["edit"], {"conditions": conditions} | followed_texts(name)),
        Column("Model", GROUPS["model"], model),
        Column("Result", GROUPS["result"], result),
    ]


def followed() -> dict[str, Node]:
    points = {"frames": ("prepare", 0), "points": ("editor", 0), "mask": ("editor", 1)}
    settings = {"follow": "points", "control_after_generate": "fixed"}
    return {
        # Nodes 2.0 needs more than the frontend says.
        "track": Node("ReVideoTrackPoints", points, settings, size=(280, 440)),
        "show": Node("PreviewImage", {"images": ("track", 3)}, title="Followed points", size=(280, 270)),
    }


def clicked() -> dict[str, Node]:
    found = {"frames": ("prepare", 0), "mask": ("editor", 1), "points": ("editor", 0)}
    points = {"frames": ("prepare", 0), "points": ("editor", 0)}
    settings = {"follow": "points", "control_after_generate": "fixed"}
    return {
        "follow": Node("ReVideoFollowMask", found, {"grow": GROW_PX}, size=(280, 520)),
        "track": Node("ReVideoTrackPoints", points, settings, size=(280, 440)),
    }


def followed_texts(name: str) -> dict[str, Node]:
    if name == FOLLOW:
        return {"report": Node("PreviewAny", {"source": ("follow", 2)}, title="Where it was found", size=(280, 140))}
    if name != KEEP_MOTION:
        return {}
    return {
        "report": Node("PreviewAny", {"source": ("track", 4)}, title="Lost points", size=(280, 140)),
        "text": Node("PreviewAny", {"source": ("track", 1)}, title="Tracks", size=(280, 140)),
    }


def long_edit(edited: tuple[str, int]) -> list[Column]:
    long = Node(
        "ReVideoLongVideo",
        {
            "model": ("model", 0),
            "video": ("clip", 3),
            "edited_frame": edited,
            "mask": ("editor", 1),
            "trajectories": ("editor", 0),
        },
        {"timing": "stretch", "seed": 23, "control_after_generate": "fixed", "steps": 15},
        size=(400, 0),
    )
    saved = Node("SaveVideo", {"video": ("long", 0)}, {"filename_prefix": "video/revideo_long"}, size=(320, 320))
    return [
        Column("Model", GROUPS["model"], {"model": model_loader("ReVideoLoadModel")}),
        Column("Edit", GROUPS["model"], {"long": long}),
        Column("Result", GROUPS["result"], {"save": saved}),
    ]


def store(name: str, stored: dict[str, Any]) -> None:
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(stored, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / f"{name}.json").write_text(text, "utf-8")


# --- Pictures --------------------------------------------------------------------------


THUMBNAIL_PX, LINE_PX = 640, 44  # width of the picture, height of the line below


def thumbnail(name: str) -> Image.Image:
    """What the templates menu shows: the edited first frame with what is drawn on it, and the workflow's one line."""
    shown = propagation_edits.picture() if name == RESTYLE else edited_picture(name)
    height = shown.shape[1] * THUMBNAIL_PX // shown.shape[2]
    canvas = np.full((height + LINE_PX, THUMBNAIL_PX, 3), 24, np.uint8)
    canvas[:height] = to_uint8(fit_frames(shown[None], height, THUMBNAIL_PX)[0]).permute(1, 2, 0)
    text = DESCRIPTIONS[name]
    draw_text(canvas, text, 16, height + 29, size_to_fit(text, 14, THUMBNAIL_PX - 32))
    return Image.fromarray(canvas)


def edited_picture(name: str) -> torch.Tensor:  # (3, H, W)
    """The edited first frame with what is drawn on it."""
    truth = example_edit(EXAMPLES[name])
    document = EditDocument.from_json(drawing(name))
    frames, size = len(truth.source), truth.source.shape[-2:]
    trajectories = document.trajectories(frames, *size)
    if name == KEEP_MOTION:
        trajectories = track_drawn(truth.source, trajectories)
    mask = document.mask(frames, *size)[:1]
    if name == FOLLOW:
        trajectories = track_drawn(truth.source, trajectories)
        mask = adjusted_mask(mask_at(truth.source[0], trajectories.points_px[:, 0]), GROW_PX)
    asked = draw_tracks(draw_mask(truth.edit.edited_frame[None], mask), trajectories)[0]
    if size[0] == size[1]:  # a small one, beside the clip as it was
        asked = torch.cat([truth.source[0], asked], 2)
    return asked


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


# Puts the editor in the middle, large, with a path selected and the clip some frames on.
SHOW_EDITOR = """() => {
    const node = window.app.graph.nodes.find(({ type }) => type === "ReVideoEditor")
    const { ds, canvas } = window.app.canvas
    ds.scale = 1.35
    const room = [canvas.clientWidth, canvas.clientHeight]
    ds.offset = [0, 1].map(axis => room[axis] / ds.scale / 2 - node.pos[axis] - node.size[axis] / 2)
    window.app.canvas.setDirty(true, true)
}"""


def picture_of_editor(page: Page) -> Image.Image:
    """The editor at work, as the README shows it."""
    page.evaluate(SHOW_EDITOR)
    editor = page.locator(".revideo-editor")
    page.wait_for_function(f"document.querySelector('.revideo-editor').dataset.framesReady === '{WINDOW}'")
    editor.locator(".rve-row").first.click()
    for _ in range(4):
        page.keyboard.press(".")
    settled(page, "document.querySelector('.rve-time').textContent")
    return Image.open(BytesIO(editor.screenshot())).convert("RGB")


def pictures_of_help(page: Page) -> dict[str, Image.Image]:
    """After a run of the first workflow: the editor with its drawing, and a wipe between source and result."""
    page.evaluate(SHOW_EDITOR)
    editor = page.locator(".revideo-editor")
    editor.locator(".rve-results").wait_for()
    editor.locator(".rve-stage").click(position={"x": 5, "y": 5})
    page.keyboard.press(",")  # it plays: it is stopped
    pictures = {}
    for name, keys in {"draw": ["x", "Home", ".", "."], "result": ["w", *"......"]}.items():
        for key in keys:
            page.keyboard.press(key)
        settled(page, "document.querySelector('.rve-time').textContent")
        pictures[name] = Image.open(BytesIO(editor.screenshot())).convert("RGB")
    return pictures


def stored(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def remake(base: Path, names: Sequence[str]) -> None:
    """Builds and stores the workflows, runs the first one, takes the pictures that show them."""
    server = ComfyUI(base)
    write_image_models(base / "models")  # of which workflows name some
    frame_edits.write_placeholders(base / "models")
    server.start()
    try:
        for name in names:
            # A page for each: the frontend keeps values of a cleared graph, and gives them to nodes of the same number.
            with open_frontend(server.url) as (page, _):
                store(name, build(page, name, workflow(name), name in APPS))
            thumbnail(name).save(FOLDER / f"{name}.jpg", quality=88)
        if MANY_AREAS in names:
            with open_frontend(server.url, 1700, 1250) as (page, _):
                load_workflow(page, stored(MANY_AREAS, SAVED))  # real footage, which we may not ship
                editor = picture_of_editor(page)
                editor.thumbnail((1300, 1300))
                editor.save(ROOT / "docs/images/editor.jpg", quality=88)
        if FIRST_EDIT in names:
            with open_frontend(server.url, 1900, 2000) as (page, _):
                load_workflow(page, stored(FIRST_EDIT))
                page.evaluate("window.app.queuePrompt(0)")
                server.wait_until(lambda: bool(server.get("/history")), 600, "the workflow to run")
                page.wait_for_timeout(5000)  # until every picture of it has arrived
                graph = picture_of_graph(page)
                graph.thumbnail((2000, 2000))
                graph.save(ROOT / "docs/images/graph.jpg", quality=82)
                for part, picture in pictures_of_help(page).items():
                    picture.thumbnail((900, 900))
                    picture.save(HELP / f"{part}.jpg", quality=85)
    finally:
        server.stop()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        remake(Path(folder), sys.argv[1:] or NAMES)
