import pytest
import torch

from revideo.composite import feather_inward, keep_unedited


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
