"""Means and votes as tables, Markdown for people and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..evaluation.evaluator import METRICS
from .results import Costs, MeasuredResult

INTERVAL = 0.95  # of intervals
RESAMPLES = 9999
COLUMNS_MEASURED = ("raw", "composited")
VOTED = {"overall": "best overall", "target": "best at the editing target"}  # of the paper's Table 1
IN_PAPER = ("text_alignment", "consistency", "unedited_psnr")  # metrics of its Table 1, of videos as they were made
NOT_MEASURED = "–"


@dataclass(frozen=True)
class ResultRow:
    """A method's result for a clip."""

    method: str
    clip: str
    type: str  # of edit
    measured: MeasuredResult
    costs: Costs | None = None  # of what was not made here


@dataclass(frozen=True)
class Mean:
    """Over n values; an interval needs two."""

    mean: float
    n: int
    low: float | None = None
    high: float | None = None

    def cell(self, digits: int, whole: int) -> str:
        """`whole`: how many values there could be; fewer are said."""
        text = f"{self.mean:.{digits}f}"
        if self.low is not None:
            text += f" [{self.low:.{digits}f}, {self.high:.{digits}f}]"
        return text if self.n == whole else f"{text} (n = {self.n})"


@dataclass(frozen=True)
class Votes:
    """How often a method was chosen of how many times, by question and method; counts are of clips and voters."""

    chosen: Mapping[str, Mapping[str, int]]
    n: int
    voters: int


