"""The workflow that runs at once: an example clip, the built-in model, the edit drawn already."""

from __future__ import annotations

import torch
from layout import GROUPS, Column, Node, note
from torch import Tensor

from revideo.cli.demo import FEATHER_PX, asked, enlarged
from revideo.drawing.document import EditDocument
from revideo.drawing.schema import DrawnPath, Point, Region
from revideo.synthetic.examples import FRAMES, OPTIONS, SIDE_PX, example_edit

NAME = "00_first_edit"
EXAMPLE = "both"
POINTS_AT = (0, 4, 8, 13)  # frames at which the path has a point

TEXT = """\
## A first edit

Press **Run**: in less than a minute, on any CPU, the purple triangle of a short clip becomes an orange ball that \
follows the path in *ReVideo Editor*, while everything outside the area stays the source's. The model is the small one \
that comes with the pack; it knows nothing but a synthetic world of such sprites. Drag the path's points and run \
again, take another *example* and draw its path and area, or go on to workflow **01** with the authors' weights for \
clips of your own.
"""


def drawing() -> str:
    """The edit document: the true path, by a few points, and the true area."""
    truth = example_edit(EXAMPLE)
    points = tuple(Point(*truth.centres_px[0, frame].round(decimals=1).tolist(), frame) for frame in POINTS_AT)
    rows, columns = truth.areas[0].nonzero(as_tuple=True)
    corners = ((columns.min().item(), rows.min().item()), (columns.max().item() + 1, rows.max().item() + 1))
    path = DrawnPath("p1", "spline", points, 0, FRAMES - 1, "linear", True, "ball", "#ffb000")
    area = Region("r1", "rect", corners, "add")
    return EditDocument(width=SIDE_PX, height=SIDE_PX, frames=FRAMES, paths=(path,), regions=(area,)).to_json()


def region() -> Tensor:
    """(1, 1, H, W): where the workflow's result may differ from its clip."""
    return EditDocument.from_json(drawing()).mask(FRAMES, SIDE_PX, SIDE_PX)


def thumbnail() -> Tensor:
    """(3, H, W): the clip's first frame, and what is asked."""
    truth = example_edit(EXAMPLE)
    return torch.cat([enlarged(truth.source[:1])[0], asked(truth)[0]], 2)


def workflow() -> list[Column]:
    return [
        Column(
            "Start here",
            GROUPS["clip"],
            {
                "steps": note(TEXT, (380, 330)),
                "clip": Node("ReVideoExampleClip", widgets={"example": EXAMPLE}, size=(380, 130)),
            },
        ),
        Column(
            "Draw",
            GROUPS["edit"],
            {
                "editor": Node(
                    "ReVideoEditor",
                    {"frames": ("clip", 0), "edited_frame": ("clip", 1)},
                    {"document": drawing()},
                    size=(820, 700),
                ),
            },
        ),
        Column(
            "Model",
            GROUPS["model"],
            {
                "model": Node("ReVideoLoadModel", {}, {"checkpoint": "tiny (built in)"}, size=(400, 0)),
                "conditions": Node(
                    "ReVideoConditions",
                    {
                        "frames": ("clip", 0),
                        "edited_frame": ("clip", 1),
                        "mask": ("editor", 1),
                        "trajectories": ("editor", 0),
                    },
                    size=(400, 280),
                ),
                "sample": Node(
                    "ReVideoSampler",
                    {"model": ("model", 0), "conditions": ("conditions", 0)},
                    {
                        "seed": OPTIONS.seed,
                        "control_after_generate": "fixed",
                        "steps": OPTIONS.steps,
                        "cfg_last": OPTIONS.cfg_last,
                        "latent_lock": True,
                    },
                ),
            },
        ),
        Column(
            "Result",
            GROUPS["result"],
            {
                "decode": Node(
                    "ReVideoDecode", {"model": ("model", 0), "samples": ("sample", 0)}, {"frames_per_chunk": FRAMES}
                ),
                "keep": Node(
                    "ReVideoKeepUnedited",
                    {"original": ("clip", 0), "edited": ("decode", 0), "mask": ("editor", 1)},
                    {"feather": round(FEATHER_PX)},
                ),
                "create": Node("CreateVideo", {"images": ("keep", 0), "fps": ("clip", 2)}),
                "save": Node(
                    "SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/revideo"}, size=(300, 380)
                ),
            },
        ),
    ]
