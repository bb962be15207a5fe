"""`revideo propagate`: whole clips, runs that were killed, and one plain line for every mistake."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import revideo
from revideo.checkpoints.propagator import load_propagator_parts, save_propagator
from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.cli.main import main
from revideo.models.propagator_config import PropagatorConfig
from revideo.pictures.sheets import write_image
from revideo.propagation.propagator import Propagator
from revideo.synthetic.depth import make_restyled
from revideo.training.propagator.start import propagator_from_nothing
from revideo.video.file import VideoFile, write_like

ROOT = Path(__file__).parents[3]
FRAMES, SIDE = 7, 32
SMALL = PropagatorConfig.from_dict(
    {
        "unet": {"model_channels": 16, "channel_mult": [1, 1], "num_res_blocks": 1, "num_heads": 2}
        | {"context_dim": 16, "norm_groups": 4},
        "vae": {"channels": 8, "channel_mult": [1, 1, 1, 1], "num_res_blocks": 1, "norm_groups": 1},
        "image_encoder": {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 16}
        | {"embed_dim": 16},
    }
)


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    """A folder with a clip, its depth, an edited frame, a mask and propagators."""
    folder = tmp_path_factory.mktemp("given")
    parts = propagator_from_nothing(SMALL, 0)
    weights = {f"{part}.{name}": value for part, net in parts.items() for name, value in net.state_dict().items()}
    save_propagator(weights, folder / "model.safetensors", SMALL)
    blind = {name: value for name, value in weights.items() if not name.startswith("image_encoder.")}
    save_propagator(blind, folder / "blind.safetensors", SMALL)
    write_random_checkpoint(folder / "revideo.safetensors")
    clip = make_restyled(3, frames=FRAMES, height=SIDE, width=SIDE, diameter_px=(10, 12))
    depth = clip.depth.expand(-1, 3, -1, -1)
    revideo.write_video(folder / "clip.mp4", clip.source, 25)
    revideo.write_video(folder / "depth.mp4", depth, 25)
    revideo.write_video(folder / "short.mp4", depth[:-1], 25)
    revideo.write_video(folder / "wide.mp4", depth.repeat(1, 1, 1, 2), 25)
    write_image(folder / "edited.png", clip.target[2])
    mask = torch.zeros(3, SIDE, SIDE)
    mask[:, 8:24, 8:24] = 1
    write_image(folder / "mask.png", mask)
    return folder


@pytest.fixture
def command(given, tmp_path):
    def words(**changes: object) -> list[str]:
        options = {
            "model": given / "model.safetensors",
            "edited_frame": given / "edited.png",
            "edited_index": 2,
            "depth": given / "depth.mp4",
            "output": tmp_path / "out.mkv",
            "size": f"{SIDE}x{SIDE}",
            "size_policy": "exact",
            "steps": 2,
            "device": "cpu",
        } | changes
        flags = {f"--{name.replace('_', '-')}": value for name, value in options.items() if value is not None}
        words = ["propagate", str(given / "clip.mp4")]
        return words + [str(word) for flag in flags.items() for word in flag if word != ""]

    return words


def test_a_whole_clip_end_to_end(command, tmp_path, capsys):
    assert main(command()) == 0
    frames, rate = revideo.read_video(tmp_path / "out.mkv")
    assert frames.shape == (FRAMES, 3, SIDE, SIDE) and rate == 25
    assert [file.name for file in tmp_path.iterdir()] == ["out.mkv"]  # its frames are gone
    said = capsys.readouterr()
    size = f"{SIDE}×{SIDE}"
    assert said.out == f"{tmp_path / 'out.mkv'}: 7 frames of {size} at 25 frames per second, painted at {size}\n"
    assert "7/7" in said.err


def test_inside_a_mask_the_rest_stays(command, given, tmp_path):
    """As near as the codec's second pass over the source's pixels."""
    assert main(command(mask=given / "mask.png", feather=2)) == 0
    frames, source = (revideo.read_video(file)[0] for file in (tmp_path / "out.mkv", given / "clip.mp4"))
    mask = revideo.read_image(given / "mask.png")[0] > 0.5
    difference = (frames - source).abs().mean((0, 1))
    assert difference[~mask].mean() < 0.02 < difference[mask].mean()


# `revideo` in a process that kills itself behind so many frames, in the midst of the next.
KILLED = """\
import os, signal, sys
from revideo.cli.main import main
from revideo.propagation.propagator import Propagator

frames, paint, done = int(sys.argv[1]), Propagator.paint, []

def paint_or_die(self, *given):
    if len(done) == frames:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(1)
    return paint(self, *given)

