"""Workers by Ray: each has a card or some cores, loads a model once, and makes one edit after the other."""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from ..common import ModelAtHand, Refused
from ..edit import run_edit
from .lines import BatchLine
from .records import claimed, is_finished, line_fingerprint, write_record

NO_RAY = 'a batch needs Ray, which is not installed: pip install "revideo[farm]"'
OBJECTS_BYTES = 100_000_000  # of Ray's shared memory, through which no frame goes

State = Literal["made", "already made", "failed", "busy"]


@dataclass
class Outcome:
    """What became of a line."""

    line: int
    output: str
    state: State
    message: str = ""  # why it failed
    seconds: float = 0.0  # of the last attempt
    attempts: int = 1


@dataclass
class _Turn:
    """A line that waits for a worker."""

    line: BatchLine
    attempts: int = 0
    wait: bool = False  # for another batch that is at it


class EditWorker:
    """Makes edits in a process of its own; the model of the line before stays loaded."""

    def __init__(self) -> None:
        self._load = ModelAtHand()

    def make(self, arguments: argparse.Namespace, wait: bool) -> tuple[State, str]:
        """Makes a line's output unless it is there; what the user can mend is told, all else is raised."""
        try:
            with claimed(arguments.output, wait):
                return self._make(arguments)
        except BlockingIOError:
            return "busy", ""
        except (Refused, ValueError, OSError) as error:
            return "failed", " ".join(str(error).split())

    def _make(self, arguments: argparse.Namespace) -> tuple[State, str]:
        if is_finished(arguments):
            return "already made", ""
        made_of = line_fingerprint(arguments)
        run_edit(arguments, self._load)
        write_record(arguments, made_of)
        return "made", ""


@dataclass
class Farm:
    """Ray's machines: this one, or those of the cluster at `address`."""

    address: str | None = None
    workers: int | None = None  # None: one a card, or one where there is none
    cards: bool = True  # False: on processors alone
    retries: int = 2  # of a line whose worker died or broke down
    cores: int | None = None  # of each worker without a card; None: as many as there are for it
    _ray: Any = field(default=None, repr=False)

    def __enter__(self) -> Farm:
        """Starts or joins; ValueError where it has not what was asked for, or Ray is not there."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nobody is told
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else no card is seen that Ray counts not
        try:
            import ray
        except ImportError:
            raise ValueError(NO_RAY) from None
        here: dict[str, Any] = {"num_cpus": max(self.workers or 1, os.cpu_count() or 1)}
        here |= {"object_store_memory": OBJECTS_BYTES, "include_dashboard": False}
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            ray.init(self.address or "local", **quiet, **({} if self.address else here))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ValueError(f"Ray does not start: {str(error).splitlines()[0]}") from None
        self._ray = ray
        try:
            self._each = self._divide()
        except BaseException:
            ray.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def _divide(self) -> dict[str, int]:
        """What each worker has for itself; sets how many there are."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        cards = sum(int(node.get("GPU", 0)) for node in nodes) if self.cards else 0
        if cards:
            self.workers = self.workers or cards
            if self.workers > cards:
                raise ValueError(f"--workers {self.workers}: there are {cards} cards (--device cpu does without)")
            having = [node for node in nodes if node.get("GPU", 0) >= 1]
            cores = min(int(node.get("CPU", 0)) // int(node["GPU"]) for node in having)
            return {"num_gpus": 1, "num_cpus": cores}
        self.workers = self.workers or 1
        processors = [int(node.get("CPU", 0)) for node in nodes]
        for each in range(max(processors, default=0), 0, -1):
            if sum(number // each for number in processors) >= self.workers:
                return {"num_gpus": 0, "num_cpus": min(each, self.cores or each)}
        raise ValueError(f"--workers {self.workers}: Ray has {sum(processors)} cores, and each worker needs one")

    def run(self, lines: list[BatchLine], tell: Callable[[Outcome], None]) -> list[Outcome]:
        """Makes all lines; `tell` hears of each when it is over. In the order of the lines.

        A worker that died or broke down is replaced, and its line begun again, `retries` times.
        """
        turns = deque(_Turn(line) for line in lines)
        outcomes: dict[int, Outcome] = {}
        running: dict[Any, tuple[Any, _Turn, float]] = {}
        idle = [self._start() for _ in range(min(self.workers or 1, len(lines)))]
        while turns or running:
            while turns and idle:
                worker, turn = idle.pop(), turns.popleft()
                turn.attempts += 1
                running[worker.make.remote(turn.line.arguments, turn.wait)] = worker, turn, time.monotonic()
            (done,), _ = self._ray.wait(list(running), num_returns=1)
            worker, turn, begun = running.pop(done)
            state, message, worker = self._result(done, worker)
            idle.append(worker)
            if state == "busy":  # in another batch: others first, then wait for it
                turns.append(_Turn(turn.line, turn.attempts - 1, wait=True))
                continue
            if state is None and turn.attempts <= self.retries:
                turns.append(turn)
                continue
            number, seconds = turn.line.number, time.monotonic() - begun
            outcomes[number] = Outcome(
                number, str(turn.line.output), state or "failed", message, seconds, turn.attempts
            )
            tell(outcomes[number])
        return [outcomes[line.number] for line in lines]

    def _start(self) -> Any:
        return self._ray.remote(EditWorker).options(**self._each, max_restarts=0).remote()

    def _result(self, done: Any, worker: Any) -> tuple[State | None, str, Any]:
        """State (None: the worker is lost), message, and who works on."""
        try:
            return *self._ray.get(done), worker
        except self._ray.exceptions.RayTaskError as error:
            message = f"{type(error.cause).__name__}: {error.cause}".splitlines()[0]
            self._ray.kill(worker)  # what a broken one still holds, nobody knows
        except self._ray.exceptions.RayActorError:
            message = "its worker died, as by a signal or for want of memory"
        return None, message, self._start()
