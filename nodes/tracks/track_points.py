"""ReVideoTrackPoints: the source's own motion as paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfy.model_management as management
import folder_paths
from comfy_api.latest import io
from torch import Tensor

from ..sockets import (
    CATEGORY,
    Trajectories,
    as_comfy_tracks,
    checked,
    frames_from_image,
    image_from_frames,
    mask_from_comfy,
)

if TYPE_CHECKING:
    from ... import revideo
    from ...revideo.tracks.tracking import Tracker

OpticalFlow = io.Custom("OPTICAL_FLOW")  # as ComfyUI's Load Optical Flow Model gives it
COTRACKER_FOLDER = "cotracker"
BUILT_IN_TRACKER = "(built in)"
POINTS, GRID, MOVING = "points", "grid", "moving grid"


class ReVideoTrackPoints(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoTrackPoints",
            display_name="Track Points (ReVideo)",
            category=CATEGORY,
            description="Follows points through the clip and gives their paths: keep the motion, change the content. "
            "The points come from the editor, or as a grid from an area.",
            search_aliases=[
                "keep motion",
                "point tracker",
                "point tracking",
                "optical flow",
                "follow points",
                "cotracker",
            ],
            inputs=[
                io.Image.Input("frames", tooltip="The prepared frames."),
                io.Combo.Input(
                    "follow",
                    options=[POINTS, MOVING, GRID],
                    default=POINTS,
                    tooltip="points: where the connected paths are on the frame below; anchors in the editor are "
                    "meant for this. moving grid: a grid inside the mask, of which points that move most are kept, "
                    "as in the model's training. grid: all of that grid, still points too.",
                ),
                io.Int.Input(
                    "frame",
                    default=0,
                    min=0,
                    max=10**6,
                    tooltip="The frame the points lie on; they are followed from it onwards and backwards.",
                ),
                io.Int.Input("spacing", default=16, min=2, max=1024, tooltip="Pixels between the points of the grid."),
                io.Int.Input(
                    "most",
                    default=10,
                    min=1,
                    max=1000,
                    tooltip="At most so many paths of the grid. The model was trained with 1 to 10.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**63 - 1,
                    # Said, or the frontend counts the widget that it adds unasked for the socket point_list, which has
                    # none, and drops the value behind it when a workflow is loaded.
                    control_after_generate=True,
                    tooltip="Which points of the moving grid are drawn; the longer their way, the likelier.",
                    advanced=True,
                ),
                Trajectories.Input(
                    "points", optional=True, tooltip="Paths whose points on that frame are followed: from the editor."
                ),
                io.Mask.Input("mask", optional=True, tooltip="The area of the grid: from the editor."),
                # From here on as the node grew: an older workflow runs without.
                io.Boolean.Input(
                    "hidden_moves",
                    default=False,
                    optional=True,
                    tooltip="A point that something covers moves on, where it is supposed to be, as in the authors' "
                    "program. Built-in model: what comes out from behind is then nearer to its path.",
                    advanced=True,
                ),
                io.String.Input(
                    "point_list",
                    default="",
                    optional=True,
                    force_input=True,
                    tooltip="Text of a points editor, in pixels of the frames: each point in it is followed, beside "
                    "those of the paths.",
                ),
                OpticalFlow.Input(
                    "optical_flow",
                    optional=True,
                    tooltip="RAFT from ComfyUI's Load Optical Flow Model leads the points instead of the built-in "
                    "tracker. What something covers is lost for good.",
                ),
                io.Combo.Input(
                    "cotracker",
                    options=[BUILT_IN_TRACKER, *cotracker_names()],
                    default=BUILT_IN_TRACKER,
                    optional=True,
                    tooltip="CoTracker from models/cotracker instead: its authors' weights (.pth; their package must "
                    "be installed), or a TorchScript program (.pt), which runs as it is: take only your own.",
                    advanced=True,
                ),
            ],
            outputs=[
                Trajectories.Output(
                    "trajectories",
                    tooltip="The paths, hidden where points were covered or lost: to ReVideo Conditions.",
                ),
                io.String.Output("tracks", tooltip="The paths as text: paste it into the editor to change them."),
                io.Tracks.Output("comfy_tracks", tooltip="The paths as ComfyUI's TRACKS, with their visibility."),
                io.Image.Output("preview", tooltip="The frames with the paths; a cross marks a hidden or lost point."),
                io.String.Output("report", tooltip="Which points were lost, and when; which tracker followed them."),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        frames: Tensor,
        follow: str,
        frame: int,
        spacing: int,
        most: int,
        seed: int,
        points: revideo.Trajectories | None = None,
        mask: Tensor | None = None,
        hidden_moves: bool = False,
        point_list: str = "",
        optical_flow: Any = None,
        cotracker: str = BUILT_IN_TRACKER,
    ) -> io.NodeOutput:
        from ...revideo.pictures.overlays import draw_tracks, mark_lost
        from ...revideo.tracks.source_motion import describe_visibility, points_of_text, track_drawn, track_masked

        video = frames_from_image(frames)
        tracker, name = _choose_tracker(optical_flow, cotracker)
        if follow == POINTS:
            if point_list:
                points = points_of_text(point_list, frame, len(video), points)
            if points is None:
                raise ValueError(f'there are no points to follow: connect the editor\'s paths, or choose "{MOVING}"')
            tracks = track_drawn(video, points, frame, tracker, hidden_moves=False)
        else:
            if mask is None:
                raise ValueError(f'the {follow} needs an area: connect a mask, or choose "{POINTS}"')
            tracks = track_masked(
                video, mask_from_comfy(mask), frame, spacing, most, follow == MOVING, seed, tracker, hidden_moves=False
            )
        preview = mark_lost(draw_tracks(video, tracks), tracks)
        report = f"{describe_visibility(tracks)}\ntracker: {name}"
        if hidden_moves:
            tracks = tracks.never_hidden()
        return io.NodeOutput(
            tracks, tracks.to_json(whole=True), as_comfy_tracks(tracks), image_from_frames(preview), report
        )


def register_tracker_folder() -> None:
    """models/cotracker, which other packs may have too: what else they keep there stays theirs."""
    folder_paths.add_model_folder_path(COTRACKER_FOLDER, str(Path(folder_paths.models_dir) / COTRACKER_FOLDER))


def cotracker_names() -> list[str]:
    if COTRACKER_FOLDER not in folder_paths.folder_names_and_paths:  # before the pack is loaded
        return []
    return [name for name in folder_paths.get_filename_list(COTRACKER_FOLDER) if name.endswith((".pth", ".pt"))]


def _choose_tracker(optical_flow: Any, cotracker: str) -> tuple[Tracker | None, str]:
    """None: the built-in one; with what a report calls it."""
    from ...revideo.evaluation.flow import raft_flow
    from ...revideo.tracks.tracking import flow_tracker, load_cotracker

    device = management.get_torch_device()
    if cotracker != BUILT_IN_TRACKER:
        if optical_flow is not None:
            raise ValueError("two trackers are given: disconnect optical_flow, or choose (built in) for cotracker")
        if cotracker not in cotracker_names():
            raise ValueError(f"there is no file {cotracker} in models/{COTRACKER_FOLDER}: choose one of the list")
        path = folder_paths.get_full_path_or_raise(COTRACKER_FOLDER, cotracker)
        return load_cotracker(path, device), f"CoTracker, {cotracker}"
    if optical_flow is None:
        return None, "built in"
    if not hasattr(optical_flow, "load_device") or not callable(getattr(optical_flow, "model", None)):
        raise ValueError("optical_flow must come from ComfyUI's Load Optical Flow Model")

    def network(before: Tensor, after: Tensor) -> list[Tensor]:
        management.throw_exception_if_processing_interrupted()
        return optical_flow.model(before, after)

    management.load_model_gpu(optical_flow)
    return flow_tracker(raft_flow(network, optical_flow.load_device)), "optical flow"
