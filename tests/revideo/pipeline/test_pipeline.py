from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

import revideo
from revideo import Edit, Trajectories
from revideo.models.vae import LATENT_SCALE, decode_latents, encode_reference
from revideo.pipeline import loading
from revideo.pipeline.pipeline import AUGMENTATION, START, STEPS, Pipeline, draw_noise
from revideo.sampling.samplers import karras_sigmas, sample_euler


@pytest.fixture(scope="module")
def model(golden_b):
    return golden_b.model


@pytest.fixture(scope="module")
def options(golden_b):
    return replace(golden_b.options, steps=2)


@pytest.fixture(scope="module")
def clip(golden_b):
    """The upper half of the golden clip and its edit: the smallest size that fits the model."""
    edit = golden_b.edit
    return golden_b.video[..., :64, :], Edit(
        edit.edited_frame[..., :64, :], edit.trajectories.scaled(1, 0.5), edit.mask[..., :64, :]
    )


@pytest.fixture(scope="module")
def noise(golden_b):
    return torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def sampled(model, clip, options):
    """What the seed of `options` gives."""
    return model.sample(revideo.make_conditions(*clip), options)


def resized(golden, frames, height, width):
    """The golden clip and edit cut or repeated to another length and size."""
    video = golden.video.repeat(2, 1, 2, 2)[:frames, :, :height, :width]
    region = torch.zeros(1, 1, height, width)
    region[..., :8, :8] = 1
    return video, Edit(video[0], Trajectories.none(frames), region)


# --- Seeds -------------------------------------------------------------------------------


@pytest.mark.device
def test_the_same_seed_gives_identical_latents(model, options, clip, sampled):
    again = model.sample(revideo.make_conditions(*clip), options)
    assert again.dtype == torch.float32 and again.device.type == "cpu"
    assert again.shape == (4, 4, 8, 8)
    assert torch.equal(again, sampled)


@pytest.mark.device
def test_other_seeds_give_other_latents(model, options, clip, sampled):
    latents = [
        sampled,
        *(model.sample(revideo.make_conditions(*clip), replace(options, seed=seed)) for seed in (22, 2**64 - 1)),
    ]
    assert all((a - b).abs().max() > 1e-2 for a, b in zip(latents, latents[1:] + latents[:1]))


@pytest.mark.device
def test_torchs_own_random_state_neither_matters_nor_changes(model, options, clip, sampled):
    torch.manual_seed(987)
    assert torch.equal(model.sample(revideo.make_conditions(*clip), options), sampled)
    drawn = torch.rand(3)
    torch.manual_seed(987)
    assert torch.equal(torch.rand(3), drawn)


@pytest.mark.device
def test_every_seed_has_noise_of_its_own_and_old_ones_theirs():
    def first(seed, stream):
        return draw_noise((8,), seed, stream)

    seeds = [0, 23, 2**30, 2**62, 2**62 + 23, 2**63, 2**63 + 23, 3 * 2**62 + 23, 2**64 - 1]
    found = torch.stack([first(seed, stream) for seed in seeds for stream in (START, AUGMENTATION, STEPS)])
    assert len(found.unique(dim=0)) == len(found)
    for seed in (0, 23, 2**31 + 5, 2**50 - 1, 2**62 - 1):
        then = torch.randn(8, generator=torch.Generator().manual_seed((seed * 2 + AUGMENTATION) % 2**63))
        assert torch.equal(first(seed, AUGMENTATION), then)


def test_ancestral_noise_is_the_seeds_too(model, options, clip, noise):
    ancestral = replace(options, steps=4, solver="euler_ancestral")  # the last noise is small
    one, again, other = (
        model.sample(revideo.make_conditions(*clip), replace(ancestral, seed=seed), noise=noise) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again) and (one - other).abs().max() > 1e-2


@pytest.mark.device
def test_given_noise_replaces_the_seed(model, options, clip, noise):
    given = {"noise": noise, "augmentation_noise": torch.zeros(3, 64, 64)}
    one, other = (model.sample(revideo.make_conditions(*clip), replace(options, seed=seed), **given) for seed in (1, 2))
    assert torch.equal(one, other)


@pytest.mark.device
def test_noise_augmentation_follows_its_own_noise(model, options, clip):
    options = replace(options, noise_augmentation=0.3)
    noise = torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(1))
    conditions = revideo.make_conditions(*clip)
    augmented = model.condition(conditions, options, noise)
    noisy = replace(conditions, reference=conditions.reference + 0.3 * noise)
    plain = model.condition(noisy, replace(options, noise_augmentation=0.0), noise)
    assert_close(augmented.reference, plain.reference)
    assert not torch.allclose(augmented.context, plain.context)  # CLIP sees the picture without noise


