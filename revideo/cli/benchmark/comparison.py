"""A benchmark as the command line runs it: what is asked, who answers, and what is still to be done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ... import __version__
from ...benchmark.manifest import BenchmarkClip, BenchmarkPlan, read_manifest, read_v2vbench
from ...benchmark.page import BlindPage, ShownClip
from ...benchmark.results import MEASURING_VERSION, MeasuredResult, ResultsFolder, digest_of, measure_result
from ...benchmark.tables import BenchmarkTables, ResultRow, Votes
from ...editing.composite import keep_unedited
from ...evaluation.evaluator import METRICS, Evaluator
from ...evaluation.perceptual import find_lpips
from ...files import check_sources, whole_file
from ...pipeline.devices import default_device
from ...sampling.samplers import Progress
from ..common import ModelAtHand, Refused, refusing
from ..evaluate import LEARNED, LEARNED_FILES, reads_prompt
from ..inputs import check_device
from .methods import ClipReader, FolderMethod, OwnMethod, identity_of

MethodAndClip = tuple[str, BenchmarkClip]  # a method's name and a clip


@dataclass(frozen=True)
class Comparison:
    """Read and ready: what is asked, who answers, and where results are."""

    plan: BenchmarkPlan
    reader: ClipReader
    methods: dict[str, OwnMethod | FolderMethod]
    results: ResultsFolder
    evaluated_by: str  # another text where metrics would be other ones

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> Comparison:
        """ValueError or OSError names what cannot work; no clip is read yet."""
        files = [getattr(arguments, name) for name in ("flow", "cotracker", *LEARNED_FILES)]
        check_sources([arguments.manifest, *files, *arguments.votes])
        check_device(arguments.device)
        if arguments.manifest.suffix.lower() in (".yaml", ".yml"):
            plan = read_v2vbench(arguments.manifest, dict(arguments.results), arguments.sources)
        elif arguments.results or arguments.sources:
            raise ValueError("--results and --sources go with V2VBench's config.yaml; a manifest names its methods")
        else:
            plan = read_manifest(arguments.manifest)
        results, load = ResultsFolder(arguments.output or plan.output), ModelAtHand()
        folder = arguments.manifest.absolute().parent
        methods: dict[str, OwnMethod | FolderMethod] = {}
        for name in plan.methods:
            if name in plan.folders:
                methods[name] = FolderMethod(plan.folders[name], plan)
                continue
            with _naming(f"method {name}"):
                given = plan.options[name]
                methods[name] = OwnMethod(name, given, plan, folder, arguments.device, results, load)
        configs = [method.config for method in methods.values() if isinstance(method, OwnMethod)]
        reader = ClipReader(plan.settings, configs, reads_prompt(arguments))
        named = {name: identity_of(getattr(arguments, name)) for name in ("flow", "cotracker", *LEARNED)}
        models = [named, find_lpips(arguments.device or default_device())[1]]
        return cls(plan, reader, methods, results, digest_of(MEASURING_VERSION, __version__, sorted(METRICS), models))

    def pairs(self) -> Iterator[MethodAndClip]:
        """Clip by clip, which is read for all methods then."""
        for clip in self.plan.clips:
            for name in self.methods:
                yield name, clip

    def measured(self, name: str, clip: BenchmarkClip) -> MeasuredResult | None:
        return self.results.measured(name, clip.name, self._measured_of(name, clip))

    def _measured_of(self, name: str, clip: BenchmarkClip) -> str:
        method = self.methods[name]
        asked_of = self.reader.asked_of(clip), self.reader.prompt(clip)
        made_of = method.made_of(clip, self.reader)
        return digest_of(made_of, asked_of, method.feather_px, method.match, self.evaluated_by)

    def unfinished(self) -> list[MethodAndClip]:
        """What is to be done; ValueError or OSError names the clip whose files are not there."""
        found = []
        for name, clip in self.pairs():
            with _naming(f"method {name}, clip {clip.name}"):
                if self._to_make(name, clip) or self.measured(name, clip) is None:
                    found.append((name, clip))
        return found

    def _to_make(self, name: str, clip: BenchmarkClip) -> bool:
        return name in self.plan.options and self.methods[name].costs(clip, self.reader) is None

    def check(self, pairs: Sequence[MethodAndClip]) -> None:
        """All that was given for these but the weights; ValueError or OSError names method and clip."""
        for clip, names in tqdm(_by_clip(pairs), desc="checking", unit="clip", disable=not pairs):
            with _naming(f"clip {clip.name}"):
                asked = self.reader.read(clip)
            for name in names:
                with _naming(f"method {name}, clip {clip.name}"):
                    self.methods[name].check(clip, self.reader, asked)

    def make(self, pairs: Sequence[MethodAndClip]) -> None:
        """The edits that are not there, method by method, so that a model is loaded once."""
        waiting = [(name, clip) for name, clip in pairs if self._to_make(name, clip)]
        total = len(self.plan.options) * len(self.plan.clips)
        with tqdm(total=total, initial=total - len(waiting), desc="edits", unit="edit", disable=not waiting) as bar:
            for name, method in self.methods.items():
                for clip in (clip for whose, clip in waiting if whose == name):
                    title = f"{name}, {clip.name}"

                    def tell(heard: Progress, title: str = title) -> None:
                        bar.set_postfix_str(f"{title}: {heard.stage} {heard.done}/{heard.total}")

                    assert isinstance(method, OwnMethod), "others' results are made elsewhere"
                    method.make(clip, self.reader, tell)
                    bar.update()

    def measure(self, pairs: Sequence[MethodAndClip], models: dict[str, Any]) -> None:
        """What has no metrics yet, clip by clip: what only the question needs is computed once."""
        waiting = [(name, clip) for name, clip in pairs if self.measured(name, clip) is None]
        total = len(self.methods) * len(self.plan.clips)
        with tqdm(
            total=total, initial=total - len(waiting), desc="measuring", unit="video", disable=not waiting
        ) as bar:
            for clip, names in _by_clip(waiting):
                asked = self.reader.read(clip)
                evaluator = Evaluator(asked.question, **models)
                for name in names:
                    method = self.methods[name]
                    with _naming(f"method {name}, clip {clip.name}"):
                        measured = measure_result(evaluator, method.read(clip, asked), method.feather_px, method.match)
                    self.results.add_measured(name, clip.name, self._measured_of(name, clip), measured)
                    bar.update()

    def write_tables(self, votes: Votes | None, notes: list[str]) -> None:
        """Also prints them."""
        rows = []
        for name, clip in self.pairs():
            measured = self.measured(name, clip)
            assert measured is not None, "measured before"
            rows.append(ResultRow(name, clip.name, clip.type, measured, self.methods[name].costs(clip, self.reader)))
        tables = BenchmarkTables(rows, self.plan.settings.seed, votes, notes)
        for suffix, text in (("md", tables.markdown()), ("json", tables.json())):
            with whole_file(self.results.folder / f"table.{suffix}") as unfinished:
                unfinished.write_text(text, "utf-8")
        print(tables.markdown(), end="")
        print(f"{self.results.folder}: table.md, table.json", file=sys.stderr)

    # --- The page ---------------------------------------------------------------------------

    def page(self) -> BlindPage:
        """ValueError where there are not several methods to compare, or too many."""
        digests: dict[str, dict[str, str]] = {}
        for name, clip in self.pairs():
            method = self.methods[name]
            made_of, asked_of = method.made_of(clip, self.reader), self.reader.asked_of(clip)
            shown = digest_of(made_of, asked_of, method.composited and (method.feather_px, method.match))
            digests.setdefault(clip.name, {})[name] = shown
        return BlindPage(self.plan.settings.seed, digests, {clip.name: clip.prompt for clip in self.plan.clips})

    def votes(self, files: Sequence[Path]) -> Votes | None:
        return self.page().count(files) if files else None

    def write_page(self) -> None:
        if len(self.methods) < 2:
            return
        door = self.page().write(self.results.folder, self._shown())
        print(f"{door}: the blind comparison, to be handed out with its folder", file=sys.stderr)

    def _shown(self) -> Iterator[ShownClip]:
        """As people see them: a method of ours finished, with the source put back unless it says otherwise."""
        for clip in tqdm(self.plan.clips, desc="page", unit="clip"):
            asked, shown = self.reader.read(clip), {}
            source, mask = asked.question.source, asked.question.mask
            for name, method in self.methods.items():
                shown[name] = method.read(clip, asked)
                if method.composited:
                    shown[name] = keep_unedited(source, shown[name], mask, method.feather_px, method.match)
            yield ShownClip(source, asked.edited_frame, shown, asked.rate)


def _by_clip(pairs: Sequence[MethodAndClip]) -> list[tuple[BenchmarkClip, list[str]]]:
    return [(clip, [name for name, _ in group]) for clip, group in groupby(pairs, itemgetter(1))]


@contextmanager
def _naming(culprit: str) -> Iterator[None]:
    """Around what may be wrong with it."""
    try:
        with refusing():
            yield
    except Refused as error:
        raise ValueError(f"{culprit}: {error}") from error.__cause__
