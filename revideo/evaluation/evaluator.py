"""An edit's result measured: what was kept, what moved as asked, what the frames show. docs/metrics.md explains all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ..edit import check_mask, check_video
from ..tracks.tracking import Tracker, track_points
from ..tracks.trajectories import Trajectories
from ..video.fitting import describe_frames
from ..video.pixels import as_mask, check_pixels
from .flow import Flow, dis_flow
from .metrics import flow_errors, masked_psnr, masked_ssim, mean_of, object_control, path_errors, seam
from .perceptual import Learned, Lpips

MOSTLY = 0.5  # of the points lost: what is left of the path error is not of the path
READ_PROMPTS = "clip", "pickscore", "viclip"  # of the learned metrics
SUPPORT_PX = 4  # around a path's start: MC-Bench has a tracker that follows points jointly follow a block of 8×8


@dataclass(frozen=True)
class Metric:
    """How a metric is called and read."""

    title: str
    unit: str
    best: float | None  # of a result that cannot be better; None: there is no such value
    digits: int = 3
    v2vbench: str = ""  # its name in V2VBench, where that has it


METRICS = {
    "unedited_psnr": Metric("unedited PSNR", "dB", 100.0, 2),
    "unedited_ssim": Metric("unedited SSIM", "", 1.0, 4),
    "unedited_lpips": Metric("unedited LPIPS", "", 0.0, 4),
    "seam": Metric("seam energy", "× source", 1.0, 2),
    "path_error": Metric("path error", "px", 0.0, 2),
    "path_end_error": Metric("path end-point error", "px", 0.0, 2),
    "path_lost": Metric("path points lost", "%", 0.0, 1),
    "objmc": Metric("ObjMC", "px", 0.0, 2),
    "ctd": Metric("MC-Bench CTD", "px", 0.0, 2),
    "motion_alignment": Metric("motion alignment", "px/frame", 0.0, v2vbench="motion_alignment"),
    "motion_alignment_edited": Metric("motion alignment, edited area", "px/frame", 0.0),
    "text_alignment": Metric("CLIP text alignment", "cosine", 1.0, 4, "clip_text_alignment"),
    "consistency": Metric("CLIP consistency", "cosine", 1.0, 4, "clip_consistency"),
    "consistency_pairs": Metric("CLIP consistency, all pairs", "cosine", 1.0, 4),
    "dino_consistency": Metric("DINO consistency", "cosine", 1.0, 4, "dino_consistency"),
    "dino_consistency_pairs": Metric("DINO consistency, all pairs", "cosine", 1.0, 4),
    "viclip_alignment": Metric("ViCLIP text alignment", "cosine", 1.0, 4, "viclip_text_alignment"),
    "pickscore": Metric("PickScore", "", None, 2, "pick_score"),
    "aesthetic": Metric("LAION aesthetic", "of 10", None, 2, "aesthetic_score"),
    "dover": Metric("DOVER", "of 1", None, v2vbench="dover_score"),
}


@dataclass
class MetricsReport:
    """Metrics of one video, by the names of METRICS; what could not be measured is left out and said in `notes`."""

    metrics: dict[str, float] = field(default_factory=dict)
    frames: dict[str, list[float]] = field(default_factory=dict)  # (T,) each; NaN where a frame has none
    notes: list[str] = field(default_factory=list)
    v2vbench: dict[str, float] = field(default_factory=dict)  # by V2VBench's names, as it computes and scales them

    def add(self, name: str, whole: float, frames: Tensor | None = None) -> None:
        if math.isnan(whole):
            return
        self.metrics[name] = whole
        if frames is not None:
            self.frames[name] = frames.tolist()


@dataclass(frozen=True)
class Question:
    """What was edited, and what was asked for. Raises ValueError, naming the culprit, where parts do not fit."""

    source: Tensor  # (T, 3, H, W) in [0, 1]
    mask: Tensor  # (1 or T, 1, H, W), bool once it is here: True was to be edited
    trajectories: Trajectories | None = None
    prompt: str = ""  # describes the result
    whole_frame: bool = False  # everything was to be edited, whatever the mask: it is everywhere then

    def __post_init__(self) -> None:
        check_video(self.source)
        frames, _, height, width = self.source.shape
        if self.whole_frame:
            object.__setattr__(self, "mask", torch.ones(1, 1, height, width, dtype=torch.bool))
        else:
            object.__setattr__(self, "mask", as_mask(self.mask))
            check_mask(self.mask, frames, height, width)
        if self.trajectories is not None:
            self.trajectories.check(frames, height, width)


class Evaluator:
    """Measures videos against one question; what only the question needs is computed once."""

    def __init__(
        self,
        question: Question,
        *,
        learned: Mapping[str, Learned] | None = None,  # as `load_learned` names them
        lpips: Lpips | None = None,
        flow: Flow = dis_flow,
        tracker: Tracker | None = None,
    ) -> None:
        """Raises ValueError for a prompt that nothing reads."""
        self.question, self.learned, self.lpips, self.flow, self.tracker = question, learned or {}, lpips, flow, tracker
        if question.prompt and not set(READ_PROMPTS) & set(self.learned):
            raise ValueError(
                f'the prompt "{question.prompt}" needs a CLIP model to be measured: name one, or leave the prompt out'
            )

    @cached_property
    def source_flow(self) -> Tensor:
        return self.flow(self.question.source)

    def report(self, video: Tensor) -> MetricsReport:
        """(T, 3, H, W) in [0, 1]; raises ValueError unless it is of the source's length and size."""
        source = self.question.source
        if video.shape != source.shape:
            raise ValueError(
                f"the source is {describe_frames(source)}, the result {describe_frames(video)}; they must agree"
            )
        check_pixels("result", video)
        report = MetricsReport()
        for part in (self._unedited, self._paths, self._motion, self._learned):
            part(video, report)
        return report

    def _unedited(self, video: Tensor, report: MetricsReport) -> None:
        source, mask, unedited = self.question.source, self.question.mask, ~self.question.mask
        if self.question.whole_frame:
            return
        report.add("unedited_psnr", *masked_psnr(video, source, unedited))
        ssim = masked_ssim(video, source, unedited)
        report.add("unedited_ssim", mean_of(ssim), ssim)
        if ssim.isnan().all():
            report.notes.append("unedited SSIM: what was not edited is narrower than its window of 11 pixels")
        if self.lpips is not None:
            # The networks see around every pixel, so the edited area is filled with the source's instead of left out.
            lpips = self.lpips.distances(torch.where(unedited, video, source), source)
            report.add("unedited_lpips", mean_of(lpips), lpips)
        report.add("seam", *seam(video, source, mask))

    def _paths(self, video: Tensor, report: MetricsReport) -> None:
        asked = self.question.trajectories
        if asked is None or asked.num_trajectories == 0:
            return
        found, asked = retrack(video, asked, self.tracker)
        self._object_control(video, found, report)
        counted = asked.visible
        if not counted.any():
            report.notes.append("path error: no path is in the frame for longer than one frame")
            return
        lost = counted & ~found.visible
        fraction = float(lost.sum() / counted.sum())
        report.add("path_lost", 100 * fraction, 100 * lost.sum(0) / counted.sum(0))
        if torch.equal(lost, counted):
            report.notes.append(
                f"path error: all {asked.num_trajectories} points were lost on their first step, "
                f"so the result moves nothing along the paths that could be followed, or changes too fast"
            )
            return
        if fraction > MOSTLY:
            report.notes.append(
                f"path error: {fraction:.0%} of the points are lost and count where they were last seen, "
                f"so it tells of objects that change their appearance, and little of how they move"
            )
        errors = path_errors(found, asked)
        last = counted.long().cumsum(1).argmax(1)  # the last frame of each path that counts
        report.add("path_error", mean_of(errors), errors.nanmean(0))
        report.add("path_end_error", mean_of(errors[torch.arange(len(errors)), last]))

    def _object_control(self, video: Tensor, found: Trajectories, report: MetricsReport) -> None:
        asked = self.question.trajectories
        assert asked is not None
        if self.tracker is not None:  # which may follow points jointly; the built-in one follows each by itself
            offsets = torch.cartesian_prod(*2 * [torch.arange(-SUPPORT_PX, SUPPORT_PX, dtype=torch.float32)])
            blocks = (asked.points_px[:, None] + offsets[:, None]).flatten(0, 1)  # (N·64, T, 2)
            found, _ = retrack(
                video, Trajectories(blocks, asked.visible.repeat_interleave(len(offsets), 0)), self.tracker
            )
            middle = slice(int(offsets.any(1).logical_not().nonzero()), None, len(offsets))
            found = Trajectories(found.points_px[middle], found.visible[middle])
        objmc, ctd = object_control(found, asked, path_starts(asked, *video.shape[-2:]))
        report.add("objmc", mean_of(objmc.nanmean(1)), objmc.nanmean(0))
        report.add("ctd", mean_of(ctd), ctd.nanmean(0))

    def _motion(self, video: Tensor, report: MetricsReport) -> None:
        flow = self.flow(video)
        edited = self.question.mask.expand(len(video), -1, -1, -1)[:-1]
        for name, where in (
            ("motion_alignment", torch.ones_like(edited[:1])),
            ("motion_alignment_edited", edited),
        ):
            alignment = -flow_errors(flow, self.source_flow, where)
            report.add(name, mean_of(alignment), _after_first(alignment))

    def _learned(self, video: Tensor, report: MetricsReport) -> None:
        for measure in self.learned.values():
            for name, values, v2vbench in measure(video, self.question.prompt):
                frames = None if values.ndim == 0 else values if len(values) == len(video) else _after_first(values)
                report.add(name, mean_of(values), frames)
                if v2vbench is not None and not math.isnan(v2vbench):
                    report.v2vbench[METRICS[name].v2vbench] = v2vbench
        if report.v2vbench and "motion_alignment" in report.metrics:
            report.v2vbench[METRICS["motion_alignment"].v2vbench] = report.metrics["motion_alignment"]


