"""The workflows of the native route: ComfyUI's own SVD, KSampler and context windows."""

from __future__ import annotations

from collections.abc import Callable

import first_edit
from layout import GROUPS, Column, Node

from revideo.sampling.samplers import SamplerOptions

TEXT = """\
## ReVideo under KSampler

The edit of workflow **00**, by ComfyUI's own Stable Video Diffusion: *Load ReVideo ControlNet* and *ReVideo Native \
Conditioning* bring ReVideo to any **MODEL** of a ReVideo checkpoint. Press **Run**: the model is the small one that \
comes with the pack.

Samplers, schedulers, LoRAs, EasyCache, other ControlNets behind *ReVideo Native Conditioning*: all as for any MODEL.

**The authors' weights** (workflow 01 says where they are): choose the same file in both loaders, and **cfg 4** and \
**euler** in *KSampler* (the small model wants 1 and euler_ancestral).
"""


def loaders(model_loader: Callable[[str], Node]) -> dict[str, Node]:
    return {"svd": model_loader("ReVideoLoadSVD"), "control": model_loader("ReVideoLoadControlNet")}


def conditioning(frames: tuple[str, int], edited: tuple[str, int]) -> dict[str, Node]:
    """From frames and the editor's drawing to what KSampler takes."""
    return {
        "conditions": Node(
            "ReVideoConditions",
            {"frames": frames, "edited_frame": edited, "mask": ("editor", 1), "trajectories": ("editor", 0)},
            size=(290, 300),
        ),
        "condition": Node(
            "ReVideoNativeConditioning",
            {
                "model": ("svd", 0),
                "clip_vision": ("svd", 1),
                "vae": ("svd", 2),
                "control_net": ("control", 0),
                "conditions": ("conditions", 0),
            },
            size=(290, 0),
        ),
    }


def sampling(model: str, options: SamplerOptions) -> dict[str, Node]:
    return {
        "guided": Node("VideoLinearCFGGuidance", {"model": (model, 0)}, {"min_cfg": 1.0}, size=(270, 0)),
        "sample": Node(
            "KSampler",
            {
                "model": ("guided", 0),
                "positive": ("condition", 0),
                "negative": ("condition", 1),
                "latent_image": ("condition", 2),
            },
            {
                "seed": 46,
                "control_after_generate": "fixed",
                "steps": options.steps,
                "cfg": options.cfg_last,
                "sampler_name": options.solver,
                "scheduler": "karras",
                "denoise": 1.0,
            },
            size=(270, 280),
        ),
        "decode": Node("VAEDecode", {"samples": ("sample", 0), "vae": ("svd", 2)}, size=(270, 0)),
    }


def workflow(drawing: str, model_loader: Callable[[str], Node]) -> list[list[Column]]:
    """That of the first edit, with another model and sampler."""
    return [
        first_edit.first_row(TEXT, drawing),
        [
            Column("ComfyUI's own model, ReVideo's ControlNet", GROUPS["model"], loaders(model_loader)),
            Column("Conditioning", GROUPS["edit"], conditioning(("clip", 0), ("clip", 1))),
            Column("Sample", GROUPS["model"], sampling("svd", first_edit.OPTIONS)),
            Column("Result", GROUPS["result"], first_edit.result()),
        ],
    ]


def long_columns(edited: tuple[str, int], model_loader: Callable[[str], Node]) -> list[Column]:
    """Behind clip, first frame and drawing."""
    windows = Node(
        "ContextWindowsManual",
        {"model": ("svd", 0)},
        {
            "context_length": 14,
            "context_overlap": 4,
            "context_schedule": "standard_static",
            "fuse_method": "pyramid",
            "dim": 0,
            "causal_window_fix": False,
        },
        size=(280, 0),
    )
    keep = {"original": ("prepare", 0), "edited": ("decode", 0), "mask": ("editor", 1)}
    result = {
        "keep": Node("ReVideoKeepUnedited", keep, {"feather": 8}, size=(270, 0)),
        "create": Node("CreateVideo", {"images": ("keep", 0), "fps": ("prepare", 1)}, size=(270, 0)),
        "save": Node("SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo"}, size=(270, 320)),
    }
    return [
        Column("Conditioning", GROUPS["edit"], conditioning(("prepare", 0), edited)),
        Column("Model", GROUPS["model"], loaders(model_loader) | {"windows": windows}),
        Column("Sample", GROUPS["model"], sampling("windows", SamplerOptions(steps=10))),
        Column("Result", GROUPS["result"], result),
    ]
