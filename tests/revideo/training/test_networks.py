"""Fixed latents: blurred colours that move with the picture."""

import torch
from torch.testing import assert_close

from revideo.synthetic.clips import make_clip
from revideo.training.networks import FIXED_LATENT_CHANNELS, FIXED_LATENT_MEAN, FIXED_LATENT_STD, fixed_latents


def test_one_colour_is_one_latent():
    colour = torch.tensor([0.5, -0.5, 0.2]).view(1, 3, 1, 1).expand(1, 3, 32, 48)
    latents = fixed_latents(colour, 8) * FIXED_LATENT_STD.view(1, -1, 1, 1) + FIXED_LATENT_MEAN.view(1, -1, 1, 1)
    assert latents.shape == (1, FIXED_LATENT_CHANNELS, 4, 6)
    expected = torch.tensor([0.2 / 3, 0.5, -0.4 / 3, 0.0]).view(1, 4, 1, 1).expand_as(latents)
    assert_close(latents, expected, atol=1e-5, rtol=0)


def test_they_move_with_the_picture():
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    latents, moved = fixed_latents(picture, 8), fixed_latents(picture.roll((8, 16), (2, 3)), 8)
    assert_close(moved[..., 2:-2, 3:-2], latents.roll((1, 2), (2, 3))[..., 2:-2, 3:-2])


def test_clips_have_about_unit_variance():
    clips = [make_clip(seed, frames=2, height=128, width=160, sprites=(1, 2), coloured=0.4).video for seed in range(60)]
    latents = fixed_latents(torch.cat(clips) * 2 - 1, 8)
    assert (latents.mean((0, 2, 3)).abs() < 0.2).all()
    std = latents.std((0, 2, 3))
    assert (std[:3] > 0.8).all() and std[3] > 0.5  # large things have few corners
    assert (std < 1.35).all()
