"""`revideo evaluate`: what it writes and prints, and one line for what cannot be measured."""

import json

import pytest
import torch
import yaml

from revideo.cli.main import main
from revideo.pictures.sheets import write_image
from revideo.synthetic.edits import make_edit
from revideo.tracks.trajectories import Trajectories
from revideo.video.io import read_image, read_video, write_video

FRAMES, SIDE_PX = 14, 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of one edit: the clip, what was asked for, and a result that is right up to a slight tint."""
    folder = tmp_path_factory.mktemp("edit")
    truth = make_edit(3, "both", frames=FRAMES, height=SIDE_PX, width=SIDE_PX)
    write_video(folder / "clip.mp4", torch.cat([truth.source, truth.source.flip(0)]), 8, crf=4)
    write_video(folder / "raw.mp4", (truth.target + 0.03).clamp(0, 1), 8, crf=4)
    write_video(folder / "short.mp4", truth.target[:9], 8)
    write_image(folder / "mask.png", truth.edit.mask[0].expand(3, -1, -1))
    write_image(folder / "nothing.png", torch.zeros(3, SIDE_PX, SIDE_PX))
    write_image(folder / "edited.png", truth.edit.edited_frame)
    (folder / "tracks.json").write_text(truth.edit.trajectories.to_json())
    return folder


def evaluate(folder, *options, result="raw.mp4", region="mask.png", source="clip.mp4") -> int:
    given = [str(folder / result), "--source", str(folder / source), "--region", str(folder / region)]
    return main(["evaluate", *given, "--device", "cpu", *map(str, options)])


@pytest.mark.slow
def test_figures_charts_sheet_and_video_are_written(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))  # no LPIPS there
    out = tmp_path / "figures"
    options = ["--tracks", folder / "tracks.json", "--reference", folder / "edited.png", "-o", out]
    bench = ["--v2vbench", tmp_path / "bench", "--prompt", "another ball", "--name", "balls"]
    assert evaluate(folder, *options, *bench) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].split() == ["raw", "composited"]
    assert "unedited LPIPS: not measured. LPIPS needs AlexNet's weights of torchvision" in printed

    told = json.loads((out / "figures.json").read_text("utf-8"))
    raw, composited = (told[name]["figures"] for name in ("raw", "composited"))
    assert raw["unedited_psnr"] == pytest.approx(30.5, abs=0.7)  # −20·log₁₀(0.03), and the codec
    assert composited["unedited_psnr"] == 100
    assert raw["path_error"] < 4
    assert told["raw"]["frames"]["path_error"][0] is None

    assert {file.name for file in out.iterdir()} == {"figures.json", "charts.png", "sheet.png", "comparison.mp4"}
    frames, rate = read_video(out / "comparison.mp4")
    assert (len(frames), rate) == (FRAMES, 8)
    assert min(read_image(out / "charts.png").shape[1:]) > 200

    index = yaml.safe_load((tmp_path / "bench" / "config.yaml").read_text())
    assert index == {"data": [{"video_id": "balls", "edit": [{"prompt": "another ball"}]}]}
    assert len(list((tmp_path / "bench" / "edited_videos" / "balls" / "0").iterdir())) == FRAMES


@pytest.mark.slow
def test_a_finished_video_is_measured_as_it_is(folder, tmp_path, capsys):
    options = ["--composited", folder / "raw.mp4", "-o", tmp_path]
    assert evaluate(folder, *options) == 0
    told = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert told["raw"]["figures"] == told["composited"]["figures"]


MISTAKES = {
    "a prompt without a CLIP model": (
        {},
        ["--prompt", "a cat"],
        "--prompt needs a CLIP model to be measured: add --clip, or leave the prompt out",
    ),
    "a CLIP model that is none": ({}, ["--clip", "{}"], "is neither a folder with a CLIP model of transformers nor"),
    "a result longer than what is left of the source": (
        {},
        ["--start", 20],
        "clip.mp4: the clip has 28 frames: from frame 20 with stride 1 it gives 8, 14 asked for",
    ),
    "videos of unequal length": (
        {},
        ["--composited", "{}/short.mp4"],
        "short.mp4 is 9 frames of 128×128, the result 14 frames of 128×128",
    ),
    "an empty region": ({"region": "nothing.png"}, [], "the mask is empty, so nothing could change"),
    "a file that is not there": ({"source": "none.mp4"}, [], "there is no file"),
    "a benchmark's entry without a prompt": ({}, ["--v2vbench", "{}"], "V2VBench measures an edit against its prompt"),
    "a feather of less than nothing": ({}, ["--feather", "-1"], "--feather must be 0 to 10000 pixels, not -1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_nothing_is_written(folder, tmp_path, capsys, mistake):
    files, options, message = MISTAKES[mistake]
    options = [str(option).replace("{}", str(folder)) for option in options]
    assert evaluate(folder, *options, "-o", tmp_path / "out", **files) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line]
    assert message in line
    assert not (tmp_path / "out").exists()


def test_paths_that_never_enter_the_frame_are_named(folder, tmp_path, capsys):
    outside = Trajectories(torch.full((1, FRAMES, 2), 900.0), torch.ones(1, FRAMES, dtype=torch.bool))
    (tmp_path / "tracks.json").write_text(outside.to_json())
    assert evaluate(folder, "--tracks", tmp_path / "tracks.json", "-o", tmp_path / "out") == 2
    assert "trajectory 0 never enters the frame" in capsys.readouterr().err
