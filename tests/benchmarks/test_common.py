"""One command line for all: each program names itself, and reads what the others read."""

import sys
from importlib import import_module
from math import nan

import pytest

from benchmarks.common import (
    chosen_options,
    clips_parser,
    edits_of_all_kinds,
    interval_cell,
    model_parser,
    number_cell,
    table_header,
    table_row,
)
from benchmarks.engine import ways_table
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.measures import all_cases

PROGRAMS = (
    "bidirectional",
    "drift",
    "edits",
    "engine",
    "long_video",
    "source_motion",
    "speed",
    "tracking",
    "unedited",
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_says_how_it_is_called(program, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program, "--help"])
    with pytest.raises(SystemExit) as ended:
        import_module(f"benchmarks.{program}").main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m benchmarks.{program} ")


def test_without_options_a_model_samples_as_the_library_does_without_guidance():
    given = model_parser("edits", None, clips=3).parse_args(["tiny"])
    assert chosen_options(given) == SamplerOptions(cfg_last=1.0)
    given = model_parser("edits", None, clips=3, steps=10).parse_args(["tiny", "--guidance", "2"])
    assert chosen_options(given) == SamplerOptions(steps=10, cfg_last=2.0)


def test_there_are_as_many_edits_of_each_kind_as_asked_for_in_the_size_asked_for():
    given = clips_parser("edits", None, clips=64).parse_args(["--clips", "2", "--height", "64", "--width", "128"])
    edits = edits_of_all_kinds(given, frames=3)
    assert len(edits) == 2 * len(all_cases())
    assert {truth.source.shape for truth in edits} == {(3, 3, 64, 128)}


def test_rows_have_the_columns_of_their_header():
    assert table_header("a", "b").splitlines() == ["| a | b |", "| --- | --- |"]
    assert table_row("1", "2") == "| 1 | 2 |"


def test_cells_have_a_dash_where_nothing_was_measured():
    assert number_cell(1.234, " dB") == "1.23 dB"
    assert number_cell(nan, " dB") == interval_cell([nan, nan]) == "–"
    assert interval_cell([2.0, nan]) == "2.00"
    assert interval_cell([1.0, 2.0, 3.0]) == "2.00 ± 2.48"


def test_the_table_of_ways_holds_medians_and_ratios_to_ours():
    def found(step: float) -> dict:
        return {
            "seconds_per_step": step,
            "seconds": {"condition": 1.0, "decode_per_frame": 1.0, "edit": 10 * step},
            "cpu_seconds_edit": 1.0,
            "peak_memory_mib": 100,
        }

    table = ways_table({"plain": [found(8.0), found(9.0), found(16.0)], "ours": [found(4.0), found(5.0), found(4.0)]})
    header, _, plain, ours = ([cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines())
    assert plain[header.index("step, s")] == "9 (2.00 ± 1.10)"  # of ratios 2, 1.8 and 4
    assert ours[header.index("step, s")] == "4 (1.00 ± 0.00)"
    assert plain[header.index("whole edit, s")] == "90 (2.00 ± 1.10)"
