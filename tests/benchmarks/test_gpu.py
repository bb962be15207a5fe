"""`nox -s gpu` runs to its end without a card, on a small model; what one part does is no other's matter."""

import argparse
import json
import sys
import time
import zipfile
from pathlib import Path
from subprocess import run

import pytest
import torch

from benchmarks.common import ROOT
from benchmarks.gpu import environment, program, training
from benchmarks.gpu.card import Card
from benchmarks.gpu.environment import NoEnvironmentError, make_environment
from benchmarks.gpu.exactness import run_in_time
from benchmarks.gpu.program import GPU_PARTS, Task, main, plan_tasks, run_task
from benchmarks.gpu.results import Results
from revideo.checkpoints.reading import read_weights

# --- The whole ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Exit code, JSON and Markdown of all parts; of the tests on the device one alone."""
    folder = tmp_path_factory.mktemp("gpu")
    options = ["--steps", "2", "--minutes", "1000", "--suite", "agrees_with_the_released_model and b-motion"]
    code = main(["--device", "cpu", "--output", str(folder), *options])
    return code, json.loads((folder / "gpu.json").read_text("utf-8")), (folder / "gpu.md").read_text("utf-8")


@pytest.mark.slow
def test_without_a_card_every_part_runs_on_a_small_model(measured):
    code, found, _ = measured
    assert {row["name"]: row.get("message", row["checks"]) for row in found["results"] if row["status"] != "ok"} == {}
    assert code == 0
    assert {row["part"] for row in found["results"]} == set(GPU_PARTS)


@pytest.mark.slow
def test_the_table_has_a_row_for_all_that_was_measured(measured):
    _, found, text = measured
    lines = text.splitlines()
    for row in found["results"]:
        if "size" in row:
            [line] = [line for line in lines if line.startswith(f"| {row['size']} | {row['way']} |")]
            assert line.count("|") == lines[lines.index(line) - 1].count("|")
    assert sum(line.startswith("| b | ") for line in lines) == len(
        [row for row in found["results"] if row["part"] == "golden"]
    )
    assert "Tests on the device: 1 passed" in text
    assert "Open:" not in text


@pytest.mark.slow
def test_a_plan_that_a_tighter_budget_had_is_not_run_again(measured):
    _, found, text = measured
    rows = {row["budget_gb"]: row for row in found["results"] if row["part"] == "plan"}
    assert rows[12]["as"] == "in 10 GB" and rows[12]["plan"] == rows[10]["plan"]
    assert "| in 12 GB | as in 10 GB |" in text
    assert len({row["plan"] for row in rows.values()}) == 5


@pytest.mark.slow
def test_where_memory_ends_another_plan_goes_on_to_the_same_picture(measured):
    _, found, _ = measured
    rows = [row for row in found["results"] if row["part"] == "shortage"]
    assert len(rows) == 2
    for row in rows:
        assert row["plan_in_the_end"] != row["plan"] and row["psnr_db"] >= 45


# --- Its parts ---------------------------------------------------------------------------


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path, {"cuda": "13.0"})


def task(work, part="exact", seconds=0.0):
    return Task(part, "a task", seconds, work, {"size": "64×64", "way": "exact"})


def test_a_part_that_fails_is_written_down_and_the_rest_goes_on(results):
    def broken():
        raise RuntimeError("the card is not there\nsecond line")

    for work in (broken, lambda: {"checks": {"it holds": False}}, lambda: {"checks": {"it holds": True}}):
        run_task(task(work, "a part of no table"), results, Card("cpu"), time.monotonic() + 60)
        rows = json.loads((results.folder / "gpu.json").read_text("utf-8"))["results"]
        assert len(rows) == len(results.rows)  # written after each
    assert [row["status"] for row in rows[:2]] == ["failed", "missed"]
    assert rows[0]["message"] == "RuntimeError: the card is not there\nsecond line"
    assert results.open_points()[2:] == [
        "- a task: failed. RuntimeError: the card is not there",
        "- a task: missed. not: it holds",
    ]


def test_what_no_time_is_left_for_is_written_down_as_left_out(results):
    run_task(task(lambda: pytest.fail("it was begun")), results, Card("cpu"), time.monotonic() - 1)
    assert results.rows[0]["status"] == "skipped" and results.rows[0]["size"] == "64×64"


def window(part, seconds, **more):
    return {"size": "768×1344", "way": part, "seconds_whole": seconds, "seconds_decoding": 1.0} | more


