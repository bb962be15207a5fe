"""How well points and masks are followed where the true ones are known.

python -m benchmarks.tracking --clips 64
python -m benchmarks.tracking --footage .nox/clips
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from revideo.evaluation.flow import dis_flow, load_raft
from revideo.masks.clicked_mask import mask_at
from revideo.masks.mask_tracking import track_mask
from revideo.masks.outlines import deepest_point
from revideo.synthetic.clips import SyntheticClip, make_clip, make_crossing
from revideo.synthetic.measures import HELD_OUT
from revideo.tracks.tracking import Tracker, flow_tracker, load_cotracker, track_points
from revideo.tracks.trajectories import Trajectories
from revideo.video.fitting import fit_frames
from revideo.video.io import read_video

from .common import clips_parser, table_header, table_row

COLUMNS = ("clips", "points", "median error, px", "95th percentile, px", "hidden: precision", "hidden: recall")

SEEN = 0.5  # fraction of what is seen of an object at first, from which on a frame counts
MASK_COLUMNS = (
    *("clips", "objects", "IoU: mean", "least of a frame", "frames below 0.6", "IoU of the mask only moved"),
    *("IoU of a click", "clicks below 0.6"),
)

WIDEST_PX = 640  # wider footage is made smaller
TRIP_COLUMNS = ("clicked on", "frames", "found on", "IoU of start and return", "IoU of start and last")

# Things as small as those of `make_crossing`: on large flat ones every tracker slips.
TRACKABLE: dict[str, Any] = {"diameter_px": (24.0, 34.0), "speed_px": (0.5, 5.0), "shortest_wave_px": 28.0}


@dataclass(frozen=True)
class TrackingMetrics:
    """Of points that are visible on the first frame, which is given and not counted."""

    points: int
    median_px: float  # distance from the true place, of all points on all frames where they are truly visible,
    ninety_five_px: float  # whether they were found there or not
    precision: float  # of being hidden: how many of those called hidden are; 1 where none is called so
    recall: float  # how many of the hidden are called so; 1 where none is hidden

    def row(self, name: str) -> str:
        """Of a Markdown table."""
        errors = f"{self.median_px:.2f}", f"{self.ninety_five_px:.2f}"
        return table_row(name, str(self.points), *errors, f"{self.precision:.3f}", f"{self.recall:.3f}")


def measure_tracking(clips: Iterable[SyntheticClip], tracker: Tracker | None = None) -> TrackingMetrics:
    """Of the built-in tracker, if no other is given."""
    pairs = []
    for clip in clips:
        visible = clip.trajectories.visible[:, 0]
        truth = Trajectories(clip.trajectories.points_px[visible], clip.trajectories.visible[visible])
        pairs.append((track_points(clip.video, truth.points_px[:, 0], tracker=tracker), truth))
    return compare_tracks(pairs)


def compare_tracks(pairs: Iterable[tuple[Trajectories, Trajectories]]) -> TrackingMetrics:
    """Tracks as found and as they truly are, of the same points."""
    errors, points = [], 0
    right = called = hidden = 0
    for found, truth in pairs:
        points += truth.num_trajectories
        seen, truly_seen = found.visible[:, 1:], truth.visible[:, 1:]
        errors.append((found.points_px - truth.points_px).norm(dim=-1)[:, 1:][truly_seen])
        right += int((~seen & ~truly_seen).sum())
        called += int((~seen).sum())
        hidden += int((~truly_seen).sum())
    every = torch.cat(errors)
    return TrackingMetrics(
        points=points,
        median_px=every.median().item(),
        ninety_five_px=every.quantile(0.95).item(),
        precision=right / called if called else 1.0,
        recall=right / hidden if hidden else 1.0,
    )


@dataclass(frozen=True)
class MaskMetrics:
    """Of every object that is seen whole on the first frame, whose mask is given and not counted."""

    iou: list[Tensor]  # (T,) each, of the frames that count
    iou_translated: list[Tensor]  # the same of the first mask, moved exactly as the object's centre
    iou_clicked: list[float]  # of what one point, where the object is widest, finds on the first frame

    def row(self, name: str) -> str:
        """Of a Markdown table."""
        every, moved = torch.cat(self.iou), torch.cat(self.iou_translated)
        mean = fmean(each.mean().item() for each in self.iou)
        below = f"{(every < 0.6).sum()} of {len(every)}"
        clicks = f"{fmean(self.iou_clicked):.3f}", f"{sum(each < 0.6 for each in self.iou_clicked)} of {len(self.iou)}"
        cells = str(len(self.iou)), f"{mean:.3f}", f"{every.min():.2f}", below, f"{moved.mean():.3f}"
        return table_row(name, *cells, *clicks)


def measure_masks(clips: Iterable[SyntheticClip], tracker: Tracker | None = None) -> MaskMetrics:
    """Each object's mask on the first frame is followed through its clip."""
    metrics = MaskMetrics([], [], [])
    for clip in clips:
        points = len(clip.trajectories.points_px) // max(len(clip.masks), 1)
        for truth, path in zip(clip.masks, clip.trajectories.points_px[::points]):
            counts = truth.sum((1, 2)) >= SEEN * truth[0].sum()
            counts[0] = False
            if not truth[0].any() or not counts.any():
                continue
            found = track_mask(clip.video, truth[:1, None].float(), tracker=tracker).mask[:, 0]
            shifts = (path - path[0]).round().int().tolist()
            translated = torch.stack([truth[0].roll((y, x), (0, 1)) for x, y in shifts])
            metrics.iou.append(_iou(found, truth)[counts])
            metrics.iou_translated.append(_iou(translated, truth)[counts])
            point_px = torch.tensor([deepest_point(truth[0].numpy())]) + 0.5
            metrics.iou_clicked.append(_iou(mask_at(clip.video[0], point_px)[0], truth[:1]).item())
    return metrics


