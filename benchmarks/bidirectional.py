"""Whether it matters which frame is edited: path errors, and the jump at the edited frame.

python -m benchmarks.bidirectional tiny --clips 8
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import torch
from torch import Tensor

from revideo.edit import Edit
from revideo.editing.composite import keep_unedited
from revideo.synthetic.edits import EDIT_KINDS, SyntheticEdit
from revideo.synthetic.examples import FEATHER_PX
from revideo.synthetic.measures import held_out, path_distances

from .common import chosen_options, load_model, model_parser, table_header, table_row

COLUMNS = ("edited frame", "path error, px", "step beside it, × the median step: raw", "finished", "right answer")


def edit_of_frame(truth: SyntheticEdit, frame: int) -> Edit:
    """The same edit, with another of its frames as the one that is given."""
    return replace(truth.edit, edited_frame=truth.target[frame], edited_index=frame)


def jump(video: Tensor, frame: int) -> float:
    """The largest mean difference to a neighbour of that frame, over the median difference of neighbours."""
    steps = video.diff(dim=0).abs().flatten(1).mean(1)
    return (steps[max(frame - 1, 0) : frame + 1].max() / steps.median()).item()


def other_frames_error(truth: SyntheticEdit, video: Tensor, frame: int) -> float:
    """Pixels between the sprite and its path, a mean over all frames but the given one."""
    others = torch.arange(len(video)) != frame
    return path_distances(truth, video)[:, others].mean().item()


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints metrics of edits from the first, middle and last frame of held-out clips, as a Markdown table."""
    parser = model_parser("bidirectional", main.__doc__, clips=8)
    kinds = [kind for kind in EDIT_KINDS if kind != "removed"]  # which has no path to measure
    parser.add_argument("--kind", default="both", choices=kinds, help="of the edits (%(default)s)")
    parser.add_argument("--no-lock", action="store_true", help="leave the latent lock out")
    given = parser.parse_args(arguments)
    model = load_model(given)
    options = replace(chosen_options(given), latent_lock=not given.no_lock)
    window = model.config.unet.num_frames
    print(table_header(*COLUMNS), flush=True)
    for name, frame in (("first", 0), ("middle", window // 2), ("last", window - 1)):
        found = []
        for truth in held_out(given.kind, 1, given.clips, window, given.height, given.width):
            video = model.edit(truth.source, edit_of_frame(truth, frame), options, composite=False).frames
            finished = keep_unedited(truth.source, video, truth.edit.masks(0, 1), FEATHER_PX)
            steps = [jump(each, frame) for each in (video, finished, truth.target)]
            found.append((other_frames_error(truth, video, frame), *steps))
        print(table_row(name, *(f"{fmean(values):.2f}" for values in zip(*found))), flush=True)


if __name__ == "__main__":
    main()
