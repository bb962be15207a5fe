"""The folder of a benchmark's results: each edit and its metrics a file, written whole, by what decides it.

Records carry a digest of themselves and of their video, so that what was damaged counts as none.

FOLDER/edits/METHOD/CLIP.mkv            what the method made, to the bit
FOLDER/edits/METHOD/CLIP.json           what it was made of, its seconds and its memory
FOLDER/metrics/METHOD/CLIP.json         what was measured, and of what
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..editing.composite import Match, keep_unedited
from ..evaluation.evaluator import Evaluator
from ..files import file_checksum, whole_file
from ..video.io import write_lossless

MEASURING_VERSION = 1  # of how things are measured: another one measures again

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Costs:
    """What an edit took."""

    preparation_seconds: float  # from files to what the model is given, and whatever a method does for one clip alone
    generation_seconds: float  # from there to frames
    peak_bytes: int | None  # None: not known
    memory_of: str  # "card": what torch allocated there; "process": all that was resident


@dataclass(frozen=True)
class MeasuredResult:
    """Metrics of one result, by the names of METRICS."""

    raw: dict[str, float]  # of the video as it was made
    composited: dict[str, float]  # with the source put back outside the mask
    notes: list[str] = field(default_factory=list)


class ResultsFolder:
    """What was made and measured; what was made of something else, or is damaged, counts as not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._damaged: set[Path] = set()  # files of which it has been said

    def video(self, method: str, clip: str) -> Path:
        return self.folder / "edits" / method / f"{clip}.mkv"

    def costs(self, method: str, clip: str, made_of: str) -> Costs | None:
        """Of an edit that is there and was made of this; else None."""
        video = self.video(method, clip)
        record = self._read(video.with_suffix(".json"))
        if record.get("made_of") != made_of or not video.is_file():
            return None
        if file_checksum(video) != record["video"]:
            self._say_damaged(video)
            return None
        return Costs(**record["costs"])

    def add_edit(self, method: str, clip: str, made_of: str, frames: Tensor, rate: Fraction, costs: Costs) -> None:
        """`frames` (T, 3, H, W) in [0, 1]; the record is written when they are whole."""
        video = self.video(method, clip)
        video.parent.mkdir(parents=True, exist_ok=True)
        self._metrics(method, clip).unlink(missing_ok=True)  # of the video before
        write_lossless(video, frames, rate)
        _write(video.with_suffix(".json"), {"made_of": made_of, "video": file_checksum(video), "costs": asdict(costs)})

    def measured(self, method: str, clip: str, measured_of: str) -> MeasuredResult | None:
        record = self._read(self._metrics(method, clip))
        return MeasuredResult(**record["measured"]) if record.get("measured_of") == measured_of else None

    def add_measured(self, method: str, clip: str, measured_of: str, measured: MeasuredResult) -> None:
        file = self._metrics(method, clip)
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, {"measured_of": measured_of, "measured": asdict(measured)})

    def _metrics(self, method: str, clip: str) -> Path:
        return self.folder / "metrics" / method / f"{clip}.json"

    def _read(self, file: Path) -> dict[str, Any]:
        """As it was written; nothing where it is not there, or is damaged."""
        try:
            content: dict[str, Any] = json.loads(file.read_text("utf-8"))
            if content.pop("digest") == digest_of(content):
                return content
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass  # no JSON, or other JSON than ours
        self._say_damaged(file)
        return {}

    def _say_damaged(self, file: Path) -> None:
        if file not in self._damaged:
            _log.warning("%s is damaged and is made anew", file)
        self._damaged.add(file)


def _write(file: Path, content: dict[str, Any]) -> None:
    with whole_file(file) as unfinished:
        unfinished.write_text(json.dumps({**content, "digest": digest_of(content)}, indent=1) + "\n", "utf-8")


def measure_result(evaluator: Evaluator, raw: Tensor, feather_px: float, match: Match) -> MeasuredResult:
    """Both columns of docs/metrics.md of a video (T, 3, H, W); ValueError where it does not fit the source."""
    question = evaluator.question
    report = evaluator.report(raw)
    if question.whole_frame:  # nothing is put back
        return MeasuredResult(report.metrics, report.metrics, report.notes)
    finished = evaluator.report(keep_unedited(question.source, raw, question.mask, feather_px, match))
    return MeasuredResult(report.metrics, finished.metrics, [*dict.fromkeys(report.notes + finished.notes)])


def digest_of(*parts: Any) -> str:
    """Of values that JSON knows: another one for other values, the same in every run."""
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


# --- Time and memory ------------------------------------------------------------------------


@dataclass
class Meter:
    """What `metering` found."""

    seconds: float = 0.0
    peak_bytes: int | None = None
    memory_of: str = "process"


@contextmanager
def metering(device: torch.device) -> Iterator[Meter]:
    """Around work on `device`: how long it took, and the most memory meanwhile.

    On a CUDA card it is what torch had allocated there; else what the process had resident. Linux forgets an earlier
    peak when asked to; elsewhere it is known only where it is the process's highest so far.
    """
    meter, on_card = Meter(), device.type == "cuda"
    if on_card:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    forgotten = not on_card and _forget_peak()
    before, begun = _process_peak(), time.perf_counter()
    yield meter
    if on_card:
        torch.cuda.synchronize(device)
    meter.seconds = time.perf_counter() - begun
    if on_card:
        meter.peak_bytes, meter.memory_of = torch.cuda.max_memory_allocated(device), "card"
        return
    peak = _process_peak()
    meter.peak_bytes = peak if peak is not None and (forgotten or before is None or peak > before) else None


def _forget_peak() -> bool:
    """Whether the process's peak counts from now on (proc(5): 5 in clear_refs resets VmHWM)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _process_peak() -> int | None:
    """Bytes that were resident at most."""
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    if sys.platform == "win32":
        return None  # Python's own library does not know
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
