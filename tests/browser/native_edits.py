"""The workflows of the native route: ComfyUI's own SVD, KSampler and context windows."""

from __future__ import annotations

import first_edit
from layout import GROUPS, Column, Node, note

NAME, LONG = "07_native_ksampler", "08_native_long_context"
LONG_FRAMES = 24  # two windows that share 4: short, for the tests' sake
BUILT_IN = "tiny (built in)"

TEXT = """\
## ReVideo under KSampler

The edit of workflow **00**, by ComfyUI's own Stable Video Diffusion: *Load ReVideo ControlNet* and *ReVideo Native \
Conditioning* bring ReVideo to any **MODEL** of a ReVideo checkpoint. Press **Run**: the model is the small one that \
comes with the pack.

Samplers, schedulers, LoRAs, EasyCache, other control nets behind *ReVideo Native Conditioning*: all as for any MODEL.

**With the authors' weights** (workflow 01 says where they are): choose the same file in both loaders, **cfg 4** in \
*KSampler* (the small model wants 1), 15 or 25 steps.
"""

LONG_STEPS = """\
## More frames at once, by context windows

1. **Clip.** Choose your clip in *Load Video*; *count* in *Prepare Video* says how many frames are edited: 24 here, \
as many as you like.
{frame}
4. **Draw** in the editor, over all frames: **an area** (R) over all that may change, **a path** (S) for where the \
thing goes.
5. **Run.** *Context Windows* cuts the clip into windows of {window} frames that share 4; every step is taken in all \
of them. Leave **causal_window_fix** off and **dim** at 0: SVD takes nothing else.

All frames are in memory. For longer videos take *ReVideo Long Video* (workflow 05), which goes from file to file.
"""


def loaders(checkpoint: str) -> dict[str, Node]:
    return {
        "svd": Node("ReVideoLoadSVD", {}, {"checkpoint": checkpoint}, size=(380, 0)),
        "control": Node("ReVideoLoadControlNet", {}, {"checkpoint": checkpoint}, size=(380, 0)),
    }


def conditioning(frames: tuple[str, int], edited: tuple[str, int]) -> dict[str, Node]:
    """From frames and the editor's drawing to what KSampler takes."""
    return {
        "conditions": Node(
            "ReVideoConditions",
            {"frames": frames, "edited_frame": edited, "mask": ("editor", 1), "trajectories": ("editor", 0)},
            size=(400, 280),
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
            size=(400, 0),
        ),
    }


def sampling(model: str, steps: int, cfg: float) -> dict[str, Node]:
    return {
        "guided": Node("VideoLinearCFGGuidance", {"model": (model, 0)}, {"min_cfg": 1.0}),
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
                "steps": steps,
                "cfg": cfg,
                "sampler_name": "euler",
                "scheduler": "karras",
                "denoise": 1.0,
            },
            size=(300, 280),
        ),
    }


def result(frames: tuple[str, int], fps: tuple[str, int], feather: int) -> dict[str, Node]:
    return {
        "decode": Node("VAEDecode", {"samples": ("sample", 0), "vae": ("svd", 2)}),
        "keep": Node(
            "ReVideoKeepUnedited",
            {"original": frames, "edited": ("decode", 0), "mask": ("editor", 1)},
            {"feather": feather},
        ),
        "create": Node("CreateVideo", {"images": ("keep", 0), "fps": fps}),
        "save": Node("SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo"}, size=(300, 380)),
    }


def workflow() -> list[Column]:
    """That of the first edit, with another model and sampler."""
    start, draw, *_ = first_edit.workflow()
    start.nodes["steps"] = note(TEXT, (380, 430))
    return [
        start,
        draw,
        Column("ComfyUI's own model, ReVideo's ControlNet", GROUPS["model"], loaders(BUILT_IN)),
        Column("Conditioning", GROUPS["model"], conditioning(("clip", 0), ("clip", 1))),
        Column("Sample", GROUPS["model"], sampling("svd", first_edit.OPTIONS.steps, first_edit.OPTIONS.cfg_last)),
        Column("Result", GROUPS["result"], result(("clip", 0), ("clip", 2), round(first_edit.FEATHER_PX))),
    ]


def long_columns(checkpoint: str) -> list[Column]:
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
        size=(380, 0),
    )
    return [
        Column("5 · Model", GROUPS["model"], loaders(checkpoint) | {"windows": windows}),
        Column("5 · Conditioning", GROUPS["model"], conditioning(("prepare", 0), ("edited", 0))),
        Column("5 · Sample", GROUPS["model"], sampling("windows", 10, 4.0)),
        Column("5 · Result", GROUPS["result"], result(("prepare", 0), ("prepare", 1), 12)),
    ]