def _iou(one: Tensor, other: Tensor) -> Tensor:  # (T,)
    return (one & other).sum((1, 2)) / (one | other).sum((1, 2)).clamp(min=1)


@dataclass(frozen=True)
class ClickedObject:
    """An object of a clip of `nox -s tests`, and the place of a click on it."""

    name: str
    file: str
    start: int  # frame
    frames: int
    at: tuple[float, float]  # x, y in fractions of the frame, on the first of them


CLICKED = (
    ClickedObject("a hatch on a lorry that drives out of the picture", "bikes.mp4", 0, 12, (0.516, 0.22)),
    ClickedObject("a cyclist", "bikes.mp4", 122, 14, (0.688, 0.31)),
    ClickedObject("a face", "carphone_pristine.mp4", 0, 30, (0.415, 0.417)),
    ClickedObject("shirt and bow tie", "carphone_pristine.mp4", 0, 30, (0.534, 0.778)),
    ClickedObject("a rabbit", "bigbuckbunny.mp4", 72, 30, (0.41, 0.553)),
)


@dataclass(frozen=True)
class RoundTrip:
    """Of one object whose mask is followed from its first frame to the last, and from there back to the first."""

    frames: int
    found: int  # of them, on the way there
    returned: float  # IoU of where it ends with the mask it began as; 0 where it was lost on the last frame
    unmoved: float  # … of the last frame's mask with the first: what returning nowhere would be worth

    def row(self, name: str) -> str:
        """Of a Markdown table."""
        return table_row(name, str(self.frames), str(self.found), f"{self.returned:.3f}", f"{self.unmoved:.3f}")


def measure_round_trip(folder: Path, clicked: ClickedObject, tracker: Tracker | None = None) -> RoundTrip:
    """Begins with the mask of a click; nobody knows the true ones of real footage."""
    video, _ = read_video(folder / clicked.file, clicked.start, count=clicked.frames)
    height, width = video.shape[-2:]
    if width > WIDEST_PX:
        video = fit_frames(video, round(height * WIDEST_PX / width), WIDEST_PX)
    size = torch.tensor([video.shape[-1], video.shape[-2]])
    start = mask_at(video[0], torch.tensor([clicked.at]) * size)
    there = track_mask(video, start.float(), tracker=tracker)
    last = there.mask[-1:]
    back = track_mask(video, last.float(), len(video) - 1, tracker).mask[:1] if last.any() else last
    returned, unmoved = (_iou(mask[0], start[0]).item() for mask in (back, last))
    return RoundTrip(len(video), int(there.found.sum()), returned, unmoved)


def held_out_clips(count: int, size: dict[str, Any]) -> dict[str, Iterable[SyntheticClip]]:
    """Of each kind as many, the same on every call."""
    return {
        "apart": (make_clip(HELD_OUT + number, **TRACKABLE, **size) for number in range(count)),
        "one passes behind another": (make_crossing(HELD_OUT + number, **size) for number in range(count)),
    }


def held_out_objects(count: int, size: dict[str, Any]) -> dict[str, Iterable[SyntheticClip]]:
    """Of each kind as many, whose objects turn, grow or are covered."""
    seeds = range(HELD_OUT, HELD_OUT + count)
    changing = {"changing": 1.0, **TRACKABLE, **size}
    return {
        "turning and growing": (make_clip(seed, **changing) for seed in seeds),
        "textured, on wavy ways": (make_clip(seed, textured=1.0, ways=(0.0, 1.0, 0.0), **changing) for seed in seeds),
        "one passes behind another": (make_crossing(seed, **size) for seed in seeds),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints how well points and masks of sprites are followed, or masks of footage forth and back, as Markdown."""
    parser = clips_parser("tracking", main.__doc__, clips=64)
    parser.add_argument("--frames", type=int, default=14, help="of each clip (%(default)s)")
    parser.add_argument("--cotracker", type=Path, help="a local CoTracker file, instead of the built-in tracker")
    parser.add_argument("--flow", help="a local file of torchvision's raft_large, or dis for DIS flow, instead")
    parser.add_argument("--footage", type=Path, help="a folder with the clips of the tests: masks, forth and back")
    given = parser.parse_args(arguments)
    tracker = load_cotracker(given.cotracker) if given.cotracker else None
    if given.flow:
        tracker = flow_tracker(dis_flow if given.flow == "dis" else load_raft(given.flow))
    if given.footage:
        print(table_header(*TRIP_COLUMNS), flush=True)
        for clicked in CLICKED:
            print(measure_round_trip(given.footage, clicked, tracker).row(clicked.name), flush=True)
        return
    print(table_header(*COLUMNS), flush=True)
    size = {"frames": given.frames, "height": given.height, "width": given.width}
    for name, clips in held_out_clips(given.clips, size).items():
        print(measure_tracking(clips, tracker).row(name), flush=True)
    print(f"\n{table_header(*MASK_COLUMNS)}", flush=True)
    for name, clips in held_out_objects(given.clips, size).items():
        print(measure_masks(clips, tracker).row(name), flush=True)


if __name__ == "__main__":
    main()
