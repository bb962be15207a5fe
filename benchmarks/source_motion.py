"""How well an edit keeps the source's motion by tracked points, against the true tracks; and where one is hidden.

python -m benchmarks.source_motion tiny --clips 16
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean, median

import numpy as np
import torch
from torch import Tensor

from revideo.edit import Edit
from revideo.editing.model import ReVideo
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.clips import make_crossing
from revideo.synthetic.edits import SyntheticEdit
from revideo.synthetic.measures import HELD_OUT, held_out, path_distances
from revideo.synthetic.motion import Pose
from revideo.synthetic.scenes import Scene, Sprite, draw_appearance, draw_scenes
from revideo.tracks.tracking import track_points
from revideo.tracks.trajectories import Trajectories

from .common import chosen_options, load_model, model_parser, table_header, table_row

WHOLE = 0.98  # of a sprite's pixels must be seen for its middle to be measured
BORDER_PX = 4  # between sprites and the area's border


def with_tracked_paths(truth: SyntheticEdit) -> SyntheticEdit:
    """The same edit with paths tracked in the source from where the true ones begin; its truth stays."""
    return with_paths(truth, track_points(truth.source, truth.edit.trajectories.points_px[:, 0]))


def with_paths(truth: SyntheticEdit, paths: Trajectories) -> SyntheticEdit:
    """The same edit by other paths."""
    return replace(truth, edit=replace(truth.edit, trajectories=paths))


def path_error(model: ReVideo, truth: SyntheticEdit, requested: SyntheticEdit, options: SamplerOptions) -> float:
    """Pixels between the sprite and its true path, a mean over frames after the first, for what was `requested`."""
    return _distances(model, truth, requested, options)[:, 1:].mean().item()


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


# --- Where a thing passes behind another -----------------------------------------------------


def crossing_edits(count: int, frames: int, height: int, width: int) -> Iterable[SyntheticEdit]:
    """Held-out clips in which one sprite passes behind another, and gets another look; what hides it is content.

    The edit's path is the true one, hidden where the sprite's middle is; its area leaves the other sprite out.
    """
    for seed in range(HELD_OUT, HELD_OUT + count):
        clip = make_crossing(seed, frames=frames, height=height, width=width, points=1)
        behind, front = clip.sprites
        appearance = draw_appearance(
            np.random.default_rng(seed), behind.appearance.hue + 0.25, behind.appearance.reach_px
        )
        other = Sprite(appearance, Pose.along(behind.path_px))
        scenes = [Scene(clip.background, sprites) for sprites in ([other, front], [other])]
        (target, _), (masks, without) = draw_scenes(scenes, frames, height, width)
        alone = without[0]
        rows, columns = (alone | clip.masks[0]).any(0).nonzero(as_tuple=True)
        area = torch.zeros(height, width)
        top, left = (max(int(at.min()) - BORDER_PX, 0) for at in (rows, columns))
        area[top : int(rows.max()) + 1 + BORDER_PX, left : int(columns.max()) + 1 + BORDER_PX] = 1
        paths = Trajectories(clip.trajectories.points_px[:1], clip.trajectories.visible[:1])
        yield SyntheticEdit(
            kind="content",
            source=clip.video,
            edit=Edit(target[0], paths, area.bool() & ~clip.masks[1][:, None]),
            target=target,
            areas=area[None],
            appearances=[appearance],
            masks=masks[:1],
        )


def error_after(model: ReVideo, truth: SyntheticEdit, requested: SyntheticEdit, options: SamplerOptions) -> float:
    """Pixels between the sprite and its true path, a mean over frames on which it is whole again."""
    pixels = truth.masks[0].flatten(1).sum(1)
    whole = pixels >= WHOLE * pixels.max()
    again = whole & (whole.logical_not().cumsum(0) > 0)
    return _distances(model, truth, requested, options)[0, again].mean().item()


def hidden_motion_errors(
    model: ReVideo, truths: Iterable[SyntheticEdit], options: SamplerOptions
) -> dict[tuple[str, str], list[float]]:  # pixels, by clip
    """Errors after a sprite was hidden, by where its path is from and whether a hidden point moves anything."""
    errors: dict[tuple[str, str], list[float]] = {}
    for truth in truths:
        tracked = with_tracked_paths(truth).edit.trajectories
        for name, paths in (("true", truth.edit.trajectories), ("tracked", tracked)):
            for rule, asked in (("moves nothing", paths), ("moves on", paths.never_hidden())):
                error = error_after(model, truth, with_paths(truth, asked), options)
                errors.setdefault((name, rule), []).append(error)
    return errors


def _distances(model: ReVideo, truth: SyntheticEdit, requested: SyntheticEdit, options: SamplerOptions) -> Tensor:
    return path_distances(truth, model.edit(truth.source, requested.edit, options, composite=False).frames)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints path errors of edits that keep the motion of held-out clips, as Markdown tables."""
    given = model_parser("source_motion", main.__doc__, clips=16).parse_args(arguments)
    model, options = load_model(given), chosen_options(given)
    size = model.config.unet.num_frames, given.height, given.width
    true, tracked = source_motion_errors(model, held_out("content", 1, given.clips, *size), options)
    print(table_header("paths", "path error, px"))
    for name, value in (("true", true), ("tracked", tracked), ("ratio", tracked / true)):
        print(table_row(name, f"{value:.2f}"))
    print()
    print(table_header("paths", "a hidden point", "path error, px", "median, px"), flush=True)
    for (name, rule), errors in hidden_motion_errors(model, crossing_edits(given.clips, *size), options).items():
        print(table_row(name, rule, f"{fmean(errors):.2f}", f"{median(errors):.2f}"))


if __name__ == "__main__":
    main()
