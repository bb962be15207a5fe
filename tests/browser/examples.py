"""The files that the example workflows read, made in code, and what the workflows are made of.

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
import native_edits
import torch
from comfyui_server import CHECKPOINT, ROOT, WINDOW, ComfyUI, png
from frontend import fit_view, load_workflow, open_frontend, settled
from layout import GROUPS, Column, Node, build, note
from PIL import Image
from playwright.sync_api import Page
from torch import Tensor

from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.drawing.document import EditDocument
from revideo.pictures.overlays import draw_mask, draw_tracks
from revideo.synthetic.examples import example_files
from revideo.tracks.source_motion import track_drawn
from revideo.video.fitting import choose_size, fit_frames
from revideo.video.io import read_video, write_video

FOLDER = ROOT / "example_workflows"
FIRST_EDIT, ONE_AREA, TWO_AREAS, NEW_MOTION, MANY_AREAS, LONG, KEEP_MOTION, NATIVE, NATIVE_LONG = NAMES = (
    first_edit.NAME,
    "01_edit_one_area",
    "02_edit_two_areas",
    "03_new_motion",
    "04_many_areas",
    "05_long_video",
    "06_keep_motion",
    native_edits.NAME,
    native_edits.LONG,
)
SPRITES = (FIRST_EDIT, NATIVE)  # of the example clip, by the built-in model

EDITED = "revideo_edited_frame.png"  # in ComfyUI's input folder
LONG_CLIP, LONG_FRAMES = "revideo_long_clip.mp4", 2 * WINDOW - 4  # two windows: short, for the tests' sake
AREA_PX = (320, 576)  # height and width of Prepare Video; the clip's own shape stays
SMALL_AREA_PX = (
    128,
    320,
)  # half of that: the smallest at which areas have an inside, behind feathers and blocks of a codec
WIDTH, HEIGHT = 640, 256  # what the first makes of bikes.mp4, which looks down on a passing lorry
BALL_PX = 24.0

FRAMES = {LONG: LONG_FRAMES, NATIVE_LONG: native_edits.LONG_FRAMES}  # that are edited; else the model's window


# --- The drawings --------------------------------------------------------------------------------


def path(number: int, name: str, colour: str, places: list[tuple[int, int]], **more: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "kind": "spline" if len(places) > 1 else "anchor",
        "name": name,
        "color": colour,
        "points": [{"x": x, "y": y} for x, y in places],
        "start": 0,
        "end": WINDOW - 1,
        "easing": "linear",
        "visible": True,
    } | more


def area(number: int, kind: str, points: list[tuple[int, int]], **more: Any) -> dict[str, Any]:
    return {"id": f"r{number}", "kind": kind, "mode": "add", "points": [list(point) for point in points]} | more


LEFT = [(62, 52), (52, 82), (66, 112), (92, 142), (104, 172), (98, 204)]
RIGHT = [(562, 206), (582, 172), (572, 138), (548, 104), (536, 74), (540, 46)]
LEFT_BALL, RIGHT_BALL = path(1, "left ball", "#ffb000", LEFT), path(2, "right ball", "#35c4f5", RIGHT)
LEFT_AREA, RIGHT_AREA = area(1, "rect", [(20, 20), (138, 240)]), area(2, "rect", [(504, 16), (616, 240)])

# name: paths, areas
DRAWINGS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    ONE_AREA: ([LEFT_BALL], [LEFT_AREA]),
    TWO_AREAS: ([LEFT_BALL, RIGHT_BALL], [LEFT_AREA, RIGHT_AREA]),
    NEW_MOTION: (
        [
            path(1, "manhole cover", "#ffb000", [(62, 190), (84, 150), (132, 120), (160, 72)], easing="in-out"),
            path(2, "pavement stays", "#35c4f5", [(48, 116)]),
        ],
        [area(1, "polygon", [(24, 96), (120, 40), (192, 32), (200, 120), (116, 236), (28, 236)])],
    ),
    MANY_AREAS: (
        [
            LEFT_BALL,
            RIGHT_BALL | {"easing": "out"},
            # It rides on the lorry's roof, and leaves the picture with it.
            path(3, "sticker", "#ff5c8a", [(272, 60), (268, 190)], kind="line", end=7),
        ],
        [
            area(1, "ellipse", [(12, 2), (112, 102)], follow="p1", feather=12),
            area(2, "polygon", [(512, 250), (610, 250), (622, 120), (570, 14), (500, 14), (520, 120)]),
            area(3, "rect", [(242, 30), (302, 90)], follow="p3"),
            area(4, "brush", [(196, 250), (210, 120), (220, 10)], mode="subtract", radius=14),
        ],
    ),
    **{name: ([LEFT_BALL | {"end": frames - 1}], [LEFT_AREA]) for name, frames in FRAMES.items()},
    KEEP_MOTION: (
        [
            path(1, "left corner", "#ffb000", [(310, 74)]),
            path(2, "right corner", "#35c4f5", [(354, 74)]),
            path(3, "middle", "#ff5c8a", [(332, 40)]),
        ],
        [area(1, "rect", [(284, 0), (384, 256)])],
    ),
}


def frames_of(name: str) -> int:
    return FRAMES.get(name, WINDOW)


def drawing(name: str) -> str:
    """The edit document as the editor writes it."""
    paths, regions = DRAWINGS[name]
    document = {"version": 1, "width": WIDTH, "height": HEIGHT, "frames": frames_of(name)}
    document |= {"paths": paths, "regions": regions}
    return EditDocument.from_json(json.dumps(document)).to_json()


def region(name: str, size: tuple[int, int]) -> Tensor:
    """(1 or T, 1, H, W): where the workflow's result, of that height and width, may differ from its clip."""
    if name in SPRITES:
        return first_edit.region()
    return EditDocument.from_json(drawing(name)).mask(frames_of(name), *size)


