"""How well an edit keeps the source's motion by tracked points, against the true tracks.

python -m benchmarks.source_motion tiny --clips 16
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean

from revideo.editing.model import ReVideo
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.clips import SyntheticEdit
from revideo.synthetic.measures import held_out, path_distances
from revideo.tracks.tracking import track_points

from .common import chosen_options, load_model, model_parser, table_header, table_row


def with_tracked_paths(truth: SyntheticEdit) -> SyntheticEdit:
    """The same edit with paths tracked in the source from where the true ones begin; its truth stays."""
    paths = track_points(truth.source, truth.edit.trajectories.points_px[:, 0])
    return replace(truth, edit=replace(truth.edit, trajectories=paths))


def path_error(model: ReVideo, truth: SyntheticEdit, requested: SyntheticEdit, options: SamplerOptions) -> float:
    """Pixels between the sprite and its true path, a mean over frames after the first, for what was `requested`."""
    distances = path_distances(truth, model.edit(truth.source, requested.edit, options, composite=False).frames)
    return distances[:, 1:].mean().item()


def source_motion_errors(
    model: ReVideo, truths: Iterable[SyntheticEdit], options: SamplerOptions
) -> tuple[float, float]:  # pixels
    """Means over clips, with the true tracks and with tracked ones."""
    errors = [
        (path_error(model, truth, truth, options), path_error(model, truth, with_tracked_paths(truth), options))
        for truth in truths
    ]
    with_true, with_tracked = zip(*errors)
    return fmean(with_true), fmean(with_tracked)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints path errors of edits that keep the motion of held-out clips, as a Markdown table."""
    given = model_parser("source_motion", main.__doc__, clips=16).parse_args(arguments)
    model = load_model(given)
    truths = held_out("content", 1, given.clips, model.config.unet.num_frames, given.height, given.width)
    true, tracked = source_motion_errors(model, truths, chosen_options(given))
    print(table_header("paths", "path error, px"))
    for name, value in (("true", true), ("tracked", tracked), ("ratio", tracked / true)):
        print(table_row(name, f"{value:.2f}"))


if __name__ == "__main__":
    main()
