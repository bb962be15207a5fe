"""`revideo evaluate` and `evaluate-sets`: what they write and print, and one line for what cannot be measured."""

import json

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

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


@pytest.mark.slow
def test_each_model_that_is_named_adds_its_metrics(folder, tmp_path, capsys, clip_folder):
    torch.save(nn.Linear(8, 1).state_dict(), tmp_path / "head.pth")
    options = ["--clip", clip_folder, "--pickscore", clip_folder, "--aesthetic", tmp_path / "head.pth"]
    options += ["--prompt", "another ball", "--tracks", folder / "tracks.json", "-o", tmp_path / "out"]
    assert evaluate(folder, *options) == 0
    told = json.loads((tmp_path / "out" / "figures.json").read_text("utf-8"))
    for video in ("raw", "composited"):
        figures, scaled = told[video]["figures"], told[video]["v2vbench"]
        assert {"text_alignment", "consistency_pairs", "pickscore", "aesthetic", "objmc", "ctd"} <= set(figures)
        assert scaled["clip_text_alignment"] == pytest.approx(figures["pickscore"], abs=1e-4)  # the same CLIP
        assert scaled["motion_alignment"] == figures["motion_alignment"]
        assert set(scaled) == {
            "clip_text_alignment",
            "clip_consistency",
            "aesthetic_score",
            "pick_score",
            "motion_alignment",
        }
    assert "in V2VBench's way and scale:" in capsys.readouterr().out


MISTAKES = {
    "a prompt without a CLIP model": (
        {},
        ["--prompt", "a cat"],
        "--prompt needs a CLIP model to be measured: add --clip, or leave the prompt out",
    ),
    "an aesthetic head without CLIP": (
        {},
        ["--aesthetic", "{}/mask.png"],
        "--aesthetic needs a CLIP model: add --clip",
    ),
    "ViCLIP without CLIP": ({}, ["--viclip", "{}/mask.png"], "--viclip needs a CLIP model: add --clip"),
    "PickScore without a prompt": (
        {},
        ["--pickscore", "{}"],
        "--pickscore measures the result against its prompt: add",
    ),
    "a DINO model that is none": (
        {},
        ["--dino", "{}"],
        "is neither a folder with a DINO model of transformers nor one",
    ),
    "PickScore that is none": ({}, ["--pickscore", "{}", "--prompt", "a"], "is neither a folder with a CLIP model"),
    "DOVER without its package": ({}, ["--dover", "{}/mask.png"], "DOVER needs its authors' package"),
    "weights that are not there": ({}, ["--dover", "{}/none.pth"], "there is no file"),
    "flow that is none": ({}, ["--flow", "{}/mask.png"], "mask.png does not hold torchvision's weights of raft_large"),
    "a tracker that is none": ({}, ["--cotracker", "{}/mask.png"], "mask.png is neither a TorchScript program nor CoT"),
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


# --- Sets --------------------------------------------------------------------------------


class Means(nn.Module):
    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        """As I3D and as Inception: features are mean colours, classes their shares."""
        means = x.float().flatten(2).mean(2)
        return means if return_features else (means + 1) / (means + 1).sum(1, keepdim=True)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Two folders of clips, one of them with a folder of pictures among its videos, and a network for both ways."""
    folder = tmp_path_factory.mktemp("sets")
    for name, shade in (("real", 1.0), ("made", 0.6)):
        (folder / name).mkdir()
        for number in range(6):
            colour = torch.rand(3, 1, 1, generator=torch.Generator().manual_seed(number)) * shade
            clip = colour.expand(4, 3, 32, 48) * torch.linspace(0.8, 1, 4)[:, None, None, None]
            if name == "made" and number == 5:
                (folder / name / "pictures").mkdir()
                for frame, pixels in enumerate(clip):
                    write_image(folder / name / "pictures" / f"{frame:02d}.png", pixels)
            else:
                write_video(folder / name / f"{number}.mp4", clip, 8, crf=4)
    (folder / "made" / "notes.txt").write_text("no clip")
    torch.jit.script(Means()).save(str(folder / "means.pt"))
    (folder / "empty").mkdir()
    np.save(folder / "some.npy", np.random.default_rng(0).normal(size=(9, 2)))
    np.save(folder / "more.npy", np.random.default_rng(1).normal(size=(7, 2)))
    return folder


def test_two_folders_of_clips_are_measured(sets, tmp_path, capsys):
    nets = ["--i3d", str(sets / "means.pt"), "--inception", str(sets / "means.pt"), "--device", "cpu"]
    command = ["evaluate-sets", str(sets / "real"), str(sets / "made"), *nets]
    assert main([*command, "-o", str(tmp_path / "sets.json")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["FVD", "KVD", "FID", "IS"]
    assert printed[0].endswith("6 real, 6 made, 3 features") and printed[2].endswith("24 real, 24 made, 3 features")
    told = json.loads((tmp_path / "sets.json").read_text("utf-8"))
    assert told["figures"]["fvd"] > 100 and told["samples"]["fvd"] == [6, 6, 3]
    same = [
        "evaluate-sets",
        str(sets / "real"),
        str(sets / "real"),
        *nets,
        "--frames",
        "2",
        "-o",
        str(tmp_path / "a.json"),
    ]
    assert main(same) == 0
    told = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert told["figures"]["fvd"] == pytest.approx(0, abs=1e-6) and told["samples"]["fid"] == [12, 12, 3]


def test_two_files_of_features_are_measured(sets, capsys):
    assert main(["evaluate-sets", str(sets / "some.npy"), str(sets / "more.npy")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["FRECHET", "KERNEL"]


SET_MISTAKES = {
    "no network": (["real", "made"], "name an I3D file for FVD and KVD, an Inception file for FID and IS"),
    "no set": (["none", "made", "--i3d", "means.pt"], "there is no file"),
    "no clips": (["real", "empty", "--i3d", "means.pt"], "empty holds 0 clips (.mp4, "),
    "a folder that is no clip": (["real", ".", "--i3d", "means.pt"], "there are no pictures in the folder empty"),
    "a folder and a file": (["real", "some.npy"], "real: two files of features are compared, .npy or .safetensors, or"),
    "a network that is none": (["real", "made", "--inception", "some.npy"], "some.npy is no TorchScript program"),
    "too few frames": (["real", "made", "--i3d", "means.pt", "--frames", "9"], "9 asked for"),
    "a device that is none": (
        ["real", "made", "--i3d", "means.pt", "--device", "moon"],
        'device "moon" cannot be used',
    ),
    "an odd result": (["real", "made", "--i3d", "means.pt", "-o", "a.txt"], "the name must end in one of .json"),
}


@pytest.mark.parametrize("mistake", SET_MISTAKES)
def test_a_mistake_in_sets_is_one_line(sets, monkeypatch, capsys, mistake):
    monkeypatch.chdir(sets)
    words, message = SET_MISTAKES[mistake]
    assert main(["evaluate-sets", *words]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("revideo: error:")]
    assert message in line
