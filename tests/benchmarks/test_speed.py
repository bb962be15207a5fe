"""Each row is measured with its own options, against the exact path; a run that was cut off goes on."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.speed import (
    EXACT,
    Measured,
    SpeedResults,
    main,
    measure_speed,
    read_speed_results,
    speed_rows,
    speed_table,
    speed_variants,
)
from revideo.sampling.samplers import PRESETS, SamplerOptions, sampler_options
from revideo.synthetic.edits import make_edit
from revideo.synthetic.measures import EditMetrics, measure_edit

ROOT = Path(__file__).parents[2]
NAMES = [EXACT, "karras 10", "preset 5x"]
SETTINGS = {"model": "one", "variants": {name: speed_variants()[name] for name in NAMES}}


def measured(seconds, path_error=2.0, outside_psnr=34.0, sprite_psnr_last=15.0):
    return Measured(seconds, EditMetrics(path_error, outside_psnr, 16.0, sprite_psnr_last, 0.8, 0.7, 0.5, 1.0))


# --- Variants ----------------------------------------------------------------------------


def test_variants_are_options_that_work_and_no_two_sample_alike():
    made = {name: SamplerOptions(**changes) for name, changes in speed_variants().items()}
    assert len({replace(options, lock_until=0.0) for options in made.values()}) == len(made)  # nothing is locked
    presets = {f"preset {name}": sampler_options(name) for name in PRESETS if name != EXACT}
    assert made.items() >= ({EXACT: SamplerOptions()} | presets).items()
    assert made["ays 4 + no guidance + ancestral"] == SamplerOptions(
        steps=4, schedule="ays", solver="euler_ancestral", cfg_last=1.0
    )


# --- Measuring ---------------------------------------------------------------------------


class Edits:
    """Called as a model's `edit`; gives what should come out, and remembers what it was asked for."""

    def __init__(self, truth, fails_at=None):
        self.truth, self.fails_at, self.asked = truth, fails_at, []

    def edit(self, video, edit, options, **_):
        if len(self.asked) == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append(options)
        return SimpleNamespace(frames=self.truth.target)


@pytest.fixture(scope="module")
def truth():
    return make_edit(1, "both", frames=3, height=64, width=128)


def test_each_variant_samples_with_its_own_options(truth):
    model, results = Edits(truth), SpeedResults(SETTINGS)
    measure_speed(model, [truth, truth], SamplerOptions(cfg_last=2.0), results)
    assert model.asked == 2 * [SamplerOptions(cfg_last=2.0, **SETTINGS["variants"][name]) for name in NAMES]
    assert model.asked[-1] == sampler_options("5x", cfg_last=2.0)
    assert [list(clip) for clip in results.clips.values()] == [NAMES, NAMES]
    assert all(each.metrics == measure_edit(truth, truth.target) for each in results.clips[1].values())


def test_a_run_that_was_cut_off_goes_on_with_the_clip_it_was_at(truth, tmp_path):
    file, options = tmp_path / "speed.json", SamplerOptions()
    with pytest.raises(KeyboardInterrupt):
        measure_speed(Edits(truth, fails_at=5), [truth] * 3, options, SpeedResults(SETTINGS, file))
    before = read_speed_results(file).clips
    assert list(before) == [0]
    again, results = Edits(truth), SpeedResults(SETTINGS, file)
    measure_speed(again, [truth] * 3, options, results)
    assert len(again.asked) == 2 * len(NAMES)
    assert results.clips[0] == before[0] and list(results.clips) == [0, 1, 2]
    assert read_speed_results(file).clips == results.clips
    measure_speed(again, [truth] * 3, options, SpeedResults(SETTINGS, file))
    assert len(again.asked) == 2 * len(NAMES)


