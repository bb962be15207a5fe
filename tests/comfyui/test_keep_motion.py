"""Points followed, tracks changed and joined, any frame edited, the fusion drawn: in a real graph."""

from __future__ import annotations

import json

import pytest
import torch
from comfy_process import load_pack
from comfyui_server import WINDOW, ComfyUI, Graph, node
from edit_graph import HEIGHT, WIDTH, edit_graph

ANCHORS = "[[[82, 20]], [[100, 30]]]"  # on the lorry's roof


def track_graph(**inputs: object) -> Graph:
    """bikes.mp4 → two anchors → their tracks, as text; no model is loaded."""
    graph = edit_graph()
    kept = {name: graph[name] for name in ("clip", "prepare", "keep area", "edit area", "mask", "tracks")}
    kept["tracks"]["inputs"]["tracks"] = ANCHORS
    given = {"frames": ["prepare", 0], "follow": "points", "frame": 0, "spacing": 16, "most": 4, "seed": 0}
    given |= {"points": ["tracks", 0], "mask": ["mask", 0]} | inputs
    kept["track"] = node("ReVideoTrackPoints", **{name: value for name, value in given.items() if value is not None})
    return kept


def shown(graph: Graph, source: str) -> Graph:
    graph["text"] = node("PreviewAny", source=[source, 1])
    return graph


def read(comfyui: ComfyUI, graph: Graph) -> list:
    return json.loads(comfyui.succeed(graph).outputs["text"]["text"][0])


def change(**inputs: object) -> dict:
    unchanged = {"offset_x": 0.0, "offset_y": 0.0, "scale": 1.0, "turn": 0.0, "delay": 0.0, "stretch": 1.0}
    more = {"smooth": 0.0, "reference_motion": "take its motion off", "trajectories": ["track", 0]}
    return node("ReVideoTransformTracks", **unchanged | more | inputs)


def test_points_are_followed_changed_and_joined(comfyui: ComfyUI):
    graph = track_graph()
    graph["moved"] = change(offset_x=5.0)
    graph["own"] = change(reference=["track", 0])
    graph["all"] = node(
        "ReVideoMergeTracks",
        trajectories_1=["track", 0],
        trajectories_2=["moved", 0],
        trajectories_3=["own", 0],
    )
    graph["show"] = node("PreviewImage", images=["track", 3])
    graph["report"] = node("PreviewAny", source=["track", 4])
    run = comfyui.succeed(shown(graph, "all"))
    paths = json.loads(run.outputs["text"]["text"][0])
    assert len(paths) == 6
    for tracked, moved, own in zip(paths[:2], paths[2:4], paths[4:]):
        assert tracked[-1]["y"] - tracked[0]["y"] > 10  # the lorry drives down the picture
        assert [point["x"] + 5 for point in tracked] == pytest.approx([point["x"] for point in moved], abs=1e-3)
        assert abs(own[-1]["y"] - own[0]["y"]) < 0.3 * (tracked[-1]["y"] - tracked[0]["y"])
    assert len(run.outputs["show"]["images"]) == WINDOW
    assert f"of 2 points are seen on all {WINDOW} frames" in run.outputs["report"]["text"][0]


