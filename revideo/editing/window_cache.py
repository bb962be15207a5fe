"""Finished windows of a long edit on disk, each with a fingerprint of everything that made it."""

from __future__ import annotations

from dataclasses import astuple
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..files import whole_file
from ..pipeline.pipeline import Pipeline
from ..sampling.samplers import SamplerOptions
from ..tracks.trajectories import Trajectories
from .handover import HandoverOptions
from .windows import Window

VERSION = 3  # of the way windows are made: another one makes others
SAMPLED_VALUES = 64  # of each weight: who trains a model changes every tensor he trains throughout


class WindowCache:
    """A folder with the latents of each window, small beside its frames; decoding them again is quick.

    One edit at a time: a window made from something else takes its predecessor's place.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def begin(
        self,
        model: Pipeline,
        edited_frame: Tensor,
        trajectories: Trajectories,
        options: SamplerOptions,
        handover: HandoverOptions,
    ) -> str:
        """A fingerprint of what all windows share: of the trajectories, where they begin on the first frame.

        The folder is made where it is not there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        starts = trajectories.points_px[:, 0][trajectories.visible[:, 0].bool()]
        return fingerprint(VERSION, identify(model), edited_frame, starts, astuple(options), astuple(handover))

    @staticmethod
    def key(base: str, before: str, window: Window, video: Tensor, mask: Tensor, trajectories: Trajectories) -> str:
        """Of one window: `before` is the key of the one before it, "" where it begins anew."""
        return fingerprint(
            base, before, window.start, window.shared, video, mask.float(), trajectories.points_px, trajectories.visible
        )

    def load(self, number: int, key: str) -> Tensor | None:
        """Latents (T, C, h, w) if this window was made from the same; a damaged file is none."""
        try:
            with safe_open(self._file(number), "pt") as file:
                return file.get_tensor("latents") if file.metadata().get("key") == key else None
        except (FileNotFoundError, SafetensorError):
            return None

    def save(self, number: int, key: str, latents: Tensor) -> None:
        """Whole or not at all; OSError that names the file where the disk is full."""
        with whole_file(self._file(number)) as unfinished:
            save_file({"latents": latents.contiguous()}, unfinished, {"key": key})

    def clear(self) -> None:
        """Removes the windows, and the folder if nothing else is in it."""
        for file in self.folder.glob("window-*.safetensors"):
            file.unlink()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _file(self, number: int) -> Path:
        return self.folder / f"window-{number:06d}.safetensors"


def identify(model: Pipeline) -> str:
    """A fingerprint of a model wherever its file lies: its sizes, precision, and a few values of every weight."""
    parts = (model.unet, model.controlnet, model.vae, model.image_encoder)
    weights = [
        weight.flatten()[:SAMPLED_VALUES].float().cpu() for part in parts for weight in part.state_dict().values()
    ]
    dtypes = [str(part.dtype) for part in parts]
    return fingerprint(repr(model.config), *dtypes, torch.cat(weights))


def fingerprint(*parts: Any) -> str:
    """Equal for equal numbers, texts, tuples of them and tensors on the CPU."""
    digest = sha256()
    for part in parts:
        if isinstance(part, Tensor):
            digest.update(f"{tuple(part.shape)} {part.dtype} ".encode())
            digest.update(part.detach().contiguous().numpy().data)
        else:
            digest.update(f"{part!r} ".encode())
    return digest.hexdigest()
