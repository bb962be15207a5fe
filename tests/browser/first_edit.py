"""The workflow that runs at once: a small example clip, the built-in model, the edit drawn already."""

from __future__ import annotations

from collections.abc import Callable

from layout import GROUPS, Column, Node, note

from revideo.synthetic.examples import FEATHER_PX, FRAMES, OPTIONS

EXAMPLE = "both"

TEXT = """\
## A first edit

Press **Run**: in less than a minute, on any CPU, the yellow heart of a short clip becomes a violet fish that \
follows the path in *ReVideo Editor*, while everything outside the area stays the source's.

The model is the small one that comes with the pack; it knows nothing but scenes of such sprites. Drag the path's \
points and run again, or take another *example* and draw its path and area.

Go on to workflow **01** for clips of your own, with the authors' weights.
"""


def first_row(text: str, drawing: str) -> list[Column]:
    start = {
        "steps": note(text, (400, 440)),
        "clip": Node("ReVideoExampleClip", widgets={"example": EXAMPLE}, size=(400, 150)),
    }
    frames = {"frames": ("clip", 0), "edited_frame": ("clip", 1)}
    editor = Node("ReVideoEditor", frames, {"document": drawing}, size=(900, 700))
    return [Column("Start here", GROUPS["clip"], start), Column("Draw", GROUPS["edit"], {"editor": editor})]


def workflow(drawing: str, model_loader: Callable[[str], Node]) -> list[list[Column]]:
    conditions = Node(
        "ReVideoConditions",
        {"frames": ("clip", 0), "edited_frame": ("clip", 1), "mask": ("editor", 1), "trajectories": ("editor", 0)},
        size=(330, 300),
    )
    sample = Node(
        "ReVideoSampler",
        {"model": ("model", 0), "conditions": ("conditions", 0)},
        {
            "seed": OPTIONS.seed,
            "control_after_generate": "fixed",
            "steps": OPTIONS.steps,
            "cfg_last": OPTIONS.cfg_last,
            "latent_lock": True,
            "solver": OPTIONS.solver,
        },
        size=(330, 0),
    )
    decode = Node("ReVideoDecode", {"model": ("model", 0), "samples": ("sample", 0)}, {"frames_per_chunk": FRAMES})
    return [
        first_row(TEXT, drawing),
        [
            Column("Conditions", GROUPS["edit"], {"conditions": conditions}),
            Column("Model", GROUPS["model"], {"model": model_loader("ReVideoLoadModel"), "sample": sample}),
            Column("Result", GROUPS["result"], {"decode": decode} | result()),
        ],
    ]


def result() -> dict[str, Node]:
    """From decoded frames to the saved clip."""
    keep = {"original": ("clip", 0), "edited": ("decode", 0), "mask": ("editor", 1)}
    return {
        "keep": Node("ReVideoKeepUnedited", keep, {"feather": round(FEATHER_PX)}),
        "create": Node("CreateVideo", {"images": ("keep", 0), "fps": ("clip", 2)}),
        "save": Node("SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo"}, size=(300, 520)),
    }
