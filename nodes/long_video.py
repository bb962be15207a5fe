"""ReVideoLongVideo: a video of any length edited window by window, with ComfyUI's progress, preview and interrupt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io
from torch import Tensor

from .model import plan_memory
from .sampling import progress_callback
from .sampling_inputs import handover_inputs, options_of, speed_inputs
from .sockets import (
    CATEGORY,
    Keyframes,
    Model,
    Trajectories,
    checked,
    edited_picture,
    mask_from_comfy,
)
from .whole_video import edit_whole, windows_folder

if TYPE_CHECKING:
    from comfy_api.input import VideoInput

    from .. import revideo
    from ..revideo.editing.crop import CropMode
    from ..revideo.tracks.trajectories import Timing
    from ..revideo.video.fitting import Fit


class ReVideoLongVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        video = io.MatchType.Template("video", [io.Image, io.Video])  # type: ignore[list-item]  # of classes
        return io.Schema(
            node_id="ReVideoLongVideo",
            display_name="ReVideo Long Video",
            category=CATEGORY,
            description="Edits a video of any length, window after window, and keeps what is finished: an interrupted "
            "run goes on where it was. A VIDEO is read and written as it goes, with its sound and its own size.",
            search_aliases=["revideo", "long video", "edit video", "sliding window", "resume"],
            inputs=[
                Model.Input("model", tooltip="From Load ReVideo Model."),
                io.MatchType.Input(
                    "video",
                    template=video,
                    tooltip="All frames to edit: a VIDEO of any size and length, or prepared images.",
                ),
                io.Image.Input(
                    "edited_frame",
                    tooltip="The first frame (or reference_frame) after your edit, at the size the model shall work at "
                    "(sides multiples of 64): take the frame from Prepare Video.",
                ),
                io.Mask.Input(
                    "mask",
                    tooltip="White where the video may change, of the edited frame's size: one mask for all frames, "
                    "or one for each. Where it is empty for a whole window, the source passes unchanged.",
                ),
                Trajectories.Input(
                    "trajectories",
                    optional=True,
                    tooltip="Where things shall move, drawn on the edited frame's size; without it, only content is "
                    "edited.",
                ),
                io.Combo.Input(
                    "timing",
                    options=["as drawn", "stretch"],
                    default="as drawn",
                    tooltip="For what was drawn over fewer frames than the video has. as drawn: frame for frame, and "
                    "nothing moves afterwards. stretch: paths and masks spread over the whole video.",
                ),
                io.Combo.Input(
                    "fit",
                    options=["stretch", "crop", "pad"],
                    default="stretch",
                    tooltip="How a VIDEO of another shape meets the edited frame's: as Prepare Video was set.",
                ),
                io.Int.Input(
                    "seed",
                    default=23,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The noise to start from. The same seed gives the same result.",
                ),
                io.Int.Input("steps", default=25, min=1, max=1000, tooltip="Sampling steps of each window."),
                io.Float.Input(
                    "cfg_first", default=1.0, min=0.0, max=30.0, step=0.1, tooltip="Guidance on a window's first frame."
                ),
                io.Float.Input(
                    "cfg_last", default=4.0, min=0.0, max=30.0, step=0.1, tooltip="Guidance on a window's last frame."
                ),
                io.Int.Input(
                    "overlap",
                    default=4,
                    min=1,
                    max=64,
                    tooltip="Frames that neighbouring windows share. More hold together better and cost more.",
                ),
                io.Int.Input(
                    "feather",
                    default=12,
                    min=0,
                    max=512,
                    tooltip="Pixels over which the seam is blended, all inside the area: outside, every pixel stays "
                    "the source's.",
                ),
                io.Combo.Input(
                    "finished_windows",
                    options=["remove when done", "keep"],
                    default="remove when done",
                    tooltip="Windows lie in output/revideo_windows until the video is whole. keep: a run after a "
                    "change computes only the windows that see it.",
                ),
                io.Int.Input(
                    "fps",
                    default=6,
                    min=1,
                    max=120,
                    tooltip="The frame rate told to the model, not the file's.",
                    advanced=True,
                ),
                io.Int.Input(
                    "motion_bucket",
                    default=127,
                    min=0,
                    max=1023,
                    tooltip="SVD's overall amount of motion.",
                    advanced=True,
                ),
                io.Float.Input(
                    "noise_augmentation",
                    default=0.02,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="Noise on a window's first frame before it is encoded.",
                    advanced=True,
                ),
                *handover_inputs(),
                # From here on as the node grew: an older workflow runs with them.
                io.Boolean.Input(
                    "latent_lock",
                    default=True,
                    optional=True,
                    tooltip="While sampling, hold what lies outside the area to the source: it does not drift, and "
                    "the area is painted to fit.",
                ),
                io.Boolean.Input(
                    "restored_things",
                    default=True,
                    optional=True,
                    tooltip="What paths move looks in each window's first frame as in your edited frame, if it is "
                    "found again there. Off for things that turn or change.",
                    advanced=True,
                ),
                *speed_inputs(),
                io.Combo.Input(
                    "crop",
                    options=["auto", "always", "off"],
                    default="auto",
                    optional=True,
                    tooltip="The model works on the part around area and paths, which goes along with them, if the "
                    "edited frame has the video's own size. auto: in frames of more than a megapixel, where the part "
                    "is less than six tenths. always: in smaller ones too. off: on the whole frame.",
                ),
                io.Int.Input(
                    "reference_frame",
                    default=0,
                    min=0,
                    max=10**6,
                    optional=True,
                    tooltip="Which of the frames you edited, counted from 0: the video is edited onwards and "
                    "backwards.",
                ),
                Keyframes.Input("keyframes", optional=True, tooltip="More edited frames, from ReVideo Keyframes."),
                io.Boolean.Input(
                    "whole_frame",
                    default=False,
                    optional=True,
                    tooltip="Everything may change, whatever the mask shows.",
                ),
            ],
            outputs=[
                io.MatchType.Output(
                    template=video,
                    id="edited",
                    display_name="edited",
                    tooltip="The whole edited video: a VIDEO with its sound, or images, as came in.",
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @checked
    def execute(
        cls,
        model: revideo.ReVideo,
        video: Tensor | VideoInput,
        edited_frame: Tensor,
        mask: Tensor,
        timing: Timing,
        fit: Fit,
        seed: int,
        steps: int,
        cfg_first: float,
        cfg_last: float,
        overlap: int,
        feather: int,
        finished_windows: str,
        fps: int,
        motion_bucket: int,
        noise_augmentation: float,
        source_pixels: bool,
        carried_latent: bool,
        first_embedding: bool,
        hold_colours: bool,
        steered_paths: bool,
        trajectories: revideo.Trajectories | None = None,
        latent_lock: bool = True,
        restored_things: bool = True,
        crop: CropMode = "auto",
        reference_frame: int = 0,
        keyframes: dict[int, Tensor] | None = None,
        whole_frame: bool = False,
        **speed: Any,
    ) -> io.NodeOutput:
        from ..revideo import Edit, HandoverOptions, VideoFile, WindowCache
        from ..revideo.editing.crop import plan_crop, working_size

        options = options_of(
            steps=steps,
            cfg_first=cfg_first,
            cfg_last=cfg_last,
            fps=fps,
            motion_bucket=motion_bucket,
            noise_augmentation=noise_augmentation,
            seed=seed,
            latent_lock=latent_lock,
            **speed,
        )
        handover = HandoverOptions(
            overlap,
            source_pixels,
            carried_latent,
            first_embedding,
            hold_colours,
            steered_paths,
            restored_things,
        )
        picture = edited_picture(edited_frame, reference_frame)
        cache = WindowCache(windows_folder(cls.hidden.unique_id, picture))

        def edit(source: Tensor | revideo.VideoFile, output: Path | None) -> Tensor:
            masks, paths = _fit_times(len(source), mask_from_comfy(mask), trajectories, timing)
            asked = Edit(picture, paths, masks, reference_frame, keyframes, whole_frame)
            size, multiple, planned = asked.size, model.config.size_multiple, None
            own = source.size if isinstance(source, VideoFile) else (source.shape[-2], source.shape[-1])
            if size == own:
                planned = plan_crop(asked, len(source), multiple, crop)
            elif crop == "always":
                raise ValueError(
                    f"a crop is of the video's own frames: the edited frame is {size[1]}×{size[0]}, the video "
                    f"{own[1]}×{own[0]}; edit a frame of its size, or set crop to auto"
                )
            if planned is not None:
                size = working_size(*planned.size, multiple)
            elif size == own and (own[0] % multiple or own[1] % multiple):
                size = working_size(*own, multiple)
            plan_memory(model, size, options)
            return model.edit(
                source,
                asked,
                options,
                progress_callback(model),
                output=output,
                size=size,
                fit=fit,
                crop=planned or "off",
                feather_px=feather,
                handover=handover,
                cache=cache,
            ).frames

        result = edit_whole(video, edit, "ReVideoLongVideo")
        if finished_windows != "keep":
            cache.clear()
        return io.NodeOutput(result)


def _fit_times(
    num_frames: int, mask: Tensor, trajectories: revideo.Trajectories | None, timing: Timing
) -> tuple[Tensor, revideo.Trajectories | None]:
    """Masks and trajectories of another length, stretched over the video or as they are."""
    if trajectories is not None and trajectories.num_frames != num_frames and timing != "stretch":
        trajectories = trajectories.for_clip(num_frames, "as drawn")
    if timing == "stretch" and len(mask) not in (1, num_frames):
        mask = mask[torch.linspace(0, len(mask) - 1, num_frames).round().long()]
    return mask, trajectories
