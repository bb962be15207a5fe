"""The decoder frame by frame against diffusers' own."""

import pytest
import torch
from torch import Tensor

from revideo.conditions import signed
from revideo.models import temporal_decoder
from revideo.models.temporal_decoder import STRIP_CPU, FrameStore, OffloadedFrames, StagedCopy, decode_frames
from revideo.models.vae import LATENT_SCALE, decode_latents
from revideo.video.fitting import fit_frames
from revideo.video.io import read_video

pytestmark = pytest.mark.usefixtures("inference")


@pytest.fixture
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture
def latents(golden, device) -> Tensor:
    return golden.reference["latents"].to(device)


@pytest.fixture
def latents_of_a_clip(golden_a, bikes) -> Tensor:
    """Of real frames, unscaled: (T, C, h, w)."""
    frames, _ = read_video(bikes, count=5)
    encode = golden_a.model.vae.encode
    return torch.cat([encode(signed(frame)[None]).latent_dist.mode() for frame in fit_frames(frames, 64, 128, "crop")])


def relative_rms(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).square().mean().sqrt() / expected.square().mean().sqrt()).item()


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 2, 3, None])
def test_frame_by_frame_is_the_whole_window(golden, latents, frames):
    vae, latents = golden.model.vae, latents[:frames]
    expected = vae.decode(latents / LATENT_SCALE, num_frames=len(latents)).sample
    assert relative_rms(decode_frames(vae.decoder, latents / LATENT_SCALE), expected) < 1e-4


# Whole frames; strips, the last of them lower.
@pytest.mark.slow
@pytest.mark.parametrize("strip_elements", [STRIP_CPU, 3 * 32 * 128])
@pytest.mark.parametrize("storage", [FrameStore, OffloadedFrames])
def test_offloaded_and_in_strips_it_is_the_same_picture(golden_a, latents_of_a_clip, storage, strip_elements):
    decoder = golden_a.model.vae.decoder
    expected = golden_a.model.vae.decode(latents_of_a_clip, num_frames=len(latents_of_a_clip)).sample
    found = decode_frames(decoder, latents_of_a_clip, storage, strip_elements)
    assert relative_rms(found, expected) < 1e-5


def test_where_the_system_maps_no_memory_frames_lie_in_the_heap(golden_a, monkeypatch):
    latents, decoder = golden_a.reference["latents"].cpu()[:2], golden_a.model.vae.decoder
    mapped = decode_frames(decoder, latents)

    def refuse(*_):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(temporal_decoder, "mmap", refuse)
    assert torch.equal(decode_frames(decoder, latents), mapped)


@pytest.mark.device
@pytest.mark.parametrize("strip_elements", [STRIP_CPU, 3 * 32 * 128])
def test_offloaded_the_same_is_computed(golden_a, device, strip_elements, assert_same):
    latents, decoder = golden_a.reference["latents"].to(device), golden_a.model.vae.decoder
    expected, found = (decode_frames(decoder, latents, each, strip_elements) for each in (FrameStore, OffloadedFrames))
    assert_same(found, expected)


@pytest.mark.device
@pytest.mark.parametrize("elements", [1, 8, 9, 8 * 5 + 3])  # of four bytes; a buffer holds eight
def test_what_is_copied_through_buffers_arrives_whole(device, elements):
    if torch.device(device).type != "cuda":
        pytest.skip("pinned memory is a card's")
    given, staging = torch.randn(elements), StagedCopy(buffer_bytes=32)
    there, back = torch.empty(elements, device=device), torch.empty(elements)
    staging.copy(given, there)
    staging.copy(there.mul_(2), back)
    assert torch.equal(back, 2 * given)


@pytest.mark.device
def test_latents_are_left_as_they_were(golden_b):
    latents = golden_b.reference["latents"].clone()
    decode_latents(golden_b.model.vae, latents, len(latents))
    assert torch.equal(latents, golden_b.reference["latents"])


@pytest.mark.device
@pytest.mark.slow
def test_chunks_that_overlap_come_closer_to_the_whole(golden_b):
    vae, latents = golden_b.model.vae, golden_b.reference["latents"]
    whole = decode_latents(vae, latents, len(latents))
    errors = [relative_rms(decode_latents(vae, latents, 1, overlap=overlap), whole) for overlap in (0, 1, 2)]
    assert errors[0] > errors[1] > errors[2] > 0
    assert torch.equal(decode_latents(vae, latents, 1, overlap=len(latents)), whole)


@pytest.mark.device
def test_the_callback_hears_of_frames_that_stay(golden_b):
    heard: list[int] = []
    latents = golden_b.reference["latents"]
    frames = decode_latents(golden_b.model.vae, latents, 3, heard.append, overlap=2)
    assert heard == [3, len(latents)] and len(frames) == len(latents)


def test_a_negative_overlap_is_refused(golden_b):
    with pytest.raises(ValueError, match="overlap"):
        golden_b.model.decode(golden_b.reference["latents"], 1, overlap=-1)
