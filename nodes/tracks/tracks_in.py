"""Paths from other tools and paths as pictures: ReVideoTracksIn, ReVideoDrawTracks."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

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
    from ...revideo.tracks.trajectories import Timing


class ReVideoTracksIn(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoTracksIn",
            display_name="Tracks In (ReVideo)",
            category=CATEGORY,
            description="Reads the tracks of any editor or tracker and fits them to the prepared frames.",
            search_aliases=["trajectories", "motion paths", "spline tracks", "point tracks"],
            inputs=[
                io.Image.Input("frames", tooltip="The prepared frames: their number and size are the tracks'."),
                io.String.Input(
                    "tracks",
                    default='[[{"x": 100, "y": 100}, {"x": 200, "y": 100}]]',
                    multiline=True,
                    tooltip='One list of points for each path: [[{"x": 10, "y": 20}, …], …] in pixels. [x, y] pairs, '
                    'a single path and single quotes are understood. "[]" means no path; docs/tracks.md has all '
                    "that is read.",
                ),
                io.Combo.Input(
                    "timing",
                    options=["stretch", "as drawn"],
                    default="stretch",
                    tooltip="stretch: each path starts on the first frame and ends on the last. as drawn: one point "
                    "per frame; a shorter path ends early, a longer one is cut.",
                ),
                io.Int.Input(
                    "drawn_width",
                    default=0,
                    min=0,
                    max=16384,
                    tooltip="Width of the picture the tracks were drawn on; 0 = the frames'.",
                    advanced=True,
                ),
                io.Int.Input(
                    "drawn_height",
                    default=0,
                    min=0,
                    max=16384,
                    tooltip="Height of the picture the tracks were drawn on; 0 = the frames'.",
                    advanced=True,
                ),
                io.Tracks.Input(
                    "comfy_tracks",
                    optional=True,
                    tooltip="ComfyUI's TRACKS, from a tracker for example; they replace the text.",
                ),
            ],
            outputs=[
                Trajectories.Output("trajectories", tooltip="To ReVideo Conditions and Draw Tracks."),
                io.String.Output("tracks", tooltip="The same paths, a point per frame, as other packs read them."),
                io.Tracks.Output("comfy_tracks", tooltip="The same paths as ComfyUI's TRACKS."),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        frames: Tensor,
        tracks: str | list[str],  # several come on one wire
        timing: Timing,
        drawn_width: int,
        drawn_height: int,
        comfy_tracks: dict[str, Tensor] | None = None,
    ) -> io.NodeOutput:
        from ...revideo.tracks.tracks_text import parse_tracks
        from ...revideo.tracks.trajectories import from_comfy_tracks

        num_frames, height, width = frames.shape[:3]
        if comfy_tracks is None:
            text = tracks if isinstance(tracks, str) else json.dumps(tracks)
            size = drawn_width or width, drawn_height or height
            drawn = parse_tracks(text, size)
            if drawn_width or drawn_height:
                drawn.check_size(size, "set drawn_width and drawn_height to 0")
            if drawn.read_as:
                logging.info("ReVideo Tracks In: %s", drawn.read_as)
        else:
            drawn = from_comfy_tracks(comfy_tracks["track_path"], comfy_tracks.get("track_visibility"))
        if not (drawn_width or drawn_height):
            drawn.check_pixels("set drawn_width and drawn_height to 1")
        own_width, own_height = drawn.drawn_on or (width, height)
        drawn = drawn.scaled(width / (drawn_width or own_width), height / (drawn_height or own_height))
        trajectories = drawn.for_clip(num_frames, timing)
        trajectories.check(num_frames, height, width)
        return io.NodeOutput(trajectories, trajectories.to_json(), as_comfy_tracks(trajectories))


class ReVideoDrawTracks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoDrawTracks",
            display_name="Draw Tracks (ReVideo)",
            category=CATEGORY,
            description="Draws the paths, and the edited area, over the frames: to check a drawing or show a result.",
            search_aliases=["preview tracks", "visualize trajectories"],
            inputs=[
                io.Image.Input("frames", tooltip="The frames to draw on; they are not changed."),
                Trajectories.Input("trajectories", tooltip="The paths."),
                io.Int.Input(
                    "trail",
                    default=0,
                    min=0,
                    max=10**6,
                    tooltip="How many past frames a path keeps its strong line; 0 = all of them.",
                ),
                io.Mask.Input("mask", optional=True, tooltip="The edited area, outlined if given."),
            ],
            outputs=[io.Image.Output("frames", tooltip="The frames with the drawing.")],
        )

    @classmethod
    @checked
    def execute(
        cls, frames: Tensor, trajectories: revideo.Trajectories, trail: int, mask: Tensor | None = None
    ) -> io.NodeOutput:
        from ...revideo.pictures.overlays import draw_mask, draw_tracks

        drawn = frames_from_image(frames)
        if mask is not None:
            drawn = draw_mask(drawn, mask_from_comfy(mask))
        return io.NodeOutput(image_from_frames(draw_tracks(drawn, trajectories, trail or None)))
