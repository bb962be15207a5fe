"""`revideo edit` on all kinds of footage, by the built-in model: one window and long, one result."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from footage import FRAMES, pixels, write

import revideo
from revideo.cli.main import main

LONG = ("--long", "--frames", "18")


def edit(video: Path, mask: Path, output: Path, *more: str) -> int:
    """Two steps at a small size; nothing is put where the clip was."""
    options = ("--model", "tiny", "--mask", str(mask), "--size", "64x64", "--steps", "2", "-o", str(output))
    return main(["edit", str(video), *options, *more])


def square_mask(path: Path, height: int = 32, width: int = 48, shift: int = 0) -> Path:
    levels = np.zeros((height, width), np.uint8)
    levels[8:24, 8 + shift : 32 + shift] = 1  # labels
    PIL.Image.fromarray(levels).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(FRAMES):
        PIL.Image.fromarray(pixels(number)).save(folder / f"frame_{number:04d}.png")
    return folder


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    (tmp_path / "masks").mkdir()
    for number in range(FRAMES):
        square_mask(tmp_path / f"masks/m_{number}.png", shift=number // 2)
    return tmp_path / "masks/m_%d.png"


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), LONG])
@pytest.mark.parametrize("form", ["folder", "numbers", "webp"])
def test_pictures_in_place_of_a_clip_and_its_masks(tmp_path, pictures, masks, form, more):
    clip = {"folder": pictures, "numbers": pictures / "frame_%04d.png"}.get(form, tmp_path / "clip.webp")
    if form == "webp":
        frames = [PIL.Image.fromarray(pixels(number)) for number in range(FRAMES)]
        frames[0].save(clip, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    assert edit(clip, masks, tmp_path / "out.mp4", *more) == 0
    result, rate = revideo.read_video(tmp_path / "out.mp4")
    assert len(result) == (18 if more else 14) and rate == (10 if form == "webp" else 24)


@pytest.mark.slow
@pytest.mark.parametrize("mask_width", [48, 96])  # as the file holds its frames, or as they are shown
@pytest.mark.parametrize("more", [(), LONG])
def test_a_clip_of_oblong_pixels_is_edited_as_it_is_shown(tmp_path, more, mask_width):
    clip = write(tmp_path / "oblong.mp4", {"aspect": 2})
    mask = square_mask(tmp_path / "mask.png", width=mask_width)
    assert edit(clip, mask, tmp_path / "out.mp4", *more) == 0
    result, _ = revideo.read_video(tmp_path / "out.mp4")
    height, width = result.shape[-2:]
    assert width / height == pytest.approx(96 / 32, rel=0.35 if not more else 0)  # a window has the model's size


@pytest.mark.parametrize("more", [(), LONG])
def test_what_cannot_be_read_is_named_before_the_model(tmp_path, more, capsys, monkeypatch):
    monkeypatch.setattr("revideo.editing.model.load", lambda *_, **__: pytest.fail("a model was loaded"))
    mask = square_mask(tmp_path / "mask.png")
    for video, message in ((tmp_path / "none_%04d.png", "there are no pictures"), (tmp_path, "there are no pictures")):
        folder = tmp_path / "empty"
        folder.mkdir(exist_ok=True)
        assert edit(folder if video == tmp_path else video, mask, tmp_path / "out.mp4", *more) == 2
        assert message in capsys.readouterr().err
