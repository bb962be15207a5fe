"""Tracks in every spelling that packs write, in and out of a real graph."""

from __future__ import annotations

import json

import pytest
from comfyui_server import WINDOW, ComfyUI, node
from edit_graph import HEIGHT, edit_graph, until_tracks

SPELLINGS = {
    "objects": '[[{"x": 10, "y": 20}, {"x": 36, "y": 46}]]',
    "pairs": "[[[10, 20], [36, 46]]]",
    "one path alone": '[{"x": 10, "y": 20}, {"x": 36, "y": 46}]',
    "single quotes": "[[{'x': 10, 'y': 20}, {'x': 36, 'y': 46}]]",
    "tuples": "[[(10, 20), (36, 46)]]",
    "lines": "10,20\n36,46",
    "an object of another size": '{"coordinates": [[[5, 40], [18, 92]]], "coord_width": 96, "coord_height": 256}',
    "CSV": "frame,x,y\n" + "\n".join(f"{1001 + i},{10 + 2 * i},{20 + 2 * i}" for i in range(WINDOW)),
    "After Effects, another size": "Adobe After Effects 8.0 Keyframe Data\n\n"
    "\tSource Width\t96\n\tSource Height\t256\n\n"
    f"Transform\tPosition\n\tFrame\tX pixels\tY pixels\n\t0\t5\t40\n\t{WINDOW - 1}\t18\t92\n\nEnd of Keyframe Data",
    "Nuke, y upward": "CornerPin2D {\n"
    f" to1 {{{{curve x1 10 x{WINDOW} 36}} {{curve x1 {HEIGHT - 20} x{WINDOW} {HEIGHT - 46}}}}}\n}}",
    "SVG": "M10 20L36 46",
    "a list of texts": json.dumps(['[{"x": 10, "y": 20}, {"x": 36, "y": 46}]']),
}
DENSE = [[{"x": 10.0 + 2 * i, "y": 20.0 + 2 * i} for i in range(WINDOW)]]  # the same, a point per frame


def shown_tracks(comfyui: ComfyUI, **inputs: object) -> list:
    graph = until_tracks(edit_graph())
    graph["tracks"]["inputs"] |= inputs
    run = comfyui.succeed(graph)
    return json.loads(run.outputs["text"]["text"][0])


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_means_the_same(comfyui: ComfyUI, spelling: str):
    assert shown_tracks(comfyui, tracks=SPELLINGS[spelling]) == DENSE


def test_as_drawn_keeps_a_point_per_frame(comfyui: ComfyUI):
    ragged = "[[[10, 20], [12, 22]], [[50, 50], [51, 51], [52, 52]]]"
    assert [len(path) for path in shown_tracks(comfyui, tracks=ragged, timing="as drawn")] == [2, 3]


def test_tracks_drawn_on_another_size_are_scaled(comfyui: ComfyUI):
    scaled = shown_tracks(comfyui, tracks=SPELLINGS["pairs"], drawn_width=96, drawn_height=256)
    assert scaled[0][0] == {"x": 20.0, "y": 10.0}
    assert scaled[0][-1] == {"x": 72.0, "y": 23.0}


def test_several_texts_on_one_wire_are_as_many_paths(comfyui: ComfyUI):
    graph = until_tracks(edit_graph())
    graph["texts"] = node("TextsOnAWire", text=json.dumps([SPELLINGS["one path alone"]] * 2))
    graph["tracks"]["inputs"]["tracks"] = ["texts", 0]
    assert json.loads(comfyui.succeed(graph).outputs["text"]["text"][0]) == 2 * DENSE


def test_comfyui_s_tracks_of_the_clips_length_keep_their_timing_and_what_is_hidden(comfyui: ComfyUI):
    graph = until_tracks(edit_graph())
    graph["again"] = {**graph["tracks"], "inputs": graph["tracks"]["inputs"] | {"comfy_tracks": ["tracks", 2]}}
    graph["text again"] = node("PreviewAny", source=["again", 1])
    moving = [[[10 + 2 * t * t, 20, t not in (2, 3)] for t in range(WINDOW)]]
    graph["tracks"]["inputs"]["tracks"] = json.dumps(moving)
    run = comfyui.succeed(graph)
    [path] = json.loads(run.outputs["text again"]["text"][0])
    assert [[point["x"], point["y"], point.get("visible", True)] for point in path] == moving[0]


def test_hidden_points_are_told_in_the_text(comfyui: ComfyUI):
    [path] = shown_tracks(comfyui, tracks=json.dumps([[[10 + t, 20, t not in (5, 6)] for t in range(WINDOW)]]))
    assert [frame for frame, point in enumerate(path) if point.get("visible") is False] == [5, 6]
    assert [point["x"] for point in path] == [10 + t for t in range(WINDOW)]


def test_parts_of_the_size_are_refused_with_the_remedy(comfyui: ComfyUI):
    graph = until_tracks(edit_graph())
    graph["tracks"]["inputs"]["tracks"] = '[[{"x": 0.25, "y": 0.3}, {"x": 0.7, "y": 0.3}]]'
    assert "set drawn_width and drawn_height to 1" in comfyui.run(graph).message
    assert shown_tracks(comfyui, **graph["tracks"]["inputs"] | {"drawn_width": 1, "drawn_height": 1})


def test_no_track_is_a_valid_answer(comfyui: ComfyUI):
    assert shown_tracks(comfyui, tracks="[]") == []


def test_comfyui_s_tracks_go_in_and_come_out_unchanged(comfyui: ComfyUI):
    """STRING → core's TRACKS → ours → our TRACKS → ours again."""
    graph = until_tracks(edit_graph())
    graph["dense"] = node("PrimitiveString", value=json.dumps(DENSE))
    graph["core"] = node("WanMoveTracksFromCoords", track_coords=["dense", 0])
    graph["tracks"]["inputs"] |= {"comfy_tracks": ["core", 0], "timing": "as drawn", "tracks": "ignored"}
    graph["again"] = {**graph["tracks"], "inputs": graph["tracks"]["inputs"] | {"comfy_tracks": ["tracks", 2]}}
    graph["text again"] = node("PreviewAny", source=["again", 1])
    # Core's own picture of our TRACKS: it takes them as they come.
    graph["picture"] = node(
        "WanMoveVisualizeTracks",
        images=["prepare", 0],
        tracks=["tracks", 2],
        line_resolution=8,
        circle_size=4,
        opacity=1.0,
        line_width=4,
    )
    graph["show"] = node("PreviewImage", images=["picture", 0])
    run = comfyui.succeed(graph)
    assert json.loads(run.outputs["text"]["text"][0]) == DENSE
    assert json.loads(run.outputs["text again"]["text"][0]) == DENSE
    assert len(run.outputs["show"]["images"]) == WINDOW


def test_tracks_and_area_can_be_drawn_over_the_frames(comfyui: ComfyUI):
    graph = edit_graph()
    kept = {name: graph[name] for name in ("clip", "prepare", "keep area", "edit area", "mask", "tracks")}
    kept["draw"] = node(
        "ReVideoDrawTracks", frames=["prepare", 0], trajectories=["tracks", 0], mask=["mask", 0], trail=0
    )
    kept["show"] = node("PreviewImage", images=["draw", 0])
    run = comfyui.succeed(kept)
    assert len(run.outputs["show"]["images"]) == WINDOW