class Sinking(torch.nn.Module):
    """Of CoTracker's interface: every point a pixel further down on each frame."""

    def forward(self, video: torch.Tensor, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        times = torch.arange(video.shape[1], dtype=torch.float32)
        down = times[:, None] - queries[0, :, 0][None]
        places = queries[0, :, 1:][None] + torch.stack([torch.zeros_like(down), down], -1)
        return places[None], torch.ones(down.shape)[None]


def test_other_trackers_follow_too_and_the_report_names_them(comfyui: ComfyUI):
    """RAFT whose last layer is empty sees all stand still: its weights are no part of the test."""
    from torchvision.models.optical_flow import raft_large

    raft = raft_large(weights=None)
    for weights in raft.update_block.flow_head.conv2.parameters():
        torch.nn.init.zeros_(weights)
    for folder in ("optical_flow", "cotracker"):
        (comfyui.base / "models" / folder).mkdir(exist_ok=True)
    torch.save(raft.state_dict(), comfyui.base / "models/optical_flow/raft_large.pth")
    torch.jit.script(Sinking()).save(comfyui.base / "models/cotracker/sinking.pt")

    (comfyui.base / "models/cotracker/notes.txt").write_text("no tracker")
    fields = comfyui.get("/object_info/ReVideoTrackPoints")["ReVideoTrackPoints"]["input"]["optional"]
    assert fields["cotracker"][1]["options"] == ["(built in)", "sinking.pt"]

    def tracked(**inputs: object) -> tuple[list, str]:
        graph = track_graph(**inputs)
        graph["prepare"]["inputs"]["count"] = 4
        graph["flow"] = node("OpticalFlowLoader", model_name="raft_large.pth")
        graph["report"] = node("PreviewAny", source=["track", 4])
        run = comfyui.succeed(shown(graph, "track"))
        text, report = (run.outputs[name]["text"][0] for name in ("text", "report"))
        return [[(point["x"], point["y"]) for point in path] for path in json.loads(text)], report

    starts = [(82, 20), (100, 30)]
    still, report = tracked(optical_flow=["flow", 0])
    assert still == [[pytest.approx(start, abs=1e-3)] * 4 for start in starts]
    assert report.endswith("tracker: optical flow")
    sunk, report = tracked(cotracker="sinking.pt")
    assert sunk == [[pytest.approx((x, y + frame), abs=1e-3) for frame in range(4)] for x, y in starts]
    assert report.endswith("tracker: CoTracker, sinking.pt")
    moved, report = tracked()
    assert report.endswith("tracker: built in")
    assert moved not in (still, sunk)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optical_flow": ["flow", 0], "cotracker": "sinking.pt"}, "two trackers are given"),
        ({"optical_flow": ["mask", 0]}, "optical_flow must come from"),
    ],
)
def test_trackers_that_do_not_fit_are_refused(comfyui: ComfyUI, wrong: dict, message: str):
    node_class = load_pack().ReVideoTrackPoints
    inputs = {"frames": torch.zeros(4, 64, 64, 3), "follow": "points", "frame": 0, "spacing": 16, "most": 4, "seed": 0}
    given = {name: torch.zeros(1) if isinstance(value, list) else value for name, value in wrong.items()}
    with pytest.raises(ValueError, match=message):
        node_class.execute(**inputs, **given)


def test_a_moving_grid_needs_no_points(comfyui: ComfyUI):
    paths = read(comfyui, shown(track_graph(follow="moving grid", spacing=8, points=None), "track"))
    assert 1 <= len(paths) <= 4


def test_a_hidden_point_moves_nothing_unless_it_is_asked_to_move_on(comfyui: ComfyUI):
    def tracked(**inputs: object) -> tuple[list, str]:
        graph = shown(track_graph(follow="grid", spacing=8, most=1000, **inputs), "track")
        graph["report"] = node("PreviewAny", source=["track", 4])
        run = comfyui.succeed(graph)
        return json.loads(run.outputs["text"]["text"][0]), run.outputs["report"]["text"][0]

    (hidden, report), (moving, same) = tracked(), tracked(hidden_moves=True)
    assert "lost from frame" in report and report == same
    assert {len(path) for path in hidden + moving} == {WINDOW}
    assert not all(point.get("visible", True) for path in hidden for point in path)
    assert [[{"x": point["x"], "y": point["y"]} for point in path] for path in hidden] == moving


def lost(graph: Graph) -> None:
    """Frames of which no two show the same."""
    graph["other"] = node("EmptyImage", width=WIDTH, height=HEIGHT, batch_size=1, color=0)
    graph["first"] = node("ImageFromBatch", image=["prepare", 0], batch_index=0, length=1)
    graph["cut"] = node("ImageBatch", image1=["first", 0], image2=["other", 0])
    graph["tracks"]["inputs"]["frames"] = ["cut", 0]
    graph["track"]["inputs"]["frames"] = ["cut", 0]


def shorter(graph: Graph) -> None:
    graph["part"] = node("ImageFromBatch", image=["prepare", 0], batch_index=0, length=5)
    graph["tracks"]["inputs"]["frames"] = ["part", 0]