def test_runs_that_share_the_clips_make_one_table(truth, tmp_path, capsys):
    files = [tmp_path / f"{number}.json" for number in range(3)]
    for part, file in zip((slice(None), slice(0, None, 2), slice(1, None, 2)), files):
        measure_speed(Edits(truth), [truth] * 3, SamplerOptions(), SpeedResults(SETTINGS, file), part)
    assert [sorted(read_speed_results(file).clips) for file in files] == [[0, 1, 2], [0, 2], [1]]
    joined = read_speed_results(files[1])
    joined.join(files[2])
    assert sorted(joined.clips) == [0, 1, 2]
    with pytest.raises(SystemExit) as ended:
        main(["--table", *map(str, files[1:])])
    assert ended.value.code == 0 and capsys.readouterr().out == speed_table(joined) + "\n"


def test_where_a_sprite_is_removed_its_missing_metrics_come_back_too(tmp_path):
    results = SpeedResults(SETTINGS, tmp_path / "speed.json")
    results.add(0, {name: measured(1.0, path_error=float("nan")) for name in NAMES})
    found = read_speed_results(results.file).clips[0]
    assert repr(found) == repr(results.clips[0])


@pytest.mark.parametrize(
    ("changed", "culprits"),
    [
        ({"model": "another"}, "model"),
        ({"variants": {EXACT: {}}}, "variants"),
        ({"model": "another", "clips": 3}, "model, clips"),
    ],
)
def test_a_file_of_other_settings_is_refused(tmp_path, changed, culprits):
    file = tmp_path / "speed.json"
    SpeedResults(SETTINGS, file).add(0, {name: measured(1.0) for name in NAMES})
    with pytest.raises(ValueError, match=rf"speed\.json was measured with other {culprits}: give another file"):
        SpeedResults(SETTINGS | changed, file)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1]",
        "{}",
        '{"settings": {"variants": {"exact": {}}}, "clips": {"0": {"exact": {"seconds": 1}}}}',
        '{"settings": {"variants": {"exact": {}}}, "clips": {"0": {}}}',
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content):
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"other\.json holds no results of this program: give another file"):
        read_speed_results(file)


# --- The table ---------------------------------------------------------------------------


def rows_of(**variants):
    """Rows of variants that are lists, a `measured` for each clip."""
    results = table_of(**variants)
    return speed_rows([*results.clips.values()], [*variants])


def table_of(**variants):
    results = SpeedResults({"variants": {name: {} for name in variants}})
    for number, clip in enumerate(zip(*variants.values())):
        results.add(number, dict(zip(variants, clip)))
    return results


def test_rows_compare_with_the_exact_one_clip_by_clip():
    variants = {
        "exact": [measured(10, 2.0), measured(30, 4.0), measured(10, 3.0)],
        "fast": [measured(5, 2.5, 33.5), measured(10, 4.5, 33.5), measured(4, 3.5, 33.5)],
    }
    row = rows_of(**variants)["fast"]
    assert row.speed == 2.5
    assert row.means == (3.5, 33.5, 15.0)
    assert row.changes == ((0.5, 0.0), (-0.5, 0.0), (0.0, 0.0))
    lines = speed_table(table_of(**variants)).splitlines()
    assert lines[0] == "Clips: 3"
    assert lines[-3:] == [
        "| **fast** | 2.50 × | 3.50 (+0.50 ± 0.00) | 33.50 (-0.50 ± 0.00) | 15.00 (+0.00 ± 0.00) |",
        "",
        "Nothing is faster and as good: exact, fast.",
    ]


def test_a_row_of_one_clip_has_no_interval():
    results = table_of(exact=[measured(2)], fast=[measured(1, 2.2)])
    assert "| **fast** | 2.00 × | 2.20 (+0.20) | 34.00 (+0.00) | 15.00 (+0.00) |" in speed_table(results)


@pytest.mark.parametrize(
    ("other", "points"),
    [
        ({}, {"fast"}),  # as good, and faster
        ({"path_error": 2.1}, {"exact", "fast"}),
        ({"path_error": 1.9}, {"fast"}),
        ({"outside_psnr": 33.9}, {"exact", "fast"}),
        ({"sprite_psnr_last": 14.9}, {"exact", "fast"}),
        ({"path_error": 1.9, "sprite_psnr_last": 14.9}, {"exact", "fast"}),
        ({"path_error": float("nan")}, {"fast"}),  # of removed sprites: nothing to compare
    ],
)
def test_what_is_slower_and_no_better_is_no_pareto_point(other, points):
    rows = rows_of(exact=[measured(2)] * 3, fast=[measured(1, **other)] * 3)
    assert {name for name, row in rows.items() if row.pareto} == points


