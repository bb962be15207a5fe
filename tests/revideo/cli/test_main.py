"""The command line: whole edits and conversions, and one plain line for every mistake."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest
import torch
from fuzzing import fuzz
from hypothesis import given as drawn
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import revideo
from revideo.checkpoints import builtin
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.checkpoints.released import no_checkpoint
from revideo.cli.inputs import EditInputs, read_inputs
from revideo.cli.main import build_parser, main
from revideo.drawing.document import EditDocument
from revideo.drawing.schema import DrawnPath, Point, Region
from revideo.pictures.sheets import write_image
from revideo.sampling.samplers import PRESETS, sampler_options
from revideo.training import loop
from revideo.video.fitting import fit_frames

ROOT = Path(__file__).parents[3]
WIDTH, HEIGHT = 640, 272  # of bikes.mp4, 25 frames per second
WINDOW = SMALL.unet.num_frames


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    write_random_checkpoint(path)
    return path


def drawing(width: int = WIDTH, height: int = HEIGHT, frames: int = WINDOW) -> str:
    """What tracks.json and mask.png say, as an edit document on a picture of another size."""
    x, y = width / WIDTH, height / HEIGHT
    ends = ((240, 130), (400, 150))
    path = DrawnPath("p1", "line", tuple(Point(at * x, level * y) for at, level in ends))
    area = Region("r1", "rect", ((160 * x, 68 * y), (480 * x, 204 * y)))
    return revideo.EditDocument(width=width, height=height, frames=frames, paths=(path,), regions=(area,)).to_json()


@pytest.fixture(scope="module")
def given(tmp_path_factory, bikes) -> Path:
    """A folder with what an edit of frames 10, 12, … of bikes.mp4 needs, and things that do not fit it."""
    folder = tmp_path_factory.mktemp("given")
    first = revideo.read_video(bikes, start=10, count=1)[0][0]
    edited = first.clone()
    edited[:, 100:180, 200:300] = torch.tensor([1.0, 0.5, 0.0]).view(3, 1, 1)
    mask = torch.zeros(3, HEIGHT, WIDTH)
    mask[:, 68:204, 160:480] = 1  # a quarter to three quarters of both sides
    write_image(folder / "edited.png", edited)
    write_image(folder / "mask.png", mask)
    write_image(folder / "black.png", torch.zeros_like(mask))
    write_image(folder / "white.png", torch.ones_like(mask))
    write_image(folder / "small.png", mask[:, ::2, ::2])
    revideo.write_video(folder / "two.mp4", torch.stack([edited, edited]), 25)
    PIL.Image.new("RGBA", (WIDTH, HEIGHT), (9, 9, 9, 254)).save(folder / "glass.png")
    (folder / "bare.json").write_text(replace(EditDocument.from_json(drawing()), regions=()).to_json())
    aside = Region("r1", "rect", ((-200.0, 0.0), (-100.0, 200.0)))
    (folder / "aside.json").write_text(replace(EditDocument.from_json(drawing()), regions=(aside,)).to_json())
    (folder / "tracks.json").write_text(json.dumps([[{"x": 240, "y": 130}, {"x": 400, "y": 150}]]))
    (folder / "broken.json").write_text('[[{"x": 240, "y": ')
    (folder / "ragged.json").write_text('[[{"x": 240, "y": 130}], [{"x": 1}]]')
    (folder / "drawing.json").write_text(drawing())
    (folder / "mistaken.json").write_text(drawing().replace("400", '"far"'))
    (folder / "outside.json").write_text("[[[2000, 100], [2100, 100]]]")
    (folder / "binary.json").write_bytes(b"\xff\x00\x81")
    (folder / "list.json").write_text("[" * 100_000)
    (folder / "noise.mp4").write_bytes(bytes(range(256)) * 50)
    (folder / "cut.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    (folder / "config.json").write_text('{"unet": {"depth": 3}}')
    revideo.write_video(folder / "wide.ts", torch.rand(14, 3, 64, 128), 25)
    revideo.write_video(folder / "narrow.ts", torch.rand(14, 3, 64, 64), 25)
    (folder / "both.ts").write_bytes(
        (folder / "wide.ts").read_bytes()[: -188 * 20] + (folder / "narrow.ts").read_bytes()
    )
    revideo.write_video(folder / "unknown.mkv", torch.rand(14, 3, 64, 128), 25)
    (folder / "unknown.mkv").write_bytes((folder / "unknown.mkv").read_bytes().replace(b"V_MPEG4", b"V_MPEG9"))
    return folder


@pytest.fixture
def command(bikes, checkpoint, given, tmp_path):
    """`edit` with everything right; keywords replace or (None) drop an option."""

    def words(**changes: object) -> list[str]:
        options = {
            "model": checkpoint,
            "reference": given / "edited.png",
            "tracks": given / "tracks.json",
            "region": given / "mask.png",
            "output": tmp_path / "out.mp4",
            "size": "128x64",
            "size_policy": "exact",
            "start": 10,
            "stride": 2,
            "steps": 1,
            "device": "cpu",
        } | changes
        video = options.pop("video", bikes)
        flags = {f"--{name.replace('_', '-')}": value for name, value in options.items() if value is not None}
        return ["edit", str(video)] + [str(word) for flag in flags.items() for word in flag if word != ""]

    return words


@pytest.fixture
def no_model(monkeypatch):
    """Fails the test if weights are loaded."""

    def load(*_, **__):
        pytest.fail("a model was loaded")

    monkeypatch.setattr("revideo.editing.model.load", load)


def read(path: Path) -> torch.Tensor:
    return revideo.read_video(path)[0]


def psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(-10 * (one - other).square().mean().log10())


# --- edit ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_edit_end_to_end(command, bikes, tmp_path, capsys):
    preview = tmp_path / "preview.mp4"
    assert main(command(preview=preview, feather=3)) == 0

    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (128, 64, 25 / 2)
    result = read(tmp_path / "out.mp4")
    source = fit_frames(revideo.read_video(bikes, 10, 2, WINDOW)[0], 64, 128)
    assert len(result) == WINDOW
    outside = torch.ones(64, 128, dtype=torch.bool)
    outside[12:52, 28:100] = False  # a little more than the area: 4:2:0 bleeds colour over its border
    assert psnr(result[..., outside], source[..., outside]) > 33
    assert psnr(result[..., 20:44, 40:88], source[..., 20:44, 40:88]) < 15

    assert len(read(preview)) == WINDOW
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'out.mp4'}: 14 frames of 128×64 at 12.5 frames per second\n"
    assert "sampling: 100%" in told.err and "decoding: 100%" in told.err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.mp4", "preview.mp4"]


@pytest.mark.slow
def test_the_seed_alone_decides(command, tmp_path):
    for name, seed in (("one", 5), ("again", 5), ("other", 6)):
        assert main(command(seed=seed, output=tmp_path / f"{name}.mp4")) == 0
    assert torch.equal(read(tmp_path / "one.mp4"), read(tmp_path / "again.mp4"))
    assert not torch.equal(read(tmp_path / "one.mp4"), read(tmp_path / "other.mp4"))


@pytest.mark.slow
def test_no_keep_leaves_the_models_own_pixels(command, bikes, tmp_path):
    assert main(command(no_keep="", frames_per_chunk=5)) == 0
    source = fit_frames(revideo.read_video(bikes, 10, 2, WINDOW)[0], 64, 128)
    assert psnr(read(tmp_path / "out.mp4")[..., :10, :], source[..., :10, :]) < 20


@pytest.mark.slow
def test_any_frame_may_be_the_edited_one(command, tmp_path):
    picture, preview = tmp_path / "fusion.png", tmp_path / "preview.mp4"
    assert main(command(edited_index=9, frames=16, fusion=picture, preview=preview)) == 0
    assert len(read(tmp_path / "out.mp4")) == len(read(preview)) == 16
    assert min(revideo.read_image(picture).shape[1:]) >= 200


def test_without_a_reference_the_named_frame_itself_is_taken(command, bikes):
    arguments = build_parser().parse_args(command(reference=None, edited_index=5))
    edit = read_inputs(arguments).edit
    frame = fit_frames(revideo.read_video(bikes, 10 + 2 * 5, 1, 1)[0], 64, 128)[0]
    assert edit.edited_index == 5
    assert torch.equal(edit.edited_frame, frame)


@pytest.mark.parametrize("long", [False, True])
def test_whole_frames_need_no_mask(command, given, long):
    from revideo.cli.edit_long import read_long_inputs

    words = command(
        whole_frame="", document=given / "drawing.json", tracks=None, region=None, **{"long": ""} if long else {}
    )
    read = (read_long_inputs if long else read_inputs)(build_parser().parse_args(words))
    assert read.edit.whole_frame and read.edit.masks(0, 1).all()
    assert read.edit.trajectories.num_trajectories


def test_more_edited_frames_are_fitted_as_the_first(command, given):
    picture = given / "edited.png"
    words = [*command(reference=None, keyframe=f"9={picture}", edited_index=4), "--keyframe", f"13={picture}"]
    edit = read_inputs(build_parser().parse_args(words)).edit
    assert [*edit.edited_frames] == [4, 9, 13]
    assert torch.equal(edit.keyframes[9], edit.keyframes[13]) and not torch.equal(edit.keyframes[9], edit.edited_frame)
    words = command(reference=None, keyframe=f"4={picture}", edited_index=4)
    edit = read_inputs(build_parser().parse_args(words)).edit
    assert [*edit.edited_frames] == [4] and not edit.keyframes


@pytest.mark.slow
def test_it_runs_as_a_program(command, tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-m", "revideo", *command()], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert len(read(tmp_path / "out.mp4")) == WINDOW


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_leaves_nothing_behind(command, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "revideo", *command(steps=1000)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    ) as run:
        told = b""
        while b"/1000 [" not in told:
            piece = run.stderr.read1()
            assert piece, told.decode()
            told += piece
        run.send_signal(signal.SIGINT)
        told += run.stderr.read()
        assert run.wait(60) == 130
    assert told.decode().endswith("revideo: interrupted\n") and b"Traceback" not in told
    assert list(tmp_path.iterdir()) == []


# --- What is prepared ----------------------------------------------------------------------


def prepared(words: list[str]) -> EditInputs:
    return read_inputs(build_parser().parse_args(words))


def conditions(words: list[str]) -> revideo.Conditions:
    """What the model sees of it."""
    inputs = prepared(words)
    return revideo.make_conditions(inputs.video, inputs.edit)


def peak(motion: torch.Tensor) -> tuple[int, int]:
    """x, y of the strongest motion in one frame."""
    y, x = divmod(int(motion.norm(dim=0).argmax()), motion.shape[-1])
    return x, y


@pytest.mark.parametrize(
    ("fit", "end"),  # the path ends at (400, 150) of the clip's 640×272
    [
        ("stretch", (400 * 256 / 640, 150 * 192 / 272)),
        ("crop", (400 * 192 / 272 - (452 - 256) / 2, 150 * 192 / 272)),
        ("pad", (400 * 256 / 640, 150 * 256 / 640 + (192 - 109) / 2)),
    ],
)
def test_tracks_and_pictures_move_with_the_clip(command, given, fit, end):
    job = conditions(command(size="256x192", fit=fit))
    x, y = peak(job.motion[-1])
    assert abs(x - end[0]) <= 1.5 and abs(y - end[1]) <= 1.5
    edited = fit_frames(revideo.read_image(given / "edited.png")[None], 192, 256, fit)[0]
    torch.testing.assert_close(job.reference, edited * 2 - 1)
    assert job.mask[0, 0, 96, 128] == 1 and job.mask[0, 0, 96, 4] == (fit == "crop") * 0


def test_tracks_may_be_drawn_on_another_size(command, given, tmp_path):
    usual = conditions(command()).motion
    half = tmp_path / "half.json"
    half.write_text("[[[120, 65], [200, 75]]]")
    torch.testing.assert_close(conditions(command(tracks=half, tracks_size="320x136")).motion, usual)
    fitted = tmp_path / "fitted.json"
    fitted.write_text(json.dumps([[[240 / 5, 130 * 64 / 272], [400 / 5, 150 * 64 / 272]]]))
    torch.testing.assert_close(conditions(command(tracks=fitted, tracks_size="128x64")).motion, usual)
    sized = tmp_path / "sized.json"
    drawn = {"coordinates": [[[120, 65], [200, 75]]], "coord_width": 320, "coord_height": 136}
    sized.write_text(json.dumps(drawn))
    torch.testing.assert_close(conditions(command(tracks=sized)).motion, usual)


def test_tracks_of_other_programs_are_read_and_said(command, tmp_path, capsys):
    usual, table = tmp_path / "usual.json", tmp_path / "tracks.csv"
    path = [[240 + 8 * frame, 130] for frame in range(WINDOW)]
    usual.write_text(json.dumps([path]))
    table.write_text("frame,x,y\n" + "\n".join(f"{1001 + frame},{x},{y}" for frame, (x, y) in enumerate(path)))
    torch.testing.assert_close(conditions(command(tracks=table)).motion, conditions(command(tracks=usual)).motion)
    said = f"{table}: read as CSV: 1 path over frames 1001 to {1000 + WINDOW}; frame 1001 is the clip's first"
    assert said in capsys.readouterr().err


def test_the_axes_of_an_array_are_told_apart_by_the_clips_length(command, tmp_path, capsys):
    usual, array = tmp_path / "usual.json", tmp_path / "tracks.npy"
    paths = np.array([[[240.0 + 8 * frame, 130] for frame in range(WINDOW)], [[10, 10]] * WINDOW])
    usual.write_text(json.dumps(paths.tolist()))
    wanted = conditions(command(tracks=usual)).motion
    for axes in (0, 1, 2), (1, 0, 2):
        np.save(array, paths.transpose(axes))
        torch.testing.assert_close(conditions(command(tracks=array)).motion, wanted)
    assert f"{array}: read as an array of shape ({WINDOW}, 2, 2)" in capsys.readouterr().err
    np.save(array, np.zeros((2, 5, 2)))
    with pytest.raises(ValueError, match="neither is its frames"):
        prepared(command(tracks=array))
    np.save(array, paths / 1000)
    with pytest.raises(ValueError, match=r"all x and y lie between 0 and 1.*--tracks-size 1x1"):
        prepared(command(tracks=array))


PIN = "CornerPin2D {\n to1 {{curve x1 240 x14 344} {curve x1 142 x14 142}}\n}\n"  # y upward: 130 down, of 272
HALF = 'Root {\n format "320 136 0 0 320 136 1 half"\n}\n'
HALF += "CornerPin2D {\n to1 {{curve x1 120 x14 172} {curve x1 71 x14 71}}\n}\n"


def test_nukes_y_runs_upward_on_a_picture_whose_size_is_known(command, tmp_path):
    usual, script = tmp_path / "usual.json", tmp_path / "pin.nk"
    usual.write_text(json.dumps([[[240 + 8 * frame, 130] for frame in range(14)]]))
    wanted = conditions(command(tracks=usual, timing="as drawn")).motion
    script.write_text(PIN)
    asked = {"tracks": script, "timing": "as drawn"}
    torch.testing.assert_close(conditions(command(**asked, tracks_size="640x272")).motion, wanted)
    with pytest.raises(ValueError, match=r"Nuke counts y upward .*--tracks-size 1920x1080"):
        prepared(command(**asked))
    script.write_text(HALF)
    torch.testing.assert_close(conditions(command(**asked)).motion, wanted)
    with pytest.raises(ValueError, match="drawn on 320×136: leave out --tracks-size"):
        prepared(command(**asked, tracks_size="640x272"))


@pytest.mark.slow
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_a_document_is_tracks_and_region_in_one(command, given, tmp_path, fit):
    usual = conditions(command(size="256x192", fit=fit))
    drawn_on = [(WIDTH, HEIGHT), (WIDTH // 2, HEIGHT // 2)]  # the clip, or the same at another size
    for size in [*drawn_on, (256, 192)] if fit == "stretch" else drawn_on:
        document = tmp_path / "document.json"
        document.write_text(drawing(*size, frames=5), encoding="utf-8-sig")
        job = conditions(command(size="256x192", fit=fit, tracks=None, region=None, document=document))
        torch.testing.assert_close(job.motion, usual.motion, atol=0.01, rtol=0)
        assert (job.mask != usual.mask).float().mean() < 0.005


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_asked_for(command, name):
    assert prepared(command(preset=name, steps=None)).options == sampler_options(name)


def test_a_preset_yields_to_what_is_told(command):
    fast = prepared(command(preset="fast", steps=None)).options
    assert fast == sampler_options("fast") != revideo.SamplerOptions()
    told = prepared(command(preset="fast", steps=12, solver="dpmpp_2m")).options
    assert told == replace(fast, steps=12, solver="dpmpp_2m")


@pytest.mark.slow
def test_weights_in_eight_bits_make_another_video(command, tmp_path):
    videos = []
    for options in ({}, {"fp8": ""}):
        assert main(command(**options)) == 0
        videos.append(read(tmp_path / "out.mp4"))
    assert not torch.equal(*videos)


def test_compiled_blocks_in_eight_bits_are_refused(command, capsys):
    assert main(command(fp8="", compile="")) == 2
    assert "compiled blocks work on weights as they are: leave out fp8 or compiling" in capsys.readouterr().err


@pytest.mark.slow
def test_a_budget_of_memory_is_kept_and_told(command, capsys):
    assert main(command(memory=16)) == 0
    told = capsys.readouterr().err
    assert "memory: guidance branch by branch, decoding all frames at once, weights stay on the device: about " in told
    assert "of 16.0 GB" in told


def test_a_budget_of_memory_is_more_than_nothing(command):
    assert prepared(command(memory=8)).options == prepared(command()).options
    for budget in ("0", "-1", "nan"):
        with pytest.raises(ValueError, match="--memory must be more than 0 GB and at most 1000000, not"):
            prepared([*command(), f"--memory={budget}"])


def test_a_document_drawn_on_the_fitted_frames_is_taken_as_it_is(command, tmp_path):
    document = tmp_path / "document.json"
    document.write_text(drawing(256, 192))
    job = conditions(command(size="256x192", fit="crop", tracks=None, region=None, document=document))
    assert job.mask[0, 0].nonzero().aminmax(dim=0).min.tolist() == [48, 64]
    x, y = peak(job.motion[-1])
    assert abs(x - 160) <= 1.5 and abs(y - 106) <= 1.5


def test_as_drawn_ends_where_the_points_end(command):
    motion = conditions(command(timing="as drawn")).motion
    assert motion[1].any() and not motion[2:].any()
    assert conditions(command()).motion[1:].flatten(1).any(1).all()


def test_without_tracks_or_reference_only_the_area_is_asked_for(command):
    job = conditions(command(tracks=None, reference=None))
    assert not job.motion.any()
    torch.testing.assert_close(job.reference, job.source[0] * 2 - 1)


def test_pictures_of_the_fitted_size_are_taken_as_they_are(command, tmp_path):
    edited = (torch.rand(3, 64, 128) * 255).round() / 255
    write_image(tmp_path / "fitted.png", edited)
    torch.testing.assert_close(conditions(command(reference=tmp_path / "fitted.png")).reference, edited * 2 - 1)


def test_a_video_of_masks_runs_along_with_the_clip(command, tmp_path):
    masks = torch.zeros(40, 3, HEIGHT, WIDTH)
    for frame in range(40):
        masks[frame, :, 64:192, 10 * frame : 10 * frame + 160] = 1
    revideo.write_video(tmp_path / "masks.mp4", masks, 25)
    region = conditions(command(region=tmp_path / "masks.mp4")).mask
    for number in range(WINDOW):
        left = 10 * (10 + 2 * number) / 5
        columns = region[number, 0, 32].nonzero()
        assert abs(columns.min() - left) <= 1 and abs(columns.max() - (left + 31)) <= 1


def test_the_models_own_window_and_step_count(command):
    job = prepared(command(size="300x200", size_policy="area"))
    assert len(job.video) == WINDOW and all(side % 64 == 0 for side in job.video.shape[-2:])
    assert job.options == revideo.SamplerOptions(steps=1)


# --- Mistakes ------------------------------------------------------------------------------

MISTAKES = {
    "no clip": ({"video": "{given}/nothing.mp4"}, "there is no file {given}/nothing.mp4"),
    "no model": ({"model": "{given}/nothing.safetensors"}, no_checkpoint("{given}/nothing.safetensors")),
    "no reference": ({"reference": "{given}/nothing.png"}, "there is no file {given}/nothing.png"),
    "no tracks": ({"tracks": "{given}/nothing.json"}, "there is no file {given}/nothing.json"),
    "no region": ({"region": "{given}/nothing.png"}, "there is no file {given}/nothing.png"),
    "region not given": ({"region": None}, "what may change is not said: give --mask, --document or --whole-frame"),
    "region and whole frames": ({"whole_frame": ""}, "--whole-frame is everything: leave out --mask, or --whole-frame"),
    "region and document": (
        {"document": "{given}/drawing.json"},
        "argument --document: not allowed with argument --mask/--region (see: revideo edit --help)",
    ),
    "tracks and document": (
        {"document": "{given}/drawing.json", "region": None},
        "--document has paths and a size of its own: leave out --tracks and --tracks-size",
    ),
    "no document": (
        {"document": "{given}/nothing.json", "region": None, "tracks": None},
        "there is no file {given}/nothing.json",
    ),
    "document cut off": (
        {"document": "{given}/broken.json", "region": None, "tracks": None},
        "the document is not JSON",
    ),
    "a document with a mistake": (
        {"document": "{given}/mistaken.json", "region": None, "tracks": None},
        "path 1 (p1), point 2: x is not a finite number",
    ),
    "model not given": ({"model": None}, "the following arguments are required: --model (see: revideo edit --help)"),
    "no folder to write to": (
        {"output": "{given}/no/out.mp4"},
        "there is no folder {given}/no to write out.mp4 into",
    ),
    "suffix": (
        {"output": "{given}/out.gif"},
        "{given}/out.gif: the name must end in one of .mp4, .mov, .mkv",
    ),
    "suffix of the preview": (
        {"preview": "{given}/preview.png"},
        "{given}/preview.png: the name must end in one of .mp4, .mov, .mkv",
    ),
    "output over input": (
        {"video": "{given}/noise.mp4", "output": "{given}/noise.mp4"},
        "{given}/noise.mp4 is an input too and would be overwritten",
    ),
    "output over preview": (
        {"preview": "{given}/one.mp4", "output": "{given}/one.mp4"},
        "--output and --preview are both {given}/one.mp4",
    ),
    "no video": (
        {"video": "{given}/noise.mp4"},
        "{given}/noise.mp4 is not a video that can be read: Invalid data found when processing input",
    ),
    "text as video": (
        {"video": "{given}/tracks.json"},
        "{given}/tracks.json holds no video",
    ),
    "clip too short": (
        {"start": 230},
        "{bikes}: the clip has 250 frames: from frame 230 with stride 2 it gives 10, 14 asked for; "
        "lower the start, the stride or the count",
    ),
    "stride": ({"stride": 0}, "start 10 must be at least 0, stride 0 and frame count 14 at least 1"),
    "frames": ({"frames": 20}, "--frames 20: this model edits windows of 14 frames (--long edits more)"),
    "a reference frame that is not there": (
        {"reference_frame": 14},
        "--edited-index 14: these are 14 frames, numbered from 0 (--frames takes more)",
    ),
    "a side that no window holds": (
        {"reference_frame": 4, "frames": 20},
        "--frames 20: 16 of them lie to one side of --edited-index 4, counted with it; this model edits windows of 14 "
        "(--long edits more)",
    ),
    "a keyframe without its number": (
        {"keyframe": "frame.png"},
        "argument --keyframe: 'frame.png' is not K=PICTURE, as in 40=frame40.png (see: revideo edit --help)",
    ),
    "a keyframe that is not there": (
        {"keyframe": "14={given}/edited.png"},
        "--keyframe 14: these are 14 frames, numbered from 0 (--frames takes more)",
    ),
    "a frame that is edited twice": ({"keyframe": "0={given}/edited.png"}, "--keyframe 0: frame 0 is given twice"),
    "a long stretch between two edited frames": (
        {"keyframe": "19={given}/edited.png", "frames": 20},
        "--frames 20: 20 of them follow an edited frame, up to the next or to an end; this model edits windows of 14 "
        "(--long edits more)",
    ),
    "the fusion of a long video": (
        {"fusion": "{given}/fusion.png", "long": ""},
        "--fusion shows one run: leave out --long to draw it",
    ),
    "suffix of the fusion": (
        {"fusion": "{given}/fusion.mp4"},
        "{given}/fusion.mp4: the name must end in one of .png, .jpg, .jpeg, .webp",
    ),
    "a number that is none": (
        {"steps": "many"},
        "argument --steps: invalid int value: 'many' (see: revideo edit --help)",
    ),
    "steps": ({"steps": 0}, "steps must be a whole number from 1 to 10000, not 0"),
    "noise": ({"noise_augmentation": -1}, "noise_augmentation must be a number from 0 to 100, not -1.0"),
    "feather": ({"feather": -2}, "--feather must be 0 to 10000 pixels, not -2"),
    "chunk": ({"frames_per_chunk": 0}, "--frames-per-chunk must be at least 1, not 0"),
    "size": (
        {"size": "576"},
        "argument --size: '576' is not a size: write WIDTHxHEIGHT, as 576x320 (see: revideo edit --help)",
    ),
    "size that the model cannot work at": (
        {"size": "130x64"},
        'width 130 is not a multiple of 64: take 128 or 192, or let the size policy "area" choose',
    ),
    "reference of another size": (
        {"reference": "{given}/small.png"},
        "the edited frame is 320×136, the clip 640×272: give it the clip's size, "
        "or 128×64, the size the clip is fitted to",
    ),
    "a keyframe of another size": (
        {"keyframe": "5={given}/small.png"},
        "the edited frame 5 is 320×136, the clip 640×272: give it the clip's size, "
        "or 128×64, the size the clip is fitted to",
    ),
    "a video as edited frame": (
        {"reference": "{given}/two.mp4"},
        "the edited frame must be one picture, and {given}/two.mp4 holds several: save the frame that you edited",
    ),
    "a video as keyframe of a long video": (
        {"keyframe": "5={bikes}", "long": ""},
        "the edited frame 5 must be one picture, and {bikes} holds several: save the frame that you edited",
    ),
    "a folder as keyframe": (
        {"keyframe": "5={given}"},
        "the edited frame 5 must be one picture, and {given} is a folder: name one of its files",
    ),
    "a keyframe that one can see through": (
        {"keyframe": "5={given}/glass.png"},
        "the edited frame 5, {given}/glass.png, is transparent in places: flatten it onto the frame",
    ),
    "a document without areas": (
        {"document": "{given}/bare.json", "region": None, "tracks": None},
        "{given}/bare.json has no area that is shown and added to the mask, so nothing could change: draw one in the "
        "editor, or give --whole-frame where everything may change",
    ),
    "a document whose area lies aside": (
        {"document": "{given}/aside.json", "region": None, "tracks": None},
        "no area of {given}/aside.json lies in the frame: draw one that does, or give --whole-frame",
    ),
    "region of another size": (
        {"region": "{given}/small.png"},
        "the mask is 320×136, the clip 640×272: give it the clip's size, or 128×64, the size the clip is fitted to",
    ),
    "reference that is no picture": (
        {"reference": "{given}/tracks.json"},
        "{given}/tracks.json is not a picture that can be read, or one of more than 67108864 pixels",
    ),
    "black region": (
        {"region": "{given}/black.png"},
        "the mask is empty, so nothing could change: mask the area to edit",
    ),
    "white region": (
        {"region": "{given}/white.png"},
        "the mask covers every frame whole, so nothing of the video would be kept: "
        "leave the parts to keep unmasked (is the mask inverted?), or say that the whole frame is edited",
    ),
    "tracks cut off": (
        {"tracks": "{given}/broken.json"},
        "the tracks are not JSON: Expecting value: line 1 column 19 (char 18)",
    ),
    "point without y": (
        {"tracks": "{given}/ragged.json"},
        "track 1, point 0: x and y must be numbers, found {'x': 1}",
    ),
    "tracks outside": (
        {"tracks": "{given}/outside.json"},
        "trajectory 0 never enters the frame: it starts at x 400, y 23.5294; the frame is 128×64 "
        "(were the tracks drawn on another size?)",
    ),
    "tracks that are no text": ({"tracks": "{given}/binary.json"}, "{given}/binary.json is not a text file of tracks"),
    "a memory without end": (
        {"memory": "inf"},
        "--memory must be more than 0 GB and at most 1000000, not inf",
    ),
    "a memory that is none": ({"memory": "nan"}, "--memory must be more than 0 GB and at most 1000000, not nan"),
    "a feather without end": ({"feather": "inf"}, "--feather must be 0 to 10000 pixels, not inf"),
    "steps past all time": (
        {"steps": 10**9},
        "steps must be a whole number from 1 to 10000, not 1000000000",
    ),
    "a seed of more than 64 bits": (
        {"seed": 2**64},
        f"seed must be a whole number from 0 to {2**64 - 1}, not {2**64}",
    ),
    "infinite guidance": ({"cfg_last": "inf"}, "cfg_last must be a number from -100 to 100, not inf"),
    "a size past all memory": (
        {"size": "1000000000x64"},
        "the fitted clip would have 1000000000×64 pixels, and at most 67108864 are allowed in a frame",
    ),
    "an area past all memory": (
        {"size": "1000000000x1000000000", "size_policy": "area"},
        "the fitted clip would have 1533929984×651920256 pixels, and at most 67108864 are allowed in a frame",
    ),
    "frames past all memory": (
        {"frames": 10**12},
        "--frames 1000000000000: this model edits windows of 14 frames (--long edits more)",
    ),
    "a name that is too long": (
        {"output": "{given}/" + "x" * 300 + ".mp4"},
        "{given}/" + "x" * 300 + ".mp4 cannot be written: File name too long",
    ),
    "an unknown codec": (
        {"video": "{given}/unknown.mkv", "start": 0, "stride": 1},
        "{given}/unknown.mkv is coded in a way that is not known here: convert it to H.264",
    ),
    "an unknown codec of a long video": (
        {"video": "{given}/unknown.mkv", "start": 0, "stride": 1, "long": ""},
        "{given}/unknown.mkv is coded in a way that is not known here: convert it to H.264",
    ),
    "frames that change size in a long video": (
        {"video": "{given}/both.ts", "start": 0, "stride": 1, "long": ""},
        "{given}/both.ts: frame 14 is 64×64, those before it 128×64: cut the video there, or scale it to one size",
    ),
    "a config that is no text": ({"config": "{given}/binary.json"}, "{given}/binary.json is not a text file of JSON"),
    "config": (
        {"config": "{given}/config.json"},
        'model config: "unet" has no "depth"; it has model_channels, channel_mult, num_res_blocks, '
        "num_head_channels, context_dim, time_id_dim, num_frames, norm_groups",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_before_any_model_loads(mistake, command, given, bikes, tmp_path, no_model, capsys):
    changes, message = MISTAKES[mistake]

    def filled(text: object) -> object:
        return text.replace("{given}", str(given)).replace("{bikes}", str(bikes)) if isinstance(text, str) else text

    before = sorted(given.iterdir())
    assert main(command(**{name: filled(value) for name, value in changes.items()})) == 2
    told = capsys.readouterr()
    assert told.err == f"revideo: error: {filled(message)}\n"
    assert told.out == ""
    assert list(tmp_path.iterdir()) == [] and sorted(given.iterdir()) == before


class Loaded(Exception):
    """All checks were passed."""


OPTIONS = [
    "size",
    "size_policy",
    "fit",
    "start",
    "stride",
    "frames",
    "edited_index",
    "keyframe",
    "tracks_size",
    "timing",
    "steps",
    "seed",
    "cfg_first",
    "cfg_last",
    "fps",
    "motion_bucket",
    "noise_augmentation",
    "added_noise",
    "lock_until",
    "guide_from",
    "guide_until",
    "control_every",
    "feather",
    "memory",
    "frames_per_chunk",
    "overlap",
    "device",
    "dtype",
    "schedule",
    "solver",
    "preset",
    "match",
    "config",
    "document",
    "region",
    "tracks",
    "output",
    "long",
]
NUMBERS = ["0", "-1", "1", "2", "7", "nan", "inf", "-inf", "1e309", "1e-400", "9" * 400, "9" * 5000, "0x10", "1_0", "٣"]
SIZES = ["64x64", "0x0", "99999999x1", "1x99999999", "-64x64", "64x64x64"]
OTHERS = ["", " ", "x", "\0", "é", ".", "/", "..", "/dev/null", "{given}/binary.json", "{given}/list.json"]
KEYFRAMES = ["1=\0", "1=", "1=/", "9=9", "=x"]
ODD = [*NUMBERS, *SIZES, *OTHERS, *KEYFRAMES]


@pytest.mark.slow
@fuzz(60)
@drawn(changes=st.dictionaries(st.sampled_from(OPTIONS), st.sampled_from(ODD), min_size=1, max_size=3))
def test_no_word_on_the_command_line_ends_in_a_traceback(command, given, monkeypatch, capsys, changes):
    def load(*_, **__):
        raise Loaded

    monkeypatch.setattr("revideo.editing.model.load", load)
    capsys.readouterr()
    try:
        ended = main(command(**{name: value.replace("{given}", str(given)) for name, value in changes.items()}))
    except Loaded:
        return
    told = capsys.readouterr()
    assert ended == 2 and told.err.startswith("revideo: error: ") and told.err.count("\n") == 1


def test_a_model_file_that_is_cut_off(command, given, no_model, capsys):
    assert main(command(model=given / "cut.safetensors")) == 2
    told = capsys.readouterr().err
    assert told.startswith("revideo: error: cut.safetensors is cut off or not a .safetensors file (")
    assert told.endswith("): download it again\n") and told.count("\n") == 1


@pytest.mark.parametrize("device", ["abacus", "meta", "hpu", "lazy", "cuda:99", " ", "cpu:x", "vulkan"])
def test_a_device_that_is_not_there(command, no_model, capsys, device):
    assert main(command(device=device)) == 2
    told = capsys.readouterr().err
    assert told.startswith(f'revideo: error: device "{device}" cannot be used: ') and told.count("\n") == 1


def test_a_model_of_another_kind_is_named(command, checkpoint, tmp_path, capsys):
    weights = {name: t for name, t in load_file(checkpoint).items() if ".ctrlnet_model." not in name}
    save_file(weights, tmp_path / "svd.safetensors")
    assert main(command(model=tmp_path / "svd.safetensors")) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith("revideo: error: svd.safetensors is a plain Stable Video Diffusion checkpoint")


@pytest.mark.parametrize("kind", [ValueError, RuntimeError])
def test_the_unexpected_keeps_its_traceback(command, monkeypatch, kind):
    def decode(*_, **__):
        raise kind("a bug")

    monkeypatch.setattr(revideo.ReVideo, "decode", decode)
    with pytest.raises(kind, match="a bug") as raised:
        main(command())
    assert raised.traceback[-1].name == "decode"


@pytest.mark.parametrize(
    ("error", "which"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "cpu"),
        (
            RuntimeError("Could not allocate tensor with 8 bytes. There is not enough GPU video memory available!"),
            "cpu",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), "the machine"),
    ],
    ids=["cuda", "directml", "cpu"],
)
def test_too_little_memory_says_what_to_do(command, monkeypatch, capsys, error, which):
    """The device is the one that is at work, whatever the error: here the CPU."""

    def decode(*_, **__):
        raise error

    monkeypatch.setattr(revideo.ReVideo, "decode", decode)
    assert main(command()) == 2
    assert capsys.readouterr().err.endswith(
        f"revideo: error: {which} ran out of memory at 128×64: try a smaller --size, --dtype fp16 or --fp8\n"
    )


@pytest.mark.parametrize("message", ["MPS backend out of memory (MPS allocated: 5.56 GB)", "a bug"])
def test_a_training_without_memory_says_what_to_do(monkeypatch, capsys, message):
    def train(*_):
        raise RuntimeError(message)

    monkeypatch.setattr(loop, "train", train)
    words = ["train", str(ROOT / "training/tiny.toml")]
    if message == "a bug":
        with pytest.raises(RuntimeError, match="a bug"):
            main(words)
    else:
        assert main(words) == 2
        assert "memory ran out: lower run.clips_at_once" in capsys.readouterr().err


# --- convert -------------------------------------------------------------------------------


def same_file(one: Path, other: Path) -> None:
    ours, theirs = load_file(one), load_file(other)
    assert ours.keys() == theirs.keys()
    assert all(
        torch.equal(tensor, theirs[name]) and tensor.dtype == theirs[name].dtype for name, tensor in ours.items()
    )


@pytest.mark.slow
@pytest.mark.parametrize("between", ["model.ckpt", "folder"])
def test_convert_there_and_back(checkpoint, tmp_path, between, capsys):
    config = tmp_path / "config.json"
    config.write_text(SMALL.to_json())
    back = tmp_path / "back.safetensors"
    assert main(["convert", str(checkpoint), str(tmp_path / between)]) == 0
    assert main(["convert", str(tmp_path / between), str(back), "--config", str(config)]) == 0
    same_file(back, checkpoint)
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{back}: ")


def test_convert_into_shards_and_back(checkpoint, tmp_path, capsys):
    """Each shard stays within its size, but for a tensor that is larger; any of the files stands for the model."""
    assert main(["convert", str(checkpoint), str(tmp_path / "parts.safetensors"), "--shard-mb", "2"]) == 0
    assert "parts.safetensors.index.json" in capsys.readouterr().out
    shards = sorted(tmp_path.glob("parts-*.safetensors"))
    assert len(shards) > 1
    assert all(shard.stat().st_size <= 2e6 or len(load_file(shard)) == 1 for shard in shards)
    for file in (tmp_path / "parts.safetensors.index.json", shards[-1]):
        assert main(["convert", str(file), str(tmp_path / "back.safetensors")]) == 0
        same_file(tmp_path / "back.safetensors", checkpoint)
    assert main(["convert", str(checkpoint), str(tmp_path / "folder"), "--shard-mb", "2"]) == 2
    assert "folder: only a .safetensors file is written in shards" in capsys.readouterr().err


def test_convert_parts_and_joins(checkpoint, tmp_path):
    control, svd, whole = (str(tmp_path / f"{name}.safetensors") for name in ("control", "svd", "whole"))
    assert main(["convert", str(checkpoint), control, "--target-svd", svd]) == 0
    assert not load_file(control).keys() & load_file(svd).keys()
    assert main(["convert", control, whole, "--svd", svd]) == 0
    same_file(Path(whole), checkpoint)


def test_convert_changes_precision(checkpoint, tmp_path):
    target = tmp_path / "bf16.safetensors"
    assert main(["convert", str(checkpoint), str(target), "--dtype", "bf16"]) == 0
    assert {tensor.dtype for tensor in load_file(target).values()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["nothing.ckpt", "a.safetensors"],
            "there is no checkpoint nothing.ckpt: `python -m revideo download` ",
        ),
        (["{model}", "{tmp}/a.onnx"], "{tmp}/a.onnx: the name must end in one of .safetensors, .ckpt, no suffix"),
        (["{model}", "{tmp}/no/a.ckpt"], "there is no folder {tmp}/no to write a.ckpt into"),
        (["{model}", "{model}"], "{model} is an input too and would be overwritten"),
        (
            ["{model}", "{tmp}/a.ckpt", "--target-svd", "{tmp}/a.ckpt"],
            "{tmp}/a.ckpt is an input too and would be overwritten",
        ),
    ],
)
def test_convert_refuses_in_one_line(words, message, checkpoint, tmp_path, capsys):
    def filled(text: str) -> str:
        return text.replace("{model}", str(checkpoint)).replace("{tmp}", str(tmp_path))

    assert main(["convert", *map(filled, words)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"revideo: error: {filled(message)}") and told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# --- help and demo -------------------------------------------------------------------------


@pytest.mark.parametrize("command_name", ["edit", "convert", "reproduce", "demo"])
def test_help_teaches_by_an_example(command_name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command_name, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "example" in text and f"revideo {command_name} " in text.partition("example")[2]


def test_help_names_the_defaults_and_the_licence(capsys):
    with pytest.raises(SystemExit):
        main(["edit", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "Stable Video Diffusion Non-Commercial Community License" in text
    options = revideo.SamplerOptions()
    for flag, name in {
        "--steps N": "steps",
        "--seed N": "seed",
        "--cfg-first X": "cfg_first",
        "--cfg-last X": "cfg_last",
        "--fps N": "fps",
        "--motion-bucket N": "motion_bucket",
        "--noise-augmentation X": "noise_augmentation",
    }.items():
        explained = text.rpartition(f" {flag} ")[2].partition(" --")[0]
        assert f"(default: {getattr(options, name):g})" in explained, flag


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom revideo.cli.main import main\ntry:\n main(['edit', '--help'])\n"
        "finally:\n assert not {'torch', 'numpy', 'av', 'diffusers'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0


@pytest.mark.slow
def test_the_demo_makes_four_edits_and_measures_them(tmp_path, monkeypatch, capsys):
    from revideo.cli import demo

    monkeypatch.setattr(demo, "OPTIONS", replace(demo.OPTIONS, steps=1))
    assert main(["demo", "--output", str(tmp_path / "a" / "demo")]) == 0
    told = capsys.readouterr().out
    for name in ("content", "motion", "both", "two areas"):
        [row] = [line for line in told.splitlines() if line.startswith(f"{name:9} ")]
        assert "!" in row  # one step does not do
        assert row.endswith(" equal")  # outside the areas, once the source's pixels are back
    assert "synthetic scenes" in told and "Non-Commercial" in told
    clips = {f"{name}.mp4" for name in ("content", "motion", "both", "two_areas")}
    assert {file.name for file in (tmp_path / "a" / "demo").iterdir()} == {*clips, "sheet.png"}
    for clip in clips:
        assert len(read(tmp_path / "a" / "demo" / clip)) == WINDOW


@pytest.mark.slow
def test_the_built_in_model_edits_from_the_command_line(tmp_path, bikes, given, monkeypatch):
    """By its name, even where a file of that name lies about; with a path to it, that file is meant."""
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_bytes(b"not a model")
    words = [
        "edit",
        str(bikes),
        "--region",
        str(given / "mask.png"),
        "--size",
        "128x128",
        "--steps",
        "1",
        "--dtype",
        "fp32",
    ]
    assert main([*words, "--model", "tiny", "-o", "out.mp4"]) == 0
    assert len(read(Path("out.mp4"))) == WINDOW
    assert main([*words, "--model", "./tiny", "-o", "other.mp4"]) == 2


def test_a_built_in_model_that_is_missing_is_told(tmp_path, monkeypatch, capsys):
    missing = tmp_path / "tiny.safetensors"
    monkeypatch.setattr(builtin, "TINY_FILE", missing)
    monkeypatch.setattr(builtin, "TINY_MISSING", f"the built-in model is not there: {missing}")
    assert main(["convert", "tiny", str(tmp_path / "other.safetensors")]) == 2
    assert f"the built-in model is not there: {missing}" in capsys.readouterr().err