MISTAKES = {
    "all points lost": (
        {},
        lost,
        "all 2 points are lost right beside frame 0: follow something that can be told from what is around it and "
        "stays in the picture, or draw the path",
    ),
    "unequal lengths": ({}, shorter, "the points cover 5 frames; the video has 14: draw them on it"),
    "no points": (
        {"points": None},
        lambda graph: None,
        'there are no points to follow: connect the editor\'s paths, or choose "moving grid"',
    ),
    "no area": (
        {"follow": "grid", "mask": None},
        lambda graph: None,
        'the grid needs an area: connect a mask, or choose "points"',
    ),
    "no such frame": ({"frame": 14}, lambda graph: None, "there is no frame 14: the video has frames 0 to 13"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_on_its_node(comfyui: ComfyUI, mistake: str):
    inputs, make, message = MISTAKES[mistake]
    graph = shown(track_graph(**inputs), "track")
    make(graph)
    run = comfyui.run(graph)
    assert run.error is not None
    assert (run.error["node_id"], run.message) == ("track", message)


def test_tracks_of_unequal_length_are_not_joined(comfyui: ComfyUI):
    graph = track_graph()
    graph["part"] = node("ImageFromBatch", image=["prepare", 0], batch_index=0, length=5)
    graph["fewer"] = {**graph["tracks"], "inputs": graph["tracks"]["inputs"] | {"frames": ["part", 0]}}
    graph["all"] = node("ReVideoMergeTracks", trajectories_1=["tracks", 0], trajectories_2=["fewer", 0])
    run = comfyui.run(shown(graph, "all"))
    assert run.error is not None
    assert (run.error["node_id"], run.message) == (
        "all",
        "the trajectories 2 cover 5 frames, the trajectories 1 14: take them from the same frames",
    )


# --- Any frame, and the fusion -----------------------------------------------------------


def test_a_middle_frame_is_edited_onwards_and_backwards(comfyui: ComfyUI):
    graph = edit_graph(steps=2)
    graph["first"]["inputs"]["batch_index"] = 6
    graph["conditions"]["inputs"]["reference_frame"] = 6
    graph.pop("latent")
    graph["decode"] = node("ReVideoDecode", model=["model", 0], samples=["sample", 0], frames_per_chunk=WINDOW)
    graph["show"] = node("PreviewImage", images=["decode", 0])
    assert len(comfyui.succeed(graph).outputs["show"]["images"]) == WINDOW


def test_an_edited_frame_that_is_not_there_is_named(comfyui: ComfyUI):
    graph = edit_graph(steps=1)
    graph["conditions"]["inputs"]["reference_frame"] = 14
    run = comfyui.run(graph)
    assert run.error is not None
    assert (run.error["node_id"], run.message) == (
        "conditions",
        "the edited frame is said to be frame 14; the video has frames 0 to 13",
    )


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("ReVideoConditions", "reference_frame"),
        ("ReVideoControlVideo", "edited_index"),
        ("ReVideoCrop", "edited_index"),
    ],
)
def test_of_several_pictures_it_is_not_known_which_is_a_later_frame(name: str, index: str):
    frames, mask = torch.rand(5, 128, 64, 3), torch.zeros(1, 128, 64)
    mask[:, 30:60, 20:40] = 1
    run = getattr(load_pack(), name).execute
    paths = {"trajectories": None}
    run(frames, frames, mask, **paths)
    run(frames, frames[3:4], mask, **paths, **{index: 3})
    with pytest.raises(ValueError, match="has 5 pictures, which begin with frame 0, but frame 3 is said to be"):
        run(frames, frames, mask, **paths, **{index: 3})


def test_the_fusion_is_drawn(comfyui: ComfyUI):
    graph = edit_graph()
    kept = {name: graph[name] for name in ("model", "keep area", "edit area", "mask")}
    kept["fusion"] = node("ReVideoShowFusion", model=["model", 0], mask=["mask", 0], steps=15, shown=4, frame=0)
    assert len(comfyui.succeed(kept).outputs["fusion"]["images"]) == 1
