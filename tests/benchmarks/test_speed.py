"""Each row is measured with its own options, against the exact path."""

from types import SimpleNamespace

import pytest

from benchmarks import speed
from benchmarks.speed import EXACT, FAST, SPEED_VARIANTS, SpeedRow, compare_speed, main, speed_table
from revideo import load
from revideo.sampling.samplers import SamplerOptions, sampler_options
from revideo.synthetic.edits import make_edit
from revideo.synthetic.measures import EditMetrics, measure_edit


@pytest.mark.slow
def test_each_variant_samples_with_its_own_options(checkpoint, monkeypatch):
    truth = make_edit(1, "both", frames=14, height=64, width=128)
    model, seen = load(checkpoint, device="cpu"), []
    result = SimpleNamespace(frames=truth.target)
    monkeypatch.setattr(model, "edit", lambda video, edit, options, **_: seen.append(options) or result)
    found = compare_speed(model, [truth, truth], SamplerOptions(cfg_last=2.0), list(SPEED_VARIANTS))
    assert seen == 2 * [SamplerOptions(cfg_last=2.0, **changes) for changes in SPEED_VARIANTS.values()]
    assert seen[-1] == sampler_options(FAST, cfg_last=2.0)
    assert list(found) == list(SPEED_VARIANTS)
    assert all(row.metrics == measure_edit(truth, truth.target) for row in found.values())


def test_rows_compare_with_the_exact_one():
    exact = SpeedRow(1.0, EditMetrics(2.0, 34.0, 16.0, 15.0, 0.8, 0.7, 0.5, 1.0))
    fast = SpeedRow(2.5, EditMetrics(2.2, 33.5, 16.0, 15.5, 0.8, 0.7, 0.5, 1.0))
    assert speed_table({EXACT: exact, FAST: fast}).splitlines()[-1] == (
        "| fast | 2.50 × | 2.20 (1.10 ×) | 33.50 (-0.50) | 15.50 (+0.50) |"
    )


@pytest.mark.slow
def test_the_command_measures_the_interval_where_there_is_guidance(checkpoint, capsys, monkeypatch):
    asked = []
    row = SpeedRow(1.0, EditMetrics(2.0, 34.0, 16.0, 15.0, 0.8, 0.7, 0.5, 1.0))
    monkeypatch.setattr(speed, "compare_speed", lambda *given: asked.append(given[-1]) or {EXACT: row})
    main([str(checkpoint), "--clips", "1"])
    main([str(checkpoint), "--clips", "1", "--guidance", "2"])
    main([str(checkpoint), "--clips", "1", "--only", FAST])
    assert len(capsys.readouterr().out.splitlines()) == 9
    assert set(SPEED_VARIANTS) - set(asked[0]) == {"guidance in an interval"}
    assert asked[1:] == [list(SPEED_VARIANTS), [EXACT, FAST]]