def test_goals_are_held_against_what_was_measured(results, monkeypatch):
    monkeypatch.setattr(Results, "write", lambda self: None)
    results.add("plain", "plain", "ok", **window("plain", 40.0, psnr_db=61.0))
    results.add("exact", "exact", "ok", **window("exact", 25.0))
    results.add("compiled", "compiled", "ok", **window("compiled", 20.0, psnr_db=52.0))
    results.add("presets", "preset 5x", "ok", **window("preset 5x, whole", 8.0))
    results.add("plan", "in 8 GB", "missed", **window("in 8 GB", 30.0, psnr_db=44.0, budget_gb=8, reserved_gb=8.5))
    results.add("plain", "plain", "skipped", size="576×1024", way="plain")
    assert results.goals() == [
        {"goal": "exact, 768×1344: twice the plain path's speed", "value": 1.6, "holds": False},
        {"goal": "compiled, 768×1344: twice the plain path's speed", "value": 2.0, "holds": True},
        {"goal": "preset 5x, whole, 768×1344: twice the plain path's speed", "value": 5.0, "holds": True},
        {"goal": "768×1344 in 8 GiB", "value": 8.5, "holds": True},
        {"goal": "at least 45 dB between exact modes", "value": 44.0, "holds": False},
    ]


def test_parts_come_in_the_order_of_their_weight_whatever_order_they_are_asked_for_in():
    given = program.parse_arguments(["--device", "cpu", "--parts", "fp8,golden,exact"])
    parts = [task.part for task in plan_tasks(given, Card("cpu"), end=0)]
    assert [*dict.fromkeys(parts)] == ["golden", "exact", "fp8"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--parts", "golden,silver"], "there is no silver; there are golden, exact, "),
        (["--steps", "1"], "of a single step no time is known; give 2 at least"),
        (["--sizes", "576"], "give height and width as in 576x1024"),
    ],
)
def test_an_argument_that_cannot_be_is_named(options, message, capsys):
    with pytest.raises(SystemExit):
        program.parse_arguments(["--device", "cpu", *options])
    assert message in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_a_stand_in_has_to_be_asked_for(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "torch finds no CUDA here: run on a machine with a card, or give --device cpu" in capsys.readouterr().err


def test_a_process_that_takes_too_long_is_ended_with_what_it_said(monkeypatch):
    monkeypatch.setattr("benchmarks.gpu.exactness.SHORTEST_S", 0.0)
    program_text = "import threading; print('begun', flush=True); threading.Event().wait()"
    with pytest.raises(TimeoutError, match=r"was ended after \d+ s: (begun)?$"):
        run_in_time([sys.executable, "-c", program_text], 2.0)


# --- Its environment ---------------------------------------------------------------------


def write_wheel(folder: Path, name: str, *needs: str) -> None:
    """A package of one line."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + "".join(f"Requires-Dist: {x}\n" for x in needs)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "here = True\n")
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.mark.slow
def test_the_environment_lends_what_is_there_and_installs_only_what_is_not(tmp_path, capfd):
    wheels, folder = tmp_path / "wheels", tmp_path / "environment"
    write_wheel(wheels, "lacking", "torch>=2.4", "numpy")
    write_wheel(wheels, "for_the_tests", "torch")
    wanted = {"library": ["lacking>=1"], "suite": ["for_the_tests", "not_among_the_wheels"]}
    python = make_environment(folder, wheels, **wanted)
    [packages] = {path.resolve() for path in folder.glob("[Ll]ib*/**/site-packages")}  # lib64 leads there too
    installed = {path.name.split("-")[0].split(".")[0] for path in packages.iterdir()} - {"__pycache__"}
    assert installed == {"lent", "lacking", "for_the_tests"}
    asked = "import importlib.util, lacking, for_the_tests; print(importlib.util.find_spec('torch').origin)"
    found = run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    assert Path(found).samefile(torch.__file__)
    assert "not_among_the_wheels" in capfd.readouterr().err
    (packages / "lacking.py").unlink()
    assert make_environment(folder, wheels, **wanted) == python
    assert not (packages / "lacking.py").exists()  # pip was not asked again
    with pytest.raises(NoEnvironmentError, match=r"pip did not install absent from .*wheels"):
        make_environment(folder, wheels, library=["absent"], suite=[])


def test_without_torch_no_environment_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(environment, "ENVIRONMENT_FOLDER", tmp_path / "environment")
    assert environment.main(["--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("nox -s gpu: there is no torch in ") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_of_wheels_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NoEnvironmentError, match=r"there is no folder .*missing of wheels"):
        make_environment(tmp_path / "environment", tmp_path / "missing")


def test_what_the_tests_need_is_asked_for_and_no_torch():
    wanted = [environment.name_of(each) for each in environment.requirements(environment.SUITE)]
    assert set(environment.SUITE_PACKAGES) <= set(wanted)
    asked = {*environment.SUITE_PACKAGES, *map(environment.name_of, environment.requirements(environment.LIBRARY))}
    assert not asked & {"torch", "torchvision", "torchaudio"}


def test_arguments_go_on_to_the_program(monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(environment, "make_environment", lambda folder, wheels: started.append(wheels) or "python")
    done = argparse.Namespace(returncode=3)
    monkeypatch.setattr(environment.subprocess, "run", lambda command, **_: started.append(command) or done)
    assert environment.main(["--wheels", str(tmp_path), "--device", "cpu", "--parts", "golden"]) == 3
    assert started == [tmp_path, ["python", "-m", "benchmarks.gpu", "--device", "cpu", "--parts", "golden"]]


def test_it_is_named_in_the_sessions():
    assert '"-m", "benchmarks.gpu.environment"' in (ROOT / "noxfile.py").read_text("utf-8")


# --- A training in pieces ------------------------------------------------------------------


TINY_TRAINING = """
output = "elsewhere"
model = { control_gain = 0.3, unet = { model_channels = 32, channel_mult = [1, 1], num_res_blocks = 1, \
num_head_channels = 16, context_dim = 32, time_id_dim = 16, num_frames = 3 }, \
control = { condition_channels = [4, 8, 8, 16] }, vae = { channels = 32, channel_mult = [1, 1, 1, 1] }, \
image_encoder = { layers = 1, width = 32, head_width = 16, patch_size = 112, embed_dim = 32 } }
data = { kind = "synthetic", options = { diameter_px = [12.0, 14.0], sprites = [1, 1] } }
area = { min_px = 16, max_share = 0.8 }
run = { torch_threads = 1, log_every = 1, sample_clips = 1, sample_steps = 2 }

[[phases]]
stage = "joint"
steps = 2
width = 32
height = 32
frames = 3
batch = 1
"""


@pytest.mark.slow
def test_a_training_goes_on_from_call_to_call_and_leaves_what_can_be_carried_away(tmp_path, capsys):
    """The first call has time for no step; its model is the one that the training starts from."""
    (tmp_path / "tiny.toml").write_text(TINY_TRAINING)
    call = ["--train", str(tmp_path / "tiny.toml"), "--device", "cpu"]
    call += ["--run", str(tmp_path / "run"), "--output", str(tmp_path / "out")]
    assert training.main([*call, "--minutes", "0.5"]) == 0
    assert "paused in phase 1-joint after step 0 of 2: saved" in capsys.readouterr().out
    first = read_weights(tmp_path / "out/model.safetensors.index.json")
    assert training.main([*call, "--minutes", "60"]) == 0
    last = read_weights(tmp_path / "out/model.safetensors.index.json")
    finished = read_weights(tmp_path / "run/1-joint.safetensors")
    assert all(torch.equal(last[name], finished[name].half()) for name in finished)
    assert any(not torch.equal(last[name], first[name]) for name in first)
    assert max(file.stat().st_size for file in (tmp_path / "out").glob("*.safetensors")) <= 15e6
    assert len((tmp_path / "out/log.jsonl").read_text().splitlines()) == 2
    assert len(list((tmp_path / "out/samples").glob("1-joint-*.png"))) == 2


@pytest.mark.slow
def test_the_profile_says_how_many_clips_a_second_are_trained_and_made(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "WARM_UP", 1)
    monkeypatch.setattr(training, "MEASURED", 1)
    monkeypatch.setattr(training, "COMPILED", (False,))  # compiling takes minutes
    (tmp_path / "tiny.toml").write_text(TINY_TRAINING)
    call = ["--train", str(tmp_path / "tiny.toml"), "--device", "cpu", "--profile", "--batches", "1", "2"]
    assert training.main([*call, "--output", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "profile.json").read_text())
    assert [(row["batch"], row["compiled"]) for row in rows] == [(1, False), (2, False)]
    for row in rows:
        assert row["clips_per_second"] == pytest.approx(row["batch"] * row["steps_per_second"])
        assert row["clips_made_per_second"] > 0


def test_a_training_is_begun_in_the_environment_which_says_what_it_took(monkeypatch):
    started, done = [], argparse.Namespace(returncode=0)
    monkeypatch.setattr(environment, "make_environment", lambda folder, wheels: "python")
    monkeypatch.setattr(environment.subprocess, "run", lambda command, **_: started.append(command) or done)
    assert environment.main(["--train", "tiny.toml", "--minutes", "8"]) == 0
    [[*program, spent, train, file, minutes, count]] = started
    assert program == ["python", "-m", "benchmarks.gpu.training", "--spent"] and float(spent) >= 0
    assert [train, file, minutes, count] == ["--train", "tiny.toml", "--minutes", "8"]
