"""Frames before and after the model: ReVideoPrepareVideo, ReVideoKeepUnedited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from comfy_api.latest import InputImpl, io
from torch import Tensor

from .sockets import CATEGORY, checked, frames_from_image, image_from_frames, mask_from_comfy

if TYPE_CHECKING:
    from comfy_api.input import VideoInput

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
                    options=["area", "longest side", "exact"],
                    default="area",
                    tooltip="area: keep the clip's shape at about width × height pixels in all. longest side: keep "
                    "the shape, longer side as given. exact: this width and height.",
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
        size_policy: SizePolicy,
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
        size = choose_size(source_height, source_width, size_policy, height, width, MODEL_MULTIPLE)
        prepared = fit_frames(frames, *size, fit)
        return io.NodeOutput(image_from_frames(prepared), fps, size[1], size[0])


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
