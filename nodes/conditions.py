"""ReVideoConditions: the user's edit, checked, as the model sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io, ui
from torch import Tensor

from .sockets import CATEGORY, Conditions, Trajectories, checked, frames_from_image, image_from_frames, mask_from_comfy

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
    ) -> io.NodeOutput:
        from .. import revideo
        from ..revideo.pictures.overlays import conditions_picture

        video = frames_from_image(frames)
        edit = revideo.Edit(
            edited_frame=frames_from_image(edited_frame)[0],
            trajectories=trajectories or revideo.Trajectories.none(len(video)),
            mask=mask_from_comfy(mask),
            edited_index=reference_frame,
        )
        conditions = revideo.make_conditions(video, edit)
        preview = image_from_frames(conditions_picture(conditions))
        return io.NodeOutput(conditions, preview, ui=animated_preview(preview, cls, "ReVideoConditions"))


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
