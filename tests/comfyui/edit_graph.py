"""The edit that these tests queue, in ComfyUI's API format: ids by role, so that a test changes what it means to."""

from __future__ import annotations

from typing import Any

from comfyui_server import CHECKPOINT, WINDOW, Graph, node

WIDTH, HEIGHT = 192, 128  # small, and unlike the clip's 640×272
AREA = (48, 32, 80, 64)  # x, y, width, height of the edited part, in pixels
TRACKS = '[[{"x": 60, "y": 60}, {"x": 110, "y": 80}]]'


def edit_graph(steps: int = 2, width: int = WIDTH, height: int = HEIGHT, seed: int = 23) -> Graph:
    """bikes.mp4 → latents; the clip's own first frame serves as the edited one."""
    return {
        "clip": node("LoadVideo", file="bikes.mp4"),
        "prepare": node(
            "ReVideoPrepareVideo",
            video=["clip", 0],
            size_policy="exact",
            width=width,
            height=height,
            fit="stretch",
            start=0,
            stride=1,
            count=WINDOW,
            source_fps=24.0,
        ),
        "first": node("ImageFromBatch", image=["prepare", 0], batch_index=0, length=1),
        "edited": node("ImageInvert", image=["first", 0]),
        "keep area": node("SolidMask", value=0.0, width=width, height=height),
        "edit area": node("SolidMask", value=1.0, width=AREA[2], height=AREA[3]),
        "mask": node(
            "MaskComposite",
            destination=["keep area", 0],
            source=["edit area", 0],
            x=AREA[0],
            y=AREA[1],
            operation="add",
        ),
        "tracks": node(
            "ReVideoTracksIn",
            frames=["prepare", 0],
            tracks=TRACKS,
            timing="stretch",
            drawn_width=0,
            drawn_height=0,
        ),
        "conditions": node(
            "ReVideoConditions",
            frames=["prepare", 0],
            edited_frame=["edited", 0],
            mask=["mask", 0],
            trajectories=["tracks", 0],
        ),
        "model": node(
            "ReVideoLoadModel",
            checkpoint=CHECKPOINT,
            svd_checkpoint="(in the same file)",
            weight_dtype="fp32",
        ),
        "sample": node(
            "ReVideoSampler",
            model=["model", 0],
            conditions=["conditions", 0],
            seed=seed,
            steps=steps,
            cfg_first=1.0,
            cfg_last=4.0,
            fps=6,
            motion_bucket=127,
            noise_augmentation=0.02,
        ),
        "latent": node("SaveLatent", samples=["sample", 0], filename_prefix="latents/test"),
    }


def with_video(graph: Graph, codec: dict[str, Any] | None = None) -> Graph:
    """Adds decoding, keeping and saving: the finished clip, and the prepared source saved the same way."""
    graph.pop("latent")
    graph["decode"] = node("ReVideoDecode", model=["model", 0], samples=["sample", 0], frames_per_chunk=WINDOW)
    graph["keep"] = node(
        "ReVideoKeepUnedited", original=["prepare", 0], edited=["decode", 0], mask=["mask", 0], feather=8
    )
    for name, frames in (("result", "keep"), ("source", "prepare")):
        graph[f"{name} video"] = node("CreateVideo", images=[frames, 0], fps=["prepare", 1])
        graph[name] = node(
            "SaveVideo",
            video=[f"{name} video", 0],
            filename_prefix=f"video/{name}",
            format="auto",
            **(codec or {"codec": "auto"}),
        )
    return graph


def until_tracks(graph: Graph) -> Graph:
    """Only what leads to the tracks, shown as text: no model is loaded."""
    kept = {name: graph[name] for name in ("clip", "prepare", "tracks")}
    kept["text"] = node("PreviewAny", source=["tracks", 1])
    return kept


def cropped(graph: Graph) -> Graph:
    """Of `with_video`'s: the clip at its own size, 640×272, of which the model sees a part."""
    graph["prepare"]["inputs"]["size_policy"] = "source"
    graph["keep area"]["inputs"] |= {"width": 640, "height": 272}
    parts = {"frames": ["prepare", 0], "edited_frame": ["edited", 0], "mask": ["mask", 0]}
    parts |= {"trajectories": ["tracks", 0]}
    graph["crop"] = node("ReVideoCrop", **parts, crop="always")
    names = ("frames", "edited_frame", "mask", "trajectories")
    graph["conditions"]["inputs"] = {name: ["crop", number] for number, name in enumerate(names)}
    graph["keep"] = node(
        "ReVideoStitch",
        original=["prepare", 0],
        edited=["decode", 0],
        mask=["crop", 2],
        crop=["crop", 4],
        feather=8,
    )
    return graph
