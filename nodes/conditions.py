"""The user's edit, checked, as the model sees it: ReVideoConditions, ReVideoKeyframes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from comfy_api.latest import io, ui
from torch import Tensor

from .sockets import (
    CATEGORY,
    Conditions,
    Keyframes,
    Trajectories,
    checked,
    edited_picture,
    frames_from_image,
    image_from_frames,
    mask_from_comfy,
)

if TYPE_CHECKING:
    from .. import revideo

PREVIEW_FPS = 6.0


class ReVideoConditions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoConditions",
            display_name="ReVideo Conditions",
            category=CATEGORY,
            description="Joins clip, edited first frame, paths and area into what the model is conditioned on, and "
            "shows it: the content that is kept, the motion asked for (colour = direction), the area.",
            search_aliases=["revideo edit", "motion control", "content control"],
            inputs=[
                io.Image.Input("frames", tooltip="The prepared clip."),
                io.Image.Input(
                    "edited_frame",
                    tooltip="The clip's first prepared frame after your edit, of the same size (or another one, "
                    "which reference_frame names).",
                ),
                io.Mask.Input(
                    "mask",
                    tooltip="White where the video may change: one mask for all frames, or one for each. Several "
                    "areas are one mask with several white parts.",
                ),
                Trajectories.Input(
                    "trajectories",
                    optional=True,
                    tooltip="Where things shall move, from Tracks In; without it, only content is edited.",
                ),
                io.Int.Input(
                    "reference_frame",
                    default=0,
                    min=0,
                    max=10**6,
                    optional=True,
                    tooltip="Which of the frames you edited, counted from 0. From another than the first the clip is "
                    "edited onwards and backwards, which takes twice as long.",
                ),
                Keyframes.Input(
                    "keyframes", optional=True, tooltip="More frames that you edited, from ReVideo Keyframes."
                ),
                io.Boolean.Input(
                    "whole_frame",
                    default=False,
                    optional=True,
                    tooltip="Everything may change, whatever the mask shows: for another style or another background. "
                    "Then leave Keep Unedited out.",
                ),
            ],
            outputs=[
                Conditions.Output("conditions", tooltip="To ReVideo Sampler."),
                io.Image.Output("preview", tooltip="Content, motion and area side by side, a picture per frame."),
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
        reference_frame: int = 0,
        keyframes: dict[int, Tensor] | None = None,
        whole_frame: bool = False,
    ) -> io.NodeOutput:
        from .. import revideo
        from ..revideo.pictures.overlays import conditions_picture

        video = frames_from_image(frames)
        edit = revideo.Edit(
            edited_frame=edited_picture(edited_frame, reference_frame),
            trajectories=trajectories or revideo.Trajectories.none(len(video)),
            mask=mask_from_comfy(mask),
            edited_index=reference_frame,
            keyframes=keyframes,
            whole_frame=whole_frame,
        )
        conditions = revideo.make_conditions(video, edit)
        preview = image_from_frames(conditions_picture(conditions))
        return io.NodeOutput(conditions, preview, ui=animated_preview(preview, cls, "ReVideoConditions"))


class ReVideoKeyframes(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        image = io.Image.Input("image", tooltip="An edited frame, or several as a batch.")
        return io.Schema(
            node_id="ReVideoKeyframes",
            display_name="ReVideo Keyframes",
            category=CATEGORY,
            description="More edited frames of one clip, beside the one that ReVideo Conditions or Long Video has: "
            "the clip comes to each of them, and in a long video nothing drifts from one to the next.",
            search_aliases=["revideo keyframe", "edited frames", "several frames", "first last frame", "anchor frames"],
            inputs=[
                io.Autogrow.Input(
                    "edited_frames",
                    template=io.Autogrow.TemplatePrefix(image, "image", min=1, max=50),
                    tooltip="The frames after your edit; each connection makes room for another.",
                ),
                io.String.Input(
                    "frames",
                    default="40",
                    tooltip="Which frames of the clip they are, counted from 0, in the pictures' order: 40, 83.",
                ),
            ],
            outputs=[Keyframes.Output("keyframes", tooltip="To ReVideo Conditions, Crop around Edit or Long Video.")],
        )

    @classmethod
    @checked
    def execute(cls, edited_frames: dict[str, Tensor], frames: str) -> io.NodeOutput:
        words = re.split(r"[\s,;]+", frames.strip(" \t\n,;"))
        numbers = [int(word) for word in words if re.fullmatch(r"[0-9]{1,9}", word)]
        if len(numbers) != len(words):
            raise ValueError(f'frames must be numbers of frames, as in "40, 83", not {frames!r:.60}')
        pictures = [picture for batch in edited_frames.values() for picture in frames_from_image(batch)]
        if len(numbers) != len(pictures):
            raise ValueError(
                f"frames names {len(numbers)} ({frames.strip()}), but there are {len(pictures)} edited pictures: give "
                f"a number for each"
            )
        if len({*numbers}) < len(numbers):
            raise ValueError(f"frames names one frame twice: {frames.strip()}")
        return io.NodeOutput(dict(zip(numbers, pictures)))


def animated_preview(image: Tensor, cls: type[io.ComfyNode], prefix: str) -> ui.SavedImages:
    """The frames as one moving picture on the node itself."""
    saved = ui.ImageSaveHelper.save_animated_webp(
        image,
        filename_prefix=prefix,
        folder_type=io.FolderType.temp,
        cls=cls,
        fps=PREVIEW_FPS,
        lossless=False,
        quality=80,
        method=0,
    )
    return ui.SavedImages([saved], is_animated=True)
