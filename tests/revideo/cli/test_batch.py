"""Batches: lines read and checked before any work, each made exactly once, whatever becomes of the workers."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import revideo
from revideo.checkpoints.builtin import TINY_FILE
from revideo.cli.batch.lines import read_lines
from revideo.cli.batch.records import claimed, is_finished, line_fingerprint, record_file, write_record
from revideo.cli.batch.workers import EditWorker, Farm
from revideo.cli.edit import run_edit
from revideo.cli.main import main
from revideo.pictures.sheets import write_image
from revideo.synthetic.examples import example_edit
from revideo.video.io import write_video

CLIPS = 12
SIZE = {"size": "128x128", "cfg_last": 1, "steps": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clip of the built-in model's world, its edited frame and a mask."""
    truth = example_edit("content")
    write_video(tmp_path / "clip.mp4", truth.source, 8)
    write_image(tmp_path / "edited.png", truth.edit.edited_frame)
    write_image(tmp_path / "mask.png", truth.edit.masks(0, 1)[0].float().expand(3, -1, -1))
    return tmp_path


def a_line(number: int = 0, **changes: object) -> dict[str, object]:
    given = {"video": "clip.mp4", "model": "tiny", "edited_frame": "edited.png", "mask": "mask.png", "seed": number}
    return {**given, **SIZE, "output": f"out-{number}.mp4", **changes}


def write_lines(folder: Path, *lines: object) -> Path:
    file = folder / "edits.jsonl"
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("\n".join(texts) + "\n", "utf-8")
    return file


# --- Lines ---------------------------------------------------------------------------------


