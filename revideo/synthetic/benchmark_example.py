"""A benchmark for trying it out: sixteen synthetic edits of all four types, and a manifest with three methods."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..drawing.document import EditDocument
from ..files import check_folder, whole_file
from ..pictures.sheets import write_image
from ..tracks.trajectories import Trajectories
from ..video.io import write_video
from .edits import make_edit
from .examples import CRF, EXAMPLE_FPS, FRAMES, HEIGHT_PX, WIDTH_PX
from .measures import HELD_OUT

OF_EACH_TYPE = 4
TRIAL_SIZE: dict[str, Any] = {"frames": FRAMES, "height": HEIGHT_PX, "width": WIDTH_PX}
FOREGROUNDS = {  # kind of edit: what the result shows
    "content": "a sprite of another shape and colour on the same way over a soft ground",
    "both": "a sprite of another shape and colour on another way over a soft ground",
    "inserted": "a new sprite crosses a soft ground",
    "removed": "a soft ground without the sprite",
}
HEAD = """\
# Three methods over sixteen synthetic edits: `revideo benchmark manifest.toml`
frames = 14
size = "128x128"
feather = 4.0
seed = 1

[methods]
source = "source-copies"  # somebody's results: here the clips as they were

[methods.eight-steps]
model = "tiny"
steps = 8
solver = "euler_ancestral"
cfg_last = 1.0

[methods.preset-8x]
model = "tiny"
preset = "8x"
"""


@dataclass(frozen=True)
class _Example:
    name: str
    type: str
    prompt: str
    source: Tensor  # (T, 3, H, W)
    edited_frame: Tensor  # (3, H, W)
    boxes: list[tuple[int, int, int, int]]  # left, top, right, bottom of what may change; none: everything
    paths: Trajectories


def write_example_benchmark(folder: Path) -> Path:
    """Writes clips, edited frames, drawings and the manifest, which it gives; ValueError where one is there already."""
    manifest = folder / "manifest.toml"
    if manifest.exists():
        raise ValueError(f"{manifest} is there already: name another folder")
    check_folder(folder)
    copies = folder / "source-copies"
    copies.mkdir(parents=True, exist_ok=True)
    tables = []
    for example in _examples():
        video = folder / f"{example.name}.mp4"
        write_video(video, example.source, EXAMPLE_FPS, CRF)
        shutil.copyfile(video, copies / video.name)
        write_image(folder / f"{example.name}.png", example.edited_frame)
        changing = "whole_frame = true"
        if example.boxes:
            (folder / f"{example.name}.json").write_text(_drawing(example).to_json(), "utf-8")
            changing = f'document = "{example.name}.json"'
        tables.append(
            f"""
[[clips]]
name = "{example.name}"
type = "{example.type}"
prompt = "{example.prompt}"
video = "{video.name}"
edited_frame = "{example.name}.png"
{changing}
"""
        )
    with whole_file(manifest) as unfinished:
        unfinished.write_text(HEAD + "".join(tables), "utf-8")
    return manifest


def _examples() -> Iterator[_Example]:
    none = Trajectories.none(FRAMES)
    for number, (kind, prompt) in enumerate(FOREGROUNDS.items()):
        truth = make_edit(HELD_OUT + 100 + number, kind, **TRIAL_SIZE)
        boxes = [_box(mask) for mask in truth.areas]
        paths = truth.edit.trajectories
        yield _Example(f"foreground-{kind}", "foreground", prompt, truth.source, truth.edit.edited_frame, boxes, paths)
    for number in range(OF_EACH_TYPE):
        truth = make_edit(HELD_OUT + 110 + number, "content", bystanders=0, **TRIAL_SIZE)
        other = make_edit(HELD_OUT + 120 + number, "removed", bystanders=0, coloured=1.0, **TRIAL_SIZE).target
        edited = torch.where(truth.masks[0, 0], truth.target[0], other[0])
        yield _Example(
            f"background-{number}", "background", "the sprite over a coloured ground", truth.target, edited, [], none
        )
    for number in range(OF_EACH_TYPE):
        source = make_edit(HELD_OUT + 130 + number, "content", **TRIAL_SIZE).source
        painted = source[0].roll(number % 2 + 1, 0) if number < 2 else 1 - source[0]
        prompt = "the same in exchanged colours" if number < 2 else "the same as a photographic negative"
        yield _Example(f"style-{number}", "style", prompt, source, painted, [], none)
    for number in range(OF_EACH_TYPE):
        truth = make_edit(HELD_OUT + 140 + number, "both", areas=2, **TRIAL_SIZE)
        prompt = "two sprites of other shapes and colours, each on another way"
        boxes = [_box(mask) for mask in truth.areas]
        paths = truth.edit.trajectories
        name = f"composite-{number}"
        yield _Example(name, "composite", prompt, truth.source, truth.edit.edited_frame, boxes, paths)


def _box(mask: Tensor) -> tuple[int, int, int, int]:
    """Of a mask (H, W) that is a rectangle: left, top, right, bottom."""
    rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _drawing(example: _Example) -> EditDocument:
    """As the editor would write it."""
    paths = [
        {
            "id": f"p{number}",
            "kind": "line",
            "points": [{"x": x, "y": y, "frame": frame} for frame, (x, y) in enumerate(points.tolist())],
        }
        for number, points in enumerate(example.paths.points_px, 1)
    ]
    rectangles = [
        {"id": f"r{number}", "kind": "rect", "points": [[left, top], [right, bottom]]}
        for number, (left, top, right, bottom) in enumerate(example.boxes, 1)
    ]
    frames, _, height, width = example.source.shape
    sizes = {"version": 1, "width": width, "height": height, "frames": frames}
    return EditDocument.from_json(json.dumps({**sizes, "paths": paths, "regions": rectangles}))
