"""What a training keeps on disk, so that a killed one goes on as if nothing had happened."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
from diffusers.training_utils import EMAModel
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from torch import Tensor

from ..files import file_checksum, whole_file
from .config import Phase, Tables, TrainingConfig
from .config_file import TrainingConfigError
from .keys import FileName

LOG, STATE = "log.jsonl", "state.pt"
REMEDY = "put a copy back, or delete it to begin its phase anew"
WHY_MAX = 200  # characters of what a library says
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


@contextmanager
def with_checksum(file: Path) -> Iterator[None]:
    """Around the writing of a file: beside it comes its SHA-256, as `sha256sum` writes and reads it."""
    beside = _checksum_file(file)
    beside.unlink(missing_ok=True)
    yield
    with whole_file(beside) as unfinished:
        unfinished.write_text(f"{file_checksum(file)}  {file.name}\n")


def check_checksum(file: Path) -> None:
    """Raises OSError where a file is not what its checksum is of; without one, from earlier versions, it is trusted."""
    beside = _checksum_file(file)
    if beside.exists() and beside.read_bytes()[:64] != file_checksum(file).encode():
        raise OSError(
            f"{file} is damaged, or another file than the training wrote (its SHA-256 is not that of {beside.name}): "
            f"put a copy back, delete it to make it anew, or delete {beside.name} to go on from it as it is"
        )


def _checksum_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


class LogEntry(BaseModel):
    """What a line of the log must say."""

    phase: str
    step: int


class Log:
    """log.jsonl: a line for each `log_every` steps; when resuming cut back to the checkpoint."""

    def __init__(self, output: Path, phase: Phase, step: int) -> None:
        self.path, self.phase = output / LOG, phase.name
        self.board: Any = None
        if phase.run.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(output / "tensorboard"), purge_step=step + 1)
        if self.path.exists():
            self._forget_after(step)

    def _forget_after(self, step: int) -> None:
        """Lines that a killed run wrote behind its last checkpoint, and what is no line of a log."""
        lines = []
        for line in self.path.read_bytes().splitlines():
            try:
                entry = LogEntry.model_validate_json(line)
            except ValueError:  # the line that was being written, or damaged
                continue
            if entry.phase != self.phase or entry.step <= step:
                lines.append(line + b"\n")
        with whole_file(self.path) as unfinished:
            unfinished.write_bytes(b"".join(lines))

    def write(self, step: int, **values: float) -> None:
        """One line; a value that is not finite becomes null."""
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"phase": self.phase, "step": step, **finite}) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"{self.phase}/{name}", value, step)
            self.board.flush()


def _check_settings(settings: str) -> str:
    if not isinstance(json.loads(settings), dict):
        raise ValueError("settings must be a table")
    return settings


class SavedOptimizer(BaseModel):
    """Of an optimizer's state what a checkpoint brings: its settings are the training file's."""

    model_config = ConfigDict(strict=True)

    state: dict[int, dict[str, Any]]  # by the weight's place


class SavedState(BaseModel):
    """What state.pt holds, under keys that no version may rename."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)

    phase: FileName
    settings: Annotated[str, AfterValidator(_check_settings)]
    step: int = Field(ge=0)
    losses: list[float]
    weights: dict[str, Tensor]
    averages: dict[str, Tensor]
    optimizer: SavedOptimizer
    scaler: dict[str, int | float]


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
        self.check_weights()
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
        """From the phase's last checkpoint, if it has one; nothing changes before all of it was seen to fit.

        Raises TrainingConfigError where another phase began, OSError where the file is no checkpoint of this one.
        """
        for unfinished in self.path.parent.glob(f".{self.path.stem}-*"):  # of a run killed while it wrote
            unfinished.unlink(missing_ok=True)
        state = read_state(self.path)
        if state is None:
            return
        if state.phase != self.phase.name:
            if not (self.path.parent / f"{state.phase}.safetensors").exists():
                raise TrainingConfigError(
                    f"{self.path} is of phase {state.phase}, which has no model yet, and phase {self.phase.name} would "
                    f"overwrite it: name the phases as they were, or move {self.path.name} away"
                )
            return  # of a phase that was killed when it had written its model
        check_same_settings(state.settings, self.settings, self.phase.name)
        problem = next(self._problems(state), None)
        if problem:
            raise OSError(f"{self.path} is no checkpoint of phase {self.phase.name} ({problem}): {REMEDY}")
        self.step = state.step
        self.losses = [torch.tensor(loss) for loss in state.losses]
        for own, saved in ((self.trained, state.weights), (self._averages(), state.averages)):
            for name, weight in own.items():
                weight.copy_(saved[name])
        if self.average is not None:
            self.average.optimization_step = self.step
        self.optimizer.load_state_dict(self.optimizer.state_dict() | state.optimizer.model_dump())
        if self.scaler is not None and state.scaler:
            self.scaler.load_state_dict(state.scaler)

    def _problems(self, state: SavedState) -> Iterator[str]:
        """What in a checkpoint is of other networks, or no number."""
        yield from _misfits("weight", self.trained, state.weights)
        yield from _misfits("average", self._averages(), state.averages)
        weights = list(self.trained.values())
        for place, moments in state.optimizer.state.items():
            if not 0 <= place < len(weights):
                yield f"there is no weight {place} to optimize"
            elif not self.phase.optimizer.eight_bit:  # bitsandbytes has forms of its own
                adam = {"step": torch.zeros(()), "exp_avg": weights[place], "exp_avg_sq": weights[place]}
                yield from _misfits(f"optimizer's weight {place}:", adam, moments)
        if state.step > self.phase.steps:
            yield f"step {state.step} of {self.phase.steps}"
        if self.scaler is not None and state.scaler and self.scaler.state_dict().keys() != state.scaler.keys():
            yield f"the gradients' scaler has {', '.join(state.scaler)}"

    def _averages(self) -> dict[str, Tensor]:
        return dict(zip(self.trained, self.average.shadow_params)) if self.average is not None else {}

    def take_losses(self) -> list[float]:
        """Those since the last call. Raises FloatingPointError where the training has diverged."""
        losses, self.losses = self._finite_losses(), []
        return losses

    def _finite_losses(self) -> list[float]:
        losses = [float(loss) for loss in self.losses]
        if not all(map(math.isfinite, losses)):
            raise self._diverged("the loss")
        return losses

    def check_weights(self) -> None:
        """Raises FloatingPointError where the training has diverged, so that what is written can be used."""
        if not all(bool(weight.isfinite().all()) for weight in self.trained.values()):
            raise self._diverged("a weight")

    def _diverged(self, what: str) -> FloatingPointError:
        return FloatingPointError(
            f"phase {self.phase.name}: {what} is no longer finite near step {self.step}: lower optimizer.lr, "
            f"or set run.mixed_precision to bf16 or no; the last checkpoint stays"
        )


