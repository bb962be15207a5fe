"""The program that trains and measures the paper's experiments, on a model of a few thousand weights."""

import json
import re
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median, stdev

import pytest
import torch
from safetensors.torch import load_file

from experiments import figures, run
from experiments.run import Experiments, drawn_along, main, painted, read_experiments
from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.checkpoints.reading import build_parts
from revideo.models.config import ControlConfig, ImageEncoderConfig, ModelConfig, UNetConfig, VAEConfig
from revideo.synthetic.clips import make_clip
from revideo.synthetic.edits import make_edit
from revideo.training.config import STAGES
from revideo.video.io import read_image, write_video

ROOT = Path(__file__).parents[2]
TINIEST = ModelConfig(
    UNetConfig(32, (1, 1), 1, 16, 32, 16, 4),
    ControlConfig((4, 8, 8, 16)),
    VAEConfig(32, (1, 1, 1, 1)),
    ImageEncoderConfig(1, 32, 16, 112, 224, 32),
)
TRIALS = """
output = "runs"
base = "base.safetensors"

[measured]
clips = 2
ways = ["straight", "wavy"]
solver_steps = 2
options = { diameter_px = [10.0, 12.0], speed_px = [1.5, 2.5], bystanders = 0 }

[training]
model = { control_gain = 0.3, control = { condition_channels = [4, 8, 8, 16] } }
area = { min_px = 16 }
optimizer = { warmup = 1 }
run = { torch_threads = 1, checkpoint_every = 1, log_every = 1 }

[training.data]
kind = "synthetic"
options = { diameter_px = [10.0, 12.0], sprites = [1, 1] }

[training.phase]
width = 32
height = 32
frames = 4
batch = 1
steps = 1

[[trials]]
name = "one"
title = "one: a sum"
control = { fusion = "sum" }
phases = [{ name = "motion", stage = "motion" }, { name = "both", stage = "decouple", composite = 0.0 }]

[[trials]]
name = "two"
title = "two, from one's first phase"
after = "one/motion"
phases = [{ name = "deblock", stage = "deblock", train_only = ['unet\\..*'] }]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    write_random_checkpoint(folder / "base.safetensors", TINIEST, dtype=torch.float32)
    (folder / "trials.toml").write_text(TRIALS, "utf-8")
    return folder / "trials.toml"


@pytest.fixture(scope="module")
def done(file):
    main([str(file), "--seeds", "1", "2"])
    return read_experiments(file)


def test_a_run_trains_and_measures_each_trial_from_each_seed(done, file):
    for seed in (1, 2):
        for name, phases in (("one", ["motion", "both"]), ("two", ["deblock"])):
            for phase in phases:
                found = json.loads((done.folder(name, seed) / f"{phase}.json").read_text("utf-8"))
                assert list(found) == ["straight", "wavy"]
                assert all(len(edits) == 2 for edits in found.values())
    one, other = (load_file(done.folder("one", seed) / "both.safetensors") for seed in (1, 2))
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_trial_goes_on_from_the_phase_it_names_and_trains_what_it_says(done):
    before = load_file(done.folder("one", 1) / "motion.safetensors")
    after = load_file(done.folder("two", 1) / "deblock.safetensors")
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed
    assert all(".time_stack." in name and re.search(r"attn1\.to_[kv]", name) for name in changed)
    assert all(name.startswith("model.diffusion_model.") for name in changed)


def test_what_is_done_is_not_done_again(done, file, capsys, monkeypatch):
    monkeypatch.setattr(run, "measure", lambda *_: pytest.fail("measured again"))
    files = {path: path.stat().st_mtime_ns for path in Path(done.output).rglob("*.safetensors")}
    main([str(file), "--seeds", "1", "2"])
    assert files and files == {path: path.stat().st_mtime_ns for path in Path(done.output).rglob("*.safetensors")}
    assert "| one: a sum | both | wavy | 2 |" in capsys.readouterr().out


def test_the_table_holds_means_over_clips_and_the_spread_of_seeds(done, file, capsys):
    main([str(file), "--seeds", "1", "2", "--table"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| one: a sum | both | straight")]
    found = [json.loads((done.folder("one", seed) / "both.json").read_text("utf-8"))["straight"] for seed in (1, 2)]
    means = [fmean(edit["outside_psnr"] for edit in edits) for edits in found]
    assert [row.split("|")[8].strip() for row in rows] == [f"{fmean(means):.2f} ± {stdev(means):.2f}"]
    medians = [median(edit["path_error"] for edit in edits) for edits in found]
    assert [row.split("|")[6].strip() for row in rows] == [f"{fmean(medians):.2f} ± {stdev(medians):.2f}"]
    main([str(file), "--seeds", "1", "--table", "--phases"])
    assert sum(line.startswith("| one: a sum | motion") for line in capsys.readouterr().out.splitlines()) == 2


def test_trials_are_compared_seed_by_seed(done, file, capsys):
    main([str(file), "--seeds", "1", "2", "--table", "--against", "one/motion"])
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.startswith("| two, from one's first phase | deblock | wavy | 2 |"))
    means = []
    for seed in (1, 2):
        files = (done.folder(trial, seed) / f"{phase}.json" for trial, phase in (("two", "deblock"), ("one", "motion")))
        ours, theirs = (
            fmean(edit["outside_psnr"] for edit in json.loads(file.read_text("utf-8"))["wavy"]) for file in files
        )
        means.append(ours - theirs)
    assert row.split("|")[8].strip() == f"{fmean(means):.2f} ± {stdev(means):.2f}"
    with pytest.raises(SystemExit):
        main([str(file), "--table", "--against", "three"])
    assert "there is no trial three; there are one, one/motion" in capsys.readouterr().err


def test_a_run_ends_when_its_minutes_are_over_and_goes_on(file, tmp_path, capsys):
    text = TRIALS.replace('output = "runs"', f'output = "{(tmp_path / "runs").as_posix()}"')
    other = file.with_name("paused.toml")
    other.write_text(text, "utf-8")
    main([str(other), "--seeds", "1", "--trials", "one", "--minutes", "0"])
    assert "the same command goes on" in capsys.readouterr().out
    main([str(other), "--seeds", "1", "--trials", "one"])
    assert (tmp_path / "runs/one-1/both.json").exists()


def test_a_picture_shows_each_trial_it_is_asked_for(done, file, tmp_path):
    figures.main(["trials", str(file), "--trials", "one", "two", "-o", str(tmp_path / "figure.png")])
    one = figures.trials_figure(done, ["one"], 1, "straight", 0)
    both = figures.trials_figure(done, ["one/motion", "one"], 1, "straight", 0)
    assert (tmp_path / "figure.png").exists() and both.shape[1] > one.shape[1]
    last = figures.trials_figure(done, ["one/both"], 1, "straight", 0)
    assert last.shape == one.shape and not torch.equal(both[:, : one.shape[1]], one)
    with pytest.raises(ValueError, match="there is no trial one/deblock; there are one, one/motion, one/both, two"):
        figures.trials_figure(done, ["one/deblock"], 1, "straight", 0)
    with pytest.raises(ValueError, match="there is no clip 2: the held-out edits are 0 to 1"):
        figures.trials_figure(done, ["one"], 1, "straight", 2)
    with pytest.raises(ValueError, match="there is no way circular; there are straight, wavy"):
        figures.trials_figure(done, ["one"], 1, "circular", 0)


def test_figures_5_and_8_are_drawn_of_any_model_and_clip(file, tmp_path):
    options = ["--height", "32", "--width", "64", "--steps", "4", "--shown"]
    for shown in ("1", "4"):
        figures.main(["fusion", str(file.parent / "base.safetensors"), *options, shown, "-o", str(tmp_path / "5.png")])
        assert (tmp_path / "5.png").stat().st_size > 0
    clip = make_clip(3, frames=5, height=64, width=96, sprites=(1, 1), speed_px=(3.0, 4.0), pans=0.0)
    write_video(tmp_path / "clip.mp4", clip.video, 6)
    sampling = ["sampling", str(tmp_path / "clip.mp4"), "--stride", "1", "--frames", "5", "-o", str(tmp_path / "8.png")]
    figures.main(sampling)
    assert read_image(tmp_path / "8.png").shape[-2] > 4 * 64  # clip, points, long ones, drawn ones
    with pytest.raises(SystemExit):
        figures.main(["sampling", str(tmp_path / "none.mp4"), "-o", str(tmp_path / "9.png")])
    assert not (tmp_path / "9.png").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[measured]", "[measurd]"), "trials.toml.*measurd"),
        (('stage = "motion"', 'stage = "motoin"'), "motoin"),
        (('base = "base', 'base = "nothing'), "nothing.safetensors"),
        (("output", "otput"), "trials.toml.*output"),
        (
            ("options = { diameter_px = [10.0, 12.0], speed_px", "options = { diameter = [10.0, 12.0], speed_px"),
            "diameter",
        ),
    ],
    ids=["table", "stage", "base", "key", "option"],
)
def test_a_file_that_cannot_work_is_told_so(file, tmp_path, change, message, capsys):
    (tmp_path / "base.safetensors").write_bytes((file.parent / "base.safetensors").read_bytes())
    (tmp_path / "trials.toml").write_text(TRIALS.replace(*change), "utf-8")
    with pytest.raises(SystemExit):
        main([str(tmp_path / "trials.toml"), "--seeds", "1"])
    assert re.search(message, capsys.readouterr().err, re.DOTALL)
    with pytest.raises(SystemExit):
        main([str(file), "--trials", "three"])
    assert "has no trial three; it has one, two" in capsys.readouterr().err


@pytest.mark.parametrize("variant", run.VARIANTS)
def test_variants_of_the_edits_are_measured_beside_them(done, file, variant):
    before = {path: path.stat().st_mtime_ns for path in Path(done.output).rglob("*.json")}
    main([str(file), "--seeds", "1", "--trials", "two", "--variant", variant])
    folder = done.folder("two", 1)
    files = (folder / name for name in (f"deblock.{variant}.json", "deblock.json"))
    other, plain = (json.loads(file.read_text("utf-8")) for file in files)
    assert other.keys() == plain.keys() and other != plain
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_painted_area_holds_the_sprite_s_whole_way_and_little_else():
    truth = make_edit(3, "motion", frames=8, height=96, width=128, coupled=True)
    found = painted(truth)
    assert found.edit.mask.shape == truth.edit.mask.shape and found.areas.sum() < 0.9 * truth.areas.sum()
    assert not (found.edit.mask & ~truth.edit.mask).any()
    assert not (truth.masks[0].any(0) & ~found.edit.mask[0, 0]).any()
    changes = (truth.source != truth.target).any(1).any(0)
    assert not (changes & ~found.edit.mask[0, 0]).any()


def test_a_sprite_is_told_to_go_as_asked_or_as_its_surroundings():
    truth = make_edit(3, "motion", frames=8, height=96, width=128, coupled=True)
    assert drawn_along(truth, truth.target) == pytest.approx(0, abs=0.02)
    assert drawn_along(truth, truth.source) == pytest.approx(1, abs=0.02)
    grey = truth.target.mean(1, keepdim=True).expand_as(truth.target)
    assert drawn_along(truth, grey) != drawn_along(truth, grey)  # NaN: it is not there


# --- The files that ship ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> Experiments:
    return read_experiments(ROOT / "experiments/ablations.toml")


def test_all_trials_take_as_many_steps(shipped):
    def steps(name: str, phases: int | None = None) -> int:
        trial = next(trial for trial in shipped.trials if trial.name == name)
        before, _, last = trial.after.partition("/")
        own = [phase["steps"] for phase in trial.phases]
        if not before:
            return sum(own[:phases])
        earlier = [phase["name"] for phase in next(t for t in shipped.trials if t.name == before).phases]
        return steps(before, earlier.index(last) + 1) + sum(own)

    assert {steps(trial.name) for trial in shipped.trials} == {3600}


def test_what_is_tuned_is_what_the_trial_s_name_says(shipped):
    """Of the networks that the experiments train: by the parameters' own names."""
    parts = build_parts(ModelConfig.from_dict(asdict(TINIEST)))
    tuned = {
        trial.name: set(config.phases[-1].parameters(parts))
        for trial in shipped.trials
        if trial.name.startswith(("tune", "safm"))
        for config in [shipped.training_of(trial, 1)]
    }
    whole = {f"controlnet.{name}" for name, _ in parts["controlnet"].named_parameters()}
    weight = {name for name in whole if ".weight_encoder." in name}
    both = set(STAGES["deblock"].parameters(parts))
    assert tuned["safm"] == tuned["safm-no-time"] == both
    assert tuned["tune-control"] == {name for name in both if name.startswith("controlnet.")}
    assert tuned["tune-all"] == whole
    assert weight < tuned["tune-spatial"] < tuned["tune-all"]
    assert not any("temporal" in name for name in tuned["tune-spatial"])
    assert any("spatial_res_block" in name for name in tuned["tune-spatial"])
    assert any(".transformer_blocks." in name for name in tuned["tune-spatial"])


def test_the_motion_branch_alone_learns_motion_first(shipped):
    trial = next(trial for trial in shipped.trials if trial.name == "toy-3")
    kind = ControlConfig((4, 8, 8, 16), "sum", 2)
    parts = build_parts(ModelConfig.from_dict(asdict(TINIEST) | {"control": asdict(kind)}))
    first, second = (set(phase.parameters(parts)) for phase in shipped.training_of(trial, 1).phases)
    content = {name for name in second if "content" in name}
    assert content and first == second - content
    assert second == {f"controlnet.{name}" for name, _ in parts["controlnet"].named_parameters()}


def test_conditions_of_trials_differ_in_what_they_try_alone(shipped):
    settings = [phase.model_dump(exclude={"name", "stage", "steps", "also_train", "train_only", "composite"})
        for trial in shipped.trials for phase in shipped.training_of(trial, 1).phases]  # fmt: skip
    assert all(one == other for one, other in pairwise(settings))
