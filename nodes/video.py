"""Frames before and after the model: ReVideoPrepareVideo and ReVideoKeepUnedited, ReVideoCrop and ReVideoStitch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from comfy_api.latest import InputImpl, io
from torch import Tensor

from .sockets import (
    CATEGORY,
    Crop,
    Keyframes,
    Trajectories,
    checked,
    edited_picture,
    frames_from_image,
    image_from_frames,
    mask_from_comfy,
    mask_to_comfy,
)

if TYPE_CHECKING:
    from comfy_api.input import VideoInput

    from .. import revideo
    from ..revideo.editing import crop as crops
    from ..revideo.editing.composite import Match
    from ..revideo.video.fitting import Fit, SizePolicy

MODEL_MULTIPLE = 64  # of both frame sides, in the released model


class ReVideoPrepareVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoPrepareVideo",
            display_name="Prepare Video (ReVideo)",
            category=CATEGORY,
            description="Picks the frames to edit and fits them to a size the model can work at. Use it for the "
            "edited first frame too, if that has another size.",
            search_aliases=["revideo resize", "fit video", "video frames"],
            inputs=[
                io.MultiType.Input(
                    "video",
                    [io.Image, io.Video],
                    tooltip="The clip: a VIDEO (only the frames needed are decoded) or a batch of images.",
                ),
                io.Combo.Input(
                    "size_policy",
                    options=["area", "longest side", "exact", "source"],
                    default="area",
                    tooltip="area: keep the clip's shape at about width × height pixels in all. longest side: keep "
                    "the shape, longer side as given. exact: this width and height. source: as the clip is, for Crop "
                    "around Edit.",
                ),
                io.Int.Input(
                    "width",
                    default=576,
                    min=MODEL_MULTIPLE,
                    max=4096,
                    step=MODEL_MULTIPLE,
                    tooltip="Target width in pixels. The released examples use an area of 1024 × 1024.",
                ),
                io.Int.Input(
                    "height",
                    default=320,
                    min=MODEL_MULTIPLE,
                    max=4096,
                    step=MODEL_MULTIPLE,
                    tooltip="Target height in pixels. Smaller is faster and needs less memory.",
                ),
                io.Combo.Input(
                    "fit",
                    options=["stretch", "crop", "pad"],
                    default="stretch",
                    tooltip="How the clip's shape meets a size rounded to 64: stretch a little (as the released "
                    "examples do), crop what hangs over, or pad by repeating the border.",
                ),
                io.Int.Input("start", default=0, min=0, max=10**7, tooltip="The first frame to edit, counted from 0."),
                io.Int.Input(
                    "stride",
                    default=1,
                    min=1,
                    max=1000,
                    tooltip="Take every so many frames: 2 halves the frame rate and covers twice the time.",
                ),
                io.Int.Input(
                    "count",
                    default=14,
                    min=0,
                    max=10**6,
                    tooltip="How many frames. The released model edits 14 at once. 0 takes all there are.",
                ),
                io.Float.Input(
                    "source_fps",
                    default=24.0,
                    min=0.01,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frame rate of a batch of images. A VIDEO brings its own.",
                    advanced=True,
                ),
            ],
            outputs=[
                io.Image.Output("frames", tooltip="The frames to edit."),
                io.Float.Output("fps", tooltip="Frames per second of these frames, for Create Video."),
                io.Int.Output("width", tooltip="Width of these frames in pixels."),
                io.Int.Output("height", tooltip="Height of these frames in pixels."),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        video: Tensor | VideoInput,
        size_policy: SizePolicy | Literal["source"],
        width: int,
        height: int,
        fit: Fit,
        start: int,
        stride: int,
        count: int,
        source_fps: float,
    ) -> io.NodeOutput:
        from ..revideo.video.fitting import choose_size, fit_frames

        frames, fps = _pick(video, start, stride, count or None, source_fps)
        source_height, source_width = frames.shape[-2:]
        if size_policy != "source":
            size = choose_size(source_height, source_width, size_policy, height, width, MODEL_MULTIPLE)
            frames = fit_frames(frames, *size, fit)
        return io.NodeOutput(image_from_frames(frames), fps, frames.shape[-1], frames.shape[-2])


def _pick(
    video: Tensor | VideoInput, start: int, stride: int, count: int | None, source_fps: float
) -> tuple[Tensor, float]:
    """Frames (T, 3, H, W) and their rate from IMAGE or VIDEO."""
    from ..revideo.video.file import VideoFile
    from ..revideo.video.io import pick_frames, rate_of, read_video

    if isinstance(video, InputImpl.VideoFromFile):
        begin_s, duration_s = video.get_active_trim_window()
        if not begin_s and not duration_s:
            frames, fps = read_video(video.get_stream_source(), start, stride, count)
            return frames, float(fps)
        with VideoFile.between(video.get_stream_source(), begin_s, duration_s) as file:
            wanted = pick_frames(len(file), start, stride, count)
            times = [file.times[number] for number in wanted]
            frames = torch.cat([file.read(number, number + 1) for number in wanted])
            return frames, float(rate_of(times, file.time_base, file.rate / stride))
    if isinstance(video, torch.Tensor):
        image, rate = video, source_fps
    else:
        components = video.get_components()
        image, rate = components.images, float(components.frame_rate)
    wanted = pick_frames(len(image), start, stride, count)
    return frames_from_image(image[wanted.start : wanted.stop : wanted.step]), rate / stride


class ReVideoKeepUnedited(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoKeepUnedited",
            display_name="Keep Unedited (ReVideo)",
            category=CATEGORY,
            description="Puts the source's own pixels back outside the edited area; the seam is blended inside it.",
            search_aliases=["composite video", "feather mask", "paste back"],
            inputs=[
                io.Image.Input("original", tooltip="The prepared frames that went into ReVideo Conditions."),
                io.Image.Input("edited", tooltip="The frames from ReVideo Decode."),
                io.Mask.Input("mask", tooltip="The area that was edited: one mask, or one for each frame."),
                *_seam_inputs(),
            ],
            outputs=[io.Image.Output("frames", tooltip="The finished frames.")],
        )

    @classmethod
    @checked
    def execute(
        cls, original: Tensor, edited: Tensor, mask: Tensor, feather: int, match: Match = "none"
    ) -> io.NodeOutput:
        from ..revideo.editing.composite import keep_unedited

        source, painted = frames_from_image(original), frames_from_image(edited)
        frames = keep_unedited(source, painted, mask_from_comfy(mask), feather, match)
        return io.NodeOutput(image_from_frames(frames))


def _seam_inputs() -> list[io.Input]:
    return [
        io.Int.Input(
            "feather",
            default=12,
            min=0,
            max=512,
            tooltip="Pixels over which the seam is blended, all inside the area: outside, every pixel "
            "stays the source's.",
        ),
        io.Combo.Input(
            "match",
            options=["none", "colours", "gradients"],
            default="none",
            optional=True,
            tooltip="Fit the area to what surrounds it first. colours: shift them by as much as the model "
            "strayed in a ring around it. gradients: keep the area's own, with the source's pixels at its "
            "border (Poisson editing).",
        ),
    ]


class ReVideoCrop(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoCrop",
            display_name="Crop around Edit (ReVideo)",
            category=CATEGORY,
            description="For a small edit of large frames: the part around area and paths, which goes along with them, "
            "at a size the model can work at. Stitch Edit puts it back.",
            search_aliases=["revideo crop", "inpaint crop", "crop and stitch", "4k", "1080p", "high resolution"],
            inputs=[
                io.Image.Input(
                    "frames",
                    tooltip="The clip at its own size: Prepare Video with size_policy source, or Get Video Components.",
                ),
                io.Image.Input("edited_frame", tooltip="The clip's first frame after your edit, of the clip's size."),
                io.Mask.Input("mask", tooltip="White where the video may change: one mask, or one for each frame."),
                Trajectories.Input("trajectories", optional=True, tooltip="Where things shall move."),
                io.Combo.Input(
                    "crop",
                    options=["auto", "always", "off"],
                    default="auto",
                    optional=True,
                    tooltip="auto: of frames of more than a megapixel, where the part is less than six tenths. always: "
                    "of smaller ones too. off: whole frames, fitted to the model.",
                ),
                io.Int.Input(
                    "edited_index",
                    default=0,
                    min=0,
                    max=10**6,
                    optional=True,
                    tooltip="Which of the frames you edited, counted from 0: reference_frame of ReVideo Conditions.",
                ),
                Keyframes.Input(
                    "keyframes", optional=True, tooltip="More frames that you edited, from ReVideo Keyframes."
                ),
            ],
            outputs=[
                io.Image.Output("frames", tooltip="The part of every frame, to ReVideo Conditions."),
                io.Image.Output("edited_frame", tooltip="The same part of your edited frame."),
                io.Mask.Output("mask", tooltip="The area in each of them."),
                Trajectories.Output("trajectories", tooltip="The paths in them."),
                Crop.Output("crop", tooltip="Where the part lies in each frame, to Stitch Edit."),
                Keyframes.Output("keyframes", tooltip="The same part of the keyframes."),
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
        crop: crops.CropMode = "auto",
        edited_index: int = 0,
        keyframes: dict[int, Tensor] | None = None,
    ) -> io.NodeOutput:
        from ..revideo import Edit
        from ..revideo.editing.crop import Crop, plan_crop, working_size
        from ..revideo.video.fitting import fit_frames

        video, picture = frames_from_image(frames), edited_picture(edited_frame, edited_index)
        count, whole = len(video), (video.shape[-2], video.shape[-1])
        edit = Edit(picture, trajectories, mask_from_comfy(mask), edited_index, keyframes)
        edit = edit.for_clip(count, whole, whole, "stretch")
        edit.check(count, *whole)  # also where nothing is cropped
        planned = plan_crop(edit, count, MODEL_MULTIPLE, crop) or Crop.of_all(count, whole)
        size = working_size(*planned.size, MODEL_MULTIPLE)
        part = planned.of_edit(edit, size)
        return io.NodeOutput(
            image_from_frames(fit_frames(planned.cut(video, 0), *size)),
            image_from_frames(part.edited_frame[None]),
            mask_to_comfy(part.masks(0, count).float()),
            part.trajectories,
            planned,
            part.keyframes,
        )


class ReVideoStitch(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoStitch",
            display_name="Stitch Edit (ReVideo)",
            category=CATEGORY,
            description="Puts the part that Crop around Edit took, edited, back into the clip's own frames: outside "
            "the area every pixel stays the source's.",
            search_aliases=["revideo stitch", "uncrop", "inpaint stitch", "paste back"],
            inputs=[
                io.Image.Input("original", tooltip="The frames that went into Crop around Edit."),
                io.Image.Input("edited", tooltip="The frames from ReVideo Decode."),
                io.Mask.Input("mask", tooltip="The mask from Crop around Edit."),
                Crop.Input("crop", tooltip="From Crop around Edit."),
                *_seam_inputs(),
            ],
            outputs=[io.Image.Output("frames", tooltip="The finished frames, of the clip's size.")],
        )

    @classmethod
    @checked
    def execute(
        cls,
        original: Tensor,
        edited: Tensor,
        mask: Tensor,
        crop: crops.Crop,
        feather: int,
        match: Match = "none",
    ) -> io.NodeOutput:
        from ..revideo.editing.crop import CroppedFrames
        from ..revideo.editing.long_video import TensorFrames
        from ..revideo.editing.model import put_back

        source, painted, inside = frames_from_image(original), frames_from_image(edited), mask_from_comfy(mask)
        crop.check(len(source), (source.shape[-2], source.shape[-1]))
        if len(painted) != len(source):
            raise ValueError(f"edited holds {len(painted)} frames, original {len(source)}: give both of one clip")
        if inside.shape[-2:] != painted.shape[-2:]:
            height, width = painted.shape[-2:]
            raise ValueError(
                f"the mask is {inside.shape[-1]}×{inside.shape[-2]}, the edited frames are {width}×{height}: give the "
                f"mask from Crop around Edit"
            )
        frames = CroppedFrames(TensorFrames(source), crop)
        pictures = put_back(frames.read(0, len(source)), painted, inside, "stretch", feather, match)
        return io.NodeOutput(image_from_frames(torch.stack(list(frames.stitch(iter(pictures))))))