def test_noise_that_is_added_and_noise_that_the_model_hears_of_are_two_options(model, options, clip):
    options = replace(options, noise_augmentation=0.3)
    noise = torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(1))
    conditions = revideo.make_conditions(*clip)
    as_one = model.condition(conditions, options, noise)
    apart = model.condition(conditions, replace(options, added_noise=0.0), noise)
    without = model.condition(conditions, replace(options, noise_augmentation=0.0), noise)
    assert_close(apart.time_ids, as_one.time_ids, rtol=0, atol=0)
    assert apart.time_ids[0, 2] == pytest.approx(0.3)
    assert_close(apart.reference, without.reference, rtol=0, atol=0)
    assert not torch.allclose(apart.reference, as_one.reference)
    equal = model.condition(conditions, replace(options, added_noise=0.3), noise)
    assert torch.equal(equal.reference, as_one.reference)


# --- Guidance and samplers ---------------------------------------------------------------


@pytest.mark.device
def test_guidance_of_one_is_the_conditional_branch_alone(model, options, clip, noise, device):
    off = replace(options, cfg_first=1.0, cfg_last=1.0)
    conditioning = model.condition(revideo.make_conditions(*clip), off)
    x, sigma = noise.to(device) * 3, torch.tensor(3.0, device=device)
    with torch.inference_mode():
        alone = model.denoiser(conditioning, off)(x, sigma)
        nearly = model.denoiser(conditioning, replace(off, cfg_last=1.0 + 1e-6))(x, sigma)
        guided = model.denoiser(conditioning, replace(off, cfg_last=4.0))(x, sigma)
    assert_close(alone, nearly, atol=1e-4, rtol=1e-4)
    assert_close(guided[0], alone[0], atol=1e-4, rtol=1e-4)  # the first frame's scale is 1
    assert (guided[-1] - alone[-1]).abs().max() > 1e-3


@pytest.mark.device
def test_guidance_of_one_evaluates_one_branch_only(model, options, clip):
    batches = []
    hook = model.unet.register_forward_hook(lambda _, __, output: batches.append(len(output)))
    try:
        model.sample(revideo.make_conditions(*clip), replace(options, cfg_last=1.0))
        model.sample(revideo.make_conditions(*clip), options)
    finally:
        hook.remove()
    assert batches == [1] * 2 + [1] * 4  # a step each, then two branches a step


@pytest.mark.device
def test_a_sampler_and_noise_levels_of_ones_own(model, options, clip, sampled):
    def sampler(denoise, noise, sigmas, callback):
        return sample_euler(denoise, noise * (1 + sigmas[0] ** 2).sqrt(), sigmas, callback)

    conditions = revideo.make_conditions(*clip)
    same = model.sample(conditions, replace(options, steps=9), sampler=sampler, sigmas=karras_sigmas(2))
    assert torch.equal(same, sampled)
    assert not torch.allclose(model.sample(conditions, options, sigmas=karras_sigmas(2, 0.1, 80)), sampled)


# --- Interrupts --------------------------------------------------------------------------


class Interrupt(BaseException):
    """Like ComfyUI's: no Exception."""


@pytest.mark.device
def test_an_interrupt_ends_within_one_step_and_the_next_run_works(model, options, clip, sampled):
    calls = []
    hook = model.unet.register_forward_hook(lambda *_: calls.append(1))

    def interrupt(progress):
        if progress.done == 2:
            raise Interrupt

    try:
        with pytest.raises(Interrupt):
            model.sample(revideo.make_conditions(*clip), replace(options, steps=4), callback=interrupt)
    finally:
        hook.remove()
    assert len(calls) == 4  # two branches a step
    assert torch.equal(model.sample(revideo.make_conditions(*clip), options), sampled)


@pytest.mark.device
def test_the_callback_hears_every_step_with_an_estimate(model, options, clip):
    heard = []
    latents = model.sample(revideo.make_conditions(*clip), options, callback=heard.append)
    assert [progress.done for progress in heard] == [1, 2]
    assert_close(heard[-1].latents.cpu(), latents)  # the last step ends on its estimate


# --- Decoding ----------------------------------------------------------------------------


@pytest.mark.device
def test_edit_is_sample_and_decode(model, options, clip, sampled):
    frames = model.edit(*clip, options, composite=False).frames
    assert frames.shape == clip[0].shape
    assert frames.min() >= 0 and frames.max() <= 1
    assert torch.equal(frames, model.decode(sampled, len(sampled)))


@pytest.mark.device
def test_chunks_are_decoded_apart(model, noise):
    heard = []
    frames = model.decode(noise, 3, callback=heard.append)
    apart = torch.cat([model.decode(noise[:3], 3), model.decode(noise[3:], 3)])
    assert_close(frames, apart, atol=1e-6, rtol=0)
    assert [(progress.stage, progress.done, progress.total) for progress in heard] == [
        ("decoding", 3, 4),
        ("decoding", 4, 4),
    ]


@pytest.mark.device
def test_a_chunk_longer_than_the_clip_is_the_whole_clip(model, noise):
    assert torch.equal(model.decode(noise, 99), model.decode(noise, len(noise)))


@torch.inference_mode()
def test_the_encoder_gives_the_mode_unscaled(model, clip):
    vae, reference = model.vae, revideo.make_conditions(*clip).reference
    mean = vae.quant_conv(vae.encoder(reference[None])).chunk(2, 1)[0]
    assert_close(encode_reference(vae, reference), mean)


