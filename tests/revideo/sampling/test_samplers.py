import math
import re
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from revideo import SamplerOptions
from revideo.sampling.samplers import (
    AYS_SIGMAS,
    PRESETS,
    ays_sigmas,
    euler_step,
    guidance_scales,
    guide,
    karras_sigmas,
    sample_dpmpp_2m,
    sample_euler,
    sample_euler_ancestral,
    sampler_options,
)

DEVIATION = 0.5  # of the Gaussian whose ideal denoiser is known


def gaussian_denoiser(x, sigma):
    """The mean of clean data of DEVIATION, seen at noise level sigma."""
    return x * DEVIATION**2 / (DEVIATION**2 + sigma**2)


@pytest.fixture
def noise():
    return torch.randn(2, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def sigmas_of(steps):
    return karras_sigmas(steps).double()


# --- Noise levels ------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [2, 4, 15, 25, 100])
def test_noise_levels_fall_from_the_highest_to_zero(steps):
    sigmas = karras_sigmas(steps, 0.01, 80)
    assert len(sigmas) == steps + 1
    assert (sigmas.diff() < 0).all()
    assert sigmas[-1] == 0
    assert_close(sigmas[[0, -2]], torch.tensor([80, 0.01]), rtol=1e-4, atol=0)


def test_noise_levels_are_even_in_their_seventh_root():
    roots = karras_sigmas(12)[:-1].double() ** (1 / 7)
    assert_close(roots.diff(), roots.diff().mean().expand(11), rtol=1e-4, atol=0)


def test_one_step_is_from_the_highest_level():
    assert_close(karras_sigmas(1), torch.tensor([700.0, 0]))


def test_ten_steps_align_as_published():
    assert_close(ays_sigmas(10), torch.tensor([*AYS_SIGMAS[:-1], 0.0]))


@pytest.mark.parametrize("steps", [1, 2, 5, 7, 20, 25])
def test_aligned_levels_of_other_counts_lie_between_the_published_ones(steps):
    sigmas = ays_sigmas(steps)
    assert (len(sigmas), sigmas[-1]) == (steps + 1, 0)
    assert (sigmas.diff() < 0).all()
    published = np.interp(np.linspace(0, 10, steps + 1), range(11), np.log(AYS_SIGMAS))
    assert_close(sigmas[:-1].double().log(), torch.from_numpy(published[:-1]), rtol=1e-6, atol=1e-6)


# --- Guidance ----------------------------------------------------------------------------


def test_guidance_rises_evenly_from_first_to_last_frame():
    assert guidance_scales(4, 1, 4).tolist() == [1, 2, 3, 4]
    assert guidance_scales(14, 2.5, 2.5).unique().tolist() == [2.5]


def test_guidance_weighs_each_frame_by_its_own_scale(noise):
    unconditional, conditional = torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2)
    guided = guide(torch.stack([unconditional, conditional]), torch.tensor([0.0, 1.0, 4.0]))
    assert guided[:, 0, 0, 0].tolist() == [0, 1, 4]


def test_branches_that_agree_need_no_guidance(noise):
    assert_close(guide(torch.stack([noise, noise]), torch.tensor([1.0, 7.5])), noise)


# --- Euler -------------------------------------------------------------------------------


def test_a_known_picture_is_reached_in_any_number_of_steps(noise):
    picture = torch.ones_like(noise) * 0.3
    for steps in (1, 3, 10):
        sigmas = sigmas_of(steps)
        assert_close(sample_euler(lambda x, sigma: picture, noise * sigmas[0], sigmas), picture, atol=1e-9, rtol=0)


def test_euler_on_a_gaussian_is_a_product_of_known_factors(noise):
    sigmas = sigmas_of(20)
    factor = 1.0
    for sigma, after in pairwise(sigmas.tolist()):
        factor *= 1 + (after - sigma) * sigma / (DEVIATION**2 + sigma**2)
    assert_close(sample_euler(gaussian_denoiser, noise, sigmas), noise * factor, rtol=1e-9, atol=0)


def test_euler_converges_to_the_exact_flow_at_first_order(noise):
    start = noise * 700
    exact = start * DEVIATION / (DEVIATION**2 + 700**2) ** 0.5
    errors = [
        (sample_euler(gaussian_denoiser, start, sigmas_of(steps)) - exact).abs().max().item()
        for steps in (100, 200, 400)
    ]
    assert errors[2] < 0.02
    assert all(1.8 < coarse / fine < 2.2 for coarse, fine in pairwise(errors))


