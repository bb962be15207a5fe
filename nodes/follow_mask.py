"""ReVideoFollowMask: a thing's mask on every frame, from a mask on one frame or a click."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import comfy.model_management as management
import comfy.utils
from comfy_api.latest import io
from torch import Tensor

from .conditions import animated_preview
from .sockets import (
    CATEGORY,
    Trajectories,
    checked,
    frames_from_image,
    image_from_frames,
    mask_from_comfy,
    mask_to_comfy,
)

if TYPE_CHECKING:
    from .. import revideo


class ReVideoFollowMask(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoFollowMask",
            display_name="ReVideo Follow Mask",
            category=CATEGORY,
            description="Follows a thing through the clip: from a click on it in the editor, or a mask painted on one "
            "frame, to its mask on every frame, outlined anew and without what passes in front of it.",
            search_aliases=[
                "track mask",
                "mask tracking",
                "propagate mask",
                "video segmentation",
                "rotoscope",
                "segment",
                "sam3",
                "click to mask",
                "grow mask",
                "feather mask",
            ],
            inputs=[
                io.Image.Input("frames", tooltip="The prepared frames."),
                io.Int.Input(
                    "frame",
                    default=0,
                    min=0,
                    max=10**6,
                    tooltip="The frame that the mask or the points are of, counted from 0; the thing is followed from "
                    "it onwards and backwards.",
                ),
                io.Int.Input(
                    "grow",
                    default=0,
                    min=-512,
                    max=512,
                    tooltip="Pixels by which the mask grows on every frame; negative: shrinks. Something larger than "
                    "the thing needs room.",
                ),
                io.Int.Input(
                    "feather",
                    default=0,
                    min=0,
                    max=512,
                    tooltip="Pixels over which the edge is soft, half of them outside the outline and half inside: at "
                    "half strength, where ReVideo cuts, the mask stays as it is.",
                ),
                io.Boolean.Input(
                    "invert",
                    default=False,
                    tooltip="All but the thing, after growing: to edit the background. On frames where the thing is "
                    "lost for good that is the whole picture.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="The thing, painted on that frame. One mask for each frame, of ComfyUI's SAM3 nodes for "
                    "example, is taken as it is and not followed. What is not empty goes before points.",
                ),
                Trajectories.Input(
                    "points",
                    optional=True,
                    tooltip="Paths whose points on that frame lie on the thing: one anchor in the editor is enough, "
                    "several say more.",
                ),
                io.String.Input(
                    "point_list",
                    default="",
                    optional=True,
                    force_input=True,
                    tooltip="Text of a points editor, in pixels of the frames: each point in it lies on the thing, "
                    "beside those of the paths.",
                ),
            ],
            outputs=[
                io.Mask.Output("mask", tooltip="A mask for each frame: to ReVideo Conditions and Keep Unedited."),
                io.Image.Output("preview", tooltip="The frames, dimmed outside the mask."),
                io.String.Output("report", tooltip="On which frames it was found, and what the mask is on the others."),
                io.String.Output(
                    "positive_coords",
                    tooltip="The points on that frame, or one inside the mask, as ComfyUI's SAM3 Detect takes them.",
                ),
                io.BoundingBox.Output(
                    "bounding_box",
                    tooltip="The box around the thing on each frame, before it grows: bboxes of ComfyUI's SAM3 Detect.",
                ),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        frames: Tensor,
        frame: int,
        grow: int,
        feather: int,
        invert: bool,
        mask: Tensor | None = None,
        points: revideo.Trajectories | None = None,
        point_list: str = "",
    ) -> io.NodeOutput:
        from ..revideo.masks.clicked_mask import describe_points, mask_at
        from ..revideo.masks.mask_tracking import TrackedMask, track_mask
        from ..revideo.masks.outlines import adjusted_mask, deepest_point
        from ..revideo.pictures.overlays import draw_mask

        video = frames_from_image(frames)
        if not 0 <= frame < len(video):
            raise ValueError(f"there is no frame {frame}: the video has frames 0 to {len(video) - 1}")
        given = None if mask is None else _checked_mask(mask_from_comfy(mask).cpu(), video, frame)
        clicks = _clicks(points, point_list, frame, len(video))
        places, report = None, ""
        if given is not None:
            report = "the points are not used: the mask goes before them\n" if clicks is not None else ""
        elif clicks is not None:
            given, places = mask_at(video[frame], clicks), clicks.long().tolist()
            report = describe_points(given, clicks)
        else:
            empty = "the mask is empty, as Load Image gives it for a picture that is nowhere transparent"
            raise ValueError(
                f"{'there is nothing to follow' if mask is None else empty}: paint the thing on frame {frame}, "
                f"or connect the editor's paths with an anchor on it"
            )
        if len(given) == len(video):
            tracked = TrackedMask(given >= 0.5, (given >= 0.5).flatten(1).any(1))
        else:
            tracked = track_mask(video, given.float(), frame, progress=_progress(2 * (len(video) - 1)))
            given = tracked.mask
        start = tracked.mask[frame, 0].numpy()
        if places is None:
            places = [deepest_point(start)] if start.any() else []
        changed = adjusted_mask(given, grow, feather, invert)
        shrunk = 1 - changed if invert else changed
        before, after = ((each >= 0.5).flatten(1).any(1).cpu() for each in (given, shrunk))
        gone = int((before & ~after).sum())
        if gone:
            report += f"grow {grow} leaves nothing of the mask on {gone} of {len(given)} frames: shrink it less\n"
        preview = image_from_frames(draw_mask(video, changed.to(video.device)))
        return io.NodeOutput(
            mask_to_comfy(changed),
            preview,
            report + tracked.describe(),
            json.dumps([{"x": x, "y": y} for x, y in places]),
            _boxes(tracked.mask),
            ui=animated_preview(preview, cls, "ReVideoFollowMask"),
        )


def _checked_mask(mask: Tensor, video: Tensor, frame: int) -> Tensor | None:
    """(1 or T, 1, H, W) in [0, 1]; None where it is empty."""
    from ..revideo.video.pixels import check_pixels

    check_pixels("mask", mask)
    if not (mask >= 0.5).any():
        return None
    height, width = video.shape[-2:]
    if len(mask) not in (1, len(video)):
        raise ValueError(
            f"there are {len(mask)} masks for {len(video)} frames: give one, painted on frame {frame}, or one for each"
        )
    if mask.shape[-2:] != (height, width):
        raise ValueError(
            f"the mask is {mask.shape[-1]}×{mask.shape[-2]}, the frames are {width}×{height}: paint it on a prepared "
            f"frame, or scale it to that size"
        )
    return mask.float()


def _clicks(points: revideo.Trajectories | None, text: str, frame: int, num_frames: int) -> Tensor | None:
    """(N, 2) x, y in pixels; None where there are none."""
    from ..revideo.tracks.source_motion import points_of_text, points_on

    if text:
        points = points_of_text(text, frame, num_frames, points)
    return None if points is None or not points.num_trajectories else points_on(points, frame, num_frames)


def _boxes(masks: Tensor) -> list[list[dict[str, int]]]:
    """Of masks (T, 1, H, W) bool, as ComfyUI's nodes have them: a list for each frame, empty where nothing is there."""
    from ..revideo.masks.outlines import box_of

    boxes: list[list[dict[str, int]]] = []
    for mask in masks[:, 0].numpy():
        boxes.append([])
        if mask.any():
            rows, columns = box_of(mask)
            size = {"width": columns.stop - columns.start, "height": rows.stop - rows.start}
            boxes[-1].append({"x": columns.start, "y": rows.start} | size)
    return boxes


def _progress(total: int) -> Callable[[int, int], None]:
    """Shows how far it is, and ends the work where the user stops the run."""
    bar = comfy.utils.ProgressBar(total)

    def callback(done: int, total: int) -> None:
        bar.update_absolute(done, total)
        management.throw_exception_if_processing_interrupted()

    return callback
