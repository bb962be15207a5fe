"""ReVideoEditor: paths and areas drawn on the clip, as the library's and ComfyUI's own types."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import folder_paths
import torch.nn.functional as F
from comfy_api.latest import io
from torch import Tensor

from .sockets import (
    CATEGORY,
    Trajectories,
    as_comfy_tracks,
    checked,
    frames_from_image,
    image_from_frames,
    mask_from_comfy,
    mask_to_comfy,
)

SHOWN_SIDE = 1024  # pixels of the longer side of what the editor shows after a run
SHOWN_FRAMES = 300  # a longer clip is shown by every second frame, every third …
JPEG_QUALITY = 90
SHOWN_FOLDER = "revideo_editor"  # in ComfyUI's temp folder


class ReVideoEditor(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ReVideoEditor",
            display_name="ReVideo Editor",
            category=CATEGORY,
            description="Draw where things move and which areas may change, on the clip itself: it is shown without a "
            "run. Gives paths and a mask.",
            search_aliases=[
                "spline editor",
                "path editor",
                "motion path",
                "draw trajectories",
                "draw path",
                "object motion",
                "animate mask",
                "mask path",
                "draw mask",
                "keyframe",
                "points editor",
                "mask editor",
                "brush",
                "lasso",
                "timeline",
            ],
            has_intermediate_output=True,
            inputs=[
                io.Image.Input("frames", tooltip="The prepared frames: the drawing takes their number and size."),
                io.String.Input(
                    "document",
                    display_name="drawing",
                    default="",
                    socketless=True,
                    extra_dict={"widgetType": "REVIDEO_EDITOR"},  # no tooltip: it would lie over what one draws on
                ),
                io.Image.Input(
                    "edited_frame",
                    optional=True,
                    tooltip="The edited first frame: the editor shows it over frame 0, nothing else.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="What may change before anything is drawn: the areas are added to it and taken from it. "
                    "One mask, or one for each frame, at any size.",
                ),
            ],
            outputs=[
                Trajectories.Output("trajectories", tooltip="The paths, to ReVideo Conditions."),
                io.Mask.Output(
                    "mask", tooltip="White where the video may change: one mask, or one per frame if areas move."
                ),
                io.String.Output("tracks", tooltip="The paths as text, a point per frame, as other packs read them."),
                io.Tracks.Output("comfy_tracks", tooltip="The paths as ComfyUI's TRACKS."),
                io.Image.Output("preview", tooltip="The frames with paths and areas drawn over them."),
            ],
        )

    @classmethod
    def validate_inputs(cls, document: str | None) -> bool | str:
        """Before anything runs: the one message that names the path and the point."""
        from ..revideo import EditDocument

        if document is None:  # from another node: known when it has run
            return True
        try:
            EditDocument.from_json(document)
        except ValueError as error:
            return f"the drawing cannot be read: {error}"
        return True

    @classmethod
    @checked
    def execute(
        cls, frames: Tensor, document: str, edited_frame: Tensor | None = None, mask: Tensor | None = None
    ) -> io.NodeOutput:
        from ..revideo import EditDocument
        from ..revideo.pictures.overlays import draw_mask, draw_tracks

        num_frames, height, width = frames.shape[:3]
        drawing = EditDocument.from_json(document)
        trajectories = drawing.trajectories(num_frames, height, width)
        base = None if mask is None else _fitted(mask_from_comfy(mask), num_frames, height, width)
        drawn = drawing.mask(num_frames, height, width, base=base)
        video = frames_from_image(frames)
        preview = draw_tracks(draw_mask(video, drawn) if drawn.any() else video, trajectories)
        return io.NodeOutput(
            trajectories,
            mask_to_comfy(drawn),
            trajectories.to_json(),
            as_comfy_tracks(trajectories),
            image_from_frames(preview),
            ui=_shown(frames, edited_frame, base),
        )


def _fitted(mask: Tensor, num_frames: int, height: int, width: int) -> Tensor:
    """(1 or T, 1, H, W) in [0, 1], of the frames' size."""
    if len(mask) not in (1, num_frames):
        raise ValueError(
            f"there are {len(mask)} masks for {num_frames} frames: give one mask for all frames, or one for each"
        )
    mask = mask.float()
    if mask.shape[-2:] != (height, width):
        mask = F.interpolate(mask, (height, width), mode="bilinear", antialias=True)
    return mask.clamp(0, 1)


def _shown(frames: Tensor, edited_frame: Tensor | None, base: Tensor | None) -> dict[str, Any]:
    """What the editor shows from now on: the frames and the mask that really came, as files in the temp folder."""
    stride = -(-len(frames) // SHOWN_FRAMES)
    return {
        "revideo_info": [
            {"width": frames.shape[2], "height": frames.shape[1], "frames": len(frames), "stride": stride}
        ],
        "revideo_frames": [_save_frame(frame) for frame in frames[::stride]],
        "revideo_edited": [] if edited_frame is None else [_save_frame(edited_frame[0])],
        "revideo_mask": [] if base is None else [_save(mask[0], ".png", []) for mask in base[::stride]],
    }


def _save_frame(frame: Tensor) -> dict[str, str]:
    """(H, W, 3 or 4)"""
    import cv2

    return _save(frame[..., :3].flip(-1), ".jpg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])  # BGR


def _save(picture: Tensor, suffix: str, parameters: list[int]) -> dict[str, str]:
    """(H, W) or (H, W, 3) → a file named by its content, so that what is there is not written again."""
    import cv2

    from ..revideo.video.levels import to_uint8

    pixels = to_uint8(picture).cpu().numpy()
    scale = SHOWN_SIDE / max(pixels.shape[:2])
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(suffix, pixels, parameters)
    content = encoded.tobytes()
    name = f"{hashlib.sha256(content).hexdigest()[:24]}{suffix}"
    folder = Path(folder_paths.get_temp_directory()) / SHOWN_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).exists():
        (folder / name).write_bytes(content)
    return {"filename": name, "subfolder": SHOWN_FOLDER, "type": "temp"}
