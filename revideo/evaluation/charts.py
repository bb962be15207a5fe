"""A result as pictures: its metrics over the frames; itself beside its source and what was asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import cycle

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..pictures.overlays import draw_mask, draw_tracks
from ..tracks.trajectories import Trajectories
from ..video.fitting import fit_frames
from ..video.levels import to_uint8
from .evaluator import METRICS, MetricsReport

CHART_COLUMNS = 2
PANEL_INCHES = 5.2, 2.5
DPI = 100
STYLES = "-", "--", ":"  # by which curves that coincide are still seen
LEAST_WIDTH_PX = 320  # of a panel: smaller clips are enlarged, so that lines and labels can be read
GAIN = 4  # of the difference: a quarter of the range is already plain to see


def chart(reports: Mapping[str, MetricsReport]) -> Tensor:  # (3, H, W) in [0, 1]
    """A panel for each metric that has values per frame, a curve for each video, a line where the best would be."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = [name for name in METRICS if any(name in report.frames for report in reports.values())]
    rows = math.ceil(len(names) / CHART_COLUMNS)
    figure = Figure(figsize=(CHART_COLUMNS * PANEL_INCHES[0], rows * PANEL_INCHES[1]), dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, CHART_COLUMNS, squeeze=False).flat)
    for axes, name in zip(panels, names):
        about = METRICS[name]
        for (video, report), style in zip(reports.items(), cycle(STYLES)):
            values = report.frames.get(name)
            if values is not None:
                whole = report.metrics.get(name)
                label = video if whole is None else f"{video}: {whole:.{about.digits}f}"
                axes.plot(values, style, marker=".", label=label)
                axes.set_xlim(-0.5, len(values) - 0.5)
        if about.best is not None:
            axes.axhline(about.best, color="0.6", linewidth=1, linestyle=":", label=f"best: {about.best:g}")
        axes.set(
            title=about.title, xlabel="frame", ylabel=about.unit or ("score" if about.best is None else "similarity")
        )
        if about.unit == "%":
            axes.set_ylim(-5, 105)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


def comparison(
    source: Tensor,  # (T, 3, H, W) in [0, 1]
    edited_frame: Tensor,  # (3, H, W)
    result: Tensor,  # (T, 3, H, W)
    mask: Tensor,  # (1 or T, 1, H, W) bool
    trajectories: Trajectories | None = None,
) -> dict[str, Tensor]:  # name: (T, 3, H', W')
    """Source, edited frame with areas and paths as they are travelled, result, and how far it is from the source."""
    height, width = source.shape[-2:]
    scale = math.ceil(LEAST_WIDTH_PX / width)
    size = scale * height, scale * width
    mask = F.interpolate(mask.float(), size)
    asked = draw_mask(fit_frames(edited_frame[None], *size).expand(len(source), -1, -1, -1), mask)
    title = "edited frame, area"
    if trajectories is not None and trajectories.num_trajectories:
        title += ", paths"
        asked = draw_tracks(asked, trajectories.scaled(scale, scale))
    return {
        "source": fit_frames(source, *size),
        title: asked,
        "result": fit_frames(result, *size),
        f"difference × {GAIN}": fit_frames(difference_picture(source, result), *size),
    }


def difference_picture(source: Tensor, result: Tensor) -> Tensor:
    """(T, 3, H, W) twice → (T, 3, H, W): black where equal, through violet and orange to pale where far apart."""
    pictures = []
    for before, after in zip(source, result):  # frame by frame: OpenCV maps one picture at a time
        strength = ((after - before).abs().mean(0) * GAIN).clamp(0, 1)
        coloured = cv2.applyColorMap(to_uint8(strength).cpu().numpy(), cv2.COLORMAP_INFERNO)[..., ::-1]
        pictures.append(torch.from_numpy(np.ascontiguousarray(coloured)).permute(2, 0, 1).float() / 255)
    return torch.stack(pictures)
