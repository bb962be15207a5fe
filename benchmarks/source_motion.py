"""How well an edit keeps the source's motion by tracked points, against the true tracks.

python -m benchmarks.source_motion tiny --clips 16
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean

from revideo.editing.model import ReVideo, load
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.clips import SyntheticEdit
from revideo.synthetic.measures import held_out, path_distances
from revideo.tracks.tracking import track_points

HEADER = """\
| paths | path error, px |
| --- | --- |"""


def tracked(truth: SyntheticEdit) -> SyntheticEdit:
    """The same edit with paths tracked in the source from where the true ones begin; its truth stays."""
    paths = track_points(truth.source, truth.edit.trajectories.points_px[:, 0])
    return replace(truth, edit=replace(truth.edit, trajectories=paths))


def path_error(model: ReVideo, truth: SyntheticEdit, asked: SyntheticEdit, options: SamplerOptions) -> float:
    """Pixels between the sprite and its true path, a mean over frames after the first, for what was `asked`."""
    distances = path_distances(truth, model.edit(truth.source, asked.edit, options, composite=False).frames)
    return distances[:, 1:].mean().item()


def kept_motion_errors(
    model: ReVideo, truths: Iterable[SyntheticEdit], options: SamplerOptions
) -> tuple[float, float]:  # pixels
    """Means over clips, with the true tracks and with tracked ones."""
    errors = [(path_error(model, t, t, options), path_error(model, t, tracked(t), options)) for t in truths]
    with_true, with_tracked = zip(*errors)
    return fmean(with_true), fmean(with_tracked)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints path errors of edits that keep the motion of held-out clips, as a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.source_motion", description=main.__doc__)
    parser.add_argument("model", help="checkpoint of a model trained on the synthetic world")
    parser.add_argument("--clips", type=int, default=16, help="held-out clips (%(default)s)")
    parser.add_argument("--steps", type=int, default=25, help="Euler steps (%(default)s)")
    parser.add_argument("--side", type=int, default=128, help="height and width (%(default)s)")
    given = parser.parse_args(arguments)
    model = load(given.model)
    truths = held_out("content", 1, given.clips, model.config.unet.num_frames, given.side, given.side)
    true, found = kept_motion_errors(model, truths, SamplerOptions(steps=given.steps, cfg_last=1.0))
    print(f"{HEADER}\n| true | {true:.2f} |\n| tracked | {found:.2f} |\n| ratio | {found / true:.2f} |")


if __name__ == "__main__":
    main()
