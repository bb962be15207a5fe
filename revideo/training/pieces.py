"""A training in pieces: when a run has to save and end, so that another goes on."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SPARE_SECONDS = 10.0  # for what has not been measured: the first step of a phase, leaving Python
SAVED_PER_SECOND = 100e6  # bytes of a checkpoint, on a slow disk


class Paused(Exception):
    """The run ended before the training did, and saved all that going on exactly needs."""

    def __init__(self, phase: str, step: int, steps: int) -> None:
        super().__init__(f"paused in phase {phase} after step {step} of {steps}")


class Piece:
    """Of a run that is over at `until` on the clock of time.monotonic, or when `signal` says so."""

    def __init__(self, until: float = math.inf) -> None:
        self.until = until
        self.signal: int | None = None  # that asked the run to end
        self._step = 0.0  # seconds of the longest so far, with all that was saved and drawn beside it
        self._before: float | None = None

    def begin_phase(self) -> None:
        """What comes until the next `over` is no step."""
        self._before = None

    def over(self, checkpoint_bytes: int = 0) -> bool:
        """Asked before each step: whether to save and end, because another might leave no time to save."""
        now = time.monotonic()
        if self._before is not None:
            self._step = max(self._step, now - self._before)
        self._before = now
        needed = self._step + SPARE_SECONDS + checkpoint_bytes / SAVED_PER_SECOND
        return self.signal is not None or now + needed > self.until

    @contextmanager
    def until_signalled(self) -> Iterator[None]:
        """Ctrl+C and SIGTERM end the run behind the step that is made; a second one at once."""
        if threading.current_thread() is not threading.main_thread():  # which alone is told of signals
            yield
            return

        def end(number: int, _: FrameType | None) -> None:
            self.signal = number
            signal.signal(number, before[number])

        before: dict[int, Any] = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