# --- Ancestral ---------------------------------------------------------------------------


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_an_ancestral_step_is_the_posterior_of_what_is_less_noisy(noise):
    """Of x = clean + σ·noise and x' = clean + σ'·noise, whose rest is independent, given x and clean."""
    sigma, after, picture = 3.0, 2.0, torch.ones_like(noise) * 0.3
    x, sigmas = noise * sigma, torch.tensor([sigma, after], dtype=torch.float64)
    found = sample_euler_ancestral(lambda x, sigma: picture, x, sigmas, generator=seeded())
    mean = picture + (after / sigma) ** 2 * (x - picture)
    deviation = (after**2 * (sigma**2 - after**2) / sigma**2) ** 0.5
    assert_close((found - mean) / deviation, torch.randn(noise.shape, generator=seeded()).double())


def test_ancestral_samples_are_as_spread_as_the_data():
    noise = torch.randn(64, 4, 16, 16, dtype=torch.float64, generator=seeded(1))
    found = sample_euler_ancestral(gaussian_denoiser, noise * 700, sigmas_of(1000), generator=seeded(2))
    assert found.std().item() == pytest.approx(DEVIATION, rel=0.02)
    assert abs(torch.corrcoef(torch.stack([found.flatten(), noise.flatten()]))[0, 1]) < 0.02  # no step's noise alone


# --- Second order ------------------------------------------------------------------------


def test_second_order_reaches_a_known_picture_too(noise):
    picture = torch.ones_like(noise) * 0.3
    for sigmas in (sigmas_of(3), ays_sigmas(10).double()):
        found = sample_dpmpp_2m(lambda x, sigma: picture, noise * sigmas[0], sigmas)
        assert_close(found, picture, atol=1e-9, rtol=0)


def test_second_order_converges_at_second_order(noise):
    """To the exact flow down to 0.1; the last step, to 0, is always of first order."""
    start, end = noise * 700, 0.1
    exact = start * ((DEVIATION**2 + end**2) / (DEVIATION**2 + 700**2)) ** 0.5
    errors = []
    for steps in (50, 100, 200):
        sigmas = torch.logspace(math.log10(700), math.log10(end), steps + 1, dtype=torch.float64)
        errors.append((sample_dpmpp_2m(gaussian_denoiser, start, sigmas) - exact).abs().max().item())
    assert all(3.5 < coarse / fine < 4.5 for coarse, fine in pairwise(errors))


def test_second_order_in_ten_aligned_steps_beats_euler(noise):
    sigmas = ays_sigmas(10).double()
    start = noise * 700
    exact = start * DEVIATION / (DEVIATION**2 + 700**2) ** 0.5
    second, first = (
        (sample(gaussian_denoiser, start, sigmas) - exact).abs().max() for sample in (sample_dpmpp_2m, sample_euler)
    )
    assert second < first / 2


def test_the_callback_hears_each_step_of_second_order(noise):
    heard = []
    sample_dpmpp_2m(gaussian_denoiser, noise, sigmas_of(4), heard.append)
    assert [progress.done for progress in heard] == [1, 2, 3, 4]
    assert_close(heard[0].latents, gaussian_denoiser(noise, sigmas_of(4)[0]))


def test_a_step_moves_along_the_line_to_the_estimate(noise):
    denoised = noise * 0.1
    halfway = euler_step(noise, denoised, torch.tensor(2.0), torch.tensor(1.0))
    assert_close(halfway, (noise + denoised) / 2)


def test_the_callback_hears_each_step_and_its_estimate(noise):
    heard = []
    sigmas = sigmas_of(5)
    sample_euler(gaussian_denoiser, noise, sigmas, heard.append)
    assert [progress.done for progress in heard] == [1, 2, 3, 4, 5]
    assert_close(heard[0].latents, gaussian_denoiser(noise, sigmas[0]))


def test_a_callback_that_raises_ends_the_run_within_one_step(noise):
    levels = []

    def denoise(x, sigma):
        levels.append(sigma)
        return gaussian_denoiser(x, sigma)

    def interrupt(progress):
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_euler(denoise, noise, sigmas_of(10), interrupt)
    assert len(levels) == 2