def bootstrap_mean(values: Iterable[float], seed: int = 0) -> Mean | None:
    """Mean and percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13); None of nothing."""
    known = np.array(list(values), dtype=np.float64)
    if not len(known):
        return None
    if len(known) == 1:
        return Mean(float(known[0]), 1)
    drawn = np.random.default_rng(seed).integers(len(known), size=(RESAMPLES, len(known)))
    low, high = np.quantile(known[drawn].mean(1), [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return Mean(float(known.mean()), len(known), float(low), float(high))


def vote_percentage(chosen: int, n: int) -> Mean:
    """Wilson's interval, which is one at 0 and at 100 % too."""
    from scipy.stats import binomtest

    interval = binomtest(chosen, n).proportion_ci(INTERVAL, method="wilson")
    return Mean(100 * chosen / n, n, 100 * float(interval.low), 100 * float(interval.high))


class BenchmarkTables:
    """Of all rows: a group for all clips and one for each type of edit."""

    def __init__(
        self, rows: Sequence[ResultRow], seed: int = 0, votes: Votes | None = None, notes: Sequence[str] = ()
    ) -> None:
        self.rows, self.seed, self.votes, self.notes = rows, seed, votes, notes
        self.methods = list(dict.fromkeys(row.method for row in rows))
        self.types = sorted({row.type for row in rows if row.type})

    def mean(self, method: str, column: str, name: str, kind: str | None = None) -> Mean | None:
        """Of a metric over a method's clips, `kind` of edit or all."""
        known = (getattr(row.measured, column).get(name) for row in self._of(method, kind))
        return bootstrap_mean((value for value in known if value is not None), self.seed)

    def seconds(self, method: str, name: str, kind: str | None = None) -> Mean | None:
        """`name`: a field of Costs."""
        known = (getattr(row.costs, name) for row in self._of(method, kind) if row.costs)
        return bootstrap_mean(known, self.seed)

    def peak(self, method: str, kind: str | None = None) -> tuple[int, str] | None:
        """The most memory that any clip took, and of what; None where it is not known of all."""
        costs = [row.costs for row in self._of(method, kind)]
        known = [(each.peak_bytes, each.memory_of) for each in costs if each and each.peak_bytes is not None]
        return max(known) if known and len(known) == len(costs) else None

    def voted(self, question: str, method: str) -> Mean | None:
        if self.votes is None or not self.votes.n:
            return None
        return vote_percentage(self.votes.chosen[question].get(method, 0), self.votes.n)

    def _of(self, method: str, kind: str | None = None) -> list[ResultRow]:
        return [row for row in self.rows if row.method == method and (kind is None or row.type == kind)]

    # --- Markdown ---------------------------------------------------------------------------

    def markdown(self) -> str:
        parts = [self._paper_table()]
        for kind in (None, *self.types):
            parts += self._group(kind)
        parts += [f"- {note}" for note in self.notes]
        return "\n".join(parts) + "\n"

    def _paper_table(self) -> str:
        """As Table 1 of ReVideo's paper: a line for each method; what nobody measured has no column."""
        names = [name for name in IN_PAPER if any(self.mean(method, "raw", name) for method in self.methods)]
        titles = [_title(name) for name in names]
        if self.votes:
            titles += [f"{title}, % of votes" for title in VOTED.values()]
        lines = _header("method", *titles)
        for method in self.methods:
            cells = [self._cell(method, "raw", name, None) for name in names]
            if self.votes:
                known = [self.voted(question, method) for question in VOTED]
                cells += [each.cell(1, each.n) if each else NOT_MEASURED for each in known]
            lines.append(_line(method, *cells))
        said = f"{len({row.clip for row in self.rows})} clips; means with {INTERVAL:.0%} bootstrap intervals"
        if self.votes:
            said += f"; {self.votes.n} votes a question, of {self.votes.voters} voters, with Wilson's intervals"
        return "\n".join([f"{said}.", "", *lines, ""])

    def _group(self, kind: str | None) -> list[str]:
        clips = len({row.clip for row in self.rows if kind is None or row.type == kind})
        parts = [f"## {(kind or 'all edits').capitalize()}: {clips} clip{'s' * (clips != 1)}", ""]
        for column in COLUMNS_MEASURED:
            rows = [row for method in self.methods for row in self._of(method, kind)]
            if column != "raw" and all(row.measured.raw == row.measured.composited for row in rows):
                continue  # nothing was put back
            lines = _header(column, *self.methods)
            for name in METRICS:
                cells = [self._cell(method, column, name, kind) for method in self.methods]
                if any(cell != NOT_MEASURED for cell in cells):
                    best = METRICS[name].best
                    lines.append(_line(_title(name) + ("" if best is None else f" (best {best:g})"), *cells))
            parts += [*lines, ""]
        lines = _header("work", *self.methods)
        for name, title in (("preparation_seconds", "preparation, s"), ("generation_seconds", "generation, s")):
            known = [self.seconds(method, name, kind) for method in self.methods]
            lines.append(_line(title, *(each.cell(2, each.n) if each else NOT_MEASURED for each in known)))
        peaks = [self.peak(method, kind) for method in self.methods]
        cells = [f"{peak[0] / 1e9:.2f} ({peak[1]})" if peak else NOT_MEASURED for peak in peaks]
        lines.append(_line("peak memory, GB", *cells))
        return [*parts, *lines, ""]

    def _cell(self, method: str, column: str, name: str, kind: str | None) -> str:
        mean = self.mean(method, column, name, kind)
        return mean.cell(METRICS[name].digits, len(self._of(method, kind))) if mean else NOT_MEASURED

    # --- JSON -------------------------------------------------------------------------------

    def json(self) -> str:
        """The same with all digits, and each clip's own values."""
        content = {
            "methods": {method: self._of_method(method) for method in self.methods},
            "clips": [asdict(row) for row in self.rows],
            "notes": list(self.notes),
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def _of_method(self, method: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind in (None, *self.types):
            group: dict[str, Any] = {
                column: {name: _plain(self.mean(method, column, name, kind)) for name in METRICS}
                for column in COLUMNS_MEASURED
            }
            for name in ("preparation_seconds", "generation_seconds"):
                group[name] = _plain(self.seconds(method, name, kind))
            peak = self.peak(method, kind)
            group["peak_memory"] = {"bytes": peak[0], "of": peak[1]} if peak else None
            found[kind or "all"] = group
        found["votes"] = {question: _plain(self.voted(question, method)) for question in VOTED}
        return found


def _plain(mean: Mean | None) -> dict[str, Any] | None:
    return asdict(mean) if mean else None


def _title(name: str) -> str:
    return f"{METRICS[name].title}, {METRICS[name].unit}".rstrip(", ")


def _header(*cells: str) -> list[str]:
    return [_line(*cells), _line(*["---"] * len(cells))]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
