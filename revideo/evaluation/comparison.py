"""A result beside its source and what was asked for: the clips of a comparison, for a sheet or a video."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..pictures.overlays import draw_region, draw_tracks
from ..tracks.trajectories import Trajectories
from ..video.io import fit_frames

LEAST_WIDTH_PX = 320  # of a panel: smaller clips are enlarged, so that lines and labels can be read
GAIN = 4  # of the difference: a quarter of the range is already plain to see


def comparison(
    source: Tensor,  # (T, 3, H, W) in [0, 1]
    edited_frame: Tensor,  # (3, H, W)
    result: Tensor,  # (T, 3, H, W)
    region: Tensor,  # (1 or T, 1, H, W)
    trajectories: Trajectories | None = None,
) -> dict[str, Tensor]:  # name: (T, 3, H', W')
    """Source, edited frame with areas and paths as they are travelled, result, and how far it is from the source."""
    height, width = source.shape[-2:]
    scale = math.ceil(LEAST_WIDTH_PX / width)
    size = scale * height, scale * width
    region = F.interpolate((region >= 0.5).float(), size)
    asked = draw_region(fit_frames(edited_frame[None], *size).expand(len(source), -1, -1, -1), region)
    title = "edited frame, area"
    if trajectories is not None and trajectories.num_paths:
        title += ", paths"
        asked = draw_tracks(asked, trajectories.scaled(scale, scale))
    return {
        "source": fit_frames(source, *size),
        title: asked,
        "result": fit_frames(result, *size),
        f"difference x {GAIN}": fit_frames(difference_picture(source, result), *size),
    }


def difference_picture(source: Tensor, result: Tensor) -> Tensor:
    """(T, 3, H, W) twice → (T, 3, H, W): black where equal, through violet and orange to pale where far apart."""
    pictures = []
    for before, after in zip(source, result):  # frame by frame: OpenCV maps one picture at a time
        strength = ((after - before).abs().mean(0) * GAIN).clamp(0, 1)
        levels = (strength * 255).round().byte().cpu().numpy()
        coloured = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1]
        pictures.append(torch.from_numpy(np.ascontiguousarray(coloured)).permute(2, 0, 1).float() / 255)
    return torch.stack(pictures)