def test_a_line_is_the_command_with_paths_from_the_files_folder(folder):
    file = write_lines(folder, "", a_line(3, latent_lock=False, no_keep=True, long=False, tracks=None))
    (line,) = read_lines(file, "cpu")
    given = line.arguments
    assert (line.number, line.output) == (2, folder / "out-3.mp4")
    assert given.video == folder / "clip.mp4" and given.model.name == "tiny.safetensors" and given.model.exists()
    assert (given.latent_lock, given.no_keep, given.long, given.tracks) == (False, True, False, None)
    assert (given.size, given.steps, given.seed, given.device) == ((128, 128), 1, 3, "cpu")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], "line 1: it is no JSON"),
        (["[" * 100_000], "line 1: it is nested too deeply"),
        (["[1]"], "line 1: it must be an object"),
        ([""], "has no line with an edit"),
        ([a_line(), a_line(1, stepz=3)], 'line 2: "stepz" is no option'),
        ([a_line(step=3)], 'line 1: "step" is no option'),
        (['{"video": "a", "cfg_last": 1, "cfg-last": 2}'], '"cfg-last" stands there twice'),
        ([a_line(device="cuda:1")], 'line 1: "device" has no place here'),
        ([a_line(steps=[3])], '"steps" must be a text or a number'),
        ([a_line(steps="many")], "line 1: argument --steps: invalid int value: 'many'"),
        ([a_line(steps=True)], '"steps" must be a text or a number'),
        ([a_line(long="yes")], '"long" must be true or false'),
        ([a_line(video=7)], 'line 1: "video" must be the name of a file'),
        ([a_line(mask=None)], "line 1: what may change is not said"),
        ([a_line(), a_line(1, output="./out-0.mp4")], "lines 1 and 2 both write"),
        ([a_line(), a_line(1, video="out-0.mp4")], "line 2 reads"),
        ([a_line(0, long=True, windows="w"), a_line(1, long=True, windows="w")], 'one folder of "windows"'),
        ([a_line(), a_line(1, mask="none.png")], "line 2: there is no file"),
        ([a_line(), a_line(1, start=10)], "line 2: "),
        ([a_line(output="nowhere/out.mp4")], "line 1: there is no folder"),
    ],
)
def test_a_wrong_line_is_named_before_anything_is_made(folder, monkeypatch, capsys, lines, said):
    monkeypatch.setattr(Farm, "__enter__", lambda _: pytest.fail("workers were started"))
    assert main(["batch", str(write_lines(folder, *lines))]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    assert not list(folder.glob("out*"))


def test_without_ray_a_sentence_names_it(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["batch", str(write_lines(folder, a_line()))]) == 2
    assert 'pip install "revideo[farm]"' in capsys.readouterr().err


# --- Records -------------------------------------------------------------------------------


def test_an_output_is_finished_as_long_as_line_inputs_and_output_are_the_same(folder):
    def arguments(**changes: object):
        return read_lines(write_lines(folder, a_line(**changes)), None)[0].arguments

    given = arguments()
    assert not is_finished(given)
    given.output.write_bytes(b"made")
    assert not is_finished(given)
    write_record(given, line_fingerprint(given))
    assert is_finished(given) and is_finished(arguments(memory=4))
    assert not is_finished(arguments(steps=3))
    record = record_file(given.output).read_text()
    for text in ("", "[]", '{"made_of": 1}'):
        record_file(given.output).write_text(text)
        assert not is_finished(given)
    record_file(given.output).write_text(record)
    given.output.write_bytes(b"another")
    assert not is_finished(given)
    given.output.write_bytes(b"made")
    assert is_finished(given)
    write_image(folder / "edited.png", torch.zeros(3, 128, 128))
    assert not is_finished(given)


def test_a_changed_one_of_numbered_pictures_is_a_change(folder):
    for number in range(3):
        write_image(folder / f"f_{number:02d}.png", torch.full((3, 8, 8), 0.5))
    given = read_lines(write_lines(folder, a_line(video="f_%02d.png")), None)[0].arguments
    before = line_fingerprint(given)
    assert line_fingerprint(given) == before
    write_image(folder / "f_01.png", torch.rand(3, 8, 8))
    assert line_fingerprint(given) != before


def test_who_meets_a_claim_leaves_it_and_who_comes_later_finds_it_made(folder):
    given = read_lines(write_lines(folder, a_line()), "cpu")[0].arguments
    worker = EditWorker()
    with claimed(given.output, wait=False):
        assert worker.make(given, False) == ("busy", "")
        given.output.write_bytes(b"made")
        write_record(given, line_fingerprint(given))
    assert worker.make(given, False) == ("already made", "")
    assert given.output.read_bytes() == b"made"
    assert not list(folder.glob(".*"))


def test_a_worker_loads_a_model_once_for_edits_one_after_the_other(folder, monkeypatch):
    from revideo.cli import common

    loads = []

    def load(arguments, config, real=common.chosen_model):
        loads.append(arguments.model)
        return real(arguments, config)

    monkeypatch.setattr(common, "chosen_model", load)
    worker = EditWorker()
    lines = read_lines(write_lines(folder, a_line(0), a_line(1), a_line(2, dtype="bf16")), "cpu")
    assert [worker.make(line.arguments, False) for line in lines] == [("made", "")] * 3
    assert len(loads) == 2


# --- Workers -------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_of_twelve_is_made_once_though_a_worker_is_killed_and_equals_a_single_run(folder, capsys):
    lines = read_lines(write_lines(folder, *map(a_line, range(CLIPS))), "cpu")
    killed = []

    def kill_one(_):
        """At the end of a clip, another worker in the midst of its own."""
        for process in psutil.Process().children(recursive=True):
            if not killed and "EditWorker.make" in " ".join(process.cmdline()):
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)

    with Farm(workers=2, cards=False) as farm:
        outcomes = farm.run(lines, kill_one)
        made = {line.output: line.output.read_bytes() for line in lines}
        again = farm.run(lines, lambda _: None)
    assert len(killed) == 1
    assert [outcome.line for outcome in outcomes] == list(range(1, CLIPS + 1))
    states = [outcome.state for outcome in outcomes]
    assert states.count("failed") == 0 and states.count("already made") <= 1  # killed with the record written
    assert sum(outcome.attempts for outcome in outcomes) == CLIPS + 1
    assert {outcome.state for outcome in again} == {"already made"}
    assert made == {line.output: line.output.read_bytes() for line in lines}
    assert len(set(made.values())) == CLIPS  # each its own seed
    assert not [file for file in folder.iterdir() if file.name.startswith(".")]
    model = revideo.load("tiny", dtype="auto", device="cpu")
    for number in range(CLIPS):
        (alone,) = read_lines(write_lines(folder, a_line(number, output="alone.mp4")), "cpu")
        assert run_edit(alone.arguments, lambda *_: model) == 0
        assert alone.output.read_bytes() == made[folder / f"out-{number}.mp4"]


@pytest.mark.slow
def test_the_command_says_what_became_of_each_line(folder, capsys):
    with safe_open(TINY_FILE, "pt") as tiny:
        weights = {name: tiny.get_tensor(name).fill_(torch.nan) for name in tiny.keys()}  # noqa: SIM118
        save_file(weights, folder / "broken.safetensors", tiny.metadata())
    file = write_lines(folder, a_line(0), a_line(1, model="broken.safetensors"))
    words = ["batch", str(file), "--device", "cpu", "--report", str(folder / "report.json")]
    assert main(words) == 1
    report = json.loads((folder / "report.json").read_text())
    assert [(row["line"], row["state"], row["attempts"]) for row in report] == [(1, "made", 1), (2, "failed", 1)]
    assert "values that are not finite" in report[1]["message"]
    said = capsys.readouterr()
    assert "1 made, 0 already made, 1 failed" in said.out and "line 2: " in said.err
    assert not (folder / "out-1.mp4").exists()
