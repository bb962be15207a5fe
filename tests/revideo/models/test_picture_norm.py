"""Norms of pictures against the same in double precision."""

import pytest
import torch
from torch import Tensor, nn

from revideo.models.picture_norm import PictureNorm


def relative_rms(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).square().mean().sqrt() / expected.square().mean().sqrt()).item()


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 4e-3)])
@pytest.mark.parametrize(("channels", "groups"), [(32, 32), (48, 4), (128, 32)])
def test_norms_are_exact_however_far_from_zero(channels, groups, dtype, tolerance):
    generator = torch.Generator().manual_seed(0)
    far = 10 * torch.rand(channels, 1, 1, generator=generator)
    pictures = (far + torch.randn(3, channels, 5, 8, generator=generator)).to(dtype)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    norm = PictureNorm(groups, channels)
    nn.init.normal_(norm.weight, 1, generator=generator)
    nn.init.normal_(norm.bias, generator=generator)
    norm = norm.to(dtype)
    found = norm(pictures)
    assert found.dtype == dtype and found.is_contiguous(memory_format=torch.channels_last)
    norm.plain = True
    if channels > groups and dtype == torch.float32:
        assert not torch.equal(norm(pictures), found)  # torch's kernel is another, and off by 1e-5
    assert relative_rms(found.double(), norm.double()(pictures.double())) < tolerance
