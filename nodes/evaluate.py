"""ReVideoEvaluate: figures of a result, charts of them, and the result beside its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import comfy.model_management as management
import comfy.utils
import folder_paths
from comfy_api.latest import io, ui
from torch import Tensor

from .model import FOLDER
from .sockets import CATEGORY, Trajectories, frames_from_image, image_from_frames, mask_from_comfy

if TYPE_CHECKING:
    from .. import revideo
    from ..revideo.evaluation.perceptual import Clip

NO_CLIP = "none"
HUB_CLIPS = ("openai/clip-vit-large-patch14", "openai/clip-vit-base-patch32")  # if in the user's cache
FEATHER_PX = 12.0  # of Keep Unedited as it comes


def clip_folders() -> dict[str, Path]:
    """Folders inside models/revideo that hold a CLIP model, by name."""
    found = {}
    for root in map(Path, folder_paths.get_folder_paths(FOLDER)):
        for file in root.glob("*/config.json"):
            try:
                kind = json.loads(file.read_text("utf-8")).get("model_type")
            except (OSError, ValueError, AttributeError):
                continue
            if kind == "clip":
                found[file.parent.name] = file.parent
    return found


class ReVideoEvaluate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoEvaluate",
            display_name="Evaluate (ReVideo)",
            category=CATEGORY,
            description="Measures a result: how much of what was not edited stayed, how well things followed their "
            "paths, how the seam looks. Shows it as charts and beside the source.",
            search_aliases=["psnr", "ssim", "metrics", "compare videos", "clip score", "difference"],
            is_output_node=True,
            inputs=[
                io.Image.Input("original", tooltip="The prepared frames that went into ReVideo Conditions."),
                io.Image.Input(
                    "edited", tooltip="The frames from ReVideo Decode: what the model made, before Keep Unedited."
                ),
                io.Mask.Input("mask", tooltip="The area that was edited: one mask, or one for each frame."),
                io.Image.Input(
                    "composited",
                    optional=True,
                    tooltip="The finished frames, from Keep Unedited. Without it they are made with a feather of 12.",
                ),
                Trajectories.Input(
                    "trajectories",
                    optional=True,
                    tooltip="The paths that were asked for: their starts are followed through the result.",
                ),
                io.Image.Input("edited_frame", optional=True, tooltip="The edited first frame, to be shown."),
                io.String.Input(
                    "prompt",
                    default="",
                    optional=True,
                    tooltip="Describes the result, for CLIP's text alignment; needs a CLIP model. Empty: not measured.",
                ),
                io.Combo.Input(
                    "clip_model",
                    options=[NO_CLIP, *HUB_CLIPS, *clip_folders()],
                    default=NO_CLIP,
                    optional=True,
                    tooltip="For text alignment and consistency of frames: a folder in models/revideo with a CLIP "
                    "model of transformers, or one in your Hugging Face cache. Nothing is downloaded.",
                ),
            ],
            outputs=[
                io.String.Output("figures", tooltip="A line for each figure, of the model's frames and the finished."),
                io.Image.Output("charts", tooltip="The figures over the frames."),
                io.Image.Output("sheet", tooltip="Source, edited frame, result and difference at four moments."),
                io.Image.Output("comparison", tooltip="The same side by side, a picture per frame, for Create Video."),
                io.String.Output("json", tooltip="All figures, also per frame, for other programs."),
            ],
        )

    @classmethod
    def execute(
        cls,
        original: Tensor,
        edited: Tensor,
        mask: Tensor,
        composited: Tensor | None = None,
        trajectories: revideo.Trajectories | None = None,
        edited_frame: Tensor | None = None,
        prompt: str = "",
        clip_model: str = NO_CLIP,
    ) -> io.NodeOutput:
        from ..revideo.editing.composite import keep_unedited
        from ..revideo.evaluation.charts import chart
        from ..revideo.evaluation.comparison import comparison
        from ..revideo.evaluation.evaluator import Evaluator, Question, report_json, report_table
        from ..revideo.evaluation.perceptual import find_lpips
        from ..revideo.pictures.sheets import sheet, side_by_side

        source, region = frames_from_image(original), mask_from_comfy(mask)
        question = Question(source, region, trajectories, prompt.strip())
        lpips, missing = find_lpips(management.get_torch_device())
        evaluator = Evaluator(question, clip=_load_clip(clip_model), lpips=lpips)
        videos = {"raw": frames_from_image(edited)}
        videos["composited"] = (
            keep_unedited(source, videos["raw"], region, FEATHER_PX)
            if composited is None
            else frames_from_image(composited)
        )
        progress, reports = comfy.utils.ProgressBar(len(videos)), {}
        for name, video in videos.items():
            reports[name] = evaluator.measure(video)
            progress.update(1)
            management.throw_exception_if_processing_interrupted()

        reference = videos["raw"][0] if edited_frame is None else frames_from_image(edited_frame)[0]
        panels = comparison(source, reference, videos["composited"], region, trajectories)
        pictures = [chart(reports), sheet({name.replace(", ", ",\n"): clip for name, clip in panels.items()})]
        charts, shown = (image_from_frames(picture[None]) for picture in pictures)
        figures = "\n".join([report_table(reports), *missing])
        return io.NodeOutput(
            figures,
            charts,
            shown,
            image_from_frames(side_by_side(panels)),
            report_json(reports),
            ui={
                "images": [*_saved(charts, cls), *_saved(shown, cls)],
                "text": (figures,),
            },
        )


def _load_clip(name: str) -> Clip | None:
    from ..revideo.evaluation.perceptual import Clip

    if name == NO_CLIP:
        return None
    return Clip(clip_folders().get(name, name), management.get_torch_device())


def _saved(image: Tensor, cls: type[io.ComfyNode]) -> list[ui.SavedResult]:
    return ui.ImageSaveHelper.save_images(image, "ReVideoEvaluate", io.FolderType.temp, cls, compress_level=1)