Propagator.paint = paint_or_die
main(sys.argv[2:])
"""


@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 4])  # backwards, onwards
def test_a_killed_run_goes_on_as_if_nothing_had_happened(command, tmp_path, monkeypatch, frames):
    """To the bit in what x264 is given, which codes the same frames now so, now so unless 128 pixels divide a row."""
    written = []

    def write_and_remember(path: Path, pictures: Iterator[torch.Tensor], source: VideoFile) -> None:
        written.append(torch.stack([*pictures]))
        write_like(path, written[-1], source)

    monkeypatch.setattr("revideo.propagation.propagator.write_like", write_and_remember)
    assert main(command(output=tmp_path / "whole.mkv")) == 0
    killed = subprocess.run([sys.executable, "-c", KILLED, str(frames), *command()], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("out")] == ["out.mkv.frames"]
    painted, paint = [], Propagator.paint
    monkeypatch.setattr(Propagator, "paint", lambda self, *given: painted.append(1) or paint(self, *given))
    assert main(command()) == 0
    assert len(painted) == FRAMES - 1 - frames
    whole, resumed = written
    assert len(whole) == FRAMES and torch.equal(whole, resumed)
    assert not (tmp_path / "out.mkv.frames").exists()


def test_a_propagator_is_converted_there_and_back(given, tmp_path, capsys):
    assert main(["convert", str(given / "model.safetensors"), str(tmp_path / "folder")]) == 0
    assert main(["convert", str(tmp_path / "folder"), str(tmp_path / "again.safetensors"), "--dtype", "fp16"]) == 0
    before, after = (load_propagator_parts(path)[0] for path in (given / "model.safetensors", tmp_path / "folder"))
    half = load_propagator_parts(tmp_path / "again.safetensors")[0]
    for part, network in before.items():
        for name, value in network.state_dict().items():
            assert torch.equal(after[part].state_dict()[name], value)
            assert torch.equal(half[part].state_dict()[name], value.half())
    capsys.readouterr()
    assert main(["convert", str(tmp_path / "folder"), str(tmp_path / "x.safetensors"), "--shard-mb", "1"]) == 2
    assert "is a propagator, which has no --shard-mb" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": "short.mp4"}, "the depth has 6 frames, the video 7: give one depth map for each frame"),
        ({"depth": "wide.mp4"}, "the depth is 64×32, the video 32×32: give maps of its shape"),
        ({"depth": "nothing.mp4"}, "there is no file"),
        ({"depth": None}, "one of the arguments --depth --depth-model is required"),
        ({"depth": None, "depth_model": "mask.png"}, "mask.png is no TorchScript program: name such a file, or a"),
        ({"depth": None, "depth_model": "nothing"}, "nothing is downloaded here; name a depth model"),
        ({"size": "30x32"}, "width 30 is not a multiple of 8: take 24 or 32"),
        ({"edited_index": 7}, "--edited-index 7: these are 7 frames, numbered from 0"),
        ({"edited_frame": "nothing.png"}, "there is no file"),
        ({"steps": 0}, "steps must be 1 to 1000, not 0"),
        ({"seed": -1}, "seed must be a number from 0 to 2**64 - 1, not -1"),
        ({"feather": -1}, "--feather must be 0 to 10000 pixels, not -1"),
        ({"depth": None, "depth_model": "model.safetensors", "invert_depth": ""}, "--invert-depth is of --depth"),
        ({"model": "revideo.safetensors"}, "revideo.safetensors is a ReVideo checkpoint, not a propagator"),
        ({"model": "blind.safetensors"}, "blind.safetensors lacks its image encoder (CLIP): use the whole file"),
        ({"model": "nothing.safetensors"}, "there is no propagator"),
        ({"model": "clip.mp4"}, "clip.mp4 is no checkpoint, by its first bytes"),
        ({"output": "out.txt"}, "the name must end in one of .mp4, .mov, .mkv"),
        ({"finished_frames": "mask.png"}, "mask.png is not a folder"),
        ({"device": "meta"}, 'device "meta" cannot be used'),
    ],
)
def test_mistakes_are_told_before_a_model_loads(command, given, capsys, monkeypatch, changes, message):
    monkeypatch.setattr(
        "revideo.propagation.propagator.load_propagator_parts", lambda *_, **__: pytest.fail("a model was loaded")
    )
    files = ("depth", "depth_model", "model", "edited_frame", "finished_frames")
    changes = {name: given / value if name in files and value else value for name, value in changes.items()}
    assert main(command(**changes)) == 2
    said = capsys.readouterr().err
    assert message in said and len(said.splitlines()) == 1
