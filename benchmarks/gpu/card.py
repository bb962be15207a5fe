"""The device that is measured: its clock, its memory, and a lid on it. Without CUDA memory is not known: None."""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import diffusers
import torch

GB = 10**9


@dataclass
class Cost:
    """Of some work, once it is done."""

    seconds: float = 0.0
    allocated: int | None = None  # most bytes of tensors at once
    reserved: int | None = None  # most bytes that torch held, fragments included


class Card:
    """A device and what torch counts on it."""

    def __init__(self, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self.cuda = self.device.type == "cuda"
        if self.cuda and self.device.index is None:  # some of torch's calls want the number
            self.device = torch.device("cuda", torch.cuda.current_device())

    def describe(self) -> dict[str, Any]:
        """What the figures depend on."""
        return {
            "device": torch.cuda.get_device_name(self.device) if self.cuda else platform.machine(),
            "memory_gb": round(self.total / GB, 1) if self.total else None,
            "torch": torch.__version__,
            "cuda": torch.version.cuda if self.cuda else None,
            "cudnn": torch.backends.cudnn.version() if self.cuda else None,
            "tf32_in_convolutions": torch.backends.cudnn.allow_tf32,
            "diffusers": diffusers.__version__,
            "python": platform.python_version(),
            "date": time.strftime("%Y-%m-%d"),
        }

    @property
    def total(self) -> int | None:
        """Bytes of memory that it has."""
        return torch.cuda.mem_get_info(self.device)[1] if self.cuda else None

    def wait(self) -> None:
        """Until all that was begun is done."""
        if self.cuda:
            torch.cuda.synchronize(self.device)

    def now(self) -> float:
        """Seconds of a clock, once all that was begun is done."""
        self.wait()
        return time.perf_counter()

    @contextmanager
    def stage(self) -> Iterator[Cost]:
        """Measures what is done within."""
        measured = Cost()
        if self.cuda:
            torch.cuda.reset_peak_memory_stats(self.device)
        start = self.now()
        yield measured
        measured.seconds = self.now() - start
        if self.cuda:
            measured.allocated = torch.cuda.max_memory_allocated(self.device)
            measured.reserved = torch.cuda.max_memory_reserved(self.device)

    def empty(self) -> None:
        """Gives back what no tensor holds."""
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()

    def limit(self, budget: int) -> None:
        """From now on torch gets no more bytes than these, and finds the next ones missing."""
        self.empty()  # or cached blocks would serve without asking
        if self.cuda:
            assert self.total
            torch.cuda.set_per_process_memory_fraction(min(1.0, budget / self.total), self.device)

    def unlimit(self) -> None:
        """All of the memory again."""
        if self.cuda:
            torch.cuda.set_per_process_memory_fraction(1.0, self.device)
