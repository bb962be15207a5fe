"""Masks in every form that programs save them in: transparency, brightness, colours, labels."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from revideo import write_video
from revideo.video.masks import MaskFile, read_masks
from revideo.video.pixels import as_mask

INSIDE = np.zeros((48, 64), bool)
INSIDE[10:30, 20:50] = True
LEVELS = np.where(INSIDE, 255, 0).astype(np.uint8)


def transparent(colour: tuple[int, int, int], drawn: bool = False) -> PIL.Image.Image:
    under = np.broadcast_to(np.array(colour, np.uint8), (48, 64, 3)).copy()
    if drawn:
        under[INSIDE] = np.random.default_rng(0).integers(0, 256, (INSIDE.sum(), 3))
    return PIL.Image.fromarray(np.dstack([under, LEVELS]))


def painted_away() -> PIL.Image.Image:
    """As ComfyUI's mask editor saves a picture: the picture is whole, what was painted is transparent."""
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    return PIL.Image.fromarray(np.dstack([picture, 255 - LEVELS]))


def palette(colour: tuple[int, int, int]) -> PIL.Image.Image:
    picture = PIL.Image.fromarray(INSIDE.astype(np.uint8), "P")
    picture.putpalette([0, 0, 0, *colour])
    return picture


def grey(high: int) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.where(INSIDE, high, 0).astype(np.uint8))


MASKS = {
    "white": grey(255),
    "black and white": PIL.Image.fromarray(INSIDE),
    "transparent white": transparent((255, 255, 255)),
    "transparent black": transparent((0, 0, 0)),
    "cut out": transparent((10, 200, 30), drawn=True),
    "ComfyUI's mask editor": painted_away(),
    "labels 0 and 1": grey(1),
    "labels 0 and 2": grey(2),
    "palette": palette((128, 0, 0)),
    "red": PIL.Image.fromarray(np.dstack([LEVELS, 0 * LEVELS, 0 * LEVELS])),
    "opaque with an alpha channel": PIL.Image.fromarray(np.dstack([LEVELS] * 3 + [LEVELS | 255])),
}


@pytest.mark.parametrize("name", MASKS)
def test_what_is_marked_is_inside(tmp_path, name):
    path = tmp_path / "mask.png"
    MASKS[name].save(path)
    assert torch.equal(read_masks(path)[0, 0] >= 0.5, torch.from_numpy(INSIDE))
    assert torch.equal(as_mask(path)[0, 0], torch.from_numpy(INSIDE))
    assert torch.equal(as_mask(MASKS[name])[0, 0], torch.from_numpy(INSIDE))


def test_what_is_too_dark_for_a_mask_is_named(tmp_path):
    grey(100).save(tmp_path / "dark.png")
    with pytest.raises(ValueError, match=r"dark\.png: its highest value is 100 of 255"):
        read_masks(tmp_path / "dark.png")
    grey(0).save(tmp_path / "empty.png")
    assert not read_masks(tmp_path / "empty.png").any()


def shifted(number: int) -> np.ndarray:
    return np.roll(INSIDE, number, 1)


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    (tmp_path / "masks").mkdir()
    for number in range(14):
        PIL.Image.fromarray(shifted(number).astype(np.uint8)).save(tmp_path / f"masks/m_{number:04d}.png")
    return tmp_path / "masks"


@pytest.mark.parametrize("form", ["folder", "numbers", "webp", "transparent webp"])
def test_masks_that_run_along(tmp_path, sequence, form):
    expected = torch.from_numpy(np.stack([shifted(number) for number in range(14)]))[:, None]
    source = {"folder": sequence, "numbers": sequence / "m_%04d.png"}.get(form, tmp_path / "m.webp")
    if "webp" in form:
        levels = [np.where(shifted(number), 255, 0).astype(np.uint8) for number in range(14)]
        under = np.full((48, 64), 77, np.uint8)
        bands = [[under, under, under, each] if "transparent" in form else [each] * 3 for each in levels]
        frames = [PIL.Image.fromarray(np.dstack(each)) for each in bands]
        frames[0].save(source, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    assert torch.equal(read_masks(source) >= 0.5, expected)
    assert torch.equal(read_masks(source, 2, 3, 4) >= 0.5, expected[2:14:3])
    with MaskFile(source, held=2) as masks:
        assert torch.equal(masks.read(3, 5) >= 0.5, expected[3:5])
        assert torch.equal(masks.read(12, 14) >= 0.5, expected[12:])


def test_a_codecs_noise_in_black_is_no_label(tmp_path):
    noise = torch.rand(4, 3, 48, 64, generator=torch.Generator().manual_seed(0)) * 8 / 255
    write_video(tmp_path / "black.mp4", noise, 25)
    assert not read_masks(tmp_path / "black.mp4").any()
    with MaskFile(tmp_path / "black.mp4") as masks:
        assert not masks.read(0, 4).any()