def source(name: str, server: ComfyUI, area_px: tuple[int, int] = AREA_PX) -> Tensor:
    """(T, 3, H, W): the frames that a workflow edits."""
    if name in SPRITES:
        return read_video(example_files(ROOT / "js/examples", first_edit.EXAMPLE)[0])[0]
    if name == LONG:
        return read_video(server.input / LONG_CLIP)[0]
    return prepared_clip(server.input / "bikes.mp4", frames_of(name), area_px)


def prepared_clip(clip: Path, count: int = WINDOW, area_px: tuple[int, int] = AREA_PX) -> Tensor:
    """(T, 3, H, W): what Prepare Video makes of the clip in the workflows that use it, asked for height and width."""
    frames, _ = read_video(clip, count=count)
    return fit_frames(frames, *choose_size(*frames.shape[-2:], "area", *area_px))


def edited_frame(name: str, frame: Tensor) -> Tensor:
    """The first frame (3, H, W) after the artist's work: balls and a sticker painted in."""
    if name == NEW_MOTION:
        return frame
    if name == KEEP_MOTION:
        return paint_lid(frame)
    frame = paint_ball(frame, torch.tensor(LEFT[0]), BALL_PX)
    if name not in (ONE_AREA, *FRAMES):  # red and blue swapped: a blue one
        frame = paint_ball(frame.flip(0), torch.tensor(RIGHT[0]), BALL_PX).flip(0)
    if name == MANY_AREAS:
        frame = frame.clone()
        frame[:, 44:76, 256:288] = torch.tensor([0.85, 0.2, 0.45]).view(3, 1, 1)
        frame[:, 52:68, 264:280] = torch.tensor([0.98, 0.9, 0.3]).view(3, 1, 1)
    return frame.clamp(0, 1)


def paint_ball(frame: Tensor, centre_px: Tensor, radius: float) -> Tensor:
    """`frame` (3, H, W) with a shaded ball at centre_px (x, y)."""
    y, x = torch.meshgrid(*(torch.arange(side) + 0.5 for side in frame.shape[-2:]), indexing="ij")
    dx, dy = (x - centre_px[0]) / radius, (y - centre_px[1]) / radius
    distance = torch.hypot(dx, dy)
    cover = ((1 - distance) * radius + 0.5).clamp(0, 1)
    light = (1 - 0.55 * torch.hypot(dx + 0.35, dy + 0.4)).clamp(0.12, 1)  # from the upper left
    colour = torch.tensor([1.0, 0.45, 0.1]).view(3, 1, 1) * light + 0.5 * (light - 0.85).clamp(min=0)
    return torch.lerp(frame, colour.clamp(0, 1), cover)


