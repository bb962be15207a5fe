"""ReVideoEvaluate: metrics of a result, charts of them, and the result beside its source."""

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
from .sockets import CATEGORY, Trajectories, checked, frames_from_image, image_from_frames, mask_from_comfy

if TYPE_CHECKING:
    from .. import revideo
    from ..revideo.evaluation.perceptual import Learned

NO_CLIP = "none"
HUB_CLIPS = ("openai/clip-vit-large-patch14", "openai/clip-vit-base-patch32")  # if in the user's cache


def clip_folders() -> dict[str, Path]:
    """Folders inside models/revideo that hold a CLIP model, by name."""
    found = {}
    for root in map(Path, folder_paths.get_folder_paths(FOLDER)):
        for file in root.glob("*/config.json"):
            try:
                kind = json.loads(file.read_text("utf-8")).get("model_type")
            except (OSError, ValueError, AttributeError, RecursionError):
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
            description="Measures a result: how much of what was not edited stayed, how well objects followed their "
            "paths, how strong the seam is. Shows it as charts and beside the source.",
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
                io.String.Output("figures", tooltip="A line for each metric, of the model's frames and the finished."),
                io.Image.Output("charts", tooltip="The metrics over the frames."),
                io.Image.Output("sheet", tooltip="Source, edited frame, result and difference at four moments."),
                io.Image.Output("comparison", tooltip="The same side by side, a picture per frame, for Create Video."),
                io.String.Output("json", tooltip="All metrics, also per frame, for other programs."),
            ],
        )

    @classmethod
    @checked
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
        from ..revideo.evaluation.evaluate import evaluate_edit
        from ..revideo.evaluation.evaluator import Question

        progress = comfy.utils.ProgressBar(2)

        def callback(done: int, total: int) -> None:
            progress.update_absolute(done, total)
            management.throw_exception_if_processing_interrupted()

        evaluation = evaluate_edit(
            Question(frames_from_image(original), mask_from_comfy(mask), trajectories, prompt.strip()),
            frames_from_image(edited),
            None if composited is None else frames_from_image(composited),
            None if edited_frame is None else frames_from_image(edited_frame)[0],
            learned=_load_clip(clip_model),
            device=management.get_torch_device(),
            callback=callback,
        )
        charts, sheet = (image_from_frames(picture[None]) for picture in (evaluation.chart, evaluation.sheet))
        return io.NodeOutput(
            evaluation.table,
            charts,
            sheet,
            image_from_frames(evaluation.comparison),
            evaluation.json,
            ui={
                "images": [*_saved(charts, cls), *_saved(sheet, cls)],
                "text": (evaluation.table,),
            },
        )


def _load_clip(name: str) -> dict[str, Learned]:
    from ..revideo.evaluation.learned import load_learned

    if name == NO_CLIP:
        return {}
    known = dict(zip(HUB_CLIPS, HUB_CLIPS)) | clip_folders()
    if name not in known:  # a linked text, which shall name no other folder
        raise ValueError(f"there is no CLIP model {name!r}; there are {', '.join(known)}")
    return load_learned({"clip": known[name]}, management.get_torch_device())


def _saved(image: Tensor, cls: type[io.ComfyNode]) -> list[ui.SavedResult]:
    return ui.ImageSaveHelper.save_images(image, "ReVideoEvaluate", io.FolderType.temp, cls, compress_level=1)
