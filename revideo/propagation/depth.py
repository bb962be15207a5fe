"""Depth of a clip's frames, read or estimated in their order: (1, H, W) in [0, 1], what is near bright."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ..checkpoints.file_formats import CheckpointError
from ..editing.image_models import load_depth_model
from ..video.file import VideoFile
from ..video.fitting import Fit, fit_frames
from ..video.pixels import check_pixels

Disparity = Callable[[Tensor], Tensor]  # a frame (3, H, W) in [0, 1] → (1, H, W), near large, on a scale of its own

MEMORY = 0.9  # of the scale of the frames before, against flicker of a whole map
SAME_WITHIN = 0.3, 0.15, 0.08  # of the range, in turn: what differs more from the map before shows something else
SAME_LEAST = 0.2  # of a map; less is a cut
HELD = 0.6  # of the map before, where it hardly differs: against flicker in places
FLICKER = 0.04  # of the whole range: what differs much more has moved, and is taken as it is
SAMPLED_PIXELS = 100_000  # of a map, that say its scale
OUTLIERS = 0.02  # of the pixels, at each end of the range
SHAPES_ALIKE = 0.02  # by which the ratio of sides may differ: maps have sizes of their own


class DepthReader(Protocol):
    """Depth maps that are read as they are needed, each frame once and in rising order."""

    def next(self, number: int, frame: Tensor) -> Tensor:
        """Of frame `number`, (3, H, W) in [0, 1] → (1, 1, h, w) in [0, 1], of the size that the model works at."""


class GivenDepth:
    """Maps of a graph or a file, as many as frames. Raises ValueError where they are of another length or shape."""

    def __init__(
        self,
        maps: Tensor | VideoFile,  # (T, 1 or 3, h, w)
        num_frames: int,
        source_size: tuple[int, int],
        size: tuple[int, int],
        fit: Fit = "stretch",
        inverted: bool = False,
    ) -> None:
        self.maps, self.size, self.fit, self.inverted = maps, size, fit, inverted
        if len(maps) != num_frames:
            raise ValueError(
                f"the depth has {len(maps)} frames, the video {num_frames}: give one depth map for each frame"
            )
        height, width = maps.size if isinstance(maps, VideoFile) else (maps.shape[-2], maps.shape[-1])
        if abs(height * source_size[1] / (width * source_size[0]) - 1) > SHAPES_ALIKE and (height, width) != size:
            raise ValueError(
                f"the depth is {width}×{height}, the video {source_size[1]}×{source_size[0]}: give maps of its shape"
            )

    def next(self, number: int, frame: Tensor) -> Tensor:
        maps = self.maps.read(number, number + 1) if isinstance(self.maps, VideoFile) else self.maps[number][None]
        check_pixels("depth", maps)
        depth = maps.float().mean(1, keepdim=True).clamp(0, 1)
        depth = depth if depth.shape[-2:] == self.size else fit_frames(depth, *self.size, self.fit)
        return 1 - depth if self.inverted else depth


class EstimatedDepth:
    """By a depth model, on one scale for the whole clip and smoothed over time."""

    def __init__(self, disparity: Disparity, size: tuple[int, int], fit: Fit = "stretch") -> None:
        self.disparity, self.size, self.fit = disparity, size, fit
        self._smooth = SmoothDepth()

    def next(self, number: int, frame: Tensor) -> Tensor:
        return fit_frames(self._smooth.next(self.disparity(frame))[None], *self.size, self.fit)


class SmoothDepth:
    """Maps of any scale → maps in [0, 1] whose scale follows the clip slowly and which do not flicker.

    A relative depth model has another scale on each frame. Each map is laid on the one before by the places that show
    the same, and each pixel averaged with its own value before, the less the more it differs: what moves keeps its
    edge. After a cut, where little shows the same, all begins anew.
    """

    def __init__(self) -> None:
        self.before: Tensor | None = None  # (1, H, W)
        self.line = torch.zeros(2)  # factor and offset that made it of its estimate

    def next(self, disparity: Tensor) -> Tensor:  # (1, H, W)
        """The map of the next frame. ValueError where it shows no depth at all."""
        disparity = disparity.float()
        step = max(disparity.numel() // SAMPLED_PIXELS, 1)
        sample = disparity.flatten()[::step]
        low, high = torch.quantile(sample, torch.tensor([OUTLIERS, 1 - OUTLIERS], device=sample.device))
        if not torch.isfinite(disparity).all() or low == high:
            raise ValueError("the depth model sees no depth in a frame: give depth maps instead")
        line = own = torch.stack([1 / (high - low), -low / (high - low)])
        if self.before is not None and self.before.shape == disparity.shape:
            # As the frame's own range has it, or as the frame before had it: what comes near changes the former.
            before = self.before.flatten()[::step]
            alike, found = max((_lay_on(sample, before, guess) for guess in (own, self.line)), key=lambda x: x[0])
            if alike > SAME_LEAST:
                line = torch.lerp(own, found, MEMORY)
        depth = (line[0] * disparity + line[1]).clamp(0, 1)
        if self.before is not None and self.before.shape == depth.shape:
            held = HELD * (-((depth - self.before) / FLICKER).square()).exp()
            depth = torch.lerp(depth, self.before, held)
        self.before, self.line = depth, line
        return depth


def _lay_on(disparity: Tensor, before: Tensor, guess: Tensor) -> tuple[float, Tensor]:
    """Factor and offset by which an estimate is most like the map before, and which fraction of it then is."""
    line = guess
    for width in SAME_WITHIN:
        weight = (-((line[0] * disparity + line[1] - before) / width).square()).exp()
        total = weight.sum() + 1e-6
        mean, mean_before = (weight * disparity).sum() / total, (weight * before).sum() / total
        varies, varied = (
            (weight * (each - centre).square()).sum() for each, centre in ((disparity, mean), (before, mean_before))
        )
        if varies * guess[0] ** 2 < 1e-6 * total:  # what is the same is flat
            return 0.0, guess
        factor = (varied / varies).sqrt()  # a least error's would be less wherever edges have moved, and fade the clip
        line = torch.stack([factor, mean_before - factor * mean])
    return weight.mean().item(), line


def load_disparity(path: str | Path, device: str | torch.device = "cpu") -> Disparity:
    """A depth model from local files: a folder as transformers saves one, or a TorchScript program.

    Of a folder as `estimate_depth` (Depth Anything, MiDaS and others). A TorchScript file, as TCMonoDepth can be saved
    (Li et al. 2021, the paper's), takes (1, 3, H, W) in [0, 1] and gives (1, H, W) or (1, 1, H, W), near large. It is a
    program: load only your own. Raises CheckpointError where it is neither.
    """
    path = Path(path)
    if not path.is_file():
        return load_depth_model(path, device)
    try:
        program = torch.jit.load(str(path), map_location=device)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path.name} is no TorchScript program: name such a file, or a folder of a depth model as transformers "
            f"saves one"
        ) from error

    @torch.inference_mode()
    def disparity(frame: Tensor) -> Tensor:
        try:
            found = program(frame[None].to(device))
        except (RuntimeError, TypeError) as error:
            raise CheckpointError(f"{path.name} cannot work on a picture: {str(error).splitlines()[-1]}") from None
        if not isinstance(found, Tensor) or found.shape[-2:] != frame.shape[-2:] or found.numel() != frame[0].numel():
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise CheckpointError(
                f"{path.name} gives {shape} for a picture {tuple(frame.shape)}, not a map of its size"
            )
        return found.reshape(1, *frame.shape[-2:]).float().cpu()

    return disparity