def retrack(video: Tensor, asked: Trajectories, tracker: Tracker | None = None) -> tuple[Trajectories, Trajectories]:
    """Where the points at the paths' starts went, and the paths (N, T) where that can be compared.

    A path counts from the frame after its first one in the picture, wherever it is asked for
    and in the picture. A lost point stays where it was last seen, so that losing one never helps.
    """
    seen, starts = _seen(asked, *video.shape[-2:]), path_starts(asked, *video.shape[-2:])
    points_px, visible = asked.points_px.clone(), torch.zeros_like(seen)
    for start in starts[starts < asked.num_frames].unique().tolist():
        those = starts == start
        found = track_points(video, asked.points_px[those, start], start, tracker)
        points_px[those], visible[those] = found.points_px.to(points_px), found.visible
    after = torch.arange(asked.num_frames) > starts[:, None]
    return Trajectories(points_px, visible), Trajectories(asked.points_px, seen & after)


def path_starts(asked: Trajectories, height: int, width: int) -> Tensor:
    """The first frame (N,) of each path where it is asked for and in the picture; behind the last where none is."""
    seen = _seen(asked, height, width)
    return torch.where(seen.any(1), seen.long().argmax(1), asked.num_frames)


def _seen(asked: Trajectories, height: int, width: int) -> Tensor:  # (N, T) bool
    inside = (asked.points_px >= 0) & (asked.points_px < asked.points_px.new_tensor([width, height]))
    return asked.visible.bool() & inside.all(-1)


