import numpy as np
import pytest
import torch
from torch.testing import assert_close

from revideo.models.image_encoder import CLIP_MEAN, CLIP_STD, clip_pixels, embed_image


def gaussian_rows(picture, sigma):
    """Blurs the last axis of a float64 array, mirrored at its border."""
    size = int(max(4 * sigma, 3)) | 1  # kornia's window: two deviations to each side
    kernel = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    padded = np.pad(picture, [(0, 0)] * (picture.ndim - 1) + [(size // 2, size // 2)], mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)
    return windows @ (kernel / kernel.sum())


def cubic_rows(picture, size):
    """Samples the last axis at `size` places from the first pixel to the last, by Keys' cubic with a = -0.75."""
    length, a = picture.shape[-1], -0.75
    places = np.linspace(0, length - 1, size)
    first = np.floor(places).astype(int)
    sampled = 0
    for offset in (-1, 0, 1, 2):
        distance = np.abs(places - (first + offset))
        near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
        far = a * (distance**3 - 5 * distance**2 + 8 * distance - 4)
        weight = np.where(distance <= 1, near, far)
        sampled = sampled + weight * picture[..., np.clip(first + offset, 0, length - 1)]
    return sampled


def oracle(reference, size=224):
    """Gaussian of (factor − 1)/2 per axis when shrinking, bicubic with aligned corners, then CLIP's mean and std."""
    picture = reference.double().numpy()
    factors = picture.shape[1] / size, picture.shape[2] / size
    if max(factors) > 1:  # both axes are blurred when one of them shrinks
        sigmas = [max((factor - 1) / 2, 0.001) for factor in factors]
        picture = gaussian_rows(gaussian_rows(picture, sigmas[1]).swapaxes(1, 2), sigmas[0]).swapaxes(1, 2)
    picture = cubic_rows(cubic_rows(picture, size).swapaxes(1, 2), size).swapaxes(1, 2)
    mean, std = (np.array(value)[:, None, None] for value in (CLIP_MEAN, CLIP_STD))
    return torch.from_numpy(((picture + 1) / 2 - mean) / std).float()[None]


@pytest.fixture
def picture():
    return torch.rand(3, 768, 1344, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("height", "width"), [(768, 1344), (1024, 640), (448, 200), (300, 224), (64, 128)])
def test_agrees_with_the_definition(picture, height, width):
    reference = (
        picture[:, :height, :width] if height <= 768 else picture[:, :height].repeat(1, 2, 1)[:, :height, :width]
    )
    assert_close(clip_pixels(reference), oracle(reference), atol=1e-4, rtol=1e-4)


def test_a_picture_of_the_encoders_size_is_only_normalised():
    picture = torch.rand(3, 224, 224) * 2 - 1
    expected = ((picture + 1) / 2 - torch.tensor(CLIP_MEAN).view(3, 1, 1)) / torch.tensor(CLIP_STD).view(3, 1, 1)
    assert_close(clip_pixels(picture)[0], expected, atol=1e-5, rtol=1e-5)


def test_fine_stripes_blur_to_grey_instead_of_aliasing():
    stripes = torch.ones(3, 896, 896)
    stripes[:, :, ::2] = -1
    grey = clip_pixels(torch.zeros(3, 896, 896))
    assert (clip_pixels(stripes) - grey)[..., 2:-2].abs().max() < 0.2


@torch.inference_mode()
def test_the_embedding_is_one_token_that_follows_the_picture(golden_b):
    encoder, reference = golden_b.model.image_encoder, golden_b.conditions.reference
    embedding = embed_image(encoder, reference)
    assert embedding.shape == (1, 1, golden_b.config.unet.context_dim)
    assert (embedding - embed_image(encoder, -reference)).abs().max() > 1e-2
