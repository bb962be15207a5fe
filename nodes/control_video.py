"""ReVideoControlVideo: the same drawing for Wan's models, by ComfyUI's own nodes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io
from torch import Tensor

from .sockets import (
    CATEGORY,
    Trajectories,
    as_comfy_tracks,
    checked,
    edited_picture,
    frames_from_image,
    image_from_frames,
    mask_from_comfy,
    mask_to_comfy,
)

if TYPE_CHECKING:
    from .. import revideo
    from ..revideo.control_video import LengthFit


class ReVideoControlVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoControlVideo",
            display_name="ReVideo Control Video",
            category=CATEGORY,
            description="Gives clip, edited frame, area and paths to other models by ComfyUI's own nodes: Wan VACE "
            "(WanVaceToVideo), Wan-Move (WanMoveTrackToVideo) and ATI (WanTrackToVideo).",
            search_aliases=["wan", "vace", "wan-move", "ati", "control video", "inpaint video", "trajectory video"],
            inputs=[
                io.Image.Input("frames", tooltip="The prepared clip: sides in multiples of 16."),
                io.Image.Input("edited_frame", tooltip="The clip's first prepared frame after your edit, of its size."),
                io.Mask.Input(
                    "mask", tooltip="White where the video may change: one mask for all frames, or one for each."
                ),
                Trajectories.Input(
                    "trajectories",
                    optional=True,
                    tooltip="Where things shall move, for Wan-Move and ATI. VACE does without.",
                ),
                io.Int.Input(
                    "edited_index",
                    default=0,
                    min=0,
                    max=10**6,
                    optional=True,
                    tooltip="Which of the frames you edited, counted from 0: reference_frame of ReVideo Conditions. "
                    "Wan-Move and ATI need 0.",
                ),
                io.Combo.Input(
                    "length_fit",
                    options=["cut", "repeat last frame"],
                    default="cut",
                    optional=True,
                    tooltip="Wan's models make 4n + 1 frames: 5, 9, … 81. cut: up to three frames at the end are left "
                    "out. repeat last frame: up to three are added.",
                ),
                io.Float.Input(
                    "fill",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="What the area shows in the control video: 0.5 is the grey that VACE was made with; 0 is "
                    "the black of ComfyUI's template for VACE inpainting.",
                    advanced=True,
                ),
            ],
            outputs=[
                io.Image.Output(
                    "control_video",
                    tooltip="The clip with the area filled and the edited frame whole: to WanVaceToVideo.",
                ),
                io.Mask.Output(
                    "control_masks",
                    tooltip="White where VACE makes the picture, black all over the edited frame: to WanVaceToVideo.",
                ),
                io.Image.Output(
                    "reference_image",
                    tooltip="The edited frame: reference_image of WanVaceToVideo, start_image of WanMoveTrackToVideo "
                    "and WanTrackToVideo.",
                ),
                io.Tracks.Output("comfy_tracks", tooltip="The paths, to tracks of WanMoveTrackToVideo."),
                io.String.Output("ati_tracks", tooltip="The paths as text for ATI: to tracks of WanTrackToVideo."),
                io.Int.Output("length", tooltip="How many frames: to length of the same nodes."),
                io.Int.Output("width", tooltip="Width in pixels: to width of the same nodes."),
                io.Int.Output("height", tooltip="Height in pixels: to height of the same nodes."),
                io.Image.Output(
                    "frames", tooltip="The clip's own frames, as many as the control video has: to Keep Unedited."
                ),
                io.Mask.Output("mask", tooltip="The area in each of them: to Keep Unedited."),
                io.String.Output("report", tooltip="What was cut, added or left out."),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        frames: Tensor,
        edited_frame: Tensor,
        mask: Tensor,
        trajectories: revideo.Trajectories | None = None,
        edited_index: int = 0,
        length_fit: LengthFit = "cut",
        fill: float = 0.5,
    ) -> io.NodeOutput:
        from .. import revideo
        from ..revideo.control_video import ati_text, describe_control, make_control_video

        video = frames_from_image(frames)
        edit = revideo.Edit(
            edited_frame=edited_picture(edited_frame, edited_index),
            trajectories=trajectories or revideo.Trajectories.none(len(video)),
            mask=mask_from_comfy(mask),
            edited_index=edited_index,
        )
        made = make_control_video(video, edit, length_fit, fill)
        height, width = made.source.shape[-2:]
        return io.NodeOutput(
            image_from_frames(made.control),
            mask_to_comfy(made.made),
            image_from_frames(edit.edited_frame[None]),
            as_comfy_tracks(made.trajectories),
            ati_text(made.trajectories),
            len(made.source),
            width,
            height,
            image_from_frames(made.source),
            mask_to_comfy(made.mask.float()),
            describe_control(made, len(video)),
        )