def report_table(reports: dict[str, MetricsReport]) -> str:
    """A line for each metric, a column for each video; then what is missing and why."""
    names = [name for name in METRICS if any(name in report.metrics for report in reports.values())]
    titles = [f"{METRICS[name].title}, {METRICS[name].unit}".rstrip(", ") for name in names]
    left = max(map(len, titles))
    lines = [" " * left + "".join(f"{video:>14}" for video in reports)]
    for name, title in zip(names, titles):
        values = [report.metrics.get(name, math.nan) for report in reports.values()]
        lines.append(f"{title:{left}}" + "".join(f"{value:14.{METRICS[name].digits}f}" for value in values))
    scaled = [about.v2vbench for about in METRICS.values() if about.v2vbench]
    for number, name in enumerate(
        name for name in scaled if any(name in report.v2vbench for report in reports.values())
    ):
        if number == 0:
            lines.append("in V2VBench's way and scale:")
        values = [report.v2vbench.get(name, math.nan) for report in reports.values()]
        lines.append(f"{name:{left}}" + "".join(f"{value:14.4f}" for value in values))
    notes = dict.fromkeys(note for report in reports.values() for note in report.notes)
    return "\n".join([*lines, *notes])


def report_json(reports: dict[str, MetricsReport]) -> str:
    """All of it, for programs: metrics (as "figures") and frames by video and name; null where a frame has none."""
    content = {
        video: {
            "figures": report.metrics,
            "frames": {
                name: [None if math.isnan(value) else value for value in values]
                for name, values in report.frames.items()
            },
            "notes": report.notes,
            "v2vbench": report.v2vbench,
        }
        for video, report in reports.items()
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)


def _after_first(values: Tensor) -> Tensor:
    """(T − 1,) of steps between frames → (T,): a step belongs to the frame it leads to."""
    return torch.cat([values.new_full((1,), math.nan), values])
