"""Sheets show every clip at every moment; picture files hold what was written."""

import cv2
import pytest
import torch

from revideo.pictures.sheets import sheet, size_to_fit, text_size, write_image

T = 5


def test_a_sheet_shows_every_row_at_every_moment():
    levels = torch.linspace(0.2, 1, T).view(T, 1, 1, 1).expand(T, 3, 48, 64)
    picture = sheet({"one": levels, "another\nname": levels.flip(0)}, at=(0, 2, 4))
    for level in (0.2, 0.6, 1.0):
        assert (picture[0] - level).abs().lt(0.005).sum() >= 2 * 48 * 64


def test_a_still_picture_stands_in_the_first_column_only():
    white = torch.ones(1, 3, 48, 64)
    with_still = sheet({"clip": torch.zeros(T, 3, 48, 64), "still": white}, at=(0, 4))
    assert 48 * 64 <= (with_still == 1).all(0).sum() < 1.2 * 48 * 64


def test_frames_of_other_sizes_keep_their_shape():
    picture = sheet({"wide": torch.zeros(1, 3, 50, 100), "tall": torch.ones(1, 3, 300, 200)})
    white_rows = (picture > 0.99).all(0).sum(1)
    assert ((white_rows >= 100).sum()) == 150


def test_a_moment_that_no_row_has_is_named():
    with pytest.raises(ValueError, match=r"the sheet shows frames \[0, 9\]; the longest row has 5"):
        sheet({"clip": torch.zeros(T, 3, 8, 8)}, at=(0, 9))


@pytest.mark.parametrize("width", [20, 64, 1344])
def test_labels_stay_within_their_panel(width):
    for text in ("content", "motion", "area"):
        size = size_to_fit(text, 28, width)
        assert text_size(text, size)[0] <= width or size == 4


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_written_picture_reads_back(tmp_path, suffix):
    ramp = torch.linspace(0, 1, 64).expand(3, 48, 64) * torch.tensor([1.0, 0.6, 0.3]).view(3, 1, 1)
    write_image(tmp_path / f"picture{suffix}", ramp)
    back = cv2.imread(str(tmp_path / f"picture{suffix}"))[..., ::-1].copy()
    torch.testing.assert_close(torch.from_numpy(back).permute(2, 0, 1) / 255, ramp, atol=0.03, rtol=0)
    assert [file.name for file in tmp_path.iterdir()] == [f"picture{suffix}"]


def test_a_suffix_that_is_no_picture_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"picture\.mp4: write pictures as \.png, \.jpg, \.jpeg, \.webp"):
        write_image(tmp_path / "picture.mp4", torch.zeros(3, 8, 8))
