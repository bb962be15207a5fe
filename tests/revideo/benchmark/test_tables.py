"""Means are means, intervals are of the clips there were, and votes are percentages of all votes."""

import json

import numpy as np
import pytest
from pytest import approx

from revideo.benchmark.results import Costs, MeasuredResult
from revideo.benchmark.tables import BenchmarkTables, ResultRow, Votes, bootstrap_mean, vote_percentage

PSNRS = {"ours": (30.0, 34.0, 38.0), "theirs": (20.0, 21.0, 25.0)}
TYPES = "foreground", "foreground", "style"


def rows() -> list[ResultRow]:
    found = []
    for method, values in PSNRS.items():
        for number, (value, kind) in enumerate(zip(values, TYPES)):
            costs = Costs(0.5 * number, 2.0 + number, 10**9 * (number + 1), "process") if method == "ours" else None
            measured = MeasuredResult({"unedited_psnr": value, "path_error": value / 10}, {"unedited_psnr": 100.0})
            found.append(ResultRow(method, f"clip-{number}", kind, measured, costs))
    return found


def test_means_of_all_and_of_a_type_are_those_computed_by_hand():
    tables = BenchmarkTables(rows())
    assert tables.mean("ours", "raw", "unedited_psnr").mean == approx(34)
    assert tables.mean("theirs", "raw", "unedited_psnr").mean == approx(22)
    assert tables.mean("theirs", "raw", "unedited_psnr", "foreground").mean == approx(20.5)
    assert tables.mean("ours", "composited", "unedited_psnr").mean == 100
    assert tables.mean("ours", "raw", "path_error", "style").mean == approx(3.8)
    assert tables.mean("ours", "raw", "seam") is None
    assert tables.seconds("ours", "preparation_seconds").mean == approx(0.5)
    assert tables.seconds("ours", "generation_seconds", "style").mean == 4
    assert tables.seconds("theirs", "generation_seconds") is None
    assert tables.peak("ours") == (3 * 10**9, "process") and tables.peak("ours", "foreground") == (2 * 10**9, "process")
    assert tables.peak("theirs") is None


def test_a_peak_that_one_clip_does_not_know_is_not_told_for_the_others():
    some = [*rows()[:2], ResultRow("ours", "c", "style", MeasuredResult({}, {}), Costs(0, 1, None, "process"))]
    assert BenchmarkTables(some).peak("ours") is None and BenchmarkTables(some).peak("ours", "foreground") == (
        2 * 10**9,
        "process",
    )


def test_markdown_and_json_say_the_same():
    tables = BenchmarkTables(
        rows(), votes=Votes({"overall": {"ours": 3}, "target": {"ours": 1, "theirs": 2}}, 3, 1), notes=["n"]
    )
    text, content = tables.markdown(), json.loads(tables.json())
    first = text.splitlines()
    assert (
        first[2] == "| method | unedited PSNR, dB | best overall, % of votes | best at the editing target, % of votes |"
    )
    assert first[4].startswith("| ours | 34.00 [30.00, 38.00] | 100.0 [")
    assert first[5].startswith("| theirs | 22.00 [20.00, 25.00] | 0.0 [") and "| 66.7 [" in first[5]
    assert "## Style: 1 clip\n" in text and "## Foreground: 2 clips\n" in text and text.endswith("- n\n")
    assert "| peak memory, GB | 3.00 (process) | – |" in text
    ours = content["methods"]["ours"]
    assert ours["all"]["raw"]["unedited_psnr"] == {"mean": 34.0, "n": 3, "low": 30.0, "high": 38.0}
    assert ours["style"]["raw"]["unedited_psnr"] == {"mean": 38.0, "n": 1, "low": None, "high": None}
    assert ours["all"]["generation_seconds"]["mean"] == 3 and ours["votes"]["target"]["mean"] == approx(100 / 3)
    assert [clip["measured"]["raw"]["unedited_psnr"] for clip in content["clips"]] == [30, 34, 38, 20, 21, 25]


def test_a_metric_that_some_clips_lack_says_of_how_many_it_is():
    some = [*rows()[:2], ResultRow("ours", "other", "style", MeasuredResult({}, {}))]
    assert "32.00 [30.00, 34.00] (n = 2)" in BenchmarkTables(some).markdown()


def test_one_clip_has_no_interval_and_none_has_no_mean():
    one = bootstrap_mean([3.0])
    assert (one.mean, one.n, one.low, one.high) == (3, 1, None, None)
    assert bootstrap_mean([]) is None


def test_intervals_shrink_as_clips_grow_in_number_and_hold_the_mean():
    drawn = np.random.default_rng(0).normal(5, 1, 640)
    found = [bootstrap_mean(drawn[:n]) for n in (10, 40, 160, 640)]
    widths = [each.high - each.low for each in found]
    assert all(each.low < each.mean < each.high for each in found)
    for n, before, after in zip((10, 40, 160), widths, widths[1:]):
        assert after == approx(before / 2, rel=0.4), f"from {n} clips to four times as many"
    assert widths[-1] == approx(2 * 1.96 / np.sqrt(640), rel=0.1)  # of a normal distribution


def test_an_interval_is_the_same_every_time_and_another_by_another_seed():
    values = [1.0, 4.0, 9.0, 16.0, 25.1]
    assert bootstrap_mean(values, 1) == bootstrap_mean(values, 1)
    assert bootstrap_mean(values, 1) != bootstrap_mean(values, 2)


def test_equal_values_have_an_interval_of_no_width():
    same = bootstrap_mean([2.0] * 5)
    assert (same.low, same.mean, same.high) == (2, 2, 2)


@pytest.mark.parametrize(("chosen", "n"), [(0, 8), (8, 8), (3, 8)])
def test_a_percentage_of_votes_has_wilson_s_interval(chosen, n):
    found, z, part = vote_percentage(chosen, n), 1.959964, chosen / n
    middle = (part + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(part * (1 - part) / n + z**2 / (4 * n**2))
    assert found.mean == 100 * part and found.n == n
    assert (found.low, found.high) == approx((100 * (middle - half), 100 * (middle + half)), abs=1e-4)
