"""`revideo demo`: the example edits by the built-in model, as clips, one sheet, and figures."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checkpoints.builtin import TINY
from ..checkpoints.released import LICENCE, LICENCE_ALLOWS, WEIGHTS
from ..editing.composite import keep_unedited
from ..editing.model import load
from ..evaluation.metrics import psnr
from ..pictures.overlays import draw_mask, draw_tracks
from ..pictures.sheets import sheet, side_by_side, write_image
from ..synthetic.edits import SyntheticEdit
from ..synthetic.examples import EXAMPLE_FPS, EXAMPLES, FEATHER_PX, OPTIONS, example_edit
from ..synthetic.measures import AIM, EditMetrics, measure_edit
from ..video.fitting import fit_frames
from ..video.io import write_video
from .common import progress, refusing

SCALE = 3  # of the clips, so that people see something
SHEET_CELL_PX = 192  # of the sheet


def demo(folder: Path, sheet_file: Path | None = None) -> None:
    """Makes four edits; writes a clip of each and a sheet of all into `folder`, prints the figures."""
    sheet_file = sheet_file or folder / "sheet.png"
    with refusing():
        folder.mkdir(parents=True, exist_ok=True)
        model = load(TINY, dtype="auto")
    rows, blocks = [], []
    for name in EXAMPLES:
        truth = example_edit(name)
        with progress(name) as callback:
            painted = model.edit(truth.source, truth.edit, OPTIONS, callback, composite=False).frames
        mask = truth.edit.masks(0, len(painted))
        result = keep_unedited(truth.source, painted, mask, FEATHER_PX)
        panels = {"source": enlarged(truth.source), "first frame, path, area": asked(truth), "result": enlarged(result)}
        with refusing():
            write_video(folder / f"{name.replace(' ', '_')}.mp4", side_by_side(panels), EXAMPLE_FPS)
        labels = (f"{name}:\nsource", "first frame,\npath, area", "result")
        blocks.append(sheet(dict(zip(labels, panels.values())), cell_width=SHEET_CELL_PX))
        rows.append(metrics_row(name, measure_edit(truth, painted), psnr_outside(truth, result)))
    with refusing():
        write_image(sheet_file, two_by_two(blocks))
    print(
        f"""
{metrics_head()}
{chr(10).join(rows)}

Measured on what the model made, before the source's pixels were put back outside the areas; "!" misses its limit.
{folder / "*.mp4"} and {sheet_file} show the finished clips.

The model is a small one, trained on synthetic scenes of sprites, and knows nothing else. For edits of your own
clips get the weights that the authors released ({WEIGHTS}), under
{LICENCE}: {LICENCE_ALLOWS}.

  {Path(sys.executable).name} -m revideo download
  {Path(sys.executable).name} -m revideo edit --help"""
    )


# --- Pictures ------------------------------------------------------------------------------


def enlarged(frames: Tensor) -> Tensor:
    height, width = frames.shape[-2:]
    return fit_frames(frames, SCALE * height, SCALE * width)


def asked(truth: SyntheticEdit) -> Tensor:
    """The edited first frame (T, 3, H, W), enlarged, with the areas, and the paths as they are travelled."""
    frames = enlarged(truth.edit.edited_frame[None]).expand(len(truth.source), -1, -1, -1)
    mask = F.interpolate(truth.edit.masks(0, len(frames)).float(), scale_factor=SCALE)
    return draw_tracks(draw_mask(frames, mask), truth.edit.trajectories.scaled(SCALE, SCALE))


def two_by_two(blocks: list[Tensor]) -> Tensor:
    """Four pictures (3, H, W) as one; their widths may differ by what their labels need."""
    width = max(block.shape[-1] for block in blocks)
    paper = blocks[0][:, -1:, -1:]
    full = [torch.cat([block, paper.expand(3, block.shape[1], width - block.shape[-1])], 2) for block in blocks]
    return torch.cat([torch.cat(full[:2], 2), torch.cat(full[2:], 2)], 1)


# --- Metrics -------------------------------------------------------------------------------

TITLES = {
    "path_error": "path error, % of width",
    "outside_psnr": "outside, dB",
    "sprite_psnr_last": "sprite, dB",
    "iou": "IoU",
    "iou_last": "IoU, last",
    "hue_error": "hue error, %",
}
COMPOSITED = "outside, composited, dB"


def metrics_head() -> str:
    """Two lines: what is measured, and what it should be."""
    limits = [f"at {'most' if AIM.is_most(name) else 'least'} {limit:g}" for name, limit in asdict(AIM).items()]
    return f"{_line('edit', *TITLES.values(), COMPOSITED)}\n{_line('', *limits, 'equal')}"


def metrics_row(name: str, metrics: EditMetrics, outside: str) -> str:
    missed = AIM.missed_by(metrics)
    return _line(name, *(f"{'! ' * (what in missed)}{getattr(metrics, what):.2f}" for what in TITLES), outside)


def _line(name: str, *cells: str) -> str:
    return f"{name:9}" + "".join(
        cell.rjust(len(title) + 2) for cell, title in zip(cells, (*TITLES.values(), COMPOSITED))
    )


def psnr_outside(truth: SyntheticEdit, result: Tensor) -> str:
    """PSNR of what lies outside the areas, after the source's pixels were put back."""
    outside = ~truth.edit.masks(0, len(result)).expand_as(result)
    if torch.equal(result[outside], truth.source[outside]):
        return "equal"
    return f"{psnr(result[outside], truth.source[outside]):.2f}"
