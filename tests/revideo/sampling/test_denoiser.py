from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from revideo.sampling.denoiser import denoise


class KnownVelocity:
    """Stands for both networks: remembers what it was asked, answers a velocity it was given."""

    dtype = torch.float32

    def __init__(self, velocity):
        self.velocity = velocity

    def fuse(self, conditions, c_noise):
        return conditions

    def __call__(self, latents, c_noise, context, time_ids, control):
        self.asked = latents, c_noise, context, time_ids, control
        return self.velocity.expand(len(latents), *self.velocity.shape)


@pytest.fixture(scope="module")
def conditioning(golden_b):
    return golden_b.model.condition(golden_b.conditions, golden_b.options, golden_b.reference["cond_aug_noise"])


@pytest.fixture(scope="module")
def clean(golden_b):
    return golden_b.reference["latents"]


@pytest.mark.parametrize("sigma", [0.01, 1.0, 14.6, 700.0])
def test_the_true_velocity_gives_back_the_clean_latents(golden_b, conditioning, clean, sigma):
    noise = golden_b.reference["noise"]
    velocity = (noise - sigma * clean) / (1 + sigma**2) ** 0.5
    network = KnownVelocity(velocity)
    estimate = denoise(network, network, clean + sigma * noise, torch.tensor(sigma), conditioning)
    assert_close(estimate[0], clean, atol=1e-3, rtol=1e-3)


def test_the_network_sees_scaled_latents_beside_the_reference(golden_b, conditioning):
    noise, sigma = golden_b.reference["noise"], torch.tensor([3.0])
    network = KnownVelocity(torch.zeros_like(noise))
    denoise(network, network, noise * 3, sigma, conditioning)
    latents, c_noise, context, time_ids, _ = network.asked
    assert_close(latents[0, :, :4], noise * 3 / 10**0.5)
    assert_close(latents[0, :, 4:], conditioning.reference.expand_as(noise))
    assert_close(c_noise, sigma.log() / 4)
    assert torch.equal(context, conditioning.context)
    assert torch.equal(time_ids, conditioning.time_ids)


@torch.inference_mode()
def test_both_branches_in_one_batch_equal_each_alone(golden_b, conditioning):
    model, sigma = golden_b.model, torch.tensor(2.0)
    x = golden_b.reference["noise"] * sigma
    no_image = replace(
        conditioning,
        context=torch.zeros_like(conditioning.context),
        reference=torch.zeros_like(conditioning.reference),
    )
    together = denoise(model.unet, model.controlnet, x, sigma, conditioning.with_unconditional())
    for branch, alone in zip(together, (no_image, conditioning), strict=True):
        assert_close(branch, denoise(model.unet, model.controlnet, x, sigma, alone)[0], atol=1e-5, rtol=1e-4)
    apart = denoise(model.unet, model.controlnet, x, sigma, conditioning.with_unconditional(), batched=False)
    assert_close(apart, together, atol=1e-5, rtol=1e-4)
    assert (together[0] - together[1]).abs().max() > 1e-3


@torch.inference_mode()
def test_at_low_noise_the_latents_stay_as_they_are(golden_b, conditioning, clean):
    model = golden_b.model
    estimate = denoise(model.unet, model.controlnet, clean, torch.tensor(1e-4), conditioning)[0]
    assert_close(estimate, clean, atol=1e-2, rtol=0)


@torch.inference_mode()
def test_sigma_may_come_in_any_shape(golden_b, conditioning):
    model = golden_b.model
    x = golden_b.reference["noise"]
    number = denoise(model.unet, model.controlnet, x, torch.tensor(2.0), conditioning)
    vector = denoise(model.unet, model.controlnet, x, torch.full((len(x),), 2.0), conditioning)
    assert torch.equal(number, vector)
