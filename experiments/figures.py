"""The paper's pictures, of trials that experiments.run has trained, of any model, and of any clip.

python -m experiments.figures trials experiments/ablations.toml --trials toy-1 toy-2 toy-3 toy-4 -o figure3.png
python -m experiments.figures fusion MODEL -o figure5.png
python -m experiments.figures sampling CLIP -o figure8.png
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from revideo.editing.model import load
from revideo.pictures.fusion import fusion_picture, fusion_weights
from revideo.pictures.overlays import draw_mask, draw_tracks
from revideo.pictures.sheets import sheet, write_image
from revideo.sampling.samplers import SamplerOptions
from revideo.tracks.selection import long_enough, path_lengths, sample_trajectories
from revideo.tracks.tracking import grid_points, track_points
from revideo.tracks.trajectories import Trajectories
from revideo.video.io import read_video

from .run import VARIANTS, Experiments, read_experiments, result_of

CELL_WIDTH = 192  # pixels of a frame on a sheet: those of the trials are a third of it


def trials_figure(experiments: Experiments, names: Sequence[str], seed: int, way: str, clip: int) -> Tensor:
    """Source, what was asked, and what each trial makes of it, four moments of each (Figures 3, 4, 7, 11 and A.2).

    Names of trials, which show their last phase, or `trial/phase`.
    """
    if not 0 <= clip < experiments.measured.clips:
        raise ValueError(f"there is no clip {clip}: the held-out edits are 0 to {experiments.measured.clips - 1}")
    if way not in experiments.measured.ways:
        raise ValueError(f"there is no way {way}; there are {', '.join(experiments.measured.ways)}")
    options = SamplerOptions(steps=experiments.measured.solver_steps, cfg_last=1.0)
    rows: dict[str, Tensor] = {}
    for name in names:
        trial, file, _ = result_of(experiments, name, seed)
        phase = experiments.training_of(trial, seed).phases[-1]
        model = load(file, device="cpu")
        truths = experiments.edits(way, model.config.unet.num_frames, phase.height, phase.width)
        truth = next(islice(truths, clip, None))
        paths = truth.edit.trajectories.scaled(CELL_WIDTH / phase.width, CELL_WIDTH / phase.width)
        if not rows:
            rows["source, area"] = draw_mask(truth.source, truth.edit.masks(0, len(truth.source)))
            rows["asked"] = draw_tracks(_enlarged(truth.target), paths)
        made = model.edit(truth.source, experiments.asked(truth), options, composite=False).frames
        rows[name.replace("/", "/\n")] = draw_tracks(_enlarged(made), paths)
    return sheet(rows, cell_width=CELL_WIDTH)


def _enlarged(frames: Tensor) -> Tensor:
    """As wide as a sheet shows them: what is drawn on them then is thin beside what the models make."""
    return F.interpolate(frames, scale_factor=CELL_WIDTH / frames.shape[-1], mode="bilinear").clamp(0, 1)


def fusion_figure(checkpoint: str, height: int, width: int, steps: int, shown: int) -> Tensor:
    """Γ of a model for an area in the middle, half as wide and high as the frame, over the steps (Figure 5)."""
    model = load(checkpoint, device="cpu")
    model.config.check_size(height, width)
    mask = torch.zeros(height, width)
    mask[height // 4 : -height // 4, width // 4 : -width // 4] = 1
    return fusion_picture(fusion_weights(model, mask, SamplerOptions(steps=steps), shown))


def sampling_figure(video: Tensor, grid_px: int, count: int, seed: int) -> Tensor:  # (3, H', W')
    """How a training chooses its paths: a grid's points, those of long ways, those drawn of them (Figure 8)."""
    height, width = video.shape[-2:]
    tracks = track_points(video, grid_points(height, width, grid_px))
    long = long_enough(path_lengths(tracks))
    drawn = sample_trajectories(tracks, count, torch.Generator().manual_seed(seed))
    stages = {
        f"sparsify:\n{tracks.num_trajectories} points": tracks,
        f"filter:\n{int(long.sum())} of mean length": Trajectories(tracks.points_px[long], tracks.visible[long]),
        f"sample:\n{drawn.num_trajectories} by length": drawn,
    }
    return sheet({"clip": video} | {name: draw_tracks(video, paths) for name, paths in stages.items()})


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    figures = parser.add_subparsers(dest="figure", required=True)
    trials = figures.add_parser("trials", help="what trials make of one edit (Figures 3, 4, 7, 11)")
    trials.add_argument("file", type=Path, help="of trials")
    trials.add_argument("--trials", nargs="+", metavar="NAME", required=True, help="some of the file's, or TRIAL/PHASE")
    trials.add_argument("--way", default="straight", help="that the edited sprite goes (%(default)s)")
    trials.add_argument("--variant", choices=VARIANTS, help="in an area as a hand paints it (A.2), or without path")
    trials.add_argument("--clip", type=int, default=0, help="number of the held-out edit (%(default)s)")
    fusion = figures.add_parser("fusion", help="SAFM's weight of content over the picture and the steps (Figure 5)")
    fusion.add_argument("model", help="checkpoint")
    fusion.add_argument("--height", type=int, default=128, help="of the frame, pixels (%(default)s)")
    fusion.add_argument("--width", type=int, default=128, help="of the frame, pixels (%(default)s)")
    fusion.add_argument("--steps", type=int, default=25, help="of sampling (%(default)s)")
    fusion.add_argument("--shown", type=int, default=6, help="of the steps (%(default)s)")
    sampling = figures.add_parser("sampling", help="how a training chooses its paths (Figure 8)")
    sampling.add_argument("clip", type=Path, help="video file")
    sampling.add_argument("--frames", type=int, default=14, help="of the clip (%(default)s)")
    sampling.add_argument("--start", type=int, default=0, help="its first frame (%(default)s)")
    sampling.add_argument("--stride", type=int, default=2, help="every N-th frame (%(default)s)")
    sampling.add_argument("--grid", type=int, default=16, help="distance of the points, pixels (%(default)s)")
    sampling.add_argument("--count", type=int, default=10, help="paths to draw (%(default)s)")
    for each in (trials, fusion, sampling):
        each.add_argument("-o", "--output", type=Path, required=True, help="picture")
    for each in (trials, sampling):
        each.add_argument("--seed", type=int, default=1, help="of the training, of the draw (%(default)s)")
    given = parser.parse_args(arguments)
    try:
        if given.figure == "trials":
            experiments = read_experiments(given.file).on(given.variant)
            picture = trials_figure(experiments, given.trials, given.seed, given.way, given.clip)
        elif given.figure == "fusion":
            picture = fusion_figure(given.model, given.height, given.width, given.steps, given.shown)
        else:
            video, _ = read_video(given.clip, given.start, given.stride, given.frames)
            picture = sampling_figure(video, given.grid, given.count, given.seed)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    write_image(given.output, picture)


if __name__ == "__main__":
    main()
