"""ReVideoShowFusion: what SAFM does with the area, as the paper's Figure 5 shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io, ui
from torch import Tensor

from .sockets import CATEGORY, Model, checked, image_from_frames, mask_from_comfy

if TYPE_CHECKING:
    from .. import revideo


class ReVideoShowFusion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoShowFusion",
            display_name="Show Fusion Weights (ReVideo)",
            category=CATEGORY,
            description="Draws how the model weighs unedited content against motion, over the picture and the steps "
            "of sampling: figure 5 of the paper for your own area.",
            search_aliases=["SAFM", "adaptive fusion", "gamma", "fusion weight", "visualize model"],
            is_output_node=True,
            inputs=[
                Model.Input("model", tooltip="From Load ReVideo Model."),
                io.Mask.Input("mask", tooltip="The area, of the prepared frames' size."),
                io.Int.Input("steps", default=25, min=1, max=1000, tooltip="Sampling steps of the run."),
                io.Int.Input("shown", default=6, min=1, max=20, tooltip="How many of them are drawn."),
                io.Int.Input("frame", default=0, min=0, max=10**6, tooltip="Which mask, if there is one per frame."),
            ],
            outputs=[io.Image.Output("picture", tooltip="The area, and the weights at these steps.")],
        )

    @classmethod
    @checked
    def execute(cls, model: revideo.ReVideo, mask: Tensor, steps: int, shown: int, frame: int) -> io.NodeOutput:
        from ..revideo.pictures.fusion import fusion_picture, fusion_weights
        from ..revideo.sampling.samplers import SamplerOptions

        masks = mask_from_comfy(mask)
        if frame >= len(masks) > 1:
            raise ValueError(f"there is no mask for frame {frame}: there are {len(masks)}, from 0")
        model.config.check_size(*masks.shape[-2:])
        chosen = masks[frame if len(masks) > 1 else 0, 0]
        picture = fusion_picture(fusion_weights(model, chosen, SamplerOptions(steps=steps), shown))
        image = image_from_frames(picture[None])
        return io.NodeOutput(image, ui=ui.PreviewImage(image, cls=cls))
