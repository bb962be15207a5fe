"""Dense optical flow of a video: how every pixel moves from each frame to the next."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..tracks.point_tracker import dense_flow
from ..video.levels import to_uint8

Flow = Callable[[Tensor], Tensor]  # (T, 3, H, W) in [0, 1] -> (T − 1, 2, H, W) dx, dy in pixels a frame
RAFT_MULTIPLE = 8  # of both sides, by its design
RAFT_LEAST_PX = 128  # a side: its coarsest correlations need two cells
GMFLOW_MULTIPLE = 16  # of both sides: an eighth of them is split in two windows


def dis_flow(video: Tensor) -> Tensor:
    """DIS flow (Kroeger et al. 2016), of OpenCV's finest preset: needs no weights and errs by tenths of a pixel."""
    flows = []
    for before, after in pairwise([_gray(frame) for frame in video]):
        flows.append(torch.from_numpy(dense_flow(before, after)).permute(2, 0, 1))
    return torch.stack(flows)


def _gray(frame: Tensor) -> np.ndarray:
    pixels = to_uint8(frame).permute(1, 2, 0).contiguous().cpu().numpy()
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def load_flow(path: str | Path, device: str | torch.device = "cpu") -> Flow:
    """Of a local file: weights of torchvision's `raft_large`, or a TorchScript program as `program_flow` runs it.

    Raises FileNotFoundError where there is none, ValueError where it holds something else.
    """
    return program_flow(load_program(path, device), device) if _is_program(path) else load_raft(path, device)


def load_raft(path: str | Path, device: str | torch.device = "cpu") -> Flow:
    """RAFT (Teed and Deng 2020) of torchvision, from its large weights in a local file; nothing is downloaded.

    Raises ValueError where the file holds something else.
    """
    from torchvision.models.optical_flow import raft_large

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no RAFT file {path}")
    network = raft_large(weights=None)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, EOFError, TypeError, AttributeError, pickle.UnpicklingError):
        raise ValueError(f"{path} does not hold torchvision's weights of raft_large") from None
    return raft_flow(network.to(device).eval(), device)


def raft_flow(network: Callable[[Tensor, Tensor], list[Tensor]], device: str | torch.device) -> Flow:
    """Of torchvision's `raft_large`, or what calls it: two (1, 3, H, W) in [-1, 1] → estimates, the best last."""

    @torch.inference_mode()
    def flow(video: Tensor) -> Tensor:
        height, width = video.shape[-2:]
        below, right = (max(-side % RAFT_MULTIPLE, RAFT_LEAST_PX - side) for side in (height, width))
        frames = F.pad(video.float().to(device) * 2 - 1, (0, right, 0, below), mode="replicate")
        flows = [network(before[None], after[None])[-1][0].cpu() for before, after in pairwise(frames)]
        return torch.stack(flows)[..., :height, :width]

    return flow


def program_flow(network: Callable[[Tensor, Tensor], Tensor], device: str | torch.device) -> Flow:
    """Of GMFlow (Xu et al. 2022), V2VBench's, or another: two (1, 3, H, W) of 0 to 255 → (1, 2, H, W) dx, dy in pixels.

    Sides are padded to multiples of 16. GMFlow's authors and V2VBench call it with attention in 2×2 windows over the
    whole picture; docs/metrics.md has the lines that make a program of it.
    """

    @torch.inference_mode()
    def flow(video: Tensor) -> Tensor:
        height, width = video.shape[-2:]
        below, right = -height % GMFLOW_MULTIPLE, -width % GMFLOW_MULTIPLE
        frames = F.pad(video.float().to(device) * 255, (0, right, 0, below), mode="replicate")
        try:
            flows = [network(before[None], after[None])[0].float().cpu() for before, after in pairwise(frames)]
            stacked = torch.stack(flows)
        except (RuntimeError, TypeError, AttributeError, torch.jit.Error) as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(f"the flow program refuses frames of {width}×{height} ({reason})") from None
        if stacked.shape[1:] != (2, height + below, width + right):
            raise ValueError(f"the flow program must give (1, 2, H, W) for a pair, not {(1, *stacked.shape[1:])}")
        return stacked[..., :height, :width]

    return flow


def load_program(path: str | Path, device: str | torch.device = "cpu") -> Any:
    """A TorchScript file, which is a program: load only your own, or one whose makers you trust.

    Raises FileNotFoundError where there is none, ValueError where it is no such program.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no TorchScript file {path}")
    try:
        return torch.jit.load(str(path), map_location=device).eval()
    except (RuntimeError, ValueError):
        raise ValueError(f"{path} is no TorchScript program") from None


def _is_program(path: str | Path) -> bool:
    """Whether a file holds code of TorchScript beside its tensors."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
