import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from revideo.editing.composite import feather_inward, keep_unedited


@pytest.fixture
def source():
    return torch.rand(3, 3, 40, 60, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def edited():
    return torch.rand(3, 3, 40, 60, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def region():
    mask = torch.zeros(1, 1, 40, 60)
    mask[..., 10:30, 15:45] = 1
    return mask


@pytest.mark.parametrize("feather_px", [0, 1, 8, 100])
def test_outside_the_region_every_bit_is_the_sources(source, edited, region, feather_px):
    kept = keep_unedited(source, edited, region, feather_px)
    outside = (region == 0).expand_as(source)
    assert torch.equal(kept[outside], source[outside])


@pytest.mark.parametrize("feather_px", [0, 4])
def test_deep_inside_the_edit_shows_alone(source, edited, region, feather_px):
    kept = keep_unedited(source, edited, region, feather_px)
    assert torch.equal(kept[..., 15:25, 20:40], edited[..., 15:25, 20:40])


def test_without_feather_the_edit_fills_the_region(source, edited, region):
    assert torch.equal(keep_unedited(source, edited, region, 0), torch.where(region > 0, edited, source))


def test_the_seam_rises_inward(region):
    weights = feather_inward(region[0, 0], 4)
    across = weights[20, 15:30]
    assert (weights[region[0, 0] == 0] == 0).all()
    assert (across.diff() >= 0).all()
    assert ((across > 0) & (across < 1)).sum() == 4
    assert across[0] > 0 and across[-1] == 1


def test_the_frames_border_is_no_seam():
    mask = torch.zeros(40, 60)
    mask[:, 30:] = 1
    weights = feather_inward(mask, 6)
    assert torch.equal(weights, weights[:1].expand(40, -1))
    assert (weights[:, -1] == 1).all()
    assert (feather_inward(torch.ones(40, 60), 6) == 1).all()


def test_each_frame_follows_its_own_mask(source, edited, region):
    masks = torch.cat([region, torch.zeros_like(region), torch.ones_like(region)])
    kept = keep_unedited(source, edited, masks, 3)
    assert torch.equal(kept[0], keep_unedited(source, edited, region, 3)[0])
    assert torch.equal(kept[1], source[1])
    assert torch.equal(kept[2], edited[2])


def test_an_edit_that_changed_nothing_changes_nothing(source, region):
    assert torch.allclose(keep_unedited(source, source, region, 5), source)


def test_videos_of_other_sizes_are_refused(source, edited, region):
    with pytest.raises(ValueError, match="the original is 3 frames of 60×40, the edited video 1 frame of 60×40"):
        keep_unedited(source, edited[:1], region, 4)
    with pytest.raises(ValueError, match="the original is 3 frames of 60×40, the edited video 3 frames of 30×40"):
        keep_unedited(source, edited[..., :30], region, 4)


def test_masks_that_do_not_fit_are_refused(source, edited, region):
    with pytest.raises(ValueError, match="the mask is 1 frame of 60×20, the video 3 frames of 60×40"):
        keep_unedited(source, edited, region[..., :20, :], 4)
    with pytest.raises(ValueError, match="the mask is 2 frames of 60×40, the video 3 frames"):
        keep_unedited(source, edited, region.repeat(2, 1, 1, 1), 4)


# --- Matching ----------------------------------------------------------------------------


def smooth(seed: int) -> torch.Tensor:
    """(3, 3, 40, 60), far from 0 and 1, so that no correction is cut off."""
    coarse = torch.rand(3, 3, 4, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 0.3 + 0.4 * F.interpolate(coarse, (40, 60), mode="bilinear")


@pytest.mark.parametrize("match", ["colours", "gradients"])
def test_light_that_the_model_shifted_everywhere_is_shifted_back(match, region):
    source = smooth(0)
    shift = torch.tensor([0.1, -0.05, 0.02]).view(3, 1, 1)
    assert_close(keep_unedited(source, source + shift, region, 4, match), source, atol=1e-6, rtol=0)


@pytest.mark.parametrize("match", ["none", "colours", "gradients"])
@pytest.mark.parametrize("seed", range(4))
def test_outside_the_region_every_bit_is_the_sources_whatever_is_matched(match, seed, source, edited):
    region = (torch.rand(3, 1, 5, 6, generator=torch.Generator().manual_seed(seed)) > 0.6).float()
    region = F.interpolate(region, (40, 60))
    kept = keep_unedited(source, edited, region, 3, match)
    outside = (region == 0).expand_as(source)
    assert torch.equal(kept[outside], source[outside])


def test_colours_follow_the_ring_and_not_the_area(region):
    source = torch.full((3, 3, 40, 60), 0.5)
    edited = torch.where(region > 0, 0.2, 0.4)  # the ring strayed by −0.1
    kept = keep_unedited(source, edited.expand_as(source), region, 0, "colours")
    assert_close(kept, torch.where(region > 0, 0.3, 0.5).expand_as(source))


def laplacian(frames: torch.Tensor) -> torch.Tensor:
    around = frames[..., :-2, 1:-1] + frames[..., 2:, 1:-1] + frames[..., 1:-1, :-2] + frames[..., 1:-1, 2:]
    return around - 4 * frames[..., 1:-1, 1:-1]


def test_gradients_inside_are_the_edit_s_and_no_step_is_left_at_the_border(region):
    source, edited = smooth(0), smooth(1)
    kept = keep_unedited(source, edited, region, 0, "gradients")
    inside = (region > 0)[..., 1:-1, 1:-1].expand(3, 3, -1, -1)
    assert_close(laplacian(kept)[inside], laplacian(edited)[inside], atol=1e-9, rtol=0)
    hard = keep_unedited(source, edited, region, 0)
    steps, hard_steps = ((frames[..., 10, 15:45] - source[..., 9, 15:45]).abs().mean() for frames in (kept, hard))
    assert steps < hard_steps / 5


def test_gradients_are_matched_as_opencv_s_seamless_clone_does():
    source, edited = smooth(0)[:1], smooth(1)[:1]
    mask = torch.zeros(1, 1, 40, 60)
    mask[..., 10:30, 15:45] = 1
    kept = keep_unedited(source, edited, mask, 0, "gradients")
    as_cv, cloned = (
        (frames[0] * 255).round().byte().permute(1, 2, 0).contiguous().numpy() for frames in (source, edited)
    )
    oracle = cv2.seamlessClone(cloned, as_cv, mask[0, 0].byte().numpy() * 255, (30, 20), cv2.NORMAL_CLONE)
    difference = kept[0].permute(1, 2, 0).numpy() * 255 - oracle
    assert np.abs(difference).mean() < 3  # of 255: it works at 8 bits, on a mask of its own by a pixel
    assert np.abs(difference).mean() < np.abs((edited - source)[0, :, 10:30, 15:45].numpy() * 255).mean() / 5


def test_an_area_at_the_frame_s_border_is_matched_too():
    source = smooth(0)
    region = torch.zeros(3, 1, 40, 60)
    region[:, :, :15] = 1
    region[1, :, :, 40:] = 1
    assert_close(keep_unedited(source, source + 0.1, region, 0, "gradients"), source, atol=1e-6, rtol=0)
    assert_close(keep_unedited(source, 1 - source, torch.ones(1, 1, 40, 60), 0, "gradients"), 1 - source)


def test_an_unknown_match_is_named(source, edited, region):
    with pytest.raises(ValueError, match='match "poisson" is not one of none, colours, gradients'):
        keep_unedited(source, edited, region, 4, "poisson")
