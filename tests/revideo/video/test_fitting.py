import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from revideo.video.fitting import choose_size, describe_frames, fit_frames, place_source

# --- Sizes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [((720, 1280), (768, 1344)), ((1080, 1920), (768, 1344)), ((512, 512), (1024, 1024)), ((640, 360), (1344, 768))],
)
def test_by_area_the_released_examples_sizes_come_out(source, expected):
    assert choose_size(*source, "area", 1024, 1024) == expected


def test_by_the_longest_side():
    assert choose_size(272, 640, "longest side", 1024, 1024) == (448, 1024)
    assert choose_size(640, 272, "longest side", 512, 1024) == (1024, 448)


@pytest.mark.parametrize("policy", ["area", "longest side"])
@pytest.mark.parametrize("source", [(1, 5000), (37, 91), (2160, 3840), (5000, 1)])
@pytest.mark.parametrize("multiple", [8, 64])
def test_chosen_sides_are_positive_multiples(policy, source, multiple):
    sides = choose_size(*source, policy, 576, 1024, multiple)
    assert all(side > 0 and side % multiple == 0 for side in sides)


def test_exact_sizes_are_taken_as_they_are():
    assert choose_size(720, 1280, "exact", 512, 320) == (512, 320)


@pytest.mark.parametrize(
    ("height", "width", "message"),
    [
        (512, 500, "width 500 is not a multiple of 64: take 448 or 512"),
        (700, 512, "height 700 is not a multiple of 64: take 640 or 704"),
        (10, 512, "height 10 is not a multiple of 64: take 64 or 128"),
        (512, 0, "width 0 is not a multiple of 64: take 64 or 128"),
        (-64, 512, "height -64 is not a multiple of 64"),
    ],
)
def test_exact_sizes_that_do_not_fit_are_refused(height, width, message):
    with pytest.raises(ValueError, match=message):
        choose_size(720, 1280, "exact", height, width)


@pytest.mark.parametrize("policy", ["area", "longest side", "exact"])
@pytest.mark.parametrize("side", [2**14, 10**9, 10**30])
def test_sizes_past_all_memory_are_refused(policy, side):
    with pytest.raises(ValueError, match=r"the fitted clip would have .* at most 67108864 are allowed in a frame"):
        choose_size(480, 640, policy, side // 64 * 64, side // 64 * 64)


def test_a_thin_source_that_would_be_cropped_out_of_a_huge_frame_is_refused():
    with pytest.raises(ValueError, match='a frame scaled by fit "crop" would have 16777216×1024 pixels'):
        fit_frames(torch.zeros(1, 3, 1, 16384), 1024, 1024, "crop")


def test_other_policies_are_refused():
    with pytest.raises(ValueError, match='size policy "biggest" is not one of "area", "longest side", "exact"'):
        choose_size(720, 1280, "biggest", 512, 512)


# --- Fit ---------------------------------------------------------------------------------


@pytest.fixture
def gradient():
    """Red rises along x, green along y, both 0 to 1 at pixel centres; blue is constant."""
    y, x = torch.meshgrid((torch.arange(60) + 0.5) / 60, (torch.arange(80) + 0.5) / 80, indexing="ij")
    return torch.stack([x, y, torch.full_like(x, 0.25)])[None].repeat(2, 1, 1, 1)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(64, 64), (128, 64), (64, 192), (60, 80)])
def test_every_fit_gives_the_size_and_stays_in_range(gradient, fit, size):
    fitted = fit_frames(gradient, *size, fit)
    assert fitted.shape == (2, 3, *size)
    assert fitted.min() >= 0 and fitted.max() <= 1
    assert_close(fitted[:, 2], torch.full((2, *size), 0.25))


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_frames_that_fit_already_are_untouched(gradient, fit):
    assert torch.equal(fit_frames(gradient, 60, 80, fit), gradient)


def test_stretch_maps_corner_to_corner(gradient):
    fitted = fit_frames(gradient, 128, 64)
    expected = (torch.arange(64) + 0.5) / 64
    assert_close(fitted[0, 0, 64, 3:-3], expected[3:-3], atol=5e-3, rtol=0)  # bicubic bends at the border


def test_crop_keeps_the_middle_at_the_sources_shape(gradient):
    fitted = fit_frames(gradient, 60, 40, "crop")
    assert torch.equal(fitted, gradient[..., 20:60])


def test_pad_shows_all_and_repeats_the_border(gradient):
    fitted = fit_frames(gradient, 60, 100, "pad")
    assert torch.equal(fitted[..., 10:90], gradient)
    assert torch.equal(fitted[..., :10], gradient[..., :1].expand(-1, -1, -1, 10))
    assert torch.equal(fitted[..., 90:], gradient[..., -1:].expand(-1, -1, -1, 10))


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(64, 64), (128, 64), (64, 192)])
def test_what_is_drawn_on_the_source_moves_along(fit, size):
    frames = torch.zeros(1, 1, 60, 80)
    frames[..., 28:32, 38:42] = 1  # a dot around x 40, y 30
    fitted = fit_frames(frames, *size, fit)[0, 0]
    rows, columns = (fitted > fitted.max() / 2).nonzero(as_tuple=True)
    height, width, top, left = place_source(60, 80, *size, fit)
    assert abs(columns.float().mean() + 0.5 - (left + 40 * width / 80)) < 1
    assert abs(rows.float().mean() + 0.5 - (top + 30 * height / 60)) < 1


def test_other_fits_are_refused(gradient):
    with pytest.raises(ValueError, match='fit "squeeze" is not one of "stretch", "crop", "pad"'):
        fit_frames(gradient, 64, 64, "squeeze")


def test_sizes_that_the_editor_is_held_to():
    """The editor's JavaScript computes them too; its tests read the same file."""
    cases = json.loads((Path(__file__).parents[2] / "data" / "frame_sizes.json").read_text())
    for case in cases:
        size = choose_size(*case["source"], case["policy"], *case["target"])
        assert list(size) == case["size"]
        assert list(place_source(*case["source"], *size, case["fit"])) == case["place"]


@pytest.mark.parametrize(("count", "words"), [(1, "1 frame of 80×60"), (14, "14 frames of 80×60")])
def test_frames_in_words_say_width_then_height(count, words):
    assert describe_frames(torch.zeros(count, 3, 60, 80)) == words