def paint_lid(frame: Tensor) -> Tensor:
    """`frame` (3, H, W) with the lorry's brown hatch repainted: striped, its shading kept."""
    frame = frame.clone()
    hatch = frame[:, 4:80, 306:359]
    stripes = (torch.arange(53) // 9 % 2).float()
    colours = torch.stack([torch.tensor([0.95, 0.75, 0.1]), torch.tensor([0.15, 0.35, 0.75])])
    paint = (colours[0] + stripes[:, None] * (colours[1] - colours[0])).T[:, None]  # (3, 1, 53)
    hatch[:] = (paint * (0.35 + 1.4 * hatch.mean(0))).clamp(0, 1)
    return frame


def place_inputs(server: ComfyUI, name: str, area_px: tuple[int, int] = AREA_PX) -> None:
    """What an artist would make by hand: the edited first frame, of the size that Prepare Video makes of the clip."""
    if name in SPRITES:
        return  # it comes with the clip
    if name == LONG:
        clip, rate = read_video(server.input / "bikes.mp4", count=LONG_FRAMES)
        write_video(server.input / LONG_CLIP, clip, rate)
    frame = edited_frame(name, prepared_clip(server.input / "bikes.mp4")[0])[None]
    size = prepared_clip(server.input / "bikes.mp4", 1, area_px).shape[-2:]
    server.upload(EDITED, png(fit_frames(frame, *size)[0].permute(1, 2, 0)))


# --- The workflows -------------------------------------------------------------------------------


# A backslash joins lines: the frontend would break the text where the source does.
FIRST_FRAME = """\
2. **First frame.** Run once (that the edited frame is still missing does not matter): *Save first frame* writes \
*revideo_first_frame* into ComfyUI's output folder.
3. **Edit it** in any program: paint, paste, retouch, anywhere. Keep its size. Load it in *Edited first frame*; the \
editor shows it over frame 0."""

SAME_FRAME = """\
2. **First frame.** Nothing to edit: the clip's own first frame is the edited one too. Only the motion is new."""

STEPS = """\
## {title}

1. **Clip.** Choose your clip in *Load Video*. *start* in *Prepare Video* is the first frame of the part to edit; \
{window} frames are edited at once. The editor shows them without a run.
{frame}
4. **Draw** in the editor. {draw} Press **?** in it for all keys. Ticks on a path turn red where it leaves the areas.
5. **Run.** The finished clip is in *Save Video*. Outside the areas every pixel stays the source's.

576 × 320 is a light start, for cards of 12 GB. The model was made for **1024 × 1024**: raise *width* and *height* in \
*Prepare Video* (your clip keeps its shape, your drawing goes along), then begin again at 2.
"""

LONG_STEPS = """\
## Edit a video of any length

1. **Clip.** Choose your video in *Load Video*. For a part of it put *Trim Video* behind. The editor shows it without \
a run. Of a video of minutes, raise *stride* in *Prepare Video* (to 10, say): you draw on every tenth frame, and \
*timing: stretch* in *ReVideo Long Video* spreads the drawing over all.
{frame}
4. **Draw** in the editor, over the whole time: **a path** (S) for where the thing goes, **an area** (R) over all that \
may change.
5. **Run.** *ReVideo Long Video* edits window after window, {window} frames each, and counts them. Stop when you \
like, even ComfyUI itself: the next run goes on where it was. The result has the video's size, rate and sound, and \
outside the area its pixels.
"""

TITLES = {
    ONE_AREA: "Edit one area",
    TWO_AREAS: "Edit two areas in one run",
    NEW_MOTION: "Give a thing a new motion",
    MANY_AREAS: "Many areas, some of them moving",
    KEEP_MOTION: "Keep the motion, change the thing",
}
DRAW = {
    ONE_AREA: "**An area** (R) over all that may change: where the thing is, and everywhere it will go. **A path** "
    "(S: click its points, Enter) for where it goes, beginning on it.",
    TWO_AREAS: "**Two areas** (R) over all that may change, and **a path** (S) in each, beginning on the thing it "
    "moves.",
    NEW_MOTION: "**A path** (S) from the thing to where it shall go; *Speed* says how. **An anchor** (A) holds what "
    "must not move along. **An area** (G: draw around it) over both.",
    MANY_AREAS: "Areas may be rectangles, ellipses, lassos, brush strokes; later ones count over earlier ones, and a "
    "subtracting one protects what lies under it. *Follows* in an area's settings lets it move with a path, so that "
    "it may stay small; *Feather* softens its edge.",
    KEEP_MOTION: "**Anchors** (A) on corners and patterns of the thing: *Track Points* follows them through the clip, "
    "and its preview marks with a cross where one is lost. **An area** (R) over all that the thing passes. To change a "
    "track by hand, copy the text of *Tracks* and paste it into the editor.",
}

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


def workflow(name: str) -> list[Column]:
    if name == FIRST_EDIT:
        return first_edit.workflow()
    if name == NATIVE:
        return native_edits.workflow()
    same = name == NEW_MOTION  # the first frame itself serves as the edited one
    frame = SAME_FRAME if same else FIRST_FRAME
    if name == LONG:
        steps = LONG_STEPS.format(window=WINDOW, frame=frame)
    elif name == NATIVE_LONG:
        steps = native_edits.LONG_STEPS.format(window=WINDOW, frame=frame)
    else:
        steps = STEPS.format(title=TITLES[name], window=WINDOW, frame=frame, draw=DRAW[name])
    edited = ("first", 0) if same else ("edited", 0)
    clip = {
        "clip": Node("LoadVideo", widgets={"file": LONG_CLIP if name == LONG else "bikes.mp4"}, size=(300, 300)),
        "prepare": Node(
            "ReVideoPrepareVideo",
            {"video": ("clip", 0)},
            {
                "size_policy": "area",
                "width": AREA_PX[1],
                "height": AREA_PX[0],
                "count": 0 if name == LONG else frames_of(name),  # 0: all
            },
            size=(300, 350),  # Nodes 2.0 needs more than the frontend says
        ),
        "first": Node("ImageFromBatch", {"image": ("prepare", 0)}, {"batch_index": 0, "length": 1}, "First frame"),
    }
    own_frame = {
        "save first": Node(
            "SaveImage",
            {"images": ("first", 0)},
            {"filename_prefix": "revideo_first_frame"},
            "Save first frame: edit this",
            (300, 270),
        ),
        "edited": Node("LoadImage", widgets={"image": EDITED}, title="Edited first frame", size=(300, 340)),
    }
    return [
        Column(
            "Start here",
            "#666",
            {
                "steps": note(steps, (400, 460)),
                "weights": note(WEIGHTS.format(checkpoint=CHECKPOINT), (400, 270)),
            },
        ),
        Column("1 · Clip", GROUPS["clip"], clip),
        *([] if same else [Column("2, 3 · First frame, before and after", GROUPS["clip"], own_frame)]),
        Column(
            "4 · Draw",
            GROUPS["edit"],
            {
                "editor": Node(
                    "ReVideoEditor",
                    {"frames": ("prepare", 0), "edited_frame": edited},
                    {"document": drawing(name)},
                    size=(880, 780),
                ),
            },
        ),
        *([follow_column()] if name == KEEP_MOTION else []),
        *sampled(name, edited),
    ]


def sampled(name: str, edited: tuple[str, int]) -> list[Column]:
    if name == LONG:
        return long_edit()
    return native_edits.long_columns(CHECKPOINT) if name == NATIVE_LONG else one_window(name, edited)


def one_window(name: str, edited: tuple[str, int]) -> list[Column]:
    return [
        Column(
            "5 · Model",
            GROUPS["model"],
            {
                "model": Node("ReVideoLoadModel", {}, {"checkpoint": CHECKPOINT}, size=(460, 0)),
                "conditions": Node(
                    "ReVideoConditions",
                    {
                        "frames": ("prepare", 0),
                        "edited_frame": edited,
                        "mask": ("editor", 1),
                        "trajectories": ("track" if name == KEEP_MOTION else "editor", 0),
                    },
                    size=(460, 320),
                ),
                "sample": Node(
                    "ReVideoSampler",
                    {"model": ("model", 0), "conditions": ("conditions", 0)},
                    {"seed": 23, "control_after_generate": "fixed", "steps": 15, "latent_lock": True},
                    size=(320, 0),
                ),
            },
        ),
        Column(
            "5 · Result",
            GROUPS["result"],
            {
                "decode": Node(
                    "ReVideoDecode", {"model": ("model", 0), "samples": ("sample", 0)}, {"frames_per_chunk": WINDOW}
                ),
                "keep": Node(
                    "ReVideoKeepUnedited",
                    {"original": ("prepare", 0), "edited": ("decode", 0), "mask": ("editor", 1)},
                    {"feather": 12},
                ),
                "create": Node("CreateVideo", {"images": ("keep", 0), "fps": ("prepare", 1)}),
                "save": Node(
                    "SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo"}, size=(300, 320)
                ),
            },
        ),
    ]


