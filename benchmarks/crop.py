"""Small edits of large frames, on a crop of them: as good as the small clip itself, at its cost, without a seam.

python -m benchmarks.crop MODEL --clips 2 --steps 25 --solver euler_ancestral --pictures FOLDER
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from revideo.edit import Edit
from revideo.editing.crop import Crop, plan_crop
from revideo.editing.model import ReVideo
from revideo.evaluation.metrics import seam
from revideo.pictures.sheets import sheet, write_image
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.edits import SyntheticEdit
from revideo.synthetic.examples import FEATHER_PX
from revideo.synthetic.measures import EditMetrics, held_out, mean_metrics, measure_edit
from revideo.tracks.trajectories import Trajectories

from .common import (
    chosen_options,
    edits_of_all_kinds,
    load_model,
    model_parser,
    table_header,
    table_row,
)

FRAME_SIZES = ((768, 768), (1080, 1920))  # height, width
FAST_PX = (12.0, 22.0)  # a frame: a crop that holds the whole way would be several times as large
SPRITE_PX = (30.0, 36.0)
MASK_MARGIN_PX = 12.0  # around a moving sprite
MOMENTS = (0, 4, 8, 13)


@dataclass(frozen=True)
class Embedded:
    """A small clip in the middle of large frames."""

    source: Tensor  # (T, 3, H, W)
    edit: Edit
    rows: slice  # of the small clip
    columns: slice


def embed(truth: SyntheticEdit, size: tuple[int, int]) -> Embedded:
    """Around it lie its own mirror images: its ground goes on, with more of its sprites."""
    starts = [(large - small) // 2 + 5 for large, small in zip(size, truth.source.shape[-2:])]  # on no multiple
    rows, columns = (
        _mirrored(large, small, start) for large, small, start in zip(size, truth.source.shape[-2:], starts)
    )
    height, width = truth.source.shape[-2:]
    place = slice(starts[0], starts[0] + height), slice(starts[1], starts[1] + width)
    source = truth.source[..., rows, :][..., columns]
    picture, mask = source[0].clone(), torch.zeros(1, 1, *size, dtype=torch.bool)
    picture[:, place[0], place[1]] = truth.edit.edited_frame
    mask[:, :, place[0], place[1]] = truth.edit.masks(0, 1)
    trajectories = truth.edit.trajectories
    moved = Trajectories(trajectories.points_px + torch.tensor(starts[::-1]), trajectories.visible)
    return Embedded(source, Edit(picture, moved, mask), *place)


def _mirrored(large: int, small: int, start: int) -> Tensor:
    """Indices of `small` pixels, back and forth, that begin with the first of them at `start`."""
    index = (torch.arange(large) - start) % (2 * small)
    return torch.where(index < small, index, 2 * small - 1 - index)


def edit_embedded(
    model: ReVideo, truths: Iterable[SyntheticEdit], options: SamplerOptions, size: tuple[int, int]
) -> tuple[EditMetrics, EditMetrics, float]:
    """Means of the small clips' own edits and of those in large frames, and how much longer these take.

    The time is over that of the cut clip. AssertionError where anything outside the mask has changed.
    """
    own, cropped, seconds = [], [], [0.0, 0.0]
    for truth in truths:
        small = model.edit(truth.source, truth.edit, options, feather_px=FEATHER_PX)
        own.append(measure_edit(truth, small.frames))
        large = embed(truth, size)
        began = time.perf_counter()
        result = model.edit(large.source, large.edit, options, feather_px=FEATHER_PX, crop="always")
        seconds[0] += time.perf_counter() - began
        cropped.append(measure_edit(truth, result.frames[..., large.rows, large.columns]))
        outside = ~large.edit.masks(0, len(large.source)).expand_as(large.source)
        assert torch.equal(result.frames[outside], large.source[outside]), "changed outside the mask"
        crop = result.report.crop
        assert crop is not None
        clip, edit = crop.cut(large.source, 0), crop.of_edit(large.edit, crop.size)
        began = time.perf_counter()
        model.edit(clip, edit, options, feather_px=FEATHER_PX)
        seconds[1] += time.perf_counter() - began
    return mean_metrics(own), mean_metrics(cropped), seconds[0] / seconds[1]


def fast_edit(truth: SyntheticEdit) -> Edit:
    """With a mask that goes along with the sprite."""
    [centres], [appearance] = truth.centres_px, truth.appearances
    height, width = truth.source.shape[-2:]
    masks = torch.zeros(len(truth.source), 1, height, width, dtype=torch.bool)
    reach = appearance.reach_px + MASK_MARGIN_PX
    for mask, (x, y) in zip(masks, centres.tolist()):
        top, left = max(round(y - reach), 0), max(round(x - reach), 0)
        mask[:, top : round(y + reach), left : round(x + reach)] = True
    return Edit(truth.edit.edited_frame, truth.edit.trajectories, masks)


def edit_moving(
    model: ReVideo, truth: SyntheticEdit, options: SamplerOptions, picture: Path | None
) -> tuple[Crop, EditMetrics, float]:
    """A sprite that crosses the frame, on a crop that goes along: the crop, metrics, and the mask's seam × source."""
    edit = fast_edit(truth)
    crop = plan_crop(edit, len(truth.source), model.config.size_multiple)
    assert crop is not None
    result = model.edit(truth.source, edit, options, feather_px=FEATHER_PX, crop=crop).frames
    outside = ~edit.masks(0, len(result)).expand_as(result)
    assert torch.equal(result[outside], truth.source[outside]), "changed outside the mask"
    if picture is not None:
        source, edited, target = (crop.cut(frames, 0) for frames in (truth.source, result, truth.target))
        panels = {"source": source, "edited": edited, "right answer": target}
        panels["difference to it × 4"] = ((edited - target).abs() * 4).clamp(0, 1)
        write_image(picture, sheet(panels, MOMENTS))
    return crop, measure_edit(truth, result), seam(result, truth.source, edit.masks(0, len(result)))[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints tables for a model of synthetic scenes."""
    parser = model_parser("crop", main.__doc__, clips=1)
    parser.add_argument("--pictures", type=Path, help="folder for sheets of what a moving crop makes, in its own frame")
    given = parser.parse_args(arguments)
    model, options = load_model(given), replace(chosen_options(given), latent_lock=True)
    window = model.config.unet.num_frames
    names = [field.name for field in fields(EditMetrics)]
    print(table_header("frames", *names, "time × small window"), flush=True)
    for size in FRAME_SIZES:
        truths = tqdm(edits_of_all_kinds(given, window), unit="edit")
        own, cropped, cost = edit_embedded(model, truths, options, size)
        if size == FRAME_SIZES[0]:
            print(table_row(f"{given.width}×{given.height}", *(f"{getattr(own, name):.3f}" for name in names), "–"))
        values = (f"{getattr(cropped, name):.3f}" for name in names)
        print(table_row(f"{size[1]}×{size[0]}", *values, f"{cost:.2f}"), flush=True)

    print("\n" + table_header("moving crop", "of frames", "farthest", *names, "seam of the moving mask"), flush=True)
    scene: dict[str, Any] = {"diameter_px": SPRITE_PX, "speed_px": FAST_PX}
    for number, truth in enumerate(held_out("content", 1, max(2 * given.clips, 2), window, *FRAME_SIZES[0], **scene)):
        picture = given.pictures / f"moving_{number}.png" if given.pictures else None
        crop, metrics, border = edit_moving(model, truth, options, picture)
        height, width = crop.size
        way = abs(crop.corners[-1] - crop.corners[0]).max()
        values = (f"{getattr(metrics, name):.3f}" for name in names)
        cells = f"{width}×{height}", "{1}×{0}".format(*FRAME_SIZES[0]), f"{way} px", *values, f"{border:.2f}"
        print(table_row(*cells), flush=True)


if __name__ == "__main__":
    main()
