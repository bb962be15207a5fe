"""A result measured, drawn and compared, all at once: what the command line writes and the node shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..editing.composite import Match, keep_unedited
from ..pictures.sheets import sheet, side_by_side
from ..tracks.tracking import Tracker
from .charts import chart, comparison
from .evaluator import Evaluator, MetricsReport, Question, report_json, report_table
from .flow import Flow, dis_flow
from .perceptual import Learned, find_lpips

KEEP_FEATHER_PX = 12.0  # of Keep Unedited as it comes


@dataclass(frozen=True)
class Evaluation:
    """Two videos of one edit: "raw", what the model made, and "composited", the finished one."""

    composited: Tensor  # (T, 3, H, W) in [0, 1]
    reports: dict[str, MetricsReport]  # by these two names
    table: str  # of both, for people, and a line for what could not be measured
    json: str  # of both, also per frame
    chart: Tensor  # (3, H', W') in [0, 1]: metrics over the frames
    sheet: Tensor  # (3, H', W'): source, edited frame, result and difference at four moments
    comparison: Tensor  # (T, 3, H', W'): the same as a clip


def evaluate_edit(
    question: Question,
    raw: Tensor,  # (T, 3, H, W) in [0, 1]
    composited: Tensor | None = None,  # None: raw with the source's pixels put back outside the mask
    edited_frame: Tensor | None = None,  # (3, H, W), to be shown; None: the first of raw
    *,
    feather_px: float = KEEP_FEATHER_PX,  # of the seam where composited is made here, and how its inside is matched
    match: Match = "none",
    learned: Mapping[str, Learned] | None = None,  # of `load_learned`
    flow: Flow = dis_flow,
    tracker: Tracker | None = None,  # None: the built-in one
    device: str | torch.device = "cpu",  # of LPIPS
    callback: Callable[[int, int], None] | None = None,  # of videos measured, and how many there are
) -> Evaluation:
    """Raises ValueError, naming the culprit, where videos do not fit the question or no model reads the prompt."""
    lpips, missing = find_lpips(device)
    evaluator = Evaluator(question, learned=learned, lpips=lpips, flow=flow, tracker=tracker)
    if composited is None:
        composited = keep_unedited(question.source, raw, question.mask, feather_px, match)
    reports: dict[str, MetricsReport] = {}
    videos = {"raw": raw, "composited": composited}
    for name, video in videos.items():
        reports[name] = evaluator.report(video)
        if callback is not None:
            callback(len(reports), len(videos))
    shown = raw[0] if edited_frame is None else edited_frame
    panels = comparison(question.source, shown, composited, question.mask, question.trajectories)
    return Evaluation(
        composited,
        reports,
        "\n".join([report_table(reports), *missing]),
        report_json(reports),
        chart(reports),
        sheet({name.replace(", ", ",\n"): clip for name, clip in panels.items()}),
        side_by_side(panels),
    )
