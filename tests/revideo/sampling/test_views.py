"""A clip's latents seen from several sides: what fills a short side's window up is no copy of what it shows."""

from __future__ import annotations

import torch
from torch import Tensor

from revideo.pipeline.pipeline import sample_from_noise
from revideo.sampling.views import View, join_views

SIGMAS = torch.tensor([80.0, 20.0, 5.0, 1.0, 0.0])
SHAPE = (3, 4, 8, 8)


def seen_at_each_step(estimate: float, noise: Tensor) -> list[Tensor]:
    """What a model is shown of three frames forth and back, which takes everything for one and the same."""
    seen = []

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        seen.append((x - estimate) / sigma)
        return torch.full_like(x, estimate)

    joined = join_views([View(denoise, [0, 1, 2, 1, 0, 1], torch.ones(3))])
    latents = sample_from_noise(joined, noise, SIGMAS, None)
    torch.testing.assert_close(latents, torch.full_like(latents, estimate))
    return seen


def test_padding_has_noise_of_its_own_at_the_level_of_every_step():
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    first, *later = seen_at_each_step(0.0, noise)
    clip, padding = first[:3], first[3:]
    assert 0.8 < padding.std() < 1.2
    alike = torch.corrcoef(torch.cat([clip, padding]).flatten(1)).fill_diagonal_(0)
    assert alike.abs().max() < 0.3  # none is another's, in the clip or outside
    for step in later:
        torch.testing.assert_close(step[3:], padding)


def test_padding_goes_where_it_is_led_and_every_run_begins_alike():
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    steps = seen_at_each_step(7.0, noise)
    assert steps[-1][3:].std() < 1.2 and steps[-1][3:].mean().abs() < 0.5  # around what it is led to
    for one, other in zip(steps, seen_at_each_step(7.0, noise)):
        assert torch.equal(one, other)
