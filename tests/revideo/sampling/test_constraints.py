"""The lock holds what lies outside the mask, by any sampler, and leaves all else to the model."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from revideo.conditions import signed
from revideo.models.vae import LATENT_SCALE, encode_reference
from revideo.sampling.constraints import clamp_estimates, unedited_weights
from revideo.sampling.samplers import karras_sigmas, sample_euler


@pytest.fixture
def noise():
    return torch.randn(3, 4, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def known(noise):
    """Latents, and how much each cell is held to them."""
    weights = torch.zeros(3, 1, 6, 8, dtype=torch.float64)
    weights[..., :3] = 1
    weights[..., 3] = 0.25
    return torch.linspace(-2, 2, noise.numel(), dtype=torch.float64).view(noise.shape), weights


def halving(x, sigma):
    return x / 2


# --- Cells -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_cell_is_held_by_its_part_of_pixels_outside_the_mask(seed):
    mask = (torch.rand(2, 1, 24, 40, generator=torch.Generator().manual_seed(seed)) > 0.97).float()
    weights = unedited_weights(mask, 8)
    for number, top, left in torch.cartesian_prod(*map(torch.arange, (2, 3, 5))).tolist():
        block = mask[number, 0, 8 * top : 8 * top + 8, 8 * left : 8 * left + 8]
        assert weights[number, 0, top, left] == 1 - block.mean()


# --- Locking -----------------------------------------------------------------------------


def test_locked_to_the_end_the_known_cells_come_out_as_known(noise, known):
    sigmas = karras_sigmas(12).double()
    latents = sample_euler(clamp_estimates(halving, *known), noise * sigmas[0], sigmas)
    alone = sample_euler(halving, noise * sigmas[0], sigmas)
    assert_close(latents[..., :3], known[0][..., :3], atol=1e-9, rtol=0)
    assert torch.equal(latents[..., 4:], alone[..., 4:])
    between, free = ((each - known[0])[..., 3].abs().mean() for each in (latents, alone))
    assert 0.01 * free < between < free


def test_below_its_level_the_model_is_free(noise, known):
    locked = clamp_estimates(halving, *known, until=0.5)
    assert torch.equal(locked(noise, torch.tensor(0.49)), halving(noise, 0))
    for sigma in (torch.tensor(0.5), torch.full((3,), 700.0)):  # ComfyUI's samplers give one for each frame
        latents, weights = known
        expected = weights * latents + (1 - weights) * noise / 2
        assert_close(locked(noise, sigma), expected, atol=1e-12, rtol=0)


def test_nothing_known_changes_nothing(noise, known):
    latents, weights = known
    assert torch.equal(clamp_estimates(halving, latents, weights * 0)(noise, torch.tensor(1.0)), halving(noise, 0))


# --- In the model ------------------------------------------------------------------------


@pytest.mark.device
def test_the_model_holds_the_source_s_own_latents(golden_b):
    model, conditions = golden_b.model, golden_b.conditions
    options = replace(golden_b.options, steps=2, latent_lock=True, lock_until=0.0)
    latents = model.sample(golden_b.conditions, options)
    cells = (unedited_weights(conditions.mask, model.config.vae.stride) == 1).expand_as(latents)
    assert cells.any() and not cells.all()
    with torch.inference_mode():
        encoded = (
            torch.cat([encode_reference(model.vae, signed(frame)) for frame in golden_b.video]).cpu() * LATENT_SCALE
        )
    assert_close(latents[cells], encoded[cells], atol=1e-5, rtol=0)
    free = model.sample(golden_b.conditions, replace(options, latent_lock=False))
    assert (free[cells] - encoded[cells]).abs().mean() > 0.1


@pytest.mark.device
def test_a_lock_that_never_acts_is_no_lock(golden_b):
    options = replace(golden_b.options, steps=2)
    free = golden_b.model.sample(golden_b.conditions, options)
    locked = golden_b.model.sample(golden_b.conditions, replace(options, latent_lock=True, lock_until=1e6))
    assert torch.equal(free, locked)


def test_conditions_without_the_source_are_refused(golden_b):
    conditions = replace(golden_b.conditions, source=None)
    with pytest.raises(ValueError, match="the latent lock needs the source in the conditions"):
        golden_b.model.sample(conditions, replace(golden_b.options, latent_lock=True))