@torch.inference_mode()
def test_the_decoder_unscales_its_latents(model, noise):
    vae = model.vae
    expected = vae.decode(noise / LATENT_SCALE, num_frames=len(noise)).sample
    assert_close(decode_latents(vae, noise, len(noise)), expected)


@pytest.mark.parametrize("frames_per_chunk", [0, -1])
def test_chunks_without_frames_are_refused(model, frames_per_chunk, noise):
    with pytest.raises(ValueError, match=f"frames_per_chunk must be at least 1, not {frames_per_chunk}"):
        model.decode(noise, frames_per_chunk)


@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 3, 8, 8), (1, 4, 4, 8, 8)])
def test_latents_of_another_shape_are_refused(model, shape):
    with pytest.raises(ValueError, match=r"latents must have shape \(T, 4, h, w\), not \("):
        model.decode(torch.zeros(shape))


# --- Clips that do not fit the model -----------------------------------------------------


@pytest.mark.parametrize(("frames", "advice"), [(3, "take a longer part of the clip"), (7, "prepare 4 of its frames")])
def test_another_number_of_frames_names_both(model, golden_b, frames, advice):
    video, edit = resized(golden_b, frames, 128, 64)
    with pytest.raises(ValueError, match=f"the video has {frames} frames; this model edits windows of 4: {advice}"):
        Pipeline.sample(model, revideo.make_conditions(video, edit))


@pytest.mark.parametrize(("height", "width"), [(120, 64), (128, 65), (32, 64)])
def test_a_size_that_does_not_fit_names_both(model, golden_b, height, width):
    video, edit = resized(golden_b, 4, height, width)
    with pytest.raises(ValueError, match=f"the video is {width}×{height}; this model needs .* multiples of 64"):
        model.sample(revideo.make_conditions(video, edit))


def test_an_edit_that_does_not_fit_its_video_is_refused_before_any_work(golden_b, clip):
    def place(*_):
        pytest.fail("a network was called for")

    model = revideo.ReVideo(
        {part: getattr(golden_b.model, part) for part in ("unet", "controlnet", "vae", "image_encoder")},
        golden_b.config,
        "cpu",
        place,
    )
    with pytest.raises(ValueError, match="the mask is empty"):
        model.edit(clip[0], replace(clip[1], mask=torch.zeros_like(clip[1].mask)))


# --- Devices and dtypes ------------------------------------------------------------------


@pytest.mark.device
def test_networks_are_called_for_before_they_are_used(golden_b, options, clip, device):
    called = []
    parts = {part: getattr(golden_b.model, part) for part in ("unet", "controlnet", "vae", "image_encoder")}
    names = {id(module): name for name, module in parts.items()}
    model = revideo.ReVideo(
        parts, golden_b.config, device, lambda *modules: called.append([names[id(m)] for m in modules])
    )
    model.edit(*clip, options)
    assert called == [["image_encoder"], ["vae"], ["unet", "controlnet"], ["vae"]]


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_agrees_with_full(golden_b, options, dtype, clip, sampled, device):
    half = revideo.load(golden_b.checkpoint, golden_b.config, dtype, device)
    assert half.unet.dtype == dtype
    latents = half.sample(revideo.make_conditions(*clip), options)
    assert latents.dtype == torch.float32
    assert 0 < (latents - sampled).square().mean().sqrt() < 0.1 * sampled.square().mean().sqrt()
    assert torch.isfinite(half.decode(latents, 4)).all()


@pytest.mark.device
def test_a_result_of_nan_is_an_error_and_not_a_black_clip(golden_b, options, clip, sampled, device):
    broken = revideo.load(golden_b.checkpoint, golden_b.config, torch.float32, device)
    broken.unet.conv_out.weight.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="sampling gave values that are not finite in float32"):
        broken.sample(revideo.make_conditions(*clip), options)
    with pytest.raises(FloatingPointError, match="decoding gave values that are not finite"):
        broken.decode(torch.full_like(sampled, torch.inf))


def test_on_the_cpu_weights_load_as_float32(model):
    assert model.unet.dtype == model.vae.dtype == torch.float32


def test_sampling_leaves_no_gradients(model, sampled):
    assert not sampled.requires_grad
    assert not any(parameter.requires_grad for parameter in model.unet.parameters())


@pytest.mark.parametrize("fast", [False, True])
def test_auto_is_bfloat16_where_the_processor_multiplies_in_it(golden_b, monkeypatch, fast):
    """The autoencoder stays exact: what it decodes is seen."""
    monkeypatch.setattr(loading, "has_fast_bf16", lambda: fast)
    exact, auto = (revideo.load(golden_b.checkpoint, golden_b.config, dtype, "cpu") for dtype in (None, "auto"))
    for network in (auto.unet, auto.controlnet, auto.image_encoder):
        assert network.dtype == (torch.bfloat16 if fast else torch.float32)
    for name, weight in auto.vae.state_dict().items():
        assert torch.equal(weight, exact.vae.state_dict()[name])