def read_state(path: Path) -> SavedState | None:
    """A checkpoint of `TrainingProgress`, memory-mapped; None where there is none. Raises OSError if it is damaged."""
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as file:  # torch writes its checksums and does not read them
            damaged = file.testzip()
        if damaged:
            raise zipfile.BadZipFile(f"its part {damaged} has changed since it was written")
        return SavedState.model_validate(torch.load(path, map_location="cpu", weights_only=True, mmap=True))
    except Exception as error:  # of damaged bytes zipfile and torch raise many kinds
        why = " ".join(str(error).split())[:WHY_MAX]
        raise OSError(f"{path} is no checkpoint of a training, or damaged ({why}): {REMEDY}") from None


def _misfits(what: str, own: Mapping[str, Tensor], saved: Mapping[str, Any]) -> Iterator[str]:
    """Tensors that are missing, too many, of another form or not finite."""
    for name in sorted(own.keys() ^ saved.keys()):
        yield f"{what} {name} is {'missing' if name in own else 'unknown'}"
    for name in own.keys() & saved.keys():
        one, other = own[name], saved[name]
        if not isinstance(other, Tensor) or _form(other) != _form(one):
            yield f"{what} {name} is not {str(one.dtype).removeprefix('torch.')} {list(one.shape)}"
        elif not other.isfinite().all():
            yield f"{what} {name} is not finite"


def _form(tensor: Tensor) -> tuple[object, ...]:
    return tensor.shape, tensor.dtype, tensor.layout


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
