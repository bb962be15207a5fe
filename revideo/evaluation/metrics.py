"""How far one video is from another, in numbers that need no network.

Videos are (T, 3, H, W) in [0, 1]. `where` (1 or T, 1, H, W) bool says which pixels count; nothing else does.
A frame in which no pixel counts has NaN. docs/metrics.md states what is averaged over what.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..tracks.trajectories import Trajectories

LEAST_ERROR = 1e-10  # mean squared: equal pixels have 100 dB
SSIM_WINDOW_PX = 11  # a Gaussian of sigma 1.5 (Wang et al. 2004, section III.B)
LEAST_STEP = 1e-8  # squared: far below a step of 1/255, and no division by zero on flat ground


def psnr(one: Tensor, other: Tensor) -> float:
    """Decibels between pixels in [0, 1], all of them in one mean; at most 100."""
    return float(decibels((one.double() - other.double()).square().mean()))


def decibels(squared_error: Tensor) -> Tensor:
    return -10 * squared_error.clamp(min=LEAST_ERROR).log10()


def masked_psnr(video: Tensor, source: Tensor, where: Tensor) -> tuple[float, Tensor]:
    """Of the whole video, from the mean over all its pixels that count, and of each frame (T,)."""
    sums, counts = _sums(video, lambda number: (video[number].double() - source[number].double()).square(), where)
    return float(decibels(sums.sum() / counts.sum())), decibels(sums / counts)


def masked_ssim(video: Tensor, source: Tensor, where: Tensor) -> Tensor:  # (T,)
    """Structural similarity, a mean over channels and the pixels whose whole window counts.

    Over whole frames this is what scikit-image gives: it leaves out the border too.
    """
    from kornia.metrics import ssim

    inner = _eroded(where, SSIM_WINDOW_PX // 2)

    def similarity(number: int) -> Tensor:
        pair = video[number][None].double(), source[number][None].double()  # variances are small differences
        return ssim(*pair, SSIM_WINDOW_PX, 1.0, eps=0.0, padding="valid")[0]

    if min(inner.shape[-2:]) < 1:
        return torch.full((len(video),), torch.nan, dtype=torch.float64)
    sums, counts = _sums(video, similarity, inner)
    return sums / counts


def seam(video: Tensor, source: Tensor, mask: Tensor) -> tuple[float, Tensor]:
    """Gradient energy across the border of the mask (1 or T, 1, H, W) bool, over that of the source: all, and (T,)."""
    (sums, counts), (known, _) = _border_steps(video, mask), _border_steps(source, mask)
    floor = counts * LEAST_STEP
    ratios = ((sums + floor) / (known + floor)).masked_fill(counts == 0, torch.nan)
    return float((sums + floor).sum() / (known + floor).sum()), ratios


def path_errors(found: Trajectories, requested: Trajectories) -> Tensor:  # (N, T)
    """Pixels between paths; NaN where a point is not requested. A lost point counts where `found` left it."""
    distances = (found.points_px.double() - requested.points_px.double()).norm(dim=-1)
    return distances.masked_fill(~requested.visible.bool(), torch.nan)


def object_control(found: Trajectories, requested: Trajectories, starts: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels between paths for ObjMC and for MC-Bench's CTD, (N, T) each, from each path's `starts` (N,) on.

    ObjMC (MotionCtrl, Wang et al. 2024) has every frame, CTD, which is MC-Bench's MD-Vid (MotionPro, Zhang et al. 2025,
    `tools/eval_co_tracker_acc.py`), those behind the start. Unlike path_errors they count what is requested outside of
    the frame too. NaN where a point is not requested, and on paths with nothing behind their start.
    """
    distances = (found.points_px.double() - requested.points_px.double()).norm(dim=-1)
    times, counted = torch.arange(requested.num_frames), requested.visible.bool()
    behind = counted & (times > starts[:, None])
    from_start = counted & (times >= starts[:, None]) & behind.any(1, keepdim=True)
    return distances.masked_fill(~from_start, torch.nan), distances.masked_fill(~behind, torch.nan)


def flow_errors(flow: Tensor, known: Tensor, where: Tensor) -> Tensor:  # (T − 1,)
    """End-point errors between flows (T − 1, 2, H, W) in pixels a frame, a mean over the pixels that count."""
    errors = (flow.double() - known.double()).norm(dim=1, keepdim=True)
    sums, counts = _sums(errors, lambda number: errors[number], where)
    return sums / counts


def mean_of(values: Tensor) -> float:
    """Over what is not NaN; NaN where all is."""
    return float(values.nanmean())


def _sums(video: Tensor, values: Callable[[int], Tensor], where: Tensor) -> tuple[Tensor, Tensor]:  # (T,), (T,) float64
    """For each frame, the sum of its `values(number)` (C, H, W) that count, and how many they are."""
    sums, counts = [], []
    for number in range(len(video)):  # frame by frame: float64 copies of whole clips would be large
        frame = values(number)
        counted = where[number if len(where) > 1 else 0].expand_as(frame)
        sums.append(frame.masked_fill(~counted, 0).sum())
        counts.append(counted.sum())
    return torch.stack(sums).double(), torch.stack(counts).double()


def _eroded(where: Tensor, by_px: int) -> Tensor:
    """(…, H, W) bool → (…, H − 2·by, W − 2·by): pixels whose square of that reach lies inside."""
    size = 2 * by_px + 1
    if min(where.shape[-2:]) < size:
        return where[..., :0, :0]
    return F.max_pool2d((~where).float(), size, stride=1) == 0


def _border_steps(video: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:  # (T,), (T,) float64
    """For each frame, squared steps across the mask's border, and how many."""
    sums, counts = torch.zeros(len(video), dtype=torch.float64), torch.zeros(len(video), dtype=torch.float64)
    for axis in (-1, -2):
        crossing = mask.diff(dim=axis)
        for number, frame in enumerate(video):
            steps = frame.diff(dim=axis)
            across = steps[crossing[number if len(crossing) > 1 else 0].expand_as(steps)]
            sums[number] += across.double().square().sum()
            counts[number] += across.numel()
    return sums, counts
