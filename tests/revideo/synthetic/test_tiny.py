"""The built-in model: what its file holds, and that it edits as its metrics say."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from tiny_limits import LIMITS, MEGABYTES, MOTION_RATIO, STEPS, load_tiny

import revideo
from revideo.checkpoints import builtin, reading
from revideo.checkpoints.names import CONTROL, UNET
from revideo.evaluation.metrics import psnr
from revideo.synthetic.edits import without_motion
from revideo.synthetic.examples import (
    EXAMPLES,
    FRAMES,
    HEIGHT_PX,
    OPTIONS,
    WIDE_EXAMPLES,
    WIDTH_PX,
    WITH_DEPTH,
    example_depth_file,
    example_edit,
    example_files,
    restyled_example,
)
from revideo.synthetic.measures import held_out, mean_metrics, measure_edit
from revideo.video.io import read_image, read_video

CLIPS = 2  # of each case
SAMPLING = replace(OPTIONS, steps=STEPS)
JS = Path(__file__).parents[3] / "js"


@pytest.fixture(scope="module")
def model() -> revideo.ReVideo:
    return load_tiny()


# --- The file ------------------------------------------------------------------------------


def test_it_is_small_and_states_its_sizes_in_the_released_format():
    assert builtin.TINY_FILE.stat().st_size <= MEGABYTES * 1e6
    with safe_open(builtin.TINY_FILE, framework="pt") as file:
        names = list(file.keys())
        stated = revideo.ModelConfig.from_json(file.metadata()[reading.CONFIG_KEY])
        assert {file.get_slice(name).get_dtype() for name in names} == {"F16"}
    for start in (UNET, CONTROL, "first_stage_model.", "conditioner.embedders.0."):
        assert any(name.startswith(start) for name in names), start
    assert stated.unet.num_frames == FRAMES
    stated.check_size(HEIGHT_PX, WIDTH_PX)


def test_its_name_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny").mkdir()
    assert builtin.locate("tiny") == builtin.TINY_FILE
    for path in (Path("tiny"), "./tiny", str(tmp_path / "tiny")):
        assert builtin.locate(path).resolve() == tmp_path / "tiny"
    assert reading.read_config("tiny") != revideo.ModelConfig()
    with pytest.raises(revideo.CheckpointError, match="no diffusers folder"):
        revideo.load("./tiny")


def test_a_missing_file_is_told_as_the_built_in_one(tmp_path, monkeypatch):
    gone = tmp_path / "tiny.safetensors"
    monkeypatch.setattr(builtin, "TINY_FILE", gone)
    monkeypatch.setattr(reading, "TINY_FILE", gone)
    with pytest.raises(revideo.CheckpointError, match="the built-in model is not there"):
        revideo.load("tiny")


# --- What it makes -------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_seed_gives_the_same_edit(model):
    truth = example_edit("both")
    once, again, other = (
        model.sample(
            revideo.make_conditions(truth.source, truth.edit), revideo.SamplerOptions(steps=2, cfg_last=1.0, seed=seed)
        )
        for seed in (7, 7, 8)
    )
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "areas"), LIMITS)
def test_held_out_edits_stay_within_the_limits(model, kind, areas):
    truths = list(held_out(kind, areas, CLIPS, FRAMES, HEIGHT_PX, WIDTH_PX))
    metrics = mean_metrics(
        measure_edit(truth, model.edit(truth.source, truth.edit, SAMPLING, composite=False).frames) for truth in truths
    )
    assert not LIMITS[kind, areas].missed_by(metrics), metrics


@pytest.mark.slow
def test_it_is_the_path_that_moves_things(model):
    """Without the motion map the same edit goes astray."""
    truth = example_edit("both")
    with_paths, without = (
        measure_edit(truth, model.edit(truth.source, edit, SAMPLING, composite=False).frames)
        for edit in (truth.edit, without_motion(truth.edit))
    )
    assert without.path_error > MOTION_RATIO * with_paths.path_error


# --- The examples beside the editor --------------------------------------------------------


@pytest.mark.parametrize("name", [*EXAMPLES, *WIDE_EXAMPLES])
def test_example_files_are_the_edits(name):
    truth = example_edit(name)
    clip, edited = example_files(JS / "examples", name)
    frames, _ = read_video(clip)
    size = (320, 576) if name.endswith("576x320") else (HEIGHT_PX, WIDTH_PX)
    assert frames.shape == truth.source.shape == (24 if name.startswith("long") else 14, 3, *size)
    assert psnr(frames, truth.source) > 30  # 4:2:0 blurs the sprites' colours at their borders
    assert psnr(read_image(edited), truth.edit.edited_frame) > 50


def test_the_restyled_example_s_files_are_its_clip_and_depth():
    truth = restyled_example()
    clip, edited = example_files(JS / "examples", WITH_DEPTH)
    expected = {clip: truth.source, example_depth_file(JS / "examples"): truth.depth.expand(-1, 3, -1, -1)}
    for file, frames in expected.items():
        found, _ = read_video(file)
        assert found.shape == frames.shape == (FRAMES, 3, HEIGHT_PX, WIDTH_PX)
        assert psnr(found, frames) > 30
    assert psnr(read_image(edited), truth.target[0]) > 50
