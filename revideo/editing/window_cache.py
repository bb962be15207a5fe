"""Finished windows of a long edit on disk, each with a fingerprint of everything that made it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..files import LOCK_FILE, locked, whole_file
from ..pipeline.pipeline import Pipeline
from ..sampling.samplers import SamplerOptions
from ..tracks.trajectories import Trajectories
from .handover import HandoverOptions
from .windows import Window

VERSION = 6  # of the way windows are made: another one makes others
SAMPLED_VALUES = 64  # of each weight: who trains a model changes every tensor he trains throughout

_log = logging.getLogger(__name__)


class WindowCache:
    """A folder with the latents of each window, small beside its frames; decoding them again is quick.

    A window made from something else takes its predecessor's place.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Around an edit, one at a time; the folder is made where it is not there, what killed edits left goes.

        OSError where another edit uses it, or a folder lies in a window's place.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / LOCK_FILE, f"the folder of windows {self.folder}"):
            for file in self._files():
                if file.is_dir():
                    raise IsADirectoryError(f"{file} is a folder in the place of a window: move it away")
            for file in self.folder.glob(".window-*"):
                file.unlink()
            yield

    @property
    def backwards(self) -> WindowCache:
        """One for the windows of the frames before the first edited one, cleared together with this one."""
        return WindowCache(self.folder / "backwards")

    def begin(self, model: Pipeline, options: SamplerOptions, handover: HandoverOptions) -> str:
        """A fingerprint of what all windows share."""
        return fingerprint(VERSION, identify(model), astuple(options), astuple(handover))

    @staticmethod
    def origin(base: str, edited_frame: Tensor, trajectories: Trajectories) -> str:
        """Of an edited frame that windows begin with, and where the trajectories are in it."""
        starts = trajectories.points_px[:, 0][trajectories.visible[:, 0].bool()]
        return fingerprint(base, edited_frame, starts)

    @staticmethod
    def key(
        origin: str,
        before: str,
        window: Window,
        video: Tensor,
        mask: Tensor,
        trajectories: Trajectories,
        target: Tensor | None,
    ) -> str:
        """Of one window: `before` is the key of the one before it, "" where it begins anew; `target` ends it."""
        parts = video, mask.float(), trajectories.points_px, trajectories.visible
        return fingerprint(origin, before, window.start, window.shared, *parts, target)

    def load(self, number: int, key: str, shape: tuple[int, ...]) -> Tensor | None:
        """Latents of this shape if the window was made from the same; a damaged file is none, and that is said."""
        file = self._file(number)
        try:
            with safe_open(file, "pt") as stored:
                metadata = stored.metadata() or {}
                latents = stored.get_tensor("latents") if metadata.get("key") == key else None
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError) as error:
            return self._damaged(file, str(error))
        if latents is None:
            return None
        if metadata.get("digest") != fingerprint(latents):
            return self._damaged(file, "its latents are not those that were saved")
        if (latents.shape, latents.dtype) != (shape, torch.float32) or not latents.isfinite().all():
            return self._damaged(
                file, f"it holds {latents.dtype} of shape {tuple(latents.shape)}, or what is no number"
            )
        return latents

    @staticmethod
    def _damaged(file: Path, why: str) -> None:
        _log.warning("%s is damaged and is made anew: %s", file, why)

    def save(self, number: int, key: str, latents: Tensor) -> None:
        """Whole or not at all; OSError that names the file where the disk is full."""
        latents = latents.contiguous()
        with whole_file(self._file(number)) as unfinished:
            save_file({"latents": latents}, unfinished, {"key": key, "digest": fingerprint(latents.cpu())})

    def clear(self) -> None:
        """Removes the windows, and the folder if nothing else is in it; nothing while another edit uses them."""
        if not self.folder.is_dir():
            return
        if self.backwards.folder.is_dir():
            self.backwards.clear()
        with suppress(OSError):
            with self.in_use():
                for file in self._files():
                    file.unlink()
            (self.folder / LOCK_FILE).unlink(missing_ok=True)
            self.folder.rmdir()

    def _file(self, number: int) -> Path:
        return self.folder / f"window-{number:06d}.safetensors"

    def _files(self) -> list[Path]:
        return [*self.folder.glob("window-*.safetensors")]


def identify(model: Pipeline) -> str:
    """A fingerprint of a model wherever its file lies: its sizes, precision, and a few values of every weight."""
    return identify_networks(model.config, (model.unet, model.controlnet, model.vae, model.image_encoder))


def identify_networks(config: Any, parts: Sequence[Any]) -> str:
    """As `identify`, of any networks that say their `dtype`."""
    weights = [
        weight.flatten()[:SAMPLED_VALUES].float().cpu() for part in parts for weight in part.state_dict().values()
    ]
    dtypes = [str(part.dtype) for part in parts]
    return fingerprint(repr(config), *dtypes, torch.cat(weights))


def fingerprint(*parts: Any) -> str:
    """Equal for equal numbers, texts, tuples of them and tensors on the CPU."""
    digest = sha256()
    for part in parts:
        if isinstance(part, Tensor):
            digest.update(f"{tuple(part.shape)} {part.dtype} ".encode())
            digest.update(part.detach().contiguous().flatten().view(torch.uint8).numpy().data)  # of any type
        else:
            digest.update(f"{part!r} ".encode())
    return digest.hexdigest()
