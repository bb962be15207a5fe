"""Tracks made of tracks: ReVideoTransformTracks, ReVideoMergeTracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io

from ..sockets import CATEGORY, Trajectories, as_comfy_tracks, checked

if TYPE_CHECKING:
    from ... import revideo

TAKE_OFF, PUT_ON = "take its motion off", "put its motion on"


def track_outputs() -> list[io.Output]:
    return [
        Trajectories.Output("trajectories", tooltip="To ReVideo Conditions and Draw Tracks."),
        io.String.Output("tracks", tooltip="The same paths as text, a point per frame."),
        io.Tracks.Output("comfy_tracks", tooltip="The same paths as ComfyUI's TRACKS."),
    ]


def as_outputs(tracks: revideo.Trajectories) -> io.NodeOutput:
    return io.NodeOutput(tracks, tracks.to_json(), as_comfy_tracks(tracks))


class ReVideoTransformTracks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoTransformTracks",
            display_name="Transform Tracks (ReVideo)",
            category=CATEGORY,
            description="Moves, scales, turns, retimes and smooths paths, and takes another path's motion off them or "
            "puts it on: so a thing's own motion and the camera's come apart.",
            search_aliases=["offset tracks", "scale trajectories", "smooth tracks", "camera motion", "stabilize"],
            inputs=[
                Trajectories.Input("trajectories", tooltip="The paths to change."),
                io.Float.Input(
                    "offset_x", default=0.0, min=-16384, max=16384, step=1.0, tooltip="Pixels to the right."
                ),
                io.Float.Input("offset_y", default=0.0, min=-16384, max=16384, step=1.0, tooltip="Pixels down."),
                io.Float.Input(
                    "scale",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    tooltip="Larger or smaller about the mean of all points.",
                ),
                io.Float.Input(
                    "turn",
                    default=0.0,
                    min=-360.0,
                    max=360.0,
                    step=1.0,
                    tooltip="Degrees clockwise about the mean of all points.",
                ),
                io.Float.Input(
                    "delay",
                    default=0.0,
                    min=-10000.0,
                    max=10000.0,
                    step=1.0,
                    tooltip="Frames by which all happens later; negative: earlier. What had not begun is hidden.",
                ),
                io.Float.Input(
                    "stretch",
                    default=1.0,
                    min=0.01,
                    max=100.0,
                    step=0.01,
                    tooltip="In time, from the first frame on: 2 is half as fast, 0.5 twice as fast.",
                ),
                io.Float.Input(
                    "smooth",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Frames over which a path is smoothed (a Gaussian's deviation); its ends stay in place.",
                ),
                io.Combo.Input(
                    "reference_motion",
                    options=[TAKE_OFF, PUT_ON],
                    default=TAKE_OFF,
                    tooltip="What is done with the connected reference's mean motion since the first frame. Take off "
                    "the background's, and what is left is the thing's own; put it on again after a change.",
                ),
                Trajectories.Input(
                    "reference",
                    optional=True,
                    tooltip="Paths whose motion is taken off or put on: points of the background, for the camera's.",
                ),
            ],
            outputs=track_outputs(),
        )

    @classmethod
    @checked
    def execute(
        cls,
        trajectories: revideo.Trajectories,
        offset_x: float,
        offset_y: float,
        scale: float,
        turn: float,
        delay: float,
        stretch: float,
        smooth: float,
        reference_motion: str,
        reference: revideo.Trajectories | None = None,
    ) -> io.NodeOutput:
        from ...revideo.tracks.transforms import placed, retimed, smoothed, with_motion_of, without_motion_of

        tracks = trajectories
        if reference is not None and reference_motion == TAKE_OFF:
            tracks = without_motion_of(tracks, reference)
        tracks = smoothed(tracks, smooth)
        tracks = retimed(tracks, delay, stretch)
        tracks = placed(tracks, (offset_x, offset_y), scale, turn)
        if reference is not None and reference_motion == PUT_ON:
            tracks = with_motion_of(tracks, reference)
        return as_outputs(tracks)


class ReVideoMergeTracks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoMergeTracks",
            display_name="Merge Tracks (ReVideo)",
            category=CATEGORY,
            description="Joins up to four sets of paths into one, in their order.",
            search_aliases=["join tracks", "combine trajectories", "concatenate paths"],
            inputs=[
                Trajectories.Input("trajectories_1", tooltip="Paths."),
                Trajectories.Input("trajectories_2", tooltip="More paths, over the same frames."),
                Trajectories.Input("trajectories_3", optional=True, tooltip="More paths, over the same frames."),
                Trajectories.Input("trajectories_4", optional=True, tooltip="More paths, over the same frames."),
            ],
            outputs=track_outputs(),
        )

    @classmethod
    @checked
    def execute(
        cls,
        trajectories_1: revideo.Trajectories,
        trajectories_2: revideo.Trajectories,
        trajectories_3: revideo.Trajectories | None = None,
        trajectories_4: revideo.Trajectories | None = None,
    ) -> io.NodeOutput:
        from ...revideo.tracks.transforms import merged

        given = (trajectories_1, trajectories_2, trajectories_3, trajectories_4)
        return as_outputs(merged([each for each in given if each is not None]))