def test_worse_is_by_more_than_the_interval_of_the_difference():
    exact = [measured(2, error) for error in (1.0, 5.0, 3.0, 2.0)]

    def changed(*by):
        return rows_of(exact=exact, fast=[measured(1, each.metrics.path_error + b) for each, b in zip(exact, by)])

    assert not changed(0.5, -0.4, 0.3, -0.2)["exact"].pareto  # 0.05 ± 0.66
    assert changed(0.06, 0.05, 0.04, 0.05)["exact"].pareto  # 0.05 ± 0.01, though the clips are far apart


def test_the_fastest_is_always_a_pareto_point_and_no_slower_one_beats_it():
    rows = rows_of(exact=[measured(4)], better=[measured(2, 1.0)], fast=[measured(1, 9.0, 20.0, 5.0)])
    assert {name for name, row in rows.items() if row.pareto} == {"better", "fast"}


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in (EXACT, "fast")])
def test_what_a_preset_costs_is_said_as_it_was_measured(name):
    lines = (ROOT / "docs" / "benchmarks.md").read_text("utf-8").splitlines()
    row, *_ = [line for line in lines if re.match(rf"\| (\*\*)?preset {name}(\*\*)? \|", line)]  # in fp32, then in bf16
    speed, *changes = re.findall(r"[\d.]+ ×|(?<=\()[+-][\d.]+", row)
    assert float(name.removesuffix("x")) <= float(speed.removesuffix(" ×"))  # what its name promises
    units = ("%", "dB", "dB")
    costs = ", ".join([f"{name} {speed}", *(f"{change} {unit}" for change, unit in zip(changes, units, strict=True))])
    said = [(ROOT / "nodes" / "sampling_inputs.py"), (ROOT / "revideo" / "cli" / "edit_options.py")]
    texts = [re.sub(r'"\s+"', "", file.read_text("utf-8")).replace("%%", "%") for file in said]
    translated = [
        json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))[node]["inputs"]["preset"]
        for language in ("zh", "ja", "ko")
        for node in ("ReVideoSampler", "ReVideoLongVideo")
    ]
    for text in [*texts, *(words["tooltip"] for words in translated)]:
        assert costs in text


# --- The command -------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_goes_on_and_prints_its_file_without_a_model(checkpoint, tmp_path, capsys, monkeypatch):
    truth, file = make_edit(1, "both", frames=14, height=64, width=128), tmp_path / "speed.json"
    monkeypatch.setattr("benchmarks.speed.edits_of_all_kinds", lambda *_: [truth])
    line = [str(checkpoint), "--clips", "1", "--steps", "2", "--results", str(file)]
    line += ["--only", "control 2", "ays 4 + no guidance"]
    main(line)
    printed = capsys.readouterr().out
    assert printed.startswith("Clips: 1\n")
    settings = json.loads(file.read_text())["settings"]
    assert settings["variants"] == {
        EXACT: {},
        "control 2": {"control_every": 2},
        "ays 4 + no guidance": {"schedule": "ays", "steps": 4, "cfg_last": 1.0},
    }
    assert settings["options"]["cfg_last"] == SamplerOptions().cfg_last and settings["options"]["steps"] == 2
    main(line)
    assert capsys.readouterr().out == printed
    with pytest.raises(SystemExit) as ended:
        main(["--table", str(file)])
    assert ended.value.code == 0 and capsys.readouterr().out == printed
    with pytest.raises(SystemExit):
        main([*line, "--guidance", "2"])
    assert "speed.json was measured with other options: give another file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["model", "--only", "slow"], "there is no variant slow: one of exact, preset 2x, "),
        (["--table", "missing.json"], "missing.json"),
        (["model", "--part", "3/2"], "3/2 is no part of the clips: give K/N, the K-th of N parts, as 1/2"),
        (["model", "--part", "half"], "half is no part of the clips"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(line, message, capsys):
    with pytest.raises(SystemExit):
        main(line)
    assert message in capsys.readouterr().err
