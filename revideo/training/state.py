"""What a training keeps on disk, so that a killed one goes on as if nothing had happened."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor

from ..files import whole_file
from .config import Phase, Tables, TrainingConfig
from .config_file import TrainingConfigError

SYNTHETIC_VERSION = 2  # the clips of `plan_clip`: raised when the same seed draws other ones
# Keys of earlier versions, and the value at which they did nothing.
WITHDRAWN = {"optimizer.weighing": 1.0, "conditioning.embedding_noise": 0.0}


def average_of(trained: Mapping[str, Tensor], decay: float) -> EMAModel | None:
    """Exponential moving average of the trained weights, to be moved on by `step`; None with decay 0."""
    # Counted from one step earlier than its default, so that the first step is averaged with the weights before it.
    return EMAModel(trained.values(), decay, update_after_step=-1, foreach=True) if decay else None


@contextmanager
def averaged(trained: Mapping[str, Tensor], average: EMAModel | None) -> Iterator[None]:
    """The averaged weights in the networks, for as long as it takes to sample or save them."""
    if average is None:
        yield
        return
    average.store(trained.values())
    average.copy_to(trained.values())
    yield
    average.restore(trained.values())


class Log:
    """log.jsonl: a line for each `log_every` steps; when resuming cut back to the checkpoint."""

    def __init__(self, output: Path, phase: Phase, step: int) -> None:
        self.path, self.phase = output / "log.jsonl", phase.name
        self.board: Any = None
        if phase.run.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(output / "tensorboard"), purge_step=step + 1)
        if self.path.exists():
            self._forget_after(step)

    def _forget_after(self, step: int) -> None:
        """Lines that a killed run wrote behind its last checkpoint."""
        lines = []
        for line in self.path.read_text("utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the line that was being written
                continue
            if entry["phase"] != self.phase or entry["step"] <= step:
                lines.append(line + "\n")
        with whole_file(self.path) as unfinished:
            unfinished.write_text("".join(lines), "utf-8")

    def write(self, step: int, **values: float) -> None:
        """One line; a value that is not finite becomes null."""
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"phase": self.phase, "step": step, **finite}) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"{self.phase}/{name}", value, step)
            self.board.flush()


class TrainingProgress:
    """How far a phase has come, and all that its next step depends on."""

    def __init__(
        self,
        path: Path,
        phase: Phase,
        settings: str,
        trained: Mapping[str, Tensor],
        average: EMAModel | None,
        optimizer: torch.optim.Optimizer,
        scaler: Any = None,
    ) -> None:
        self.path, self.phase, self.settings = path, phase, settings
        self.trained, self.average, self.optimizer, self.scaler = trained, average, optimizer, scaler
        self.step = 0
        self.losses: list[Tensor] = []  # since the last line of the log

    @property
    def num_bytes(self) -> int:
        """Of a checkpoint, about: weights, averages, and Adam's two moments."""
        return (3 + (self.average is not None)) * sum(weight.nbytes for weight in self.trained.values())

    def save(self) -> None:
        """Whole or not at all: a kill while writing leaves the checkpoint before. Raises as `take_losses`."""
        state = {
            "phase": self.phase.name,
            "settings": self.settings,
            "step": self.step,
            "losses": self._finite_losses(),
            "weights": {name: weight.detach() for name, weight in self.trained.items()},
            "averages": self._averages(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict() if self.scaler is not None else {},
        }
        with whole_file(self.path) as unfinished:
            torch.save(state, unfinished)

    @torch.no_grad()
    def restore(self) -> None:
        """From the phase's last checkpoint, if it has one. Raises TrainingConfigError if it cannot go on from it."""
        for unfinished in self.path.parent.glob(f".{self.path.stem}-*"):  # of a run killed while it wrote
            unfinished.unlink(missing_ok=True)
        state = read_state(self.path)
        if state is None or state["phase"] != self.phase.name:
            return
        check_same_settings(state["settings"], self.settings, self.phase.name)
        self.step = state["step"]
        self.losses = [torch.tensor(loss) for loss in state["losses"]]
        for own, saved in ((self.trained, state["weights"]), (self._averages(), state["averages"])):
            for name, weight in own.items():
                weight.copy_(saved[name])
        if self.average is not None:
            self.average.optimization_step = self.step
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler is not None and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])

    def _averages(self) -> dict[str, Tensor]:
        return dict(zip(self.trained, self.average.shadow_params)) if self.average is not None else {}

    def take_losses(self) -> list[float]:
        """Those since the last call. Raises FloatingPointError where the training has diverged."""
        losses, self.losses = self._finite_losses(), []
        return losses

    def _finite_losses(self) -> list[float]:
        losses = [float(loss) for loss in self.losses]
        if not all(map(math.isfinite, losses)):
            raise FloatingPointError(
                f"phase {self.phase.name}: the loss is no longer finite near step {self.step}: lower optimizer.lr, "
                f"or set run.mixed_precision to bf16 or no; the last checkpoint stays"
            )
        return losses


def read_state(path: Path) -> dict[str, Any] | None:
    """A checkpoint of `TrainingProgress`, memory-mapped; None where there is none."""
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise OSError(f"{path} is no checkpoint of a training ({str(error).splitlines()[0]})") from None


def phase_settings(config: TrainingConfig, phase: Phase) -> str:
    """All that decides what a phase computes: of `run` the precisions, and no folders, which may move."""
    settings = phase.model_dump() | {"seed": config.seed}
    run = settings.pop("run")
    del settings["data"]["folder"], settings["data"]["tracks"]
    if phase.data.kind == "synthetic":
        settings["data"]["version"] = SYNTHETIC_VERSION
    return json.dumps(settings | {name: run[name] for name in ("mixed_precision", "frozen")})


def check_same_settings(then: str, now: str, phase: str) -> None:
    """Raises TrainingConfigError, naming the key, where a resumed phase would not be the one that began."""
    # What an earlier version had no key for it did as the key's default does.
    defaults = {name: field.default.model_dump() for name, field in Tables.model_fields.items()}
    before, after = _flat(defaults) | _flat(json.loads(then)), _flat(json.loads(now))
    before = {name: value for name, value in before.items() if name in after or name not in _flat(defaults)}
    before = {name: value for name, value in before.items() if WITHDRAWN.get(name) != value}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            raise TrainingConfigError(
                f'phase {phase} began with "{name}" = {before.get(name)!r}, so it cannot go on with '
                f"{after.get(name)!r}: change it back, or train into another output folder"
            )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
