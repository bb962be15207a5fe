"""Whether it matters which frame is edited, and how many: path errors, and the jumps at edited frames.

python -m benchmarks.bidirectional tiny --clips 8
python -m benchmarks.bidirectional tiny --clips 4 --frames 84
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import torch
from torch import Tensor

from revideo.edit import Edit
from revideo.editing.composite import keep_unedited
from revideo.editing.model import ReVideo
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.edits import EDIT_KINDS, SyntheticEdit
from revideo.synthetic.examples import FEATHER_PX
from revideo.synthetic.measures import held_out, path_distances

from .common import chosen_options, load_model, model_parser, table_header, table_row
from .drift import held_out_long, measure_segments

LONG_COLUMNS = (
    "edited frames",
    "path error, px: first, last, mean",
    "appearance: first, last, mean",
    "step beside a later one, × the median step: raw",
    "finished",
    "right answer",
)
COLUMNS = ("edited frame", "path error, px", "step beside it, × the median step: raw", "finished", "right answer")


def edit_of_frames(truth: SyntheticEdit, frames: Sequence[int]) -> Edit:
    """The same edit, given by several of its frames."""
    return replace(edit_of_frame(truth, frames[0]), keyframes={frame: truth.target[frame] for frame in frames[1:]})


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


def measure_keyframes(model: ReVideo, frames: Sequence[int], given: Namespace, options: SamplerOptions) -> list[str]:
    """Of long edits given by these frames: the cells of a row."""
    found = []
    for truth in held_out_long(given.clips, given.frames, given.height, given.width):
        video = model.edit(truth.source, edit_of_frames(truth, frames), options, composite=False).frames
        finished = keep_unedited(truth.source, video, truth.edit.masks(0, 1), FEATHER_PX)
        segments = measure_segments(truth, video, model.config.unet.num_frames)
        metrics = [
            [getattr(each, name) for each in (segments[0], segments[-1])] + [fmean(getattr(s, name) for s in segments)]
            for name in ("path_error", "appearance")
        ]
        jumps = [
            max((jump(each, frame) for frame in frames[1:]), default=0.0) for each in (video, finished, truth.target)
        ]
        found.append([*metrics[0], *metrics[1], *jumps])
    means = [fmean(values) for values in zip(*found)]
    path, appearance = (
        ", ".join(f"{value:.{digits}f}" for value in means[at : at + 3]) for at, digits in ((0, 2), (3, 3))
    )
    steps = [f"{value:.2f}" for value in means[6:]] if frames[1:] else ["–"] * 3
    return [", ".join(map(str, frames)), path, appearance, *steps]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints metrics of edits from the first, middle and last frame of held-out clips, as a Markdown table."""
    parser = model_parser("bidirectional", main.__doc__, clips=8)
    kinds = [kind for kind in EDIT_KINDS if kind != "removed"]  # which has no path to measure
    parser.add_argument("--kind", default="both", choices=kinds, help="of the edits (%(default)s)")
    parser.add_argument("--no-lock", action="store_true", help="leave the latent lock out")
    parser.add_argument("--frames", type=int, help="instead, long clips edited in one, two and three of their frames")
    given = parser.parse_args(arguments)
    model = load_model(given)
    options = replace(chosen_options(given), latent_lock=not given.no_lock)
    window = model.config.unet.num_frames
    if given.frames:
        print(table_header(*LONG_COLUMNS), flush=True)
        for frames in ([0], [0, given.frames - 1], [0, given.frames // 2, given.frames - 1]):
            print(table_row(*measure_keyframes(model, frames, given, options)), flush=True)
        return
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
