"""Metrics agree with known ones, have their best value where nothing differs, and see only their mask."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.testing import assert_close
from torchmetrics.functional.image import structural_similarity_index_measure

from revideo import Trajectories
from revideo.evaluation.metrics import flow_errors, masked_psnr, masked_ssim, path_errors, psnr, seam

FRAMES, HEIGHT, WIDTH = 3, 40, 56
EVERYWHERE = torch.ones(1, 1, HEIGHT, WIDTH, dtype=torch.bool)


def random_video(seed: int) -> torch.Tensor:
    """Smooth enough that neighbours resemble each other, as in pictures."""
    coarse = torch.rand(FRAMES, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)


@pytest.fixture
def source():
    return random_video(0)


@pytest.fixture
def video(source):
    return (source + 0.05 * torch.randn(source.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)


def random_mask(seed: int, frames: int) -> torch.Tensor:
    """A rectangle per frame, (frames, 1, H, W) bool."""
    draw = np.random.default_rng(seed)
    mask = torch.zeros(frames, 1, HEIGHT, WIDTH, dtype=torch.bool)
    for frame in mask:
        top, left = draw.integers(0, HEIGHT - 20), draw.integers(0, WIDTH - 20)
        frame[:, top : top + draw.integers(14, 20), left : left + draw.integers(14, 20)] = True
    return mask


def as_skimage(frame: torch.Tensor) -> np.ndarray:
    return frame.double().permute(1, 2, 0).numpy()


# --- Oracles -----------------------------------------------------------------------------


def test_psnr_is_scikit_image_s(source, video):
    whole, frames = masked_psnr(video, source, EVERYWHERE)
    assert whole == pytest.approx(
        peak_signal_noise_ratio(source.double().numpy(), video.double().numpy(), data_range=1)
    )
    for number, value in enumerate(frames.tolist()):
        oracle = peak_signal_noise_ratio(as_skimage(source[number]), as_skimage(video[number]), data_range=1)
        assert abs(value - oracle) < 1e-6
    assert whole == pytest.approx(psnr(video, source), abs=1e-9)


def test_ssim_is_scikit_image_s(source, video):
    for number, value in enumerate(masked_ssim(video, source, EVERYWHERE).tolist()):
        oracle = structural_similarity(
            as_skimage(source[number]),
            as_skimage(video[number]),
            data_range=1,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert abs(value - oracle) < 1e-6


def test_ssim_in_a_mask_is_torchmetrics_map_over_the_pixels_well_inside(source, video):
    mask = random_mask(3, 1)
    _, full = structural_similarity_index_measure(
        video.double(), source.double(), data_range=1.0, return_full_image=True
    )
    inside = torch.nn.functional.max_pool2d((~mask).float(), 11, 1, 5) == 0
    for number, value in enumerate(masked_ssim(video, source, mask).tolist()):
        assert abs(value - full[number][:, inside[0, 0]].mean().item()) < 1e-6


def test_a_known_error_has_its_decibels(source):
    assert psnr(torch.zeros(4), torch.full((4,), 0.1)) == pytest.approx(20, abs=1e-6)
    assert psnr(source, source) == 100


def test_the_video_s_psnr_is_that_of_its_mean_error_not_the_mean_of_its_frames(source):
    broken = source.clone()
    broken[0] = 1 - source[0]
    whole, frames = masked_psnr(broken, source, EVERYWHERE)
    assert frames[1:].tolist() == [100, 100]
    assert whole == pytest.approx(frames[0].item() + 10 * np.log10(FRAMES))


# --- Identity ----------------------------------------------------------------------------


def test_equal_videos_have_the_best_of_every_metric(source):
    mask = random_mask(1, 1)
    assert masked_psnr(source, source, mask)[0] == 100
    assert_close(masked_ssim(source, source, mask), torch.ones(FRAMES).double(), atol=1e-12, rtol=0)
    assert seam(source, source, mask)[0] == 1
    assert seam(source, source, mask)[1].tolist() == [1] * FRAMES


# --- Masks -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("frames", [1, FRAMES])
def test_what_lies_outside_the_mask_has_no_say(source, video, seed, frames):
    where = random_mask(seed, frames)
    elsewhere = torch.where(where, video, torch.rand(video.shape, generator=torch.Generator().manual_seed(seed)))
    assert masked_psnr(elsewhere, source, where)[0] == masked_psnr(video, source, where)[0]
    assert torch.equal(masked_psnr(elsewhere, source, where)[1], masked_psnr(video, source, where)[1])
    assert torch.equal(masked_ssim(elsewhere, source, where), masked_ssim(video, source, where))


@pytest.mark.parametrize("seed", range(4))
def test_what_lies_inside_the_mask_has_a_say(source, video, seed):
    where = random_mask(seed, 1)
    changed = torch.where(where, 1 - video, video)
    assert masked_psnr(changed, source, where)[0] < masked_psnr(video, source, where)[0]
    assert (masked_ssim(changed, source, where) < masked_ssim(video, source, where)).all()


def test_a_frame_in_which_nothing_counts_has_no_metric(source, video):
    where = random_mask(0, FRAMES)
    where[1] = False
    assert masked_psnr(video, source, where)[1].isnan().tolist() == [False, True, False]
    assert masked_ssim(video, source, where).isnan().tolist() == [False, True, False]
    assert seam(video, source, where)[1].isnan().tolist() == [False, True, False]


def test_a_mask_thinner_than_the_window_has_no_ssim(source, video):
    thin = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    thin[..., 5:15, :] = True
    assert masked_ssim(video, source, thin).isnan().all()
    assert masked_ssim(video[..., :8, :], source[..., :8, :], thin[..., :8, :]).isnan().all()


# --- Seams -------------------------------------------------------------------------------


@pytest.fixture
def square():
    mask = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    mask[..., 2:6, 2:6] = True
    return mask


def test_the_seam_counts_only_steps_across_the_border(square):
    stripes = torch.arange(8.0).expand(2, 3, 8, 8) / 10
    inside, outside = stripes.clone(), stripes.clone()
    inside[..., 3:5, 3:5] = 0
    outside[..., :1, :] = 1
    for other in (inside, outside):
        assert seam(other, stripes, square)[0] == 1


def test_a_step_twice_as_high_has_four_times_the_energy(square):
    low, high = (square.expand(3, 3, -1, -1) * step for step in (0.2, 0.4))
    assert seam(high, low, square)[0] == pytest.approx(4, rel=1e-5)


def test_a_seam_on_flat_ground_is_large_and_finite(square):
    flat = torch.full((3, 3, 8, 8), 0.5)
    assert seam(flat, flat, square)[0] == 1
    assert 1e4 < seam(flat + 0.1 * square, flat, square)[0] < float("inf")


# --- Paths and flow ----------------------------------------------------------------------


def test_a_path_s_error_is_its_distance_where_it_was_asked_for():
    asked = Trajectories(torch.zeros(2, 4, 2), torch.ones(2, 4, dtype=torch.bool))
    asked.visible[1, 2] = False
    found = Trajectories(torch.tensor([3.0, 4.0]).expand(2, 4, 2), torch.zeros(2, 4, dtype=torch.bool))
    errors = path_errors(found, asked)
    assert errors[0].tolist() == [5] * 4
    assert errors[1].isnan().tolist() == [False, False, True, False]


def test_known_translations_have_known_end_point_errors():
    still, moved = torch.zeros(2, 2, 6, 9), torch.zeros(2, 2, 6, 9)
    moved[0, 0], moved[0, 1] = 3, 4
    moved[1, 0, :, 4:] = 2
    everywhere = torch.ones(1, 1, 6, 9, dtype=torch.bool)
    left = everywhere.clone()
    left[..., 4:] = False
    assert flow_errors(still, moved, everywhere).tolist() == pytest.approx([5, 2 * 5 / 9])
    assert flow_errors(still, moved, left).tolist() == [5, 0]
