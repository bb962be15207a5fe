"""Where one shot ends and the next begins: hard cuts, told by how much a tiny copy of the picture changes."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from .io import decode_pictures, frames_from_pixels
from .orientation import upright
from .stream import VideoSource, open_video

CUT = 0.1  # least mean change of the tiny copy from frame to frame, of 1, that can be a cut
CUT_TO_USUAL = 3.0  # a cut changes this many times as much as the frames around it
AROUND = 12  # frames to each side that say what is usual


def has_cut(video: Tensor, change: float) -> bool:  # (T, 3, H, W)
    """Whether one step changes a tiny copy by more than `change` of 1, and far more than the others do."""
    steps = _changes(_tiny(video))
    return bool(steps.max() > max(change, CUT_TO_USUAL * float(steps.median())))


def find_shots(source: VideoSource, change: float = CUT) -> list[range]:
    """The frames of each shot, which together are all of the file; one frame is held at a time.

    A dissolve is no cut. Raises ValueError where the file holds no video, FileNotFoundError where it is not there.
    """
    with open_video(source) as video:
        pictures = (upright(picture, video.pixel_aspect) for picture in decode_pictures(video, 0, 1, None))
        tiny = torch.cat([_tiny(frames_from_pixels([pixels])) for pixels in pictures])
    steps = _changes(tiny)
    cuts = []
    for step, size in enumerate(steps.tolist()):
        usual = float(steps[max(step - AROUND, 0) : step + AROUND + 1].median())
        if size > max(change, CUT_TO_USUAL * usual):
            cuts.append(step + 1)
    return [range(start, stop) for start, stop in pairwise([0, *cuts, len(tiny)])]


def _tiny(video: Tensor) -> Tensor:  # (T, 3, 8, 8)
    return F.adaptive_avg_pool2d(video, 8)  # motion stays within most of its cells, another scene does not


def _changes(tiny: Tensor) -> Tensor:  # (T − 1,)
    return tiny.diff(dim=0).abs().flatten(1).mean(1)