def long_edit() -> list[Column]:
    return [
        Column(
            "5 · Model and result",
            GROUPS["model"],
            {
                "model": Node("ReVideoLoadModel", {}, {"checkpoint": CHECKPOINT}, size=(460, 0)),
                "long": Node(
                    "ReVideoLongVideo",
                    {
                        "model": ("model", 0),
                        "video": ("clip", 0),
                        "edited_frame": ("edited", 0),
                        "mask": ("editor", 1),
                        "trajectories": ("editor", 0),
                    },
                    {"timing": "stretch", "seed": 23, "control_after_generate": "fixed", "steps": 15},
                    size=(460, 0),
                ),
            },
        ),
        Column(
            "Saved",
            GROUPS["result"],
            {
                "save": Node(
                    "SaveVideo", {"video": ("long", 0)}, {"filename_prefix": "video/revideo_long"}, size=(300, 320)
                ),
            },
        ),
    ]


def follow_column() -> Column:
    points = {"frames": ("prepare", 0), "points": ("editor", 0), "mask": ("editor", 1)}
    return Column(
        "4 · Follow",
        GROUPS["edit"],
        {
            "track": Node(
                "ReVideoTrackPoints",
                points,
                {"follow": "points", "control_after_generate": "fixed"},
                size=(340, 440),  # Nodes 2.0 needs more than the frontend says
            ),
            "show": Node("PreviewImage", {"images": ("track", 3)}, title="Followed points", size=(340, 340)),
            "report": Node("PreviewAny", {"source": ("track", 4)}, title="Lost points", size=(340, 260)),
            "text": Node("PreviewAny", {"source": ("track", 1)}, title="Tracks", size=(340, 260)),
        },
    )


