"""Clips of all kinds through Load Video and Prepare Video: what the library's reader says of them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from av.stream import Disposition
from comfyui_server import ComfyUI, Graph, Run, node
from footage import FRAMES, damage, write


def prepare_graph(file: str, count: int = 0) -> Graph:
    """The clip's own size, rate and number of frames, as texts."""
    graph = {
        "clip": node("LoadVideo", file=file),
        "prepare": node(
            "ReVideoPrepareVideo",
            video=["clip", 0],
            size_policy="source",
            width=64,
            height=64,
            fit="stretch",
            start=0,
            stride=1,
            count=count,
            source_fps=24.0,
        ),
        "pictures": node("PreviewImage", images=["prepare", 0]),
    }
    for number, name in enumerate(("fps", "width", "height"), 1):
        graph[name] = node("PreviewAny", source=["prepare", number])
    return graph


def told(run: Run) -> tuple[int, float, int, int]:
    """Frames, frames per second, width, height."""
    fps, width, height = (float(run.outputs[name]["text"][0]) for name in ("fps", "width", "height"))
    return len(run.outputs["pictures"]["images"]), fps, int(width), int(height)


COVER = {"codec": "mjpeg", "pix_fmt": "yuvj420p", "frames": 1, "disposition": Disposition.attached_pic}


@pytest.mark.parametrize(
    "name, tracks, expected",
    [
        ("plain.mp4", [{}], (FRAMES, 25, 48, 32)),
        ("UPPER.MP4", [{}], (FRAMES, 25, 48, 32)),
        ("take:1.mp4", [{}], (FRAMES, 25, 48, 32)),
        ("oblong.mp4", [{"aspect": Fraction(2)}], (FRAMES, 25, 96, 32)),
        ("two.mkv", [{"size": (16, 24), "disposition": 0}, {"disposition": 1}], (FRAMES, 25, 48, 32)),
        ("covered.mp4", [COVER, {}], (FRAMES, 25, 48, 32)),
        ("variable.mkv", [{"times": [20 * number for number in range(FRAMES)]}], (FRAMES, 50, 48, 32)),
    ],
)
def test_a_clip_is_what_players_show(comfyui: ComfyUI, name, tracks, expected):
    write(comfyui.input / name, *tracks)
    assert told(comfyui.succeed(prepare_graph(name))) == pytest.approx(expected)


def test_damage_in_the_middle_is_named(comfyui: ComfyUI):
    damage(write(comfyui.input / "damaged.mkv", {"codec": "mjpeg", "pix_fmt": "yuvj420p"}), 8)
    assert "damaged.mkv is damaged at" in comfyui.run(prepare_graph("damaged.mkv")).message
