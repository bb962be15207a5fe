"""The workflow in which one edited frame restyles a whole clip, along its depth: nothing is drawn."""

from __future__ import annotations

import torch
from layout import GROUPS, Column, Node, note
from torch import Tensor

from revideo.propagation.propagator import load_propagator
from revideo.synthetic.examples import WITH_DEPTH, restyled_example

BUILT_IN = "tiny (built in)"
EXAMPLE = WITH_DEPTH

TEXT = """\
## Restyle a clip by one edited frame

Every frame is painted as the edited one is, where the depth says that things are: another style, other colours, other \
things of the same shape (MagicProp). Things move as they did.

Press **Run**: it works as it is, with an example clip and the small model that comes with the pack. That one knows \
nothing but such shapes; on a CPU it takes a minute or two.

**Your clip**, in place of *Example Clip*:

1. **Video.** *Load Video* → *video* of *Propagate Edited Frame*; its output → *Save Video*. It may be long: it is \
read and written as it goes, with its sound, and a stopped run goes on where it was. *Get Video Components* gives the \
frames for 2 and 3.
2. **Edited frame.** Any one frame, edited as a whole: *Image From Batch* takes it out, any program or image model \
changes it (an edit model as in workflow 09, without its mask). *edited_index* says which frame it is.
3. **Depth.** A map for each frame, near bright: *Load Depth Anything 3* → *Run* → *Render Depth Anything 3*, or a \
depth node of any pack. Near dark? Set *inverted_depth*.
"""

MORE = """\
## Only a part of it

A **mask** on *Propagate Edited Frame*: *ReVideo Follow Mask* (workflow 10) has one of a thing that you click, \
*ReVideo Editor* one that you draw. Outside it every pixel stays the source's.

## A model for clips of your own

Nobody has released one. The pack's library trains it from Stable Diffusion 1.5; put the file into models/**revideo**, \
press **R** and choose it in *Load Propagator*.
"""


def workflow() -> list[list[Column]]:
    """Two rows: what is given, and what is made of it."""
    given = {"video": ("clip", 0), "edited_frame": ("clip", 1), "depth": ("clip", 4), "propagator": ("model", 0)}
    shown = {
        "show edited": Node("PreviewImage", {"images": ("clip", 1)}, title="Edited frame", size=(330, 290)),
        "show depth": Node("PreviewImage", {"images": ("clip", 4)}, title="Depth: near is bright", size=(330, 290)),
    }
    # Nodes 2.0 needs more than the frontend says.
    paint = Node("ReVideoPropagate", given, {"seed": 23, "control_after_generate": "fixed"}, size=(400, 440))
    result = {
        "create": Node("CreateVideo", {"images": ("paint", 0), "fps": ("clip", 2)}, size=(320, 0)),
        "save": Node("SaveVideo", {"video": ("create", 0)}, {"filename_prefix": "video/restyled"}, size=(320, 520)),
    }
    return [
        [
            Column("Start here", "#666", {"steps": note(TEXT, (460, 380))}),
            Column("Clip", GROUPS["clip"], {"clip": Node("ReVideoExampleClip", widgets={"example": EXAMPLE})}),
            Column("What is given", GROUPS["edit"], shown),
        ],
        [
            Column("More", "#666", {"more": note(MORE, (380, 280))}),
            Column("Model", GROUPS["model"], {"model": Node("ReVideoLoadPropagator", {}, {"propagator": BUILT_IN})}),
            Column("Propagate", GROUPS["edit"], {"paint": paint}),
            Column("Result", GROUPS["result"], result),
        ],
    ]


def picture() -> Tensor:  # (3, H, W)
    """What the templates menu shows: the clip's last frame, the edited first one, and what the last becomes."""
    truth = restyled_example()
    painted = load_propagator("tiny").propagate(truth.source, truth.target[0], truth.depth).frames[-1]
    return torch.cat([truth.source[-1], truth.target[0], painted], 2)
