"""`revideo reproduce`: what it writes is what the `edit` command that it prints reads, and what it makes."""

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import revideo
from revideo.authors import authors_example, authors_examples
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.cli.inputs import read_inputs
from revideo.cli.main import build_parser, main

NAMES = ("woman4", "woman")  # of the program for one area, and of that for many
PREPARED = {"clip.mkv", "document.json", "edited_frame.png", "preview.mp4", "settings.json"}


@pytest.fixture(scope="module")
def testset(tmp_path_factory) -> Path:
    """Clips that hold all that the scripts name."""
    folder = tmp_path_factory.mktemp("testset")
    for name in NAMES:
        example = authors_example(name)
        width, height = (max(corner[axis] for corner in example.rectangles) + 60 for axis in (2, 3))
        colours = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)
        wide = Image.fromarray(colours).resize((width + 12, height), Image.Resampling.BILINEAR)
        clip, edited = folder / example.clip, folder / example.edited_frame
        clip.mkdir()
        edited.parent.mkdir(exist_ok=True)
        for frame in range(14):
            if frame < 3:
                wide.crop((4 * frame, 0, 4 * frame + width, height)).save(clip / f"{frame}.png", compress_level=1)
            else:
                shutil.copy(clip / f"{frame % 3}.png", clip / f"{frame:02d}.png")
        Image.fromarray(255 - np.asarray(wide)[:, :width]).save(edited, compress_level=1)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    write_random_checkpoint(path)
    return path


@pytest.fixture
def loads(monkeypatch) -> list[object]:
    """Collects what is loaded."""
    from revideo.editing import model

    loaded, load = [], model.load
    monkeypatch.setattr(model, "load", lambda *given, **ways: loaded.append(given[0]) or load(*given, **ways))
    return loaded


def printed(capsys) -> list[list[str]]:
    """The `edit` commands of a run."""
    lines = capsys.readouterr().out.splitlines()
    return [shlex.split(line)[3:] for line in lines if line.startswith("python -m revideo edit ")]


@pytest.mark.slow
def test_the_printed_command_reads_what_the_script_asks_for(testset, checkpoint, tmp_path, loads, capsys):
    name = "woman"
    assert main(["reproduce", name, "--testset", str(testset), "-o", str(tmp_path / "made")]) == 0
    folder = tmp_path / "made" / name
    assert {file.name for file in folder.iterdir()} == PREPARED and not loads
    assert len(revideo.read_video(folder / "preview.mp4")[0]) == 14

    [words] = printed(capsys)
    assert words[words.index("--model") + 1] == "revideo.safetensors"  # stands for the one that was not given
    words[words.index("--model") + 1] = str(checkpoint)
    arguments = build_parser().parse_args(words)
    inputs, example = read_inputs(arguments), authors_example(name)
    prepared = example.read(testset)
    video, edit = prepared.fitted()
    assert torch.equal(inputs.video, video) and inputs.source.rate == 10
    assert torch.equal(inputs.edit.edited_frame, edit.edited_frame)
    assert torch.equal(inputs.edit.trajectories.points_px, edit.trajectories.points_px)
    assert torch.equal(inputs.edit.masks(0, 14), edit.masks(0, 14))
    assert inputs.options == example.options
    assert (arguments.frames_per_chunk, arguments.no_keep) == (1, True)

    settings = json.loads((folder / "settings.json").read_text())
    assert shlex.split(settings["command"])[3:] == [*words[:-4], "--model", "revideo.safetensors", *words[-2:]]
    assert settings["size"] == [*prepared.size[::-1]]
    assert settings["sampling"]["added_noise"] == 0
    assert all(settings["sampling"][field] == getattr(example.options, field) for field in ("steps", "fps", "seed"))