# --- Options -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 10000, not 0"),
        ({"steps": 2.5}, "steps must be a whole number from 1 to 10000, not 2.5"),
        ({"steps": 10**9}, "steps must be a whole number from 1 to 10000, not 1000000000"),
        ({"steps": True}, "steps must be a whole number from 1 to 10000, not True"),
        ({"seed": 0.5}, "seed must be a whole number from 0 to 18446744073709551615, not 0.5"),
        ({"seed": -1}, "seed must be a whole number from 0 to 18446744073709551615, not -1"),
        ({"seed": 2**64}, "seed must be a whole number from 0 to 18446744073709551615, not 18446744073709551616"),
        ({"seed": "23"}, "seed must be a whole number from 0 to 18446744073709551615, not '23'"),
        ({"cfg_last": float("inf")}, "cfg_last must be a number from -100 to 100, not inf"),
        ({"cfg_first": float("nan")}, "cfg_first must be a number from -100 to 100, not nan"),
        ({"cfg_first": None}, "cfg_first must be a number from -100 to 100, not None"),
        ({"rho": 0}, "rho must be a number from 1 to 100, not 0"),
        ({"fps": 10**30}, f"fps must be a whole number from 1 to 1000, not {10**30}"),
        ({"motion_bucket": -5}, "motion_bucket must be a whole number from 0 to 10000, not -5"),
        ({"sigma_min": 0.0}, "sigma_min must be a number from 1e-06 to 100000, not 0.0"),
        ({"sigma_min": 800.0}, "sigma_min 800 must lie between 0 and sigma_max 700"),
        ({"sigma_max": float("nan")}, "sigma_max must be a number from 1e-06 to 100000, not nan"),
        ({"noise_augmentation": -0.1}, "noise_augmentation must be a number from 0 to 100, not -0.1"),
        ({"noise_augmentation": 1j}, "noise_augmentation must be a number from 0 to 100, not 1j"),
        ({"added_noise": -0.1}, "added_noise must be a number from 0 to 100, not -0.1"),
        ({"added_noise": float("nan")}, "added_noise must be a number from 0 to 100, not nan"),
        ({"lock_until": -1.0}, "lock_until must be a number from 0 to inf, not -1.0"),
        ({"schedule": "linear"}, "schedule must be one of karras, ays, not linear"),
        ({"solver": "heun"}, "solver must be one of euler, euler_ancestral, dpmpp_2m, not heun"),
        ({"guide_from": 1.0, "guide_until": 2.0}, "guide_until 2 must lie between 0 and guide_from 1"),
        ({"control_every": 0}, "control_every must be a whole number from 1 to 10000, not 0"),
    ],
)
def test_options_that_cannot_work_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SamplerOptions(**options)


def test_what_is_not_refused_gives_falling_finite_levels():
    for (low, high), rho, steps in product([(1e-6, 1e5), (99_999, 1e5), (1e-6, 2e-6)], [1, 7, 100], [1, 2, 10_000]):
        sigmas = SamplerOptions(steps=steps, sigma_min=low, sigma_max=high, rho=rho).sigmas()
        assert sigmas.isfinite().all() and (sigmas.diff() <= 0).all()


def test_numpys_numbers_are_numbers():
    assert SamplerOptions(steps=np.int64(4), cfg_last=np.float32(2)).sigmas().shape == (5,)


def test_defaults_are_those_of_the_released_examples():
    options = SamplerOptions()
    assert options.encoder_noise == options.noise_augmentation
    assert (options.cfg_first, options.cfg_last, options.seed) == (1, 4, 23)
    assert (options.motion_bucket, options.noise_augmentation) == (127, 0.02)
    assert (options.sigma_max, options.sigma_min, options.rho) == (700, 0.002, 7)


# --- Presets -----------------------------------------------------------------------------


def test_the_exact_preset_is_the_defaults():
    assert sampler_options() == sampler_options("exact") == SamplerOptions()


def test_what_is_told_goes_before_the_preset():
    assert sampler_options("fast", steps=12, seed=4) == replace(sampler_options("fast"), steps=12, seed=4)


@pytest.mark.parametrize("name", PRESETS)
def test_of_a_preset_s_noise_levels_the_last_are_left_to_the_model(name):
    """As of the exact ones: a lock that held to the end would leave seams."""
    options = sampler_options(name)
    levels = options.sigmas()[:-1]
    assert 1 <= (levels < options.lock_until).sum() <= 3 and levels[0] > options.lock_until


def test_an_unknown_preset_is_named():
    with pytest.raises(ValueError, match="preset must be one of exact, 2x, 5x, 8x, fast, not slow"):
        sampler_options("slow")


def test_a_value_that_a_preset_has_no_room_for_is_refused_with_its_name():
    """Nobody who gives one end of the range need know the preset's other."""
    with pytest.raises(ValueError, match=r"^with preset 5x, guide_until 5 must lie between 0 and guide_from 3$"):
        sampler_options("5x", guide_from=3.0)
    with pytest.raises(ValueError, match=r"^steps must be a whole number"):
        sampler_options("5x", steps=0)
