"""Whether it matters which frame is edited: path errors, and the jump at the edited frame.

python -m benchmarks.bidirectional tiny --clips 8
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import torch
from torch import Tensor

from revideo.edit import Edit
from revideo.editing.composite import keep_unedited
from revideo.editing.model import load
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.clips import SyntheticEdit
from revideo.synthetic.measures import held_out, path_distances

FEATHER_PX = 4.0  # of the finished clips, in which the source's pixels are back outside the area
HEADER = """\
| edited frame | path error, px | step beside it, × the median step: raw | finished | right answer |
| --- | --- | --- | --- | --- |"""


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
    """Prints figures of edits from the first, middle and last frame of held-out clips, as a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bidirectional", description=main.__doc__)
    parser.add_argument("model", help="checkpoint of a model trained on the synthetic world")
    parser.add_argument("--kind", default="both", help="of the edits (%(default)s)")
    parser.add_argument("--clips", type=int, default=8, help="held-out clips (%(default)s)")
    parser.add_argument("--steps", type=int, default=25, help="Euler steps (%(default)s)")
    parser.add_argument("--no-lock", action="store_true", help="leave the latent lock out")
    parser.add_argument("--side", type=int, default=128, help="height and width (%(default)s)")
    given = parser.parse_args(arguments)
    model = load(given.model)
    options = SamplerOptions(steps=given.steps, cfg_last=1.0, latent_lock=not given.no_lock)
    window = model.config.unet.num_frames
    print(HEADER, flush=True)
    for name, frame in (("first", 0), ("middle", window // 2), ("last", window - 1)):
        found = []
        for truth in held_out(given.kind, 1, given.clips, window, given.side, given.side):
            video = model.edit(truth.source, edit_of_frame(truth, frame), options, composite=False).frames
            finished = keep_unedited(truth.source, video, truth.edit.masks(0, 1), FEATHER_PX)
            steps = [jump(each, frame) for each in (video, finished, truth.target)]
            found.append((other_frames_error(truth, video, frame), *steps))
        numbers = " | ".join(f"{fmean(values):.2f}" for values in zip(*found))
        print(f"| {name} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
