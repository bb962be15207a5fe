"""The edit of edit_graph.py by the native route: ComfyUI's own SVD under KSampler."""

from __future__ import annotations

from typing import Any

from comfyui_server import CHECKPOINT, Graph, node
from edit_graph import HEIGHT, WIDTH, edit_graph

DTYPE = "fp32"  # on both routes, so that they may be compared


def native_graph(
    steps: int = 2,
    width: int = WIDTH,
    height: int = HEIGHT,
    seed: int = 23,
    *,
    frames: int | None = None,
    checkpoint: str = CHECKPOINT,
    sampler: str = "euler",
    scheduler: str = "karras",
    cfg_first: float = 1.0,
    cfg_last: float = 4.0,
    **conditioning: Any,
) -> Graph:
    """bikes.mp4 → latents, from the noise that ReVideoSampler starts from with this seed."""
    graph = edit_graph(steps, width, height, seed)
    for ours in ("model", "sample"):
        graph.pop(ours)
    if frames is not None:
        graph["prepare"]["inputs"]["count"] = frames
    return graph | {
        "svd": node("ReVideoLoadSVD", checkpoint=checkpoint, svd_checkpoint="(in the same file)", weight_dtype=DTYPE),
        "control": node("ReVideoLoadControlNet", checkpoint=checkpoint, weight_dtype=DTYPE),
        "condition": node(
            "ReVideoNativeConditioning",
            model=["svd", 0],
            clip_vision=["svd", 1],
            vae=["svd", 2],
            control_net=["control", 0],
            conditions=["conditions", 0],
            **(
                {
                    "strength": 1.0,
                    "start_percent": 0.0,
                    "end_percent": 1.0,
                    "fps": 6,
                    "motion_bucket": 127,
                    "noise_augmentation": 0.02,
                    "augmentation_seed": seed,
                }
                | conditioning
            ),
        ),
        "guided": node("VideoLinearCFGGuidance", model=["svd", 0], min_cfg=cfg_first),
        "sample": node(
            "KSampler",
            model=["guided", 0],
            seed=2 * seed,  # ReVideo Sampler keeps the odd ones for the reference's noise
            steps=steps,
            cfg=cfg_last,
            sampler_name=sampler,
            scheduler=scheduler,
            positive=["condition", 0],
            negative=["condition", 1],
            latent_image=["condition", 2],
            denoise=1.0,
        ),
        "latent": node("SaveLatent", samples=["sample", 0], filename_prefix="latents/native"),
    }


def own_graph(
    steps: int, width: int, height: int, seed: int = 23, *, frames: int | None = None, checkpoint: str = CHECKPOINT
) -> Graph:
    """The same edit by ReVideoSampler."""
    graph = edit_graph(steps, width, height, seed)
    graph["model"]["inputs"] |= {"checkpoint": checkpoint, "weight_dtype": DTYPE}
    if frames is not None:
        graph["prepare"]["inputs"]["count"] = frames
    return graph