def store(name: str, stored: dict[str, Any]) -> None:
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(stored, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / f"{name}.json").write_text(text, "utf-8")


# --- Pictures --------------------------------------------------------------------------


def thumbnail(name: str, clip: Path) -> Image.Image:
    """What the templates menu shows: the clip's first frame; beside or below, what the artist makes of it."""
    if name in SPRITES:
        return picture(first_edit.thumbnail())
    video = prepared_clip(clip)
    document = EditDocument.from_json(drawing(name))
    area, trajectories = (draw(WINDOW, HEIGHT, WIDTH) for draw in (document.mask, document.trajectories))
    if name == KEEP_MOTION:
        trajectories = track_drawn(video, trajectories)
    asked = draw_tracks(draw_mask(edited_frame(name, video[0])[None], area[:1]), trajectories)
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


def remake(base: Path, names: Sequence[str]) -> None:
    """Builds and stores the workflows, runs the first one, takes the pictures that show them."""
    server = ComfyUI(base)
    write_random_checkpoint(server.checkpoints / CHECKPOINT)
    server.start()
    try:
        for name in names:
            place_inputs(server, name)  # before the frontend reads the list of files
            with open_frontend(server.url) as (page, _):
                store(name, build(page, name, workflow(name)))
            thumbnail(name, server.input / "bikes.mp4").save(FOLDER / f"{name}.jpg", quality=88)
        if MANY_AREAS in names:
            with open_frontend(server.url, 1700, 1250) as (page, _):
                load_workflow(page, json.loads((FOLDER / f"{MANY_AREAS}.json").read_text("utf-8")))
                editor = picture_of_editor(page)
                editor.thumbnail((1300, 1300))
                editor.save(ROOT / "docs/images/editor.jpg", quality=88)
        if FIRST_EDIT in names:
            with open_frontend(server.url, 2600, 1300) as (page, _):
                load_workflow(page, json.loads((FOLDER / f"{FIRST_EDIT}.json").read_text("utf-8")))
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
        remake(Path(folder), sys.argv[1:] or NAMES)
