"""ReVideoEditor in a real graph: a drawing in, everything it stands for out."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from comfyui_server import WINDOW, ComfyUI, Graph, Refused, Run, node, png
from edit_graph import HEIGHT, WIDTH, edit_graph
from PIL import Image

from revideo import EditDocument
from revideo.pictures.overlays import draw_mask, draw_tracks

DRAWING = {  # on twice the size and half the frames of what it is given
    "version": 1,
    "width": 2 * WIDTH,
    "height": 2 * HEIGHT,
    "frames": 7,
    "paths": [
        {
            "id": "p1",
            "kind": "spline",
            "points": [{"x": 60, "y": 60}, {"x": 200, "y": 180, "frame": 2}, {"x": 330, "y": 90}],
        },
        {"id": "p2", "kind": "anchor", "points": [{"x": 40, "y": 200}], "start": 1, "end": 4},
        {"id": "p3", "kind": "line", "points": [{"x": 0, "y": 0}, {"x": 9, "y": 9}], "visible": False},
    ],
    "regions": [
        {"id": "r1", "kind": "rect", "points": [[20, 20], [120, 120]], "follow": "p1"},
        {"id": "r2", "kind": "brush", "points": [[40, 200], [90, 220]], "radius": 16, "feather": 12},
        {"id": "r3", "kind": "ellipse", "points": [[40, 40], [90, 90]], "mode": "subtract", "follow": "p1"},
    ],
}
STILL = DRAWING | {"regions": DRAWING["regions"][1:2]}


def editor_graph(document: str, frames: str = "prepare", edited: bool = False) -> Graph:
    """bikes.mp4 → the editor → each of its outputs where it can be looked at."""
    whole = edit_graph()
    graph = {name: whole[name] for name in ("clip", "prepare")}
    graph["editor"] = node("ReVideoEditor", frames=[frames, 0], document=document)
    if edited:
        graph |= {name: whole[name] for name in ("first", "edited")}
        graph["editor"]["inputs"]["edited_frame"] = ["edited", 0]
    graph["masks"] = node("MaskToImage", mask=["editor", 1])
    for name, images in (("mask", ["masks", 0]), ("preview", ["editor", 4]), ("source", [frames, 0])):
        graph[name] = node("PreviewImage", images=images)
    graph["text"] = node("PreviewAny", source=["editor", 2])
    graph["again"] = node(
        "ReVideoTracksIn",
        frames=[frames, 0],
        tracks="[]",
        timing="as drawn",
        drawn_width=0,
        drawn_height=0,
        comfy_tracks=["editor", 3],
    )
    graph["text again"] = node("PreviewAny", source=["again", 1])
    return graph


def pictures(comfyui: ComfyUI, run: Run, name: str) -> torch.Tensor:
    """(T, 3, H, W) in [0, 1]"""
    files = [comfyui.saved_path(saved) for saved in run.outputs[name]["images"]]
    return torch.from_numpy(np.stack([np.asarray(Image.open(file)) for file in files])).movedim(-1, 1) / 255


@pytest.fixture(scope="module")
def run(comfyui: ComfyUI) -> Run:
    return comfyui.succeed(editor_graph(json.dumps(DRAWING), edited=True))


# --- Outputs -----------------------------------------------------------------------------


def test_every_output_is_the_library_s(comfyui: ComfyUI, run: Run):
    drawing = EditDocument.from_json(json.dumps(DRAWING))
    trajectories, region = drawing.trajectories(WINDOW, HEIGHT, WIDTH), drawing.mask(WINDOW, HEIGHT, WIDTH)
    assert run.outputs["text"]["text"][0] == trajectories.to_json()
    masks = pictures(comfyui, run, "mask")
    assert masks.shape == (WINDOW, 3, HEIGHT, WIDTH)
    assert (masks - region).abs().max() <= 1 / 255
    expected = draw_tracks(draw_mask(pictures(comfyui, run, "source"), region), trajectories)
    assert (pictures(comfyui, run, "preview") - expected).abs().mean() < 1 / 255


def test_comfyui_s_tracks_are_the_same_paths(run: Run):
    text, again = (json.loads(run.outputs[name]["text"][0]) for name in ("text", "text again"))
    assert len(text) == 2 and [len(path) for path in again] == [len(path) for path in text]
    for path, same in zip(text, again):
        # TRACKS are float32, and the text has four decimals: the last may round the other way.
        assert [point.get("visible", True) for point in same] == [point.get("visible", True) for point in path]
        found, given = ([[point["x"], point["y"]] for point in points] for points in (same, path))
        np.testing.assert_allclose(found, given, rtol=0, atol=1.5e-4)


def test_without_regions_only_the_paths_are_drawn(comfyui: ComfyUI):
    run = comfyui.succeed(editor_graph(json.dumps(DRAWING | {"regions": []})))
    masks = pictures(comfyui, run, "mask")
    assert len(masks) == 1 and not masks.any()
    trajectories = EditDocument.from_json(json.dumps(DRAWING)).trajectories(WINDOW, HEIGHT, WIDTH)
    expected = draw_tracks(pictures(comfyui, run, "source"), trajectories)
    assert (pictures(comfyui, run, "preview") - expected).abs().max() <= 2 / 255


def test_a_mask_is_what_the_areas_are_added_to_and_taken_from(comfyui: ComfyUI):
    graph = editor_graph(json.dumps(DRAWING))
    graph["whole"] = node("SolidMask", value=0.4, width=100, height=60)
    graph["editor"]["inputs"]["mask"] = ["whole", 0]
    masks = pictures(comfyui, comfyui.succeed(graph), "mask")
    base = torch.full((1, 1, HEIGHT, WIDTH), 0.4)
    expected = EditDocument.from_json(json.dumps(DRAWING)).mask(WINDOW, HEIGHT, WIDTH, base=base)
    assert (masks - expected).abs().max() <= 1 / 255


def test_masks_of_another_number_are_refused(comfyui: ComfyUI):
    graph = editor_graph(json.dumps(DRAWING))
    graph["three"] = node("RepeatImageBatch", image=["prepare", 0], amount=3)
    graph["red"] = node("ImageToMask", image=["three", 0], channel="red")
    graph["editor"]["inputs"]["mask"] = ["red", 0]
    run = comfyui.run(graph)
    assert f"there are {3 * WINDOW} masks for {WINDOW} frames" in run.message


def test_a_region_that_stays_is_one_mask(comfyui: ComfyUI):
    run = comfyui.succeed(editor_graph(json.dumps(STILL)))
    masks = pictures(comfyui, run, "mask")
    assert len(masks) == 1
    assert 0 < (masks > 0).float().mean() < 0.2 and ((masks > 0) & (masks < 1)).any()  # soft


def test_a_region_that_keys_turn_is_a_mask_a_frame(comfyui: ComfyUI):
    keys = [{"frame": 0, "easing": "hold"}, {"frame": 2}, {"frame": 6, "rotate": 60, "scale": [2, 0.5]}]
    turning = DRAWING["regions"][2] | {"mode": "add", "follow": ["p1", "p2"], "keys": keys}
    text = json.dumps(DRAWING | {"version": 2, "regions": [DRAWING["regions"][0], turning]})
    masks = pictures(comfyui, comfyui.succeed(editor_graph(text)), "mask")
    expected = EditDocument.from_json(text).mask(WINDOW, HEIGHT, WIDTH)
    assert len(masks) == WINDOW and (masks - expected).abs().max() <= 1 / 255
    assert len({mask.numpy().tobytes() for mask in masks}) == WINDOW


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_drawn_changes_nothing(comfyui: ComfyUI, text: str):
    run = comfyui.succeed(editor_graph(text))
    assert run.outputs["text"]["text"][0] == "[]"
    assert not pictures(comfyui, run, "mask").any()
    assert torch.equal(pictures(comfyui, run, "preview"), pictures(comfyui, run, "source"))


def test_a_drawing_may_come_from_another_node(comfyui: ComfyUI, run: Run):
    graph = editor_graph("")
    graph["drawing"] = node("PrimitiveStringMultiline", value=json.dumps(DRAWING))
    graph["editor"]["inputs"]["document"] = ["drawing", 0]
    assert comfyui.succeed(graph).outputs["text"] == run.outputs["text"]
    graph["drawing"]["inputs"]["value"] = "{"
    assert comfyui.run(graph).message == "the document is not JSON"


def test_a_drawing_is_all_that_an_edit_needs(comfyui: ComfyUI):
    graph = edit_graph(steps=1)
    for name in ("tracks", "mask", "keep area", "edit area"):
        del graph[name]
    graph["editor"] = node(
        "ReVideoEditor", frames=["prepare", 0], edited_frame=["edited", 0], document=json.dumps(DRAWING)
    )
    graph["conditions"]["inputs"] |= {"trajectories": ["editor", 0], "mask": ["editor", 1]}
    comfyui.succeed(graph)


# --- What the editor shows after a run -----------------------------------------------------


def shown(comfyui: ComfyUI, saved: dict[str, str], kind: str = "JPEG") -> np.ndarray:
    content = comfyui.view(saved)  # as the browser asks for it
    picture = Image.open(BytesIO(content))
    assert picture.format == kind
    return np.asarray(picture).astype(float)


def test_the_frames_that_came_are_shown(comfyui: ComfyUI, run: Run):
    ui = run.outputs["editor"]
    assert ui["revideo_info"] == [{"width": WIDTH, "height": HEIGHT, "frames": WINDOW, "stride": 1}]
    frames = np.stack([shown(comfyui, saved) for saved in ui["revideo_frames"]])
    source = pictures(comfyui, run, "source").movedim(1, -1).numpy() * 255
    assert frames.shape == source.shape
    for frame, expected in zip(frames, source):
        assert np.abs(frame - expected).mean() < 6
    [edited] = ui["revideo_edited"]
    assert np.abs(shown(comfyui, edited) - (255 - source[0])).mean() < 6


def test_files_that_are_there_are_not_written_again(comfyui: ComfyUI, run: Run):
    files = [comfyui.saved_path(saved) for saved in run.outputs["editor"]["revideo_frames"]]
    before = [file.stat().st_mtime_ns for file in files]
    again = comfyui.succeed(editor_graph(json.dumps(STILL)))
    assert again.outputs["editor"]["revideo_frames"] == run.outputs["editor"]["revideo_frames"]
    assert [file.stat().st_mtime_ns for file in files] == before
    assert again.outputs["editor"]["revideo_edited"] == []


def test_a_large_picture_is_shown_smaller(comfyui: ComfyUI):
    graph = editor_graph("", frames="large")
    graph["large"] = node("EmptyImage", width=2048, height=512, batch_size=1, color=0xFF8000)
    [saved] = comfyui.succeed(graph).outputs["editor"]["revideo_frames"]
    picture = shown(comfyui, saved)
    assert picture.shape == (256, 1024, 3)
    assert np.abs(picture - (255, 128, 0)).max() < 6  # red first


def test_of_a_long_clip_every_second_frame_is_shown(comfyui: ComfyUI):
    graph = editor_graph("", frames="long")
    graph["long"] = node("EmptyImage", width=16, height=16, batch_size=301, color=0)
    ui = comfyui.succeed(graph).outputs["editor"]
    assert ui["revideo_info"] == [{"width": 16, "height": 16, "frames": 301, "stride": 2}]
    assert len(ui["revideo_frames"]) == 151


def test_the_mask_that_is_given_is_shown_as_it_was_fitted_to_the_frames(comfyui: ComfyUI):
    graph = editor_graph(json.dumps(DRAWING))
    ramp = torch.linspace(0, 1, 50).repeat(30, 1)
    comfyui.upload("ramp.png", png(ramp[..., None].repeat(1, 1, 3)))
    graph["ramp"] = node("LoadImageMask", image="ramp.png", channel="red")
    graph["editor"]["inputs"]["mask"] = ["ramp", 0]
    [saved] = comfyui.succeed(graph).outputs["editor"]["revideo_mask"]
    mask = shown(comfyui, saved, "PNG")
    levels = (ramp * 255).round()[None, None] / 255
    expected = F.interpolate(levels, (HEIGHT, WIDTH), mode="bilinear", antialias=True)[0, 0].numpy() * 255
    assert mask.shape == (HEIGHT, WIDTH)  # nothing of what is drawn is in it
    assert np.abs(mask - expected).max() <= 1
    assert comfyui.succeed(editor_graph(json.dumps(DRAWING))).outputs["editor"]["revideo_mask"] == []


def test_of_masks_for_each_frame_those_of_the_frames_shown_are_shown(comfyui: ComfyUI):
    graph = editor_graph("", frames="long")
    graph["long"] = node("EmptyImage", width=2048, height=16, batch_size=301, color=0)
    graph["white"] = node("SolidMask", value=1, width=2048, height=16)
    graph["black"] = node("SolidMask", value=0, width=2048, height=16)
    graph["white frame"] = node("MaskToImage", mask=["white", 0])
    graph["black frame"] = node("MaskToImage", mask=["black", 0])
    graph["all black"] = node("RepeatImageBatch", image=["black frame", 0], amount=300)
    graph["first white"] = node("ImageBatch", image1=["white frame", 0], image2=["all black", 0])
    graph["each"] = node("ImageToMask", image=["first white", 0], channel="red")
    graph["editor"]["inputs"]["mask"] = ["each", 0]
    files = comfyui.succeed(graph).outputs["editor"]["revideo_mask"]
    assert len(files) == 151
    assert len({saved["filename"] for saved in files}) == 2  # files are named by what is in them
    first, *others = (shown(comfyui, saved, "PNG") for saved in files[:3])
    assert first.shape == (8, 1024) and first.min() == 255
    assert not np.any(others)


# --- Mistakes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the document is not JSON"),
        ('[[{"x": 1, "y": 2}]]', "the document is not an object"),
        (
            json.dumps(DRAWING | {"version": 3}),
            "the document has version 3, this ReVideo knows version 2: update ReVideo",
        ),
        (json.dumps(DRAWING).replace("330", '"far"'), "path 1 (p1), point 3: x is not a finite number"),
        (json.dumps(DRAWING).replace('"p3"', '"p2"'), "path 3 (p2): another path has this id"),
        ("[" * 100_000, "the document is nested too deeply"),
    ],
)
def test_a_wrong_document_is_refused_before_anything_runs(comfyui: ComfyUI, text: str, message: str):
    with pytest.raises(Refused) as refusal:
        comfyui.run(editor_graph(text))
    [error] = refusal.value.node_errors["editor"]["errors"]
    assert error["type"] == "custom_validation_failed"
    assert message in error["details"]


def test_a_path_that_never_enters_the_frame_is_named(comfyui: ComfyUI):
    run = comfyui.run(editor_graph(json.dumps(DRAWING).replace('"x": 40, "y": 200', '"x": -40, "y": 200')))
    assert run.error is not None and run.error["node_id"] == "editor"
    assert run.message.startswith(f"path 2 (p2) never enters the frame of {WIDTH}×{HEIGHT}")
