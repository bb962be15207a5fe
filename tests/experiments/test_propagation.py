"""The trials of MagicProp's remedies: what each leaves out, and that a file of them trains, measures and is shown."""

import json
from pathlib import Path

import pytest

from experiments.propagation import TITLES, main, plot, read_trials, run, table
from revideo.training.pieces import Piece
from revideo.training.propagator.start import write_propagator_start

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """Those of the repository, for two steps and two frames, with an autoencoder that knows nothing."""
    folder = tmp_path_factory.mktemp("trials")
    trials = read_trials(ROOT / "experiments/propagation.toml")
    phase = trials.training["phase"] | {"steps": 2, "batch": 2, "width": 32, "height": 32, "frames": 3}
    measured = trials.measured.model_copy(update={"clips": 1, "frames": 2, "solver_steps": 2})
    options = {"sprites": [1, 1], "points": 1}
    update = {
        "output": str(folder / "out"),
        "autoencoder": str(folder / "autoencoder.safetensors"),
        # A process has one precision, that of all other tests.
        "training": trials.training | {"phase": phase, "run": trials.training["run"] | {"mixed_precision": "no"}},
        "measured": measured.model_copy(update={"options": options}),
        "trials": [trial for trial in trials.trials if trial.name in ("whole", "no-fixed-reference")],
    }
    small = trials.model_copy(update=update)
    write_propagator_start(small.training_of(small.trials[0], 1).model, folder / "autoencoder.safetensors", 0)
    return small


def test_each_trial_leaves_out_what_its_name_says():
    trials = read_trials(ROOT / "experiments/propagation.toml")
    by_name = {trial.name: trials.training_of(trial, 1) for trial in trials.trials}
    remedies = {name: config.model.sizes.remedies for name, config in by_name.items()}
    assert remedies["whole"].adaptor and remedies["whole"].zero_terminal_snr
    assert not remedies["no-adaptor"].adaptor and remedies["no-adaptor"].zero_terminal_snr
    assert remedies["no-zero-snr"].adaptor and not remedies["no-zero-snr"].zero_terminal_snr
    assert by_name["per-frame"].phases[0].triplets.drop_previous == 1
    assert {config.phases[0].steps for config in by_name.values()} == {by_name["whole"].phases[0].steps}
    [anchored] = [trial for trial in trials.trials if trial.name == "no-fixed-reference"]
    assert trials.folder(anchored, 1) == trials.folder(trials.trials[0], 1)  # the same weights


def test_trials_are_trained_measured_and_shown_once(trials, tmp_path, monkeypatch):
    names = [trial.name for trial in trials.trials]
    run(trials, [1], names, Piece())
    files = [trials.results(trial, 1) for trial in trials.trials]
    found = [json.loads(file.read_text()) for file in files]
    assert [list(each) for each in found] == [list(TITLES)] * 2
    assert [len(clip) for each in found for clips in each.values() for clip in clips] == [2] * 8
    for file in files:
        assert file.with_suffix(".png").stat().st_size > 500
    with monkeypatch.context() as patch:
        patch.setattr("experiments.propagation.measure_trial", lambda *_: pytest.fail("it was measured again"))
        patch.setattr("revideo.training.loop.train_phase", lambda *_: pytest.fail("it was trained again"))
        run(trials, [1], names, Piece())
    rows = list(table(trials, [1, 2]))
    assert [row.split("|")[1].strip() for row in rows[1:]] == [trial.title for trial in trials.trials]
    plot(trials, [1], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_a_mistake_is_named(tmp_path, capsys):
    file = tmp_path / "trials.toml"
    file.write_text((ROOT / "experiments/propagation.toml").read_text().replace('title = "PropDPM"', "tile = 1"))
    with pytest.raises(SystemExit):
        main([str(file)])
    assert "tile" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(ROOT / "experiments/propagation.toml"), "--trials", "hole"])
    assert "has no trial hole; it has whole, " in capsys.readouterr().err