@pytest.mark.slow
def test_with_a_model_all_results_are_made_and_it_is_loaded_once(testset, checkpoint, tmp_path, loads, capsys):
    words = [*NAMES, "--testset", str(testset), "-o", str(tmp_path), "--model", str(checkpoint), "--device", "cpu"]
    assert main(["reproduce", *words, "--size", "64x64", "--steps", "2"]) == 0
    assert loads == [checkpoint]
    for name, edit in zip(NAMES, printed(capsys)):
        folder = tmp_path / name
        assert {file.name for file in folder.iterdir()} == PREPARED | {"result.mp4"}
        made, rate = revideo.read_video(folder / "result.mp4")
        assert len(made) == 14 and rate == 10
        assert json.loads((folder / "settings.json").read_text())["sampling"]["steps"] == 2
        inputs = read_inputs(build_parser().parse_args(edit))
        assert inputs.options == replace(authors_example(name).options, steps=2)
        assert made.shape == inputs.video.shape
        outside = ~inputs.edit.masks(0, 14).expand_as(made)
        assert (made - inputs.video)[outside].abs().mean() > 0.05  # the model's own, of random weights

    again = tmp_path / "again"
    words[words.index(str(tmp_path))] = str(again)
    assert main(["reproduce", *words, "--size", "64x64", "--steps", "2", "--keep"]) == 0
    [edit, _] = printed(capsys)
    inputs = read_inputs(build_parser().parse_args(edit))
    made = revideo.read_video(again / NAMES[0] / "result.mp4")[0]
    outside = ~inputs.edit.masks(0, 14).expand_as(made)
    assert (made - inputs.video)[outside].abs().mean() < 0.02


@pytest.fixture(scope="module")
def lacking(tmp_path_factory) -> Path:
    """A folder of empty files: a test set without most of it, and a model whose window is another."""
    folder = tmp_path_factory.mktemp("lacking")
    for clip, pictures in (("sky", 3), ("road", 14)):
        (folder / "testset" / clip).mkdir(parents=True)
        for frame in range(pictures):
            (folder / "testset" / clip / f"{frame:05d}.png").touch()
    (folder / "file").touch()
    write_random_checkpoint(folder / "short.safetensors", replace(SMALL, unet=replace(SMALL.unet, num_frames=6)))
    return folder


def test_a_list_says_what_there_is(capsys):
    assert main(["reproduce", "--list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["name", *authors_examples()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], 'name an example, or "all" (--list says what there is)'),
        (["dog"], "--testset is missing: the folder testset/ of https://huggingface.co/Adapter/ReVideo"),
        (["dog", "--testset", "{tmp}"], "--output is missing: the folder to write to"),
        (["dig", "{to}"], "the authors have no example dig: did you mean dog?"),
        (["dog", "{to}"], "there is no folder {tmp}/testset/dog, which dog reads: give the folder testset/ of "),
        (["all", "{to}"], "there is no folder {tmp}/testset/desert, which desert reads"),
        (["sky", "{to}"], "{tmp}/testset/sky holds 3 pictures; sky takes 14: fetch it again"),
        (["road", "{to}"], "there is no file {tmp}/testset/reference/road.png, the edited frame of road: fetch"),
        (
            ["road", "{to}", "--model", "nothing.ckpt"],
            "there is no checkpoint nothing.ckpt: `python -m revideo download`",
        ),
        (["road", "{to}", "--cotracker", "nothing.pth"], "there is no file nothing.pth"),
        (["road", "{to}", "--model", "{tmp}/short.safetensors"], "{tmp}/short.safetensors: this model edits windows "),
        (["road", "{to}", "--steps", "0"], "steps must be a whole number from 1 to 10000, not 0"),
        (["road", "{to}", "--memory", "0"], "--memory must be more than 0 GB, not 0"),
        (["road", "--testset", "{tmp}", "-o", "{tmp}/file"], "--output {tmp}/file is not a folder"),
    ],
)
def test_a_mistake_is_one_line_before_a_picture_is_read(words, message, lacking, loads, capsys):
    def filled(text: str) -> list[str]:
        if text == "{to}":
            return ["--testset", str(lacking / "testset"), "-o", str(lacking / "made")]
        return [text.replace("{tmp}", str(lacking))]

    assert main(["reproduce", *(word for text in words for word in filled(text))]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"revideo: error: {message.replace('{tmp}', str(lacking))}") and told.count("\n") == 1
    assert not loads and not (lacking / "made").exists()


@pytest.mark.slow
def test_a_drawing_that_was_changed_is_not_overwritten(testset, tmp_path, capsys):
    words = ["reproduce", "woman", "--testset", str(testset), "-o", str(tmp_path), "--size", "128x128"]
    assert main(words) == 0
    assert main(words) == 0  # as it was
    document = tmp_path / "woman" / "document.json"
    document.write_text("{}", "utf-8")
    assert main(words) == 2
    assert f"{document} was changed" in capsys.readouterr().err
    assert document.read_text("utf-8") == "{}"
