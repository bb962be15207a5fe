"""Figures over the frames, as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import cycle

import numpy as np
import torch
from torch import Tensor

from .evaluator import FIGURES, Report

COLUMNS = 2
PANEL_INCHES = 5.2, 2.5
DPI = 100
STYLES = "-", "--", ":"  # by which curves that coincide are still seen


def chart(reports: Mapping[str, Report]) -> Tensor:  # (3, H, W) in [0, 1]
    """A panel for each figure that has values per frame, a curve for each video, a line where the best would be."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = [name for name in FIGURES if any(name in report.frames for report in reports.values())]
    rows = math.ceil(len(names) / COLUMNS)
    figure = Figure(figsize=(COLUMNS * PANEL_INCHES[0], rows * PANEL_INCHES[1]), dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes, name in zip(panels, names):
        about = FIGURES[name]
        for (video, report), style in zip(reports.items(), cycle(STYLES)):
            values = report.frames.get(name)
            if values is not None:
                whole = report.figures.get(name)
                label = video if whole is None else f"{video}: {whole:.{about.digits}f}"
                axes.plot(values, style, marker=".", label=label)
                axes.set_xlim(-0.5, len(values) - 0.5)
        axes.axhline(about.best, color="0.6", linewidth=1, linestyle=":", label=f"best: {about.best:g}")
        axes.set(title=about.title, xlabel="frame", ylabel=about.unit or "similarity")
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
