"""Clips are read as players show them: their default stream, square pixels, upright, at their own frames' rate."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import torch
from av.stream import Disposition
from footage import FRAMES, damage, pixels, write

from revideo import VideoFile, read_image, read_video
from revideo.video.stream import stored_size


def test_the_default_stream_is_the_clip(tmp_path):
    second = {"size": (64, 96), "disposition": Disposition.default}
    path = write(tmp_path / "two.mkv", {"size": (16, 16), "disposition": Disposition(0)}, second)
    assert read_video(path, count=1)[0].shape[-2:] == (64, 96)
    with VideoFile(path) as file:
        assert (file.size, len(file)) == ((64, 96), FRAMES)
        assert torch.equal(file.read(3, 4), read_video(path)[0][3:4])


def test_a_cover_is_no_clip(tmp_path):
    cover = {"codec": "mjpeg", "pix_fmt": "yuvj420p", "frames": 1, "disposition": Disposition.attached_pic}
    path = write(tmp_path / "covered.mp4", cover, {"size": (64, 96)})
    assert read_video(path)[0].shape == (FRAMES, 3, 64, 96)
    with pytest.raises(ValueError, match=r"alone\.mp4 holds no video"):
        read_video(write(tmp_path / "alone.mp4", cover))


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(2), (32, 96)), (Fraction(8, 9), (36, 48)), (Fraction(1), (32, 48))]
)
def test_oblong_pixels_become_square(tmp_path, aspect, size):
    path = write(tmp_path / "oblong.mp4", {"aspect": Fraction(aspect)})
    assert read_video(path, count=2)[0].shape[-2:] == size
    assert stored_size(path) == (32, 48)
    with VideoFile(path) as file:
        assert file.size == size
        assert torch.equal(file.read(0, 2), read_video(path, count=2)[0])


@pytest.mark.parametrize(("start", "rate"), [(0, 50), (14, 1)])
def test_a_windows_rate_is_that_of_its_frames(tmp_path, start, rate):
    path = write(tmp_path / "variable.mkv", {"times": [*range(0, 280, 20), *range(1000, 7000, 1000)]})
    assert read_video(path, start, count=6)[1] == rate
    with VideoFile(path, start, count=6) as file:
        assert file.rate == rate


def test_a_constant_rate_is_as_the_file_states_it(tmp_path):
    assert read_video(write(tmp_path / "constant.mkv", {}), 2, 3, 4)[1] == Fraction(25, 3)


def test_damage_in_the_middle_is_no_shorter_success(tmp_path):
    path = write(tmp_path / "hole.mkv", {"codec": "mjpeg", "pix_fmt": "yuvj420p"})
    damage(path, 8)
    for read in (read_video, VideoFile):
        with pytest.raises(ValueError, match=r"hole\.mkv is damaged at 0\.32 s .* goes on behind it"):
            read(path)
    assert len(read_video(path, count=8)[0]) == 8  # before it all is well
    damage(path, 19)
    with pytest.raises(ValueError, match="damaged at 0"):
        read_video(path)


def test_a_name_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("clip.mp4"), {}).rename("take:1.mp4")
    assert len(read_video("take:1.mp4")[0]) == FRAMES
    with pytest.raises(FileNotFoundError, match="there is no video file http://127"):
        read_video("http://127.0.0.1:1/clip.mp4")


# --- Pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_and_mirrors_as_pillow_does(tmp_path, suffix, orientation):
    picture, exif = PIL.Image.fromarray(pixels(3)), PIL.Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"turned{suffix}"
    picture.save(path, exif=exif, **({"lossless": True} if suffix == ".webp" else {"quality": 100}))
    with PIL.Image.open(path) as opened:
        expected = np.asarray(PIL.ImageOps.exif_transpose(opened).convert("RGB"))
    found = read_image(path).permute(1, 2, 0).mul(255).round().numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < (2 if suffix == ".jpg" else 1e-6)


def test_pictures_of_a_folder_or_a_numbered_name_are_a_clip(tmp_path):
    for number in range(FRAMES):
        PIL.Image.fromarray(pixels(number)).save(tmp_path / f"frame_{number + 95:04d}.png")
    (tmp_path / "notes.txt").write_text("")
    expected = torch.from_numpy(np.stack([pixels(number) for number in range(FRAMES)])).permute(0, 3, 1, 2) / 255
    for source in (tmp_path, tmp_path / "frame_%04d.png"):
        found, rate = read_video(source)
        assert torch.equal(found, expected) and rate == 24
        assert torch.equal(read_video(source, 2, 3, 4)[0], expected[2:14:3])
        with VideoFile(source) as file:
            assert (len(file), file.size, file.sounds) == (FRAMES, (32, 48), ())
            assert torch.equal(file.read(17, 20), expected[17:])
    (tmp_path / "frame_0100.png").unlink()
    with pytest.raises(ValueError, match="number 100 is missing between 95 and 114"):
        read_video(tmp_path / "frame_%04d.png")
    (tmp_path / "frame_0101.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=re.escape("frame_0101.png is not a picture that can be read")):
        read_video(tmp_path)
    with pytest.raises(FileNotFoundError, match="there are no pictures"):
        read_video(tmp_path / "other_%d.png")


def test_pictures_are_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9, 100):
        PIL.Image.fromarray(pixels(number // 10)).save(tmp_path / f"take 2, {number}.png")
    blue = read_video(tmp_path)[0][:, 2, -1, -1].mul(255).round()
    assert blue.tolist() == [0, 10, 100]


@pytest.mark.parametrize("suffix", [".webp", ".png", ".gif"])
def test_animated_pictures_are_clips(tmp_path, suffix):
    frames = [PIL.Image.fromarray(pixels(number)) for number in range(6)]
    path = tmp_path / f"moving{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    found, rate = read_video(path)
    assert len(found) == 6 and rate == 10
    if suffix != ".gif":  # which has 256 colours
        assert torch.equal(found[4].mul(255).round().byte(), torch.from_numpy(pixels(4)).permute(2, 0, 1))
    with VideoFile(path) as file:
        assert len(file) == 6 and torch.equal(file.read(3, 6), found[3:])
